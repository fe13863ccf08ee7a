//! The journal in memory, for simulations and tests: the same answers as the table's, and failures on demand.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use panda_aws::{AwsError, Trouble};
use panda_domain::{
    chaos::{Experiment, ExperimentId, Limits, OpenExperiment, Outcome, Present, Said},
    ids::FleetName,
};

use super::{Journal, JournalError, Record, Refusal, admit, fits_the_day};

/// A journal in memory. Its clones are the same journal.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    present: Present,
    past: BTreeMap<(Timestamp, ExperimentId), Experiment>,
    known: BTreeSet<ExperimentId>,
    trips: VecDeque<(Call, Trip)>,
}

/// A call of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the method of its name")]
pub enum Call {
    Now,
    Record,
    NoteStruck,
    TakeOver,
    Close,
    Disarm,
    Arm,
    History,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// It never arrives.
    Before,
    /// It has its effect, and the reply is lost.
    After,
}

impl MemoryJournal {
    /// Lets the next call of this kind fail.
    pub fn trip(&self, call: Call, trip: Trip) {
        self.state().trips.push_back((call, trip));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made after its last check, so a state that somebody panicked over is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(&self, call: Call, act: impl FnOnce(&mut State) -> T) -> Result<T, JournalError> {
        let mut state = self.state();
        let planned = state.trips.iter().position(|(planned, _)| *planned == call);
        let trip = planned.and_then(|place| state.trips.remove(place)).map(|(_, trip)| trip);
        if trip == Some(Trip::Before) {
            return Err(lost());
        }
        let reply = act(&mut state);
        if trip == Some(Trip::After) { Err(lost()) } else { Ok(reply) }
    }
}

fn lost() -> JournalError {
    JournalError::Aws(AwsError {
        operation: "Journal",
        subject: None,
        trouble: Trouble::Unreachable,
        code: None,
        message: "no reply".to_owned(),
        request_id: None,
    })
}

impl Journal for MemoryJournal {
    async fn now(&self) -> Result<Present, JournalError> {
        self.call(Call::Now, |state| state.present.clone())
    }

    async fn record(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
    ) -> Result<Record, JournalError> {
        self.call(Call::Record, |state| match state.record(experiment, limits, lease_until) {
            Ok(()) => Record::Done,
            Err(refusal) => Record::Refused(refusal),
        })
    }

    async fn note_struck(&self, experiment: &Experiment, at: Timestamp) -> Result<bool, JournalError> {
        self.call(Call::NoteStruck, |state| {
            let State { present, past, .. } = state;
            let Some(open) = present.open.get_mut(&experiment.fleet).filter(|open| open.is(experiment)) else {
                return false;
            };
            open.experiment.struck = Some(at);
            open.experiment.victims.clone_from(&experiment.victims);
            open.experiment.heal_by = experiment.heal_by;
            past.insert(key(experiment), open.experiment.clone());
            true
        })
    }

    async fn take_over(
        &self,
        open: &OpenExperiment,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<OpenExperiment>, JournalError> {
        self.call(Call::TakeOver, |state| {
            let found = state.present.open.get_mut(&open.experiment.fleet)?;
            if !found.is(&open.experiment) || found.lease_until >= now {
                return None;
            }
            found.lease_until = lease_until;
            Some(found.clone())
        })
    }

    async fn close(
        &self,
        experiment: &Experiment,
        outcome: &Outcome,
        disarm: Option<&Said>,
    ) -> Result<bool, JournalError> {
        self.call(Call::Close, |state| {
            let written = state.past.get(&key(experiment)).and_then(|written| written.outcome.as_ref());
            if let Some(written) = written {
                return written == outcome;
            }
            if state.present.open.get(&experiment.fleet).is_some_and(|open| open.is(experiment)) {
                state.present.open.remove(&experiment.fleet);
            }
            if let Some(said) = disarm {
                state.present.disarmed.entry(experiment.fleet.clone()).or_insert_with(|| said.clone());
            }
            let closed = Experiment { outcome: Some(outcome.clone()), ..experiment.clone() };
            state.past.insert(key(experiment), closed);
            true
        })
    }

    async fn disarm(&self, fleet: Option<&FleetName>, said: &Said) -> Result<Option<Said>, JournalError> {
        self.call(Call::Disarm, |state| match fleet {
            Some(fleet) => state.present.disarmed.insert(fleet.clone(), said.clone()),
            None => state.present.lever.replace(said.clone()),
        })
    }

    async fn arm(&self, fleet: Option<&FleetName>) -> Result<Option<Said>, JournalError> {
        self.call(Call::Arm, |state| match fleet {
            Some(fleet) => state.present.disarmed.remove(fleet),
            None => state.present.lever.take(),
        })
    }

    async fn history(
        &self,
        fleet: Option<&FleetName>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Experiment>, JournalError> {
        self.call(Call::History, |state| {
            let asked = |experiment: &&Experiment| {
                (since..until).contains(&experiment.started) && fleet.is_none_or(|fleet| experiment.fleet == *fleet)
            };
            state.past.values().filter(asked).cloned().collect()
        })
    }
}

impl State {
    fn record(&mut self, experiment: &Experiment, limits: &Limits, lease_until: Timestamp) -> Result<(), Refusal> {
        let past = self.present.last.get(&experiment.fleet).cloned().unwrap_or_default();
        let next = admit(&past, experiment, limits)?;
        let killed = self.present.days.get(&limits.account_day).copied().unwrap_or(0);
        if self.known.contains(&experiment.id) {
            return Err(Refusal::AlreadyRecorded);
        }
        if let Some(said) = &self.present.lever {
            return Err(Refusal::Lever(said.clone()));
        }
        if let Some(said) = self.present.disarmed.get(&experiment.fleet) {
            return Err(Refusal::Disarmed(said.clone()));
        }
        if let Some(open) = self.present.open.get(&experiment.fleet) {
            let (id, started) = (open.experiment.id.clone(), open.experiment.started);
            return Err(Refusal::OpenExperiment { id, started });
        }
        fits_the_day(killed, experiment, limits)?;

        self.known.insert(experiment.id.clone());
        self.past.insert(key(experiment), experiment.clone());
        self.present.last.insert(experiment.fleet.clone(), next);
        if !experiment.leashed {
            let open = OpenExperiment { experiment: experiment.clone(), lease_until };
            self.present.open.insert(experiment.fleet.clone(), open);
            if experiment.kills() > 0 {
                self.present.days.insert(limits.account_day, killed.saturating_add(experiment.kills()));
            }
        }
        Ok(())
    }
}

/// Whether an open experiment is this one.
trait Is {
    fn is(&self, experiment: &Experiment) -> bool;
}

impl Is for OpenExperiment {
    fn is(&self, experiment: &Experiment) -> bool {
        self.experiment.id == experiment.id
    }
}

fn key(experiment: &Experiment) -> (Timestamp, ExperimentId) {
    (experiment.started, experiment.id.clone())
}
