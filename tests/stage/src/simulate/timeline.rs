//! What happened, for people?

use std::fmt::Write as _;

use jiff::Timestamp;
use panda_world::{Entry, EventFate, Kind};

use super::{
    lambda::{DeadLetter, Ending, Invocation},
    law::Violation,
    play::Played,
};

/// The run as text: world and invocations, in order of time, in seconds after the first deed.
pub(super) fn timeline(played: &Played, violations: &[Violation]) -> String {
    let over = (played.ended, 4, "— over; what follows is the last sweep".to_owned());
    story(&played.journal, &played.invocations, &played.dead_letters, played.began, vec![over], violations)
}

/// The same of any run, with more lines: each with its time and its rank among those of the same time.
pub(super) fn story(
    journal: &[Entry],
    invocations: &[Invocation],
    dead_letters: &[DeadLetter],
    start: Timestamp,
    more: Vec<(Timestamp, u8, String)>,
    violations: &[Violation],
) -> String {
    let mut lines = more;
    // What the reads said is many lines, and none that anybody misses.
    let entries = journal.iter().filter(|entry| !is_dull(&entry.kind));
    lines.extend(entries.map(|entry| (entry.at, 1, format!("  {}", describe(entry)))));
    for invocation in invocations {
        lines.push((invocation.began, 2, began(invocation)));
        if let Some((at, ending)) = &invocation.ended {
            lines.push((*at, 3, ended(invocation, ending)));
        }
    }
    for letter in dead_letters {
        lines.push((letter.at, 3, format!("λ gave up {}: {}", letter.trigger, letter.reason)));
    }
    lines.extend(
        violations.iter().map(|violation| (violation.at, 5, format!("✗ {}: {}", violation.law, violation.what))),
    );
    lines.sort_by_key(|(at, rank, _)| (*at, *rank));
    let mut text = String::new();
    for (at, _, line) in lines {
        let seconds = at.duration_since(start).as_secs_f64();
        let _ = writeln!(text, "{seconds:>10.3} {line}");
    }
    text
}

pub(super) fn is_dull(kind: &Kind) -> bool {
    match kind {
        Kind::Call { operation, result, .. } => is_read(operation) && result == "OK",
        Kind::Event { fate, .. } => *fate == EventFate::Delivered,
        Kind::Forgotten { .. } => true,
        _ => false,
    }
}

fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "List", "BatchGet"].iter().any(|verb| operation.starts_with(verb))
}

fn began(invocation: &Invocation) -> String {
    let cold = if invocation.cold { ", cold" } else { "" };
    let again = if invocation.attempt > 0 { format!(", attempt {}", invocation.attempt + 1) } else { String::new() };
    format!("λ {}{cold}{again}: {}", invocation.environment, invocation.trigger)
}

fn ended(invocation: &Invocation, ending: &Ending) -> String {
    let said = match ending {
        Ending::Done(outcome) => outcome.clone(),
        Ending::Failed(error) => format!("failed: {error}"),
        Ending::Died => "died".to_owned(),
        Ending::TimedOut => "timed out".to_owned(),
    };
    format!("λ {} ended: {said}", invocation.environment)
}

/// One entry of the world's journal.
pub(super) fn describe(entry: &Entry) -> String {
    match &entry.kind {
        Kind::Instance { instance, state } => format!("{instance} {}", state.as_str()),
        Kind::Ready { instance } => format!("{instance} answers"),
        Kind::Silent { instance } => format!("{instance} falls silent"),
        Kind::Forgotten { instance } => format!("{instance} is no longer listed"),
        Kind::Checks { instance, status } => format!("{instance} status checks: {status:?}"),
        Kind::Lifecycle { group, instance, lifecycle, warm } => {
            format!("{instance} in {group}: {}", lifecycle.as_str(*warm))
        }
        Kind::Health { group, instance, health } => format!("{instance} in {group}: {health:?}"),
        Kind::Left { group, instance } => format!("{instance} left {group}"),
        Kind::HookWaits { instance, hook, .. } => format!("{instance} waits in {hook}"),
        Kind::HookAnswered { instance, hook, result, by, .. } => {
            format!("{instance} goes on from {hook}: {result} by {by:?}")
        }
        Kind::Capacity { group, min, max, desired } => format!("{group} wants {desired} ({min} to {max})"),
        Kind::Group { group, change } => format!("{group}: {change}"),
        Kind::LaunchFailed { group, zone } => format!("{group} cannot launch in {zone}"),
        Kind::Associated { public_ip, instance, from, .. } => {
            format!("{public_ip} associated with {instance}, from {}", from.as_deref().unwrap_or("nobody"))
        }
        Kind::Disassociated { public_ip, instance, .. } => {
            format!("{public_ip} disassociated from {}", instance.as_deref().unwrap_or("nobody"))
        }
        Kind::Settled { public_ip, instance, .. } => {
            format!("{public_ip} leads to {}", instance.as_deref().unwrap_or("nobody"))
        }
        Kind::Serving { public_ip, instance } => {
            format!("{public_ip} is answered by {}", instance.as_deref().unwrap_or("NOBODY"))
        }
        Kind::Tagged { resource, key } => format!("{resource} tags changed: {key}"),
        Kind::Act { act } => format!("► {act}"),
        Kind::Event { detail_type, subject, fate, .. } => format!("event {fate:?}: {detail_type} {subject}"),
        Kind::Call { caller, operation, result, subject, .. } => format!("{caller} {operation} {subject}: {result}"),
        Kind::Fault { caller, operation, fault } => format!("{caller} {operation}: fault {fault:?}"),
    }
}
