//! When `panda_domain::recovery` has nothing to do with a failure, and whom it gives up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod recovery_failure;

use panda_domain::{
    failover::Lifecycle,
    recovery::{
        ActionLook, Call, Creator, DeploymentStatus, Diagnostics, Look, MARK, Membership, News, Pattern, Ping, Reason,
        RunStatus, Step, Target, Wake, message, plan, redact,
    },
};
use serde_json::json;

use self::recovery_failure::{
    CURED, DENIED, SILENT, deployment, failed, instance, launched, now, restarted, rules, stage, target,
};

/// An agent that does not stop.
const STUCK: &str = r#"{"schema":1,"agent":"v1","action":"timed-out","polls":false}"#;

fn codes(look: &Look) -> Vec<&'static str> {
    plan(look, &rules(), now()).reasons.iter().map(Reason::code).collect()
}

#[test]
fn a_script_is_judged_by_its_code_whatever_it_says() {
    for (code, pattern) in [
        ("ScriptMissing", Pattern::ScriptMissing),
        ("ScriptNotExecutable", Pattern::ScriptNotExecutable),
        ("ScriptFailed", Pattern::ScriptFailed),
        ("ScriptTimedOut", Pattern::ScriptTimedOut),
        ("UnknownError", Pattern::Unknown),
    ] {
        let text = |text: &str| text.to_owned();
        let said = Diagnostics { code: text(code), script: text("x"), message: text("so"), log_tail: String::new() };
        assert_eq!(Pattern::of("AfterInstall", Some(&said)), pattern);
        let old = if code == "UnknownError" { Pattern::Unknown } else { Pattern::OldScript };
        assert_eq!(Pattern::of("ApplicationStop", Some(&said)), old, "a script of the revision before");
    }
}

#[test]
fn only_the_success_of_a_whole_pipeline_is_news() {
    let wake = |level: &str, more: serde_json::Value| {
        let mut detail = json!({
            "pipeline": "web", "execution-id": "e-1", "state": "SUCCEEDED", "pipeline-execution-attempt": 2,
        });
        detail.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Wake::decode(&json!({
            "source": "aws.codepipeline", "detail-type": format!("CodePipeline {level} Execution State Change"), "detail": detail,
        }))
    };
    let whole = wake("Pipeline", json!({})).unwrap();
    assert!(matches!(whole.call, Call::Succeeded(_)) && whole.hints.succeeded);
    let stage = wake("Stage", json!({"stage": "Deploy"}));
    assert!(stage.unwrap_err().to_string().contains("its end is told by itself"));
    let action = wake("Action", json!({"type": {"provider": "CodeDeploy"}}));
    assert!(action.unwrap_err().to_string().contains("its end is told by itself"), "without its stage too");
}

#[test]
fn a_stage_at_work_was_retried_if_it_shows_no_failure_or_more_retries_than_the_event_knew() {
    let at_work = |attempt: Option<u32>, retries: u32, shows_failure: bool| {
        let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
        look.hints.attempt = attempt;
        (stage(&mut look).status, stage(&mut look).retries) = (RunStatus::InProgress, retries);
        if !shows_failure {
            stage(&mut look).actions.clear();
        }
        codes(&look)
    };
    assert_eq!(at_work(None, 0, false), ["execution-runs"]);
    assert_eq!(at_work(None, 0, true), ["stage-runs"]);
    assert_eq!(at_work(Some(1), 0, false), ["stage-runs"], "the read is behind the event");
    assert_eq!(at_work(Some(1), 1, true), ["execution-runs"]);
    assert_eq!(at_work(Some(2), 1, true), ["stage-runs"]);
}

#[test]
fn a_failure_is_ours_by_its_deployment_by_its_provider_or_by_what_the_stage_shows() {
    let over = |change: fn(&mut Look)| {
        let mut look = failed(Vec::new());
        look.deployments.clear();
        (stage(&mut look).actions[0].external, stage(&mut look).actions[0].error) = (None, Some("exit 1".to_owned()));
        change(&mut look);
        codes(&look).contains(&"not-a-deployment")
    };
    assert!(over(|_| {}));
    assert!(!over(|look| look.hints.deployments = ["d-1".into()].into()));
    assert!(!over(|look| look.hints.provider = Some("CodeDeploy".to_owned())));
    assert!(!over(|look| stage(look).actions[0].external = Some("d-1".to_owned())));
    assert!(!over(|look| stage(look).actions.clear()), "where no action failed nobody can tell");
    assert!(!over(|look| stage(look).status = RunStatus::Unknown("Moonlit".to_owned())));
}

