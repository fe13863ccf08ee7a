//! Where `panda_domain::recovery` changes its mind by one word, one second, one status.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod recovery_failure;

use panda_domain::{
    event::{InstanceState, Trigger},
    failover::{Lifecycle, Step as Turn},
    recovery::{
        ActionLook, AgentReport, AgentTrouble, AgentVerdict, Call, Cause, Command, CommandError, CommandTarget, Commit,
        DeploymentErrorCode, DeploymentStatus, Diagnosis, ExecutionLook, Finding, LifecycleEvent, Look, MARK, News,
        Nursing, Pattern, PipelineLook, Reason, Redacted, Refusal, Restart, RestartState, RunStatus, StageLook,
        Standing, Step, Subject, Target, TargetStatus, Wake, diagnose, message, plan, redact,
    },
};
use serde_json::json;

use self::recovery_failure::{
    CURED, DENIED, SILENT, deployment, failed, instance, launched, now, restarted, rules, shown, stage, target,
};

const SCRIPT: &str = "Script at specified location: run as user root failed with exit code 1";

fn only(diagnosis: Diagnosis) -> Finding {
    let [finding] = <[Finding; 1]>::try_from(diagnosis.findings).unwrap();
    finding
}

fn silent(n: usize) -> Target {
    target(n, "ApplicationStop", "UnknownError", SILENT, "")
}

#[test]
fn a_report_proves_what_its_members_say_one_by_one() {
    let verdict = |report: serde_json::Value| AgentReport::find(&report.to_string()).unwrap().verdict();
    let troubled = AgentVerdict::Troubled;
    let report = |more: &[(&str, serde_json::Value)]| {
        let mut report = json!({"schema": 1, "polls": false});
        report.as_object_mut().unwrap().extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        verdict(report)
    };
    assert_eq!(report(&[("action", json!("not-installed"))]), troubled(AgentTrouble::NotInstalled));
    assert_eq!(report(&[("agent", json!("absent"))]), troubled(AgentTrouble::NotInstalled));
    assert_eq!(
        report(&[("agent", json!("absent")), ("action", json!("refused-busy"))]),
        troubled(AgentTrouble::NotInstalled)
    );
    assert_eq!(report(&[("agent", json!("v1"))]), troubled(AgentTrouble::DoesNotPoll));
    let full = |percent: u64| report(&[("disk_percent", json!(percent)), ("action", json!("timed-out"))]);
    assert_eq!([full(99), full(100)], [troubled(AgentTrouble::Stuck), troubled(AgentTrouble::DiskFull)]);
}

#[test]
fn a_command_names_one_thing_and_nothing_empty() {
    let target = |payload| {
        Command::decode(&payload).map(|command| match command {
            Command::Diagnose(target) | Command::Recover(target) => target,
            other => panic!("{other:?}"),
        })
    };
    let recover = |more: serde_json::Value| {
        let mut payload = json!({"command": "recover"});
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        target(payload)
    };
    assert_eq!(recover(json!({"deployment": " d-1 "})), Ok(CommandTarget::Deployment("d-1".into())));
    assert_eq!(recover(json!({"pipeline": "web"})), Ok(CommandTarget::Pipeline("web".into(), None)));
    let both =
        [json!({"deployment": "d-1", "execution": "e-1"}), json!({"deployment": "d-1", "pipeline": "web"}), json!({})];
    for wrong in both {
        assert_eq!(recover(wrong), Err(CommandError::NoTarget { command: "recover".to_owned() }));
    }
    for nothing in [json!(" "), json!(""), json!(7), json!(null)] {
        let wrong = recover(json!({"pipeline": nothing}));
        assert!(matches!(wrong, Err(CommandError::BadField { field: "pipeline", .. })), "{wrong:?}");
    }
}

