//! What do lives come to, in numbers?

use std::collections::BTreeMap;

use panda_world::ExecutionStatus;
use serde::Serialize;

use super::record::{By, Record};
use crate::simulate::report::Spread;

/// What is counted in one life.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    executions: u64,
    failed: u64,
    recovered: u64,
    by_people: u64,
    /// Seconds from the first failure to the success that the function brought about.
    seconds: Vec<f64>,
    explained: BTreeMap<String, u64>,
    messages: u64,
    restarts: u64,
    cured: u64,
    replaced: u64,
    retries: u64,
    letters: u64,
    calls: u64,
    /// Calls in lives in which nothing failed are for nobody's cure.
    failed_of_launches: u64,
}

/// What many lives come to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct RecoveriesReport {
    /// Executions of pipelines.
    pub executions: u64,
    /// Those whose deployment failed.
    pub failed: u64,
    /// Those that the function brought to success.
    pub recovered: u64,
    /// Those that people tried again with success.
    pub recovered_by_people: u64,
    /// Seconds from the first failure to that success.
    pub seconds_to_success: Spread,
    /// Deployments to servers that Auto Scaling launched that failed.
    pub failed_of_launches: u64,
    /// Failures that were explained, by their first cause.
    pub explained: BTreeMap<String, u64>,
    /// Messages to people.
    pub messages: u64,
    /// Restarts that were sent, each to one server.
    pub restarts: u64,
    /// Those after which the agent asked for work again.
    pub agents_cured: u64,
    /// Servers that were given to Auto Scaling.
    pub replaced: u64,
    /// Retries by the function.
    pub retries: u64,
    /// Events that were given up.
    pub dead_letters: u64,
    /// API calls for each execution that failed, explained ones included.
    pub calls_per_failure: f64,
}

impl Figures {
    pub(super) fn of(record: &Record) -> Self {
        let mut figures = Self { executions: record.runs.len() as u64, ..Self::default() };
        for run in &record.runs {
            let failed = run.tries.iter().find(|attempt| attempt.ended.is_some() && !attempt.well);
            let Some(failed) = failed.and_then(|attempt| attempt.ended) else { continue };
            figures.failed += 1;
            let ours = run.tries.iter().filter(|attempt| matches!(attempt.by, By::Function(_))).count();
            figures.retries += ours as u64;
            if run.status == ExecutionStatus::Succeeded {
                if ours > 0 {
                    figures.recovered += 1;
                    figures.seconds.push(run.updated.duration_since(failed).as_secs_f64());
                } else {
                    figures.by_people += 1;
                }
            }
        }
        for word in record.words.iter().filter(|word| !word.recovered) {
            *figures.explained.entry(word.cause().to_owned()).or_default() += 1;
        }
        for answer in record.restarts.iter().flat_map(|sent| sent.to.values()) {
            figures.restarts += 1;
            figures.cured += u64::from(answer.cures());
        }
        let launches = record.jobs.values().filter(|job| job.creator == "autoscaling");
        figures.failed_of_launches =
            launches.filter(|job| job.status == panda_world::DeploymentStatus::Failed).count() as u64;
        figures.messages = record.words.len() as u64;
        figures.replaced = record.verdicts.len() as u64;
        figures.letters = record.letters.len() as u64;
        figures.calls = record.calls.values().sum();
        figures
    }
}

impl RecoveriesReport {
    /// Sums up lives; none where there are none.
    pub(in crate::simulate) fn of<'f>(lives: impl Iterator<Item = &'f Figures>) -> Option<Self> {
        let (mut report, mut seconds, mut calls, mut some) = (Self::default(), Vec::new(), 0, false);
        for life in lives {
            some = true;
            report.executions += life.executions;
            report.failed += life.failed;
            report.recovered += life.recovered;
            report.recovered_by_people += life.by_people;
            report.failed_of_launches += life.failed_of_launches;
            report.messages += life.messages;
            report.restarts += life.restarts;
            report.agents_cured += life.cured;
            report.replaced += life.replaced;
            report.retries += life.retries;
            report.dead_letters += life.letters;
            calls += life.calls;
            seconds.extend(&life.seconds);
            for (cause, count) in &life.explained {
                *report.explained.entry(cause.clone()).or_default() += count;
            }
        }
        report.seconds_to_success = Spread::of(seconds);
        let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let failures = number(report.failed + report.failed_of_launches).max(1.0);
        report.calls_per_failure = (number(calls) / failures * 10.0).round() / 10.0;
        some.then_some(report)
    }
}
