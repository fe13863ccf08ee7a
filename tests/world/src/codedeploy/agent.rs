//! In which state is the `CodeDeploy` agent of an instance, and what does a restart make of it?

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ec2::instance::{CodeDeployAgent, Instance, InstanceState};
use crate::ssm::document::Outcome;
use crate::timing::Span;
use crate::world::World;

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
    /// An empty pid file, left by an agent that died on a full disk: no process is there, a boot does not start one, and the unit of 1.8 says
    /// "active (exited)" (aws-codedeploy-agent 228). Who removes the file, starts it.
    EmptyPidFile,
}

impl AgentGeneration {
    /// The version that it is, `[doc]` version history.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::V1 => "1.8.1",
            Self::V2 => "2.0.1",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

impl AgentTrouble {
    /// Whether it keeps an agent that runs from polling.
    const fn silences(self) -> bool {
        match self {
            Self::NoCredentials | Self::Denied | Self::ClockSkew | Self::Unreachable => true,
            Self::DeniedBundle | Self::DiskFull | Self::EmptyPidFile => false,
        }
    }

    /// Whether it keeps an agent that does not run from starting by itself at the next boot.
    const fn prevents_start(self) -> bool {
        matches!(self, Self::DiskFull | Self::EmptyPidFile)
    }

    /// What the agent's log says of it. 1.8's words `[src]` deployments.md §3.2, §3.4.
    const fn log(self) -> Option<&'static str> {
        match self {
            Self::NoCredentials => Some(
                "ERROR [codedeploy-agent(2710)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: Missing credentials - please check if this instance was started with an IAM instance profile",
            ),
            Self::Denied => Some(
                "ERROR [codedeploy-agent(2710)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: Error polling for host commands: AccessDeniedException - AccessDenied",
            ),
            Self::ClockSkew => Some(
                "ERROR [codedeploy-agent(2710)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: Cannot reach InstanceService: Aws::CodeDeployCommand::Errors::InvalidSignatureException - Signature expired",
            ),
            Self::Unreachable => Some(
                "ERROR [codedeploy-agent(2710)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: Cannot reach InstanceService: Seahorse::Client::NetworkingError - Net::OpenTimeout",
            ),
            Self::DeniedBundle => Some(
                "ERROR [codedeploy-agent(2710)]: InstanceAgent::Plugins::CodeDeployPlugin::CommandPoller: Error during perform: Aws::S3::Errors::AccessDenied - Access Denied",
            ),
            Self::DiskFull => Some("ERROR [codedeploy-agent(2710)]: No space left on device @ io_write"),
            Self::EmptyPidFile => None,
        }
    }
}

impl Instance {
    /// Whether the agent asks `CodeDeploy` for work: it runs, in a machine that runs, and nothing is between them.
    pub(crate) fn agent_polls(&self) -> bool {
        self.code_deploy_agent == CodeDeployAgent::Running
            && self.agent_ready
            && self.state == InstanceState::Running
            && !self.failing
            && !self.agent_trouble.is_some_and(AgentTrouble::silences)
    }
}

impl World {
    /// What somebody does to an agent, or what a start makes of it.
    pub(crate) fn set_code_deploy_agent(&mut self, id: &str, agent: CodeDeployAgent) {
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        let before = std::mem::replace(&mut instance.code_deploy_agent, agent);
        if agent == CodeDeployAgent::Running {
            instance.agent_ready = true;
            if before != agent {
                instance.agent_starts += 1;
            }
        }
        self.touch();
        if agent == CodeDeployAgent::Running {
            self.agent_wakes(id, before != agent);
        } else if before == CodeDeployAgent::Running {
            self.agent_falls_silent(id);
        }
    }

    pub(crate) fn afflict_agent(&mut self, id: &str, trouble: Option<AgentTrouble>) {
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        let before = std::mem::replace(&mut instance.agent_trouble, trouble);
        self.touch();
        // An empty pid file is what a dead agent leaves on a full disk: nothing runs there.
        if trouble == Some(AgentTrouble::EmptyPidFile) {
            self.set_code_deploy_agent(id, CodeDeployAgent::Stopped);
        }
        if before.is_some_and(AgentTrouble::silences) && !trouble.is_some_and(AgentTrouble::silences) {
            self.agent_wakes(id, false);
        }
    }

