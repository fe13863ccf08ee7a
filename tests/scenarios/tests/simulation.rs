//! Lives of fleets against the simulated AWS: the laws hold in every scenario, the same seed is the same life, and the function beats the
//! user-data script.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{sync::LazyLock, thread};

use panda_scenarios::permissions::{unaccounted, used};
use panda_stage::simulate::{
    Deployment, RunReport, ScenarioReport, Simulator, Strategy, Task, scale, scenario, scenarios,
};

/// Years, which take a thousand times as long. The fourth once found a kill whose reply was lost, and which was told as one that hit nobody.
const SEEDS_OF_YEARS: u64 = 4;

/// Lives of each scenario; `panda-stage simulate` plays as many as one likes.
const SEEDS: u64 = 30;

static SIMULATOR: LazyLock<Simulator> = LazyLock::new(|| Simulator::new(&Deployment::template()).unwrap());

fn task(name: &str, strategy: Strategy) -> Task {
    Task { scenario: scenario(name).unwrap(), strategy }
}

fn assert_lawful(task: Task, runs: &[RunReport]) {
    if let Some(run) = runs.iter().find(|run| !run.violations.is_empty()) {
        let (name, timeline) = (task.scenario.name, run.timeline.as_deref().unwrap_or_default());
        panic!("{name} with {}, seed {}: {:#?}\n{timeline}", task.strategy, run.seed, run.violations);
    }
}

fn play(name: &str, strategy: Strategy, first: u64, seeds: u64) -> Vec<RunReport> {
    let task = task(name, strategy);
    let runs = SIMULATOR.runs(&[task], first, seeds, &|_, _| {}).unwrap().pop().unwrap();
    assert_eq!(runs.len() as u64, seeds);
    assert_lawful(task, &runs);
    runs
}

/// One test for each scenario, so that a failure has its name.
macro_rules! the_laws_hold_in {
    ($($test:ident = $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                play($name, Strategy::Ours, 1, SEEDS);
            }
        )*

        const TESTED: &[&str] = &[$($name),*];
    };
}

the_laws_hold_in! {
    the_laws_hold_when_the_group_shrinks = "scale-in",
    the_laws_hold_when_the_holder_is_killed_beside_a_spare = "kill-with-spare",
    the_laws_hold_when_the_only_instance_is_killed = "kill-without-spare",
    the_laws_hold_when_two_holders_are_killed_within_a_minute = "two-kills-within-a-minute",
    the_laws_hold_when_a_zone_goes_dark = "zone-loss",
    the_laws_hold_when_ec2_does_not_answer_for_a_dark_zone = "zone-silence",
    the_laws_hold_when_spot_warns_two_minutes_before = "spot-notice-120",
    the_laws_hold_when_spot_warns_39_seconds_before = "spot-notice-39",
    the_laws_hold_when_status_checks_fail = "failing-status-checks",
    the_laws_hold_when_a_person_stops_the_holder = "stopped-by-hand",
    nothing_moves_when_a_newcomer_joins_a_healthy_holder = "new-launch-beside-healthy-holder",
    the_laws_hold_during_an_instance_refresh = "instance-refresh",
    the_laws_hold_during_a_blue_green_deployment = "blue-green",
    the_laws_hold_for_two_addresses_on_three_instances = "pool-of-two-on-three",
    the_laws_hold_with_a_warm_pool = "warm-pool",
    the_laws_hold_when_everything_happens_at_once = "everything-at-once",
}

static YEARS: LazyLock<Vec<RunReport>> = LazyLock::new(|| play("chaos-year", Strategy::Ours, 1, SEEDS_OF_YEARS));

#[test]
fn the_limits_of_chaos_hold_for_years_of_fleets_of_all_kinds() {
    let report = ScenarioReport::of("chaos-year", Strategy::Ours, &YEARS);
    let years = report.years.as_ref().unwrap();
    // A panda that sleeps all year breaks no law either.
    assert!(years.kills > 5 * SEEDS_OF_YEARS && years.verdicts["survived"] > 4 * SEEDS_OF_YEARS, "{years:#?}");
    assert!(years.faults.len() > 1 && years.spared_late.len() > 3 && years.failed.len() > 2, "{years:#?}");
    assert!(years.reads_per_quiet_tick < 3.0, "{years:#?}");
}

