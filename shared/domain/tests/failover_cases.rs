//! What `panda_domain::failover` makes of a fleet in which one thing is wrong: tiers, moves, marks, nudges, problems, and their words.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(dead_code, reason = "the fleet is shared with another test")]

mod fleet;

use jiff::SignedDuration;
use panda_domain::{
    event::{InstanceState, Transition},
    failover::{
        Evidence, FleetPlan, FleetSnapshot, Ineligible, Leaving, LeavingReason, Lifecycle, Mark, MoveReason, Nudge,
        Problem, PublicAddress, Scope, Standing, Step, Template, Tier, WaitingHook, plan, tier_of,
    },
    ids::InstanceId,
};

use self::fleet::{
    NEW, OLD, address, fleet, group_of, instance, instance_of, member, member_of, now, planned, rules, seconds, spoilt,
};

fn by_event(change: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = Evidence::default();
    change(&mut evidence);
    evidence
}

#[test]
fn a_lifecycle_is_read_as_auto_scaling_writes_it() {
    for (written, lifecycle, printed) in [
        ("Pending", Lifecycle::Pending(Step::Begun), "Pending"),
        ("Pending:Wait", Lifecycle::Pending(Step::Wait), "Pending:Wait"),
        ("Pending:Proceed", Lifecycle::Pending(Step::Proceed), "Pending:Proceed"),
        ("InService", Lifecycle::InService, "InService"),
        ("Terminating", Lifecycle::Terminating(Step::Begun), "Terminating"),
        ("Terminating:Wait", Lifecycle::Terminating(Step::Wait), "Terminating:Wait"),
        ("Terminating:Proceed", Lifecycle::Terminating(Step::Proceed), "Terminating:Proceed"),
        ("Standby", Lifecycle::Standby, "Standby"),
        ("EnteringStandby", Lifecycle::Standby, "Standby"),
        ("Warmed:Pending", Lifecycle::Warmed(Step::Begun), "in the warm pool"),
        ("Warmed:Pending:Wait", Lifecycle::Warmed(Step::Wait), "in the warm pool"),
        ("Warmed:Pending:Proceed", Lifecycle::Warmed(Step::Proceed), "in the warm pool"),
        ("Warmed:Terminating", Lifecycle::Warmed(Step::Begun), "in the warm pool"),
        ("Warmed:Terminating:Wait", Lifecycle::Warmed(Step::Wait), "in the warm pool"),
        ("Warmed:Stopped", Lifecycle::Warmed(Step::Proceed), "in the warm pool"),
        ("ReplacingRootVolume", Lifecycle::RootVolume(Step::Begun), "ReplacingRootVolume"),
        ("ReplacingRootVolume:Wait", Lifecycle::RootVolume(Step::Wait), "ReplacingRootVolume:Wait"),
        ("ReplacingRootVolume:Proceed", Lifecycle::RootVolume(Step::Proceed), "ReplacingRootVolume:Proceed"),
        ("RootVolumeReplaced", Lifecycle::Other("RootVolumeReplaced".into()), "RootVolumeReplaced"),
        ("Detaching", Lifecycle::Other("Detaching".into()), "Detaching"),
    ] {
        assert_eq!(Lifecycle::from(written), lifecycle, "{written}");
        assert_eq!(lifecycle.waits(), written.ends_with(":Wait"), "{written}");
        assert_eq!(lifecycle.to_string(), printed);
    }
}

#[test]
fn a_mark_holds_as_long_as_its_notice_says_something() {
    for (reason, lasts) in [
        (LeavingReason::Rebalance, SignedDuration::from_hours(24)),
        (LeavingReason::ScheduledChange, SignedDuration::from_hours(360)),
        (LeavingReason::SpotInterruption, SignedDuration::from_mins(10)),
        (LeavingReason::TerminateHook, SignedDuration::from_hours(2)),
    ] {
        let mark = Leaving::new(reason, now());
        assert!(mark.holds_at(now() + lasts - seconds(1)), "{mark}");
        assert!(!mark.holds_at(now() + lasts), "{mark}");
        assert!(!mark.adds_to(Some(&mark), now()), "the same again says no more");
        assert!(mark.adds_to(None, now()) && !mark.adds_to(None, now() + lasts));
    }
}

