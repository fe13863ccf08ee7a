//! Why does the plan wait, act, or end?
//!
//! Each reason has a code that a machine can count and a sentence that a person can read.

use std::fmt;

use super::{AgentTrouble, Cause, Cure, DeploymentStatus, RunStatus};
use crate::ids::{DeploymentId, ExecutionId, InstanceId, StageName};

/// Why the plan is as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are what the sentence below says of them")]
pub enum Reason {
    /// The deployment itself goes on.
    DeploymentRuns { deployment: DeploymentId, status: String },
    /// Another deployment of the group, such as a rollback, goes on: the agent may be at work.
    GroupBusy { deployments: Vec<DeploymentId> },
    /// The stage has not settled.
    StageRuns { stage: StageName },
    /// Restarts run.
    RestartRuns { instances: Vec<InstanceId> },
    /// The agent refused to be restarted in the middle of a lifecycle event.
    AgentBusy { instances: Vec<InstanceId> },
    /// Systems Manager did not take the restart, which is sent again.
    RestartNotSent { instances: Vec<InstanceId> },
    /// The wait was longer than patience.
    PatienceOver { minutes: i64 },

    /// A restart can cure these.
    Curable { instances: Vec<InstanceId> },
    /// What was broken is not any more: the stage is tried again.
    Cured { retries: u32, most: u32 },
    /// The instance is beyond cure: Auto Scaling replaces it.
    Replaceable { instance: InstanceId, trouble: AgentTrouble },
    /// It is beyond cure too, and its turn comes when its group has replaced these.
    InTurn { instance: InstanceId, changing: Vec<InstanceId> },
    /// It would be replaced, were it not one of the last.
    LastServer { instance: InstanceId, serving: u32 },

