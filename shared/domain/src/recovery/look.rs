//! What does a look at a failure show?
//!
//! What could not be read is an `Err` with the reason. It is never taken for a permission: what is unreadable is explained, not cured.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{ActionLook, AgentReport, DeploymentErrorCode, ExecutionLook, Hints, PipelineLook, Subject};
use crate::{
    event::InstanceState,
    failover::Lifecycle,
    ids::{DeploymentId, ExecutionId, GroupName, InstanceId, PipelineName},
};

/// Something that was read, or why it could not be.
pub type Seen<T> = Result<T, String>;

/// What a look shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// What it is about.
    pub subject: Subject,
    /// What the event knew.
    pub hints: Hints,
    /// `GetPipelineState`; `None` if there is no such pipeline, or the subject is a deployment.
    pub pipeline: Seen<Option<PipelineLook>>,
    /// `GetPipelineExecution`; `None` if there is no such execution, or the subject is a deployment.
    pub execution: Seen<Option<ExecutionLook>>,
    /// The execution that started the deployment, where the subject is a deployment: its own events tell of it.
    pub owner: Seen<Option<(PipelineName, ExecutionId)>>,
    /// The deployments to look at: those of [`PipelineLook::deployments`]; where it shows none, those that the event named; or the subject.
    pub deployments: BTreeMap<DeploymentId, DeploymentLook>,
    /// Those of [`PipelineLook::blocking`] that have not ended; empty if there are none.
    pub blocking: Seen<Vec<DeploymentId>>,
    /// What EC2, Systems Manager and Auto Scaling say of the deployments' targets. Who is missing was not found by any of them.
    pub instances: Seen<BTreeMap<InstanceId, InstanceLook>>,
    /// How many members of each group of these instances are in service and healthy.
    pub serving: BTreeMap<GroupName, u32>,
    /// Those members of each group that are unhealthy, on their way out, or on their way in: it is replacing somebody.
    pub changing: BTreeMap<GroupName, Vec<InstanceId>>,
    /// Every run of the restart document on these instances since the oldest of the deployments began, whoever sent it: the only memory
    /// of restarts, so that a duplicate finds what its twin sent.
    pub restarts: Seen<Vec<Restart>>,
    /// What people were told of this subject already.
    pub told: Told,
}

impl Look {
    /// The deployments that count. An event may be late, and name one of an earlier attempt: what the pipeline shows now outweighs it.
    pub fn current(&self) -> impl Iterator<Item = (&DeploymentId, &DeploymentLook)> {
        let shown = match (&self.subject, &self.pipeline) {
            (Subject::Execution { execution, .. }, Ok(Some(pipeline))) => pipeline.deployments(execution),
            _ => BTreeSet::new(),
        };
        self.deployments.iter().filter(move |(id, _)| shown.is_empty() || shown.contains(*id))
    }

    /// What CodeDeploy says of a deployment, as far as it could be read.
    #[must_use]
    pub fn info(&self, deployment: &DeploymentId) -> Option<&DeploymentInfo> {
        self.deployments.get(deployment)?.info.as_ref().ok()?.as_ref()
    }

    /// Whether an action failed because CodeDeploy did not take the deployment: it is one of CodeDeploy, as the event or its error says, and has
    /// no deployment.
    #[must_use]
    pub fn is_refused(&self, action: &ActionLook) -> bool {
        let named = self.hints.provider.is_some() && self.hints.action.as_deref() == Some(action.name.as_str());
        action.deployment().is_none() && (named || action.is_deployment())
    }
}

/// What people were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// That it failed.
    pub failed: bool,
    /// That it recovered.
    pub recovered: bool,
}

/// What CodeDeploy says of one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentLook {
    /// `GetDeployment`; `None` if there is no such deployment.
    pub info: Seen<Option<DeploymentInfo>>,
    /// `BatchGetDeploymentTargets`; empty if the deployment never began on any.
    pub targets: Seen<Vec<Target>>,
    /// Other deployments of its group that have not ended (`Created`, `Queued`, `InProgress`, `Baking`, `Ready`).
    pub active: Seen<Vec<DeploymentId>>,
    /// Of a rollback that failed: a deployment of the whole group that was begun after it and succeeded. Then nobody misses it.
    pub succeeded: Seen<Option<DeploymentId>>,
}

/// A deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentInfo {
    /// Its application.
    pub application: String,
    /// Its deployment group.
    pub group: String,
    /// How it stands.
    pub status: DeploymentStatus,
    /// Why it failed, as CodeDeploy sums it up.
    pub error: Option<(DeploymentErrorCode, String)>,
    /// Who started it.
    pub creator: Creator,
    /// The deployment that rolls this one back.
    pub rollback: Option<DeploymentId>,
    /// What CodeDeploy says of the rollback.
    pub rollback_message: Option<String>,
    /// The deployment that this one rolls back.
    pub rollback_of: Option<DeploymentId>,
    /// When it was asked for.
    pub created: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentStatus {
    /// Not ended: asked for, queued, at work, or waiting for a person or a bake time.
    Active(String),
    /// Ended well, which may hide failed instances.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Stopped by a person or by their command.
    Stopped,
    /// A status newer than this code.
    Unknown(String),
}

impl DeploymentInfo {
    /// The deployment that this one rolls back, for people.
    pub(super) fn undone(&self) -> DeploymentId {
        self.rollback_of.clone().unwrap_or_else(|| "another".into())
    }
}

