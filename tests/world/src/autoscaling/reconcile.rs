//! What has a group, what does it want, what does it do about it?

use jiff::Timestamp;

use super::group::Replacement;
use super::member::{Complaint, Health, Lifecycle, Member};
use crate::event::seconds;
use crate::queue::Due;
use crate::timing::Span;
use crate::world::{World, later};

impl World {
    /// Has the group compare soon; an earlier appointment stands.
    pub(crate) fn wake(&mut self, name: &str, span: Span) {
        let at = later(self.now, span.draw(&mut self.rng));
        self.wake_at(name, at);
    }

    pub(crate) fn wake_at(&mut self, name: &str, at: Timestamp) {
        let Some(group) = self.state.groups.get_mut(name) else { return };
        if group.wake_at.is_some_and(|appointed| appointed <= at) {
            return;
        }
        group.wake_at = Some(at);
        self.queue.push(at, Due::Reconcile { group: name.to_owned() });
    }

    pub(crate) fn on_reconcile(&mut self, name: &str) {
        let now = self.now;
        let Some(group) = self.state.groups.get_mut(name) else { return };
        if group.wake_at.is_none_or(|appointed| appointed > now) {
            return;
        }
        group.wake_at = None;
        if group.deleting && group.members.is_empty() {
            self.state.groups.remove(name);
            self.activities.remove(name);
            return;
        }
        self.close_replacements(name);
        self.replace_unhealthy(name);
        self.step_refresh(name);
        self.fill_or_shrink(name);
        self.rebalance_zones(name);
        self.fill_warm_pool(name);
        self.step_blue_green(name);
    }

