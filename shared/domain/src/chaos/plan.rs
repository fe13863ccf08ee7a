//! Who is hit, and how, or why nobody?

use std::{cmp::Reverse, collections::BTreeSet};

use jiff::Timestamp;

use super::{
    Asked, CloseLook, Dice, Experiment, ExperimentId, Fault, FloorSource, GroupView, HeldAddress, Ineligible, Limits,
    MinHealthy, Mode, Policy, Present, Reason, Settings, Surveyed, Trigger, Victim, dice::Purpose,
    eligibility::Candidates, gates, numbers::share, survey,
};
use crate::ids::{FleetName, GroupName, InstanceId};

/// What to do with a group.
#[derive(Clone, Debug, PartialEq)]
pub struct ChaosPlan {
    /// The group.
    pub group: GroupName,
    /// Its fleet.
    pub fleet: FleetName,
    /// What is cheap to know of it.
    pub surveyed: Surveyed,
    /// Every member, with why it may not be hit, or that it may. Empty when the instances could not be seen.
    pub members: Vec<(InstanceId, Result<(), Ineligible>)>,
    /// What to do.
    pub decision: Decision,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Record the experiment, and then, unless it is leashed, carry it out.
    Strike(Box<Strike>),
    /// Nothing, and why: the most telling reason first, never none.
    Spare(Vec<Reason>),
}

/// What to record and to carry out.
#[derive(Clone, Debug, PartialEq)]
pub struct Strike {
    /// The experiment as it is recorded.
    pub experiment: Experiment,
    /// What must still be true when it is.
    pub limits: Limits,
}

impl ChaosPlan {
    /// What is to be carried out, if anything.
    #[must_use]
    pub fn strike(&self) -> Option<&Strike> {
        match &self.decision {
            Decision::Strike(strike) => Some(strike),
            Decision::Spare(_) => None,
        }
    }
}

/// Decides for one group, after a close look at it.
///
/// The laws are listed at [`chaos`](crate::chaos). Everything that [`survey`](super::survey()) asks is asked again, so that a plan is right
/// by itself, and all reasons that spare the group are told.
#[must_use]
pub fn plan(
    group: &GroupView,
    look: &CloseLook,
    asked: &Asked,
    present: &Present,
    settings: &Settings,
    now: Timestamp,
) -> ChaosPlan {
    let mut surveyed = survey::of_group(group, asked, present, settings, now);
    let mut members = Vec::new();
    let mut reasons = std::mem::take(&mut surveyed.reasons);
    let mut strike = None;
    if let (Some(policy), Some(id)) = (&surveyed.policy, &surveyed.id) {
        // That the dice spared a group is the least of its reasons.
        let dice = reasons.iter().position(|reason| matches!(reason, Reason::Dice { .. })).map(|at| reasons.remove(at));
        let choice = Choice { group, look, asked, policy, settings, now, dice: Dice::new(&settings.salt, id) };
        reasons.extend(gates::shut(group, look, policy, settings, now));
        choice.number(&mut reasons);
        let fault = choice.fault(&mut reasons);
        let victims = choice.victims(&mut members, &mut reasons);
        reasons.extend(dice);
        if let (true, Some(fault), Some(trigger), Some(limits)) =
            (reasons.is_empty(), fault, choice.trigger(&surveyed), surveyed.limits.clone())
        {
            let experiment = choice.experiment(id, surveyed.fleet.clone(), trigger, fault, victims, &limits);
            strike = Some(Box::new(Strike { experiment, limits }));
        }
    }
    surveyed.reasons.clone_from(&reasons);
    let decision = match strike {
        Some(strike) => Decision::Strike(strike),
        None => Decision::Spare(reasons),
    };
    ChaosPlan { group: surveyed.group.clone(), fleet: surveyed.fleet.clone(), surveyed, members, decision }
}

/// All that the choice of fault and victims depends on.
struct Choice<'a> {
    group: &'a GroupView,
    look: &'a CloseLook,
    asked: &'a Asked,
    policy: &'a Policy,
    settings: &'a Settings,
    now: Timestamp,
    dice: Dice<'a>,
}

