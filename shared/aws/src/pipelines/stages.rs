//! How does a pipeline stand, what did an execution carry, and run the failed actions of a stage again.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_codepipeline::types::{
    ActionExecutionDetail, ActionExecutionFilter, ActionExecutionStatus, ActionTypeId, ExecutionType,
    PipelineExecutionStatus, StageExecutionStatus, StageRetryMode, TriggerType,
};
use jiff::Timestamp;

use super::Pipelines;
use crate::AwsError;

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &[
    "codepipeline:GetPipelineExecution",
    "codepipeline:GetPipelineState",
    "codepipeline:ListActionExecutions",
    "codepipeline:ListPipelines",
    "codepipeline:RetryStageExecution",
];

/// The most that CodePipeline puts on a page of actions.
const MOST_ACTIONS: i32 = 100;

/// A stage as it stands. Words are CodePipeline's own: its lists of them grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// The execution that was there last, or is.
    pub execution: Option<StageRun>,
    /// Its actions, in their order.
    pub actions: Vec<Action>,
    /// How often the stage was tried again in that execution, by CodePipeline itself and by others.
    pub retries: Option<(u32, u32)>,
}

/// What the actions of an execution did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// What they hand on to each other, such as `CommitMessage` and `AuthorDisplayName` of the source.
    pub variables: BTreeMap<String, String>,
    /// The deployments of CodeDeploy that failed in the latest runs. The state of the pipeline does not show them any more once a newer
    /// execution is at their stage.
    pub failed_deployments: BTreeSet<String>,
}

/// What an execution is, or was, in a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageRun {
    /// The pipeline execution.
    pub execution: String,
    /// `Failed`, `Succeeded`, `InProgress`, `Stopped` and others.
    pub status: String,
}

/// An action of a stage with its latest run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// Its latest run, whatever pipeline execution that belongs to.
    pub run: Option<ActionRun>,
}

/// One run of an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionRun {
    /// Its id; another one for each attempt.
    pub id: String,
    /// `Failed`, `Succeeded`, `InProgress` or `Abandoned`.
    pub status: String,
    /// What the action says of itself.
    pub summary: String,
    /// Where it runs: for CodeDeploy the deployment's id.
    pub external_id: String,
    /// Where people can look at it.
    pub external_url: String,
    /// Why it failed: code and message.
    pub error: Option<(String, String)>,
    /// When its status last changed.
    pub changed: Option<Timestamp>,
}

/// An execution of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// `Failed`, `Succeeded`, `InProgress`, `Superseded` and others.
    pub status: String,
    /// Why it has that status.
    pub summary: String,
    /// Whether it brings an earlier state back.
    pub is_rollback: bool,
    /// What began it, such as `WebhookV2`.
    pub trigger: String,
    /// Who, or what of it.
    pub trigger_detail: String,
    /// What it carries.
    pub revisions: Vec<Revision>,
}

/// What an execution carries from one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revision {
    /// The commit's id, or the object's version.
    pub id: String,
    /// The commit's message, by itself or in JSON.
    pub summary: String,
    /// Where people can look at it.
    pub url: String,
}

/// How an attempt to run a stage again came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It runs again.
    Begun,
    /// The pipeline is busy: later.
    Busy {
        /// What CodePipeline says.
        message: String,
    },
    /// A newer execution went on in that stage.
    Superseded {
        /// What CodePipeline says.
        message: String,
    },
    /// It cannot be run again: its structure or its state changed, or nothing failed there.
    NotRetryable {
        /// What CodePipeline says.
        message: String,
    },
}

