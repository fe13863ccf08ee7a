//! May the stage be retried, and if not, why?

use jiff::SignedDuration;

use super::{Case, Decided, Step, nurse::Road};
use crate::{
    ids::{DeploymentId, ExecutionId, PipelineName},
    recovery::{Creator, Cure, DeploymentStatus, Reason, RunStatus, StageLook},
};

/// How long after a failed rollback, whose servers are cured, an execution may need to try its stage again: it looks every minute or so.
const RETRIED: SignedDuration = SignedDuration::from_mins(10);

impl Case<'_> {
    /// Retries the stage if all that failed is cured, and explains otherwise.
    pub(super) fn retry(&self, pipeline: &PipelineName, execution: &ExecutionId, mut reasons: Vec<Reason>) -> Decided {
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
        match self.road(self.look.current().map(|(id, _)| id), &mut reasons) {
            Road::Free => {
                let step =
                    Step::Retry { pipeline: pipeline.clone(), stage: stage.name.clone(), execution: execution.clone() };
                (step, vec![Reason::Cured { retries: self.retries(), most: self.rules.max_retries }])
            }
            Road::Busy(wait) => wait,
            Road::Closed => self.explain(reasons),
        }
    }

    /// What about the stage forbids to retry it.
    fn not_retryable(&self, stage: &StageLook) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if stage.status != RunStatus::Failed {
            reasons.push(Reason::NotFailed { status: stage.status.clone() });
        }
        for action in stage.failed() {
            match action.deployment() {
                Some(id) if !self.look.deployments.contains_key(&id) => {
                    reasons.push(Reason::Unreadable { what: "a deployment of the stage", error: id.to_string() });
                }
                None if !self.look.is_refused(action) => {
                    reasons.push(Reason::OtherActionFailed { action: action.name.clone() });
                }
                _ => {}
            }
        }
        let retries = self.retries();
        if retries >= self.rules.max_retries {
            reasons.push(Reason::AttemptsSpent { retries, most: self.rules.max_retries });
        }
        reasons
    }

    /// What is not cured, and will not be by us.
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
            let cause = || finding.cause.clone();
            let reason = match (finding.cure(), &finding.instance, finding.trouble()) {
                (Cure::Restart, Some(instance), Some(trouble)) => {
                    Reason::AgentNotCured { instance: instance.clone(), trouble }
                }
                (Cure::Restart, _, _) if !finding.is_cured() => Reason::NotCurable { cause: cause() },
                (cure, _, _) if !cure.allows_retry() => Reason::NotCurable { cause: cause() },
                _ if tried && finding.cause.facts().once => Reason::TriedBefore { cause: cause() },
                _ => continue,
            };
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons
    }

    /// What becomes of a deployment that no pipeline waits for: its agents were seen to, its code is for people.
    pub(super) fn without_pipeline(&self, id: &DeploymentId, mut reasons: Vec<Reason>) -> Decided {
        let info = self.look.info(id);
        let uncured = self.uncured();
        if let Some(info) = info.filter(|info| info.creator == Creator::Rollback) {
            // The execution whose deployment it undoes may be tried again now, which leaves nothing of it to tell.
            let ended = info.completed.or(self.look.hints.since);
            let young = ended.is_some_and(|ended| self.now.duration_since(ended) < RETRIED);
            if uncured.is_empty() && young {
                let why = Reason::RollbackFailed { deployment: info.undone() };
                return (Step::Wait(self.rules.look_every), vec![why]);
            }
            if let Road::Busy(wait) = self.road(std::iter::once(id), &mut reasons) {
                return wait;
            }
            reasons.push(Reason::RollbackFailed { deployment: info.undone() });
        }
        reasons.extend(uncured);
        if let Err(error) = &self.look.owner {
            reasons.push(Reason::Unreadable { what: "the pipelines", error: error.clone() });
        }
        reasons.push(match info {
            Some(info) if info.status == DeploymentStatus::Succeeded => {
                let instances = self.diagnosis.findings.iter().filter_map(|finding| finding.instance.clone()).collect();
                Reason::SucceededWithout { instances }
            }
            _ => Reason::NoPipeline,
        });
        self.explain(reasons)
    }
}
