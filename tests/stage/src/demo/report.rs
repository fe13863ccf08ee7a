//! `report.html`: a run on one page, for people. One file, nothing fetched.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    outage::{self, Outage},
    record::{Move, Record},
};

mod closeup;
mod delivery;
mod hunt;
mod prose;
mod scale;
mod tables;
mod timeline;

const STYLE: &str = include_str!("report/style.css");

/// The page.
#[must_use]
pub fn page(record: &Record) -> String {
    let outages = outage::of(record);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Lethargic Panda: a kill, " (record.acts.len()) " acts, one address" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (heading(record, &outages))
                    (figures(record, &outages))
                    section {
                        h2 { "The run" }
                        p.lead {
                            "Each row is an instance from its launch to its end. The blue line is the Elastic IP: it runs "
                            "along the row of the instance that answers at the address. A bar of the panda lasts from an order to its verdict, one of "
                            "deployment-recovery from a failed deployment to its mail."
                        }
                        (timeline::legend())
                        figure.scroll tabindex="0" aria-label="Timeline of the run" { (timeline::chart(record, &outages)) }
                    }
                    (hunt::experiment(record, &outages))
                    (hunt::letters(record))
                    (hunt::verdicts(record))
                    section {
                        h2 { "After each act" }
                        p.lead { "Every bar is one request, ten a second, coloured by who answered it." }
                        (closeup::legend())
                        div.panels { @for number in 0..record.acts.len() { (closeup::panel(record, &outages, number)) } }
                    }
                    (delivery::tale(record))
                    (tables::outages(record, &outages))
                    (tables::moves(record))
                    (tables::said(record))
                    (prose::how_to_read())
                    (prose::what_is_simulated())
                }
                footer {
                    p { "Played on " (record.played) " with seed " (record.seed) ", by " code { "make demo" } "." }
                }
            }
        }
    };
    markup.into_string()
}

fn heading(record: &Record, outages: &[Outage]) -> Markup {
    let acts = record.acts.len();
    let silent: f64 = outages.iter().map(Outage::seconds).sum();
    let kill = record.acts.first().filter(|_| record.hunt.struck.is_some());
    html! {
        header {
            p.mark { "Lethargic Panda" }
            @if let Some(kill) = kill {
                h1 { "The panda killed the server that held the address. " (back(outage::seconds_after(outages, kill))) }
            } @else {
                h1 { "The holder of the address was taken away " (times(acts)) "." }
            }
            p.lead {
                "A fleet of two web servers behind the Elastic IP " span.nowrap { (record.public_ip) } ", asked ten times a second. "
                @if kill.is_some() { "Its holder was taken away " (times(acts)) ", the first time by the panda. " }
                @if !record.deliveries.pushes.is_empty() { "Then a server forgot its updates, and two commits were pushed. " }
                @if silent < 0.05 { "The site never fell silent." }
                @else { "In " (seconds(record.seconds)) " the site was silent for " strong { (seconds(silent)) } "." }
            }
        }
    }
}

fn figures(record: &Record, outages: &[Outage]) -> Markup {
    let failed = record.probes.iter().filter(|probe| probe.answered_by.is_none()).count();
    let untouched = record.acts.iter().filter(|act| outage::seconds_after(outages, act) < 0.05).count();
    html! {
        dl.figures {
            @for act in record.acts.iter().take(1) {
                (figure(
                    &format!("silence after the {}", act.cause),
                    &seconds(outage::seconds_after(outages, act)),
                    "three to six of them until packets follow the address",
                ))
            }
            @if let Some(outcome) = record.hunt.experiment.as_ref().and_then(|experiment| experiment.outcome.as_ref()) {
                @let healed = outcome.heal_seconds.map(|healed| format!("whole again after {healed} s")).unwrap_or_default();
                (figure("the panda's verdict", outcome.verdict.name(), &healed))
            }
            (figure(
                "acts without a lost request",
                &format!("{untouched} of {}", record.acts.len()),
                "the address moved while the old server still answered",
            ))
            (figure("event to AssociateAddress", &median_call(record), &median_note(record)))
            (figure("requests", &record.probes.len().to_string(), &format!("{failed} without an answer")))
            @for push in record.deliveries.pushes.iter().filter(|push| push.status == "Succeeded").take(1) {
                @let note = "after a server missed it: its agent was restarted, and the stage tried again";
                (figure("a failed deployment went through", &push.told_after.map_or_else(|| "–".to_owned(), seconds), note))
            }
            @if let Some(comparison) = record.comparisons.get("kill-with-spare") {
                @let (ours, theirs) = (comparison.ours.p50, comparison.boot_steal.p50);
                (figure(
                    "less silence after a kill than with the user-data script",
                    &format!("{:.0} ×", theirs / ours.max(0.1)),
                    &format!("{} against {}, p50 of {} simulated runs", seconds(ours), seconds(theirs), comparison.runs),
                ))
            }
        }
    }
}

