//! What did the restart document find, and does the agent live again?
//!
//! The document prints one line of JSON; this is the contract with it. `polls` is what the agent's log says after the restart, its last word
//! on the matter; `errors` are lines of that log from after the restart, or, where there are none, from before it: why it was dead.
//!
//! ```json
//! {"schema":1,"agent":"v1","version":"1.8.1","before":{"active":"failed","pid":null},"after":{"active":"active","pid":4711},
//!  "action":"restarted","polls":true,"held_seconds":20,"disk_percent":41,"memory_free_mb":512,"clock":"2026-05-07T13:25:00Z","errors":[]}
//! ```

use serde::Serialize;
use serde_json::Value;

use super::{Cure, Facts, Redacted};
use crate::event::text;

/// What the restart document found on an instance. Every member may be missing; what is missing proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AgentReport {
    /// `v1` (Ruby), `v2` (Rust) or `absent`.
    pub agent: Option<String>,
    /// The agent's version.
    pub version: Option<String>,
    /// The unit before: `active`, `inactive`, `failed` or `unknown`.
    pub before: Option<String>,
    /// The unit after.
    pub after: Option<String>,
    /// The agent's process after.
    pub pid: Option<u64>,
    /// What was done.
    pub action: Option<AgentAction>,
    /// Whether the agent asked CodeDeploy for work since, without an error.
    pub polls: bool,
    /// How long the agent was watched, in seconds.
    pub held_seconds: Option<u64>,
    /// How full the disk is.
    pub disk_percent: Option<u64>,
    /// How much memory is free.
    pub memory_free_mb: Option<u64>,
    /// What the instance thinks is the time.
    pub clock: Option<String>,
    /// Errors in the agent's log, the last ones: since the restart, or from before it where there are none since.
    pub errors: Vec<Redacted>,
}

/// What the restart document did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentAction {
    /// The agent ran, and was restarted.
    Restarted,
    /// The agent did not run, and was started.
    Started,
    /// A lifecycle event is in progress: the agent was left alone.
    RefusedBusy,
    /// There is no agent.
    NotInstalled,
    /// The service manager refused.
    Failed,
    /// The agent did not stop in time.
    TimedOut,
    /// Something newer than this code.
    #[serde(untagged)]
    Other(String),
}

/// What a report proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentVerdict {
    /// The agent asks CodeDeploy for work again: the only cure that counts.
    Polls,
    /// A lifecycle event is in progress; try again later.
    Busy,
    /// Not cured.
    Troubled(AgentTrouble),
}

/// Why an agent is not cured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentTrouble {
    /// There is no agent on the instance.
    NotInstalled,
    /// AWS refuses the agent.
    AccessDenied,
    /// The instance has no credentials.
    NoCredentials,
    /// The clock is wrong.
    ClockSkew,
    /// No way out to CodeDeploy.
    NoNetwork,
    /// The disk is full.
    DiskFull,
    /// The agent did not stop, or stays busy for ever.
    Stuck,
    /// The agent was started and does not poll, and nobody knows why.
    DoesNotPoll,
    /// Systems Manager took the command and nothing came back.
    NoAnswer,
    /// Systems Manager did not take the command: nobody has touched the instance.
    NotSent,
    /// Systems Manager reached the instance once, and does not any more.
    ConnectionLost,
    /// Systems Manager never heard of the instance.
    Unmanaged,
    /// The instance carries no fleet's tag.
    Untagged,
}

/// What log errors prove, in the order of asking.
const SAYS: [(&str, AgentTrouble); 15] = [
    ("missing credentials", AgentTrouble::NoCredentials),
    ("unable to load credentials", AgentTrouble::NoCredentials),
    ("no credentials", AgentTrouble::NoCredentials),
    ("signature expired", AgentTrouble::ClockSkew),
    ("invalidsignatureexception", AgentTrouble::ClockSkew),
    ("signature not yet current", AgentTrouble::ClockSkew),
    ("accessdenied", AgentTrouble::AccessDenied),
    ("access denied", AgentTrouble::AccessDenied),
    ("unrecognizedclient", AgentTrouble::AccessDenied),
    ("not authorized", AgentTrouble::AccessDenied),
    ("no space left on device", AgentTrouble::DiskFull),
    ("disk full", AgentTrouble::DiskFull),
    ("cannot reach instanceservice", AgentTrouble::NoNetwork),
    ("unable to connect", AgentTrouble::NoNetwork),
    ("failed to open tcp connection", AgentTrouble::NoNetwork),
];

