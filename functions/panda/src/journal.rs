//! What was intended, what was done, and who must be left alone?
//!
//! The journal is what makes a repetition harmless: an intention is recorded before anything dies, in one conditional write that refuses it
//! if the fleet, the account or a person says no meanwhile. Whoever gets an error from [`Journal::record`] does not know whether it was
//! recorded, and kills nothing; what was recorded and never done is found by the next run, when its lease has run out.
//!
//! Moments are kept to the millisecond where they are compared.

pub mod dynamo;
pub mod memory;

use std::{fmt, future::Future};

use jiff::{Timestamp, civil::Date};
use panda_aws::AwsError;
use panda_domain::{
    chaos::{Experiment, ExperimentId, LastKills, Limits, OpenExperiment, Outcome, Present, Said, Tally},
    ids::FleetName,
};
use thiserror::Error;

/// The journal.
pub trait Journal: fmt::Debug + Send + Sync {
    /// All that the journal says now.
    ///
    /// # Errors
    /// When it does not answer, or holds something that cannot be understood. Nothing may die then.
    fn now(&self) -> impl Future<Output = Result<Present, JournalError>> + Send;

    /// Records the intention of an experiment, unless something forbids it. Only [`Record::Done`] allows the deed.
    ///
    /// A leashed experiment is written as history; it opens nothing and counts only against leashed ones.
    ///
    /// # Errors
    /// When it does not answer: it is open whether the intention was recorded. Nothing may die then.
    fn record(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Record, JournalError>> + Send;

    /// Notes that AWS confirmed the deed, upon which victims, and until when the fleet must have healed. Gives `false` if the experiment is
    /// not open any more.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn note_struck(
        &self,
        experiment: &Experiment,
        at: Timestamp,
    ) -> impl Future<Output = Result<bool, JournalError>> + Send;

    /// Takes over an experiment whose watcher's lease ran out before `now`, and gives it as it stands; `None` if somebody else watches it,
    /// or it is over. Of several who try, one gets it.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn take_over(
        &self,
        open: &OpenExperiment,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> impl Future<Output = Result<Option<OpenExperiment>, JournalError>> + Send;

    /// Writes down what became of an experiment, lets the fleet have others and, if asked, disarms it, all at once. A fleet that is
    /// disarmed already keeps its reason. Gives `false` if somebody wrote down something else before; then nothing changes.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn close(
        &self,
        experiment: &Experiment,
        outcome: &Outcome,
        disarm: Option<&Said>,
    ) -> impl Future<Output = Result<bool, JournalError>> + Send;

    /// Disarms a fleet, or without one everything. Gives what was said there before.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn disarm(
        &self,
        fleet: Option<&FleetName>,
        said: &Said,
    ) -> impl Future<Output = Result<Option<Said>, JournalError>> + Send;

    /// Arms a fleet again, or without one lets go of the account's lever. Gives what was said there before.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn arm(&self, fleet: Option<&FleetName>) -> impl Future<Output = Result<Option<Said>, JournalError>> + Send;

    /// The experiments of a fleet, or of all, that were decided at `since` or later and before `until`; the oldest first.
    ///
    /// # Errors
    /// When it does not answer; run again.
    fn history(
        &self,
        fleet: Option<&FleetName>,
        since: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Vec<Experiment>, JournalError>> + Send;
}

/// Why the journal could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JournalError {
    /// It did not answer, or refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// It holds something that is not understood.
    #[error("the journal's item `{item}` is not understood: {why}")]
    Unreadable {
        /// Its key.
        item: String,
        /// What is wrong with it.
        why: String,
    },
    /// Others write to the same fleet at the same moment, again and again.
    #[error("the journal was busy with `{0}`")]
    Busy(ExperimentId),
}

/// How an intention was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// It is recorded, by this call and by nobody else.
    Done,
    /// It is not.
    Refused(Refusal),
}

/// Why an intention was not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// This very experiment was recorded before: this is a repetition.
    AlreadyRecorded,
    /// Somebody pulled the safety lever.
    Lever(Said),
    /// The fleet is disarmed.
    Disarmed(Said),
    /// An experiment of the fleet is not over.
    OpenExperiment {
        /// Its identity.
        id: ExperimentId,
        /// When it was decided.
        started: Timestamp,
    },
    /// The fleet's last kill is too recent.
    TooSoon {
        /// When it was.
        last: Timestamp,
    },
    /// The fleet had its kills for the day.
    FleetCap {
        /// The fleet's work day.
        day: Date,
        /// How many there were.
        kills: u32,
        /// The most that there may be.
        cap: u32,
    },
    /// The account had its kills for the day.
    AccountCap {
        /// How many there were.
        kills: u32,
        /// The most that there may be.
        cap: u32,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyRecorded => f.write_str("it was recorded before: this is a repetition"),
            Self::Lever(Said { reason, by, at }) => {
                write!(f, "everything is disarmed since {at:.0} by {by}: {reason}")
            }
            Self::Disarmed(Said { reason, by, at }) => {
                write!(f, "the fleet is disarmed since {at:.0} by {by}: {reason}")
            }
            Self::OpenExperiment { id, started } => write!(f, "the experiment {id} of {started:.0} is not over yet"),
            Self::TooSoon { last } => write!(f, "the fleet's last kill was at {last:.0}, which is too recent"),
            Self::FleetCap { day, kills, cap } => {
                write!(f, "the fleet had {kills} of at most {cap} kills on {day}")
            }
            Self::AccountCap { kills, cap } => {
                write!(f, "{kills} of at most {cap} instances were killed today in the account")
            }
        }
    }
}

/// What a fleet's past becomes by an experiment, if that past allows it. An unleashed experiment does not mind leashed ones; a leashed one
/// minds both.
fn admit(past: &LastKills, experiment: &Experiment, limits: &Limits) -> Result<LastKills, Refusal> {
    let counting = || past.unleashed.iter().chain(past.leashed.iter().filter(|_| experiment.leashed));
    if past.unleashed.iter().chain(&past.leashed).any(|tally| tally.id == experiment.id) {
        return Err(Refusal::AlreadyRecorded);
    }
    if let (Some(last), Some(before)) = (counting().map(|tally| tally.at).max(), limits.last_kill_before)
        && last >= before
    {
        return Err(Refusal::TooSoon { last });
    }
    let on_day = |tally: &Tally| if tally.day == limits.day { tally.kills } else { 0 };
    let kills = counting().map(on_day).fold(0, u32::saturating_add);
    if kills.saturating_add(experiment.kills()) > limits.max_per_day {
        return Err(Refusal::FleetCap { day: limits.day, kills, cap: limits.max_per_day });
    }
    let next = |own: Option<&Tally>| {
        Some(Tally {
            at: experiment.started,
            day: limits.day,
            kills: own.map_or(0, on_day).saturating_add(experiment.kills()),
            id: experiment.id.clone(),
        })
    };
    Ok(if experiment.leashed {
        LastKills { unleashed: past.unleashed.clone(), leashed: next(past.leashed.as_ref()) }
    } else {
        LastKills { unleashed: next(past.unleashed.as_ref()), leashed: past.leashed.clone() }
    })
}

/// Whether the account's day has room for an experiment. Leashed ones take none.
fn fits_the_day(kills: u32, experiment: &Experiment, limits: &Limits) -> Result<(), Refusal> {
    if !experiment.leashed && kills.saturating_add(experiment.kills()) > limits.max_account_day {
        return Err(Refusal::AccountCap { kills, cap: limits.max_account_day });
    }
    Ok(())
}
