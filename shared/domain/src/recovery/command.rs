//! What does a person ask for?

use serde_json::{Map, Value};
use thiserror::Error;

use super::{Hints, Subject};
use crate::ids::{DeploymentId, ExecutionId, PipelineName, StageName};

/// A command, as an invocation's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `{"command":"diagnose","deployment":"d-…"}` or `…"pipeline":"web"`: say what is wrong and what would be done, and do nothing.
    Diagnose(Target),
    /// `{"command":"recover","pipeline":"web"}` or `…"deployment":"d-…"`: as if its failure had just been told.
    Recover(Target),
    /// Go on with a subject after a wait; see [`Wake::look_again`](super::Wake::look_again).
    LookAgain {
        /// The subject.
        subject: Subject,
        /// What the first event knew.
        again: Box<Hints>,
    },
    /// `{"command":"sweep"}`: look at every pipeline that is known.
    Sweep,
}

/// What a command is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// What a pipeline shows as failed now: ask [`PipelineLook::failed_execution`](super::PipelineLook::failed_execution); or this execution.
    Pipeline(PipelineName, Option<ExecutionId>),
    /// A deployment.
    Deployment(DeploymentId),
}

/// Why a payload is no command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// No such command.
    #[error(
        "there is no command {found}; the commands are `diagnose` and `recover` (with `deployment`, or `pipeline` and perhaps `execution`), `look-again` and `sweep`"
    )]
    UnknownCommand {
        /// What was asked for.
        found: String,
    },
    /// A field that the command does not have: a slip must not widen what is meant.
    #[error("`{command}` has no field `{field}`; its fields are {fields}")]
    UnknownField {
        /// The command.
        command: String,
        /// The field.
        field: String,
        /// The fields that there are.
        fields: &'static str,
    },
    /// A field with a value that does not belong there.
    #[error("the field `{field}` of `{command}` must be {right}")]
    BadField {
        /// The command.
        command: String,
        /// The field.
        field: &'static str,
        /// What belongs there.
        right: &'static str,
    },
    /// Neither a pipeline nor a deployment, or both.
    #[error("`{command}` needs either `deployment` or `pipeline`")]
    NoTarget {
        /// The command.
        command: String,
    },
}

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// With what is wrong and what would be right.
    pub fn decode(payload: &Value) -> Result<Self, CommandError> {
        let nothing = Map::new();
        let object = payload.as_object().unwrap_or(&nothing);
        let name = match object.get("command") {
            Some(Value::String(name)) => name.as_str(),
            other => {
                let found = if other.is_some() { "that is not a text" } else { "at all in the payload" };
                return Err(CommandError::UnknownCommand { found: found.to_owned() });
            }
        };
        let fields = Fields { name, object };
        match name {
            "diagnose" => fields.target().map(Self::Diagnose),
            "recover" => fields.target().map(Self::Recover),
            "look-again" => {
                fields.only(
                    &["pipeline", "execution", "deployment", "stage", "action", "attempt", "since"],
                    "`pipeline`, `execution`, `stage`, `action`, `attempt`, `deployment` and `since`",
                )?;
                let subject = match fields.named()? {
                    Target::Deployment(deployment) => Subject::Deployment(deployment),
                    Target::Pipeline(pipeline, Some(execution)) => Subject::Execution { pipeline, execution },
                    Target::Pipeline(_, None) => return Err(fields.bad("execution", "an execution's id")),
                };
                let since = fields.text("since", "a time")?;
                let since = since.map(|time| time.parse().map_err(|_| fields.bad("since", "a time"))).transpose()?;
                let action = fields.text("action", "an action's name")?.map(str::to_owned);
                let provider = action.as_ref().map(|_| "CodeDeploy".to_owned());
                let stage = fields.text("stage", "a stage's name")?.map(StageName::from);
                let again = Hints { stage, action, provider, attempt: fields.attempt()?, since, ..Hints::default() };
                Ok(Self::LookAgain { subject, again: Box::new(again) })
            }
            "sweep" => fields.only(&[], "none").map(|()| Self::Sweep),
            other => Err(CommandError::UnknownCommand { found: format!("`{}`", shortened(other)) }),
        }
    }
}

/// A command's fields.
struct Fields<'a> {
    name: &'a str,
    object: &'a Map<String, Value>,
}

impl Fields<'_> {
    fn only(&self, known: &[&str], fields: &'static str) -> Result<(), CommandError> {
        match self.object.keys().find(|key| *key != "command" && !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(field) => {
                Err(CommandError::UnknownField { command: self.name.to_owned(), field: shortened(field), fields })
            }
        }
    }

    fn target(&self) -> Result<Target, CommandError> {
        self.only(&["pipeline", "execution", "deployment"], "`pipeline`, `execution` and `deployment`")?;
        self.named()
    }

    fn named(&self) -> Result<Target, CommandError> {
        let pipeline = self.text("pipeline", "a pipeline's name")?;
        let execution = self.text("execution", "an execution's id")?;
        let deployment = self.text("deployment", "a deployment's id such as `d-KH37TM9SF`")?;
        match (pipeline, deployment) {
            (Some(pipeline), None) => Ok(Target::Pipeline(pipeline.into(), execution.map(ExecutionId::from))),
            (None, Some(deployment)) if execution.is_none() => Ok(Target::Deployment(deployment.into())),
            _ => Err(CommandError::NoTarget { command: self.name.to_owned() }),
        }
    }

    fn text(&self, field: &'static str, right: &'static str) -> Result<Option<&str>, CommandError> {
        match self.object.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text.trim())),
            Some(_) => Err(self.bad(field, right)),
        }
    }

    fn attempt(&self) -> Result<Option<u32>, CommandError> {
        match self.object.get("attempt") {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|attempt| u32::try_from(attempt).ok())
                .map(Some)
                .ok_or_else(|| self.bad("attempt", "a whole number")),
        }
    }

    fn bad(&self, field: &'static str, right: &'static str) -> CommandError {
        CommandError::BadField { command: self.name.to_owned(), field, right }
    }
}

/// A stranger's text, short enough for a log line.
fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}
