//! Every sample event, and what is decided about it in three fleets: the decision table.
//!
//! The fleets are named by what matters in them, so that the table reads as prose:
//! * *pair*: `i-0old…` holds the address, `i-0spare…` serves beside it, and `i-0new…` waits in its launch hook;
//! * *leaving pair*: the same, with `i-0old…` waiting in its terminate hook;
//! * *alone*: `i-0old…` holds the address and waits in its terminate hook, `i-0new…` boots as its successor.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

use aws_lambda_events::eventbridge::EventBridgeEvent;
use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    event::{self, InstanceState, Transition},
    failover::{
        Address, Answer, Association, Evidence, FleetPlan, FleetSnapshot, Group, Hook, Instance, Interface, Lifecycle,
        Member, PublicAddress, Rules, Scope, Step, plan,
    },
};
use serde_json::Value;

const OLD: &str = "i-0old00000000000a";
const SPARE: &str = "i-0spare000000000a";
const NEW: &str = "i-0new00000000000a";

fn events() -> BTreeMap<String, Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../events");
    let mut events = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            events.insert(name, serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap());
        }
    }
    events
}

fn now() -> Timestamp {
    "2026-05-07T13:22:08Z".parse().unwrap()
}

fn fleet(members: &[(&str, Lifecycle)], desired: u32) -> FleetSnapshot {
    let hook = |name: &str, transition| Hook { name: name.into(), transition, heartbeat_seconds: 300 };
    let instance = |id: &str| Instance {
        state: InstanceState::Running,
        interface: Some(Interface { id: format!("eni-of-{id}").into(), public: PublicAddress::Lent }),
        launched: now() - SignedDuration::from_secs(if id == NEW { 20 } else { 86_400 }),
        leaving: None,
        impaired: false,
    };
    FleetSnapshot {
        name: "web".into(),
        at: now(),
        addresses: vec![Address {
            allocation: "eipalloc-web".into(),
            public_ip: "203.0.113.7".into(),
            association: Some(Association { id: "eipassoc-1".into(), instance: Some(OLD.into()) }),
        }],
        groups: vec![Group {
            name: "web".into(),
            desired,
            deleting: false,
            suspended: Vec::new(),
            members: members
                .iter()
                .map(|(id, lifecycle)| Member {
                    instance: (*id).into(),
                    lifecycle: lifecycle.clone(),
                    healthy: true,
                    template: None,
                    zone: "us-east-1a".to_owned(),
                })
                .collect(),
            hooks: vec![
                hook("elastic-ip", Transition::Terminating),
                hook("CodeDeploy-managed-launch", Transition::Launching),
            ],
        }],
        instances: members.iter().map(|(id, _)| ((*id).into(), instance(id))).collect(),
        silent: BTreeSet::new(),
    }
}

