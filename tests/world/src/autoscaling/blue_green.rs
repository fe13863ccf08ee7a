//! A blue/green deployment: `CodeDeploy` copies the group (`CodeDeploy_<deployment group>_<deployment>`, same tags), and when
//! the copy serves, the old group goes to zero `[doc]` `CodeDeploy` user guide, blue/green.

use super::hooks::no_group;
use super::member::Lifecycle;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::World;

impl World {
    pub(crate) fn begin_blue_green(&mut self, blue: &str, green: &str) -> Result<(), ApiError> {
        if self.state.groups.contains_key(green) {
            let message = "AutoScalingGroup by this name already exists - A group with the name already exists";
            return Err(ApiError::bad("AlreadyExists", message));
        }
        let mut group = self.state.groups.get(blue).ok_or_else(|| no_group(blue))?.clone_without_members();
        green.clone_into(&mut group.name);
        group.arn = self.group_arn(green);
        group.created = self.now;
        group.blue = Some(blue.to_owned());
        self.add_group(group);
        self.green_is_played_too(blue, green);
        self.wake(green, self.timing.reaction);
        Ok(())
    }

    pub(crate) fn step_blue_green(&mut self, green: &str) {
        let Some(group) = self.state.groups.get_mut(green) else { return };
        let serving = group.counted().filter(|member| member.lifecycle == Lifecycle::InService).count();
        if serving >= group.desired as usize
            && let Some(blue) = group.blue.take()
        {
            self.green_takes_over(&blue, green);
            self.after(self.timing.blue_green_wait, Due::ScaleDownBlue { blue });
        }
    }

    pub(crate) fn on_scale_down_blue(&mut self, blue: &str) {
        let max = self.state.groups.get(blue).map(|group| group.max);
        // The group may have been deleted meanwhile: then there is nothing to scale down.
        let _gone = self.resize(blue, Some(0), max, Some(0));
    }
}
