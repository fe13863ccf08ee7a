//! The reports on paper: a table for people, one JSON object for programs.

use std::{collections::BTreeSet, fmt::Write as _};

use serde::Serialize;

use super::report::ScenarioReport;

/// One JSON object.
#[derive(Serialize)]
struct Paper<'a> {
    scenarios: &'a [ScenarioReport],
}

/// The reports as one line of JSON.
pub(super) fn json(reports: &[ScenarioReport]) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Paper { scenarios: reports })
}

/// The reports as tables: outages and moves, then calls per run.
pub(super) fn tables(reports: &[ScenarioReport]) -> String {
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
    text
}

fn calls(text: &mut String, reports: &[ScenarioReport], width: usize) {
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
    use std::collections::BTreeMap;

    use super::*;
    use crate::simulate::{Strategy, report::Spread};

    fn report() -> ScenarioReport {
        ScenarioReport {
            outage_seconds: Spread { p50: 6.5, p99: 8.25, max: 9.0 },
            moves: 7,
            needless_moves: 1,
            calls: BTreeMap::from([("DescribeAddresses".to_owned(), 21)]),
            runs: 2,
            ..ScenarioReport::of("kill-with-spare", Strategy::Ours, &[])
        }
    }

    #[test]
    fn the_json_has_the_fields_that_were_promised_and_no_others() {
        assert_eq!(
            json(&[report()]).unwrap(),
            r#"{"scenarios":[{"scenario":"kill-with-spare","strategy":"ours","runs":2,"violations":0,"outage_seconds":{"p50":6.5,"p99":8.25,"max":9.0},"moves":7,"needless_moves":1,"calls":{"DescribeAddresses":21}}]}"#
        );
    }

    #[test]
    fn the_table_names_scenario_strategy_and_calls() {
        let text = tables(&[report()]);
        assert!(["kill-with-spare", "ours", "8.2", "10.5"].iter().all(|word| text.contains(word)), "{text}");
    }
}
