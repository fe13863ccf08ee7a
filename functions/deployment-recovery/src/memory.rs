//! What does an invocation know that reads do not show yet, or need not be read again?

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_aws::commands::fleet::Run;
use panda_domain::{
    ids::{DeploymentId, InstanceId},
    recovery::{DeploymentLook, DeploymentStatus, Restart, RestartState, Target},
};

use crate::observe::{is_at_work, restart};

/// How far Systems Manager's clock may be from ours.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// How long a command may be unknown to Systems Manager's own list.
const UNLISTED: SignedDuration = SignedDuration::from_mins(2);

/// What an invocation remembers of one case.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// What ended deployments did on their instances: that changes no more.
    targets: BTreeMap<DeploymentId, Vec<Target>>,
    /// Restarts that were sent, or could not be.
    sent: Vec<Restart>,
    /// Instances that Auto Scaling was told to replace.
    pub(crate) given_up: BTreeSet<InstanceId>,
    /// What the source said of its revision: that changes no more.
    pub(crate) source: Option<BTreeMap<String, String>>,
    /// The failed deployments of an execution that its pipeline does not show any more.
    pub(crate) failed: BTreeSet<DeploymentId>,
    /// No pipeline waits for the deployment.
    pub(crate) is_nobodys: bool,
    /// Deployments that are noted as those of the execution.
    pub(crate) noted: BTreeSet<DeploymentId>,
}

impl Memory {
    /// What an ended deployment did on its instances.
    pub(crate) fn targets(&self, id: &DeploymentId) -> Option<Vec<Target>> {
        self.targets.get(id).cloned()
    }

    /// Keeps what will not change.
    pub(crate) fn keep(&mut self, deployments: &BTreeMap<DeploymentId, DeploymentLook>) {
        for (id, deployment) in deployments {
            if let (Ok(Some(info)), Ok(targets)) = (&deployment.info, &deployment.targets)
                && matches!(
                    info.status,
                    DeploymentStatus::Failed | DeploymentStatus::Stopped | DeploymentStatus::Succeeded
                )
                && !targets.iter().any(is_at_work)
            {
                self.targets.entry(id.clone()).or_insert_with(|| targets.clone());
            }
        }
    }

    /// Notes that a restart was sent.
    pub(crate) fn note_sent(&mut self, instance: InstanceId, sent: Timestamp) {
        self.sent.push(Restart { instance, sent, state: RestartState::Running });
    }

    /// Notes that a restart could not be sent.
    pub(crate) fn note_unsent(&mut self, instance: InstanceId, sent: Timestamp, why: &str) {
        self.sent.push(Restart { instance, sent, state: RestartState::NotSent { why: why.to_owned() } });
    }

    /// The runs that Systems Manager lists, and those of ours that it does not list yet.
    pub(crate) fn with_sent(&self, runs: Vec<Run>, now: Timestamp) -> Vec<Restart> {
        let listed: Vec<Restart> = runs.into_iter().map(restart).collect();
        let mut unclaimed: Vec<&Restart> = listed.iter().collect();
        let mut unlisted = Vec::new();
        let is_sent = |own: &&Restart| own.state == RestartState::Running;
        // A command may have been taken though its reply was lost: it accounts for a run that no other of ours does.
        for own in self.sent.iter().filter(is_sent).chain(self.sent.iter().filter(|own| !is_sent(own))) {
            let is_it = |run: &&Restart| run.instance == own.instance && run.sent.duration_since(own.sent) >= -SKEW;
            let oldest = unclaimed.iter().enumerate().filter(|(_, run)| is_it(run)).min_by_key(|(_, run)| run.sent);
            if let Some((place, _)) = oldest {
                unclaimed.swap_remove(place);
            } else if own.state == RestartState::Running && now.duration_since(own.sent) > UNLISTED {
                let status = "Systems Manager does not know of it".to_owned();
                unlisted.push(Restart { state: RestartState::Unanswered { status }, ..own.clone() });
            } else {
                unlisted.push(own.clone());
            }
        }
        [listed, unlisted].concat()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_778_160_000 + second).unwrap()
    }

    fn run(instance: &str, second: i64, status: &str) -> Run {
        Run {
            server: instance.into(),
            sent: at(second),
            status: status.to_owned(),
            output: String::new(),
            comment: String::new(),
        }
    }

    #[test]
    fn a_restart_that_is_not_listed_yet_runs_and_one_that_never_is_was_lost() {
        let mut memory = Memory::default();
        memory.note_sent("i-1".into(), at(100));
        let states = |seen: Vec<Restart>| seen.into_iter().map(|restart| restart.state).collect::<Vec<_>>();
        assert_eq!(states(memory.with_sent(vec![], at(101))), [RestartState::Running]);
        assert_eq!(states(memory.with_sent(vec![run("i-1", 99, "Pending")], at(101))).len(), 1);
        let late = states(memory.with_sent(vec![], at(300)));
        assert!(matches!(late.as_slice(), [RestartState::Unanswered { .. }]), "{late:?}");
    }

    #[test]
    fn a_listed_run_accounts_for_one_of_ours_only_and_never_for_another_instances() {
        let mut memory = Memory::default();
        memory.note_sent("i-1".into(), at(100));
        memory.note_sent("i-1".into(), at(140));
        let seen = memory.with_sent(vec![run("i-1", 100, "Undeliverable"), run("i-2", 140, "Success")], at(141));
        let of_the_first = seen.iter().filter(|restart| restart.instance.as_str() == "i-1");
        assert_eq!(of_the_first.count(), 2);
        assert!(seen.iter().any(|restart| restart.state == RestartState::Running));
    }

    #[test]
    fn what_could_not_be_sent_is_not_the_run_that_was_sent_after_it() {
        let mut memory = Memory::default();
        memory.note_unsent("i-1".into(), at(100), "throttled");
        memory.note_sent("i-1".into(), at(150));
        let states = |seen: Vec<Restart>| seen.into_iter().map(|restart| restart.state).collect::<Vec<_>>();
        let seen = states(memory.with_sent(vec![run("i-1", 150, "Success")], at(160)));
        assert!(matches!(seen.as_slice(), [RestartState::Unanswered { .. }, RestartState::NotSent { .. }]), "{seen:?}");
        let both = vec![run("i-1", 100, "Success"), run("i-1", 150, "Success")];
        assert_eq!(states(memory.with_sent(both, at(160))).len(), 2, "only the reply was lost");
    }

    #[test]
    fn an_older_run_is_not_taken_for_ours() {
        let mut memory = Memory::default();
        memory.note_sent("i-1".into(), at(1_000));
        let seen = memory.with_sent(vec![run("i-1", 100, "Success")], at(1_001));
        assert_eq!(seen.len(), 2);
    }
}
