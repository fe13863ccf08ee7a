//! How does a command reach its instances, and what comes of it? `[doc]` Systems Manager user guide, monitor-commands.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::Ping;
use super::document::Outcome;
pub use super::invocation::{Invocation, InvocationStatus};
use crate::event::{instance_arn, millis};
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, World, later};

/// So many commands are kept; AWS keeps them thirty days `[doc]`.
const KEPT: usize = 200;
/// A document's `executionTimeout` where it says nothing `[doc]`.
const EXECUTION: Duration = Duration::from_hours(1);

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
    /// How long it may run: the document's `executionTimeout`.
    pub execution: Duration,
    /// `MaxConcurrency`, as it came.
    pub concurrency: String,
    /// `MaxErrors`, as it came.
    pub errors: String,
    /// Instances to which it has not been sent yet.
    #[serde(skip)]
    pub(crate) unsent: VecDeque<String>,
    /// From when on reads find its invocations.
    #[serde(skip)]
    pub(crate) visible: Timestamp,
    /// By instance.
    pub invocations: BTreeMap<String, Invocation>,
}

impl Command {
    /// The status of all invocations together, and its details `[doc]` monitor-commands.
    #[must_use]
    pub fn status(&self) -> (&'static str, &'static str) {
        use InvocationStatus::{Cancelled, DeliveryTimedOut, Pending, Success};
        let all = || self.invocations.values().map(|invocation| invocation.status);
        let every = |wanted: InvocationStatus| all().all(|status| status == wanted);
        if every(Pending) && !self.invocations.is_empty() {
            ("Pending", "Pending")
        } else if all().any(|status| !status.is_over()) {
            ("InProgress", "InProgress")
        } else if every(Success) {
            ("Success", "Success")
        } else if self.has_too_many_errors() {
            ("Failed", "Failed")
        } else if every(Cancelled) {
            ("Cancelled", "Cancelled")
        } else if all().any(|status| status == DeliveryTimedOut) {
            ("TimedOut", "DeliveryTimedOut")
        } else {
            // "Not enough invocations failed for the status to be Failed" `[doc]`; its status `[infer]`.
            ("Failed", "Incomplete")
        }
    }

    fn has_too_many_errors(&self) -> bool {
        let errors = self.invocations.values().filter(|invocation| invocation.status.is_error()).count();
        errors > share(&self.errors, self.invocations.len()).unwrap_or(0)
    }
}

/// A number, or a part of all as `10%`.
pub(crate) fn share(text: &str, all: usize) -> Option<usize> {
    match text.strip_suffix('%') {
        Some(percent) => {
            percent.parse::<usize>().ok().filter(|percent| *percent <= 100).map(|p| (all * p).div_ceil(100))
        }
        None => text.parse().ok(),
    }
}

/// What `SendCommand` asks for.
pub(crate) struct Order<'a> {
    pub(crate) document: &'a str,
    pub(crate) instances: Vec<String>,
    pub(crate) parameters: Value,
    pub(crate) comment: &'a str,
    pub(crate) delivery_seconds: u32,
    pub(crate) execution: Option<Duration>,
    pub(crate) concurrency: &'a str,
    pub(crate) errors: &'a str,
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
        let execution = order.execution.unwrap_or(EXECUTION);
        let at_once = share(order.concurrency, order.instances.len()).unwrap_or(1).max(1);
        let unsent = order.instances.iter().skip(at_once).cloned().collect();
        let command = Command {
            id: id.clone(),
            document: name.to_owned(),
            parameters: order.parameters,
            comment: order.comment.to_owned(),
            requested: self.now,
            expires: later(self.now, delivery + execution),
            delivery_seconds: order.delivery_seconds,
            execution,
            concurrency: order.concurrency.to_owned(),
            errors: order.errors.to_owned(),
            unsent,
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
        for (index, instance) in order.instances.into_iter().enumerate() {
            if index < at_once {
                let due = Due::CommandDelivered { command: id.clone(), instance: instance.clone() };
                self.aside(self.timing.command_delivery, due);
            }
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
        let execution = self.state.ssm.commands.get(&command).map_or(EXECUTION, |command| command.execution);
        self.queue.push(later(now, execution), due);
        self.aside(self.timing.command_run, Due::CommandDone { command, instance, epoch });
    }

    /// Whether a command is at work on an instance that will report of it: a machine that died or booted meanwhile never does.
    fn is_at_work(&self, command: &str, instance: &str, epoch: u32) -> bool {
        let reports = self.state.instances.get(instance).is_some_and(|i| i.epoch == epoch && !i.failing);
        reports && self.invocation(command, instance).is_some_and(|known| known.status == InvocationStatus::InProgress)
    }

    pub(crate) fn on_command_done(&mut self, command: &str, instance: &str, epoch: u32) {
        if !self.is_at_work(command, instance, epoch) {
            return;
        }
        let known = self.state.ssm.commands.get(command).and_then(|c| self.state.ssm.documents.get(&c.document));
        let Some(effect) = known.map(|document| document.effect) else { return };
        let Some(outcome) = self.run_document(effect, instance) else { return };
        let at = later(self.now, outcome.holds.draw(&mut self.side_rng));
        if at == self.now {
            return self.on_command_reports(command, instance, epoch, outcome);
        }
        let (command, instance, report) = (command.to_owned(), instance.to_owned(), Box::new(outcome));
        self.queue.push(at, Due::CommandReports { command, instance, epoch, report });
    }

    pub(crate) fn on_command_reports(&mut self, command: &str, instance: &str, epoch: u32, outcome: Outcome) {
        if !self.is_at_work(command, instance, epoch) {
            return;
        }
        let status = if outcome.exit == 0 { InvocationStatus::Success } else { InvocationStatus::Failed };
        if let Some(known) = self.invocation_mut(command, instance) {
            known.exit = outcome.exit;
            known.output = outcome.output;
            known.error = outcome.error;
        }
        self.move_invocation(command, instance, status);
    }

    /// The delivery's time, or the execution's, is over.
    pub(crate) fn on_command_expired(&mut self, command: &str, instance: &str) {
        let Some(known) = self.invocation(command, instance) else { return };
        let execution = self.state.ssm.commands.get(command).map_or(EXECUTION, |command| command.execution);
        let overdue = known.started.is_some_and(|since| later(since, execution) <= self.now);
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
        if status.is_over() {
            self.send_on(command);
        }
    }

    /// One instance is through: another's turn, unless too many went wrong `[doc]` send-commands-velocity.
    fn send_on(&mut self, id: &str) {
        let Some(command) = self.state.ssm.commands.get(id).filter(|command| !command.unsent.is_empty()) else {
            return;
        };
        let stops = command.has_too_many_errors();
        let Some(command) = self.ssm_mut().commands.get_mut(id) else { return };
        if stops {
            for instance in std::mem::take(&mut command.unsent) {
                self.move_invocation(id, &instance, InvocationStatus::Terminated);
            }
        } else if let Some(instance) = command.unsent.pop_front() {
            self.aside(self.timing.command_delivery, Due::CommandDelivered { command: id.to_owned(), instance });
        }
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
            "status": command.status().0,
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
