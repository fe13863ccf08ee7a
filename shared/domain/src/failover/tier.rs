//! How fit is an instance to hold an address?
//!
//! Tiers are compared, never added up: an address moves only from a worse tier to a strictly better one, so a move always has a reason that a
//! person can be told.

use std::{collections::BTreeSet, fmt};

use super::{Evidence, FleetSnapshot, Instance, Lifecycle, Member, PublicAddress};
use crate::{event::InstanceState, ids::InstanceId};

/// How fit an instance is to hold an address, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// In service and healthy: every launch hook is done, CodeDeploy's included.
    Serving,
    /// Serving, but announced to leave.
    Departing,
    /// Being terminated, and still running: it serves until its hook is released.
    Terminating,
    /// Put into standby by a person, who knows why; running, so better than what follows.
    Standby,
    /// Running, but Auto Scaling holds it for unhealthy. It may still serve, and whatever boots does certainly not.
    Unhealthy,
    /// Booting, with no public address of its own to lose: given the address early, so that the network settles while it boots.
    Booting,
    /// EC2's status checks fail: it cannot be reached.
    Impaired,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serving => "serving",
            Self::Departing => "serving but announced to leave",
            Self::Terminating => "terminating but still running",
            Self::Standby => "in standby",
            Self::Unhealthy => "unhealthy",
            Self::Booting => "booting",
            Self::Impaired => "failing its status checks",
        })
    }
}

/// Why an instance must not get an address, and loses the one it holds as soon as anybody can take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// An event reported its termination.
    Dead,
    /// An event just reported that it stops.
    Halted,
    /// EC2 says that it does not run.
    NotRunning(InstanceState),
    /// EC2 refused to put an address on it a moment ago: it is not in the state that the reads show.
    Refused,
    /// EC2 does not list it.
    Unlisted,
    /// EC2 does not answer for its Availability Zone: nothing can be known of it, nor be done with it.
    Silent(String),
    /// It is in no group of the fleet.
    NotAMember,
    /// It is in the warm pool.
    WarmPool,
    /// Auto Scaling has it in a state in which it does not serve.
    OutOfService(String),
    /// It still boots and uses the public address that Amazon lent it; an Elastic IP would cut its downloads.
    BootingOnline,
    /// It has no network interface at device index 0.
    NoInterface,
    /// It holds an Elastic IP that is not the fleet's, which an association would throw off.
    ForeignAddress(String),
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead => f.write_str("terminated"),
            Self::Halted => f.write_str("stopped"),
            Self::NotRunning(state) => write!(f, "{state}"),
            Self::Refused => f.write_str("not in a state to take an address, as EC2 says"),
            Self::Unlisted => f.write_str("not listed by EC2"),
            Self::Silent(zone) => write!(f, "in {zone}, which EC2 does not answer for"),
            Self::NotAMember => f.write_str("in no group of the fleet"),
            Self::WarmPool => f.write_str("in the warm pool"),
            Self::OutOfService(state) => write!(f, "in state {state}"),
            Self::BootingOnline => f.write_str("booting, and online by an address of its own"),
            Self::NoInterface => f.write_str("without a primary network interface"),
            Self::ForeignAddress(address) => write!(f, "the holder of {address}, which is not the fleet's"),
        }
    }
}

/// How fit an instance is, as far as the snapshot and the event know.
///
/// # Errors
/// The reason why it must not hold an address at all.
pub fn tier_of(fleet: &FleetSnapshot, evidence: &Evidence, id: &InstanceId) -> Result<Tier, Ineligible> {
    let (_, member) = fleet.member(id).ok_or(Ineligible::NotAMember)?;
    of_member(fleet, evidence, member)
}

/// How fit a member is; an instance is a member once at the most.
pub(super) fn of_member(fleet: &FleetSnapshot, evidence: &Evidence, member: &Member) -> Result<Tier, Ineligible> {
    let id = &member.instance;
    if evidence.dead.contains(id) {
        return Err(Ineligible::Dead);
    }
    if evidence.halts(fleet, id) {
        return Err(Ineligible::Halted);
    }
    if evidence.refused.contains(id) {
        return Err(Ineligible::Refused);
    }
    let instance = fleet.instances.get(id).ok_or_else(|| {
        let silent = fleet.silent.contains(&member.zone);
        if silent { Ineligible::Silent(member.zone.clone()) } else { Ineligible::Unlisted }
    })?;
    if instance.state != InstanceState::Running {
        return Err(Ineligible::NotRunning(instance.state.clone()));
    }
    let interface = instance.interface.as_ref().ok_or(Ineligible::NoInterface)?;
    if let PublicAddress::Elastic(address) = &interface.public
        && !fleet.owns(address)
    {
        return Err(Ineligible::ForeignAddress(address.clone()));
    }
    let impaired = instance.impaired || evidence.impaired.contains(id);
    match &member.lifecycle {
        Lifecycle::Warmed(_) => Err(Ineligible::WarmPool),
        Lifecycle::RootVolume(_) | Lifecycle::Other(_) => Err(Ineligible::OutOfService(member.lifecycle.to_string())),
        Lifecycle::Pending(_) if interface.public == PublicAddress::Lent => Err(Ineligible::BootingOnline),
        _ if impaired => Ok(Tier::Impaired),
        Lifecycle::Pending(_) => Ok(Tier::Booting),
        _ if !member.healthy => Ok(Tier::Unhealthy),
        Lifecycle::Terminating(_) => Ok(Tier::Terminating),
        Lifecycle::Standby => Ok(Tier::Standby),
        Lifecycle::InService if evidence.tells_of_leaving(id) => Ok(Tier::Terminating),
        Lifecycle::InService if is_leaving(fleet, instance, evidence, id) => Ok(Tier::Departing),
        Lifecycle::InService => Ok(Tier::Serving),
    }
}

/// Whether an instance lives, as far as the snapshot and the event know.
pub(super) fn lives(fleet: &FleetSnapshot, evidence: &Evidence, id: &InstanceId) -> bool {
    !evidence.dead.contains(id)
        && !evidence.halts(fleet, id)
        && fleet
            .instances
            .get(id)
            .is_some_and(|instance| matches!(instance.state, InstanceState::Running | InstanceState::Pending))
}

/// Whether an instance is known not to run. An instance that EC2 does not list is not known to be anything.
pub(super) fn known_dead(fleet: &FleetSnapshot, evidence: &Evidence, id: &InstanceId) -> bool {
    let stopped = |instance: &Instance| {
        matches!(
            instance.state,
            InstanceState::Stopping | InstanceState::Stopped | InstanceState::ShuttingDown | InstanceState::Terminated
        )
    };
    evidence.dead.contains(id) || evidence.halts(fleet, id) || fleet.instances.get(id).is_some_and(stopped)
}

fn is_leaving(fleet: &FleetSnapshot, instance: &Instance, evidence: &Evidence, id: &InstanceId) -> bool {
    [evidence.leaving.get(id), instance.leaving.as_ref()]
        .into_iter()
        .flatten()
        .any(|leaving| leaving.holds_at(fleet.at))
}

/// The ids of every instance that holds one of the fleet's addresses.
pub(super) fn holders(fleet: &FleetSnapshot) -> BTreeSet<&InstanceId> {
    fleet
        .addresses
        .iter()
        .filter_map(|address| address.association.as_ref().and_then(|association| association.instance.as_ref()))
        .collect()
}
