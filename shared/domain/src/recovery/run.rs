//! What does CodePipeline say of a pipeline and of one execution?

use std::collections::BTreeSet;

use serde_json::Value;

use super::Seen;
use crate::{
    event::{Trigger, text},
    ids::{DeploymentId, ExecutionId, StageName},
};

/// What `GetPipelineState` shows: for each stage the execution that was there last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineLook {
    /// The stages in their order.
    pub stages: Vec<StageLook>,
}

/// A stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageLook {
    /// Its name.
    pub name: StageName,
    /// The execution that was there last.
    pub execution: Option<ExecutionId>,
    /// How that went.
    pub status: RunStatus,
    /// `manualStageRetryAttempt` and `autoStageRetryAttempt` together: retries of the stage in that execution, by us, by people and by
    /// CodePipeline itself.
    pub retries: u32,
    /// Its actions.
    pub actions: Vec<ActionLook>,
}

/// An action of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionLook {
    /// Its name.
    pub name: String,
    /// How its last execution went.
    pub status: RunStatus,
    /// The provider's own id for the work.
    pub external: Option<String>,
    /// `errorDetails`, or the summary for want of them.
    pub error: Option<String>,
}

/// How an execution of a pipeline, stage or action stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// At work, or about to be stopped.
    InProgress,
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// A newer execution took its place.
    Superseded,
    /// Stopped, cancelled, abandoned or skipped.
    Ended(String),
    /// Never begun, or a status newer than this code.
    Unknown(String),
}

impl From<&str> for RunStatus {
    fn from(name: &str) -> Self {
        match name {
            "InProgress" | "Stopping" => Self::InProgress,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Superseded" => Self::Superseded,
            "Stopped" | "Cancelled" | "Abandoned" | "Skipped" => Self::Ended(name.to_owned()),
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl ActionLook {
    /// The deployment, if the action is one of CodeDeploy: only its ids look like this.
    #[must_use]
    pub fn deployment(&self) -> Option<DeploymentId> {
        self.external.as_deref().filter(|id| id.starts_with("d-")).map(DeploymentId::from)
    }

    /// Whether the action is one of CodeDeploy, by its deployment, or by its error where it never got one.
    #[must_use]
    pub fn is_deployment(&self) -> bool {
        let told = |error: &String| error.to_lowercase().contains("codedeploy") || error.contains("Deployment Group");
        self.deployment().is_some() || self.error.as_ref().is_some_and(told)
    }
}

impl StageLook {
    /// The actions that failed.
    pub fn failed(&self) -> impl Iterator<Item = &ActionLook> {
        self.actions.iter().filter(|action| action.status == RunStatus::Failed)
    }
}

impl PipelineLook {
    /// The stage where an execution was last seen, furthest down the pipeline; the one that failed, if one did.
    #[must_use]
    pub fn stage_of(&self, execution: &ExecutionId) -> Option<&StageLook> {
        let mut there = self.stages.iter().filter(|stage| stage.execution.as_ref() == Some(execution)).rev();
        let last = there.clone().next();
        there.find(|stage| stage.status == RunStatus::Failed).or(last)
    }

    /// The deployments that failed in an execution.
    #[must_use]
    pub fn deployments(&self, execution: &ExecutionId) -> BTreeSet<DeploymentId> {
        self.stage_of(execution).into_iter().flat_map(StageLook::failed).filter_map(ActionLook::deployment).collect()
    }

    /// The deployments that CodeDeploy names as the reason why it took no other: a group has one at a time.
    #[must_use]
    pub fn blocking(&self, execution: &ExecutionId) -> BTreeSet<DeploymentId> {
        let refused = self.stage_of(execution).into_iter().flat_map(StageLook::failed);
        let errors = refused.filter(|action| action.deployment().is_none()).filter_map(|action| action.error.as_ref());
        let words = errors.flat_map(|error| error.split(|c: char| !c.is_ascii_alphanumeric() && c != '-'));
        words.filter(|word| word.starts_with("d-") && word.len() > 8).map(DeploymentId::from).collect()
    }

    /// The execution whose deployment failed and is still where it failed, if any: the one nearest to the pipeline's end.
    #[must_use]
    pub fn failed_execution(&self) -> Option<&ExecutionId> {
        let failed =
            |stage: &&StageLook| stage.status == RunStatus::Failed && stage.failed().any(ActionLook::is_deployment);
        self.stages.iter().rev().find(failed).and_then(|stage| stage.execution.as_ref())
    }
}

/// What `GetPipelineExecution` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutionLook {
    /// How it stands.
    pub status: RunStatus,
    /// The revision that it carries.
    pub commit: Option<Commit>,
}

/// What a commit is known by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// The hash, or whatever the source calls a revision.
    pub id: String,
    /// The first line of its message.
    pub message: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Where to see it.
    pub url: Option<String>,
    /// The branch or tag.
    pub branch: Option<String>,
}

impl Commit {
    /// From an entry of `artifactRevisions`. For `CodeConnections` the summary is JSON in a string
    /// (`{"ProviderType":"GitHub","CommitMessage":"…"}`); for other sources it is the message itself.
    #[must_use]
    pub fn of_revision(id: Option<&str>, summary: Option<&str>, url: Option<&str>) -> Option<Self> {
        let json = summary.and_then(|summary| serde_json::from_str::<Value>(summary).ok()).filter(Value::is_object);
        let message = match &json {
            Some(json) => text(json, "CommitMessage"),
            None => summary.map(str::trim).filter(|summary| !summary.is_empty()),
        };
        let author = json.as_ref().and_then(|json| text(json, "AuthorDisplayName").or_else(|| text(json, "AuthorId")));
        let id = id.map(str::trim).filter(|id| !id.is_empty())?;
        Some(Self {
            id: id.to_owned(),
            message: message.and_then(first_line),
            author: author.map(str::to_owned),
            url: url.map(str::trim).filter(|url| url.starts_with("https://")).map(str::to_owned),
            branch: None,
        })
    }

    /// From what the event knows.
    #[must_use]
    pub fn of_trigger(trigger: &Trigger) -> Option<Self> {
        let id = trigger.commit.clone()?;
        let url = match (trigger.provider.as_deref(), &trigger.repository) {
            (Some("GitHub"), Some(repository)) => Some(format!("https://github.com/{repository}/commit/{id}")),
            (Some("GitLab"), Some(repository)) => Some(format!("https://gitlab.com/{repository}/-/commit/{id}")),
            (Some("Bitbucket"), Some(repository)) => Some(format!("https://bitbucket.org/{repository}/commits/{id}")),
            _ => None,
        };
        Some(Self {
            id,
            message: trigger.message.as_deref().and_then(first_line),
            author: trigger.author.clone(),
            url,
            branch: trigger.branch.clone(),
        })
    }

    /// What both know, the event first: it has the author's name, which the execution often lacks.
    #[must_use]
    pub fn known(trigger: Option<&Trigger>, execution: &Seen<Option<ExecutionLook>>) -> Option<Self> {
        let read = execution.as_ref().ok().and_then(Option::as_ref).and_then(|execution| execution.commit.clone());
        match (trigger.and_then(Self::of_trigger), read) {
            (Some(told), Some(read)) if told.id == read.id => Some(Self {
                message: told.message.or(read.message),
                author: told.author.or(read.author),
                url: told.url.or(read.url),
                branch: told.branch.or(read.branch),
                id: told.id,
            }),
            (Some(told), _) => Some(told),
            (None, read) => read,
        }
    }
}

fn first_line(text: &str) -> Option<String> {
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}
