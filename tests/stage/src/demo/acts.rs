//! What is done to the fleet, in order, and when it counts as healed.

use std::collections::BTreeMap;

use panda_world::{Act, Health, InstanceState, Lifecycle, World};

/// A Spot Instance has up to two minutes after its notice, and 39 s have been seen. The demo has less patience: the
/// function acts within a second or two of the notice, the rest is waiting.
const SPOT_LEAD_SECONDS: u32 = 12;

/// One thing that is done to the holder of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scene {
    /// Its short name.
    pub cause: &'static str,
    /// The simulation's scenario of the same kind.
    pub scenario: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hunt,
    ScaleIn,
    SpotNotice,
    FailStatusChecks,
}

/// The acts of the demo.
pub const SCENES: [Scene; 4] = [
    Scene { cause: "kill", scenario: "kill-with-spare", kind: Kind::Hunt },
    Scene { cause: "scale-in", scenario: "scale-in", kind: Kind::ScaleIn },
    Scene { cause: "spot notice", scenario: "spot-notice-39", kind: Kind::SpotNotice },
    Scene { cause: "status checks", scenario: "failing-status-checks", kind: Kind::FailStatusChecks },
];

impl Scene {
    /// What to do to the holder; nothing where that is the panda's business.
    #[must_use]
    pub fn act(self, holder: &str) -> Option<Act> {
        let instance = holder.to_owned();
        match self.kind {
            Kind::Hunt => None,
            Kind::ScaleIn => Some(Act::TerminateInGroup { instance, decrement: true }),
            Kind::SpotNotice => Some(Act::SpotNotice { instance, lead_seconds: SPOT_LEAD_SECONDS }),
            Kind::FailStatusChecks => Some(Act::FailStatusChecks { instance }),
        }
    }

    /// The same, in words.
    #[must_use]
    pub fn sentence(self, holder: &str) -> String {
        match self.kind {
            Kind::Hunt => format!("the panda killed {holder} (holder): TerminateInstances, no warning"),
            Kind::ScaleIn => format!("scaled in, {holder} (holder) has to go"),
            Kind::SpotNotice => format!("spot notice for {holder} (holder), gone in {SPOT_LEAD_SECONDS} s"),
            Kind::FailStatusChecks => format!("{holder} (holder) falls silent, its status checks will fail"),
        }
    }

    /// What brings the fleet back to its size, once the address has moved.
    #[must_use]
    pub fn afterwards(self, group: &str, size: u32) -> Option<Act> {
        (self.kind == Kind::ScaleIn).then(|| Act::SetDesired { group: group.to_owned(), desired: size })
    }
}

/// Whether the address answers from an instance other than `victim`, by its association and by its packets.
#[must_use]
pub fn has_moved(world: &World, public_ip: &str, victim: &str) -> bool {
    let serving = world.serving_at(public_ip);
    serving.is_some_and(|instance| instance != victim) && serving == world.holder_of(public_ip)
}

/// Whether `victim` has left the group, and its members are `size`, all in service and answering, one of them at the address. As long as one
/// zone has more of them than another by two, Auto Scaling is about to replace one.
#[must_use]
pub fn has_healed(world: &World, group: &str, public_ip: &str, size: u32, victim: &str) -> bool {
    let Some(group) = world.group(group) else { return false };
    let mut zones: BTreeMap<&str, usize> = group.zones.keys().map(|zone| (zone.as_str(), 0)).collect();
    for member in group.members.values() {
        let Some(instance) = world.instance(&member.instance) else { return false };
        let fit = member.lifecycle == Lifecycle::InService
            && member.health == Health::Healthy
            && instance.state == InstanceState::Running
            && instance.answers();
        if !fit {
            return false;
        }
        *zones.entry(&instance.zone).or_default() += 1;
    }
    let (most, least) = (zones.values().max(), zones.values().min());
    let even = most.zip(least).is_some_and(|(most, least)| most - least < 2);
    let all = u32::try_from(group.members.len()) == Ok(size) && !group.members.contains_key(victim);
    all && even && has_moved(world, public_ip, victim)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use jiff::Timestamp;
    use panda_world::{FleetSpec, Timing};

    use super::*;

    const ADDRESS: &str = "203.0.113.10";

    fn world() -> World {
        let mut world = World::new(1, Timestamp::UNIX_EPOCH, Timing::brisk());
        world.found_fleet(&FleetSpec::default());
        world
    }

    #[test]
    fn a_whole_fleet_has_not_healed_from_an_act_while_the_victim_is_in_it() {
        let world = world();
        let holder = world.holder_of(ADDRESS).unwrap().to_owned();
        assert!(has_healed(&world, "web", ADDRESS, 2, "i-gone"));
        assert!(!has_healed(&world, "web", ADDRESS, 2, &holder));
        assert!(!has_moved(&world, ADDRESS, &holder));
        assert!(!has_healed(&world, "web", ADDRESS, 3, "i-gone"));
    }

    #[test]
    fn each_act_can_be_done_to_the_holder_of_a_whole_fleet() {
        for scene in SCENES {
            let mut world = world();
            let holder = world.holder_of(ADDRESS).unwrap().to_owned();
            if let Some(act) = scene.act(&holder) {
                world.act(&act).unwrap();
            }
            if let Some(afterwards) = scene.afterwards("web", 2) {
                world.act(&afterwards).unwrap();
            }
            assert!(scene.sentence(&holder).contains(&holder));
        }
    }
}