/// Every tier with a holder that is in it.
fn tiers() -> Vec<(Tier, &'static str, FleetSnapshot, Evidence)> {
    let mark = Leaving::new(LeavingReason::Rebalance, now());
    let spoil = |lifecycle: Lifecycle, healthy: bool, impaired: bool| {
        spoilt(|fleet| {
            *member_of(fleet, OLD) = panda_domain::failover::Member { lifecycle, healthy, ..member(OLD) };
            instance_of(fleet, OLD).impaired = impaired;
        })
    };
    let nothing = Evidence::default;
    let told = WaitingHook {
        group: "web".into(),
        instance: OLD.into(),
        hook: "elastic-ip-terminate".into(),
        transition: Transition::Terminating,
        warm: false,
        since: now(),
    };
    let launching = WaitingHook { transition: Transition::Launching, ..told.clone() };
    let another = WaitingHook { instance: NEW.into(), ..told.clone() };
    vec![
        (Tier::Serving, "serving", fleet(), nothing()),
        (Tier::Serving, "serving", fleet(), by_event(|evidence| evidence.waiting = Some(launching))),
        (Tier::Serving, "serving", fleet(), by_event(|evidence| evidence.waiting = Some(another))),
        (
            Tier::Serving,
            "serving",
            spoilt(|fleet| {
                instance_of(fleet, OLD).leaving =
                    Some(Leaving::new(LeavingReason::SpotInterruption, now() - seconds(600)));
            }),
            nothing(),
        ),
        (
            Tier::Departing,
            "serving but announced to leave",
            spoilt(|fleet| instance_of(fleet, OLD).leaving = Some(mark.clone())),
            nothing(),
        ),
        (
            Tier::Departing,
            "serving but announced to leave",
            fleet(),
            by_event(|evidence| evidence.leaving = [(OLD.into(), mark.clone())].into()),
        ),
        (
            Tier::Terminating,
            "terminating but still running",
            spoil(Lifecycle::Terminating(Step::Wait), true, false),
            nothing(),
        ),
        (
            Tier::Terminating,
            "terminating but still running",
            fleet(),
            by_event(|evidence| evidence.waiting = Some(told)),
        ),
        (Tier::Standby, "in standby", spoil(Lifecycle::Standby, true, false), nothing()),
        (Tier::Unhealthy, "unhealthy", spoil(Lifecycle::InService, false, false), nothing()),
        (Tier::Unhealthy, "unhealthy", spoil(Lifecycle::Terminating(Step::Wait), false, false), nothing()),
        (Tier::Booting, "booting", spoil(Lifecycle::Pending(Step::Begun), false, false), nothing()),
        (Tier::Impaired, "failing its status checks", spoil(Lifecycle::InService, true, true), nothing()),
        (Tier::Impaired, "failing its status checks", spoil(Lifecycle::Pending(Step::Begun), true, true), nothing()),
        (
            Tier::Impaired,
            "failing its status checks",
            fleet(),
            by_event(|evidence| evidence.impaired = [OLD.into()].into()),
        ),
    ]
}

#[test]
fn every_tier_has_its_signs_and_its_words() {
    for (tier, says, fleet, evidence) in tiers() {
        assert_eq!(tier_of(&fleet, &evidence, &OLD.into()), Ok(tier), "{fleet:?} {evidence:?}");
        assert_eq!(tier.to_string(), says);
    }
}