#[test]
fn a_newer_execution_is_looked_for_at_the_stage_that_failed() {
    let over = |change: fn(&mut Look)| {
        let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
        change(&mut look);
        codes(&look).contains(&"newer-execution")
    };
    assert!(!over(|_| {}));
    assert!(over(|look| stage(look).execution = Some("e-2".into())));
    // Without the stage's name ours may still be somewhere; only where it is nowhere the last stage tells.
    assert!(!over(|look| {
        look.hints.stage = None;
        stage(look).execution = Some("e-2".into());
    }));
    assert!(over(|look| {
        look.hints.stage = None;
        for stage in &mut look.pipeline.as_mut().unwrap().as_mut().unwrap().stages {
            stage.execution = Some("e-2".into());
        }
    }));
}

#[test]
fn a_server_beyond_cure_is_given_up_only_if_it_counts_and_another_serves() {
    let given_up = |serving: u32, lifecycle: Lifecycle, healthy: bool| {
        let mut look = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
        look.restarts = Ok(vec![restarted(0, STUCK)]);
        look.serving = [("web".into(), serving)].into();
        let seen = look.instances.as_mut().unwrap().get_mut(&instance(0)).unwrap();
        seen.membership = Some(Membership { group: "web".into(), lifecycle, healthy });
        matches!(plan(&look, &rules(), now()).step, Step::SetUnhealthy { .. })
    };
    assert!(given_up(2, Lifecycle::InService, true), "one of two");
    assert!(!given_up(1, Lifecycle::InService, true), "never the last");
    assert!(!given_up(3, Lifecycle::InService, false), "Auto Scaling knows already");
    assert!(!given_up(3, Lifecycle::Standby, true), "a person keeps it");
    let mut denied = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    denied.restarts = Ok(vec![restarted(0, DENIED)]);
    assert!(
        !matches!(plan(&denied, &rules(), now()).step, Step::SetUnhealthy { .. }),
        "a new one would be refused too"
    );
}

#[test]
fn the_next_server_is_given_up_when_its_group_has_replaced_the_one_before() {
    let silent = |n| target(n, "ApplicationStop", "UnknownError", SILENT, "");
    let mut look = launched(vec![silent(0), silent(1)]);
    look.restarts = Ok(vec![restarted(0, STUCK), restarted(1, STUCK)]);
    let Step::SetUnhealthy { instance: first, group } = plan(&look, &rules(), now()).step else { panic!("{look:?}") };
    look.instances.as_mut().unwrap().get_mut(&first).unwrap().membership.as_mut().unwrap().healthy = false;
    look.changing = [(group, vec![first.clone()])].into();
    let waiting = plan(&look, &rules(), now());
    assert_eq!(waiting.step, Step::Wait(rules().look_every));
    assert_eq!(codes(&look), ["in-turn"]);
    let sentence = format!("`{}` is replaced when its group has done with `{first}`: one at a time", instance(1));
    assert_eq!(waiting.reasons[0].to_string(), sentence);
    // Another group's change is none of its business.
    look.changing = [("other".into(), vec![first.clone()])].into();
    assert!(matches!(plan(&look, &rules(), now()).step, Step::SetUnhealthy { .. }));
    // A group that never has done is not waited for for ever.
    look.changing = [("web".into(), vec![first])].into();
    look.hints.since = Some(now() - rules().patience);
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Tell(_)));
}

#[test]
fn a_server_without_the_fleets_tag_is_told_apart_from_one_that_systems_manager_does_not_know() {
    let told = |ping: Ping| {
        let mut look = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
        look.instances.as_mut().unwrap().get_mut(&instance(0)).unwrap().ping = ping;
        let told = plan(&look, &rules(), now());
        assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
        message(&look, &told, News::Failed, "eu-west-1").mail.text
    };
    let untagged = told(Ping::Untagged);
    assert!(
        untagged.contains("(instance-untagged)") && untagged.contains("Let the group's tag propagate"),
        "{untagged}"
    );
    assert!(!untagged.contains("AmazonSSMManagedInstanceCore"), "{untagged}");
    assert!(told(Ping::Absent).contains("AmazonSSMManagedInstanceCore"));
}

