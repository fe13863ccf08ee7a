//! To the second and to the word: where `panda_domain::chaos` changes its mind, and how it names things.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod situation;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use panda_domain::chaos::{
    Command, Decision, Ending, Experiment, Fault, Healing, Launches, Verdict, Victim, after, healing, judge, tags,
};
use serde_json::json;

use self::situation::{Situation, instance, now, order};

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
