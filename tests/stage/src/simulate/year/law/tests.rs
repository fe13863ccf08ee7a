//! Does the judge of a year see a broken law? A kill that is lawful, told by hand, and then told with one thing wrong.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use panda_domain::chaos::{Experiment, ExperimentId, Fault, Limits, Outcome, Trigger, Verdict, Victim, tags};
use panda_world::{Act, AlarmSpec, AlarmState, Entry, FleetSpec, GroupSpec, Health, InstanceState, Kind, Lifecycle};

use super::{Judge, Sight};
use crate::simulate::year::{
    calendar::Environment,
    fleets::Plan,
    function::Began,
    ledger::{Note, Noted},
};

const PANDA: &str = "panda/1";
const IP: &str = "203.0.113.10";
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Ten o'clock on a Tuesday, in the middle of the window.
fn at(second: i64) -> Timestamp {
    "2026-01-06T10:00:00Z".parse::<Timestamp>().unwrap() + second.seconds()
}

/// A kill, and what is around it. As it stands it is lawful.
struct Story {
    environment: Environment,
    tags: BTreeMap<String, String>,
    lag: SignedDuration,
    /// What happens beside the kill.
    aside: Vec<Sight>,
    began: Began,
    /// Without it nothing is recorded.
    recorded: Option<i64>,
    experiment: Experiment,
    strike: i64,
    operation: &'static str,
    result: &'static str,
    victim: &'static str,
    whole_again: i64,
    /// Without it the experiment stays open.
    closed: Option<(i64, Outcome, bool)>,
}

impl Story {
    fn lawful() -> Self {
        let pairs = [
            ("MEAN_DAYS", "5"),
            ("MIN_DAYS", "1"),
            ("MAX_PER_DAY", "1"),
            ("WINDOW", "Mon-Fri 09:00-15:00"),
            ("TIME_ZONE", "UTC"),
            ("TICK_MINUTES", "15"),
            ("MAX_KILLS_PER_DAY", "5"),
            ("MAX_KILLS_PER_RUN", "1"),
            ("MIN_INSTANCE_AGE_MINUTES", "10"),
        ];
        let tags = [(tags::CHAOS, "on"), (tags::STOP_ALARMS, "shop-errors"), (tags::PIPELINE, "shop-release")];
        Self {
            environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            lag: SignedDuration::ZERO,
            aside: Vec::new(),
            began: began(0, "tick-1"),
            recorded: Some(2),
            experiment: experiment("shop/1", 2),
            strike: 4,
            operation: "TerminateInstances",
            result: "OK",
            victim: "i-2",
            whole_again: 200,
            closed: Some((210, outcome(Verdict::Survived, 210), false)),
        }
    }

    fn tag(&mut self, key: &str, value: &str) {
        self.tags.insert(key.to_owned(), value.to_owned());
    }

    fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    fn entry(&mut self, second: i64, kind: Kind) {
        self.aside.push(Sight::Entry(Entry { at: at(second), kind }));
    }

    fn deed(&mut self, second: i64, act: Act) {
        self.aside.push(Sight::Deed(at(second), act));
    }

    fn note(&mut self, second: i64, what: Noted) {
        self.aside.push(note(second, what));
    }

    /// Another kill of the same fleet, lawful in itself, that began at this second.
    fn kill_before(&mut self, second: i64, id: &str, event: &str, victim: &'static str) {
        let experiment = Experiment {
            victims: vec![hit(victim)],
            day: at(second).to_zoned(jiff::tz::TimeZone::UTC).date(),
            ..experiment(id, second)
        };
        self.aside.push(Sight::Began(began(second, event)));
        self.note(second, Noted::Recorded(Box::new(experiment.clone()), limits()));
        // Three servers until then.
        let desired = |desired| Kind::Capacity { group: "shop".to_owned(), min: 0, max: 5, desired };
        self.join(victim, second - HOUR);
        self.entry(second - HOUR, desired(3));
        for kind in dies(victim) {
            self.entry(second + 1, kind);
        }
        self.entry(second + 1, call("TerminateInstances", "OK", victim));
        self.entry(second + 2, Kind::Left { group: "shop".to_owned(), instance: victim.to_owned() });
        self.entry(second + 2, desired(2));
        let closed = outcome(Verdict::Survived, second + 3);
        self.note(second + 3, Noted::Closed(Box::new(experiment), closed, false));
    }

