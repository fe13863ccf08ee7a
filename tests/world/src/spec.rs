//! What does a fleet look like when the world begins? Also the format of `--fleet FILE`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cloudwatch::AlarmState;
use crate::ssm::document::DocumentEffect;

mod delivery;

pub(crate) use delivery::ONE_AT_A_TIME;
pub use delivery::{
    ActionKind, ActionSpec, Bundle, CommitSpec, DeliverySpec, PipelineSpec, ScriptOutcome, ScriptSpec, StageSpec,
};

/// A fleet: groups behind a few Elastic IPs, all carrying the tag `lethargic-panda:fleet`.
///
/// ```json
/// {"name":"web","addresses":["203.0.113.10"],"groups":[{"name":"web","desired":2,"max":4}]}
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FleetSpec {
    /// Value of the fleet tag.
    pub name: String,
    /// The Elastic IPs.
    pub addresses: Vec<String>,
    /// The groups.
    pub groups: Vec<GroupSpec>,
    /// Whether groups and addresses carry the fleet tag.
    pub tagged: bool,
    /// Whether the addresses are on the first members at the beginning.
    pub associated: bool,
    /// Alarms of `CloudWatch`.
    pub alarms: Vec<AlarmSpec>,
    /// Pipelines of `CodePipeline`.
    pub pipelines: Vec<String>,
    /// Topics of SNS.
    pub topics: Vec<String>,
    /// Command documents of Systems Manager, and what they do.
    pub documents: BTreeMap<String, DocumentEffect>,
    /// Host names that lead to the first address.
    pub hosts: Vec<String>,
    /// How code comes to the fleet; absent: not played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliverySpec>,
}

impl Default for FleetSpec {
    fn default() -> Self {
        Self {
            name: "web".to_owned(),
            addresses: vec!["203.0.113.10".to_owned()],
            groups: vec![GroupSpec::default()],
            tagged: true,
            associated: true,
            alarms: Vec::new(),
            pipelines: Vec::new(),
            topics: Vec::new(),
            documents: BTreeMap::new(),
            hosts: Vec::new(),
            delivery: None,
        }
    }
}

/// One Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of one configuration file")]
pub struct GroupSpec {
    /// Its name.
    pub name: String,
    /// Smallest size.
    pub min: u32,
    /// Largest size.
    pub max: u32,
    /// Members in service at the beginning.
    pub desired: u32,
    /// Availability zones, one subnet each.
    pub zones: Vec<String>,
    /// Zones that do not offer the instance type: a launch there fails.
    pub unoffered_zones: Vec<String>,
    /// Instance type.
    pub instance_type: String,
    /// Lifecycle hooks, besides `CodeDeploy`'s own.
    pub hooks: Vec<HookSpec>,
    /// A launch hook of `CodeDeploy`'s that completes when the application answers, so that `InService` implies serving; and a
    /// deployment group of the group's name, in an application of the fleet's name.
    pub code_deploy: bool,
    /// The article's user data: on boot, take this address (public IP or allocation id) with two calls, before the
    /// application answers.
    pub boot_steal: Option<String>,
    /// Launch before terminate.
    pub maintenance: Option<MaintenanceSpec>,
    /// Prepared instances.
    pub warm_pool: Option<WarmPoolSpec>,
    /// Health check grace period.
    pub grace_seconds: u32,
    /// Spot instances.
    pub spot: bool,
    /// Replace at a rebalance recommendation already.
    pub capacity_rebalance: bool,
    /// Instances carry a second network interface: `AssociateAddress` by instance id then fails.
    pub second_interface: bool,
    /// Subnets assign public addresses.
    pub public_addresses: bool,
    /// Tags of the group, all propagated to its instances, besides the fleet tag (which is the group's alone).
    pub tags: BTreeMap<String, String>,
    /// Tags that are the group's alone.
    pub own_tags: BTreeMap<String, String>,
    /// Suspended scaling processes by AWS's names (`Launch`, `Terminate`, …).
    pub suspended: Vec<String>,
    /// Members are protected from scale-in (`NewInstancesProtectedFromScaleIn`).
    pub protected_from_scale_in: bool,
    /// Instances are protected from `TerminateInstances` (`DisableApiTermination`).
    pub termination_protection: bool,
}