fn fleets() -> [(&'static str, FleetSnapshot); 3] {
    let new = (NEW, Lifecycle::Pending(Step::Wait));
    [
        ("pair", fleet(&[(OLD, Lifecycle::InService), (SPARE, Lifecycle::InService), new.clone()], 3)),
        (
            "leaving pair",
            fleet(&[(OLD, Lifecycle::Terminating(Step::Wait)), (SPARE, Lifecycle::InService), new.clone()], 2),
        ),
        ("alone", fleet(&[(OLD, Lifecycle::Terminating(Step::Wait)), new], 1)),
    ]
}

fn decide(event: &event::Event, fleet: &FleetSnapshot) -> FleetPlan {
    let rules = Rules {
        hook_prefix: "elastic-ip".into(),
        hold: SignedDuration::from_secs(220),
        settle: SignedDuration::from_secs(6),
    };
    let evidence = Evidence::of(event, now());
    let scope = if evidence.tells_of_a_death() { Scope::Rescue } else { Scope::Full };
    plan(fleet, &evidence, &rules, scope)
}

fn in_words(plan: &FleetPlan) -> String {
    let mut words = Vec::new();
    for moved in &plan.moves {
        words.push(format!("{} to {}: {}", moved.allocation, moved.to, moved.reason));
    }
    for mark in &plan.marks {
        words.push(format!("mark {} `{}`", mark.instance, mark.leaving));
    }
    for nudge in &plan.nudges {
        words.push(format!("report {} dead: {}", nudge.instance, nudge.reason));
    }
    for answer in &plan.answers {
        let said = match answer.answer {
            Answer::Continue { after } if after.is_zero() => "release".to_owned(),
            Answer::Continue { after } => format!("after {} s release", after.as_secs()),
            Answer::Hold { until, .. } => format!("until {until} hold"),
        };
        words.push(format!("{said} {} from {}: {}", answer.instance, answer.hook, answer.reason));
    }
    if words.is_empty() { "nothing".to_owned() } else { words.join("\n               ") }
}

#[test]
fn every_sample_event_has_its_decision() {
    let mut table = String::new();
    for (name, value) in events() {
        match event::decode(&value) {
            Err(ignored) => writeln!(table, "{name}\n  ignored: {ignored}\n").unwrap(),
            Ok(event) => {
                writeln!(table, "{name}\n  {event}").unwrap();
                for (kind, fleet) in fleets() {
                    writeln!(table, "  {:12} {}", format!("{kind}:"), in_words(&decide(&event, &fleet))).unwrap();
                }
                writeln!(table).unwrap();
            }
        }
    }
    insta::assert_snapshot!("decisions", table);
}

#[test]
fn our_reading_of_the_envelope_agrees_with_the_event_crates() {
    for (name, value) in events().into_iter().filter(|(_, value)| value.get("detail-type").is_some()) {
        let theirs: EventBridgeEvent<Value> =
            serde_json::from_value(value.clone()).unwrap_or_else(|e| panic!("{name}: {e}"));
        if let Ok(ours) = event::decode(&value) {
            assert_eq!(Some(ours.id), theirs.id, "{name}");
            assert_eq!(ours.time.unwrap().as_second(), theirs.time.unwrap().timestamp(), "{name}");
        }
    }
}

#[test]
fn any_json_is_an_event_or_a_reason_and_never_a_panic() {
    let cut = |value: &Value, pointer: &str, with: Value| {
        let mut value = value.clone();
        *value.pointer_mut(pointer).unwrap() = with;
        value
    };
    for (name, value) in events().into_iter().filter(|(_, value)| value.get("detail").is_some_and(Value::is_object)) {
        let members: Vec<String> =
            value["detail"].as_object().unwrap().keys().map(|key| format!("/detail/{key}")).collect();
        for pointer in members.iter().map(String::as_str).chain(["/detail", "/detail-type", "/source", "/time", "/id"])
        {
            for with in
                [Value::Null, Value::from(7), Value::from(""), serde_json::json!([]), serde_json::json!({"a": 1})]
            {
                if let Ok(event) = event::decode(&cut(&value, pointer, with)) {
                    assert!(!event.to_string().is_empty(), "{name} without {pointer}");
                }
            }
        }
    }
    for odd in [Value::Null, Value::from("x"), serde_json::json!([1]), serde_json::json!({"detail-type": {}})] {
        assert!(event::decode(&odd).is_err());
    }
}

#[test]
fn an_event_without_resources_or_with_an_empty_time_is_still_an_event() {
    let mut value = events().remove("ec2-instance-state-change-notification-shutting-down").unwrap();
    value.as_object_mut().unwrap().remove("resources");
    value["time"] = Value::from("");
    value["detail"]["something-new"] = Value::from(true);
    let event = event::decode(&value).unwrap();
    assert_eq!(event.time, None);
    assert!(Evidence::of(&event, now()).dead.contains(OLD));
}

#[test]
fn an_old_stop_is_no_evidence_and_an_old_termination_is() {
    for (state, counts) in [("stopped", false), ("terminated", true)] {
        let value = events().remove(&format!("ec2-instance-state-change-notification-{state}")).unwrap();
        let event = event::decode(&value).unwrap();
        let later = now() + SignedDuration::from_mins(30);
        assert_eq!(Evidence::of(&event, later).tells_of_a_death(), counts, "{state}");
    }
}