    /// A server comes into service.
    fn join(&mut self, id: &str, second: i64) {
        for kind in comes(id) {
            self.entry(second, kind);
        }
    }

    fn sights(mut self) -> (Plan, Environment, SignedDuration, Vec<Sight>) {
        let spec = FleetSpec {
            name: "shop".to_owned(),
            addresses: vec![IP.to_owned()],
            groups: vec![GroupSpec {
                name: "shop".to_owned(),
                desired: 2,
                tags: std::mem::take(&mut self.tags),
                ..GroupSpec::default()
            }],
            alarms: vec![AlarmSpec { name: "shop-errors".to_owned(), ..AlarmSpec::default() }],
            ..FleetSpec::default()
        };
        let plan = Plan { spec, alarm: Some("shop-errors".to_owned()), pipeline: Some("shop-release".to_owned()) };
        let mut sights: Vec<Sight> = Vec::new();
        let mut entry = |second: i64, kind: Kind| sights.push(Sight::Entry(Entry { at: at(second), kind }));
        for id in ["i-1", "i-2"] {
            for kind in comes(id) {
                entry(-30 * DAY, kind);
            }
        }
        entry(-30 * DAY, associated("i-1"));
        sights.append(&mut self.aside);
        sights.push(Sight::Began(self.began));
        if let Some(second) = self.recorded {
            sights.push(note(second, Noted::Recorded(Box::new(self.experiment.clone()), limits())));
        }
        let mut entry = |second: i64, kind: Kind| sights.push(Sight::Entry(Entry { at: at(second), kind }));
        if self.result == "OK" && self.operation != "SendCommand" {
            for kind in dies(self.victim) {
                entry(self.strike, kind);
            }
        }
        entry(self.strike, call(self.operation, self.result, self.victim));
        entry(self.strike + 5, Kind::Left { group: "shop".to_owned(), instance: self.victim.to_owned() });
        for kind in comes("i-3") {
            entry(self.whole_again, kind);
        }
        if let Some((second, outcome, disarms)) = self.closed {
            sights.push(note(second, Noted::Closed(Box::new(self.experiment), outcome, disarms)));
        }
        sights.sort_by_key(Sight::at);
        (plan, self.environment, self.lag, sights)
    }
}

fn began(second: i64, event: &str) -> Began {
    Began {
        at: at(second),
        environment: PANDA.to_owned(),
        event: event.to_owned(),
        command: "tick".to_owned(),
        mode: "Unleashed".to_owned(),
    }
}

fn note(second: i64, what: Noted) -> Sight {
    Sight::Note(Note { at: at(second), caller: PANDA.to_owned(), what })
}

fn hit(instance: &str) -> Victim {
    Victim { instance: instance.into(), zone: "us-east-1a".to_owned(), holds: Vec::new() }
}

fn experiment(id: &str, second: i64) -> Experiment {
    let (fleet, key) = id.split_once('/').unwrap();
    Experiment {
        id: ExperimentId::new(&fleet.into(), key),
        fleet: fleet.into(),
        group: "shop".into(),
        leashed: false,
        trigger: Trigger::Tick { slot: 1, thrown: 0.0, odds: 0.5 },
        fault: Fault::Terminate,
        victims: vec![hit("i-2")],
        started: at(second),
        day: at(second).to_zoned(jiff::tz::TimeZone::UTC).date(),
        heal_by: at(second + 600),
        desired: 2,
        members: vec!["i-1".into(), "i-2".into()],
        addresses: Vec::new(),
        url: None,
        struck: None,
        outcome: None,
    }
}

