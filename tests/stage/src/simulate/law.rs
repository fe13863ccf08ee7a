//! Were the laws kept? Judged from the journal, not from what the function says of itself.

#[cfg(test)]
mod tests;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_world::{AnsweredBy, Entry, InstanceState, Kind};

use super::{
    Strategy,
    account::{Mover, is_function, is_needless},
    lambda::{Ending, Invocation},
    play::Played,
    scenario::{Demand, Script},
    truth::{Seat, Truth},
};

/// Reads and writes of one invocation are this far apart at the most, where nothing goes wrong: what happened in between, it could not know.
const BLIND: SignedDuration = SignedDuration::from_secs(3);
/// The same with stale reads, retries and hanging calls.
const BLIND_WHEN_ROUGH: SignedDuration = SignedDuration::from_secs(25);
/// The last look at which a hook of 300 seconds can be released in time: the function's own reckoning, a look and its lateness before the end.
const BUDGET: SignedDuration = SignedDuration::from_secs(300 - 60 - 20);
/// The time that is left then.
const LAST_LOOKS: SignedDuration = SignedDuration::from_secs(60 + 20);
/// Where it does not know since when an instance waits, the function reckons with one look more.
const LOOK: SignedDuration = SignedDuration::from_secs(60);

/// Who shows that it cannot serve loses the address to who can within one sweep, whatever event was lost: a minute, the sweep's lateness, the
/// reads and the write.
const NEGLECT: SignedDuration = SignedDuration::from_secs(66);
/// The same where sweeps are lost too, and invocations die or have to be retried.
const NEGLECT_WHEN_ROUGH: SignedDuration = SignedDuration::from_secs(240);
/// So long a successor must have been expected for a stale read to show it.
const KNOWN_AFTER: SignedDuration = SignedDuration::from_secs(1);
/// The same with stale reads and retries.
const KNOWN_AFTER_WHEN_ROUGH: SignedDuration = SignedDuration::from_secs(8);

/// The only calls that the function has any business with.
const ALLOWED: &[&str] = &[
    "AssociateAddress",
    "CompleteLifecycleAction",
    "CreateTags",
    "DescribeAddresses",
    "DescribeAutoScalingGroups",
    "DescribeInstanceStatus",
    "DescribeInstances",
    "DescribeLifecycleHooks",
    "SetInstanceHealth",
];

/// A law that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The law.
    pub law: &'static str,
    /// When.
    pub at: Timestamp,
    /// What was done.
    pub what: String,
}

