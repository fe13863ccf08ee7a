//! What does a person ask for?
//!
//! ```json
//! {"command": "check", "fleet": "web"}
//! {"command": "check"}
//! ```

use serde_json::Value;
use thiserror::Error;

use crate::ids::FleetName;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Look at fleets that are there and say what keeps the reflexes from them.
    Check {
        /// Only this fleet.
        fleet: Option<FleetName>,
    },
}

/// Why a payload is no command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0}: the payload must be CloudFormation's request, or {{\"command\":\"check\"}}, with \"fleet\" for one fleet only"
)]
pub struct CommandError(String);

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// When the payload is anything else.
    pub fn decode(payload: &Value) -> Result<Self, CommandError> {
        let Some(fields) = payload.as_object() else { return Err(CommandError("it is no JSON object".to_owned())) };
        if let Some(unknown) = fields.keys().find(|key| !["command", "fleet"].contains(&key.as_str())) {
            return Err(CommandError(format!("there is no field `{}`", short(unknown))));
        }
        match fields.get("command").and_then(Value::as_str) {
            Some("check") => {}
            Some(other) => return Err(CommandError(format!("there is no command `{}`", short(other)))),
            None => return Err(CommandError("the field `command` is missing or no text".to_owned())),
        }
        let fleet = match fields.get("fleet") {
            None | Some(Value::Null) => None,
            Some(Value::String(fleet)) if !fleet.trim().is_empty() => Some(FleetName::from(fleet.trim())),
            Some(_) => return Err(CommandError("the field `fleet` is no name".to_owned())),
        };
        Ok(Self::Check { fleet })
    }
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
