//! What happened in one run, phase by phase? Read from the world's journal alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use panda_world::{Entry, Fault, Kind};

use super::report::FirstRefusal;

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nothing happens but sweeps and ticks.
    Rest,
    /// Holders die one by one.
    Single,
    /// One in three holders dies within a minute.
    Zone,
}

/// What happened in a phase.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) seconds: f64,
    pub(super) deaths: u64,
    /// From a death to the association that followed.
    pub(super) death_to_move: Vec<f64>,
    /// Attempts by operation, refused ones included.
    pub(super) calls: BTreeMap<String, u64>,
    /// Those that a request limit refused.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) first_refusal: Option<FirstRefusal>,
    /// The least that was left of each bucket, as a share of it.
    pub(super) least_left: BTreeMap<String, f64>,
}

/// A run.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) fleets: u32,
    pub(super) seed: u64,
    pub(super) parts: BTreeMap<Phase, Part>,
    /// Environments of elastic-ip-failover that were at work at the same time, at the most.
    pub(super) at_once: u32,
    pub(super) dead_letters: u64,
    /// What a last sweep left undone.
    pub(super) unmet: Vec<String>,
}

/// Reads a journal while it is written.
#[derive(Debug)]
pub(super) struct Measure {
    parts: BTreeMap<Phase, Part>,
    phase: Phase,
    since: Timestamp,
    /// Addresses whose holder was killed, with whom, when, and in which phase.
    bereft: BTreeMap<String, (String, Timestamp, Phase)>,
}

impl Measure {
    pub(super) fn new(since: Timestamp) -> Self {
        Self { parts: BTreeMap::new(), phase: Phase::Rest, since, bereft: BTreeMap::new() }
    }

    /// What follows belongs to another phase. `left` are the buckets of the one that ends.
    pub(super) fn enter(&mut self, phase: Phase, at: Timestamp, left: BTreeMap<String, f64>) {
        self.close(at, left);
        (self.phase, self.since) = (phase, at);
    }

    fn close(&mut self, at: Timestamp, left: BTreeMap<String, f64>) {
        let seconds = at.duration_since(self.since).as_secs_f64();
        let part = self.part(self.phase);
        part.seconds += seconds;
        part.least_left = left;
    }

    /// A holder was killed.
    pub(super) fn killed(&mut self, public_ip: &str, holder: &str, at: Timestamp) {
        let phase = self.phase;
        self.part(phase).deaths += 1;
        self.bereft.insert(public_ip.to_owned(), (holder.to_owned(), at, phase));
    }

    pub(super) fn see(&mut self, entry: &Entry) {
        let phase = self.phase;
        match &entry.kind {
            Kind::Associated { public_ip, instance, .. } => {
                if let Some((holder, died, phase)) = self.bereft.remove(public_ip) {
                    if holder == *instance {
                        self.bereft.insert(public_ip.clone(), (holder, died, phase));
                    } else {
                        let seconds = entry.at.duration_since(died).as_secs_f64();
                        self.part(phase).death_to_move.push(seconds);
                    }
                }
            }
            Kind::Call { operation, .. } => *self.part(phase).calls.entry(operation.clone()).or_default() += 1,
            Kind::Fault { operation, fault: Fault::Throttled, .. } => {
                let seconds = entry.at.duration_since(self.since).as_secs_f64();
                let part = self.part(phase);
                *part.refused.entry(operation.clone()).or_default() += 1;
                part.first_refusal.get_or_insert_with(|| FirstRefusal { operation: operation.clone(), seconds });
            }
            _ => {}
        }
    }

    /// The parts, when the last one ends.
    pub(super) fn conclude(mut self, at: Timestamp, left: BTreeMap<String, f64>) -> BTreeMap<Phase, Part> {
        self.close(at, left);
        self.parts
    }

    fn part(&mut self, phase: Phase) -> &mut Part {
        self.parts.entry(phase).or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn moved(second: i64, instance: &str) -> Entry {
        let (allocation, public_ip) = ("eipalloc-1".to_owned(), "198.18.0.1".to_owned());
        Entry {
            at: at(second),
            kind: Kind::Associated { allocation, public_ip, instance: instance.to_owned(), from: None },
        }
    }

    #[test]
    fn a_move_counts_from_its_death_and_for_the_phase_of_the_death() {
        let mut measure = Measure::new(at(0));
        measure.enter(Phase::Single, at(100), BTreeMap::new());
        measure.killed("198.18.0.1", "i-old", at(110));
        // Somebody puts it on the dead once more, or the news comes late.
        measure.see(&moved(111, "i-old"));
        measure.enter(Phase::Zone, at(112), BTreeMap::new());
        measure.see(&moved(113, "i-new"));
        // Nobody died for this one.
        measure.see(&moved(120, "i-newer"));
        let parts = measure.conclude(at(200), BTreeMap::new());
        assert_eq!((parts[&Phase::Single].deaths, &*parts[&Phase::Single].death_to_move), (1, &[3.0][..]));
        assert_eq!(parts[&Phase::Zone].death_to_move, Vec::<f64>::new());
        assert!(
            (parts[&Phase::Rest].seconds - 100.0).abs() < 1e-9 && (parts[&Phase::Zone].seconds - 88.0).abs() < 1e-9
        );
    }

    #[test]
    fn the_first_refusal_of_a_phase_is_told_with_its_time() {
        let mut measure = Measure::new(at(0));
        measure.enter(Phase::Zone, at(50), BTreeMap::new());
        for (second, operation) in [(53, "DescribeAddresses"), (54, "AssociateAddress"), (55, "DescribeAddresses")] {
            let (caller, operation) = ("elastic-ip-failover/1".to_owned(), operation.to_owned());
            measure.see(&Entry { at: at(second), kind: Kind::Fault { caller, operation, fault: Fault::Throttled } });
        }
        let parts = measure.conclude(at(60), BTreeMap::from([("AssociateAddress".to_owned(), 0.0)]));
        let zone = &parts[&Phase::Zone];
        let first = FirstRefusal { operation: "DescribeAddresses".to_owned(), seconds: 3.0 };
        assert_eq!((zone.first_refusal.as_ref(), zone.refused["DescribeAddresses"]), (Some(&first), 2));
        assert_eq!(zone.least_left["AssociateAddress"].to_bits(), 0.0_f64.to_bits());
    }
}