fn limits() -> Limits {
    let day = at(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    Limits { day, max_per_day: 1, last_kill_before: None, account_day: day, max_account_day: 5 }
}

fn outcome(verdict: Verdict, second: i64) -> Outcome {
    Outcome {
        verdict,
        closed: at(second),
        heal_seconds: None,
        outage_seconds: None,
        moves: Vec::new(),
        replacements: Vec::new(),
        detail: None,
    }
}

fn comes(id: &str) -> [Kind; 3] {
    let state = |state| Kind::Instance { instance: id.to_owned(), state };
    [state(InstanceState::Pending), state(InstanceState::Running), lifecycle(id, Lifecycle::InService)]
}

fn dies(id: &str) -> [Kind; 1] {
    [Kind::Instance { instance: id.to_owned(), state: InstanceState::ShuttingDown }]
}

fn lifecycle(id: &str, lifecycle: Lifecycle) -> Kind {
    Kind::Lifecycle { group: "shop".to_owned(), instance: id.to_owned(), lifecycle, warm: false }
}

fn health(id: &str, health: Health) -> Kind {
    Kind::Health { group: "shop".to_owned(), instance: id.to_owned(), health }
}

fn associated(id: &str) -> Kind {
    let (allocation, public_ip) = ("eipalloc-1".to_owned(), IP.to_owned());
    Kind::Associated { allocation, public_ip, instance: id.to_owned(), from: None }
}

fn call(operation: &str, result: &str, subject: &str) -> Kind {
    let (operation, result, subject) = (operation.to_owned(), result.to_owned(), subject.to_owned());
    Kind::Call { caller: PANDA.to_owned(), service: "ec2", operation, result, subject }
}

/// The laws that the judge finds broken in a story that was changed so.
fn broken_by(change: impl FnOnce(&mut Story)) -> Vec<&'static str> {
    let mut story = Story::lawful();
    change(&mut story);
    let (plan, environment, lag, sights) = story.sights();
    let first = sights.first().unwrap().at();
    let mut judge = Judge::new(&[plan], first, environment, lag);
    judge.see(&sights);
    judge.conclude(sights.last().unwrap().at());
    judge.violations.iter().map(|violation| violation.law).collect()
}

#[test]
fn a_kill_within_every_limit_is_lawful() {
    assert_eq!(broken_by(|_| {}), [""; 0]);
}

#[test]
fn a_kill_outside_a_window_on_a_holiday_or_a_weekend_is_seen() {
    let law = ["nothing dies outside a window"];
    assert_eq!(broken_by(|story| story.tag(tags::WINDOW, "Mon-Fri 11:00-15:00")), law);
    assert_eq!(broken_by(|story| story.tag(tags::WINDOW, "Wed 09:00-15:00")), law);
    assert_eq!(broken_by(|story| story.tag(tags::HOLIDAYS, "01-06")), law);
    // Seven in the evening in Tokyo.
    assert_eq!(broken_by(|story| story.tag(tags::TIME_ZONE, "Asia/Tokyo")), law);
    // The window is open when the invocation begins, and closed when it strikes.
    assert_eq!(broken_by(|story| story.tag(tags::WINDOW, "Tue 09:00-10:00")), law);
    assert_eq!(
        broken_by(|story| {
            story.tag(tags::WINDOW, "Tue 09:00-10:15");
            story.began = began(898, "tick-1");
            story.recorded = Some(899);
            story.strike = 900;
            story.whole_again = 1_100;
            story.closed = Some((1_200, outcome(Verdict::Survived, 1_200), false));
            story.experiment = experiment("shop/1", 899);
        }),
        law
    );
}

#[test]
fn a_kill_above_a_cap_is_seen() {
    let before = |story: &mut Story| story.kill_before(-30 * 60, "shop/0", "tick-0", "i-0");
    assert_eq!(
        broken_by(before),
        ["the least work days between kills are kept", "no fleet has more kills on a day than its cap"]
    );
    let several = |story: &mut Story| {
        story.tag(tags::MIN_DAYS, "0");
        story.tag(tags::MAX_PER_DAY, "2");
        story.kill_before(-30 * 60, "shop/0", "tick-0", "i-0");
    };
    assert_eq!(broken_by(several), [""; 0]);
    let law = ["no account has more kills on a day than its cap"];
    assert_eq!(broken_by(|story| (several(story), story.set("MAX_KILLS_PER_DAY", "1")).1), law);
    assert_eq!(broken_by(|story| story.kill_before(-DAY, "shop/0", "tick-0", "i-0")), [""; 0], "one on each work day");
    let law = ["the least work days between kills are kept"];
    let wide = |story: &mut Story| (story.tag(tags::MIN_DAYS, "2"), story.kill_before(-DAY, "shop/0", "tick-0", "i-0"));
    assert_eq!(broken_by(|story| wide(story).0), law);
}