impl Choice<'_> {
    /// Would enough stay, and is a run allowed so many?
    fn number(&self, reasons: &mut Vec<Reason>) {
        let asked = self.asked.count();
        let serving = u32::try_from(self.group.serving().count()).unwrap_or(u32::MAX);
        let (floor, source) = floor(self.group, self.policy);
        if serving.saturating_sub(asked) < floor {
            reasons.push(Reason::MinHealthy { serving, asked, floor, source });
        }
        if asked > self.settings.max_kills_per_run {
            reasons.push(Reason::RunCap { asked, cap: self.settings.max_kills_per_run });
        }
    }

    fn fault(&self, reasons: &mut Vec<Reason>) -> Option<Fault> {
        let allowed = &self.policy.faults;
        if let Asked::Kill { order, .. } = self.asked
            && let Some(fault) = order.fault
        {
            if !allowed.contains(&fault) {
                reasons.push(Reason::FaultNotAllowed { fault, allowed: allowed.clone() });
            }
            return Some(fault);
        }
        allowed.iter().copied().min_by_key(|fault| self.dice.rank(Purpose::Fault, fault.name()))
    }

    fn victims(
        &self,
        members: &mut Vec<(InstanceId, Result<(), Ineligible>)>,
        reasons: &mut Vec<Reason>,
    ) -> Vec<Victim> {
        // What is missing here has its reason by the gates.
        let (Ok(instances), Ok(addresses)) = (&self.look.instances, &self.look.addresses) else { return Vec::new() };
        let candidates = Candidates {
            group: self.group,
            instances,
            addresses,
            choice: self.policy.victim,
            min_age: self.settings.min_age,
            now: self.now,
        };
        let nobody = BTreeSet::new();
        members.extend(
            self.group.members.iter().map(|member| (member.instance.clone(), candidates.judge(member, &nobody))),
        );
        let wanted = match self.asked {
            Asked::Kill { order, .. } => order.victim.as_ref(),
            Asked::Tick => None,
        };
        if let Some(instance) = wanted {
            match members.iter().find(|(member, _)| member == instance) {
                None => reasons.push(Reason::VictimUnknown { instance: instance.clone() }),
                Some((_, Err(why))) => {
                    reasons.push(Reason::VictimIneligible { instance: instance.clone(), why: why.clone() });
                }
                Some((_, Ok(()))) => {}
            }
        }
        let mut drawn: Vec<_> =
            self.group.members.iter().filter(|member| wanted.is_none_or(|wanted| member.instance == *wanted)).collect();
        drawn.sort_by_key(|member| {
            (self.dice.rank(Purpose::Victim, member.instance.as_str()), Reverse(&member.instance))
        });
        let mut hit: BTreeSet<&InstanceId> = BTreeSet::new();
        let mut victims = Vec::new();
        for _ in 0..self.asked.count() {
            // One less changes who is the last of a zone.
            let next =
                drawn.iter().find(|member| !hit.contains(&member.instance) && candidates.judge(member, &hit).is_ok());
            let Some(member) = next else { break };
            hit.insert(&member.instance);
            let holds = addresses.iter().filter(|address| address.holder.as_ref() == Some(&member.instance));
            victims.push(Victim {
                instance: member.instance.clone(),
                zone: member.zone.clone(),
                holds: holds.map(|address| address.public_ip.clone()).collect(),
            });
        }
        let found = u32::try_from(victims.len()).unwrap_or(u32::MAX);
        if wanted.is_none() && found == 0 {
            let members =
                members.iter().filter_map(|(member, why)| Some((member.clone(), why.clone().err()?))).collect();
            reasons.push(Reason::NobodyEligible { members });
        } else if wanted.is_none() && found < self.asked.count() {
            reasons.push(Reason::TooFewEligible { eligible: found, asked: self.asked.count() });
        }
        victims
    }

    fn trigger(&self, surveyed: &Surveyed) -> Option<Trigger> {
        match self.asked {
            Asked::Tick => {
                surveyed.draw.map(|draw| Trigger::Tick { slot: draw.slot, thrown: draw.thrown, odds: draw.odds })
            }
            Asked::Kill { request, order } => {
                Some(Trigger::Command { request: request.clone(), reason: order.reason.clone() })
            }
        }
    }

    fn experiment(
        &self,
        id: &ExperimentId,
        fleet: FleetName,
        trigger: Trigger,
        fault: Fault,
        victims: Vec<Victim>,
        limits: &Limits,
    ) -> Experiment {
        let addresses = self.look.addresses.as_deref().unwrap_or_default();
        Experiment {
            id: id.clone(),
            fleet,
            group: self.group.name.clone(),
            leashed: self.settings.mode != Mode::Unleashed,
            trigger,
            fault,
            victims,
            started: self.now,
            day: limits.day,
            heal_by: self.now.checked_add(self.settings.heal).unwrap_or(self.now),
            desired: self.group.desired,
            members: self.group.members.iter().map(|member| member.instance.clone()).collect(),
            addresses: addresses
                .iter()
                .map(|address| HeldAddress { public_ip: address.public_ip.clone(), holder: address.holder.clone() })
                .collect(),
            url: self.policy.url.clone(),
            struck: None,
            outcome: None,
        }
    }
}

/// How many must stay in service. What the group's tag says goes; without it, half and the group's own maintenance policy, whichever asks for
/// more.
fn floor(group: &GroupView, policy: &Policy) -> (u32, FloorSource) {
    if let Some(least) = policy.min_healthy {
        return (least.of(group.desired), FloorSource::Tag);
    }
    let half = MinHealthy::Percent(50).of(group.desired);
    match group.min_healthy_percentage {
        Some(percent) if share(group.desired, percent) > half => {
            (share(group.desired, percent), FloorSource::MaintenancePolicy { percent })
        }
        _ => (half, FloorSource::Default),
    }
}
