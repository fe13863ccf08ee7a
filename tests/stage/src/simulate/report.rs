//! What do one run, and many runs, come to?

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::AddAssign,
};

use panda_world::{Permission, Traffic};
use serde::{Deserialize, Serialize};

use super::{
    Strategy,
    account::Outage,
    law::Violation,
    recovery::{self, RecoveriesReport},
    year::{Figures, YearsReport},
};

const SECONDS_OF_A_DAY: f64 = 86_400.0;

/// One run.
#[derive(Debug, Clone)]
pub struct RunReport {
    /// Its seed.
    pub seed: u64,
    /// When nobody answered, from the first deed to the end of the run.
    pub outages: Vec<Outage>,
    /// The sum of the outages, over all addresses.
    pub outage_seconds: f64,
    /// Associations that were made.
    pub moves: u64,
    /// Those that took the address from a holder that served well, for no better one.
    pub needless_moves: u64,
    /// API calls by operation, each attempt.
    pub calls: BTreeMap<String, u64>,
    /// From each death of a holder to the association that followed, in seconds.
    pub death_to_move: Vec<f64>,
    /// How long the run was, from the first deed, in the world's own seconds.
    pub seconds: f64,
    /// How much life of fleets that was.
    pub lived: Lived,
    /// Laws that were not kept.
    pub violations: Vec<Violation>,
    /// What of the functions' roles was used, by their names.
    pub permissions: BTreeMap<&'static str, BTreeSet<Permission>>,
    /// What only a year counts.
    pub(super) year: Option<Figures>,
    /// What only deployments that fail count.
    pub(super) recovery: Option<recovery::Figures>,
    /// The run in words; kept where a law was not kept, or on demand.
    pub timeline: Option<String>,
}

/// How much life of fleets, and what it met.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Lived {
    /// Fleets, times the days that they lived.
    pub fleet_days: f64,
    /// Those of them on which each call could fail.
    pub under_faults: f64,
    /// The calls of all callers, and those that something went wrong with.
    pub traffic: Traffic,
}

impl Lived {
    /// So many fleets for so long.
    pub(super) fn of(fleets: u32, seconds: f64, under_faults: bool, traffic: Traffic) -> Self {
        let fleet_days = f64::from(fleets) * seconds / SECONDS_OF_A_DAY;
        Self { fleet_days, under_faults: if under_faults { fleet_days } else { 0.0 }, traffic }
    }
}

impl AddAssign for Lived {
    fn add_assign(&mut self, more: Self) {
        self.fleet_days += more.fleet_days;
        self.under_faults += more.under_faults;
        self.traffic += more.traffic;
    }
}

/// Many runs of one scenario with one strategy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScenarioReport {
    /// The scenario.
    pub scenario: &'static str,
    /// The strategy.
    pub strategy: &'static str,
    /// How many runs.
    pub runs: u64,
    /// How many laws were not kept.
    pub violations: u64,
    /// Seconds without an answer, per run.
    pub outage_seconds: Spread,
    /// Associations that were made, in all runs.
    pub moves: u64,
    /// Those that were for nothing.
    pub needless_moves: u64,
    /// API calls by operation, in all runs.
    pub calls: BTreeMap<String, u64>,
    /// How much life of fleets that was.
    #[serde(skip)]
    pub lived: Lived,
    /// From a holder's death to the association that follows, in seconds.
    #[serde(skip)]
    pub death_to_move: Spread,
    /// What only years count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub years: Option<YearsReport>,
    /// What only deployments that fail count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recoveries: Option<RecoveriesReport>,
}

/// Percentiles by nearest rank.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Half of them are at most this.
    pub p50: f64,
    /// All but one in a hundred are at most this.
    pub p99: f64,
    /// None is more.
    pub max: f64,
}

impl Spread {
    /// The percentiles of some figures.
    #[must_use]
    pub fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        let rank = |percent: usize| {
            let rank = (figures.len() * percent).div_ceil(100).max(1);
            figures.get(rank - 1).copied().map_or(0.0, thousandths)
        };
        Self { p50: rank(50), p99: rank(99), max: rank(100) }
    }
}

/// Finer than a thousandth of a second nothing here is known.
pub(super) fn thousandths(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

impl ScenarioReport {
    /// Sums up runs.
    #[must_use]
    pub fn of(scenario: &'static str, strategy: Strategy, runs: &[RunReport]) -> Self {
        let mut lived = Lived::default();
        for run in runs {
            lived += run.lived;
        }
        let mut calls = BTreeMap::new();
        for (operation, count) in runs.iter().flat_map(|run| &run.calls) {
            *calls.entry(operation.clone()).or_default() += count;
        }
        Self {
            scenario,
            strategy: strategy.name(),
            runs: runs.len() as u64,
            violations: runs.iter().map(|run| run.violations.len() as u64).sum(),
            outage_seconds: Spread::of(runs.iter().map(|run| run.outage_seconds).collect()),
            moves: runs.iter().map(|run| run.moves).sum(),
            needless_moves: runs.iter().map(|run| run.needless_moves).sum(),
            calls,
            lived,
            death_to_move: Spread::of(runs.iter().flat_map(|run| run.death_to_move.iter().copied()).collect()),
            years: YearsReport::of(runs.iter().filter_map(|run| run.year.as_ref())),
            recoveries: RecoveriesReport::of(runs.iter().filter_map(|run| run.recovery.as_ref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred = Spread::of((1..=100).map(f64::from).collect());
        assert!(
            (hundred.p50 - 50.0).abs() < 1e-9
                && (hundred.p99 - 99.0).abs() < 1e-9
                && (hundred.max - 100.0).abs() < 1e-9
        );
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(Spread::of(vec![7.0]), Spread { p50: 7.0, p99: 7.0, max: 7.0 });
    }
}
