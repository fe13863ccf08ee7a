//! Which pipelines are there, and which of them are on the way?

mod retry;
mod run;
pub(crate) mod stage;
mod tell;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::queue::Due;
use crate::spec::PipelineSpec;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, World, later};
pub(crate) use retry::RetryMode;
use stage::{ActionRun, StageRun};

/// So many executions of a pipeline are kept; AWS keeps a year of them `[doc]`.
const KEPT: usize = 100;

/// Status of an execution, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum ExecutionStatus {
    InProgress,
    Stopping,
    Succeeded,
    Failed,
    Stopped,
    Superseded,
    Cancelled,
}

impl ExecutionStatus {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Stopping => "Stopping",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Superseded => "Superseded",
            Self::Cancelled => "Cancelled",
        }
    }

    /// Whether the execution is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::InProgress | Self::Stopping)
    }

    /// The word of its event.
    pub(crate) const fn event(self) -> &'static str {
        match self {
            Self::InProgress => "STARTED",
            Self::Stopping => "STOPPING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Stopped => "STOPPED",
            Self::Superseded => "SUPERSEDED",
            Self::Cancelled => "CANCELED",
        }
    }

    /// The status of the stage in which it is or was: a stage cannot be superseded, only cancelled `[doc]` `API_StageExecution`.
    pub(crate) const fn of_stage(self) -> &'static str {
        match self {
            Self::Superseded => "Cancelled",
            other => other.as_str(),
        }
    }

    /// The status of the action in which it is or was.
    pub(crate) const fn of_action(self) -> &'static str {
        match self {
            Self::InProgress | Self::Stopping => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped | Self::Superseded | Self::Cancelled => "Abandoned",
        }
    }
}

/// An execution of a pipeline.
#[derive(Debug, Clone, Serialize)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// When it began.
    pub started: Timestamp,
    /// When its status last changed.
    pub updated: Timestamp,
    /// Version of the pipeline that it runs.
    pub version: u32,
    /// 1 at first, one more with each retry of a stage.
    pub attempt: u32,
    /// `triggerType`
    pub trigger: &'static str,
    /// Its commit; none where the pipeline has no stages of its own.
    pub commit: Option<String>,
    /// The stages that it has entered, in the pipeline's order.
    pub stages: Vec<StageRun>,
    /// The actions that it has begun, in the order of their beginning, those of earlier attempts too.
    pub actions: Vec<ActionRun>,
    /// The stage before which it waits until the one in it has left `[doc]` concepts-how-it-works.
    pub waits_for: Option<usize>,
    /// What it runs; none where the pipeline has no stages of its own.
    #[serde(skip)]
    pub(crate) plan: Option<Arc<PipelineSpec>>,
}

/// A pipeline. One without stages of its own shows a source stage and one that deploys, and its executions end as they are told to.
#[derive(Debug, Clone, Serialize)]
pub struct Pipeline {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// Its executions, the newest last.
    pub executions: VecDeque<Execution>,
    /// When it was last changed.
    pub changed: Timestamp,
    /// The newest commit of its branch.
    pub head: Option<String>,
    /// Its stages.
    #[serde(skip)]
    pub(crate) plan: Option<Arc<PipelineSpec>>,
}

impl Pipeline {
    pub(crate) fn execution(&self, id: &str) -> Option<&Execution> {
        self.executions.iter().rev().find(|execution| execution.id == id)
    }

    pub(crate) fn execution_mut(&mut self, id: &str) -> Option<&mut Execution> {
        self.executions.iter_mut().rev().find(|execution| execution.id == id)
    }

    /// Adds an execution, and forgets the oldest.
    pub(crate) fn keep(&mut self, execution: Execution) {
        self.executions.push_back(execution);
        if self.executions.len() > KEPT {
            self.executions.pop_front();
        }
    }
}

impl Execution {
    pub(crate) fn new(id: String, now: Timestamp, version: u32, trigger: &'static str) -> Self {
        Self {
            id,
            status: ExecutionStatus::InProgress,
            started: now,
            updated: now,
            version,
            attempt: 1,
            trigger,
            commit: None,
            stages: Vec::new(),
            actions: Vec::new(),
            waits_for: None,
            plan: None,
        }
    }
}

pub(crate) fn no_pipeline(name: &str) -> ApiError {
    let message = format!("Account '{ACCOUNT}' does not have a pipeline with name '{name}'");
    ApiError::bad("PipelineNotFoundException", message)
}

impl World {
    pub(crate) fn pipelines_mut(&mut self) -> &mut BTreeMap<String, Pipeline> {
        self.touch();
        Arc::make_mut(&mut self.state.pipelines)
    }

    pub(crate) fn put_pipeline(&mut self, name: &str) {
        let created = self.now;
        self.pipelines_mut().entry(name.to_owned()).or_insert_with(|| Pipeline {
            name: name.to_owned(),
            version: 1,
            created,
            executions: VecDeque::new(),
            changed: created,
            head: None,
            plan: None,
        });
    }

    /// `StartPipelineExecution`. A pipeline of stages runs with the head of its branch, and ends when it ends. Without stages: in the default mode a newer execution supersedes one that waits between stages `[doc]`; one
    /// that is at work in its stage ends on its own.
    pub(crate) fn begin_execution(&mut self, name: &str, after: Option<Duration>) -> Result<String, ApiError> {
        let pipeline = self.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))?;
        if pipeline.plan.is_some() {
            return self.run_head(name, "StartPipelineExecution");
        }
        let version = pipeline.version;
        let id = self.ids.uuid();
        let execution = Execution::new(id.clone(), self.now, version, "WebhookV2");
        if let Some(pipeline) = self.pipelines_mut().get_mut(name) {
            pipeline.keep(execution);
        }
        self.announce_execution(name, &id, ExecutionStatus::InProgress.event());
        if let Some(after) = after {
            let due = Due::ExecutionEnds { pipeline: name.to_owned(), execution: id.clone() };
            self.queue.push(later(self.now, after), due);
        }
        Ok(id)
    }

    pub(crate) fn on_execution_ends(&mut self, pipeline: &str, execution: &str) {
        self.move_execution(pipeline, Some(execution), ExecutionStatus::Succeeded);
    }

    /// Moves an execution that is not over, or the newest such, to another status. False if there is none.
    pub(crate) fn move_execution(&mut self, name: &str, id: Option<&str>, status: ExecutionStatus) -> bool {
        let now = self.now;
        let Some(pipeline) = self.pipelines_mut().get_mut(name) else { return false };
        // One that runs through stages ends by itself.
        let meant = |execution: &&mut Execution| {
            !execution.status.is_over() && execution.plan.is_none() && id.is_none_or(|id| execution.id == id)
        };
        let Some(execution) = pipeline.executions.iter_mut().rev().find(meant) else { return false };
        execution.status = status;
        execution.updated = now;
        let id = execution.id.clone();
        self.announce_execution(name, &id, status.event());
        true
    }

    /// Ground truth: all pipelines.
    pub fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        self.state.pipelines.values()
    }
}
