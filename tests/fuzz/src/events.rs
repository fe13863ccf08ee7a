//! Events, as EventBridge delivers them.

use jiff::Timestamp;
use panda_domain::{
    event::{Concern, decode},
    failover::{Evidence, Leaving},
    recovery::{Call, Hints, NoWake, Subject, Wake},
};
use serde_json::{Value, json};

use super::json::payload;

/// A moment at which an event may be read.
fn moments(time: Option<Timestamp>) -> [Timestamp; 4] {
    let usual = Timestamp::from_second(1_778_160_127).unwrap_or_default();
    [time.unwrap_or(usual), usual, Timestamp::MIN, Timestamp::MAX]
}

/// The payload with members that AWS may add tomorrow; nothing if there is nowhere to add them.
fn extended(payload: &Value) -> Option<Value> {
    let mut more = payload.clone();
    let envelope = more.as_object_mut().filter(|envelope| !envelope.contains_key("added-tomorrow"))?;
    envelope.insert("added-tomorrow".to_owned(), json!({"state": "running"}));
    if let Some(detail) = envelope.get_mut("detail").and_then(Value::as_object_mut) {
        detail.entry("added-tomorrow").or_insert_with(|| json!(["i-0"]));
    }
    Some(more)
}

fn named(name: &str) {
    assert!(!name.is_empty() && name.trim() == name, "a name is a word, not {name:?}");
}

/// Any JSON is an event that says what to look at, or is ignored with a reason; and what AWS adds to an event changes neither.
pub fn events(data: &[u8]) {
    let payload = payload(data);
    let read = decode(&payload);
    if let Some(more) = extended(&payload) {
        assert_eq!(decode(&more), read, "with more members");
    }
    let event = match read {
        Ok(event) => event,
        Err(ignored) => return assert!(!ignored.to_string().is_empty(), "{ignored:?} says nothing"),
    };
    assert!(!event.to_string().is_empty(), "{event:?} says nothing");
    match event.concern() {
        Concern::Everything => {}
        Concern::Group(group) => named(group.as_str()),
        Concern::Instances(instances) => {
            assert!(!instances.is_empty(), "{event:?} is about nobody");
            for instance in &instances {
                named(instance.as_str());
            }
        }
    }
    for now in moments(event.time) {
        let evidence = Evidence::of(&event, now);
        assert!(evidence.dead.iter().all(|dead| !evidence.halted.contains_key(dead)), "{evidence:?}");
        assert!(evidence.halted.values().all(|halted| *halted <= now), "{evidence:?}");
        for leaving in evidence.leaving.values() {
            assert!(leaving.since <= now, "{leaving} at {now}");
            assert_eq!(leaving.to_string().parse::<Leaving>().as_ref(), Ok(leaving), "a mark reads back");
        }
        assert!(evidence.waiting.is_none_or(|waiting| waiting.since <= now));
    }
}

/// Any JSON is a wake or a reason why nothing is done; and whoever is woken again after a wait is woken about the same thing.
pub fn recovery(data: &[u8]) {
    let payload = payload(data);
    let wake = match Wake::decode(&payload) {
        Ok(wake) => wake,
        Err(NoWake::Ignored(ignored)) => return assert!(!ignored.to_string().is_empty(), "{ignored:?} says nothing"),
        Err(error @ NoWake::Command(_)) => return assert!(error.to_string().chars().count() < 600, "{error}"),
    };
    if payload.get("command").is_none()
        && let Some(more) = extended(&payload)
    {
        assert_eq!(Wake::decode(&more).as_ref(), Ok(&wake), "with more members");
    }
    assert_eq!(wake.key().is_some(), wake.subject().is_some());
    let Some(subject) = wake.subject() else { return };
    match subject {
        Subject::Execution { pipeline, execution } => {
            named(pipeline.as_str());
            named(execution.as_str());
        }
        Subject::Deployment(deployment) => named(deployment.as_str()),
    }
    for now in moments(wake.time) {
        let again = Wake::decode(&Wake::look_again(subject, &wake.hints, now));
        assert!(again.is_ok(), "a look again is refused: {again:?}");
        let Ok(again) = again else { return };
        assert_eq!(again.call, Call::LookAgain(subject.clone()));
        assert_eq!(again.hints.since, Some(wake.hints.since.unwrap_or(now)));
        if let Subject::Execution { .. } = subject {
            let Hints { stage, attempt, .. } = &wake.hints;
            assert_eq!((&again.hints.stage, &again.hints.attempt), (stage, attempt));
        }
        // A third look is about the same as the second: what is known does not fade.
        let third = Wake::decode(&Wake::look_again(subject, &again.hints, now));
        assert_eq!(third.map(|third| third.hints), Ok(again.hints));
    }
}
