//! Does the judge see a broken law? Journals written by hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan as _};
use panda_world::{AnsweredBy, Entry, InstanceState, Kind, Lifecycle};

use super::Judge;
use crate::simulate::{Strategy, play::Played, scenario, truth::Truth};

const FUNCTION: &str = "elastic-ip-failover/1";
const IP: &str = "203.0.113.10";
const HOOK: &str = "elastic-ip-terminate";

/// Two instances in service for a while, the address on the first.
fn founded() -> Vec<(i64, Kind)> {
    let mut journal = Vec::new();
    for id in ["i-1", "i-2"] {
        journal.push((0, Kind::Instance { instance: id.to_owned(), state: InstanceState::Running }));
        journal.push((0, lifecycle(id, Lifecycle::InService)));
    }
    journal.push((0, associated("eipalloc-1", IP, "i-1")));
    journal.push((0, Kind::Serving { public_ip: IP.to_owned(), instance: Some("i-1".to_owned()) }));
    journal
}

fn lifecycle(id: &str, lifecycle: Lifecycle) -> Kind {
    Kind::Lifecycle { group: "web".to_owned(), instance: id.to_owned(), lifecycle, warm: false }
}

fn associated(allocation: &str, ip: &str, to: &str) -> Kind {
    Kind::Associated {
        allocation: allocation.to_owned(),
        public_ip: ip.to_owned(),
        instance: to.to_owned(),
        from: None,
    }
}

fn call(operation: &str) -> Kind {
    let (caller, operation) = (FUNCTION.to_owned(), operation.to_owned());
    Kind::Call { caller, service: "ec2", operation, result: "OK".to_owned(), subject: String::new() }
}

/// The laws that the judge finds broken when this follows on [`founded`].
fn broken_by(happens: Vec<(i64, Kind)>) -> Vec<&'static str> {
    let at = |second: i64| Timestamp::UNIX_EPOCH + second.seconds();
    let journal: Vec<Entry> =
        founded().into_iter().chain(happens).map(|(second, kind)| Entry { at: at(second), kind }).collect();
    let (began, ended) = (at(0), journal.last().unwrap().at);
    let played = Played {
        journal,
        invocations: Vec::new(),
        dead_letters: Vec::new(),
        began,
        ended,
        unwell: None,
        unmet: Vec::new(),
        refused: Vec::new(),
        permissions: BTreeSet::new(),
        traffic: panda_world::Traffic::default(),
    };
    let script = scenario("kill-with-spare").unwrap().script(1, Strategy::Ours).unwrap();
    let mut truth = Truth::new(&script.fleet);
    let mut judge = Judge::new(&script, Strategy::Ours, &played);
    let mut before = None;
    let mut rest = played.journal.as_slice();
    while let Some((entry, ahead)) = rest.split_first() {
        judge.see(&truth, before, entry, ahead);
        truth.apply(entry);
        (before, rest) = (Some(entry), ahead);
    }
    judge.conclude(&played, &truth);
    judge.violations.iter().map(|violation| violation.law).collect()
}

#[test]
fn a_move_to_the_spare_after_the_holders_death_is_lawful() {
    let laws = broken_by(vec![
        (100, Kind::Instance { instance: "i-1".to_owned(), state: InstanceState::ShuttingDown }),
        (101, associated("eipalloc-1", IP, "i-2")),
        (101, call("AssociateAddress")),
    ]);
    assert!(laws.is_empty(), "{laws:?}");
}

#[test]
fn a_move_away_from_a_holder_that_serves_well_is_seen() {
    let laws = broken_by(vec![(100, associated("eipalloc-1", IP, "i-2")), (100, call("AssociateAddress"))]);
    assert_eq!(laws, ["moves only to a strictly better tier"]);
}

#[test]
fn a_move_to_a_stranger_or_to_the_dead_is_seen() {
    let died = (100, Kind::Instance { instance: "i-1".to_owned(), state: InstanceState::ShuttingDown });
    let move_to =
        |id: &str| vec![died.clone(), (110, associated("eipalloc-1", IP, id)), (110, call("AssociateAddress"))];
    assert_eq!(broken_by(move_to("i-stranger")), ["never a non-member"]);
    let mut both_dead = move_to("i-2");
    both_dead.insert(1, (101, Kind::Instance { instance: "i-2".to_owned(), state: InstanceState::Stopping }));
    assert_eq!(broken_by(both_dead), ["never a target known dead"]);
}

#[test]
fn a_foreign_address_and_a_forbidden_call_are_seen() {
    let laws = broken_by(vec![(100, associated("eipalloc-9", "203.0.113.99", "i-2")), (100, call("AssociateAddress"))]);
    assert_eq!(laws, ["never a foreign address"]);
    assert_eq!(broken_by(vec![(100, call("DisassociateAddress"))]), ["never any other call"]);
}

#[test]
fn a_hook_that_nobody_answers_is_seen() {
    let waits = Kind::HookWaits {
        group: "web".to_owned(),
        instance: "i-2".to_owned(),
        hook: HOOK.to_owned(),
        token: String::new(),
    };
    let laws = broken_by(vec![
        (100, lifecycle("i-2", Lifecycle::TerminatingWait)),
        (100, waits),
        (400, answered("i-2", AnsweredBy::Timeout)),
    ]);
    assert_eq!(laws, ["every hook that wakes us is answered before its heartbeat runs out"]);
}

fn answered(id: &str, by: AnsweredBy) -> Kind {
    let (group, instance, hook) = ("web".to_owned(), id.to_owned(), HOOK.to_owned());
    Kind::HookAnswered { group, instance, hook, result: "CONTINUE".to_owned(), by }
}

#[test]
fn the_release_of_the_only_server_before_its_successor_serves_is_seen_and_after_its_budget_is_not() {
    let released_after = |seconds: i64| {
        let waits = Kind::HookWaits {
            group: "web".to_owned(),
            instance: "i-1".to_owned(),
            hook: HOOK.to_owned(),
            token: String::new(),
        };
        vec![
            (90, Kind::Left { group: "web".to_owned(), instance: "i-2".to_owned() }),
            (95, lifecycle("i-1", Lifecycle::TerminatingWait)),
            (100, waits),
            (100 + seconds, answered("i-1", AnsweredBy::Call)),
            (100 + seconds, call("CompleteLifecycleAction")),
        ]
    };
    assert_eq!(
        broken_by(released_after(20)),
        ["no terminate hook is released while the leaving instance is the only server"]
    );
    assert!(broken_by(released_after(230)).is_empty());
}

#[test]
fn an_address_that_is_left_with_the_dead_while_a_healthy_instance_is_free_is_seen() {
    let saved_after = |seconds: i64| {
        vec![
            (100, Kind::Instance { instance: "i-1".to_owned(), state: InstanceState::ShuttingDown }),
            (100, Kind::Serving { public_ip: IP.to_owned(), instance: None }),
            (101, Kind::Silent { instance: "i-1".to_owned() }),
            (100 + seconds, associated("eipalloc-1", IP, "i-2")),
            (100 + seconds, call("AssociateAddress")),
            (105 + seconds, Kind::Serving { public_ip: IP.to_owned(), instance: Some("i-2".to_owned()) }),
        ]
    };
    assert!(broken_by(saved_after(60)).is_empty());
    assert_eq!(broken_by(saved_after(90)), ["no address is neglected"]);
}
