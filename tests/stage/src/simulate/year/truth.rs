//! What was true of each fleet, now and in the minutes before? The world's journal and the deeds that it took, played back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use panda_world::{Act, AlarmState, Entry, Health, InstanceState, Kind, Lifecycle};

use super::fleets::Plan;

/// So long the past is kept: longer than an invocation lasts.
const KEPT: SignedDuration = SignedDuration::from_mins(25);

/// A fleet at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct FleetState {
    pub(super) groups: BTreeMap<String, GroupState>,
    /// Holder of each address.
    pub(super) seats: BTreeMap<String, Option<String>>,
    /// Alarms that exist, and whether they ring.
    pub(super) alarms: BTreeMap<String, bool>,
    /// When the pipeline is done with what runs in it.
    pub(super) busy_until: Option<Timestamp>,
}

/// A group at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupState {
    pub(super) tags: BTreeMap<String, String>,
    pub(super) desired: usize,
    pub(super) maintenance: Option<u32>,
    pub(super) suspended: BTreeSet<String>,
    pub(super) refreshing: bool,
    /// When its deployment ends.
    pub(super) deploying_until: Option<Timestamp>,
    pub(super) members: BTreeMap<String, MemberState>,
}

/// A member at one moment.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "as AWS tells them: each is true or not by itself")]
pub(super) struct MemberState {
    pub(super) lifecycle: Lifecycle,
    pub(super) warm: bool,
    pub(super) healthy: bool,
    /// EC2's word.
    pub(super) running: bool,
    /// Protected from scale-in.
    pub(super) protected: bool,
}

impl MemberState {
    pub(super) fn serves(self) -> bool {
        self.lifecycle == Lifecycle::InService && self.healthy
    }
}

impl GroupState {
    pub(super) fn serving(&self) -> impl Iterator<Item = (&String, &MemberState)> {
        self.members.iter().filter(|(_, member)| member.serves())
    }
}

/// An instance.
#[derive(Debug, Clone)]
struct Life {
    state: InstanceState,
    launched: Option<Timestamp>,
    healthy: bool,
    protected: bool,
    place: Option<(usize, String)>,
    /// When it last began to die, or to leave its group.
    ended: Option<Timestamp>,
}

/// All fleets.
#[derive(Debug)]
pub(super) struct Truth {
    names: Vec<String>,
    groups: BTreeMap<String, usize>,
    lives: BTreeMap<String, Life>,
    now: Vec<FleetState>,
    past: Vec<VecDeque<(Timestamp, FleetState)>>,
}

impl Truth {
    pub(super) fn new(plans: &[Plan], began: Timestamp) -> Self {
        let now: Vec<FleetState> = plans.iter().map(founded).collect();
        let groups = plans.iter().enumerate();
        Self {
            names: plans.iter().map(|plan| plan.spec.name.clone()).collect(),
            groups: groups.flat_map(|(n, plan)| plan.spec.groups.iter().map(move |g| (g.name.clone(), n))).collect(),
            lives: BTreeMap::new(),
            past: now.iter().map(|state| VecDeque::from([(began, state.clone())])).collect(),
            now,
        }
    }

