//! The laws of `panda_domain::failover`, searched for counterexamples.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    event::{InstanceState, Transition},
    failover::{
        Address, Answer, Association, Evidence, FleetPlan, FleetSnapshot, Group, Hook, Ineligible, Instance, Interface,
        LOOK_EVERY, Leaving, LeavingReason, Lifecycle, Member, MoveReason, PublicAddress, Rules, Scope, Standing, Step,
        Template, Tier, WaitingHook, plan, tier_of,
    },
    ids::{AllocationId, InstanceId},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use self::cases::cases;

const CASES: u32 = 2_000;

fn now() -> Timestamp {
    "2026-05-07T13:22:07Z".parse().unwrap()
}

fn rules() -> Rules {
    Rules {
        hook_prefix: "elastic-ip".into(),
        hold: SignedDuration::from_secs(240),
        settle: SignedDuration::from_secs(6),
    }
}

fn instance_id(n: usize) -> InstanceId {
    format!("i-{n}").into()
}

/// An instance before its addresses are known.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is one independent fact that the search flips")]
struct Seed {
    lifecycle: Lifecycle,
    healthy: bool,
    state: InstanceState,
    listed: bool,
    impaired: bool,
    lent: bool,
    foreign: bool,
    interface: bool,
    leaving: Option<Leaving>,
    age: i64,
    version: u64,
    blue: bool,
}

fn lifecycle() -> impl Strategy<Value = Lifecycle> {
    prop_oneof![
        6 => Just(Lifecycle::InService),
        2 => select(vec![Step::Begun, Step::Wait, Step::Proceed]).prop_map(Lifecycle::Pending),
        3 => select(vec![Step::Begun, Step::Wait, Step::Wait, Step::Proceed]).prop_map(Lifecycle::Terminating),
        1 => Just(Lifecycle::Standby),
        1 => select(vec![Step::Begun, Step::Wait, Step::Proceed]).prop_map(Lifecycle::Warmed),
        1 => select(vec![Step::Begun, Step::Wait, Step::Proceed]).prop_map(Lifecycle::RootVolume),
        1 => Just(Lifecycle::Other("Detaching".into())),
    ]
}

fn state() -> impl Strategy<Value = InstanceState> {
    prop_oneof![
        8 => Just(InstanceState::Running),
        1 => Just(InstanceState::Pending),
        1 => Just(InstanceState::Stopping),
        1 => Just(InstanceState::Stopped),
        1 => Just(InstanceState::ShuttingDown),
        1 => Just(InstanceState::Terminated),
        1 => Just(InstanceState::Unknown("hibernating".into())),
    ]
}

fn leaving() -> impl Strategy<Value = Leaving> {
    let reasons = vec![
        LeavingReason::Rebalance,
        LeavingReason::ScheduledChange,
        LeavingReason::SpotInterruption,
        LeavingReason::TerminateHook,
    ];
    (select(reasons), 0_i64..600).prop_map(|(reason, ago)| Leaving::new(reason, now() - SignedDuration::from_secs(ago)))
}

prop_compose! {
    fn seed()(
        lifecycle in lifecycle(),
        healthy in prop::bool::weighted(0.85),
        state in state(),
        listed in prop::bool::weighted(0.95),
        impaired in prop::bool::weighted(0.1),
        lent in any::<bool>(),
        foreign in prop::bool::weighted(0.05),
        interface in prop::bool::weighted(0.97),
        leaving in option::weighted(0.2, leaving()),
        age in 0_i64..4_000,
        version in 1_u64..3,
        blue in prop::bool::weighted(0.2),
    ) -> Seed {
        Seed { lifecycle, healthy, state, listed, impaired, lent, foreign, interface, leaving, age, version, blue }
    }
}

/// Where an address is: nowhere, on a member, on a stranger, on a bare interface.
#[derive(Clone, Debug)]
enum Place {
    Free,
    Member(usize),
    Stranger,
    Interface,
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        2 => Just(Place::Free),
        8 => (0_usize..6).prop_map(Place::Member),
        1 => Just(Place::Stranger),
        1 => Just(Place::Interface),
    ]
}