impl Pipelines {
    /// The names of all pipelines.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn names(&self) -> Result<Vec<String>, AwsError> {
        let mut pages = self.client.get().list_pipelines().into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("ListPipelines", None, &error))?;
            names.extend(page.pipelines().iter().filter_map(|pipeline| pipeline.name()).map(str::to_owned));
        }
        Ok(names)
    }

    /// The stages of a pipeline as they stand; `None` if there is no such pipeline.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn stages(&self, pipeline: &str) -> Result<Option<Vec<Stage>>, AwsError> {
        self.counter.read();
        match self.client.get().get_pipeline_state().name(pipeline).send().await {
            Ok(reply) => Ok(Some(reply.stage_states().iter().map(stage).collect())),
            Err(error) => {
                let error = AwsError::new("GetPipelineState", Some(pipeline), &error);
                if error.is("PipelineNotFoundException") { Ok(None) } else { Err(error) }
            }
        }
    }

    /// An execution of a pipeline; `None` if there is none, or not any more.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn execution(&self, pipeline: &str, id: &str) -> Result<Option<Execution>, AwsError> {
        self.counter.read();
        let request = self.client.get().get_pipeline_execution();
        match request.pipeline_name(pipeline).pipeline_execution_id(id).send().await {
            Ok(reply) => Ok(reply.pipeline_execution().map(execution)),
            Err(error) => {
                let subject = format!("{id} of {pipeline}");
                let error = AwsError::new("GetPipelineExecution", Some(&subject), &error);
                let unknown = ["PipelineExecutionNotFoundException", "PipelineNotFoundException"];
                if unknown.iter().any(|code| error.is(code)) { Ok(None) } else { Err(error) }
            }
        }
    }

    /// What the actions of an execution did; empty if there is no such execution. The newest hundred actions are looked at.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn done_in(&self, pipeline: &str, id: &str) -> Result<Done, AwsError> {
        self.counter.read();
        let filter = ActionExecutionFilter::builder().pipeline_execution_id(id).build();
        let request = self.client.get().list_action_executions();
        match request.pipeline_name(pipeline).filter(filter).max_results(MOST_ACTIONS).send().await {
            Ok(reply) => Ok(done(reply.action_execution_details())),
            Err(error) => {
                let subject = format!("{id} of {pipeline}");
                let error = AwsError::new("ListActionExecutions", Some(&subject), &error);
                let unknown = ["PipelineExecutionNotFoundException", "PipelineNotFoundException"];
                if unknown.iter().any(|code| error.is(code)) { Ok(Done::default()) } else { Err(error) }
            }
        }
    }

    /// Runs the failed actions of a stage again, in the same execution.
    ///
    /// The SDK's own repetition after a lost reply is harmless: a stage that runs again is busy, and not retryable.
    ///
    /// # Errors
    /// When AWS does not answer, which leaves open whether the stage runs again, or refuses otherwise than [`Retry`] says.
    pub async fn retry(&self, pipeline: &str, stage: &str, execution: &str) -> Result<Retry, AwsError> {
        self.counter.write();
        let result = self
            .client
            .get()
            .retry_stage_execution()
            .pipeline_name(pipeline)
            .stage_name(stage)
            .pipeline_execution_id(execution)
            .retry_mode(StageRetryMode::FailedActions)
            .send()
            .await;
        match result {
            Ok(_) => Ok(Retry::Begun),
            Err(error) => {
                let subject = format!("{stage} of {pipeline}, execution {execution}");
                understand(AwsError::new("RetryStageExecution", Some(&subject), &error))
            }
        }
    }
}