/// Every reason against an instance with a holder that it is about.
fn unfit() -> Vec<(Ineligible, &'static str, FleetSnapshot, Evidence)> {
    let set: fn() -> std::collections::BTreeSet<InstanceId> = || [OLD.into()].into();
    let nothing = Evidence::default;
    vec![
        (Ineligible::Dead, "terminated", fleet(), by_event(|evidence| evidence.dead = set())),
        (Ineligible::Halted, "stopped", fleet(), by_event(|evidence| evidence.halted = [(OLD.into(), now())].into())),
        (
            Ineligible::Refused,
            "not in a state to take an address, as EC2 says",
            fleet(),
            by_event(|evidence| evidence.refused = set()),
        ),
        (
            Ineligible::NotRunning(InstanceState::Stopping),
            "stopping",
            spoilt(|fleet| instance_of(fleet, OLD).state = InstanceState::Stopping),
            nothing(),
        ),
        (
            Ineligible::Unlisted,
            "not listed by EC2",
            spoilt(|fleet| drop(fleet.instances.remove(&InstanceId::from(OLD)))),
            nothing(),
        ),
        (
            Ineligible::Silent("us-east-1a".into()),
            "in us-east-1a, which EC2 does not answer for",
            spoilt(|fleet| {
                fleet.instances.remove(&InstanceId::from(OLD));
                fleet.silent = ["us-east-1a".to_owned(), "us-east-1b".to_owned()].into();
            }),
            nothing(),
        ),
        (
            Ineligible::NotAMember,
            "in no group of the fleet",
            spoilt(|fleet| group_of(fleet).members.retain(|member| member.instance.as_str() != OLD)),
            nothing(),
        ),
        (
            Ineligible::WarmPool,
            "in the warm pool",
            spoilt(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::Warmed(Step::Proceed)),
            nothing(),
        ),
        (
            Ineligible::OutOfService("Detaching".into()),
            "in state Detaching",
            spoilt(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::Other("Detaching".into())),
            nothing(),
        ),
        (
            Ineligible::OutOfService("ReplacingRootVolume:Wait".into()),
            "in state ReplacingRootVolume:Wait",
            spoilt(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::RootVolume(Step::Wait)),
            nothing(),
        ),
        (
            Ineligible::BootingOnline,
            "booting, and online by an address of its own",
            spoilt(|fleet| {
                member_of(fleet, OLD).lifecycle = Lifecycle::Pending(Step::Wait);
                *instance_of(fleet, OLD) = instance(OLD, PublicAddress::Lent);
            }),
            nothing(),
        ),
        (
            Ineligible::NoInterface,
            "without a primary network interface",
            spoilt(|fleet| instance_of(fleet, OLD).interface = None),
            nothing(),
        ),
        (
            Ineligible::ForeignAddress("198.51.100.9".into()),
            "the holder of 198.51.100.9, which is not the fleet's",
            spoilt(|fleet| *instance_of(fleet, OLD) = instance(OLD, PublicAddress::Elastic("198.51.100.9".into()))),
            nothing(),
        ),
    ]
}

#[test]
fn whoever_must_not_hold_the_address_loses_it_and_the_reason_is_said() {
    for (why, says, fleet, evidence) in unfit() {
        assert_eq!(tier_of(&fleet, &evidence, &OLD.into()), Err(why.clone()));
        assert_eq!(why.to_string(), says);
        let plan = planned(&fleet, &evidence);
        let reason = MoveReason::Holder(why);
        let moves: Vec<_> = plan.moves.iter().map(|step| (step.from.clone(), step.to.as_str(), &step.reason)).collect();
        assert_eq!(moves, [(Some(OLD.into()), NEW, &reason)]);
        assert_eq!(reason.to_string(), format!("its holder is {says}"));
        assert!(!plan.is_empty());
    }
}

/// The only address, and where it goes.
fn only_move(fleet: &FleetSnapshot, evidence: &Evidence, scope: Scope) -> Option<(String, MoveReason, bool)> {
    let plan = plan(fleet, evidence, &rules(), scope);
    assert!(plan.moves.len() <= 1, "{plan:?}");
    plan.moves.into_iter().next().map(|step| (step.to.to_string(), step.reason, step.seen_free))
}

#[test]
fn an_address_goes_to_a_better_server_only_in_a_look_at_everything() {
    let departing =
        spoilt(|fleet| instance_of(fleet, OLD).leaving = Some(Leaving::new(LeavingReason::Rebalance, now())));
    let better = MoveReason::Better { from: Tier::Departing, to: Tier::Serving };
    assert_eq!(better.to_string(), "its holder is serving but announced to leave, and the other is serving");
    let nothing = Evidence::default();
    assert_eq!(only_move(&departing, &nothing, Scope::Full), Some((NEW.to_owned(), better, false)));
    assert_eq!(only_move(&departing, &nothing, Scope::Rescue), None);
    assert_eq!(only_move(&fleet(), &nothing, Scope::Full), None, "an equal displaces nobody");
    let stuck = by_event(|evidence| evidence.stuck = ["eipalloc-1".into()].into());
    assert_eq!(only_move(&departing, &stuck, Scope::Full), None, "nor what could not be moved a moment ago");
    let free = spoilt(|fleet| fleet.addresses = vec![address(1, None)]);
    assert_eq!(only_move(&free, &nothing, Scope::Full), Some((NEW.to_owned(), MoveReason::Unassociated, true)));
    assert_eq!(MoveReason::Unassociated.to_string(), "nobody holds it");
    let bare = spoilt(|fleet| {
        fleet.addresses.iter_mut().flat_map(|address| &mut address.association).for_each(|at| at.instance = None);
    });
    assert_eq!(
        only_move(&bare, &nothing, Scope::Full).map(|(_, reason, free)| (reason, free)),
        Some((MoveReason::BareInterface, false))
    );
    assert_eq!(MoveReason::BareInterface.to_string(), "it is on a network interface without an instance");
}

