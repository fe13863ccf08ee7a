//! How does a member come into service? Zone, instance, hooks, `InService`.

use super::activity::Subject;
use super::group::{Group, WarmPool};
use super::member::{Health, Lifecycle, Member, Transition};
use crate::ec2::instance::InstanceState;
use crate::event::seconds;
use crate::journal::Kind;
use crate::queue::Due;
use crate::world::{World, later};

impl World {
    pub(crate) fn member_mut(&mut self, group: &str, instance: &str) -> Option<&mut Member> {
        self.state.groups.get_mut(group)?.members.get_mut(instance)
    }

    pub(crate) fn member(&self, group: &str, instance: &str) -> Option<&Member> {
        self.state.groups.get(group)?.members.get(instance)
    }

    /// Changes a member's lifecycle state.
    pub(crate) fn lifecycle(&mut self, group: &str, instance: &str, lifecycle: Lifecycle) {
        let Some(member) = self.member_mut(group, instance) else { return };
        member.lifecycle = lifecycle;
        let warm = member.warm;
        let (group, instance) = (group.to_owned(), instance.to_owned());
        self.record(Kind::Lifecycle { group, instance, lifecycle, warm });
    }

    /// Launches one instance in the zone with the fewest members. A lost zone, or one without the instance type, makes the
    /// launch fail; the group then tries elsewhere.
    pub(crate) fn launch(&mut self, name: &str, cause: &str, warm: bool) -> Option<String> {
        let (zone, subnet) = self.launch_zone(name)?;
        let group = self.state.groups.get(name)?;
        let cause = format!("At {} {cause}", seconds(self.now));
        if self.state.lost_zones.contains(&zone) || group.unoffered_zones.contains(&zone) {
            let unoffered = group.unoffered_zones.contains(&zone);
            self.fail_launch(name, zone, &subnet, cause, unoffered);
            return None;
        }
        let group = group.clone_without_members();
        let id = self.make_instance(&group, &zone, &subnet);
        let description = format!("Launching a new EC2 instance: {id}");
        let activity =
            self.open_activity(name, description, cause, Subject { instance: &id, zone: &zone, subnet: &subnet });
        let member = Member {
            instance: id.clone(),
            lifecycle: Lifecycle::Pending,
            warm,
            health: Health::Healthy,
            protected: group.protect_new,
            version: group.version,
            in_service: None,
            waiting: Vec::new(),
            from_warm_pool: false,
            activity: Some(activity),
            complaint: None,
            hooks_begun: false,
            abandoned: false,
            refreshed: false,
        };
        self.state.groups.get_mut(name)?.members.insert(id.clone(), member);
        self.lifecycle(name, &id, Lifecycle::Pending);
        self.begin_pending(&id);
        self.after(self.timing.launch_hook, Due::LaunchHooks { group: name.to_owned(), instance: id.clone() });
        Some(id)
    }

    fn fail_launch(&mut self, name: &str, zone: String, subnet: &str, cause: String, unoffered: bool) {
        let message = if unoffered {
            format!(
                "Your requested instance type is not supported in your requested Availability Zone ({zone}). Launching EC2 instance failed."
            )
        } else {
            format!(
                "We currently do not have sufficient capacity in the Availability Zone you requested ({zone}). Launching EC2 instance failed."
            )
        };
        let subject = Subject { instance: "", zone: &zone, subnet };
        let activity = self.open_activity(name, "Launching a new EC2 instance".to_owned(), cause, subject);
        self.close_activity(name, &activity, "Failed", &message, "EC2 Instance Launch Unsuccessful");
        self.record(Kind::LaunchFailed { group: name.to_owned(), zone: zone.clone() });
        let until = later(self.now, self.timing.zone_avoided);
        let retry = later(self.now, self.timing.launch_retry.draw(&mut self.rng));
        if let Some(group) = self.state.groups.get_mut(name) {
            // With another zone left it is tried at once `[doc]`, otherwise after a while.
            group.avoided.insert(zone, until);
            let now = self.now;
            let exhausted = group.zones.keys().all(|zone| group.avoided.get(zone).is_some_and(|until| *until > now));
            group.retry_after = exhausted.then_some(retry);
        }
        self.wake(name, self.timing.reaction);
    }

