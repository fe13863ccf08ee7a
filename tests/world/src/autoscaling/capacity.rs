//! How large shall a group be?

use super::group::{Group, RefreshStatus};
use super::hooks::no_group;
use super::member::Lifecycle;
use crate::event::seconds;
use crate::journal::Kind;
use crate::wire::ApiError;
use crate::world::World;

impl World {
    /// Changes the wanted size; the group follows after its reaction time.
    pub(crate) fn want(&mut self, name: &str, desired: u32, why: &str) {
        let at = seconds(self.now);
        let Some(group) = self.state.groups.get_mut(name) else { return };
        if group.desired != desired {
            group.capacity_cause =
                Some(format!("{why} changing the desired capacity from {} to {desired} at {at}.", group.desired));
            group.desired = desired;
        }
        let (min, max) = (group.min, group.max);
        self.record(Kind::Capacity { group: name.to_owned(), min, max, desired });
        self.wake(name, self.timing.reaction);
    }

    /// `SetDesiredCapacity`
    pub(crate) fn set_desired(&mut self, name: &str, desired: u32) -> Result<(), ApiError> {
        let group = self.state.groups.get(name).ok_or_else(|| no_group(name))?;
        if desired > group.max {
            let message = format!(
                "New SetDesiredCapacity value {desired} is above max value {} for the AutoScalingGroup.",
                group.max
            );
            return Err(ApiError::bad("ValidationError", message));
        }
        if desired < group.min {
            let message = format!(
                "New SetDesiredCapacity value {desired} is below min value {} for the AutoScalingGroup.",
                group.min
            );
            return Err(ApiError::bad("ValidationError", message));
        }
        self.want(name, desired, "a user request explicitly set group desired capacity");
        Ok(())
    }

    /// `UpdateAutoScalingGroup`'s sizes: a desired capacity outside the new limits is moved into them `[doc]`.
    pub(crate) fn resize(
        &mut self,
        name: &str,
        min: Option<u32>,
        max: Option<u32>,
        desired: Option<u32>,
    ) -> Result<(), ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        let (new_min, new_max) = (min.unwrap_or(group.min), max.unwrap_or(group.max));
        if new_min > new_max {
            let message = "Max bound, {max}, must be greater than or equal to min bound, {min}";
            let message = message.replace("{max}", &new_max.to_string()).replace("{min}", &new_min.to_string());
            return Err(ApiError::bad("ValidationError", message));
        }
        if let Some(desired) = desired
            && !(new_min..=new_max).contains(&desired)
        {
            let message = format!(
                "Desired capacity:{desired} must be between the specified min size:{new_min} and max size:{new_max}"
            );
            return Err(ApiError::bad("ValidationError", message));
        }
        let wanted = desired.unwrap_or(group.desired).clamp(new_min, new_max);
        (group.min, group.max) = (new_min, new_max);
        self.want(name, wanted, "a user request update of AutoScalingGroup constraints");
        Ok(())
    }

    /// `DeleteAutoScalingGroup`: with force every member is terminated, and no hook is asked `[doc]`.
    pub(crate) fn delete_group(&mut self, name: &str, force: bool) -> Result<(), ApiError> {
        let group = self.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
        if !group.members.is_empty() && !force {
            let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still in the group.";
            return Err(ApiError::bad("ResourceInUse", message));
        }
        group.deleting = true;
        group.replacements.clear();
        group.warm_pool = None;
        (group.min, group.desired) = (0, 0);
        let ids: Vec<String> = group.members.keys().cloned().collect();
        self.end_refresh(name, RefreshStatus::Cancelled);
        for id in ids {
            let cause = "an instance was taken out of service in response to a user request to delete its group.";
            self.begin_terminate(name, &id, cause, false);
            self.cut_hooks_short(name, &id);
        }
        self.record(Kind::Group { group: name.to_owned(), change: "deleted".to_owned() });
        self.wake(name, self.timing.reaction);
        Ok(())
    }

    fn cut_hooks_short(&mut self, name: &str, id: &str) {
        let Some(member) = self.member_mut(name, id) else { return };
        if matches!(member.lifecycle, Lifecycle::Terminating | Lifecycle::TerminatingWait) {
            member.waiting.clear();
            self.proceed(name, id, Lifecycle::TerminatingProceed);
        }
    }

    /// Adds a group to the account. Nothing is launched yet.
    pub(crate) fn add_group(&mut self, group: Group) {
        let name = group.name.clone();
        let (min, max, desired) = (group.min, group.max, group.desired);
        self.state.groups.insert(name.clone(), group);
        self.record(Kind::Group { group: name.clone(), change: "created".to_owned() });
        self.record(Kind::Capacity { group: name, min, max, desired });
    }
}