fn group(name: &str, desired: u32, suspended: Vec<String>) -> Group {
    let hook = |name: &str, transition| Hook { name: name.into(), transition, heartbeat_seconds: 300 };
    Group {
        name: name.into(),
        desired,
        deleting: false,
        suspended,
        members: Vec::new(),
        hooks: vec![
            hook("elastic-ip-launch", Transition::Launching),
            hook("elastic-ip-terminate", Transition::Terminating),
            hook("somebody-elses", Transition::Terminating),
        ],
    }
}

prop_compose! {
    fn fleet()(
        seeds in vec(seed(), 0..6),
        places in vec(place(), 0..4),
        desired in 0_u32..4,
        suspended in prop::bool::weighted(0.1),
        deleting in prop::bool::weighted(0.05),
    ) -> FleetSnapshot {
        let suspends = if suspended { vec!["Launch".to_owned(), "HealthCheck".to_owned()] } else { Vec::new() };
        let mut green = group("web", desired, suspends);
        green.deleting = deleting;
        let mut blue = group("web-blue", 0, Vec::new());
        let mut instances = BTreeMap::new();
        for (n, seed) in seeds.iter().enumerate() {
            let side = if seed.blue { &mut blue } else { &mut green };
            side.members.push(Member {
                instance: instance_id(n),
                lifecycle: seed.lifecycle.clone(),
                healthy: seed.healthy,
                template: Some(Template { id: "lt-1".into(), version: seed.version }),
                zone: "us-east-1a".to_owned(),
            });
            if seed.listed {
                let public = match (seed.foreign, seed.lent) {
                    (true, _) => PublicAddress::Elastic("203.0.113.200".into()),
                    (false, true) => PublicAddress::Lent,
                    (false, false) => PublicAddress::None,
                };
                instances.insert(instance_id(n), Instance {
                    state: seed.state.clone(),
                    interface: seed.interface.then(|| Interface { id: format!("eni-{n}").into(), public }),
                    launched: now() - SignedDuration::from_secs(seed.age),
                    leaving: seed.leaving.clone(),
                    impaired: seed.impaired,
                });
            }
        }
        let addresses = places.iter().enumerate().map(|(n, place)| {
            let at = |instance| Some(Association { id: format!("eipassoc-{n}").into(), instance });
            Address {
                allocation: format!("eipalloc-{n}").into(),
                public_ip: format!("203.0.113.{n}"),
                association: match place {
                    Place::Member(m) if *m < seeds.len() => at(Some(instance_id(*m))),
                    Place::Free | Place::Member(_) => None,
                    Place::Stranger => at(Some("i-stranger".into())),
                    Place::Interface => at(None),
                },
            }
        }).collect();
        FleetSnapshot { name: "web".into(), at: now(), addresses, groups: vec![green, blue], instances, silent: BTreeSet::new() }
    }
}

prop_compose! {
    fn evidence()(
        dead in vec(0_usize..8, 0..2),
        halted in vec((0_usize..8, 0_i64..400), 0..2),
        impaired in vec(0_usize..8, 0..2),
        leaving in vec((0_usize..8, leaving()), 0..2),
        waiting in option::of((0_usize..8, any::<bool>(), 0_i64..400)),
    ) -> Evidence {
        Evidence {
            dead: dead.into_iter().map(instance_id).collect(),
            halted: halted.into_iter().map(|(n, ago)| (instance_id(n), now() - SignedDuration::from_secs(ago))).collect(),
            impaired: impaired.into_iter().map(instance_id).collect(),
            leaving: leaving.into_iter().map(|(n, leaving)| (instance_id(n), leaving)).collect(),
            waiting: waiting.map(|(n, launching, ago)| WaitingHook {
                group: "web".into(),
                instance: instance_id(n),
                hook: if launching { "elastic-ip-launch".into() } else { "elastic-ip-terminate".into() },
                transition: if launching { Transition::Launching } else { Transition::Terminating },
                warm: false,
                since: now() - SignedDuration::from_secs(ago),
            }),
            ..Evidence::default()
        }
    }
}