/// The judge of one run.
pub(super) struct Judge<'a> {
    strategy: Strategy,
    rough: bool,
    demand: Demand,
    invocations: &'a [Invocation],
    /// Since when a successor has been expected.
    expected_since: Option<Timestamp>,
    /// Since when addresses have been neglected, each with its holder.
    neglected: BTreeMap<(String, Option<String>), Timestamp>,
    /// Instances that were marked as leaving.
    marked: BTreeSet<String>,
    /// The calls of each environment, in order of time.
    calls: BTreeMap<&'a str, Vec<(Timestamp, &'a str)>>,
    pub(super) violations: Vec<Violation>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(script: &Script, strategy: Strategy, played: &'a Played) -> Self {
        let mut calls: BTreeMap<&str, Vec<(Timestamp, &str)>> = BTreeMap::new();
        for entry in &played.journal {
            if let Kind::Call { caller, operation, .. } = &entry.kind
                && is_function(caller)
            {
                calls.entry(caller).or_default().push((entry.at, operation));
            }
        }
        Self {
            strategy,
            rough: script.faults != panda_world::Faults::default(),
            demand: script.demand,
            invocations: &played.invocations,
            expected_since: None,
            neglected: BTreeMap::new(),
            marked: BTreeSet::new(),
            calls,
            violations: Vec::new(),
        }
    }

    fn accuse(&mut self, law: &'static str, at: Timestamp, what: String) {
        self.violations.push(Violation { law, at, what });
    }

    fn blind(&self) -> SignedDuration {
        if self.rough { BLIND_WHEN_ROUGH } else { BLIND }
    }

    /// Sees an entry before it is applied to `truth`.
    pub(super) fn see(&mut self, truth: &Truth, before: Option<&Entry>, entry: &Entry, ahead: &[Entry]) {
        if self.strategy == Strategy::BootSteal {
            return;
        }
        let at = entry.at;
        self.watch(truth, at);
        match &entry.kind {
            Kind::Associated { allocation, public_ip, instance, .. } => {
                if let Mover::Caller(caller) = Mover::of(truth, at, public_ip, ahead) {
                    self.association(truth, before, at, allocation, instance, caller);
                }
            }
            Kind::Call { caller, operation, subject, .. }
                if is_function(caller) && !ALLOWED.contains(&operation.as_str()) =>
            {
                self.accuse("never any other call", at, format!("{caller} called {operation} {subject}"));
            }
            Kind::Tagged { resource, key } if key == panda_domain::failover::MARK_TAG => {
                self.marked.insert(resource.clone());
            }
            Kind::HookAnswered { instance, hook, by, .. } if hook.starts_with("elastic-ip") => match by {
                // The sweep cannot make good for a lost event here: Auto Scaling does not list the warm pool with its group. What waits there
                // serves nobody, and goes on with the heartbeat.
                AnsweredBy::Timeout
                    if truth
                        .life(instance)
                        .is_some_and(|life| life.warm && !self.was_told(instance, life.waits.get(hook), at)) => {}
                // A hook may be held until one look before its heartbeat runs out. Where faults took that look, the heartbeat lets it go on, which
                // is all that the look would have done.
                AnsweredBy::Timeout if self.rough && !self.swept(at - LAST_LOOKS, at) => {}
                // While EC2 answers for none of the fleet's zones every look fails, and what is told meanwhile is given up after three of them.
                AnsweredBy::Timeout
                    if truth
                        .life(instance)
                        .and_then(|life| life.waits.get(hook))
                        .is_some_and(|since| truth.was_dark_since(*since)) => {}
                AnsweredBy::Timeout => {
                    self.accuse(
                        "every hook that wakes us is answered before its heartbeat runs out",
                        at,
                        format!("{instance} waited in {hook} until its heartbeat ran out"),
                    );
                }
                AnsweredBy::Call => self.release(truth, at, instance, hook),
                AnsweredBy::CodeDeploy | AnsweredBy::Abandoned => {}
            },
            _ => {}
        }
    }

    /// What lasts, and for how long.
    fn watch(&mut self, truth: &Truth, at: Timestamp) {
        self.expected_since = truth.successor_expected().then(|| self.expected_since.unwrap_or(at));
        let limit = if self.rough { NEGLECT_WHEN_ROUGH } else { NEGLECT };
        let mut now = BTreeMap::new();
        for (allocation, holder) in truth.neglected() {
            // A move ends the neglect; whoever fails next is looked at anew.
            let key = (allocation.to_owned(), holder.map(str::to_owned));
            let since = self.neglected.get(&key).copied().unwrap_or(at);
            now.insert(key, since);
        }
        // Told once, when it ends.
        let ended = self.neglected.iter().filter(|(key, _)| !now.contains_key(*key));
        let ended: Vec<_> = ended.map(|(key, since)| (key.0.clone(), at.duration_since(*since))).collect();
        for (allocation, long) in ended.into_iter().filter(|(_, long)| *long > limit) {
            let what =
                format!("nobody answered at {allocation} for {} s though a healthy instance was free", long.as_secs());
            self.accuse("no address is neglected", at, what);
        }
        self.neglected = now;
    }

    fn association(
        &mut self,
        truth: &Truth,
        before: Option<&Entry>,
        at: Timestamp,
        allocation: &str,
        target: &str,
        caller: &str,
    ) {
        if !truth.seats.contains_key(allocation) {
            return self.accuse("never a foreign address", at, format!("{caller} moved {allocation} to {target}"));
        }
        let (blind, rough) = (self.blind(), self.rough);
        let life = truth.life(target);
        let long_gone = |since: Option<Timestamp>| since.is_none_or(|since| at.duration_since(since) > blind);
        if life.is_none_or(|life| life.group.is_none() && long_gone(life.left)) {
            self.accuse("never a non-member", at, format!("{caller} moved {allocation} to {target}"));
        }
        if let Some(life) =
            life.filter(|life| life.state != InstanceState::Running && long_gone(Some(life.state_since)))
        {
            self.accuse(
                "never a target known dead",
                at,
                format!("{caller} moved {allocation} to {target}, which has been {:?} for long", life.state),
            );
        }
        let told_dead = self.invocation(caller, at).is_some_and(|invocation| {
            invocation.subject.as_deref() == Some(target) && invocation.trigger.contains("shutting-down")
        });
        if told_dead {
            self.accuse(
                "never a target known dead",
                at,
                format!("{caller} moved {allocation} to {target}, of whose death it had been told"),
            );
        }
        if let Some(Entry { at: then, kind: Kind::Disassociated { allocation: other, instance, .. } }) = before
            && *then == at
            && other != allocation
            && instance.as_deref() == Some(target)
            && !rough
        {
            self.accuse(
                "never two addresses on one instance",
                at,
                format!("{caller} moved {allocation} to {target} and threw {other} off"),
            );
        }
        if is_needless(truth, self.strategy, allocation, target) && !rough {
            self.accuse(
                "moves only to a strictly better tier",
                at,
                format!("{caller} moved {allocation} to {target} from a holder that served well"),
            );
        }
        if self.demand == Demand::NoMoves {
            self.accuse(
                "an event that needs nothing costs no writes",
                at,
                format!("{caller} moved {allocation} to {target}"),
            );
        }
    }

    /// A terminate hook of ours was completed by a call.
    fn release(&mut self, truth: &Truth, at: Timestamp, instance: &str, hook: &str) {
        let Some(life) = truth.life(instance).filter(|life| life.lifecycle.is_terminating()) else { return };
        let serves = life.state == InstanceState::Running && life.answers && !life.impaired;
        let waited = life.waits.get(hook).map_or(SignedDuration::ZERO, |since| at.duration_since(*since));
        // Where a look met the waiting instance before its hook's event came, the function reckons with one look more.
        let budget = BUDGET - LOOK;
        let left_behind = |seat: &Seat| {
            seat.server.as_deref() == Some(instance) && seat.holder.as_ref().is_some_and(|holder| holder != instance)
        };
        if !self.rough
            && serves
            && waited + SignedDuration::from_secs(3) < budget
            && truth.seats.values().any(left_behind)
        {
            let what = format!("{instance} was released from {hook} while its address still led to it");
            self.accuse("a server that lost its address outlives the network's settling", at, what);
        }
        let known_after = if self.rough { KNOWN_AFTER_WHEN_ROUGH } else { KNOWN_AFTER };
        let expected = self.expected_since.is_some_and(|since| at.duration_since(since) > known_after);
        if serves && truth.holds(instance) > 0 && expected && waited + SignedDuration::from_secs(3) < budget {
            let waited = waited.as_secs();
            self.accuse(
                "no terminate hook is released while the leaving instance is the only server",
                at,
                format!("{instance} was released from {hook} after {waited} s, while it served and its successor was expected"),
            );
        }
    }

    /// Whether a sweep came through between two times.
    fn swept(&self, from: Timestamp, until: Timestamp) -> bool {
        self.invocations.iter().any(|one| {
            let done = one.ended.as_ref().is_some_and(|(at, ending)| *at < until && matches!(ending, Ending::Done(_)));
            done && one.began >= from && one.trigger == "Scheduled Event"
        })
    }

    /// Whether an event of a lifecycle action of this instance reached the function between two times.
    fn was_told(&self, instance: &str, since: Option<&Timestamp>, until: Timestamp) -> bool {
        self.invocations.iter().any(|invocation| {
            invocation.subject.as_deref() == Some(instance)
                && invocation.trigger.contains("Lifecycle Action")
                && since.is_none_or(|since| invocation.began >= *since)
                && invocation.began <= until
        })
    }

    fn invocation(&self, environment: &str, at: Timestamp) -> Option<&'a Invocation> {
        self.invocations.iter().rev().find(|one| {
            one.environment == environment
                && one.began <= at
                && one.ended.as_ref().is_none_or(|(ended, _)| at <= *ended)
        })
    }
}
