//! What is the next step, and why?

mod nurse;
mod over;
mod retry;

use jiff::{SignedDuration, Timestamp};

use super::{Cure, DeploymentStatus, Diagnosis, Look, Reason, StageLook, Subject, Telling, diagnose, telling};
use crate::ids::{ExecutionId, GroupName, InstanceId, PipelineName, StageName};

/// The longest that an in-place deployment may take ([limits]).
///
/// [limits]: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
const LONGEST_DEPLOYMENT: SignedDuration = SignedDuration::from_hours(8);

/// How long after a failure was told reads may still be from before it. `[infer]` neither service promises anything; seconds were seen.
const SETTLED: SignedDuration = SignedDuration::from_secs(45);

/// The constants of the plan, set by the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most retries of one pipeline execution, whoever made them.
    pub max_retries: u32,
    /// The longest wait for a rollback, a busy agent or the replacement of a server, counted from when the failure was told.
    pub patience: SignedDuration,
    /// The pause between looks while something else is at work. Restarts of our own are looked at four times as often.
    pub look_every: SignedDuration,
    /// Whether an instance beyond cure may be given to Auto Scaling to replace.
    pub may_replace: bool,
}

/// The next step for one subject, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct RecoveryPlan {
    /// What it is about.
    pub subject: Subject,
    /// What was found.
    pub diagnosis: Diagnosis,
    /// The next step. After it, look and plan again.
    pub step: Step,
    /// Why, the most telling reason first; never none.
    pub reasons: Vec<Reason>,
    /// How often the stage was retried so far, by whomever.
    pub retries: u32,
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Look again after this.
    Wait(SignedDuration),
    /// Send the restart document to these, each batch by one `SendCommand`.
    Restart(Vec<Vec<InstanceId>>),
    /// `SetInstanceHealth` to `Unhealthy`: Auto Scaling replaces it, and the new one gets the code at its launch.
    SetUnhealthy {
        /// The instance.
        instance: InstanceId,
        /// Its group.
        group: GroupName,
    },
    /// `RetryStageExecution` with `FAILED_ACTIONS`.
    Retry {
        /// The pipeline.
        pipeline: PipelineName,
        /// The stage.
        stage: StageName,
        /// The execution.
        execution: ExecutionId,
    },
    /// Tell people: our work is over.
    Tell(Telling),
    /// Nothing is left to do.
    Nothing,
}

impl Step {
    /// The word for it in logs and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Wait(_) => "wait",
            Self::Restart(_) => "restart",
            Self::SetUnhealthy { .. } => "set-unhealthy",
            Self::Retry { .. } => "retry",
            Self::Tell(_) => "tell",
            Self::Nothing => "nothing",
        }
    }
}

/// Decides the next step for one subject.
///
/// The laws are listed at [`recovery`](crate::recovery).
#[must_use]
pub fn plan(look: &Look, rules: &Rules, now: Timestamp) -> RecoveryPlan {
    let case = Case { look, rules, now, diagnosis: diagnose(look) };
    let retries = case.retries();
    let (step, reasons) = case.decide();
    RecoveryPlan { subject: look.subject.clone(), diagnosis: case.diagnosis, step, reasons, retries }
}

/// A step, and why.
type Decided = (Step, Vec<Reason>);

/// All that a decision depends on.
struct Case<'a> {
    look: &'a Look,
    rules: &'a Rules,
    now: Timestamp,
    diagnosis: Diagnosis,
}

impl Case<'_> {
    fn decide(&self) -> Decided {
        let over = match &self.look.subject {
            Subject::Execution { execution, .. } => self.execution_over(execution),
            Subject::Deployment(id) => self.deployment_over(id),
        };
        if let Some(decided) = over.or_else(|| self.still_running()) {
            return decided;
        }
        let mut reasons = Vec::new();
        let hands_off = self.diagnosis.findings.iter().any(|finding| finding.cure() == Cure::Never);
        if !hands_off && let Some(decided) = self.nurse(&mut reasons).or_else(|| self.replace(&mut reasons)) {
            return decided;
        }
        match &self.look.subject {
            Subject::Execution { pipeline, execution } => self.retry(pipeline, execution, reasons),
            Subject::Deployment(id) => self.without_pipeline(id, reasons),
        }
    }

    /// Waits for a deployment that has not ended: what it does yet may change everything.
    fn still_running(&self) -> Option<Decided> {
        let (deployment, status) = self.look.current().find_map(|(id, deployment)| {
            match &deployment.info.as_ref().ok()?.as_ref()?.status {
                DeploymentStatus::Active(status) => Some((id, status)),
                _ => None,
            }
        })?;
        let why = Reason::DeploymentRuns { deployment: deployment.clone(), status: status.clone() };
        Some(self.wait_or_explain(why, LONGEST_DEPLOYMENT))
    }

    /// The end of our work, which people hear of once.
    fn explain(&self, mut reasons: Vec<Reason>) -> Decided {
        if self.look.told.failed {
            reasons.push(Reason::AlreadyTold);
            return (Step::Nothing, reasons);
        }
        if self.may_be_behind(&reasons) {
            return (Step::Wait(self.rules.look_every), reasons);
        }
        (Step::Tell(telling::failed(self.look, &self.diagnosis, self.now)), reasons)
    }

    /// Whether what is missing may only not show yet: the cause, or the pipeline that waits. People would hear of nothing in particular, or
    /// of the same thing twice.
    fn may_be_behind(&self, reasons: &[Reason]) -> bool {
        let lacks = |reason: &Reason| match reason {
            Reason::NoCause | Reason::Missing { .. } | Reason::NoPipeline => true,
            Reason::NewerExecution { .. } => self.diagnosis.findings.is_empty(),
            _ => false,
        };
        let young = |since: Timestamp| self.now.duration_since(since) < SETTLED;
        reasons.iter().any(lacks) && self.look.hints.since.is_some_and(young)
    }

    /// The larger of what the event and the stage count.
    fn retries(&self) -> u32 {
        let told = self.look.hints.attempt.map_or(0, |attempt| attempt.saturating_sub(1));
        told.max(self.stage().map_or(0, |stage| stage.retries))
    }

    fn stage(&self) -> Option<&StageLook> {
        let Subject::Execution { execution, .. } = &self.look.subject else { return None };
        self.look.pipeline.as_ref().ok()?.as_ref()?.stage_of(execution)
    }

    fn wait_or_explain(&self, why: Reason, most: SignedDuration) -> Decided {
        match self.impatient(most) {
            None => (Step::Wait(self.rules.look_every), vec![why]),
            Some(over) => self.explain(vec![why, over]),
        }
    }

    /// Why there is no more waiting, if there is none.
    fn impatient(&self, most: SignedDuration) -> Option<Reason> {
        let waited = self.look.hints.since.map_or(SignedDuration::ZERO, |since| self.now.duration_since(since));
        (waited >= most).then(|| Reason::PatienceOver { minutes: waited.as_mins() })
    }
}