#[test]
fn every_permission_of_the_panda_is_used_in_years_or_it_is_said_where() {
    let elsewhere = [
        // For deployment groups that pick instances by their tags, which the simulated AWS does not have.
        (
            "codedeploy:ListDeploymentTargets",
            "panda-aws: a_deployment_group_that_picks_by_tags_is_told_from_one_that_does_not",
        ),
    ];
    assert_eq!(unaccounted("panda", &used("panda", YEARS.iter()), &elsewhere), Vec::<String>::new());
}

#[test]
fn every_permission_of_the_failover_is_used_in_lives_or_it_is_said_where() {
    let lives = ["everything-at-once", "warm-pool", "kill-with-spare"].map(|name| play(name, Strategy::Ours, 1, 10));
    let used = used("elastic-ip-failover", lives.iter().flatten());
    assert_eq!(unaccounted("elastic-ip-failover", &used, &[]), Vec::<String>::new());
}

#[test]
fn the_same_seed_is_the_same_year() {
    let again = thread::spawn(|| SIMULATOR.run(task("chaos-year", Strategy::Ours), 1, false).unwrap()).join().unwrap();
    assert_eq!(format!("{again:?}"), format!("{:?}", YEARS[0]));
}

/// Years that once broke a law.
#[test]
fn years_that_found_faults_stay_lawful() {
    // The reply of a graceful kill was lost, and the experiment said that nothing had died.
    play("chaos-year", Strategy::Ours, 4, 1);
}

#[test]
fn every_scenario_is_tested_and_knows_strategies_that_make_sense() {
    let names: Vec<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
    assert_eq!(names, [TESTED, &["chaos-year", "deployments"]].concat());
    assert!(scenarios().iter().all(|scenario| scenario.strategies.contains(&Strategy::Ours)));
}

#[test]
fn the_sweep_alone_heals_every_fleet() {
    for scenario in scenarios().iter().filter(|one| one.strategies.contains(&Strategy::SweepOnly)) {
        play(scenario.name, Strategy::SweepOnly, 1, 5);
    }
}

#[test]
fn the_same_seed_is_the_same_life_whatever_ran_before_and_on_whatever_thread() {
    for name in ["kill-with-spare", "blue-green", "everything-at-once"] {
        let life = |seed| SIMULATOR.run(task(name, Strategy::Ours), seed, true).unwrap().timeline.unwrap();
        let first = thread::spawn(move || life(7)).join().unwrap();
        let others = thread::spawn(move || {
            let _another = life(8);
            let _a_third = life(9);
            (life(7), life(7))
        });
        let (second, third) = others.join().unwrap();
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(move || life(7))).collect();
        let rest = threads.into_iter().map(|thread| thread.join().unwrap());
        for (number, other) in [second, third].into_iter().chain(rest).enumerate() {
            let differs = first.lines().zip(other.lines()).find(|(a, b)| a != b);
            assert_eq!(differs, None, "{name}, life {number}");
            assert_eq!(first.len(), other.len(), "{name}, life {number}");
        }
        assert_ne!(first, thread::spawn(move || life(8)).join().unwrap(), "{name}: seeds differ");
    }
}

/// From a death to an answer there are the event's delivery (1.5 s at the most), the function, and the network's settling (6 s at the most).
#[test]
fn with_a_spare_the_outage_after_a_kill_is_the_delivery_a_second_and_the_settling_and_a_fifth_of_the_scripts_at_most() {
    let ours = SIMULATOR.survey(task("kill-with-spare", Strategy::Ours), 1, 100).unwrap();
    let script = SIMULATOR.survey(task("kill-with-spare", Strategy::BootSteal), 1, 100).unwrap();
    assert_eq!((ours.runs, ours.violations), (100, 0));
    assert!(ours.outage_seconds.p99 <= 1.5 + 1.0 + 6.0, "{ours:?}");
    assert!(ours.outage_seconds.p50 * 5.0 <= script.outage_seconds.p50, "{ours:?}\n{script:?}");
    assert!(ours.outage_seconds.max < script.outage_seconds.p50);
}

