//! The book in memory, for simulations and tests: the same answers as the table's, and failures on demand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use panda_aws::{AwsError, Trouble};

use super::{Cases, Claim, Released, Taken};

/// A book in memory. Its clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct MemoryCases(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    cases: BTreeMap<String, Case>,
    trips: Vec<(Call, Trip)>,
}

#[derive(Debug, Default)]
struct Case {
    lease: Option<(String, Timestamp)>,
    again: bool,
    done: bool,
}

/// A call of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the method of its name")]
pub enum Call {
    Take,
    Release,
    Finish,
    IsDone,
}

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// It never arrives.
    Before,
    /// It has its effect, and the reply is lost.
    After,
}

impl MemoryCases {
    /// Lets the next call of this kind fail.
    pub fn trip(&self, call: Call, trip: Trip) {
        self.state().trips.push((call, trip));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made after its last check, so a state that somebody panicked over is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(&self, call: Call, act: impl FnOnce(&mut BTreeMap<String, Case>) -> T) -> Result<T, AwsError> {
        let mut state = self.state();
        let planned = state.trips.iter().position(|(planned, _)| *planned == call);
        let trip = planned.map(|place| state.trips.remove(place).1);
        if trip == Some(Trip::Before) {
            return Err(lost());
        }
        let reply = act(&mut state.cases);
        if trip == Some(Trip::After) { Err(lost()) } else { Ok(reply) }
    }
}

fn lost() -> AwsError {
    AwsError {
        operation: "UpdateItem",
        subject: None,
        trouble: Trouble::Unreachable,
        code: None,
        message: "no reply".to_owned(),
        request_id: None,
    }
}

impl Cases for MemoryCases {
    async fn take(&self, claim: Claim<'_>) -> Result<Taken, AwsError> {
        self.call(Call::Take, |cases| {
            let case = cases.entry(claim.key.to_owned()).or_default();
            if case.done {
                return Taken::Done;
            }
            let theirs = |(holder, until): &(String, Timestamp)| holder != claim.holder && *until >= claim.now;
            if case.lease.as_ref().is_some_and(theirs) {
                case.again = true;
                return Taken::Theirs;
            }
            case.lease = Some((claim.holder.to_owned(), claim.until));
            Taken::Ours
        })
    }

    async fn release(&self, key: &str, holder: &str) -> Result<Released, AwsError> {
        self.call(Call::Release, |cases| {
            let Some(case) = cases.get_mut(key) else { return Released::Gone };
            if case.lease.as_ref().is_none_or(|(known, _)| known != holder) {
                return Released::Gone;
            }
            if std::mem::take(&mut case.again) {
                return Released::LookAgain;
            }
            case.lease = None;
            Released::Gone
        })
    }

    async fn finish(&self, key: &str, _: Timestamp) -> Result<(), AwsError> {
        self.call(Call::Finish, |cases| {
            let case = cases.entry(key.to_owned()).or_default();
            *case = Case { done: true, ..Case::default() };
        })
    }

    async fn is_done(&self, key: &str) -> Result<bool, AwsError> {
        self.call(Call::IsDone, |cases| cases.get(key).is_some_and(|case| case.done))
    }
}
