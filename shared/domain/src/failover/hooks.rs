//! Which lifecycle action is completed now, and which one is held?
//!
//! A launch hook is completed at once: it only woke us. A terminate hook is completed when the leaving instance holds no address any more,
//! after the time the network takes to follow. While nobody else can take the address and a successor is on its way, the hook is held, for a
//! bounded time: the old server serves on until the new one does.
//!
//! The answer is always `CONTINUE`. For a launch, `ABANDON` would kill the instance; for a termination it would only skip other people's
//! hooks.

use std::{collections::BTreeSet, fmt};

use jiff::{SignedDuration, Timestamp};

use super::{
    Evidence, FleetSnapshot, Group, Ineligible, LeavingReason, Lifecycle, Member, Move, Rules, Step, Tier, WaitingHook,
    tier,
};
use crate::{
    event::Transition,
    ids::{AllocationId, GroupName, HookName, InstanceId},
};

/// How often the sweep looks, at the most. A hook is released at the last look before its heartbeat would run out.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// What a look may come late by: EventBridge's schedule fires within its minute, and the reads take their time.
const LATENESS: SignedDuration = SignedDuration::from_secs(20);

/// When a hook that we completed, and that an instance still seems to wait in, is completed again: it may be a second action of the same
/// hook whose event was lost.
const ANSWER_AGAIN: SignedDuration = SignedDuration::from_mins(3);

/// What to do about one lifecycle action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// The group whose hook it is.
    pub group: GroupName,
    /// The instance that waits.
    pub instance: InstanceId,
    /// The hook.
    pub hook: HookName,
    /// What the instance is about to do.
    pub transition: Transition,
    /// What to do.
    pub answer: Answer,
    /// Why.
    pub reason: AnswerReason,
}

/// What to do about a lifecycle action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Complete it with `CONTINUE`.
    Continue {
        /// How long to wait first, so that the network follows a move that this plan makes.
        after: SignedDuration,
    },
    /// Leave it waiting.
    Hold {
        /// When the instance began to wait, as far as we know.
        since: Timestamp,
        /// When it will be released in any case.
        until: Timestamp,
    },
}

/// Why a lifecycle action is completed or held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerReason {
    /// Launches do not wait for us.
    Launch,
    /// The instance holds no address of the fleet.
    HoldsNothing,
    /// The address moves to another instance.
    Moved,
    /// The instance does not serve.
    NotServing(Ineligible),
    /// The instance cannot be reached.
    Unreachable,
    /// It is the only server, and no successor is expected.
    NoSuccessor,
    /// It is the only server, and its time is up.
    BudgetSpent,
    /// It is the only server, and its successor is on its way.
    OnlyServer,
    /// Its address could not be moved; the next look tries again.
    Stuck,
}

impl fmt::Display for AnswerReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Launch => f.write_str("a launch does not wait for us"),
            Self::HoldsNothing => f.write_str("it holds no address"),
            Self::Moved => f.write_str("its address moved"),
            Self::NotServing(why) => write!(f, "it is {why}"),
            Self::Unreachable => f.write_str("it cannot be reached anyway"),
            Self::NoSuccessor => f.write_str("it is the only server, and no successor is expected"),
            Self::BudgetSpent => f.write_str("it is the only server, and its time is up"),
            Self::OnlyServer => f.write_str("it is the only server until its successor is in service"),
            Self::Stuck => f.write_str("its address could not be moved yet"),
        }
    }
}

/// The answers that a fleet's waiting instances get, once `moves` are made.
pub(super) fn answer(fleet: &FleetSnapshot, evidence: &Evidence, rules: &Rules, moves: &[Move]) -> Vec<HookAnswer> {
    let mut answers = Vec::new();
    let mut seen = BTreeSet::new();
    for (group, member, hook, transition) in waiting(fleet, evidence, rules) {
        if seen.insert((member.clone(), hook.clone())) {
            let (answer, reason) = match transition {
                Transition::Launching => (Answer::Continue { after: SignedDuration::ZERO }, AnswerReason::Launch),
                Transition::Terminating => terminate(fleet, evidence, rules, moves, group, &member, &hook),
            };
            answers.push(HookAnswer { group: group.name.clone(), instance: member, hook, transition, answer, reason });
        }
    }
    answers
}

