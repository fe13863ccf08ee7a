//! The services that stand beside the fleet.

use super::{
    Judged,
    Right::{NotPlayed, Open, World},
    judged,
};

pub(crate) const JUDGED: &[Judged] = &[
    judged(
        World,
        ["cloudwatch:DeleteAlarms", "*", "outcome", "ResourceNotFound", "OK"],
        "ResourceNotFound, and none is deleted: API_DeleteAlarms",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms", "by kind", "MetricAlarms[]", "absent", "*"],
        "alarms of the named types only: API_DescribeAlarms",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms", "in pages", "too many on a page|CompositeAlarms", "absent|[]", "*"],
        "MaxRecords bounds the page: API_DescribeAlarms; moto has no pages here",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms", "by name and prefix", "outcome", "InvalidParameterCombination", "OK"],
        "with AlarmNames no prefix can be given: API_DescribeAlarms",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms*", "*", "MetricAlarms[].StateValue", "*", "*"],
        "a new alarm begins with INSUFFICIENT_DATA: API_PutMetricAlarm",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms*", "*", "MetricAlarms[].StateTransitionedTimestamp", "(time)", "absent"],
        "API_MetricAlarm",
    ),
    judged(
        NotPlayed,
        ["cloudwatch:DescribeAlarms*", "*", "MetricAlarms[].*", "absent", "*"],
        "the world plays no metrics, so it keeps no threshold, period or action",
    ),
    judged(
        World,
        ["cloudwatch:SetAlarmState", "to an unknown state", "outcome", "ValidationError", "ResourceNotFound"],
        "the value is looked at before the alarm: API_SetAlarmState, constraint of the type",
    ),
    judged(
        World,
        ["cloudwatch:DescribeAlarms", "by state", "MetricAlarms[]", "*", "*"],
        "a new alarm begins with INSUFFICIENT_DATA: API_PutMetricAlarm; moto's with OK",
    ),
    judged(
        Open,
        ["ssm:ListCommands", "unknown", "outcome", "OK", "InvalidCommandId"],
        "InvalidCommandId is for an id that is not valid; whether one in the right form is, API_ListCommands does not say",
    ),
    judged(
        World,
        ["codedeploy:*", "*", "outcome", "ApplicationDoesNotExistException", "OK"],
        "ApplicationDoesNotExistException: API_ListDeploymentGroups, API_ListDeployments",
    ),
    judged(
        World,
        ["sns:Publish", "as JSON that is none", "outcome", "InvalidParameter", "OK"],
        "with MessageStructure=json the message is valid JSON: API_Publish",
    ),
    judged(
        Open,
        ["sns:Publish", "*", "outcome", "InvalidParameter", "NotFound"],
        "which is looked at first, the topic or the message, API_Publish does not say",
    ),
    judged(
        World,
        ["ssm:GetCommandInvocation", "unknown", "outcome", "InvocationDoesNotExist", "InvalidCommandId"],
        "an id in the right form that nobody knows: API_GetCommandInvocation, and boto3 issue 2701, where it is so right after SendCommand",
    ),
    judged(Open, ["sts:GetCallerIdentity", "*", "Arn|UserId", "*", "*"], "each calls its user as it likes"),
];