#[test]
fn a_second_address_of_a_holder_goes_where_it_serves() {
    let two = || spoilt(|fleet| fleet.addresses = vec![address(1, Some(OLD)), address(2, Some(OLD))]);
    let nothing = Evidence::default();
    assert_eq!(only_move(&two(), &nothing, Scope::Full), Some((NEW.to_owned(), MoveReason::Surplus, false)));
    assert_eq!(MoveReason::Surplus.to_string(), "its holder has another address of the fleet");
    assert_eq!(only_move(&two(), &nothing, Scope::Rescue), None);
    // To one that boots it does not move while it serves where it is; but it does if it hardly serves there.
    let mut booting = two();
    member_of(&mut booting, NEW).lifecycle = Lifecycle::Pending(Step::Begun);
    assert_eq!(only_move(&booting, &nothing, Scope::Full), None);
    instance_of(&mut booting, OLD).impaired = true;
    let better = MoveReason::Better { from: Tier::Impaired, to: Tier::Booting };
    assert_eq!(only_move(&booting, &nothing, Scope::Full), Some((NEW.to_owned(), better, false)));
    instance_of(&mut booting, NEW).impaired = true;
    assert_eq!(only_move(&booting, &nothing, Scope::Full), None, "no better there");
}

/// Whom a free address goes to, of three newcomers that are spoilt.
fn chosen(by: impl FnOnce(&mut FleetSnapshot)) -> String {
    let fleet = spoilt(|fleet| {
        fleet.addresses = vec![address(1, None)];
        let ids = ["i-1", "i-2", "i-3"];
        group_of(fleet).members = ids.map(member).into();
        fleet.instances = ids.map(|id| (id.into(), instance(id, PublicAddress::None))).into();
        by(fleet);
    });
    only_move(&fleet, &Evidence::default(), Scope::Full).unwrap().0
}

#[test]
fn of_equals_the_newer_version_is_chosen_then_the_older_server_then_by_name() {
    let version = |fleet: &mut FleetSnapshot, id: &str, template: &str, version: u64| {
        member_of(fleet, id).template = Some(Template { id: template.into(), version });
    };
    assert_eq!(chosen(|_| {}), "i-1");
    assert_eq!(chosen(|fleet| instance_of(fleet, "i-3").launched = now() - seconds(100_000)), "i-3");
    assert_eq!(chosen(|fleet| version(fleet, "i-2", "lt-1", 2)), "i-2");
    assert_eq!(chosen(|fleet| version(fleet, "i-2", "lt-2", 2)), "i-1", "versions of two templates say nothing");
    assert_eq!(chosen(|fleet| instance_of(fleet, "i-1").impaired = true), "i-2");
}

#[test]
fn what_cannot_be_helped_is_stranded_and_what_is_well_stays() {
    let standing = |fleet: &FleetSnapshot| {
        let plan = planned(fleet, &Evidence::default());
        plan.verdicts.into_iter().map(|verdict| (verdict.holder, verdict.standing)).collect::<Vec<_>>()
    };
    assert_eq!(standing(&fleet()), [(Some(OLD.into()), Standing::Stays(Tier::Serving))]);
    let alone = spoilt(|fleet| {
        group_of(fleet).members = vec![member(OLD)];
        instance_of(fleet, OLD).state = InstanceState::Stopped;
    });
    let why = MoveReason::Holder(Ineligible::NotRunning(InstanceState::Stopped));
    assert_eq!(standing(&alone), [(Some(OLD.into()), Standing::Stranded(why))]);
    let free = spoilt(|fleet| {
        fleet.addresses = vec![address(1, Some(OLD)), address(2, Some(NEW)), address(3, None)];
    });
    let stays = |id: &str| (Some(id.into()), Standing::Stays(Tier::Serving));
    assert_eq!(standing(&free), [stays(OLD), stays(NEW), (None, Standing::Stranded(MoveReason::Unassociated))]);
}

