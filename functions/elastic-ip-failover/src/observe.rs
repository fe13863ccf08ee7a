//! What do the fleets look like now?
//!
//! Reads run at the same time. What an event is about decides how much is read: a warm function knows whose member an instance is and reads
//! that fleet in one round; a cold one reads addresses and groups first, and the instances of the fleets that are concerned after that. An
//! event that concerns no fleet ends after the first round. Where the account's groups fill more than a page, a cold function asks whose the
//! instance is before it reads the one fleet. Where EC2 does not answer for an Availability Zone, the others are asked for one by one.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use jiff::Timestamp;
use panda_aws::{Aws, AwsError, Focus, addresses, groups, instances, lifecycle};
use panda_domain::{
    event::{Concern, Transition},
    failover::{Address, Evidence, FleetSnapshot, Group, Hook, Instance, Lifecycle, Member, Step},
    ids::{FleetName, GroupName, InstanceId},
};
use tracing::warn;

use crate::memory::Memory;

/// What the reads show.
#[derive(Default)]
pub(crate) struct Observation {
    /// The fleets that the event concerns, complete.
    pub(crate) fleets: Vec<FleetSnapshot>,
    /// All other fleets of the account, if all were read; of their instances only the names.
    pub(crate) others: Option<Vec<FleetSnapshot>>,
    /// The hooks that were read for this.
    pub(crate) hooks: BTreeMap<GroupName, Vec<Hook>>,
    /// The account's groups fill more than a page.
    pub(crate) crowd: bool,
}

/// How many groups' hooks one look reads: each costs a call, and a burst of them would use up the account's request limit, also for those
/// that people wait for. The next look reads others; whoever is woken by a hook reads that one in any case.
const MOST_HOOKS: usize = 30;

/// What is read before it is known which fleets are concerned.
struct FirstReads {
    addresses: Vec<(FleetName, Address)>,
    groups: Vec<(FleetName, Group)>,
    /// `None` where EC2 did not answer, perhaps because of one zone.
    instances: Option<BTreeMap<InstanceId, Instance>>,
    hooks: BTreeMap<GroupName, Vec<Hook>>,
    impaired: Option<BTreeSet<InstanceId>>,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) aws: &'a Aws,
    pub(crate) memory: &'a Memory,
    /// What the event is about.
    pub(crate) concern: &'a Concern,
    pub(crate) evidence: &'a Evidence,
    /// Leaves out the status checks, which cannot change what a death demands.
    pub(crate) quick: bool,
    pub(crate) now: Timestamp,
}

/// Reads the fleets that an event is about.
///
/// # Errors
/// When a read that the decision needs was not answered. Without status checks or hooks the decision is still better than none, so
/// trouble with those is logged and endured.
pub(crate) async fn observe(question: &Question<'_>) -> Result<Observation, AwsError> {
    let Question { memory, concern, .. } = *question;
    if let Some(fleet) = memory.fleet_of(concern) {
        let focus = Focus::Fleet(fleet.clone());
        if let Some(first) = read_first(question, &focus).await? {
            let (fleets, _) = assemble(&first, question, &focus);
            // If there is nothing, what we remembered is not so any more: the group was deleted, or moved to another fleet.
            if !fleets.is_empty() {
                return complete(question, fleets, first, None).await;
            }
        }
    }
    let single = match concern {
        Concern::Everything => false,
        Concern::Group(_) => true,
        Concern::Instances(ids) => ids.len() == 1,
    };
    if !(single && memory.is_crowded())
        && let Some(first) = read_first(question, &Focus::EveryFleet).await?
    {
        let (fleets, others) = assemble(&first, question, &Focus::EveryFleet);
        return complete(question, fleets, first, Some(others)).await;
    }
    // Ten pages for one event, and the same for each of its neighbours, would use up the request limit that all of them need.
    let mut seen = match seek(question).await? {
        None => Observation::default(),
        Some(fleet) => {
            let focus = Focus::Fleet(fleet);
            match read_first(question, &focus).await? {
                Some(first) => complete(question, assemble(&first, question, &focus).0, first, None).await?,
                None => Observation::default(),
            }
        }
    };
    seen.crowd = true;
    Ok(seen)
}

