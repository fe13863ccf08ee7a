//! What do the reads show of one Auto Scaling group?
//!
//! The failover's [`Group`](crate::failover::Group) tells where an address may go; the panda needs other things of the same answer of AWS:
//! tags, sizes, zones and protection.

use std::collections::BTreeMap;

use super::tags;
use crate::{
    failover::Lifecycle,
    ids::{FleetName, GroupName, InstanceId},
};

/// An Auto Scaling group, as one page of `DescribeAutoScalingGroups` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Its name.
    pub name: GroupName,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
    /// How many instances it is asked to keep.
    pub desired: u32,
    /// The least that it may be asked for.
    pub min: u32,
    /// The most that it may be asked for.
    pub max: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Auto Scaling's processes that somebody suspended, such as `Launch`.
    pub suspended: Vec<String>,
    /// Its instances.
    pub members: Vec<GroupMember>,
    /// `InstanceMaintenancePolicy.MinHealthyPercentage`; AWS's `-1` (not set) is `None`.
    pub min_healthy_percentage: Option<u32>,
}

/// What Auto Scaling says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is between launch and termination.
    pub lifecycle: Lifecycle,
    /// Whether Auto Scaling holds it for healthy.
    pub healthy: bool,
    /// Its Availability Zone.
    pub zone: String,
    /// `ProtectedFromScaleIn`.
    pub protected: bool,
}

impl GroupMember {
    /// Whether it serves: in service and healthy.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.lifecycle == Lifecycle::InService && self.healthy
    }
}

impl GroupView {
    /// The members that serve.
    pub fn serving(&self) -> impl Iterator<Item = &GroupMember> {
        self.members.iter().filter(|member| member.serves())
    }

    /// The membership of an instance, if it has one.
    #[must_use]
    pub fn member(&self, instance: &InstanceId) -> Option<&GroupMember> {
        self.members.iter().find(|member| member.instance == *instance)
    }
}

/// The fleet of a group: the value of its tag `lethargic-panda:fleet`, or its own name.
#[must_use]
pub fn fleet_of(group: &GroupView) -> FleetName {
    match group.tags.get(tags::FLEET).filter(|fleet| !fleet.trim().is_empty()) {
        Some(fleet) => fleet.as_str().into(),
        None => group.name.as_str().into(),
    }
}
