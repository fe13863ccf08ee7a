//! What is the panda asked to do?
//!
//! Commands arrive as the payload of an invocation, from the scheduler or from a person:
//!
//! ```json
//! {"command": "tick"}
//! {"command": "preview", "fleet": "web"}
//! {"command": "kill", "fleet": "web", "reason": "game day", "fault": "crash", "victim": "i-0aaa000000000000a"}
//! {"command": "disarm", "reason": "release week", "fleet": "web"}
//! {"command": "arm", "reason": "release week is over"}
//! {"command": "history", "fleet": "web", "days": 30}
//! ```
//!
//! Decoding is total and strict: whatever is not exactly a command is an error that names the field and lists what there is. A word that is
//! misread as a field that nobody asked for is how the wrong thing dies.

use jiff::Timestamp;
use serde_json::{Map, Value};
use thiserror::Error;

use super::Fault;
use crate::ids::{FleetName, InstanceId};

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Throw the dice for every fleet.
    Tick,
    /// Say what a tick would do now, and when, without doing it.
    Preview {
        /// Only this fleet.
        fleet: Option<FleetName>,
    },
    /// Kill now: every gate, window and limit holds, only the dice are left out.
    Kill(KillOrder),
    /// Kill nothing any more, until somebody arms again.
    Disarm {
        /// Why, for whoever wonders later.
        reason: String,
        /// Only this fleet; without it the whole account and region.
        fleet: Option<FleetName>,
    },
    /// Allow kills again.
    Arm {
        /// Why, for whoever wonders later.
        reason: String,
        /// Only this fleet; without it the account's lever. A fleet that was disarmed by itself stays so.
        fleet: Option<FleetName>,
    },
    /// Tell past experiments.
    History {
        /// Only this fleet.
        fleet: Option<FleetName>,
        /// How many days back.
        days: u32,
    },
}

/// What a person asks to be killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillOrder {
    /// The fleet.
    pub fleet: FleetName,
    /// Why.
    pub reason: String,
    /// How; without it one of the group's faults is drawn.
    pub fault: Option<Fault>,
    /// Whom; without it somebody eligible is drawn.
    pub victim: Option<InstanceId>,
    /// How many.
    pub count: u32,
}

/// Who asks for a kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The dice decide.
    Tick,
    /// A person decided.
    Kill {
        /// What makes a repetition of this order recognisable: the invocation's request id.
        request: String,
        /// The order.
        order: KillOrder,
    },
}

impl Asked {
    /// How many instances are asked for.
    #[must_use]
    pub fn count(&self) -> u32 {
        match self {
            Self::Tick => 1,
            Self::Kill { order, .. } => order.count,
        }
    }
}

/// Why a payload is no command.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CommandError {
    /// Not a JSON object.
    #[error("the payload is {found}, not an object such as {{\"command\":\"preview\"}}; the commands are {COMMANDS}")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
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

const COMMANDS: &str = "`tick`, `preview`, `kill`, `disarm`, `arm` and `history`";

/// How many days `history` tells of when it is not said.
pub const HISTORY_DAYS: u32 = 30;
/// The most days that `history` tells of.
pub const MOST_HISTORY_DAYS: u32 = 400;
/// The most instances that one order may ask for; the limits of the fleet come on top.
pub const MOST_VICTIMS: u32 = 20;
/// The longest text that a field may hold.
const LONGEST: usize = 256;

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// With the field that is wrong and what would be right.
    pub fn decode(payload: &Value) -> Result<Self, CommandError> {
        let object = payload.as_object().ok_or(CommandError::NotAnObject { found: kind(payload) })?;
        let name = match object.get("command") {
            None | Some(Value::Null) => return Err(CommandError::UnknownCommand { found: String::new() }),
            Some(Value::String(name)) => name.as_str(),
            Some(other) => return Err(CommandError::UnknownCommand { found: shown(other) }),
        };
        match name {
            "tick" => {
                Fields::new("tick", object, &[])?;
                Ok(Self::Tick)
            }
            "preview" => {
                let fields = Fields::new("preview", object, &["fleet"])?;
                Ok(Self::Preview { fleet: fields.fleet()? })
            }
            "kill" => kill(object).map(Self::Kill),
            "disarm" => {
                let fields = Fields::new("disarm", object, &["reason", "fleet"])?;
                Ok(Self::Disarm { reason: fields.required("reason", REASON)?, fleet: fields.fleet()? })
            }
            "arm" => {
                let fields = Fields::new("arm", object, &["reason", "fleet"])?;
                Ok(Self::Arm { reason: fields.required("reason", REASON)?, fleet: fields.fleet()? })
            }
            "history" => {
                let fields = Fields::new("history", object, &["fleet", "days"])?;
                Ok(Self::History {
                    fleet: fields.fleet()?,
                    days: fields.number("days", MOST_HISTORY_DAYS)?.unwrap_or(HISTORY_DAYS),
                })
            }
            other => Err(CommandError::UnknownCommand { found: shortened(other) }),
        }
    }

    /// The command's name, as it is written.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tick => "tick",
            Self::Preview { .. } => "preview",
            Self::Kill(_) => "kill",
            Self::Disarm { .. } => "disarm",
            Self::Arm { .. } => "arm",
            Self::History { .. } => "history",
        }
    }
}

