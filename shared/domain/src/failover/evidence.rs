//! What does the event know that reads may not show yet?

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{FleetPlan, FleetSnapshot, Leaving, LeavingReason, Lifecycle, Standing, Tier};
use crate::{
    event::{ActivityResult, Event, InstanceState, Kind, Place, Transition},
    ids::{AllocationId, GroupName, HookName, InstanceId},
};

/// How long a `stopping` or `stopped` in an event outweighs a read that says `running`.
///
/// A termination is for ever, but a stopped instance may be started again, and then a late or doubled event would be wrong: of an instance
/// that a read shows to have been started since it says nothing any more, and in no case after this time. Reads were seen to lag by seconds;
/// two minutes is far beyond that and well within Lambda's first retry.
pub const FRESH: SignedDuration = SignedDuration::from_mins(2);

/// What an event, or what this warm function did before, adds to a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Instances that an event reported `shutting-down` or `terminated`: there is no way back, whatever a read says.
    pub dead: BTreeSet<InstanceId>,
    /// Instances that a fresh event reported `stopping` or `stopped`, and when they were.
    pub halted: BTreeMap<InstanceId, Timestamp>,
    /// Instances whose status checks an alarm reported failing.
    pub impaired: BTreeSet<InstanceId>,
    /// Instances that will leave, with the reason.
    pub leaving: BTreeMap<InstanceId, Leaving>,
    /// The instance that an event reported to be in service now.
    pub launched: Option<InstanceId>,
    /// The lifecycle action that woke us.
    pub waiting: Option<WaitingHook>,
    /// Lifecycle actions that we completed, and when. An instance may go on waiting in somebody else's hook; ours is not answered twice.
    pub answered: BTreeMap<(InstanceId, HookName), Timestamp>,
    /// Leaving instances that have had no address since this invocation looked before, so long ago that the network has followed.
    pub settled: BTreeSet<InstanceId>,
    /// Instances that EC2 refused to put an address on in this invocation.
    pub refused: BTreeSet<InstanceId>,
    /// Addresses that somebody else placed before this invocation could, though reads show them free. They are left alone until a read shows
    /// where they are.
    pub placed: BTreeSet<AllocationId>,
    /// Addresses that this invocation could not move: AWS did not answer, or does not allow it. They stay where they are for now, and a
    /// leaving instance that holds one is held as long as its hook allows.
    pub stuck: BTreeSet<AllocationId>,
}

/// A lifecycle action that an event told us of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingHook {
    /// The group.
    pub group: GroupName,
    /// The instance that waits.
    pub instance: InstanceId,
    /// The hook.
    pub hook: HookName,
    /// What the instance is about to do.
    pub transition: Transition,
    /// Whether it comes from or goes to the warm pool, whose instances are not listed among the group's.
    pub warm: bool,
    /// When it began to wait.
    pub since: Timestamp,
}

impl Evidence {
    /// What this event adds to reads made at `now`.
    #[must_use]
    pub fn of(event: &Event, now: Timestamp) -> Self {
        let mut evidence = Self::default();
        let since = event.time.unwrap_or(now).min(now);
        match &event.kind {
            Kind::StateChange(change) => match change.state {
                InstanceState::ShuttingDown | InstanceState::Terminated => {
                    evidence.dead.insert(change.instance.clone());
                }
                InstanceState::Stopping | InstanceState::Stopped if now.duration_since(since) <= FRESH => {
                    evidence.halted.insert(change.instance.clone(), since);
                }
                _ => {}
            },
            Kind::SpotInterruption(notice) => {
                evidence.leave(&notice.instance, LeavingReason::SpotInterruption, since);
            }
            Kind::RebalanceRecommendation(notice) => {
                evidence.leave(&notice.instance, LeavingReason::Rebalance, since);
            }
            Kind::ScheduledChange(change) => {
                for instance in &change.instances {
                    evidence.leave(instance, LeavingReason::ScheduledChange, since);
                }
            }
            Kind::StatusCheckAlarm(alarm) if alarm.failing && alarm.direct && now.duration_since(since) <= FRESH => {
                evidence.impaired.extend(alarm.instances.iter().cloned());
            }
            Kind::LifecycleAction(action) => {
                evidence.waiting = Some(WaitingHook {
                    group: action.group.clone(),
                    instance: action.instance.clone(),
                    hook: action.hook.clone(),
                    transition: action.transition,
                    warm: action.origin == Place::WarmPool || action.destination == Place::WarmPool,
                    since,
                });
            }
            Kind::ScalingActivity(activity) if activity.result == ActivityResult::Launched => {
                evidence.launched.clone_from(&activity.instance);
            }
            Kind::StatusCheckAlarm(_) | Kind::ScalingActivity(_) | Kind::InstanceRefresh(_) | Kind::Sweep(_) => {}
        }
        evidence
    }

    /// Whether the event itself says that an instance no longer serves. Then nothing else matters until its address is elsewhere.
    #[must_use]
    pub fn tells_of_a_death(&self) -> bool {
        !self.dead.is_empty() || !self.halted.is_empty()
    }

    /// Whether the event itself says that an instance stopped, and no read shows that it was started again since: its launch time is then a
    /// later one.
    #[must_use]
    pub fn halts(&self, fleet: &FleetSnapshot, instance: &InstanceId) -> bool {
        self.halted
            .get(instance)
            .is_some_and(|at| fleet.instances.get(instance).is_none_or(|instance| instance.launched <= *at))
    }

    /// Whether the reads are from before the event and that matters: they show as coming who is in service by the event, which is told but
    /// once, and an address needs somebody. Another look is worth its calls then; the event itself is no reason to move, since the instance
    /// may have died since.
    #[must_use]
    pub fn outruns(&self, fleet: &FleetSnapshot, plan: &FleetPlan) -> bool {
        let coming = |id: &InstanceId| {
            fleet.member(id).is_some_and(|(_, member)| matches!(member.lifecycle, Lifecycle::Pending(_)))
        };
        let needy = |standing: &Standing| match standing {
            Standing::Stays(tier) => *tier != Tier::Serving,
            Standing::Stranded(_) => true,
            Standing::Moves | Standing::Placed => false,
        };
        self.launched.as_ref().is_some_and(coming) && plan.verdicts.iter().any(|verdict| needy(&verdict.standing))
    }

    /// Whether the event itself says that an instance is on its way out. Like a death, this outweighs a read that still shows it in service.
    pub(super) fn tells_of_leaving(&self, instance: &InstanceId) -> bool {
        self.waiting
            .as_ref()
            .is_some_and(|told| told.transition == Transition::Terminating && told.instance == *instance)
    }

    fn leave(&mut self, instance: &InstanceId, reason: LeavingReason, since: Timestamp) {
        self.leaving.insert(instance.clone(), Leaving::new(reason, since));
    }
}