#[test]
fn a_success_is_news_to_those_who_heard_of_a_failure_or_where_somebody_retried() {
    let told_of =
        |failed_before, recovered, retries: u32, attempt: Option<u32>, in_sight: bool, change: fn(&mut Look)| {
            let mut look = failed(Vec::new());
            look.hints.succeeded = true;
            (look.told.failed, look.told.recovered) = (failed_before, recovered);
            (look.hints.attempt, stage(&mut look).retries) = (attempt, retries);
            if !in_sight {
                for stage in &mut look.pipeline.as_mut().unwrap().as_mut().unwrap().stages {
                    stage.execution = Some("e-2".into());
                }
            }
            change(&mut look);
            codes(&look)
        };
    let told = |failed_before: bool, recovered: bool, retries: u32, attempt: Option<u32>, in_sight: bool| {
        told_of(failed_before, recovered, retries, attempt, in_sight, |_| {})
    };
    assert_eq!(told(true, false, 0, None, true), ["recovered"]);
    assert_eq!(told(true, true, 0, None, true), ["already-told"]);
    assert_eq!(told(false, false, 1, None, true), ["recovered"]);
    assert_eq!(told(false, false, 0, None, true), ["execution-ended"]);
    assert_eq!(told(false, false, 0, Some(3), true), ["execution-ended"], "another stage was retried");
    assert_eq!(told(false, false, 0, Some(2), false), ["recovered"], "out of sight the event's count is all there is");
    assert_eq!(told(false, false, 0, Some(1), false), ["execution-ended"]);
    // A pipeline that deploys nothing by CodeDeploy is none of our business, whoever retried it.
    let builds = |look: &mut Look| {
        (stage(look).actions[0].external, stage(look).actions[0].error) = (Some("build:1".to_owned()), None);
    };
    assert_eq!(told_of(false, false, 1, Some(2), true, builds), ["execution-ended"]);
    assert_eq!(told_of(false, false, 0, Some(2), false, builds), ["execution-ended"]);
    assert_eq!(told_of(true, false, 1, Some(2), true, builds), ["recovered"], "people heard that it failed");
    let unread = |look: &mut Look| look.pipeline = Err("throttled".to_owned());
    assert_eq!(told_of(false, false, 0, Some(2), false, unread), ["recovered"]);
}

#[test]
fn a_deployment_that_undoes_another_and_did_not_fail_or_takes_leave_or_ended_well_is_left_alone() {
    let over = |creator: Creator, status: DeploymentStatus, targets: Vec<Target>| {
        let mut look = launched(targets);
        (deployment(&mut look).creator, deployment(&mut look).status) = (creator, status);
        deployment(&mut look).error = None;
        deployment(&mut look).rollback_of = Some("d-7".into());
        plan(&look, &rules(), now()).reasons.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let silent = || vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")];
    let undone = over(Creator::Rollback, DeploymentStatus::Succeeded, silent());
    assert_eq!(undone, ["it undoes `d-7`, and what is told of that tells of it"]);
    let at_work = over(Creator::Rollback, DeploymentStatus::Active("InProgress".to_owned()), silent());
    assert_eq!(at_work, ["deployment `d-1` still goes on (InProgress)"], "the read may be behind the event");
    let leaving = over(Creator::AutoScalingTermination, DeploymentStatus::Failed, silent());
    assert_eq!(leaving, ["it was for an instance that is taken away"]);
    let well = over(Creator::AutoScaling, DeploymentStatus::Succeeded, Vec::new());
    assert_eq!(well, ["deployment `d-1` is succeeded"]);
    assert!(
        !over(Creator::AutoScaling, DeploymentStatus::Failed, Vec::new())
            .contains(&"deployment `d-1` is failed".to_owned())
    );
    let hidden = over(Creator::AutoScaling, DeploymentStatus::Succeeded, silent());
    assert!(!hidden.contains(&"deployment `d-1` is succeeded".to_owned()), "a success may hide a failure: {hidden:?}");
}

#[test]
fn a_rollback_that_failed_is_nursed_and_told_with_what_it_was_to_undo_and_never_retried() {
    let mut look = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    (deployment(&mut look).creator, deployment(&mut look).rollback_of) = (Creator::Rollback, Some("d-7".into()));
    // Whoever handles the deployment that it was to undo sees to the same servers, and comes first.
    assert_eq!(plan(&look, &rules(), now()).step, Step::Wait(rules().look_every), "it failed two minutes ago");
    deployment(&mut look).completed = Some(now() - jiff::SignedDuration::from_mins(5));
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Restart(_)));
    look.restarts = Ok(vec![restarted(0, CURED)]);
    // It is cured, so its execution may be tried again, and then nobody misses the rollback.
    assert_eq!(plan(&look, &rules(), now()).step, Step::Wait(rules().look_every));
    let later = now() + jiff::SignedDuration::from_mins(8);
    look.deployments.values_mut().next().unwrap().active = Ok(vec!["d-8".into()]);
    assert_eq!(plan(&look, &rules(), later).step, Step::Wait(rules().look_every));
    look.deployments.values_mut().next().unwrap().active = Ok(Vec::new());
    let mut healed = look.clone();
    healed.deployments.values_mut().next().unwrap().succeeded = Ok(Some("d-8".into()));
    assert_eq!(plan(&healed, &rules(), later).step, Step::Nothing);
    let told = plan(&look, &rules(), later);
    assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
    assert_eq!(told.reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["rollback-failed", "no-pipeline"]);
    let text = message(&look, &told, News::Failed, "eu-west-1").mail.text;
    assert!(text.contains("Deployment: d-1 to shop/fleet, to undo d-7"), "{text}");
    assert!(text.contains("it was to undo `d-7` and did not"), "{text}");
    // Its server is not Auto Scaling's to replace: a new one would get the revision that was to be undone.
    look.restarts = Ok(vec![restarted(0, STUCK)]);
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Tell(_)));
    look.told.failed = true;
    assert_eq!(plan(&look, &rules(), now()).step, Step::Nothing);
}

