//! How is one case worked on, from the first look to the last word?
//!
//! Look, plan, take the step, look again. A step that was taken shows in the next look, so an invocation may die between any two calls: whoever
//! comes next goes on from what it sees. What a wait outlives, the function wakes itself for.

use std::time::Duration;

use futures_util::future::OptionFuture;
use jiff::SignedDuration;
use panda_aws::AwsError;
use panda_domain::recovery::{
    Hints, Look, News, Reason, RecoveryPlan, Rules, Step, Subject, Telling, Told as Known, Wake, plan,
};
use panda_lambda::deadline::Deadline;
use serde_json::Value;
use tokio::{join, time::sleep};
use tracing::{info, warn};

use crate::{
    Mode,
    cases::{Cases, Claim, Released, Taken},
    handler::App,
    memory::Memory,
    observe::Seeing,
    outcome::CaseOutcome,
    tell::{Told, tell},
};

mod steps;

/// The type of the event by which the function wakes itself. Its source is `lethargic-panda`, its detail a command.
pub const LOOK_AGAIN: &str = "Deployment Recovery Look Again";

/// What must be left of the invocation for a look, a step, and a word.
const RESERVE: Duration = Duration::from_secs(45);

/// How much longer than the invocation a lease lasts, so that clocks that differ do not make two holders.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// What an invocation without a known end counts with: Lambda's longest.
const LONGEST: Duration = Duration::from_mins(15);

/// How long Systems Manager tries to hand over a restart. A server that is online takes it within seconds.
const DELIVERY: Duration = Duration::from_mins(1);

/// How often reads that failed are tried again, before people are told that they cannot be read.
const BLURRED_LOOKS: u32 = 4;

/// How long after it was asked for another look is taken: what its event told may not show in reads any sooner.
const SETTLE: Duration = Duration::from_secs(10);

/// How often a step is tried that AWS does not take.
const TRIES: u32 = 5;

/// Why a case could not be brought to its end in this invocation.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) what: &'static str,
    pub(crate) error: AwsError,
}

/// One case in one invocation.
pub(crate) struct Work<'a, C> {
    pub(crate) app: &'a App<C>,
    pub(crate) subject: &'a Subject,
    pub(crate) hints: Hints,
    pub(crate) holder: &'a str,
    pub(crate) deadline: Deadline,
    pub(crate) outcome: CaseOutcome,
    pub(crate) problems: Vec<String>,
    memory: Memory,
    rules: Rules,
    refused: Vec<Reason>,
    tries: u32,
}

/// What follows a step.
enum Then {
    Look,
    End,
    /// Another invocation is to go on.
    Later,
}

/// How a pursuit ends.
enum Ending {
    Over,
    Later,
}

impl<'a, C: Cases> Work<'a, C> {
    pub(crate) fn new(
        app: &'a App<C>,
        subject: &'a Subject,
        hints: Hints,
        holder: &'a str,
        deadline: Deadline,
    ) -> Self {
        Self {
            app,
            subject,
            hints,
            holder,
            deadline,
            outcome: CaseOutcome::new(subject),
            problems: Vec::new(),
            memory: Memory::default(),
            rules: app.config.rules.clone(),
            refused: Vec::new(),
            tries: 0,
        }
    }

    /// Works on the case, unless somebody else does.
    pub(crate) async fn run(&mut self) -> Result<(), Unfinished> {
        let key = self.subject.key();
        let Some(leased) = self.take(&key).await else { return Ok(()) };
        let mut unanswered = 0;
        let mut ending = self.pursue().await;
        loop {
            // Where the answer to taking it was lost, it may be ours all the same.
            match self.app.cases.release(&key, self.holder).await {
                // Woken before the case is let go, the next one would find it taken.
                Ok(Released::Gone) => return self.end(ending).await,
                Ok(Released::LookAgain) => {
                    let so_far = ending?;
                    ending = self.look_again(so_far).await;
                }
                Err(error) => {
                    self.note(format!("could not let go of the case: {error}"));
                    unanswered += 1;
                    let hopeless = unanswered >= TRIES || self.left() < RESERVE + self.look_every();
                    if !leased || ending.is_err() || hopeless {
                        return self.end_unreleased(leased, ending, error).await;
                    }
                    sleep(self.look_every()).await;
                    // Perhaps somebody had asked for another look, and the answer with it was lost.
                    if matches!(ending, Ok(Ending::Over)) {
                        ending = self.pursue().await;
                    }
                }
            }
        }
    }

