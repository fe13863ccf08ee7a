//! Observe, plan, act, report.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use aws_smithy_async::time::SharedTimeSource;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use panda_aws::{Aws, AwsError, opening};
use panda_domain::{
    event::{self, Concern, Event},
    failover::{self, Evidence, Problem, Scope},
    ids::{FleetName, InstanceId},
};
use panda_lambda::{deadline::Deadline, failure};
use serde_json::Value;
use thiserror::Error;
use tokio::{
    sync::Mutex,
    time::{Duration, sleep},
};
use tracing::{Span, error, info, instrument, warn};

use crate::{
    Config,
    act::{self, Watch},
    memory::Memory,
    observe::{self, Question},
    outcome::{FleetOutcome, Outcome},
};

/// How often one invocation looks, plans and acts, when the world changes under its plans. The next event or sweep goes on.
const LOOKS: u32 = 3;

/// The pause before the second look; the third one waits twice as long. Reads were seen to lag by less than a second mostly.
const PAUSE: Duration = Duration::from_millis(300);

/// The pause before looking again where only the event knows what matters; the third look waits twice as long. For the fleet of a group that
/// has a hook of ours and seems to have no tag: a read may still show the time before the tag, a new environment's hook waits for its first
/// answer, and an instance of a warm pool is shown by no later look. And for an instance that is in service by its event, which comes once.
const STRAY_PAUSE: Duration = Duration::from_secs(2);

/// What must be left of the invocation after the network has settled, to look again and complete the hooks.
const RESERVE: Duration = Duration::from_secs(10);

/// What must be left for a write that can wait, as all but the moves can: one that hangs is given up after fifteen seconds.
const WRITE: Duration = Duration::from_secs(16);

/// What the function keeps from one event to the next.
#[derive(Debug)]
pub struct App {
    config: Config,
    aws: Aws,
    clock: SharedTimeSource,
    memory: Mutex<Memory>,
}

impl App {
    /// Clients, configuration and an empty memory. The clock is the SDK's own, so that both agree on what time it is.
    #[must_use]
    pub fn new(config: Config, sdk: &aws_types::SdkConfig) -> Self {
        let clock = sdk.time_source().unwrap_or_default();
        Self { config, aws: Aws::new(sdk), clock, memory: Mutex::default() }
    }

    /// Opens connections before the first event. Further ones to EC2 resume the session of the first, which is cheaper.
    pub async fn open(&self) {
        opening::open(async { tokio::join!(self.aws.knock_at_autoscaling(), self.aws.knock_at_ec2()) }).await;
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }
}

/// Why an event must be handled again.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The fleets could not be looked at.
    #[error("could not look at the fleets")]
    Observe(#[source] AwsError),
    /// Something that was decided could not be done. What could be done was done.
    #[error("done only in part: {}", .outcome.summary)]
    Incomplete {
        /// What was done and what was not.
        outcome: Box<Outcome>,
        /// The first thing that was not.
        #[source]
        first: AwsError,
    },
    /// AWS was so slow that only the addresses were seen to.
    #[error("out of time: {}", .outcome.summary)]
    Late {
        /// What was done.
        outcome: Box<Outcome>,
    },
    /// The fleets changed under every plan.
    #[error("overtaken {LOOKS} times: {}", .outcome.summary)]
    Overtaken {
        /// What was done.
        outcome: Box<Outcome>,
    },
}

impl HandlerError {
    /// What was done nevertheless.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Observe(_) => None,
            Self::Incomplete { outcome, .. } | Self::Late { outcome } | Self::Overtaken { outcome } => Some(outcome),
        }
    }

    fn error_type(&self) -> String {
        match self {
            Self::Observe(error) | Self::Incomplete { first: error, .. } => {
                format!("{}.{}", error.operation, error.trouble.as_str())
            }
            Self::Late { .. } => "Late".to_owned(),
            Self::Overtaken { .. } => "Overtaken".to_owned(),
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        failure::diagnostic(error.error_type(), &error)
    }
}

