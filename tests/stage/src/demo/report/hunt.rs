//! The panda's part: its experiment step by step, what people were told of it, and whom it spared.

use maud::{Markup, html};
use panda_domain::chaos::{Experiment, Outcome};

use super::{seconds, words};
use crate::demo::{
    fleets::{CAST, Cast},
    outage::{self, Outage},
    panda::{GroupTold, PANDA},
    record::{Letter, Phase, Record},
};

/// Something that happened in an experiment.
#[derive(Debug, PartialEq)]
struct Step {
    at: f64,
    what: String,
    /// Who did it: the panda, or the world around it.
    panda: bool,
}

/// The experiment, from the order to the verdict.
pub(super) fn experiment(record: &Record, outages: &[Outage]) -> Markup {
    let Some(experiment) = record.hunt.experiment.as_ref().or(record.hunt.intention.as_ref()) else {
        return html! {};
    };
    let silent = record.acts.iter().find(|act| experiment.hits(&act.instance.as_str().into()));
    let silent = silent.map(|act| outage::seconds_after(outages, act));
    html! {
        section {
            h2 { "The panda's experiment" }
            p.lead {
                "The kill is the work of the deployed panda, on the order " code { "kill " (record.fleet) } ". It looked whether the fleet could "
                "take a blow, wrote down what it meant to do, told people, struck, and watched until the fleet was whole again."
            }
            div.columns {
                div.card {
                    (facts(record, experiment, silent))
                    @if let Some(intention) = &record.hunt.intention { (written_down(intention)) }
                }
                ol.steps {
                    @for step in steps(record, experiment) {
                        li.panda[step.panda] {
                            time { (since_the_blow(step.at - record.hunt.struck.unwrap_or(step.at))) }
                            span { (words(&step.what)) }
                        }
                    }
                }
            }
        }
    }
}

fn facts(record: &Record, experiment: &Experiment, silent: Option<f64>) -> Markup {
    let outcome = experiment.outcome.as_ref();
    let whole = record.hunt.healed.zip(record.hunt.struck).map(|(healed, struck)| seconds(healed - struck));
    html! {
        p.verdict-word { (outcome.map_or("not over", |outcome| outcome.verdict.name())) }
        dl.facts {
            @for victim in &experiment.victims {
                dt { "struck" }
                dd {
                    code { (victim.instance) } " in " (victim.zone)
                    @if !victim.holds.is_empty() { ", which held " (victim.holds.join(", ")) }
                    span.note { "fault " code { (experiment.fault) } }
                }
            }
            @if let Some(outcome) = outcome {
                (measured("whole again", outcome.heal_seconds, whole.as_deref(), "it looks every five seconds"))
                (measured("site silent", outcome.outage_seconds, silent.map(seconds).as_deref(), "it asks once a second"))
                (whereabouts(outcome))
            }
            dt { "in the journal" }
            dd { code { (experiment.id) } }
        }
    }
}

/// A figure of the panda's, beside the demo's own.
fn measured(what: &str, panda: Option<u64>, demo: Option<&str>, how: &str) -> Markup {
    html! {
        dt { (what) }
        dd {
            @if let Some(panda) = panda { (panda) " s" } @else { "not known" }
            @if let Some(demo) = demo { span.note { "by the demo's own clock " (demo) "; " (how) } }
        }
    }
}

fn whereabouts(outcome: &Outcome) -> Markup {
    html! {
        @for step in &outcome.moves {
            dt { (step.public_ip) }
            dd {
                @if let Some(from) = &step.from { code { (from) } } @else { "nobody" }
                " → "
                @if let Some(to) = &step.to { code { (to) } } @else { "nobody" }
            }
        }
        @if !outcome.replacements.is_empty() {
            dt { "came instead" }
            dd { @for instance in &outcome.replacements { code { (instance) } " " } }
        }
    }
}

fn written_down(intention: &Experiment) -> Markup {
    // Whatever can be written to the journal can be written here.
    let json = serde_json::to_string_pretty(intention).unwrap_or_default();
    html! {
        details {
            summary { "The record, as the journal held it when the server died" }
            pre { (json) }
        }
    }
}

