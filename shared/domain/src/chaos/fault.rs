//! What is done to a victim?

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// `TerminateInstances`: the operating system is shut down, and services get their signal.
    Terminate,
    /// `TerminateInstances` with `SkipOsShutdown`: the power cut.
    Crash,
    /// `TerminateInstanceInAutoScalingGroup`: Auto Scaling takes it out by its own rules, terminate hooks included.
    Graceful,
    /// The `CodeDeploy` agent is stopped: the server goes on serving and forgets its updates.
    StopAgent,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Terminate, Self::Crash, Self::Graceful, Self::StopAgent];

    /// The name as tags and commands write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terminate => "terminate",
            Self::Crash => "crash",
            Self::Graceful => "graceful",
            Self::StopAgent => "stop-agent",
        }
    }

    /// Whether the victim is gone afterwards.
    #[must_use]
    pub fn kills(self) -> bool {
        self != Self::StopAgent
    }

    /// What there is, for an error.
    pub(super) fn listed() -> String {
        format!("one of `{}`", Self::ALL.map(Self::name).join("`, `"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(Self::listed)
    }
}
