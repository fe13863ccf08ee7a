//! What does a year come to, in numbers?

use std::collections::BTreeMap;

use serde::Serialize;

use crate::simulate::report::Spread;

/// What is counted in one year.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// Fleets, times the days that they lived.
    pub(crate) fleet_days: u64,
    /// Instances that were hit, agents that were stopped included.
    pub(crate) kills: u64,
    /// Experiments that the dice, and not a person, began.
    pub(crate) of_dice: u64,
    /// How many of them were to be expected of the work days and the means that were asked for.
    pub(crate) expected: f64,
    /// Work days on which fleets could be hit.
    pub(crate) work_days: f64,
    /// Experiments that were only said.
    pub(crate) leashed: u64,
    /// Experiments that another invocation took over.
    pub(crate) taken_over: u64,
    /// How experiments ended.
    pub(crate) verdicts: BTreeMap<&'static str, u64>,
    /// What was tried.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Why the journal refused intentions.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Why groups were spared by ticks.
    pub(crate) spared: BTreeMap<&'static str, u64>,
    /// Why groups were spared whose dice had fallen.
    pub(crate) spared_late: BTreeMap<&'static str, u64>,
    /// Seconds from the strike until the fleet was whole.
    pub(crate) heals: Vec<f64>,
    /// Ticks that began.
    pub(crate) ticks: u64,
    /// Ticks of the schedule that nothing depends on and that were left out.
    pub(crate) skipped: u64,
    /// Ticks for whom no dice fell, and their reads.
    pub(crate) quiet: (u64, u64),
    /// Ticks that struck, and their reads until the end of the watch.
    pub(crate) striking: (u64, u64),
    /// Invocations that ended with an error, or not at all.
    pub(crate) failed: BTreeMap<String, u64>,
    /// API calls by operation.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Figures {
    /// Adds what the ticks themselves said.
    pub(super) fn join(&mut self, said: &Self) {
        self.spared = said.spared.clone();
        self.spared_late = said.spared_late.clone();
        (self.quiet, self.striking, self.skipped) = (said.quiet, said.striking, said.skipped);
    }
}

/// Many years.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct YearsReport {
    /// Fleets, times the days that they lived.
    pub fleet_days: u64,
    /// Instances that were hit, agents that were stopped included.
    pub kills: u64,
    /// How experiments ended.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// What was tried.
    pub faults: BTreeMap<&'static str, u64>,
    /// Why groups were spared, for each tick and group.
    pub spared: BTreeMap<&'static str, u64>,
    /// The same where the dice had fallen.
    pub spared_late: BTreeMap<&'static str, u64>,
    /// Why the journal refused intentions.
    pub refused: BTreeMap<String, u64>,
    /// Experiments that were only said.
    pub leashed: u64,
    /// Experiments that another invocation took over.
    pub taken_over: u64,
    /// Work days from one experiment of the dice to the next, as asked for: the harmonic mean over all days on which fleets could be hit.
    pub mean_days_asked: f64,
    /// The same as it came; more, because a fleet that is not well is spared.
    pub mean_days_seen: f64,
    /// Seconds from the strike until the fleet was whole.
    pub heal_seconds: Spread,
    /// Ticks that were played.
    pub ticks: u64,
    /// Ticks outside all windows that were left out.
    pub skipped: u64,
    /// Reads of a tick for whom no dice fell.
    pub reads_per_quiet_tick: f64,
    /// Reads of a tick that struck, until the end of its watch.
    pub reads_per_strike: f64,
    /// Invocations that ended with an error, or not at all.
    pub failed: BTreeMap<String, u64>,
}

impl YearsReport {
    /// Sums up years; `None` if there are none.
    pub(crate) fn of<'a>(years: impl Iterator<Item = &'a Figures>) -> Option<Self> {
        let years: Vec<&Figures> = years.collect();
        if years.is_empty() {
            return None;
        }
        let number = |of: fn(&Figures) -> u64| years.iter().map(|year| of(year)).sum::<u64>();
        let float = |of: fn(&Figures) -> f64| years.iter().map(|year| of(year)).sum::<f64>();
        let per = |of: fn(&Figures) -> (u64, u64)| {
            let (times, reads) = years.iter().map(|year| of(year)).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
            ratio(count(reads), count(times))
        };
        let work_days = float(|year| year.work_days);
        Some(Self {
            fleet_days: number(|year| year.fleet_days),
            kills: number(|year| year.kills),
            verdicts: merged(years.iter().map(|year| &year.verdicts)),
            faults: merged(years.iter().map(|year| &year.faults)),
            spared: merged(years.iter().map(|year| &year.spared)),
            spared_late: merged(years.iter().map(|year| &year.spared_late)),
            refused: merged(years.iter().map(|year| &year.refused)),
            leashed: number(|year| year.leashed),
            taken_over: number(|year| year.taken_over),
            mean_days_asked: ratio(work_days, float(|year| year.expected)),
            mean_days_seen: ratio(work_days, count(number(|year| year.of_dice))),
            heal_seconds: Spread::of(years.iter().flat_map(|year| year.heals.iter().copied()).collect()),
            ticks: number(|year| year.ticks),
            skipped: number(|year| year.skipped),
            reads_per_quiet_tick: per(|year| year.quiet),
            reads_per_strike: per(|year| year.striking),
            failed: merged(years.iter().map(|year| &year.failed)),
        })
    }
}

fn merged<'a, K: Ord + Clone + 'a>(all: impl Iterator<Item = &'a BTreeMap<K, u64>>) -> BTreeMap<K, u64> {
    let mut sum = BTreeMap::new();
    for (key, number) in all.flatten() {
        *sum.entry(key.clone()).or_default() += number;
    }
    sum
}

/// More than four thousand million of anything do not happen.
fn count(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn ratio(of: f64, to: f64) -> f64 {
    if to > 0.0 { (of / to * 1000.0).round() / 1000.0 } else { 0.0 }
}