#[test]
fn an_address_that_somebody_else_just_placed_is_left_alone_until_a_read_shows_where() {
    let placed = by_event(|evidence| evidence.placed = ["eipalloc-1".into()].into());
    let standings = |fleet: &FleetSnapshot| {
        let plan = planned(fleet, &placed);
        assert_eq!(plan.moves.len(), plan.verdicts.iter().filter(|it| it.standing == Standing::Moves).count());
        plan.verdicts.into_iter().map(|verdict| verdict.standing).collect::<Vec<_>>()
    };
    let free = |n: u32| spoilt(|fleet| fleet.addresses = vec![address(n, None)]);
    assert_eq!(standings(&free(1)), [Standing::Placed]);
    assert_eq!(standings(&free(2)), [Standing::Moves], "another address");
    assert_eq!(standings(&fleet()), [Standing::Stays(Tier::Serving)], "a read shows where");
    let dead = spoilt(|fleet| instance_of(fleet, OLD).state = InstanceState::Stopped);
    assert_eq!(standings(&dead), [Standing::Moves], "it was placed badly");
}

#[test]
fn a_notice_is_written_on_a_living_member_once() {
    let mark = Leaving::new(LeavingReason::SpotInterruption, now() - seconds(5));
    let told = by_event(|evidence| evidence.leaving = [(NEW.into(), mark.clone())].into());
    let written = vec![Mark { instance: NEW.into(), leaving: mark.clone() }];
    assert_eq!(planned(&fleet(), &told).marks, written);
    assert!(!planned(&fleet(), &told).is_empty());
    let pending = spoilt(|fleet| instance_of(fleet, NEW).state = InstanceState::Pending);
    assert_eq!(planned(&pending, &told).marks, written, "who starts lives");
    let weaker = spoilt(|fleet| instance_of(fleet, NEW).leaving = Some(Leaving::new(LeavingReason::Rebalance, now())));
    assert_eq!(planned(&weaker, &told).marks, written);
    for (nothing, evidence) in [
        (spoilt(|fleet| instance_of(fleet, NEW).leaving = Some(mark.clone())), told.clone()),
        (spoilt(|fleet| instance_of(fleet, NEW).state = InstanceState::Stopped), told.clone()),
        (spoilt(|fleet| group_of(fleet).members = vec![member(OLD)]), told.clone()),
        (fleet(), Evidence { dead: [NEW.into()].into(), ..told.clone() }),
        (fleet(), Evidence { halted: [(NEW.into(), now())].into(), ..told }),
    ] {
        assert_eq!(planned(&nothing, &evidence).marks, []);
    }
}

#[test]
fn reads_that_show_a_launched_instance_as_coming_are_looked_past_where_an_address_needs_somebody() {
    let launched = by_event(|evidence| evidence.launched = Some(NEW.into()));
    let outrun = |fleet: &FleetSnapshot, evidence: &Evidence| evidence.outruns(fleet, &planned(fleet, evidence));
    let coming = |by: Spoil| {
        spoilt(|fleet| {
            member_of(fleet, NEW).lifecycle = Lifecycle::Pending(Step::Proceed);
            *instance_of(fleet, NEW) = instance(NEW, PublicAddress::Lent);
            by(fleet);
        })
    };
    let stranded: Spoil = |fleet| instance_of(fleet, OLD).state = InstanceState::Stopped;
    let unwell: Spoil = |fleet| member_of(fleet, OLD).healthy = false;
    assert!(outrun(&coming(stranded), &launched) && outrun(&coming(unwell), &launched));
    assert!(!outrun(&coming(|_| ()), &launched), "the address is served");
    assert!(!outrun(&coming(stranded), &Evidence::default()), "no event");
    let shown = spoilt(stranded);
    assert!(!outrun(&shown, &launched), "the read shows it, and the address moves");
    assert!(!outrun(&spoilt(|fleet| group_of(fleet).members = vec![member(OLD)]), &launched), "it is gone again");
}

#[test]
fn a_halt_says_nothing_of_an_instance_that_was_started_again_since() {
    let halted = by_event(|evidence| evidence.halted = [(OLD.into(), now() - seconds(60))].into());
    let started = |ago: i64| spoilt(|fleet| instance_of(fleet, OLD).launched = now() - seconds(ago));
    for ago in [60, 61, 86_400] {
        let plan = planned(&started(ago), &halted);
        let reasons: Vec<_> = plan.moves.into_iter().map(|moved| moved.reason).collect();
        assert_eq!(reasons, [MoveReason::Holder(Ineligible::Halted)], "started {ago} s ago");
        assert_eq!(plan.nudges.len(), 1, "started {ago} s ago");
    }
    for ago in [0, 59] {
        assert!(planned(&started(ago), &halted).is_empty(), "started {ago} s ago");
    }
}

/// What a person or Auto Scaling did.
type Spoil = fn(&mut FleetSnapshot);

