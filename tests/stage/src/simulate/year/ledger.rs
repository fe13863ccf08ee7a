//! What is in the panda's journal, and what goes wrong with it?
//!
//! The journal in memory behind a network: calls take their time, get lost before they arrive or after, and callers die at them. Whatever has
//! an effect is written down here as well, for the judge.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use jiff::Timestamp;
use panda::journal::{Journal, JournalError, Record, memory::MemoryJournal};
use panda_domain::{
    chaos::{Experiment, Limits, OpenExperiment, Outcome, Present, Said},
    ids::FleetName,
};
use tokio::sync::Notify;

use super::mischief::{Mischief, Moment};
use crate::simulate::{
    cloud::Cloud,
    frailty::{Frailty, Passage},
};

/// Something that changed in the journal.
#[derive(Debug, Clone)]
pub(super) struct Note {
    pub(super) at: Timestamp,
    pub(super) caller: String,
    pub(super) what: Noted,
}

/// What changed.
#[derive(Debug, Clone)]
pub(super) enum Noted {
    /// An intention, with what it was held against.
    Recorded(Box<Experiment>, Limits),
    /// An intention that was refused.
    Refused(Box<Experiment>, String),
    /// A confirmed strike.
    Struck(String),
    /// Another watches.
    TakenOver(String),
    /// The end of an experiment, and whether that disarmed its fleet.
    Closed(Box<Experiment>, Outcome, bool),
    /// Somebody disarmed a fleet, or everything.
    Disarmed(Option<FleetName>),
    /// Somebody armed a fleet, or let go of the lever.
    Armed(Option<FleetName>),
}

/// The journal of a year.
#[derive(Clone)]
pub(super) struct Ledger {
    inner: MemoryJournal,
    cloud: Cloud,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    rng: Rng,
    frailty: Frailty,
    notes: Vec<Note>,
}

/// One caller's line to the journal.
#[derive(Clone)]
pub(super) struct Line {
    ledger: Ledger,
    caller: String,
    death: Arc<Notify>,
    mischief: Mischief,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Ledger {
    pub(super) fn new(cloud: Cloud, frailty: Frailty, seed: u64) -> Self {
        let shared = Shared { rng: Rng::with_seed(seed ^ 0x1ED6_E500), frailty, notes: Vec::new() };
        Self { inner: MemoryJournal::default(), cloud, shared: Arc::new(Mutex::new(shared)) }
    }

    pub(super) fn line(&self, caller: &str, death: &Arc<Notify>, mischief: &Mischief) -> Line {
        let (ledger, death) = (self.clone(), Arc::clone(death));
        Line { ledger, caller: caller.to_owned(), death, mischief: mischief.clone() }
    }

    /// What the journal says, without a call.
    pub(super) async fn present(&self) -> Present {
        self.inner.now().await.unwrap_or_default()
    }

    /// A person or machine disarms without the function.
    pub(super) async fn disarm(&self, fleet: Option<&FleetName>, said: &Said) {
        if self.inner.disarm(fleet, said).await.is_ok() {
            self.note(&said.by, Noted::Disarmed(fleet.cloned()));
        }
    }

    /// From now on every call arrives.
    pub(super) fn heal(&self) {
        self.shared().frailty = Frailty::default();
    }

    /// What changed since this was last asked.
    pub(super) fn take_notes(&self) -> Vec<Note> {
        std::mem::take(&mut self.shared().notes)
    }

    fn note(&self, caller: &str, what: Noted) {
        let note = Note { at: self.cloud.now(), caller: caller.to_owned(), what };
        self.shared().notes.push(note);
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The way to the journal.
    async fn arrive(&self) -> Result<Passage, JournalError> {
        let passage = {
            let mut shared = self.ledger.shared();
            let frailty = shared.frailty;
            frailty.draw(&mut shared.rng)
        };
        passage.arrive(&self.death).await?;
        Ok(passage)
    }

    /// And back, with what the call changed.
    async fn return_with<T>(&self, passage: Passage, reply: T, noted: Option<Noted>) -> Result<T, JournalError> {
        if let Some(noted) = noted {
            let recorded = match &noted {
                Noted::Recorded(experiment, _) if !experiment.leashed => Some(experiment.group.clone()),
                _ => None,
            };
            self.ledger.note(&self.caller, noted);
            if let Some(group) = recorded {
                self.mischief.at(Moment::Recorded, group.as_str()).await;
            }
        }
        Ok(passage.give(reply, &self.death).await?)
    }
}

impl Journal for Line {
    async fn now(&self) -> Result<Present, JournalError> {
        let passage = self.arrive().await?;
        let present = self.ledger.inner.now().await?;
        self.return_with(passage, present, None).await
    }

    async fn record(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
    ) -> Result<Record, JournalError> {
        let passage = self.arrive().await?;
        let record = self.ledger.inner.record(experiment, limits, lease_until).await?;
        let experiment = Box::new(experiment.clone());
        let noted = match &record {
            Record::Done => Noted::Recorded(experiment, limits.clone()),
            Record::Refused(refusal) => Noted::Refused(experiment, refusal.to_string()),
        };
        self.return_with(passage, record, Some(noted)).await
    }

    async fn note_struck(&self, experiment: &Experiment, at: Timestamp) -> Result<bool, JournalError> {
        let passage = self.arrive().await?;
        let open = self.ledger.inner.note_struck(experiment, at).await?;
        self.return_with(passage, open, open.then(|| Noted::Struck(experiment.id.to_string()))).await
    }

    async fn take_over(
        &self,
        open: &OpenExperiment,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<OpenExperiment>, JournalError> {
        let passage = self.arrive().await?;
        let taken = self.ledger.inner.take_over(open, now, lease_until).await?;
        let noted = taken.as_ref().map(|taken| Noted::TakenOver(taken.experiment.id.to_string()));
        self.return_with(passage, taken, noted).await
    }

    async fn close(
        &self,
        experiment: &Experiment,
        outcome: &Outcome,
        disarm: Option<&Said>,
    ) -> Result<bool, JournalError> {
        let passage = self.arrive().await?;
        let before = self.ledger.inner.now().await?;
        let closed = self.ledger.inner.close(experiment, outcome, disarm).await?;
        // The same end a second time changes nothing.
        let open = before.open.get(&experiment.fleet).is_some_and(|open| open.experiment.id == experiment.id);
        let noted = || Noted::Closed(Box::new(experiment.clone()), outcome.clone(), disarm.is_some());
        self.return_with(passage, closed, (closed && open).then(noted)).await
    }

    async fn disarm(&self, fleet: Option<&FleetName>, said: &Said) -> Result<Option<Said>, JournalError> {
        let passage = self.arrive().await?;
        let before = self.ledger.inner.disarm(fleet, said).await?;
        self.return_with(passage, before, Some(Noted::Disarmed(fleet.cloned()))).await
    }

    async fn arm(&self, fleet: Option<&FleetName>) -> Result<Option<Said>, JournalError> {
        let passage = self.arrive().await?;
        let before = self.ledger.inner.arm(fleet).await?;
        self.return_with(passage, before, Some(Noted::Armed(fleet.cloned()))).await
    }

    async fn history(
        &self,
        fleet: Option<&FleetName>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Experiment>, JournalError> {
        let passage = self.arrive().await?;
        let past = self.ledger.inner.history(fleet, since, until).await?;
        self.return_with(passage, past, None).await
    }
}
