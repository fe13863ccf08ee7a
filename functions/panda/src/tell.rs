//! Who hears of an experiment?
//!
//! Telling is never in the way: a message that cannot be sent is a line in the log and in the outcome, and changes nothing.

use std::time::Duration;

use panda_domain::chaos::{Experiment, Message, Outcome, after, before};
use tokio::{join, time::timeout};
use tracing::warn;

use crate::handler::App;

/// The type of the event that tells of a finished experiment. Its source is `lethargic-panda`.
pub const FINISHED: &str = "Experiment Finished";

/// How long a message may take before a strike, and after it.
const PATIENCE_BEFORE: Duration = Duration::from_secs(3);
const PATIENCE_AFTER: Duration = Duration::from_secs(10);

/// Tells people that a fleet is about to be hit. Gives what went wrong with that.
pub(crate) async fn announce<J>(app: &App<J>, experiment: &Experiment) -> Option<String> {
    send(app, &before(experiment), PATIENCE_BEFORE).await
}

/// Tells people, and whoever listens to the bus, what became of an experiment. Gives what went wrong with that.
pub(crate) async fn conclude<J>(app: &App<J>, experiment: &Experiment, outcome: &Outcome) -> Vec<String> {
    let finished = Experiment { outcome: Some(outcome.clone()), ..experiment.clone() };
    let message = after(experiment, outcome);
    let (told, put) = join!(send(app, &message, PATIENCE_AFTER), put(app, &finished));
    told.into_iter().chain(put).collect()
}

/// Tells people something else.
pub(crate) async fn say<J>(app: &App<J>, message: &Message) -> Option<String> {
    send(app, message, PATIENCE_AFTER).await
}

async fn send<J>(app: &App<J>, message: &Message, patience: Duration) -> Option<String> {
    let why = match timeout(patience, app.topic.publish(&message.subject, &message.text)).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", patience.as_secs()),
    };
    Some(lost(format!("could not tell people \"{}\": {why}", message.subject)))
}

async fn put<J>(app: &App<J>, finished: &Experiment) -> Option<String> {
    let detail = match serde_json::to_string(finished) {
        Ok(detail) => detail,
        Err(error) => return Some(lost(format!("could not write down {} for the bus: {error}", finished.id))),
    };
    let resources: Vec<String> = finished.victims.iter().map(|victim| victim.instance.to_string()).collect();
    let why = match timeout(PATIENCE_AFTER, app.bus.put(FINISHED, &resources, &detail)).await {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE_AFTER.as_secs()),
    };
    Some(lost(format!("could not tell the bus of {}: {why}", finished.id)))
}

fn lost(problem: String) -> String {
    warn!("{problem}");
    problem
}
