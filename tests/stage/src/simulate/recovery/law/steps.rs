//! Was every restart, every retry and every verdict on an instance one that the laws allow?

use jiff::{SignedDuration, Timestamp};
use panda_world::DeploymentStatus;

use super::Bench;
use crate::simulate::recovery::record::{Job, Record, Run, Sent, Why};

/// How often a restart is sent to an agent that is at work, or that nobody answers: more is no cure.
const MOST_RESTARTS: usize = 5;
/// The document that restarts an agent, as the template names it.
const DOCUMENT: &str = "RecoveryRestartAgentDocument";
/// Codes of a whole deployment that say nothing of the revision, the settings or a person's will.
const ACCIDENTS: [&str; 3] = ["HEALTH_CONSTRAINTS", "INTERNAL_ERROR", "THROTTLED"];
/// Clocks of CodeDeploy and Systems Manager differ by no more; nor do the world's.
const MOMENT: SignedDuration = SignedDuration::from_secs(1);

impl Bench<'_> {
    pub(super) fn retries(&mut self) {
        let record = self.record;
        for run in &record.runs {
            for (number, before, at, seen) in Record::retries(run) {
                self.touches(at, &format!("retry of {}", run.id));
                if number >= record.terms.most_retries as usize {
                    let what = format!("{}: {} before", run.id, number);
                    self.accuse("no more retries of one execution than allowed", at, what);
                }
                if let Some(newer) = record.runs.iter().find(|other| is_newer(other, run, seen)) {
                    self.accuse("no retry once a newer execution is at the stage", at, newer.id.clone());
                }
                let Some((id, job)) = before.job.as_ref().and_then(|id| Some((id, record.jobs.get(id)?))) else {
                    continue;
                };
                for (other, _) in record.jobs.iter().filter(|(other, it)| *other != id && beside(it, job, seen, at)) {
                    self.accuse("nothing is retried while the group is deploying", at, format!("{id}, {other}"));
                }
                self.retry_of(id, job, at);
            }
        }
    }

    /// Whether what failed may be tried again.
    fn retry_of(&mut self, id: &str, job: &Job, at: Timestamp) {
        if job.status == DeploymentStatus::Stopped {
            return self.accuse("what somebody stopped is left alone", at, id.to_owned());
        }
        if let Some(code) = job.code.as_deref().filter(|code| !ACCIDENTS.contains(code)) {
            self.accuse("what people must mend is never retried", at, format!("{id}: {code}"));
        }
        let completed = job.completed.unwrap_or(job.created);
        for (instance, why) in job.failed_on() {
            match why {
                Why::Other(words) => {
                    let what = format!("{id} on {instance}: {words}");
                    self.accuse("what people must mend is never retried", at, what);
                }
                Why::Silent | Why::Restarted => {
                    // Of an agent that CodeDeploy did not wait for nothing is known.
                    let waited = !matches!(job.code.as_deref(), Some("INTERNAL_ERROR" | "THROTTLED"));
                    let standings = self.record.standings(instance, completed, at);
                    if waited && !standings.iter().any(|it| it.polls || it.gone) {
                        self.accuse("no retry before every agent polls again", at, format!("{id} on {instance}"));
                    }
                }
                Why::BrokenOff => {}
            }
        }
    }

    pub(super) fn restarts(&mut self) {
        let record = self.record;
        for sent in &record.restarts {
            self.touches(sent.at, "a command");
            if sent.document != DOCUMENT {
                self.accuse("only the restart document is ever sent", sent.at, sent.document.clone());
            }
            for instance in sent.to.keys() {
                self.restart_of(sent, instance);
            }
        }
    }

    fn restart_of(&mut self, sent: &Sent, instance: &str) {
        let (record, at) = (self.record, sent.at);
        if record.standing(instance, at).is_none_or(|standing| !standing.tagged) {
            self.accuse("nothing outside the fleet's servers is touched", at, instance.to_owned());
        }
        for (id, job) in &record.jobs {
            let Some(aim) = job.targets.get(instance).filter(|_| job.completed.is_none_or(|over| over > at)) else {
                continue;
            };
            if aim.events.iter().any(|(from, to)| *from <= sent.seen && to.is_none_or(|to| to > at)) {
                self.accuse("no restart amid a lifecycle event", at, format!("{instance}, {id}"));
            }
        }
        let causes: Vec<(&String, &Job)> = record
            .jobs
            .iter()
            .filter(|(_, job)| {
                let silent = job.targets.get(instance).is_some_and(|aim| aim.failed == Some(Why::Silent));
                let over = job.completed.is_some_and(|completed| completed <= at);
                // What ended for a reason of its own says nothing of the agents that it left in the midst.
                let silent = silent && job.code.as_deref().is_none_or(|code| code == "HEALTH_CONSTRAINTS");
                silent && over && job.status != DeploymentStatus::Stopped
            })
            .collect();
        let Some((id, cause)) = causes.iter().max_by_key(|(_, job)| job.completed) else {
            self.accuse("only what a restart can cure is restarted", at, format!("no silent agent on {instance}"));
            return;
        };
        let since = cause.completed.unwrap_or(cause.created);
        for (other, _) in record.jobs.iter().filter(|(_, it)| beside(it, cause, sent.seen, at)) {
            self.accuse("nothing is restarted while the group is deploying", at, format!("{instance}, {other}"));
        }
        let polled = record.standings(instance, cause.created, at);
        if !polled.is_empty() && polled.iter().all(|standing| standing.polls) {
            self.accuse("an agent that polls is left alone", at, format!("{instance}, {id}"));
        }
        let earlier: Vec<_> = record
            .restarts
            .iter()
            .filter(|one| one.at >= since && one.at < at)
            .filter_map(|one| one.to.get(instance))
            .collect();
        let known = |ended: Option<Timestamp>| ended.is_some_and(|ended| ended + MOMENT <= sent.seen);
        if earlier.iter().any(|answer| known(answer.ended) && !answer.is_busy() && !answer.output.is_empty()) {
            self.accuse("one answer of a restart is enough", at, format!("{instance}, {id}"));
        }
        if earlier.len() >= MOST_RESTARTS {
            self.accuse("one answer of a restart is enough", at, format!("{instance}, {} before", earlier.len()));
        }
    }

    pub(super) fn verdicts(&mut self) {
        let record = self.record;
        for verdict in &record.verdicts {
            let (at, instance) = (verdict.at, verdict.instance.split(' ').next_back().unwrap_or_default());
            self.touches(at, "a verdict on an instance");
            if !record.terms.replaces {
                self.accuse("no server is replaced where nobody wants that", at, instance.to_owned());
            }
            let launched = record.jobs.values().any(|job| {
                let over = job.completed.is_some_and(|completed| completed <= at);
                let failed = job.targets.get(instance).is_some_and(|aim| aim.failed == Some(Why::Silent));
                matches!(job.creator, "autoscaling" | "CodeDeployAutoUpdate") && over && failed
            });
            let tried = record.restarts.iter().filter(|sent| sent.at < at).any(|sent| {
                let answer = sent.to.get(instance);
                answer.is_some_and(|answer| !answer.cures())
            });
            let unreachable = record.standing(instance, at).is_some_and(|standing| !standing.reachable);
            if !launched || !(tried || unreachable) {
                self.accuse("only a server beyond cure is replaced", at, instance.to_owned());
            }
            let alone = record.serving.iter().any(|(_, changes)| {
                let before = changes.iter().rposition(|(since, _)| *since <= verdict.seen).unwrap_or(0);
                let during = changes.iter().skip(before).take_while(|(since, _)| *since <= at);
                let mut sets = during.map(|(_, serving)| serving).peekable();
                let ours = changes.iter().any(|(_, serving)| serving.contains(instance));
                ours && sets.peek().is_some() && sets.all(|serving| !serving.iter().any(|other| other != instance))
            });
            if alone {
                self.accuse("the last server is never replaced", at, instance.to_owned());
            }
        }
    }

    fn touches(&mut self, at: Timestamp, what: &str) {
        if self.record.terms.mode != "On" {
            self.accuse("where only explaining is allowed nothing is touched", at, what.to_owned());
        }
    }
}

/// Whether a deployment held the group of another, though that had ended, and could be seen to.
fn beside(other: &Job, job: &Job, seen: Timestamp, at: Timestamp) -> bool {
    other.application == job.application && other.group == job.group && other.held(seen, at)
}

fn is_newer(other: &Run, run: &Run, seen: Timestamp) -> bool {
    other.id != run.id && other.entered > run.entered && other.entered.is_some_and(|entered| entered <= seen)
}