#[test]
fn a_kill_that_leaves_too_few_is_seen() {
    assert_eq!(broken_by(|story| story.tag(tags::MIN_HEALTHY, "2")), ["never below min-healthy"]);
    assert_eq!(broken_by(|story| story.tag(tags::MIN_HEALTHY, "51%")), ["never below min-healthy"]);
    let alone = |story: &mut Story| {
        story.entry(-100, Kind::Left { group: "shop".to_owned(), instance: "i-1".to_owned() });
        story.entry(-100, associated("i-2"));
        story.entry(-100, Kind::Capacity { group: "shop".to_owned(), min: 0, max: 5, desired: 1 });
    };
    assert_eq!(broken_by(alone), ["never below min-healthy"], "the last one");
}

#[test]
fn a_kill_of_who_is_not_opted_in_or_not_understood_is_seen() {
    // Of a group that cannot be read nobody knows either which alarms it means.
    let law =
        ["nothing dies while an alarm rings or a pipeline runs", "nothing dies in a group that does not take part"];
    assert_eq!(broken_by(|story| story.tag(tags::CHAOS, "off")), law);
    assert_eq!(broken_by(|story| drop(story.tags.remove(tags::CHAOS))), law);
    assert_eq!(broken_by(|story| story.tag("lethargic-panda:windows", "Mon-Fri 09:00-15:00")), law);
    let retag = |second: i64| {
        move |story: &mut Story| {
            let (group, key) = ("shop".to_owned(), tags::CHAOS.to_owned());
            story.deed(second, Act::TagGroup { group, key, value: Some("off".to_owned()) });
        }
    };
    assert_eq!(broken_by(retag(-1)), law);
    assert_eq!(broken_by(retag(1)), [""; 0], "the invocation may have read the tag before");
    let stale = |story: &mut Story| {
        retag(-3)(story);
        story.lag = SignedDuration::from_secs(5);
    };
    assert_eq!(broken_by(stale), [""; 0], "a stale read may still have shown the old tag");
}

#[test]
fn a_kill_in_a_group_that_is_unwell_is_seen() {
    const UNWELL: &str = "nothing dies in a group that Auto Scaling shows unwell";
    let spare = |story: &mut Story| story.join("i-0", -HOUR);
    assert_eq!(broken_by(spare), [UNWELL], "more servers than wanted");
    let ill = |story: &mut Story| {
        spare(story);
        story.entry(-100, health("i-0", Health::Unhealthy));
        story.entry(-100, Kind::Capacity { group: "shop".to_owned(), min: 0, max: 5, desired: 3 });
        story.tag(tags::MIN_HEALTHY, "1");
    };
    assert_eq!(broken_by(ill), [UNWELL, "an experiment that says that its fleet healed is right"]);
    let booting = |story: &mut Story| story.entry(-100, lifecycle("i-9", Lifecycle::Pending));
    assert_eq!(broken_by(booting), [UNWELL]);
    let suspended = |story: &mut Story| {
        story.deed(-100, Act::Suspend { group: "shop".to_owned(), names: vec!["Launch".to_owned()] });
    };
    assert_eq!(broken_by(suspended), [UNWELL]);
    let standby = |story: &mut Story| {
        story.join("i-0", -HOUR);
        story.entry(-100, lifecycle("i-2", Lifecycle::Standby));
    };
    assert_eq!(broken_by(standby), [UNWELL], "the victim is in standby");
    let down = |story: &mut Story| {
        story.entry(-100, Kind::Instance { instance: "i-1".to_owned(), state: InstanceState::Stopped });
    };
    let laws = ["nothing dies while a member is down", "nothing dies while an address is not on a server"];
    assert_eq!(broken_by(down), laws);
    let lost = |story: &mut Story| story.entry(-100, associated("i-stranger"));
    assert_eq!(broken_by(lost), ["nothing dies while an address is not on a server"]);
}

