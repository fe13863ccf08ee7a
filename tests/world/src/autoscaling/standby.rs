//! How does a member step aside? Standby and detaching; no hook is asked `[doc]` lifecycle-hooks.

use super::health::unmanaged;
use super::hooks::no_group;
use super::member::{Lifecycle, Member};
use crate::ec2::instance::InstanceState;
use crate::journal::Kind;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::World;

impl World {
    /// The group's size after `count` members step aside with their places.
    fn decremented(&self, name: &str, count: usize) -> Result<u32, ApiError> {
        let group = self.state.groups.get(name).ok_or_else(|| no_group(name))?;
        let desired = group.desired.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
        if desired < group.min {
            let message = format!(
                "AutoScalingGroup {name} has min-size={}, and desired-size={}. To place into standby {count} instance, please update the AutoScalingGroup sizes appropriately.",
                group.min, group.desired
            );
            return Err(ApiError::bad("ValidationError", message));
        }
        Ok(desired)
    }

    fn check_in_service(&self, name: &str, ids: &[String]) -> Result<(), ApiError> {
        for id in ids {
            let member = self.member(name, id).ok_or_else(|| {
                ApiError::bad("ValidationError", format!("The instance {id} is not part of Auto Scaling group {name}."))
            })?;
            if member.lifecycle != Lifecycle::InService {
                let message = format!("The instance {id} is not in InService.");
                return Err(ApiError::bad("ValidationError", message));
            }
        }
        Ok(())
    }

    /// `EnterStandby`
    pub(crate) fn enter_standby(&mut self, name: &str, ids: &[String], decrement: bool) -> Result<(), ApiError> {
        self.step_aside(name, ids, decrement, Lifecycle::EnteringStandby)
    }

    /// `DetachInstances`
    pub(crate) fn detach(&mut self, name: &str, ids: &[String], decrement: bool) -> Result<(), ApiError> {
        self.step_aside(name, ids, decrement, Lifecycle::Detaching)
    }

    fn step_aside(&mut self, name: &str, ids: &[String], decrement: bool, into: Lifecycle) -> Result<(), ApiError> {
        if !self.state.groups.contains_key(name) {
            return Err(no_group(name));
        }
        self.check_in_service(name, ids)?;
        if decrement {
            let desired = self.decremented(name, ids.len())?;
            self.want(name, desired, "a user request to step aside");
        }
        for id in ids {
            self.lifecycle(name, id, into);
            let (group, instance) = (name.to_owned(), id.clone());
            let due = if into == Lifecycle::Detaching {
                Due::Detached { group, instance }
            } else {
                Due::InStandby { group, instance }
            };
            self.after(self.timing.standby, due);
        }
        self.wake(name, self.timing.reaction);
        Ok(())
    }

    pub(crate) fn on_in_standby(&mut self, group: &str, instance: &str) {
        if self.member(group, instance).is_some_and(|member| member.lifecycle == Lifecycle::EnteringStandby) {
            self.lifecycle(group, instance, Lifecycle::Standby);
        }
    }

    /// `ExitStandby`: the group wants one more for each, at once `[doc]`.
    pub(crate) fn exit_standby(&mut self, name: &str, ids: &[String]) -> Result<(), ApiError> {
        let group = self.state.groups.get(name).ok_or_else(|| no_group(name))?;
        let desired = group.desired + u32::try_from(ids.len()).unwrap_or(0);
        if desired > group.max {
            let message = format!("AutoScalingGroup {name} has max-size={}, and cannot exceed it.", group.max);
            return Err(ApiError::bad("ValidationError", message));
        }
        for id in ids {
            if group.members.get(id).is_none_or(|member| member.lifecycle != Lifecycle::Standby) {
                let message = format!("The instance {id} is not in Standby.");
                return Err(ApiError::bad("ValidationError", message));
            }
        }
        self.want(name, desired, "instance(s) moving out of Standby");
        for id in ids {
            if let Some(member) = self.member_mut(name, id) {
                member.hooks_begun = true;
            }
            self.lifecycle(name, id, Lifecycle::PendingProceed);
            let due = Due::OutOfStandby { group: name.to_owned(), instance: id.clone() };
            self.after(self.timing.standby, due);
        }
        Ok(())
    }

