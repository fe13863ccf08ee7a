//! What opens and shuts the gates of `panda_domain::chaos`, who may be hit, and what is said of it: one case at a time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod situation;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use panda_domain::{
    chaos::{
        AddressLook, AlarmState, Asked, Decision, Dice, Draw, Ending, Experiment, ExperimentId, Fault, Healing,
        LONGEST_SUBJECT, LastKills, Limits, Mode, OpenExperiment, Outlook, Present, Said, Silence, Takeover, Tally,
        Trigger, Verdict, Victim, WATCH_HARMLESS, after, before, choose, fleet_of, heal_by, healing, judge, survey,
        tags, take_over,
    },
    event::InstanceState,
    failover::{Leaving, LeavingReason, Lifecycle, Step},
};

use self::situation::{Situation, answer, at, instance, member, now, running};

fn three() -> Situation {
    Situation::of(&["a", "b", "c"])
}

fn experiment(situation: &Situation) -> Experiment {
    let plan = situation.plan();
    assert!(plan.strike().is_some(), "{:?}", plan.decision);
    plan.strike().unwrap().experiment.clone()
}

fn said() -> Said {
    Said { reason: "release".into(), by: "ann".into(), at: at("2026-11-25T10:00:00Z") }
}

fn tally(when: &str, kills: u32) -> Tally {
    let at = at(when);
    Tally { at, day: panda_domain::chaos::utc_date(at), kills, id: ExperimentId::new(&"web".into(), when) }
}

fn unleashed(tally: Tally) -> BTreeMap<panda_domain::ids::FleetName, LastKills> {
    BTreeMap::from([("web".into(), LastKills { unleashed: Some(tally), leashed: None })])
}

#[test]
fn a_well_fleet_is_struck_and_the_record_says_all() {
    let plan = three().plan();
    let strike = plan.strike().unwrap();
    let experiment = &strike.experiment;
    assert_eq!(experiment.id.as_str(), "web/request-1");
    assert_eq!((experiment.fault, experiment.victims.len(), experiment.leashed), (Fault::Terminate, 1, false));
    assert_eq!(experiment.heal_by, now() + SignedDuration::from_mins(10));
    assert_eq!(experiment.trigger, Trigger::Command { request: "request-1".into(), reason: "game day".into() });
    assert_eq!((experiment.desired, experiment.members.len(), experiment.addresses.len()), (3, 3, 1));
    assert_eq!(
        strike.limits,
        Limits {
            day: "2026-11-26".parse().unwrap(),
            max_per_day: 1,
            last_kill_before: Some(at("2026-11-25T15:00:00Z")),
            account_day: "2026-11-26".parse().unwrap(),
            max_account_day: 10,
        }
    );
    let verdict = plan.verdict();
    assert_eq!((verdict.code, verdict.eligible.len()), ("strike", 3));
    assert!(serde_json::to_string(&verdict).unwrap().contains("\"code\":\"strike\""));
    let written = serde_json::to_string(experiment).unwrap();
    assert_eq!(serde_json::from_str::<Experiment>(&written).unwrap(), *experiment, "it reads back: {written}");
}