/// Everybody's names, for the next events: after them each costs one fleet's reads, and no search. Gives nothing where AWS is busy.
pub(crate) async fn study(aws: &Aws, now: Timestamp) -> Option<Vec<FleetSnapshot>> {
    let mut fleets: BTreeMap<FleetName, FleetSnapshot> = BTreeMap::new();
    for (name, group) in endure(groups::describe_groups(aws, &Focus::EveryFleet).await)? {
        fleets.entry(name.clone()).or_insert_with(|| bare(&name, now)).groups.push(group);
    }
    Some(fleets.into_values().collect())
}

/// The fleet of the one instance or group that the event is about, without reading all groups.
async fn seek(question: &Question<'_>) -> Result<Option<FleetName>, AwsError> {
    let Question { aws, concern, .. } = *question;
    let group = match concern {
        Concern::Everything => None,
        Concern::Group(group) => Some(group.clone()),
        Concern::Instances(ids) => {
            let Some(id) = ids.first() else { return Ok(None) };
            let everywhere = addresses::describe_addresses(aws, &Focus::EveryFleet);
            let (addresses, group) = tokio::join!(everywhere, instances::group_of(aws, id));
            let holds =
                |address: &Address| address.association.as_ref().and_then(|on| on.instance.as_ref()) == Some(id);
            if let Some((fleet, _)) = addresses?.into_iter().find(|(_, address)| holds(address)) {
                return Ok(Some(fleet));
            }
            group?
        }
    };
    match group {
        Some(group) => groups::fleet_of(aws, &group).await,
        None => Ok(None),
    }
}

/// `None` if a single event asked for all groups and they fill more than a page.
async fn read_first(question: &Question<'_>, focus: &Focus) -> Result<Option<FirstReads>, AwsError> {
    let Question { aws, memory, concern, evidence, quick, now } = *question;
    let guessed = async {
        let told: BTreeSet<GroupName>;
        let groups = match (focus, concern) {
            (Focus::Fleet(fleet), _) => memory.groups_of(fleet),
            (Focus::EveryFleet, Concern::Group(group)) => {
                told = BTreeSet::from([group.clone()]);
                Some(&told)
            }
            (Focus::EveryFleet, _) => None,
        };
        match groups {
            Some(groups) if !groups.is_empty() => {
                unless_a_zone(instances::describe_instances(aws, instances::Which::OfGroups(groups)).await)
            }
            _ => Ok(Some(BTreeMap::new())),
        }
    };
    let impaired = async {
        // An account-wide event that probably concerns nobody is not worth more than the two reads that tell.
        let gate = matches!((focus, concern), (Focus::EveryFleet, Concern::Instances(_)));
        if quick || gate { None } else { endure(instances::describe_impaired(aws).await) }
    };
    let hooks = async {
        match &evidence.waiting {
            // A list that lacks the hook is older than the hook.
            Some(told)
                if told.transition == Transition::Terminating
                    && !memory
                        .hooks_of(&told.group, now)
                        .is_some_and(|hooks| hooks.iter().any(|hook| hook.name == told.hook)) =>
            {
                let hooks = endure(lifecycle::describe_hooks(aws, &told.group).await);
                hooks.map(|hooks| (told.group.clone(), hooks))
            }
            _ => None,
        }
    };
    let groups = async {
        let several = matches!(concern, Concern::Instances(ids) if ids.len() > 1);
        if *focus == Focus::EveryFleet && *concern != Concern::Everything && !several {
            groups::describe_few_groups(aws, focus).await
        } else {
            groups::describe_groups(aws, focus).await.map(Some)
        }
    };
    let (addresses, groups, instances, impaired, hooks) =
        tokio::join!(addresses::describe_addresses(aws, focus), groups, guessed, impaired, hooks,);
    let (addresses, instances) = (addresses?, instances?);
    let hooks = hooks.into_iter().collect();
    Ok(groups?.map(|groups| FirstReads { addresses, groups, instances, hooks, impaired }))
}

