//! What woke us, and which failure is it about?

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

use super::{Command, CommandError};
use crate::{
    event::{
        DeploymentChange, DeploymentPhase, Detail, Ignored, Level, PipelineChange, PipelinePhase, Trigger, deployment,
        pipeline, text, time,
    },
    ids::{DeploymentId, ExecutionId, InstanceId, PipelineName, StageName},
};

/// What woke us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    /// EventBridge's id of the event; empty for a command, and when the sender left it out.
    pub id: String,
    /// When it happened, by its source's clock.
    pub time: Option<Timestamp>,
    /// What is asked.
    pub call: Call,
    /// What the event knows and reads may not show.
    pub hints: Hints,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Something failed: find out why, cure it, tell.
    Failed(Subject),
    /// An execution that had failed went through: tell, if a failure was told or cured.
    Succeeded(Subject),
    /// A wait is over: go on.
    LookAgain(Subject),
    /// A person asks.
    Command(Command),
    /// Time for a look at every pipeline that is known: events get lost.
    Sweep,
}

/// What one piece of work, and one message, is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An execution of a pipeline, through all its attempts.
    Execution {
        /// The pipeline.
        pipeline: PipelineName,
        /// The execution.
        execution: ExecutionId,
    },
    /// A deployment that no pipeline answers for.
    Deployment(DeploymentId),
}

impl Subject {
    /// The same failure has the same key, whichever event told it: CodePipeline tells one up to three times, and each time again.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Execution { pipeline, execution } => format!("{pipeline}/{execution}"),
            Self::Deployment(deployment) => deployment.to_string(),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Execution { pipeline, execution } => write!(f, "execution `{execution}` of `{pipeline}`"),
            Self::Deployment(deployment) => write!(f, "deployment `{deployment}`"),
        }
    }
}

/// What an event knows. A read of the same thing outweighs it, except for the attempt: of two counts the larger is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The account, as the envelope says.
    pub account: Option<String>,
    /// The region, as the envelope says.
    pub region: Option<String>,
    /// The stage that failed.
    pub stage: Option<StageName>,
    /// The action that failed.
    pub action: Option<String>,
    /// This execution of the action that failed.
    pub action_execution: Option<String>,
    /// Who carried the action out.
    pub provider: Option<String>,
    /// Deployments that failed.
    pub deployments: BTreeSet<DeploymentId>,
    /// The instance that failed.
    pub instance: Option<InstanceId>,
    /// The application of the deployment.
    pub application: Option<String>,
    /// The deployment group of the deployment.
    pub group: Option<String>,
    /// 1 for the first attempt of the execution, 2 after one retry.
    pub attempt: Option<u32>,
    /// Who and what started the execution.
    pub trigger: Option<Trigger>,
    /// Whether the event said that the execution succeeded, which reads may not show yet.
    pub succeeded: bool,
    /// When the failure was first told: the event's time, or the first event's where a wait lies between. Patience runs from here.
    pub since: Option<Timestamp>,
}

/// Why nothing is done about a payload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NoWake {
    /// An event that asks for nothing. Report it and be done.
    #[error("{0}")]
    Ignored(Ignored),
    /// A command that is not understood. Answer it.
    #[error(transparent)]
    Command(#[from] CommandError),
}

impl From<Ignored> for NoWake {
    fn from(ignored: Ignored) -> Self {
        Self::Ignored(ignored)
    }
}

impl Wake {
    /// Reads what a function was invoked with: an event as EventBridge delivers it, or a command.
    ///
    /// # Errors
    /// Never in the sense of "try again": the `Err` says why nothing is done.
    pub fn decode(payload: &Value) -> Result<Self, NoWake> {
        if payload.get("command").is_some() {
            return Self::of_command(payload);
        }
        let detail_type = text(payload, "detail-type").ok_or(Ignored::NotAnEvent)?;
        let detail = Detail::of(payload, detail_type);
        let source = text(payload, "source").unwrap_or_default();
        let (call, hints) = match (source, detail_type) {
            ("aws.codepipeline", pipeline::PIPELINE | pipeline::STAGE | pipeline::ACTION) => {
                of_pipeline(pipeline::decode(&detail)?)?
            }
            ("aws.codedeploy", deployment::DEPLOYMENT | deployment::INSTANCE) => {
                of_deployment(deployment::decode(&detail)?)?
            }
            ("aws.events" | "aws.scheduler", "Scheduled Event") => (Call::Sweep, Hints::default()),
            _ => {
                let (source, detail_type) = (source.to_owned(), detail_type.to_owned());
                return Err(Ignored::UnknownKind { source, detail_type }.into());
            }
        };
        let owned = |member| text(payload, member).map(str::to_owned);
        Ok(Self {
            id: owned("id").unwrap_or_default(),
            time: time(payload, "time"),
            call,
            hints: Hints { account: owned("account"), region: owned("region"), since: time(payload, "time"), ..hints },
        })
    }

