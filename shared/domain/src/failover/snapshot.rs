//! What do the reads show of one fleet?
//!
//! A snapshot is made of several reads at slightly different moments, each of which may lag behind the truth. The plan therefore never
//! depends on a read still being true when it acts: every write is safe to repeat and to refuse.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use super::Leaving;
use crate::{
    event::{InstanceState, Transition},
    ids::{AllocationId, AssociationId, FleetName, GroupName, HookName, InstanceId, NetworkInterfaceId},
};

/// One fleet: the addresses and groups that carry its name in `lethargic-panda:fleet`, and the instances in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSnapshot {
    /// The fleet's name.
    pub name: FleetName,
    /// When the reads were made.
    pub at: Timestamp,
    /// Its Elastic IPs.
    pub addresses: Vec<Address>,
    /// Its Auto Scaling groups; more than one during a blue/green deployment.
    pub groups: Vec<Group>,
    /// What EC2 says of the groups' members. A member that is missing here is one that EC2 does not list (yet, or any more).
    pub instances: BTreeMap<InstanceId, Instance>,
    /// Availability Zones that EC2 does not answer for. The members there are missing in `instances`, whatever they are.
    pub silent: BTreeSet<String>,
}

/// An Elastic IP of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its allocation.
    pub allocation: AllocationId,
    /// The address itself, in dotted form.
    pub public_ip: String,
    /// Where it is, if anywhere.
    pub association: Option<Association>,
}

/// Where an Elastic IP is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// The association's id.
    pub id: AssociationId,
    /// The instance that holds it; `None` when it is on a network interface without an instance.
    pub instance: Option<InstanceId>,
}

/// An Auto Scaling group of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// How many instances it is asked to keep.
    pub desired: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Auto Scaling's activities that somebody suspended, such as `Launch` or `ReplaceUnhealthy`.
    pub suspended: Vec<String>,
    /// Its instances.
    pub members: Vec<Member>,
    /// Its lifecycle hooks; empty when nothing waits, because then they are not read.
    pub hooks: Vec<Hook>,
}

/// A lifecycle hook of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: HookName,
    /// Which transition it stops.
    pub transition: Transition,
    /// Seconds until Auto Scaling goes on without an answer.
    pub heartbeat_seconds: u32,
}

/// What Auto Scaling says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is between launch and termination.
    pub lifecycle: Lifecycle,
    /// Whether Auto Scaling holds it for healthy.
    pub healthy: bool,
    /// What it was launched from, if from a launch template.
    pub template: Option<Template>,
    /// The Availability Zone that it runs in.
    pub zone: String,
}

/// A version of a launch template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// The template's id, `lt-…`.
    pub id: String,
    /// The version that the instance was launched from.
    pub version: u64,
}

/// What EC2 says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its state.
    pub state: InstanceState,
    /// Its network interface at device index 0, the only one an Elastic IP is put on.
    pub interface: Option<Interface>,
    /// When it was launched, or last started.
    pub launched: Timestamp,
    /// What its tag [`MARK_TAG`](super::MARK_TAG) says.
    pub leaving: Option<Leaving>,
    /// Whether EC2's status checks say `impaired`.
    pub impaired: bool,
}

/// A network interface that can take an Elastic IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: NetworkInterfaceId,
    /// The public address that it has now.
    pub public: PublicAddress,
}

/// The public address of a network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicAddress {
    /// None: the instance cannot be reached, and without a NAT gateway cannot reach anything.
    None,
    /// One that Amazon lent at launch; it is lost when an Elastic IP comes, with every connection over it.
    Lent,
    /// An Elastic IP.
    Elastic(String),
}

/// Where an instance is between launch and termination.
///
/// Auto Scaling has about thirty names for it and adds to them; the ones that no decision depends on are [`Lifecycle::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// Coming into service.
    Pending(Step),
    /// In service: every launch hook is done.
    InService,
    /// On its way out; still serves until EC2 stops it.
    Terminating(Step),
    /// Taken out of service by a person, for a while.
    Standby,
    /// In service until its root volume is replaced, by an instance refresh of the strategy `ReplaceRootVolume`; it comes back as
    /// [`Lifecycle::Pending`]. It waits in the group's terminate hook first ([events]).
    ///
    /// [events]: https://docs.aws.amazon.com/autoscaling/ec2/userguide/instance-refresh-eventbridge-events.html
    RootVolume(Step),
    /// In, into or out of the warm pool.
    Warmed(Step),
    /// Everything else, such as `Detached` or `RootVolumeReplaced`.
    Other(String),
}

/// How far a transition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Under way, hooks not reached.
    Begun,
    /// In a hook.
    Wait,
    /// Past its hooks.
    Proceed,
}

impl From<&str> for Lifecycle {
    fn from(name: &str) -> Self {
        match name {
            "Pending" => Self::Pending(Step::Begun),
            "Pending:Wait" => Self::Pending(Step::Wait),
            "Pending:Proceed" => Self::Pending(Step::Proceed),
            "InService" => Self::InService,
            "Terminating" => Self::Terminating(Step::Begun),
            "Terminating:Wait" => Self::Terminating(Step::Wait),
            "Terminating:Proceed" => Self::Terminating(Step::Proceed),
            "Standby" | "EnteringStandby" => Self::Standby,
            "ReplacingRootVolume" => Self::RootVolume(Step::Begun),
            "ReplacingRootVolume:Wait" => Self::RootVolume(Step::Wait),
            "ReplacingRootVolume:Proceed" => Self::RootVolume(Step::Proceed),
            warmed if warmed.starts_with("Warmed:") => Self::Warmed(match warmed {
                "Warmed:Pending:Wait" | "Warmed:Terminating:Wait" => Step::Wait,
                "Warmed:Pending" | "Warmed:Terminating" => Step::Begun,
                _ => Step::Proceed,
            }),
            other => Self::Other(other.to_owned()),
        }
    }
}

impl Lifecycle {
    /// Whether it waits in a hook.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Self::Pending(at) | Self::Terminating(at) | Self::RootVolume(at) | Self::Warmed(at) => *at == Step::Wait,
            Self::InService | Self::Standby | Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = |step: Step| match step {
            Step::Begun => "",
            Step::Wait => ":Wait",
            Step::Proceed => ":Proceed",
        };
        match self {
            Self::Pending(at) => write!(f, "Pending{}", step(*at)),
            Self::InService => f.write_str("InService"),
            Self::Terminating(at) => write!(f, "Terminating{}", step(*at)),
            Self::Standby => f.write_str("Standby"),
            Self::RootVolume(at) => write!(f, "ReplacingRootVolume{}", step(*at)),
            Self::Warmed(_) => f.write_str("in the warm pool"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

impl Group {
    /// Whether somebody suspended this activity.
    #[must_use]
    pub fn suspends(&self, activity: &str) -> bool {
        self.suspended.iter().any(|suspended| suspended == activity)
    }
}

impl FleetSnapshot {
    /// The members of all groups, each with its group.
    pub fn members(&self) -> impl Iterator<Item = (&Group, &Member)> {
        self.groups.iter().flat_map(|group| group.members.iter().map(move |member| (group, member)))
    }

    /// The membership of an instance, if it has one.
    #[must_use]
    pub fn member(&self, instance: &InstanceId) -> Option<(&Group, &Member)> {
        self.members().find(|(_, member)| member.instance == *instance)
    }

    /// Whether this Elastic IP is one of the fleet's.
    #[must_use]
    pub fn owns(&self, public_ip: &str) -> bool {
        self.addresses.iter().any(|address| address.public_ip == public_ip)
    }
}
