//! Who is asked before a member comes or goes? Lifecycle hooks: `[doc]` EC2 Auto Scaling user guide, lifecycle-hooks,
//! adding-lifecycle-hooks, warm-pools-eventbridge-events.

use std::time::Duration;

use serde_json::json;

use super::group::Hook;
use super::member::{ActionInWait, Lifecycle, Transition};
use crate::journal::{AnsweredBy, Kind};
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{World, later};

impl World {
    /// Asks every hook that looks this way now. False where there is none.
    pub(crate) fn begin_waiting(&mut self, name: &str, instance: &str, transition: Transition) -> bool {
        let Some(group) = self.state.groups.get(name) else { return false };
        let hooks: Vec<Hook> = group.hooks_for(transition).cloned().collect();
        for hook in &hooks {
            let token = self.ids.uuid();
            let due = later(self.now, Duration::from_secs(u64::from(hook.heartbeat_seconds)));
            let latest = later(self.now, Duration::from_secs(u64::from(hook.global_seconds())));
            let action = ActionInWait {
                hook: hook.name.clone(),
                token: token.clone(),
                due,
                latest,
                default_continue: hook.default_continue,
                heartbeat_seconds: hook.heartbeat_seconds,
            };
            if let Some(member) = self.member_mut(name, instance) {
                member.waiting.push(action);
            }
            let timeout =
                Due::HookTimeout { group: name.to_owned(), instance: instance.to_owned(), token: token.clone() };
            self.queue.push(due, timeout);
            self.announce_hook(name, instance, hook, &token);
        }
        // CodeDeploy may have finished before its hook was asked.
        if transition == Transition::Launching && self.launches_are_deployed(name) {
            self.deploy_at_launch(name, instance);
        } else if transition == Transition::Launching
            && self.state.instances.get(instance).is_some_and(|instance| instance.app_ready)
        {
            self.after(self.timing.deploy_report, Due::DeployReported { instance: instance.to_owned() });
        }
        !hooks.is_empty()
    }

    /// The event goes to `EventBridge` for every hook. Origin and Destination are there on groups without a warm pool too
    /// (captured by alternat 2022-08-30, against the documentation).
    fn announce_hook(&mut self, name: &str, instance: &str, hook: &Hook, token: &str) {
        self.record(Kind::HookWaits {
            group: name.to_owned(),
            instance: instance.to_owned(),
            hook: hook.name.clone(),
            token: token.to_owned(),
        });
        let Some(group) = self.state.groups.get(name) else { return };
        let Some(member) = group.members.get(instance) else { return };
        let own = if member.warm { "WarmPool" } else { "AutoScalingGroup" };
        let (origin, destination, detail_type) = match hook.transition {
            Transition::Launching if member.from_warm_pool => ("WarmPool", own, "EC2 Instance-launch Lifecycle Action"),
            Transition::Launching => ("EC2", own, "EC2 Instance-launch Lifecycle Action"),
            Transition::Terminating => (own, "EC2", "EC2 Instance-terminate Lifecycle Action"),
        };
        let mut detail = json!({
            "LifecycleActionToken": token,
            "AutoScalingGroupName": name,
            "LifecycleHookName": hook.name,
            "EC2InstanceId": instance,
            "LifecycleTransition": hook.transition.as_str(),
            "Origin": origin,
            "Destination": destination,
        });
        if let (Some(metadata), Some(fields)) = (&hook.metadata, detail.as_object_mut()) {
            fields.insert("NotificationMetadata".to_owned(), metadata.as_str().into());
        }
        let arn = group.arn.clone();
        self.emit("aws.autoscaling", detail_type, &[arn], &detail, instance);
    }

    /// `CompleteLifecycleAction`, by token or by instance and hook.
    pub(crate) fn complete_action(
        &mut self,
        group: &str,
        hook: &str,
        instance: Option<&str>,
        token: Option<&str>,
        result: &str,
    ) -> Result<(), ApiError> {
        let (instance, token) = self.find_action(group, hook, instance, token)?;
        self.answer(group, &instance, &token, result == "CONTINUE", AnsweredBy::Call);
        Ok(())
    }

    fn find_action(
        &self,
        name: &str,
        hook: &str,
        instance: Option<&str>,
        token: Option<&str>,
    ) -> Result<(String, String), ApiError> {
        let group = self.state.groups.get(name).ok_or_else(|| no_group(name))?;
        let found = group.members.values().find_map(|member| {
            let action = member.waiting.iter().find(|action| {
                action.hook == hook
                    && token.is_none_or(|token| action.token == token)
                    && instance.is_none_or(|instance| member.instance == instance)
            })?;
            Some((member.instance.clone(), action.token.clone()))
        });
        found.ok_or_else(|| {
            let by = token.map_or_else(
                || format!("instance ID {}", instance.unwrap_or_default()),
                |token| format!("token {token}"),
            );
            ApiError::bad("ValidationError", format!("No active Lifecycle Action found with {by}"))
        })
    }

    /// `RecordLifecycleActionHeartbeat`: the heartbeat begins anew, never past the global timeout.
    pub(crate) fn heartbeat(
        &mut self,
        group: &str,
        hook: &str,
        instance: Option<&str>,
        token: Option<&str>,
    ) -> Result<(), ApiError> {
        let (instance, token) = self.find_action(group, hook, instance, token)?;
        let now = self.now;
        let Some(member) = self.member_mut(group, &instance) else { return Ok(()) };
        let Some(action) = member.waiting.iter_mut().find(|action| action.token == token) else { return Ok(()) };
        action.due = later(now, Duration::from_secs(u64::from(action.heartbeat_seconds))).min(action.latest);
        let due = action.due;
        self.queue.push(due, Due::HookTimeout { group: group.to_owned(), instance, token });
        Ok(())
    }