/// Handles one event.
///
/// # Errors
/// When AWS did not answer, or refused something that should be done. Lambda runs the event again and then dead-letters it; running again is
/// safe at any point. An event that asks for nothing is no error.
#[instrument(name = "handle", skip_all, fields(event.id, decision))]
pub async fn handle(app: &App, event: LambdaEvent<Value>) -> Result<Outcome, HandlerError> {
    let started = app.clock.now();
    app.aws.take_tally();
    let decoded = match event::decode(&event.payload) {
        Ok(decoded) => decoded,
        Err(ignored) => {
            let summary = format!("Ignored: {ignored}");
            Span::current().record("decision", &summary);
            info!("{summary}");
            return Ok(Outcome { event: "not for us".to_owned(), summary, ..Outcome::default() });
        }
    };
    Span::current().record("event.id", &decoded.id);
    // Boxed: the future of all calls of an invocation is deep and large.
    let result = Box::pin(respond(app, &decoded, Deadline::at(event.context.deadline), started)).await;
    match &result {
        Ok(outcome) => {
            Span::current().record("decision", &outcome.summary);
            info!(
                trigger = %outcome.event,
                duration_ms = outcome.duration_ms,
                looks = outcome.looks,
                aws.reads = outcome.reads,
                aws.writes = outcome.writes,
                "{}", outcome.summary
            );
        }
        Err(error) => {
            let done = error.outcome();
            error!(
                trigger = %decoded,
                duration_ms = done.map(|outcome| outcome.duration_ms),
                looks = done.map(|outcome| outcome.looks),
                aws.reads = done.map(|outcome| outcome.reads),
                aws.writes = done.map(|outcome| outcome.writes),
                "{}", failure::chain(error)
            );
        }
    }
    result
}

