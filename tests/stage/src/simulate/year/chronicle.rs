//! What happened, for people? All of a year on demand; otherwise the day of a broken law.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{
    law::Sight,
    ledger::{Note, Noted},
};
use crate::simulate::{
    lambda::{Ending, Invocation},
    law::Violation,
    timeline::{describe, is_dull},
};

/// What is told around a broken law.
const BEFORE: SignedDuration = SignedDuration::from_mins(40);
const AFTER: SignedDuration = SignedDuration::from_mins(30);

/// A year in words.
pub(in crate::simulate) struct Chronicle {
    began: Timestamp,
    keep: bool,
    lines: Vec<(Timestamp, String)>,
}

impl Chronicle {
    pub(super) fn new(began: Timestamp, keep: bool) -> Self {
        Self { began, keep, lines: Vec::new() }
    }

    /// Tells of a stretch of time, if it is to be kept, or a law was broken in it.
    pub(super) fn tell(&mut self, sights: &[Sight], ended: &[Invocation], broken: bool) {
        if !self.keep && !broken {
            return;
        }
        self.lines.extend(sights.iter().filter_map(|sight| Some((sight.at(), line(sight)?))));
        for invocation in ended {
            if let Some((at, ending)) = &invocation.ended {
                let words = match ending {
                    Ending::Done(words) if dull(words) => continue,
                    Ending::Done(words) | Ending::Failed(words) => words.as_str(),
                    Ending::Died => "died",
                    Ending::TimedOut => "timed out",
                };
                let began = invocation.began;
                self.lines.push((*at, format!("λ {} (since {began:.0}): {words}", invocation.environment)));
            }
        }
    }

    /// Tells of the laws that were broken.
    pub(super) fn accuse(&mut self, violations: &[Violation]) {
        self.lines.extend(violations.iter().map(|one| (one.at, format!("✗ {}: {}", one.law, one.what))));
        self.lines.sort_by_key(|(at, _)| *at);
    }

    /// The text: everything, or what is around the broken laws.
    pub(in crate::simulate) fn text(&self, violations: &[Violation]) -> String {
        let near = |at: Timestamp| {
            violations.iter().any(|one| {
                let after = at.duration_since(one.at);
                after <= AFTER && -after <= BEFORE
            })
        };
        let mut text = String::new();
        for (at, line) in self.lines.iter().filter(|(at, _)| self.keep || near(*at)) {
            let _ = writeln!(text, "{} {line}", at.strftime("%m-%d %H:%M:%S%.3f"));
        }
        let _ = writeln!(text, "(from {:.0})", self.began);
        text
    }
}

/// Ticks that did nothing.
fn dull(words: &str) -> bool {
    words.starts_with("tick: ") && !words.contains(", ") || words.contains(" groups: ") && !words.contains(" of i-")
}

fn line(sight: &Sight) -> Option<String> {
    match sight {
        Sight::Entry(entry) => (!is_dull(&entry.kind)).then(|| format!("  {}", describe(entry))),
        // The world's journal has it.
        Sight::Deed(..) => None,
        Sight::Began(began) => {
            (began.command != "tick").then(|| format!("λ {} begins: {}", began.environment, began.command))
        }
        Sight::Note(Note { caller, what, .. }) => Some(format!("§ {caller} {}", note(what))),
    }
}

fn note(what: &Noted) -> String {
    match what {
        Noted::Recorded(experiment, limits) => {
            let victims: Vec<&str> = experiment.victims.iter().map(|victim| victim.instance.as_str()).collect();
            let (id, fault) = (&experiment.id, experiment.fault);
            let leashed = if experiment.leashed { ", leashed" } else { "" };
            format!("recorded {id}: {fault} of {} for {}{leashed}", victims.join(", "), limits.day)
        }
        Noted::Refused(experiment, why) => format!("was refused {}: {why}", experiment.id),
        Noted::Struck(id) => format!("noted the strike of {id}"),
        Noted::TakenOver(id) => format!("took over {id}"),
        Noted::Closed(experiment, outcome, disarms) => {
            let disarms = if *disarms { ", and disarmed the fleet" } else { "" };
            let detail = outcome.detail.as_deref().unwrap_or_default();
            format!("closed {}: {}{disarms} {detail}", experiment.id, outcome.verdict)
        }
        Noted::Disarmed(fleet) => format!("disarmed {}", fleet.as_ref().map_or("everything", |fleet| fleet.as_str())),
        Noted::Armed(fleet) => format!("armed {}", fleet.as_ref().map_or("the lever", |fleet| fleet.as_str())),
    }
}
