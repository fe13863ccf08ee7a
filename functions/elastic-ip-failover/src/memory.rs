//! What does a warm function remember from one event to the next?
//!
//! Only what saves calls; nothing here is ever taken for the truth, and a cold start without it decides the same.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_aws::groups;
use panda_domain::{
    event::Concern,
    failover::{Association, FleetSnapshot, Hook, Move},
    ids::{AllocationId, FleetName, GroupName, HookName, InstanceId},
};

/// How long our own write outweighs a read that does not show it yet. Reads of addresses were seen to lag by seconds
/// ([terraform-provider-aws#16808](https://github.com/hashicorp/terraform-provider-aws/issues/16808)).
const READ_LAG: SignedDuration = SignedDuration::from_secs(5);

/// How long completed lifecycle actions and deaths are remembered; longer than reads lag, and than any decision depends on it.
const KEPT: SignedDuration = SignedDuration::from_mins(10);

/// How long a group's hooks are taken for what they were: people change them once in months, and an action that waits keeps the heartbeat
/// that it began with. Auto Scaling tells of one group's hooks at a time, and when a zone is lost hundreds of groups wait at once.
const HOOKS_KEPT: SignedDuration = SignedDuration::from_mins(5);

/// How long a read of all groups beside an event's own is not tried again. Whether it was refused, or an instance came since that it did not
/// show: the sweep's environment learns everything each minute, and the others get along without.
const STUDY_AGAIN: SignedDuration = SignedDuration::from_mins(2);

/// What earlier invocations of this environment saw and did.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Who was in which fleet.
    rosters: BTreeMap<FleetName, Roster>,
    /// Whether the account's groups fill more than a page.
    crowded: bool,
    /// When it was last tried to get to know them all.
    studied: Option<Timestamp>,
    /// The groups' lifecycle hooks, and when they were read.
    hooks: BTreeMap<GroupName, (Vec<Hook>, Timestamp)>,
    /// Lifecycle actions that we completed.
    answered: BTreeMap<(InstanceId, HookName), Timestamp>,
    /// Instances that an event reported dead. There is no way back, whatever a later read says.
    dead: BTreeMap<InstanceId, Timestamp>,
    /// Addresses that we just moved.
    moved: BTreeMap<AllocationId, (Association, Timestamp)>,
}

#[derive(Debug, Default)]
struct Roster {
    groups: BTreeSet<GroupName>,
    members: BTreeSet<InstanceId>,
    holders: BTreeSet<InstanceId>,
}

impl Memory {
    /// The fleet that something belonged to when we last looked.
    pub(crate) fn fleet_of(&self, concern: &Concern) -> Option<&FleetName> {
        let knows = |roster: &Roster| match concern {
            Concern::Everything => false,
            Concern::Group(group) => roster.groups.contains(group),
            Concern::Instances(ids) => {
                // One event about several instances may concern several fleets: then everything is read.
                ids.len() == 1 && ids.iter().all(|id| roster.members.contains(id) || roster.holders.contains(id))
            }
        };
        self.rosters.iter().find(|(_, roster)| knows(roster)).map(|(fleet, _)| fleet)
    }

    /// The groups of a fleet when we last looked.
    pub(crate) fn groups_of(&self, fleet: &FleetName) -> Option<&BTreeSet<GroupName>> {
        self.rosters.get(fleet).map(|roster| &roster.groups)
    }

    /// Remembers who is in a fleet.
    pub(crate) fn saw(&mut self, fleet: &FleetSnapshot) {
        let holders = fleet.addresses.iter().filter_map(|address| address.association.as_ref()?.instance.clone());
        let roster = Roster {
            groups: fleet.groups.iter().map(|group| group.name.clone()).collect(),
            members: fleet.members().map(|(_, member)| member.instance.clone()).collect(),
            holders: holders.collect(),
        };
        self.rosters.insert(fleet.name.clone(), roster);
    }

    /// Whether the account's groups fill more than a page, as far as we know.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Remembers that they do. Whether it is time to get to know them all, now that the event is done with.
    pub(crate) fn met_a_crowd(&mut self, now: Timestamp) -> bool {
        self.crowded = true;
        let due = self.studied.is_none_or(|at| now.duration_since(at) >= STUDY_AGAIN);
        if due {
            self.studied = Some(now);
        }
        due
    }

    /// Remembers who is in which fleet, and forgets every other fleet, after a look at all of them.
    pub(crate) fn saw_all<'a>(&mut self, seen: impl Iterator<Item = &'a FleetSnapshot>) {
        self.rosters.clear();
        for fleet in seen {
            self.saw(fleet);
        }
        self.crowded =
            self.rosters.values().map(|roster| roster.groups.len()).sum::<usize>() > usize::from(groups::PAGE);
    }

    /// Remembers the hooks of groups that were just read. A group without any may be about to get its first.
    pub(crate) fn read_hooks(&mut self, read: BTreeMap<GroupName, Vec<Hook>>, now: Timestamp) {
        self.hooks.retain(|_, (_, at)| now.duration_since(*at) < HOOKS_KEPT);
        let read = read.into_iter().filter(|(_, hooks)| !hooks.is_empty());
        self.hooks.extend(read.map(|(group, hooks)| (group, (hooks, now))));
    }

    /// The hooks of a group, if they were read not long ago.
    pub(crate) fn hooks_of(&self, group: &GroupName, now: Timestamp) -> Option<&[Hook]> {
        let (hooks, at) = self.hooks.get(group)?;
        (now.duration_since(*at) < HOOKS_KEPT).then_some(hooks)
    }

    /// Remembers a completed lifecycle action.
    pub(crate) fn completed(&mut self, instance: &InstanceId, hook: &HookName, at: Timestamp) {
        self.answered.insert((instance.clone(), hook.clone()), at);
    }

    /// The lifecycle actions that we completed.
    pub(crate) fn answered(&mut self, now: Timestamp) -> BTreeMap<(InstanceId, HookName), Timestamp> {
        self.answered.retain(|_, at| now.duration_since(*at) < KEPT);
        self.answered.clone()
    }

    /// Remembers deaths that an event reported, and gives all that are remembered.
    pub(crate) fn dead(&mut self, told: &BTreeSet<InstanceId>, now: Timestamp) -> BTreeSet<InstanceId> {
        self.dead.extend(told.iter().map(|instance| (instance.clone(), now)));
        self.dead.retain(|_, at| now.duration_since(*at) < KEPT);
        self.dead.keys().cloned().collect()
    }

    /// Remembers a move.
    pub(crate) fn moved(&mut self, moved: &Move, association: Association, at: Timestamp) {
        self.moved.insert(moved.allocation.clone(), (association, at));
    }

    /// Puts our own fresh writes over reads that may not show them yet.
    pub(crate) fn overlay(&mut self, fleet: &mut FleetSnapshot) {
        self.moved.retain(|_, (_, at)| fleet.at.duration_since(*at) < READ_LAG);
        for address in &mut fleet.addresses {
            if let Some((association, _)) = self.moved.get(&address.allocation) {
                address.association = Some(association.clone());
            }
        }
    }
}