#[test]
fn what_keeps_a_stage_from_a_retry_is_said_whatever_else_is() {
    let reasons = |change: fn(&mut Look)| {
        let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
        look.restarts = Ok(vec![restarted(0, CURED)]);
        change(&mut look);
        codes(&look)
    };
    assert_eq!(reasons(|_| {}), ["cured"]);
    let nowhere = |look: &mut Look| look.pipeline.as_mut().unwrap().as_mut().unwrap().stages.clear();
    assert_eq!(reasons(nowhere), ["not-failed"], "nothing else is wrong, so that is said");
    let unseen = reasons(|look| {
        look.pipeline.as_mut().unwrap().as_mut().unwrap().stages.clear();
        look.instances = Err("throttled".to_owned());
    });
    assert!(unseen.contains(&"unreadable") && !unseen.contains(&"not-failed"), "{unseen:?}");
    let other = reasons(|look| {
        let action = stage(look).actions[0].clone();
        stage(look).actions.push(ActionLook {
            name: "Test".to_owned(),
            external: None,
            error: Some("exit 1".to_owned()),
            ..action
        });
    });
    assert_eq!(other, ["other-action-failed"]);
    let unread = reasons(|look| {
        let action = stage(look).actions[0].clone();
        look.subject = panda_domain::recovery::Subject::Execution { pipeline: "web".into(), execution: "e-1".into() };
        stage(look).actions.push(ActionLook { external: Some("d-2".to_owned()), ..action });
    });
    assert_eq!(unread, ["unreadable"], "a deployment of the stage that nobody looked at");
    let uncured = reasons(|look| {
        look.restarts = Ok(Vec::new());
        look.hints.attempt = Some(2);
        look.instances.as_mut().unwrap().values_mut().for_each(|seen| seen.ping = Ping::Online);
        stage(look).status = RunStatus::Unknown("Moonlit".to_owned());
        look.instances = Err("throttled".to_owned());
    });
    assert!(uncured.contains(&"not-curable"), "{uncured:?}");
}

#[test]
fn what_looks_drawn_by_lot_is_struck_from_its_twenty_fourth_character_on() {
    let lot = |length: usize| "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzA2cE4gI6kM8oQ".chars().take(length).collect::<String>();
    assert_eq!(redact(&format!("value {} end", lot(23))), format!("value {} end", lot(23)));
    assert_eq!(redact(&format!("value {} end", lot(24))), format!("value {MARK} end"));
    assert_eq!(redact(&format!("value {} end", lot(40))), format!("value {MARK} end"));
    let short = format!("a/{}/b", lot(23));
    assert_eq!(redact(&format!("value {short} end")), format!("value {short} end"), "each name of a path by itself");
    assert_eq!(redact(&format!("value /srv/{}/b end", lot(24))), format!("value /srv/{MARK}/b end"));
    for readable in [
        "0123456789abcdefABCDEF0123456789abcdef",
        "07e563b5-8802-4efe-94cc-e864390dd7af",
        "aaaaaaaaBBBBBBBB11111111",
        "org-springframework-Context2Support",
        "aB3dE5fA7cB9eD1fA2bC4dE6",
    ] {
        assert_eq!(redact(readable), readable);
    }
    // Thirteen runs in forty characters are as many jumps as a name may have, fourteen are too many.
    let runs = |runs: usize, last: &str| {
        format!("{}{last}", ["ghi", "JKL", "123"].into_iter().cycle().take(runs).collect::<String>())
    };
    assert_eq!(redact(&runs(12, "ghij")), runs(12, "ghij"));
    assert_eq!(redact(&runs(13, "J")), MARK);
}
