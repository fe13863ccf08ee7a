//! What do metrics say of an invocation?

use std::{collections::BTreeMap, time::SystemTime};

use panda_domain::chaos::{Experiment, Verdict};
use panda_lambda::telemetry::{Metrics, Unit};

use crate::{FUNCTION, HandlerError, Outcome};

/// Codes that say that nothing is amiss and it was not the moment. They are what nearly every tick says of nearly every group, and no metric.
const QUIET: &[&str] = &[
    "strike",
    "strike-leashed",
    "fallen",
    "dice",
    "outside-window",
    "slot-before-window",
    "minimum-days",
    "not-opted-in",
    "not-asked",
    "mode-off",
];

/// Writes the metrics of an invocation to standard output, in CloudWatch's embedded format; nothing when nothing was tried.
pub fn report(result: &Result<Outcome, HandlerError>, now: SystemTime) {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => match error.outcome() {
            Some(outcome) => outcome,
            None => return,
        },
    };
    // A look into the past or at what might be is nothing that happened.
    if !matches!(outcome.command, "tick" | "kill") {
        return;
    }
    for experiment in &outcome.experiments {
        of_experiment(experiment).emit(now);
    }
    for metrics in of_spared(&outcome.codes) {
        metrics.emit(now);
    }
}

/// The metrics of one experiment: `Experiments`, `TimeToHeal`, `Outage`, and one by the verdict's name.
fn of_experiment(experiment: &Experiment) -> Metrics {
    let mut metrics = Metrics::new(FUNCTION, experiment.fleet.as_str());
    let Some(outcome) = &experiment.outcome else { return metrics };
    let verdict = match outcome.verdict {
        Verdict::Survived => "Survived",
        Verdict::Hurt => "Hurt",
        Verdict::NotHealed => "NotHealed",
        Verdict::Aborted => "Aborted",
        Verdict::NotStruck => "NotStruck",
        Verdict::Leashed => "Leashed",
    };
    metrics.count("Experiments", 1);
    metrics.count(verdict, 1);
    for (name, seconds) in [("TimeToHeal", outcome.heal_seconds), ("Outage", outcome.outage_seconds)] {
        if let Some(seconds) = seconds {
            metrics.put(name, Unit::Milliseconds, f64::from(u32::try_from(seconds).unwrap_or(u32::MAX)) * 1_000.0);
        }
    }
    metrics
}

/// How many groups were spared for each reason that a person might want to look at: `Spared`, by reason, over all fleets.
fn of_spared(codes: &BTreeMap<&'static str, usize>) -> Vec<Metrics> {
    codes
        .iter()
        .filter(|(code, _)| !QUIET.contains(code))
        .map(|(code, groups)| {
            let mut metrics = Metrics::by(FUNCTION, "Reason", code);
            metrics.count("Spared", *groups);
            metrics
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_tick_says_of_every_group_is_no_metric() {
        let codes = BTreeMap::from([("dice", 900), ("outside-window", 90), ("policy-unreadable", 2), ("unwell", 1)]);
        let lines: Vec<String> =
            of_spared(&codes).iter().filter_map(|metrics| metrics.line(SystemTime::UNIX_EPOCH)).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("\"Reason\":\"policy-unreadable\"") && line.contains("[2.0]")));
    }
}
