//! What was true at each moment? The journal, played back into the state of every instance and address.
//!
//! Nothing here comes from the function's own words, so that it cannot talk itself out of a violation.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use panda_world::{Act, CheckStatus, Entry, FleetSpec, Health, InstanceState, Kind, Lifecycle};

/// The state of the account at one moment.
#[derive(Debug, Default)]
pub(super) struct Truth {
    groups: BTreeMap<String, GroupTruth>,
    lives: BTreeMap<String, Life>,
    /// The fleet's addresses by allocation.
    pub(super) seats: BTreeMap<String, Seat>,
    public_ips: Vec<String>,
    /// The zones of the fleet, those of them that are lost, and until when all of them were.
    zones: BTreeSet<String>,
    lost: BTreeSet<String>,
    dark_until: Option<Timestamp>,
    /// The act that the entries at the same moment follow from.
    act: Option<(Timestamp, Act)>,
}

#[derive(Debug, Default)]
struct GroupTruth {
    desired: u32,
    suspends_launch: bool,
}

/// An instance.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Life {
    pub(super) state: InstanceState,
    /// Its group, when it is a member of one of the fleet.
    pub(super) group: Option<String>,
    /// When it ceased to be a member.
    pub(super) left: Option<Timestamp>,
    pub(super) lifecycle: Lifecycle,
    pub(super) warm: bool,
    pub(super) healthy: bool,
    pub(super) impaired: bool,
    /// Whether its application answers.
    pub(super) answers: bool,
    /// Whether somebody announced that it will go.
    pub(super) leaving: bool,
    /// Since when it is in this EC2 state.
    pub(super) state_since: Timestamp,
    /// Hooks that it waits in, and since when.
    pub(super) waits: BTreeMap<String, Timestamp>,
}

/// An address of the fleet.
#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) public_ip: String,
    pub(super) holder: Option<String>,
    /// Who held it last.
    pub(super) last_holder: Option<String>,
    /// When its holder began to die or to stop, while it holds the address.
    pub(super) holder_died: Option<Timestamp>,
    /// Who answers.
    pub(super) server: Option<String>,
}

/// How fit an instance is to hold an address, the best is 0: the design's tiers, counted from the world's own state.
pub(super) type Fitness = u8;

impl Life {
    /// `None` where it must not hold an address.
    pub(super) fn fitness(&self) -> Option<Fitness> {
        if self.state != InstanceState::Running || self.group.is_none() || self.warm {
            return None;
        }
        match self.lifecycle {
            Lifecycle::Detaching | Lifecycle::Stopped | Lifecycle::Running | Lifecycle::Hibernated => None,
            _ if self.impaired => Some(6),
            lifecycle if lifecycle.is_pending() => Some(5),
            _ if !self.healthy => Some(4),
            Lifecycle::Standby | Lifecycle::EnteringStandby => Some(3),
            lifecycle if lifecycle.is_terminating() => Some(2),
            _ => Some(u8::from(self.leaving)),
        }
    }
}

impl Truth {
    pub(super) fn new(fleet: &FleetSpec) -> Self {
        let groups = fleet.groups.iter().map(|group| {
            let suspends_launch = group.suspended.iter().any(|name| name == "Launch");
            (group.name.clone(), GroupTruth { desired: group.desired, suspends_launch })
        });
        let zones = fleet.groups.iter().flat_map(|group| group.zones.iter().cloned()).collect();
        Self { groups: groups.collect(), public_ips: fleet.addresses.clone(), zones, ..Self::default() }
    }

    pub(super) fn life(&self, instance: &str) -> Option<&Life> {
        self.lives.get(instance)
    }

    /// Whether since then there was a time when all of the fleet's zones were lost: EC2 answered for none, and nobody could look.
    pub(super) fn was_dark_since(&self, since: Timestamp) -> bool {
        self.is_dark() || self.dark_until.is_some_and(|until| until >= since)
    }

    fn is_dark(&self) -> bool {
        !self.zones.is_empty() && self.zones.is_subset(&self.lost)
    }

    /// Whether the association that is being applied comes from a person, not from a call.
    pub(super) fn by_person(&self, at: Timestamp, public_ip: &str) -> bool {
        matches!(&self.act, Some((when, Act::Associate { public_ip: ip, .. })) if *when == at && ip == public_ip)
    }

    /// How many of the fleet's addresses an instance holds.
    pub(super) fn holds(&self, instance: &str) -> usize {
        self.seats.values().filter(|seat| seat.holder.as_deref() == Some(instance)).count()
    }

    /// Whether another instance is booting, or a group has fewer than it is asked to keep.
    pub(super) fn successor_expected(&self) -> bool {
        self.groups.iter().filter(|(_, group)| !group.suspends_launch).any(|(name, group)| {
            let lives = |life: &&Life| matches!(life.state, InstanceState::Running | InstanceState::Pending);
            let members =
                || self.lives.values().filter(|life| life.group.as_ref() == Some(name) && !life.warm).filter(lives);
            let booting = members().filter(|life| life.lifecycle.is_pending()).count();
            let serving = members().filter(|life| life.lifecycle == Lifecycle::InService).count();
            booting > 0 || (group.desired as usize) > booting + serving
        })
    }

