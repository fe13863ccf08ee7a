//! What should be written, and why?

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::SignedDuration;

use super::{
    Evidence, FleetSnapshot, HookAnswer, Ineligible, Leaving, LeavingReason, Lifecycle, Problem, Tier, hooks, problem,
    tier,
};
use crate::{
    failover::Answer,
    ids::{AllocationId, FleetName, GroupName, InstanceId, NetworkInterfaceId},
};

/// The constants of the plan, set by the deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What the names of our lifecycle hooks begin with. Other hooks are somebody else's to answer.
    pub hook_prefix: String,
    /// The longest time that a terminate hook is held while the leaving instance is the only server.
    pub hold: SignedDuration,
    /// How long the network takes to follow an association; so long the old holder is kept alive after a move.
    pub settle: SignedDuration,
}

/// How much the plan may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Full,
    /// Only addresses that no living holder has. For the quick look after a death, which leaves out the reads of status checks: so it
    /// compares no living holder with another one. A look at everything follows.
    Rescue,
}

/// What to write for one fleet, in the order of the fields, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPlan {
    /// The fleet.
    pub fleet: FleetName,
    /// Addresses to move.
    pub moves: Vec<Move>,
    /// Instances to mark as leaving.
    pub marks: Vec<Mark>,
    /// Dead members to report to Auto Scaling, which would find out by itself, minutes later.
    pub nudges: Vec<Nudge>,
    /// Lifecycle actions to complete, or to hold.
    pub answers: Vec<HookAnswer>,
    /// What becomes of every address.
    pub verdicts: Vec<Verdict>,
    /// What a person should mend.
    pub problems: Vec<Problem>,
}

/// An address to put on an instance, by one `AssociateAddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The address.
    pub allocation: AllocationId,
    /// The address in dotted form.
    pub public_ip: String,
    /// The instance that has it now.
    pub from: Option<InstanceId>,
    /// The instance that gets it.
    pub to: InstanceId,
    /// That instance's primary network interface.
    pub interface: NetworkInterfaceId,
    /// Whether the address was seen unassociated. Then the call must not take it from anybody (`AllowReassociation=false`, the only
    /// compare-and-swap that EC2 offers here); otherwise it must, in one call and without a gap.
    pub seen_free: bool,
    /// Why.
    pub reason: MoveReason,
}

/// Why an address moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveReason {
    /// It is nowhere.
    Unassociated,
    /// Its holder cannot serve.
    Holder(Ineligible),
    /// It is on a network interface without an instance.
    BareInterface,
    /// Its holder has another address of the fleet.
    Surplus,
    /// There is an instance of a better tier.
    Better {
        /// The holder's tier.
        from: Tier,
        /// The tier of the instance that gets it.
        to: Tier,
    },
}

impl fmt::Display for MoveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unassociated => f.write_str("nobody holds it"),
            Self::Holder(why) => write!(f, "its holder is {why}"),
            Self::BareInterface => f.write_str("it is on a network interface without an instance"),
            Self::Surplus => f.write_str("its holder has another address of the fleet"),
            Self::Better { from, to } => write!(f, "its holder is {from}, and the other is {to}"),
        }
    }
}

/// A [`Leaving`] to write down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The instance to tag.
    pub instance: InstanceId,
    /// What to write.
    pub leaving: Leaving,
}

/// A dead member that Auto Scaling still counts as in service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nudge {
    /// Its group.
    pub group: GroupName,
    /// The member.
    pub instance: InstanceId,
    /// How we know that it is dead.
    pub reason: Ineligible,
}

/// What becomes of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The address.
    pub allocation: AllocationId,
    /// The instance that has it now.
    pub holder: Option<InstanceId>,
    /// What becomes of it.
    pub standing: Standing,
}

/// What becomes of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It stays, because nobody is better than its holder, who is in this tier.
    Stays(Tier),
    /// It moves.
    Moves,
    /// Somebody else placed it a moment ago, and the reads do not show where yet.
    Placed,
    /// It cannot serve where it is, and there is nobody to take it.
    Stranded(MoveReason),
}

/// Where an address is, judged.
enum Seat {
    Free,
    Interface,
    On(InstanceId, Result<Tier, Ineligible>),
}

impl Seat {
    fn holder(&self) -> Option<&InstanceId> {
        match self {
            Self::On(holder, _) => Some(holder),
            Self::Free | Self::Interface => None,
        }
    }
}

