//! What do the runs come to? A table for people, JSON for programs and for the picture.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::{Deserialize, Serialize};

use super::measure::{Measured, Part, Phase};
use crate::simulate::{Spread, report::thousandths};

/// Sizes from small to large.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleReport {
    /// One for each number of fleets.
    pub sizes: Vec<SizeReport>,
}

/// What so many fleets come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeReport {
    /// Fleets in the account.
    pub fleets: u32,
    /// Runs with different seeds.
    pub runs: usize,
    /// Nothing happens but sweeps and ticks.
    pub rest: PhaseReport,
    /// Holders die one by one.
    pub single: PhaseReport,
    /// One in three holders dies within a minute.
    pub zone: PhaseReport,
    /// Environments of elastic-ip-failover that were at work at the same time, at the most.
    pub at_once: u32,
    /// Events that Lambda gave up.
    pub dead_letters: u64,
    /// Addresses and hooks that were not as they should be after everything and a last sweep.
    pub unmet: usize,
}

/// What happened in one phase, in all runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PhaseReport {
    /// How long it was.
    pub seconds: f64,
    /// Holders that were killed.
    pub deaths: u64,
    /// Those whose address moved.
    pub moves: usize,
    /// From a death to the association that followed, in seconds.
    pub death_to_move: Spread,
    /// Attempts by operation, refused ones included.
    pub calls: BTreeMap<String, u64>,
    /// Those that a request limit refused.
    pub refused: BTreeMap<String, u64>,
    /// The first of them, if there was one in any run.
    pub first_refusal: Option<FirstRefusal>,
    /// The least that was left in a bucket, as a share of it, by operation.
    pub least_left: BTreeMap<String, f64>,
}

/// Where the first bucket was empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FirstRefusal {
    /// The operation.
    pub operation: String,
    /// Seconds after the phase began.
    pub seconds: f64,
}

impl SizeReport {
    pub(super) fn of(fleets: u32, runs: &[&Measured]) -> Self {
        let phase = |phase: Phase| PhaseReport::of(runs.iter().filter_map(|run| run.parts.get(&phase)));
        Self {
            fleets,
            runs: runs.len(),
            rest: phase(Phase::Rest),
            single: phase(Phase::Single),
            zone: phase(Phase::Zone),
            at_once: runs.iter().map(|run| run.at_once).max().unwrap_or(0),
            dead_letters: runs.iter().map(|run| run.dead_letters).sum(),
            unmet: runs.iter().map(|run| run.unmet.len()).sum(),
        }
    }
}

impl PhaseReport {
    fn of<'a>(parts: impl Iterator<Item = &'a Part>) -> Self {
        let (mut sum, mut moves) = (Self::default(), Vec::new());
        for part in parts {
            sum.seconds = thousandths(sum.seconds + part.seconds);
            sum.deaths += part.deaths;
            moves.extend(&part.death_to_move);
            for (sum, counts) in [(&mut sum.calls, &part.calls), (&mut sum.refused, &part.refused)] {
                for (operation, count) in counts {
                    *sum.entry(operation.clone()).or_default() += count;
                }
            }
            for (operation, left) in &part.least_left {
                let least = sum.least_left.entry(operation.clone()).or_insert(1.0);
                *least = thousandths(least.min(*left));
            }
            let earlier = |first: &FirstRefusal| {
                sum.first_refusal.as_ref().is_none_or(|earliest| first.seconds < earliest.seconds)
            };
            if let Some(first) = part.first_refusal.clone().filter(earlier) {
                sum.first_refusal = Some(FirstRefusal { seconds: thousandths(first.seconds), ..first });
            }
        }
        sum.moves = moves.len();
        sum.death_to_move = Spread::of(moves);
        sum
    }

    /// The bucket that was nearest to being empty.
    pub(super) fn emptiest(&self) -> Option<(&str, f64)> {
        let least = self.least_left.iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
        least.map(|(operation, left)| (operation.as_str(), *left))
    }

    /// Calls in a minute, of all operations.
    #[must_use]
    pub fn calls_per_minute(&self) -> f64 {
        if self.seconds > 0.0 { number(self.calls.values().sum()) * 60.0 / self.seconds } else { 0.0 }
    }
}