/// What happened, in order.
fn steps(record: &Record, experiment: &Experiment) -> Vec<Step> {
    let hunt = &record.hunt;
    let mut steps = Vec::new();
    let mut step = |at: Option<f64>, panda: bool, what: String| {
        steps.extend(at.map(|at| Step { at, what, panda }));
    };
    let victims: Vec<_> = experiment.victims.iter().map(|victim| format!("`{}`", victim.instance)).collect();
    let victims = victims.join(", ");
    step(
        hunt.ordered,
        false,
        format!("The order comes: kill one of {}, reason \"{}\".", record.fleet, reason(experiment)),
    );
    let decided = record.seconds_at(experiment.started);
    step(Some(decided), true, "No reason to spare the fleet. The intention goes into the journal.".to_owned());
    let ended = experiment.outcome.as_ref().map(|outcome| record.seconds_at(outcome.closed));
    let mut letters = record.letters_from(PANDA);
    step(letters.next().map(|letter| letter.at), true, "The first mail arrives.".to_owned());
    step(hunt.struck, true, format!("{victims} is terminated."));
    let change = record.moves.iter().find(|change| hunt.struck.is_some_and(|struck| change.at >= struck));
    if let Some(change) = change {
        let after = change.after_event_ms().map(|ms| format!(", {ms} ms after the event")).unwrap_or_default();
        let words = format!("elastic-ip-failover moves the address to `{}`{after}.", change.to);
        step(Some(change.at), false, words);
        step(change.settled_at, false, "Packets for the address arrive there: the site answers again.".to_owned());
    }
    for instance in experiment.outcome.iter().flat_map(|outcome| &outcome.replacements) {
        let life = record.lives.iter().find(|life| life.instance == instance.as_str());
        let begins = |phase: Phase| {
            let stretch = life?.stretches.iter().find(|stretch| stretch.phase == phase)?;
            Some(stretch.from)
        };
        step(begins(Phase::Booting), false, format!("Auto Scaling launches `{instance}`."));
        step(begins(Phase::Serving), false, format!("`{instance}` answers."));
    }
    step(
        hunt.healed,
        false,
        "The fleet is whole: everybody in service, and the address on a living server.".to_owned(),
    );
    let verdict = experiment.outcome.as_ref().map_or("", |outcome| outcome.verdict.name());
    step(ended, true, format!("It sees the fleet whole, and closes the experiment: {verdict}."));
    step(letters.next().map(|letter| letter.at), true, "The second mail arrives.".to_owned());
    steps.sort_by(|a, b| a.at.total_cmp(&b.at));
    steps
}

fn reason(experiment: &Experiment) -> &str {
    match &experiment.trigger {
        panda_domain::chaos::Trigger::Command { reason, .. } => reason,
        panda_domain::chaos::Trigger::Tick { .. } => "the dice",
    }
}

/// `+5.8 s`, `−30 ms`: from the blow. What comes shortly before it must not look as if it came with it.
pub(super) fn since_the_blow(seconds: f64) -> String {
    let sign = if seconds < 0.0 { '−' } else { '+' };
    let seconds = seconds.abs();
    if seconds < 0.95 { format!("{sign}{:.0} ms", seconds * 1000.0) } else { format!("{sign}{seconds:.1} s") }
}

/// What people were told, as they read it.
pub(super) fn letters(record: &Record) -> Markup {
    let later = record.deliveries.began.unwrap_or(f64::INFINITY);
    let letters: Vec<&Letter> = record.letters_from(PANDA).filter(|letter| letter.at < later).collect();
    html! {
        @if !letters.is_empty() {
            section {
                h2 { "What people were told of the kill" }
                p.lead {
                    "The topic's messages, as they arrive by mail. The first is sent before the blow, and the second after the verdict; how long "
                    "a mail is under way is not the panda's to say."
                }
                div.letters { @for letter in letters { (mail(letter, record.hunt.struck)) } }
            }
        }
    }
}

/// A message, with its time from the blow.
pub(super) fn mail(letter: &Letter, struck: Option<f64>) -> Markup {
    let when = match struck.map(|struck| letter.at - struck) {
        Some(since) => format!("arrived at {}", since_the_blow(since)),
        None => format!("arrived after {}", seconds(letter.at)),
    };
    html! {
        article.letter {
            p.when { (letter.from) ", " (when) }
            h3 { (letter.subject) }
            p.text { (letter.text) }
        }
    }
}