impl From<&str> for DeploymentStatus {
    fn from(name: &str) -> Self {
        match name {
            "Created" | "Queued" | "InProgress" | "Baking" | "Ready" => Self::Active(name.to_owned()),
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Stopped" => Self::Stopped,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// Who started a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creator {
    /// A person, or CodePipeline.
    User,
    /// Auto Scaling, for an instance that it launches.
    AutoScaling,
    /// CodeDeploy, for instances that were launched while another deployment ran.
    AutoUpdate,
    /// Auto Scaling, for an instance that it takes away.
    AutoScalingTermination,
    /// CodeDeploy, to undo a deployment.
    Rollback,
    /// Somebody else, such as CloudFormation.
    Other(String),
}

impl From<&str> for Creator {
    fn from(name: &str) -> Self {
        match name {
            "user" => Self::User,
            "autoscaling" => Self::AutoScaling,
            "CodeDeployAutoUpdate" => Self::AutoUpdate,
            "autoscalingTermination" => Self::AutoScalingTermination,
            "codeDeployRollback" => Self::Rollback,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Creator {
    /// Whether it was started for single instances of a group and nobody waits for it.
    #[must_use]
    pub fn by_auto_scaling(&self) -> bool {
        matches!(self, Self::AutoScaling | Self::AutoUpdate)
    }
}

/// An instance in a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The instance.
    pub instance: InstanceId,
    /// How the deployment went there.
    pub status: TargetStatus,
    /// Its lifecycle events, in their order.
    pub events: Vec<LifecycleEvent>,
}

/// How a deployment went on an instance, or how a lifecycle event went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TargetStatus {
    /// Not begun.
    Pending,
    /// At work.
    InProgress,
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// Not tried, because the deployment had failed before.
    Skipped,
    /// CodeDeploy does not know, or its word is newer than this code.
    Unknown,
    /// Waiting, in a blue/green deployment.
    Ready,
}

impl From<&str> for TargetStatus {
    fn from(name: &str) -> Self {
        match name {
            "Pending" => Self::Pending,
            "InProgress" => Self::InProgress,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Skipped" => Self::Skipped,
            "Ready" => Self::Ready,
            _ => Self::Unknown,
        }
    }
}

/// A lifecycle event on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleEvent {
    /// Its name, such as `AfterInstall`.
    pub name: String,
    /// How it went.
    pub status: TargetStatus,
    /// What the agent reported. Events that were skipped have none.
    pub diagnostics: Option<Diagnostics>,
}

/// What the agent reported of a lifecycle event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// `Success`, `ScriptMissing`, `ScriptNotExecutable`, `ScriptTimedOut`, `ScriptFailed` or `UnknownError`.
    pub code: String,
    /// The script.
    pub script: String,
    /// The message.
    pub message: String,
    /// The end of what the script wrote, up to 4 KB. May hold secrets: it goes through [`redact`](super::redact()) before anybody reads it.
    pub log_tail: String,
}

/// An instance, as far as a cure depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLook {
    /// What EC2 says; `None` if it knows no such instance.
    pub state: Option<InstanceState>,
    /// What Systems Manager says.
    pub ping: Ping,
    /// What Auto Scaling says; `None` outside of any group.
    pub membership: Option<Membership>,
}

/// Whether Systems Manager reaches an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ping {
    /// It does.
    Online,
    /// It did.
    Lost,
    /// It knows no such instance: no agent, no permission, or no way out to it.
    Absent,
    /// The instance carries no fleet's tag: the role of this function may send it nothing, whatever Systems Manager reaches.
    Untagged,
}

impl From<Option<&str>> for Ping {
    /// From `PingStatus`, or from the absence of any information about the instance.
    fn from(status: Option<&str>) -> Self {
        match status {
            Some("Online") => Self::Online,
            Some(_) => Self::Lost,
            None => Self::Absent,
        }
    }
}

/// A membership in an Auto Scaling group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupName,
    /// How far in or out it is.
    pub lifecycle: Lifecycle,
    /// What Auto Scaling thinks of its health.
    pub healthy: bool,
}

/// One run of the restart document on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The instance.
    pub instance: InstanceId,
    /// When it was sent.
    pub sent: Timestamp,
    /// What became of it.
    pub state: RestartState,
}

/// What became of a run of the restart document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestartState {
    /// It runs, or waits to.
    Running,
    /// Systems Manager did not take the command, so that nothing was done on the instance.
    NotSent {
        /// Why, as far as it is known.
        why: String,
    },
    /// The script said this.
    Answered(Box<AgentReport>),
    /// It ended without a word that we understand.
    Unanswered {
        /// Systems Manager's `StatusDetails`, such as `Delivery Timed Out`.
        status: String,
    },
}

impl RestartState {
    /// From an invocation's `StatusDetails` (or `Status`) and its standard output. An invocation that Systems Manager does not know yet is
    /// `Pending`: it is a moment behind its own `SendCommand`.
    #[must_use]
    pub fn read(status: &str, stdout: &str) -> Self {
        match status {
            "Pending" | "In Progress" | "InProgress" | "Delayed" | "Cancelling" => Self::Running,
            _ => AgentReport::find(stdout).map_or_else(
                || Self::Unanswered { status: status.to_owned() },
                |report| Self::Answered(Box::new(report)),
            ),
        }
    }
}