#[test]
fn a_look_again_brings_back_what_was_known() {
    let payload = json!({
        "command": "look-again", "pipeline": "web", "execution": "e-1", "stage": "Deploy", "action": "CodeDeploy",
        "attempt": 3, "since": "2026-05-07T13:22:07Z",
    });
    let wake = Wake::decode(&payload).unwrap();
    assert_eq!(wake.call, Call::LookAgain(Subject::Execution { pipeline: "web".into(), execution: "e-1".into() }));
    let hints = wake.hints;
    assert_eq!((hints.stage, hints.attempt), (Some("Deploy".into()), Some(3)));
    assert_eq!((hints.action.as_deref(), hints.provider.as_deref()), (Some("CodeDeploy"), Some("CodeDeploy")));
    assert_eq!(hints.since, "2026-05-07T13:22:07Z".parse().ok());
    let mut less = payload.clone();
    less.as_object_mut().unwrap().retain(|name, _| !["action", "attempt"].contains(&name.as_str()));
    let hints = Wake::decode(&less).unwrap().hints;
    assert_eq!((hints.action, hints.provider, hints.attempt), (None, None, None));
    for attempt in [json!(-1), json!(1.5), json!("3"), json!(4_294_967_296_u64)] {
        let mut wrong = payload.clone();
        wrong["attempt"] = attempt;
        assert!(Wake::decode(&wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_event_of_a_stage_names_it() {
    let event = json!({
        "source": "aws.codepipeline", "detail-type": "CodePipeline Stage Execution State Change",
        "detail": {"pipeline": "web", "execution-id": "e-1", "stage": "Deploy", "state": "FAILED"},
    });
    assert_eq!(Wake::decode(&event).unwrap().hints.stage, Some("Deploy".into()));
    let mut unnamed = event.clone();
    unnamed["detail"].as_object_mut().unwrap().remove("stage");
    assert!(Wake::decode(&unnamed).is_err());
}

#[test]
fn a_tail_keeps_whole_lines_to_the_last_character_that_fits() {
    let line = |length: usize| "x y ".chars().cycle().take(length - 1).chain(['z']).collect::<String>();
    let tail = |first: usize, last: usize| Redacted::tail(&format!("{}\n{}", line(first), line(last))).unwrap();
    assert_eq!(tail(1_249, 1_249).as_str(), format!("{}\n{}", line(1_249), line(1_249)), "2,500 with their ends");
    assert_eq!(tail(1_250, 1_249).as_str(), line(1_249), "one more is too many");
    assert_eq!(Redacted::tail(&line(2_600)).unwrap().as_str().chars().count(), 2_500, "a line that is too long is cut");
    let short = "a\n".repeat(31);
    assert_eq!(Redacted::tail(&short).unwrap().as_str().lines().count(), 30);
}

#[test]
fn what_goes_on_in_the_next_line_is_struck_and_words_are_not() {
    for struck in [
        "DB_TOKEN=aB3dE5fG7hJ9kL1m\nQ4rS6tU8vW0xYzAc",
        "{\"token\": \"aB3dE5fG7hJ9kL1m\"\nQ4rS6tU8vW0xYzAc",
        "{\"token\": \"aB3dE5fG7hJ9kL1m\",\nQ4rS6tU8vW0xYzAc",
        "x \"AKIAIOSFODNN7EXAMPLE\"\nQ4rS6tU8vW0xYzAc",
        "x AKIAIOSFODNN7EXAMPLE  \nQ4rS6tU8vW0xYzAc",
    ] {
        let clean = redact(struck);
        assert!(clean.ends_with(&format!("\n{MARK}")), "{struck:?} became {clean:?}");
    }
    for (text, clean) in [
        ("DB_TOKEN=hunter2\nInstallingPackages", format!("DB_TOKEN={MARK}\nInstallingPackages")),
        ("DB_TOKEN=hunter2\n123456789012345", format!("DB_TOKEN={MARK}\n123456789012345")),
        ("DB_TOKEN=hunter2\nstarting node20 now", format!("DB_TOKEN={MARK}\nstarting node20 now")),
        ("Installing\nhttpd24tools64x", "Installing\nhttpd24tools64x".to_owned()),
        ("a\n\nb", "a\n\nb".to_owned()),
        ("a\n \nhttpd24tools64x", "a\n \nhttpd24tools64x".to_owned()),
    ] {
        assert_eq!(redact(text), clean);
    }
}

#[test]
fn a_script_that_failed_is_not_blamed_on_an_agent_beyond_cure() {
    let mut look = failed(vec![target(0, "AfterInstall", "ScriptFailed", SCRIPT, "")]);
    look.restarts = Ok(vec![restarted(0, DENIED)]);
    let finding = only(diagnose(&look));
    assert_eq!(finding.standing, Standing::Here(Nursing::Troubled(AgentTrouble::AccessDenied)));
    assert_eq!((finding.trouble(), finding.root()), (None, Cause::Target(Pattern::ScriptFailed)));
    let mut look = failed(vec![silent(0)]);
    look.restarts = Ok(vec![restarted(0, DENIED)]);
    assert_eq!(only(diagnose(&look)).trouble(), Some(AgentTrouble::AccessDenied));
    // A restart of another instance says nothing of this one.
    look.restarts = Ok(vec![restarted(1, DENIED)]);
    assert_eq!(only(diagnose(&look)).standing, Standing::Here(Nursing::Untried));
}

#[test]
fn what_code_deploy_and_code_pipeline_say_is_passed_on() {
    let mut look = failed(Vec::new());
    deployment(&mut look).error = Some((DeploymentErrorCode::RevisionMissing, "no such key".to_owned()));
    let finding = only(diagnose(&look));
    assert_eq!(finding.cause, Cause::Deployment(DeploymentErrorCode::RevisionMissing));
    assert_eq!(finding.said.unwrap().message.unwrap().as_str(), "no such key");
    let mut look = failed(Vec::new());
    look.deployments.clear();
    let error = "CodeDeploy: Rate exceeded";
    stage(&mut look).actions[0] =
        ActionLook { external: None, error: Some(error.to_owned()), ..stage(&mut look).actions[0].clone() };
    let finding = only(diagnose(&look));
    assert_eq!(finding.cause, Cause::Refused(Refusal::Throttled));
    assert_eq!(finding.said.unwrap().message.unwrap().as_str(), error);
}

#[test]
fn what_ended_a_deployment_explains_what_it_left_off() {
    let begun = || {
        let event = |status| LifecycleEvent { name: "AfterInstall".to_owned(), status, diagnostics: None };
        Target { status: TargetStatus::InProgress, events: vec![event(TargetStatus::InProgress)], ..silent(0) }
    };
    let causes = |targets: Vec<Target>, code: Option<DeploymentErrorCode>, status: DeploymentStatus| {
        let mut look = failed(targets);
        deployment(&mut look).status = status;
        deployment(&mut look).error = code.map(|code| (code, "so".to_owned()));
        diagnose(&look).findings.into_iter().map(|finding| finding.cause).collect::<Vec<_>>()
    };
    let (code, whole) = (DeploymentErrorCode::RevisionMissing, Cause::Deployment(DeploymentErrorCode::RevisionMissing));
    let failed = || DeploymentStatus::Failed;
    assert_eq!(causes(vec![begun()], Some(code.clone()), failed()), std::slice::from_ref(&whole));
    let script = target(1, "AfterInstall", "ScriptFailed", SCRIPT, "");
    assert_eq!(
        causes(vec![begun(), script], Some(code), failed()),
        [whole, Cause::Target(Pattern::ScriptFailed)],
        "but what a script did stays its own"
    );
    assert_eq!(causes(vec![begun()], None, failed()), [Cause::Target(Pattern::CutOff)]);
    let stopped = Cause::Deployment(DeploymentErrorCode::ManualStop);
    assert_eq!(causes(vec![begun(), silent(1)], None, DeploymentStatus::Stopped), [stopped], "a stop explains all");
}

#[test]
fn a_deployment_that_an_alarm_stopped_was_stopped_by_nobody() {
    let mut look = failed(vec![silent(0)]);
    deployment(&mut look).status = DeploymentStatus::Stopped;
    let stopped_for = |look: &mut Look, code: DeploymentErrorCode| {
        deployment(look).error = Some((code, "so".to_owned()));
        let told = plan(look, &rules(), now());
        assert!(matches!(told.step, Step::Tell(_)), "no agent is restarted: {told:?}");
        only(told.diagnosis).cause
    };
    let alarm = stopped_for(&mut look, DeploymentErrorCode::AlarmActive);
    assert_eq!(alarm, Cause::Deployment(DeploymentErrorCode::AlarmActive));
    let somebody = Cause::Deployment(DeploymentErrorCode::ManualStop);
    for code in [DeploymentErrorCode::ManualStop, DeploymentErrorCode::HealthConstraints] {
        assert_eq!(stopped_for(&mut look, code), somebody);
    }
}

#[test]
fn an_instance_without_events_is_judged_by_its_status() {
    let pattern = |status: TargetStatus, of: DeploymentStatus| {
        let mut look = failed(vec![Target { status, events: Vec::new(), ..silent(0) }]);
        deployment(&mut look).status = of;
        deployment(&mut look).error = None;
        diagnose(&look).findings.into_iter().map(|finding| finding.cause).collect::<Vec<_>>()
    };
    let (failure, success) = (|| DeploymentStatus::Failed, || DeploymentStatus::Succeeded);
    let never = [Cause::Target(Pattern::NeverBegan)];
    assert_eq!(pattern(TargetStatus::Failed, failure()), never);
    assert_eq!(pattern(TargetStatus::Failed, success()), never);
    assert_eq!(pattern(TargetStatus::Unknown, failure()), [Cause::Target(Pattern::CutOff)]);
    assert_eq!(pattern(TargetStatus::Unknown, success()), []);
    for (written, status) in [
        ("Pending", TargetStatus::Pending),
        ("InProgress", TargetStatus::InProgress),
        ("Succeeded", TargetStatus::Succeeded),
        ("Failed", TargetStatus::Failed),
        ("Skipped", TargetStatus::Skipped),
        ("Ready", TargetStatus::Ready),
        ("Moonlit", TargetStatus::Unknown),
    ] {
        assert_eq!(TargetStatus::from(written), status);
        let quiet = matches!(
            status,
            TargetStatus::Pending | TargetStatus::Succeeded | TargetStatus::Skipped | TargetStatus::Ready
        );
        assert_eq!(pattern(status, failure()).is_empty(), quiet, "{written}");
    }
}

#[test]
fn an_instance_that_is_leaving_or_stopped_is_told_apart() {
    let standing = |target: Target, spoil: fn(&mut panda_domain::recovery::InstanceLook)| {
        let mut look = failed(vec![target]);
        spoil(look.instances.as_mut().unwrap().get_mut(&instance(0)).unwrap());
        let finding = only(diagnose(&look));
        (finding.standing, finding.cause)
    };
    let leaving = standing(silent(0), |look| {
        look.membership.as_mut().unwrap().lifecycle = Lifecycle::Terminating(Turn::Wait);
    });
    assert_eq!(leaving.0, Standing::Gone);
    let stopped = |target| standing(target, |look| look.state = Some(InstanceState::Stopped));
    let here = Standing::Here(Nursing::Untried);
    assert_eq!(stopped(silent(0)), (here, Cause::Target(Pattern::InstanceStopped)));
    let script = target(0, "AfterInstall", "ScriptFailed", SCRIPT, "");
    assert_eq!(stopped(script), (here, Cause::Target(Pattern::ScriptFailed)), "a script's failure remains one");
}

#[test]
fn what_the_pipeline_shows_outweighs_a_late_event() {
    let mut look = failed(vec![silent(0)]);
    let late = look.deployments.get("d-1").cloned().unwrap();
    look.deployments.insert("d-0".into(), late);
    let seen = |look: &Look| look.current().map(|(id, _)| id.to_string()).collect::<Vec<_>>();
    assert_eq!(seen(&look), ["d-1"]);
    look.pipeline = Err("throttled".to_owned());
    assert_eq!(seen(&look), ["d-0", "d-1"], "without it all count");
    let mut alone = launched(vec![silent(0)]);
    alone.pipeline = Ok(Some(shown("d-9", 0)));
    assert_eq!(seen(&alone), ["d-1"], "a deployment that no pipeline waits for is not of one");
}

#[test]
fn an_action_was_refused_if_it_is_one_of_code_deploy_without_a_deployment() {
    let mut look = failed(Vec::new());
    let action = |name: &str, external: Option<&str>, error: Option<&str>| ActionLook {
        name: name.to_owned(),
        status: RunStatus::Failed,
        external: external.map(str::to_owned),
        error: error.map(str::to_owned),
    };
    assert!(!look.is_refused(&action("Test", None, Some("exit 1"))));
    assert!(look.is_refused(&action("Test", None, Some("The CodeDeploy application does not exist"))));
    assert!(look.is_refused(&action("Test", None, Some("Deployment Group web already has an active Deployment"))));
    assert!(!look.is_refused(&action("Test", Some("d-1"), Some("CodeDeploy"))), "it has one");
    look.hints.action = Some("Ship".to_owned());
    assert!(!look.is_refused(&action("Ship", None, None)), "nobody says whose it is");
    look.hints.provider = Some("CodeDeploy".to_owned());
    assert!(look.is_refused(&action("Ship", None, None)));
    assert!(!look.is_refused(&action("Test", None, None)), "another one");
}

#[test]
fn a_pipeline_shows_which_deployments_failed_and_which_are_in_the_way() {
    let action = |external: Option<&str>, error: &str, status| ActionLook {
        name: "CodeDeploy".to_owned(),
        status,
        external: external.map(str::to_owned),
        error: Some(error.to_owned()),
    };
    let stage = |actions: Vec<ActionLook>, status| StageLook {
        name: "Deploy".into(),
        execution: Some("e-1".into()),
        status,
        retries: 0,
        actions,
    };
    let pipeline = |actions| PipelineLook { stages: vec![stage(actions, RunStatus::Failed)] };
    let busy = "The Deployment Group 'd-web' already has an active Deployment 'd-KH37TM9' or d-123456.";
    let shows = pipeline(vec![
        action(Some("d-1"), "failed", RunStatus::Failed),
        action(Some("d-2"), "", RunStatus::Succeeded),
        action(Some("build:1"), "d-ABCDEFGHI", RunStatus::Succeeded),
        action(None, busy, RunStatus::Failed),
        action(Some("d-3"), "d-NOTTHISONE", RunStatus::Failed),
    ]);
    assert_eq!(shows.deployments(&"e-1".into()), ["d-1".into(), "d-3".into()].into());
    assert_eq!(shows.deployments(&"e-2".into()), [].into());
    assert_eq!(shows.blocking(&"e-1".into()), ["d-KH37TM9".into()].into(), "ids have more than six letters");
    assert_eq!(shows.failed_execution(), Some(&"e-1".into()));
    assert_eq!(pipeline(vec![action(None, "exit 1", RunStatus::Failed)]).failed_execution(), None, "no deployment");
    let running =
        PipelineLook { stages: vec![stage(vec![action(Some("d-1"), "", RunStatus::Failed)], RunStatus::InProgress)] };
    assert_eq!(running.failed_execution(), None, "it is tried again");
}

#[test]
fn a_commit_leads_to_where_its_repository_lives() {
    let url = |provider: &str| {
        let trigger = Trigger {
            commit: Some("8e0c".to_owned()),
            repository: Some("shop/web".to_owned()),
            provider: Some(provider.to_owned()),
            ..Trigger::default()
        };
        Commit::of_trigger(&trigger).unwrap().url
    };
    assert_eq!(url("GitHub").as_deref(), Some("https://github.com/shop/web/commit/8e0c"));
    assert_eq!(url("GitLab").as_deref(), Some("https://gitlab.com/shop/web/-/commit/8e0c"));
    assert_eq!(url("Bitbucket").as_deref(), Some("https://bitbucket.org/shop/web/commits/8e0c"));
    assert_eq!(url("Gitea"), None);
}

#[test]
fn a_deployment_that_still_runs_is_waited_for() {
    let mut look = failed(vec![silent(0)]);
    deployment(&mut look).status = DeploymentStatus::Active("InProgress".to_owned());
    let waiting = plan(&look, &rules(), now());
    assert_eq!(waiting.step, Step::Wait(rules().look_every));
    assert_eq!(waiting.reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["deployment-runs"]);
    assert_eq!(waiting.reasons[0].to_string(), "deployment `d-1` still goes on (InProgress)");
    look.hints.since = Some(now() - jiff::SignedDuration::from_hours(100));
    let told = plan(&look, &rules(), now());
    assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
    let codes: Vec<_> = told.reasons.iter().map(Reason::code).collect();
    assert_eq!(codes, ["deployment-runs", "patience-over"]);
}

#[test]
fn reasons_name_everybody_and_every_status_by_its_word() {
    let both = vec![instance(1), instance(2)];
    let busy = Reason::AgentBusy { instances: both };
    let (one, two) = (instance(1), instance(2));
    assert_eq!(busy.to_string(), format!("the agent of `{one}`, `{two}` is in the middle of a lifecycle event"));
    assert_eq!(busy.code(), "agent-busy");
    for (written, says) in [
        ("InProgress", "in progress"),
        ("Stopping", "in progress"),
        ("Succeeded", "succeeded"),
        ("Failed", "failed"),
        ("Superseded", "superseded"),
        ("Stopped", "Stopped"),
        ("Skipped", "Skipped"),
        ("Moonlit", "Moonlit"),
    ] {
        assert_eq!(RunStatus::from(written).to_string(), says);
    }
    for (written, says) in [
        ("Succeeded", "succeeded"),
        ("Failed", "failed"),
        ("Stopped", "stopped"),
        ("Baking", "Baking"),
        ("Moonlit", "Moonlit"),
    ] {
        assert_eq!(DeploymentStatus::from(written).to_string(), says);
    }
    assert!(matches!(DeploymentStatus::from("Ready"), DeploymentStatus::Active(_)));
}

#[test]
fn a_restart_that_is_under_way_runs_whatever_it_printed_so_far() {
    for status in ["Pending", "In Progress", "InProgress", "Delayed", "Cancelling"] {
        assert_eq!(RestartState::read(status, DENIED), RestartState::Running, "{status}");
    }
    assert!(matches!(RestartState::read("Success", DENIED), RestartState::Answered(_)));
    assert!(matches!(RestartState::read("Failed", DENIED), RestartState::Answered(_)), "a script may fail and say why");
    let status = "Delivery Timed Out";
    assert_eq!(RestartState::read(status, "noise"), RestartState::Unanswered { status: status.to_owned() });
}

#[test]
fn a_chat_message_has_room_for_the_end_of_a_log_and_no_more() {
    let described = |log: &str| {
        let look = failed(vec![target(0, "AfterInstall", "ScriptFailed", SCRIPT, log)]);
        let notice = message(&look, &plan(&look, &rules(), now()), News::Failed, "eu-central-1");
        serde_json::to_value(notice.chat).unwrap()["content"]["description"].as_str().unwrap().to_owned()
    };
    let line = |n| format!("line {n:02} {}\n", "of a log ".repeat(9));
    let lines = |count: usize| (0..count).map(line).collect::<Vec<_>>().concat();
    let long = described(&lines(28));
    assert_eq!(long.chars().count(), 2_499, "{long}");
    assert!(long.ends_with("of a log\n```") && long.contains("line 27") && !long.contains("line 00"), "{long}");
    let short = described("```\nit broke\n");
    assert!(short.ends_with("\n```\n'''\nit broke\n```"), "a fence in the log ends no fence of ours: {short}");
    assert!(!described("").contains("```"));
}

#[test]
fn a_restart_under_way_is_looked_at_four_times_as_often() {
    let mut look = failed(vec![silent(0)]);
    look.restarts = Ok(vec![Restart { state: RestartState::Running, ..restarted(0, DENIED) }]);
    let waiting = plan(&look, &rules(), now());
    assert_eq!(waiting.step, Step::Wait(rules().look_every / 4));
    assert_eq!(waiting.reasons.iter().map(Reason::code).collect::<Vec<_>>(), ["restart-runs"]);
}

#[test]
fn a_restart_that_was_sent_late_has_as_long_as_one_that_was_sent_at_once() {
    // The group was busy until patience was nearly over, or somebody else has just sent it.
    let mut look = failed(vec![silent(0), silent(1)]);
    look.hints.since = Some(now() - rules().patience);
    let running = |n| Restart { state: RestartState::Running, ..restarted(n, DENIED) };
    look.restarts = Ok(vec![running(0), running(1)]);
    let at = |look: &Look, minutes: i64| plan(look, &rules(), now() + jiff::SignedDuration::from_mins(minutes));
    assert_eq!(at(&look, 0).step, Step::Wait(rules().look_every / 4));
    assert_eq!(at(&look, 8).step, Step::Wait(rules().look_every / 4), "nine minutes ago");
    let over = at(&look, 9);
    assert!(matches!(over.step, Step::Tell(_)), "longer than it may take: {over:?}");
    assert_eq!(over.reasons[0].code(), "restart-runs");
    // Nor is it left alone because another server's turn will not come any more.
    look.restarts = Ok(vec![running(0)]);
    look.deployments.values_mut().next().unwrap().active = Ok(vec!["d-other".into()]);
    assert_eq!(at(&look, 0).step, Step::Wait(rules().look_every / 4));
    look.restarts = Ok(vec![restarted(0, CURED)]);
    assert!(matches!(at(&look, 0).step, Step::Tell(_)));
}

#[test]
fn what_the_event_and_the_execution_know_of_one_commit_is_put_together() {
    let trigger = |id: &str| Trigger {
        commit: Some(id.to_owned()),
        author: Some("Ann".to_owned()),
        branch: Some("main".to_owned()),
        ..Trigger::default()
    };
    let read = Commit {
        id: "8e0c".to_owned(),
        message: Some("Edit".to_owned()),
        author: Some("ann-id".to_owned()),
        url: Some("https://x".to_owned()),
        branch: None,
    };
    let execution = Ok(Some(ExecutionLook { status: RunStatus::Failed, commit: Some(read.clone()) }));
    let same = Commit::known(Some(&trigger("8e0c")), &execution).unwrap();
    let both = Commit { author: Some("Ann".to_owned()), branch: Some("main".to_owned()), ..read.clone() };
    assert_eq!(same, both, "the event has the author's name, the execution the message");
    let other = Commit::known(Some(&trigger("ffff")), &execution).unwrap();
    assert_eq!((other.id.as_str(), other.message, other.url), ("ffff", None, None), "of two commits nothing is mixed");
    assert_eq!(Commit::known(None, &execution), Some(read));
    assert_eq!(Commit::known(None, &Err("throttled".to_owned())), None);
}

#[test]
fn a_wake_knows_its_account_and_region() {
    let event = json!({
        "id": "6f1c", "source": "aws.codedeploy", "detail-type": "CodeDeploy Deployment State-change Notification",
        "account": "123456789012", "region": "eu-central-1", "time": "2026-05-07T13:22:07Z",
        "detail": {"deploymentId": "d-1", "state": "FAILURE", "application": "shop", "deploymentGroup": "fleet"},
    });
    let wake = Wake::decode(&event).unwrap();
    assert_eq!((wake.id.as_str(), &wake.call), ("6f1c", &Call::Failed(Subject::Deployment("d-1".into()))));
    let hints = wake.hints;
    assert_eq!((hints.account.as_deref(), hints.region.as_deref()), (Some("123456789012"), Some("eu-central-1")));
    assert_eq!((hints.application.as_deref(), hints.group.as_deref()), (Some("shop"), Some("fleet")));
    assert_eq!((hints.since, hints.deployments), (wake.time, ["d-1".into()].into()));
}