    /// A replacement ends when its old member is leaving; the old one leaves when the new one is in service.
    fn close_replacements(&mut self, name: &str) {
        let Some(group) = self.state.groups.get_mut(name) else { return };
        let members = &group.members;
        for replacement in &mut group.replacements {
            if replacement.new.as_ref().is_some_and(|new| !members.get(new).is_some_and(Member::counts)) {
                replacement.new = None;
            }
        }
        group.replacements.retain(|replacement| members.get(&replacement.old).is_some_and(Member::counts));
        let in_service = |id: &String| members.get(id).is_some_and(|member| member.lifecycle == Lifecycle::InService);
        // A member too many (the group was made smaller meanwhile) is successor enough.
        let promised = group.replacements.iter().filter(|replacement| replacement.new.is_some()).count();
        let counted = members.values().filter(|member| member.counts()).count();
        let mut surplus = counted.saturating_sub(group.desired as usize + promised);
        let mut ready: Vec<(String, &'static str)> = Vec::new();
        for replacement in &group.replacements {
            let succeeded = match &replacement.new {
                Some(new) => in_service(new),
                None => surplus > 0,
            };
            if succeeded {
                surplus -= usize::from(replacement.new.is_none());
                ready.push((replacement.old.clone(), replacement.cause));
            }
        }
        for (old, cause) in ready {
            self.begin_terminate(name, &old, cause, true);
            if let Some(group) = self.state.groups.get_mut(name) {
                group.replacements.retain(|replacement| replacement.old != old);
            }
        }
    }

    /// `ReplaceUnhealthy`. Terminate and launch go on beside each other; with a maintenance policy above 100 % the launch comes
    /// first, unless the member is dead already `[doc]`. Members whose status checks fail are taken at most ten percent
    /// (but one) at a time `[doc]`.
    fn replace_unhealthy(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        if group.is_suspended("ReplaceUnhealthy") || group.is_suspended("Terminate") {
            return;
        }
        let tenth = (group.desired / 10).max(1) as usize;
        let terminating = |m: &&Member| m.lifecycle.is_terminating() && m.complaint == Some(Complaint::Checks);
        let mut room = tenth.saturating_sub(group.members.values().filter(terminating).count());
        let surge = group.maintenance.is_some_and(|policy| policy.max_percent > 100) && !group.is_suspended("Launch");
        let ill: Vec<(String, Option<Complaint>, bool)> = group
            .members
            .values()
            .filter(|m| m.health == Health::Unhealthy && (m.counts() || m.warm && !m.lifecycle.is_terminating()))
            .map(|member| (member.instance.clone(), member.complaint, member.warm))
            .collect();
        for (id, complaint, warm) in ill {
            let dead = self.state.instances.get(&id).is_none_or(|instance| instance.state.is_dead());
            let cause = Self::complaint_words(complaint);
            if complaint == Some(Complaint::Checks) {
                if room == 0 {
                    continue;
                }
                room -= 1;
            }
            if surge && !warm && !dead && complaint != Some(Complaint::NotRunning) {
                let Some(group) = self.state.groups.get_mut(name) else { return };
                if !group.replacements.iter().any(|replacement| replacement.old == id) {
                    group.replacements.push(Replacement { old: id, new: None, cause });
                    // A member too many is its successor at once, and nothing else would wake the group to see it.
                    if group.counted().count() > group.desired as usize {
                        self.wake_at(name, later(self.now, self.timing.reaction.from));
                    }
                }
            } else {
                self.begin_terminate(name, &id, cause, true);
            }
        }
    }

    fn fill_or_shrink(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        let (desired, have) = (group.desired as usize, group.counted().count());
        let target = desired + group.replacements.len();
        if have < target && !group.is_suspended("Launch") {
            self.fill(name, have, target);
        } else if have > target && !group.is_suspended("Terminate") {
            for count in (target..have).rev() {
                let Some(victim) = self.scale_in_victim(name) else { return };
                let cause = self.capacity_words(name, "taken out of service", "shrinking", count + 1, count);
                self.begin_terminate(
                    name,
                    &victim,
                    &format!("{cause} Instance {victim} was selected for termination."),
                    true,
                );
            }
        }
    }

    fn fill(&mut self, name: &str, have: usize, target: usize) {
        let Some(group) = self.state.groups.get(name) else { return };
        if let Some(retry) = group.retry_after
            && retry > self.now
        {
            self.wake_at(name, retry);
            return;
        }
        // Whether a refresh launches while the old instance is in its hook is not documented `[?]`: drawn for each refresh.
        let waits = group.active_refresh().is_some_and(|refresh| refresh.launch_waits)
            && group.members.values().any(|member| member.refreshed && member.lifecycle.is_terminating());
        if waits {
            return;
        }
        for count in have..target {
            let cause = self.launch_words(name, count);
            let launched = match self.draw_from_warm_pool(name, &cause) {
                Some(id) => Some(id),
                None => self.launch(name, &cause, false),
            };
            let Some(id) = launched else { return };
            let Some(group) = self.state.groups.get_mut(name) else { return };
            if let Some(replacement) = group.replacements.iter_mut().find(|replacement| replacement.new.is_none()) {
                replacement.new = Some(id);
            }
        }
    }

    fn launch_words(&self, name: &str, count: usize) -> String {
        let replaces = self.state.groups.get(name).is_some_and(|group| {
            group.members.values().any(|m| m.health == Health::Unhealthy && m.lifecycle.is_terminating())
                || !group.replacements.is_empty()
        });
        if replaces {
            return "an instance was launched in response to an unhealthy instance needing to be replaced.".to_owned();
        }
        self.capacity_words(name, "started", "increasing", count, count + 1)
    }

    fn capacity_words(&self, name: &str, did: &str, way: &str, from: usize, to: usize) -> String {
        let why = self.state.groups.get(name).and_then(|group| group.capacity_cause.as_deref()).unwrap_or_default();
        let at = seconds(self.now);
        format!(
            "{why} At {at} an instance was {did} in response to a difference between desired and actual capacity, {way} the capacity from {from} to {to}."
        )
    }

    /// `AZRebalance` `[doc]`: launch in the smaller zone first, then terminate in the larger one.
    fn rebalance_zones(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        let calm = group.replacements.is_empty()
            && group.active_refresh().is_none()
            && group.counted().count() == group.desired as usize
            && group.counted().all(|m| m.lifecycle == Lifecycle::InService && m.health == Health::Healthy)
            && !["AZRebalance", "Launch", "Terminate"].iter().any(|name| group.is_suspended(name));
        if !calm {
            return;
        }
        let usable = |zone: &String| group.avoided.get(zone).is_none_or(|until| *until <= self.now);
        let spread = self.spread(name);
        let least = spread.iter().filter(|(zone, _)| usable(zone)).map(|(_, count)| *count).min();
        let most = spread.iter().max_by_key(|(_, count)| **count);
        let (Some(least), Some((zone, most))) = (least, most) else { return };
        if most.saturating_sub(least) < 2 {
            // A zone that was avoided is looked at again when that ends.
            if let Some(until) = group.avoided.values().filter(|until| **until > self.now).min().copied() {
                self.wake_at(name, until);
            }
            return;
        }
        let in_zone = |m: &&Member| self.state.instances.get(&m.instance).is_some_and(|i| i.zone == *zone);
        let Some(old) = group.counted().filter(|m| !m.protected).find(in_zone).map(|m| m.instance.clone()) else {
            return;
        };
        let cause = "an instance was taken out of service in response to a request to rebalance availability zones.";
        if let Some(group) = self.state.groups.get_mut(name) {
            group.replacements.push(Replacement { old, new: None, cause });
        }
        self.wake(name, self.timing.reaction);
    }

    fn fill_warm_pool(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        let Some(pool) = &group.warm_pool else { return };
        let size = Self::warm_pool_size(group, pool);
        let have = group.members.values().filter(|m| m.warm && !m.lifecycle.is_terminating()).count();
        let calm =
            group.counted().count() >= group.desired as usize && !group.is_suspended("Launch") && !group.deleting;
        if calm && group.retry_after.is_none_or(|retry| retry <= self.now) {
            for _ in have..size {
                let cause = "a new instance was launched to replenish the warm pool.";
                if self.launch(name, cause, true).is_none() {
                    return;
                }
            }
        }
    }
}