    /// Takes the case: whether it is surely ours, or nothing where it is another's or done.
    async fn take(&mut self, key: &str) -> Option<bool> {
        let (reason, code) = match self.app.cases.take(self.claim(key)).await {
            Ok(Taken::Ours) => return Some(true),
            Ok(Taken::Theirs) => ("another invocation is at it, and will look once more", "taken"),
            // Only deployments are ever done so: an execution has seen to them.
            Ok(Taken::Done) => ("its execution has seen to it", "pipeline-tells"),
            // Healing fails open.
            Err(error) => {
                self.note(format!("could not take the case, and goes on without: {error}"));
                return Some(false);
            }
        };
        self.outcome.reasons = vec![reason.to_owned()];
        self.outcome.codes = vec![code];
        None
    }

    /// Somebody asked for another look while this one was at it.
    async fn look_again(&mut self, so_far: Ending) -> Result<Ending, Unfinished> {
        if matches!(so_far, Ending::Later) || self.left() <= RESERVE {
            // What was asked for is seen by whoever is woken.
            return Ok(Ending::Later);
        }
        info!(case = %self.subject, "Somebody asked for another look");
        if matches!(self.subject, Subject::Execution { .. }) {
            sleep(SETTLE).await;
        }
        self.pursue().await
    }

    /// Ends without having let go of the case.
    async fn end_unreleased(
        &mut self,
        leased: bool,
        ending: Result<Ending, Unfinished>,
        error: AwsError,
    ) -> Result<(), Unfinished> {
        match ending {
            // Whoever is woken would find it taken; whoever runs this again has it.
            Ok(Ending::Later) if leased => Err(Unfinished { what: "the case could not be let go", error }),
            ending => self.end(ending).await,
        }
    }

    async fn end(&mut self, result: Result<Ending, Unfinished>) -> Result<(), Unfinished> {
        match result? {
            Ending::Over => Ok(()),
            Ending::Later => self.wake_later().await,
        }
    }

    /// Looks and plans, and touches nothing.
    pub(crate) async fn diagnose(&mut self) -> Seeing {
        let now = self.app.now();
        let told = self.told().await;
        let seeing = self.app.eyes.look(self.subject, &self.hints, told, &mut self.memory, now).await;
        let plan = plan(&seeing.look, &self.rules, now);
        self.outcome.looks += 1;
        self.outcome.decided(&plan);
        self.saw(&seeing);
        seeing
    }

    async fn pursue(&mut self) -> Result<Ending, Unfinished> {
        let mut blurred = 0;
        loop {
            let now = self.app.now();
            let told = self.told().await;
            let seeing = self.app.eyes.look(self.subject, &self.hints, told, &mut self.memory, now).await;
            self.outcome.looks += 1;
            self.saw(&seeing);
            self.note_deployments(&seeing.look).await;
            match &seeing.blurred {
                Some(error) if blurred < BLURRED_LOOKS => {
                    blurred += 1;
                    info!(case = %self.subject, "A read failed; looking again: {error}");
                    if self.left() < RESERVE + self.look_every() {
                        // Nobody is told on the grounds of a single bad look: whoever is woken has time for another.
                        return Ok(Ending::Later);
                    }
                    sleep(self.look_every()).await;
                    continue;
                }
                Some(_) => {}
                None => blurred = 0,
            }
            let mut plan = plan(&seeing.look, &self.rules, now);
            self.restrain(&mut plan, &seeing.look);
            self.outcome.decided(&plan);
            info!(case = %self.subject, step = plan.step.name(), reasons = ?self.outcome.codes, "Planned");
            match self.take_step(&plan, &seeing.look).await? {
                Then::Look => {}
                Then::End => return Ok(Ending::Over),
                Then::Later => return Ok(Ending::Later),
            }
        }
    }

    /// Holds the plan to what may be done: where only explaining is allowed, or AWS does not take a step, people are told instead.
    fn restrain(&self, plan: &mut RecoveryPlan, look: &Look) {
        let acts = matches!(plan.step, Step::Restart(_) | Step::SetUnhealthy { .. } | Step::Retry { .. });
        let waits_to_act = matches!(plan.step, Step::Wait(_))
            && plan.reasons.iter().any(|reason| {
                matches!(
                    reason,
                    Reason::GroupBusy { .. }
                        | Reason::AgentBusy { .. }
                        | Reason::RestartRuns { .. }
                        | Reason::RestartNotSent { .. }
                        | Reason::InTurn { .. }
                )
            });
        let only_explains = self.app.config.mode == Mode::ExplainOnly && (acts || waits_to_act);
        if only_explains || (acts && !self.refused.is_empty()) {
            plan.reasons.extend(self.refused.iter().cloned());
            plan.step = if look.told.failed {
                Step::Nothing
            } else {
                Step::Tell(Telling { news: News::Failed, key: failed_key(self.subject) })
            };
        }
    }