const REASON: &str = "a sentence for whoever wonders later";

fn kill(object: &Map<String, Value>) -> Result<KillOrder, CommandError> {
    let fields = Fields::new("kill", object, &["fleet", "reason", "fault", "victim", "count"])?;
    let order = KillOrder {
        fleet: fields.required("fleet", "the fleet's name")?.into(),
        reason: fields.required("reason", REASON)?,
        fault: fields
            .text("fault")?
            .map(|name| name.parse().map_err(|_| fields.bad("fault", format!("`{name}`"), Fault::listed())))
            .transpose()?,
        victim: fields
            .text("victim")?
            .map(|id| {
                let right = || "an instance id such as `i-0123456789abcdef0`".to_owned();
                let named = id.strip_prefix("i-").is_some_and(|rest| {
                    !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                });
                if named {
                    Ok(InstanceId::from(id.as_str()))
                } else {
                    Err(fields.bad("victim", format!("`{id}`"), right()))
                }
            })
            .transpose()?,
        count: fields.number("count", MOST_VICTIMS)?.unwrap_or(1),
    };
    if order.victim.is_some() && order.count > 1 {
        let why = format!("`victim` names one instance and `count` asks for {}; leave one of them out", order.count);
        return Err(CommandError::Contradiction { command: "kill", why });
    }
    Ok(order)
}

/// The fields of a command, known to be no others than it has.
struct Fields<'a> {
    command: &'static str,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn new(
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

    fn bad(&self, field: &'static str, found: String, right: String) -> CommandError {
        CommandError::BadField { command: self.command, field, found, right }
    }

    /// A text that says something; `null` counts as left out.
    fn text(&self, field: &'static str) -> Result<Option<String>, CommandError> {
        let right = || format!("a text of at most {LONGEST} characters that says something");
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Err(self.bad(field, "empty".to_owned(), right())),
            Some(Value::String(text)) if text.chars().count() > LONGEST => {
                Err(self.bad(field, format!("{} characters long", text.chars().count()), right()))
            }
            Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
            Some(other) => Err(self.bad(field, shown(other), right())),
        }
    }

    fn required(&self, field: &'static str, right: &str) -> Result<String, CommandError> {
        self.text(field)?.ok_or_else(|| CommandError::MissingField {
            command: self.command,
            field,
            right: right.to_owned(),
        })
    }

    fn fleet(&self) -> Result<Option<FleetName>, CommandError> {
        Ok(self.text("fleet")?.map(FleetName::from))
    }

    fn number(&self, field: &'static str, most: u32) -> Result<Option<u32>, CommandError> {
        match self.object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value
                .as_u64()
                .and_then(|number| u32::try_from(number).ok())
                .filter(|number| (1..=most).contains(number))
                .map(Some)
                .ok_or_else(|| self.bad(field, shown(value), format!("a whole number from 1 to {most}"))),
        }
    }
}

fn kind(value: &Value) -> &'static str {
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
fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => kind(value).to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("`{}`", shortened(text)),
    }
}

/// A stranger's text, short enough for a log line.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// What a person said about a fleet or the whole account, and when.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Said {
    /// Why.
    pub reason: String,
    /// Who, as far as it is known: a caller's identity, or the panda itself.
    pub by: String,
    /// When.
    pub at: Timestamp,
}
