//! What did AWS tell us?
//!
//! EventBridge delivers these events best effort, at least once, in any order ([eb-service-event]). So an event never is the truth: it says
//! "look now", names what to look at ([`Event::concern`]) and may carry evidence that reads do not show yet
//! ([`Evidence::of`](crate::failover::Evidence::of)).
//!
//! [`decode`] is total: any JSON value gives an [`Event`] or an [`Ignored`] with its reason, and never an error, because an error would be
//! delivered again for ever. Ids are taken from `detail`, never parsed from ARNs: spot and rebalance notices were seen with a zone where the
//! ARN's region belongs, and `resources` may be missing.
//!
//! [eb-service-event]: https://docs.aws.amazon.com/eventbridge/latest/ref/welcome.html

mod activity;
mod alarm;
pub(crate) mod deployment;
mod health;
mod lifecycle;
mod notice;
pub(crate) mod pipeline;
mod refresh;
mod schedule;
mod state_change;

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    activity::{ActivityResult, ScalingActivity},
    alarm::StatusCheckAlarm,
    deployment::{DeploymentChange, DeploymentPhase},
    health::ScheduledChange,
    lifecycle::{LifecycleAction, Place, Transition},
    notice::{RebalanceRecommendation, SpotInterruption},
    pipeline::{ActionResult, Level, PipelineChange, PipelinePhase, Trigger},
    refresh::{InstanceRefresh, RefreshPhase},
    schedule::Sweep,
    state_change::{InstanceState, StateChange},
};
use crate::ids::{GroupName, InstanceId};

/// An event that asks for a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// EventBridge's id of the event; the same for every delivery of it. Empty when the sender left it out.
    pub id: String,
    /// When the thing happened, by its source's clock. `None` when the sender left it out or wrote something unreadable.
    pub time: Option<Timestamp>,
    /// What happened.
    pub kind: Kind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An instance waits in a lifecycle hook for an answer.
    LifecycleAction(LifecycleAction),
    /// A launch or a termination ended.
    ScalingActivity(ScalingActivity),
    /// An instance changed its state.
    StateChange(StateChange),
    /// A Spot instance is about to be taken away.
    SpotInterruption(SpotInterruption),
    /// A Spot instance is more likely than others to be taken away.
    RebalanceRecommendation(RebalanceRecommendation),
    /// AWS announced maintenance or retirement.
    ScheduledChange(ScheduledChange),
    /// A group is replacing its instances.
    InstanceRefresh(InstanceRefresh),
    /// A CloudWatch alarm on EC2 status checks changed its state.
    StatusCheckAlarm(StatusCheckAlarm),
    /// Time for a look at everything.
    Sweep(Sweep),
}

/// What an event asks us to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Every fleet of the account and region.
    Everything,
    /// The fleet of this group.
    Group(GroupName),
    /// The fleets that these instances belong to or hold an address of, if any.
    Instances(BTreeSet<InstanceId>),
}

/// Why an event asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// Not an EventBridge envelope at all: no `detail-type`.
    NotAnEvent,
    /// An envelope of a kind that no rule of ours asks for.
    UnknownKind {
        /// Its `source`.
        source: String,
        /// Its `detail-type`.
        detail_type: String,
    },
    /// A kind we know, without the member that says what it is about.
    Missing {
        /// The event's `detail-type`.
        detail_type: String,
        /// The member that is absent, empty, or not a string.
        member: &'static str,
    },
    /// Auto Scaling's notice that a notification target was set up.
    TestNotification,
    /// A kind we know that says nothing about a server's future.
    Irrelevant {
        /// What it said.
        what: String,
    },
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEvent => f.write_str("not an EventBridge event (no `detail-type`)"),
            Self::UnknownKind { source, detail_type } => write!(f, "no reflex for `{detail_type}` of `{source}`"),
            Self::Missing { detail_type, member } => write!(f, "`{detail_type}` without a usable `{member}`"),
            Self::TestNotification => f.write_str("a test notification"),
            Self::Irrelevant { what } => f.write_str(what),
        }
    }
}

