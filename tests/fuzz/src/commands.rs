//! What people and the scheduler say to the panda, and what it wrote down.

use panda_domain::{
    chaos::{Command, Experiment, MOST_HISTORY_DAYS, MOST_VICTIMS},
    ids::FleetName,
};
use serde_json::Value;

use super::json::payload;

fn said(text: &str) {
    assert!(
        !text.is_empty() && text.trim() == text && text.chars().count() <= 256,
        "{text:?} says nothing, or too much"
    );
}

fn named(fleet: Option<&FleetName>) {
    if let Some(fleet) = fleet {
        said(fleet.as_str());
    }
}

/// Any JSON is a command within its limits, or is refused in few words; a field that the command does not have refuses it.
pub fn panda(data: &[u8]) {
    let payload = payload(data);
    let command = match Command::decode(&payload) {
        Ok(command) => command,
        Err(error) => return assert!((1..1_500).contains(&error.to_string().chars().count()), "{error}"),
    };
    assert_eq!(payload.get("command").and_then(Value::as_str), Some(command.name()));
    match &command {
        Command::Tick => {}
        Command::Preview { fleet } => named(fleet.as_ref()),
        Command::Disarm { reason, fleet } | Command::Arm { reason, fleet } => {
            said(reason);
            named(fleet.as_ref());
        }
        Command::History { fleet, days } => {
            named(fleet.as_ref());
            assert!((1..=MOST_HISTORY_DAYS).contains(days));
        }
        Command::Kill(order) => {
            said(order.fleet.as_str());
            said(&order.reason);
            assert!((1..=MOST_VICTIMS).contains(&order.count));
            assert!(order.victim.is_none() || order.count == 1, "one victim, {} asked for", order.count);
            assert!(order.victim.iter().all(|victim| victim.as_str().starts_with("i-")));
        }
    }
    let mut more = payload.clone();
    if let Some(fields) = more.as_object_mut() {
        fields.insert("fleets".to_owned(), Value::from("web"));
        assert!(Command::decode(&more).is_err(), "a field that nobody asked for went unnoticed");
    }
}

/// An experiment that can be read from the journal is written the same again.
pub fn journal(data: &[u8]) {
    let Ok(experiment) = serde_json::from_value::<Experiment>(payload(data)) else { return };
    let written = serde_json::to_value(&experiment).unwrap_or_default();
    assert_eq!(serde_json::from_value::<Experiment>(written).ok(), Some(experiment));
}
