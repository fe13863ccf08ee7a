//! Is the fleet well, and every address where it belongs? Judged from the world's own state.

use panda_world::{CheckStatus, FleetSpec, Health, Instance, InstanceState, Lifecycle, Member, RefreshStatus, World};

use super::scenario::{Over, groups_of};

/// What is left undone: addresses on the dead or on the worse while the better idle, two on one, instances stuck in a hook of ours.
pub(crate) fn unmet(world: &World, fleet: &FleetSpec) -> Vec<String> {
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

/// What is not well: members on their way, too few of them, sick ones, an address that nobody serves though somebody could.
pub(crate) fn unwell(world: &World, fleet: &FleetSpec, over: &Over) -> Option<String> {
    let mut serving = 0;
    for group in groups_of(world, fleet) {
        let name = &group.name;
        if group.refreshes.last().is_some_and(|refresh| refresh.status == RefreshStatus::InProgress) {
            return Some(format!("{name} is being refreshed"));
        }
        let mut in_service = 0;
        for member in group.members.values() {
            let Some(instance) = world.instance(&member.instance) else {
                return Some(format!("{} is gone", member.instance));
            };
            match member.lifecycle {
                Lifecycle::InService if member.health == Health::Unhealthy => {
                    return Some(format!("{} is unhealthy", instance.id));
                }
                Lifecycle::InService if instance.retirement.is_some() => {
                    return Some(format!("{} will be retired", instance.id));
                }
                Lifecycle::InService if instance.state == InstanceState::Running && !instance.failing => {
                    in_service += 1;
                }
                Lifecycle::Standby | Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Hibernated => {}
                _ => return Some(format!("{} is {} and {:?}", instance.id, member.lifecycle_state(), instance.state)),
            }
        }
        if in_service != group.desired {
            return Some(format!("{name} has {in_service} of {} in service", group.desired));
        }
        serving += in_service as usize;
    }
    if let Over::Replaced(name) = over
        && world.group(name).is_some_and(|group| group.min > 0)
    {
        return Some(format!("{name} is not scaled down"));
    }
    let served = fleet.addresses.iter().filter(|ip| world.serving_at(ip).is_some()).count();
    let wanted = fleet.addresses.len().min(serving);
    (served < wanted).then(|| format!("{served} of {wanted} addresses are served"))
}