impl AgentReport {
    /// Finds the report in what the document printed: its last line that is one, whatever stands around it.
    #[must_use]
    pub fn find(stdout: &str) -> Option<Self> {
        stdout.lines().rev().find_map(|line| {
            let (start, end) = (line.find('{')?, line.rfind('}')?);
            let marked = line.find("{\"schema\"").unwrap_or(start);
            let read = |from: usize| line.get(from..=end).and_then(|text| serde_json::from_str::<Value>(text).ok());
            let value = read(start).or_else(|| read(marked))?;
            let ours = value.get("schema").is_some() || (value.get("agent").is_some() && value.get("polls").is_some());
            ours.then(|| Self::of(&value))
        })
    }

    fn of(value: &Value) -> Self {
        let owned = |member| text(value, member).map(str::to_owned);
        let unit = |side: &str| value.get(side).and_then(|side| text(side, "active")).map(str::to_owned);
        let number = |member: &str| value.get(member).and_then(Value::as_u64);
        Self {
            agent: owned("agent"),
            version: owned("version"),
            before: unit("before"),
            after: unit("after"),
            pid: value.get("after").and_then(|after| after.get("pid")).and_then(Value::as_u64),
            action: text(value, "action").map(AgentAction::from),
            polls: value.get("polls") == Some(&Value::Bool(true)),
            held_seconds: number("held_seconds"),
            disk_percent: number("disk_percent"),
            memory_free_mb: number("memory_free_mb"),
            clock: owned("clock"),
            errors: value
                .get("errors")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Redacted::line)
                .collect(),
        }
    }

    /// What it proves. Only an agent that polls is cured, and then whatever its log said before is over; what is not said proves nothing.
    #[must_use]
    pub fn verdict(&self) -> AgentVerdict {
        let absent = self.agent.as_deref() == Some("absent");
        match &self.action {
            Some(AgentAction::NotInstalled) => return AgentVerdict::Troubled(AgentTrouble::NotInstalled),
            _ if absent => return AgentVerdict::Troubled(AgentTrouble::NotInstalled),
            Some(AgentAction::RefusedBusy) => return AgentVerdict::Busy,
            _ => {}
        }
        if self.polls && matches!(self.action, Some(AgentAction::Restarted | AgentAction::Started)) {
            return AgentVerdict::Polls;
        }
        let errors: Vec<String> = self.errors.iter().map(|error| error.as_str().to_lowercase()).collect();
        let said = SAYS.iter().find(|(text, _)| errors.iter().any(|error| error.contains(text)));
        let full = self.disk_percent.is_some_and(|percent| percent >= 100);
        AgentVerdict::Troubled(match (said, &self.action) {
            (Some((_, trouble)), _) => *trouble,
            (None, _) if full => AgentTrouble::DiskFull,
            (None, Some(AgentAction::TimedOut)) => AgentTrouble::Stuck,
            (None, _) => AgentTrouble::DoesNotPoll,
        })
    }
}

impl From<&str> for AgentAction {
    fn from(name: &str) -> Self {
        match name {
            "restarted" => Self::Restarted,
            "started" => Self::Started,
            "refused-busy" => Self::RefusedBusy,
            "not-installed" => Self::NotInstalled,
            "failed" => Self::Failed,
            "timed-out" => Self::TimedOut,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl AgentTrouble {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::NotInstalled,
        Self::AccessDenied,
        Self::NoCredentials,
        Self::ClockSkew,
        Self::NoNetwork,
        Self::DiskFull,
        Self::Stuck,
        Self::DoesNotPoll,
        Self::NoAnswer,
        Self::NotSent,
        Self::ConnectionLost,
        Self::Unmanaged,
        Self::Untagged,
    ];

    /// The code that a machine counts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NotInstalled => "agent-not-installed",
            Self::AccessDenied => "agent-access-denied",
            Self::NoCredentials => "agent-no-credentials",
            Self::ClockSkew => "agent-clock-skew",
            Self::NoNetwork => "agent-no-network",
            Self::DiskFull => "agent-disk-full",
            Self::Stuck => "agent-stuck",
            Self::DoesNotPoll => "agent-does-not-poll",
            Self::NoAnswer => "agent-no-answer",
            Self::NotSent => "restart-not-sent",
            Self::ConnectionLost => "instance-connection-lost",
            Self::Unmanaged => "instance-unmanaged",
            Self::Untagged => "instance-untagged",
        }
    }

