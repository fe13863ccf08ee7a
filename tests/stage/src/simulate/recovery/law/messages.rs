//! Did people hear of everything that failed, once, and of nothing else?

use jiff::{SignedDuration, Timestamp};
use panda_world::{DeploymentStatus, ExecutionStatus};

use super::Bench;
use crate::simulate::recovery::record::{About, By, Job, Record, Word};

/// So long before and after a message a call that went wrong, or a death, explains that it is sent again.
const EXCUSE: SignedDuration = SignedDuration::from_secs(90);
/// Of launches that fail one after the other people hear once an hour.
const STORM: SignedDuration = SignedDuration::from_hours(1);

impl Bench<'_> {
    pub(super) fn messages_of_executions(&mut self) {
        let record = self.record;
        for run in &record.runs {
            let about = About::Execution(run.id.clone());
            let all = record.words.iter().filter(|word| word.about == about);
            let (good, bad): (Vec<&Word>, Vec<&Word>) = all.partition(|word| word.recovered);
            let failed = run.tries.iter().find(|attempt| attempt.ended.is_some() && !attempt.well);
            let Some(failed) = failed.and_then(|attempt| attempt.ended) else {
                for word in bad.iter().chain(&good) {
                    self.accuse("nobody hears of an execution that did not fail", word.at, word.subject.clone());
                }
                continue;
            };
            self.once("people hear of a failure once", &bad);
            self.once("people hear of a recovery once", &good);
            let silent = record.terms.mode == "Off" || (record.terms.rough && !record.letters.is_empty());
            match run.status {
                ExecutionStatus::Failed => {
                    if bad.is_empty() && !silent {
                        self.accuse("every execution that failed ends with a message", failed, run.id.clone());
                    }
                    for word in good {
                        self.accuse("no recovery is told that was none", word.at, run.id.clone());
                    }
                }
                ExecutionStatus::Succeeded => {
                    let ours = run.tries.iter().any(|attempt| matches!(attempt.by, By::Function(_)));
                    if good.is_empty() && (ours || !bad.is_empty()) && !silent {
                        self.accuse("a recovery is told", run.updated, run.id.clone());
                    }
                }
                _ => {}
            }
        }
        let known = |id: &String| record.runs.iter().any(|run| run.id == *id);
        for word in &record.words {
            match &word.about {
                About::Execution(id) if !known(id) => {
                    self.accuse("nobody hears of what is not there", word.at, word.subject.clone());
                }
                About::Nothing => self.accuse("a message says what it is about", word.at, word.subject.clone()),
                About::Execution(_) | About::Deployment(_) => {}
            }
        }
    }

    pub(super) fn messages_of_deployments(&mut self) {
        let record = self.record;
        for (id, job) in &record.jobs {
            let about = About::Deployment(id.clone());
            let words: Vec<&Word> = record.words.iter().filter(|word| word.about == about).collect();
            self.once("people hear of a failure once", &words);
            let hurt = job.failed_on().next().is_some();
            let failed = matches!(job.status, DeploymentStatus::Failed | DeploymentStatus::Stopped);
            if let Some(word) = words.first() {
                let lawful = match (job.of.is_some(), job.creator) {
                    // One that goes well is told of with what it undoes.
                    (_, "codeDeployRollback") => failed,
                    // A pipeline that goes on says nothing of a server that was left out.
                    (true, _) => job.status == DeploymentStatus::Succeeded && hurt,
                    (false, _) => failed || hurt,
                };
                // Who dies before it has noted whose the deployment is, leaves another to find it nobody's.
                let died = record.failures.iter().any(|(at, what)| {
                    job.completed.is_some_and(|completed| completed <= *at)
                        && *at <= word.at
                        && what.ends_with(": Died")
                });
                // Nor does whoever the book did not answer know that its execution has seen to it: rather twice than never.
                let unread = record.unread.iter().any(|(at, caller)| {
                    *caller == word.caller && job.completed.is_some_and(|completed| completed <= *at) && *at <= word.at
                });
                if !lawful && !died && !unread {
                    self.accuse(
                        "nobody hears of a deployment that is told of elsewhere, or is well",
                        word.at,
                        id.clone(),
                    );
                }
                continue;
            }
            let excused = record.terms.mode == "Off"
                || !record.heard.contains(id)
                || (record.terms.rough && !record.letters.is_empty());
            let due =
                failed && job.of.is_none() && matches!(job.creator, "autoscaling" | "user" | "codeDeployRollback");
            // Of a rollback that failed nothing is left to tell once a later deployment of the group has succeeded.
            let missed = job.creator != "codeDeployRollback"
                || !record.jobs.values().any(|other| {
                    let same = other.application == job.application && other.group == job.group;
                    same && other.creator == "user"
                        && other.created >= job.created
                        && other.status == DeploymentStatus::Succeeded
                });
            if due && missed && !excused && !record.told_of_storm(job) {
                let at = job.completed.unwrap_or(record.ended);
                self.accuse(
                    "every deployment of a launch, a person or a rollback that failed ends with a message",
                    at,
                    id.clone(),
                );
            }
        }
    }

    /// One message, unless what went wrong between two explains the second.
    fn once(&mut self, law: &'static str, words: &[&Word]) {
        for pair in words.windows(2) {
            if let [first, second] = pair
                && !self.record.excuses(first, second)
            {
                self.accuse(law, second.at, second.subject.clone());
            }
        }
    }
}

impl Record {
    /// Whether the sender of the first could not note it, or that of the second could not read it.
    fn excuses(&self, first: &Word, second: &Word) -> bool {
        let near = |at: Timestamp, word: &Word| {
            let apart = at.duration_since(word.at);
            apart <= EXCUSE && apart >= -EXCUSE
        };
        self.mishaps.iter().any(|(at, caller)| {
            (*caller == first.caller && near(*at, first)) || (*caller == second.caller && near(*at, second))
        })
    }

    fn told_of_storm(&self, job: &Job) -> bool {
        let Some(completed) = job.completed.filter(|_| job.creator == "autoscaling") else { return false };
        self.words.iter().any(|word| {
            let About::Deployment(id) = &word.about else { return false };
            let same = self.jobs.get(id).is_some_and(|other| other.group == job.group && other.creator == job.creator);
            let apart = word.at.duration_since(completed);
            same && apart <= STORM && apart >= -STORM
        })
    }
}