    pub(crate) fn install_agent(&mut self, id: &str, generation: AgentGeneration) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.agent_generation = generation;
        }
        self.set_code_deploy_agent(id, CodeDeployAgent::Running);
    }

    /// The machine boots, and the agent's unit with it.
    pub(crate) fn boot_code_deploy_agent(&mut self, id: &str) {
        let Some(instance) = self.state.instances.get_mut(id) else { return };
        // User data installs it at the first boot.
        instance.agent_ready = instance.prepared || instance.agent_ready;
        if instance.code_deploy_agent == CodeDeployAgent::Absent {
            return;
        }
        let starts = !instance.agent_trouble.is_some_and(AgentTrouble::prevents_start);
        instance.code_deploy_agent = if starts { CodeDeployAgent::Running } else { CodeDeployAgent::Stopped };
        if starts && instance.agent_ready {
            instance.agent_starts += 1;
            self.agent_wakes(id, true);
        }
    }

    /// `systemctl stop codedeploy-agent`: both generations refuse amid a lifecycle event `[src]` deployments.md §3.4.
    pub(crate) fn stop_agent(&mut self, id: &str) -> Outcome {
        let Some(instance) = self.state.instances.get(id) else { return Outcome::default() };
        if instance.code_deploy_agent == CodeDeployAgent::Running && self.agent_is_busy(id) {
            let words = match instance.agent_generation {
                AgentGeneration::V1 => "A deployment is already in Progress\n",
                AgentGeneration::V2 => "cannot stop: deployment lifecycle event in progress\n",
            };
            return Outcome { exit: 1, error: words.to_owned(), ..Outcome::default() };
        }
        if instance.code_deploy_agent != CodeDeployAgent::Absent {
            self.set_code_deploy_agent(id, CodeDeployAgent::Stopped);
        }
        Outcome { output: "codedeploy-agent stopped\n".to_owned(), ..Outcome::default() }
    }

    /// The restart document of deployment-recovery, by what its script does: it asks before it stops, ends what does not stop, removes pid
    /// files of the dead, starts, and looks whether the agent stays and polls.
    pub(crate) fn restart_agent(&mut self, id: &str) -> Outcome {
        let busy = self.agent_is_busy(id);
        let Some(instance) = self.state.instances.get(id) else { return Outcome::default() };
        let (agent, trouble, generation) =
            (instance.code_deploy_agent, instance.agent_trouble, instance.agent_generation);
        let before = instance.agent_state();
        let alive = matches!(agent, CodeDeployAgent::Running | CodeDeployAgent::Hung);
        let full = trouble == Some(AgentTrouble::DiskFull);
        let (action, exit, starts) = match agent {
            CodeDeployAgent::Absent => ("not-installed", 2, false),
            _ if alive && busy => ("refused-busy", 0, false),
            // Neither a living one is risked, nor does a dead one start.
            _ if full => ("failed", 1, false),
            _ if alive => ("restarted", 0, true),
            _ => ("started", 0, true),
        };
        if starts {
            if let Some(instance) = self.state.instances.get_mut(id) {
                instance.agent_trouble = trouble.filter(|trouble| *trouble != AgentTrouble::EmptyPidFile);
                // Another process, and a cured hang.
                instance.code_deploy_agent = CodeDeployAgent::Stopped;
            }
            self.set_code_deploy_agent(id, CodeDeployAgent::Running);
        }
        let clock_is_right = trouble != Some(AgentTrouble::ClockSkew);
        let Some(instance) = self.state.instances.get(id) else { return Outcome::default() };
        let polls = starts && instance.agent_polls();
        let mut errors: Vec<&str> = trouble.and_then(AgentTrouble::log).into_iter().collect();
        if full {
            errors.push("the agent cannot write into /opt/codedeploy-agent/state/.pid (disk full?)");
        }
        let absent = agent == CodeDeployAgent::Absent;
        let report = json!({
            "schema": 1,
            "agent": if absent { "absent" } else { generation.word() },
            "version": (!absent).then(|| generation.version()),
            "before": before,
            "after": instance.agent_state(),
            "action": action,
            "polls": polls,
            "held_seconds": if starts { HELD.as_secs() } else { 0 },
            "disk_percent": if full { 100 } else { 31 },
            "memory_free_mb": 412,
            "clock": if clock_is_right { "synchronised" } else { "not synchronised" },
            "errors": errors,
        });
        let holds = match (starts, polls, generation) {
            (false, ..) => Span::secs(0, 1),
            // It waits for a poll that does not come.
            (true, false, _) => Span::secs(80, 82),
            // 1.8 logs a poll when its long poll of a minute has ended `[src]`.
            (true, true, AgentGeneration::V1) => Span::secs(60, 66),
            (true, true, AgentGeneration::V2) => Span::secs(20, 22),
        };
        Outcome { exit, output: format!("{report}\n"), error: String::new(), holds }
    }
}

/// So long the document watches what it has started.
const HELD: Duration = Duration::from_secs(20);

impl Instance {
    /// What `systemctl is-active` says, and the main process.
    fn agent_state(&self) -> Value {
        let alive = matches!(self.code_deploy_agent, CodeDeployAgent::Running | CodeDeployAgent::Hung);
        // "active (exited)" of a dead 1.8 with an empty pid file (aws-codedeploy-agent 228).
        let exited = self.agent_trouble == Some(AgentTrouble::EmptyPidFile)
            && self.agent_generation == AgentGeneration::V1
            && self.code_deploy_agent == CodeDeployAgent::Stopped;
        let pid = alive.then(|| 2_700 + 131 * self.agent_starts);
        json!({"active": if alive || exited { "active" } else { "inactive" }, "pid": pid})
    }
}