const AROUND: [&str; 1] = ["nothing dies while an alarm rings or a pipeline runs"];

#[test]
fn a_kill_while_something_else_goes_on_is_seen() {
    let refresh = |story: &mut Story| {
        story.entry(-100, Kind::Group { group: "shop".to_owned(), change: "instance refresh r-1 Started".to_owned() });
    };
    assert_eq!(broken_by(refresh), ["nothing dies during an instance refresh"]);
    let refreshed = |story: &mut Story| {
        refresh(story);
        story.entry(-50, Kind::Group { group: "shop".to_owned(), change: "instance refresh r-1 Succeeded".to_owned() });
    };
    assert_eq!(broken_by(refreshed), [""; 0]);
    let deployment = |story: &mut Story| {
        let (application, deployment_group) = ("shop".to_owned(), "shop".to_owned());
        story.deed(-100, Act::StartDeployment { application, deployment_group, seconds: Some(600) });
    };
    assert_eq!(broken_by(deployment), ["nothing dies during a deployment"]);
    let rings = |story: &mut Story| {
        story.deed(-100, Act::SetAlarm { name: "shop-errors".to_owned(), state: AlarmState::Alarm });
    };
    assert_eq!(broken_by(rings), AROUND);
    assert_eq!(broken_by(|story| story.deed(-100, Act::DeleteAlarm { name: "shop-errors".to_owned() })), AROUND);
    let runs = |story: &mut Story| {
        story.deed(-100, Act::BeginExecution { pipeline: "shop-release".to_owned(), seconds: Some(600) });
    };
    assert_eq!(broken_by(runs), AROUND);
}

#[test]
fn a_kill_that_nobody_may_order_is_seen() {
    assert_eq!(broken_by(|story| story.began.mode = "Leashed".to_owned()), ["nothing dies while leashed or off"]);
    assert_eq!(broken_by(|story| story.began.command = "preview".to_owned()), ["only a tick or an order strikes"]);
    let disarmed = ["nothing dies while it is disarmed"];
    assert_eq!(broken_by(|story| story.note(-100, Noted::Disarmed(None))), disarmed);
    assert_eq!(broken_by(|story| story.note(-100, Noted::Disarmed(Some("shop".into())))), disarmed);
    let armed = |story: &mut Story| {
        story.note(-100, Noted::Disarmed(None));
        story.note(-50, Noted::Armed(None));
    };
    assert_eq!(broken_by(armed), [""; 0]);
    let stranger = |story: &mut Story| story.began.environment = "panda/2".to_owned();
    assert_eq!(
        broken_by(stranger),
        ["only an invocation strikes", "who does not heal is disarmed, and nobody else"].get(..1).unwrap()
    );
}

#[test]
fn a_kill_without_a_record_or_long_after_it_is_seen() {
    let law = ["nothing is struck without an open record of the same invocation"];
    assert_eq!(broken_by(|story| (story.recorded, story.closed) = (None, None)), law);
    assert_eq!(
        broken_by(
            |story| (story.recorded, story.closed) = (Some(5), Some((210, outcome(Verdict::Survived, 210), false)))
        ),
        law,
        "the record comes after the strike"
    );
    assert_eq!(broken_by(|story| story.strike = 100), ["nothing is struck long after its record"]);
    // What AWS refuses was tried as well.
    let refused = |story: &mut Story| {
        (story.recorded, story.closed, story.result) = (None, None, "OperationNotPermitted");
    };
    assert_eq!(broken_by(refused), law);
}

