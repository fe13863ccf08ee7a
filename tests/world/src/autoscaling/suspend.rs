//! What does a group leave undone? Suspended scaling processes, and its warm pool's configuration.

use super::group::{Group, WarmPool};
use super::hooks::no_group;
use crate::journal::Kind;
use crate::wire::ApiError;
use crate::world::World;

/// AWS's names of them; none named means all `[doc]`.
const ALL: [&str; 9] = [
    "Launch",
    "Terminate",
    "AddToLoadBalancer",
    "AlarmNotification",
    "AZRebalance",
    "HealthCheck",
    "InstanceRefresh",
    "ReplaceUnhealthy",
    "ScheduledActions",
];

fn named(names: &[String]) -> Result<Vec<String>, ApiError> {
    if let Some(unknown) = names.iter().find(|name| !ALL.contains(&name.as_str())) {
        return Err(ApiError::bad("ValidationError", format!("ScalingProcess {unknown} is not supported.")));
    }
    if names.is_empty() { Ok(ALL.map(str::to_owned).to_vec()) } else { Ok(names.to_vec()) }
}

impl World {
    fn group_mut(&mut self, name: &str) -> Result<&mut Group, ApiError> {
        self.state.groups.get_mut(name).ok_or_else(|| no_group(name))
    }

    /// `SuspendProcesses`
    pub(crate) fn suspend(&mut self, name: &str, names: &[String]) -> Result<(), ApiError> {
        let names = named(names)?;
        let change = format!("suspended {}", names.join(", "));
        self.group_mut(name)?.suspended.extend(names);
        self.record(Kind::Group { group: name.to_owned(), change });
        Ok(())
    }

    /// `ResumeProcesses`
    pub(crate) fn resume(&mut self, name: &str, names: &[String]) -> Result<(), ApiError> {
        let names = named(names)?;
        let group = self.group_mut(name)?;
        let mut health_again = false;
        for named in &names {
            health_again |= group.suspended.remove(named) && named == "HealthCheck";
        }
        self.record(Kind::Group { group: name.to_owned(), change: format!("resumed {}", names.join(", ")) });
        if health_again {
            self.look_again(name);
        }
        self.wake(name, self.timing.reaction);
        Ok(())
    }

    /// `PutWarmPool`
    pub(crate) fn put_warm_pool(&mut self, name: &str, pool: WarmPool) -> Result<(), ApiError> {
        if !["Stopped", "Running", "Hibernated"].contains(&pool.state.as_str()) {
            let message = format!("Invalid warm pool state {}", pool.state);
            return Err(ApiError::bad("ValidationError", message));
        }
        self.group_mut(name)?.warm_pool = Some(pool);
        self.record(Kind::Group { group: name.to_owned(), change: "warm pool put".to_owned() });
        self.wake(name, self.timing.reaction);
        Ok(())
    }
}