    /// Addresses that nobody answers at, whose holder shows that it cannot, while somebody who could serve well holds none.
    /// Each with its holder.
    pub(super) fn neglected(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let shows = |seat: &Seat| {
            let holder = seat.holder.as_ref().and_then(|holder| self.lives.get(holder));
            holder.and_then(Life::fitness).is_none_or(|fitness| fitness == 6)
        };
        let silent = self.seats.iter().filter(move |(_, seat)| seat.server.is_none() && shows(seat));
        let silent: Vec<_> = silent.map(|(allocation, seat)| (allocation.as_str(), seat.holder.as_deref())).collect();
        let could = !silent.is_empty()
            && self.lives.iter().any(|(id, life)| {
                life.answers && life.fitness().is_some_and(|fitness| fitness <= 1) && self.holds(id) == 0
            });
        silent.into_iter().filter(move |_| could)
    }

    /// Plays one entry.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.kind {
            Kind::Act { act } => self.apply_act(at, act),
            Kind::Instance { instance, state } => {
                let founded = !self.lives.contains_key(instance);
                let life = self.life_mut(instance, at);
                life.state = *state;
                life.state_since = at;
                match state {
                    // A fleet is founded in service: no `Ready` announces its instances.
                    InstanceState::Running => life.answers |= founded,
                    InstanceState::Pending => life.impaired = false,
                    InstanceState::Stopped | InstanceState::Terminated => life.answers = false,
                    InstanceState::ShuttingDown | InstanceState::Stopping => {
                        for seat in self.seats.values_mut().filter(|seat| seat.holder.as_ref() == Some(instance)) {
                            seat.holder_died = Some(at);
                        }
                    }
                }
            }
            Kind::Ready { instance } => self.life_mut(instance, at).answers = true,
            Kind::Silent { instance } => self.life_mut(instance, at).answers = false,
            Kind::Checks { instance, status } => {
                self.life_mut(instance, at).impaired = *status == CheckStatus::Impaired;
            }
            Kind::Health { instance, health, .. } => self.life_mut(instance, at).healthy = *health == Health::Healthy,
            Kind::Lifecycle { group, instance, lifecycle, warm } => {
                let ours = self.groups.contains_key(group);
                let life = self.life_mut(instance, at);
                life.group = ours.then(|| group.clone());
                (life.lifecycle, life.warm) = (*lifecycle, *warm);
            }
            Kind::Left { instance, .. } => {
                let life = self.life_mut(instance, at);
                life.group = None;
                life.left = Some(at);
            }
            Kind::HookWaits { instance, hook, .. } => {
                self.life_mut(instance, at).waits.insert(hook.clone(), at);
            }
            Kind::HookAnswered { instance, hook, .. } => {
                self.life_mut(instance, at).waits.remove(hook);
            }
            Kind::Capacity { group, desired, .. } => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.desired = *desired;
                }
            }
            Kind::Associated { allocation, public_ip, instance, .. } if self.public_ips.contains(public_ip) => {
                let seat = self.seats.entry(allocation.clone()).or_default();
                seat.public_ip.clone_from(public_ip);
                seat.holder = Some(instance.clone());
                seat.last_holder = Some(instance.clone());
                seat.holder_died = None;
            }
            Kind::Serving { public_ip, instance } => {
                for seat in self.seats.values_mut().filter(|seat| seat.public_ip == *public_ip) {
                    seat.server.clone_from(instance);
                }
            }
            Kind::Disassociated { allocation, .. } => {
                if let Some(seat) = self.seats.get_mut(allocation) {
                    seat.holder = None;
                }
            }
            _ => {}
        }
    }

    fn apply_act(&mut self, at: Timestamp, act: &str) {
        let Ok(act) = serde_json::from_str::<Act>(act) else { return };
        match &act {
            Act::SpotNotice { instance, .. }
            | Act::Rebalance { instance }
            | Act::ScheduleRetirement { instance, .. } => {
                self.life_mut(instance, at).leaving = true;
            }
            Act::LoseZone { zone, silent: true } => {
                self.lost.insert(zone.clone());
            }
            Act::RestoreZone { zone } => {
                if self.is_dark() {
                    self.dark_until = Some(at);
                }
                self.lost.remove(zone);
            }
            Act::BlueGreen { group, green } => {
                let desired = self.groups.get(group).map_or(0, |group| group.desired);
                self.groups.insert(green.clone(), GroupTruth { desired, suspends_launch: false });
            }
            _ => {}
        }
        self.act = Some((at, act));
    }

    fn life_mut(&mut self, instance: &str, at: Timestamp) -> &mut Life {
        self.lives.entry(instance.to_owned()).or_insert_with(|| Life {
            state: InstanceState::Pending,
            group: None,
            left: None,
            lifecycle: Lifecycle::Pending,
            warm: false,
            healthy: true,
            impaired: false,
            answers: false,
            leaving: false,
            state_since: at,
            waits: BTreeMap::new(),
        })
    }
}
