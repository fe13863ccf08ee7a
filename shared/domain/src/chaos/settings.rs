//! What holds for the whole installation?

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{Holidays, MaxPerDay, MeanDays, MinDays, Policy, TickLength, Windows, Zone};

/// The switch above all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Everything is decided and said, and nothing dies.
    #[default]
    Leashed,
    /// What is decided is done.
    Unleashed,
    /// Nothing is even decided.
    Off,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leashed => "Leashed",
            Self::Unleashed => "Unleashed",
            Self::Off => "Off",
        })
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Leashed, Self::Unleashed, Self::Off]
            .into_iter()
            .find(|mode| mode.to_string() == name)
            .ok_or_else(|| "one of `Leashed`, `Unleashed` and `Off`, in exactly these letters".to_owned())
    }
}

/// What a group that does not say otherwise by its tags gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Mean work days between kills.
    pub mean_days: MeanDays,
    /// Least work days between kills.
    pub min_days: MinDays,
    /// Most kills on one work day.
    pub max_per_day: MaxPerDay,
    /// When kills are allowed.
    pub windows: Windows,
    /// The zone of the windows and holidays.
    pub zone: Zone,
    /// Dates without kills.
    pub holidays: Holidays,
}

/// What holds for the whole installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The switch above all others.
    pub mode: Mode,
    /// What a group that does not say otherwise gets.
    pub defaults: Defaults,
    /// How often the dice are thrown.
    pub tick: TickLength,
    /// The most instances that one run hits, over all fleets.
    pub max_kills_per_run: u32,
    /// The most instances that die on one day (UTC) in the account and region, over all fleets.
    pub max_kills_per_day: u32,
    /// How old an instance must be to be hit.
    pub min_age: SignedDuration,
    /// How long a fleet may take to heal.
    pub heal: SignedDuration,
    /// How long a site may be silent and still have survived.
    pub outage_tolerance: SignedDuration,
    /// Alarms that forbid every kill while they ring, by name or ARN.
    pub stop_alarms: Vec<String>,
    /// What tells this installation's dice from those of another account or region, such as `123456789012/us-east-1`. Without it, fleets of
    /// the same name would fall at the same moment in every region.
    pub salt: String,
}

impl Default for Settings {
    /// The template's defaults.
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            defaults: Defaults::default(),
            tick: TickLength::default(),
            max_kills_per_run: 1,
            max_kills_per_day: 10,
            min_age: SignedDuration::from_mins(10),
            heal: SignedDuration::from_mins(10),
            outage_tolerance: SignedDuration::from_secs(30),
            stop_alarms: Vec::new(),
            salt: String::new(),
        }
    }
}

impl Settings {
    /// What cannot be kept, though each value by itself could; every group without tags of its own would be spared for it. Whoever deploys must
    /// mend it.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = match Policy::read(&BTreeMap::new(), &self.defaults, self.tick) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|problem| format!("by default, {}", problem.why)).collect(),
        };
        for (what, value) in [("a run", self.max_kills_per_run), ("a day", self.max_kills_per_day)] {
            if value == 0 {
                problems.push(format!(
                    "{what} may kill nobody at all; to keep the panda from killing, its mode is `Off` or `Leashed`"
                ));
            }
        }
        if self.min_age.is_negative() {
            problems.push("instances must be of a negative age to be hit".to_owned());
        }
        if !self.heal.is_positive() {
            problems.push("a fleet has no time at all to heal".to_owned());
        }
        if self.outage_tolerance.is_negative() {
            problems.push("the outage that is tolerated is negative".to_owned());
        }
        problems
    }
}
