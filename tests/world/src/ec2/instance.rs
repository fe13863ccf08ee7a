//! What is an instance?

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codedeploy::agent::{AgentGeneration, AgentTrouble};

/// EC2's state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped.
    Stopped,
    /// Being terminated.
    ShuttingDown,
    /// Terminated, still listed for about an hour.
    Terminated,
}

impl InstanceState {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// AWS's code.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }

    /// Whether the instance is on its way out for good.
    #[must_use]
    pub const fn is_dead(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

/// What the status checks say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckStatus {
    /// No result yet.
    Initializing,
    /// Passed.
    Ok,
    /// Failed.
    Impaired,
}

impl CheckStatus {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ok => "ok",
            Self::Impaired => "impaired",
        }
    }
}

/// The `CodeDeploy` agent on an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeDeployAgent {
    /// It polls.
    Running,
    /// It does not run.
    Stopped,
    /// It runs and does not poll (aws-codedeploy-agent 276: "service still says running").
    Hung,
    /// It is not installed.
    Absent,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// `eni-0…`
    pub id: String,
    /// `eni-attach-0…`
    pub attachment: String,
    /// 0 is the primary one.
    pub device_index: u8,
    /// Its primary private address.
    pub private_ip: String,
}

/// An instance.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Instance {
    /// `i-0…`
    pub id: String,
    /// `r-0…`
    pub reservation: String,
    /// EC2's state.
    pub state: InstanceState,
    /// When it was launched (or last started).
    pub launched: Timestamp,
    /// Why it is not running.
    pub reason: Option<&'static str>,
    /// When that was.
    pub reason_since: Option<Timestamp>,
    /// Availability zone.
    pub zone: String,
    /// Subnet.
    pub subnet: String,
    /// Instance type.
    pub instance_type: String,
    /// Spot instance.
    pub spot: bool,
    /// Auto-assigned public address; replaced by an Elastic IP while one is associated.
    pub auto_public_ip: Option<String>,
    /// Whether its subnet assigns public addresses.
    pub public_addresses: bool,
    /// Interfaces; gone with the instance.
    pub interfaces: Vec<Interface>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// Status checks.
    pub checks: CheckStatus,
    /// A scheduled retirement.
    pub retirement: Option<Timestamp>,
    /// The application answers (if the machine does).
    pub app_ready: bool,
    /// The machine or its network fails.
    pub failing: bool,
    /// The application was prepared in an earlier boot.
    pub prepared: bool,
    /// Group that launched it (its boot follows that group's ways even after a detach).
    pub origin: Option<String>,
    /// Termination protection (`DisableApiTermination`).
    pub protected: bool,
    /// The `CodeDeploy` agent; it comes up with the machine.
    pub code_deploy_agent: CodeDeployAgent,
    /// Which generation of it.
    pub agent_generation: AgentGeneration,
    /// What keeps it from its work.
    pub agent_trouble: Option<AgentTrouble>,
    /// User data has installed it.
    pub agent_ready: bool,
    /// How often it was started.
    #[serde(skip)]
    pub(crate) agent_starts: u32,
    /// The commit whose files are installed: what the site shows.
    pub serves: Option<String>,
    /// The commit that was deployed well last: its `ApplicationStop` runs next `[doc]`.
    pub deployed: Option<String>,
    /// Whether nothing keeps the Systems Manager agent from its service.
    pub ssm_online: bool,
    /// From when on that agent is up in this boot; none before the first.
    pub ssm_since: Option<Timestamp>,
    /// It was up in an earlier boot, so Systems Manager knows it.
    #[serde(skip)]
    pub(crate) ssm_registered: bool,
    /// Systems Manager has not heard of it for so long that it no longer counts on it.
    #[serde(skip)]
    pub(crate) ssm_inactive: bool,
    /// Counts state changes, so that transitions scheduled for an earlier life do nothing.
    #[serde(skip)]
    pub(crate) epoch: u32,
    /// Counts failures and repairs.
    #[serde(skip)]
    pub(crate) check_epoch: u32,
    /// The service ended although the state is not over yet.
    #[serde(skip)]
    pub(crate) silent: bool,
}

impl Instance {
    /// The interface at device index 0.
    #[must_use]
    pub fn primary_interface(&self) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.device_index == 0)
    }

    /// Whether a request that reaches it is answered.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.app_ready
            && !self.failing
            && !self.silent
            && matches!(self.state, InstanceState::Running | InstanceState::ShuttingDown | InstanceState::Stopping)
    }
}
