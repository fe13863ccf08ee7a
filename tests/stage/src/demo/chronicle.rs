//! What is going on, told from three sides: the world's journal, the courier's deliveries, the visitor's requests.
//! Everything is kept for the report, and what people want to follow becomes a line of the timeline.

use std::collections::BTreeMap;

use jiff::Timestamp;
use panda_world::{AnsweredBy, Entry, InstanceState, Kind};
use serde_json::Value;

use super::{
    record::{ActRecord, By, EventRecord, Letter, Life, Move, Phase, Probe, Record, SWEEP, Step, Stretch},
    recovery::RECOVERY,
    terminal::{Line, Tone},
    words,
};

/// A move later than this after the last event about the old holder was not woken by it.
const WOKEN_WITHIN: f64 = 20.0;

/// An event about another instance wakes the function as well, and what it then sees it mends; the next look is the sweep's.
const SEEN_WITHIN: f64 = 2.0;

/// Requests without an answer, or with one, that make a change worth a line: one lost request is no outage to people.
const CALLS_TO_BELIEVE: usize = 2;

/// An `AssociateAddress` whose function made no call for so long before it belongs to a new invocation.
const BURST_GAP: f64 = 1.0;

/// The story so far.
#[derive(Debug)]
pub struct Chronicle {
    /// The story; its probes come from the prober at the end.
    pub record: Record,
    zones: BTreeMap<String, String>,
    unanswered: Vec<f64>,
    page: Option<String>,
    asked: bool,
    last_call: f64,
    burst_began: f64,
}

impl Chronicle {
    /// A story that begins at `zero`.
    #[must_use]
    pub fn new(zero: Timestamp, record: Record) -> Self {
        Self {
            record: Record { began: zero, ..record },
            zones: BTreeMap::new(),
            unanswered: Vec::new(),
            page: None,
            asked: false,
            last_call: f64::MIN,
            burst_began: 0.0,
        }
    }

    /// World time in seconds of the story.
    #[must_use]
    pub fn seconds(&self, at: Timestamp) -> f64 {
        self.record.seconds_at(at)
    }

    /// An instance that was there already.
    pub fn meet(&mut self, instance: &str, zone: &str, phase: Phase) {
        self.zones.insert(instance.to_owned(), zone.to_owned());
        self.enter(instance, 0.0, Some(phase));
    }

    /// An act, as it is done.
    pub fn act(&mut self, act: ActRecord) -> Line {
        let line = Line::at(act.at, Tone::Act, act.sentence.clone());
        self.record.acts.push(act);
        line
    }

    /// A message to people, as it arrived.
    pub fn wrote(&mut self, letter: Letter) -> Line {
        let tone = if letter.from == RECOVERY { Tone::Recovery } else { Tone::Panda };
        let line = Line::at(letter.at, tone, format!("  mail from {}: \"{}\"", letter.from, letter.subject));
        self.record.letters.push(letter);
        line
    }

    /// An event that a deployed rule delivered.
    pub fn delivered(&mut self, at: f64, event: &Value, function: &str) -> Line {
        let gist = words::gist(event);
        let about = gist.instance.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        let line = Line::at(at, Tone::Event, format!("event {}{about} → {function}", gist.kind));
        self.record.events.push(EventRecord {
            at,
            kind: gist.kind,
            instance: gist.instance,
            function: function.to_owned(),
        });
        line
    }

    /// An answer to the visitor, or none.
    pub fn asked(&mut self, probe: &Probe) -> Option<Line> {
        self.asked = true;
        let Some(instance) = &probe.answered_by else {
            self.unanswered.push(probe.at);
            let believed = self.unanswered.len() == CALLS_TO_BELIEVE;
            return believed.then(|| Line::at(probe.at, Tone::Bad, "site does not answer"));
        };
        let silent = std::mem::take(&mut self.unanswered);
        let since = silent.iter().copied().fold(f64::INFINITY, f64::min);
        let outage = probe.at - since;
        let text = format!("site answers again, from {instance}; outage {outage:.1} s");
        (silent.len() >= CALLS_TO_BELIEVE).then(|| Line::at(probe.at, Tone::Good, text))
    }

