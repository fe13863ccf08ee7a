//! What do people, machines and AWS itself do to the world, outside its API?

use serde::{Deserialize, Serialize};

use crate::spec::{HookSpec, WarmPoolSpec};

/// Something that happens to the world. As JSON, `{"act":"terminate","instance":"i-…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// `TerminateInstances` by a person: EC2 first, Auto Scaling learns later.
    Terminate {
        /// Whom.
        instance: String,
    },
    /// The instance falls silent at once and is terminated without a clean shutdown.
    Crash {
        /// Whom.
        instance: String,
    },
    /// `StopInstances` by a person.
    Stop {
        /// Whom.
        instance: String,
    },
    /// `StartInstances` by a person.
    Start {
        /// Whom.
        instance: String,
    },
    /// Spot interruption warning; `lead_seconds` later the instance is shut down.
    SpotNotice {
        /// Whom.
        instance: String,
        /// 120 documented, 39 seen (aws-node-termination-handler 1022).
        lead_seconds: u32,
    },
    /// Rebalance recommendation.
    Rebalance {
        /// Whom.
        instance: String,
    },
    /// The instance stops answering; its status checks follow.
    FailStatusChecks {
        /// Whom.
        instance: String,
    },
    /// It answers again; its status checks follow.
    RepairStatusChecks {
        /// Whom.
        instance: String,
    },
    /// A zone goes dark: its instances stop answering, launches in it fail.
    LoseZone {
        /// Which.
        zone: String,
    },
    /// And comes back.
    RestoreZone {
        /// Which.
        zone: String,
    },
    /// `SetDesiredCapacity`.
    SetDesired {
        /// Which group.
        group: String,
        /// How many.
        desired: u32,
    },
    /// Min, max and desired at once.
    Resize {
        /// Which group.
        group: String,
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
        /// Wanted.
        desired: u32,
    },
    /// `StartInstanceRefresh` with the group's own maintenance policy.
    StartInstanceRefresh {
        /// Which group.
        group: String,
    },
    /// AWS Health announces the retirement; `after_seconds` later the instance is stopped.
    ScheduleRetirement {
        /// Whom.
        instance: String,
        /// Days on AWS.
        after_seconds: u32,
    },
    /// `DetachInstances`.
    Detach {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `EnterStandby`.
    EnterStandby {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `ExitStandby`.
    ExitStandby {
        /// Whom.
        instance: String,
    },
    /// `SetInstanceHealth` without regard to the grace period.
    SetHealth {
        /// Whom.
        instance: String,
        /// Healthy or not.
        healthy: bool,
    },
    /// `TerminateInstanceInAutoScalingGroup`.
    TerminateInGroup {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `PutLifecycleHook`.
    PutHook {
        /// Which group.
        group: String,
        /// The hook.
        hook: HookSpec,
    },
    /// `DeleteLifecycleHook`.
    DeleteHook {
        /// Which group.
        group: String,
        /// Which hook.
        name: String,
    },
    /// `PutWarmPool`.
    PutWarmPool {
        /// Which group.
        group: String,
        /// The pool.
        pool: WarmPoolSpec,
    },
    /// `SuspendProcesses`, by AWS's names; none names all.
    Suspend {
        /// Which group.
        group: String,
        /// `Launch`, `Terminate`, ….
        names: Vec<String>,
    },
    /// `ResumeProcesses`.
    Resume {
        /// Which group.
        group: String,
        /// `Launch`, `Terminate`, ….
        names: Vec<String>,
    },
    /// A blue/green deployment: a copy of the group comes up with the same tags, then the old one goes to zero.
    BlueGreen {
        /// The old group.
        group: String,
        /// The new group's name (`CodeDeploy_<deployment group>_<deployment>` on AWS).
        green: String,
    },
    /// From now on nothing that boots in the group ever answers (a broken build): `CodeDeploy` abandons the launch.
    BreakBoots {
        /// Which group.
        group: String,
        /// Whether boots are broken.
        broken: bool,
    },
    /// The application stops answering while EC2 sees nothing wrong; status checks stay `ok`.
    Hang {
        /// Whom.
        instance: String,
    },
    /// A person disassociates the address.
    Disassociate {
        /// The Elastic IP.
        public_ip: String,
    },
    /// A person associates the address.
    Associate {
        /// The Elastic IP.
        public_ip: String,
        /// With whom.
        instance: String,
    },
}

/// Why something could not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such instance, or it is gone.
    #[error("no instance {0}")]
    NoInstance(String),
    /// No such group.
    #[error("no group {0}")]
    NoGroup(String),
    /// No such address.
    #[error("no address {0}")]
    NoAddress(String),
    /// The state does not allow it; AWS's own error code and words.
    #[error("{code}: {message}")]
    Refused {
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
}