fn figure(name: &str, value: &str, note: &str) -> Markup {
    html! { div { dt { (name) } dd { strong { (value) } @if !note.is_empty() { span { (note) } } } } }
}

/// How the site came back after the kill.
fn back(silent: f64) -> String {
    if silent < 0.05 {
        "The site never fell silent.".to_owned()
    } else {
        format!("The site was silent for {}.", seconds(silent))
    }
}

fn median_note(record: &Record) -> String {
    let woken = record.moves.iter().filter_map(Move::after_event_ms).count();
    format!("median of the {woken} moves that an event began")
}

fn median_call(record: &Record) -> String {
    let mut calls: Vec<u64> = record.moves.iter().filter_map(Move::after_event_ms).collect();
    calls.sort_unstable();
    calls.get(calls.len() / 2).map_or_else(|| "–".to_owned(), |&ms| milliseconds(ms))
}

/// `5.2 s`, `1 min 12 s`; `for good` when it never ended.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds.is_infinite() {
        return "for good".to_owned();
    }
    if seconds < 99.95 {
        // An empty sum is minus zero.
        return format!("{:.1} s", seconds + 0.0);
    }
    format!("{:.0} min {:02.0} s", (seconds.round() / 60.0).floor(), seconds.round() % 60.0)
}

/// `640 ms`, `1.2 s`.
fn milliseconds(ms: u64) -> String {
    match std::time::Duration::from_millis(ms) {
        long if ms >= 1000 => format!("{:.1} s", long.as_secs_f64()),
        _ => format!("{ms} ms"),
    }
}

fn times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        3 => "three times".to_owned(),
        4 => "four times".to_owned(),
        more => format!("{more} times"),
    }
}

/// A line with its `names` set as names.
pub(super) fn words(line: &str) -> Markup {
    html! {
        @for (number, part) in line.split('`').enumerate() {
            @if number % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture;

    #[test]
    fn the_page_is_self_contained() {
        let page = page(&fixture::record());
        for forbidden in ["http://", "https://", "<script", "<link", "@import", "url("] {
            let found = page.replace("url(#", "").find(forbidden).is_some();
            assert!(!found, "{forbidden} in the page");
        }
    }

    #[test]
    fn what_instances_and_functions_say_is_escaped() {
        let page = page(&fixture::record());
        assert!(!page.contains("<no>") && page.contains("&lt;no&gt;"));
        assert!(!page.contains("<its holder>") && page.contains("&lt;its holder&gt;"));
    }

    #[test]
    fn a_run_without_anything_is_still_a_page() {
        let page = page(&Record::default());
        assert!(page.contains("never fell silent"));
    }

    #[test]
    fn durations_are_told_as_people_do() {
        assert_eq!(seconds(5.24), "5.2 s");
        assert_eq!(seconds(132.0), "2 min 12 s");
        assert_eq!(seconds(119.7), "2 min 00 s");
        assert_eq!(milliseconds(85), "85 ms");
        assert_eq!(milliseconds(1240), "1.2 s");
        assert_eq!(seconds(-0.0), "0.0 s");
        assert_eq!(seconds(f64::INFINITY), "for good");
    }

    #[test]
    fn names_in_backticks_are_set_as_names_and_stay_escaped() {
        assert_eq!(words("moved `i-<a>` & more").into_string(), "moved <code>i-&lt;a&gt;</code> &amp; more");
    }
}
