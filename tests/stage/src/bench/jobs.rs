//! Which jobs are measured, and in what kind of account?
//!
//! Each function has one job that can be done again and again without changing anything; times, memory and instructions are those of it.
//! The other jobs are done once, for their calls.

use std::collections::BTreeMap;

use jiff::Timestamp;
use panda_world::{Act, CommitSpec, DeliverySpec, FleetSpec, GroupSpec, ScriptOutcome, Timing, World};
use serde_json::{Value, json};

/// The seed of every world: who is hit by what is the same each time.
const SEED: u64 = 7;

/// Transitions after which something that should happen has not happened.
const MOST_TRANSITIONS: usize = 10_000;

/// The fleet of most jobs: two servers behind one address, delivered to by a pipeline.
const FLEET: &str = "web";
const ADDRESS: &str = "203.0.113.10";

/// What the panda may do in the bench: at any hour, and almost never, so that a job is the same at any hour too.
const LET_IN: [(&str, &str); 2] = [("lethargic-panda:chaos", "on"), ("lethargic-panda:window", "Mon-Sun 00:00-24:00")];
const RARELY: (&str, &str) = ("lethargic-panda:mean-days", "365");
/// Every day, so that the dice of one group in a hundred fall in each of its slots.
const DAILY: (&str, &str) = ("lethargic-panda:mean-days", "1");

/// A job of a function.
#[derive(Clone, Copy)]
pub struct Job {
    /// Whose.
    pub function: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// The account in which it is done.
    pub account: fn() -> World,
    /// An invocation before, so that the function is warm and knows the fleets.
    pub warmed_by: Option<fn() -> Value>,
    /// Lets happen what the job is about, and gives the event.
    pub event: fn(&mut World) -> Option<Value>,
    /// The call with which the job is done; what follows is not counted.
    pub done_with: Option<&'static str>,
}

/// The function that does nothing, which the others are measured against.
pub const HELLO: &str = "hello-lambda";

/// A function, what its job is in words, and the event that asks for it.
pub type Repeatable = (&'static str, &'static str, fn() -> Value);

/// The functions, each with the event of its repeatable job, in an [`everyday`] account.
pub const REPEATABLE: [Repeatable; 6] = [
    (HELLO, "an empty event", || json!({})),
    ("elastic-ip-failover", STRANGER, || death("i-0123456789abcdef0")),
    ("elastic-ip-failover", SWEEP, scheduled),
    ("panda", TICK, tick),
    ("deployment-recovery", DIAGNOSIS, || json!({"command": "diagnose", "pipeline": FLEET})),
    ("launch-preflight", CHECK, || json!({"command": "check", "fleet": FLEET})),
];

/// The jobs that are done for their calls.
pub const JOBS: [Job; 10] = [
    Job::repeatable("elastic-ip-failover", SWEEP, |_| Some(scheduled())),
    Job {
        warmed_by: Some(scheduled),
        done_with: Some("AssociateAddress"),
        ..Job::repeatable("elastic-ip-failover", FAILOVER, death_of_the_holder)
    },
    Job {
        done_with: Some("AssociateAddress"),
        ..Job::repeatable("elastic-ip-failover", "death of the holder, cold start", death_of_the_holder)
    },
    Job::repeatable("elastic-ip-failover", NO_OP, |_| Some(death("i-0123456789abcdef0"))),
    Job::repeatable("panda", TICK, |_| Some(tick())),
    Job { account: || crowd(100, RARELY), ..Job::repeatable("panda", TICK_100, |_| Some(tick())) },
    Job { account: || crowd(1_000, RARELY), ..Job::repeatable("panda", TICK_1000, |_| Some(tick())) },
    Job { account: || crowd(1_000, DAILY), ..Job::repeatable("panda", TICK_DICE, |_| Some(tick())) },
    Job::repeatable("deployment-recovery", DIAGNOSIS, |_| Some(json!({"command": "diagnose", "pipeline": FLEET}))),
    Job::repeatable("launch-preflight", CHECK, |_| Some(json!({"command": "check", "fleet": FLEET}))),
];

/// What every instance of the account that ends costs.
pub const STRANGER: &str = "death of a stranger";
/// What each minute costs.
pub const SWEEP: &str = "sweep of one fleet";
/// What each quarter of an hour costs.
pub const TICK: &str = "tick over one group";
/// What a person asks.
pub const DIAGNOSIS: &str = "diagnosis of a failed deployment";
/// What a person asks.
pub const CHECK: &str = "check of one fleet";
/// The address moves.
pub const FAILOVER: &str = "death of the holder";
/// An event of an instance of no fleet.
pub const NO_OP: &str = "death of a stranger, cold start";
/// A tick that reads one page.
pub const TICK_100: &str = "tick over 100 groups";
/// A tick that reads ten pages.
pub const TICK_1000: &str = "tick over 1,000 groups";
/// The same with dice that fall.
pub const TICK_DICE: &str = "tick over 1,000 groups, some dice fall";

impl Job {
    const fn repeatable(function: &'static str, name: &'static str, event: fn(&mut World) -> Option<Value>) -> Self {
        Self { function, name, account: everyday, warmed_by: None, event, done_with: None }
    }
}