/// Who waits in which hook of ours: what the event told us of, then what the reads show.
fn waiting<'a>(
    fleet: &'a FleetSnapshot,
    evidence: &Evidence,
    rules: &Rules,
) -> Vec<(&'a Group, InstanceId, HookName, Transition)> {
    let ours = |hook: &HookName| hook.as_str().starts_with(&rules.hook_prefix);
    let answered_at =
        |instance: &InstanceId, hook: &HookName| evidence.answered.get(&(instance.clone(), hook.clone())).copied();
    let mut waiting = Vec::new();
    if let Some(told) = evidence.waiting.as_ref().filter(|told| ours(&told.hook))
        && let Some(group) = fleet.groups.iter().find(|group| group.name == told.group)
    {
        let member = group.members.iter().find(|member| member.instance == told.instance);
        // What we completed after this action began was this action. A warm pool sends an instance through the same hook again, later.
        let answered = answered_at(&told.instance, &told.hook).is_some_and(|at| at >= told.since);
        if !answered && !is_past(member, told) {
            waiting.push((group, told.instance.clone(), told.hook.clone(), told.transition));
        }
    }
    for (group, member) in fleet.members() {
        for hook in group.hooks.iter().filter(|hook| ours(&hook.name)) {
            let answered =
                answered_at(&member.instance, &hook.name).is_some_and(|at| fleet.at.duration_since(at) < ANSWER_AGAIN);
            if !answered && waits_in(fleet, member, hook.transition) {
                waiting.push((group, member.instance.clone(), hook.name.clone(), hook.transition));
            }
        }
    }
    waiting
}

/// Whether the reads prove that an instance left the hook already: reads may lag, but they do not run ahead.
fn is_past(member: Option<&Member>, told: &WaitingHook) -> bool {
    match (told.transition, member.map(|member| &member.lifecycle)) {
        // A launching instance may not be listed yet; a terminating one that is not listed any more is gone, unless it is a warm one, which
        // never is.
        (Transition::Terminating, None) => !told.warm,
        (
            Transition::Terminating,
            Some(Lifecycle::Terminating(Step::Proceed) | Lifecycle::RootVolume(Step::Proceed)),
        ) => true,
        (Transition::Launching, Some(lifecycle)) => {
            matches!(lifecycle, Lifecycle::InService | Lifecycle::Terminating(_) | Lifecycle::Pending(Step::Proceed))
        }
        (Transition::Launching, None) | (Transition::Terminating, Some(_)) => false,
    }
}

fn waits_in(fleet: &FleetSnapshot, member: &Member, transition: Transition) -> bool {
    match (&member.lifecycle, transition) {
        // In or out of the warm pool; Auto Scaling's answer to the hook that is not active is harmless.
        (Lifecycle::Warmed(Step::Wait), _)
        | (Lifecycle::Terminating(Step::Wait) | Lifecycle::RootVolume(Step::Wait), Transition::Terminating) => true,
        // An event answers a launch hook within a second; what still waits a look later waits in somebody else's hook, or its event was
        // lost. How old an instance in a silent zone is cannot be known; its hook can be completed all the same.
        (Lifecycle::Pending(Step::Wait), Transition::Launching) => match fleet.instances.get(&member.instance) {
            Some(instance) => fleet.at.duration_since(instance.launched) >= LOOK_EVERY,
            None => fleet.silent.contains(&member.zone),
        },
        _ => false,
    }
}