#[test]
fn auto_scaling_is_told_of_the_dead_that_it_counts_as_serving() {
    let dead = |id: &str, reason: Ineligible| vec![Nudge { group: "web".into(), instance: id.into(), reason }];
    let stopped = || spoilt(|fleet| instance_of(fleet, NEW).state = InstanceState::Stopped);
    let plan = planned(&stopped(), &Evidence::default());
    assert_eq!(plan.nudges, dead(NEW, Ineligible::NotRunning(InstanceState::Stopped)));
    assert!(!plan.is_empty());
    let told = by_event(|evidence| evidence.dead = [NEW.into()].into());
    assert_eq!(planned(&fleet(), &told).nudges, dead(NEW, Ineligible::Dead));
    let told = by_event(|evidence| evidence.halted = [(NEW.into(), now())].into());
    assert_eq!(planned(&fleet(), &told).nudges, dead(NEW, Ineligible::Halted));
    let left_alone: [Spoil; 7] = [
        |fleet| group_of(fleet).deleting = true,
        |fleet| group_of(fleet).suspended = vec!["HealthCheck".into()],
        |fleet| group_of(fleet).suspended = vec!["Launch".into(), "ReplaceUnhealthy".into()],
        |fleet| group_of(fleet).suspended = vec!["Terminate".into()],
        |fleet| member_of(fleet, NEW).healthy = false,
        |fleet| member_of(fleet, NEW).lifecycle = Lifecycle::Terminating(Step::Wait),
        |fleet| instance_of(fleet, NEW).state = InstanceState::Pending,
    ];
    for spoil in left_alone {
        let mut fleet = stopped();
        spoil(&mut fleet);
        assert_eq!(planned(&fleet, &Evidence::default()).nudges, [], "{:?}", fleet.groups);
    }
    let mut launching = stopped();
    group_of(&mut launching).suspended = vec!["Launch".into()];
    assert_eq!(planned(&launching, &Evidence::default()).nudges.len(), 1, "who suspends launches alone wants to know");
}

#[test]
fn every_problem_of_a_set_up_is_said() {
    let problems = |fleet: &FleetSnapshot| planned(fleet, &Evidence::default()).problems;
    assert_eq!(problems(&fleet()), []);
    let said = |fleet: FleetSnapshot, problem: Problem, says: &str| {
        assert_eq!(problems(&fleet), std::slice::from_ref(&problem));
        assert!(problem.to_string().contains(says), "{problem}");
    };
    said(spoilt(|fleet| fleet.groups.clear()), Problem::NoGroup, "no Auto Scaling group carries the tag");
    said(spoilt(|fleet| fleet.addresses.clear()), Problem::NoAddress, "no Elastic IP carries the tag");
    said(spoilt(|fleet| group_of(fleet).members.clear()), Problem::NoInstances { desired: 2 }, "(desired: 2)");
    let nobody = spoilt(|fleet| {
        for id in [OLD, NEW] {
            instance_of(fleet, id).state = InstanceState::Stopped;
        }
    });
    said(nobody, Problem::NobodyEligible, "no instance can hold an address now");
    let three = spoilt(|fleet| fleet.addresses = vec![address(1, Some(OLD)), address(2, Some(NEW)), address(3, None)]);
    said(three, Problem::MoreAddressesThanInstances { addresses: 3, eligible: 2 }, "3 addresses, and only 2 instances");
    let two = spoilt(|fleet| fleet.addresses = vec![address(1, Some(OLD)), address(2, Some(NEW))]);
    assert_eq!(problems(&two), [], "one each is enough");
    let unusable = Problem::Unusable { instance: NEW.into(), reason: Ineligible::NoInterface };
    said(
        spoilt(|fleet| instance_of(fleet, NEW).interface = None),
        unusable,
        "`i-0new` cannot take an address: it is without",
    );
    said(
        spoilt(|fleet| fleet.silent = ["us-east-1a".to_owned(), "us-east-1f".to_owned()].into()),
        Problem::SilentZone("us-east-1a".into()),
        "EC2 does not answer for us-east-1a",
    );
    let strange = Problem::GroupWithoutFleet("web".into());
    assert!(strange.to_string().contains("group `web` has a lifecycle hook of ours"));
}

#[test]
fn a_plan_that_writes_nothing_is_empty() {
    let plan = planned(&fleet(), &Evidence::default());
    assert!(plan.is_empty(), "{plan:?}");
    let other = planned(&spoilt(|fleet| instance_of(fleet, NEW).state = InstanceState::Stopped), &Evidence::default());
    assert!(!FleetPlan { nudges: other.nudges, ..plan }.is_empty());
}
