//! How does a command reach its instances, and what comes of it? `[doc]` Systems Manager user guide, monitor-commands.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Ping;
use crate::event::{instance_arn, millis};
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, World, later};

/// So many commands are kept; AWS keeps them thirty days `[doc]`.
const KEPT: usize = 200;
/// A document's `executionTimeout` where it says nothing `[doc]`.
const EXECUTION: Duration = Duration::from_hours(1);

/// Status of a command on one instance, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum InvocationStatus {
    Pending,
    InProgress,
    Success,
    Failed,
    DeliveryTimedOut,
    ExecutionTimedOut,
    Undeliverable,
    Cancelled,
}

impl InvocationStatus {
    /// AWS's word for `Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            // The details alone say that nobody was there `[doc]`.
            Self::Failed | Self::Undeliverable => "Failed",
            Self::DeliveryTimedOut | Self::ExecutionTimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
        }
    }

    /// AWS's words for `StatusDetails`. The guide writes them with blanks ("Delivery Timed Out"), the API without `[obs]`.
    #[must_use]
    pub const fn details(self) -> &'static str {
        match self {
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::Undeliverable => "Undeliverable",
            other => other.as_str(),
        }
    }

    /// Whether nothing more comes.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

/// A command on one instance.
#[derive(Debug, Clone, Serialize)]
pub struct Invocation {
    /// Its status.
    pub status: InvocationStatus,
    /// When it reached the agent.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Exit status; -1 while there is none `[doc]`.
    pub exit: i64,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
}

/// A command.
#[derive(Debug, Clone, Serialize)]
pub struct Command {
    /// Its id.
    pub id: String,
    /// The document.
    pub document: String,
    /// As they came.
    pub parameters: Value,
    /// As it came.
    pub comment: String,
    /// When it was sent.
    pub requested: Timestamp,
    /// When what is not delivered by then, and executed, is given up.
    pub expires: Timestamp,
    /// Seconds until delivery is given up.
    pub delivery_seconds: u32,
    /// From when on reads find its invocations.
    #[serde(skip)]
    pub(crate) visible: Timestamp,
    /// By instance.
    pub invocations: BTreeMap<String, Invocation>,
}

impl Command {
    /// The status of all invocations together `[doc]`.
    #[must_use]
    pub fn status(&self) -> &'static str {
        let all: Vec<InvocationStatus> = self.invocations.values().map(|invocation| invocation.status).collect();
        let any = |wanted: &str| all.iter().any(|status| status.as_str() == wanted);
        if all.iter().all(|status| *status == InvocationStatus::Pending) && !all.is_empty() {
            return "Pending";
        }
        if all.iter().any(|status| !status.is_over()) {
            return "InProgress";
        }
        ["Failed", "TimedOut", "Cancelled"].into_iter().find(|word| any(word)).unwrap_or("Success")
    }
}

/// What `SendCommand` asks for.
pub(crate) struct Order<'a> {
    pub(crate) document: &'a str,
    pub(crate) instances: Vec<String>,
    pub(crate) parameters: Value,
    pub(crate) comment: &'a str,
    pub(crate) delivery_seconds: u32,
}

impl World {
    /// `SendCommand`. An instance that Systems Manager does not know, or that does not run, fails the whole call `[doc]`; one whose
    /// agent is silent is waited for.
    pub(crate) fn send_command(&mut self, order: Order<'_>) -> Result<String, ApiError> {
        let name = order.document.rsplit('/').next().unwrap_or(order.document);
        if !self.state.ssm.documents.contains_key(name) {
            return Err(ApiError::bad("InvalidDocument", format!("Document with name {name} does not exist.")));
        }
        let known = |id: &String| {
            let instance = self.state.instances.get(id);
            instance.is_some_and(|i| i.state == crate::InstanceState::Running && i.ping(self.now).is_some())
        };
        let unknown: Vec<&str> = order.instances.iter().filter(|id| !known(id)).map(String::as_str).collect();
        if !unknown.is_empty() {
            // `[obs]`
            let message = format!("Instances [[{}]] not in a valid state for account {ACCOUNT}", unknown.join(", "));
            return Err(ApiError::bad("InvalidInstanceId", message));
        }
        let id = self.ids.uuid();
        let delivery = Duration::from_secs(u64::from(order.delivery_seconds));
        let invocation = Invocation {
            status: InvocationStatus::Pending,
            started: None,
            ended: None,
            exit: -1,
            output: String::new(),
            error: String::new(),
        };
        let command = Command {
            id: id.clone(),
            document: name.to_owned(),
            parameters: order.parameters,
            comment: order.comment.to_owned(),
            requested: self.now,
            expires: later(self.now, delivery + EXECUTION),
            delivery_seconds: order.delivery_seconds,
            visible: later(self.now, self.timing.command_visible.draw(&mut self.side_rng)),
            invocations: order.instances.iter().map(|id| (id.clone(), invocation.clone())).collect(),
        };
        let expiry = later(self.now, delivery);
        let ssm = self.ssm_mut();
        ssm.commands.insert(id.clone(), command);
        ssm.order.push_back(id.clone());
        if ssm.order.len() > KEPT
            && let Some(oldest) = ssm.order.pop_front()
        {
            ssm.commands.remove(&oldest);
        }
        for instance in order.instances {
            let due = Due::CommandDelivered { command: id.clone(), instance: instance.clone() };
            self.aside(self.timing.command_delivery, due);
            self.queue.push(expiry, Due::CommandExpired { command: id.clone(), instance });
        }
        Ok(id)
    }

