//! The part of the deployments: what was pushed, what went wrong, who mended it, and what people were told.

use maud::{Markup, html};

use super::{
    hunt::{mail, since_the_blow},
    seconds, words,
};
use crate::demo::{
    record::{By, Deliveries, Letter, Push, Record, Step},
    recovery::RECOVERY,
};

/// The whole part; nothing if it was not played.
pub(super) fn tale(record: &Record) -> Markup {
    let deliveries = &record.deliveries;
    let Some(began) = deliveries.began else {
        return html! {};
    };
    let letters: Vec<&Letter> = record.letters.iter().filter(|letter| letter.at >= began).collect();
    let (ours, pandas): (Vec<&Letter>, Vec<&Letter>) = letters.into_iter().partition(|letter| letter.from == RECOVERY);
    html! {
        section {
            h2 { "A server that forgets its updates" }
            p.lead {
                "On the order " code { "stop-agent" } " the panda stops the CodeDeploy agent of a server, which serves on. Then two commits are pushed. The "
                "first one fails for want of the agent, and deployment-recovery mends that; the second one is broken, and is explained."
            }
            div.columns {
                div.card { (pushes(deliveries)) }
                ol.steps {
                    @for step in in_order(deliveries) {
                        li.panda[step.by == By::Panda].recovery[step.by == By::Recovery] {
                            time { (since_the_blow(step.at - deliveries.struck.unwrap_or(began))) }
                            span { (words(&step.what)) }
                        }
                    }
                }
            }
            @if !ours.is_empty() {
                h3 { "What deployment-recovery told people" }
                p.lead {
                    "One message for an execution that went through after all, and one for an execution that stays failed. The log of the second push "
                    "holds a password, which the mail does not."
                }
                div.letters { @for letter in ours { (mail(letter, deliveries.struck)) } }
            }
            @if !pandas.is_empty() {
                details {
                    summary { "What the panda told people of it" }
                    div.letters { @for letter in pandas { (mail(letter, deliveries.struck)) } }
                }
            }
        }
    }
}

/// What happened, in order: the visitor sees a page while others are at work.
fn in_order(deliveries: &Deliveries) -> Vec<&Step> {
    let mut steps: Vec<&Step> = deliveries.steps.iter().collect();
    steps.sort_by(|a, b| a.at.total_cmp(&b.at));
    steps
}

fn pushes(deliveries: &Deliveries) -> Markup {
    let outcome = deliveries.experiment.as_ref().and_then(|experiment| experiment.outcome.as_ref());
    html! {
        @for push in &deliveries.pushes { (became(push)) }
        dl.facts {
            @if !deliveries.victim.is_empty() { dt { "forgot its updates" } dd { code { (deliveries.victim) } } }
            @if let Some(outcome) = outcome { dt { "the panda's verdict" } dd { (outcome.verdict.name()) } }
        }
    }
}

fn became(push: &Push) -> Markup {
    let went_through = push.status == "Succeeded";
    html! {
        p.verdict-word.bad[!went_through] { (push.page) @if went_through { ": deployed" } @else { ": explained" } }
        dl.facts {
            dt { "commit" } dd { code { (push.commit) } }
            dt { "its execution" } dd { (push.status) }
            dt { "the stage was" } dd { @if push.attempts > 1 { "tried again, once" } @else { "not tried again" } }
            dt { "agents restarted" } dd { @if push.restarted.is_empty() { "none" } @else { code { (push.restarted.join(", ")) } } }
            @if let Some(after) = push.told_after {
                dt { "people were told" } dd { (seconds(after)) " after its failure" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::fixture;

    #[test]
    fn both_pushes_are_shown_with_what_became_of_them_and_what_people_were_told() {
        let shown = tale(&fixture::record()).into_string();
        for words in [
            "Release 2: deployed",
            "tried again, once",
            "Release 3: explained",
            "not tried again",
            "&lt;restarted&gt;",
            "web recovered after 1 retry",
            "DB_PASSWORD=[redacted]",
            "The site shows",
        ] {
            assert!(shown.contains(words), "{words} is missing: {shown}");
        }
        assert!(!shown.contains("The panda strikes web"), "the kill has its own section");
    }

    #[test]
    fn nothing_is_said_of_pushes_that_were_not_made() {
        let record = Record { deliveries: Deliveries::default(), ..fixture::record() };
        assert_eq!(tale(&record).into_string(), "");
    }
}