/// Reads an event as EventBridge delivers it to a function.
///
/// # Errors
/// Never in the sense of "try again": the `Err` says why the event asks for nothing. The caller reports it and is done.
pub fn decode(value: &Value) -> Result<Event, Ignored> {
    if value.get("Event").and_then(Value::as_str) == Some("autoscaling:TEST_NOTIFICATION") {
        return Err(Ignored::TestNotification);
    }
    let detail_type = text(value, "detail-type").ok_or(Ignored::NotAnEvent)?;
    let detail = Detail::of(value, detail_type);
    let source = text(value, "source").unwrap_or_default();
    let kind = match (source, detail_type) {
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action" | "EC2 Instance-terminate Lifecycle Action") => {
            Kind::LifecycleAction(lifecycle::decode(&detail)?)
        }
        ("aws.autoscaling", "EC2 Instance Launch Successful") => {
            Kind::ScalingActivity(activity::decode(&detail, ActivityResult::Launched)?)
        }
        ("aws.autoscaling", "EC2 Instance Launch Unsuccessful") => {
            Kind::ScalingActivity(activity::decode(&detail, ActivityResult::LaunchFailed)?)
        }
        ("aws.autoscaling", "EC2 Instance Terminate Successful") => {
            Kind::ScalingActivity(activity::decode(&detail, ActivityResult::Terminated)?)
        }
        ("aws.autoscaling", "EC2 Instance Terminate Unsuccessful") => {
            Kind::ScalingActivity(activity::decode(&detail, ActivityResult::TerminateFailed)?)
        }
        ("aws.autoscaling", refresh) if refresh.starts_with(refresh::PREFIX) => {
            Kind::InstanceRefresh(refresh::decode(&detail)?)
        }
        ("aws.ec2", "EC2 Instance State-change Notification") => Kind::StateChange(state_change::decode(&detail)?),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning") => {
            Kind::SpotInterruption(notice::decode_interruption(&detail)?)
        }
        ("aws.ec2", "EC2 Instance Rebalance Recommendation") => {
            Kind::RebalanceRecommendation(notice::decode_rebalance(&detail)?)
        }
        ("aws.health", "AWS Health Event") => Kind::ScheduledChange(health::decode(&detail)?),
        ("aws.cloudwatch", "CloudWatch Alarm State Change") => Kind::StatusCheckAlarm(alarm::decode(&detail)?),
        ("aws.events" | "aws.scheduler", "Scheduled Event") => Kind::Sweep(Sweep),
        _ => {
            return Err(Ignored::UnknownKind { source: source.to_owned(), detail_type: detail_type.to_owned() });
        }
    };
    Ok(Event { id: text(value, "id").unwrap_or_default().to_owned(), time: time(value, "time"), kind })
}

impl Event {
    /// What to look at.
    #[must_use]
    pub fn concern(&self) -> Concern {
        match &self.kind {
            Kind::LifecycleAction(action) => Concern::Group(action.group.clone()),
            Kind::ScalingActivity(activity) => Concern::Group(activity.group.clone()),
            Kind::InstanceRefresh(refresh) => Concern::Group(refresh.group.clone()),
            Kind::StateChange(change) => Concern::Instances(BTreeSet::from([change.instance.clone()])),
            Kind::SpotInterruption(notice) => Concern::Instances(BTreeSet::from([notice.instance.clone()])),
            Kind::RebalanceRecommendation(notice) => Concern::Instances(BTreeSet::from([notice.instance.clone()])),
            Kind::ScheduledChange(change) => Concern::Instances(change.instances.clone()),
            Kind::StatusCheckAlarm(alarm) if !alarm.instances.is_empty() => Concern::Instances(alarm.instances.clone()),
            Kind::StatusCheckAlarm(alarm) => alarm.group.clone().map_or(Concern::Everything, Concern::Group),
            Kind::Sweep(Sweep) => Concern::Everything,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::LifecycleAction(action) => {
                let doing = match action.transition {
                    Transition::Launching => "launching",
                    Transition::Terminating => "terminating",
                };
                write!(f, "`{}` waits in hook `{}` while {doing}", action.instance, action.hook)
            }
            Kind::ScalingActivity(activity) => {
                let instance = activity.instance.as_ref().map_or("an instance", InstanceId::as_str);
                let ended = match activity.result {
                    ActivityResult::Launched => "launched",
                    ActivityResult::LaunchFailed => "failed to launch",
                    ActivityResult::Terminated => "terminated",
                    ActivityResult::TerminateFailed => "failed to terminate",
                };
                write!(f, "`{instance}` of `{}` {ended}", activity.group)
            }
            Kind::StateChange(change) => write!(f, "`{}` is {}", change.instance, change.state),
            Kind::SpotInterruption(notice) => {
                write!(f, "`{}` gets a Spot interruption ({})", notice.instance, notice.action)
            }
            Kind::RebalanceRecommendation(notice) => write!(f, "`{}` gets a rebalance recommendation", notice.instance),
            Kind::ScheduledChange(change) => {
                let instances: Vec<&str> = change.instances.iter().map(InstanceId::as_str).collect();
                write!(f, "AWS announces {} for `{}`", change.code, instances.join("`, `"))
            }
            Kind::InstanceRefresh(refresh) => write!(f, "instance refresh of `{}`: {}", refresh.group, refresh.phase),
            Kind::StatusCheckAlarm(alarm) => {
                write!(f, "alarm `{}` is {}", alarm.name, if alarm.failing { "ALARM" } else { "no longer ALARM" })
            }
            Kind::Sweep(Sweep) => f.write_str("sweep"),
        }
    }
}

/// An event's `detail`, read by name and without trust in its shape.
pub(crate) struct Detail<'a> {
    detail_type: &'a str,
    members: &'a Value,
}

impl<'a> Detail<'a> {
    /// The detail of an envelope of this type.
    pub(crate) fn of(envelope: &'a Value, detail_type: &'a str) -> Self {
        Self { detail_type, members: envelope.get("detail").unwrap_or(&Value::Null) }
    }

    fn required(&self, member: &'static str) -> Result<&'a str, Ignored> {
        self.optional(member).ok_or_else(|| self.missing(member))
    }

    fn optional(&self, member: &str) -> Option<&'a str> {
        text(self.members, member)
    }

    fn missing(&self, member: &'static str) -> Ignored {
        Ignored::Missing { detail_type: self.detail_type.to_owned(), member }
    }
}

/// A member that is a string with something in it.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

pub(crate) fn time(value: &Value, member: &str) -> Option<Timestamp> {
    text(value, member).and_then(|time| time.parse().ok())
}
