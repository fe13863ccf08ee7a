//! Which message is due, and has it been sent already?

use jiff::Timestamp;

use super::{Cause, Diagnosis, Finding, Look, Subject};

/// A message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    /// What it says.
    pub news: News,
    /// Send it only if nobody claimed this key before, by one conditional write: so it goes out once, however often it is planned.
    pub key: String,
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It failed, and our work with it is over.
    Failed,
    /// It went through at last.
    Recovered,
}

pub(super) fn recovered(subject: &Subject) -> Telling {
    Telling { news: News::Recovered, key: format!("{}/recovered", subject.key()) }
}

/// Once for an execution. A deployment that no pipeline waits for may be one of a storm, when a group launches instances that fail, one after the
/// other: then once an hour for each group and cause.
pub(super) fn failed(look: &Look, diagnosis: &Diagnosis, now: Timestamp) -> Telling {
    let key = match &look.subject {
        Subject::Execution { .. } => look.subject.key(),
        Subject::Deployment(id) => match look.info(id).filter(|info| info.creator.by_auto_scaling()) {
            Some(info) => {
                let cause = diagnosis.findings.first().map(Finding::root);
                let hour = now.as_second().div_euclid(3_600);
                let cause = cause.as_ref().map_or("no-cause", Cause::code);
                format!("{}/{}/{cause}/{hour}", info.application, info.group)
            }
            None => look.subject.key(),
        },
    };
    Telling { news: News::Failed, key: format!("{key}/failed") }
}
