//! How is a fleet that is there set up? What the reads show of it.
//!
//! Each part was read on its own. One that could not be read is an `Err` with AWS's words, and is no verdict.

use std::collections::{BTreeMap, BTreeSet};

use super::{ConnectionLook, Network};
use crate::{
    chaos::Seen,
    event::Transition,
    failover::{Address, Lifecycle, PublicAddress},
    ids::{FleetName, GroupName, HookName, InstanceId, SubnetId},
};

/// A fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSetup {
    /// Its name.
    pub fleet: FleetName,
    /// The Elastic IPs that carry its name.
    pub addresses: Seen<Vec<Address>>,
    /// The groups that carry its name; if there are none, the group that is called like it.
    pub groups: Vec<GroupSetup>,
}

/// A tag of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its value.
    pub value: String,
    /// Whether servers get it at launch.
    pub propagates: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSetup {
    /// Its name.
    pub name: GroupName,
    /// Its tags.
    pub tags: BTreeMap<String, Tag>,
    /// How many instances it is asked to keep.
    pub desired: u32,
    /// The most that it may be asked for.
    pub max: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Auto Scaling's processes that somebody suspended.
    pub suspended: BTreeSet<String>,
    /// Its subnets.
    pub subnets: Vec<SubnetId>,
    /// Its instances.
    pub members: Vec<MemberSetup>,
    /// Its lifecycle hooks.
    pub hooks: Seen<Vec<HookSetup>>,
    /// Its launch template; none where it has a launch configuration.
    pub template: Seen<Option<Template>>,
    /// What EC2 says of its instances.
    pub instances: Seen<BTreeMap<InstanceId, InstanceSetup>>,
    /// What Systems Manager says of its instances; those that it does not know are missing.
    pub managed: Seen<BTreeMap<InstanceId, ManagedLook>>,
    /// Its subnets, route tables and endpoints.
    pub network: Seen<Network>,
    /// The instance types that it launches or has launched, each with the zones that offer it.
    pub offered: Seen<BTreeMap<String, BTreeSet<String>>>,
    /// The deployment groups of CodeDeploy that deploy to it.
    pub deployments: Seen<Vec<DeploymentGroup>>,
    /// The alarms that its tag `stop-alarms` names, and whether each exists.
    pub stop_alarms: Seen<BTreeMap<String, bool>>,
    /// The alarms on status checks of the group.
    pub status_alarms: Seen<Vec<String>>,
    /// The pipelines that its tag `pipeline` names, each with its connections; `None` where there is no such pipeline.
    pub pipelines: Seen<BTreeMap<String, Option<BTreeMap<String, ConnectionLook>>>>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSetup {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is between launch and termination.
    pub lifecycle: Lifecycle,
    /// Whether Auto Scaling holds it for healthy.
    pub healthy: bool,
}

/// A lifecycle hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookSetup {
    /// Its name.
    pub name: HookName,
    /// What it stops.
    pub transition: Transition,
    /// How long, in seconds.
    pub heartbeat_seconds: u32,
    /// Whether the instance goes on when nobody answers (`CONTINUE`).
    pub continues: bool,
}

/// A version of a launch template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Its id, `lt-…`.
    pub id: String,
    /// The version that the group launches.
    pub version: String,
    /// The instance type, if the template names one.
    pub instance_type: Option<String>,
    /// Whether it lends each instance a public address; `None` if the subnet decides.
    pub lends_public_ip: Option<bool>,
    /// Whether its user data takes an Elastic IP by itself.
    pub takes_addresses: bool,
}

/// What EC2 says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSetup {
    /// Its type.
    pub instance_type: String,
    /// Whether it runs.
    pub running: bool,
    /// Whether its metadata service asks for a token (`IMDSv2`).
    pub tokens_required: bool,
    /// Whether it has an instance profile.
    pub has_profile: bool,
    /// Its tag `lethargic-panda:chaos`.
    pub chaos: Option<String>,
    /// Its primary network interface, and the public address there.
    pub interface: Option<(String, PublicAddress)>,
}

/// What Systems Manager says of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedLook {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// What its inventory says of the CodeDeploy agent.
    pub agent: AgentLook,
}

/// What an inventory says of the CodeDeploy agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentLook {
    /// It is installed, in this version.
    Installed(String),
    /// It is not installed.
    Missing,
    /// There is no inventory of the instance.
    Unknown,
}

/// A deployment group of CodeDeploy that deploys to a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentGroup {
    /// Its application.
    pub application: String,
    /// Its name.
    pub name: String,
    /// The launch hook that CodeDeploy made for it.
    pub hook: Option<String>,
}