    pub(crate) fn on_hook_timeout(&mut self, group: &str, instance: &str, token: &str) {
        let now = self.now;
        let waiting = self.member(group, instance).and_then(|m| m.waiting.iter().find(|action| action.token == token));
        let Some(action) = waiting.filter(|action| action.due <= now) else { return };
        let result = action.default_continue;
        self.answer(group, instance, token, result, AnsweredBy::Timeout);
    }

    /// `CodeDeploy` answers its own hook: CONTINUE when the application answers, ABANDON after a failed deployment.
    pub(crate) fn on_deploy_reported(&mut self, instance: &str) {
        let Some(name) = self.state.group_of(instance).map(str::to_owned) else { return };
        // Where deployments are played, theirs is the answer.
        if self.is_played(&name) {
            return;
        }
        let Some(token) = self.code_deploy_token(&name, instance) else { return };
        let ready = self.state.instances.get(instance).is_some_and(|instance| instance.app_ready);
        self.answer(&name, instance, &token, ready, AnsweredBy::CodeDeploy);
    }

    /// The token by which `CodeDeploy`'s own hook waits for an answer.
    pub(crate) fn code_deploy_token(&self, name: &str, instance: &str) -> Option<String> {
        let group = self.state.groups.get(name)?;
        let own = |hook: &str| group.hooks.get(hook).is_some_and(|hook| hook.code_deploy);
        let action = group.members.get(instance)?.waiting.iter().find(|action| own(&action.hook))?;
        Some(action.token.clone())
    }

    /// One hook is answered. All have to continue before the member moves on; a launch that is abandoned is terminated and
    /// replaced, a termination that is abandoned skips the remaining hooks `[doc]`.
    pub(crate) fn answer(&mut self, group: &str, instance: &str, token: &str, go_on: bool, by: AnsweredBy) {
        let Some(member) = self.member_mut(group, instance) else { return };
        let Some(index) = member.waiting.iter().position(|action| action.token == token) else { return };
        let action = member.waiting.remove(index);
        let launching = member.lifecycle == Lifecycle::PendingWait;
        let skipped = if go_on { Vec::new() } else { std::mem::take(&mut member.waiting) };
        let (done, abandoned) = (member.waiting.is_empty(), launching && !go_on);
        member.abandoned |= abandoned;
        let result = if go_on { "CONTINUE" } else { "ABANDON" };
        let mut note = |hook: String, by: AnsweredBy| {
            let (group, instance) = (group.to_owned(), instance.to_owned());
            self.record(Kind::HookAnswered { group, instance, hook, result: result.to_owned(), by });
        };
        note(action.hook, by);
        for other in skipped {
            note(other.hook, AnsweredBy::Abandoned);
        }
        if abandoned {
            // Whether terminate hooks run for it is not documented; here they do not `[infer]`.
            let cause = "an instance was taken out of service because its launch lifecycle action was abandoned.";
            self.begin_terminate(group, instance, cause, false);
        } else if done {
            let next = if launching { Lifecycle::PendingProceed } else { Lifecycle::TerminatingProceed };
            self.proceed(group, instance, next);
        }
    }

    /// `DeleteLifecycleHook`: "outstanding lifecycle actions are completed first (ABANDON for launching instances, CONTINUE for
    /// terminating instances)" `[doc]`.
    pub(crate) fn delete_hook(&mut self, name: &str, hook: &str) -> Result<(), ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        if group.hooks.remove(hook).is_none() {
            let message = format!("No Lifecycle Hook found with name {hook}");
            return Err(ApiError::bad("ValidationError", message));
        }
        let mut outstanding = Vec::new();
        for member in group.members.values() {
            for action in member.waiting.iter().filter(|action| action.hook == hook) {
                let go_on = member.lifecycle != Lifecycle::PendingWait;
                outstanding.push((member.instance.clone(), action.token.clone(), go_on));
            }
        }
        for (instance, token, go_on) in outstanding {
            self.answer(name, &instance, &token, go_on, AnsweredBy::Call);
        }
        self.record(Kind::Group { group: name.to_owned(), change: format!("hook {hook} deleted") });
        Ok(())
    }

    /// `PutLifecycleHook`: members that wait already are not asked again.
    pub(crate) fn put_hook(&mut self, name: &str, hook: Hook) -> Result<(), ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        if group.hooks.len() >= 50 && !group.hooks.contains_key(&hook.name) {
            let message = "You cannot have more than 50 lifecycle hooks per Auto Scaling group";
            return Err(ApiError::bad("LimitExceeded", message));
        }
        let change = format!("hook {} put", hook.name);
        group.hooks.insert(hook.name.clone(), hook);
        self.record(Kind::Group { group: name.to_owned(), change });
        Ok(())
    }
}

/// Auto Scaling's words for a group that it does not know.
pub(crate) fn no_group(name: &str) -> ApiError {
    ApiError::bad("ValidationError", format!("AutoScalingGroup name not found - AutoScalingGroup '{name}' not found"))
}
