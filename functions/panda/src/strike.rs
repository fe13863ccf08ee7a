//! How is a decision carried out?
//!
//! In this order, and each step only after the one before: ask EC2 whether it would (`DryRun`), record the intention, tell people, strike,
//! note the strike, watch, write down the end, tell people. An invocation may die between any two of them; what it leaves behind is a record
//! that the next tick finds, and that never kills again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use panda_aws::{
    AwsError, Trouble,
    commands::Ran,
    termination::{self, Shutdown, Terminated},
};
use panda_domain::{
    chaos::{
        ChaosPlan, Ending, Experiment, Fault, OpenExperiment, Outcome, Reason, Said, Strike, Victim, heal_by, judge,
    },
    ids::InstanceId,
};
use panda_lambda::deadline::Deadline;
use tracing::{info, warn};

use crate::{
    handler::App,
    journal::{Journal, JournalError, Record, Refusal},
    tell,
    watch::{self, Presence, RESERVE},
};

/// How long Systems Manager may take to stop an agent.
const COMMAND_PATIENCE: Duration = Duration::from_mins(2);

/// How much longer than the invocation a lease lasts, so that clocks that differ do not make two watchers.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// How long a window must still be open when an intention is recorded: the record, the word to people, and a call with all its retries may take as
/// long before the blow falls.
const LAST_CALL: SignedDuration = SignedDuration::from_secs(45);

/// The same when a blow falls: one call with all its retries.
const LAST_BLOW: SignedDuration = SignedDuration::from_secs(16);

/// What an invocation without a known end counts with: Lambda's longest.
const LONGEST: Duration = Duration::from_mins(15);

/// What came of a strike.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    /// The experiment as it stands; `None` if it was not even recorded.
    pub(crate) experiment: Option<Experiment>,
    /// Why it was not.
    pub(crate) spared: Option<Reason>,
    /// The journal did not do its part; the next run must look.
    pub(crate) failure: Option<JournalError>,
    /// What else a person should know.
    pub(crate) problems: Vec<String>,
}

/// Carries out a plan that strikes, and watches what comes of it. One that spares costs nothing.
pub(crate) async fn carry_out<J: Journal>(app: &App<J>, plan: &ChaosPlan, deadline: Deadline) -> Carried {
    let Some(strike) = plan.strike() else { return Carried::default() };
    let min_days = plan.surveyed.policy.as_ref().map_or(0, |policy| policy.min_days.get());
    let mut experiment = strike.experiment.clone();
    if experiment.leashed {
        return say_only(app, strike, min_days).await;
    }
    if let Some(why) = unprepared(app, &experiment, deadline).await {
        return Carried { spared: Some(why), ..Carried::default() };
    }
    // The fleet's time to heal begins now, not when the looks began.
    let now = app.now();
    let outlook = plan.surveyed.outlook.as_ref();
    let closing = outlook.and_then(|outlook| outlook.open_until);
    if closes_within(closing, now, LAST_CALL) {
        let next = outlook.and_then(|outlook| outlook.next_opening);
        return Carried { spared: Some(Reason::OutsideWindow { next }), ..Carried::default() };
    }
    experiment.heal_by = now.checked_add(app.config.settings.heal).unwrap_or(now);
    let lease_until = lease(now, deadline.left(app.system_now()));
    match app.journal.record(&experiment, &strike.limits, lease_until).await {
        Ok(Record::Done) => {}
        Ok(Record::Refused(refusal)) => {
            return Carried { spared: Some(reason(&experiment, min_days, refusal)), ..Carried::default() };
        }
        Err(error) => return Carried { failure: Some(error), ..Carried::default() },
    }
    info!(
        experiment = %experiment.id,
        fleet = %experiment.fleet,
        fault = %experiment.fault,
        victims = ?experiment.victims.iter().map(|victim| victim.instance.as_str()).collect::<Vec<_>>(),
        "Recorded; about to strike"
    );
    let mut carried = Carried::default();
    carried.problems.extend(tell::announce(app, &experiment).await);
    let blow = blow(app, &experiment, closing).await;
    let unstruck: Vec<String> = blow.refused.iter().map(ToString::to_string).chain(blow.notes).collect();
    carried.problems.extend(unstruck.iter().cloned());
    // If nobody was hit, the last thing that went wrong says why.
    let error = carried.problems.last().cloned().unwrap_or_else(|| "nothing was struck".to_owned());
    let not_struck = Ending::NotStruck { error };
    let outcome = if blow.struck.is_empty() && blow.unclear.is_empty() {
        Some(judge(&experiment, &not_struck, app.now(), app.config.settings.outage_tolerance))
    } else {
        // Whom AWS refused to end lives, and counts as a server.
        let may_be_hit =
            |victim: &Victim| blow.struck.contains(&victim.instance) || blow.unclear.contains(&victim.instance);
        experiment.victims.retain(may_be_hit);
        let at = app.now();
        experiment.heal_by = heal_by(&experiment, at);
        if blow.unclear.is_empty() {
            experiment.struck = Some(at);
            // Without the note, whoever takes over looks at the victims instead.
            match app.journal.note_struck(&experiment, at).await {
                Ok(true) => {}
                Ok(false) => carried.problems.push(format!("{} was closed by somebody else meanwhile", experiment.id)),
                Err(error) => warn!("Could not note the strike of {}: {error}", experiment.id),
            }
            watch::watch(app, &experiment, Presence::Throughout, deadline).await
        } else {
            watch::resume(app, &mut experiment, &blow.struck, &not_struck, Presence::Throughout, deadline).await
        }
    };
    let outcome = outcome.map(|mut outcome| {
        // People were told of all of them before.
        if experiment.victims.len() < strike.experiment.victims.len() {
            outcome.detail = Some(outcome.detail.into_iter().chain(unstruck).collect::<Vec<_>>().join("; "));
        }
        outcome
    });
    finish(app, experiment, outcome, &mut carried).await;
    carried
}

