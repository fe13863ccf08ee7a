//! May a failed stage be tried again? `RetryStageExecution`, and what it is refused for `[doc]` stage-retry,
//! `API_RetryStageExecution`.

use super::{Execution, ExecutionStatus, no_pipeline};
use crate::wire::ApiError;
use crate::world::World;

/// Which of a stage's actions are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryMode {
    Failed,
    All,
}

fn refuse(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::bad(code, message)
}

impl World {
    /// The newest execution that has entered a stage.
    pub(crate) fn latest_in_stage(&self, pipeline: &str, stage: &str) -> Option<&Execution> {
        self.state.pipelines.get(pipeline)?.executions.iter().rev().find(|execution| execution.stage(stage).is_some())
    }

    /// `RetryStageExecution`: the same execution goes on.
    pub(crate) fn retry_stage(&mut self, name: &str, stage: &str, id: &str, mode: RetryMode) -> Result<(), ApiError> {
        let pipeline = self.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))?;
        let known = pipeline.plan.as_deref().is_some_and(|plan| plan.stages.iter().any(|known| known.name == stage));
        if !known {
            let message = format!("Stage '{stage}' does not exist in pipeline '{name}'");
            return Err(refuse("StageNotFoundException", message));
        }
        let Some(execution) = pipeline.execution(id) else {
            // Which code AWS has for an id that it does not know is not settled `[?]`; it is not the latest, at any rate.
            let message = format!("Pipeline execution '{id}' is not the latest execution of stage '{stage}'");
            return Err(refuse("NotLatestPipelineExecutionException", message));
        };
        let latest = self.latest_in_stage(name, stage).map(|latest| latest.id.as_str());
        if latest != Some(id) {
            let message = format!("Pipeline execution '{id}' is not the latest execution of stage '{stage}'");
            return Err(refuse("NotLatestPipelineExecutionException", message));
        }
        if execution.version != pipeline.version {
            let message = "The pipeline structure has changed since the stage failed";
            return Err(refuse("StageNotRetryableException", message));
        }
        let status = execution.stage(stage).map(|run| run.status);
        match status {
            Some(ExecutionStatus::Failed) => {}
            // "The pipeline is busy handling ongoing activities" `[model]`: the stage is at work, or a retry of it.
            Some(ExecutionStatus::InProgress) => {
                return Err(refuse("ConflictException", format!("Stage '{stage}' has actions in progress")));
            }
            _ => {
                return Err(refuse(
                    "StageNotRetryableException",
                    format!("Stage '{stage}' does not have failed actions"),
                ));
            }
        }
        let Some(spec) = execution.stage_spec(stage) else { return Ok(()) };
        let failed =
            |action: &str| execution.latest(stage, action).is_some_and(|r| r.status == ExecutionStatus::Failed);
        let again = spec.actions.iter().map(|action| action.name.clone());
        let again: Vec<String> = again.filter(|action| mode == RetryMode::All || failed(action)).collect();
        let now = self.now;
        let Some(execution) = self.pipelines_mut().get_mut(name).and_then(|pipeline| pipeline.execution_mut(id)) else {
            return Ok(());
        };
        execution.status = ExecutionStatus::InProgress;
        execution.updated = now;
        execution.attempt += 1;
        if let Some(run) = execution.stages.iter_mut().find(|run| run.name == stage) {
            run.status = ExecutionStatus::InProgress;
            run.retries += 1;
            run.retried = Some(now);
        }
        self.announce_execution(name, id, "RESUMED");
        self.announce_stage(name, id, stage, "RESUMED");
        for action in again {
            self.begin_action(name, id, stage, &action);
        }
        Ok(())
    }
}
