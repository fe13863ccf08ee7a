//! Whatever happens, in whatever order: the world stays consistent, and a fleet left alone heals.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use panda_world::{
    Act, ApiRequest, Faults, FleetSpec, GroupSpec, Health, HookSpec, InstanceState, Kind, Lifecycle, MaintenanceSpec,
    WarmPoolSpec, World,
};
use support::{IP, Run};

const SECOND_IP: &str = "203.0.113.11";

fn random_fleet(rng: &mut fastrand::Rng) -> FleetSpec {
    let maintenance = rng.bool().then_some(MaintenanceSpec { min_percent: 100, max_percent: 200 });
    let warm_pool = rng.bool().then(|| WarmPoolSpec {
        min: 1,
        prepared: None,
        state: if rng.bool() { "Stopped" } else { "Running" }.to_owned(),
    });
    let group = GroupSpec {
        desired: rng.u32(1..4),
        max: 4,
        maintenance,
        warm_pool,
        spot: rng.bool(),
        capacity_rebalance: rng.bool(),
        second_interface: rng.bool(),
        boot_steal: rng.bool().then(|| IP.to_owned()),
        ..GroupSpec::default()
    };
    FleetSpec { addresses: vec![IP.to_owned(), SECOND_IP.to_owned()], groups: vec![group], ..FleetSpec::default() }
}

fn random_act(world: &World, rng: &mut fastrand::Rng) -> Act {
    let ids: Vec<String> = world.instances().map(|instance| instance.id.clone()).collect();
    let instance = rng.choice(ids).unwrap_or_default();
    let group = rng.choice(world.groups().map(|group| group.name.clone()).collect::<Vec<_>>()).unwrap_or_default();
    let decrement = rng.bool();
    let names = vec![["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy"][rng.usize(0..4)].to_owned()];
    let zone = ["us-east-1a", "us-east-1b"][rng.usize(0..2)].to_owned();
    let public_ip = if rng.bool() { IP } else { SECOND_IP }.to_owned();
    match rng.u8(0..24) {
        0..=2 => Act::Terminate { instance },
        3 => Act::Crash { instance },
        4 => Act::Stop { instance },
        5 => Act::Start { instance },
        6 => Act::SpotNotice { instance, lead_seconds: rng.u32(0..121) },
        7 => Act::Rebalance { instance },
        8 => Act::FailStatusChecks { instance },
        9 => Act::RepairStatusChecks { instance },
        10 => Act::LoseZone { zone, silent: rng.bool() },
        11 => Act::RestoreZone { zone },
        12 => Act::SetDesired { group, desired: rng.u32(1..5) },
        13 => Act::StartInstanceRefresh { group },
        14 => Act::ScheduleRetirement { instance, after_seconds: 600 },
        15 => Act::Detach { instance, decrement },
        16 => Act::EnterStandby { instance, decrement },
        17 => Act::ExitStandby { instance },
        18 => Act::SetHealth { instance, healthy: rng.bool() },
        19 => Act::TerminateInGroup { instance, decrement },
        20 => Act::Suspend { group, names },
        21 => Act::Resume { group, names },
        22 => Act::Disassociate { public_ip },
        _ => Act::Associate { public_ip, instance },
    }
}

fn check(world: &World, seed: u64) {
    let mut holders = BTreeSet::new();
    for address in world.addresses() {
        let Some(on) = &address.association else { continue };
        assert!(holders.insert(on.interface.clone()), "seed {seed}: two addresses on {}", on.interface);
        let holder = world.instance(&on.instance).unwrap();
        assert_ne!(holder.state, InstanceState::Terminated, "seed {seed}");
        assert_eq!(holder.primary_interface().unwrap().id, on.interface, "seed {seed}");
        assert_eq!(holder.auto_public_ip, None, "seed {seed}");
        assert_eq!(world.serving_at(&address.public_ip), address.serving.as_deref(), "seed {seed}");
    }
    for group in world.groups() {
        for member in group.members.values() {
            let waits = matches!(member.lifecycle, Lifecycle::PendingWait | Lifecycle::TerminatingWait);
            assert_eq!(waits, !member.waiting.is_empty(), "seed {seed}: {member:?}");
        }
    }
}

#[test]
fn a_fleet_left_alone_after_anything_at_all_heals() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut run = Run::seeded(seed, &random_fleet(&mut rng));
        for _ in 0..40 {
            let act = random_act(&run.world, &mut rng);
            // AWS refuses what the state does not allow; that is a possible life too.
            run.world.act(&act).ok();
            check(&run.world, seed);
            let to = run.world.now() + Duration::from_millis(rng.u64(0..120_000));
            run.world.advance_to(to);
            check(&run.world, seed);
        }
        for zone in ["us-east-1a", "us-east-1b"] {
            run.act(Act::RestoreZone { zone: zone.into() });
        }
        run.act(Act::Resume { group: "web".into(), names: vec![] });
        run.pass(4 * 3_600);
        check(&run.world, seed);
        let group = run.world.group("web").unwrap();
        let counted: Vec<_> = group.counted().collect();
        assert_eq!(counted.len(), group.desired as usize, "seed {seed}: {group:?}");
        for member in counted {
            let instance = run.world.instance(&member.instance).unwrap_or_else(|| panic!("seed {seed}: {member:?}"));
            assert_eq!(
                (member.lifecycle, member.health),
                (Lifecycle::InService, Health::Healthy),
                "seed {seed}: {group:?}"
            );
            assert_eq!(instance.state, InstanceState::Running, "seed {seed}: {member:?}");
            assert!(instance.answers() || instance.prepared, "seed {seed}: {instance:?}");
        }
        assert!(group.active_refresh().is_none(), "seed {seed}: {:?} {:#?}", group.active_refresh(), group.members);
        let leaving = group.members.values().filter(|member| member.lifecycle.is_terminating()).count();
        assert_eq!(leaving, 0, "seed {seed}");
        run.pass(86_400);
        assert!(run.world.next_due().is_none(), "seed {seed}: nothing is left to happen in a fleet at rest");
    }
}

#[test]
fn a_thousand_hours_pass_quickly_and_leave_little_behind() {
    let mut run = Run::of(&FleetSpec {
        groups: vec![GroupSpec { hooks: vec![HookSpec::terminate("elastic-ip-terminate")], ..GroupSpec::default() }],
        ..FleetSpec::default()
    });
    run.world.set_faults(Faults::rough());
    let request = ApiRequest::ec2("test", "DescribeInstances", &[]);
    for _ in 0..1_000 {
        let members = run.in_service("web");
        if let Some(victim) = members.first() {
            run.act(Act::Terminate { instance: victim.clone() });
        }
        for _ in 0..60 {
            run.pass(60);
            assert_eq!(run.world.call(&request).status, 200);
        }
        run.world.take_events();
        run.world.take_journal();
    }
    assert!(run.world.instances().count() < 20);
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn the_journal_of_serving_agrees_with_what_answers() {
    for seed in 0..50 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut run = Run::seeded(seed, &random_fleet(&mut rng));
        let mut believed = run.world.serving_at(IP).map(str::to_owned);
        run.world.take_journal();
        for _ in 0..200 {
            let act = random_act(&run.world, &mut rng);
            run.world.act(&act).ok();
            run.pass(rng.u64(0..30));
            for entry in run.world.take_journal() {
                if let Kind::Serving { public_ip, instance } = entry.kind
                    && public_ip == IP
                {
                    assert_ne!(instance, believed, "seed {seed}: only changes are written");
                    believed = instance;
                }
            }
            assert_eq!(run.world.serving_at(IP).map(str::to_owned), believed, "seed {seed}");
        }
    }
}
