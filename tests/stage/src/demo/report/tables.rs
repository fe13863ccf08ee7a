//! The same run in figures.

use maud::{Markup, html};

use super::{milliseconds, seconds, words};
use crate::demo::{
    outage::{self, Outage},
    record::{Record, Spread},
};

/// Outages by act, beside the simulation's word on this function and on the user-data script.
pub(super) fn outages(record: &Record, outages: &[Outage]) -> Markup {
    let p50s = record.comparisons.values().flat_map(|comparison| [comparison.boot_steal.p50, comparison.ours.p50]);
    let longest = p50s.filter(|p50| p50.is_finite()).fold(1.0, f64::max);
    let runs = record.comparisons.values().map(|comparison| comparison.runs).max().unwrap_or(0);
    html! {
        section {
            h2 { "Outages" }
            p.lead {
                "Left: this run, seen by the visitor. Right: the same act in " (runs) " simulated runs at AWS's own pace, with "
                "elastic-ip-failover and with the usual user-data script, by which each instance takes the address while it boots "
                "(" code { "boot-steal" } "), on the same seeds. " em { "For good" } ": no instance boots, so nobody takes the address."
            }
            div.scroll tabindex="0" {
                table {
                    thead {
                        tr { th rowspan="2" { "act" } th.number rowspan="2" { "this run" } th colspan="2" { code { "elastic-ip-failover" } } th colspan="2" { code { "boot-steal" } } }
                        tr { th.number { "p50" } th.number { "p99" } th.number { "p50" } th.number { "p99" } }
                    }
                    tbody {
                        @for (number, act) in record.acts.iter().enumerate() {
                            @let silent = outage::seconds_after(outages, act);
                            tr {
                                th scope="row" { (number + 1) " " (act.cause) span.note { (act.scenario) } }
                                td.number.bad[silent >= 0.05] { (seconds(silent)) }
                                @if let Some(comparison) = record.comparisons.get(act.scenario) {
                                    (spread(comparison.ours, longest, "ours")) (spread(comparison.boot_steal, longest, "theirs"))
                                } @else {
                                    td.number colspan="4" { "not simulated" }
                                }
                            }
                        }
                        @for outage in outages.iter().filter(|outage| outage.cause.is_none_or(|cause| cause == outage::DEPLOYMENTS)) {
                            tr { th scope="row" { @if outage.cause.is_none() { "before the first act" } @else { "during the deployments" } } td.number.bad { (seconds(outage.seconds())) } td colspan="4" {} }
                        }
                    }
                }
            }
        }
    }
}

fn spread(spread: Spread, longest: f64, class: &str) -> Markup {
    let share = (spread.p50 / longest * 100.0).clamp(0.0, 100.0);
    html! {
        td.number.gauge { (seconds(spread.p50)) i class=(class) style={ "width:" (format!("{share:.1}")) "%" } {} }
        td.number { (seconds(spread.p99)) }
    }
}

/// Every move of the address.
pub(super) fn moves(record: &Record) -> Markup {
    html! {
        section {
            h2 { "Moves" }
            p.lead { "From the delivery of the event to the AssociateAddress call is the function's share, with the local endpoint's; the rest is EC2's." }
            div.scroll tabindex="0" {
                table {
                    thead { tr { th.number { "at" } th { "from" } th { "to" } th { "woken by" } th.number { "event to call" } th.number { "call to answer" } } }
                    tbody {
                        @for change in &record.moves {
                            tr {
                                td.number { (seconds(change.at)) }
                                td { @if change.from.is_empty() { "nobody" } @else { code { (change.from) } } }
                                td { code { (change.to) } }
                                td { (change.trigger) }
                                td.number { @if let Some(ms) = change.after_event_ms() { (milliseconds(ms)) } @else { "–" } }
                                td.number { @if let Some(settled) = change.settled_at { (seconds(settled - change.at)) } @else { "–" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What the function wrote at the end of each invocation that did something.
pub(super) fn said(record: &Record) -> Markup {
    let (idle, telling): (Vec<_>, Vec<_>) = record.said.iter().partition(|said| is_idle(&said.line));
    html! {
        @if !record.said.is_empty() {
            section {
                h2 { "What elastic-ip-failover said" }
                p.lead {
                    "Its own log, from the log group of the deployment. " (idle.len()) " of " (record.said.len())
                    " invocations found nothing to do and changed nothing."
                }
                ol.said { @for said in telling { li { time { (seconds(said.at)) } span { (words(&said.line)) } } } }
            }
        }
    }
}

/// The outcome of an invocation that needed nothing, in the function's own words.
fn is_idle(line: &str) -> bool {
    ["Nothing to do", "Concerns no fleet"].iter().any(|words| line.starts_with(words))
}
