//! Auto Scaling.

use super::{
    Judged,
    Right::{Open, World},
    apart, judged,
};

const NO_GROUP: &str = "a group that does not exist is a ValidationError: EC2 Auto Scaling API reference, common errors, and \
                        terraform-provider-aws, which tells it by the words 'not found'; moto breaks or says nothing";
const SIZES: &str =
    "the wanted size lies between the least and the most: API_CreateAutoScalingGroup, API_SetDesiredCapacity";

pub(crate) const JUDGED: &[Judged] = &[
    judged(
        Open,
        ["autoscaling:DescribeAutoScalingGroups", "*", "AutoScalingGroups[].VPCZoneIdentifier", "{subnet:*}", "absent"],
        "a group of zones is in their default subnets: API_CreateAutoScalingGroup; whether the reply names them, it does not say",
    ),
    judged(
        World,
        ["autoscaling:DescribeAutoScalingGroups", "*", "AutoScalingGroups[].HealthCheckGracePeriod", "0", "300"],
        "the default is 0 seconds: API_CreateAutoScalingGroup; the 300 are the console's",
    ),
    judged(
        Open,
        [
            "autoscaling:DescribeAutoScalingGroups",
            "*",
            "AutoScalingGroups[].SuspendedProcesses[].SuspensionReason",
            "*",
            "",
        ],
        "a text of one character at least, in words of AWS's own: API_SuspendedProcess",
    ),
    judged(
        World,
        ["autoscaling:DescribeAutoScalingInstances", "*", "AutoScalingInstances[].HealthStatus", "HEALTHY", "Healthy"],
        "in capitals: AWS CLI reference, example of describe-auto-scaling-instances",
    ),
    judged(
        World,
        ["autoscaling:DescribeAutoScalingInstances", "in pages", "too many on a page", "absent", "*"],
        "MaxRecords bounds the page: API_DescribeAutoScalingInstances; moto has no pages here",
    ),
    judged(
        World,
        ["autoscaling:DescribeLifecycleHooks", "*", "LifecycleHooks[].GlobalTimeout", "*", "172800"],
        "48 hours or 100 times the heartbeat, whichever is smaller: API_LifecycleHook",
    ),
    judged(
        World,
        [
            "autoscaling:DescribeLifecycleHooks",
            "*",
            "LifecycleHooks[].NotificationTargetARN|LifecycleHooks[].RoleARN",
            "absent",
            "*",
        ],
        "both are optional, and were not given: API_PutLifecycleHook; moto makes them up",
    ),
    judged(
        World,
        ["autoscaling:DescribeScalingActivities", "of a group", "Activities[]", "*", "absent"],
        "API_DescribeScalingActivities; moto's list is always empty",
    ),
    judged(
        World,
        ["autoscaling:*", "*", "Activities[].Details|Activity.Details", "*", "absent"],
        "the zone and the subnet, as JSON: AWS CLI reference, examples of enter-standby and terminate-instance-in-auto-scaling-group",
    ),
    judged(
        World,
        ["autoscaling:*", "*", "Activities[].EndTime|Activity.EndTime", "absent", "(time)"],
        "an activity in progress has no end: API_Activity",
    ),
    judged(
        Open,
        ["autoscaling:*", "*", "Activities[].Cause|Activity.Cause", "*", "*"],
        "the same words with another time in it; AWS's is in seconds: AWS CLI reference, example of exit-standby",
    ),
    judged(
        World,
        ["autoscaling:EnterStandby|autoscaling:ExitStandby", "*", "Activities[].Description", "*Standby*", "*StandBy*"],
        "AWS CLI reference, examples of enter-standby and exit-standby",
    ),
    apart(
        World,
        ["autoscaling:*", "*", "outcome", "OK", "OperationNotPermitted"],
        "termination protection does not stop Auto Scaling: EC2 Auto Scaling user guide, ec2-auto-scaling-instance-protection",
    ),
    // What moto does not refuse.
    judged(
        World,
        ["autoscaling:*", "of an unknown group|of an unknown one|unknown", "outcome", "ValidationError", "unreadable"],
        NO_GROUP,
    ),
    judged(World, ["autoscaling:Describe*", "of an unknown group", "outcome", "ValidationError", "OK"], NO_GROUP),
    judged(
        World,
        ["autoscaling:DescribeTags", "by what is no filter", "outcome", "ValidationError", "OK"],
        "the filters are auto-scaling-group, key, value and propagate-at-launch: API_DescribeTags",
    ),
    judged(
        World,
        ["autoscaling:DescribeTags", "by propagation", "Tags[]", "*", "absent"],
        "true and false, as the tags tell it: API_DescribeTags; moto asks for True and False",
    ),
    judged(
        World,
        [
            "autoscaling:CreateAutoScalingGroup",
            "in an unknown subnet",
            "outcome",
            "ValidationError",
            "InvalidSubnetID.NotFound",
        ],
        "Auto Scaling has errors of its own, not EC2's: API_CreateAutoScalingGroup, common errors",
    ),
    apart(
        World,
        ["autoscaling:CreateAutoScalingGroup", "of a name that is taken", "outcome", "AlreadyExists", "OK"],
        "AlreadyExists: API_CreateAutoScalingGroup",
    ),
    apart(
        World,
        [
            "autoscaling:CreateAutoScalingGroup|autoscaling:UpdateAutoScalingGroup|autoscaling:SetDesiredCapacity",
            "*than at *",
            "outcome",
            "ValidationError",
            "OK",
        ],
        SIZES,
    ),
    apart(
        World,
        ["autoscaling:DeleteAutoScalingGroup", "with members", "outcome", "ResourceInUse", "OK"],
        "without force a group with instances is not deleted: API_DeleteAutoScalingGroup, ResourceInUse",
    ),
    judged(World, ["autoscaling:DeleteLifecycleHook", "*", "outcome", "ValidationError", "OK"], NO_GROUP),
    judged(
        World,
        ["autoscaling:PutLifecycleHook", "of an unknown group", "outcome", "ValidationError", "OK"],
        NO_GROUP,
    ),
    apart(
        World,
        ["autoscaling:PutLifecycleHook", "with *|of an unknown transition", "outcome", "ValidationError", "OK"],
        "30 to 7200 seconds, CONTINUE or ABANDON, launching or terminating: API_PutLifecycleHook",
    ),
    judged(
        World,
        [
            "autoscaling:SetInstanceHealth",
            "of an unknown one",
            "outcome",
            "ValidationError",
            "InvalidInstanceID.NotFound",
        ],
        "Auto Scaling has errors of its own, not EC2's: API_SetInstanceHealth, common errors",
    ),
    judged(
        World,
        [
            "autoscaling:SetInstanceHealth",
            "of no member|with an unknown word",
            "outcome",
            "ValidationError",
            "unreadable",
        ],
        "moto breaks",
    ),
    apart(
        World,
        ["autoscaling:SetInstanceHealth", "unhealthy", "effect", "", ""],
        "an unhealthy instance is replaced: EC2 Auto Scaling user guide, ec2-auto-scaling-health-checks; moto only notes it",
    ),
    judged(
        World,
        ["autoscaling:TerminateInstanceInAutoScalingGroup", "unknown|no member", "outcome", "ValidationError", "*"],
        "moto breaks",
    ),
    apart(
        World,
        [
            "autoscaling:TerminateInstanceInAutoScalingGroup|autoscaling:EnterStandby|autoscaling:DetachInstances",
            "one less than at least",
            "outcome",
            "ValidationError",
            "OK",
        ],
        SIZES,
    ),
    apart(
        World,
        [
            "autoscaling:EnterStandby|autoscaling:DetachInstances|autoscaling:ExitStandby|autoscaling:SetInstanceProtection",
            "no member|of no member|one that is in service|one more than at most",
            "outcome",
            "ValidationError",
            "OK",
        ],
        "the instances must be in that group, and in that state: EC2 Auto Scaling user guide, instance lifecycle; moto passes over them",
    ),
    apart(
        World,
        ["autoscaling:SuspendProcesses", "an unknown one", "outcome", "ValidationError", "OK"],
        "one of nine names: API_SuspendProcesses",
    ),
];
