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

mod fields;

use serde_json::{Map, Value};

pub use self::fields::CommandError;
use self::fields::{Fields, kind, shortened, shown};
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

/// How many days `history` tells of when it is not said.
pub const HISTORY_DAYS: u32 = 30;
/// The most days that `history` tells of.
pub const MOST_HISTORY_DAYS: u32 = 400;
/// The most instances that one order may ask for; the limits of the fleet come on top.
pub const MOST_VICTIMS: u32 = 20;

impl Command {
    /// Reads a command.
    ///
    /// # Errors
    /// With the field that is wrong and what would be right.
    pub fn decode(payload: &Value) -> Result<Self, CommandError> {
        let object = payload.as_object().ok_or(CommandError::NotAnObject { found: kind(payload) })?;
        let name = match object.get("command") {
            None | Some(Value::Null) => return Err(CommandError::NoCommand),
            Some(Value::String(name)) => name.as_str(),
            Some(other) => return Err(CommandError::UnknownCommand { found: shown(other).replace('`', "") }),
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
