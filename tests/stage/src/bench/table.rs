//! The report for people, as it stands in the README.

use std::fmt::Write as _;

use super::{
    report::{Figure, Phases, Report},
    rounds::Stretch,
};

/// The report as tables of Markdown.
#[must_use]
pub fn print(report: &Report) -> String {
    let mut text = String::new();
    // A String takes everything.
    let _ = figures(report, &mut text);
    let _ = jobs(report, &mut text);
    let _ = budgets(report, &mut text);
    text
}

fn figures(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "| function, job | zip, MB | memory, MB | million instructions: start | first invocation | a later one | without TLS | ms: start | first invocation | a later one |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for function in &report.functions {
        let (tls, plain) = (&function.tls, &function.plain);
        let cells = [
            format!("{}, {}", function.function, function.job),
            cell(function.zip_mb, 2),
            cell(tls.peak_rss_mb, 1),
            cell(tls.instructions_m.init, 2),
            cell(tls.instructions_m.first, 2),
            cell(tls.instructions_m.warm, 2),
            in_short(plain.instructions_m),
            cell(tls.millis.init, 1),
            cell(tls.millis.first, 1),
            cell(tls.millis.warm, 1),
        ];
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    writeln!(out)
}

/// `5.31 (×12.9)`
fn cell(figure: Figure, digits: usize) -> String {
    format!("{:.digits$} (×{:.1})", figure.value, figure.ratio)
}

fn in_short(phases: Phases<Figure>) -> String {
    format!("{:.2} / {:.2} / {:.2}", phases.init.value, phases.first.value, phases.warm.value)
}

fn jobs(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "| job | rounds of waiting | reads | writes | calls, round by round |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    for job in &report.jobs {
        let calls: Vec<String> = job.calls.iter().map(round).collect();
        let mut calls = calls.join(" → ");
        if job.calls_after > 0 {
            write!(calls, "; then {} more", job.calls_after)?;
        }
        writeln!(out, "| {}, {} | {} | {} | {} | {calls} |", job.function, job.job, job.rounds, job.reads, job.writes)?;
    }
    writeln!(out)
}

/// `DescribeAddresses + DescribeInstances`, `9 × (DescribeAutoScalingGroups)`
fn round(stretch: &Stretch) -> String {
    let together: Vec<String> = stretch
        .together
        .iter()
        .map(|(operation, count)| if *count == 1 { operation.clone() } else { format!("{count} {operation}") })
        .collect();
    let together = together.join(" + ");
    if stretch.rounds == 1 { together } else { format!("{} × ({together})", stretch.rounds) }
}

fn budgets(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "| budget | measured | at most | |")?;
    writeln!(out, "|---|---|---|---|")?;
    for budget in &report.budgets {
        let holds = if budget.holds { "holds" } else { "**broken**" };
        writeln!(out, "| {} | {} | {} | {holds} |", budget.budget, plain(budget.figure), plain(budget.limit))?;
    }
    Ok(())
}

/// Two digits where they say something.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 { format!("{number:.0}") } else { format!("{number:.2}") }
}
