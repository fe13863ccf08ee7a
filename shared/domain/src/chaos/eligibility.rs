//! Which instances may be hit?

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::{SignedDuration, Timestamp};

use super::{AddressLook, GroupMember, GroupView, InstanceLook, VictimChoice};
use crate::{
    event::InstanceState,
    failover::{Leaving, Lifecycle},
    ids::InstanceId,
};

/// Why an instance may not be hit. Reads on after the instance's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ineligible {
    /// It is not in service.
    NotInService(Lifecycle),
    /// Auto Scaling holds it for unhealthy.
    Unhealthy,
    /// EC2 does not list it.
    NotListed,
    /// It does not run.
    NotRunning(InstanceState),
    /// It has hardly begun.
    TooYoung {
        /// How old it is.
        age: SignedDuration,
        /// How old it must be.
        least: SignedDuration,
    },
    /// Somebody protects it from scale-in.
    Protected,
    /// It is about to leave anyway.
    Leaving(Leaving),
    /// It is the last server of its zone, and another zone has more.
    LastOfZone(String),
    /// It holds an address of the fleet, and only spares may be hit.
    Holder,
    /// It holds no address of the fleet, and only holders may be hit.
    Spare,
}

impl fmt::Display for Ineligible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInService(lifecycle) => write!(f, "is not in service but {lifecycle}"),
            Self::Unhealthy => f.write_str("is unhealthy"),
            Self::NotListed => f.write_str("is unknown to EC2"),
            Self::NotRunning(state) => write!(f, "is {state}"),
            Self::TooYoung { age, least } => {
                write!(f, "is only {} minutes old, and must be {}", age.as_mins(), least.as_mins())
            }
            Self::Protected => f.write_str("is protected from scale-in"),
            Self::Leaving(leaving) => write!(f, "is about to leave ({leaving})"),
            Self::LastOfZone(zone) => write!(f, "is the last server in {zone}, and another zone has more"),
            Self::Holder => f.write_str("holds an address of the fleet, and the group allows only spares to be hit"),
            Self::Spare => f.write_str("holds no address of the fleet, and the group allows only holders to be hit"),
        }
    }
}

/// What eligibility depends on.
pub(super) struct Candidates<'a> {
    pub(super) group: &'a GroupView,
    pub(super) instances: &'a BTreeMap<InstanceId, InstanceLook>,
    pub(super) addresses: &'a [AddressLook],
    pub(super) choice: VictimChoice,
    pub(super) min_age: SignedDuration,
    pub(super) now: Timestamp,
}

impl Candidates<'_> {
    /// Whether a member may be hit, when these others of its group already are.
    pub(super) fn judge(&self, member: &GroupMember, hit: &BTreeSet<&InstanceId>) -> Result<(), Ineligible> {
        if member.lifecycle != Lifecycle::InService {
            return Err(Ineligible::NotInService(member.lifecycle.clone()));
        }
        if !member.healthy {
            return Err(Ineligible::Unhealthy);
        }
        let instance = self.instances.get(&member.instance).ok_or(Ineligible::NotListed)?;
        if instance.state != InstanceState::Running {
            return Err(Ineligible::NotRunning(instance.state.clone()));
        }
        if let Some(leaving) = instance.leaving.as_ref().filter(|leaving| leaving.holds_at(self.now)) {
            return Err(Ineligible::Leaving(leaving.clone()));
        }
        if member.protected {
            return Err(Ineligible::Protected);
        }
        let age = self.now.duration_since(instance.launched);
        if age < self.min_age {
            return Err(Ineligible::TooYoung { age, least: self.min_age });
        }
        let holds = self.addresses.iter().any(|address| address.holder.as_ref() == Some(&member.instance));
        match (self.choice, holds) {
            (VictimChoice::Holder, false) => return Err(Ineligible::Spare),
            (VictimChoice::Spare, true) => return Err(Ineligible::Holder),
            _ => {}
        }
        self.zone(member, hit)
    }

    /// A zone keeps its last server while another has more than one. Where every zone is down to one, as in a fleet of two in two zones,
    /// there is no server that is not the last of its zone, and one may be hit.
    fn zone(&self, member: &GroupMember, hit: &BTreeSet<&InstanceId>) -> Result<(), Ineligible> {
        let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
        for server in self.group.serving().filter(|server| !hit.contains(&server.instance)) {
            let count = zones.entry(&server.zone).or_default();
            *count = count.saturating_add(1);
        }
        let alone = zones.get(member.zone.as_str()).is_none_or(|count| *count <= 1);
        if alone && zones.values().any(|count| *count > 1) {
            return Err(Ineligible::LastOfZone(member.zone.clone()));
        }
        Ok(())
    }
}