/// A small account: a fleet whose last deployment failed, in which the panda may act.
#[must_use]
pub fn everyday() -> World {
    let mut world = World::new(SEED, Timestamp::now(), Timing::brisk());
    let deployed = CommitSpec::page("It works.\n");
    world.found_fleet(&FleetSpec {
        name: FLEET.to_owned(),
        addresses: vec![ADDRESS.to_owned()],
        groups: vec![group(FLEET, RARELY)],
        topics: vec!["PandaTopic".to_owned(), "RecoveryTopic".to_owned()],
        delivery: Some(DeliverySpec { rollback: false, deployed: Some(deployed), ..DeliverySpec::default() }),
        ..FleetSpec::default()
    });
    let fails = ScriptOutcome::Fails { exit: 3, log: "nginx: [emerg] unexpected end of file".to_owned(), times: None };
    let commit = CommitSpec::page("It breaks.\n").with("AfterInstall", fails);
    // A pipeline that was just founded takes a push.
    let _ = world.act(&Act::Push { pipeline: FLEET.to_owned(), commit });
    until(&mut world, |world, _| {
        world
            .pipelines()
            .flat_map(|pipeline| &pipeline.executions)
            .any(|execution| execution.status.as_str() == "Failed")
    });
    world
}

/// An account with so many groups that take part.
fn crowd(groups: u32, often: (&str, &str)) -> World {
    let mut world = World::new(SEED, Timestamp::now(), Timing::brisk());
    for number in 0..groups {
        let name = format!("fleet-{number:04}");
        world.found_fleet(&FleetSpec {
            // Addresses are dear: one fleet in ten has one.
            addresses: (number % 10 == 0).then(|| format!("203.0.113.{}", number / 10)).into_iter().collect(),
            groups: vec![GroupSpec { code_deploy: false, ..group(&name, often) }],
            topics: vec!["PandaTopic".to_owned()],
            name,
            ..FleetSpec::default()
        });
    }
    world
}

fn group(name: &str, often: (&str, &str)) -> GroupSpec {
    let tags: BTreeMap<String, String> =
        LET_IN.into_iter().chain([often]).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    GroupSpec { name: name.to_owned(), tags, ..GroupSpec::default() }
}

/// Moves the world on until something holds of it, or of what it has told since; gives that.
fn until(world: &mut World, mut holds: impl FnMut(&World, &[Value]) -> bool) -> Option<Vec<Value>> {
    let mut told = world.take_events();
    for _ in 0..MOST_TRANSITIONS {
        if holds(world, &told) {
            return Some(told);
        }
        world.advance_to(world.next_due()?);
        told.extend(world.take_events());
    }
    None
}

fn scheduled() -> Value {
    serde_json::from_str(include_str!("../../../events/scheduled-event.json")).unwrap_or_default()
}

fn tick() -> Value {
    json!({"command": "tick"})
}

/// EC2's event of an instance that is shutting down.
fn death(instance: &str) -> Value {
    json!({
        "version": "0",
        "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": panda_world::ACCOUNT,
        "time": Timestamp::now().to_string(),
        "region": panda_world::REGION,
        "resources": [],
        "detail": {"instance-id": instance, "state": "shutting-down"},
    })
}

/// The server that holds the address is terminated; the event is EC2's own.
fn death_of_the_holder(world: &mut World) -> Option<Value> {
    let holder = world.holder_of(ADDRESS)?.to_owned();
    world.take_events();
    world.act(&Act::Terminate { instance: holder.clone() }).ok()?;
    let dies = |event: &Value| {
        let detail = event.get("detail");
        let told = |key| detail.and_then(|detail| detail.get(key)).and_then(Value::as_str);
        told("instance-id") == Some(holder.as_str()) && told("state") == Some("shutting-down")
    };
    until(world, |_, told| told.iter().any(dies))?.into_iter().find(dies)
}

/// How many dice fell in a tick, by its answer.
#[must_use]
pub fn dice_that_fell(answer: &Value) -> usize {
    let number = |verdict: &Value, key| verdict.get(key).and_then(Value::as_f64);
    let fell =
        |verdict: &&Value| number(verdict, "thrown").zip(number(verdict, "slot_odds")).is_some_and(|(t, o)| t < o);
    answer.get("groups").and_then(Value::as_array).map_or(0, |verdicts| verdicts.iter().filter(fell).count())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    #[test]
    fn the_everyday_account_has_a_fleet_that_serves_and_a_deployment_that_failed() {
        let world = everyday();
        assert!(world.holder_of(ADDRESS).is_some());
        let pipeline = world.pipelines().next().unwrap();
        assert!(pipeline.executions.iter().any(|execution| execution.status.as_str() == "Failed"));
    }

    #[test]
    fn the_holder_dies_with_ec2s_own_event() {
        let mut world = everyday();
        let holder = world.holder_of(ADDRESS).unwrap().to_owned();
        let event = death_of_the_holder(&mut world).unwrap();
        assert_eq!(event.get("detail"), Some(&json!({"instance-id": holder, "state": "shutting-down"})));
    }

    #[test]
    fn only_dice_below_their_odds_fell() {
        let verdicts = json!([
            {"thrown": 0.001, "slot_odds": 0.01},
            {"thrown": 0.5, "slot_odds": 0.01},
            {"code": "outside-window"},
        ]);
        assert_eq!(dice_that_fell(&json!({"groups": verdicts})), 1);
        assert_eq!(dice_that_fell(&json!({})), 0);
    }

    #[test]
    fn every_job_is_one_of_a_function_that_is_measured() {
        for job in JOBS {
            assert!(REPEATABLE.iter().any(|(function, ..)| *function == job.function), "{}", job.function);
        }
    }
}
