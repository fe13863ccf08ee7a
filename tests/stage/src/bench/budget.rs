//! What must a function not cost more than?
//!
//! The figures are promises to users. The reasons for those that are not plain are in `docs/adr/0011-what-a-function-may-cost.md`.

use super::{
    jobs::{CHECK, DIAGNOSIS, FAILOVER, NO_OP, STRANGER, SWEEP, TICK, TICK_100, TICK_1000, TICK_DICE},
    report::{BudgetReport, Report},
};

/// The largest zip of a function with two clients, and of what each further client may add.
const ZIP_MB: f64 = 3.0;
const ZIP_MB_PER_CLIENT: f64 = 0.2;
/// The most memory of a function with two clients, and what each further client may add.
const PEAK_RSS_MB: f64 = 10.0;
const PEAK_RSS_MB_PER_CLIENT: f64 = 0.4;

/// What a function may cost at its job over TLS, in millions of instructions.
struct Cost {
    function: &'static str,
    job: &'static str,
    /// Services that it has a client for.
    clients: u32,
    /// Start and first invocation.
    cold_m: f64,
    /// A later invocation.
    warm_m: f64,
}

/// In the first job and in the tick two clients are at work with a call each, at two hosts; the others ask more, or more services, and pay
/// for each of them.
const COSTS: [Cost; 5] = [
    Cost { function: "elastic-ip-failover", job: STRANGER, clients: 2, cold_m: 9.75, warm_m: 2.0 },
    Cost { function: "elastic-ip-failover", job: SWEEP, clients: 2, cold_m: 15.0, warm_m: 5.0 },
    Cost { function: "panda", job: TICK, clients: 9, cold_m: 11.0, warm_m: 2.0 },
    Cost { function: "deployment-recovery", job: DIAGNOSIS, clients: 8, cold_m: 32.0, warm_m: 11.0 },
    Cost { function: "launch-preflight", job: CHECK, clients: 7, cold_m: 28.0, warm_m: 13.0 },
];

/// Groups that Auto Scaling puts on a page.
const PAGES_OF_1000: f64 = 10.0;
/// The journal's one question.
const JOURNAL: f64 = 1.0;
/// What the fleets whose dice fell share: their groups, servers, addresses and deployments, and the journal once more before a kill.
const SHARED: f64 = 5.0;
/// Scaling activities and instance refreshes, which AWS tells of one group at a time.
const PER_DIE: f64 = 2.0;
/// As many as are looked at in one tick.
const MOST_LOOKED_AT: usize = 50;

/// Holds a report against the budgets. A figure that is missing breaks its budget.
#[must_use]
pub fn check(report: &Report) -> Vec<BudgetReport> {
    let mut checked = Vec::new();
    let mut check = |budget: String, figure: Option<f64>, limit: f64| {
        let holds = figure.is_some_and(|figure| figure <= limit);
        checked.push(BudgetReport { budget, figure: figure.unwrap_or_default(), limit, holds });
    };
    for Cost { function: name, job, clients, cold_m, warm_m } in COSTS {
        let function = report.function(name, job);
        let name = format!("{name}, {job}");
        // To a tenth, as they are told: sums of tenths have tails.
        let limit =
            |of_two: f64, more: f64| ((of_two + more * f64::from(clients.saturating_sub(2))) * 10.0).round() / 10.0;
        let zip_limit = limit(ZIP_MB, ZIP_MB_PER_CLIENT);
        check(format!("{name}: MB of the zip"), function.map(|function| function.zip_mb.value), zip_limit);
        let rss = function.map(|function| function.tls.peak_rss_mb.value.max(function.plain.peak_rss_mb.value));
        check(format!("{name}: MB of memory"), rss, limit(PEAK_RSS_MB, PEAK_RSS_MB_PER_CLIENT));
        let instructions = function.map(|function| function.tls.instructions_m);
        let sum = instructions.map(|of| of.init.value + of.first.value);
        check(format!("{name}: million instructions, start and first invocation, TLS"), sum, cold_m);
        let later = instructions.map(|of| of.warm.value);
        check(format!("{name}: million instructions, later invocation, TLS"), later, warm_m);
    }
    let count = |job: &str, what: fn(&super::report::JobReport) -> usize| {
        report.job(job).map(|job| f64::from(u32::try_from(what(job)).unwrap_or(u32::MAX)))
    };
    check(format!("{FAILOVER}: rounds until the address moves"), count(FAILOVER, |job| job.rounds), 2.0);
    check(format!("{FAILOVER}: reads"), count(FAILOVER, |job| job.reads), 3.0);
    check(format!("{FAILOVER}: writes"), count(FAILOVER, |job| job.writes), 1.0);
    check(format!("{NO_OP}: rounds"), count(NO_OP, |job| job.rounds), 1.0);
    check(format!("{NO_OP}: writes"), count(NO_OP, |job| job.writes), 0.0);
    let dice = report.job(TICK_DICE).map_or(0, |job| job.dice);
    let looked_at = f64::from(u32::try_from(dice.min(MOST_LOOKED_AT)).unwrap_or(u32::MAX));
    let looks = if dice > 0 { SHARED + PER_DIE * looked_at } else { 0.0 };
    check(format!("{TICK_1000}: reads"), count(TICK_1000, |job| job.reads), PAGES_OF_1000 + JOURNAL);
    check(
        format!("{TICK_DICE}: reads, {dice} fell"),
        count(TICK_DICE, |job| job.reads),
        PAGES_OF_1000 + JOURNAL + looks,
    );
    let more = count(TICK_1000, |job| job.reads).zip(count(TICK_100, |job| job.reads)).map(|(many, few)| many - few);
    check("ten times the groups: more reads than nine pages".to_owned(), more, PAGES_OF_1000 - 1.0);
    checked
}

#[cfg(test)]
mod tests;
