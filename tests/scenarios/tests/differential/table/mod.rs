//! The differences that are known, with the source that says who is right; and what cannot be compared.
//!
//! `API` in a source is the page of that operation in the service's API reference, at docs.aws.amazon.com.

mod autoscaling;
mod ec2;
mod services;

use std::sync::LazyLock;

use super::judged::{Judged, Right};

/// A difference: who is right, the call, its case, where, what the world and what moto says, and why.
const fn judged(right: Right, [call, case, path, world, moto]: [&'static str; 5], source: &'static str) -> Judged {
    Judged { call, case, path, world, moto, right, source, apart: false }
}

/// The same, where both sides are in different states afterwards.
const fn apart(right: Right, place: [&'static str; 5], source: &'static str) -> Judged {
    Judged { apart: true, ..judged(right, place, source) }
}

/// All of them. The first that fits counts.
pub(crate) static JUDGED: LazyLock<Vec<&'static Judged>> =
    LazyLock::new(|| ec2::JUDGED.iter().chain(autoscaling::JUDGED).chain(services::JUDGED).collect());

/// Operations of the world that are not compared, and why.
pub(crate) const NOT_COMPARED: &[(&str, &str)] = &[
    ("autoscaling:StartInstanceRefresh", LACKS),
    ("autoscaling:CancelInstanceRefresh", LACKS),
    ("autoscaling:DescribeInstanceRefreshes", LACKS),
    ("autoscaling:CompleteLifecycleAction", LACKS),
    ("autoscaling:RecordLifecycleActionHeartbeat", LACKS),
    ("autoscaling:PutWarmPool", "moto keeps the pool's settings and launches nothing into it"),
    ("cloudwatch:PutCompositeAlarm", LACKS),
    ("codeconnections:CreateConnection", LACKS),
    ("codeconnections:GetConnection", LACKS),
    ("codedeploy:BatchGetDeploymentGroups", LACKS),
    ("codedeploy:BatchGetDeploymentTargets", LACKS),
    ("codedeploy:CreateDeployment", "the world's applications come with a fleet, moto's by calls that the world lacks"),
    ("codedeploy:GetDeploymentTarget", LACKS),
    ("codedeploy:ListDeploymentTargets", LACKS),
    ("codedeploy:StopDeployment", LACKS),
    ("codepipeline:GetPipelineState", LACKS),
    ("codepipeline:ListActionExecutions", LACKS),
    ("codepipeline:RetryStageExecution", LACKS),
    ("ssm:DescribeInstanceInformation", LACKS),
    ("ssm:ListCommandInvocations", LACKS),
    ("ssm:ListInventoryEntries", LACKS),
    ("ssm:SendCommand", "moto has no agents: it takes every document and ends every command at once"),
];

const LACKS: &str = "moto does not implement it";