fn terminate(
    fleet: &FleetSnapshot,
    evidence: &Evidence,
    rules: &Rules,
    moves: &[Move],
    group: &Group,
    instance: &InstanceId,
    hook: &HookName,
) -> (Answer, AnswerReason) {
    let at_once = Answer::Continue { after: SignedDuration::ZERO };
    let held: Vec<&AllocationId> = fleet
        .addresses
        .iter()
        .filter(|address| {
            address.association.as_ref().and_then(|association| association.instance.as_ref()) == Some(instance)
        })
        .map(|address| &address.allocation)
        .collect();
    let keeps = held.iter().any(|held| !moves.iter().any(|moved| moved.allocation == **held))
        || moves.iter().any(|moved| moved.to == *instance);
    let tier = tier::tier_of(fleet, evidence, instance);
    // Who goes to the warm pool, or gets a new root volume, must not hold an address, and serves until its hook is completed all the same.
    let renewed = fleet.member(instance).is_some_and(|(_, it)| it.lifecycle == Lifecycle::RootVolume(Step::Wait));
    let may_serve_on =
        |why: &Ineligible| goes_to_the_pool(why) || (renewed && matches!(why, Ineligible::OutOfService(_)));
    if held.is_empty() && !keeps {
        // Somebody else may have moved the address a moment ago, another environment of this function perhaps: the network may still lead
        // here.
        let may_serve = match tier {
            Ok(tier) => tier != Tier::Impaired,
            Err(why) => may_serve_on(&why),
        };
        let wait = may_serve && !evidence.settled.contains(instance);
        let after = if wait { rules.settle } else { SignedDuration::ZERO };
        return (Answer::Continue { after }, AnswerReason::HoldsNothing);
    }
    match tier {
        Err(why) if !keeps && may_serve_on(&why) => {
            return (Answer::Continue { after: rules.settle }, AnswerReason::Moved);
        }
        Err(why) => return (at_once, AnswerReason::NotServing(why)),
        Ok(Tier::Impaired) => return (at_once, AnswerReason::Unreachable),
        Ok(_) if !keeps => return (Answer::Continue { after: rules.settle }, AnswerReason::Moved),
        Ok(_) => {}
    }
    let stuck = held.iter().any(|held| evidence.stuck.contains(*held));
    if !stuck && !successor_expected(fleet, evidence) {
        return (at_once, AnswerReason::NoSuccessor);
    }
    let since = waiting_since(fleet, evidence, instance);
    let until = since + budget(rules, group, hook);
    if fleet.at >= until {
        (at_once, AnswerReason::BudgetSpent)
    } else {
        let reason = if stuck { AnswerReason::Stuck } else { AnswerReason::OnlyServer };
        (Answer::Hold { since, until }, reason)
    }
}

/// Whether an instance that must not hold an address may be a server on its way back to the warm pool, alive until its hook is completed.
/// Auto Scaling lists it among the warm ones, or not at all.
fn goes_to_the_pool(why: &Ineligible) -> bool {
    matches!(why, Ineligible::WarmPool | Ineligible::NotAMember)
}

/// How long a hook is held at the most: the deployment's limit, or the last look before the heartbeat runs out.
fn budget(rules: &Rules, group: &Group, hook: &HookName) -> SignedDuration {
    let heartbeat = group.hooks.iter().find(|known| known.name == *hook).map(|known| known.heartbeat_seconds);
    let by_heartbeat = heartbeat.map(|seconds| SignedDuration::from_secs(i64::from(seconds)) - LOOK_EVERY - LATENESS);
    by_heartbeat.map_or(rules.hold, |limit| limit.min(rules.hold)).max(SignedDuration::ZERO)
}

/// Since when an instance waits: by the event, or by the mark of an earlier look. An instance that is met without either began to wait since
/// the look before this one.
fn waiting_since(fleet: &FleetSnapshot, evidence: &Evidence, instance: &InstanceId) -> Timestamp {
    let told = evidence.waiting.as_ref().filter(|told| told.instance == *instance).map(|told| told.since);
    let marked = fleet
        .instances
        .get(instance)
        .and_then(|instance| instance.leaving.as_ref())
        .filter(|leaving| leaving.reason == LeavingReason::TerminateHook)
        .map(|leaving| leaving.since);
    match (told, marked) {
        (Some(told), Some(marked)) => told.min(marked),
        (Some(known), None) | (None, Some(known)) => known,
        (None, None) => fleet.at - LOOK_EVERY,
    }
}

/// Whether an instance is booting, or a group will launch one because it has fewer than it is asked to keep.
fn successor_expected(fleet: &FleetSnapshot, evidence: &Evidence) -> bool {
    fleet.groups.iter().filter(|group| !group.deleting && !group.suspends("Launch")).any(|group| {
        let coming = |member: &&Member| matches!(member.lifecycle, Lifecycle::Pending(_));
        // Whom Auto Scaling holds for unhealthy, or soon will, it replaces.
        let staying = |member: &&Member| {
            member.lifecycle == Lifecycle::InService
                && member.healthy
                && !evidence.tells_of_leaving(&member.instance)
                && tier::tier_of(fleet, evidence, &member.instance) != Ok(Tier::Impaired)
        };
        let alive = |member: &&Member| !tier::known_dead(fleet, evidence, &member.instance);
        let booting = group.members.iter().filter(coming).filter(alive).count();
        let serving = group.members.iter().filter(staying).filter(alive).count();
        booting > 0 || usize::try_from(group.desired).is_ok_and(|desired| desired > booting + serving)
    })
}
