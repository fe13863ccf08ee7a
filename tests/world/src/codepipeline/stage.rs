//! How far is an execution in a stage, and in its actions?

use jiff::Timestamp;
use serde::Serialize;

use super::{Execution, ExecutionStatus};
use crate::spec::{ActionKind, ActionSpec, StageSpec};

/// A stage as an execution has it.
#[derive(Debug, Clone, Serialize)]
pub struct StageRun {
    /// Its name.
    pub name: String,
    /// `InProgress`, `Succeeded` or `Failed`.
    pub status: ExecutionStatus,
    /// When the execution entered it.
    pub started: Timestamp,
    /// How often it was retried by hand.
    pub retries: u32,
    /// When it was last retried: its later events tell `[doc]`.
    pub retried: Option<Timestamp>,
}

/// An action as an execution has it.
#[derive(Debug, Clone, Serialize)]
pub struct ActionRun {
    /// `actionExecutionId`
    pub id: String,
    /// Its stage.
    pub stage: String,
    /// Its name.
    pub name: String,
    /// `InProgress`, `Succeeded` or `Failed`.
    pub status: ExecutionStatus,
    /// When it began.
    pub started: Timestamp,
    /// When its status last changed.
    pub updated: Timestamp,
    /// The deployment or the build.
    pub external: Option<String>,
    /// What came of it, in words.
    pub summary: Option<String>,
    /// `errorDetails`: code and message.
    pub error: Option<(&'static str, String)>,
}

impl Execution {
    pub(crate) fn stage_spec(&self, name: &str) -> Option<&StageSpec> {
        self.plan.as_deref()?.stages.iter().find(|stage| stage.name == name)
    }

    pub(crate) fn action_spec(&self, run: &ActionRun) -> Option<&ActionSpec> {
        self.stage_spec(&run.stage)?.actions.iter().find(|action| action.name == run.name)
    }

    pub(crate) fn stage(&self, name: &str) -> Option<&StageRun> {
        self.stages.iter().find(|stage| stage.name == name)
    }

    /// The newest run of an action.
    pub(crate) fn latest(&self, stage: &str, action: &str) -> Option<&ActionRun> {
        self.actions.iter().rev().find(|run| run.stage == stage && run.name == action)
    }

    /// The newest runs of a stage's actions, those that have begun.
    pub(crate) fn latest_of<'a>(&'a self, stage: &'a StageSpec) -> impl Iterator<Item = &'a ActionRun> {
        stage.actions.iter().filter_map(|action| self.latest(&stage.name, &action.name))
    }
}

impl ActionKind {
    /// Category, owner, provider.
    pub(crate) const fn kind(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Source => ("Source", "AWS", "CodeStarSourceConnection"),
            Self::Deploy { .. } => ("Deploy", "AWS", "CodeDeploy"),
            Self::Build { .. } => ("Build", "AWS", "CodeBuild"),
        }
    }
}

impl ActionRun {
    /// Where the console shows what it has begun.
    pub(crate) fn url(&self, kind: &ActionKind) -> Option<String> {
        use crate::world::REGION;
        let external = self.external.as_ref()?;
        match kind {
            ActionKind::Source => None,
            ActionKind::Deploy { .. } => {
                Some(format!("https://console.aws.amazon.com/codedeploy/home?region={REGION}#/deployments/{external}"))
            }
            ActionKind::Build { .. } => Some(format!(
                "https://console.aws.amazon.com/codebuild/home?region={REGION}#/builds/{external}/view/new"
            )),
        }
    }
}
