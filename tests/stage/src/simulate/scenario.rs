//! What happens to the fleet?

mod catalogue;
mod rough;

use std::time::Duration;

use fastrand::Rng;
use panda_world::{Act, Faults, FleetSpec, Instance, InstanceState, Lifecycle, World};

use super::Strategy;

/// Something that happens to a fleet, at a random time and in random variations.
pub struct Scenario {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// What happens, in one line.
    pub about: &'static str,
    /// The strategies that it makes sense for.
    pub strategies: &'static [Strategy],
    play: Play,
}

/// What is played.
#[derive(Clone, Copy)]
enum Play {
    /// A script, until its fleet has healed.
    Script(fn(&mut Rng) -> Script),
    /// A whole year with the panda.
    Year,
    /// Hours of deployments, some of which fail.
    Deployments,
}

impl std::fmt::Debug for Scenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All scenarios.
#[must_use]
pub fn scenarios() -> &'static [Scenario] {
    catalogue::ALL
}

/// The scenario of this name.
#[must_use]
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    scenarios().iter().find(|scenario| scenario.name == name)
}

impl Scenario {
    /// Whether it is a whole year, which takes a thousand times as long as the others.
    #[must_use]
    pub fn is_year(&self) -> bool {
        matches!(self.play, Play::Year)
    }

    /// Whether it is about deployments that fail, and not about an address.
    #[must_use]
    pub fn is_of_deployments(&self) -> bool {
        matches!(self.play, Play::Deployments)
    }

    /// The variation that a seed stands for; `None` if there is no script. Every strategy gets the same.
    pub(super) fn script(&self, seed: u64, strategy: Strategy) -> Option<Script> {
        let Play::Script(script) = self.play else { return None };
        let mut script = script(&mut Rng::with_seed(seed ^ 0x5CE9_A210));
        if strategy == Strategy::BootSteal {
            for group in &mut script.fleet.groups {
                group.boot_steal = script.fleet.addresses.first().cloned();
                // Nobody would answer them.
                group.hooks.clear();
            }
        }
        Some(script)
    }
}

/// One variation of a scenario.
pub(super) struct Script {
    /// The fleet, in health.
    pub(super) fleet: FleetSpec,
    /// What else is in the account, and none of our business.
    pub(super) neighbours: Vec<FleetSpec>,
    /// What is done to it, in order of time.
    pub(super) steps: Vec<Step>,
    /// What goes wrong with calls and deliveries.
    pub(super) faults: Faults,
    /// What must be so, besides the fleet's health, before the run is over.
    pub(super) over: Over,
    /// What this scenario holds `ours` to, besides the laws.
    pub(super) demand: Demand,
}

/// What must be so, besides the fleet's health, before a run is over.
pub(crate) enum Over {
    /// Nothing.
    Healthy,
    /// The blue/green deployment has scaled this group down, to a least size of none.
    Replaced(String),
}

/// What a scenario holds `ours` to, besides the laws.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing.
    Laws,
    /// No address is moved at all.
    NoMoves,
}

/// Something that is done at a time.
pub(super) struct Step {
    /// So long after the first step.
    pub(super) after: Duration,
    /// What.
    pub(super) deed: Deed,
}

/// Something that is done.
pub(super) enum Deed {
    /// As it stands.
    Do(Act),
    /// To an instance that is chosen when the time comes; to nobody if there is none.
    To(Whom, Box<dyn Fn(&Instance) -> Act>),
}

/// An instance, chosen when the time comes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Whom {
    /// The holder of the fleet's n-th address.
    Holder(usize),
    /// The n-th of those in service that hold none.
    Spare(usize),
    /// The n-th of those in standby.
    InStandby(usize),
    /// The n-th of those that are stopped.
    Stopped(usize),
    /// The n-th of those that fail.
    Failing(usize),
    /// One in the warm pool.
    Warm,
    /// One of somebody else.
    Stranger,
    /// The one that the last such deed was done to.
    Last,
}

impl Whom {
    /// Finds the instance. A number beyond the last begins anew.
    pub(super) fn find<'a>(self, world: &'a World, fleet: &FleetSpec, last: Option<&str>) -> Option<&'a Instance> {
        let holders: Vec<&str> = fleet.addresses.iter().filter_map(|ip| world.holder_of(ip)).collect();
        let lifecycle =
            |id: &str| world.groups().find_map(|group| group.members.get(id)).map(|member| member.lifecycle);
        let pick = |n: usize, fits: &dyn Fn(&Instance) -> bool| {
            let fitting: Vec<_> = world
                .instances()
                .filter(|instance| member_of_fleet(world, fleet, &instance.id) && fits(instance))
                .collect();
            n.checked_rem(fitting.len()).and_then(|n| fitting.get(n).copied())
        };
        match self {
            Self::Holder(n) => {
                let ip = fleet.addresses.get(n.checked_rem(fleet.addresses.len())?)?;
                world.instance(world.holder_of(ip)?)
            }
            Self::Spare(n) => pick(n, &|i| {
                i.state == InstanceState::Running
                    && lifecycle(&i.id) == Some(Lifecycle::InService)
                    && !holders.contains(&i.id.as_str())
            }),
            Self::InStandby(n) => pick(n, &|i| lifecycle(&i.id) == Some(Lifecycle::Standby)),
            Self::Stopped(n) => {
                pick(n, &|i| i.state == InstanceState::Stopped && lifecycle(&i.id) == Some(Lifecycle::InService))
            }
            Self::Failing(n) => pick(n, &|i| i.failing),
            Self::Warm => world.groups().flat_map(|group| group.members.values()).find_map(|member| {
                let rests = member.warm && !member.lifecycle.is_pending() && !member.lifecycle.is_terminating();
                rests.then(|| world.instance(&member.instance))?
            }),
            Self::Stranger => world.instances().find(|i| !member_of_fleet(world, fleet, &i.id)),
            Self::Last => world.instance(last?),
        }
    }
}

fn member_of_fleet(world: &World, fleet: &FleetSpec, instance: &str) -> bool {
    groups_of(world, fleet).any(|group| group.members.contains_key(instance))
}

/// The groups that carry the fleet's name now, green copies included.
pub(super) fn groups_of<'a>(world: &'a World, fleet: &'a FleetSpec) -> impl Iterator<Item = &'a panda_world::Group> {
    world.groups().filter(|group| group.tags.get(panda_aws::FLEET_TAG).is_some_and(|(name, _)| *name == fleet.name))
}
