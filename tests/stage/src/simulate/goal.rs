//! Is every address where it belongs? Judged from the world's own state, after the last look.

use panda_world::{CheckStatus, FleetSpec, Health, Instance, InstanceState, Lifecycle, Member, World};

use super::scenario::groups_of;

/// What is left undone: addresses on the dead or on the worse while the better idle, two on one, instances stuck in a hook of ours.
pub(super) fn unmet(world: &World, fleet: &FleetSpec) -> Vec<String> {
    let mut unmet = Vec::new();
    let members: Vec<(&Member, &Instance)> = groups_of(world, fleet)
        .flat_map(|group| group.members.values())
        .filter_map(|member| Some((member, world.instance(&member.instance)?)))
        .collect();
    let holders: Vec<Option<&str>> = fleet.addresses.iter().map(|ip| world.holder_of(ip)).collect();
    let fitness_of = |id: &str| {
        members
            .iter()
            .find(|(member, _)| member.instance == id)
            .and_then(|(member, instance)| fitness(member, instance))
    };
    let idle: Vec<(&str, u8)> = members
        .iter()
        .filter(|(member, _)| !holders.contains(&Some(member.instance.as_str())))
        .filter_map(|(member, instance)| Some((member.instance.as_str(), fitness(member, instance)?)))
        .collect();
    let best_idle = idle.iter().min_by_key(|(_, fitness)| *fitness);
    for (ip, holder) in fleet.addresses.iter().zip(&holders) {
        let fitness = holder.and_then(fitness_of);
        let on = holder.unwrap_or("nobody");
        match (fitness, best_idle) {
            (None, Some((better, _))) => unmet.push(format!("{ip} is on {on}, though {better} could have it")),
            (Some(worse), Some((better, best))) if *best < worse => {
                unmet.push(format!("{ip} is on {on} (tier {worse}), though {better} is better (tier {best})"));
            }
            _ => {}
        }
        let twice = holder.is_some() && holders.iter().filter(|other| *other == holder).count() > 1;
        if twice && let Some((free, _)) = best_idle {
            unmet.push(format!("{ip} is not the only address on {on}, though {free} has none"));
        }
    }
    for (member, _) in &members {
        for action in member.waiting.iter().filter(|action| action.hook.starts_with("elastic-ip")) {
            unmet.push(format!("{} still waits in {}", member.instance, action.hook));
        }
    }
    unmet
}

/// How fit an instance is, the best is 0; `None` where it must not hold an address. The function can know no more than this after fresh
/// reads: status checks and marks as AWS shows them, not the truth behind them.
fn fitness(member: &Member, instance: &Instance) -> Option<u8> {
    if instance.state != InstanceState::Running || member.warm {
        return None;
    }
    let marked = instance.tags.contains_key("lethargic-panda:leaving");
    match member.lifecycle {
        Lifecycle::Detaching | Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Hibernated => None,
        // It boots over the public address that it was lent, and must not lose it.
        lifecycle if lifecycle.is_pending() && instance.auto_public_ip.is_some() => None,
        _ if instance.checks == CheckStatus::Impaired => Some(6),
        lifecycle if lifecycle.is_pending() => Some(5),
        _ if member.health == Health::Unhealthy => Some(4),
        Lifecycle::Standby | Lifecycle::EnteringStandby => Some(3),
        lifecycle if lifecycle.is_terminating() => Some(2),
        _ => Some(u8::from(marked)),
    }
}
