//! When does a group notice that a member is ill? `[doc]` EC2 Auto Scaling user guide, ec2-auto-scaling-health-checks.

use std::time::Duration;

use jiff::Timestamp;

use super::group::Replacement;
use super::member::{Complaint, Health, Lifecycle};
use crate::ec2::instance::InstanceState;
use crate::journal::Kind;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{World, later};

impl World {
    /// The next look at EC2 states after now, in the group's own phase.
    fn next_look(&self, phase: Duration) -> Timestamp {
        let period = i64::try_from(self.timing.health_period.as_millis()).unwrap_or(60_000).max(1);
        let phase = i64::try_from(phase.as_millis()).unwrap_or(0);
        let since = (self.now.as_millisecond() - phase).rem_euclid(period);
        later(self.now, Duration::from_millis(u64::try_from(period - since).unwrap_or(0)))
    }

    /// EC2 state is no longer `running`. Auto Scaling "immediately marks" such a member once it sees it `[doc]`, but it looks
    /// periodically and acts late `[obs]`.
    pub(crate) fn member_no_longer_runs(&mut self, instance: &str) {
        let Some(name) = self.state.group_of(instance).map(str::to_owned) else { return };
        let Some(group) = self.state.groups.get(&name) else { return };
        let phase = group.health_phase;
        let expected = group.members.get(instance).is_none_or(|member| {
            member.lifecycle.is_terminating() || matches!(member.lifecycle, Lifecycle::Stopped | Lifecycle::Hibernated)
        });
        let dead = self.state.instances.get(instance).is_none_or(|i| i.state.is_dead());
        if expected && !(dead && group.members.get(instance).is_some_and(|m| m.warm && !m.lifecycle.is_terminating())) {
            return;
        }
        let look = self.next_look(phase);
        let at = later(look, self.timing.health_notice.draw(&mut self.rng));
        self.queue.push(at, Due::HealthNotice { group: name, instance: instance.to_owned() });
    }

    pub(crate) fn on_health_notice(&mut self, group: &str, instance: &str) {
        let running = self
            .state
            .instances
            .get(instance)
            .is_some_and(|i| matches!(i.state, InstanceState::Running | InstanceState::Pending));
        if running {
            return;
        }
        self.find_unhealthy(group, instance, Complaint::NotRunning);
    }

    /// "EC2 Auto Scaling waits a few minutes" for a failing status check to pass, and for the grace period to end `[doc]`.
    pub(crate) fn on_unhealthy_by_checks(&mut self, instance: &str, check_epoch: u32) {
        let failing = self.state.instances.get(instance).is_some_and(|i| i.failing && i.check_epoch == check_epoch);
        let Some(name) = self.state.group_of(instance).map(str::to_owned).filter(|_| failing) else { return };
        let Some(group) = self.state.groups.get(&name) else { return };
        let grace = Duration::from_secs(u64::from(group.grace_seconds));
        let in_service = group.members.get(instance).and_then(|member| member.in_service);
        let graced = in_service.map(|since| later(since, grace)).filter(|until| *until > self.now);
        if let Some(until) = graced {
            self.queue.push(until, Due::UnhealthyByChecks { instance: instance.to_owned(), check_epoch });
            return;
        }
        self.find_unhealthy(&name, instance, Complaint::Checks);
    }

    /// EC2's findings count unless `HealthCheck` is suspended or the member is in standby or leaving.
    fn find_unhealthy(&mut self, group: &str, instance: &str, complaint: Complaint) {
        if self.state.groups.get(group).is_none_or(|group| group.is_suspended("HealthCheck")) {
            return;
        }
        let Some(member) = self.member(group, instance) else { return };
        if member.lifecycle.is_terminating()
            || matches!(member.lifecycle, Lifecycle::Standby | Lifecycle::EnteringStandby | Lifecycle::Detaching)
        {
            return;
        }
        self.mark(group, instance, Health::Unhealthy, Some(complaint));
    }

    fn mark(&mut self, group: &str, instance: &str, health: Health, complaint: Option<Complaint>) {
        let Some(member) = self.member_mut(group, instance) else { return };
        // A member that EC2 knows to be dead stays that, whoever says more.
        if complaint.is_none() || member.complaint != Some(Complaint::NotRunning) {
            member.complaint = complaint;
        }
        if std::mem::replace(&mut member.health, health) != health {
            self.record(Kind::Health { group: group.to_owned(), instance: instance.to_owned(), health });
        }
        self.wake(group, self.timing.reaction);
    }

    /// After `HealthCheck` is resumed: what was missed meanwhile is seen at the next look.
    pub(crate) fn look_again(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        let ids: Vec<String> = group.members.keys().cloned().collect();
        for id in ids {
            let seen = self.state.instances.get(&id).map(|i| (i.state, i.failing, i.check_epoch));
            match seen {
                Some((InstanceState::Running | InstanceState::Pending, true, check_epoch)) => {
                    let due = Due::UnhealthyByChecks { instance: id, check_epoch };
                    self.after(self.timing.impaired_to_unhealthy, due);
                }
                Some((InstanceState::Running | InstanceState::Pending, false, _)) => {}
                _ => self.member_no_longer_runs(&id),
            }
        }
    }

    /// `SetInstanceHealth`: the custom health check. Unhealthy is acted on at once; by default the grace period is respected.
    /// On a member that is shutting down it cuts the detection `[infer]`.
    pub(crate) fn set_health(&mut self, instance: &str, health: Health, respect_grace: bool) -> Result<(), ApiError> {
        let name = self.state.group_of(instance).map(str::to_owned).ok_or_else(|| unmanaged(instance))?;
        let Some(group) = self.state.groups.get(&name) else { return Ok(()) };
        let Some(member) = group.members.get(instance) else { return Ok(()) };
        let grace = Duration::from_secs(u64::from(group.grace_seconds));
        let graced = member.in_service.is_some_and(|since| later(since, grace) > self.now);
        if member.lifecycle.is_terminating() || (health == Health::Unhealthy && respect_grace && graced) {
            return Ok(());
        }
        let complaint = (health == Health::Unhealthy).then_some(Complaint::Person);
        self.mark(&name, instance, health, complaint);
        if health == Health::Healthy {
            // Whoever says so of what is not running: the next look finds it again.
            self.look_again(&name);
        }
        Ok(())
    }

    /// Rebalance recommendation on a group with Capacity Rebalancing: launch first, then terminate `[doc]`.
    pub(crate) fn member_is_at_risk(&mut self, instance: &str) {
        let Some(name) = self.state.group_of(instance).map(str::to_owned) else { return };
        let Some(group) = self.state.groups.get_mut(&name) else { return };
        if !group.capacity_rebalance || group.replacements.iter().any(|replacement| replacement.old == instance) {
            return;
        }
        let cause = "an instance was taken out of service in response to an EC2 instance rebalance recommendation.";
        group.replacements.push(Replacement { old: instance.to_owned(), new: None, cause });
        self.wake(&name, self.timing.reaction);
    }
}

/// `[obs]` yaybu 51
pub(crate) fn unmanaged(instance: &str) -> ApiError {
    let message = format!("Instance Id not found - No managed instance found for instance ID: {instance}");
    ApiError::bad("ValidationError", message)
}
