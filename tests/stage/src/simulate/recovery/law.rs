//! Were the laws kept? Judged from what the world wrote down, not from what the function says of itself.
//!
//! Nothing here comes from the function's own domain: causes are told apart by the diagnostics that the world gave, waits by its times. What could
//! not be known yet excuses a step: each was made of reads that the journal shows, and an answer may be as old as the world's faults make it.

mod messages;
mod steps;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use panda_world::{DeploymentStatus, ExecutionStatus};

use super::record::{By, Record, Run, Why};
use crate::simulate::law::Violation;

/// All that was not kept.
pub(super) fn judge(record: &Record) -> Vec<Violation> {
    let mut bench = Bench { record, violations: Vec::new() };
    bench.retries();
    bench.restarts();
    bench.verdicts();
    bench.messages_of_executions();
    bench.messages_of_deployments();
    bench.secrets();
    bench.cures();
    bench.whole();
    bench.violations
}

struct Bench<'a> {
    record: &'a Record,
    violations: Vec<Violation>,
}

impl Bench<'_> {
    fn accuse(&mut self, law: &'static str, at: Timestamp, what: String) {
        self.violations.push(Violation { law, at, what });
    }

    /// No secret of a log is anywhere outside it.
    fn secrets(&mut self) {
        let record = self.record;
        let words = record.words.iter().map(|word| &word.text).chain(record.words.iter().map(|word| &word.subject));
        let texts = words.chain(&record.chats).chain(&record.answers);
        let leaks: Vec<String> =
            texts.filter(|text| record.secrets.iter().any(|secret| text.contains(secret.as_str()))).cloned().collect();
        for text in leaks {
            self.accuse("no secret leaves", record.ended, text);
        }
    }

    /// An execution whose only trouble is what a restart cures does not stay failed.
    fn cures(&mut self) {
        let record = self.record;
        for run in &record.runs {
            let Some((at, what)) = record.curable(run) else { continue };
            self.accuse("what a restart cures is cured, and the stage tried again", at, what);
        }
    }

    fn whole(&mut self) {
        let record = self.record;
        if let Some(what) = &record.unfinished {
            self.accuse("everything ends", record.ended, what.clone());
        }
        for refused in &record.refused {
            self.accuse("a role allows all that its function asks for", record.ended, refused.clone());
        }
        if record.terms.rough {
            return;
        }
        for (at, what) in &record.failures {
            self.accuse("no invocation fails without faults", *at, what.clone());
        }
        for letter in &record.letters {
            let what = format!("{}: {}", letter.trigger, letter.reason);
            self.accuse("nothing is dead-lettered without faults", letter.at, what);
        }
    }
}

impl Record {
    /// When an execution failed for the last time, if it stayed failed though only agents were in trouble that a restart cures.
    fn curable(&self, run: &Run) -> Option<(Timestamp, String)> {
        let last = run.tries.last().filter(|_| run.status == ExecutionStatus::Failed && run.current)?;
        let spent = run.tries.len() > self.terms.most_retries as usize;
        let newer = self.runs.iter().any(|other| other.id != run.id && other.entered > run.entered);
        if self.terms.mode != "On" || spent || newer {
            return None;
        }
        let (failed, job) = (last.ended?, self.jobs.get(last.job.as_ref()?)?);
        let ended = job.completed.filter(|_| job.status == DeploymentStatus::Failed)?;
        let until = failed.checked_add(self.terms.patience).ok()?;
        // What faults did to the looks, to the restart or to the retry, people were told.
        if self.terms.rough && failed < self.calm {
            return None;
        }
        let busy = self.jobs.values().any(|other| {
            let beside = other.application == job.application && other.group == job.group;
            beside && other.created > ended && other.created < until && other.completed.is_none_or(|over| over > until)
        });
        let only_agents = job.code.as_deref() == Some("HEALTH_CONSTRAINTS") && job.failed_on().next().is_some();
        let cured = |(instance, why): (&String, &Why)| {
            let standings = self.standings(instance, ended, until.min(self.ended));
            *why == Why::Silent
                && (standings.iter().all(|it| it.runs && it.curable && it.reachable)
                    || standings.iter().all(|it| it.gone))
        };
        let settled = only_agents && !busy && job.failed_on().all(cured);
        settled.then(|| (failed, format!("{} stayed failed after {}", run.id, last.job.clone().unwrap_or_default())))
    }

    /// The attempts that the function began: the number of attempts before it, the failed one, its beginning, and what it could have seen.
    fn retries(run: &Run) -> Vec<(usize, &super::record::Try, Timestamp, Timestamp)> {
        let pairs = run.tries.windows(2).enumerate();
        pairs
            .filter_map(|(number, pair)| match pair {
                [before, again] => match again.by {
                    By::Function(seen) => Some((number, before, again.began, seen)),
                    By::Push | By::Person => None,
                },
                _ => None,
            })
            .collect()
    }
}
