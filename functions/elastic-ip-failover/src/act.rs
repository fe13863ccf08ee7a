//! Carry out a fleet's plan.
//!
//! In order of urgency: addresses, then marks and reports of the dead, then the hooks that need not wait. A write that fails does not keep
//! the next one from being tried. What was overtaken by events, or would be too late in this invocation, is left to the next look.

use std::collections::BTreeSet;

use jiff::Timestamp;
use panda_aws::{Aws, AwsError, addresses, addresses::Associated, groups, instances, lifecycle};
use panda_domain::{
    event::Transition,
    failover::{Answer, Association, Evidence, FleetPlan, HookAnswer, Standing},
    ids::InstanceId,
};
use tracing::info;

use crate::{memory::Memory, outcome::FleetOutcome};

/// What carrying out a plan came to.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(crate) struct Acted {
    /// The world was not as the plan took it for: look again.
    pub(crate) overtaken: bool,
    /// Somebody else placed an address first. Another look shows whether anything is left to do; if reads do not show it yet, nothing is.
    pub(crate) outrun: bool,
    /// An address moved.
    pub(crate) moved: bool,
    /// Time ran out before everything but the addresses was done.
    pub(crate) late: bool,
    /// Leaving instances to let go when the network has followed: look again then, since others may have moved an address back meanwhile.
    pub(crate) settling: BTreeSet<InstanceId>,
    /// What AWS did not carry out.
    pub(crate) failures: Vec<AwsError>,
}

/// When the event happened, and how to tell the time.
pub(crate) struct Watch<'a> {
    pub(crate) event: Option<Timestamp>,
    pub(crate) now: &'a (dyn Fn() -> Timestamp + Sync),
    /// Whether the invocation may end before another write is answered.
    pub(crate) late: &'a (dyn Fn() -> bool + Sync),
}

impl Watch<'_> {
    fn since_event(&self) -> Option<u64> {
        u64::try_from((self.now)().duration_since(self.event?).as_millis()).ok()
    }
}

/// Moves a plan's addresses. Those that could not be moved are noted in `evidence`, so that the next look neither tries them again at once
/// nor releases their holder.
pub(crate) async fn move_addresses(
    aws: &Aws,
    plan: &FleetPlan,
    memory: &mut Memory,
    evidence: &mut Evidence,
    outcome: &mut FleetOutcome,
    watch: &Watch<'_>,
) -> Acted {
    let mut acted = Acted::default();
    for moved in &plan.moves {
        match addresses::associate_address(aws, moved).await {
            Ok(Associated::Done(association)) => {
                acted.moved = true;
                outcome.moved(moved, watch.since_event());
                let id = association.unwrap_or_else(|| "".into());
                memory.moved(moved, Association { id, instance: Some(moved.to.clone()) }, (watch.now)());
            }
            Ok(Associated::Overtaken(why)) => {
                info!(eip.allocation_id = %moved.allocation, "Will look again: {why}");
                if why.refuses_the_target() {
                    evidence.refused.insert(moved.to.clone());
                }
                // The same code, with the interface's name, says that it is the target that has another address already.
                if why.says("Resource.AlreadyAssociated", moved.allocation.as_str()) {
                    evidence.placed.insert(moved.allocation.clone());
                    acted.outrun = true;
                } else {
                    acted.overtaken = true;
                }
            }
            Err(error) => {
                evidence.stuck.insert(moved.allocation.clone());
                acted.failures.push(error);
            }
        }
    }
    acted
}

/// Carries out the rest of a plan, after its moves came to `acted`.
pub(crate) async fn attend(
    aws: &Aws,
    plan: &FleetPlan,
    memory: &mut Memory,
    evidence: &Evidence,
    outcome: &mut FleetOutcome,
    watch: &Watch<'_>,
    acted: &mut Acted,
) {
    for mark in &plan.marks {
        if (watch.late)() {
            acted.late = true;
            break;
        }
        match instances::tag_leaving(aws, mark).await {
            Ok(true) => outcome.marked(mark),
            Ok(false) => {}
            Err(error) => acted.failures.push(error),
        }
    }
    for nudge in &plan.nudges {
        if (watch.late)() {
            acted.late = true;
            break;
        }
        match groups::set_instance_unhealthy(aws, &nudge.group, &nudge.instance).await {
            Ok(true) => outcome.nudged(nudge),
            Ok(false) => {}
            Err(error) => acted.failures.push(error),
        }
    }
    let all_moved =
        !acted.overtaken && !acted.outrun && plan.moves.iter().all(|moved| !evidence.stuck.contains(&moved.allocation));
    for answer in &plan.answers {
        match answer.answer {
            // The answer to a leaving instance counts on the moves; the next look gives it anew.
            _ if answer.transition == Transition::Terminating && !all_moved => acted.overtaken = true,
            Answer::Hold { .. } => outcome.hook(answer, false),
            Answer::Continue { after } if after.is_zero() && (watch.late)() => acted.late = true,
            Answer::Continue { after } if after.is_zero() => {
                acted.failures.extend(complete(aws, answer, memory, outcome, (watch.now)()).await.err());
            }
            Answer::Continue { .. } => {
                acted.settling.insert(answer.instance.clone());
            }
        }
    }
}

/// Completes one lifecycle action.
///
/// # Errors
/// When AWS does not answer, or refuses; the next look tries again.
async fn complete(
    aws: &Aws,
    answer: &HookAnswer,
    memory: &mut Memory,
    outcome: &mut FleetOutcome,
    now: Timestamp,
) -> Result<(), AwsError> {
    let done = lifecycle::complete_lifecycle_action(aws, &answer.group, &answer.hook, &answer.instance).await?;
    memory.completed(&answer.instance, &answer.hook, now);
    outcome.hook(answer, done);
    Ok(())
}

/// Notes what the plan leaves as it is, though it should not be so.
pub(crate) fn note(plan: &FleetPlan, outcome: &mut FleetOutcome) {
    outcome.problems = plan.problems.iter().map(ToString::to_string).collect();
    outcome.stranded = plan
        .verdicts
        .iter()
        .filter_map(|verdict| match &verdict.standing {
            Standing::Stranded(reason) => Some(format!("`{}` serves nobody: {reason}", verdict.allocation)),
            Standing::Moves | Standing::Placed | Standing::Stays(_) => None,
        })
        .collect();
}