type Case = (&'static str, Situation, &'static [&'static str]);

/// Each situation is spared for these reasons, and no others.
fn each(cases: Vec<Case>) {
    for (name, situation, codes) in cases {
        assert_eq!(situation.codes(), codes, "{name}: {:?}", situation.reasons());
        for reason in situation.reasons() {
            let sentence = reason.to_string();
            assert!(sentence.len() > 10 && !sentence.contains("  "), "{name}: {sentence}");
        }
    }
}

#[test]
fn switches_windows_and_the_past_have_their_reasons() {
    each(vec![
        ("off", three().with(|s| s.settings.mode = Mode::Off), &["mode-off"]),
        ("not opted in", three().with(|s| s.group.tags.clear()), &["not-opted-in"]),
        ("a slip", three().tagged("lethargic-panda:windows", "x"), &["policy-unreadable"]),
        ("another fleet", three().ordered(|order| order.fleet = "api".into()), &["not-asked"]),
        ("lever", three().with(|s| s.present.lever = Some(said())), &["lever"]),
        ("disarmed", three().with(|s| s.present.disarmed.extend([("web".into(), said())])), &["disarmed"]),
        ("another disarmed", three().with(|s| s.present.disarmed.extend([("api".into(), said())])), &[]),
        ("night", three().with(|s| s.now = at("2026-11-26T15:00:00Z")), &["outside-window"]),
        ("holiday", three().tagged(tags::HOLIDAYS, "11-26"), &["outside-window"]),
        ("yesterday", three().with(|s| s.present.last = unleashed(tally("2026-11-25T14:59:59Z", 1))), &[]),
        (
            "today",
            three().with(|s| s.present.last = unleashed(tally("2026-11-26T09:10:00Z", 1))),
            &["minimum-days", "fleet-cap"],
        ),
        (
            "yesterday's end",
            three().with(|s| s.present.last = unleashed(tally("2026-11-25T15:00:00Z", 1))),
            &["minimum-days"],
        ),
        (
            "two days",
            three().tagged(tags::MIN_DAYS, "2").with(|s| s.present.last = unleashed(tally("2026-11-25T10:00:00Z", 1))),
            &["minimum-days"],
        ),
        (
            "cap",
            three()
                .tagged(tags::MIN_DAYS, "0")
                .tagged(tags::MAX_PER_DAY, "2")
                .with(|s| s.present.last = unleashed(tally("2026-11-26T09:10:00Z", 2))),
            &["fleet-cap"],
        ),
        ("account", three().with(|s| s.present.days.extend([("2026-11-26".parse().unwrap(), 10)])), &["account-cap"]),
        ("account yesterday", three().with(|s| s.present.days.extend([("2026-11-25".parse().unwrap(), 99)])), &[]),
    ]);
}

#[test]
fn a_group_that_is_unwell_or_changing_has_its_reasons() {
    let late = |minutes: i64| now() - SignedDuration::from_mins(minutes);
    let failed = |minutes: i64, succeeded: Option<i64>| {
        three().with(|s| {
            let launches = s.look.launches.as_mut().unwrap();
            launches.failed = Some((late(minutes), "no capacity".into()));
            launches.succeeded = succeeded.map(late);
        })
    };
    let refresh = |status: &str| three().with(|s| s.look.refresh = Ok(Some(status.into())));
    let suspended = |process: &str| three().with(|s| s.group.suspended.push(process.into()));
    each(vec![
        ("deleting", three().with(|s| s.group.deleting = true), &["deleting"]),
        ("no launch", suspended("Launch"), &["suspended"]),
        ("no termination", suspended("Terminate"), &["suspended"]),
        ("no health check", suspended("HealthCheck"), &["suspended"]),
        ("no replacement", suspended("ReplaceUnhealthy"), &["suspended"]),
        ("no load balancer", suspended("AddToLoadBalancer"), &["suspended"]),
        ("no rebalancing", suspended("AZRebalance"), &[]),
        ("growing", three().with(|s| s.group.desired = 4), &["unwell"]),
        ("shrinking", three().with(|s| s.group.desired = 2), &["unwell"]),
        (
            "pending",
            three().with(|s| s.group.members[2].lifecycle = Lifecycle::Pending(Step::Wait)),
            &["unwell", "min-healthy"],
        ),
        ("unhealthy", three().with(|s| s.group.members[2].healthy = false), &["unwell", "min-healthy"]),
        (
            "one more than desired leaves",
            three().with(|s| {
                s.group.members.push(panda_domain::chaos::GroupMember {
                    lifecycle: Lifecycle::Terminating(Step::Wait),
                    ..member(3, "a")
                });
            }),
            &["unwell"],
        ),
        (
            "standby beside the desired",
            three().with(|s| {
                let standby = panda_domain::chaos::GroupMember { lifecycle: Lifecycle::Standby, ..member(3, "a") };
                let warm =
                    panda_domain::chaos::GroupMember { lifecycle: Lifecycle::Warmed(Step::Proceed), ..member(4, "a") };
                s.group.members.extend([standby, warm]);
            }),
            &[],
        ),
        ("dead for EC2", three().ec2(1, |i| i.state = InstanceState::ShuttingDown), &["member-down"]),
        (
            "spot",
            three().ec2(1, |i| i.leaving = Some(Leaving::new(LeavingReason::SpotInterruption, late(1)))),
            &["member-leaving"],
        ),
        (
            "spot is over",
            three().ec2(1, |i| i.leaving = Some(Leaving::new(LeavingReason::SpotInterruption, late(11)))),
            &[],
        ),
        ("launch failed", failed(59, None), &["launch-failing"]),
        ("launch failed again", failed(10, Some(20)), &["launch-failing"]),
        ("launch failed once", failed(20, Some(10)), &[]),
        ("launch failed long ago", failed(60, None), &[]),
        ("refresh", refresh("InProgress"), &["refreshing"]),
        ("refresh bakes", refresh("Baking"), &["refreshing"]),
        ("refresh rolls back", refresh("RollbackInProgress"), &["refreshing"]),
        ("refresh is over", refresh("Successful"), &[]),
        ("deployment", three().with(|s| s.look.deployments = Ok(vec!["d-1".into()])), &["deploying"]),
        (
            "pipeline",
            three().tagged(tags::PIPELINE, "site").with(|s| {
                s.look.pipelines = BTreeMap::from([("site".into(), Ok(vec!["e-1".into()]))]);
            }),
            &["pipeline-running"],
        ),
        (
            "pipeline rests",
            three().tagged(tags::PIPELINE, "site").with(|s| {
                s.look.pipelines = BTreeMap::from([("site".into(), Ok(Vec::new()))]);
            }),
            &[],
        ),
        ("pipeline not looked at", three().tagged(tags::PIPELINE, "site"), &["unseen"]),
    ]);
}

#[test]
fn alarms_addresses_sites_and_orders_have_their_reasons() {
    let late = |minutes: i64| now() - SignedDuration::from_mins(minutes);
    let alarm = |state| {
        three().tagged(tags::STOP_ALARMS, "errors").with(|s| {
            s.look.alarms = Ok(BTreeMap::from([("errors".into(), state)]));
        })
    };
    let url = |site| three().tagged(tags::URL, "/").with(|s| s.look.site = site);
    let address = |holder| three().with(|s| s.look.addresses.as_mut().unwrap()[0].holder = holder);
    each(vec![
        ("alarm", alarm(AlarmState::Alarm), &["alarm-ringing"]),
        ("no alarm", alarm(AlarmState::Missing), &["alarm-missing"]),
        ("alarm not looked at", three().tagged(tags::STOP_ALARMS, "errors"), &["alarm-missing"]),
        ("quiet alarm", alarm(AlarmState::Ok), &[]),
        ("alarm without data", alarm(AlarmState::InsufficientData), &[]),
        (
            "everybody's alarm",
            three().with(|s| {
                s.settings.stop_alarms.push("outage".into());
                s.look.alarms = Ok(BTreeMap::from([("outage".into(), AlarmState::Alarm)]));
            }),
            &["alarm-ringing"],
        ),
        ("address nowhere", address(None), &["address-unserved"]),
        ("address elsewhere", address(Some("i-stranger".into())), &["address-unserved"]),
        (
            "address in the other group",
            address(Some(instance(7))).with(|s| {
                s.look.siblings = Ok(vec![member(7, "a")]);
                s.look.instances.as_mut().unwrap().insert(instance(7), running());
            }),
            &[],
        ),
        ("no addresses", three().with(|s| s.look.addresses = Ok(Vec::new())), &[]),
        ("site answers", url(vec![answer(200), answer(301)]), &[]),
        ("site errs", url(vec![answer(200), answer(503)]), &["site-silent"]),
        ("site without addresses", url(Vec::new()), &["site-silent"]),
        (
            "too young",
            three().with(|s| {
                for look in s.look.instances.as_mut().unwrap().values_mut() {
                    look.launched = late(9);
                }
            }),
            &["nobody-eligible"],
        ),
        ("who was asked for is not there", three().ordered(|o| o.victim = Some("i-9".into())), &["victim-unknown"]),
        (
            "who was asked for is protected",
            three().ordered(|o| o.victim = Some(instance(1))).with(|s| s.group.members[1].protected = true),
            &["victim-ineligible"],
        ),
        ("fault not allowed", three().ordered(|o| o.fault = Some(Fault::Crash)), &["fault-not-allowed"]),
        ("too many for a day", three().tagged(tags::MIN_HEALTHY, "1").ordered(|o| o.count = 2), &["fleet-cap"]),
        (
            "too many for a run",
            three().tagged(tags::MIN_HEALTHY, "1").tagged(tags::MAX_PER_DAY, "9").ordered(|o| o.count = 2).with(|s| {
                s.settings.max_kills_per_run = 1;
            }),
            &["run-cap"],
        ),
        ("too many for health", three().tagged(tags::MAX_PER_DAY, "9").ordered(|o| o.count = 2), &["min-healthy"]),
        (
            "too few eligible",
            Situation::of(&["a"; 5])
                .tagged(tags::MAX_PER_DAY, "9")
                .tagged(tags::VICTIM, "holder")
                .ordered(|o| o.count = 2),
            &["too-few-eligible"],
        ),
    ]);
}

#[test]
fn enough_must_stay() {
    let codes = |zones: &[&str], tag: &str, percent: Option<u32>| {
        let situation = Situation::of(zones).with(|s| s.group.min_healthy_percentage = percent);
        let situation = if tag.is_empty() { situation } else { situation.tagged(tags::MIN_HEALTHY, tag) };
        (situation.codes(), situation.reasons().first().map(ToString::to_string).unwrap_or_default())
    };
    let shut = vec!["min-healthy"];
    assert_eq!(codes(&["a"], "", None).0, shut, "the last server is never killed");
    assert_eq!(codes(&["a"], "1", None).0, shut);
    assert_eq!(codes(&["a", "b"], "", None).0, Vec::<&str>::new(), "half of two");
    assert_eq!(codes(&["a", "b"], "2", None).0, shut);
    assert_eq!(codes(&["a", "b", "c"], "67%", None).0, shut, "rounded up");
    assert_eq!(codes(&["a", "b", "c"], "66%", None).0, Vec::<&str>::new());
    let (refused, why) = codes(&["a", "b", "c"], "", Some(100));
    assert_eq!(refused, shut);
    assert!(why.contains("maintenance policy asks for 100 %") && why.contains(tags::MIN_HEALTHY), "{why}");
    assert_eq!(codes(&["a", "b", "c"], "1", Some(100)).0, Vec::<&str>::new(), "the tag overrules it");
    assert_eq!(codes(&["a", "b", "c"], "", Some(66)).0, Vec::<&str>::new());
    assert_eq!(codes(&["a", "b", "c"], "", Some(0)).0, Vec::<&str>::new());
}

/// Who may be hit, by number.
fn eligible(situation: &Situation) -> Vec<usize> {
    let members = situation.plan().members;
    members.iter().enumerate().filter(|(_, (_, why))| why.is_ok()).map(|(n, _)| n).collect()
}

#[test]
fn a_zone_keeps_its_last_server_while_another_has_more() {
    assert_eq!(eligible(&Situation::of(&["a", "b"])), [0, 1], "thin and balanced: either");
    assert_eq!(eligible(&Situation::of(&["a", "b", "c"])), [0, 1, 2]);
    assert_eq!(eligible(&Situation::of(&["a", "a", "b"])), [0, 1]);
    assert_eq!(eligible(&Situation::of(&["a", "a"])), [0, 1], "one zone");
    let two = Situation::of(&["a", "b", "a", "a"])
        .tagged(tags::MIN_HEALTHY, "1")
        .tagged(tags::MAX_PER_DAY, "9")
        .ordered(|order| order.count = 2);
    let zones: Vec<String> = experiment(&two).victims.into_iter().map(|victim| victim.zone).collect();
    assert_eq!(zones, ["a", "a"], "who is hit first counts no more for who is the last");
}

#[test]
fn holders_and_spares_are_told_apart() {
    let choice = |choice: &str| eligible(&three().tagged(tags::VICTIM, choice));
    assert_eq!((choice("any"), choice("holder"), choice("spare")), (vec![0, 1, 2], vec![0], vec![1, 2]));
    let victim = experiment(&three().tagged(tags::VICTIM, "holder")).victims.remove(0);
    assert_eq!(victim.holds, ["192.0.2.1"]);
    let without = three().tagged(tags::VICTIM, "holder").with(|s| s.look.addresses = Ok(Vec::new()));
    assert_eq!(without.codes(), ["nobody-eligible"]);
}

#[test]
fn who_is_young_leaving_or_protected_is_left_alone_and_it_is_said() {
    let marked = |reason| Some(Leaving::new(reason, now() - SignedDuration::from_mins(1)));
    let situation = Situation::of(&["a"; 5])
        .ec2(0, |look| look.launched = now() - SignedDuration::from_mins(3))
        .ec2(1, |look| look.leaving = marked(LeavingReason::Rebalance))
        .ec2(2, |look| look.leaving = marked(LeavingReason::ScheduledChange))
        .with(|s| s.group.members[3].protected = true);
    assert_eq!(eligible(&situation), [4]);
    let members = situation.plan().members;
    let why = |n: usize| members[n].1.clone().unwrap_err().to_string();
    assert_eq!(why(0), "is only 3 minutes old, and must be 10");
    assert!(why(1).contains("about to leave (rebalance"), "{}", why(1));
    assert_eq!(why(3), "is protected from scale-in");
}

#[test]
fn a_tick_is_spared_by_the_dice_and_says_what_they_showed() {
    let situation = three().with(|s| s.asked = Asked::Tick);
    let plan = situation.plan();
    let draw = plan.surveyed.draw.unwrap();
    let Draw { slot, thrown, odds } = draw;
    assert_eq!(slot, situation.settings.tick.slot_at(now()));
    // 24 slots, of which this is the fifth; q = 1/5.
    assert!((odds - 0.2 / (24.0 - 0.2 * 4.0)).abs() < 1e-12, "{odds}");
    assert_eq!(situation.codes(), ["dice"], "{thrown}");
    let shut = situation.clone().with(|s| s.group.deleting = true);
    assert_eq!(shut.codes(), ["deleting", "dice"], "the dice are the least of the reasons");
    let verdict = plan.verdict();
    assert_eq!((verdict.code, verdict.slot, verdict.slot_odds), ("dice", Some(slot), Some(odds)));
    assert_eq!(verdict.next_opening, Some(at("2026-11-27T09:00:00Z")));
}

#[test]
fn a_preview_tells_the_odds_and_the_next_opening_though_no_window_is_open() {
    let situation = three().with(|s| {
        s.asked = Asked::Tick;
        s.now = at("2026-11-27T20:00:00Z");
        s.present.last = unleashed(tally("2026-11-27T10:00:00Z", 1));
    });
    let Situation { group, asked, present, settings, now, .. } = &situation;
    let surveyed = survey(std::slice::from_ref(group), asked, present, settings, *now).remove(0);
    let Outlook { slot_odds, day_odds, open_until, next_opening, not_before } = surveyed.outlook.unwrap();
    assert_eq!((slot_odds, open_until), (None, None));
    assert!((day_odds - 0.2).abs() < 1e-12);
    assert_eq!((next_opening, not_before), (Some(at("2026-11-30T09:00:00Z")), Some(at("2026-11-30T09:00:00Z"))));
    assert_eq!(surveyed.reasons[0].to_string(), "no window is open; the next opens at 2026-11-30T09:00:00Z");
}

#[test]
fn a_window_that_opens_within_a_slot_waits_for_the_next() {
    let situation = three().tagged(tags::WINDOW, "Thu 09:50-15:00").with(|s| {
        s.asked = Asked::Tick;
        s.now = at("2026-11-26T09:52:00Z");
    });
    assert_eq!(situation.codes(), ["slot-before-window"]);
}

#[test]
fn the_dice_are_those_of_the_documentation() {
    // printf 'kill\n%s\n%s' '123456789012/us-east-1' 'web/1982016' | sha256sum | cut -c1-13
    let id = ExperimentId::new(&"web".into(), 1_982_016);
    let thrown = Dice::new("123456789012/us-east-1", &id).throw();
    #[allow(clippy::cast_precision_loss, reason = "52 bits fit into a float exactly")]
    let expected = 0x0003_926a_e15a_99ac_u64 as f64 / 16_f64.powi(13);
    assert!((thrown - expected).abs() < f64::EPSILON, "{thrown}");
    assert!((Dice::new("", &id).throw() - thrown).abs() > 1e-6, "another installation, other dice");
}

#[test]
fn unleashed_kills_ignore_leashed_history_and_leashed_picks_see_all() {
    let leashed = LastKills { unleashed: None, leashed: Some(tally("2026-11-26T09:10:00Z", 1)) };
    let situation = three().with(|s| s.present.last = BTreeMap::from([("web".into(), leashed)]));
    assert_eq!(situation.codes(), Vec::<&str>::new());
    let situation = situation.with(|s| s.settings.mode = Mode::Leashed);
    assert_eq!(situation.codes(), ["minimum-days", "fleet-cap"]);
    let situation = situation.with(|s| s.present.last = unleashed(tally("2026-11-26T09:10:00Z", 1)));
    assert_eq!(situation.codes(), ["minimum-days", "fleet-cap"]);
}

#[test]
fn of_a_fleet_one_group_is_hit_and_of_a_run_no_more_than_it_may_cost() {
    let plans = |names: &[(&str, &str)], run: u32, today: u32| {
        let situations: Vec<Situation> = names
            .iter()
            .map(|(name, fleet)| {
                three().tagged(tags::FLEET, fleet).ordered(|order| order.fleet = (*fleet).into()).with(|s| {
                    s.group.name = (*name).into();
                    s.settings.max_kills_per_run = run;
                    s.present.days.extend([("2026-11-26".parse().unwrap(), today)]);
                })
            })
            .collect();
        let first = &situations[0];
        let plans = situations.iter().map(Situation::plan).collect();
        choose(plans, &first.present, &first.settings, now()).iter().map(|plan| plan.verdict().code).collect::<Vec<_>>()
    };
    let siblings = [("blue", "web"), ("green", "web"), ("api", "api")];
    let count = |codes: &[&str], code: &str| codes.iter().filter(|found| **found == code).count();
    let codes = plans(&siblings, 5, 0);
    assert_eq!((count(&codes, "strike"), count(&codes, "sibling-chosen")), (2, 1), "{codes:?}");
    assert_eq!(codes[2], "strike");
    let codes = plans(&siblings, 1, 0);
    assert_eq!(count(&codes, "strike"), 1, "{codes:?}");
    assert!(count(&codes, "run-cap") >= 1, "{codes:?}");
    let codes = plans(&siblings, 5, 9);
    assert_eq!(
        (count(&codes, "strike"), count(&codes, "account-cap")),
        (1, codes.len() - 1 - count(&codes, "sibling-chosen"))
    );
}

#[test]
fn a_group_without_the_tag_is_a_fleet_by_itself() {
    assert_eq!(fleet_of(&three().group).as_str(), "web");
    assert_eq!(fleet_of(&three().tagged(tags::FLEET, "shop").group).as_str(), "shop");
}

/// After the kill of the one holder: it is gone, its successor serves and holds the address.
fn healed(situation: &Situation, experiment: &Experiment, seconds: i64) -> panda_domain::chaos::Observation {
    let mut seen = situation.observed(seconds);
    let group = seen.group.as_mut().unwrap().as_mut().unwrap();
    group.members.retain(|member| !experiment.hits(&member.instance));
    group.members.push(member(9, "a"));
    seen.instances.as_mut().unwrap().insert(instance(9), running());
    seen.addresses.as_mut().unwrap()[0].holder = Some(instance(9));
    seen
}

fn hit_holder() -> (Situation, Experiment) {
    let situation = three().tagged(tags::VICTIM, "holder");
    let mut experiment = experiment(&situation);
    experiment.struck = Some(now() + SignedDuration::from_secs(1));
    (situation, experiment)
}

#[test]
fn a_fleet_is_whole_when_its_servers_its_addresses_and_its_site_are() {
    let (situation, mut experiment) = hit_holder();
    let lacks = |experiment: &Experiment, seen: &panda_domain::chaos::Observation| match healing(experiment, seen) {
        Healing::Healed => Vec::new(),
        Healing::NotYet(lacks) => lacks.iter().map(ToString::to_string).collect::<Vec<_>>(),
    };
    assert_eq!(lacks(&experiment, &healed(&situation, &experiment, 60)), Vec::<String>::new());
    assert_eq!(
        lacks(&experiment, &situation.observed(2)),
        ["2 of 3 servers in service and healthy", "the address 192.0.2.1 does not work: its holder i-0 was killed"],
        "reads that still show the victim do not count it"
    );
    let mut seen = healed(&situation, &experiment, 60);
    seen.instances.as_mut().unwrap().get_mut(&instance(9)).unwrap().state = InstanceState::Stopped;
    assert_eq!(lacks(&experiment, &seen), ["the address 192.0.2.1 does not work: its holder i-9 is stopped"]);
    seen.addresses = Ok(vec![AddressLook { public_ip: "192.0.2.9".into(), holder: Some(instance(1)) }]);
    assert_eq!(lacks(&experiment, &seen), ["the address 192.0.2.1 does not work: it is no longer one of the fleet's"]);
    for break_one in [
        (|seen| seen.group = Err("throttled".into())) as fn(&mut panda_domain::chaos::Observation),
        |seen| seen.siblings = Err("throttled".into()),
        |seen| seen.instances = Err("throttled".into()),
        |seen| seen.addresses = Err("throttled".into()),
        |seen| seen.group = Ok(None),
    ] {
        let mut seen = healed(&situation, &experiment, 60);
        break_one(&mut seen);
        assert!(!lacks(&experiment, &seen).is_empty(), "what is not seen is not healed");
    }
    experiment.url = Some("/".parse().unwrap());
    let mut seen = healed(&situation, &experiment, 60);
    assert_eq!(lacks(&experiment, &seen).len(), 1);
    seen.site = vec![answer(200)];
    assert_eq!(lacks(&experiment, &seen), Vec::<String>::new());
}

#[test]
fn a_server_that_forgets_its_updates_is_watched_for_a_minute() {
    let situation = three().tagged(tags::FAULTS, "stop-agent");
    let experiment = experiment(&situation);
    assert!(matches!(healing(&experiment, &situation.observed(59)), Healing::NotYet(_)));
    assert_eq!(healing(&experiment, &situation.observed(61)), Healing::Healed);
    let outcome = judge(
        &experiment,
        &Ending::Healed { seen: &situation.observed(61), silent: None, watched: true },
        now(),
        SignedDuration::ZERO,
    );
    let text = after(&experiment, &outcome).text;
    assert!(outcome.verdict == Verdict::Survived && text.contains("forgets its updates"), "{text}");
    for ending in [Ending::Aborted, Ending::NotStruck { error: "no answer".into() }] {
        let outcome = judge(&experiment, &ending, now(), SignedDuration::ZERO);
        let text = after(&experiment, &outcome).text;
        assert!(text.contains("whether it was stopped is not certain"), "{text}");
    }
}

#[test]
fn who_takes_over_never_strikes_and_knows_whether_anybody_did() {
    let (situation, mut experiment) = hit_holder();
    let alive = situation.observed(700);
    let hit = Takeover::Watch(experiment.victims.clone());
    assert_eq!(take_over(&experiment, &[], &alive), hit, "it is noted that it struck");
    experiment.struck = None;
    assert_eq!(take_over(&experiment, &[], &alive), Takeover::Abort);
    assert_eq!(take_over(&experiment, &[], &healed(&situation, &experiment, 700)), hit);
    let mut dying = alive.clone();
    dying.instances.as_mut().unwrap().get_mut(&instance(0)).unwrap().state = InstanceState::ShuttingDown;
    assert_eq!(take_over(&experiment, &[], &dying), hit);
    let blind = panda_domain::chaos::Observation { instances: Err("throttled".into()), ..alive };
    assert_eq!(take_over(&experiment, &[], &blind), Takeover::Unclear("throttled".into()));
}

#[test]
fn of_several_victims_only_those_are_watched_that_were_hit() {
    let (situation, mut experiment) = hit_holder();
    experiment.struck = None;
    let spared = Victim { instance: instance(1), ..experiment.victims[0].clone() };
    let hit = vec![experiment.victims[0].clone()];
    experiment.victims.push(spared);
    let mut seen = situation.observed(700);
    seen.instances.as_mut().unwrap().get_mut(&instance(0)).unwrap().state = InstanceState::ShuttingDown;
    assert_eq!(take_over(&experiment, &[], &seen), Takeover::Watch(hit.clone()));
    // AWS said so; a look that shows everybody alive is behind.
    assert_eq!(take_over(&experiment, &[instance(0)], &situation.observed(15)), Takeover::Watch(hit));
}

#[test]
fn what_must_break_nothing_is_watched_to_its_end_however_little_time_the_fleet_is_given() {
    let situation = three().tagged(tags::FAULTS, "stop-agent");
    let mut experiment = experiment(&situation);
    experiment.heal_by = now() + SignedDuration::from_secs(60);
    let struck = now() + SignedDuration::from_secs(50);
    let by = heal_by(&experiment, struck);
    assert!(by >= struck + WATCH_HARMLESS, "{by}");
    experiment.heal_by = now() + SignedDuration::from_mins(10);
    assert_eq!(heal_by(&experiment, struck), experiment.heal_by);
    let (_, killer) = hit_holder();
    assert_eq!(heal_by(&killer, killer.heal_by), killer.heal_by, "who loses servers has the time that it was given");
}

#[test]
fn verdicts_follow_deadline_and_silence() {
    let (situation, mut experiment) = hit_holder();
    experiment.url = Some("/".parse().unwrap());
    let tolerance = SignedDuration::from_secs(30);
    let verdict = |seconds: i64, silent: Option<i64>, watched: bool| {
        let seen = healed(&situation, &experiment, seconds);
        let ending = Ending::Healed { seen: &seen, silent: silent.map(SignedDuration::from_secs), watched };
        judge(&experiment, &ending, seen.at, tolerance)
    };
    let good = verdict(91, Some(30), true);
    assert_eq!((good.verdict, good.heal_seconds, good.outage_seconds), (Verdict::Survived, Some(90), Some(30)));
    assert_eq!(good.replacements, [instance(9)]);
    assert_eq!((good.moves[0].from.clone(), good.moves[0].to.clone()), (Some(instance(0)), Some(instance(9))));
    assert_eq!(verdict(90, Some(31), true).verdict, Verdict::Hurt);
    assert_eq!(verdict(601, Some(0), true).verdict, Verdict::NotHealed, "whole, and too late");
    let lost = verdict(900, None, false);
    assert_eq!((lost.verdict, lost.heal_seconds, lost.outage_seconds), (Verdict::Survived, None, None));
    assert!(lost.detail.is_some());
}

#[test]
fn silence_is_from_the_first_question_without_an_answer_to_the_next_with_one() {
    let moment = |seconds| now() + SignedDuration::from_secs(seconds);
    let mut silence = Silence::default();
    for (seconds, answered) in [(0, true), (5, false), (10, false), (15, true), (20, false)] {
        silence.note(moment(seconds), answered);
    }
    assert_eq!(silence.until(moment(26)), SignedDuration::from_secs(16));
    assert_eq!(Silence::default().until(moment(9)), SignedDuration::ZERO);
}

#[test]
fn people_are_told_in_plain_words_that_sns_can_carry() {
    let (situation, experiment) = hit_holder();
    let told = before(&experiment);
    assert_eq!(told.subject, "The panda strikes web");
    for says in ["Victim: i-0 in a, which held the address 192.0.2.1", "game day", "2026-11-26T10:10:20Z"] {
        assert!(told.text.contains(says), "{}", told.text);
    }
    let seen = healed(&situation, &experiment, 95);
    let ending = Ending::Healed { seen: &seen, silent: None, watched: true };
    let told = after(&experiment, &judge(&experiment, &ending, seen.at, SignedDuration::ZERO));
    assert_eq!(told.subject, "web survived the panda");
    for says in ["web lost i-0 and was whole again in 1 min 34 s.", "went from i-0 to i-9", "In their place came i-9."]
    {
        assert!(told.text.contains(says), "{}", told.text);
    }
    for (ending, subject, says) in [
        (Ending::Aborted, "The panda fell asleep before it struck web", "Nothing died"),
        (
            Ending::NotStruck { error: "UnauthorizedOperation".into() },
            "The panda could not strike web",
            "UnauthorizedOperation",
        ),
        (Ending::Leashed, "The panda would have struck web, but it is leashed", "nothing was done"),
        (
            Ending::NotHealed { lacks: &[panda_domain::chaos::Unhealed::GroupGone], seen: None, silent: None },
            "web DID NOT HEAL from the panda",
            "the group is gone",
        ),
    ] {
        let told = after(&experiment, &judge(&experiment, &ending, now(), SignedDuration::ZERO));
        assert_eq!(told.subject, subject);
        assert!(told.text.contains(says), "{}", told.text);
    }
    let long = Experiment { fleet: "flötte ".repeat(40).as_str().into(), leashed: true, ..experiment };
    let subject = before(&long).subject;
    assert!(subject.len() <= LONGEST_SUBJECT && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{subject}");
}

#[test]
fn the_present_reads_back_from_its_json() {
    let (_, experiment) = hit_holder();
    let present = Present {
        lever: Some(said()),
        disarmed: BTreeMap::from([("web".into(), said())]),
        open: BTreeMap::from([("web".into(), OpenExperiment { experiment, lease_until: now() })]),
        last: unleashed(tally("2026-11-25T10:00:00Z", 2)),
        days: BTreeMap::from([("2026-11-26".parse().unwrap(), 3)]),
    };
    let written = serde_json::to_string(&present).unwrap();
    assert_eq!(serde_json::from_str::<Present>(&written).unwrap(), present);
    let situation = three().with(|s| s.present = present);
    assert_eq!(situation.codes(), ["lever", "disarmed", "experiment-open"]);
    assert!(matches!(situation.plan().decision, Decision::Spare(_)));
}
