//! What was seen, decided and done, in words that a person can read after an invocation?

use std::fmt::Write as _;

use panda_aws::{AwsError, Tally};
use panda_domain::failover::{Answer, HookAnswer, LeavingReason, Mark, Move, Nudge};
use serde::Serialize;

/// The answer of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The outcome in a sentence.
    pub summary: String,
    /// What woke the function.
    pub event: String,
    /// The fleets for which something was done, held, or amiss.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fleets: Vec<FleetOutcome>,
    /// How many other fleets were looked at and needed nothing.
    pub fleets_at_rest: usize,
    /// What AWS did not carry out; the function then ends with an error and is run again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
    /// How often the fleets were looked at, because something had changed under the plan.
    pub looks: u32,
    /// API calls that look.
    pub reads: u32,
    /// API calls that change something.
    pub writes: u32,
    /// From the function's start to its answer.
    pub duration_ms: u64,
}

/// What was done for one fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct FleetOutcome {
    /// The fleet.
    pub fleet: String,
    /// Addresses that moved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<MoveOutcome>,
    /// Addresses that cannot serve where they are, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stranded: Vec<String>,
    /// Lifecycle actions that were completed or held.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<HookOutcome>,
    /// Dead instances that were reported to Auto Scaling.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported_dead: Vec<String>,
    /// Instances that were marked as leaving, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marked: Vec<String>,
    /// What a person should mend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// An address that moved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MoveOutcome {
    /// Its allocation.
    pub allocation: String,
    /// The address in dotted form.
    pub public_ip: String,
    /// The instance that had it.
    pub from: Option<String>,
    /// The instance that has it now.
    pub to: String,
    /// Why it moved.
    pub reason: String,
    /// From the event's own time to AWS's answer; absent when the event had no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_to_move_ms: Option<u64>,
}

/// A lifecycle action that was completed or held.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HookOutcome {
    /// The instance that waits.
    pub instance: String,
    /// The hook.
    pub hook: String,
    /// `completed`, `nothing to complete`, or `held until …`.
    pub answer: String,
    /// Why.
    pub reason: String,
}

impl FleetOutcome {
    /// Whether there is something to tell.
    pub(crate) fn is_telling(&self) -> bool {
        *self != Self { fleet: self.fleet.clone(), ..Self::default() }
    }

    pub(crate) fn moved(&mut self, moved: &Move, event_to_move_ms: Option<u64>) {
        self.moves.push(MoveOutcome {
            allocation: moved.allocation.to_string(),
            public_ip: moved.public_ip.clone(),
            from: moved.from.as_ref().map(ToString::to_string),
            to: moved.to.to_string(),
            reason: moved.reason.to_string(),
            event_to_move_ms,
        });
    }

    pub(crate) fn hook(&mut self, answer: &HookAnswer, completed: bool) {
        let said = match answer.answer {
            Answer::Hold { until, .. } => format!("held until {until:.0}"),
            Answer::Continue { .. } if completed => "completed".to_owned(),
            Answer::Continue { .. } => "nothing to complete".to_owned(),
        };
        self.hooks.push(HookOutcome {
            instance: answer.instance.to_string(),
            hook: answer.hook.to_string(),
            answer: said,
            reason: answer.reason.to_string(),
        });
    }

    pub(crate) fn nudged(&mut self, nudge: &Nudge) {
        self.reported_dead.push(nudge.instance.to_string());
    }

    pub(crate) fn marked(&mut self, mark: &Mark) {
        let why = match mark.leaving.reason {
            LeavingReason::TerminateHook => "held in its terminate hook".to_owned(),
            announced => announced.to_string(),
        };
        self.marked.push(format!("{}: {why}", mark.instance));
    }

    fn say(&self, text: &mut String) {
        let mut parts = Vec::new();
        for moved in &self.moves {
            let from = moved.from.as_ref().map(|from| format!(" from `{from}`")).unwrap_or_default();
            parts.push(format!("moved `{}`{from} to `{}` because {}", moved.allocation, moved.to, moved.reason));
        }
        for instance in &self.reported_dead {
            parts.push(format!("reported `{instance}` dead"));
        }
        for mark in &self.marked {
            parts.push(format!("marked {mark}"));
        }
        for hook in &self.hooks {
            parts.push(format!("hook `{}` of `{}` {}: {}", hook.hook, hook.instance, hook.answer, hook.reason));
        }
        parts.extend(self.stranded.iter().cloned());
        parts.extend(self.problems.iter().cloned());
        let _ = write!(text, "{}: {}", self.fleet, parts.join("; "));
    }
}

impl Outcome {
    /// Sums up.
    pub(crate) fn conclude(&mut self, tally: Tally, failures: &[AwsError], duration_ms: u64) {
        self.reads = tally.reads;
        self.writes = tally.writes;
        self.duration_ms = duration_ms;
        self.failures = failures.iter().map(ToString::to_string).collect();
        let mut text = String::new();
        for fleet in &self.fleets {
            if !text.is_empty() {
                text.push_str(". ");
            }
            fleet.say(&mut text);
        }
        if text.is_empty() {
            text = match self.fleets_at_rest {
                0 => "Concerns no fleet".to_owned(),
                1 => "Nothing to do".to_owned(),
                fleets => format!("Nothing to do for {fleets} fleets"),
            };
        }
        for failure in &self.failures {
            let _ = write!(text, ". {failure}");
        }
        self.summary = text;
    }
}
