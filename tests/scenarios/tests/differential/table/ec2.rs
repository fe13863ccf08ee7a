//! EC2.

use super::{
    Judged,
    Right::{NotPlayed, Open, World},
    apart, judged,
};

/// What the world leaves out of a reply, because nobody of ours reads it.
const LEFT_OUT: &str = "the world tells what the functions and people ask for; these members it leaves out";
const ONE_IMAGE: &str =
    "every instance of the world is from one image and one template, which it does not play; moto's are others";
const FILTERS: &str =
    "an unknown filter is refused with InvalidParameterValue: EC2 API reference, error codes; moto lets it pass";
const TAKEN: &str = "AllowReassociation is true unless it is false, and the address moves: API_AssociateAddress; moto refuses unless it is true";
const KEPT: &str = "AllowReassociation=false makes the call fail where the address or the instance is taken: API_AssociateAddress; \
                    moto looks at the address only";

pub(crate) const JUDGED: &[Judged] = &[
    // Addresses.
    judged(
        World,
        ["ec2:AllocateAddress", "*", "NetworkBorderGroup|PublicIpv4Pool", "*", "absent"],
        "both are in the reply: API_AllocateAddress",
    ),
    judged(
        World,
        ["ec2:DescribeAddresses", "*", "Addresses[].NetworkBorderGroup|Addresses[].PublicIpv4Pool", "*", "absent"],
        "both are in the reply: API_DescribeAddresses",
    ),
    judged(
        Open,
        ["ec2:DescribeAddresses", "*", "Addresses[].InstanceId|Addresses[].NetworkInterfaceId", "absent", ""],
        "AWS's examples show a free address with an empty InstanceId or with none: API_DescribeAddresses",
    ),
    judged(
        World,
        [
            "ec2:DescribeAddresses|ec2:DescribeInstanceStatus|ec2:DescribeTags|ec2:DescribeInstances",
            "by what is no filter",
            "outcome",
            "InvalidParameterValue",
            "*",
        ],
        FILTERS,
    ),
    apart(
        World,
        ["ec2:ReleaseAddress", "one in use", "outcome", "InvalidIPAddress.InUse", "OK"],
        "InvalidIPAddress.InUse until it is disassociated: API_ReleaseAddress",
    ),
    judged(
        World,
        ["ec2:DescribeAddresses", "by filter", "Addresses[]", "*{i:*", "absent"],
        "the instance is told, however the address was associated: API_Address; moto forgets it, and does not find it by its id",
    ),
    apart(
        World,
        ["ec2:ReleaseAddress", "by public address", "outcome", "MissingParameter", "OK"],
        "AllocationId is required: API_ReleaseAddress",
    ),
    // Tags.
    apart(
        World,
        ["ec2:CreateTags", "an unknown *", "outcome", "Invalid*ID.NotFound", "OK"],
        "the resource must exist: EC2 API reference, error codes; moto writes tags on nothing",
    ),
    judged(
        World,
        ["ec2:CreateTags", "with nothing", "outcome", "MissingParameter", "OK"],
        "Tag is required: API_CreateTags",
    ),
    judged(
        World,
        ["ec2:DeleteTags", "of an unknown instance", "outcome", "InvalidInstanceID.NotFound", "OK"],
        "the resource must exist: EC2 API reference, error codes",
    ),
    apart(
        World,
        ["ec2:DeleteTags", "of a free instance, all", "effect", "", ""],
        "without tags all but AWS's own are deleted: API_DeleteTags; moto deletes none",
    ),
    judged(
        World,
        ["ec2:DescribeTags", "*", "Tags[].ResourceType", "elastic-ip", "vpc-elastic-ip"],
        "elastic-ip, as in the operation's filter: API_DescribeTags",
    ),
    // Instances.
    judged(
        World,
        [
            "ec2:*",
            "malformed|with a malformed instance",
            "outcome",
            "InvalidInstanceID.Malformed",
            "InvalidInstanceID.NotFound",
        ],
        "what does not look like an id is malformed: EC2 API reference, error codes",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "in too small pages", "outcome", "InvalidParameterValue", "OK"],
        "MaxResults is between 5 and 1000: API_DescribeInstances",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "with a token that nobody gave", "outcome", "InvalidNextToken", "unreadable"],
        "InvalidNextToken: EC2 API reference, error codes; moto breaks",
    ),
    judged(
        World,
        ["ec2:StartInstances", "running ones", "StartingInstances[].CurrentState.*", "*", "*"],
        "starting one that runs changes nothing: API_StartInstances, instance states",
    ),
    judged(
        World,
        ["ec2:TerminateInstances", "dead ones", "TerminatingInstances[].CurrentState.*", "*", "*"],
        "terminating one that is terminated succeeds and changes nothing: API_TerminateInstances",
    ),
    judged(
        World,
        ["ec2:TerminateInstances", "none", "outcome", "MissingParameter", "InvalidParameterCombination"],
        "InstanceId is required: API_TerminateInstances, and MissingParameter: EC2 API reference, error codes",
    ),
    judged(
        Open,
        ["ec2:TerminateInstances", "unknown, only to see", "outcome", "InvalidInstanceID.NotFound", "DryRunOperation"],
        "whether DryRun looks for the instance before the permission, API_TerminateInstances does not say",
    ),
    apart(
        World,
        ["ec2:StopInstances|ec2:StartInstances", "dead", "outcome", "IncorrectInstanceState", "OK"],
        "a terminated instance can be neither stopped nor started: EC2 user guide, instance lifecycle; moto revives it",
    ),
    apart(
        World,
        ["ec2:StartInstances", "running ones", "effect", "", ""],
        "a lent address stays while the instance runs: EC2 user guide, using-instance-addressing; moto lends another",
    ),
    apart(
        World,
        ["ec2:AssociateAddress", "one that is elsewhere*|a free one with a holder of another*", "effect", "", ""],
        "the earlier holder gets a lent address again, and an instance's earlier Elastic IP leaves it: API_AssociateAddress, EC2 user \
         guide, using-instance-addressing; moto leaves both where they were",
    ),
    apart(
        World,
        ["ec2:StopInstances", "a member of a group", "effect", "", ""],
        "a member that does not run is replaced: EC2 Auto Scaling user guide, ec2-auto-scaling-health-checks; moto's groups do not look",
    ),
    judged(NotPlayed, ["ec2:DescribeInstances", "*", "Instances[].AmiLaunchIndex", "0", "*"], ONE_IMAGE),
    judged(
        NotPlayed,
        [
            "ec2:DescribeInstances",
            "*",
            "Instances[].Architecture|Instances[].RootDeviceName|\
        Instances[].MetadataOptions.HttpTokens|Instances[].NetworkInterfaces[].Attachment.DeleteOnTermination",
            "*",
            "*",
        ],
        ONE_IMAGE,
    ),
    judged(
        NotPlayed,
        ["ec2:DescribeInstances", "*", "Instances[].IamInstanceProfile|Instances[].EnaSupport", "*", "absent"],
        ONE_IMAGE,
    ),
    judged(
        NotPlayed,
        [
            "ec2:DescribeInstances",
            "*",
            "Instances[].BlockDeviceMappings|Instances[].SecurityGroups|\
        Instances[].EbsOptimized|Instances[].ProductCodes|Instances[].Platform|Instances[].SriovNetSupport|\
        Instances[].MetadataOptions.HttpProtocolIpv6|Instances[].MetadataOptions.HttpPutResponseHopLimit|\
        Instances[].MetadataOptions.InstanceMetadataTags|Instances[].NetworkInterfaces[].Description|\
        Instances[].NetworkInterfaces[].Groups|Instances[].NetworkInterfaces[].Ipv6Addresses|\
        Instances[].NetworkInterfaces[].MacAddress|Instances[].NetworkInterfaces[].PrivateDnsName",
            "absent",
            "*",
        ],
        LEFT_OUT,
    ),
    judged(
        World,
        [
            "ec2:DescribeInstances",
            "*",
            "Instances[].NetworkInterfaces[]*Association.IpOwnerId",
            "amazon",
            "123456789012",
        ],
        "a lent address belongs to amazon: AWS CLI reference, example of describe-network-interfaces",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].NetworkInterfaces[]*Association.PublicDnsName", "ec2-*", "ip-*"],
        "a public name begins with ec2-: EC2 user guide, using-instance-addressing",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].StateReason|Instances[].StateTransitionReason", "absent", "*"],
        "both tell of the last change by a person or by AWS: API_Instance; moto sends them empty",
    ),
    apart(
        World,
        ["ec2:TerminateInstances", "alive", "effect of the refusal", "", ""],
        "none in the zone of a protected one is terminated: API_TerminateInstances; moto kills those that are named before it",
    ),
    apart(
        World,
        ["ec2:TerminateInstances", "a member in standby", "effect", "", ""],
        "the group does not look after instances in standby: EC2 Auto Scaling user guide, as-enter-exit-standby; moto forgets them",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].NetworkInterfaces[]", "absent", "*"],
        "a primary interface goes with its instance: EC2 user guide, using-eni; moto's stay on terminated instances",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].NetworkInterfaces[]*Association", "absent", "*"],
        "a lent address is released when the instance stops: EC2 user guide, using-instance-addressing",
    ),
    judged(
        World,
        [
            "ec2:DescribeInstances",
            "*",
            "Instances[].PrivateIpAddress|Instances[].SubnetId|Instances[].VpcId",
            "absent",
            "*",
        ],
        "a terminated instance is in no network: EC2 user guide, using-eni; moto's stays in it",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].PrivateDnsName", "", "*"],
        "a terminated instance is in no network: EC2 user guide, using-eni; moto's stays in it",
    ),
    judged(
        World,
        ["ec2:DescribeInstances", "*", "Instances[].PublicDnsName", "", "absent"],
        "empty where there is no address: AWS CLI reference, example of describe-instances",
    ),
    judged(
        Open,
        [
            "ec2:DescribeInstances",
            "*",
            "Instances[].StateTransitionReason",
            "User initiated (*GMT)",
            "User initiated (*UTC)",
        ],
        "each has a time of its own; AWS's ends with GMT: EC2 user guide, troubleshooting-launch",
    ),
    judged(
        World,
        ["ec2:DescribeTags", "by type", "Tags[]", "*elastic-ip*", "absent"],
        "elastic-ip is what the filter takes: API_DescribeTags; moto calls it vpc-elastic-ip",
    ),
    judged(
        World,
        [
            "ec2:DescribeInstances|ec2:DescribeTags",
            "*",
            "Instances[].Tags[]|Tags[]",
            "*aws:autoscaling:groupName*",
            "absent",
        ],
        "a terminated instance loses its tags after a while, and only then: EC2 user guide, terminating-instances",
    ),
    judged(
        World,
        ["ec2:DescribeTags", "*", "too many on a page", "absent", "*"],
        "MaxResults bounds the page: API_DescribeTags",
    ),
    apart(
        World,
        ["ec2:CreateTags", "with a key of AWS's", "outcome", "InvalidParameterValue", "OK"],
        "keys that begin with aws: are AWS's: EC2 user guide, Using_Tags",
    ),
    // The network.
    judged(
        NotPlayed,
        ["ec2:DescribeInstanceTypeOfferings", "*", "InstanceTypeOfferings[]", "*us-east-1e*", "absent"],
        "us-east-1e lacks the newer types on AWS; in the world each zone offers all, until a test or a person takes one away",
    ),
    judged(
        NotPlayed,
        [
            "ec2:DescribeLaunchTemplateVersions",
            "by name, without a group",
            "outcome",
            "InvalidLaunchTemplateName.NotFoundException",
            "OK",
        ],
        "the world has no template before a group names it",
    ),
    judged(NotPlayed, ["ec2:DescribeLaunchTemplateVersions", "*", "LaunchTemplateVersions[].*", "*", "*"], ONE_IMAGE),
    judged(
        World,
        ["ec2:DescribeRouteTables", "*", "RouteTables[].Routes[]", "*", "absent"],
        "a default VPC has an internet gateway, and a route to it: Amazon VPC user guide, default VPC components",
    ),
    judged(
        NotPlayed,
        ["ec2:DescribeRouteTables", "*", "RouteTables[].OwnerId|RouteTables[].Tags", "absent", "*"],
        LEFT_OUT,
    ),
    judged(World, ["ec2:DescribeRouteTables", "*", "RouteTables[].PropagatingVgws", "[]", "absent"], "API_RouteTable"),
    judged(
        NotPlayed,
        ["ec2:DescribeSubnets", "*", "Subnets[].AvailableIpAddressCount", "4091", "*"],
        "free addresses become fewer with each instance; the world's are what a test or a person says",
    ),
    judged(NotPlayed, ["ec2:DescribeSubnets", "*", "Subnets[].*", "absent", "*"], LEFT_OUT),
    // Associations.
    judged(
        Open,
        [
            "ec2:DisassociateAddress",
            "a free one by its public address",
            "outcome",
            "InvalidAssociationID.NotFound",
            "OK",
        ],
        "API_DisassociateAddress calls it idempotent; boto issue 1470 saw that code where nothing was associated",
    ),
    apart(
        World,
        [
            "ec2:AssociateAddress",
            "with a dead instance",
            "outcome",
            "InvalidInstanceID",
            "OK|Resource.AlreadyAssociated",
        ],
        "a terminated instance is not in a valid state: seen in terraform-provider-aws issues 3072 and 21228",
    ),
    judged(
        World,
        ["ec2:DescribeAddresses", "*", "Addresses[].InstanceId", "{i:*}", ""],
        "the instance is told, however the address was associated: API_Address; moto forgets it",
    ),
    apart(
        World,
        [
            "ec2:AssociateAddress",
            "with an instance and an interface|two names of one",
            "outcome",
            "InvalidParameterCombination",
            "*",
        ],
        "one or the other, not both: API_AssociateAddress",
    ),
    apart(
        Open,
        ["ec2:AssociateAddress", "again with the same", "AssociationId", "{eipassoc:*}", "{?eipassoc}"],
        "no error, and the address stays: API_AssociateAddress; whether the association keeps its id, it does not say",
    ),
    apart(World, ["ec2:AssociateAddress", "*by default", "outcome", "OK", "Resource.AlreadyAssociated"], TAKEN),
    apart(World, ["ec2:AssociateAddress", "*not allowed", "outcome", "Resource.AlreadyAssociated", "OK"], KEPT),
];
