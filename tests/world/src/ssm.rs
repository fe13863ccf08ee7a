//! Which instances does Systems Manager know, which documents, and what came of its commands?

pub(crate) mod command;
pub(crate) mod document;
mod invocation;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ec2::instance::{Instance, InstanceState};
use crate::world::{World, later};
use command::Command;
use document::Document;

/// All of Systems Manager.
#[derive(Debug, Clone)]
pub(crate) struct Ssm {
    pub(crate) documents: BTreeMap<String, Document>,
    pub(crate) commands: BTreeMap<String, Command>,
    /// Ids of the commands, the oldest first.
    pub(crate) order: VecDeque<String>,
}

impl Default for Ssm {
    fn default() -> Self {
        Self { documents: Document::built_in(), commands: BTreeMap::new(), order: VecDeque::new() }
    }
}

/// What Systems Manager knows of an instance's agent, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ping {
    Online,
    ConnectionLost,
    Inactive,
}

impl Ping {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "Online",
            Self::ConnectionLost => "ConnectionLost",
            Self::Inactive => "Inactive",
        }
    }
}

/// What somebody makes of an instance's agent of Systems Manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PingState {
    /// It is connected, if the machine is.
    #[default]
    Online,
    /// It has lost its connection.
    ConnectionLost,
    /// And that for so long that Systems Manager no longer counts on it.
    Inactive,
    /// It has never registered: the instance is not listed at all.
    Unregistered,
}

impl Instance {
    /// Whether its agent answers, if it has ever registered and the instance is not gone. A terminated instance is no longer
    /// listed `[infer]`.
    pub(crate) fn ping(&self, now: Timestamp) -> Option<Ping> {
        let since = self.ssm_since.filter(|since| *since <= now || self.ssm_registered)?;
        if self.state.is_dead() {
            return None;
        }
        if self.ssm_inactive {
            return Some(Ping::Inactive);
        }
        let answers = self.ssm_online && self.state == InstanceState::Running && !self.failing && since <= now;
        Some(if answers { Ping::Online } else { Ping::ConnectionLost })
    }
}

impl World {
    /// What becomes of an instance's agent of Systems Manager.
    pub(crate) fn set_ping(&mut self, id: &str, ping: PingState) {
        let now = self.now;
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        instance.ssm_online = ping == PingState::Online;
        instance.ssm_inactive = ping == PingState::Inactive;
        if ping == PingState::Unregistered {
            instance.ssm_since = None;
            instance.ssm_registered = false;
        } else if instance.state == InstanceState::Running {
            instance.ssm_since.get_or_insert(now);
        }
        self.touch();
    }

    pub(crate) fn ssm_mut(&mut self) -> &mut Ssm {
        self.touch();
        Arc::make_mut(&mut self.state.ssm)
    }

    /// The operating system boots: both agents come up with it, whatever became of them before.
    pub(crate) fn boot_agents(&mut self, id: &str) {
        let since = later(self.now, self.timing.ssm_agent.draw(&mut self.side_rng));
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        instance.ssm_registered = instance.ssm_since.is_some();
        instance.ssm_since = Some(since);
        instance.ssm_inactive = false;
        self.boot_code_deploy_agent(id);
    }
}
