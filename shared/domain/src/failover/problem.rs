//! What about a fleet's set-up keeps the plan from doing its work?
//!
//! A problem is not an error: the plan does what it can and says what a person should mend.

use std::fmt;

use super::{Evidence, FleetSnapshot, Ineligible, tier};
use crate::ids::{GroupName, InstanceId};

/// Something about a fleet that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Addresses carry the fleet's name, and no group does.
    NoGroup,
    /// Groups carry the fleet's name, and no address does.
    NoAddress,
    /// The groups have no instances at all.
    NoInstances {
        /// How many they are asked to keep.
        desired: u32,
    },
    /// There are instances, and none may hold an address.
    NobodyEligible,
    /// More addresses than instances that could hold one each.
    MoreAddressesThanInstances {
        /// The fleet's addresses.
        addresses: usize,
        /// The instances that may hold one.
        eligible: usize,
    },
    /// A member cannot take an address because of how it is set up.
    Unusable {
        /// The member.
        instance: InstanceId,
        /// Why it cannot.
        reason: Ineligible,
    },
    /// EC2 does not answer for an Availability Zone in which the fleet has members.
    SilentZone(String),
    /// An instance waits in a hook of ours, and its group carries no fleet's name.
    GroupWithoutFleet(GroupName),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoGroup => {
                f.write_str("no Auto Scaling group carries the tag `lethargic-panda:fleet` with this fleet's name")
            }
            Self::NoAddress => {
                f.write_str("no Elastic IP carries the tag `lethargic-panda:fleet` with this fleet's name")
            }
            Self::NoInstances { desired } => write!(f, "the groups have no instances (desired: {desired})"),
            Self::NobodyEligible => f.write_str("no instance can hold an address now"),
            Self::MoreAddressesThanInstances { addresses, eligible } => {
                write!(f, "{addresses} addresses, and only {eligible} instances that can hold one each")
            }
            Self::Unusable { instance, reason } => write!(f, "`{instance}` cannot take an address: it is {reason}"),
            Self::SilentZone(zone) => {
                write!(f, "EC2 does not answer for {zone}: the instances there are passed over as if they were gone")
            }
            Self::GroupWithoutFleet(group) => {
                write!(
                    f,
                    "group `{group}` has a lifecycle hook of ours and no tag `lethargic-panda:fleet`, so nobody may answer it: its \
                     instances wait until the heartbeat runs out"
                )
            }
        }
    }
}

/// The problems of a fleet, of which `eligible` instances may hold an address.
pub(super) fn of_fleet(fleet: &FleetSnapshot, evidence: &Evidence, eligible: usize) -> Vec<Problem> {
    let mut problems = Vec::new();
    if fleet.groups.is_empty() {
        problems.push(Problem::NoGroup);
        return problems;
    }
    if fleet.addresses.is_empty() {
        problems.push(Problem::NoAddress);
        return problems;
    }
    if fleet.members().next().is_none() {
        let desired = fleet.groups.iter().fold(0_u32, |sum, group| sum.saturating_add(group.desired));
        problems.push(Problem::NoInstances { desired });
    } else if eligible == 0 {
        problems.push(Problem::NobodyEligible);
    } else if eligible < fleet.addresses.len() {
        problems.push(Problem::MoreAddressesThanInstances { addresses: fleet.addresses.len(), eligible });
    }
    let silent = |zone: &&String| fleet.members().any(|(_, member)| member.zone == **zone);
    problems.extend(fleet.silent.iter().filter(silent).cloned().map(Problem::SilentZone));
    for (_, member) in fleet.members() {
        if let Err(reason @ (Ineligible::NoInterface | Ineligible::ForeignAddress(_))) =
            tier::of_member(fleet, evidence, member)
        {
            problems.push(Problem::Unusable { instance: member.instance.clone(), reason });
        }
    }
    problems
}
