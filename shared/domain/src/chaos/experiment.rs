//! What was tried on a fleet, and what became of it?

use std::fmt;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Fault, SiteUrl};
use crate::ids::{FleetName, GroupName, InstanceId};

/// What makes an experiment one and the same, however often it is asked for: `FLEET/SLOT` for a throw of the dice, `FLEET/REQUEST` for a
/// command.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExperimentId(String);

impl ExperimentId {
    /// The id of what a fleet's dice of a slot, or a command's request, ask for.
    #[must_use]
    pub fn new(fleet: &FleetName, key: impl fmt::Display) -> Self {
        Self(format!("{fleet}/{key}"))
    }

    /// The id as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExperimentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A fault put into a fleet on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// Its identity.
    pub id: ExperimentId,
    /// The fleet.
    pub fleet: FleetName,
    /// The group of it that is hit.
    pub group: GroupName,
    /// Whether it is only said.
    pub leashed: bool,
    /// Why now.
    pub trigger: Trigger,
    /// What is done.
    pub fault: Fault,
    /// To whom.
    pub victims: Vec<Victim>,
    /// When it was decided.
    pub started: Timestamp,
    /// The fleet's work day that it counts for.
    pub day: Date,
    /// Until when the fleet must have healed.
    pub heal_by: Timestamp,
    /// How many instances the group was asked to keep.
    pub desired: u32,
    /// Who was in the group before.
    pub members: Vec<InstanceId>,
    /// The fleet's Elastic IPs in dotted form, each with who held it.
    pub addresses: Vec<HeldAddress>,
    /// What to ask whether the site answers.
    pub url: Option<SiteUrl>,
    /// When the fault was put in, once AWS has confirmed it. Absent on a leashed experiment, and when nobody lived to write it down.
    #[serde(default)]
    pub struck: Option<Timestamp>,
    /// What became of it, once it is over.
    #[serde(default)]
    pub outcome: Option<Outcome>,
}

/// Why an experiment was made when it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "by")]
pub enum Trigger {
    /// The dice fell.
    Tick {
        /// The slot.
        slot: i64,
        /// What was thrown.
        thrown: f64,
        /// What it had to be below.
        odds: f64,
    },
    /// Somebody asked for it.
    Command {
        /// The invocation's request id.
        request: String,
        /// Why.
        reason: String,
    },
}

/// An instance that is hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Victim {
    /// The instance.
    pub instance: InstanceId,
    /// Its Availability Zone.
    pub zone: String,
    /// The fleet's Elastic IPs that it held.
    pub holds: Vec<String>,
}

/// An Elastic IP and who held it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldAddress {
    /// The address in dotted form.
    pub public_ip: String,
    /// Its holder.
    pub holder: Option<InstanceId>,
}

/// What became of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// In one word.
    pub verdict: Verdict,
    /// When it was closed.
    pub closed: Timestamp,
    /// Seconds from the strike until the fleet was whole; `None` after a fault that must break nothing.
    pub heal_seconds: Option<u64>,
    /// Seconds for which the site did not answer; `None` without a site to ask.
    pub outage_seconds: Option<u64>,
    /// Where the addresses went.
    pub moves: Vec<AddressMove>,
    /// Who came.
    pub replacements: Vec<InstanceId>,
    /// What else a person should know, such as what was still broken, or AWS's refusal.
    pub detail: Option<String>,
}

/// How an address moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressMove {
    /// The address in dotted form.
    pub public_ip: String,
    /// Who held it before.
    pub from: Option<InstanceId>,
    /// Who holds it now.
    pub to: Option<InstanceId>,
}

/// What became of an experiment, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The fleet was whole again in time, and the site was silent no longer than is tolerated.
    Survived,
    /// The fleet was whole again in time, and the site was silent for longer.
    Hurt,
    /// The fleet was not whole again in time. It is disarmed until a person has looked.
    NotHealed,
    /// The panda was interrupted before it struck; nothing died.
    Aborted,
    /// AWS refused for good; nothing died.
    NotStruck,
    /// Only said.
    Leashed,
}

impl Verdict {
    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Survived => "survived",
            Self::Hurt => "hurt",
            Self::NotHealed => "not-healed",
            Self::Aborted => "aborted",
            Self::NotStruck => "not-struck",
            Self::Leashed => "leashed",
        }
    }

    /// Whether the fleet must be left alone until a person has looked.
    #[must_use]
    pub fn disarms(self) -> bool {
        self == Self::NotHealed
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Experiment {
    /// Whether an instance is one of the victims.
    #[must_use]
    pub fn hits(&self, instance: &InstanceId) -> bool {
        self.victims.iter().any(|victim| victim.instance == *instance)
    }

    /// How many instances this experiment counts for against the limits.
    #[must_use]
    pub fn kills(&self) -> u32 {
        u32::try_from(self.victims.len()).unwrap_or(u32::MAX)
    }
}

/// What must still be true when the intention is recorded; the journal refuses the record otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The fleet's work day that the kill counts for.
    pub day: Date,
    /// The most victims of the fleet on that day, this experiment's included.
    pub max_per_day: u32,
    /// The fleet's last kill must have been before this moment. `None`: whenever.
    pub last_kill_before: Option<Timestamp>,
    /// The day (UTC) that the kill counts for in the account.
    pub account_day: Date,
    /// The most victims in the account on that day, this experiment's included.
    pub max_account_day: u32,
}
