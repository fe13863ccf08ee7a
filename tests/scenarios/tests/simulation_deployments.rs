//! Lives of deployments that fail: the laws hold whatever becomes of agents, revisions, people and calls; and every permission of the
//! function's role is used, or it is said where.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{sync::LazyLock, thread};

use panda_scenarios::permissions::{unaccounted, used};
use panda_stage::simulate::{Deployment, RunReport, ScenarioReport, Simulator, Strategy, Task, scenario};

const SEEDS: u64 = 300;

static SIMULATOR: LazyLock<Simulator> = LazyLock::new(|| Simulator::new(&Deployment::template()).unwrap());
static LIVES: LazyLock<Vec<RunReport>> = LazyLock::new(|| {
    let task = deployments();
    SIMULATOR.runs(&[task], 1, SEEDS, &|_, _| {}).unwrap().pop().unwrap()
});

fn deployments() -> Task {
    Task { scenario: scenario("deployments").unwrap(), strategy: Strategy::Ours }
}

fn assert_lawful(run: &RunReport, what: &str) {
    let timeline = run.timeline.as_deref().unwrap_or_default();
    assert!(run.violations.is_empty(), "seed {} ({what}): {:#?}\n{timeline}", run.seed, run.violations);
}

#[test]
fn the_laws_of_recovery_hold_in_lives_of_all_kinds() {
    for run in LIVES.iter() {
        assert_lawful(run, "its first time");
    }
    // Who does nothing breaks few laws.
    let report = ScenarioReport::of("deployments", Strategy::Ours, &LIVES);
    let lives = report.recoveries.unwrap();
    assert!(lives.failed > SEEDS && lives.recovered > SEEDS / 3, "{lives:#?}");
    assert!(lives.failed_of_launches > SEEDS / 10 && lives.explained.len() > 12, "{lives:#?}");
    assert!(lives.agents_cured > SEEDS / 3 && lives.seconds_to_success.p50 < 900.0, "{lives:#?}");
}

#[test]
fn the_same_seed_is_the_same_life() {
    let again = thread::spawn(|| SIMULATOR.run(deployments(), 3, false).unwrap()).join().unwrap();
    assert_eq!(format!("{again:?}"), format!("{:?}", LIVES[2]));
}

/// Seeds that once broke a law, with what they found.
#[test]
fn seeds_that_found_faults_stay_lawful() {
    let found = [
        (
            395,
            "a read of the instances behind that of the deployment was taken for a silent agent, and a failing script tried again",
        ),
        (
            439,
            "what was asked of an invocation that died was forgotten by the next one, which saw a stage of seconds ago",
        ),
        (373, "an invocation was woken before the case was let go, found it taken, and nobody looked again"),
        (13, "the same at a launch: an agent that polled was restarted"),
        (27, "a deployment that CodeDeploy ended for a reason of its own was taken for a dead agent"),
        (72, "a read of the pipeline behind that of a young deployment made it nobody's, and people heard of it twice"),
        (83, "a late event of an attempt that the pipeline no longer shows made its deployment nobody's"),
        (276, "a second look at a launch found another cause, and told it as well"),
        (
            700,
            "a read that did not know a deployment yet was taken for one that does not exist, and people were told nothing",
        ),
        (792, "the failed deployment of an execution was not looked for once a newer one was at the stage"),
        (1118, "the same, and people heard of the deployment as well"),
        (1490, "a deployment was told of as nobody's before its execution could note it"),
        (
            53,
            "the answer to letting go of a case was lost, and with it the note that somebody had asked for another look",
        ),
    ];
    for (seed, what) in found {
        assert_lawful(&SIMULATOR.run(deployments(), seed, false).unwrap(), what);
    }
}

/// What these lives do not use, with the test that does.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "autoscaling:SetInstanceHealth",
        "panda-domain: an_instance_is_replaced_only_beyond_cure_for_auto_scaling_one_at_a_time_and_never_the_last_server",
    ),
    ("events:PutEvents", "a_wait_that_outlives_the_invocation_is_gone_on_with_by_another_one"),
];

#[test]
fn every_permission_of_the_role_is_used_by_these_lives_or_it_is_said_where() {
    let function = "deployment-recovery";
    assert_eq!(unaccounted(function, &used(function, LIVES.iter()), &ELSEWHERE), Vec::<String>::new());
}
