//! The scenarios.

use std::time::Duration;

use fastrand::Rng;
use panda_world::{Act, Faults, FleetSpec, GroupSpec, MaintenanceSpec, WarmPoolSpec};

use super::{Deed, Demand, Over, Play, Scenario, Script, Step, Whom, rough};
use crate::simulate::Strategy;

const ALL_STRATEGIES: &[Strategy] = &Strategy::ALL;

/// The user-data script knows one address.
const WITH_FUNCTION: &[Strategy] = &[Strategy::Ours, Strategy::SweepOnly];

pub(super) const ALL: &[Scenario] = &[
    Scenario {
        name: "scale-in",
        about: "the group shrinks by one; sometimes it is the holder that goes",
        strategies: ALL_STRATEGIES,
        play: Play::Script(scale_in),
    },
    Scenario {
        name: "kill-with-spare",
        about: "the holder is terminated or crashes, and another instance is in service",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| {
            let mut steps = vec![now(kill(rng, Whom::Holder(0)))];
            if rng.bool() {
                // Instances of others die as well, and that is none of our business.
                steps.push(after(rng.u64(0..60), kill(rng, Whom::Stranger)));
            }
            of(fleet(1, 2), steps)
        }),
    },
    Scenario {
        name: "kill-without-spare",
        about: "the only instance is terminated or crashes",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| of(fleet(1, 1), vec![now(kill(rng, Whom::Holder(0)))])),
    },
    Scenario {
        name: "two-kills-within-a-minute",
        about: "the holder is killed, and within a minute whoever holds the address then",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| {
            let later = Duration::from_millis(rng.u64(0..60_000));
            of(
                fleet(1, 3),
                vec![now(kill(rng, Whom::Holder(0))), Step { after: later, deed: kill(rng, Whom::Holder(0)) }],
            )
        }),
    },
    Scenario {
        name: "zone-loss",
        about: "the holder's Availability Zone goes dark",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|_| of(fleet(1, 4), vec![now(lose_zone(false))])),
    },
    Scenario {
        name: "zone-silence",
        about: "the holder's Availability Zone goes dark, and EC2 does not answer for it",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|_| of(fleet(1, 4), vec![now(lose_zone(true))])),
    },
    Scenario {
        name: "spot-notice-120",
        about: "Spot warns two minutes before it takes the holder, sometimes after a rebalance recommendation",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| spot(rng, 120)),
    },
    Scenario {
        name: "spot-notice-39",
        about: "Spot warns 39 seconds before it takes the holder",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| spot(rng, 39)),
    },
    Scenario {
        name: "failing-status-checks",
        about: "the holder can no longer be reached; sometimes it recovers by itself",
        strategies: ALL_STRATEGIES,
        play: Play::Script(failing_status_checks),
    },
    Scenario {
        name: "stopped-by-hand",
        about: "a person stops the holder, and sometimes starts it again",
        strategies: ALL_STRATEGIES,
        play: Play::Script(stopped_by_hand),
    },
    Scenario {
        name: "new-launch-beside-healthy-holder",
        about: "the group grows by one; nothing must move",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| {
            let desired = rng.u32(1..=3);
            let grow = Act::SetDesired { group: "web".to_owned(), desired: desired + 1 };
            Script { demand: Demand::NoMoves, ..of(fleet(1, desired), vec![now(Deed::Do(grow))]) }
        }),
    },
    Scenario {
        name: "instance-refresh",
        about: "every instance is replaced, with or without launching first",
        strategies: ALL_STRATEGIES,
        play: Play::Script(instance_refresh),
    },
    Scenario {
        name: "blue-green",
        about: "CodeDeploy brings up a copy of the group, then empties the old one",
        strategies: ALL_STRATEGIES,
        play: Play::Script(|rng| {
            let (blue, green) = ("web".to_owned(), "CodeDeploy_web_d-7XK2M9QAB".to_owned());
            let deploy = Deed::Do(Act::BlueGreen { group: blue.clone(), green });
            let desired = rng.u32(1..=2);
            Script { over: Over::Replaced(blue), ..of(fleet(1, desired), vec![now(deploy)]) }
        }),
    },
    Scenario {
        name: "pool-of-two-on-three",
        about: "two addresses on three instances; a holder is killed, sometimes the other one too",
        strategies: WITH_FUNCTION,
        play: Play::Script(|rng| {
            let first = rng.usize(0..2);
            let mut steps = vec![now(kill(rng, Whom::Holder(first)))];
            if rng.bool() {
                let after = Duration::from_millis(rng.u64(0..90_000));
                steps.push(Step { after, deed: kill(rng, Whom::Holder(1 - first)) });
            }
            of(fleet(2, 3), steps)
        }),
    },
    Scenario {
        name: "warm-pool",
        about: "the group grows from its warm pool and shrinks again, or loses its holder, or a prepared instance",
        strategies: ALL_STRATEGIES,
        play: Play::Script(warm_pool),
    },
    Scenario {
        name: "everything-at-once",
        about: "many things at random times, while calls fail, reads lag, events get lost and invocations die",
        strategies: WITH_FUNCTION,
        play: Play::Script(rough::script),
    },
    Scenario {
        name: "chaos-year",
        about: "a year with the panda: fleets of all kinds, people, weather, and deaths at every call; its limits hold",
        strategies: &[Strategy::Ours],
        play: Play::Year,
    },
    Scenario {
        name: "deployments",
        about: "hours of deployments: agents of all conditions, bad revisions, people who stop, push and edit, and faults at every call",
        strategies: &[Strategy::Ours],
        play: Play::Deployments,
    },
];

