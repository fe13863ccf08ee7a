//! Which agents are restarted now, what is waited for, and which instance is beyond cure?

use jiff::SignedDuration;

use super::{Case, Decided, Step};
use crate::{
    failover::Lifecycle,
    ids::{DeploymentId, InstanceId},
    recovery::{Creator, Cure, Finding, Nursing, Reason, Standing, Subject},
};

/// How long a restart may take: a minute until it is handed over, five of the document, and what Systems Manager needs to say so.
const LONGEST_RESTART: SignedDuration = SignedDuration::from_mins(10);

/// How many looks another case may take until it sees to what this one could see to as well.
const LOOKS_OF_OTHERS: i32 = 4;

/// The most instances that one `SendCommand` takes.
const LARGEST_BATCH: usize = 50;

/// Whether other deployments allow to touch agents and stages.
pub(super) enum Road {
    /// They do.
    Free,
    /// Not yet.
    Busy(Decided),
    /// Nobody knows, or patience is over; the reasons say so.
    Closed,
}

impl Case<'_> {
    /// Waits a few looks where the subject is a rollback that failed just now: the deployment that it was to undo failed too, and whoever
    /// handles that sees to the same servers, tries the stage again and tells whom it has cured. Only if nobody does, it is for this case.
    fn leaves_to_the_undone(&self) -> Option<Decided> {
        let Subject::Deployment(id) = &self.look.subject else { return None };
        let info = self.look.info(id).filter(|info| info.creator == Creator::Rollback)?;
        let ended = info.completed.or(self.look.hints.since)?;
        let why = Reason::RollbackFailed { deployment: info.undone() };
        let young = self.now.duration_since(ended) < self.rules.look_every * LOOKS_OF_OTHERS;
        young.then(|| (Step::Wait(self.rules.look_every), vec![why]))
    }

    /// Restarts what a restart can cure, and waits for it.
    pub(super) fn nurse(&self, reasons: &mut Vec<Reason>) -> Option<Decided> {
        if let Err(error) = &self.look.restarts {
            // Without them nobody knows what was sent before.
            reasons.push(Reason::Unreadable { what: "earlier restarts", error: error.clone() });
            return None;
        }
        let due = self.nursed(|nursing| match nursing {
            Nursing::Untried => true,
            Nursing::Busy(sent) | Nursing::Unsent(sent) => self.now.duration_since(sent) >= self.rules.look_every,
            _ => false,
        });
        if !due.is_empty() {
            if let Some(turn) = self.leaves_to_the_undone() {
                return Some(turn);
            }
            match self.road(due.iter().filter_map(|finding| finding.deployment.as_ref()), reasons) {
                Road::Free => {
                    let instances = instances(&due);
                    let batches = instances.chunks(LARGEST_BATCH).map(<[InstanceId]>::to_vec).collect();
                    return Some((Step::Restart(batches), vec![Reason::Curable { instances }]));
                }
                Road::Busy(wait) => return Some(wait),
                Road::Closed => {}
            }
        }
        // What was begun is seen to its end, however late it was begun: patience is for what others do.
        let running = self.nursed(|nursing| match nursing {
            Nursing::Running(sent) => self.now.duration_since(sent) < LONGEST_RESTART,
            _ => false,
        });
        if !running.is_empty() {
            let why = Reason::RestartRuns { instances: instances(&running) };
            return Some((Step::Wait(self.rules.look_every / 4), vec![why]));
        }
        let overdue = self.nursed(|nursing| matches!(nursing, Nursing::Running(_)));
        if !overdue.is_empty() {
            reasons.push(Reason::RestartRuns { instances: instances(&overdue) });
        }
        if !due.is_empty() {
            return None;
        }
        let busy = self.nursed(|nursing| matches!(nursing, Nursing::Busy(_)));
        if !busy.is_empty() {
            let why = Reason::AgentBusy { instances: instances(&busy) };
            return self.wait(why, self.rules.look_every, reasons);
        }
        let unsent = self.nursed(|nursing| matches!(nursing, Nursing::Unsent(_)));
        if !unsent.is_empty() {
            let why = Reason::RestartNotSent { instances: instances(&unsent) };
            return self.wait(why, self.rules.look_every, reasons);
        }
        None
    }

    /// The findings that a restart can cure and that stand so.
    fn nursed(&self, stands: impl Fn(Nursing) -> bool) -> Vec<&Finding> {
        self.diagnosis
            .findings
            .iter()
            .filter(|finding| finding.cure() == Cure::Restart)
            .filter(|finding| matches!(finding.standing, Standing::Here(nursing) if stands(nursing)))
            .collect()
    }

    /// Whether other deployments of the groups allow to touch agents and stages.
    pub(super) fn road<'d>(
        &self,
        deployments: impl Iterator<Item = &'d DeploymentId>,
        reasons: &mut Vec<Reason>,
    ) -> Road {
        let mut active = Vec::new();
        for id in deployments {
            match self.look.deployments.get(id).map(|deployment| &deployment.active) {
                Some(Ok(others)) => active.extend(others.iter().cloned()),
                Some(Err(error)) => {
                    reasons.push(Reason::Unreadable { what: "the deployments of the group", error: error.clone() });
                    return Road::Closed;
                }
                None => {}
            }
        }
        match &self.look.blocking {
            Ok(blocking) => active.extend(blocking.iter().cloned()),
            Err(error) => {
                reasons.push(Reason::Unreadable { what: "the deployment in the way", error: error.clone() });
                return Road::Closed;
            }
        }
        if active.is_empty() {
            return Road::Free;
        }
        active.sort();
        active.dedup();
        match self.wait(Reason::GroupBusy { deployments: active }, self.rules.look_every, reasons) {
            Some(wait) => Road::Busy(wait),
            None => Road::Closed,
        }
    }

    /// A wait; or, once patience is over, a note of that among the reasons.
    fn wait(&self, why: Reason, pause: SignedDuration, reasons: &mut Vec<Reason>) -> Option<Decided> {
        match self.impatient(self.rules.patience) {
            None => Some((Step::Wait(pause), vec![why])),
            Some(over) => {
                reasons.extend([why, over]);
                None
            }
        }
    }

    /// Gives one instance that is beyond cure to Auto Scaling, if that started the deployment and others serve; the next one when the group has
    /// replaced it.
    pub(super) fn replace(&self, reasons: &mut Vec<Reason>) -> Option<Decided> {
        let Ok(instances) = &self.look.instances else { return None };
        if !self.rules.may_replace || self.look.restarts.is_err() {
            return None;
        }
        for finding in &self.diagnosis.findings {
            let (Some(instance), Some(trouble)) = (&finding.instance, finding.trouble()) else { continue };
            let deployment = finding.deployment.as_ref();
            let info = deployment.and_then(|id| self.look.info(id));
            let membership = instances.get(instance).and_then(|instance| instance.membership.as_ref());
            let (Some(info), Some(membership)) = (info, membership) else { continue };
            let counts = membership.lifecycle == Lifecycle::InService && membership.healthy;
            if !info.creator.by_auto_scaling() || !trouble.ends_with_the_instance() || !counts {
                continue;
            }
            let changing = self.look.changing.get(&membership.group).map(Vec::as_slice).unwrap_or_default();
            if !changing.is_empty() {
                let why = Reason::InTurn { instance: instance.clone(), changing: changing.to_vec() };
                match self.wait(why, self.rules.look_every, reasons) {
                    Some(wait) => return Some(wait),
                    None => continue,
                }
            }
            let serving = self.look.serving.get(&membership.group).copied().unwrap_or(0);
            if serving < 2 {
                reasons.push(Reason::LastServer { instance: instance.clone(), serving });
                continue;
            }
            return match self.road(deployment.into_iter(), reasons) {
                Road::Free => {
                    let step = Step::SetUnhealthy { instance: instance.clone(), group: membership.group.clone() };
                    Some((step, vec![Reason::Replaceable { instance: instance.clone(), trouble }]))
                }
                Road::Busy(wait) => Some(wait),
                Road::Closed => None,
            };
        }
        None
    }
}

fn instances(findings: &[&Finding]) -> Vec<InstanceId> {
    let mut instances: Vec<InstanceId> = findings.iter().filter_map(|finding| finding.instance.clone()).collect();
    instances.sort();
    instances.dedup();
    instances
}