    /// What the visitor's page shows, if it is not what it showed before.
    pub fn read(&mut self, probe: &Probe) -> Option<Line> {
        let (page, instance) = (probe.page.as_ref()?, probe.answered_by.as_ref()?);
        if self.page.as_ref() == Some(page) {
            return None;
        }
        let what = format!("the site shows \"{page}\", from {instance}");
        if self.page.replace(page.clone()).is_some() {
            let what = format!("The site shows \"{page}\", from `{instance}`.");
            self.record.deliveries.steps.push(Step { at: probe.at, by: By::Visitor, what });
        }
        Some(Line::at(probe.at, Tone::Good, what))
    }

    /// What the visitor's page showed last.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// An entry of the world's journal.
    pub fn see(&mut self, entry: &Entry, zone_of: impl Fn(&str) -> Option<String>) -> Option<Line> {
        let at = self.seconds(entry.at);
        match &entry.kind {
            Kind::Instance { instance, state } => {
                if let Some(zone) = zone_of(instance) {
                    self.zones.insert(instance.clone(), zone);
                }
                let phase = match state {
                    InstanceState::Pending => Some(Phase::Booting),
                    InstanceState::Running => return None,
                    InstanceState::ShuttingDown | InstanceState::Stopping => Some(Phase::Leaving),
                    InstanceState::Terminated | InstanceState::Stopped => None,
                };
                self.enter(instance, at, phase);
                (*state == InstanceState::Pending).then(|| Line::at(at, Tone::Quiet, format!("{instance} launched")))
            }
            Kind::Ready { instance } => {
                self.enter(instance, at, Some(Phase::Serving));
                Some(Line::at(at, Tone::Quiet, format!("{instance} has booted and answers")))
            }
            Kind::Silent { instance } => {
                if self.phase_of(instance) == Some(Phase::Serving) {
                    self.enter(instance, at, Some(Phase::Failing));
                }
                None
            }
            Kind::HookAnswered { instance, hook, result, by: AnsweredBy::Call, .. } => {
                Some(Line::at(at, Tone::Quiet, format!("hook {hook} of {instance} answered: {result}")))
            }
            Kind::Call { .. } => {
                if at - self.last_call > BURST_GAP {
                    self.burst_began = at;
                }
                self.last_call = at;
                None
            }
            Kind::Associated { allocation, instance, from, .. } => {
                Some(self.moved(at, allocation, from.as_deref(), instance))
            }
            Kind::Settled { allocation, instance: Some(instance), .. } => {
                let last = self.record.moves.iter_mut().rev().find(|change| change.allocation == *allocation);
                if let Some(change) = last.filter(|change| change.to == *instance) {
                    change.settled_at = Some(at);
                    let text =
                        format!("packets for the address reach {instance}, {:.1} s after the call", at - change.at);
                    return Some(Line::at(at, Tone::Quiet, text));
                }
                None
            }
            _ => None,
        }
    }

    fn moved(&mut self, at: f64, allocation: &str, from: Option<&str>, to: &str) -> Line {
        // Once EC2 has dropped a dead holder's association nobody holds the address; the event was about the last one.
        let last_holder = self.record.moves.last().map(|change| change.to.clone());
        let about =
            from.map(str::to_owned).or(last_holder).or_else(|| self.record.acts.last().map(|act| act.instance.clone()));
        let before = || self.record.events.iter().rev().filter(|event| event.at <= at);
        let woken_by = before()
            .find(|event| event.instance.is_some() && event.instance == about && at - event.at < WOKEN_WITHIN)
            .or_else(|| before().find(|event| at - event.at < SEEN_WITHIN));
        let (trigger, since) =
            woken_by.map_or((SWEEP.to_owned(), self.burst_began), |event| (event.kind.clone(), event.at));
        let event_to_call_ms = milliseconds((at - since).max(0.0));
        let lag =
            if trigger == SWEEP { "by the sweep".to_owned() } else { format!("{event_to_call_ms} ms after the event") };
        let text = format!("{allocation} {} → {to} (AssociateAddress {lag})", from.unwrap_or("nobody"));
        self.record.moves.push(Move {
            at,
            allocation: allocation.to_owned(),
            from: from.unwrap_or_default().to_owned(),
            to: to.to_owned(),
            trigger,
            event_to_call_ms,
            settled_at: None,
        });
        Line::at(at, Tone::Move, text)
    }

