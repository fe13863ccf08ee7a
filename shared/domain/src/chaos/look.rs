//! What does a close look at a fleet show, before it is hit?
//!
//! Only groups whose dice fell are looked at closely, so it may cost some reads. What could not be read is an `Err` with the reason, and
//! spares the group: the panda does not act on what it has not seen.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::GroupMember;
use crate::{event::InstanceState, failover::Leaving, ids::InstanceId};

/// Something that was read, or why it could not be.
pub type Seen<T> = Result<T, String>;

/// What a close look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseLook {
    /// What EC2 says of the group's members and of the holders of addresses. Who is missing is unknown to EC2.
    pub instances: Seen<BTreeMap<InstanceId, InstanceLook>>,
    /// The members of the fleet's other groups; empty if there are none.
    pub siblings: Seen<Vec<GroupMember>>,
    /// The last launches of the group.
    pub launches: Seen<Launches>,
    /// The status of the group's newest instance refresh, as Auto Scaling writes it; `None` if there never was one.
    pub refresh: Seen<Option<String>>,
    /// The `CodeDeploy` deployments to this group that have not ended.
    pub deployments: Seen<Vec<String>>,
    /// The executions that run, for each pipeline of [`Policy::pipelines`](super::Policy::pipelines).
    pub pipelines: BTreeMap<String, Seen<Vec<String>>>,
    /// The alarms of [`Settings::stop_alarms`](super::Settings::stop_alarms) and [`Policy::stop_alarms`](super::Policy::stop_alarms), each
    /// under the name or ARN that it was asked for by.
    pub alarms: Seen<BTreeMap<String, AlarmState>>,
    /// The fleet's Elastic IPs; empty if it has none.
    pub addresses: Seen<Vec<AddressLook>>,
    /// What the site answered at each of [`SiteUrl::targets`](super::SiteUrl::targets); empty without
    /// [`Policy::url`](super::Policy::url).
    pub site: Vec<Probe>,
}

/// What EC2 says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceLook {
    /// Its state.
    pub state: InstanceState,
    /// When it was launched.
    pub launched: Timestamp,
    /// What its tag `lethargic-panda:leaving` says.
    pub leaving: Option<Leaving>,
}

/// The last launches of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launches {
    /// The last that failed: when it ended, and what Auto Scaling said.
    pub failed: Option<(Timestamp, String)>,
    /// When the last that succeeded ended.
    pub succeeded: Option<Timestamp>,
}

/// The state of an alarm that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// Nothing to say.
    Ok,
    /// It rings.
    Alarm,
    /// Not enough data.
    InsufficientData,
    /// There is no such alarm.
    Missing,
}

/// An Elastic IP of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressLook {
    /// The address in dotted form.
    pub public_ip: String,
    /// The instance that holds it.
    pub holder: Option<InstanceId>,
}

/// What the site answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The URL that was asked.
    pub url: String,
    /// The status code, or why there was none.
    pub answer: Result<u16, String>,
}

impl Probe {
    /// Whether this is an answer: a success, or a way to one.
    #[must_use]
    pub fn is_answer(&self) -> bool {
        matches!(self.answer, Ok(200..=399))
    }
}