async fn respond(app: &App, event: &Event, deadline: Deadline, started: SystemTime) -> Result<Outcome, HandlerError> {
    let mut memory = app.memory.lock().await;
    let concern = event.concern();
    let mut evidence = Evidence::of(event, app.now());
    let mut scope = if evidence.tells_of_a_death() { Scope::Rescue } else { Scope::Full };
    let settle = Duration::try_from(app.config.rules.settle).unwrap_or_default();
    let mut told = Told::default();
    let mut looks = 0;
    let mut late = false;
    let overtaken = loop {
        looks += 1;
        // On the heap: what a look holds between its calls would make each caller's future as large.
        let watched = (event, deadline);
        let look = Box::pin(look(app, watched, &concern, &mut evidence, scope, &mut memory, &mut told));
        let look = match look.await {
            Ok(look) => look,
            Err(error) if looks == 1 => return Err(HandlerError::Observe(error)),
            Err(error) => {
                // What was done before is still told.
                told.failures.push(error);
                break false;
            }
        };
        told.failures.extend(look.failures);
        late = look.late;
        let settling = !look.settling.is_empty() && has_time_to_settle(app, deadline);
        // A failure is not tried again at once, since the SDK did that; what it left undone is planned anew by whoever looks next.
        // After a rescue, which read no status checks, a look at everything: the rescuer may be failing itself.
        let rescued = scope == Scope::Rescue && look.moved;
        let strayed =
            (look.stray.is_some() || look.outdated) && deadline.left(app.clock.now()) >= STRAY_PAUSE * looks + RESERVE;
        if late || looks == LOOKS || !(look.overtaken || look.outrun || settling || rescued || strayed) {
            if let Some(problem) = look.stray {
                warn!("{problem}");
                told.of(&FleetName::from("(no fleet)")).problems = vec![problem];
            }
            break look.overtaken;
        }
        if rescued {
            scope = Scope::Full;
        }
        if settling {
            sleep(settle).await;
            evidence.settled.extend(look.settling);
        } else if strayed {
            sleep(STRAY_PAUSE * looks).await;
        } else if look.overtaken || look.outrun {
            sleep(PAUSE * looks).await;
        }
    };
    let mut outcome = Outcome { event: event.to_string(), looks, ..Outcome::default() };
    for fleet in told.fleets.into_values() {
        if fleet.is_telling() { outcome.fleets.push(fleet) } else { outcome.fleets_at_rest += 1 }
    }
    let took = app.clock.now().duration_since(started).unwrap_or_default();
    outcome.conclude(app.aws.take_tally(), &told.failures, u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match told.failures.into_iter().next() {
        Some(first) => Err(HandlerError::Incomplete { outcome: Box::new(outcome), first }),
        None if late => Err(HandlerError::Late { outcome: Box::new(outcome) }),
        None if overtaken => Err(HandlerError::Overtaken { outcome: Box::new(outcome) }),
        None => Ok(outcome),
    }
}

/// What there is to report, so far.
#[derive(Default)]
struct Told {
    fleets: BTreeMap<FleetName, FleetOutcome>,
    failures: Vec<AwsError>,
}

impl Told {
    fn of(&mut self, fleet: &FleetName) -> &mut FleetOutcome {
        let empty = || FleetOutcome { fleet: fleet.to_string(), ..FleetOutcome::default() };
        self.fleets.entry(fleet.clone()).or_insert_with(empty)
    }
}

/// What one look left to do.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
struct Look {
    overtaken: bool,
    /// Somebody else placed an address first.
    outrun: bool,
    moved: bool,
    /// Time ran out.
    late: bool,
    settling: BTreeSet<InstanceId>,
    /// The reads were from before the event, and an address waits for what it told.
    outdated: bool,
    /// A group of no fleet that has a hook of ours.
    stray: Option<String>,
    failures: Vec<AwsError>,
}

/// Observes, plans and acts once, for every fleet that is concerned.
async fn look(
    app: &App,
    (event, deadline): (&Event, Deadline),
    concern: &Concern,
    evidence: &mut Evidence,
    scope: Scope,
    memory: &mut Memory,
    told: &mut Told,
) -> Result<Look, AwsError> {
    let now = app.now();
    evidence.answered = memory.answered(now);
    evidence.dead = memory.dead(&evidence.dead, now);
    let quick = scope == Scope::Rescue;
    let seen = observe::observe(&Question { aws: &app.aws, memory, concern, evidence, quick, now }).await?;
    let studies = seen.crowd && memory.met_a_crowd(now);
    if let Some(others) = &seen.others {
        memory.saw_all(seen.fleets.iter().chain(others));
    }
    memory.read_hooks(seen.hooks, now);
    let clock = || app.now();
    let late = || deadline.left(app.clock.now()) < WRITE;
    let watch = Watch { event: event.time, now: &clock, late: &late };
    let mut look = Look::default();
    if seen.fleets.is_empty() {
        look.stray = stray(app, evidence);
    }
    let mut plans = Vec::with_capacity(seen.fleets.len());
    for mut fleet in seen.fleets {
        memory.saw(&fleet);
        memory.overlay(&mut fleet);
        let plan = failover::plan(&fleet, evidence, &app.config.rules, scope);
        look.outdated |= evidence.outruns(&fleet, &plan);
        plans.push(plan);
    }
    // The addresses of all fleets before anything else of any: a write that hangs for one fleet must not keep another's site from answering.
    let mut moved = Vec::with_capacity(plans.len());
    for plan in &plans {
        let outcome = told.of(&plan.fleet);
        act::note(plan, outcome);
        moved.push(act::move_addresses(&app.aws, plan, memory, evidence, outcome, &watch).await);
    }
    for (plan, mut acted) in plans.iter().zip(moved) {
        let outcome = told.of(&plan.fleet);
        act::attend(&app.aws, plan, memory, evidence, outcome, &watch, &mut acted).await;
        if acted.late {
            outcome.problems.push("AWS is slow: marks, reports and hooks are left to the next look".to_owned());
        }
        look.overtaken |= acted.overtaken;
        look.outrun |= acted.outrun;
        look.moved |= acted.moved;
        look.late |= acted.late;
        look.failures.extend(acted.failures);
        look.settling.extend(acted.settling);
    }
    if studies && let Some(all) = observe::study(&app.aws, now).await {
        memory.saw_all(all.iter());
    }
    Ok(look)
}

/// Whether the invocation lasts until the network has followed a move, and a last look after that. If not, the next sweep completes the hook.
fn has_time_to_settle(app: &App, deadline: Deadline) -> bool {
    let pause = Duration::try_from(app.config.rules.settle).unwrap_or_default();
    let enough = deadline.left(app.clock.now()) >= pause + RESERVE;
    if !enough {
        warn!("No time left to wait for the network to follow; the next sweep completes the hooks");
    }
    enough
}

/// Names a group that has our hook and is in no fleet. The function does not answer for it: its role reaches no group without the tag.
fn stray(app: &App, evidence: &Evidence) -> Option<String> {
    let ours = |hook: &str| hook.starts_with(&app.config.rules.hook_prefix);
    let stray = evidence.waiting.as_ref().filter(|waiting| ours(waiting.hook.as_str()))?;
    Some(Problem::GroupWithoutFleet(stray.group.clone()).to_string())
}