/// The fleet as fresh reads show it once the plan is carried out, with EC2's own side effect: an address that comes throws off the one
/// that was there.
fn apply(fleet: &FleetSnapshot, plan: &FleetPlan) -> FleetSnapshot {
    let mut fleet = fleet.clone();
    for (n, moved) in plan.moves.iter().enumerate() {
        for address in &mut fleet.addresses {
            if address.allocation == moved.allocation {
                address.association =
                    Some(Association { id: format!("eipassoc-new-{n}").into(), instance: Some(moved.to.clone()) });
            } else if address.association.as_ref().and_then(|a| a.instance.as_ref()) == Some(&moved.to) {
                address.association = None;
            }
        }
    }
    for mark in &plan.marks {
        fleet.instances.get_mut(&mark.instance).unwrap().leaving = Some(mark.leaving.clone());
    }
    for member in fleet.groups.iter_mut().flat_map(|group| &mut group.members) {
        if plan.nudges.iter().any(|nudge| nudge.instance == member.instance) {
            member.healthy = false;
        }
        let released = plan
            .answers
            .iter()
            .any(|answer| answer.instance == member.instance && matches!(answer.answer, Answer::Continue { .. }));
        if released {
            member.lifecycle = match &member.lifecycle {
                Lifecycle::Pending(Step::Wait) => Lifecycle::Pending(Step::Proceed),
                Lifecycle::Warmed(Step::Wait) => Lifecycle::Warmed(Step::Proceed),
                Lifecycle::Terminating(Step::Wait) => Lifecycle::Terminating(Step::Proceed),
                Lifecycle::RootVolume(Step::Wait) => Lifecycle::RootVolume(Step::Proceed),
                stale => stale.clone(),
            };
        }
    }
    fleet
}

fn told_leaving(evidence: &Evidence, instance: &InstanceId) -> bool {
    let told = evidence.waiting.as_ref();
    told.is_some_and(|told| told.transition == Transition::Terminating && told.instance == *instance)
}

fn holder<'a>(fleet: &'a FleetSnapshot, allocation: &AllocationId) -> Option<&'a InstanceId> {
    let address = fleet.addresses.iter().find(|address| address.allocation == *allocation)?;
    address.association.as_ref()?.instance.as_ref()
}