/// Decides for one fleet.
///
/// The laws are listed at [`failover`](crate::failover). `evidence` may concern other fleets too; what it says of strangers has no effect.
#[must_use]
pub fn plan(fleet: &FleetSnapshot, evidence: &Evidence, rules: &Rules, scope: Scope) -> FleetPlan {
    let eligible = eligible(fleet, evidence);
    let (moves, verdicts) = place(fleet, evidence, &eligible, scope);
    let answers = hooks::answer(fleet, evidence, rules, &moves);
    FleetPlan {
        fleet: fleet.name.clone(),
        marks: marks(fleet, evidence, &answers),
        nudges: nudges(fleet, evidence),
        verdicts,
        problems: problem::of_fleet(fleet, evidence, eligible.len()),
        moves,
        answers,
    }
}

impl FleetPlan {
    /// Whether carrying out the plan writes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.moves.is_empty()
            && self.marks.is_empty()
            && self.nudges.is_empty()
            && self.answers.iter().all(|answer| matches!(answer.answer, Answer::Hold { .. }))
    }
}

/// The instances that may hold an address, best first: by tier; among equals the ones that hold one already, so that nothing moves without
/// need; then the newer version of the same launch template, which a refresh will not replace next; then the one that has proved itself
/// longest.
fn eligible(fleet: &FleetSnapshot, evidence: &Evidence) -> Vec<(InstanceId, Tier)> {
    let holders = tier::holders(fleet);
    let comparable = {
        let templates: BTreeSet<Option<&str>> =
            fleet.members().map(|(_, member)| member.template.as_ref().map(|template| template.id.as_str())).collect();
        templates.len() == 1
    };
    let mut ranked: Vec<_> = fleet
        .members()
        .filter_map(|(_, member)| {
            let tier = tier::of_member(fleet, evidence, member).ok()?;
            let version = member.template.as_ref().filter(|_| comparable).map_or(0, |template| template.version);
            let launched = fleet.instances.get(&member.instance)?.launched;
            let holds = holders.contains(&member.instance);
            Some(((tier, Reverse(holds), Reverse(version), launched, &member.instance), tier))
        })
        .collect();
    ranked.sort();
    ranked.dedup_by(|a, b| a.0.4 == b.0.4);
    ranked.into_iter().map(|((.., id), tier)| (id.clone(), tier)).collect()
}

fn place(
    fleet: &FleetSnapshot,
    evidence: &Evidence,
    eligible: &[(InstanceId, Tier)],
    scope: Scope,
) -> (Vec<Move>, Vec<Verdict>) {
    let mut addresses: Vec<_> =
        fleet.addresses.iter().map(|address| (address, seat(fleet, evidence, address))).collect();
    addresses.sort_by(|(a, _), (b, _)| a.allocation.cmp(&b.allocation));

    let wanted = match scope {
        Scope::Full => addresses.len(),
        Scope::Rescue => eligible.len(),
    };
    let targets: BTreeSet<&InstanceId> = eligible.iter().take(wanted).map(|(id, _)| id).collect();

    // Who keeps what: the first address of each eligible holder stays with it, for now.
    let mut kept: BTreeMap<&InstanceId, &AllocationId> = BTreeMap::new();
    for (address, seat) in &addresses {
        if let Seat::On(holder, Ok(_)) = seat {
            kept.entry(holder).or_insert(&address.allocation);
        }
    }

    // Addresses that need a home, the neediest first. The last kind are on living holders that are not among the best.
    let mut homeless: Vec<(u8, Reverse<Option<Tier>>, &AllocationId, MoveReason)> = Vec::new();
    for (address, seat) in addresses.iter().filter(|(address, _)| !evidence.stuck.contains(&address.allocation)) {
        let allocation = &address.allocation;
        match seat {
            Seat::Free if evidence.placed.contains(allocation) => {}
            Seat::Free => homeless.push((0, Reverse(None), allocation, MoveReason::Unassociated)),
            Seat::Interface => homeless.push((1, Reverse(None), allocation, MoveReason::BareInterface)),
            Seat::On(_, Err(why)) => homeless.push((1, Reverse(None), allocation, MoveReason::Holder(why.clone()))),
            Seat::On(holder, Ok(_)) if kept.get(holder) != Some(&allocation) => {
                if scope == Scope::Full {
                    homeless.push((2, Reverse(None), allocation, MoveReason::Surplus));
                }
            }
            Seat::On(holder, Ok(tier)) if !targets.contains(holder) => {
                // The taker's tier is filled in when there is one.
                homeless.push((3, Reverse(Some(*tier)), allocation, MoveReason::Better { from: *tier, to: *tier }));
            }
            Seat::On(_, Ok(_)) => {}
        }
    }
    homeless.sort_by(|a, b| (a.0, a.1, a.2).cmp(&(b.0, b.1, b.2)));

    let mut takers = eligible.iter().filter(|(id, _)| targets.contains(id) && !kept.contains_key(id)).peekable();
    let mut moves: BTreeMap<&AllocationId, Move> = BTreeMap::new();
    let mut stranded: BTreeMap<&AllocationId, MoveReason> = BTreeMap::new();
    for (_, _, allocation, reason) in homeless {
        let Some((address, seat)) = addresses.iter().find(|(address, _)| address.allocation == *allocation) else {
            continue;
        };
        let taker = takers.peek().and_then(|(to, tier)| {
            let interface = fleet.instances.get(to)?.interface.as_ref()?.id.clone();
            Some((to.clone(), *tier, interface))
        });
        let reason = match (&taker, reason) {
            (Some((_, to, _)), MoveReason::Better { from, .. }) if *to < from => MoveReason::Better { from, to: *to },
            // Where it is, a surplus address serves; it does not move to where it would not.
            (Some((_, to, _)), MoveReason::Surplus) if *to < Tier::Booting => MoveReason::Surplus,
            // Nor does it stay where it hardly serves, if the other one is better all the same.
            (Some((_, to, _)), MoveReason::Surplus) => match seat {
                Seat::On(_, Ok(from)) if to < from => MoveReason::Better { from: *from, to: *to },
                _ => continue,
            },
            (_, MoveReason::Better { .. } | MoveReason::Surplus) => continue,
            (_, reason) => reason,
        };
        let Some((to, _, interface)) = taker else {
            stranded.insert(allocation, reason);
            continue;
        };
        takers.next();
        let step = Move {
            allocation: allocation.clone(),
            public_ip: address.public_ip.clone(),
            from: seat.holder().cloned(),
            to,
            interface,
            seen_free: matches!(seat, Seat::Free),
            reason,
        };
        moves.insert(allocation, step);
    }

    let verdicts = addresses
        .iter()
        .map(|(address, seat)| {
            let allocation = &address.allocation;
            let holder = seat.holder().cloned();
            let standing = if moves.contains_key(allocation) {
                Standing::Moves
            } else if let Some(reason) = stranded.get(allocation) {
                Standing::Stranded(reason.clone())
            } else {
                match seat {
                    Seat::On(_, Ok(tier)) => Standing::Stays(*tier),
                    Seat::On(_, Err(why)) => Standing::Stranded(MoveReason::Holder(why.clone())),
                    Seat::Free if evidence.placed.contains(allocation) => Standing::Placed,
                    Seat::Free => Standing::Stranded(MoveReason::Unassociated),
                    Seat::Interface => Standing::Stranded(MoveReason::BareInterface),
                }
            };
            Verdict { allocation: allocation.clone(), holder, standing }
        })
        .collect();
    (moves.into_values().collect(), verdicts)
}

