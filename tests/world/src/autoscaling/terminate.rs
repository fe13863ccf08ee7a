//! How does a member leave? `Terminating`, its hooks, EC2's termination, gone.

use super::activity::Subject;
use super::member::{Complaint, Lifecycle, Transition};
use crate::ec2::instance::InstanceState;
use crate::event::seconds;
use crate::journal::Kind;
use crate::queue::Due;
use crate::world::World;

impl World {
    /// Auto Scaling begins to terminate a member; with `hooks` its terminate hooks are asked first, even of an instance that
    /// is dead already (`[obs]` terraform-aws-gitlab-runner 1117: terminated in EC2, yet `Terminating:Wait`).
    pub(crate) fn begin_terminate(&mut self, group: &str, instance: &str, cause: &str, hooks: bool) {
        let Some(member) = self.member_mut(group, instance) else { return };
        if member.lifecycle.is_terminating() {
            return;
        }
        member.waiting.clear();
        let unfinished = member.activity.take();
        if let Some(activity) = unfinished {
            let message = "Instance failed before it was in service.";
            self.close_activity(group, &activity, "Cancelled", message, "EC2 Instance Launch Unsuccessful");
        }
        let (zone, subnet) =
            self.state.instances.get(instance).map(|i| (i.zone.clone(), i.subnet.clone())).unwrap_or_default();
        let cause = format!("At {} {cause}", seconds(self.now));
        let description = format!("Terminating EC2 instance: {instance}");
        let subject = Subject { instance, zone: &zone, subnet: &subnet };
        let activity = self.open_activity(group, description, cause, subject);
        if let Some(member) = self.member_mut(group, instance) {
            member.activity = Some(activity);
        }
        self.lifecycle(group, instance, Lifecycle::Terminating);
        let due = Due::TerminateHooks { group: group.to_owned(), instance: instance.to_owned() };
        if hooks {
            self.after(self.timing.terminate_hook, due);
        } else {
            self.proceed(group, instance, Lifecycle::TerminatingProceed);
        }
        self.wake(group, self.timing.reaction);
    }

    pub(crate) fn on_terminate_hooks(&mut self, group: &str, instance: &str) {
        if self.member(group, instance).is_none_or(|member| member.lifecycle != Lifecycle::Terminating) {
            return;
        }
        if self.begin_waiting(group, instance, Transition::Terminating) {
            self.lifecycle(group, instance, Lifecycle::TerminatingWait);
        } else {
            self.proceed(group, instance, Lifecycle::TerminatingProceed);
        }
    }

    pub(crate) fn proceed(&mut self, group: &str, instance: &str, lifecycle: Lifecycle) {
        self.lifecycle(group, instance, lifecycle);
        let due = Due::Proceeded { group: group.to_owned(), instance: instance.to_owned() };
        self.after(self.timing.proceed, due);
    }

    pub(crate) fn on_proceeded(&mut self, group: &str, instance: &str) {
        match self.member(group, instance).map(|member| member.lifecycle) {
            Some(Lifecycle::PendingProceed) => self.try_enter_service(group, instance),
            Some(Lifecycle::TerminatingProceed) => match self.state.instances.get(instance).map(|i| i.state) {
                Some(InstanceState::Terminated) | None => self.soon_gone(group, instance),
                // To EC2 the group is a user like any other: of groups, no reason tells `[doc]` API_StateReason.
                Some(_) => self.shut_down(instance, "Client.UserInitiatedShutdown", true),
            },
            _ => {}
        }
    }

    /// EC2 says `terminated`.
    pub(crate) fn member_is_terminated(&mut self, instance: &str) {
        let Some(group) = self.state.group_of(instance).map(str::to_owned) else { return };
        if self.member(&group, instance).is_some_and(|m| m.lifecycle == Lifecycle::TerminatingProceed) {
            self.soon_gone(&group, instance);
        }
    }

    fn soon_gone(&mut self, group: &str, instance: &str) {
        let due = Due::Gone { group: group.to_owned(), instance: instance.to_owned() };
        self.after(self.timing.terminate_success, due);
    }

    pub(crate) fn on_gone(&mut self, name: &str, instance: &str) {
        let Some(group) = self.state.groups.get_mut(name) else { return };
        let Some(member) = group.members.remove(instance) else { return };
        self.record(Kind::Left { group: name.to_owned(), instance: instance.to_owned() });
        if let Some(activity) = member.activity {
            self.close_activity(name, &activity, "Successful", "", "EC2 Instance Terminate Successful");
        }
        self.wake(name, self.timing.reaction);
    }

    /// The words of a cause, as seen in activities.
    pub(crate) const fn complaint_words(complaint: Option<Complaint>) -> &'static str {
        match complaint {
            Some(Complaint::NotRunning) => {
                "an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped."
            }
            Some(Complaint::Checks) => {
                "an instance was taken out of service in response to an EC2 instance status checks failure."
            }
            _ => "an instance was taken out of service in response to a user health-check.",
        }
    }
}
