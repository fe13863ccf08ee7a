//! What do metrics and log lines say of an invocation, beside its outcome?

use std::{collections::BTreeMap, time::SystemTime};

use panda_domain::chaos::{Experiment, GroupVerdict, Verdict};
use panda_lambda::telemetry::{Metrics, Unit};
use tracing::{debug, info};

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

/// A throw below so many times its odds nearly fell, and is told like one that did.
const NEARLY: f64 = 2.0;

/// How many throws of a tick are told at INFO at the most: a thousand groups must not fill the log.
const MOST_TOLD: usize = 30;

/// A throw of the dice, with all that somebody needs to throw it again.
#[derive(Debug, PartialEq)]
struct Throw<'a> {
    verdict: &'a GroupVerdict,
    slot: i64,
    thrown: f64,
    odds: f64,
    /// Whether it is worth a line at INFO.
    told: bool,
}

/// The throws of a tick, the nearest to its odds first.
fn throws(outcome: &Outcome) -> Vec<Throw<'_>> {
    let mut throws: Vec<Throw<'_>> = outcome
        .groups
        .iter()
        .filter_map(|verdict| {
            let (slot, thrown, odds) = (verdict.slot?, verdict.thrown?, verdict.slot_odds?);
            Some(Throw { verdict, slot, thrown, odds, told: thrown < odds * NEARLY })
        })
        .collect();
    throws.sort_by(|one, other| (one.thrown / one.odds).total_cmp(&(other.thrown / other.odds)));
    for beyond in throws.iter_mut().skip(MOST_TOLD) {
        beyond.told = false;
    }
    throws
}

/// Logs the throws of a tick: those that fell or nearly did at INFO, all others at DEBUG. `salt` is the installation's.
pub(crate) fn log_throws(outcome: &Outcome, salt: &str) {
    if outcome.command != "tick" {
        return;
    }
    for Throw { verdict, slot, thrown, odds, told } in throws(outcome) {
        let GroupVerdict { group, fleet, code, sentence, .. } = verdict;
        // One list of fields for both levels.
        macro_rules! line {
            ($level:ident) => {
                $level!(%group, %fleet, slot, thrown, odds, salt, code, "{group}: {sentence}")
            };
        }
        if told { line!(info) } else { line!(debug) }
    }
}

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
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn thrown(group: &str, thrown: f64, odds: f64) -> GroupVerdict {
        GroupVerdict {
            group: group.into(),
            fleet: group.into(),
            code: "dice",
            sentence: String::new(),
            reasons: Vec::new(),
            slot: Some(1_982_016),
            thrown: Some(thrown),
            slot_odds: Some(odds),
            day_odds: None,
            open_until: None,
            next_opening: None,
            not_before: None,
            victims: Vec::new(),
            fault: None,
            eligible: Vec::new(),
        }
    }

    #[test]
    fn throws_that_fell_or_nearly_did_are_told_and_of_others_nobody_hears_unless_asked() {
        let closed = GroupVerdict { slot: None, thrown: None, ..thrown("closed", 0.0, 0.5) };
        let groups = vec![thrown("far", 0.5, 0.01), closed, thrown("nearly", 0.019, 0.01), thrown("fell", 0.009, 0.01)];
        let outcome = Outcome { groups, ..Outcome::default() };
        let said: Vec<_> = throws(&outcome).iter().map(|one| (one.verdict.group.to_string(), one.told)).collect();
        let expected = [("fell", true), ("nearly", true), ("far", false)];
        assert_eq!(said, expected.map(|(group, told)| (group.to_owned(), told)));
    }

    #[test]
    fn a_thousand_groups_whose_dice_fell_do_not_fill_the_log() {
        let groups = (0..1_000).map(|n| thrown("web", f64::from(n) / 1e6, 0.5)).collect();
        let outcome = Outcome { groups, ..Outcome::default() };
        let throws = throws(&outcome);
        assert_eq!((throws.len(), throws.iter().filter(|one| one.told).count()), (1_000, MOST_TOLD));
        assert!(throws.first().unwrap().told && throws.first().unwrap().thrown < 1e-9);
    }

    #[test]
    fn what_every_tick_says_of_every_group_is_no_metric() {
        let codes = BTreeMap::from([("dice", 900), ("outside-window", 90), ("policy-unreadable", 2), ("unwell", 1)]);
        let lines: Vec<String> =
            of_spared(&codes).iter().filter_map(|metrics| metrics.line(SystemTime::UNIX_EPOCH)).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("\"Reason\":\"policy-unreadable\"") && line.contains("[2.0]")));
    }
}