/// A fleet of which only the name is known.
fn bare(name: &FleetName, at: Timestamp) -> FleetSnapshot {
    let (addresses, groups, instances) = (Vec::new(), Vec::new(), BTreeMap::new());
    FleetSnapshot { name: name.clone(), at, addresses, groups, instances, silent: BTreeSet::new() }
}

/// Sorts what was read into the fleets that are concerned, and the others.
fn assemble(first: &FirstReads, question: &Question<'_>, focus: &Focus) -> (Vec<FleetSnapshot>, Vec<FleetSnapshot>) {
    let Question { concern, now, .. } = *question;
    let mut fleets: BTreeMap<&FleetName, FleetSnapshot> = BTreeMap::new();
    for (name, address) in &first.addresses {
        fleets.entry(name).or_insert_with(|| bare(name, now)).addresses.push(address.clone());
    }
    for (name, group) in &first.groups {
        fleets.entry(name).or_insert_with(|| bare(name, now)).groups.push(group.clone());
    }
    // An instance that we remember in a fleet concerns it, also when Auto Scaling has dropped it already: its address may be free now.
    let remembered = matches!((focus, concern), (Focus::Fleet(_), Concern::Instances(_)));
    let there = |fleet: &FleetSnapshot| !fleet.groups.is_empty();
    fleets.into_values().partition(|fleet| (remembered && there(fleet)) || concerns(concern, fleet))
}

fn concerns(concern: &Concern, fleet: &FleetSnapshot) -> bool {
    match concern {
        Concern::Everything => true,
        Concern::Group(name) => fleet.groups.iter().any(|group| group.name == *name),
        Concern::Instances(ids) => {
            let holds = |address: &Address| {
                address
                    .association
                    .as_ref()
                    .and_then(|association| association.instance.as_ref())
                    .is_some_and(|id| ids.contains(id))
            };
            fleet.addresses.iter().any(holds) || fleet.members().any(|(_, member)| ids.contains(&member.instance))
        }
    }
}

/// Reads what is still missing of the fleets that are concerned.
async fn complete(
    question: &Question<'_>,
    mut fleets: Vec<FleetSnapshot>,
    first: FirstReads,
    others: Option<Vec<FleetSnapshot>>,
) -> Result<Observation, AwsError> {
    let Question { aws, memory, evidence, quick, now, .. } = *question;
    let seen = |member: &Member| first.instances.as_ref().is_some_and(|seen| seen.contains_key(&member.instance));
    let missing: Vec<&Member> = fleets
        .iter()
        .flat_map(FleetSnapshot::members)
        .map(|(_, member)| member)
        .filter(|member| !seen(member))
        .collect();
    let mut waiting: Vec<&Group> = fleets
        .iter()
        .flat_map(|fleet| &fleet.groups)
        .filter(|group| !quick && group.members.iter().any(|member| member.lifecycle.waits()))
        .collect();
    // Who leaves may take an address along; who comes only waits a little longer.
    waiting.sort_by_key(|group| !group.members.iter().any(|member| leaves(&member.lifecycle)));
    let unread = waiting
        .iter()
        .map(|group| &group.name)
        .filter(|group| !first.hooks.contains_key(*group) && memory.hooks_of(group, now).is_none());
    let unread: Vec<GroupName> = unread.take(MOST_HOOKS).cloned().collect();
    let told = evidence.waiting.as_ref().map(|told| &told.group);
    let waiting: BTreeSet<GroupName> = waiting.into_iter().map(|group| &group.name).chain(told).cloned().collect();
    let late_impaired = async {
        if quick || first.impaired.is_some() || fleets_are_empty(&fleets) {
            None
        } else {
            endure(instances::describe_impaired(aws).await)
        }
    };
    // After a death, who is missing is mostly the dead one itself, of whom nothing more need be known. Everybody else must be: a living
    // holder that was not read would lose its address, and the one spare would not get it.
    let enough = quick && missing.iter().all(|member| evidence.dead.contains(&member.instance));
    let zonal = first.instances.is_none();
    let late_instances = async {
        if missing.is_empty() || enough {
            return Ok(ByZone::default());
        }
        if !zonal {
            let ids = missing.iter().map(|member| member.instance.clone()).collect();
            let read = instances::describe_instances(aws, instances::Which::Ids(&ids)).await;
            if let Some(instances) = unless_a_zone(read)? {
                return Ok(ByZone { instances, silent: BTreeSet::new() });
            }
        }
        ask_by_zone(aws, &missing).await
    };
    let late_hooks =
        join_all(unread.iter().map(async |group| {
            endure(lifecycle::describe_hooks(aws, group).await).map(|hooks| (group.clone(), hooks))
        }));
    let (more, impaired, hooks) = tokio::join!(late_instances, late_impaired, late_hooks);
    let FirstReads { instances, hooks: mut read_hooks, impaired: first_impaired, .. } = first;
    let ByZone { instances: more, silent } = more?;
    let mut instances = instances.unwrap_or_default();
    instances.extend(more);
    read_hooks.extend(hooks.into_iter().flatten());
    for id in first_impaired.or(impaired).unwrap_or_default() {
        if let Some(instance) = instances.get_mut(&id) {
            instance.impaired = true;
        }
    }
    for fleet in &mut fleets {
        let members: Vec<InstanceId> = fleet.members().map(|(_, member)| member.instance.clone()).collect();
        fleet.instances = members
            .into_iter()
            .filter_map(|id| instances.get_key_value(&id))
            .map(|(id, instance)| (id.clone(), instance.clone()))
            .collect();
        fleet.silent.clone_from(&silent);
        for group in &mut fleet.groups {
            let read = read_hooks.get(&group.name).map(Vec::as_slice);
            let remembered = || memory.hooks_of(&group.name, now).filter(|_| waiting.contains(&group.name));
            group.hooks = read.or_else(remembered).unwrap_or_default().to_vec();
        }
    }
    Ok(Observation { fleets, others, hooks: read_hooks, crowd: false })
}