    pub(super) fn fleet(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn state(&self, fleet: usize) -> Option<&FleetState> {
        self.now.get(fleet)
    }

    /// The fleet and the group that an instance is in, or was.
    pub(super) fn place(&self, instance: &str) -> Option<(usize, &str)> {
        self.lives.get(instance)?.place.as_ref().map(|(fleet, group)| (*fleet, group.as_str()))
    }

    pub(super) fn launched(&self, instance: &str) -> Option<Timestamp> {
        self.lives.get(instance)?.launched
    }

    /// Whether this very moment ended an instance, or its service.
    pub(super) fn ended_at(&self, instance: &str, at: Timestamp) -> bool {
        self.lives.get(instance).is_some_and(|life| life.ended == Some(at))
    }

    /// Everything that the fleet was from a moment on, until just before another.
    pub(super) fn between(
        &self,
        fleet: usize,
        from: Timestamp,
        until: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, &FleetState)> {
        let past = self.past.get(fleet);
        let first = past.map_or(0, |past| past.iter().rposition(|(since, _)| *since <= from).unwrap_or(0));
        let all = past.into_iter().flat_map(move |past| past.iter().skip(first));
        // What holds at the beginning began before it.
        all.filter(move |(since, _)| *since < until).map(move |(since, state)| ((*since).max(from), state))
    }

    /// A deed that the world took.
    pub(super) fn deed(&mut self, at: Timestamp, act: &Act) {
        match act {
            Act::TagGroup { group, key, value } => self.group(at, group, |state| {
                match value {
                    Some(value) => state.tags.insert(key.clone(), value.clone()),
                    None => state.tags.remove(key),
                };
            }),
            Act::Suspend { group, names } => {
                self.group(at, group, |state| state.suspended.extend(names.iter().cloned()));
            }
            Act::Resume { group, names } => self.group(at, group, |state| {
                state.suspended.retain(|name| !names.is_empty() && !names.contains(name));
            }),
            Act::StartDeployment { deployment_group, seconds, .. } => self.group(at, deployment_group, |state| {
                let end = at.checked_add(SignedDuration::from_secs(seconds.unwrap_or(0).into())).unwrap_or(at);
                state.deploying_until = Some(end);
            }),
            Act::BeginExecution { pipeline, seconds } => {
                let end = at.checked_add(SignedDuration::from_secs(seconds.unwrap_or(0).into())).unwrap_or(at);
                let fleet = self.names.iter().position(|name| pipeline.starts_with(name.as_str()));
                self.change(at, fleet, |state| state.busy_until = state.busy_until.max(Some(end)));
            }
            Act::SetAlarm { name, state } => self.alarm(at, name, Some(*state == AlarmState::Alarm)),
            Act::PutAlarm { alarm } => self.alarm(at, &alarm.name, Some(alarm.state == AlarmState::Alarm)),
            Act::DeleteAlarm { name } => self.alarm(at, name, None),
            Act::ProtectFromScaleIn { instance, protected } => {
                if let Some(life) = self.lives.get_mut(instance) {
                    life.protected = *protected;
                }
                self.member(at, instance, |member| member.protected = *protected);
            }
            _ => {}
        }
    }

    /// An entry of the world's journal.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.kind {
            Kind::Instance { instance, state } => {
                let life = self.lives.entry(instance.clone()).or_insert_with(Life::new);
                if *state == InstanceState::Pending {
                    life.launched = Some(at);
                }
                if life.state == InstanceState::Running && *state != InstanceState::Running {
                    life.ended = Some(at);
                }
                life.state = *state;
                self.member(at, instance, |member| member.running = *state == InstanceState::Running);
            }
            Kind::Health { instance, health, .. } => {
                let healthy = *health == Health::Healthy;
                self.lives.entry(instance.clone()).or_insert_with(Life::new).healthy = healthy;
                self.member(at, instance, |member| member.healthy = healthy);
            }
            Kind::Lifecycle { group, instance, lifecycle, warm } => {
                let Some(fleet) = self.groups.get(group).copied() else { return };
                let life = self.lives.entry(instance.clone()).or_insert_with(Life::new);
                life.place = Some((fleet, group.clone()));
                if lifecycle.is_terminating() {
                    life.ended.get_or_insert(at);
                }
                let member = MemberState {
                    lifecycle: *lifecycle,
                    warm: *warm,
                    healthy: life.healthy,
                    running: life.state == InstanceState::Running,
                    protected: life.protected,
                };
                self.group(at, group, |state| {
                    state.members.insert(instance.clone(), member);
                });
            }
            Kind::Left { group, instance } => self.group(at, group, |state| {
                state.members.remove(instance);
            }),
            Kind::Forgotten { instance } => {
                self.lives.remove(instance);
            }
            Kind::Capacity { group, desired, .. } => self.group(at, group, |state| state.desired = *desired as usize),
            Kind::Group { group, change } => {
                if let Some(refresh) = change.strip_prefix("instance refresh ") {
                    let over = ["Succeeded", "Cancelled", "Failed"].iter().any(|word| refresh.ends_with(word));
                    self.group(at, group, |state| state.refreshing = !over);
                }
            }
            Kind::Associated { public_ip, instance, .. } => self.seat(at, public_ip, Some(instance)),
            Kind::Disassociated { public_ip, .. } => self.seat(at, public_ip, None),
            _ => {}
        }
    }

    fn seat(&mut self, at: Timestamp, public_ip: &str, holder: Option<&String>) {
        let fleet = self.now.iter().position(|state| state.seats.contains_key(public_ip));
        self.change(at, fleet, |state| {
            state.seats.insert(public_ip.to_owned(), holder.cloned());
        });
    }

    fn alarm(&mut self, at: Timestamp, name: &str, rings: Option<bool>) {
        let fleet = self.names.iter().position(|fleet| name.starts_with(fleet.as_str()));
        self.change(at, fleet, |state| {
            match rings {
                Some(rings) => state.alarms.insert(name.to_owned(), rings),
                None => state.alarms.remove(name),
            };
        });
    }

    fn member(&mut self, at: Timestamp, instance: &str, change: impl FnOnce(&mut MemberState)) {
        let Some((_, group)) = self.lives.get(instance).and_then(|life| life.place.clone()) else { return };
        self.group(at, &group, |state| {
            if let Some(member) = state.members.get_mut(instance) {
                change(member);
            }
        });
    }

    fn group(&mut self, at: Timestamp, group: &str, change: impl FnOnce(&mut GroupState)) {
        self.change(at, self.groups.get(group).copied(), |state| {
            if let Some(group) = state.groups.get_mut(group) {
                change(group);
            }
        });
    }

    fn change(&mut self, at: Timestamp, fleet: Option<usize>, change: impl FnOnce(&mut FleetState)) {
        let Some(fleet) = fleet else { return };
        let (Some(state), Some(past)) = (self.now.get_mut(fleet), self.past.get_mut(fleet)) else { return };
        change(state);
        match past.back_mut() {
            Some((since, last)) if *since == at => last.clone_from(state),
            _ => past.push_back((at, state.clone())),
        }
        let horizon = at.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        while past.get(1).is_some_and(|(since, _)| *since <= horizon) {
            past.pop_front();
        }
    }
}

impl Life {
    fn new() -> Self {
        let state = InstanceState::Pending;
        Self { state, launched: None, healthy: true, protected: false, place: None, ended: None }
    }
}

fn founded(plan: &Plan) -> FleetState {
    let group = |spec: &panda_world::GroupSpec| GroupState {
        tags: {
            let mut tags = spec.tags.clone();
            tags.insert(panda_domain::chaos::tags::FLEET.to_owned(), plan.spec.name.clone());
            tags
        },
        desired: spec.desired as usize,
        maintenance: spec.maintenance.map(|policy| policy.min_percent),
        ..GroupState::default()
    };
    FleetState {
        groups: plan.spec.groups.iter().map(|spec| (spec.name.clone(), group(spec))).collect(),
        seats: plan.spec.addresses.iter().map(|public_ip| (public_ip.clone(), None)).collect(),
        alarms: plan.spec.alarms.iter().map(|alarm| (alarm.name.clone(), false)).collect(),
        busy_until: None,
    }
}