    /// Whether the site answered the last request.
    #[must_use]
    pub fn site_answers(&self) -> bool {
        self.asked && self.unanswered.is_empty()
    }

    fn phase_of(&self, instance: &str) -> Option<Phase> {
        let life = self.record.lives.iter().find(|life| life.instance == instance)?;
        life.stretches.last().filter(|stretch| stretch.to.is_infinite()).map(|stretch| stretch.phase)
    }

    /// Ends the instance's present phase and begins `phase`, if it lives on.
    fn enter(&mut self, instance: &str, at: f64, phase: Option<Phase>) {
        let zones = &self.zones;
        let lives = &mut self.record.lives;
        let position = lives.iter().position(|life| life.instance == instance).unwrap_or_else(|| {
            let zone = zones.get(instance).cloned().unwrap_or_default();
            lives.push(Life { instance: instance.to_owned(), zone, stretches: Vec::new() });
            lives.len() - 1
        });
        let Some(life) = lives.get_mut(position) else {
            return;
        };
        if let Some(open) = life.stretches.last_mut().filter(|stretch| stretch.to.is_infinite()) {
            open.to = at;
        }
        if let Some(phase) = phase {
            life.stretches.push(Stretch { from: at, to: f64::INFINITY, phase });
        }
    }

    /// The whole story, ended at `end`, with the visitor's requests.
    pub fn close(&mut self, end: f64, probes: Vec<Probe>) -> Record {
        for stretch in self.record.lives.iter_mut().flat_map(|life| life.stretches.iter_mut()) {
            stretch.to = stretch.to.min(end);
        }
        self.record.seconds = end;
        self.record.probes = probes;
        std::mem::take(&mut self.record)
    }
}

