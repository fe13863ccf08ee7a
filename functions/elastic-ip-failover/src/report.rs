//! What do metrics say of an invocation?

use std::time::SystemTime;

use panda_lambda::telemetry::{Metrics, Unit};

use crate::{FUNCTION, FleetOutcome, HandlerError, Outcome};

/// Writes the metrics of an invocation to standard output, in CloudWatch's embedded format; nothing for a fleet at rest.
pub fn report(result: &Result<Outcome, HandlerError>, now: SystemTime) {
    let outcome = match result {
        Ok(outcome) => Some(outcome),
        Err(error) => error.outcome(),
    };
    for fleet in outcome.into_iter().flat_map(|outcome| &outcome.fleets) {
        metrics(fleet).emit(now);
    }
}

/// The metrics of one fleet: `Moves`, `EventToMove`, `HooksCompleted`, `HooksHeld`, `ReportedDead`, `Stranded`, `Problems`.
fn metrics(fleet: &FleetOutcome) -> Metrics {
    let mut metrics = Metrics::new(FUNCTION, &fleet.fleet);
    metrics.count("Moves", fleet.moves.len());
    for moved in &fleet.moves {
        if let Some(millis) = moved.event_to_move_ms {
            metrics.put("EventToMove", Unit::Milliseconds, f64::from(u32::try_from(millis).unwrap_or(u32::MAX)));
        }
    }
    let held = fleet.hooks.iter().filter(|hook| hook.answer.starts_with("held")).count();
    metrics.count("HooksHeld", held);
    metrics.count("HooksCompleted", fleet.hooks.iter().filter(|hook| hook.answer == "completed").count());
    metrics.count("ReportedDead", fleet.reported_dead.len());
    metrics.count("Stranded", fleet.stranded.len());
    metrics.count("Problems", fleet.problems.len());
    metrics
}
