//! Which pipelines are there, and which of them are on the way?

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::event::millis;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, REGION, World, later};

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
    const fn event(self) -> &'static str {
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
}

/// A pipeline: a source stage, and one that deploys.
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
}

pub(crate) fn no_pipeline(name: &str) -> ApiError {
    let message = format!("Account '{ACCOUNT}' does not have a pipeline with name '{name}'");
    ApiError::bad("PipelineNotFoundException", message)
}

impl World {
    fn pipelines_mut(&mut self) -> &mut BTreeMap<String, Pipeline> {
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
        });
    }

    /// `StartPipelineExecution`. In the default mode a newer execution supersedes one that waits between stages `[doc]`; one
    /// that is at work in its stage ends on its own.
    pub(crate) fn begin_execution(&mut self, name: &str, after: Option<Duration>) -> Result<String, ApiError> {
        if !self.state.pipelines.contains_key(name) {
            return Err(no_pipeline(name));
        }
        let (id, now) = (self.ids.uuid(), self.now);
        let execution = Execution { id: id.clone(), status: ExecutionStatus::InProgress, started: now, updated: now };
        if let Some(pipeline) = self.pipelines_mut().get_mut(name) {
            pipeline.executions.push_back(execution);
            if pipeline.executions.len() > KEPT {
                pipeline.executions.pop_front();
            }
        }
        self.announce_execution(name, &id);
        if let Some(after) = after {
            let due = Due::ExecutionEnds { pipeline: name.to_owned(), execution: id.clone() };
            self.queue.push(later(now, after), due);
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
        let meant = |execution: &&mut Execution| !execution.status.is_over() && id.is_none_or(|id| execution.id == id);
        let Some(execution) = pipeline.executions.iter_mut().rev().find(meant) else { return false };
        execution.status = status;
        execution.updated = now;
        let id = execution.id.clone();
        self.announce_execution(name, &id);
        true
    }

    fn announce_execution(&mut self, name: &str, id: &str) {
        let Some(pipeline) = self.state.pipelines.get(name) else { return };
        let Some(execution) = pipeline.executions.iter().rev().find(|execution| execution.id == id) else { return };
        // The numbers are floats there `[obs]`.
        let detail = json!({
            "pipeline": name,
            "execution-id": id,
            "start-time": millis(execution.started),
            "state": execution.status.event(),
            "version": f64::from(pipeline.version),
            "pipeline-execution-attempt": 1.0,
        });
        let arn = format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{name}");
        let kind = "CodePipeline Pipeline Execution State Change";
        self.emit("aws.codepipeline", kind, &[arn], &detail, name);
    }

    /// Ground truth: all pipelines.
    pub fn pipelines(&self) -> impl Iterator<Item = &Pipeline> {
        self.state.pipelines.values()
    }
}
