//! Which pipeline, stage or action changed its state, and how did it end?
//!
//! CodePipeline delivers these at least once, in any order: the events of one failure (action, stage, pipeline) arrive within a second, and were
//! seen shuffled. Numbers come as floats (`6.0`), the action type's `version` as a string; members of `execution-result` may be absent, one by one.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "8c06b588-3244-2a8e-443d-d0567a0c4c0a",
//!   "detail-type": "CodePipeline Action Execution State Change",
//!   "source": "aws.codepipeline",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:23:07Z",
//!   "region": "us-west-2",
//!   "resources": ["arn:aws:codepipeline:us-west-2:123456789012:web"],
//!   "detail": {
//!     "pipeline": "web",
//!     "execution-id": "07e563b5-8802-4efe-94cc-e864390dd7af",
//!     "start-time": "2026-05-07T13:22:34.629Z",
//!     "stage": "Deploy",
//!     "execution-result": {
//!       "external-execution-url": "https://console.aws.amazon.com/codedeploy/home?region=us-west-2#/deployments/d-KH37TM9SF",
//!       "external-execution-summary": "Deployment d-KH37TM9SF failed",
//!       "external-execution-id": "d-KH37TM9SF",
//!       "error-code": "JobFailed"
//!     },
//!     "action-execution-id": "57c50aea-1805-43a9-bef6-3662b6a83879",
//!     "action": "CodeDeploy",
//!     "state": "FAILED",
//!     "region": "us-west-2",
//!     "type": { "owner": "AWS", "provider": "CodeDeploy", "category": "Deploy", "version": "1" },
//!     "version": 6.0,
//!     "pipeline-execution-attempt": 1.0
//!   }
//! }
//! ```

use serde_json::Value;

use super::{Detail, Ignored, text};
use crate::ids::{DeploymentId, ExecutionId, PipelineName, StageName};

/// The `detail-type` of a whole pipeline's event.
pub(crate) const PIPELINE: &str = "CodePipeline Pipeline Execution State Change";
/// The `detail-type` of a stage's event.
pub(crate) const STAGE: &str = "CodePipeline Stage Execution State Change";
/// The `detail-type` of an action's event.
pub(crate) const ACTION: &str = "CodePipeline Action Execution State Change";

/// A pipeline, stage or action that changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineChange {
    /// The pipeline.
    pub pipeline: PipelineName,
    /// Its execution.
    pub execution: ExecutionId,
    /// The new state.
    pub phase: PipelinePhase,
    /// 1 for the first attempt, 2 after one retry; a stage's event may say 0 before any retry.
    pub attempt: Option<u32>,
    /// What of the pipeline changed.
    pub level: Level,
    /// What started the execution, where the event says so.
    pub trigger: Option<Trigger>,
}

/// How a pipeline, stage or action stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelinePhase {
    /// It failed.
    Failed,
    /// A failed stage is tried again.
    Resumed,
    /// It succeeded.
    Succeeded,
    /// Any other state, such as `STARTED` or `SUPERSEDED`.
    Other(String),
}

/// What of a pipeline changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Level {
    /// All of it.
    Pipeline,
    /// A stage.
    Stage(StageName),
    /// An action.
    Action {
        /// Its stage.
        stage: Option<StageName>,
        /// Its name.
        action: Option<String>,
        /// This execution of it.
        execution: Option<String>,
        /// Who carries it out, such as `CodeDeploy`.
        provider: Option<String>,
        /// How it ended.
        result: ActionResult,
    },
}

/// How an action ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActionResult {
    /// The provider's own id for the work: for CodeDeploy, the deployment.
    pub id: Option<String>,
    /// CodePipeline's code, such as `JobFailed`.
    pub code: Option<String>,
    /// CodePipeline's sentence.
    pub summary: Option<String>,
}

impl ActionResult {
    /// The deployment, if the id is one's.
    #[must_use]
    pub fn deployment(&self) -> Option<DeploymentId> {
        self.id.as_deref().filter(|id| id.starts_with("d-")).map(DeploymentId::from)
    }
}

/// What started an execution, as the terminal event of a V2 pipeline with a git trigger says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The author's name.
    pub author: Option<String>,
    /// The commit.
    pub commit: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// `owner/name`.
    pub repository: Option<String>,
    /// The branch or tag.
    pub branch: Option<String>,
    /// Where the repository lives, such as `GitHub`.
    pub provider: Option<String>,
}

pub(crate) fn decode(detail: &Detail<'_>) -> Result<PipelineChange, Ignored> {
    let level = match detail.detail_type {
        STAGE => Level::Stage(detail.required("stage")?.into()),
        ACTION => {
            let result = detail.members.get("execution-result").unwrap_or(&Value::Null);
            let owned = |member| text(result, member).map(str::to_owned);
            Level::Action {
                stage: detail.optional("stage").map(StageName::from),
                action: detail.optional("action").map(str::to_owned),
                execution: detail.optional("action-execution-id").map(str::to_owned),
                provider: detail.members.get("type").and_then(|kind| text(kind, "provider")).map(str::to_owned),
                result: ActionResult {
                    id: owned("external-execution-id"),
                    code: owned("error-code"),
                    summary: owned("external-execution-summary"),
                },
            }
        }
        _ => Level::Pipeline,
    };
    Ok(PipelineChange {
        pipeline: detail.required("pipeline")?.into(),
        execution: detail.required("execution-id")?.into(),
        phase: match detail.required("state")? {
            "FAILED" => PipelinePhase::Failed,
            "RESUMED" => PipelinePhase::Resumed,
            "SUCCEEDED" => PipelinePhase::Succeeded,
            other => PipelinePhase::Other(other.to_owned()),
        },
        attempt: detail.members.get("pipeline-execution-attempt").and_then(count),
        level,
        trigger: detail.members.get("execution-trigger").and_then(trigger),
    })
}

/// The trigger; on `STARTED` events it is a type and a detail, which say nothing about a commit.
fn trigger(value: &Value) -> Option<Trigger> {
    let owned = |member| text(value, member).map(str::to_owned);
    let trigger = Trigger {
        author: owned("author-display-name").or_else(|| owned("author-id")).or_else(|| owned("author-email")),
        commit: owned("commit-id"),
        message: owned("commit-message"),
        repository: owned("full-repository-name"),
        branch: owned("branch-name").or_else(|| owned("tag-name")),
        provider: owned("provider-type"),
    };
    (trigger != Trigger::default()).then_some(trigger)
}

/// A small whole number, written as `2`, `2.0`, `"2"` or `"2.0"`.
fn count(value: &Value) -> Option<u32> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // Through text: a float has no checked conversion to an integer. A fraction or a minus fails to parse, as it should.
    format!("{number:.0}").parse().ok().filter(|_| number.fract() == 0.0)
}