/// What actions did, the newest first.
fn done(actions: &[ActionExecutionDetail]) -> Done {
    let mut done = Done::default();
    let mut seen = BTreeSet::new();
    for action in actions {
        let variables = action.output().and_then(|output| output.output_variables());
        for (name, value) in variables.into_iter().flatten() {
            done.variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
        // Of an action that was tried again, only what it came to at last.
        if !seen.insert((action.stage_name(), action.action_name())) {
            continue;
        }
        let provider = action.input().and_then(|input| input.action_type_id()).map(ActionTypeId::provider);
        let result = action.output().and_then(|output| output.execution_result());
        let external = result.and_then(|result| result.external_execution_id());
        let failed = action.status() == Some(&ActionExecutionStatus::Failed);
        if let Some(id) = external.filter(|id| failed && provider == Some("CodeDeploy") && !id.is_empty()) {
            done.failed_deployments.insert(id.to_owned());
        }
    }
    done
}

fn understand(error: AwsError) -> Result<Retry, AwsError> {
    match error.code.as_deref() {
        Some("ConflictException" | "ConcurrentPipelineExecutionsLimitExceededException") => {
            Ok(Retry::Busy { message: error.message })
        }
        Some("NotLatestPipelineExecutionException") => Ok(Retry::Superseded { message: error.message }),
        Some("StageNotRetryableException" | "PipelineNotFoundException" | "StageNotFoundException") => {
            Ok(Retry::NotRetryable { message: error.message })
        }
        _ => Err(error),
    }
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn stage(state: &aws_sdk_codepipeline::types::StageState) -> Stage {
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    Stage {
        name: text(state.stage_name()),
        execution: state.latest_execution().map(|run| StageRun {
            execution: run.pipeline_execution_id().to_owned(),
            status: StageExecutionStatus::as_str(run.status()).to_owned(),
        }),
        actions: state.action_states().iter().map(action).collect(),
        retries: state
            .retry_stage_metadata()
            .map(|retries| (number(retries.auto_stage_retry_attempt()), number(retries.manual_stage_retry_attempt()))),
    }
}

fn action(state: &aws_sdk_codepipeline::types::ActionState) -> Action {
    Action {
        name: text(state.action_name()),
        run: state.latest_execution().map(|run| ActionRun {
            id: text(run.action_execution_id()),
            status: text(run.status().map(ActionExecutionStatus::as_str)),
            summary: text(run.summary()),
            external_id: text(run.external_execution_id()),
            external_url: text(run.external_execution_url()),
            error: run.error_details().map(|error| (text(error.code()), text(error.message()))),
            changed: run.last_status_change().and_then(|time| Timestamp::from_second(time.secs()).ok()),
        }),
    }
}

fn execution(execution: &aws_sdk_codepipeline::types::PipelineExecution) -> Execution {
    let trigger = execution.trigger();
    Execution {
        status: text(execution.status().map(PipelineExecutionStatus::as_str)),
        summary: text(execution.status_summary()),
        is_rollback: execution.execution_type() == Some(&ExecutionType::Rollback),
        trigger: text(trigger.and_then(|trigger| trigger.trigger_type()).map(TriggerType::as_str)),
        trigger_detail: text(trigger.and_then(|trigger| trigger.trigger_detail())),
        revisions: execution
            .artifact_revisions()
            .iter()
            .map(|revision| Revision {
                id: text(revision.revision_id()),
                summary: text(revision.revision_summary()),
                url: text(revision.revision_url()),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trouble;

    #[test]
    fn a_refused_retry_says_whether_to_come_again() {
        let refused = |code: &str| AwsError {
            operation: "RetryStageExecution",
            subject: None,
            trouble: Trouble::Other,
            code: Some(code.to_owned()),
            message: "no".to_owned(),
            request_id: None,
        };
        let message = || "no".to_owned();
        for (code, retry) in [
            ("ConflictException", Retry::Busy { message: message() }),
            ("ConcurrentPipelineExecutionsLimitExceededException", Retry::Busy { message: message() }),
            ("NotLatestPipelineExecutionException", Retry::Superseded { message: message() }),
            ("StageNotRetryableException", Retry::NotRetryable { message: message() }),
            ("StageNotFoundException", Retry::NotRetryable { message: message() }),
            ("PipelineNotFoundException", Retry::NotRetryable { message: message() }),
        ] {
            assert_eq!(understand(refused(code)), Ok(retry), "{code}");
        }
        assert!(understand(refused("ValidationException")).is_err());
    }
}
