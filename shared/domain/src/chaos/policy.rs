//! What may the panda do to a group, by the group's tags?
//!
//! A group takes part by `lethargic-panda:chaos` = `on`. Then its tags are read strictly: a value that is not understood, or a key with our
//! prefix that does not exist, spares the group until somebody mends it, because the person who wrote it meant to limit something.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Calendar, Defaults, Fault, MaxPerDay, MeanDays, MinDays, MinHealthy, SiteUrl, TickLength, tags};

/// What may be done to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Mean work days between kills.
    pub mean_days: MeanDays,
    /// Least work days between kills.
    pub min_days: MinDays,
    /// Most kills on one work day.
    pub max_per_day: MaxPerDay,
    /// What must stay in service after a kill, if the tags say so.
    pub min_healthy: Option<MinHealthy>,
    /// When kills are allowed.
    pub calendar: Calendar,
    /// Who may be hit.
    pub victim: VictimChoice,
    /// What may be done to it; never empty, no fault twice.
    pub faults: Vec<Fault>,
    /// What to ask whether the site answers.
    pub url: Option<SiteUrl>,
    /// Alarms that forbid a kill while they ring, by name or ARN.
    pub stop_alarms: Vec<String>,
    /// Pipelines that forbid a kill while they run.
    pub pipelines: Vec<String>,
}

/// Whether a group takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// It does.
    On,
    /// It does not; the key that looks like the one that was meant, if there is one.
    Off {
        /// A key that differs only in capitals.
        lookalike: Option<String>,
    },
    /// Nobody can tell.
    Unclear(PolicyProblem),
}

/// Who may be hit, by the fleet's Elastic IPs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VictimChoice {
    /// Anybody.
    #[default]
    Any,
    /// Only who holds one of them: the kill that proves the failover.
    Holder,
    /// Only who holds none.
    Spare,
}

/// A tag that is not understood, or that contradicts another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The tag's key.
    pub tag: String,
    /// Its value; `None` when the value came from the installation's defaults, or the key itself is wrong.
    pub value: Option<String>,
    /// What is wrong, or what would be right.
    pub why: String,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "the tag `{}` is `{value}`: {}", self.tag, self.why),
            None => write!(f, "the tag `{}`: {}", self.tag, self.why),
        }
    }
}

impl OptIn {
    /// Whether a group with these tags takes part.
    #[must_use]
    pub fn read(tags: &BTreeMap<String, String>) -> Self {
        match tags.get(tags::CHAOS).map(String::as_str) {
            Some("on") => Self::On,
            Some("off") => Self::Off { lookalike: None },
            None => Self::Off { lookalike: tags.keys().find(|key| key.to_lowercase() == tags::CHAOS).cloned() },
            Some(other) => Self::Unclear(PolicyProblem {
                tag: tags::CHAOS.to_owned(),
                value: Some(other.to_owned()),
                why: "write `on` or `off`".to_owned(),
            }),
        }
    }
}

impl Policy {
    /// Reads the policy of a group that takes part; what its tags do not say, the defaults do.
    ///
    /// # Errors
    /// With everything that is wrong, tag by tag.
    pub fn read(
        tags: &BTreeMap<String, String>,
        defaults: &Defaults,
        tick: TickLength,
    ) -> Result<Self, Vec<PolicyProblem>> {
        let mut reader = Reader { tags, problems: Vec::new() };
        reader.keys();
        if let Some(fleet) = tags.get(tags::FLEET).filter(|fleet| fleet.trim().is_empty()) {
            reader.problem(tags::FLEET, Some(fleet), "write a name, or remove the tag".to_owned());
        }
        let policy = Self {
            mean_days: reader.parsed(tags::MEAN_DAYS).unwrap_or(defaults.mean_days),
            min_days: reader.parsed(tags::MIN_DAYS).unwrap_or(defaults.min_days),
            max_per_day: reader.parsed(tags::MAX_PER_DAY).unwrap_or(defaults.max_per_day),
            min_healthy: reader.parsed(tags::MIN_HEALTHY),
            calendar: Calendar {
                windows: reader.parsed(tags::WINDOW).unwrap_or_else(|| defaults.windows.clone()),
                zone: reader.parsed(tags::TIME_ZONE).unwrap_or_else(|| defaults.zone.clone()),
                holidays: reader.parsed(tags::HOLIDAYS).unwrap_or_else(|| defaults.holidays.clone()),
            },
            victim: reader.parsed(tags::VICTIM).unwrap_or_default(),
            faults: reader.faults(),
            url: reader.parsed(tags::URL),
            stop_alarms: reader.words(tags::STOP_ALARMS),
            pipelines: reader.words(tags::PIPELINE),
        };
        if reader.problems.is_empty() {
            reader.problems = policy.contradictions(tick);
            for problem in &mut reader.problems {
                problem.value = tags.get(&problem.tag).cloned();
            }
        }
        if reader.problems.is_empty() { Ok(policy) } else { Err(reader.problems) }
    }