/// Takes over the experiments whose watchers are lost, one at a time being enough for each.
pub(crate) async fn take_over<J: Journal>(app: &App<J>, open: &OpenExperiment, deadline: Deadline) -> Carried {
    let now = app.now();
    let mut carried = Carried::default();
    let mut taken = match app.journal.take_over(open, now, lease(now, deadline.left(app.system_now()))).await {
        Ok(Some(taken)) => taken,
        Ok(None) => return carried,
        Err(error) => return Carried { failure: Some(error), ..carried },
    };
    info!(experiment = %taken.experiment.id, "The watcher was lost; taking over");
    let unstruck = Ending::Aborted;
    let outcome = watch::resume(app, &mut taken.experiment, &[], &unstruck, Presence::Since, deadline).await;
    finish(app, taken.experiment, outcome, &mut carried).await;
    carried
}

/// Writes down what became of an experiment, and tells of it. Without an outcome it stays open for the next tick.
async fn finish<J: Journal>(app: &App<J>, mut experiment: Experiment, outcome: Option<Outcome>, carried: &mut Carried) {
    if let Some(outcome) = outcome {
        let disarm = outcome.verdict.disarms().then(|| Said {
            reason: format!("did not heal from {}", experiment.id),
            by: "the panda".to_owned(),
            at: outcome.closed,
        });
        match app.journal.close(&experiment, &outcome, disarm.as_ref()).await {
            Ok(true) => carried.problems.extend(tell::conclude(app, &experiment, &outcome).await),
            Ok(false) => carried.problems.push(format!("{} was closed by somebody else before", experiment.id)),
            Err(error) => carried.failure = Some(error),
        }
        experiment.outcome = Some(outcome);
    }
    carried.experiment = Some(experiment);
}

/// What a leashed panda does instead.
async fn say_only<J: Journal>(app: &App<J>, strike: &Strike, min_days: u32) -> Carried {
    let now = app.now();
    let outcome = judge(&strike.experiment, &Ending::Leashed, now, app.config.settings.outage_tolerance);
    let experiment = Experiment { outcome: Some(outcome.clone()), ..strike.experiment.clone() };
    match app.journal.record(&experiment, &strike.limits, now).await {
        Ok(Record::Done) => {
            let problems = tell::conclude(app, &experiment, &outcome).await;
            Carried { experiment: Some(experiment), problems, ..Carried::default() }
        }
        Ok(Record::Refused(refusal)) => {
            Carried { spared: Some(reason(&experiment, min_days, refusal)), ..Carried::default() }
        }
        Err(error) => Carried { failure: Some(error), ..Carried::default() },
    }
}

/// Why nothing can be struck, though it was decided: asked before anything is recorded, so that it costs the fleet none of its limits.
async fn unprepared<J>(app: &App<J>, experiment: &Experiment, deadline: Deadline) -> Option<Reason> {
    let needed = Duration::try_from(app.config.settings.heal).unwrap_or_default().min(RESERVE) + RESERVE;
    if deadline.left(app.system_now()) < needed {
        let error = "the invocation is nearly over".to_owned();
        return Some(Reason::Unseen { what: "whether the fleet heals".to_owned(), error });
    }
    match experiment.fault {
        Fault::Terminate | Fault::Crash => {
            for victim in &experiment.victims {
                if let Err(error) = termination::probe_terminate(&app.eyes.aws, &victim.instance).await {
                    let what = format!("whether AWS would terminate {}", victim.instance);
                    return Some(Reason::Unseen { what, error: error.to_string() });
                }
            }
            None
        }
        Fault::StopAgent if app.config.stop_agent_document.is_none() => Some(Reason::Unseen {
            what: "how to stop an agent".to_owned(),
            error: "the installation names no document for it".to_owned(),
        }),
        // Neither API has a dry run.
        Fault::Graceful | Fault::StopAgent => None,
    }
}