fn holdings(fleet: &FleetSnapshot) -> BTreeMap<InstanceId, usize> {
    let mut holdings = BTreeMap::new();
    for address in &fleet.addresses {
        if let Some(instance) = holder(fleet, &address.allocation) {
            *holdings.entry(instance.clone()).or_default() += 1;
        }
    }
    holdings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(CASES)))]

    #[test]
    fn never_two_addresses_on_one_instance_never_a_foreign_address_a_non_member_or_a_dead_target(
        fleet in fleet(), evidence in evidence(),
    ) {
        let plan = plan(&fleet, &evidence, &rules(), Scope::Full);
        let targets: BTreeSet<_> = plan.moves.iter().map(|moved| &moved.to).collect();
        let moved: BTreeSet<_> = plan.moves.iter().map(|moved| &moved.allocation).collect();
        prop_assert_eq!(targets.len(), plan.moves.len(), "a target of two moves");
        prop_assert_eq!(moved.len(), plan.moves.len(), "an address of two moves");
        for moved in &plan.moves {
            prop_assert!(fleet.addresses.iter().any(|address| address.allocation == moved.allocation));
            prop_assert!(fleet.member(&moved.to).is_some());
            let target = &fleet.instances[&moved.to];
            prop_assert_eq!(&target.state, &InstanceState::Running);
            prop_assert!(!evidence.dead.contains(&moved.to) && !evidence.halts(&fleet, &moved.to));
            let interface = target.interface.as_ref().unwrap();
            prop_assert_eq!(&interface.id, &moved.interface);
            prop_assert!(!matches!(&interface.public, PublicAddress::Elastic(address) if !fleet.owns(address)));
            prop_assert!(!holdings(&fleet).contains_key(&moved.to), "a target that holds an address already");
        }
        let eligible = |id: &InstanceId| tier_of(&fleet, &evidence, id).is_ok();
        for (instance, count) in holdings(&apply(&fleet, &plan)) {
            let spare = fleet.members().any(|(_, member)| {
                tier_of(&fleet, &evidence, &member.instance).is_ok_and(|tier| tier < Tier::Booting) && !holdings(&apply(&fleet, &plan)).contains_key(&member.instance)
            });
            prop_assert!(count == 1 || !spare || !eligible(&instance), "{instance} holds {count}");
        }
    }

    #[test]
    fn an_address_moves_only_to_a_strictly_better_tier_and_a_newcomer_never_displaces_an_equal(
        fleet in fleet(), evidence in evidence(),
    ) {
        for moved in plan(&fleet, &evidence, &rules(), Scope::Full).moves {
            let to = tier_of(&fleet, &evidence, &moved.to).unwrap();
            let from = moved.from.as_ref().map(|from| tier_of(&fleet, &evidence, from));
            match (&moved.reason, from) {
                (MoveReason::Better { from: said_from, to: said_to }, Some(Ok(from))) => {
                    prop_assert!(to < from);
                    prop_assert_eq!((*said_from, *said_to), (from, to));
                }
                (MoveReason::Surplus, Some(Ok(_))) => {
                    prop_assert!(holdings(&fleet)[moved.from.as_ref().unwrap()] > 1 && to < Tier::Booting);
                }
                (MoveReason::Holder(said), Some(Err(why))) => prop_assert_eq!(said, &why),
                (MoveReason::Unassociated | MoveReason::BareInterface, None) => {}
                (reason, from) => prop_assert!(false, "{reason:?} for a holder in {from:?}"),
            }
        }
    }

    #[test]
    fn planning_again_after_applying_the_plan_gives_the_empty_plan(fleet in fleet(), evidence in evidence()) {
        let once = plan(&fleet, &evidence, &rules(), Scope::Full);
        let after = apply(&fleet, &once);
        let completed = once.answers.iter().filter(|answer| matches!(answer.answer, Answer::Continue { .. }));
        let mut evidence = evidence;
        evidence.answered.extend(completed.map(|answer| ((answer.instance.clone(), answer.hook.clone()), after.at)));
        let again = plan(&after, &evidence, &rules(), Scope::Full);
        prop_assert!(again.is_empty(), "first {once:#?}\nthen {again:#?}");
    }

    #[test]
    fn the_order_in_which_aws_lists_things_changes_nothing(fleet in fleet(), evidence in evidence()) {
        let mut listed_backwards = fleet.clone();
        listed_backwards.addresses.reverse();
        for group in &mut listed_backwards.groups {
            group.members.reverse();
        }
        listed_backwards.groups.reverse();
        let (a, b) = (plan(&fleet, &evidence, &rules(), Scope::Full), plan(&listed_backwards, &evidence, &rules(), Scope::Full));
        prop_assert_eq!(&a.moves, &b.moves);
        prop_assert_eq!(&a.marks, &b.marks);
        prop_assert_eq!(&a.verdicts, &b.verdicts);
        let answers = |plan: &FleetPlan| -> BTreeMap<_, _> {
            plan.answers.iter().map(|a| ((a.instance.clone(), a.hook.clone()), (a.answer, a.reason.clone()))).collect()
        };
        prop_assert_eq!(answers(&a), answers(&b));
    }

    #[test]
    fn a_death_in_an_event_outweighs_a_running_that_a_read_still_shows(fleet in fleet(), victim in 0_usize..6) {
        let victim = instance_id(victim);
        let evidence = Evidence { dead: BTreeSet::from([victim.clone()]), ..Evidence::default() };
        for scope in [Scope::Full, Scope::Rescue] {
            let plan = plan(&fleet, &evidence, &rules(), scope);
            prop_assert!(plan.moves.iter().all(|moved| moved.to != victim));
            let after = apply(&fleet, &plan);
            let free = fleet.members().any(|(_, member)| {
                tier_of(&fleet, &evidence, &member.instance).is_ok() && !holdings(&after).contains_key(&member.instance)
            });
            prop_assert!(!free || !holdings(&after).contains_key(&victim), "the dead keeps an address that a living could have");
        }
    }

    #[test]
    fn a_terminate_hook_in_an_event_outweighs_an_in_service_that_a_read_still_shows(fleet in fleet(), leaver in 0_usize..6) {
        let leaver = instance_id(leaver);
        let waiting = WaitingHook {
            group: "web".into(),
            instance: leaver.clone(),
            hook: "elastic-ip-terminate".into(),
            transition: Transition::Terminating,
            warm: false,
            since: now(),
        };
        let evidence = Evidence { waiting: Some(waiting), ..Evidence::default() };
        let plan = plan(&fleet, &evidence, &rules(), Scope::Full);
        let after = apply(&fleet, &plan);
        let better = fleet.members().any(|(_, member)| {
            tier_of(&fleet, &evidence, &member.instance) == Ok(Tier::Serving) && !holdings(&after).contains_key(&member.instance)
        });
        prop_assert!(!better || !holdings(&after).contains_key(&leaver), "the leaving one keeps what a serving one could have");
    }

    #[test]
    fn a_living_holders_address_is_moved_with_one_call_and_never_released_in_between(
        fleet in fleet(), evidence in evidence(),
    ) {
        let plan = plan(&fleet, &evidence, &rules(), Scope::Full);
        for moved in &plan.moves {
            let associated = fleet.addresses.iter().find(|a| a.allocation == moved.allocation).unwrap().association.is_some();
            prop_assert_eq!(moved.seen_free, !associated, "a held address must be taken over by the same call");
        }
        let after = apply(&fleet, &plan);
        for address in &fleet.addresses {
            if let Some(instance) = holder(&fleet, &address.allocation)
                && tier_of(&fleet, &evidence, instance).is_ok()
            {
                prop_assert!(holder(&after, &address.allocation).is_some(), "a living holder's address ended nowhere");
            }
        }
    }

    #[test]
    fn every_lifecycle_action_is_answered_and_no_terminate_hook_is_released_while_the_only_server_waits_for_its_successor(
        fleet in fleet(), evidence in evidence(),
    ) {
        let plan = plan(&fleet, &evidence, &rules(), Scope::Full);
        let after = apply(&fleet, &plan);
        prop_assert!(plan.answers.iter().all(|answer| answer.hook.as_str().starts_with("elastic-ip")), "somebody else's hook");
        for (_, member) in fleet.members() {
            if member.lifecycle == Lifecycle::Terminating(Step::Wait) {
                let answers: Vec<_> = plan.answers.iter().filter(|answer| answer.instance == member.instance && answer.transition == Transition::Terminating).collect();
                prop_assert_eq!(answers.len(), 1, "one answer for {}", &member.instance);
                let serves = matches!(tier_of(&fleet, &evidence, &member.instance), Ok(tier) if tier != Tier::Impaired);
                let only_server = serves && after.addresses.iter().any(|address| holder(&after, &address.allocation) == Some(&member.instance));
                let told = evidence.waiting.as_ref().filter(|told| told.instance == member.instance).map(|told| told.since);
                let marked = fleet.instances.get(&member.instance).and_then(|i| i.leaving.as_ref()).filter(|l| l.reason == LeavingReason::TerminateHook).map(|l| l.since);
                let since = told.into_iter().chain(marked).min().unwrap_or(now() - LOOK_EVERY);
                let expected = fleet.groups.iter().any(|group| {
                    let living = |member: &&Member| {
                        let id = &member.instance;
                        let stopped = fleet.instances.get(id).is_some_and(|i| matches!(i.state, InstanceState::Stopping | InstanceState::Stopped | InstanceState::ShuttingDown | InstanceState::Terminated));
                        !stopped && !evidence.dead.contains(id) && !evidence.halts(&fleet, id)
                    };
                    let booting = group.members.iter().filter(living).filter(|m| matches!(m.lifecycle, Lifecycle::Pending(_))).count();
                    let impaired = |m: &Member| {
                        evidence.impaired.contains(&m.instance) || fleet.instances.get(&m.instance).is_some_and(|i| i.impaired)
                    };
                    let stays = |m: &&Member| {
                        m.lifecycle == Lifecycle::InService
                            && m.healthy
                            && !told_leaving(&evidence, &m.instance)
                            && (!impaired(m) || tier_of(&fleet, &evidence, &m.instance).is_err())
                    };
                    let serving = group.members.iter().filter(living).filter(stays).count();
                    !group.deleting && !group.suspends("Launch") && (booting > 0 || group.desired as usize > booting + serving)
                });
                let in_time = now() < since + SignedDuration::from_secs(300 - 80);
                let holds = matches!(answers[0].answer, Answer::Hold { .. });
                prop_assert_eq!(holds, only_server && expected && in_time, "{:?}", answers[0]);
                if let Answer::Hold { since, until } = answers[0].answer {
                    prop_assert!(until < since + SignedDuration::from_secs(300), "held beyond the heartbeat");
                }
            }
        }
    }

    #[test]
    fn one_look_with_fresh_reads_reaches_the_goal_from_any_state(fleet in fleet()) {
        let nothing_told = Evidence::default();
        let first = plan(&fleet, &nothing_told, &rules(), Scope::Full);
        let after = apply(&fleet, &first);
        let idle: Vec<Tier> = after.members()
            .filter(|(_, member)| !holdings(&after).contains_key(&member.instance))
            .filter_map(|(_, member)| tier_of(&after, &nothing_told, &member.instance).ok())
            .collect();
        for address in &after.addresses {
            let seat = holder(&after, &address.allocation).map(|instance| tier_of(&after, &nothing_told, instance));
            match seat {
                Some(Ok(tier)) => prop_assert!(idle.iter().all(|idle| *idle >= tier), "somebody better idles"),
                _ => prop_assert!(idle.is_empty(), "somebody idles while {} is on nobody", address.allocation),
            }
        }
        for verdict in &first.verdicts {
            let kept = holder(&after, &verdict.allocation) == holder(&fleet, &verdict.allocation);
            prop_assert_eq!(kept, verdict.standing != Standing::Moves);
        }
    }

    #[test]
    fn a_fleet_that_needs_nothing_costs_no_writes(count in 1_usize..6, addresses in 1_usize..4, newcomers in 0_usize..3) {
        let holders = addresses.min(count);
        let member = |n: usize| Member {
            instance: instance_id(n),
            lifecycle: Lifecycle::InService,
            healthy: true,
            template: Some(Template { id: "lt-1".into(), version: u64::from(n >= count) + 1 }),
            zone: "us-east-1a".to_owned(),
        };
        let mut web = group("web", 2, Vec::new());
        web.members = (0..count + newcomers).map(member).collect();
        let instances = (0..count + newcomers).map(|n| (instance_id(n), Instance {
            state: InstanceState::Running,
            interface: Some(Interface { id: format!("eni-{n}").into(), public: PublicAddress::Lent }),
            launched: now(),
            leaving: None,
            impaired: false,
        })).collect();
        let fleet = FleetSnapshot {
            name: "web".into(),
            at: now(),
            addresses: (0..holders).map(|n| Address {
                allocation: format!("eipalloc-{n}").into(),
                public_ip: format!("203.0.113.{n}"),
                association: Some(Association { id: format!("eipassoc-{n}").into(), instance: Some(instance_id(n)) }),
            }).collect(),
            groups: vec![web],
            instances,
            silent: BTreeSet::new(),
        };
        prop_assert!(plan(&fleet, &Evidence::default(), &rules(), Scope::Full).is_empty());
    }

    #[test]
    fn a_terminate_hook_is_held_within_its_budget_while_the_address_cannot_be_moved(fleet in fleet()) {
        let stuck = Evidence { stuck: fleet.addresses.iter().map(|a| a.allocation.clone()).collect(), ..Evidence::default() };
        let plan = plan(&fleet, &stuck, &rules(), Scope::Full);
        prop_assert!(plan.moves.is_empty());
        for answer in plan.answers.iter().filter(|answer| answer.transition == Transition::Terminating) {
            let holds = fleet.addresses.iter().any(|a| holder(&fleet, &a.allocation) == Some(&answer.instance));
            let serves = matches!(tier_of(&fleet, &stuck, &answer.instance), Ok(tier) if tier != Tier::Impaired);
            let marked = fleet.instances.get(&answer.instance).and_then(|i| i.leaving.as_ref());
            let since = marked.filter(|l| l.reason == LeavingReason::TerminateHook).map_or(now() - LOOK_EVERY, |l| l.since);
            let in_time = now() < since + SignedDuration::from_secs(220);
            prop_assert_eq!(matches!(answer.answer, Answer::Hold { .. }), holds && serves && in_time, "{:?}", answer);
        }
    }

    #[test]
    fn a_server_without_an_address_lives_until_the_network_has_followed(fleet in fleet(), looked_before in any::<bool>()) {
        let all = fleet.members().map(|(_, member)| member.instance.clone());
        let settled = if looked_before { all.collect() } else { BTreeSet::new() };
        let evidence = Evidence { settled, ..Evidence::default() };
        let plan = plan(&fleet, &evidence, &rules(), Scope::Full);
        let before_or_after = [fleet.clone(), apply(&fleet, &plan)];
        for answer in plan.answers {
            let holds = before_or_after.iter().any(|fleet| holdings(fleet).contains_key(&answer.instance));
            let serves = matches!(tier_of(&fleet, &evidence, &answer.instance), Ok(tier) if tier != Tier::Impaired);
            if let Answer::Continue { after } = answer.answer
                && answer.transition == Transition::Terminating && !holds
            {
                // Back to the warm pool, or to a new root volume: it serves until then, though it must not hold an address.
                let renewed = fleet.member(&answer.instance).is_some_and(|(_, it)| it.lifecycle == Lifecycle::RootVolume(Step::Wait));
                let serves_on = match tier_of(&fleet, &evidence, &answer.instance) {
                    Err(Ineligible::WarmPool) => true,
                    Err(Ineligible::OutOfService(_)) => renewed,
                    _ => false,
                };
                let expected = if (serves || serves_on) && !looked_before { rules().settle } else { SignedDuration::ZERO };
                prop_assert_eq!(after, expected);
            }
        }
    }

    #[test]
    fn a_rescue_moves_only_what_no_living_holder_has(fleet in fleet(), evidence in evidence()) {
        for moved in plan(&fleet, &evidence, &rules(), Scope::Rescue).moves {
            let living = moved.from.as_ref().is_some_and(|from| tier_of(&fleet, &evidence, from).is_ok());
            prop_assert!(!living, "{moved:?}");
        }
    }

    #[test]
    fn a_nudge_concerns_a_member_that_is_dead_and_counted_as_serving(fleet in fleet(), evidence in evidence()) {
        for nudge in plan(&fleet, &evidence, &rules(), Scope::Full).nudges {
            let (group, member) = fleet.member(&nudge.instance).unwrap();
            prop_assert!(member.healthy && member.lifecycle == Lifecycle::InService);
            prop_assert!(!group.deleting && !group.suspends("HealthCheck"));
            prop_assert!(matches!(nudge.reason, Ineligible::Dead | Ineligible::Halted | Ineligible::NotRunning(_)));
            prop_assert_ne!(&nudge.reason, &Ineligible::NotRunning(InstanceState::Pending));
        }
    }
}
