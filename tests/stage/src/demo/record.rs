//! What happened on the stage, as plain data: what the timeline prints, the report draws and the summary counts.
//!
//! Every `at` is in seconds since the first request to the site.

use std::collections::BTreeMap;

use jiff::Timestamp;
use panda_domain::chaos::Experiment;

use super::panda::GroupTold;

/// One request to the site through the Elastic IP.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// When it was sent.
    pub at: f64,
    /// The instance that answered, if any did in time.
    pub answered_by: Option<String>,
    /// What its page showed.
    pub page: Option<String>,
}

/// One thing done to the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct ActRecord {
    /// When it was done.
    pub at: f64,
    /// Its short name, the `cause` of the outages that follow it.
    pub cause: &'static str,
    /// What was done, in words.
    pub sentence: String,
    /// The instance it was done to.
    pub instance: String,
    /// The simulation's scenario of the same kind.
    pub scenario: &'static str,
}

/// One event handed to a function by a deployed rule.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRecord {
    /// When the endpoint took the invocation.
    pub at: f64,
    /// What it says, in one or two words: `shutting-down`, `terminate hook`.
    pub kind: String,
    /// The instance it is about.
    pub instance: Option<String>,
    /// The function it went to.
    pub function: String,
}

/// What woke the function that moved an address without an event about it: its own schedule.
pub const SWEEP: &str = "sweep";

/// One change of the address, as EC2 saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Move {
    /// When `AssociateAddress` took effect in EC2 (the data plane follows later).
    pub at: f64,
    /// The address's allocation.
    pub allocation: String,
    /// Who held it; empty when nobody did.
    pub from: String,
    /// Who holds it now.
    pub to: String,
    /// What woke the function that moved it.
    pub trigger: String,
    /// From the delivery of that event to the call; from the invocation's first call, where it was [`SWEEP`].
    pub event_to_call_ms: u64,
    /// When the data plane had followed: the new holder answers at the address.
    pub settled_at: Option<f64>,
}

/// Where an instance is in its life, as far as a visitor of the site cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Launched, not yet able to answer.
    Booting,
    /// The web server answers.
    Serving,
    /// Still there, does not answer.
    Failing,
    /// `shutting-down`, `stopping`.
    Leaving,
}

/// A stretch of an instance's life in one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Its beginning.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// Its phase.
    pub phase: Phase,
}

/// An instance's life on the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// The instance.
    pub instance: String,
    /// Its Availability Zone.
    pub zone: String,
    /// Its phases in order, without gaps.
    pub stretches: Vec<Stretch>,
}

/// A line the function wrote at the end of an invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// When the endpoint stored the line.
    pub at: f64,
    /// The decision in words.
    pub line: String,
}

/// Outage seconds of many simulated runs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    /// Half of the runs were at most this.
    pub p50: f64,
    /// All but one in a hundred were at most this.
    pub p99: f64,
}

/// The simulation's word on one scenario: this function and the user-data script, on the same seeds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Comparison {
    /// How many seeds each.
    pub runs: u64,
    /// This function.
    pub ours: Spread,
    /// Every instance takes the address while it boots.
    pub boot_steal: Spread,
}

/// A message to people, as they read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// When it arrived.
    pub at: f64,
    /// The function that wrote it.
    pub from: &'static str,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
}

/// What the panda did and said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hunt {
    /// What it said of every fleet before anything was done.
    pub preview: Vec<GroupTold>,
    /// What it said of the fleets that it was asked to hit and spared.
    pub spared: Vec<GroupTold>,
    /// When it was told to hit the fleet that it may hit.
    pub ordered: Option<f64>,
    /// Its intention, as it stood in the journal when the victim died.
    pub intention: Option<Experiment>,
    /// When the victim was shutting down, for EC2.
    pub struck: Option<f64>,
    /// When the fleet was whole again, by the world's own account.
    pub healed: Option<f64>,
    /// Its experiment, with what became of it.
    pub experiment: Option<Experiment>,
    /// Its history in a sentence, at the end.
    pub history: String,
}

/// Who did something in the tale of the deployments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The demo, in the part of people.
    People,
    /// The panda.
    Panda,
    /// deployment-recovery.
    Recovery,
    /// CodePipeline, CodeDeploy, the servers.
    Fleet,
    /// The visitor of the site.
    Visitor,
}

/// Something that happened while code was on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// When.
    pub at: f64,
    /// Whose doing.
    pub by: By,
    /// What, in words.
    pub what: String,
}

/// A push, and what became of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Push {
    /// When.
    pub at: f64,
    /// What its page shows.
    pub page: String,
    /// The first digits of the commit.
    pub commit: String,
    /// The status of its execution at last.
    pub status: String,
    /// How often its stage was tried.
    pub attempts: u32,
    /// Whose agent was restarted for it.
    pub restarted: Vec<String>,
    /// From its first failure to deployment-recovery's mail, if there was one.
    pub told_after: Option<f64>,
}

/// How a server forgot its updates, and what became of two pushes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Deliveries {
    /// When this part of the demo began.
    pub began: Option<f64>,
    /// Who forgot its updates.
    pub victim: String,
    /// When its agent was stopped.
    pub struck: Option<f64>,
    /// The panda's experiment, with what became of it.
    pub experiment: Option<Experiment>,
    /// What was pushed.
    pub pushes: Vec<Push>,
    /// What happened, in order.
    pub steps: Vec<Step>,
}

/// Everything the demo saw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// The seed of the simulated AWS.
    pub seed: u64,
    /// Second 0.
    pub began: Timestamp,
    /// The day and time it was played, for people.
    pub played: String,
    /// How long the site was asked.
    pub seconds: f64,
    /// The fleet's name.
    pub fleet: String,
    /// The address.
    pub public_ip: String,
    /// Every request, in the order they were sent.
    pub probes: Vec<Probe>,
    /// What was done to the fleet.
    pub acts: Vec<ActRecord>,
    /// What the deployed rules delivered.
    pub events: Vec<EventRecord>,
    /// Where the address went.
    pub moves: Vec<Move>,
    /// Who lived.
    pub lives: Vec<Life>,
    /// What the function that keeps the address said.
    pub said: Vec<Said>,
    /// What the panda did.
    pub hunt: Hunt,
    /// What became of what was pushed.
    pub deliveries: Deliveries,
    /// What people were told.
    pub letters: Vec<Letter>,
    /// Per scenario, what the simulation says.
    pub comparisons: BTreeMap<String, Comparison>,
}

impl Move {
    /// From the delivery of an event to the call, if an event woke the function.
    #[must_use]
    pub fn after_event_ms(&self) -> Option<u64> {
        (self.trigger != SWEEP).then_some(self.event_to_call_ms)
    }
}

impl Record {
    /// A moment, in seconds since the first request.
    #[must_use]
    pub fn seconds_at(&self, moment: Timestamp) -> f64 {
        moment.duration_since(self.began).as_secs_f64()
    }

    /// What a function told people, in order.
    pub fn letters_from(&self, function: &str) -> impl Iterator<Item = &Letter> {
        self.letters.iter().filter(move |letter| letter.from == function)
    }
}