fn seat(fleet: &FleetSnapshot, evidence: &Evidence, address: &super::Address) -> Seat {
    match &address.association {
        None => Seat::Free,
        Some(association) => match &association.instance {
            None => Seat::Interface,
            Some(holder) => Seat::On(holder.clone(), tier::tier_of(fleet, evidence, holder)),
        },
    }
}

fn marks(fleet: &FleetSnapshot, evidence: &Evidence, answers: &[HookAnswer]) -> Vec<Mark> {
    let mut wanted: BTreeMap<&InstanceId, Leaving> = BTreeMap::new();
    for (instance, leaving) in &evidence.leaving {
        wanted.insert(instance, leaving.clone());
    }
    for answer in answers {
        if let Answer::Hold { since, .. } = answer.answer {
            wanted.insert(&answer.instance, Leaving::new(LeavingReason::TerminateHook, since));
        }
    }
    wanted
        .into_iter()
        .filter(|(id, leaving)| {
            let written = fleet.instances.get(*id).and_then(|instance| instance.leaving.as_ref());
            fleet.member(id).is_some() && tier::lives(fleet, evidence, id) && leaving.adds_to(written, fleet.at)
        })
        .map(|(id, leaving)| Mark { instance: id.clone(), leaving })
        .collect()
}

fn nudges(fleet: &FleetSnapshot, evidence: &Evidence) -> Vec<Nudge> {
    // Somebody who suspends one of these wants the dead to be left alone, perhaps to look at them.
    let left_alone = |group: &super::Group| {
        group.deleting
            || ["HealthCheck", "ReplaceUnhealthy", "Terminate"].iter().any(|activity| group.suspends(activity))
    };
    fleet
        .members()
        .filter(|(group, member)| {
            member.lifecycle == Lifecycle::InService
                && member.healthy
                && !left_alone(group)
                && tier::known_dead(fleet, evidence, &member.instance)
        })
        .filter_map(|(group, member)| {
            let reason = tier::of_member(fleet, evidence, member).err()?;
            Some(Nudge { group: group.name.clone(), instance: member.instance.clone(), reason })
        })
        .collect()
}