    /// A cause that no restart and no retry can cure.
    NotCurable { cause: Cause },
    /// The agent was not cured.
    AgentNotCured { instance: InstanceId, trouble: AgentTrouble },
    /// Nothing was found that failed.
    NoCause,
    /// Something could not be read.
    Unreadable { what: &'static str, error: String },
    /// Something is not there.
    Missing { what: &'static str },
    /// Another action of the stage failed, which is not one of CodeDeploy.
    OtherActionFailed { action: String },
    /// The retries are used up.
    AttemptsSpent { retries: u32, most: u32 },
    /// The same cause again.
    TriedBefore { cause: Cause },
    /// A newer execution is at the stage.
    NewerExecution { execution: ExecutionId },
    /// The execution is not failed at a stage with a deployment.
    NotFailed { status: RunStatus },
    /// The execution ended otherwise.
    ExecutionEnded { status: RunStatus },
    /// What failed is no deployment.
    NotADeployment { stage: StageName },
    /// The execution goes on: how that ends is told by itself.
    ExecutionRuns,
    /// No pipeline waits for this deployment, so there is no stage to retry.
    NoPipeline,
    /// A pipeline waits for it, whose own events tell of it.
    PipelineTells { execution: ExecutionId },
    /// It undoes another deployment, and what is told of that tells of it.
    RollbackOf { deployment: DeploymentId },
    /// It was to undo another deployment, and did not: the servers are left between two revisions.
    RollbackFailed { deployment: DeploymentId },
    /// It did not fail.
    DeploymentEnded { deployment: DeploymentId, status: DeploymentStatus },
    /// It succeeded, and failed on some instances.
    SucceededWithout { instances: Vec<InstanceId> },
    /// The instance is taken away anyway.
    Leaving,
    /// People know.
    AlreadyTold,
    /// The execution went through at last.
    Recovered { retries: u32 },
}

impl Reason {
    /// The code that a machine counts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::DeploymentRuns { .. } => "deployment-runs",
            Self::GroupBusy { .. } => "group-busy",
            Self::StageRuns { .. } => "stage-runs",
            Self::RestartRuns { .. } => "restart-runs",
            Self::AgentBusy { .. } => "agent-busy",
            Self::RestartNotSent { .. } => "restart-not-sent",
            Self::PatienceOver { .. } => "patience-over",
            Self::Curable { .. } => "curable",
            Self::Cured { .. } => "cured",
            Self::Replaceable { .. } => "replaceable",
            Self::InTurn { .. } => "in-turn",
            Self::LastServer { .. } => "last-server",
            Self::NotCurable { .. } => "not-curable",
            Self::AgentNotCured { .. } => "agent-not-cured",
            Self::NoCause => "no-cause",
            Self::Unreadable { .. } => "unreadable",
            Self::Missing { .. } => "missing",
            Self::OtherActionFailed { .. } => "other-action-failed",
            Self::AttemptsSpent { .. } => "attempts-spent",
            Self::TriedBefore { .. } => "tried-before",
            Self::NewerExecution { .. } => "newer-execution",
            Self::NotFailed { .. } => "not-failed",
            Self::ExecutionEnded { .. } => "execution-ended",
            Self::NotADeployment { .. } => "not-a-deployment",
            Self::ExecutionRuns => "execution-runs",
            Self::NoPipeline => "no-pipeline",
            Self::PipelineTells { .. } => "pipeline-tells",
            Self::RollbackOf { .. } => "rollback-of",
            Self::RollbackFailed { .. } => "rollback-failed",
            Self::DeploymentEnded { .. } => "deployment-ended",
            Self::SucceededWithout { .. } => "succeeded-without",
            Self::Leaving => "leaving",
            Self::AlreadyTold => "already-told",
            Self::Recovered { .. } => "recovered",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeploymentRuns { deployment, status } => {
                write!(f, "deployment `{deployment}` still goes on ({status})")
            }
            Self::GroupBusy { deployments } => {
                write!(f, "the deployment group is busy with `{}`", listed(deployments))
            }
            Self::StageRuns { stage } => write!(f, "stage `{stage}` is still at work"),
            Self::RestartRuns { instances } => write!(f, "the restart on `{}` has not ended", listed(instances)),
            Self::AgentBusy { instances } => {
                write!(f, "the agent of `{}` is in the middle of a lifecycle event", listed(instances))
            }
            Self::RestartNotSent { instances } => {
                write!(f, "Systems Manager did not take the restart on `{}`", listed(instances))
            }
            Self::PatienceOver { minutes } => write!(f, "after {minutes} minutes of waiting it was given up"),
            Self::Curable { instances } => write!(f, "a restart of its agent can cure `{}`", listed(instances)),
            Self::Cured { retries, most } => {
                write!(f, "what failed is not broken any more, and {retries} of {most} retries are used")
            }
            Self::Replaceable { instance, trouble } => {
                write!(f, "`{instance}` is beyond cure ({}), and a new instance would not be", trouble.code())
            }
            Self::InTurn { instance, changing } => {
                write!(f, "`{instance}` is replaced when its group has done with `{}`: one at a time", listed(changing))
            }
            Self::LastServer { instance, serving } => {
                write!(f, "`{instance}` is not replaced, because only {serving} of its group serve")
            }
            Self::NotCurable { cause } => {
                let who = match cause.facts().cure {
                    Cure::User => "the authors of the revision can mend it",
                    Cure::Configuration => "somebody has to change a setting, a permission or a limit",
                    Cure::Never => "somebody wanted it so",
                    Cure::Unknown => "nobody knows a cure",
                    Cure::Restart | Cure::Retry | Cure::Aws | Cure::Gone => "it did not help",
                };
                write!(f, "neither a restart nor a retry cures {}: {who}", cause.code())
            }
            Self::AgentNotCured { instance, trouble } => {
                write!(f, "the agent of `{instance}` was not cured ({})", trouble.code())
            }
            Self::NoCause => f.write_str("nothing was found that says why"),
            Self::Unreadable { what, error } => write!(f, "{what} could not be read: {error}"),
            Self::Missing { what } => write!(f, "{what} does not exist"),
            Self::OtherActionFailed { action } => {
                write!(f, "the action `{action}` of the same stage failed too, and is not one of CodeDeploy")
            }
            Self::AttemptsSpent { retries, most } => write!(f, "{retries} of {most} retries are used"),
            Self::TriedBefore { cause } => write!(f, "{} came again after a retry", cause.code()),
            Self::NewerExecution { execution } => write!(f, "the newer execution `{execution}` is at the stage"),
            Self::NotFailed { status } => write!(f, "the stage is not failed but {status}"),
            Self::ExecutionEnded { status } => write!(f, "the execution is {status}"),
            Self::NotADeployment { stage } => write!(f, "what failed at stage `{stage}` is no deployment"),
            Self::ExecutionRuns => f.write_str("the execution goes on, and its end is told by itself"),
            Self::NoPipeline => f.write_str("no pipeline waits for the deployment, so there is no stage to retry"),
            Self::PipelineTells { execution } => {
                write!(f, "execution `{execution}` waits for the deployment, and its own events tell of it")
            }
            Self::RollbackOf { deployment } => {
                write!(f, "it undoes `{deployment}`, and what is told of that tells of it")
            }
            Self::RollbackFailed { deployment } => {
                write!(f, "it was to undo `{deployment}` and did not, so servers may be left between two revisions")
            }
            Self::DeploymentEnded { deployment, status } => write!(f, "deployment `{deployment}` is {status}"),
            Self::SucceededWithout { instances } => {
                write!(f, "the deployment succeeded without `{}`, so there is nothing to retry", listed(instances))
            }
            Self::Leaving => f.write_str("it was for an instance that is taken away"),
            Self::AlreadyTold => f.write_str("people were told already"),
            Self::Recovered { retries: 1 } => f.write_str("it went through after a retry"),
            Self::Recovered { retries } => write!(f, "it went through after {retries} retries"),
        }
    }
}

pub(super) fn listed<T: fmt::Display>(names: &[T]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join("`, `")
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InProgress => "in progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
            Self::Ended(name) | Self::Unknown(name) => name,
        })
    }
}

impl fmt::Display for DeploymentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Active(name) | Self::Unknown(name) => name,
        })
    }
}
