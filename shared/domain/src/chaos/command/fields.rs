//! What is wrong with a payload that is no command?

use serde_json::{Map, Value};
use thiserror::Error;

use crate::ids::FleetName;

const COMMANDS: &str = "`tick`, `preview`, `kill`, `disarm`, `arm` and `history`";
/// The longest text that a field may hold.
const LONGEST: usize = 256;

/// Why a payload is no command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// Not a JSON object.
    #[error("the payload is {found}, not an object such as {{\"command\":\"preview\"}}; the commands are {COMMANDS}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// An object without a command.
    #[error("the field `command` is missing; the commands are {COMMANDS}")]
    NoCommand,
    /// No such command.
    #[error("there is no command `{found}`; the commands are {COMMANDS}")]
    UnknownCommand {
        /// What was asked for.
        found: String,
    },
    /// A field that the command does not have.
    #[error("`{command}` has no field `{field}`; {fields}")]
    UnknownField {
        /// The command.
        command: &'static str,
        /// The field.
        field: String,
        /// The fields that there are.
        fields: String,
    },
    /// A field that the command needs.
    #[error("`{command}` needs the field `{field}`: {right}")]
    MissingField {
        /// The command.
        command: &'static str,
        /// The field.
        field: &'static str,
        /// What belongs there.
        right: String,
    },
    /// A field with a value that does not belong there.
    #[error("the field `{field}` of `{command}` is {found}; it must be {right}")]
    BadField {
        /// The command.
        command: &'static str,
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
        /// What belongs there.
        right: String,
    },
    /// Fields that contradict each other.
    #[error("`{command}`: {why}")]
    Contradiction {
        /// The command.
        command: &'static str,
        /// What contradicts what.
        why: String,
    },
}

/// The fields of a command, known to be no others than it has.
pub(super) struct Fields<'a> {
    command: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        command: &'static str,
        object: &'a Map<String, Value>,
        known: &[&'static str],
    ) -> Result<Self, CommandError> {
        match object.keys().find(|key| *key != "command" && !known.contains(&key.as_str())) {
            None => Ok(Self { command, object }),
            Some(stray) => {
                let fields = match known {
                    [] => "it has no fields at all".to_owned(),
                    known => format!("its fields are `{}`", known.join("`, `")),
                };
                Err(CommandError::UnknownField { command, field: shortened(stray), fields })
            }
        }
    }

    pub(super) fn bad(&self, field: &'static str, found: String, right: String) -> CommandError {
        CommandError::BadField { command: self.command, field, found, right }
    }

    /// A text that says something. `null` is none: where a field narrows down who is meant, a slip must not widen it.
    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, CommandError> {
        let right = || format!("a text of at most {LONGEST} characters that says something");
        match self.object.get(field) {
            None => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Err(self.bad(field, "empty".to_owned(), right())),
            Some(Value::String(text)) if text.chars().count() > LONGEST => {
                Err(self.bad(field, format!("{} characters long", text.chars().count()), right()))
            }
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(other) => Err(self.bad(field, shown(other), right())),
        }
    }

    pub(super) fn required(&self, field: &'static str, right: &str) -> Result<String, CommandError> {
        self.text(field)?.ok_or_else(|| CommandError::MissingField {
            command: self.command,
            field,
            right: right.to_owned(),
        })
    }

    pub(super) fn fleet(&self) -> Result<Option<FleetName>, CommandError> {
        Ok(self.text("fleet")?.map(FleetName::from))
    }

    pub(super) fn number(&self, field: &'static str, most: u32) -> Result<Option<u32>, CommandError> {
        match self.object.get(field) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| (1..=most).contains(number))
                .map(Some)
                .ok_or_else(|| self.bad(field, shown(value), format!("a whole number from 1 to {most}"))),
        }
    }
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A value as an error quotes it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("`{}`", shortened(text)),
    }
}

/// A stranger's text, short enough for a log line.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
