//! Which lifecycle action `panda_domain::failover` completes, holds, or leaves to others, and for how long.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]
#![allow(dead_code, reason = "the fleet is shared with another test")]

mod fleet;

use jiff::Timestamp;
use panda_domain::{
    event::{InstanceState, Transition},
    failover::{
        Answer, AnswerReason, Evidence, FleetSnapshot, Ineligible, LOOK_EVERY, Leaving, LeavingReason, Lifecycle, Mark,
        PublicAddress, Step, WaitingHook,
    },
};

use self::fleet::{
    NEW, OLD, address, fleet, group_of, instance, instance_of, member, member_of, now, planned, seconds, spoilt,
};

const AT_ONCE: Answer = Answer::Continue { after: jiff::SignedDuration::ZERO };
const SETTLED: Answer = Answer::Continue { after: jiff::SignedDuration::from_secs(6) };

fn told(instance: &str, hook: &str, transition: Transition, ago: i64) -> Evidence {
    let waiting = WaitingHook {
        group: "web".into(),
        instance: instance.into(),
        hook: hook.into(),
        transition,
        warm: false,
        since: now() - seconds(ago),
    };
    Evidence { waiting: Some(waiting), ..Evidence::default() }
}

fn leaving(instance: &str, ago: i64) -> Evidence {
    told(instance, "elastic-ip-terminate", Transition::Terminating, ago)
}

/// The holder waits in its terminate hook, as the reads show.
fn waits(by: impl FnOnce(&mut FleetSnapshot)) -> FleetSnapshot {
    spoilt(|fleet| {
        member_of(fleet, OLD).lifecycle = Lifecycle::Terminating(Step::Wait);
        by(fleet);
    })
}

/// The holder waits and is the only server; a successor is on its way.
fn alone(by: impl FnOnce(&mut FleetSnapshot)) -> FleetSnapshot {
    waits(|fleet| {
        group_of(fleet).members.retain(|member| member.instance.as_str() == OLD);
        by(fleet);
    })
}

fn answers(fleet: &FleetSnapshot, evidence: &Evidence) -> Vec<(String, String, Answer, AnswerReason)> {
    let plan = planned(fleet, evidence);
    assert_eq!(
        plan.is_empty() && !plan.answers.is_empty(),
        plan.answers.iter().any(|answer| matches!(answer.answer, Answer::Hold { .. }))
            && plan.moves.is_empty()
            && plan.marks.is_empty()
            && plan.answers.len() == 1
    );
    let answers = plan.answers.into_iter();
    answers.map(|given| (given.instance.to_string(), given.hook.to_string(), given.answer, given.reason)).collect()
}