#[test]
fn the_script_moves_the_address_away_from_a_healthy_holder_and_the_function_never_does() {
    let script = SIMULATOR.survey(task("new-launch-beside-healthy-holder", Strategy::BootSteal), 1, 20).unwrap();
    assert_eq!(script.needless_moves, 20, "{script:?}");
    assert!(script.outage_seconds.p50 > 10.0, "{script:?}");
    let ours = SIMULATOR.survey(task("new-launch-beside-healthy-holder", Strategy::Ours), 1, 20).unwrap();
    assert_eq!((ours.moves, ours.outage_seconds.max), (0, 0.0), "{ours:?}");
}

/// Every event for an instance that its environment did not know once read every group of the account, page by page: with 300 fleets a lost
/// zone used up Auto Scaling's request limit, and addresses moved after a minute.
#[test]
fn a_zones_loss_in_an_account_with_two_pages_of_groups_moves_every_address_at_once_and_no_call_is_refused() {
    let report = scale::survey(&Deployment::template(), &[120], 1).unwrap();
    let [size] = &*report.sizes else { panic!("one size: {report:?}") };
    let zone = &size.zone;
    assert_eq!((size.unmet, zone.deaths, zone.moves), (0, 40, 40), "{zone:?}");
    for phase in [&size.rest, &size.single, zone] {
        assert!(phase.refused.is_empty(), "{phase:?}");
    }
    assert!(zone.death_to_move.max < 5.0, "{zone:?}");
    // One page for each look at one fleet; two for each environment's first, and for the sweeps.
    let (groups, addresses) = (zone.calls["DescribeAutoScalingGroups"], zone.calls["DescribeAddresses"]);
    assert!(groups * 4 < addresses * 5, "{zone:?}");
    // At rest, the sweep's two pages each minute, and the panda's tick.
    assert!(size.rest.calls_per_minute() < 10.0, "{:?}", size.rest);
}

/// Seeds that once broke a law, with what they found.
#[test]
fn seeds_that_found_faults_stay_lawful() {
    let found = [
        (
            "everything-at-once",
            45,
            "a terminate hook of the warm pool, which Auto Scaling does not list, was taken for done",
        ),
        (
            "everything-at-once",
            13,
            "a hook was completed after the settling although the address had come back meanwhile",
        ),
        (
            "everything-at-once",
            127,
            "a read that still showed the leaving instance in service outweighed its hook's event",
        ),
        ("everything-at-once", 161, "the same, a successor being on its way"),
        ("everything-at-once", 135, "world: a replacement that died was never replaced"),
        ("everything-at-once", 390, "world: an unhealthy warm instance kept a group above what it wanted"),
        ("two-kills-within-a-minute", 72, "a member launched since the last look cost a fourth read before the move"),
        (
            "blue-green",
            8,
            "one environment moved the address, another released its server before the network had followed",
        ),
        ("instance-refresh", 9, "the same, between the event of a launch and that of a hook"),
        ("everything-at-once", 92, "a member that Auto Scaling was about to replace was counted as one that stays"),
        ("everything-at-once", 197, "the address came back to a server during the settling, and went down with it"),
        (
            "everything-at-once",
            489,
            "a read from before the tag left a warm instance of a new environment to its heartbeat",
        ),
        (
            "everything-at-once",
            1867,
            "a launch hook in a lost zone, whose event was lost too, waited for its heartbeat",
        ),
        ("everything-at-once", 1895, "law: both zones were lost, and every look failed"),
        ("warm-pool", 25, "a prepared instance that was terminated waited for its heartbeat"),
    ];
    for (name, seed, what) in found {
        let run = SIMULATOR.run(task(name, Strategy::Ours), seed, false).unwrap();
        assert!(
            run.violations.is_empty(),
            "{name} seed {seed} ({what}): {:#?}\n{}",
            run.violations,
            run.timeline.unwrap_or_default()
        );
    }
}