    /// `Pending` to `Pending:Wait`, where the hooks are that exist now; a hook put later asks nobody.
    pub(crate) fn on_launch_hooks(&mut self, group: &str, instance: &str) {
        let Some(member) = self.member_mut(group, instance) else { return };
        if member.lifecycle != Lifecycle::Pending || member.hooks_begun {
            return;
        }
        member.hooks_begun = true;
        if self.begin_waiting(group, instance, Transition::Launching) {
            self.lifecycle(group, instance, Lifecycle::PendingWait);
        } else {
            self.try_enter_service(group, instance);
        }
    }

    /// Hooks done and EC2 running: `InService`, or at rest in the warm pool.
    pub(crate) fn try_enter_service(&mut self, group: &str, instance: &str) {
        let Some(member) = self.member(group, instance) else { return };
        let through = match member.lifecycle {
            Lifecycle::Pending => member.hooks_begun && member.waiting.is_empty(),
            Lifecycle::PendingProceed => true,
            _ => false,
        };
        let running = self.state.instances.get(instance).is_some_and(|i| i.state == InstanceState::Running);
        if !through || !running {
            return;
        }
        if member.warm {
            self.rest_in_warm_pool(group, instance);
        } else {
            self.enter_service(group, instance);
        }
    }

    fn enter_service(&mut self, group: &str, instance: &str) {
        let now = self.now;
        let Some(member) = self.member_mut(group, instance) else { return };
        member.in_service = Some(now);
        let activity = member.activity.take();
        self.lifecycle(group, instance, Lifecycle::InService);
        if let Some(activity) = activity {
            self.close_activity(group, &activity, "Successful", "", "EC2 Instance Launch Successful");
        }
        self.wake(group, self.timing.reaction);
    }

    fn rest_in_warm_pool(&mut self, group: &str, instance: &str) {
        let pool = self.state.groups.get(group).and_then(|group| group.warm_pool.as_ref());
        let rest = match pool.map(|pool| pool.state.as_str()) {
            Some("Running") => Lifecycle::Running,
            Some("Hibernated") => Lifecycle::Hibernated,
            _ => Lifecycle::Stopped,
        };
        let activity = self.member_mut(group, instance).and_then(|member| member.activity.take());
        self.lifecycle(group, instance, rest);
        if let Some(activity) = activity {
            self.close_activity(group, &activity, "Successful", "", "EC2 Instance Launch Successful");
        }
        if rest != Lifecycle::Running {
            self.stop(instance);
        }
        self.wake(group, self.timing.reaction);
    }

    /// Takes a prepared instance from the warm pool into the group.
    pub(crate) fn draw_from_warm_pool(&mut self, name: &str, cause: &str) -> Option<String> {
        let members = &self.state.groups.get(name)?.members;
        let at_rest = |i: &str| {
            self.state
                .instances
                .get(i)
                .is_some_and(|i| matches!(i.state, InstanceState::Stopped | InstanceState::Running))
        };
        let rests = |m: &Member| matches!(m.lifecycle, Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Hibernated);
        let drawn = members.values().find(|m| m.warm && rests(m) && at_rest(&m.instance))?;
        let id = drawn.instance.clone();
        let instance = self.state.instances.get(&id)?;
        let (zone, subnet, stopped) =
            (instance.zone.clone(), instance.subnet.clone(), instance.state == InstanceState::Stopped);
        let cause = format!("At {} {cause}", seconds(self.now));
        let description = format!("Launching a new EC2 instance from warm pool: {id}");
        let subject = Subject { instance: &id, zone: &zone, subnet: &subnet };
        let activity = self.open_activity(name, description, cause, subject);
        let member = self.member_mut(name, &id)?;
        member.warm = false;
        member.from_warm_pool = true;
        member.hooks_begun = false;
        member.activity = Some(activity);
        self.lifecycle(name, &id, Lifecycle::Pending);
        if stopped {
            self.start(&id);
        }
        self.after(self.timing.launch_hook, Due::LaunchHooks { group: name.to_owned(), instance: id.clone() });
        Some(id)
    }

    /// EC2 says `running`.
    pub(crate) fn member_runs(&mut self, instance: &str) {
        if let Some(group) = self.state.group_of(instance).map(str::to_owned) {
            self.try_enter_service(&group, instance);
        }
    }

    /// Size that a warm pool keeps: up to the prepared capacity, or the group's largest size `[doc]`.
    pub(crate) fn warm_pool_size(group: &Group, pool: &WarmPool) -> usize {
        let prepared = pool.prepared.unwrap_or(group.max);
        prepared.saturating_sub(group.desired).max(pool.min) as usize
    }
}
