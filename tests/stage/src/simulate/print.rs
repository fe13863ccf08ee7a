//! The reports on paper: a table for people, one JSON object for programs.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde::Serialize;

use super::{
    recovery::RecoveriesReport,
    report::{Lived, ScenarioReport, thousandths},
    year::YearsReport,
};

/// One JSON object.
#[derive(Serialize)]
struct Paper<'a> {
    scenarios: &'a [ScenarioReport],
    total: Total,
}

/// Everything that was played.
#[derive(Serialize)]
struct Total {
    fleet_days: f64,
    fleet_days_with_faults: f64,
    calls: u64,
    calls_with_faults: u64,
    violations: u64,
}

impl Total {
    fn of(reports: &[ScenarioReport]) -> Self {
        let mut lived = Lived::default();
        for report in reports {
            lived += report.lived;
        }
        Self {
            fleet_days: thousandths(lived.fleet_days),
            fleet_days_with_faults: thousandths(lived.under_faults),
            calls: lived.traffic.calls,
            calls_with_faults: lived.traffic.faults,
            violations: reports.iter().map(|report| report.violations).sum(),
        }
    }
}

/// The reports as one line of JSON.
pub(super) fn json(reports: &[ScenarioReport]) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Paper { scenarios: reports, total: Total::of(reports) })
}

/// The reports as tables: outages and moves, then calls per run.
pub(super) fn tables(reports: &[ScenarioReport]) -> String {
    let of_addresses: Vec<&ScenarioReport> = reports.iter().filter(|report| report.recoveries.is_none()).collect();
    let mut text = if of_addresses.is_empty() { String::new() } else { outages(&of_addresses) };
    for report in reports {
        if let Some(recoveries) = &report.recoveries {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&of_recoveries(report, recoveries));
        }
    }
    let Total { fleet_days, fleet_days_with_faults, calls, calls_with_faults, violations } = Total::of(reports);
    let _ = writeln!(
        text,
        "\nin all: {:.0} fleet-days, {:.0} of them with faults at every call; {calls} calls, of which {calls_with_faults} were refused, lost, \
         answered from the past, or the last of their caller; violations: {violations}",
        fleet_days.floor(),
        fleet_days_with_faults.floor(),
    );
    text
}

/// Outages and moves, calls, and what only years count.
fn outages(reports: &[&ScenarioReport]) -> String {
    let mut text = String::new();
    let width = reports.iter().map(|report| report.scenario.len()).max().unwrap_or(0).max("scenario".len());
    let _ = writeln!(
        text,
        "{:width$}  {:<10}  {:>6}  {:>10}  {:>8}  {:>8}  {:>8}  {:>7}  {:>8}  {:>8}  {:>8}",
        "scenario", "strategy", "runs", "violations", "p50", "p99", "max", "moves", "needless", "died p50", "died p99",
    );
    for report in reports {
        let outage = report.outage_seconds;
        let _ = writeln!(
            text,
            "{:width$}  {:<10}  {:>6}  {:>10}  {:>8.1}  {:>8.1}  {:>8.1}  {:>7}  {:>8}  {:>8.1}  {:>8.1}",
            report.scenario,
            report.strategy,
            report.runs,
            report.violations,
            outage.p50,
            outage.p99,
            outage.max,
            report.moves,
            report.needless_moves,
            report.death_to_move.p50,
            report.death_to_move.p99,
        );
    }
    text.push_str(
        "\np50, p99, max: seconds without an answer in a run, over all addresses; a run is cut when its fleet is not well 40 minutes after the \
         last deed.\ndied: seconds from a holder's death to the association that follows.\n",
    );
    calls(&mut text, reports, width);
    for report in reports {
        if let Some(years) = &report.years {
            text.push('\n');
            text.push_str(&of_years(report, years));
        }
    }
    text
}

