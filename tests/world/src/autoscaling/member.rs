//! What is a member of a group?

use jiff::Timestamp;
use serde::Serialize;

/// Lifecycle state of a member. With [`Member::warm`] it is the `Warmed:` variant of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Lifecycle {
    Pending,
    PendingWait,
    PendingProceed,
    InService,
    Terminating,
    TerminatingWait,
    TerminatingProceed,
    EnteringStandby,
    Standby,
    Detaching,
    /// `Warmed:Stopped`
    Stopped,
    /// `Warmed:Running`
    Running,
    /// `Warmed:Hibernated`
    Hibernated,
}

impl Lifecycle {
    /// On its way in.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::PendingWait | Self::PendingProceed)
    }

    /// On its way out.
    #[must_use]
    pub const fn is_terminating(self) -> bool {
        matches!(self, Self::Terminating | Self::TerminatingWait | Self::TerminatingProceed)
    }

    /// AWS's word.
    #[must_use]
    pub const fn as_str(self, warm: bool) -> &'static str {
        match (self, warm) {
            (Self::Pending, false) => "Pending",
            (Self::PendingWait, false) => "Pending:Wait",
            (Self::PendingProceed, false) => "Pending:Proceed",
            (Self::InService, _) => "InService",
            (Self::Terminating, false) => "Terminating",
            (Self::TerminatingWait, false) => "Terminating:Wait",
            (Self::TerminatingProceed, false) => "Terminating:Proceed",
            (Self::EnteringStandby, _) => "EnteringStandby",
            (Self::Standby, _) => "Standby",
            (Self::Detaching, _) => "Detaching",
            (Self::Pending, true) => "Warmed:Pending",
            (Self::PendingWait, true) => "Warmed:Pending:Wait",
            (Self::PendingProceed, true) => "Warmed:Pending:Proceed",
            (Self::Terminating, true) => "Warmed:Terminating",
            (Self::TerminatingWait, true) => "Warmed:Terminating:Wait",
            (Self::TerminatingProceed, true) => "Warmed:Terminating:Proceed",
            (Self::Stopped, _) => "Warmed:Stopped",
            (Self::Running, _) => "Warmed:Running",
            (Self::Hibernated, _) => "Warmed:Hibernated",
        }
    }
}

/// Health as Auto Scaling has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Health {
    Healthy,
    Unhealthy,
}

impl Health {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Unhealthy => "Unhealthy",
        }
    }
}

/// Which way a hook looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Transition {
    Launching,
    Terminating,
}

impl Transition {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launching => "autoscaling:EC2_INSTANCE_LAUNCHING",
            Self::Terminating => "autoscaling:EC2_INSTANCE_TERMINATING",
        }
    }

    /// From AWS's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Launching, Self::Terminating].into_iter().find(|transition| transition.as_str() == word)
    }
}

/// A lifecycle action that waits for its answer.
#[derive(Debug, Clone, Serialize)]
pub struct ActionInWait {
    /// The hook.
    pub hook: String,
    /// `LifecycleActionToken`.
    pub token: String,
    /// When the heartbeat runs out.
    pub due: Timestamp,
    /// The global timeout: no heartbeat extends it.
    pub latest: Timestamp,
    /// What happens then.
    pub default_continue: bool,
    /// Seconds of one heartbeat.
    pub heartbeat_seconds: u32,
}

/// Why a member is unhealthy: it decides the words of the cause, and whether it can be replaced before it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Complaint {
    NotRunning,
    Checks,
    Person,
}

/// A member of a group.
#[derive(Debug, Clone, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub struct Member {
    /// The instance.
    pub instance: String,
    /// Lifecycle state.
    pub lifecycle: Lifecycle,
    /// In, or on its way into or out of, the warm pool.
    pub warm: bool,
    /// Health.
    pub health: Health,
    /// Protected from scale-in.
    pub protected: bool,
    /// Version of the launch template it was launched from.
    pub version: u32,
    /// Since when it has been in service.
    pub in_service: Option<Timestamp>,
    /// Hooks that wait.
    pub waiting: Vec<ActionInWait>,
    /// Came from the warm pool.
    pub from_warm_pool: bool,
    #[serde(skip)]
    pub(crate) activity: Option<String>,
    #[serde(skip)]
    pub(crate) complaint: Option<Complaint>,
    /// Launch hooks have begun or there were none.
    #[serde(skip)]
    pub(crate) hooks_begun: bool,
    #[serde(skip)]
    pub(crate) abandoned: bool,
    /// A refresh takes it out.
    #[serde(skip)]
    pub(crate) refreshed: bool,
}

impl Member {
    /// The lifecycle state in AWS's words.
    #[must_use]
    pub const fn lifecycle_state(&self) -> &'static str {
        self.lifecycle.as_str(self.warm)
    }

    /// Counts towards the group's capacity.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !self.warm && (self.lifecycle.is_pending() || matches!(self.lifecycle, Lifecycle::InService))
    }
}
