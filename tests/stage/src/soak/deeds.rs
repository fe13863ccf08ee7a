//! What happens to a fleet? Deaths of all kinds, and what else people and AWS do to servers.

use fastrand::Rng;
use panda_world::{Act, InstanceState, Lifecycle, World};

/// Something that is done to a fleet now, with its name for the account; nothing if nobody is there whom it could be done to.
pub(super) fn draw(rng: &mut Rng, world: &World, fleet: &str, public_ip: &str) -> Option<(&'static str, Act)> {
    let group = world.group(fleet)?;
    let holder = world.holder_of(public_ip).map(str::to_owned);
    let anyone = |rng: &mut Rng| {
        let living: Vec<&String> = group
            .members
            .keys()
            .filter(|id| world.instance(id).is_some_and(|instance| instance.state == InstanceState::Running))
            .collect();
        (!living.is_empty()).then(|| living.get(rng.usize(0..living.len())).map(|id| (*id).clone())).flatten()
    };
    let victim = |rng: &mut Rng| holder.clone().filter(|_| rng.bool()).or_else(|| anyone(rng));
    let in_state = |lifecycle: Lifecycle| {
        group.members.values().find(|member| member.lifecycle == lifecycle).map(|member| member.instance.clone())
    };
    Some(match rng.u8(0..20) {
        0..=4 => ("terminated", Act::Terminate { instance: victim(rng)? }),
        5..=8 => ("crashed", Act::Crash { instance: victim(rng)? }),
        9..=11 => ("terminated in its group", Act::TerminateInGroup { instance: victim(rng)?, decrement: false }),
        12 => ("set unhealthy", Act::SetHealth { instance: victim(rng)?, healthy: false }),
        13 => ("stopped", Act::Stop { instance: victim(rng)? }),
        14 => ("spot notice", Act::SpotNotice { instance: victim(rng)?, lead_seconds: 20 }),
        15 => ("status checks failing", Act::FailStatusChecks { instance: victim(rng)? }),
        16 => ("resized", Act::SetDesired { group: fleet.to_owned(), desired: rng.u32(1..=3) }),
        17 => ("disassociated", Act::Disassociate { public_ip: public_ip.to_owned() }),
        18 => match in_state(Lifecycle::Standby) {
            Some(instance) => ("back from standby", Act::ExitStandby { instance }),
            None => ("into standby", Act::EnterStandby { instance: victim(rng)?, decrement: false }),
        },
        _ => ("rebalance recommended", Act::Rebalance { instance: victim(rng)? }),
    })
}

/// Whatever puts the fleet right, when nothing more is to happen to it.
pub(super) fn tidy(world: &World, fleet: &str, desired: u32) -> Vec<Act> {
    let Some(group) = world.group(fleet) else { return Vec::new() };
    // Its size before the rest too, so that there is room for those who come back from standby.
    let sized = Act::SetDesired { group: fleet.to_owned(), desired };
    let mut acts = vec![sized.clone()];
    for member in group.members.values() {
        let instance = member.instance.clone();
        if member.lifecycle == Lifecycle::Standby {
            acts.push(Act::ExitStandby { instance: instance.clone() });
        }
        if world.instance(&instance).is_some_and(|one| one.failing) {
            acts.push(Act::RepairStatusChecks { instance });
        }
    }
    acts.push(sized);
    acts
}