/// What people ask of deployments that failed.
fn of_recoveries(report: &ScenarioReport, recoveries: &RecoveriesReport) -> String {
    let took = recoveries.seconds_to_success;
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let runs = number(report.runs).max(1.0);
    let mut calls: Vec<(&String, &u64)> = report.calls.iter().collect();
    calls.sort_by_key(|(_, count)| Reverse(**count));
    let calls: Vec<String> =
        calls.into_iter().map(|(operation, count)| format!("{operation} {:.1}", number(*count) / runs)).collect();
    let lines = [
        ("executions that failed", format!("{} of {}", recoveries.failed, recoveries.executions)),
        ("succeeded by a retry", format!("{}, and {} by people", recoveries.recovered, recoveries.recovered_by_people)),
        (
            "minutes from failure to it",
            format!("p50 {:.1}, p99 {:.1}, max {:.1}", took.p50 / 60.0, took.p99 / 60.0, took.max / 60.0),
        ),
        ("failed at a launch", format!("{} deployments", recoveries.failed_of_launches)),
        ("explained", counts(&recoveries.explained)),
        ("messages", recoveries.messages.to_string()),
        (
            "agents",
            format!(
                "{} restarts sent, {} polled again, {} servers replaced",
                recoveries.restarts, recoveries.agents_cured, recoveries.replaced
            ),
        ),
        ("retries", recoveries.retries.to_string()),
        ("given up by Lambda", format!("{} events", recoveries.dead_letters)),
        ("calls", format!("{:.0} for each failure", recoveries.calls_per_failure)),
        ("calls per run", calls.join(", ")),
    ];
    let mut text = format!("{}, {} lives, violations: {}\n", report.scenario, report.runs, report.violations);
    for (what, figures) in lines {
        let _ = writeln!(text, "  {what:<28}  {figures}");
    }
    text
}

/// What people ask of years with the panda.
fn of_years(report: &ScenarioReport, years: &YearsReport) -> String {
    let heal = years.heal_seconds;
    let dice = years.spared_late.values().sum::<u64>();
    let lines = [
        ("kills", format!("{} in {} fleet-days; {}", years.kills, years.fleet_days, counts(&years.faults))),
        ("ended", counts(&years.verdicts)),
        (
            "work days between kills",
            format!("asked {:.1}, came {:.1} (who is not well is spared)", years.mean_days_asked, years.mean_days_seen),
        ),
        ("seconds to heal", format!("p50 {:.0}, p99 {:.0}, max {:.0}", heal.p50, heal.p99, heal.max)),
        ("spared, by tick and group", counts(&years.spared)),
        ("spared though the dice fell", format!("{dice}: {}", counts(&years.spared_late))),
        ("refused by the journal", counts(&years.refused)),
        ("only said", format!("{} while leashed", years.leashed)),
        ("taken over", format!("{} from an invocation that was lost", years.taken_over)),
        (
            "reads",
            format!(
                "{:.1} for a tick without a kill, {:.0} for one with, its watch included",
                years.reads_per_quiet_tick, years.reads_per_strike
            ),
        ),
        ("ticks", format!("{}, and {} outside all windows that were not played", years.ticks, years.skipped)),
        ("invocations that failed", counts(&years.failed)),
    ];
    let mut text = format!("{}, {} years, violations: {}\n", report.scenario, report.runs, report.violations);
    for (what, figures) in lines {
        let _ = writeln!(text, "  {what:<28}  {figures}");
    }
    text
}

/// The most frequent first.
fn counts<K: AsRef<str>>(of: &BTreeMap<K, u64>) -> String {
    if of.is_empty() {
        return "none".to_owned();
    }
    let mut counts: Vec<(&str, u64)> = of.iter().map(|(what, count)| (what.as_ref(), *count)).collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let words: Vec<String> = counts.into_iter().map(|(what, count)| format!("{what} {count}")).collect();
    words.join(", ")
}