    async fn take_step(&mut self, plan: &RecoveryPlan, look: &Look) -> Result<Then, Unfinished> {
        match &plan.step {
            Step::Wait(pause) => {
                let pause = Duration::try_from(*pause).unwrap_or_default().max(Duration::from_secs(1));
                if self.left() < pause + RESERVE {
                    return Ok(Then::Later);
                }
                sleep(pause).await;
                Ok(Then::Look)
            }
            Step::Restart(batches) => {
                for batch in batches {
                    self.restart(batch).await;
                }
                Ok(Then::Look)
            }
            Step::SetUnhealthy { instance, group } => {
                self.replace(instance, group).await;
                Ok(Then::Look)
            }
            Step::Retry { pipeline, stage, execution } => Ok(self.retry(pipeline, stage, execution).await),
            Step::Tell(telling) => {
                let key = self.subject.key();
                let told = tell(self.app, look, plan, telling, self.claim(&key)).await;
                if told.is_ok() && telling.news == News::Failed && telling.key != failed_key(self.subject) {
                    // Told with others of its kind: another look, which may find another cause, must not tell it again.
                    if let Err(error) = self.app.cases.finish(&failed_key(self.subject), self.app.now()).await {
                        self.note(format!("people were told, and may be told again: {error}"));
                    }
                }
                match told {
                    Ok(Told::Sent { subject, problems }) => {
                        self.outcome.told = Some(subject);
                        self.outcome.recovered = telling.news == News::Recovered;
                        self.problems.extend(problems);
                    }
                    Ok(Told::Before) => self.outcome.reasons.push("people were told already".to_owned()),
                    Err(error) => return Err(Unfinished { what: "people could not be told", error }),
                }
                Ok(Then::End)
            }
            Step::Nothing => Ok(Then::End),
        }
    }

    /// Has the function woken again, to go on where this invocation ends.
    async fn wake_later(&mut self) -> Result<(), Unfinished> {
        let command: Value = Wake::look_again(self.subject, &self.hints, self.app.now());
        let put = self.app.bus.put(LOOK_AGAIN, &[], &command.to_string()).await;
        put.map_err(|error| Unfinished { what: "nobody could be asked to go on", error })?;
        self.outcome.reasons.push("another invocation goes on".to_owned());
        Ok(())
    }

    /// What people were told of the case. Where the book does not answer, nothing: rather twice than never.
    async fn told(&mut self) -> Known {
        let (failed, recovered) = (failed_key(self.subject), recovered_key(self.subject));
        let key = self.subject.key();
        let (failed, recovered, seen_to) = join!(
            self.app.cases.is_done(&failed),
            self.app.cases.is_done(&recovered),
            OptionFuture::from(matches!(self.subject, Subject::Deployment(_)).then(|| self.app.cases.is_done(&key)))
        );
        let mut known = |answer: Result<bool, AwsError>| {
            answer.unwrap_or_else(|error| {
                self.note(format!("could not ask whether people were told: {error}"));
                false
            })
        };
        let seen_to = seen_to.is_some_and(&mut known);
        Known { failed: known(failed) || seen_to, recovered: known(recovered) }
    }

    fn saw(&mut self, seeing: &Seeing) {
        self.outcome.fleets.extend(seeing.fleets.iter().cloned());
        for instance in &seeing.untagged {
            self.note(format!(
                "{instance} does not carry the tag `{}`, so its agent is out of reach: let the group's tag propagate",
                panda_aws::FLEET_TAG
            ));
        }
    }

    /// Notes a problem, once.
    fn note(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            warn!(case = %self.subject, "{problem}");
            self.problems.push(problem);
        }
    }

    fn look_every(&self) -> Duration {
        Duration::try_from(self.rules.look_every).unwrap_or_default()
    }

    fn left(&self) -> Duration {
        self.deadline.left(self.app.system_now())
    }

    fn claim<'k>(&self, key: &'k str) -> Claim<'k>
    where
        'a: 'k,
    {
        let now = self.app.now();
        let left = SignedDuration::try_from(self.left().min(LONGEST)).unwrap_or(SignedDuration::ZERO);
        let until = now.checked_add(left).and_then(|end| end.checked_add(LEASE_MARGIN)).unwrap_or(now);
        Claim { key, holder: self.holder, now, until }
    }
}

/// Under which key the plan has a failure told once.
fn failed_key(subject: &Subject) -> String {
    format!("{}/failed", subject.key())
}

fn recovered_key(subject: &Subject) -> String {
    format!("{}/recovered", subject.key())
}