    /// Whether a new instance from the same template would be any better. Permissions, network and what is installed come from the template, so
    /// a new instance would have the same trouble; what happened to this instance alone, it would not. What Systems Manager did not take from us
    /// says nothing of any instance.
    #[must_use]
    pub fn ends_with_the_instance(self) -> bool {
        matches!(self, Self::DiskFull | Self::Stuck | Self::DoesNotPoll | Self::NoAnswer | Self::ConnectionLost)
    }

    /// What is known about it.
    #[must_use]
    pub fn facts(self) -> Facts {
        let (meaning, next, page) = match self {
            Self::NotInstalled => (
                "There is no CodeDeploy agent on the instance.",
                "Install it, last of all that an instance does at its start.",
                "codedeploy-agent-operations-install",
            ),
            Self::AccessDenied => (
                "AWS refuses the agent: the instance profile lacks a permission.",
                "Correct the instance profile, then restart the agent: it keeps the credentials that it had.",
                "getting-started-create-iam-instance-profile",
            ),
            Self::NoCredentials => (
                "The agent has no credentials: the instance has no instance profile, or cannot read it.",
                "Attach an instance profile, then restart the agent.",
                "getting-started-create-iam-instance-profile",
            ),
            Self::ClockSkew => (
                "The clock of the instance is wrong, so that AWS refuses the agent's signatures.",
                "Set the clock and keep it right with chrony.",
                "troubleshooting-ec2-instances",
            ),
            Self::NoNetwork => (
                "The agent cannot reach CodeDeploy.",
                "Check the way out to port 443: public address or NAT gateway, endpoints, route table, security group.",
                "troubleshooting-ec2-instances",
            ),
            Self::DiskFull => (
                "The disk of the instance is full.",
                "Make room, or give it a larger volume; then restart the agent.",
                "reference-agent-configuration",
            ),
            Self::Stuck => (
                "The agent could not be stopped: a step of a deployment hangs.",
                "Find the script that still runs on the instance and end it, or replace the instance.",
                "troubleshooting-ec2-instances",
            ),
            Self::DoesNotPoll => (
                "The agent was restarted and still does not ask CodeDeploy for work.",
                "Read the agent's log on the instance, or replace the instance.",
                "codedeploy-agent-operations-verify",
            ),
            Self::NoAnswer => (
                "Systems Manager could not run the restart on the instance.",
                "Look at the command in the console of Systems Manager; if the instance hangs, replace it.",
                "codedeploy-agent-operations-verify",
            ),
            Self::NotSent => (
                "Systems Manager did not take the restart from this function, so that nothing was done on the instance.",
                "Read in the function's log what Systems Manager said: a permission, or too many calls in the account. Then send `recover`.",
                "codedeploy-agent-operations-verify",
            ),
            Self::ConnectionLost => (
                "Systems Manager does not reach the instance any more, so the agent could not be restarted.",
                "Look at the instance's status checks and its way out to port 443; if it hangs, replace it.",
                "codedeploy-agent-operations-verify",
            ),
            Self::Unmanaged => (
                "Systems Manager does not know the instance, so the agent could not be restarted.",
                "Give the instance profile AmazonSSMManagedInstanceCore, and the instance a way out to port 443.",
                "codedeploy-agent-operations-verify",
            ),
            Self::Untagged => (
                "The instance does not carry the tag `lethargic-panda:fleet`, so this function may not restart its agent.",
                "Let the group's tag propagate at launch, and give it to the instances that run already; then send `recover`.",
                "codedeploy-agent-operations-verify",
            ),
        };
        Facts::new(Cure::Configuration, meaning, next, page)
    }
}