fn calls(text: &mut String, reports: &[&ScenarioReport], width: usize) {
    let operations: BTreeSet<&str> =
        reports.iter().flat_map(|report| report.calls.keys()).map(String::as_str).collect();
    if operations.is_empty() {
        return;
    }
    let _ = write!(text, "\n{:width$}  {:<10}", "calls per run", "strategy");
    for operation in &operations {
        let _ = write!(text, "  {operation}");
    }
    text.push('\n');
    for report in reports {
        let _ = write!(text, "{:width$}  {:<10}", report.scenario, report.strategy);
        for operation in &operations {
            let count = u32::try_from(report.calls.get(*operation).copied().unwrap_or(0)).unwrap_or(u32::MAX);
            let runs = u32::try_from(report.runs).unwrap_or(u32::MAX).max(1);
            let _ = write!(text, "  {:>1$.1}", f64::from(count) / f64::from(runs), operation.len());
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use panda_world::Traffic;

    use super::*;
    use crate::simulate::{Strategy, report::Spread};

    fn report() -> ScenarioReport {
        ScenarioReport {
            outage_seconds: Spread { p50: 6.5, p99: 8.25, max: 9.0 },
            moves: 7,
            needless_moves: 1,
            calls: BTreeMap::from([("DescribeAddresses".to_owned(), 21)]),
            runs: 2,
            lived: Lived::of(2, 129_600.0, true, Traffic { calls: 21, faults: 5 }),
            ..ScenarioReport::of("kill-with-spare", Strategy::Ours, &[])
        }
    }

    #[test]
    fn the_json_has_the_fields_that_were_promised_and_no_others() {
        assert_eq!(
            json(&[report()]).unwrap(),
            r#"{"scenarios":[{"scenario":"kill-with-spare","strategy":"ours","runs":2,"violations":0,"outage_seconds":{"p50":6.5,"p99":8.25,"max":9.0},"moves":7,"needless_moves":1,"calls":{"DescribeAddresses":21}}],"total":{"fleet_days":3.0,"fleet_days_with_faults":3.0,"calls":21,"calls_with_faults":5,"violations":0}}"#
        );
    }

    #[test]
    fn the_table_names_scenario_strategy_and_calls() {
        let text = tables(&[report()]);
        assert!(["kill-with-spare", "ours", "8.2", "10.5"].iter().all(|word| text.contains(word)), "{text}");
    }

    #[test]
    fn the_last_line_sums_up_the_days_of_all_fleets_and_the_calls_that_something_went_wrong_with() {
        let calm = ScenarioReport { lived: Lived::of(1, 216_000.0, false, Traffic::default()), ..report() };
        let text = tables(&[report(), calm, report()]);
        let last = "8 fleet-days, 6 of them with faults at every call; 42 calls, of which 10 were refused";
        assert!(text.lines().last().unwrap().contains(last), "{text}");
    }

    #[test]
    fn the_text_of_deployments_tells_failures_cures_their_time_causes_messages_and_calls() {
        let recoveries = RecoveriesReport {
            executions: 90,
            failed: 41,
            recovered: 17,
            seconds_to_success: Spread { p50: 120.0, p99: 480.0, max: 660.0 },
            explained: BTreeMap::from([("script-failed".to_owned(), 9), ("disk-full".to_owned(), 12)]),
            messages: 40,
            restarts: 20,
            agents_cured: 18,
            calls_per_failure: 31.0,
            ..RecoveriesReport::default()
        };
        let text = tables(&[ScenarioReport { recoveries: Some(recoveries), ..report() }]);
        for words in [
            "41 of 90",
            "17, and 0 by people",
            "p50 2.0, p99 8.0, max 11.0",
            "disk-full 12, script-failed 9",
            "20 restarts sent, 18 polled again",
            "31 for each failure",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        assert!(!text.contains("needless"), "{text}");
    }

    #[test]
    fn the_text_of_years_tells_kills_reasons_time_to_heal_the_mean_and_the_reads_of_a_tick() {
        let years = YearsReport {
            kills: 31,
            fleet_days: 1_460,
            verdicts: BTreeMap::from([("hurt", 1), ("survived", 30)]),
            spared: BTreeMap::from([("dice", 900), ("unwell", 12)]),
            mean_days_asked: 5.0,
            mean_days_seen: 5.4,
            heal_seconds: Spread { p50: 131.0, p99: 402.0, max: 590.0 },
            reads_per_quiet_tick: 1.25,
            ..YearsReport::default()
        };
        let text = tables(&[ScenarioReport { years: Some(years), ..report() }]);
        for words in [
            "31 in 1460 fleet-days",
            "survived 30, hurt 1",
            "asked 5.0, came 5.4",
            "p50 131, p99 402, max 590",
            "dice 900, unwell 12",
            "1.2 for a tick without a kill",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
