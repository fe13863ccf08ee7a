//! Observe, plan, act, report.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use aws_smithy_async::time::SharedTimeSource;
use aws_types::SdkConfig;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent};
use panda_aws::{
    Aws, AwsError, alarms::Alarms, bus::Bus, chaos_groups, commands::Commands, deployments::Deployments, opening,
    pipelines::Pipelines, site::Site, topics::Topic,
};
use panda_domain::{
    chaos::{
        self, Asked, ChaosPlan, Command, CommandError, GroupVerdict, GroupView, KillOrder, Message, Present, Reason,
        Said, Surveyed, Told, fleet_of,
    },
    ids::{FleetName, GroupName},
};
use panda_lambda::{deadline::Deadline, failure};
use serde_json::Value;
use thiserror::Error;
use tokio::join;
use tracing::{Span, error, info, instrument};

use crate::{
    Config,
    journal::{Journal, JournalError, dynamo::DynamoJournal},
    observe::Eyes,
    outcome::{self, Outcome},
    report,
    strike::{self, Carried},
    tell,
};

/// How long the site may take to answer a question.
const SITE_PATIENCE: Duration = Duration::from_secs(3);

/// How many of the groups whose dice fell in one tick are looked at closely, or as many as a run may hit. More fall at once only in accounts
/// of thousands of groups, and hardly any of them could be hit: the rest is spared by the run's cap, at no cost.
const MOST_LOOKED_AT: usize = 50;

/// How many groups a preview looks at closely. Beyond, it says what is cheap to know; a preview of one fleet looks closely always.
const MOST_PREVIEWED: usize = 50;

/// What the function keeps from one event to the next.
#[derive(Debug)]
pub struct App<J> {
    pub(crate) config: Config,
    pub(crate) eyes: Eyes,
    pub(crate) commands: Commands,
    pub(crate) topic: Topic,
    pub(crate) bus: Bus,
    pub(crate) journal: J,
    clock: SharedTimeSource,
}

impl App<DynamoJournal> {
    /// The function as it is deployed, with its journal in DynamoDB.
    #[must_use]
    pub fn deployed(config: Config, sdk: &SdkConfig) -> Self {
        let aws = Aws::new(sdk);
        let journal = DynamoJournal::new(sdk, aws.counter(), config.journal_table.as_str(), config.history_days);
        Self::new(config, sdk, aws, journal)
    }

    /// Opens connections before the first command: to what every one of them asks.
    pub async fn open(&self) {
        opening::open(async { join!(self.journal.knock(), self.eyes.aws.knock_at_autoscaling()) }).await;
    }
}

