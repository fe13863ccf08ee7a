//! Which zone gets the next instance, and who goes at scale-in?

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::member::{Lifecycle, Member};
use crate::world::World;

impl World {
    /// Counted members of each of the group's zones.
    pub(crate) fn spread(&self, name: &str) -> BTreeMap<String, usize> {
        let Some(group) = self.state.groups.get(name) else { return BTreeMap::new() };
        let mut spread: BTreeMap<String, usize> = group.zones.keys().map(|zone| (zone.clone(), 0)).collect();
        for member in group.counted() {
            if let Some(count) = self.state.instances.get(&member.instance).and_then(|i| spread.get_mut(&i.zone)) {
                *count += 1;
            }
        }
        spread
    }

    /// The zone with the fewest members `[doc]`, among equals by chance; zones where a launch just failed come last.
    pub(crate) fn launch_zone(&mut self, name: &str) -> Option<(String, String)> {
        let mut choice: Vec<(bool, usize, u32, String)> = Vec::new();
        for (zone, count) in self.spread(name) {
            let until = self.state.groups.get(name)?.avoided.get(&zone);
            let avoided = until.is_some_and(|until| *until > self.now);
            choice.push((avoided, count, self.rng.u32(..), zone));
        }
        let (_, _, _, zone) = choice.into_iter().min()?;
        let subnet = self.state.groups.get(name)?.zones.get(&zone)?.clone();
        Some((zone, subnet))
    }

    /// Default termination policy `[doc]`: the zone with the most members, there the oldest launch template, then the one
    /// closest to its next billing hour. Protected members stay.
    pub(crate) fn scale_in_victim(&self, name: &str) -> Option<String> {
        let group = self.state.groups.get(name)?;
        let spread = self.spread(name);
        let key = |member: &&Member| {
            let instance = self.state.instances.get(&member.instance);
            let crowd = instance.and_then(|i| spread.get(&i.zone)).copied().unwrap_or(0);
            let age = instance.map_or(0, |i| self.now.as_second() - i.launched.as_second());
            (Reverse(crowd), member.version, Reverse(age.rem_euclid(3_600)), member.instance.clone())
        };
        let candidates = || group.counted().filter(|member| !member.protected);
        // Members in service before those that are still coming: AWS selects among running ones `[infer]`.
        candidates()
            .filter(|member| member.lifecycle == Lifecycle::InService)
            .min_by_key(key)
            .or_else(|| candidates().min_by_key(key))
            .map(|member| member.instance.clone())
    }
}