    fn invocation(&self, command: &str, instance: &str) -> Option<&Invocation> {
        self.state.ssm.commands.get(command)?.invocations.get(instance)
    }

    pub(crate) fn on_command_delivered(&mut self, command: &str, instance: &str) {
        if self.invocation(command, instance).is_none_or(|known| known.status != InvocationStatus::Pending) {
            return;
        }
        let now = self.now;
        let found = self.state.instances.get(instance).filter(|found| !found.state.is_dead());
        let Some(found) = found else {
            self.move_invocation(command, instance, InvocationStatus::Undeliverable);
            return;
        };
        let (command, instance) = (command.to_owned(), instance.to_owned());
        if found.ping(now) != Some(Ping::Online) {
            self.queue.push(later(now, self.timing.command_poll), Due::CommandDelivered { command, instance });
            return;
        }
        let epoch = found.epoch;
        self.move_invocation(&command, &instance, InvocationStatus::InProgress);
        let due = Due::CommandExpired { command: command.clone(), instance: instance.clone() };
        self.queue.push(later(now, EXECUTION), due);
        self.aside(self.timing.command_run, Due::CommandDone { command, instance, epoch });
    }

    /// A machine that died or booted meanwhile never reports.
    pub(crate) fn on_command_done(&mut self, command: &str, instance: &str, epoch: u32) {
        let reports = self.state.instances.get(instance).is_some_and(|i| i.epoch == epoch && !i.failing);
        let known = self.state.ssm.commands.get(command).and_then(|c| self.state.ssm.documents.get(&c.document));
        let Some(effect) = known.map(|document| document.effect).filter(|_| reports) else { return };
        if self.invocation(command, instance).is_none_or(|known| known.status != InvocationStatus::InProgress) {
            return;
        }
        let (exit, output, error) = self.run_document(effect, instance);
        if let Some(known) = self.invocation_mut(command, instance) {
            known.exit = exit;
            output.clone_into(&mut known.output);
            error.clone_into(&mut known.error);
        }
        let status = if exit == 0 { InvocationStatus::Success } else { InvocationStatus::Failed };
        self.move_invocation(command, instance, status);
    }

    /// The delivery's time, or the execution's, is over.
    pub(crate) fn on_command_expired(&mut self, command: &str, instance: &str) {
        let Some(known) = self.invocation(command, instance) else { return };
        let overdue = known.started.is_some_and(|since| later(since, EXECUTION) <= self.now);
        match known.status {
            InvocationStatus::Pending => {
                self.move_invocation(command, instance, InvocationStatus::DeliveryTimedOut);
            }
            InvocationStatus::InProgress if overdue => {
                self.move_invocation(command, instance, InvocationStatus::ExecutionTimedOut);
            }
            _ => {}
        }
    }

    fn invocation_mut(&mut self, command: &str, instance: &str) -> Option<&mut Invocation> {
        self.ssm_mut().commands.get_mut(command)?.invocations.get_mut(instance)
    }

    fn move_invocation(&mut self, command: &str, instance: &str, status: InvocationStatus) {
        let now = self.now;
        let Some(known) = self.invocation_mut(command, instance) else { return };
        known.status = status;
        if status == InvocationStatus::InProgress {
            known.started = Some(now);
        }
        if status.is_over() {
            known.ended = Some(now);
        }
        self.announce_invocation(command, instance, status);
    }

    fn announce_invocation(&mut self, id: &str, instance: &str, status: InvocationStatus) {
        let Some(command) = self.state.ssm.commands.get(id) else { return };
        let arn = [instance_arn(instance)];
        let one = json!({
            "command-id": id,
            "document-name": command.document,
            "instance-id": instance,
            "requested-date-time": millis(command.requested),
            "status": status.as_str(),
        });
        let over = command.invocations.values().all(|invocation| invocation.status.is_over());
        let all = json!({
            "command-id": id,
            "document-name": command.document,
            "expire-after": millis(command.expires),
            "parameters": command.parameters,
            "requested-date-time": millis(command.requested),
            "status": command.status(),
        });
        self.emit("aws.ssm", "EC2 Command Invocation Status-change Notification", &arn, &one, instance);
        if over {
            self.emit("aws.ssm", "EC2 Command Status-change Notification", &arn, &all, id);
        }
    }

    /// Ground truth: commands, the oldest first.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.state.ssm.order.iter().filter_map(|id| self.state.ssm.commands.get(id))
    }
}