fn milliseconds(seconds: f64) -> u64 {
    u64::try_from(std::time::Duration::from_secs_f64(seconds).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use jiff::ToSpan as _;
    use serde_json::json;

    use super::*;

    fn chronicle() -> Chronicle {
        let mut chronicle = Chronicle::new(Timestamp::UNIX_EPOCH, Record::default());
        chronicle.meet("i-a", "us-east-1a", Phase::Serving);
        chronicle.meet("i-b", "us-east-1b", Phase::Serving);
        chronicle
    }

    fn entry(at_ms: i64, kind: Kind) -> Entry {
        Entry { at: Timestamp::UNIX_EPOCH + at_ms.milliseconds(), kind }
    }

    fn see(chronicle: &mut Chronicle, at_ms: i64, kind: Kind) -> Option<String> {
        chronicle.see(&entry(at_ms, kind), |_| Some("us-east-1a".into())).map(|line| line.text)
    }

    fn associated(from: Option<&str>, to: &str) -> Kind {
        Kind::Associated {
            allocation: "eipalloc-1".into(),
            public_ip: "203.0.113.10".into(),
            instance: to.into(),
            from: from.map(str::to_owned),
        }
    }

    fn shutting_down(instance: &str) -> Value {
        json!({"detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": instance, "state": "shutting-down"}})
    }

    #[test]
    fn a_move_is_laid_to_the_last_event_about_the_old_holder() {
        let mut chronicle = chronicle();
        chronicle.delivered(1.0, &shutting_down("i-a"), "failover");
        chronicle.delivered(1.2, &shutting_down("i-x"), "failover");
        let line = see(&mut chronicle, 1640, associated(Some("i-a"), "i-b")).unwrap();
        assert_eq!(line, "eipalloc-1 i-a → i-b (AssociateAddress 640 ms after the event)");
        see(
            &mut chronicle,
            6_000,
            Kind::Settled {
                allocation: "eipalloc-1".into(),
                public_ip: "203.0.113.10".into(),
                instance: Some("i-b".into()),
            },
        );
        let change = chronicle.record.moves.first().unwrap();
        assert_eq!(
            (change.trigger.as_str(), change.event_to_call_ms, change.settled_at),
            ("shutting-down", 640, Some(6.0))
        );
    }

    #[test]
    fn a_move_without_an_event_about_the_holder_is_the_sweeps() {
        let mut chronicle = chronicle();
        let call = |operation: &str| Kind::Call {
            caller: "http".into(),
            service: "ec2",
            operation: operation.into(),
            result: "OK".into(),
            subject: String::new(),
        };
        see(&mut chronicle, 30_000, call("DescribeAddresses"));
        see(&mut chronicle, 30_050, call("AssociateAddress"));
        see(&mut chronicle, 30_060, associated(None, "i-b"));
        let change = chronicle.record.moves.first().unwrap();
        assert_eq!((change.from.as_str(), change.trigger.as_str(), change.event_to_call_ms), ("", "sweep", 60));
    }

    #[test]
    fn a_life_is_told_in_phases_without_gaps() {
        let mut chronicle = chronicle();
        let state = |instance: &str, state| Kind::Instance { instance: instance.into(), state };
        see(&mut chronicle, 1_000, state("i-c", InstanceState::Pending));
        see(&mut chronicle, 2_000, state("i-c", InstanceState::Running));
        see(&mut chronicle, 3_000, Kind::Ready { instance: "i-c".into() });
        see(&mut chronicle, 5_000, Kind::Silent { instance: "i-c".into() });
        see(&mut chronicle, 7_000, state("i-c", InstanceState::ShuttingDown));
        see(&mut chronicle, 7_500, Kind::Silent { instance: "i-c".into() });
        see(&mut chronicle, 9_000, state("i-c", InstanceState::Terminated));
        let record = chronicle.close(10.0, Vec::new());
        let life = record.lives.last().unwrap();
        let told: Vec<_> = life.stretches.iter().map(|stretch| (stretch.from, stretch.to, stretch.phase)).collect();
        assert_eq!(
            told,
            [
                (1.0, 3.0, Phase::Booting),
                (3.0, 5.0, Phase::Serving),
                (5.0, 7.0, Phase::Failing),
                (7.0, 9.0, Phase::Leaving),
            ]
        );
        assert_eq!(record.lives.first().unwrap().stretches.first().unwrap().to.to_bits(), 10.0_f64.to_bits());
    }

    #[test]
    fn another_page_is_a_line_and_the_same_one_is_none() {
        let mut chronicle = chronicle();
        let probe = |at: f64, page: &str| Probe { at, answered_by: Some("i-a".into()), page: Some(page.into()) };
        assert!(chronicle.read(&probe(0.0, "Release 1")).is_some());
        assert_eq!(chronicle.read(&probe(0.1, "Release 1")), None);
        assert_eq!(chronicle.read(&Probe { page: None, ..probe(0.2, "") }), None);
        let line = chronicle.read(&probe(0.3, "Release 2")).unwrap();
        assert_eq!(line.text, "the site shows \"Release 2\", from i-a");
        assert_eq!(chronicle.page(), Some("Release 2"));
        let steps = &chronicle.record.deliveries.steps;
        assert_eq!(steps.len(), 1, "what it showed at first is no step: {steps:?}");
    }

    #[test]
    fn one_lost_request_is_no_line_but_two_are() {
        let mut chronicle = chronicle();
        let probe = |at: f64, by: Option<&str>| Probe { at, answered_by: by.map(str::to_owned), page: None };
        assert_eq!(chronicle.asked(&probe(0.0, Some("i-a"))), None);
        assert_eq!(chronicle.asked(&probe(0.1, None)), None);
        assert_eq!(chronicle.asked(&probe(0.2, None)).map(|line| line.tone), Some(Tone::Bad));
        let again = chronicle.asked(&probe(5.7, Some("i-b"))).unwrap();
        assert_eq!(again.text, "site answers again, from i-b; outage 5.6 s");
        assert!(chronicle.site_answers());
    }
}