    /// What cannot be kept, though each value by itself could.
    fn contradictions(&self, tick: TickLength) -> Vec<PolicyProblem> {
        let mut problems = Vec::new();
        let mut problem =
            |tag: &str, why: String| problems.push(PolicyProblem { tag: tag.to_owned(), value: None, why });
        let (mean, min_days) = (self.mean_days, self.min_days.get());
        let mut shortest_day = u32::MAX;
        for day in 0..7_i8 {
            let Ok(day) = jiff::civil::Weekday::from_monday_zero_offset(day) else { continue };
            let slots = self
                .calendar
                .windows
                .windows()
                .iter()
                .filter(|window| window.opens_on(day))
                .map(|window| window.minutes() / tick.minutes())
                .fold(0, u32::saturating_add);
            if slots > 0 {
                shortest_day = shortest_day.min(slots);
            }
        }
        for window in self.calendar.windows.windows() {
            if window.minutes() < tick.minutes() {
                let why = format!(
                    "the window `{window}` is shorter than the {tick} minutes from one throw of the dice to the next, and might see none"
                );
                problem(tags::WINDOW, why);
            }
        }
        if min_days >= 1 && mean.is_shorter_than(min_days) {
            let why = format!(
                "a mean of {mean} work days between kills, and never fewer than {min_days} (`{}`), cannot both be kept; the mean must be {min_days} or more",
                tags::MIN_DAYS
            );
            problem(tags::MEAN_DAYS, why);
        }
        let most = self.max_per_day.get().min(shortest_day);
        if min_days == 0 && 1.0 / mean.days() > f64::from(most) {
            let why = if most == self.max_per_day.get() {
                format!(
                    "a mean of {mean} work days asks for more than {most} a day, which is the cap (`{}`)",
                    tags::MAX_PER_DAY
                )
            } else {
                format!(
                    "a mean of {mean} work days asks for more kills a day than the {most} throws of the dice that the shortest day's windows hold"
                )
            };
            problem(tags::MEAN_DAYS, why);
        }
        problems
    }
}

/// Reads tags and collects what is wrong with them.
struct Reader<'a> {
    tags: &'a BTreeMap<String, String>,
    problems: Vec<PolicyProblem>,
}

impl Reader<'_> {
    fn problem(&mut self, tag: &str, value: Option<&str>, why: String) {
        self.problems.push(PolicyProblem { tag: tag.to_owned(), value: value.map(str::to_owned), why });
    }

    /// Looks for keys that begin like ours and are none.
    fn keys(&mut self) {
        let strays: Vec<&String> = self
            .tags
            .keys()
            .filter(|key| key.to_lowercase().starts_with(tags::PREFIX) && !tags::KNOWN.contains(&key.as_str()))
            .collect();
        for stray in strays {
            let why = if let Some(known) = tags::KNOWN.iter().find(|known| **known == stray.to_lowercase()) {
                format!("keys are case-sensitive, write `{known}`")
            } else {
                let known: Vec<&str> =
                    tags::KNOWN.iter().filter_map(|known| known.strip_prefix(tags::PREFIX)).collect();
                format!("there is no such tag; after `{}` may come `{}`", tags::PREFIX, known.join("`, `"))
            };
            self.problem(stray, None, why);
        }
    }

    fn parsed<T: FromStr<Err = String>>(&mut self, tag: &str) -> Option<T> {
        let value = self.tags.get(tag)?;
        match value.parse() {
            Ok(read) => Some(read),
            Err(why) => {
                self.problem(tag, Some(value), format!("write {why}"));
                None
            }
        }
    }

    /// A list that is not empty, each word once.
    fn words(&mut self, tag: &str) -> Vec<String> {
        let Some(value) = self.tags.get(tag) else { return Vec::new() };
        let mut words: Vec<String> = Vec::new();
        for word in value.split_whitespace() {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        if words.is_empty() {
            self.problem(
                tag,
                Some(value),
                "write one or more names, separated by blanks, or remove the tag".to_owned(),
            );
        }
        words
    }

    fn faults(&mut self) -> Vec<Fault> {
        if !self.tags.contains_key(tags::FAULTS) {
            return vec![Fault::Terminate];
        }
        let value = self.tags.get(tags::FAULTS).cloned().unwrap_or_default();
        let mut faults = Vec::new();
        for word in self.words(tags::FAULTS) {
            match word.parse() {
                Ok(fault) => faults.push(fault),
                Err(right) => {
                    self.problem(
                        tags::FAULTS,
                        Some(&value),
                        format!("write {right}, several separated by blanks; `{word}` is none"),
                    );
                }
            }
        }
        faults
    }
}

impl fmt::Display for VictimChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Holder => "holder",
            Self::Spare => "spare",
        })
    }
}

impl FromStr for VictimChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Any, Self::Holder, Self::Spare]
            .into_iter()
            .find(|choice| choice.to_string() == text)
            .ok_or_else(|| "one of `any`, `holder` and `spare`".to_owned())
    }
}
