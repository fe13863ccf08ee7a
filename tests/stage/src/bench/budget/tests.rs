//! A report as it could be, and what is said of it when something costs more.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use super::*;
use crate::bench::{
    jobs::HELLO,
    report::{Figures, FunctionReport, JobReport, Phases},
    table,
};

fn figures(cold: f64, warm: f64) -> Figures<f64> {
    let phases = |init, first, warm| Phases { init, first, warm };
    Figures { instructions_m: phases(2.0, cold - 2.0, warm), millis: phases(9.0, 5.0, 2.0), peak_rss_mb: 7.5 }
}

fn function(name: &str, job: &str, cold: f64, warm: f64) -> FunctionReport<f64> {
    FunctionReport {
        function: name.to_owned(),
        job: job.to_owned(),
        bootstrap_mb: 7.0,
        zip_mb: 2.75,
        plain: figures(cold, warm),
        tls: figures(cold, warm),
    }
}

fn job(name: &str, rounds: usize, reads: usize, writes: usize, dice: usize) -> JobReport {
    JobReport {
        function: "panda".to_owned(),
        job: name.to_owned(),
        rounds,
        reads,
        writes,
        calls: Vec::new(),
        calls_after: 0,
        dice,
    }
}

fn frugal() -> Report {
    let floor = function(HELLO, "nothing", 2.5, 0.1);
    let functions = COSTS
        .map(|Cost { function: name, job, cold_m, warm_m, .. }| function(name, job, cold_m, warm_m).beside(&floor));
    Report {
        measured: "2026-11-25T02:00:00Z".to_owned(),
        machine: "x86_64, 2 processors".to_owned(),
        runs: 21,
        functions: std::iter::once(floor.beside(&floor)).chain(functions).collect(),
        jobs: vec![
            job(FAILOVER, 2, 3, 1, 0),
            job(NO_OP, 1, 2, 0, 0),
            job(TICK_100, 1, 2, 0, 0),
            job(TICK_1000, 10, 11, 0, 0),
            job(TICK_DICE, 12, 36, 0, 10),
        ],
        budgets: Vec::new(),
    }
}

fn broken(report: &Report) -> Vec<String> {
    check(report).into_iter().filter(|budget| !budget.holds).map(|budget| budget.budget).collect()
}

#[test]
fn figures_on_their_limits_hold() {
    assert_eq!(broken(&frugal()), Vec::<String>::new());
}

#[test]
fn each_figure_above_its_limit_breaks_its_own_budget() {
    type Break = fn(&mut Report);
    let breaks: [(Break, &str); 9] = [
        (|report| report.functions[1].zip_mb.value = 3.1, "elastic-ip-failover, death of a stranger: MB of the zip"),
        (
            |report| report.functions[1].tls.peak_rss_mb.value = 10.5,
            "elastic-ip-failover, death of a stranger: MB of memory",
        ),
        (
            |report| report.functions[1].tls.instructions_m.init.value += 0.1,
            "elastic-ip-failover, death of a stranger: million instructions, start and first invocation, TLS",
        ),
        (
            |report| report.functions[4].tls.instructions_m.warm.value += 0.1,
            "deployment-recovery, diagnosis of a failed deployment: million instructions, later invocation, TLS",
        ),
        (|report| report.jobs[0].rounds = 3, "death of the holder: rounds until the address moves"),
        (|report| report.jobs[0].reads = 4, "death of the holder: reads"),
        (|report| report.jobs[1].writes = 1, "death of a stranger, cold start: writes"),
        (|report| report.jobs[4].reads = 37, "tick over 1,000 groups, some dice fall: reads, 10 fell"),
        (|report| report.jobs[2].reads = 1, "ten times the groups: more reads than nine pages"),
    ];
    for (spoil, budget) in breaks {
        let mut report = frugal();
        spoil(&mut report);
        assert_eq!(broken(&report), [budget]);
    }
}

#[test]
fn what_was_not_measured_holds_nothing() {
    let mut report = frugal();
    report.functions.clear();
    report.jobs.clear();
    assert_eq!(broken(&report).len(), check(&report).len());
}

#[test]
fn a_report_is_read_back_as_it_was_written_and_its_table_names_every_function() {
    let mut report = frugal();
    report.budgets = check(&report);
    let written = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&written).unwrap(), report);
    let printed = table::print(&report);
    for function in &report.functions {
        assert!(printed.contains(&format!("| {}", function.function)), "{printed}");
    }
    let header = printed.lines().next().unwrap().matches('|').count();
    let rows = printed.lines().take_while(|line| !line.is_empty());
    assert!(rows.map(|row| row.matches('|').count()).all(|cells| cells == header), "{printed}");
}
