//! To the second and to the word: where `panda_domain::chaos` changes its mind, and how it names things.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that cannot go on should stop"
)]

mod situation;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use panda_domain::chaos::{
    Command, Decision, Defaults, Ending, Experiment, ExperimentId, Fault, Healing, LastKills, Launches, MeanDays, Mode,
    Policy, SiteUrl, Tally, TickLength, Verdict, Victim, Windows, after, before, healing, judge, survey, tags,
    utc_date,
};
use serde_json::json;

use self::situation::{Situation, at, instance, now, order};

fn three() -> Situation {
    Situation::of(&["a", "b", "a"])
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn experiment(situation: &Situation) -> Experiment {
    match situation.plan().decision {
        Decision::Strike(strike) => strike.experiment,
        Decision::Spare(reasons) => unreachable!("{reasons:?}"),
    }
}

#[test]
fn a_command_and_a_verdict_and_a_fault_are_called_as_they_are_written() {
    for name in ["tick", "preview", "history"] {
        assert_eq!(Command::decode(&json!({"command": name})).unwrap().name(), name);
    }
    for name in ["disarm", "arm"] {
        assert_eq!(Command::decode(&json!({"command": name, "reason": "x"})).unwrap().name(), name);
    }
    assert_eq!(Command::Kill(order()).name(), "kill");
    for (verdict, name) in [
        (Verdict::Survived, "survived"),
        (Verdict::Hurt, "hurt"),
        (Verdict::NotHealed, "not-healed"),
        (Verdict::Aborted, "aborted"),
        (Verdict::NotStruck, "not-struck"),
        (Verdict::Leashed, "leashed"),
    ] {
        assert_eq!((verdict.name(), verdict.to_string().as_str()), (name, name));
        assert_eq!(serde_json::to_value(verdict).unwrap(), json!(name), "in the journal too");
    }
    for fault in Fault::ALL {
        assert_eq!(fault.to_string(), fault.name());
        assert_eq!(serde_json::to_value(fault).unwrap(), json!(fault.name()));
    }
}

#[test]
fn a_victim_is_named_by_letters_digits_and_dashes_only() {
    let victim = |victim: &str| {
        Command::decode(&json!({"command": "kill", "fleet": "web", "reason": "x", "victim": victim})).is_ok()
    };
    assert!(victim("i-0123456789abcdef0") && victim("i-spare-1"));
    assert!(["i-", "i-0/1", "i-0 1", "i-0;", "0123", "eipalloc-1"].iter().all(|id| !victim(id)));
}

#[test]
fn an_experiment_counts_every_victim() {
    let situation = three().ordered(|order| order.count = 1);
    let mut experiment = experiment(&situation);
    assert_eq!(experiment.kills(), 1);
    experiment.victims.push(Victim { instance: instance(1), zone: "b".into(), holds: Vec::new() });
    experiment.victims.push(Victim { instance: instance(2), zone: "a".into(), holds: Vec::new() });
    assert_eq!(experiment.kills(), 3);
    experiment.victims.clear();
    assert_eq!(experiment.kills(), 0);
}

#[test]
fn a_failed_launch_counts_for_less_than_an_hour() {
    let failed = |ago: i64, succeeded: Option<i64>| {
        let at = |ago: i64| now() - seconds(ago);
        let launches = Launches { failed: Some((at(ago), "no capacity".into())), succeeded: succeeded.map(at) };
        three().with(|s| s.look.launches = Ok(launches)).codes()
    };
    assert_eq!(failed(3_599, None), ["launch-failing"]);
    assert_eq!(failed(3_600, None), [""; 0]);
    assert_eq!(failed(60, Some(61)), ["launch-failing"]);
    assert_eq!(failed(60, Some(60)), [""; 0], "what succeeded since makes up for it");
}

#[test]
fn an_instance_of_exactly_the_least_age_may_be_hit() {
    let aged = |age: i64| {
        let situation = Situation::of(&["a", "a"]).tagged(tags::MIN_HEALTHY, "1");
        let situation = (0..2).fold(situation, |s, n| s.ec2(n, |look| look.launched = now() - seconds(age)));
        situation.codes()
    };
    assert_eq!(aged(600), [""; 0]);
    assert!(!aged(599).is_empty());
}

#[test]
fn an_agent_that_was_stopped_is_watched_for_a_minute_and_no_longer() {
    let situation = three().tagged(tags::FAULTS, "stop-agent");
    let experiment = experiment(&situation);
    assert!(matches!(healing(&experiment, &situation.observed(59)), Healing::NotYet(_)));
    assert_eq!(healing(&experiment, &situation.observed(60)), Healing::Healed);
}

#[test]
fn the_deadline_itself_is_in_time_and_begun_seconds_count() {
    let situation = three();
    let mut experiment = experiment(&situation);
    experiment.heal_by = now() + seconds(600);
    let ended = |after: SignedDuration, watched: bool| {
        let seen = panda_domain::chaos::Observation { at: now() + after, ..situation.observed(0) };
        judge(&experiment, &Ending::Healed { seen: &seen, silent: None, watched }, seen.at, SignedDuration::ZERO)
    };
    let on_time = ended(seconds(600), true);
    assert_eq!((on_time.verdict, on_time.heal_seconds, on_time.detail), (Verdict::Survived, Some(600), None));
    let late = ended(seconds(601), true);
    assert_eq!((late.verdict, late.heal_seconds), (Verdict::NotHealed, Some(601)));
    // Whoever took over saw it whole before the deadline: then it is known how long it took.
    let found = ended(seconds(500), false);
    assert_eq!((found.verdict, found.heal_seconds, found.detail), (Verdict::Survived, Some(500), None));
    assert_eq!(ended(SignedDuration::from_millis(90_001), true).heal_seconds, Some(91));
    assert_eq!(ended(seconds(90), true).heal_seconds, Some(90));
    assert_eq!(ended(seconds(-5), true).heal_seconds, Some(0));
}

#[test]
fn an_ending_says_what_happened_to_the_site_only_where_one_was_asked() {
    let situation = three();
    let mut experiment = experiment(&situation);
    let text = |experiment: &Experiment, silent: Option<i64>| {
        let seen = situation.observed(90);
        let ending = Ending::Healed { seen: &seen, silent: silent.map(seconds), watched: true };
        after(experiment, &judge(experiment, &ending, seen.at, seconds(30))).text
    };
    assert!(!text(&experiment, None).contains("site"), "nobody asked it");
    experiment.url = Some("/".parse().unwrap());
    assert!(text(&experiment, Some(0)).contains("Its site answered all the time."));
    assert!(text(&experiment, Some(7)).contains("Its site did not answer for 7 seconds, which is tolerated."));
    let hurt = text(&experiment, Some(61));
    assert!(hurt.contains("its site did not answer for 1 min 1 s, which is longer than is tolerated."), "{hurt}");
    assert!(!hurt.contains("which is tolerated.") && !hurt.contains("all the time"), "{hurt}");
}

#[test]
fn a_stopped_agent_is_told_as_one_and_a_kill_as_a_kill() {
    let told = |fault: &str, silent: i64, verdict: Verdict| {
        let situation = three()
            .tagged(tags::FAULTS, fault)
            .tagged(tags::URL, "/")
            .with(|s| s.look.site = vec![situation::answer(200)]);
        let experiment = experiment(&situation);
        let seen = situation.observed(90);
        let ending = Ending::Healed { seen: &seen, silent: Some(seconds(silent)), watched: true };
        let outcome = judge(&experiment, &ending, seen.at, seconds(30));
        assert_eq!(outcome.verdict, verdict);
        (experiment.victims[0].instance.clone(), after(&experiment, &outcome).text)
    };
    let (victim, text) = told("stop-agent", 0, Verdict::Survived);
    assert!(text.starts_with(&format!("web went on serving while {victim} lost its CodeDeploy agent.")), "{text}");
    assert!(text.contains(&format!("{victim} now forgets its updates")));
    let (victim, text) = told("stop-agent", 60, Verdict::Hurt);
    assert!(
        text.contains(&format!(
            "after the CodeDeploy agent of {victim} was stopped, but its site did not answer for 1 min,"
        )),
        "{text}"
    );
    let (victim, text) = told("crash", 60, Verdict::Hurt);
    assert!(text.contains(&format!("after it lost {victim}, but its site did not answer")), "{text}");
    assert!(!text.contains("forgets its updates"));
}

#[test]
fn who_is_drawn_differs_from_one_experiment_to_the_next() {
    let drawn: BTreeSet<_> = (0..40)
        .map(|n| {
            let situation = Situation::of(&["a", "a", "a", "a"]).with(|s| {
                s.asked = panda_domain::chaos::Asked::Kill { request: format!("request-{n}"), order: order() };
            });
            experiment(&situation).victims[0].instance.clone()
        })
        .collect();
    assert_eq!(drawn.len(), 4, "in forty draws everybody is hit: {drawn:?}");
    let faults: BTreeSet<_> = (0..40)
        .map(|n| {
            let situation = three().tagged(tags::FAULTS, "terminate crash graceful").with(|s| {
                s.asked = panda_domain::chaos::Asked::Kill { request: format!("request-{n}"), order: order() };
            });
            experiment(&situation).fault
        })
        .collect();
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn numbers_and_urls_are_kept_in_json_as_they_are_written() {
    let mean: MeanDays = "2.5".parse().unwrap();
    assert_eq!(serde_json::to_value(mean).unwrap(), json!("2.5"));
    assert_eq!(serde_json::from_value::<MeanDays>(json!("2.5")).unwrap(), mean);
    assert!(serde_json::from_value::<MeanDays>(json!("none")).is_err());
    let url: SiteUrl = ":8080/health".parse().unwrap();
    assert_eq!(serde_json::to_value(&url).unwrap(), json!(":8080/health"));
    assert_eq!(serde_json::from_value::<SiteUrl>(json!(":8080/health")).unwrap(), url);
    assert!(serde_json::from_value::<SiteUrl>(json!("health")).is_err());
}

/// A policy with these tags.
fn policy(pairs: &[(&str, &str)]) -> Policy {
    let tags = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Policy::read(&tags, &Defaults::default(), TickLength::default()).unwrap()
}

#[test]
fn odds_without_a_minimum_are_what_the_mean_asks_for() {
    let near = |one: f64, other: f64| (one - other).abs() < 1e-12;
    let often = policy(&[(tags::MIN_DAYS, "0"), (tags::MEAN_DAYS, "5"), (tags::MAX_PER_DAY, "30")]);
    // The cap is above the slots: each has its share of a kill in five days.
    assert!(near(often.slot_odds(24, 0), 0.2 / 24.0) && near(often.slot_odds(24, 23), 0.2 / 24.0));
    assert!(near(often.day_odds(24), 1.0 - (1.0 - 0.2 / 24.0_f64).powi(24)));
    assert!(near(often.slot_odds(30, 0), 0.2 / 30.0));
    assert_eq!((often.slot_odds(24, 24), often.slot_odds(0, 0), often.day_odds(0)), (0.0, 0.0, 0.0));
    // With a cap of one a day of two slots sees 1 - (1 - p)^2 kills.
    let once = policy(&[(tags::MIN_DAYS, "0"), (tags::MEAN_DAYS, "2"), (tags::MAX_PER_DAY, "1")]);
    assert!(near(once.slot_odds(2, 0), 1.0 - 0.5_f64.sqrt()));
    assert!(near(once.day_odds(2), 0.5));
    let daily = policy(&[(tags::MIN_DAYS, "0"), (tags::MEAN_DAYS, "1"), (tags::MAX_PER_DAY, "1")]);
    assert_eq!(daily.slot_odds(2, 0), 1.0, "no odds reach a kill every day but certainty");
    let spaced = policy(&[(tags::MIN_DAYS, "2"), (tags::MEAN_DAYS, "5")]);
    assert!(near(spaced.day_odds(24), 0.25) && near(spaced.slot_odds(24, 0), 0.25 / 24.0));
    assert!(near(spaced.slot_odds(4, 3), 0.25 / (4.0 - 0.75)));
    assert_eq!(spaced.day_odds(0), 0.0);
}

#[test]
fn windows_that_overlap_are_named_wherever_the_week_begins() {
    let refused = |text: &str| text.parse::<Windows>().unwrap_err();
    for text in ["Mon 00:00-02:00/Sun 22:00-01:00", "Sun 22:00-01:00/Mon 00:00-02:00"] {
        let (one, other) = text.split_once('/').unwrap();
        assert_eq!(refused(text), format!("windows that do not overlap; `{one}` and `{other}` do"));
    }
    let itself = "windows that do not overlap; `Mon 09:00-10:00` overlaps with itself";
    assert_eq!(refused("Mon 09:00-10:00/Mon 09:00-10:00"), itself);
    assert!(refused("Mon,Tue 22:00-22:01/Mon 22:00-23:00").contains("and"));
    for text in ["Mon 01:00-02:00/Sun 22:00-01:00", "Sun 22:00-01:00/Mon 01:00-02:00", "Mon-Sun 00:00-24:00"] {
        assert!(text.parse::<Windows>().is_ok(), "windows may touch: {text}");
    }
}

#[test]
fn who_is_spared_has_not_fallen_and_a_wait_that_is_over_is_none() {
    let surveyed = |situation: &Situation| {
        let groups = std::slice::from_ref(&situation.group);
        survey(groups, &situation.asked, &situation.present, &situation.settings, situation.now).remove(0)
    };
    assert!(surveyed(&three()).fallen());
    assert!(!surveyed(&three().with(|s| s.settings.mode = Mode::Off)).fallen());
    // A kill on Wednesday: the minimum of a day allows the next from Thursday's opening on, and at that moment there is no wait.
    let killed = |when: &str| {
        let last = at("2026-11-25T10:00:00Z");
        let id = ExperimentId::new(&"web".into(), 1);
        let tally = Tally { at: last, day: utc_date(last), kills: 1, id };
        let last = LastKills { unleashed: Some(tally), leashed: None };
        let situation = three().with(|s| {
            s.present.last = [("web".into(), last)].into();
            s.now = at(when);
        });
        surveyed(&situation).outlook.unwrap().not_before
    };
    assert_eq!(killed("2026-11-26T08:59:59Z"), "2026-11-26T09:00:00Z".parse().ok());
    assert_eq!(killed("2026-11-26T09:00:00Z"), None);
}

#[test]
fn every_fault_is_explained() {
    for (fault, says) in [
        ("terminate", "Fault: terminate (the instance is terminated)"),
        (
            "crash",
            "Fault: crash (the instance is terminated without a shutdown of its operating system, as by a power cut)",
        ),
        ("graceful", "Fault: graceful (Auto Scaling terminates the instance by its own rules)"),
        ("stop-agent", "Fault: stop-agent (the CodeDeploy agent is stopped)"),
    ] {
        let text = before(&experiment(&three().tagged(tags::FAULTS, fault))).text;
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_maintenance_policy_counts_only_where_it_asks_for_more_than_half() {
    let why = |percent: Option<u32>| {
        let situation = Situation::of(&["a", "a", "a", "a"])
            .ordered(|order| order.count = 3)
            .tagged(tags::MAX_PER_DAY, "9")
            .with(|s| s.group.min_healthy_percentage = percent);
        let reasons = situation.reasons();
        reasons.iter().find(|reason| reason.code() == "min-healthy").map(ToString::to_string).unwrap_or_default()
    };
    for percent in [None, Some(25), Some(50)] {
        assert!(why(percent).contains("half, for want of the tag"), "{percent:?}: {}", why(percent));
    }
    assert!(why(Some(51)).contains("maintenance policy asks for 51 %"), "{}", why(Some(51)));
}

#[test]
fn limits_that_can_just_be_kept_are_kept() {
    let read = |pairs: &[(&str, &str)]| {
        let tags = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Policy::read(&tags, &Defaults::default(), TickLength::default())
    };
    let wrong = |pairs: &[(&str, &str)]| match read(pairs) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| (problem.tag, problem.why)).collect(),
    };
    assert!(wrong(&[(tags::WINDOW, "Mon 09:00-09:15")]).is_empty(), "one throw of the dice");
    let short = wrong(&[(tags::WINDOW, "Mon 09:00-09:14")]);
    assert!(
        short.iter().any(|(tag, why)| tag == tags::WINDOW && why.contains("is shorter than the 15 minutes")),
        "{short:?}"
    );
    assert!(wrong(&[(tags::MIN_DAYS, "5"), (tags::MEAN_DAYS, "5")]).is_empty());
    let late = wrong(&[(tags::MIN_DAYS, "5"), (tags::MEAN_DAYS, "4.999")]);
    assert!(
        late.iter().any(|(tag, why)| tag == tags::MEAN_DAYS && why.contains("the mean must be 5 or more")),
        "{late:?}"
    );
    assert!(wrong(&[(tags::MIN_DAYS, "0"), (tags::MEAN_DAYS, "0.01"), (tags::MAX_PER_DAY, "100")]).len() == 1);
    let often = |mean: &str, cap: &str, window: &str| {
        wrong(&[(tags::MIN_DAYS, "0"), (tags::MEAN_DAYS, mean), (tags::MAX_PER_DAY, cap), (tags::WINDOW, window)])
    };
    assert!(often("0.5", "2", "Mon-Fri 09:00-15:00").is_empty(), "two a day, and two is the cap");
    let capped = often("0.25", "2", "Mon-Fri 09:00-15:00");
    assert!(capped[0].1.contains("asks for more than 2 a day, which is the cap"), "{capped:?}");
    // The shortest day counts: on Tuesday the dice are thrown twice.
    let thrown = often("0.25", "9", "Mon 09:00-15:00/Tue 09:00-09:30");
    assert!(thrown[0].1.contains("than the 2 throws of the dice that the shortest day's windows hold"), "{thrown:?}");
    assert!(often("0.5", "9", "Mon 09:00-15:00/Tue 09:00-09:30").is_empty());
    assert!(often("0.25", "9", "Mon 09:00-15:00/Tue 09:00-09:30/Tue 10:00-10:30").is_empty(), "two windows add up");
}

#[test]
fn a_field_may_be_as_long_as_it_is_said() {
    let reason = |length: usize| Command::decode(&json!({"command": "arm", "reason": "é".repeat(length)}));
    assert!(reason(256).is_ok());
    assert!(reason(257).unwrap_err().to_string().contains("257 characters long"));
}
