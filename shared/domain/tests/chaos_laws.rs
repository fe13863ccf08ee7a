//! The laws of `panda_domain::chaos`, searched for counterexamples.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod cases;
mod situation;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};
use panda_domain::{
    chaos::{
        AlarmState, Asked, ChaosPlan, Decision, Ending, Experiment, ExperimentId, Fault, Healing, LONGEST_SUBJECT,
        LastKills, Mode, OpenExperiment, Present, Reason, Said, Settings, Strike, Tally, Trigger, Unhealed, Verdict,
        after, choose, healing, judge, survey, tags, utc_date,
    },
    event::InstanceState,
    failover::{Leaving, LeavingReason, Lifecycle, Step},
    ids::InstanceId,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use self::{
    cases::cases,
    situation::{Situation, answer, instance, member, now, order, running},
};

const CASES: u32 = 2_000;

/// What may be wrong with a member; most have nothing.
#[derive(Clone, Debug)]
enum Ill {
    Well,
    Lifecycle(Lifecycle),
    Unhealthy,
    Protected,
    State(InstanceState),
    Unlisted,
    Leaving(LeavingReason, i64),
    Young(i64),
}

fn ill() -> impl Strategy<Value = Ill> {
    let reasons = vec![
        LeavingReason::Rebalance,
        LeavingReason::ScheduledChange,
        LeavingReason::SpotInterruption,
        LeavingReason::TerminateHook,
    ];
    prop_oneof![
        60 => Just(Ill::Well),
        1 => select(vec![
            Lifecycle::Pending(Step::Wait),
            Lifecycle::Terminating(Step::Begun),
            Lifecycle::Standby,
            Lifecycle::Warmed(Step::Proceed),
            Lifecycle::Other("Detaching".into()),
        ]).prop_map(Ill::Lifecycle),
        1 => Just(Ill::Unhealthy),
        3 => Just(Ill::Protected),
        1 => select(vec![InstanceState::Stopped, InstanceState::ShuttingDown, InstanceState::Pending]).prop_map(Ill::State),
        1 => Just(Ill::Unlisted),
        4 => (select(reasons), 0_i64..1_440).prop_map(|(reason, minutes)| Ill::Leaving(reason, minutes)),
        3 => (0_i64..20).prop_map(Ill::Young),
    ]
}

/// What may be wrong around the members; most often nothing.
#[derive(Clone, Debug)]
enum Trouble {
    None,
    Deleting,
    Suspended(&'static str),
    Desired(u32),
    LaunchFailed(i64, Option<i64>),
    Refresh(&'static str),
    Deployment,
    Pipeline,
    Alarm(AlarmState),
    Address(Option<InstanceId>),
    Site(u16),
    Lever,
    Disarmed,
    Open,
}

const VITAL: [&str; 5] = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"];
const ACTIVE: [&str; 5] = ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"];

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        16 => Just(Trouble::None),
        1 => Just(Trouble::Deleting),
        1 => select([&VITAL[..], &["AZRebalance", "ScheduledActions"]].concat()).prop_map(Trouble::Suspended),
        1 => (0_u32..6).prop_map(Trouble::Desired),
        1 => (0_i64..90, option::of(0_i64..90)).prop_map(|(failed, good)| Trouble::LaunchFailed(failed, good)),
        1 => select([&ACTIVE[..], &["Successful", "Failed", "RollbackSuccessful"]].concat()).prop_map(Trouble::Refresh),
        1 => Just(Trouble::Deployment),
        1 => Just(Trouble::Pipeline),
        1 => select(vec![AlarmState::Ok, AlarmState::Alarm, AlarmState::InsufficientData, AlarmState::Missing])
            .prop_map(Trouble::Alarm),
        1 => option::of((0_usize..8).prop_map(instance)).prop_map(Trouble::Address),
        1 => select(vec![200_u16, 204, 302, 404, 503]).prop_map(Trouble::Site),
        1 => Just(Trouble::Lever),
        1 => Just(Trouble::Disarmed),
        1 => Just(Trouble::Open),
    ]
}

fn said() -> Said {
    Said { reason: "release".into(), by: "ann".into(), at: now() }
}

fn apply(trouble: Trouble, s: &mut Situation) {
    let ago = |minutes: i64| now() - SignedDuration::from_mins(minutes);
    let tag = |s: &mut Situation, key: &str, value: &str| s.group.tags.insert(key.to_owned(), value.to_owned());
    match trouble {
        Trouble::None => {}
        Trouble::Deleting => s.group.deleting = true,
        Trouble::Suspended(process) => s.group.suspended.push(process.to_owned()),
        Trouble::Desired(desired) => s.group.desired = desired,
        Trouble::LaunchFailed(failed, succeeded) => {
            let launches = s.look.launches.as_mut().unwrap();
            launches.failed = Some((ago(failed), "no capacity".into()));
            launches.succeeded = succeeded.map(ago);
        }
        Trouble::Refresh(status) => s.look.refresh = Ok(Some(status.to_owned())),
        Trouble::Deployment => s.look.deployments = Ok(vec!["d-1".into()]),
        Trouble::Pipeline => {
            tag(s, tags::PIPELINE, "site");
            s.look.pipelines.insert("site".into(), Ok(vec!["e-1".into()]));
        }
        Trouble::Alarm(state) => {
            tag(s, tags::STOP_ALARMS, "errors");
            s.look.alarms = Ok(BTreeMap::from([("errors".into(), state)]));
        }
        Trouble::Address(holder) => s.look.addresses.as_mut().unwrap()[0].holder = holder,
        Trouble::Site(status) => {
            tag(s, tags::URL, "/");
            s.look.site = vec![answer(200), answer(status)];
        }
        Trouble::Lever => s.present.lever = Some(said()),
        Trouble::Disarmed => {
            s.present.disarmed.insert("web".into(), said());
        }
        Trouble::Open => {
            let experiment = Situation::of(&["a", "b"]).plan().strike().unwrap().experiment.clone();
            s.present.open.insert("web".into(), OpenExperiment { experiment, lease_until: now() });
        }
    }
}

/// Around the clock, with so many kills a day that every throw falls; or what people would write.
fn policy() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let pace = prop_oneof![
        4 => Just(vec![
            (tags::MEAN_DAYS, "0.021"),
            (tags::MIN_DAYS, "0"),
            (tags::MAX_PER_DAY, "100"),
            (tags::WINDOW, "Mon-Sun 00:00-24:00"),
        ]),
        1 => Just(vec![(tags::MEAN_DAYS, "1")]),
        1 => Just(vec![(tags::MEAN_DAYS, "2"), (tags::MIN_DAYS, "2"), (tags::WINDOW, "Mon-Thu 08:00-12:00")]),
        1 => Just(vec![
            (tags::MEAN_DAYS, "0.6"),
            (tags::MIN_DAYS, "0"),
            (tags::MAX_PER_DAY, "2"),
            (tags::HOLIDAYS, "2026-11-26"),
        ]),
    ];
    let extra = |key: &'static str, values: Vec<&'static str>| {
        option::weighted(0.4, select(values)).prop_map(move |value| value.map(|value| (key, value)))
    };
    let healthy = extra(tags::MIN_HEALTHY, vec!["1", "2", "50%", "67%", "100%"]);
    let victim = extra(tags::VICTIM, vec!["any", "holder", "spare"]);
    let faults = extra(tags::FAULTS, vec!["crash", "terminate crash graceful", "stop-agent", "terminate stop-agent"]);
    (pace, healthy, victim, faults).prop_map(|(mut pace, healthy, victim, faults)| {
        pace.extend([healthy, victim, faults].into_iter().flatten());
        pace
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    prop_oneof![
        Just(Asked::Tick),
        (
            select(vec!["request-1", "request-2"]),
            option::weighted(0.2, select(Fault::ALL.to_vec())),
            option::weighted(0.3, (0_usize..6).prop_map(instance)),
            select(vec![1_u32, 1, 1, 2, 3]),
        )
            .prop_map(|(request, fault, victim, count)| {
                let count = if victim.is_some() { 1 } else { count };
                let order = panda_domain::chaos::KillOrder { fault, victim, count, ..order() };
                Asked::Kill { request: request.into(), order }
            }),
    ]
}

fn tally() -> impl Strategy<Value = Tally> {
    (0_i64..4_000, 1_u32..4).prop_map(|(minutes, kills)| {
        let at = now() - SignedDuration::from_mins(minutes);
        Tally { at, day: utc_date(at), kills, id: panda_domain::chaos::ExperimentId::new(&"web".into(), minutes) }
    })
}

prop_compose! {
    fn situation()(
        ills in vec(ill(), 0..6),
        zones in vec(select(vec!["a", "b", "c"]), 6),
        troubles in vec(trouble(), 0..3),
        policy in policy(),
        asked in asked(),
        unleashed in option::weighted(0.3, tally()),
        leashed in option::weighted(0.2, tally()),
        today in prop_oneof![4 => Just(0_u32), 1 => 0_u32..12],
        mode in select(vec![Mode::Unleashed, Mode::Unleashed, Mode::Leashed, Mode::Off]),
        run in 1_u32..3,
        percent in option::weighted(0.2, select(vec![0_u32, 50, 90, 100])),
        minutes in 0_i64..4_000,
    ) -> Situation {
        let zones: Vec<&str> = zones.into_iter().take(ills.len()).collect();
        let mut s = Situation::of(&zones);
        s.group.tags.extend(policy.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        s.group.min_healthy_percentage = percent;
        s.settings.tick = "30".parse().unwrap();
        s.settings.mode = mode;
        s.settings.max_kills_per_run = run;
        s.asked = asked;
        s.present.last.insert("web".into(), LastKills { unleashed, leashed });
        s.present.days.insert(utc_date(now()), today);
        for (n, ill) in ills.into_iter().enumerate() {
            let (member, looks) = (&mut s.group.members[n], s.look.instances.as_mut().unwrap());
            let look = looks.get_mut(&instance(n)).unwrap();
            match ill {
                Ill::Well => {}
                Ill::Lifecycle(lifecycle) => member.lifecycle = lifecycle,
                Ill::Unhealthy => member.healthy = false,
                Ill::Protected => member.protected = true,
                Ill::State(state) => look.state = state,
                Ill::Unlisted => drop(looks.remove(&instance(n))),
                Ill::Leaving(reason, minutes) => {
                    look.leaving = Some(Leaving::new(reason, now() - SignedDuration::from_mins(minutes)));
                }
                Ill::Young(minutes) => look.launched = now() - SignedDuration::from_mins(minutes),
            }
        }
        for trouble in troubles {
            apply(trouble, &mut s);
        }
        // Half of them in the window of `now`, half of them any time of three days.
        if minutes >= 2_000 {
            s.now += SignedDuration::from_mins(minutes - 2_000);
        }
        s
    }
}

/// A situation in which somebody is struck.
fn struck() -> impl Strategy<Value = (Situation, Strike)> {
    situation().prop_filter_map("nobody is struck", |situation| {
        let strike = situation.plan().strike().cloned()?;
        Some((situation, strike))
    })
}

fn victims(experiment: &Experiment) -> BTreeSet<InstanceId> {
    experiment.victims.iter().map(|victim| victim.instance.clone()).collect()
}

fn tag<'a>(situation: &'a Situation, key: &str) -> Option<&'a str> {
    situation.group.tags.get(key).map(String::as_str)
}

/// Whether one of the windows that [`policy`] writes is open, all of them in UTC and within a day.
fn open(situation: &Situation, when: Timestamp) -> bool {
    let civil = TimeZone::UTC.to_datetime(when);
    if tag(situation, tags::HOLIDAYS).is_some_and(|holidays| holidays == civil.date().to_string()) {
        return false;
    }
    let day = civil.date().weekday();
    let weekend = matches!(day, Weekday::Saturday | Weekday::Sunday);
    match tag(situation, tags::WINDOW) {
        Some("Mon-Sun 00:00-24:00") => true,
        Some("Mon-Thu 08:00-12:00") => !weekend && day != Weekday::Friday && (8..12).contains(&civil.hour()),
        None => !weekend && (9..15).contains(&civil.hour()),
        Some(other) => unreachable!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(CASES), max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn leashed_beats_every_other_switch(situation in situation()) {
        let mode = |mode| situation.clone().with(|s| {
            s.settings.mode = mode;
            // Without a past the leashed see what the unleashed see.
            s.present.last.clear();
        }).plan();
        let (leashed, unleashed, off) = (mode(Mode::Leashed), mode(Mode::Unleashed), mode(Mode::Off));
        prop_assert!(matches!(&off.decision, Decision::Spare(reasons) if *reasons == [Reason::Off]));
        match (leashed.strike(), unleashed.strike()) {
            (Some(leashed), Some(unleashed)) => {
                prop_assert!(leashed.experiment.leashed && !unleashed.experiment.leashed);
                let unleash = Experiment { leashed: false, ..leashed.experiment.clone() };
                prop_assert_eq!(&unleash, &unleashed.experiment, "all else is decided alike");
            }
            (None, None) => prop_assert_eq!(leashed.surveyed.reasons, unleashed.surveyed.reasons),
            _ => prop_assert!(false, "one is struck and the other spared"),
        }
    }

    #[test]
    fn an_unreadable_policy_spares_the_group_with_the_reason(
        (situation, _) in struck(),
        (key, value) in select(vec![
            (tags::CHAOS, "maybe"),
            (tags::MEAN_DAYS, "often"),
            (tags::MIN_DAYS, "-1"),
            (tags::MAX_PER_DAY, "0"),
            (tags::MIN_HEALTHY, "0"),
            (tags::WINDOW, "always"),
            (tags::TIME_ZONE, "Mars/Olympus"),
            (tags::HOLIDAYS, "xmas"),
            (tags::VICTIM, "me"),
            (tags::FAULTS, "reboot"),
            (tags::URL, "site"),
            (tags::STOP_ALARMS, ""),
            (tags::PIPELINE, " "),
            ("lethargic-panda:mean-day", "5"),
            ("lethargic-panda:Fleet", "web"),
        ]),
    ) {
        let reasons = situation.tagged(key, value).reasons();
        let named = |reason: &Reason| matches!(reason, Reason::Policy(problem) if problem.tag == key);
        prop_assert!(reasons.iter().any(named) && reasons[0].code() == "policy-unreadable", "{:?}", reasons);
    }

    #[test]
    fn nothing_is_struck_without_an_experiment_to_record_and_the_limits_to_hold_it_against((situation, strike) in struck()) {
        let Strike { experiment, limits } = &strike;
        let key = match &situation.asked {
            Asked::Tick => situation.settings.tick.slot_at(situation.now).to_string(),
            Asked::Kill { request, .. } => request.clone(),
        };
        prop_assert_eq!(experiment.id.as_str(), format!("web/{key}"));
        prop_assert_eq!((experiment.started, experiment.day), (situation.now, limits.day));
        prop_assert_eq!(experiment.heal_by, situation.now + situation.settings.heal);
        prop_assert_eq!(limits.account_day, utc_date(situation.now));
        prop_assert_eq!(limits.max_account_day, situation.settings.max_kills_per_day);
        prop_assert_eq!(victims(experiment).len(), situation.asked.count() as usize);
        prop_assert_eq!(experiment.outcome.is_none(), experiment.struck.is_none());
        // A repetition, a moment later, has the same identity, and the journal's memory of it alone spares the group.
        let mut again = situation.clone();
        let seconds = again.now.as_second();
        again.now = Timestamp::from_second(seconds - seconds.rem_euclid(1_800) + 1_799).unwrap();
        let tally = Tally { at: situation.now, day: limits.day, kills: experiment.kills(), id: experiment.id.clone() };
        let last = again.present.last.entry("web".into()).or_default();
        *(if experiment.leashed { &mut last.leashed } else { &mut last.unleashed }) = Some(tally);
        let made = |reason: &Reason| matches!(reason, Reason::AlreadyMade { id } if *id == experiment.id);
        prop_assert!(again.reasons().iter().any(made));
    }

    #[test]
    fn never_below_min_healthy_never_the_last_server_never_while_the_group_is_unwell_or_changing(
        (situation, strike) in struck(),
    ) {
        let Situation { group, look, now, .. } = &situation;
        let serving = group.members.iter().filter(|m| m.lifecycle == Lifecycle::InService && m.healthy).count();
        let stay = serving - strike.experiment.victims.len();
        prop_assert!(stay >= 1);
        let desired = group.desired as usize;
        let floor = match tag(&situation, tags::MIN_HEALTHY) {
            Some(percent) if percent.ends_with('%') => {
                (desired * percent.trim_end_matches('%').parse::<usize>().unwrap()).div_ceil(100)
            }
            Some(count) => count.parse().unwrap(),
            None => desired.div_ceil(2).max((desired * group.min_healthy_percentage.unwrap_or(0) as usize).div_ceil(100)),
        };
        prop_assert!(stay >= floor, "{stay} of {desired} stay, and {floor} must");
        prop_assert_eq!(serving, desired);
        for member in &group.members {
            prop_assert!(!matches!(member.lifecycle, Lifecycle::Pending(_) | Lifecycle::Terminating(_) | Lifecycle::Other(_)));
            if member.lifecycle == Lifecycle::InService {
                prop_assert!(member.healthy);
                prop_assert_eq!(&look.instances.as_ref().unwrap()[&member.instance].state, &InstanceState::Running);
            }
        }
        prop_assert!(!group.deleting && !group.suspended.iter().any(|process| VITAL.contains(&process.as_str())));
        prop_assert!(look.deployments.as_ref().unwrap().is_empty());
        prop_assert!(look.pipelines.values().all(|running| running.as_ref().unwrap().is_empty()));
        prop_assert!(!ACTIVE.contains(&look.refresh.as_ref().unwrap().as_deref().unwrap_or_default()));
        let launches = look.launches.as_ref().unwrap();
        if let Some((failed, _)) = launches.failed {
            let mended = launches.succeeded.is_some_and(|succeeded| succeeded >= failed);
            prop_assert!(mended || now.duration_since(failed) >= SignedDuration::from_hours(1));
        }
        let quiet = [AlarmState::Ok, AlarmState::InsufficientData];
        prop_assert!(look.alarms.as_ref().unwrap().values().all(|state| quiet.contains(state)));
        prop_assert!(look.site.iter().all(|probe| matches!(probe.answer, Ok(200..=399))));
        let holder = look.addresses.as_ref().unwrap()[0].holder.as_ref();
        prop_assert!(group.members.iter().any(|member| Some(&member.instance) == holder && member.serves()));
    }

    #[test]
    fn a_fleet_that_does_not_heal_by_its_deadline_is_disarmed_and_people_are_told(
        (situation, strike) in struck(),
        seconds in 0_i64..1_200,
        silent in option::of(0_i64..90),
        seen_healed in any::<bool>(),
        url in any::<bool>(),
    ) {
        let mut experiment = strike.experiment;
        experiment.url = url.then(|| "/".parse().unwrap());
        experiment.struck = Some(situation.now);
        let mut seen = situation.observed(seconds);
        if url {
            seen.site = vec![answer(200)];
        }
        if seen_healed && experiment.fault.kills() {
            let group = seen.group.as_mut().unwrap().as_mut().unwrap();
            group.members.retain(|member| !experiment.hits(&member.instance));
            for (n, victim) in experiment.victims.iter().enumerate() {
                group.members.push(member(10 + n, &victim.zone));
                seen.instances.as_mut().unwrap().insert(instance(10 + n), running());
            }
            for address in seen.addresses.as_mut().unwrap() {
                if address.holder.as_ref().is_some_and(|holder| experiment.hits(holder)) {
                    address.holder = Some(instance(10));
                }
            }
        }
        let silent = silent.map(SignedDuration::from_secs);
        let judged = healing(&experiment, &seen);
        let tolerance = SignedDuration::from_secs(30);
        let outcome = match &judged {
            Healing::Healed => {
                prop_assert!(seen_healed || !experiment.fault.kills(), "who still shows the victim is not healed");
                judge(&experiment, &Ending::Healed { seen: &seen, silent, watched: true }, seen.at, tolerance)
            }
            Healing::NotYet(lacks) => {
                prop_assert!(!lacks.is_empty());
                let soon = |lack: &Unhealed| matches!(lack, Unhealed::TooSoon { .. });
                prop_assert!(!seen_healed || lacks.iter().all(soon) || !experiment.fault.kills(), "{lacks:?}");
                judge(&experiment, &Ending::NotHealed { lacks, seen: Some(&seen), silent }, seen.at, tolerance)
            }
        };
        let in_time = judged == Healing::Healed && seen.at <= experiment.heal_by;
        let message = after(&experiment, &outcome);
        prop_assert_eq!(outcome.verdict.disarms(), !in_time);
        prop_assert_eq!(message.text.contains("The fleet is disarmed"), !in_time);
        prop_assert_eq!(message.subject.contains("DID NOT HEAL"), !in_time);
        prop_assert!(message.subject.len() <= LONGEST_SUBJECT && message.text.contains(experiment.id.as_str()));
        if in_time {
            let hurt = url && silent.is_some_and(|silent| silent > tolerance);
            prop_assert_eq!(outcome.verdict, if hurt { Verdict::Hurt } else { Verdict::Survived });
        }
        prop_assert_eq!(outcome.outage_seconds.is_some(), url && silent.is_some());
    }

    #[test]
    fn every_group_seen_gets_a_verdict_with_a_reason_and_the_same_input_gives_the_same_verdict(
        one in situation(),
        others in vec(situation(), 0..4),
    ) {
        let Situation { asked, present, settings, now, .. } = &one;
        let mut groups: Vec<_> = others.into_iter().map(|situation| (situation.group, situation.look)).collect();
        groups.push((one.group.clone(), one.look.clone()));
        for (n, (group, _)) in groups.iter_mut().enumerate() {
            group.name = format!("group-{n}").into();
            group.tags.insert(tags::FLEET.to_owned(), if n % 2 == 0 { "web" } else { "api" }.to_owned());
        }
        let views: Vec<_> = groups.iter().map(|(group, _)| group.clone()).collect();
        let surveyed = survey(&views, asked, present, settings, *now);
        prop_assert_eq!(surveyed.len(), groups.len());
        let plan = |(group, look): &(_, _)| panda_domain::chaos::plan(group, look, asked, present, settings, *now);
        let chosen = choose(groups.iter().map(plan).collect(), present, settings, *now);
        for ((surveyed, chosen), group) in surveyed.iter().zip(&chosen).zip(&views) {
            prop_assert_eq!((&surveyed.group, &chosen.group), (&group.name, &group.name));
            if !surveyed.fallen() {
                prop_assert!(chosen.strike().is_none(), "a close look forgives nothing");
            }
            for verdict in [surveyed.verdict(), chosen.verdict()] {
                prop_assert!(!verdict.code.is_empty() && !verdict.sentence.is_empty());
            }
            if let Decision::Spare(reasons) = &chosen.decision {
                prop_assert!(!reasons.is_empty());
            }
            prop_assert!(serde_json::to_value(chosen.verdict()).is_ok());
        }
        // Once more, and the other way round.
        groups.reverse();
        let mut again = choose(groups.iter().map(plan).collect(), present, settings, *now);
        again.reverse();
        prop_assert_eq!(again, chosen);
    }

    #[test]
    fn nothing_dies_outside_a_window((situation, strike) in struck()) {
        prop_assert!(open(&situation, situation.now), "{}", situation.now);
        prop_assert_eq!(strike.limits.day, utc_date(situation.now));
        if let Trigger::Tick { slot, thrown, odds } = strike.experiment.trigger {
            prop_assert!(open(&situation, situation.settings.tick.start_of(slot).unwrap()));
            prop_assert!(thrown < odds);
        }
    }

    #[test]
    fn a_shut_window_spares(situation in situation()) {
        let shut = !open(&situation, situation.now);
        let codes = situation.codes();
        if shut && !["mode-off"].contains(&codes[0]) {
            prop_assert!(codes.contains(&"outside-window"), "{codes:?}");
        }
    }

    #[test]
    fn the_caps_hold((situation, strike) in struck(), siblings in 1_usize..5) {
        let Situation { present, settings, now, .. } = &situation;
        let Strike { experiment, limits } = &strike;
        let last = &present.last["web"];
        let counted: Vec<_> = last.unleashed.iter().chain(last.leashed.iter().filter(|_| experiment.leashed)).collect();
        let kills: u32 = counted.iter().filter(|tally| tally.day == limits.day).map(|tally| tally.kills).sum();
        let cap: u32 = tag(&situation, tags::MAX_PER_DAY).map_or(1, |cap| cap.parse().unwrap());
        prop_assert!(kills + experiment.kills() <= cap && limits.max_per_day == cap);
        let today = present.days.get(&utc_date(*now)).copied().unwrap_or(0);
        prop_assert!(today + experiment.kills() <= settings.max_kills_per_day);
        prop_assert!(experiment.kills() <= settings.max_kills_per_run);
        if let Some(before) = limits.last_kill_before {
            prop_assert!(counted.iter().all(|tally| tally.at < before));
        }
        // The same fleet under other names, all at once.
        let plans: Vec<ChaosPlan> = (0..siblings)
            .map(|n| {
                let fleet = format!("web-{}", n / 2);
                let mut sibling = situation.clone().tagged(tags::FLEET, &fleet);
                sibling.group.name = format!("group-{n}").into();
                sibling.ordered(|order| order.fleet = fleet.as_str().into()).plan()
            })
            .collect();
        let chosen = choose(plans.clone(), present, settings, *now);
        let strikes: Vec<&Experiment> = chosen.iter().filter_map(|plan| Some(&plan.strike()?.experiment)).collect();
        let fleets: BTreeSet<_> = strikes.iter().map(|experiment| &experiment.fleet).collect();
        prop_assert_eq!(fleets.len(), strikes.len(), "one experiment of each fleet");
        let kills: u32 = strikes.iter().map(|experiment| experiment.kills()).sum();
        prop_assert!(kills <= settings.max_kills_per_run && today + kills <= settings.max_kills_per_day);
        prop_assert!(!strikes.is_empty() || plans.iter().all(|plan| plan.strike().is_none()), "nothing is spared in vain");
    }

    #[test]
    fn a_tick_that_comes_twice_is_one_run((situation, _) in struck(), fleets in 1_usize..6, run in 1_u32..4) {
        const SLOT: i64 = 7;
        let Situation { present, now, .. } = &situation;
        let settings = Settings { max_kills_per_run: run, ..situation.settings.clone() };
        // The dice of all of them fall in the same slot.
        let plans: Vec<ChaosPlan> = (0..fleets)
            .map(|n| {
                let fleet = format!("web-{n}");
                let mut sibling = situation.clone().tagged(tags::FLEET, &fleet);
                sibling.group.name = format!("group-{n}").into();
                let mut plan = sibling.ordered(|order| order.fleet = fleet.as_str().into()).plan();
                if let Decision::Strike(strike) = &mut plan.decision {
                    let experiment = &mut strike.experiment;
                    experiment.trigger = Trigger::Tick { slot: SLOT, thrown: 0.0, odds: 1.0 };
                    experiment.id = ExperimentId::new(&experiment.fleet, SLOT);
                    experiment.victims.truncate(1);
                }
                plan
            })
            .collect();
        let struck = |plans: Vec<ChaosPlan>, present: &Present| -> Vec<Experiment> {
            let chosen = choose(plans, present, &settings, *now);
            chosen.iter().filter_map(|plan| Some(plan.strike()?.experiment.clone())).collect()
        };
        let first = struck(plans.clone(), present);
        let mut later = present.clone();
        for experiment in &first {
            let tally = Tally { at: *now, day: experiment.day, kills: 1, id: experiment.id.clone() };
            let last = later.last.entry(experiment.fleet.clone()).or_default();
            *(if experiment.leashed { &mut last.leashed } else { &mut last.unleashed }) = Some(tally);
        }
        // Those that it struck are not planned for again: their experiment is open, or known.
        let rest = plans.into_iter().filter(|plan| first.iter().all(|struck| struck.fleet != plan.fleet)).collect();
        let second = struck(rest, &later);
        prop_assert!(first.len() + second.len() <= run as usize, "{} and {}", first.len(), second.len());
    }

    #[test]
    fn only_the_eligible_die((situation, strike) in struck()) {
        let Situation { group, look, settings, now, asked, .. } = &situation;
        let experiment = &strike.experiment;
        let addresses = look.addresses.as_ref().unwrap();
        for victim in &experiment.victims {
            let member = group.members.iter().find(|member| member.instance == victim.instance).unwrap();
            let ec2 = &look.instances.as_ref().unwrap()[&victim.instance];
            prop_assert!(member.lifecycle == Lifecycle::InService && member.healthy && !member.protected);
            prop_assert!(ec2.state == InstanceState::Running);
            prop_assert!(now.duration_since(ec2.launched) >= settings.min_age);
            prop_assert!(ec2.leaving.as_ref().is_none_or(|leaving| !leaving.holds_at(*now)));
            let holds = addresses.iter().any(|address| address.holder.as_ref() == Some(&victim.instance));
            prop_assert_eq!(holds, !victim.holds.is_empty());
            match tag(&situation, tags::VICTIM) {
                Some("holder") => prop_assert!(holds),
                Some("spare") => prop_assert!(!holds),
                _ => {}
            }
        }
        // Who is hit first leaves its zone with a server, unless all zones had but one.
        let mut zones: BTreeMap<&str, u32> = BTreeMap::new();
        for member in group.members.iter().filter(|member| member.serves()) {
            *zones.entry(member.zone.as_str()).or_default() += 1;
        }
        let first = &experiment.victims[0].zone;
        prop_assert!(zones[first.as_str()] > 1 || zones.values().all(|count| *count == 1), "{zones:?}");
        let allowed = tag(&situation, tags::FAULTS).unwrap_or("terminate");
        prop_assert!(allowed.split(' ').any(|fault| fault == experiment.fault.name()));
        if let Asked::Kill { order, .. } = asked {
            prop_assert!(order.victim.as_ref().is_none_or(|asked| victims(experiment) == BTreeSet::from([asked.clone()])));
            prop_assert!(order.fault.is_none_or(|asked| asked == experiment.fault));
        }
    }

    #[test]
    fn a_duplicate_of_a_tick_throws_the_same_number(situation in situation(), early in 0_i64..1_800, late in 0_i64..1_800) {
        let start = situation.now.as_second() - situation.now.as_second().rem_euclid(1_800);
        let survey = |seconds: i64| {
            let group = std::slice::from_ref(&situation.group);
            let now = Timestamp::from_second(start + seconds).unwrap();
            survey(group, &Asked::Tick, &situation.present, &situation.settings, now).remove(0)
        };
        let (one, other) = (survey(early), survey(late));
        prop_assert_eq!(one.draw, other.draw);
        prop_assert_eq!(one.fallen(), other.fallen());
        prop_assert_eq!(one.id, other.id);
    }

    #[test]
    fn what_cannot_be_seen_spares((situation, _) in struck(), which in 0_usize..9) {
        let dark = situation.with(|s| {
            let error = || "throttled".to_owned();
            match which {
                0 => s.look.instances = Err(error()),
                1 => s.look.siblings = Err(error()),
                2 => s.look.launches = Err(error()),
                3 => s.look.refresh = Err(error()),
                4 => s.look.deployments = Err(error()),
                5 => s.look.addresses = Err(error()),
                6 => {
                    s.group.tags.insert(tags::PIPELINE.to_owned(), "site".to_owned());
                    s.look.pipelines.insert("site".to_owned(), Err(error()));
                }
                7 => {
                    s.group.tags.insert(tags::STOP_ALARMS.to_owned(), "errors".to_owned());
                    s.look.alarms = Err(error());
                }
                _ => {
                    s.group.tags.insert(tags::URL.to_owned(), "/".to_owned());
                    s.look.site = vec![panda_domain::chaos::Probe { url: "http://192.0.2.1/".into(), answer: Err(error()) }];
                }
            }
        });
        let reasons = dark.reasons();
        prop_assert!(reasons.iter().any(|reason| reason.to_string().contains("throttled")), "{reasons:?}");
    }
}

/// The search above is worth something only if it strikes, and spares, often enough.
#[test]
fn the_search_sees_strikes_of_every_kind() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut codes: BTreeMap<&'static str, u32> = BTreeMap::new();
    let mut ticks = 0;
    for _ in 0..4_000 {
        let plan = situation().new_tree(&mut runner).unwrap().current().plan();
        *codes.entry(plan.verdict().code).or_default() += 1;
        ticks +=
            u32::from(plan.strike().is_some_and(|strike| matches!(strike.experiment.trigger, Trigger::Tick { .. })));
    }
    assert!(codes["strike"] > 200 && codes["strike-leashed"] > 50 && ticks > 50, "{codes:?}, {ticks} by the dice");
    assert!(codes.len() > 20, "{codes:?}");
}