    pub(crate) fn on_out_of_standby(&mut self, group: &str, instance: &str) {
        self.try_enter_service(group, instance);
        // Whether it died or was stopped in standby, unnoticed, is looked at from now on.
        let runs = |state| matches!(state, InstanceState::Running | InstanceState::Pending);
        if !self.state.instances.get(instance).is_some_and(|i| runs(i.state)) {
            self.member_no_longer_runs(instance);
        }
    }

    /// `DetachInstances` takes the group's tag away `[doc]` ec2-auto-scaling-tagging; the instance, and what it holds, lives on.
    pub(crate) fn on_detached(&mut self, name: &str, instance: &str) {
        let Some(group) = self.state.groups.get_mut(name) else { return };
        if group.members.get(instance).is_none_or(|member| member.lifecycle != Lifecycle::Detaching) {
            return;
        }
        group.members.remove(instance);
        if let Some(instance) = self.state.instances.get_mut(instance) {
            instance.tags.remove("aws:autoscaling:groupName");
        }
        self.record(Kind::Left { group: name.to_owned(), instance: instance.to_owned() });
        self.wake(name, self.timing.reaction);
    }

    /// `SetInstanceProtection`: of members in service, in standby or in the warm pool, all or none `[infer]`.
    pub(crate) fn protect_from_scale_in(&mut self, name: &str, ids: &[String], protect: bool) -> Result<(), ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        let fit = |id: &String| {
            let leaves =
                |member: &Member| member.lifecycle.is_terminating() || member.lifecycle == Lifecycle::Detaching;
            group.members.get(id).is_some_and(|member| !leaves(member))
        };
        if let Some(unfit) = ids.iter().find(|id| !fit(id)) {
            let message = format!("The instance {unfit} is not part of Auto Scaling group {name}.");
            return Err(ApiError::bad("ValidationError", message));
        }
        for id in ids {
            if let Some(member) = group.members.get_mut(id) {
                member.protected = protect;
            }
        }
        let change = format!("{} {} scale-in", ids.join(", "), if protect { "protected from" } else { "open to" });
        self.record(Kind::Group { group: name.to_owned(), change });
        self.wake(name, self.timing.reaction);
        Ok(())
    }

    /// `TerminateInstanceInAutoScalingGroup`: hooks are asked; without the decrement a replacement follows at once.
    pub(crate) fn terminate_in_group(&mut self, instance: &str, decrement: bool) -> Result<String, ApiError> {
        let name = self.state.group_of(instance).map(str::to_owned).ok_or_else(|| unmanaged(instance))?;
        let member = self.member(&name, instance).ok_or_else(|| unmanaged(instance))?;
        if member.warm {
            let message =
                format!("Instance {instance} is in the warm pool and cannot be terminated by this operation.");
            return Err(ApiError::bad("ValidationError", message));
        }
        if member.lifecycle.is_terminating() {
            let message = format!("Instance {instance} is already being terminated.");
            return Err(ApiError::bad("ScalingActivityInProgress", message));
        }
        if decrement {
            let group = self.state.groups.get(&name).ok_or_else(|| no_group(&name))?;
            if group.desired <= group.min {
                let message = format!(
                    "Currently, desiredSize equals minSize ({}). Terminating instance without replacement will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.",
                    group.min
                );
                return Err(ApiError::bad("ValidationError", message));
            }
            let desired = group.desired - 1;
            self.want(&name, desired, "a user request to terminate an instance");
        }
        let cause = format!("instance {instance} was taken out of service in response to a user request.");
        self.begin_terminate(&name, instance, &cause, true);
        Ok(name)
    }
}