/// What EC2 says of instances, but for the zones that it does not answer for.
#[derive(Default)]
struct ByZone {
    instances: BTreeMap<InstanceId, Instance>,
    silent: BTreeSet<String>,
}

/// Names the members of each zone in a call of their own, all at the same time: so the other zones are still answered for while one is
/// disrupted.
///
/// # Errors
/// When no zone is answered for: then it is not a zone's trouble. And when EC2 refuses for a reason that no zone has.
async fn ask_by_zone(aws: &Aws, members: &[&Member]) -> Result<ByZone, AwsError> {
    let mut zones: BTreeMap<&str, BTreeSet<InstanceId>> = BTreeMap::new();
    for member in members {
        zones.entry(&member.zone).or_default().insert(member.instance.clone());
    }
    let asked = zones.iter().map(|(zone, ids)| async move { (*zone, instances::describe_named(aws, ids).await) });
    let mut seen = ByZone::default();
    let mut failed = None;
    for (zone, answer) in join_all(asked).await {
        match answer {
            Ok(instances) => seen.instances.extend(instances),
            Err(error) if instances::may_be_a_zones(&error) => {
                warn!(zone, aws.operation = error.operation, "EC2 does not answer for a zone: {error}");
                seen.silent.insert(zone.to_owned());
                failed = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match failed {
        Some(error) if seen.silent.len() == zones.len() => Err(error),
        _ => Ok(seen),
    }
}

/// `None` for a read of instances that may have failed because of one zone.
fn unless_a_zone<T>(read: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if instances::may_be_a_zones(&error) => {
            warn!(aws.operation = error.operation, "Will ask zone by zone: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn leaves(lifecycle: &Lifecycle) -> bool {
    matches!(lifecycle, Lifecycle::Terminating(Step::Wait) | Lifecycle::RootVolume(Step::Wait))
}

fn fleets_are_empty(fleets: &[FleetSnapshot]) -> bool {
    fleets.iter().all(|fleet| fleet.members().next().is_none())
}

/// Goes on without a read that only refines the decision.
fn endure<T>(result: Result<T, AwsError>) -> Option<T> {
    result.inspect_err(|error| warn!(aws.operation = error.operation, "Went on without a read: {error}")).ok()
}
