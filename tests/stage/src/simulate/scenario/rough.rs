//! Everything at once: many deeds at random times, on a bad day.

use std::time::Duration;

use fastrand::Rng;
use panda_world::{Act, Faults, FleetSpec, MaintenanceSpec, WarmPoolSpec};

use super::{
    Deed, Demand, Over, Script, Step, Whom,
    catalogue::{fleet, kill, neighbour, to},
};

/// The deeds fall into this time.
const WINDOW_SECONDS: u64 = 480;

pub(super) fn script(rng: &mut Rng) -> Script {
    let addresses = rng.u8(1..=2);
    let desired = u32::from(addresses) + rng.u32(0..=2);
    let mut fleet = fleet(addresses, desired);
    for group in &mut fleet.groups {
        group.max = desired + 3;
        group.spot = rng.bool();
        group.capacity_rebalance = rng.bool();
        group.maintenance = rng.bool().then_some(MaintenanceSpec { min_percent: 100, max_percent: 200 });
        group.second_interface = rng.u8(0..5) == 0;
        group.public_addresses = rng.u8(0..4) > 0;
        if rng.u8(0..5) == 0 {
            group.warm_pool = Some(WarmPoolSpec { min: 1, prepared: None, state: "Stopped".to_owned() });
        }
        if rng.bool() {
            group.zones.push("us-east-1c".to_owned());
        }
    }
    let mut deployed = false;
    let mut steps: Vec<Step> = (0..rng.usize(3..=8))
        .map(|_| {
            let deed = deed(rng, &fleet, desired, deployed);
            deployed |= matches!(deed, Deed::Do(Act::BlueGreen { .. }));
            Step { after: Duration::from_millis(rng.u64(0..WINDOW_SECONDS * 1000)), deed }
        })
        .collect();
    steps.sort_by_key(|step| step.after);
    // The first is the one that the others are reckoned from.
    if let Some(first) = steps.first_mut() {
        first.after = Duration::ZERO;
    }
    let zones = fleet.groups.iter().flat_map(|group| &group.zones);
    let mend: Vec<Deed> = zones.map(|zone| Deed::Do(Act::RestoreZone { zone: zone.clone() })).collect();
    steps.extend(mend.into_iter().map(|deed| Step { after: Duration::from_secs(WINDOW_SECONDS), deed }));
    let over = if deployed { Over::Replaced("web".to_owned()) } else { Over::Healthy };
    Script { fleet, neighbours: vec![neighbour()], steps, faults: Faults::rough(), over, demand: Demand::Laws }
}

fn deed(rng: &mut Rng, fleet: &FleetSpec, desired: u32, deployed: bool) -> Deed {
    let holder = Whom::Holder(rng.usize(0..2));
    let anyone = if rng.bool() { holder } else { Whom::Spare(rng.usize(0..4)) };
    let group = || "web".to_owned();
    let decrement = rng.bool();
    match rng.u8(0..20) {
        0..=3 => kill(rng, anyone),
        4 => to(anyone, |i| Act::Stop { instance: i.id.clone() }),
        5 => to(Whom::Stopped(0), |i| Act::Start { instance: i.id.clone() }),
        6 => to(anyone, |i| Act::SpotNotice { instance: i.id.clone(), lead_seconds: 120 }),
        7 => to(anyone, |i| Act::SpotNotice { instance: i.id.clone(), lead_seconds: 39 }),
        8 => to(anyone, |i| Act::Rebalance { instance: i.id.clone() }),
        9 => to(anyone, |i| Act::FailStatusChecks { instance: i.id.clone() }),
        10 => to(Whom::Failing(0), |i| Act::RepairStatusChecks { instance: i.id.clone() }),
        11 => to(holder, move |i| Act::LoseZone { zone: i.zone.clone(), silent: decrement }),
        12 => Deed::Do(Act::SetDesired { group: group(), desired: desired + 1 }),
        13 => Deed::Do(Act::SetDesired { group: group(), desired: (desired - 1).max(1) }),
        14 => Deed::Do(Act::StartInstanceRefresh { group: group() }),
        15 => to(anyone, move |i| Act::Detach { instance: i.id.clone(), decrement }),
        16 => to(anyone, move |i| Act::EnterStandby { instance: i.id.clone(), decrement }),
        17 => to(Whom::InStandby(0), |i| Act::ExitStandby { instance: i.id.clone() }),
        18 if !deployed => Deed::Do(Act::BlueGreen { group: group(), green: "CodeDeploy_web_d-7XK2M9QAB".to_owned() }),
        18 => to(anyone, |i| Act::ScheduleRetirement { instance: i.id.clone(), after_seconds: 300 }),
        _ => match (rng.u8(0..3), fleet.addresses.first().cloned()) {
            (0, Some(public_ip)) => Deed::Do(Act::Disassociate { public_ip }),
            (1, Some(public_ip)) => {
                to(Whom::Spare(0), move |i| Act::Associate { public_ip: public_ip.clone(), instance: i.id.clone() })
            }
            _ => to(anyone, |i| Act::SetHealth { instance: i.id.clone(), healthy: false }),
        },
    }
}
