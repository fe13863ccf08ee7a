//! `summary.json`: the figures of a run for other programs.

use serde::Serialize;

use super::{outage, record::Record};

/// What `summary.json` holds.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Requests sent to the site.
    pub requests: usize,
    /// Those without an answer.
    pub failed: usize,
    /// One entry per act, in order, also where the site never went silent; then what no act explains.
    pub outages: Vec<OutageEntry>,
    /// Every move of the address.
    pub moves: Vec<MoveEntry>,
    /// The panda's experiment, in its own figures.
    pub experiment: Option<ExperimentEntry>,
    /// The fleets that it was told to hit and spared.
    pub spared: Vec<SparedEntry>,
    /// What became of each push.
    pub pushes: Vec<PushEntry>,
    /// The subjects of what people were told, in order.
    pub letters: Vec<String>,
}

/// A push.
#[derive(Debug, Serialize)]
pub struct PushEntry {
    /// What its page shows.
    pub page: String,
    /// The status of its execution.
    pub status: String,
    /// How often its stage was tried.
    pub attempts: u32,
    /// Whose agent was restarted for it.
    pub restarted: Vec<String>,
    /// Seconds from its failure to the mail about it.
    pub told_after_seconds: Option<f64>,
}

/// The panda's experiment.
#[derive(Debug, Serialize)]
pub struct ExperimentEntry {
    /// Its identity in the journal.
    pub id: String,
    /// Who was hit.
    pub victims: Vec<String>,
    /// What became of the fleet, in a word.
    pub verdict: String,
    /// Seconds until it was whole again.
    pub heal_seconds: Option<u64>,
    /// Seconds for which its site did not answer.
    pub outage_seconds: Option<u64>,
}

/// A fleet that was spared.
#[derive(Debug, Serialize)]
pub struct SparedEntry {
    /// Its name.
    pub fleet: String,
    /// The codes of the reasons.
    pub codes: Vec<String>,
}

/// The silence after one act.
#[derive(Debug, Serialize)]
pub struct OutageEntry {
    /// The act.
    pub cause: String,
    /// Seconds without an answer, to a tenth: the site is asked ten times a second.
    pub seconds: f64,
}

/// One move of an address.
#[derive(Debug, Serialize)]
pub struct MoveEntry {
    /// The address's allocation.
    pub allocation: String,
    /// Who held it; empty when nobody did.
    pub from: String,
    /// Who holds it now.
    pub to: String,
    /// What woke the function that moved it.
    pub trigger: String,
    /// From the delivery of that event to the call.
    pub event_to_call_ms: u64,
}

/// Counts a run.
#[must_use]
pub fn summarise(record: &Record) -> Summary {
    let outages = outage::of(record);
    let after_acts = record
        .acts
        .iter()
        .map(|act| OutageEntry { cause: act.cause.to_owned(), seconds: tenths(outage::seconds_after(&outages, act)) });
    let unexplained = outages
        .iter()
        .filter(|outage| outage.cause.is_none())
        .map(|outage| OutageEntry { cause: "unexplained".to_owned(), seconds: tenths(outage.seconds()) });
    Summary {
        requests: record.probes.len(),
        failed: record.probes.iter().filter(|probe| probe.answered_by.is_none()).count(),
        outages: after_acts.chain(unexplained).collect(),
        moves: record
            .moves
            .iter()
            .map(|change| MoveEntry {
                allocation: change.allocation.clone(),
                from: change.from.clone(),
                to: change.to.clone(),
                trigger: change.trigger.clone(),
                event_to_call_ms: change.event_to_call_ms,
            })
            .collect(),
        experiment: record.hunt.experiment.as_ref().map(|experiment| {
            let outcome = experiment.outcome.as_ref();
            ExperimentEntry {
                id: experiment.id.to_string(),
                victims: experiment.victims.iter().map(|victim| victim.instance.to_string()).collect(),
                verdict: outcome.map_or("open", |outcome| outcome.verdict.name()).to_owned(),
                heal_seconds: outcome.and_then(|outcome| outcome.heal_seconds),
                outage_seconds: outcome.and_then(|outcome| outcome.outage_seconds),
            }
        }),
        spared: record
            .hunt
            .spared
            .iter()
            .map(|told| SparedEntry { fleet: told.fleet.clone(), codes: told.codes() })
            .collect(),
        pushes: record
            .deliveries
            .pushes
            .iter()
            .map(|push| PushEntry {
                page: push.page.clone(),
                status: push.status.clone(),
                attempts: push.attempts,
                restarted: push.restarted.clone(),
                told_after_seconds: push.told_after.map(tenths),
            })
            .collect(),
        letters: record.letters.iter().map(|letter| letter.subject.clone()).collect(),
    }
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use serde_json::json;

    use super::*;
    use crate::demo::fixture;

    #[test]
    fn the_summary_has_exactly_the_fields_that_are_promised() {
        let summary = serde_json::to_value(summarise(&fixture::record())).unwrap();
        assert_eq!(
            summary,
            json!({
                "requests": 600,
                "failed": 52,
                "outages": [{"cause": "kill", "seconds": 5.2}, {"cause": "scale-in", "seconds": 0.0}],
                "moves": [
                    {"allocation": "eipalloc-1", "from": "i-aaaa", "to": "i-bbbb", "trigger": "shutting-down", "event_to_call_ms": 640},
                    {"allocation": "eipalloc-1", "from": "i-bbbb", "to": "i-cccc", "trigger": "terminate hook", "event_to_call_ms": 85},
                ],
                "experiment": {
                    "id": "web/request-1", "victims": ["i-aaaa"], "verdict": "survived", "heal_seconds": 16, "outage_seconds": 5,
                },
                "spared": [
                    {"fleet": "lone", "codes": ["min-healthy"]},
                    {"fleet": "broken", "codes": ["policy-unreadable"]},
                ],
                "pushes": [
                    {"page": "Release 2", "status": "Succeeded", "attempts": 2, "restarted": ["i-bbbb"], "told_after_seconds": 3.0},
                    {"page": "Release 3", "status": "Failed", "attempts": 1, "restarted": [], "told_after_seconds": 3.0},
                ],
                "letters": [
                    "The panda strikes web", "web survived the panda", "web recovered after 1 retry", "web failed: script-failed",
                ],
            })
        );
    }

    #[test]
    fn silence_before_the_first_act_is_listed_as_unexplained() {
        let mut record = fixture::record();
        record.probes.iter_mut().take(3).for_each(|probe| probe.answered_by = None);
        let summary = summarise(&record);
        assert_eq!(summary.outages.last().map(|outage| outage.cause.as_str()), Some("unexplained"));
    }
}