#[test]
fn who_is_not_among_those_that_may_be_hit_is_seen() {
    assert_eq!(broken_by(|story| story.tag(tags::VICTIM, "holder")), ["only whom the tags choose is hit"]);
    assert_eq!(broken_by(|story| story.tag(tags::VICTIM, "spare")), [""; 0]);
    assert_eq!(broken_by(|story| story.tag(tags::FAULTS, "crash graceful")), ["only what is allowed is done"]);
    let young = |story: &mut Story| {
        story.entry(-300, Kind::Left { group: "shop".to_owned(), instance: "i-2".to_owned() });
        story.join("i-9", -300);
        story.victim = "i-9";
        story.experiment.victims = vec![hit("i-9")];
    };
    assert_eq!(broken_by(young), ["nobody dies young"]);
    let stranger = |story: &mut Story| {
        story.victim = "i-9";
        story.experiment.victims = vec![hit("i-9")];
        story.entry(-HOUR, Kind::Instance { instance: "i-9".to_owned(), state: InstanceState::Running });
    };
    let laws = broken_by(stranger);
    assert!(laws.contains(&"only members of the group are struck"), "{laws:?}");
}

#[test]
fn two_that_die_for_one_tick_are_seen() {
    const LAW: &str = "nobody dies twice for one tick";
    let loose = |story: &mut Story| {
        story.tag(tags::MIN_DAYS, "0");
        story.tag(tags::MAX_PER_DAY, "9");
        story.set("MAX_KILLS_PER_RUN", "9");
    };
    let same_event = |story: &mut Story| {
        loose(story);
        story.kill_before(-30 * 60, "shop/0", "tick-1", "i-0");
    };
    assert_eq!(broken_by(same_event), [LAW], "the same event, delivered twice, half an hour apart");
    let same_slot = |story: &mut Story| {
        loose(story);
        story.began.at = at(500);
        (story.recorded, story.strike, story.whole_again) = (Some(502), 504, 700);
        story.experiment = experiment("shop/1", 502);
        story.closed = Some((710, outcome(Verdict::Survived, 710), false));
        story.kill_before(10, "shop/0", "tick-0", "i-0");
    };
    assert_eq!(broken_by(same_slot), [LAW], "two ticks in one slot");
    let again = |story: &mut Story| {
        loose(story);
        story.kill_before(-30 * 60, "shop/1", "tick-1", "i-0");
    };
    assert_eq!(broken_by(again), ["nothing is recorded twice"]);
}

#[test]
fn a_wrong_end_is_seen() {
    let ends = |verdict: Verdict, second: i64, disarms: bool| {
        move |story: &mut Story| story.closed = Some((second, outcome(verdict, second), disarms))
    };
    assert_eq!(broken_by(ends(Verdict::NotHealed, 700, true)), [""; 0]);
    assert_eq!(broken_by(ends(Verdict::NotHealed, 300, true)), ["nobody is given up before the deadline"]);
    let disarm = "who does not heal is disarmed, and nobody else";
    assert_eq!(broken_by(ends(Verdict::NotHealed, 700, false)), [disarm]);
    assert_eq!(broken_by(ends(Verdict::Survived, 210, true)), [disarm]);
    let nothing = ["an experiment that says that nothing died is right"];
    assert_eq!(broken_by(ends(Verdict::Aborted, 700, false)), nothing);
    assert_eq!(broken_by(ends(Verdict::NotStruck, 700, false)), nothing);
    let healed = "an experiment that says that its fleet healed is right";
    assert_eq!(broken_by(ends(Verdict::Survived, 100, false)), [healed], "its replacement is not there yet");
    let late = |story: &mut Story| {
        story.whole_again = 1_000;
        ends(Verdict::Survived, 1_010, false)(story);
    };
    assert_eq!(broken_by(late), [disarm], "whole again, and after the deadline");
    assert_eq!(broken_by(|story| story.closed = None), ["every experiment is closed in the end"]);
    let double = |story: &mut Story| {
        story.note(-1, Noted::Recorded(Box::new(experiment("shop/0", -1)), limits()));
    };
    assert_eq!(broken_by(double), ["one open experiment per fleet"]);
}

#[test]
fn dice_that_fall_too_often_are_seen() {
    let laws = broken_by(|story| {
        for number in 0..5 {
            let experiment = experiment(&format!("shop/early-{number}"), -HOUR);
            story.note(-HOUR, Noted::Recorded(Box::new(experiment.clone()), limits()));
            let closed = outcome(Verdict::Aborted, -HOUR);
            story.note(-HOUR, Noted::Closed(Box::new(experiment), closed, false));
        }
    });
    assert_eq!(laws, ["the dice fall no more often than the tags ask"]);
}
