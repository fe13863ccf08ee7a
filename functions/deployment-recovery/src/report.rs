//! What do metrics say of an invocation?

use std::{collections::BTreeMap, time::SystemTime};

use panda_lambda::telemetry::Metrics;

use crate::{FUNCTION, HandlerError, Outcome, outcome::CaseOutcome};

/// Writes the metrics of an invocation to standard output, in CloudWatch's embedded format; nothing when nothing was done.
pub fn report(result: &Result<Outcome, HandlerError>, now: SystemTime) {
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => match error.outcome() {
            Some(outcome) => outcome,
            None => return,
        },
    };
    for case in &outcome.cases {
        for metrics in of_case(case) {
            metrics.emit(now);
        }
    }
}

/// The metrics of one case: what was done, by fleet, and what was explained, by cause.
fn of_case(case: &CaseOutcome) -> Vec<Metrics> {
    let fleet = case.fleets.first().map_or("none", |fleet| fleet.as_str());
    let mut done = Metrics::new(FUNCTION, fleet);
    done.count("Restarts", case.restarted.len());
    done.count("Replacements", case.replaced.len());
    done.count("Retries", usize::from(case.retried.is_some()));
    let told = case.told.is_some();
    done.count("Recovered", usize::from(told && case.recovered));
    done.count("Explained", usize::from(told && !case.recovered));
    let mut metrics = vec![done];
    if told && !case.recovered {
        let mut causes: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &case.findings {
            *causes.entry(&finding.cause).or_default() += 1;
        }
        metrics.extend(causes.into_iter().map(|(cause, number)| {
            let mut metrics = Metrics::by(FUNCTION, "Cause", cause);
            metrics.count("Failures", number);
            metrics
        }));
    }
    metrics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(case: &CaseOutcome) -> Vec<String> {
        of_case(case).iter().filter_map(|metrics| metrics.line(SystemTime::UNIX_EPOCH)).collect()
    }

    #[test]
    fn a_case_in_which_nothing_was_done_is_no_metric() {
        assert!(lines(&CaseOutcome::default()).is_empty());
    }

    #[test]
    fn a_failure_that_was_explained_counts_once_and_its_causes_by_their_codes() {
        let told = CaseOutcome { told: Some("web failed".to_owned()), ..CaseOutcome::default() };
        assert_eq!(lines(&told).len(), 1);
        assert!(lines(&told).iter().all(|line| line.contains("\"Explained\":[1.0]")));
        let recovered = CaseOutcome { recovered: true, ..told };
        assert!(lines(&recovered).iter().all(|line| line.contains("\"Recovered\":[1.0]")));
    }
}
