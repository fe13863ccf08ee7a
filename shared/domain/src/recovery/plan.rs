//! What is the next step, and why?

use jiff::{SignedDuration, Timestamp};

use super::{
    Cure, DeploymentStatus, Diagnosis, Finding, Look, Nursing, PipelineLook, Reason, RunStatus, StageLook, Standing,
    Subject, Telling, diagnose, telling,
};
use crate::{
    failover::Lifecycle,
    ids::{DeploymentId, ExecutionId, GroupName, InstanceId, PipelineName, StageName},
};

/// The longest that an in-place deployment may take ([limits]).
///
/// [limits]: https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html
const LONGEST_DEPLOYMENT: SignedDuration = SignedDuration::from_hours(8);

/// The most instances that one `SendCommand` takes.
const LARGEST_BATCH: usize = 50;

/// The constants of the plan, set by the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The most retries of one pipeline execution, whoever made them.
    pub max_retries: u32,
    /// The longest wait for a rollback, a busy agent or a restart, counted from when the failure was told.
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
        if let Some(decided) = over {
            return decided;
        }
        let mut reasons = Vec::new();
        if let Some(wait) = self.still_running(&mut reasons) {
            return wait;
        }
        let hands_off = self.diagnosis.findings.iter().any(|finding| finding.cure() == Cure::Never);
        if !hands_off {
            let nursed = self.nurse(&mut reasons).or_else(|| self.replace(&mut reasons));
            if let Some(decided) = nursed {
                return decided;
            }
        }
        match &self.look.subject {
            Subject::Execution { pipeline, execution } => self.retry(pipeline, execution, reasons),
            Subject::Deployment(_) => {
                reasons.extend(self.uncured());
                reasons.push(self.without_pipeline());
                self.explain(reasons)
            }
        }
    }

    /// Whether there is nothing to cure in an execution, or nothing any more.
    fn execution_over(&self, execution: &ExecutionId) -> Option<Decided> {
        let status = match &self.look.execution {
            Ok(Some(execution)) => &execution.status,
            // What cannot be read is no reason to be silent: the stage says enough to go on, or the plan ends with an explanation.
            Ok(None) | Err(_) => &RunStatus::Failed,
        };
        let pipeline = self.look.pipeline.as_ref().ok().and_then(Option::as_ref);
        let stage = pipeline.and_then(|pipeline| pipeline.stage_of(execution));
        match status {
            RunStatus::Succeeded => return Some(self.recovered(stage.is_none())),
            RunStatus::Superseded | RunStatus::Ended(_) => {
                return Some(self.explain(vec![Reason::ExecutionEnded { status: status.clone() }]));
            }
            RunStatus::InProgress | RunStatus::Failed | RunStatus::Unknown(_) => {}
        }
        if let Some(newer) = self.newer(pipeline, execution) {
            return Some(self.explain(vec![Reason::NewerExecution { execution: newer }]));
        }
        let stage = stage?;
        if stage.status != RunStatus::InProgress {
            return None;
        }
        // A retry since the event that woke us: this failure has been seen to. Otherwise the rest of the stage has yet to end.
        let retried = self.look.hints.attempt.is_some_and(|attempt| stage.retries > attempt.saturating_sub(1));
        if retried || stage.failed().next().is_none() {
            return Some((Step::Nothing, vec![Reason::ExecutionRuns]));
        }
        let mut reasons = vec![Reason::StageRuns { stage: stage.name.clone() }];
        Some(match self.patient(LONGEST_DEPLOYMENT, &mut reasons) {
            true => (Step::Wait(self.rules.look_every), reasons),
            false => self.explain(reasons),
        })
    }

    /// The execution that took the place of ours at the stage where it failed.
    fn newer(&self, pipeline: Option<&PipelineLook>, ours: &ExecutionId) -> Option<ExecutionId> {
        let pipeline = pipeline?;
        let stage = match &self.look.hints.stage {
            Some(name) => pipeline.stages.iter().find(|stage| stage.name == *name),
            None if pipeline.stage_of(ours).is_none() => pipeline.stages.last(),
            None => None,
        };
        stage.and_then(|stage| stage.execution.clone()).filter(|there| there != ours)
    }

    fn recovered(&self, out_of_sight: bool) -> Decided {
        let retries = self.retries();
        let ours = self.stage().is_some_and(|stage| stage.retries > 0) || (out_of_sight && retries > 0);
        let owed = self.look.told.failed || ours;
        match (owed, self.look.told.recovered) {
            (true, false) => (Step::Tell(telling::recovered(&self.look.subject)), vec![Reason::Recovered { retries }]),
            (true, true) => (Step::Nothing, vec![Reason::AlreadyTold]),
            (false, _) => (Step::Nothing, vec![Reason::ExecutionEnded { status: RunStatus::Succeeded }]),
        }
    }

    /// Whether a deployment is none of our business, or no failure.
    fn deployment_over(&self, id: &DeploymentId) -> Option<Decided> {
        if let Ok(Some((_, execution))) = &self.look.owner {
            return Some((Step::Nothing, vec![Reason::PipelineTells { execution: execution.clone() }]));
        }
        let info = self.look.deployments.get(id)?.info.as_ref().ok()?.as_ref()?;
        if info.creator == super::Creator::Rollback {
            let deployment = info.rollback_of.clone().unwrap_or_else(|| "another".into());
            return Some((Step::Nothing, vec![Reason::RollbackOf { deployment }]));
        }
        if info.creator == super::Creator::AutoScalingTermination {
            return Some((Step::Nothing, vec![Reason::Leaving]));
        }
        let well = info.status == DeploymentStatus::Succeeded
            && self.diagnosis.findings.is_empty()
            && self.diagnosis.gaps.is_empty();
        well.then(|| {
            let reason = Reason::DeploymentEnded { deployment: id.clone(), status: info.status.clone() };
            (Step::Nothing, vec![reason])
        })
    }

    fn still_running(&self, reasons: &mut Vec<Reason>) -> Option<Decided> {
        let (deployment, status) = self.look.deployments.iter().find_map(|(id, deployment)| {
            match &deployment.info.as_ref().ok()?.as_ref()?.status {
                DeploymentStatus::Active(status) => Some((id, status)),
                _ => None,
            }
        })?;
        reasons.push(Reason::DeploymentRuns { deployment: deployment.clone(), status: status.clone() });
        let reasons = reasons.clone();
        self.wait(reasons, self.rules.look_every, LONGEST_DEPLOYMENT)
    }

    /// Restarts what a restart can cure, and waits for it.
    fn nurse(&self, reasons: &mut Vec<Reason>) -> Option<Decided> {
        if let Err(error) = &self.look.restarts {
            // Without them nobody knows what was sent before.
            reasons.push(Reason::Unreadable { what: "earlier restarts", error: error.clone() });
            return None;
        }
        let of = |which: fn(&Nursing, &Self) -> bool| -> Vec<&Finding> {
            self.diagnosis
                .findings
                .iter()
                .filter(|finding| finding.cure() == Cure::Restart)
                .filter(|finding| matches!(&finding.standing, Standing::Here(nursing) if which(nursing, self)))
                .collect()
        };
        let due = of(|nursing, case| match nursing {
            Nursing::Untried => true,
            Nursing::Busy(sent) => case.now.duration_since(*sent) >= case.rules.look_every,
            _ => false,
        });
        let running = of(|nursing, _| matches!(nursing, Nursing::Running));
        let busy = of(|nursing, _| matches!(nursing, Nursing::Busy(_)));
        if !due.is_empty() {
            return self.restart(&due, reasons);
        }
        if !running.is_empty() {
            let why = vec![Reason::RestartRuns { instances: instances(&running) }];
            return self.wait_or_note(why, self.rules.look_every / 4, reasons);
        }
        if !busy.is_empty() {
            let why = vec![Reason::AgentBusy { instances: instances(&busy) }];
            return self.wait_or_note(why, self.rules.look_every, reasons);
        }
        None
    }

    fn restart(&self, due: &[&Finding], reasons: &mut Vec<Reason>) -> Option<Decided> {
        if let Some(decided) = self.group_busy(due.iter().map(|finding| &finding.deployment), reasons) {
            return decided;
        }
        let instances = instances(due);
        let batches = instances.chunks(LARGEST_BATCH).map(<[InstanceId]>::to_vec).collect();
        Some((Step::Restart(batches), vec![Reason::Curable { instances }]))
    }

    /// Whether other deployments of the groups forbid to touch agents and stages: `Some(None)` if for ever.
    fn group_busy<'d>(
        &self,
        deployments: impl Iterator<Item = &'d DeploymentId>,
        reasons: &mut Vec<Reason>,
    ) -> Option<Option<Decided>> {
        let mut active = Vec::new();
        for id in deployments {
            match self.look.deployments.get(id).map(|deployment| &deployment.active) {
                Some(Ok(others)) => active.extend(others.iter().cloned()),
                Some(Err(error)) => {
                    reasons.push(Reason::Unreadable { what: "the deployments of the group", error: error.clone() });
                    return Some(None);
                }
                None => {}
            }
        }
        if active.is_empty() {
            return None;
        }
        active.sort();
        active.dedup();
        Some(self.wait_or_note(vec![Reason::GroupBusy { deployments: active }], self.rules.look_every, reasons))
    }

    /// Gives one instance that is beyond cure to Auto Scaling, if that started the deployment and others serve.
    fn replace(&self, reasons: &mut Vec<Reason>) -> Option<Decided> {
        let Ok(instances) = &self.look.instances else { return None };
        for finding in &self.diagnosis.findings {
            let (Some(instance), Some(trouble)) = (&finding.instance, finding.trouble()) else { continue };
            let started = self.look.deployments.get(&finding.deployment).and_then(|deployment| {
                deployment.info.as_ref().ok()?.as_ref().map(|info| info.creator.by_auto_scaling())
            });
            let membership = instances.get(instance).and_then(|instance| instance.membership.as_ref());
            let (true, Some(true), true, Some(membership)) =
                (self.rules.may_replace, started, trouble.ends_with_the_instance(), membership)
            else {
                continue;
            };
            if membership.lifecycle != Lifecycle::InService || !membership.healthy {
                continue;
            }
            let serving = self.look.serving.get(&membership.group).copied().unwrap_or(0);
            if serving < 2 {
                reasons.push(Reason::LastServer { instance: instance.clone(), serving });
                continue;
            }
            let step = Step::SetUnhealthy { instance: instance.clone(), group: membership.group.clone() };
            return Some((step, vec![Reason::Replaceable { instance: instance.clone(), trouble }]));
        }
        None
    }

    fn retry(&self, pipeline: &PipelineName, execution: &ExecutionId, mut reasons: Vec<Reason>) -> Decided {
        reasons.extend(self.uncured());
        let stage = match &self.look.pipeline {
            Ok(Some(shown)) => shown.stage_of(execution),
            Ok(None) => {
                reasons.push(Reason::Missing { what: "the pipeline" });
                None
            }
            Err(error) => {
                reasons.push(Reason::Unreadable { what: "the pipeline", error: error.clone() });
                None
            }
        };
        match stage {
            Some(stage) => reasons.extend(self.not_retryable(stage)),
            None if reasons.is_empty() => {
                reasons.push(Reason::NotFailed { status: RunStatus::Unknown("nowhere to be seen".to_owned()) });
            }
            None => {}
        }
        let Some(stage) = stage.filter(|_| reasons.is_empty()) else { return self.explain(reasons) };
        if let Some(decided) = self.group_busy(self.look.deployments.keys(), &mut reasons) {
            return decided.unwrap_or_else(|| self.explain(reasons));
        }
        let step = Step::Retry { pipeline: pipeline.clone(), stage: stage.name.clone(), execution: execution.clone() };
        (step, vec![Reason::Cured { retries: self.retries(), most: self.rules.max_retries }])
    }

    /// What about the stage forbids to retry it.
    fn not_retryable(&self, stage: &StageLook) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if stage.status != RunStatus::Failed {
            reasons.push(Reason::NotFailed { status: stage.status.clone() });
        }
        for action in stage.failed() {
            match action.deployment() {
                None => reasons.push(Reason::OtherActionFailed { action: action.name.clone() }),
                Some(id) if !self.look.deployments.contains_key(&id) => {
                    reasons.push(Reason::Unreadable { what: "a deployment of the stage", error: id.to_string() });
                }
                Some(_) => {}
            }
        }
        let retries = self.retries();
        if retries >= self.rules.max_retries {
            reasons.push(Reason::AttemptsSpent { retries, most: self.rules.max_retries });
        }
        reasons
    }

    /// What is not cured, and never will be by us.
    fn uncured(&self) -> Vec<Reason> {
        let mut reasons = self.diagnosis.gaps.clone();
        if let Err(error) = &self.look.instances {
            reasons.push(Reason::Unreadable { what: "the instances", error: error.clone() });
        }
        if self.diagnosis.findings.is_empty() && reasons.is_empty() {
            reasons.push(Reason::NoCause);
        }
        let tried = self.retries() > 0;
        for finding in &self.diagnosis.findings {
            let cured = matches!(finding.standing, Standing::Here(Nursing::Cured));
            let reason = match (finding.cure(), &finding.instance, finding.trouble()) {
                (Cure::Restart, Some(instance), Some(trouble)) => {
                    Some(Reason::AgentNotCured { instance: instance.clone(), trouble })
                }
                (Cure::Restart, _, _) if !cured => Some(Reason::NotCurable { cause: finding.cause.clone() }),
                (cure, _, _) if !cure.allows_retry() => Some(Reason::NotCurable { cause: finding.cause.clone() }),
                _ if tried && finding.cause.facts().once => Some(Reason::TriedBefore { cause: finding.cause.clone() }),
                _ => None,
            };
            reasons.extend(reason.filter(|reason| !reasons.contains(reason)));
        }
        reasons
    }

    fn without_pipeline(&self) -> Reason {
        let Subject::Deployment(id) = &self.look.subject else { return Reason::NoPipeline };
        let succeeded = self.look.deployments.get(id).is_some_and(
            |deployment| matches!(&deployment.info, Ok(Some(info)) if info.status == DeploymentStatus::Succeeded),
        );
        if succeeded {
            let instances = self.diagnosis.findings.iter().filter_map(|finding| finding.instance.clone()).collect();
            return Reason::SucceededWithout { instances };
        }
        Reason::NoPipeline
    }

    fn explain(&self, mut reasons: Vec<Reason>) -> Decided {
        if self.look.told.failed {
            reasons.push(Reason::AlreadyTold);
            return (Step::Nothing, reasons);
        }
        (Step::Tell(telling::failed(self.look, &self.diagnosis, self.now)), reasons)
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

    /// A wait, or, once patience is over, a note of that among the reasons.
    fn wait_or_note(&self, why: Vec<Reason>, pause: SignedDuration, reasons: &mut Vec<Reason>) -> Option<Decided> {
        let mut why = why;
        if self.patient(self.rules.patience, &mut why) {
            return Some((Step::Wait(pause), why));
        }
        reasons.extend(why);
        None
    }

    fn wait(&self, mut why: Vec<Reason>, pause: SignedDuration, most: SignedDuration) -> Option<Decided> {
        Some(match self.patient(most, &mut why) {
            true => (Step::Wait(pause), why),
            false => self.explain(why),
        })
    }

    fn patient(&self, most: SignedDuration, reasons: &mut Vec<Reason>) -> bool {
        let waited = self.look.hints.since.map_or(SignedDuration::ZERO, |since| self.now.duration_since(since));
        let patient = waited < most;
        if !patient {
            reasons.push(Reason::PatienceOver { minutes: waited.as_mins() });
        }
        patient
    }
}

fn instances(findings: &[&Finding]) -> Vec<InstanceId> {
    let mut instances: Vec<InstanceId> = findings.iter().filter_map(|finding| finding.instance.clone()).collect();
    instances.sort();
    instances.dedup();
    instances
}