impl Default for GroupSpec {
    fn default() -> Self {
        Self {
            name: "web".to_owned(),
            min: 1,
            max: 4,
            desired: 2,
            zones: vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()],
            unoffered_zones: Vec::new(),
            instance_type: "t4g.micro".to_owned(),
            hooks: vec![HookSpec::launch("elastic-ip-launch"), HookSpec::terminate("elastic-ip-terminate")],
            code_deploy: true,
            boot_steal: None,
            maintenance: None,
            warm_pool: None,
            grace_seconds: 60,
            spot: false,
            capacity_rebalance: false,
            second_interface: false,
            public_addresses: true,
            tags: BTreeMap::from([("Name".to_owned(), "web".to_owned())]),
            own_tags: BTreeMap::new(),
            suspended: Vec::new(),
            protected_from_scale_in: false,
            termination_protection: false,
        }
    }
}

/// A lifecycle hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// Its name.
    pub name: String,
    /// `autoscaling:EC2_INSTANCE_LAUNCHING` or `autoscaling:EC2_INSTANCE_TERMINATING`.
    pub transition: String,
    /// Heartbeat timeout.
    #[serde(default = "five_minutes")]
    pub heartbeat_seconds: u32,
    /// `CONTINUE` or `ABANDON`.
    #[serde(default = "continue_result")]
    pub default_result: String,
    /// Text that its events carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
}

fn five_minutes() -> u32 {
    300
}

fn continue_result() -> String {
    "CONTINUE".to_owned()
}

impl HookSpec {
    /// A launch hook of five minutes that continues by default.
    #[must_use]
    pub fn launch(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            transition: "autoscaling:EC2_INSTANCE_LAUNCHING".to_owned(),
            heartbeat_seconds: five_minutes(),
            default_result: continue_result(),
            metadata: None,
        }
    }

    /// A terminate hook of five minutes that continues by default.
    #[must_use]
    pub fn terminate(name: &str) -> Self {
        Self { transition: "autoscaling:EC2_INSTANCE_TERMINATING".to_owned(), ..Self::launch(name) }
    }
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlarmSpec {
    /// Its name.
    pub name: String,
    /// The rule of a composite alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Its state.
    #[serde(default)]
    pub state: AlarmState,
}

/// `InstanceMaintenancePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceSpec {
    /// `MinHealthyPercentage`.
    pub min_percent: u32,
    /// `MaxHealthyPercentage`.
    pub max_percent: u32,
}

/// A warm pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WarmPoolSpec {
    /// `MinSize`.
    pub min: u32,
    /// `MaxGroupPreparedCapacity`; without it the group's largest size.
    pub prepared: Option<u32>,
    /// `Stopped`, `Running` or `Hibernated`.
    pub state: String,
}

impl Default for WarmPoolSpec {
    fn default() -> Self {
        Self { min: 1, prepared: None, state: "Stopped".to_owned() }
    }
}

impl FleetSpec {
    /// What is wrong with it, in words that name the field.
    ///
    /// # Errors
    /// A group without zones, sizes that contradict each other, a hook that AWS would refuse, a delivery to nobody.
    pub fn check(&self) -> Result<(), String> {
        for group in &self.groups {
            let name = &group.name;
            if group.zones.is_empty() {
                return Err(format!("group {name}: zones must not be empty"));
            }
            if !(group.min..=group.max).contains(&group.desired) {
                let (min, max, desired) = (group.min, group.max, group.desired);
                return Err(format!("group {name}: desired {desired} must be between min {min} and max {max}"));
            }
            for hook in &group.hooks {
                hook.to_hook().map_err(|error| format!("group {name}, hook {}: {}", hook.name, error.message))?;
            }
        }
        if let Some(delivery) = &self.delivery {
            delivery.check(&self.groups)?;
        }
        Ok(())
    }
}
