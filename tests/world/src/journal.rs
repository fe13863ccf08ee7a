//! What has happened? Every change of the world, in order, for laws, timelines and outage accounts.

use jiff::Timestamp;
use serde::Serialize;

use crate::autoscaling::member::{Health, Lifecycle};
use crate::ec2::instance::{CheckStatus, InstanceState};
use crate::fault::Fault;

/// One line of the journal.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the subjects, named after their AWS terms")]
pub enum Kind {
    /// An instance changed its EC2 state.
    Instance { instance: String, state: InstanceState },
    /// Its application answers from now on.
    Ready { instance: String },
    /// Its application no longer answers (dying, failing, hung).
    Silent { instance: String },
    /// A terminated instance left the listing.
    Forgotten { instance: String },
    /// Its status checks changed.
    Checks { instance: String, status: CheckStatus },
    /// A member changed its lifecycle state.
    Lifecycle { group: String, instance: String, lifecycle: Lifecycle, warm: bool },
    /// A member changed its health.
    Health { group: String, instance: String, health: Health },
    /// A member left its group (terminated or detached).
    Left { group: String, instance: String },
    /// A hook waits for its answer.
    HookWaits { group: String, instance: String, hook: String, token: String },
    /// A hook got it.
    HookAnswered { group: String, instance: String, hook: String, result: String, by: AnsweredBy },
    /// Min, max, desired changed.
    Capacity { group: String, min: u32, max: u32, desired: u32 },
    /// A group came or went, was tagged, refreshed, suspended.
    Group { group: String, change: String },
    /// A launch failed.
    LaunchFailed { group: String, zone: String },
    /// An address was associated; `from` is who held it until then.
    Associated { allocation: String, public_ip: String, instance: String, from: Option<String> },
    /// An address was disassociated (by a call, displaced, or dropped by EC2).
    Disassociated { allocation: String, public_ip: String, instance: Option<String> },
    /// The data plane reaches another instance now.
    Settled { allocation: String, public_ip: String, instance: Option<String> },
    /// Data plane truth: who answers at this address from now on. The account of outages reads only this.
    Serving { public_ip: String, instance: Option<String> },
    /// Tags of a resource changed.
    Tagged { resource: String, key: String },
    /// Something of [`crate::Act`] happened.
    Act { act: String },
    /// An event on its way.
    Event { id: String, detail_type: String, subject: String, fate: EventFate },
    /// An API call with its result: `OK` or AWS's error code.
    Call { caller: String, service: &'static str, operation: String, result: String, subject: String },
    /// A fault hit a call.
    Fault { caller: String, operation: String, fault: Fault },
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventFate {
    /// It happened and is on its way.
    Emitted,
    /// It will never arrive.
    Lost,
    /// It will arrive twice.
    Doubled,
    /// It arrived.
    Delivered,
}

/// Who answered a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// `CompleteLifecycleAction`.
    Call,
    /// `CodeDeploy`.
    CodeDeploy,
    /// Nobody: the heartbeat ran out.
    Timeout,
    /// Nobody: another hook abandoned, so the rest is skipped.
    Abandoned,
}