/// What the panda said of each fleet: what a tick would do, and what became of an order to kill.
pub(super) fn verdicts(record: &Record) -> Markup {
    let hunt = &record.hunt;
    let about = |told: &[GroupTold], fleet: &str| told.iter().find(|told| told.fleet == fleet).cloned();
    html! {
        @if !hunt.preview.is_empty() {
            section {
                h2 { "Whom it spares, and why" }
                p.lead {
                    "Three fleets let the panda in. First it was asked what a tick would do (" code { "make preview" } "), then told to kill in each "
                    "(" code { "make kill" } "). An order leaves out the dice and nothing else."
                }
                div.scroll tabindex="0" {
                    table.verdicts {
                        thead { tr { th { "fleet" } th { "what would a tick do?" } th { "told to kill" } } }
                        tbody {
                            @for cast in CAST {
                                tr {
                                    th scope="row" { (cast.name) span.note { (cast.likeness) } }
                                    td {
                                        @if let Some(told) = about(&hunt.preview, cast.name) {
                                            (reasons(&told))
                                            @if let Some(odds) = told.day_odds {
                                                span.note { "odds of a work day: " (format!("{:.0}", odds * 100.0)) " %" }
                                            }
                                        }
                                    }
                                    td { (ordered(record, &cast, about(&hunt.spared, cast.name))) }
                                }
                            }
                        }
                    }
                }
                @if !hunt.history.is_empty() {
                    p { "Asked at the end what it remembers (" code { "make history" } "): " q { (hunt.history) } }
                }
            }
        }
    }
}

fn ordered(record: &Record, cast: &Cast, told: Option<GroupTold>) -> Markup {
    let outcome = record.hunt.experiment.as_ref().and_then(|experiment| experiment.outcome.as_ref());
    html! {
        @match (told, outcome) {
            (Some(told), _) => { strong { "spared" } (reasons(&told)) },
            (None, Some(outcome)) if cast.spared_by.is_none() => { strong.bad { "struck" } ", and it " (outcome.verdict) },
            (None, _) => "not asked",
        }
    }
}

fn reasons(told: &GroupTold) -> Markup {
    html! {
        @if told.reasons.is_empty() { (words(&told.sentence)) }
        @else {
            ul.reasons { @for reason in &told.reasons { li { (words(&reason.sentence)) " " code.code { (reason.code) } } } }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;
    use crate::demo::fixture;

    #[test]
    fn an_experiment_is_told_in_order_from_the_order_to_the_second_letter() {
        let record = fixture::record();
        let steps = steps(&record, record.hunt.experiment.as_ref().unwrap());
        let told: Vec<_> = steps.iter().map(|step| step.what.split([' ', '`']).next().unwrap_or_default()).collect();
        let at: Vec<_> = steps.iter().map(|step| since_the_blow(step.at - 10.0)).collect();
        assert_eq!(at.first().map(String::as_str), Some("−1.0 s"), "{told:?}");
        assert_eq!(at.last().map(String::as_str), Some("+16.3 s"));
        let what = steps.iter().map(|step| step.what.as_str()).collect::<Vec<_>>().join("\n");
        for word in ["order", "journal", "`i-aaaa` is terminated", "640 ms", "launches `i-cccc`", "whole", "survived"] {
            assert!(what.contains(word), "{word} is missing:\n{what}");
        }
    }

    #[test]
    fn nothing_is_said_of_an_experiment_that_was_not_made() {
        let mut record = fixture::record();
        (record.hunt.experiment, record.hunt.intention) = (None, None);
        assert_eq!(experiment(&record, &[]).into_string(), "");
    }

    #[test]
    fn an_experiment_that_was_recorded_and_not_closed_is_shown_as_not_over() {
        let mut record = fixture::record();
        record.hunt.experiment = None;
        let shown = experiment(&record, &[]).into_string();
        assert!(shown.contains("not over") && shown.contains("i-aaaa"), "{shown}");
    }

    #[test]
    fn letters_keep_their_words_and_their_time() {
        let shown = letters(&fixture::record()).into_string();
        for words in ["The panda strikes web", "arrived at −100 ms", "arrived at +16.3 s", "Victim: &lt;i-aaaa&gt;"] {
            assert!(shown.contains(words), "{words} is missing: {shown}");
        }
    }

    #[test]
    fn a_spared_fleet_is_shown_with_every_reason_and_the_struck_one_with_what_became_of_it() {
        let shown = verdicts(&fixture::record()).into_string();
        for words in ["lone", "1 must stay", "min-healthy", "policy-unreadable", "struck", "survived", "no spare"] {
            assert!(shown.contains(words), "{words} is missing: {shown}");
        }
    }
}
