//! How does a group replace all its members? Instance refresh, one member at a time (or as many as the minimum allows).

use std::time::Duration;

use serde_json::json;

use super::group::{Group, Refresh, RefreshStatus, Replacement};
use super::hooks::no_group;
use super::member::Lifecycle;
use crate::journal::Kind;
use crate::wire::ApiError;
use crate::world::{World, later};

const CAUSE: &str = "an instance was taken out of service in response to an instance refresh.";

/// Preferences of `StartInstanceRefresh`; what is not said comes from the group.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Preferences {
    pub(crate) min_percent: Option<u32>,
    pub(crate) max_percent: Option<u32>,
    pub(crate) warmup_seconds: Option<u32>,
    pub(crate) bake_seconds: Option<u32>,
}

impl World {
    /// `StartInstanceRefresh`: a new version of the launch template, and every member of an older one has to go. Without a
    /// policy above 100 % members are terminated first `[doc]`.
    pub(crate) fn start_refresh(&mut self, name: &str, preferences: Preferences) -> Result<String, ApiError> {
        let id = self.ids.uuid();
        let launch_waits = self.rng.u8(0..100) < self.timing.refresh_waits_percent;
        let started = self.now;
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        if group.active_refresh().is_some() {
            let message =
                "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.";
            return Err(ApiError::bad("InstanceRefreshInProgress", message));
        }
        group.version += 1;
        let policy = group.maintenance;
        let total = u32::try_from(group.counted().count()).unwrap_or(u32::MAX);
        group.refreshes.push(Refresh {
            id: id.clone(),
            status: RefreshStatus::InProgress,
            started,
            ended: None,
            warmup_seconds: preferences.warmup_seconds.unwrap_or(group.grace_seconds),
            min_percent: preferences.min_percent.or(policy.map(|p| p.min_percent)).unwrap_or(90),
            max_percent: preferences.max_percent.or(policy.map(|p| p.max_percent)).unwrap_or(100),
            total,
            bake_seconds: preferences.bake_seconds.unwrap_or(0),
            baked: None,
            launch_waits,
        });
        if group.refreshes.len() > 20 {
            group.refreshes.remove(0);
        }
        self.announce_refresh(name, &id, "Started");
        self.wake(name, self.timing.reaction);
        Ok(id)
    }

    /// Ends the refresh that runs, if one does.
    pub(crate) fn end_refresh(&mut self, name: &str, status: RefreshStatus) {
        let now = self.now;
        let Some(group) = self.state.groups.get_mut(name) else { return };
        let Some(refresh) = group.refreshes.last_mut().filter(|r| !r.status.is_over()) else {
            return;
        };
        refresh.status = status;
        refresh.ended = Some(now);
        let id = refresh.id.clone();
        let word = if status == RefreshStatus::Successful { "Succeeded" } else { "Cancelled" };
        self.announce_refresh(name, &id, word);
    }

    /// `CancelInstanceRefresh`: what has been begun is finished, then it is over `[doc]`.
    pub(crate) fn cancel_refresh(&mut self, name: &str) -> Result<String, ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        let Some(refresh) = group.refreshes.last_mut().filter(|refresh| !refresh.status.is_over()) else {
            let message = "No in progress or pending Instance Refresh found for Auto Scaling group";
            return Err(ApiError::bad("ActiveInstanceRefreshNotFound", format!("{message} {name}")));
        };
        refresh.status = RefreshStatus::Cancelling;
        let id = refresh.id.clone();
        self.record(Kind::Group { group: name.to_owned(), change: format!("instance refresh {id} Cancelling") });
        self.wake(name, self.timing.reaction);
        Ok(id)
    }

    /// All are replaced: the refresh is over, or bakes for its time first `[doc]` `BakeTime`.
    fn bake(&mut self, name: &str) {
        let now = self.now;
        let Some(refresh) = self.state.groups.get_mut(name).and_then(|group| group.refreshes.last_mut()) else {
            return;
        };
        let until = *refresh.baked.get_or_insert(later(now, Duration::from_secs(u64::from(refresh.bake_seconds))));
        if until <= now {
            self.end_refresh(name, RefreshStatus::Successful);
            return;
        }
        refresh.status = RefreshStatus::Baking;
        self.wake_at(name, until);
    }

    fn announce_refresh(&mut self, name: &str, id: &str, word: &str) {
        let Some(arn) = self.state.groups.get(name).map(|group| group.arn.clone()) else { return };
        let detail = json!({"InstanceRefreshId": id, "AutoScalingGroupName": name});
        self.record(Kind::Group { group: name.to_owned(), change: format!("instance refresh {id} {word}") });
        self.emit("aws.autoscaling", &format!("EC2 Auto Scaling Instance Refresh {word}"), &[arn], &detail, name);
    }

    pub(crate) fn step_refresh(&mut self, name: &str) {
        let Some(group) = self.state.groups.get(name) else { return };
        let Some(refresh) = group.active_refresh().filter(|_| !group.is_suspended("InstanceRefresh")) else { return };
        let cancelling = refresh.status == RefreshStatus::Cancelling;
        let warmup = Duration::from_secs(u64::from(refresh.warmup_seconds));
        let fresh_since = |group: &Group| {
            let fresh = group.counted().filter(|m| m.version == group.version).filter_map(|m| m.in_service);
            fresh.max().map(|since| later(since, warmup))
        };
        // One step ends when its replacement is in service and warm.
        if let Some(warm) = fresh_since(group).filter(|warm| *warm > self.now && !cancelling) {
            self.wake_at(name, warm);
            return;
        }
        let settled = group.counted().all(|member| member.lifecycle == Lifecycle::InService)
            && group.counted().count() >= group.desired as usize
            && !group.members.values().any(|m| m.refreshed && m.lifecycle.is_terminating());
        if !settled || !group.replacements.is_empty() {
            return;
        }
        let outdated: Vec<String> =
            group.counted().filter(|m| m.version < group.version).map(|m| m.instance.clone()).collect();
        if cancelling {
            self.end_refresh(name, RefreshStatus::Cancelled);
            return;
        }
        if outdated.is_empty() {
            self.bake(name);
            return;
        }
        let (desired, first) = (group.desired as usize, refresh.max_percent > 100);
        let least = (desired * refresh.min_percent as usize).div_ceil(100);
        // At least one at a time, or the refresh would never move `[doc]`.
        let batch = desired.saturating_sub(least).max(1);
        for id in outdated.into_iter().take(batch) {
            if first {
                if let Some(group) = self.state.groups.get_mut(name) {
                    group.replacements.push(Replacement { old: id, new: None, cause: CAUSE });
                }
            } else {
                if let Some(member) = self.member_mut(name, &id) {
                    member.refreshed = true;
                }
                self.begin_terminate(name, &id, CAUSE, true);
            }
        }
    }
}