/// The only answer.
fn answer(fleet: &FleetSnapshot, evidence: &Evidence) -> (Answer, AnswerReason) {
    let answers = answers(fleet, evidence);
    let [(instance, hook, answer, reason)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((instance.as_str(), hook.as_str()), (OLD, "elastic-ip-terminate"));
    (*answer, reason.clone())
}

fn held(since: Timestamp, budget: i64) -> Answer {
    Answer::Hold { since, until: since + seconds(budget) }
}

#[test]
fn a_launch_does_not_wait_for_us() {
    let launching = |ago| told("i-0boots", "elastic-ip-launch", Transition::Launching, ago);
    let completed =
        |instance: &str| vec![(instance.to_owned(), "elastic-ip-launch".to_owned(), AT_ONCE, AnswerReason::Launch)];
    assert_eq!(answers(&fleet(), &launching(1)), completed("i-0boots"), "who is not listed yet is answered too");
    for (lifecycle, past) in [
        (Lifecycle::Pending(Step::Begun), false),
        (Lifecycle::Pending(Step::Wait), false),
        (Lifecycle::Pending(Step::Proceed), true),
        (Lifecycle::InService, true),
        (Lifecycle::Terminating(Step::Begun), true),
        (Lifecycle::Warmed(Step::Begun), false),
    ] {
        let fleet = spoilt(|fleet| {
            let mut boots = member("i-0boots");
            boots.lifecycle = lifecycle.clone();
            group_of(fleet).members.push(boots);
        });
        let expected = if past { Vec::new() } else { completed("i-0boots") };
        assert_eq!(answers(&fleet, &launching(1)), expected, "{lifecycle}");
    }
}

#[test]
fn a_launch_hook_whose_event_was_lost_is_completed_a_look_after_the_launch() {
    let waiting = |age: i64| {
        spoilt(|fleet| {
            member_of(fleet, NEW).lifecycle = Lifecycle::Pending(Step::Wait);
            instance_of(fleet, NEW).launched = now() - seconds(age);
        })
    };
    let look = LOOK_EVERY.as_secs();
    assert_eq!(answers(&waiting(look - 1), &Evidence::default()), []);
    let completed = [(NEW.to_owned(), "elastic-ip-launch".to_owned(), AT_ONCE, AnswerReason::Launch)];
    assert_eq!(answers(&waiting(look), &Evidence::default()), completed);
    let mut unlisted = waiting(look);
    unlisted.instances.remove(NEW);
    assert_eq!(answers(&unlisted, &Evidence::default()), []);
    unlisted.silent = ["us-east-1a".to_owned()].into();
    let silent = answers(&unlisted, &Evidence::default());
    assert_eq!(silent, completed, "nobody can say how old it is");
    assert_eq!(AnswerReason::Launch.to_string(), "a launch does not wait for us");
}

#[test]
fn who_waits_for_a_new_root_volume_hands_its_address_on_and_is_let_go_whether_the_event_came_or_not() {
    let renewed = |step: Step| spoilt(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::RootVolume(step));
    let waits = renewed(Step::Wait);
    for evidence in [Evidence::default(), leaving(OLD, 1)] {
        assert_eq!(answer(&waits, &evidence), (SETTLED, AnswerReason::Moved));
        let alone = spoilt(|fleet| {
            member_of(fleet, OLD).lifecycle = Lifecycle::RootVolume(Step::Wait);
            group_of(fleet).members.retain(|member| member.instance.as_str() == OLD);
        });
        let (at_once, why) = answer(&alone, &evidence);
        assert_eq!(at_once, AT_ONCE, "nobody comes in its place");
        assert_eq!(why.to_string(), "it is in state ReplacingRootVolume:Wait");
    }
    let mut moved = waits;
    moved.addresses = vec![address(1, Some(NEW))];
    assert_eq!(answer(&moved, &Evidence::default()), (SETTLED, AnswerReason::HoldsNothing));
    let settled = Evidence { settled: [OLD.into()].into(), ..Evidence::default() };
    assert_eq!(answer(&moved, &settled), (AT_ONCE, AnswerReason::HoldsNothing));
    for step in [Step::Begun, Step::Proceed] {
        assert_eq!(answers(&renewed(step), &Evidence::default()), [], "{step:?}");
    }
    assert_eq!(answers(&renewed(Step::Proceed), &leaving(OLD, 1)), [], "it is past the hook");
}

#[test]
fn hooks_of_others_are_left_to_them() {
    assert_eq!(answers(&fleet(), &told(OLD, "somebody-elses", Transition::Terminating, 1)), []);
    let elsewhere = Evidence {
        waiting: leaving(OLD, 1).waiting.map(|waiting| WaitingHook { group: "shop".into(), ..waiting }),
        ..Evidence::default()
    };
    assert_eq!(answers(&fleet(), &elsewhere), []);
}

#[test]
fn reads_that_show_what_came_after_a_hook_outweigh_its_event() {
    for (lifecycle, answered) in [
        (Lifecycle::Terminating(Step::Proceed), false),
        (Lifecycle::Terminating(Step::Wait), true),
        (Lifecycle::InService, true),
    ] {
        let fleet = spoilt(|fleet| member_of(fleet, OLD).lifecycle = lifecycle.clone());
        assert_eq!(answers(&fleet, &leaving(OLD, 1)).len(), usize::from(answered), "{lifecycle}");
    }
    let gone = spoilt(|fleet| group_of(fleet).members.retain(|member| member.instance.as_str() != OLD));
    assert_eq!(answers(&gone, &leaving(OLD, 1)), [], "who is not listed any more is gone");
    let warm = |mut evidence: Evidence| {
        evidence.waiting.as_mut().unwrap().warm = true;
        evidence
    };
    assert_eq!(answers(&gone, &warm(leaving(OLD, 1))).len(), 1, "but a warm one never is listed");
}

#[test]
fn an_action_is_completed_once_and_another_of_the_same_hook_again() {
    let answered = |evidence: Evidence, ago: i64| Evidence {
        answered: [((OLD.into(), "elastic-ip-terminate".into()), now() - seconds(ago))].into(),
        ..evidence
    };
    let running = || spoilt(|_| {});
    assert_eq!(answers(&running(), &answered(leaving(OLD, 30), 30)), [], "completed when it began to wait");
    assert_eq!(answers(&running(), &answered(leaving(OLD, 30), 10)), []);
    assert_eq!(answers(&running(), &answered(leaving(OLD, 30), 31)).len(), 1, "that was an earlier action");
    // Without an event only time tells.
    assert_eq!(answers(&waits(|_| {}), &answered(Evidence::default(), 179)), []);
    assert_eq!(answers(&waits(|_| {}), &answered(Evidence::default(), 180)).len(), 1);
    let another =
        Evidence { answered: [((NEW.into(), "elastic-ip-terminate".into()), now())].into(), ..Evidence::default() };
    assert_eq!(answers(&waits(|_| {}), &another).len(), 1, "somebody else's answer is no answer");
}

#[test]
fn a_leaving_server_stays_until_the_network_has_followed() {
    assert_eq!(answer(&waits(|_| {}), &Evidence::default()), (SETTLED, AnswerReason::Moved));
    assert_eq!(AnswerReason::Moved.to_string(), "its address moved");
    // Somebody moved the address before: it may still be led here.
    let moved = || waits(|fleet| fleet.addresses = vec![address(1, Some(NEW))]);
    assert_eq!(answer(&moved(), &Evidence::default()), (SETTLED, AnswerReason::HoldsNothing));
    assert_eq!(AnswerReason::HoldsNothing.to_string(), "it holds no address");
    let settled = Evidence { settled: [OLD.into()].into(), ..Evidence::default() };
    assert_eq!(answer(&moved(), &settled), (AT_ONCE, AnswerReason::HoldsNothing));
    let mut impaired = moved();
    instance_of(&mut impaired, OLD).impaired = true;
    assert_eq!(answer(&impaired, &Evidence::default()), (AT_ONCE, AnswerReason::HoldsNothing));
    let mut stopped = moved();
    instance_of(&mut stopped, OLD).state = InstanceState::Stopped;
    assert_eq!(answer(&stopped, &Evidence::default()), (AT_ONCE, AnswerReason::HoldsNothing));
    let mut warm = moved();
    member_of(&mut warm, OLD).lifecycle = Lifecycle::Warmed(Step::Wait);
    assert_eq!(
        answers(&warm, &Evidence::default())
            .into_iter()
            .filter(|(_, hook, ..)| hook.ends_with("terminate"))
            .map(|(.., answer, _)| answer)
            .collect::<Vec<_>>(),
        [SETTLED],
        "a server on its way back to the warm pool lives until its hook is completed"
    );
}

#[test]
fn who_does_not_serve_is_not_kept() {
    let warm = waits(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::Warmed(Step::Wait));
    let given = answers(&warm, &Evidence::default());
    assert!(
        given.iter().any(|(_, hook, answer, reason)| {
            hook.ends_with("terminate") && *answer == SETTLED && *reason == AnswerReason::Moved
        }),
        "{given:?}"
    );
    let stopped = waits(|fleet| instance_of(fleet, OLD).state = InstanceState::Stopped);
    let why = Ineligible::NotRunning(InstanceState::Stopped);
    assert_eq!(answer(&stopped, &Evidence::default()), (AT_ONCE, AnswerReason::NotServing(why.clone())));
    assert_eq!(AnswerReason::NotServing(why).to_string(), "it is stopped");
    let lonely = alone(|fleet| member_of(fleet, OLD).lifecycle = Lifecycle::Warmed(Step::Wait));
    let given = answers(&lonely, &Evidence::default());
    assert!(given.iter().all(|(.., answer, _)| *answer == AT_ONCE), "nobody took its address: {given:?}");
    let impaired = alone(|fleet| instance_of(fleet, OLD).impaired = true);
    assert_eq!(answer(&impaired, &Evidence::default()), (AT_ONCE, AnswerReason::Unreachable));
    assert_eq!(AnswerReason::Unreachable.to_string(), "it cannot be reached anyway");
}

#[test]
fn the_only_server_is_held_until_its_successor_serves_or_its_time_is_up() {
    // The heartbeat is five minutes; the last look before its end is 80 seconds earlier.
    let since = now() - seconds(100);
    assert_eq!(answer(&alone(|_| {}), &leaving(OLD, 100)), (held(since, 220), AnswerReason::OnlyServer));
    assert_eq!(AnswerReason::OnlyServer.to_string(), "it is the only server until its successor is in service");
    let spent = (AT_ONCE, AnswerReason::BudgetSpent);
    assert_eq!(answer(&alone(|_| {}), &leaving(OLD, 219)).1, AnswerReason::OnlyServer);
    assert_eq!(answer(&alone(|_| {}), &leaving(OLD, 220)), spent);
    assert_eq!(AnswerReason::BudgetSpent.to_string(), "it is the only server, and its time is up");
    let heartbeat =
        |heartbeat| alone(|fleet| group_of(fleet).hooks.iter_mut().for_each(|hook| hook.heartbeat_seconds = heartbeat));
    assert_eq!(answer(&heartbeat(3_600), &leaving(OLD, 0)).0, held(now(), 240), "the deployment's limit");
    assert_eq!(answer(&heartbeat(30), &leaving(OLD, 0)), spent, "no look fits before its end");
    let unread = alone(|fleet| group_of(fleet).hooks.clear());
    assert_eq!(answer(&unread, &leaving(OLD, 0)).0, held(now(), 240));
    let mixed = alone(|fleet| group_of(fleet).hooks.iter_mut().take(1).for_each(|hook| hook.heartbeat_seconds = 30));
    assert_eq!(answer(&mixed, &leaving(OLD, 0)).0, held(now(), 220), "the heartbeat of its own hook");
}

#[test]
fn the_time_of_waiting_runs_from_the_earliest_sign() {
    let marked = |reason, ago: i64| {
        alone(|fleet| instance_of(fleet, OLD).leaving = Some(Leaving::new(reason, now() - seconds(ago))))
    };
    let nothing = Evidence::default();
    let hook = LeavingReason::TerminateHook;
    assert_eq!(answer(&marked(hook, 90), &nothing).0, held(now() - seconds(90), 220));
    assert_eq!(answer(&marked(hook, 90), &leaving(OLD, 30)).0, held(now() - seconds(90), 220));
    assert_eq!(answer(&marked(hook, 90), &leaving(OLD, 120)).0, held(now() - seconds(120), 220));
    let since = now() - LOOK_EVERY;
    assert_eq!(
        answer(&marked(LeavingReason::Rebalance, 90), &nothing).0,
        held(since, 220),
        "another notice is no sign"
    );
    let plan = planned(&alone(|_| {}), &nothing);
    assert_eq!(plan.marks, [Mark { instance: OLD.into(), leaving: Leaving::new(hook, since) }], "and is written down");
    assert!(!plan.is_empty());
    assert!(planned(&marked(hook, 90), &nothing).is_empty(), "holding on writes nothing");
}

/// Another boots, by an address that Amazon lent it.
fn online(fleet: &mut FleetSnapshot) {
    let mut boots = member(NEW);
    boots.lifecycle = Lifecycle::Pending(Step::Wait);
    group_of(fleet).members.push(boots);
    *instance_of(fleet, NEW) = instance(NEW, PublicAddress::Lent);
    instance_of(fleet, NEW).launched = now();
}

#[test]
fn without_a_successor_nobody_waits() {
    type Spoil = Box<dyn Fn(&mut FleetSnapshot)>;
    let expected: Vec<(&str, Spoil)> = vec![
        ("two are asked for", Box::new(|_| {})),
        (
            "one boots",
            Box::new(move |fleet| {
                group_of(fleet).desired = 0;
                online(fleet);
            }),
        ),
    ];
    for (why, spoil) in expected {
        assert_eq!(answer(&alone(&spoil), &leaving(OLD, 0)).1, AnswerReason::OnlyServer, "{why}");
    }
    let none: Vec<(&str, Spoil)> = vec![
        ("none is asked for", Box::new(|fleet| group_of(fleet).desired = 0)),
        ("launches are suspended", Box::new(|fleet| group_of(fleet).suspended = vec!["Launch".into()])),
        ("the group goes", Box::new(|fleet| group_of(fleet).deleting = true)),
        (
            "the one that boots is dead",
            Box::new(move |fleet| {
                group_of(fleet).desired = 0;
                online(fleet);
                instance_of(fleet, NEW).state = InstanceState::ShuttingDown;
            }),
        ),
    ];
    for (why, spoil) in none {
        let given = answer(&alone(&spoil), &leaving(OLD, 0));
        assert_eq!(given, (AT_ONCE, AnswerReason::NoSuccessor), "{why}");
    }
    assert_eq!(AnswerReason::NoSuccessor.to_string(), "it is the only server, and no successor is expected");
    let other = alone(|fleet| group_of(fleet).suspended = vec!["Terminate".into()]);
    assert_eq!(answer(&other, &leaving(OLD, 0)).1, AnswerReason::OnlyServer, "another suspension hinders no launch");
}

#[test]
fn an_address_that_could_not_be_moved_keeps_its_holder() {
    let stuck = Evidence { stuck: ["eipalloc-1".into()].into(), ..leaving(OLD, 0) };
    assert_eq!(answer(&waits(|_| {}), &stuck), (held(now(), 220), AnswerReason::Stuck));
    assert_eq!(AnswerReason::Stuck.to_string(), "its address could not be moved yet");
    let lonely = alone(|fleet| group_of(fleet).desired = 0);
    assert_eq!(answer(&lonely, &stuck).1, AnswerReason::Stuck, "whether or not a successor comes");
}