/// A fleet of one group, and beside it one that is none of our business: its holder's address must stay where it is.
pub(super) fn fleet(addresses: u8, desired: u32) -> FleetSpec {
    FleetSpec {
        addresses: (0..addresses).map(|n| format!("203.0.113.{}", 10 + n)).collect(),
        groups: vec![GroupSpec { desired, max: desired + 3, ..GroupSpec::default() }],
        ..FleetSpec::default()
    }
}

pub(super) fn neighbour() -> FleetSpec {
    FleetSpec {
        name: "somebody-else".to_owned(),
        addresses: vec!["203.0.113.200".to_owned()],
        groups: vec![GroupSpec {
            name: "somebody-else".to_owned(),
            desired: 1,
            hooks: Vec::new(),
            ..GroupSpec::default()
        }],
        tagged: false,
        ..FleetSpec::default()
    }
}

fn of(fleet: FleetSpec, steps: Vec<Step>) -> Script {
    Script {
        fleet,
        neighbours: vec![neighbour()],
        steps,
        faults: Faults::default(),
        over: Over::Healthy,
        demand: Demand::Laws,
    }
}

fn now(deed: Deed) -> Step {
    Step { after: Duration::ZERO, deed }
}

fn after(seconds: u64, deed: Deed) -> Step {
    Step { after: Duration::from_secs(seconds), deed }
}

pub(super) fn to(whom: Whom, act: impl Fn(&panda_world::Instance) -> Act + 'static) -> Deed {
    Deed::To(whom, Box::new(act))
}

/// `TerminateInstances` by a person, or a machine that dies without a clean shutdown.
pub(super) fn kill(rng: &mut Rng, whom: Whom) -> Deed {
    if rng.bool() {
        to(whom, |i| Act::Terminate { instance: i.id.clone() })
    } else {
        to(whom, |i| Act::Crash { instance: i.id.clone() })
    }
}

fn lose_zone(silent: bool) -> Deed {
    to(Whom::Holder(0), move |instance| Act::LoseZone { zone: instance.zone.clone(), silent })
}

fn scale_in(rng: &mut Rng) -> Script {
    let desired = rng.u32(2..=3);
    let shrink = if rng.bool() {
        Deed::Do(Act::SetDesired { group: "web".to_owned(), desired: desired - 1 })
    } else {
        to(Whom::Holder(0), |i| Act::TerminateInGroup { instance: i.id.clone(), decrement: true })
    };
    of(fleet(1, desired), vec![now(shrink)])
}

fn spot(rng: &mut Rng, lead_seconds: u32) -> Script {
    let mut fleet = fleet(1, 2);
    for group in &mut fleet.groups {
        group.spot = true;
        group.capacity_rebalance = rng.bool();
    }
    let warn = to(Whom::Holder(0), move |i| Act::SpotNotice { instance: i.id.clone(), lead_seconds });
    let mut steps = vec![now(warn)];
    if rng.bool() {
        let before = rng.u64(0..200);
        steps = vec![now(to(Whom::Holder(0), |i| Act::Rebalance { instance: i.id.clone() }))];
        steps.push(after(before, to(Whom::Last, move |i| Act::SpotNotice { instance: i.id.clone(), lead_seconds })));
    }
    of(fleet, steps)
}

fn failing_status_checks(rng: &mut Rng) -> Script {
    let mut steps = vec![now(to(Whom::Holder(0), |i| Act::FailStatusChecks { instance: i.id.clone() }))];
    if rng.bool() {
        let repair = to(Whom::Last, |i| Act::RepairStatusChecks { instance: i.id.clone() });
        steps.push(after(rng.u64(20..400), repair));
    }
    of(fleet(1, 2), steps)
}

fn stopped_by_hand(rng: &mut Rng) -> Script {
    let mut steps = vec![now(to(Whom::Holder(0), |i| Act::Stop { instance: i.id.clone() }))];
    if rng.bool() {
        let start = to(Whom::Last, |i| Act::Start { instance: i.id.clone() });
        steps.push(after(rng.u64(20..90), start));
    }
    let alone = rng.u8(0..4) == 0;
    of(fleet(1, if alone { 1 } else { 2 }), steps)
}

fn instance_refresh(rng: &mut Rng) -> Script {
    let mut fleet = fleet(1, rng.u32(1..=3));
    for group in &mut fleet.groups {
        group.maintenance = rng.bool().then_some(MaintenanceSpec { min_percent: 100, max_percent: 200 });
    }
    of(fleet, vec![now(Deed::Do(Act::StartInstanceRefresh { group: "web".to_owned() }))])
}

fn warm_pool(rng: &mut Rng) -> Script {
    let mut fleet = fleet(1, rng.u32(1..=2));
    let desired = fleet.groups.iter().map(|group| group.desired).sum::<u32>();
    for group in &mut fleet.groups {
        let state = if rng.bool() { "Stopped" } else { "Running" };
        group.warm_pool = Some(WarmPoolSpec { min: 1, prepared: Some(desired + 1), state: state.to_owned() });
    }
    let resize = |desired: u32| Deed::Do(Act::SetDesired { group: "web".to_owned(), desired });
    let steps = match rng.u8(0..5) {
        3 => vec![now(kill(rng, Whom::Warm))],
        4 => vec![now(to(Whom::Warm, |i| Act::FailStatusChecks { instance: i.id.clone() }))],
        0 => vec![now(kill(rng, Whom::Holder(0)))],
        1 => vec![now(resize(desired + 1)), after(rng.u64(60..300), resize(desired))],
        _ => vec![now(resize(desired + 1)), after(rng.u64(1..120), kill(rng, Whom::Holder(0)))],
    };
    of(fleet, steps)
}