    fn of_command(payload: &Value) -> Result<Self, NoWake> {
        let command = Command::decode(payload)?;
        let mut hints = Hints::default();
        let call = match command {
            Command::LookAgain { subject, again } => {
                hints = *again;
                Call::LookAgain(subject)
            }
            Command::Sweep => Call::Sweep,
            other => Call::Command(other),
        };
        Ok(Self { id: String::new(), time: None, call, hints })
    }

    /// The payload that makes a function go on with a subject, for whoever calls it again after a wait. `now` counts as the beginning where the
    /// hints have none.
    #[must_use]
    pub fn look_again(subject: &Subject, hints: &Hints, now: Timestamp) -> Value {
        let mut again = json!({ "command": "look-again", "since": hints.since.unwrap_or(now) });
        let action = hints.action.as_ref().filter(|_| hints.provider.is_some()).map(|action| json!(action));
        let fields = match subject {
            Subject::Execution { pipeline, execution } => vec![
                ("pipeline", Some(json!(pipeline))),
                ("execution", Some(json!(execution))),
                ("stage", hints.stage.as_ref().map(|stage| json!(stage))),
                ("action", action),
                ("attempt", hints.attempt.map(|attempt| json!(attempt))),
            ],
            Subject::Deployment(deployment) => vec![("deployment", Some(json!(deployment)))],
        };
        if let Some(object) = again.as_object_mut() {
            object.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        again
    }

    /// What it is about, if it is about one thing.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        match &self.call {
            Call::Failed(subject) | Call::Succeeded(subject) | Call::LookAgain(subject) => Some(subject),
            Call::Command(_) | Call::Sweep => None,
        }
    }

    /// The same for every delivery of the same news: pipeline, execution and action execution, or the deployment.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        let subject = self.subject()?.key();
        Some(match &self.hints.action_execution {
            Some(action) => format!("{subject}/{action}"),
            None => subject,
        })
    }
}

fn of_pipeline(change: PipelineChange) -> Result<(Call, Hints), Ignored> {
    let subject = Subject::Execution { pipeline: change.pipeline.clone(), execution: change.execution.clone() };
    let irrelevant = |what: String| Err(Ignored::Irrelevant { what });
    let mut hints = Hints { attempt: change.attempt, trigger: change.trigger, ..Hints::default() };
    match change.level {
        Level::Pipeline => {}
        Level::Stage(stage) => hints.stage = Some(stage),
        Level::Action { stage, action, execution, provider, result } => {
            if provider.as_deref().is_some_and(|provider| provider != "CodeDeploy") {
                return irrelevant(format!("{subject}: not an action of CodeDeploy"));
            }
            hints.deployments.extend(result.deployment());
            (hints.stage, hints.action, hints.action_execution, hints.provider) = (stage, action, execution, provider);
        }
    }
    match (change.phase, hints.attempt) {
        (PipelinePhase::Failed, _) => Ok((Call::Failed(subject), hints)),
        // An attempt of 1 is the first: there was nothing to recover from.
        (PipelinePhase::Succeeded, Some(0 | 1)) => irrelevant(format!("{subject} succeeded at once")),
        (PipelinePhase::Succeeded, _) if hints.stage.is_none() && hints.provider.is_none() => {
            hints.succeeded = true;
            Ok((Call::Succeeded(subject), hints))
        }
        (PipelinePhase::Succeeded, _) => {
            irrelevant(format!("a part of {subject} succeeded; its end is told by itself"))
        }
        (PipelinePhase::Resumed, _) => irrelevant(format!("{subject} is tried again; its end is told by itself")),
        (PipelinePhase::Other(state), _) => irrelevant(format!("{subject} is {state}")),
    }
}

fn of_deployment(change: DeploymentChange) -> Result<(Call, Hints), Ignored> {
    let subject = Subject::Deployment(change.deployment.clone());
    match change.phase {
        DeploymentPhase::Failure => {
            let hints = Hints {
                deployments: BTreeSet::from([change.deployment]),
                instance: change.instance,
                application: change.application,
                group: change.group,
                ..Hints::default()
            };
            Ok((Call::Failed(subject), hints))
        }
        DeploymentPhase::Other(state) => Err(Ignored::Irrelevant { what: format!("{subject} is {state}") }),
    }
}
