//! When `panda_domain::recovery` has nothing to do with a failure, and whom it gives up.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod recovery_failure;

use panda_domain::{
    failover::Lifecycle,
    recovery::{Call, Diagnostics, Look, Membership, Pattern, Reason, RunStatus, Step, Wake, plan},
};
use serde_json::json;

use self::recovery_failure::{DENIED, SILENT, failed, instance, launched, now, restarted, rules, stage, target};

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
