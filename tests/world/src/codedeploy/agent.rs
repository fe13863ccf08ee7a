//! In which state is the `CodeDeploy` agent of an instance, and what does a restart make of it?

use serde::{Deserialize, Serialize};

/// The generation of an agent. `[doc]` `CodeDeploy` guide, version history; deployments.md §0.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentGeneration {
    /// 1.8, in Ruby.
    V1,
    /// 2, in Rust.
    #[default]
    V2,
}

/// What keeps an agent from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentTrouble {
    /// The instance has no profile: "Missing credentials". It does not poll, and a restart does not cure it.
    NoCredentials,
    /// The profile does not allow to poll: `AccessDeniedException`. A restart does not cure it.
    Denied,
    /// It polls, but may not read the bundle in S3: `DownloadBundle` fails with "Access Denied".
    DeniedBundle,
    /// The clock is wrong: "Signature expired". It does not poll, and a restart does not cure it.
    ClockSkew,
    /// No way out to the service. It does not poll, and a restart does not cure it.
    Unreachable,
    /// The disk is full: `DownloadBundle` fails, and an agent that stops does not start again.
    DiskFull,
    /// An empty pid file: systemd says "active (exited)", no process is there, and a start changes nothing (aws-codedeploy-agent 228).
    EmptyPidFile,
}
