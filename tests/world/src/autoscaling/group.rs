//! What is an Auto Scaling group?

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::member::{Member, Transition};

/// A lifecycle hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// Which way it looks.
    pub transition: Transition,
    /// 30 to 7200, default 3600.
    pub heartbeat_seconds: u32,
    /// `DefaultResult` is CONTINUE; AWS's default is ABANDON.
    pub default_continue: bool,
    /// Text that its events carry.
    pub metadata: Option<String>,
    /// Of `CodeDeploy`: the world answers it when the application is ready.
    pub code_deploy: bool,
    /// Where else it notifies; EventBridge gets the event in any case.
    pub target: Option<String>,
    /// The role for that.
    pub role: Option<String>,
}

impl Hook {
    /// "48 hours or 100 times the heartbeat timeout, whichever is smaller" `[doc]`.
    #[must_use]
    pub const fn global_seconds(&self) -> u32 {
        let cap = self.heartbeat_seconds.saturating_mul(100);
        if cap < 172_800 { cap } else { 172_800 }
    }
}

/// `InstanceMaintenancePolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Maintenance {
    /// `MinHealthyPercentage`.
    pub min_percent: u32,
    /// `MaxHealthyPercentage`.
    pub max_percent: u32,
}

/// A warm pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarmPool {
    /// `MinSize`.
    pub min: u32,
    /// `MaxGroupPreparedCapacity`.
    pub prepared: Option<u32>,
    /// `Stopped`, `Running`, `Hibernated`.
    pub state: String,
}

/// State of an instance refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum RefreshStatus {
    InProgress,
    Successful,
    Cancelling,
    Cancelled,
    Baking,
}

impl RefreshStatus {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Successful => "Successful",
            Self::Cancelling => "Cancelling",
            Self::Cancelled => "Cancelled",
            Self::Baking => "Baking",
        }
    }

    /// Whether the refresh is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Successful | Self::Cancelled)
    }
}

/// An instance refresh.
#[derive(Debug, Clone, Serialize)]
pub struct Refresh {
    /// Its id.
    pub id: String,
    /// Its state.
    pub status: RefreshStatus,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// `InstanceWarmup`.
    pub warmup_seconds: u32,
    /// `MinHealthyPercentage`.
    pub min_percent: u32,
    /// `MaxHealthyPercentage`.
    pub max_percent: u32,
    /// How many it has to replace.
    pub total: u32,
    /// `BakeTime`.
    pub bake_seconds: u32,
    /// When that is over; none before all are replaced.
    pub baked: Option<Timestamp>,
    /// Launches wait until the old instance is gone.
    #[serde(skip)]
    pub(crate) launch_waits: bool,
}

/// A replacement that launches before it terminates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Replacement {
    pub(crate) old: String,
    pub(crate) new: Option<String>,
    pub(crate) cause: &'static str,
}

/// An Auto Scaling group.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// When it was made.
    pub created: Timestamp,
    /// Smallest size.
    pub min: u32,
    /// Largest size.
    pub max: u32,
    /// Wanted size.
    pub desired: u32,
    /// Zone and its subnet.
    pub zones: BTreeMap<String, String>,
    /// Zones that do not offer the type.
    pub unoffered_zones: BTreeSet<String>,
    /// Instance type.
    pub instance_type: String,
    /// Hooks by name.
    pub hooks: BTreeMap<String, Hook>,
    /// Members by instance id.
    pub members: BTreeMap<String, Member>,
    /// Tags: value, and whether instances get them.
    pub tags: BTreeMap<String, (String, bool)>,
    /// Suspended processes.
    pub suspended: BTreeSet<String>,
    /// Launch before terminate.
    pub maintenance: Option<Maintenance>,
    /// Prepared instances.
    pub warm_pool: Option<WarmPool>,
    /// Grace period.
    pub grace_seconds: u32,
    /// Default cooldown; the world does not scale by policies, so it is only shown.
    pub cooldown_seconds: u32,
    /// Spot instances.
    pub spot: bool,
    /// Replace at a rebalance recommendation.
    pub capacity_rebalance: bool,
    /// Instances with two interfaces.
    pub second_interface: bool,
    /// Subnets assign public addresses.
    pub public_addresses: bool,
    /// New members are protected from scale-in.
    pub protect_new: bool,
    /// The launch template's `DisableApiTermination`.
    pub termination_protection: bool,
    /// The article's user data.
    pub boot_steal: Option<String>,
    /// Boots never succeed.
    pub boots_broken: bool,
    /// Version of the launch template.
    pub version: u32,
    /// Launch template name, for its description.
    pub launch_template: String,
    /// The version that the group was told to launch, in its own words: `$Latest`, `$Default` or a number. None where nobody said.
    pub template_version: Option<String>,
    /// Refreshes, the newest last.
    pub refreshes: Vec<Refresh>,
    /// Deleted with force, leaving.
    pub deleting: bool,
    /// Replacements that launch first.
    #[serde(skip)]
    pub(crate) replacements: Vec<Replacement>,
    /// Zones where a launch failed, until when.
    #[serde(skip)]
    pub(crate) avoided: BTreeMap<String, Timestamp>,
    #[serde(skip)]
    pub(crate) retry_after: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) wake_at: Option<Timestamp>,
    #[serde(skip)]
    pub(crate) health_phase: std::time::Duration,
    /// Why the wanted size is what it is, for the activities' cause.
    #[serde(skip)]
    pub(crate) capacity_cause: Option<String>,
    /// The group that this one replaces, and whether its scale-down is under way.
    #[serde(skip)]
    pub(crate) blue: Option<String>,
}

impl Group {
    /// Whether a scaling process is suspended.
    #[must_use]
    pub fn is_suspended(&self, name: &str) -> bool {
        self.suspended.contains(name)
    }

    /// Members that count towards the capacity.
    pub fn counted(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.counts())
    }

    /// The refresh that runs.
    #[must_use]
    pub fn active_refresh(&self) -> Option<&Refresh> {
        self.refreshes.last().filter(|refresh| !refresh.status.is_over())
    }

    /// Hooks that look this way, by name.
    pub fn hooks_for(&self, transition: Transition) -> impl Iterator<Item = &Hook> {
        self.hooks.values().filter(move |hook| hook.transition == transition)
    }
}

impl Group {
    /// Its configuration alone: cheap to copy while members are many.
    pub(crate) fn clone_without_members(&self) -> Self {
        Self {
            name: self.name.clone(),
            arn: self.arn.clone(),
            created: self.created,
            min: self.min,
            max: self.max,
            desired: self.desired,
            zones: self.zones.clone(),
            unoffered_zones: self.unoffered_zones.clone(),
            instance_type: self.instance_type.clone(),
            hooks: self.hooks.clone(),
            members: BTreeMap::new(),
            tags: self.tags.clone(),
            suspended: self.suspended.clone(),
            maintenance: self.maintenance,
            warm_pool: self.warm_pool.clone(),
            boot_steal: self.boot_steal.clone(),
            launch_template: self.launch_template.clone(),
            template_version: self.template_version.clone(),
            refreshes: Vec::new(),
            replacements: Vec::new(),
            avoided: BTreeMap::new(),
            retry_after: None,
            wake_at: None,
            capacity_cause: None,
            blue: None,
            ..*self
        }
    }
}
