//! A world, and short words for what tests ask it.
#![allow(dead_code, reason = "not every test asks everything")]

use std::time::Duration;

use panda_world::{Act, ApiRequest, FleetSpec, GroupSpec, Lifecycle, Timing, World};
use serde_json::Value;

/// The fleet's Elastic IP.
pub(crate) const IP: &str = "203.0.113.10";

/// A fleet of one group, changed a little.
pub(crate) fn fleet(change: impl FnOnce(&mut GroupSpec)) -> FleetSpec {
    let mut group = GroupSpec::default();
    change(&mut group);
    FleetSpec { groups: vec![group], ..FleetSpec::default() }
}

/// The same without hooks of ours, for what happens on its own.
pub(crate) fn bare(change: impl FnOnce(&mut GroupSpec)) -> FleetSpec {
    fleet(|group| {
        group.hooks.clear();
        change(group);
    })
}

/// A world that runs.
pub(crate) struct Run {
    /// The world.
    pub(crate) world: World,
    /// Events so far.
    seen: Vec<Value>,
}

impl Run {
    pub(crate) fn of(spec: &FleetSpec) -> Self {
        Self::seeded(42, spec)
    }

    pub(crate) fn seeded(seed: u64, spec: &FleetSpec) -> Self {
        let mut world = World::new(seed, "2026-05-07T13:00:00Z".parse().unwrap(), Timing::default());
        world.found_fleet(spec);
        Self { world, seen: Vec::new() }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        let to = self.world.now() + Duration::from_secs(seconds);
        self.world.advance_to(to);
    }

    #[allow(clippy::needless_pass_by_value, reason = "reads better at the call")]
    pub(crate) fn act(&mut self, act: Act) {
        self.world.act(&act).unwrap();
    }

    pub(crate) fn holder(&self) -> String {
        self.world.holder_of(IP).unwrap().to_owned()
    }

    pub(crate) fn lifecycle(&self, group: &str, instance: &str) -> Option<Lifecycle> {
        self.world.group(group).unwrap().members.get(instance).map(|member| member.lifecycle)
    }

    pub(crate) fn in_service(&self, group: &str) -> Vec<String> {
        let members = self.world.group(group).unwrap().members.values();
        members.filter(|m| m.lifecycle == Lifecycle::InService).map(|m| m.instance.clone()).collect()
    }

    /// Instances and hooks that wait.
    pub(crate) fn waiting(&self, group: &str) -> Vec<(String, String)> {
        let members = self.world.group(group).unwrap().members.values();
        members.flat_map(|m| m.waiting.iter().map(|a| (m.instance.clone(), a.hook.clone()))).collect()
    }

    /// Completes a lifecycle action; `OK` or AWS's code.
    pub(crate) fn answer(&mut self, group: &str, hook: &str, instance: &str, result: &str) -> String {
        let request = ApiRequest::autoscaling(
            "test",
            "CompleteLifecycleAction",
            &[
                ("AutoScalingGroupName", group),
                ("LifecycleHookName", hook),
                ("InstanceId", instance),
                ("LifecycleActionResult", result),
            ],
        );
        self.world.call(&request).code.unwrap_or_else(|| "OK".to_owned())
    }

    /// A call in AWS JSON: the reply, or AWS's code.
    #[allow(clippy::needless_pass_by_value, reason = "reads better at the call")]
    pub(crate) fn json(&mut self, target: &str, input: Value) -> Result<Value, String> {
        let reply = self.world.call(&ApiRequest::json("test", target, input));
        match reply.code {
            Some(code) => Err(code),
            None => Ok(serde_json::from_str(&reply.body).unwrap()),
        }
    }

    /// All events so far.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        self.seen.extend(self.world.take_events());
        self.seen.clone()
    }

    pub(crate) fn detail_types(&mut self) -> Vec<String> {
        self.events().iter().map(|event| event["detail-type"].as_str().unwrap().to_owned()).collect()
    }
}