impl<J> App<J> {
    /// The function with this journal. The clock is the SDK's own, so that both agree on what time it is.
    #[must_use]
    pub fn new(config: Config, sdk: &SdkConfig, aws: Aws, journal: J) -> Self {
        let counter = aws.counter();
        Self {
            commands: Commands::new(sdk, counter.clone()),
            topic: Topic::new(sdk, counter.clone(), config.topic_arn.as_str()),
            bus: Bus::new(sdk, counter.clone(), config.event_bus.as_str()),
            eyes: Eyes {
                alarms: Alarms::new(sdk, counter.clone()),
                deployments: Deployments::new(sdk, counter.clone()),
                pipelines: Pipelines::new(sdk, counter),
                site: Site::new(sdk, SITE_PATIENCE),
                aws,
            },
            journal,
            clock: sdk.time_source().unwrap_or_default(),
            config,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }

    pub(crate) fn system_now(&self) -> SystemTime {
        self.clock.now()
    }
}

/// Why an invocation failed. Nothing is tried again by itself: a tick comes again anyway, and a person reads the error.
#[derive(Debug, Error)]
pub enum HandlerError {
    /// The payload is no command. Nothing was done.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The groups could not be looked at. Nothing was done.
    #[error("could not look at the groups")]
    Observe(#[source] AwsError),
    /// The journal could not be asked. Nothing was done.
    #[error("could not ask the journal")]
    Journal(#[source] JournalError),
    /// Something was done, and not all: the next tick does the rest, and finds out what became of what the journal did not take down.
    #[error("done only in part: {}", .outcome.summary)]
    Incomplete {
        /// What was done.
        outcome: Box<Outcome>,
        /// The first thing that was not.
        #[source]
        first: Undone,
    },
}

/// What an invocation did not do, beside what it did.
#[derive(Debug, Error)]
pub enum Undone {
    /// The journal did not take something down.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The groups could not be looked at: what had been left behind was taken over, and nothing was decided.
    #[error("could not look at the groups")]
    Look(#[source] AwsError),
}

impl HandlerError {
    /// What was done nevertheless.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Incomplete { outcome, .. } => Some(outcome),
            Self::Command(_) | Self::Observe(_) | Self::Journal(_) => None,
        }
    }

    fn error_type(&self) -> String {
        match self {
            Self::Command(_) => "Command".to_owned(),
            Self::Observe(error)
            | Self::Journal(JournalError::Aws(error))
            | Self::Incomplete { first: Undone::Look(error) | Undone::Journal(JournalError::Aws(error)), .. } => {
                format!("{}.{}", error.operation, error.trouble.as_str())
            }
            Self::Journal(_) | Self::Incomplete { .. } => "Journal".to_owned(),
        }
    }
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        failure::diagnostic(error.error_type(), &error)
    }
}

/// Handles one command.
///
/// # Errors
/// When the payload is no command, or AWS or the journal did not answer. What could not be decided spares everybody; what was begun is taken
/// over by the next tick.
#[instrument(name = "handle", skip_all, fields(command, decision))]
pub async fn handle<J: Journal>(app: &App<J>, event: LambdaEvent<Value>) -> Result<Outcome, HandlerError> {
    let started = app.system_now();
    app.eyes.aws.take_tally();
    let result = match Command::decode(&event.payload) {
        Ok(command) => {
            Span::current().record("command", command.name());
            let deadline = Deadline::at(event.context.deadline);
            // Boxed: the future of all calls of an invocation is deep and large.
            Box::pin(obey(app, command, &event.context.request_id, deadline, started)).await
        }
        Err(error) => Err(error.into()),
    };
    match &result {
        Ok(outcome) => {
            Span::current().record("decision", &outcome.summary);
            report::log_throws(outcome, &app.config.settings.salt);
            info!(
                duration_ms = outcome.duration_ms,
                groups = outcome.groups.len(),
                experiments = outcome.experiments.len(),
                aws.reads = outcome.reads,
                aws.writes = outcome.writes,
                "{}",
                outcome.summary
            );
        }
        Err(error) => error!("{}", failure::chain(error)),
    }
    result
}

async fn obey<J: Journal>(
    app: &App<J>,
    command: Command,
    request: &str,
    deadline: Deadline,
    started: SystemTime,
) -> Result<Outcome, HandlerError> {
    let mut outcome = Outcome::new(command.name(), app.config.settings.mode);
    let failure = match command {
        Command::Tick => run(app, &Asked::Tick, deadline, &mut outcome).await?,
        Command::Kill(order) => {
            let asked = Asked::Kill { request: request.to_owned(), order };
            run(app, &asked, deadline, &mut outcome).await?
        }
        Command::Preview { fleet } => {
            preview(app, fleet.as_ref(), &mut outcome).await?;
            None
        }
        Command::Disarm { reason, fleet } => {
            disarm(app, fleet.as_ref(), reason, request, &mut outcome).await?;
            None
        }
        Command::Arm { reason, fleet } => {
            arm(app, fleet.as_ref(), &reason, &mut outcome).await?;
            None
        }
        Command::History { fleet, days } => {
            history(app, fleet.as_ref(), days, &mut outcome).await?;
            None
        }
    };
    let took = app.system_now().duration_since(started).unwrap_or_default();
    outcome.conclude(app.eyes.aws.take_tally(), u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    match failure {
        Some(first) => Err(HandlerError::Incomplete { outcome: Box::new(outcome), first }),
        None => Ok(outcome),
    }
}

/// What a tick and a kill have in common: take over what was left behind, decide, carry out. Gives what could not be done beside it.
async fn run<J: Journal>(
    app: &App<J>,
    asked: &Asked,
    deadline: Deadline,
    outcome: &mut Outcome,
) -> Result<Option<Undone>, HandlerError> {
    let (present, groups) = join!(app.journal.now(), chaos_groups::describe_chaos_groups(&app.eyes.aws));
    let present = present.map_err(HandlerError::Journal)?;
    outcome.present(&present);
    // What was left behind is taken over whatever becomes of the rest.
    let now = app.now();
    let lost = present.open.values().filter(|open| open.lease_until < now && *asked == Asked::Tick);
    let taken_over = join_all(lost.map(|open| strike::take_over(app, open, deadline)));
    let decided = async {
        let groups = groups.map_err(HandlerError::Observe)?;
        decide_and_strike(app, asked, &present, groups, deadline, now).await
    };
    let (taken_over, decided) = join!(taken_over, decided);
    let mut failure = None;
    for carried in taken_over {
        failure = note(carried, outcome).or(failure);
    }
    let decided = match decided {
        Ok(decided) => decided,
        // What was taken over is told, in metrics too.
        Err(HandlerError::Observe(error)) if !outcome.experiments.is_empty() => return Ok(Some(Undone::Look(error))),
        Err(error) => return Err(error),
    };
    for carried in decided.carried {
        failure = note(carried, outcome).or(failure);
    }
    outcome.groups(decided.verdicts);
    outcome.problems.extend(decided.problem);
    Ok(failure.map(Undone::Journal))
}

fn note(carried: Carried, outcome: &mut Outcome) -> Option<JournalError> {
    outcome.experiments.extend(carried.experiment);
    outcome.problems.extend(carried.problems);
    if let Some(failure) = &carried.failure {
        outcome.problems.push(failure.to_string());
    }
    carried.failure
}

/// What was decided, and what came of it.
struct Decided {
    verdicts: Vec<GroupVerdict>,
    carried: Vec<Carried>,
    problem: Option<String>,
}

async fn decide_and_strike<J: Journal>(
    app: &App<J>,
    asked: &Asked,
    present: &Present,
    groups: Vec<GroupView>,
    deadline: Deadline,
    now: Timestamp,
) -> Result<Decided, HandlerError> {
    let groups = match asked {
        Asked::Tick => groups,
        Asked::Kill { order: KillOrder { fleet, .. }, .. } => of_fleet(app, groups, fleet).await?,
    };
    let problem = match asked {
        Asked::Kill { order, .. } if groups.is_empty() => Some(unknown(&order.fleet)),
        _ => None,
    };
    let settings = &app.config.settings;
    let surveyed = chaos::survey(&groups, asked, present, settings, now);
    let mut fallen: Vec<&Surveyed> = surveyed.iter().filter(|surveyed| surveyed.fallen()).collect();
    // How far a throw fell below its odds is as much by chance as the throw: no group is always among the first.
    let depth = |surveyed: &Surveyed| surveyed.draw.map_or(0.0, |draw| draw.thrown / draw.odds);
    fallen.sort_by(|one, other| depth(one).total_cmp(&depth(other)));
    let cap = settings.max_kills_per_run;
    let most = MOST_LOOKED_AT.max(usize::try_from(cap).unwrap_or(usize::MAX));
    let beyond: BTreeSet<&GroupName> = fallen.iter().skip(most).map(|surveyed| &surveyed.group).collect();
    fallen.truncate(most);
    let plans = look_closely(app, asked, present, &groups, &fallen).await;
    let plans = chaos::choose(plans, present, settings, app.now());
    let carried = join_all(plans.iter().map(|plan| strike::carry_out(app, plan, deadline))).await;
    let mut looked: BTreeMap<GroupName, GroupVerdict> = BTreeMap::new();
    for (plan, carried) in plans.iter().zip(&carried) {
        let mut verdict = plan.verdict();
        if let Some(reason) = &carried.spared {
            spare(&mut verdict, reason);
        }
        looked.insert(plan.group.clone(), verdict);
    }
    let verdict = |surveyed: &Surveyed| {
        looked.remove(&surveyed.group).unwrap_or_else(|| {
            let mut verdict = surveyed.verdict();
            if beyond.contains(&surveyed.group) {
                spare(&mut verdict, &Reason::RunCap { asked: asked.count(), cap });
            }
            verdict
        })
    };
    let verdicts = surveyed.iter().map(verdict).collect();
    Ok(Decided { verdicts, carried, problem })
}

/// Says of a group that was to be hit why it was not.
fn spare(verdict: &mut GroupVerdict, reason: &Reason) {
    let told = Told::from(reason);
    verdict.code = told.code;
    verdict.sentence.clone_from(&told.sentence);
    verdict.reasons = vec![told];
    verdict.victims.clear();
    verdict.fault = None;
}

/// The groups of a fleet; those that take no part only if there is no other, so that the answer can say so.
async fn of_fleet<J>(app: &App<J>, groups: Vec<GroupView>, fleet: &FleetName) -> Result<Vec<GroupView>, HandlerError> {
    let known: Vec<GroupView> = groups.into_iter().filter(|group| fleet_of(group) == *fleet).collect();
    if !known.is_empty() {
        return Ok(known);
    }
    let name = GroupName::from(fleet.as_str());
    let (of_fleet, of_name) =
        join!(chaos_groups::describe_fleet(&app.eyes.aws, fleet), chaos_groups::describe_group(&app.eyes.aws, &name));
    let mut others = of_fleet.map_err(HandlerError::Observe)?;
    let of_name = of_name.map_err(HandlerError::Observe)?.filter(|group| fleet_of(group) == *fleet);
    others.extend(of_name.filter(|group| others.iter().all(|other| other.name != group.name)));
    Ok(others)
}

fn unknown(fleet: &FleetName) -> String {
    format!("there is no Auto Scaling group of the fleet `{fleet}`")
}

/// Looks closely at groups, and plans for each.
async fn look_closely<J>(
    app: &App<J>,
    asked: &Asked,
    present: &Present,
    groups: &[GroupView],
    which: &[&Surveyed],
) -> Vec<ChaosPlan> {
    if which.is_empty() {
        return Vec::new();
    }
    let settings = &app.config.settings;
    let of_name: BTreeMap<&GroupName, &GroupView> = groups.iter().map(|group| (&group.name, group)).collect();
    let which: Vec<_> =
        which.iter().filter_map(|surveyed| Some((*of_name.get(&surveyed.group)?, surveyed.policy.as_ref()?))).collect();
    let looks = app.eyes.close_looks(&which, settings).await;
    let looks = which.iter().zip(&looks);
    looks.map(|((group, _), look)| chaos::plan(group, look, asked, present, settings, app.now())).collect()
}

/// Says of every group what a tick would do, and when, whatever the dice say now.
async fn preview<J: Journal>(
    app: &App<J>,
    fleet: Option<&FleetName>,
    outcome: &mut Outcome,
) -> Result<(), HandlerError> {
    let (present, groups) = join!(app.journal.now(), chaos_groups::describe_chaos_groups(&app.eyes.aws));
    let present = present.map_err(HandlerError::Journal)?;
    let mut groups = groups.map_err(HandlerError::Observe)?;
    if let Some(fleet) = fleet {
        groups = of_fleet(app, groups, fleet).await?;
        outcome.problems.extend(groups.is_empty().then(|| unknown(fleet)));
    }
    outcome.present(&present);
    let surveyed = chaos::survey(&groups, &Asked::Tick, &present, &app.config.settings, app.now());
    let readable: Vec<&Surveyed> = surveyed.iter().filter(|surveyed| surveyed.policy.is_some()).collect();
    let plans = if fleet.is_some() || readable.len() <= MOST_PREVIEWED {
        look_closely(app, &Asked::Tick, &present, &groups, &readable).await
    } else {
        outcome.problems.push(format!(
            "{} groups take part; a preview of all looks closely at {MOST_PREVIEWED} at most, so name a fleet for more",
            readable.len()
        ));
        Vec::new()
    };
    let mut looked: BTreeMap<GroupName, GroupVerdict> =
        plans.iter().map(|plan| (plan.group.clone(), plan.verdict())).collect();
    outcome.groups(
        surveyed.iter().map(|surveyed| looked.remove(&surveyed.group).unwrap_or_else(|| surveyed.verdict())).collect(),
    );
    outcome.experiments = present.open.into_values().map(|open| open.experiment).collect();
    Ok(())
}

async fn disarm<J: Journal>(
    app: &App<J>,
    fleet: Option<&FleetName>,
    reason: String,
    request: &str,
    outcome: &mut Outcome,
) -> Result<(), HandlerError> {
    let said = Said { reason, by: format!("request {request}"), at: app.now() };
    let before = app.journal.disarm(fleet, &said).await.map_err(HandlerError::Journal)?;
    let what = fleet.map_or_else(|| "everything".to_owned(), |fleet| format!("the fleet {fleet}"));
    outcome.summary = format!("Disarmed {what}: {}", said.reason);
    if let Some(before) = before {
        let _ = write!(outcome.summary, ". It was disarmed before, since {:.0}: {}", before.at, before.reason);
    }
    doubt_the_name(app, fleet, outcome).await;
    outcome.problems.extend(tell::say(app, &words(&format!("The panda is disarmed: {what}"), &outcome.summary)).await);
    refresh(app, outcome).await
}

async fn arm<J: Journal>(
    app: &App<J>,
    fleet: Option<&FleetName>,
    reason: &str,
    outcome: &mut Outcome,
) -> Result<(), HandlerError> {
    let before = app.journal.arm(fleet).await.map_err(HandlerError::Journal)?;
    let what = fleet.map_or_else(|| "the account's lever".to_owned(), |fleet| format!("the fleet {fleet}"));
    outcome.summary = match before {
        Some(before) => {
            format!("Armed {what} again: {reason}. It was disarmed since {:.0}: {}", before.at, before.reason)
        }
        None => format!("{what} was not disarmed; nothing changed"),
    };
    doubt_the_name(app, fleet, outcome).await;
    outcome.problems.extend(tell::say(app, &words(&format!("The panda is armed: {what}"), &outcome.summary)).await);
    refresh(app, outcome).await
}

/// Says if a fleet that somebody named may be another one than was meant: what was said of it is written down all the same.
async fn doubt_the_name<J>(app: &App<J>, fleet: Option<&FleetName>, outcome: &mut Outcome) {
    let Some(fleet) = fleet else { return };
    let found = async {
        let groups = chaos_groups::describe_chaos_groups(&app.eyes.aws).await.map_err(HandlerError::Observe)?;
        of_fleet(app, groups, fleet).await
    };
    let problem = match found.await {
        Ok(groups) if groups.is_empty() => unknown(fleet),
        Ok(_) => return,
        Err(error) => format!("could not see whether there is a fleet `{fleet}`: {}", failure::chain(&error)),
    };
    let _ = write!(outcome.summary, ". But {problem}");
    outcome.problems.push(problem);
}

/// A message that is not about an experiment.
fn words(subject: &str, text: &str) -> Message {
    Message::new(subject, &[text.to_owned()])
}

/// Shows what the journal says after a change.
async fn refresh<J: Journal>(app: &App<J>, outcome: &mut Outcome) -> Result<(), HandlerError> {
    outcome.present(&app.journal.now().await.map_err(HandlerError::Journal)?);
    Ok(())
}

async fn history<J: Journal>(
    app: &App<J>,
    fleet: Option<&FleetName>,
    days: u32,
    outcome: &mut Outcome,
) -> Result<(), HandlerError> {
    let now = app.now();
    let since = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
    let until = now.checked_add(SignedDuration::from_secs(1)).unwrap_or(now);
    outcome.experiments = app.journal.history(fleet, since, until).await.map_err(HandlerError::Journal)?;
    outcome.summary = outcome::past(&outcome.experiments, fleet, since);
    Ok(())
}