impl ScaleReport {
    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:>6}  {:>10}  {:>10}  {:>10}  {:>6}  {:>8}  {:>8}  {:>8}  {:>10}  {:>8}  {:>7}  {:>7}  emptiest bucket\n",
            "fleets",
            "rest calls",
            "single p50",
            "single p99",
            "deaths",
            "zone p50",
            "zone p99",
            "zone max",
            "zone calls",
            "refused",
            "at once",
            "letters",
        );
        for size in &self.sizes {
            let (single, zone) = (size.single.death_to_move, size.zone.death_to_move);
            let refused: u64 =
                [&size.rest, &size.single, &size.zone].iter().flat_map(|phase| phase.refused.values()).sum();
            let emptiest = size.zone.emptiest().map(|(operation, left)| format!("{operation} {:.0} %", left * 100.0));
            let first = size.zone.first_refusal.as_ref();
            let first = first.map(|first| format!(", {} first, after {:.1} s", first.operation, first.seconds));
            let _ = writeln!(
                text,
                "{:>6}  {:>10.1}  {:>10.1}  {:>10.1}  {:>6}  {:>8.1}  {:>8.1}  {:>8.1}  {:>10.0}  {:>8}  {:>7}  {:>7}  {}{}",
                size.fleets,
                size.rest.calls_per_minute(),
                single.p50,
                single.p99,
                size.zone.deaths,
                zone.p50,
                zone.p99,
                zone.max,
                number(size.zone.calls.values().sum()) / number(size.runs as u64).max(1.0),
                refused,
                size.at_once,
                size.dead_letters,
                emptiest.unwrap_or_default(),
                first.unwrap_or_default(),
            );
        }
        text.push_str(
            "\nrest calls: in a minute in which nothing happens. single, zone: seconds from a holder's death to the move of its address, where \
             holders die one by one,\nand where one in three of all holders dies within a minute. zone calls: in a run, until all have healed. \
             refused: by request limits, in all runs.\nat once: environments of elastic-ip-failover. letters: events that were given up. emptiest \
             bucket: the least that was left of a request limit.\n",
        );
        let unmet: usize = self.sizes.iter().map(|size| size.unmet).sum();
        let _ = writeln!(text, "addresses or hooks that are not as they should be in the end: {unmet}");
        text
    }
}

/// More than four thousand million of anything do not happen.
fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn part(death_to_move: &[f64], first: Option<(&str, f64)>, left: f64) -> Part {
        Part {
            seconds: 60.0,
            deaths: death_to_move.len() as u64,
            death_to_move: death_to_move.to_vec(),
            calls: BTreeMap::from([("DescribeAddresses".to_owned(), 30)]),
            refused: first.map(|(operation, _)| (operation.to_owned(), 1)).into_iter().collect(),
            first_refusal: first.map(|(operation, seconds)| FirstRefusal { operation: operation.to_owned(), seconds }),
            least_left: BTreeMap::from([("DescribeAddresses".to_owned(), left), ("AssociateAddress".to_owned(), 0.5)]),
        }
    }

    #[test]
    fn runs_are_summed_up_and_the_worst_of_them_is_told() {
        let parts = [
            part(&[2.0, 4.0], None, 0.9),
            part(&[6.0], Some(("CreateTags", 7.0)), 0.2),
            part(&[], Some(("TagStuff", 3.0)), 0.7),
        ];
        let report = PhaseReport::of(parts.iter());
        assert_eq!(
            (report.deaths, report.moves, report.death_to_move),
            (3, 3, Spread { p50: 4.0, p99: 6.0, max: 6.0 })
        );
        assert_eq!(report.first_refusal.as_ref().map(|first| first.operation.as_str()), Some("TagStuff"));
        assert_eq!(report.emptiest(), Some(("DescribeAddresses", 0.2)));
        assert!((report.calls_per_minute() - 30.0).abs() < 1e-9);
    }

    #[test]
    fn the_report_survives_json() {
        let zone = PhaseReport::of([part(&[2.0], Some(("CreateTags", 7.0)), 0.1)].iter());
        let size = SizeReport {
            fleets: 3,
            runs: 1,
            rest: PhaseReport::default(),
            single: PhaseReport::default(),
            zone,
            at_once: 2,
            dead_letters: 1,
            unmet: 0,
        };
        let report = ScaleReport { sizes: vec![size] };
        assert_eq!(serde_json::from_str::<ScaleReport>(&serde_json::to_string(&report).unwrap()).unwrap(), report);
        let table = report.table();
        assert!(table.contains("DescribeAddresses 10 %, CreateTags first, after 7.0 s"), "{table}");
    }
}
