//! What does the journal say now?

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{Experiment, ExperimentId, Mode};
use crate::ids::FleetName;

/// What the journal says now: one read, before anything is decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Present {
    /// The safety lever of account and region: while it is there, nothing dies.
    pub lever: Option<Said>,
    /// The fleets that are disarmed, each with the reason.
    pub disarmed: BTreeMap<FleetName, Said>,
    /// The experiments that run.
    pub open: BTreeMap<FleetName, OpenExperiment>,
    /// The last kills of each fleet.
    pub last: BTreeMap<FleetName, LastKills>,
    /// How many instances died on each day (UTC), over all fleets; at least the present day, if any did.
    pub days: BTreeMap<Date, u32>,
}

/// What a person said about a fleet or the whole account, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Why.
    pub reason: String,
    /// Who, as far as it is known: a caller's identity, or the panda itself.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// An experiment that runs, and who watches it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenExperiment {
    /// The experiment.
    pub experiment: Experiment,
    /// Until when its watcher is trusted to be alive; then another may take over.
    pub lease_until: Timestamp,
}

/// The last kills of a fleet. Leashed picks are counted apart: when the leash comes off, they have hurt nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKills {
    /// Of those that were meant.
    pub unleashed: Option<Tally>,
    /// Of those that were only said.
    pub leashed: Option<Tally>,
}

/// The last kill, and how many there were on its day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// When it was.
    pub at: Timestamp,
    /// On which work day of the fleet.
    pub day: Date,
    /// How many victims that day had until now, this one included.
    pub kills: u32,
    /// The experiment.
    pub id: ExperimentId,
}

/// What a fleet's past allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace<'a> {
    /// The tallies that count in this mode.
    tallies: Vec<&'a Tally>,
}

impl Present {
    /// The past of a fleet that counts in this mode: unleashed kills ignore leashed ones, leashed picks see all.
    #[must_use]
    pub fn pace(&self, fleet: &FleetName, mode: Mode) -> Pace<'_> {
        let tallies = self.last.get(fleet).into_iter().flat_map(|last| {
            let leashed = last.leashed.as_ref().filter(|_| mode != Mode::Unleashed);
            last.unleashed.iter().chain(leashed)
        });
        Pace { tallies: tallies.collect() }
    }

    /// How many instances died on the day (UTC) of a moment.
    #[must_use]
    pub fn killed_on_day_of(&self, at: Timestamp) -> u32 {
        self.days.get(&utc_date(at)).copied().unwrap_or(0)
    }
}

impl Pace<'_> {
    /// When the last kill was.
    #[must_use]
    pub fn last(&self) -> Option<Timestamp> {
        self.tallies.iter().map(|tally| tally.at).max()
    }

    /// How many there were on a work day of the fleet.
    #[must_use]
    pub fn kills_on(&self, day: Date) -> u32 {
        self.tallies.iter().filter(|tally| tally.day == day).map(|tally| tally.kills).fold(0, u32::saturating_add)
    }

    /// Whether an experiment is among the last.
    #[must_use]
    pub fn knows(&self, id: &ExperimentId) -> bool {
        self.tallies.iter().any(|tally| tally.id == *id)
    }
}

/// The date of a moment in UTC.
#[must_use]
pub fn utc_date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}
