//! What was seen, decided and done, in words that a person can read after an invocation?

use std::{collections::BTreeMap, fmt::Write as _};

use jiff::Timestamp;
use panda_aws::Tally;
use panda_domain::{
    chaos::{Experiment, GroupVerdict, Mode, Present, Said},
    ids::FleetName,
};
use serde::Serialize;

/// The answer of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The outcome in a sentence.
    pub summary: String,
    /// The command.
    pub command: &'static str,
    /// `Leashed`, `Unleashed` or `Off`.
    pub mode: String,
    /// What kills nobody at all, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lever: Option<Said>,
    /// The fleets that are disarmed, with the reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub disarmed: BTreeMap<FleetName, Said>,
    /// The experiments that were made, taken over or finished, or the past ones that were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<Experiment>,
    /// How many groups there are of each code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub codes: BTreeMap<&'static str, usize>,
    /// Every group that was seen, with why it was hit or spared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupVerdict>,
    /// What a person should know or mend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// API calls that look; questions to the site and the journal are not counted.
    pub reads: u32,
    /// API calls that change something.
    pub writes: u32,
    /// From the function's start to its answer.
    pub duration_ms: u64,
}

impl Outcome {
    pub(crate) fn new(command: &'static str, mode: Mode) -> Self {
        Self { command, mode: mode.to_string(), ..Self::default() }
    }

    /// Takes in what the journal says now.
    pub(crate) fn present(&mut self, present: &Present) {
        self.lever.clone_from(&present.lever);
        self.disarmed.clone_from(&present.disarmed);
    }

    /// Takes in what is said of the groups.
    pub(crate) fn groups(&mut self, groups: Vec<GroupVerdict>) {
        for group in &groups {
            *self.codes.entry(group.code).or_default() += 1;
        }
        self.groups = groups;
    }

    /// Sums up.
    pub(crate) fn conclude(&mut self, tally: Tally, duration_ms: u64) {
        self.reads = tally.reads;
        self.writes = tally.writes;
        self.duration_ms = duration_ms;
        if self.summary.is_empty() {
            self.summary = self.sum_up();
        }
    }

    fn sum_up(&self) -> String {
        let mut parts: Vec<String> = self.experiments.iter().map(line).collect();
        match self.groups.as_slice() {
            [] if parts.is_empty() => {
                parts.push("No group takes part: none carries the tag `lethargic-panda:chaos`".to_owned());
            }
            [] => {}
            // Its experiment tells more.
            [only] if only.code == "strike" && !parts.is_empty() => {}
            [only] if parts.is_empty() => parts.push(format!("{}: {}", only.group, only.sentence)),
            _ => {
                let counts: Vec<String> = self.codes.iter().map(|(code, groups)| format!("{code} {groups}")).collect();
                let groups = if self.groups.len() == 1 { "group" } else { "groups" };
                parts.push(format!("{} {groups}: {}", self.groups.len(), counts.join(", ")));
            }
        }
        let mut text = parts.join(". ");
        for problem in &self.problems {
            let _ = write!(text, ". {problem}");
        }
        text
    }
}

/// An experiment in a line.
fn line(experiment: &Experiment) -> String {
    let whom: Vec<&str> = experiment.victims.iter().map(|victim| victim.instance.as_str()).collect();
    let mut line = format!("{}: {} of {}", experiment.fleet, experiment.fault, whom.join(", "));
    match &experiment.outcome {
        None => line.push_str(" is not over yet; the next tick goes on"),
        Some(outcome) => {
            let _ = write!(line, ", {}", outcome.verdict);
            if let Some(seconds) = outcome.heal_seconds {
                let _ = write!(line, ", whole again after {seconds} s");
            }
            if let Some(seconds) = outcome.outage_seconds {
                let _ = write!(line, ", silent for {seconds} s");
            }
            if let Some(detail) = &outcome.detail {
                let _ = write!(line, " ({detail})");
            }
        }
    }
    line
}

/// A history in a sentence.
pub(crate) fn past(experiments: &[Experiment], fleet: Option<&FleetName>, since: Timestamp) -> String {
    let of = fleet.map(|fleet| format!(" of {fleet}")).unwrap_or_default();
    if experiments.is_empty() {
        return format!("No experiments{of} since {since:.0}");
    }
    let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
    for experiment in experiments {
        *verdicts.entry(experiment.outcome.as_ref().map_or("open", |outcome| outcome.verdict.name())).or_default() += 1;
    }
    let verdicts: Vec<String> = verdicts.iter().map(|(verdict, number)| format!("{verdict} {number}")).collect();
    let mut heals: Vec<u64> =
        experiments.iter().filter_map(|experiment| experiment.outcome.as_ref()?.heal_seconds).collect();
    heals.sort_unstable();
    let noun = if experiments.len() == 1 { "experiment" } else { "experiments" };
    let whom = if heals.len() == 1 { "" } else { "half of the fleets were " };
    let median = heals.get(heals.len() / 2).map(|heal| format!("; {whom}whole again within {heal} s"));
    format!("{} {noun}{of} since {since:.0}: {}{}", experiments.len(), verdicts.join(", "), median.unwrap_or_default())
}
