//! Of several groups that could be hit, which are?

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ChaosPlan, Decision, Dice, ExperimentId, LastKills, Present, Reason, Settings, Trigger, dice::Purpose};
use crate::ids::{FleetName, GroupName};

/// Of all groups that could be hit in one run, leaves at most one of each fleet, and no more instances than a run and a day may cost.
///
/// The rest is spared, with the reason. Who goes first is drawn, so that no fleet is always behind the others. The plans keep their order.
///
/// A tick that comes twice is one run: whom it struck when it came first counts.
#[must_use]
pub fn choose(plans: Vec<ChaosPlan>, present: &Present, settings: &Settings, now: Timestamp) -> Vec<ChaosPlan> {
    let mut order: Vec<_> = plans
        .iter()
        .enumerate()
        .filter_map(|(at, plan)| {
            let experiment = &plan.strike()?.experiment;
            let rank = Dice::new(&settings.salt, &experiment.id).rank(Purpose::Group, plan.group.as_str());
            Some((rank, plan.group.clone(), at, plan.fleet.clone(), experiment.kills()))
        })
        .collect();
    order.sort();
    let mut chosen: BTreeMap<FleetName, GroupName> = BTreeMap::new();
    let mut spared: BTreeMap<usize, Reason> = BTreeMap::new();
    let before = struck_before(&plans, present);
    let mut kills = 0_u32;
    let killed = present.killed_on_day_of(now);
    for (_, group, at, fleet, asked) in order {
        let (run, day) = (settings.max_kills_per_run, settings.max_kills_per_day);
        if let Some(sibling) = chosen.get(&fleet) {
            spared.insert(at, Reason::SiblingChosen { group: sibling.clone() });
        } else if before.saturating_add(kills).saturating_add(asked) > run {
            spared.insert(at, Reason::RunCap { asked, cap: run });
        } else if killed.saturating_add(kills).saturating_add(asked) > day {
            spared.insert(at, Reason::AccountCap { kills: killed.saturating_add(kills), asked, cap: day });
        } else {
            kills = kills.saturating_add(asked);
            chosen.insert(fleet, group);
        }
    }
    plans
        .into_iter()
        .enumerate()
        .map(|(at, mut plan)| {
            if let Some(reason) = spared.remove(&at) {
                plan.surveyed.reasons = vec![reason.clone()];
                plan.decision = Decision::Spare(vec![reason]);
            }
            plan
        })
        .collect()
}

/// How many fleets the tick of these plans has struck already, one instance each.
fn struck_before(plans: &[ChaosPlan], present: &Present) -> u32 {
    let slot = plans.iter().find_map(|plan| match plan.strike()?.experiment.trigger {
        Trigger::Tick { slot, .. } => Some(slot),
        Trigger::Command { .. } => None,
    });
    let Some(slot) = slot else { return 0 };
    let struck = |(fleet, last): &(&FleetName, &LastKills)| {
        let id = ExperimentId::new(fleet, slot);
        last.unleashed.iter().chain(&last.leashed).any(|tally| tally.id == id)
    };
    u32::try_from(present.last.iter().filter(struck).count()).unwrap_or(u32::MAX)
}