/// What the strikes at the victims came to.
#[derive(Debug, Default)]
struct Blow {
    /// Of whom AWS confirmed it.
    struck: Vec<InstanceId>,
    /// Of whom it may have happened.
    unclear: Vec<InstanceId>,
    /// What AWS refused, or did not answer.
    refused: Vec<AwsError>,
    /// What else is to be said.
    notes: Vec<String>,
}

/// Strikes each victim on its own: one that AWS refuses does not save the others.
async fn blow<J>(app: &App<J>, experiment: &Experiment, closing: Option<Timestamp>) -> Blow {
    let mut blow = Blow::default();
    for victim in &experiment.victims {
        let instance = &victim.instance;
        if closes_within(closing, app.now(), LAST_BLOW) {
            blow.notes.push(format!("{instance} was not struck any more: the window closes"));
            continue;
        }
        let result = match experiment.fault {
            Fault::Terminate => termination::terminate(&app.eyes.aws, instance, Shutdown::Orderly).await.map(ended),
            Fault::Crash => termination::terminate(&app.eyes.aws, instance, Shutdown::PowerCut).await.map(ended),
            Fault::Graceful => termination::terminate_in_group(&app.eyes.aws, instance).await.map(ended),
            Fault::StopAgent => stop_agent(app, instance).await,
        };
        match result {
            Ok(Ok(())) => blow.struck.push(instance.clone()),
            Ok(Err(note)) => {
                // A victim that was leaving already may have been hit by this very call: its reply was lost, and the SDK asked again.
                if experiment.fault.kills() {
                    blow.unclear.push(instance.clone());
                }
                blow.notes.push(format!("{instance} {note}"));
            }
            Err(error) => {
                if may_have_struck(error.trouble) {
                    blow.unclear.push(instance.clone());
                }
                blow.refused.push(error);
            }
        }
    }
    blow
}

/// Whether a call may have had its effect though it ended so. The error is that of the SDK's last try: the reply to an earlier one may be what was
/// lost, and what AWS says then is that it is too much, or that the victim is busy already.
fn may_have_struck(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Unreachable | Trouble::Throttled | Trouble::Replan => true,
        Trouble::Unauthorized | Trouble::Other => false,
    }
}

/// Whether it was this call that ended the instance, or why not.
fn ended(terminated: Terminated) -> Result<(), &'static str> {
    match terminated {
        Terminated::Struck => Ok(()),
        Terminated::AlreadyLeaving => Err("was on its way out before the panda struck"),
        Terminated::Gone => Err("was gone before the panda struck"),
    }
}

async fn stop_agent<J>(app: &App<J>, instance: &InstanceId) -> Result<Result<(), &'static str>, AwsError> {
    let Some(document) = &app.config.stop_agent_document else { return Ok(Err("was not asked: there is no document")) };
    let ran = app.commands.run(document, instance, "Lethargic Panda: forget your updates", COMMAND_PATIENCE).await?;
    Ok(match ran {
        Ran::Succeeded => Ok(()),
        Ran::Failed { status, detail } => {
            warn!(%instance, status, detail, "The command that stops the agent failed");
            Err("did not stop its agent: the command failed")
        }
        Ran::Unmanaged { detail } => {
            warn!(%instance, detail, "Systems Manager does not manage the instance");
            Err("was not reached: Systems Manager does not manage it")
        }
        Ran::Unfinished { status } => {
            warn!(%instance, status, "The command that stops the agent did not end in time");
            Err("did not answer in time: its agent may be stopped")
        }
    })
}

/// Whether a window closes so soon.
fn closes_within(closing: Option<Timestamp>, now: Timestamp, soon: SignedDuration) -> bool {
    closing.is_some_and(|closing| closing.duration_since(now) < soon)
}

/// The end of the invocation, and a little more.
fn lease(now: Timestamp, left: Duration) -> Timestamp {
    let left = SignedDuration::try_from(left.min(LONGEST)).unwrap_or(SignedDuration::ZERO);
    now.checked_add(left).and_then(|end| end.checked_add(LEASE_MARGIN)).unwrap_or(now)
}

/// Why the journal did not take an intention, as a reason like the others. What was read before the decision has changed meanwhile.
fn reason(experiment: &Experiment, min_days: u32, refusal: Refusal) -> Reason {
    match refusal {
        Refusal::AlreadyRecorded => Reason::AlreadyMade { id: experiment.id.clone() },
        Refusal::Lever(Said { reason, by, at }) => Reason::Lever { reason, by, at },
        Refusal::Disarmed(Said { reason, by, at }) => Reason::Disarmed { reason, by, at },
        Refusal::OpenExperiment { id, started } => Reason::ExperimentOpen { id, started },
        Refusal::TooSoon { last } => Reason::MinimumDays { last, min_days, not_before: None },
        Refusal::FleetCap { day, kills, cap } => Reason::FleetCap { day, kills, asked: experiment.kills(), cap },
        Refusal::AccountCap { kills, cap } => Reason::AccountCap { kills, asked: experiment.kills(), cap },
    }
}
