//! Is there nothing to cure, or nothing any more?

use super::{Case, Decided, LONGEST_DEPLOYMENT, Step};
use crate::{
    ids::{DeploymentId, ExecutionId},
    recovery::{ActionLook, Creator, DeploymentStatus, PipelineLook, Reason, RunStatus, StageLook, telling},
};

impl Case<'_> {
    /// Whether there is nothing to cure in an execution.
    pub(super) fn execution_over(&self, execution: &ExecutionId) -> Option<Decided> {
        let read = self.look.execution.as_ref().ok().and_then(Option::as_ref).map(|execution| &execution.status);
        let pipeline = self.look.pipeline.as_ref().ok().and_then(Option::as_ref);
        let stage = pipeline.and_then(|pipeline| pipeline.stage_of(execution));
        if self.look.hints.succeeded || read == Some(&RunStatus::Succeeded) {
            return Some(self.succeeded(stage.is_none()));
        }
        if let Some(status @ (RunStatus::Superseded | RunStatus::Ended(_))) = read {
            return Some(self.explain(vec![Reason::ExecutionEnded { status: status.clone() }]));
        }
        if let Some(newer) = self.newer(pipeline, execution) {
            return Some(self.explain(vec![Reason::NewerExecution { execution: newer }]));
        }
        let stage = stage?;
        let failed = stage.failed().next().is_some();
        if stage.status == RunStatus::InProgress {
            // A retry since the event that woke us: this failure has been seen to. Otherwise a part of the stage has yet to end, or the
            // read is behind the event.
            let attempt = self.look.hints.attempt;
            let retried = attempt.map_or(!failed, |attempt| stage.retries > attempt.saturating_sub(1));
            if retried {
                return Some((Step::Nothing, vec![Reason::ExecutionRuns]));
            }
            return Some(self.wait_or_explain(Reason::StageRuns { stage: stage.name.clone() }, LONGEST_DEPLOYMENT));
        }
        let hints = &self.look.hints;
        let ours =
            !hints.deployments.is_empty() || hints.provider.is_some() || stage.failed().any(ActionLook::is_deployment);
        (stage.status == RunStatus::Failed && failed && !ours)
            .then(|| (Step::Nothing, vec![Reason::NotADeployment { stage: stage.name.clone() }]))
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

    /// A success is news only to those who heard of a failure, or where a stage with a deployment was retried: every pipeline of the account
    /// tells us of its end.
    fn succeeded(&self, out_of_sight: bool) -> Decided {
        let retries = self.retries();
        let deploys = |stage: &StageLook| stage.actions.iter().any(ActionLook::is_deployment);
        // A newer execution shows what the pipeline does. What cannot be read is told: rather once too often than never.
        let pipeline = self.look.pipeline.as_ref().ok().and_then(Option::as_ref);
        let may_deploy = || pipeline.is_none_or(|pipeline| pipeline.stages.iter().any(deploys));
        let ours = self.stage().is_some_and(|stage| stage.retries > 0 && deploys(stage))
            || (out_of_sight && retries > 0 && may_deploy());
        match (self.look.told.failed || ours, self.look.told.recovered) {
            (true, false) => (Step::Tell(telling::recovered(&self.look.subject)), vec![Reason::Recovered { retries }]),
            (true, true) => (Step::Nothing, vec![Reason::AlreadyTold]),
            (false, _) => (Step::Nothing, vec![Reason::ExecutionEnded { status: RunStatus::Succeeded }]),
        }
    }

    /// Whether a deployment is none of our business, or no failure.
    pub(super) fn deployment_over(&self, id: &DeploymentId) -> Option<Decided> {
        let nothing = |reason: Reason| Some((Step::Nothing, vec![reason]));
        let info = self.look.info(id);
        let status = info.map(|info| &info.status);
        if let Ok(Some((_, execution))) = &self.look.owner
            && !matches!(status, Some(DeploymentStatus::Succeeded | DeploymentStatus::Active(_)))
        {
            // A deployment that succeeds though an instance failed is no failure to its pipeline, which tells nothing of it.
            return nothing(Reason::PipelineTells { execution: execution.clone() });
        }
        let info = info?;
        match &info.creator {
            // Of one that failed nobody else tells: the servers are left between two revisions, until a later deployment succeeds. One that
            // is shown at work is waited for: the read may be behind the event.
            Creator::Rollback if info.status == DeploymentStatus::Succeeded => {
                return nothing(Reason::RollbackOf { deployment: info.undone() });
            }
            Creator::Rollback => {
                let later =
                    self.look.deployments.get(id).and_then(|deployment| deployment.succeeded.as_ref().ok()?.clone());
                if let Some(deployment) = later {
                    let status = DeploymentStatus::Succeeded;
                    return nothing(Reason::DeploymentEnded { deployment, status });
                }
            }
            Creator::AutoScalingTermination => return nothing(Reason::Leaving),
            _ => {}
        }
        let found = !self.diagnosis.findings.is_empty() || !self.diagnosis.gaps.is_empty();
        if info.status == DeploymentStatus::Succeeded && !found {
            return nothing(Reason::DeploymentEnded { deployment: id.clone(), status: info.status.clone() });
        }
        None
    }
}
