//! Deployments, event by event: agents that take them or not, scripts, rollbacks, launches.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{
    Act, AgentTrouble, Bundle, CodeDeployAgent, CommitSpec, DeliverySpec, Deployment, DeploymentStatus, FleetSpec,
    GroupSpec, Progress, ScriptOutcome,
};
use serde_json::{Value, json};
use support::{IP, Run, bare};

fn played(change: impl FnOnce(&mut GroupSpec, &mut DeliverySpec)) -> FleetSpec {
    let mut delivery = DeliverySpec::default();
    let fleet = bare(|group| change(group, &mut delivery));
    FleetSpec { delivery: Some(delivery), ..fleet }
}

fn deploy(commit: CommitSpec) -> Act {
    Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit: Some(commit) }
}

fn broken(event: &str) -> CommitSpec {
    CommitSpec::page("new\n").with(event, ScriptOutcome::Fails { exit: 1, log: "no such module".into(), times: None })
}

fn agent(instance: &str, agent: CodeDeployAgent) -> Act {
    Act::SetCodeDeployAgent { instance: instance.to_owned(), agent }
}

fn newest(run: &Run) -> Deployment {
    run.world.deployments().last().unwrap().clone()
}

/// The deployments that were made after the first one, as creator and status.
fn since_founding(run: &Run) -> Vec<(&'static str, DeploymentStatus)> {
    run.world.deployments().skip(1).map(|deployment| (deployment.creator, deployment.status)).collect()
}

fn targets(run: &mut Run, id: &str) -> Vec<Value> {
    let listed = run.json("CodeDeploy_20141006.ListDeploymentTargets", json!({"deploymentId": id})).unwrap();
    let input = json!({"deploymentId": id, "targetIds": listed["targetIds"]});
    let reply = run.json("CodeDeploy_20141006.BatchGetDeploymentTargets", input).unwrap();
    reply["deploymentTargets"].as_array().unwrap().iter().map(|target| target["instanceTarget"].clone()).collect()
}

/// Name, status and diagnostics of a target's first failed event.
fn failure(run: &mut Run, id: &str, instance: &str) -> (String, Value) {
    let all = targets(run, id);
    let target = all.iter().find(|target| target["targetId"] == instance).unwrap();
    let events = target["lifecycleEvents"].as_array().unwrap();
    let failed = events.iter().find(|event| event["status"] == "Failed").unwrap();
    (failed["lifecycleEventName"].as_str().unwrap().to_owned(), failed["diagnostics"].clone())
}

fn page(run: &Run) -> String {
    run.world.page_of(run.world.serving_at(IP).unwrap()).unwrap().to_owned()
}

#[test]
fn a_deployment_goes_from_one_instance_to_the_next_and_the_site_shows_its_page() {
    let mut run = Run::of(&played(|_, _| {}));
    assert_eq!(page(&run), "It works.\n");
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(20);
    let deployment = newest(&run);
    assert_eq!((deployment.count(Progress::InProgress), deployment.count(Progress::Pending)), (1, 1), "one at a time");
    run.pass(180);
    assert_eq!(newest(&run).status, DeploymentStatus::Succeeded);
    assert!(run.world.instances().all(|instance| run.world.page_of(&instance.id) == Some("new\n")));
    for target in targets(&mut run, &deployment.id) {
        let events = target["lifecycleEvents"].as_array().unwrap();
        let names: Vec<_> = events.iter().map(|event| event["lifecycleEventName"].as_str().unwrap()).collect();
        assert_eq!((names.len(), names[0], names[6]), (7, "ApplicationStop", "ValidateService"));
        for event in events {
            assert_eq!(
                (&event["status"], &event["diagnostics"]["errorCode"]),
                (&json!("Succeeded"), &json!("Success"))
            );
            assert!(event["startTime"].as_f64() < event["endTime"].as_f64(), "{event}");
        }
    }
    let kinds: Vec<Value> = run.events().iter().map(|e| json!([e["detail-type"], e["detail"]["state"]])).collect();
    for (kind, state, count) in [("Deployment", "START", 1), ("Deployment", "SUCCESS", 1), ("Instance", "SUCCESS", 2)] {
        let wanted = json!([format!("CodeDeploy {kind} State-change Notification"), state]);
        assert_eq!(kinds.iter().filter(|kind| **kind == wanted).count(), count, "{wanted}");
    }
}

#[test]
fn a_dead_agent_is_told_of_after_five_minutes_and_the_rest_is_skipped() {
    let mut run = Run::of(&played(|_, delivery| delivery.rollback = false));
    let first = run.in_service("web")[0].clone();
    run.act(agent(&first, CodeDeployAgent::Stopped));
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(299);
    assert_eq!(newest(&run).status, DeploymentStatus::InProgress);
    run.pass(10);
    let deployment = newest(&run);
    assert_eq!(deployment.status, DeploymentStatus::Failed);
    assert_eq!(deployment.error.unwrap().0, "HEALTH_CONSTRAINTS");
    let (event, diagnostics) = failure(&mut run, &deployment.id, &first);
    assert_eq!((event.as_str(), &diagnostics["errorCode"]), ("ApplicationStop", &json!("UnknownError")));
    assert!(diagnostics["message"].as_str().unwrap().starts_with("CodeDeploy agent was not able to receive"));
    let all = targets(&mut run, &deployment.id);
    let skipped = all.iter().find(|target| target["targetId"] != first.as_str()).unwrap();
    assert_eq!(skipped["status"], "Skipped");
    for event in skipped["lifecycleEvents"].as_array().unwrap() {
        assert_eq!((&event["status"], event.get("diagnostics")), (&json!("Skipped"), None));
    }
    let info = run.json("CodeDeploy_20141006.GetDeployment", json!({"deploymentId": deployment.id})).unwrap();
    let overview = &info["deploymentInfo"]["deploymentOverview"];
    assert_eq!((&overview["Failed"], &overview["Skipped"]), (&json!(1), &json!(1)));
}

#[test]
fn an_agent_that_comes_back_in_time_takes_what_waits() {
    let mut run = Run::of(&played(|_, _| {}));
    let first = run.in_service("web")[0].clone();
    for state in [CodeDeployAgent::Stopped, CodeDeployAgent::Hung] {
        run.act(agent(&first, state));
        run.act(deploy(CommitSpec::page("new\n")));
        run.pass(200);
        run.act(agent(&first, CodeDeployAgent::Running));
        run.pass(300);
        assert_eq!(newest(&run).status, DeploymentStatus::Succeeded, "{state:?}");
    }
}

#[test]
fn an_agent_that_dies_amid_an_event_is_missed_for_an_hour_unless_it_starts_again() {
    for restarted in [false, true] {
        let mut run = Run::of(&played(|_, delivery| delivery.rollback = false));
        let first = run.in_service("web")[0].clone();
        run.act(deploy(CommitSpec::page("new\n").with("Install", ScriptOutcome::Succeeds)));
        while !newest(&run)
            .targets
            .get(&first)
            .is_some_and(|t| t.events.iter().any(|e| e.progress == Progress::InProgress))
        {
            run.pass(1);
        }
        run.act(agent(&first, CodeDeployAgent::Stopped));
        run.pass(1_800);
        assert_eq!(newest(&run).status, DeploymentStatus::InProgress);
        if restarted {
            run.act(agent(&first, CodeDeployAgent::Running));
        }
        run.pass(if restarted { 1 } else { 1_800 });
        let deployment = newest(&run);
        assert_eq!(deployment.status, DeploymentStatus::Failed);
        let message = failure(&mut run, &deployment.id, &first).1["message"].as_str().unwrap().to_owned();
        assert_eq!(message.contains("after an agent restart"), restarted, "{message}");
    }
}

#[test]
fn the_last_of_one_at_a_time_may_fail_and_only_the_overview_tells() {
    let mut run = Run::of(&played(|_, _| {}));
    let last = run.in_service("web")[1].clone();
    run.act(agent(&last, CodeDeployAgent::Hung));
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(600);
    let deployment = newest(&run);
    assert_eq!((deployment.status, deployment.count(Progress::Failed)), (DeploymentStatus::Succeeded, 1));
    run.pass(10);
    let failed =
        |event: &&Value| event["detail"]["instanceId"] == last.as_str() && event["detail"]["state"] == "FAILURE";
    assert_eq!(run.events().iter().filter(failed).count(), 1);
}

#[test]
fn a_failed_deployment_is_rolled_back_and_the_rollback_holds_the_group() {
    let mut run = Run::of(&played(|_, _| {}));
    run.act(deploy(broken("ValidateService")));
    while newest(&run).creator != "codeDeployRollback" {
        run.pass(1);
    }
    assert!(run.world.act(&deploy(CommitSpec::default())).unwrap_err().to_string().contains("already has an active"));
    let all: Vec<Deployment> = run.world.deployments().cloned().collect();
    let (failed, rollback) = (&all[1], &all[2]);
    assert_eq!(failed.rolled_back_by.as_ref(), Some(&rollback.id));
    let read = |run: &mut Run, id: &str| {
        let reply = run.json("CodeDeploy_20141006.GetDeployment", json!({"deploymentId": id})).unwrap();
        reply["deploymentInfo"]["rollbackInfo"].clone()
    };
    assert_eq!(read(&mut run, &failed.id)["rollbackDeploymentId"], rollback.id.as_str());
    assert_eq!(read(&mut run, &rollback.id)["rollbackTriggeringDeploymentId"], failed.id.as_str());
    assert!(run.world.instances().any(|instance| run.world.page_of(&instance.id) == Some("new\n")), "half way");
    run.pass(300);
    assert_eq!(
        since_founding(&run),
        [("user", DeploymentStatus::Failed), ("codeDeployRollback", DeploymentStatus::Succeeded)]
    );
    assert!(run.world.instances().all(|instance| run.world.page_of(&instance.id) == Some("It works.\n")));
}

#[test]
fn what_goes_wrong_is_said_in_the_agents_words() {
    let with = |outcome| CommitSpec::default().with("BeforeInstall", outcome);
    let bundle = |bundle| CommitSpec { bundle, ..CommitSpec::default() };
    let long = "x".repeat(9_000);
    for (commit, event, code, words) in [
        (
            with(ScriptOutcome::Fails { exit: 7, log: long, times: None }),
            "BeforeInstall",
            "ScriptFailed",
            "with exit code 7",
        ),
        (
            with(ScriptOutcome::TimesOut { after_seconds: 60 }),
            "BeforeInstall",
            "ScriptTimedOut",
            "to complete in 60 seconds",
        ),
        (with(ScriptOutcome::Missing), "BeforeInstall", "ScriptMissing", "Script does not exist at specified location"),
        (with(ScriptOutcome::NotExecutable), "BeforeInstall", "ScriptNotExecutable", "is not executable"),
        (with(ScriptOutcome::LeavesOutputOpen), "BeforeInstall", "UnknownError", "failed to close STDOUT"),
        (bundle(Bundle::NoAppspec), "BeforeInstall", "UnknownError", "deployment-archive/appspec.yml"),
        (bundle(Bundle::BadAppspec), "BeforeInstall", "UnknownError", "application specification file"),
        (bundle(Bundle::FileExists), "Install", "UnknownError", "already exists at this location"),
        (bundle(Bundle::Unreadable), "DownloadBundle", "UnknownError", "not opened for reading"),
    ] {
        let mut run = Run::of(&played(|group, delivery| (group.desired, delivery.rollback) = (1, false)));
        run.act(deploy(commit));
        run.pass(200);
        let (deployment, instance) = (newest(&run), run.holder());
        let (failed, diagnostics) = failure(&mut run, &deployment.id, &instance);
        assert_eq!((failed.as_str(), diagnostics["errorCode"].as_str().unwrap()), (event, code));
        assert!(diagnostics["message"].as_str().unwrap().contains(words), "{diagnostics}");
        assert!(diagnostics["logTail"].as_str().unwrap().len() <= 4_096);
    }
}

#[test]
fn troubles_of_an_agent_show_where_they_bite() {
    for (trouble, event, words) in [
        (AgentTrouble::NoCredentials, "ApplicationStop", "CodeDeploy agent was not able"),
        (AgentTrouble::Denied, "ApplicationStop", "CodeDeploy agent was not able"),
        (AgentTrouble::ClockSkew, "ApplicationStop", "CodeDeploy agent was not able"),
        (AgentTrouble::Unreachable, "ApplicationStop", "CodeDeploy agent was not able"),
        (AgentTrouble::EmptyPidFile, "ApplicationStop", "CodeDeploy agent was not able"),
        (AgentTrouble::DeniedBundle, "DownloadBundle", "Access Denied"),
        (AgentTrouble::DiskFull, "DownloadBundle", "No space left on device"),
    ] {
        let mut run = Run::of(&played(|group, delivery| (group.desired, delivery.rollback) = (1, false)));
        let instance = run.holder();
        run.act(Act::AfflictAgent { instance: instance.clone(), trouble: Some(trouble) });
        run.act(deploy(CommitSpec::default()));
        run.pass(400);
        let deployment = newest(&run);
        let (failed, diagnostics) = failure(&mut run, &deployment.id, &instance);
        assert_eq!(failed, event, "{trouble:?}");
        assert!(diagnostics["message"].as_str().unwrap().starts_with(words), "{diagnostics}");
    }
}

#[test]
fn application_stop_runs_the_script_of_the_last_good_revision() {
    let stale = CommitSpec::default().with("ApplicationStop", ScriptOutcome::Missing);
    let mut run = Run::of(&played(|group, delivery| {
        group.desired = 1;
        delivery.deployed = Some(stale);
    }));
    run.act(deploy(CommitSpec::page("sound\n")));
    run.pass(60);
    let (deployment, instance) = (run.world.deployments().nth(1).unwrap().id.clone(), run.holder());
    let (event, diagnostics) = failure(&mut run, &deployment, &instance);
    assert_eq!((event.as_str(), &diagnostics["errorCode"]), ("ApplicationStop", &json!("ScriptMissing")));
}

#[test]
fn a_script_that_fails_a_few_times_succeeds_then() {
    let outcome = ScriptOutcome::Fails { exit: 1, log: String::new(), times: Some(1) };
    let mut run = Run::of(&played(|group, delivery| (group.desired, delivery.rollback) = (1, false)));
    run.act(deploy(CommitSpec::page("new\n").with("ValidateService", outcome)));
    run.pass(100);
    let id = newest(&run).commit.unwrap();
    assert_eq!(newest(&run).status, DeploymentStatus::Failed);
    let revision = json!({"revisionType": "GitHub", "gitHubLocation": {"repository": "example/site", "commitId": id}});
    let again = json!({"applicationName": "web", "deploymentGroupName": "web", "revision": revision});
    run.json("CodeDeploy_20141006.CreateDeployment", again).unwrap();
    run.pass(100);
    assert_eq!(newest(&run).status, DeploymentStatus::Succeeded);
}

#[test]
fn a_site_whose_scripts_stop_the_server_is_down_until_they_start_it() {
    let stops = CommitSpec { stops_server: true, ..CommitSpec::default() };
    let mut run = Run::of(&played(|group, delivery| {
        group.desired = 1;
        delivery.deployed = Some(stops);
    }));
    run.act(deploy(CommitSpec::page("new\n")));
    let mut silent = 0;
    for _ in 0..120 {
        run.pass(1);
        silent += u32::from(run.world.serving_at(IP).is_none());
    }
    assert!((5..80).contains(&silent), "{silent}");
    assert_eq!(page(&run), "new\n");
}

#[test]
fn a_launched_instance_gets_the_last_good_revision_by_a_deployment_of_its_own() {
    let mut run = Run::of(&played(|_, _| {}));
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(300);
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(300);
    assert_eq!(run.in_service("web").len(), 3);
    let launch = newest(&run);
    assert_eq!((launch.creator, launch.status, launch.targets.len()), ("autoscaling", DeploymentStatus::Succeeded, 1));
    let newcomer = launch.targets.keys().next().unwrap();
    assert_eq!(run.world.page_of(newcomer), Some("new\n"));
    let group = run
        .json("CodeDeploy_20141006.GetDeploymentGroup", json!({"applicationName": "web", "deploymentGroupName": "web"}))
        .unwrap();
    let hook = group["deploymentGroupInfo"]["autoScalingGroups"][0]["hook"].as_str().unwrap();
    assert!(hook.starts_with("CodeDeploy-managed-automatic-launch-deployment-hook-"), "{hook}");
    assert!(!run.events().iter().any(|event| event["source"] == "aws.codepipeline"), "no pipeline knows of it");
}

#[test]
fn a_launch_whose_deployment_fails_is_abandoned() {
    let mut run = Run::of(&played(|_, _| {}));
    run.act(Act::BreakBoots { group: "web".into(), broken: true });
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(400);
    let launch = run.world.deployments().nth(1).unwrap();
    assert_eq!((launch.creator, launch.status), ("autoscaling", DeploymentStatus::Failed));
    assert_eq!(run.in_service("web").len(), 2);
    run.act(Act::BreakBoots { group: "web".into(), broken: false });
    run.pass(900);
    assert_eq!(run.in_service("web").len(), 3);
}

#[test]
fn before_the_first_deployment_launches_go_on_and_show_nothing() {
    let mut run = Run::of(&played(|_, delivery| delivery.deployed = None));
    assert_eq!(run.world.serving_at(IP), None);
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(300);
    assert_eq!((run.in_service("web").len(), run.world.deployments().count()), (3, 0));
    run.act(Act::Push { pipeline: "web".into(), commit: CommitSpec::page("first\n") });
    run.pass(400);
    assert_eq!(page(&run), "first\n");
}

#[test]
fn who_was_launched_during_a_deployment_is_brought_up_to_date_after_it() {
    let slow = CommitSpec::page("new\n");
    let mut run = Run::of(&played(|_, _| {}));
    let last = run.in_service("web")[1].clone();
    run.act(agent(&last, CodeDeployAgent::Hung));
    run.act(deploy(slow));
    run.pass(30);
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(900);
    let creators: Vec<&str> = run.world.deployments().skip(1).map(|deployment| deployment.creator).collect();
    assert_eq!(creators, ["user", "autoscaling", "CodeDeployAutoUpdate"]);
    let newcomer = run.world.instances().max_by_key(|instance| instance.launched).unwrap().id.clone();
    assert_eq!(run.world.page_of(&newcomer), Some("new\n"));
}

#[test]
fn an_instance_that_goes_during_its_deployment_is_missed_for_minutes_or_an_hour() {
    let mut run = Run::of(&played(|_, delivery| delivery.rollback = false));
    let first = run.in_service("web")[0].clone();
    run.act(agent(&first, CodeDeployAgent::Hung));
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(60);
    run.act(Act::Terminate { instance: first.clone() });
    run.pass(200);
    let deployment = run.world.deployments().nth(1).unwrap();
    assert_eq!((deployment.status, deployment.count(Progress::InProgress)), (DeploymentStatus::InProgress, 1));
    run.pass(60);
    let failed = run.world.deployments().nth(1).unwrap().clone();
    assert_eq!(failed.status, DeploymentStatus::Failed);
    assert!(run.world.instance(&first).unwrap().state.is_dead());
}

#[test]
fn a_deployment_without_instances_or_without_a_bundle_never_starts() {
    for (suspended, bundle, code) in
        [(true, Bundle::Sound, "NO_INSTANCES"), (false, Bundle::Missing, "REVISION_MISSING")]
    {
        let mut run = Run::of(&played(|group, _| group.min = 0));
        if suspended {
            run.act(Act::SetDesired { group: "web".into(), desired: 0 });
            run.pass(300);
        }
        run.act(deploy(CommitSpec { bundle, ..CommitSpec::default() }));
        run.pass(10);
        let deployment = newest(&run);
        assert_eq!((deployment.status, deployment.error.unwrap().0.as_str()), (DeploymentStatus::Failed, code));
        let listed = run.json("CodeDeploy_20141006.ListDeploymentTargets", json!({"deploymentId": deployment.id}));
        assert_eq!(listed, Err("DeploymentNotStartedException".to_owned()));
    }
}

#[test]
fn all_at_once_and_half_at_a_time_take_more_failures() {
    for (config, dead, status) in [
        ("CodeDeployDefault.AllAtOnce", 3, DeploymentStatus::Succeeded),
        ("CodeDeployDefault.AllAtOnce", 4, DeploymentStatus::Failed),
        ("CodeDeployDefault.HalfAtATime", 2, DeploymentStatus::Failed),
        ("CodeDeployDefault.HalfAtATime", 1, DeploymentStatus::Succeeded),
    ] {
        let mut run = Run::of(&played(|group, delivery| {
            (group.desired, delivery.rollback) = (4, false);
            delivery.config = config.to_owned();
        }));
        for instance in run.in_service("web").iter().take(dead) {
            run.act(agent(instance, CodeDeployAgent::Stopped));
        }
        run.act(deploy(CommitSpec::page("new\n")));
        run.pass(800);
        assert_eq!(newest(&run).status, status, "{config} with {dead} dead");
    }
}

#[test]
fn a_person_stops_a_deployment_and_may_have_it_rolled_back() {
    let mut run = Run::of(&played(|_, _| {}));
    for rollback in [false, true] {
        run.act(deploy(CommitSpec::page("new\n")));
        run.pass(20);
        let id = newest(&run).id;
        let stop = json!({"deploymentId": id, "autoRollbackEnabled": rollback});
        run.json("CodeDeploy_20141006.StopDeployment", stop.clone()).unwrap();
        let again = run.json("CodeDeploy_20141006.StopDeployment", stop);
        assert_eq!(again, Err("DeploymentAlreadyCompletedException".to_owned()));
        let stopped = run.world.deployments().find(|deployment| deployment.id == id).unwrap().clone();
        assert_eq!((stopped.status, stopped.error.unwrap().0.as_str()), (DeploymentStatus::Stopped, "MANUAL_STOP"));
        assert_eq!(stopped.rolled_back_by.is_some(), rollback);
        run.pass(300);
    }
}

#[test]
fn a_deployment_fails_for_a_reason_of_its_own() {
    let mut run = Run::of(&played(|_, _| {}));
    run.act(deploy(CommitSpec::page("new\n")));
    run.pass(20);
    run.act(Act::FailDeployment {
        application: "web".into(),
        deployment_group: "web".into(),
        code: "ALARM_ACTIVE".into(),
        message: "One or more alarms have been activated.".into(),
    });
    let failed = run.world.deployments().nth(1).unwrap();
    assert_eq!(failed.error.as_ref().unwrap().0, "ALARM_ACTIVE");
}

#[test]
fn what_is_asked_of_targets_wrongly_is_refused_with_its_code() {
    let mut run = Run::of(&played(|_, _| {}));
    let id = newest(&run).id;
    let many: Vec<String> = (0..26).map(|n| format!("i-{n}")).collect();
    for (operation, input, code) in [
        ("ListDeploymentTargets", json!({}), "DeploymentIdRequiredException"),
        ("ListDeploymentTargets", json!({"deploymentId": "d-NO"}), "DeploymentDoesNotExistException"),
        (
            "ListDeploymentTargets",
            json!({"deploymentId": id, "targetFilters": {"TargetStatus": ["Sleepy"]}}),
            "InvalidInstanceStatusException",
        ),
        (
            "ListDeploymentTargets",
            json!({"deploymentId": id, "targetFilters": {"Colour": ["red"]}}),
            "InvalidTargetFilterNameException",
        ),
        (
            "BatchGetDeploymentTargets",
            json!({"deploymentId": id, "targetIds": []}),
            "DeploymentTargetIdRequiredException",
        ),
        (
            "BatchGetDeploymentTargets",
            json!({"deploymentId": id, "targetIds": many}),
            "DeploymentTargetListSizeExceededException",
        ),
        (
            "GetDeploymentTarget",
            json!({"deploymentId": id, "targetId": "i-1"}),
            "DeploymentTargetDoesNotExistException",
        ),
        (
            "CreateDeployment",
            json!({"applicationName": "web", "deploymentGroupName": "web"}),
            "RevisionRequiredException",
        ),
        (
            "CreateDeployment",
            json!({"applicationName": "web", "deploymentGroupName": "web", "revision": {"revisionType": "GitHub",
                "gitHubLocation": {"repository": "example/site", "commitId": "0000"}}}),
            "RevisionDoesNotExistException",
        ),
    ] {
        assert_eq!(run.json(&format!("CodeDeploy_20141006.{operation}"), input), Err(code.to_owned()), "{operation}");
    }
    let failed = json!({"deploymentId": id, "targetFilters": {"TargetStatus": ["Failed"]}});
    assert_eq!(run.json("CodeDeploy_20141006.ListDeploymentTargets", failed).unwrap()["targetIds"], json!([]));
}

/// Something that may happen to a delivery, by chance.
fn mischief(rng: &mut fastrand::Rng, run: &Run) -> Act {
    let ids: Vec<String> = run.world.instances().filter(|i| !i.state.is_dead()).map(|i| i.id.clone()).collect();
    let instance = if ids.is_empty() { String::new() } else { ids[rng.usize(0..ids.len())].clone() };
    let event = ["ApplicationStop", "BeforeInstall", "ApplicationStart", "ValidateService"][rng.usize(0..4)];
    let outcome = match rng.u8(0..4) {
        0 => ScriptOutcome::Fails { exit: 1, log: "bad".into(), times: Some(rng.u32(1..3)) },
        1 => ScriptOutcome::TimesOut { after_seconds: rng.u32(10..900) },
        _ => ScriptOutcome::Succeeds,
    };
    let commit = CommitSpec { stops_server: rng.bool(), ..CommitSpec::page("x").with(event, outcome) };
    match rng.u8(0..14) {
        0..=2 => Act::Push { pipeline: "web".into(), commit },
        3 => deploy(commit),
        4 => Act::RetryStage { pipeline: "web".into(), stage: "Deploy".into() },
        5 => agent(&instance, CodeDeployAgent::Stopped),
        6 => agent(&instance, CodeDeployAgent::Hung),
        7 => agent(&instance, CodeDeployAgent::Running),
        8 => Act::Terminate { instance },
        9 => Act::FailStatusChecks { instance },
        10 => Act::RepairStatusChecks { instance },
        11 => {
            let trouble = [None, Some(AgentTrouble::DiskFull), Some(AgentTrouble::Denied)][rng.usize(0..3)];
            Act::AfflictAgent { instance, trouble }
        }
        12 => Act::SetDesired { group: "web".into(), desired: rng.u32(1..5) },
        _ => Act::StopDeployment { application: "web".into(), deployment_group: "web".into(), rollback: rng.bool() },
    }
}

#[test]
fn whatever_happens_a_group_has_one_deployment_at_a_time_and_everything_ends() {
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut run = Run::seeded(seed, &played(|_, _| {}));
        run.world.set_faults(panda_world::Faults { stale_reads: 0.1, event_double: 0.2, ..Default::default() });
        for _ in 0..60 {
            let act = mischief(&mut rng, &run);
            // What cannot happen now is refused, as it should be.
            let _refused = run.world.act(&act);
            run.pass(rng.u64(1..400));
            let active = run.world.deployments().filter(|d| !d.status.is_over() && d.creator != "autoscaling");
            assert!(active.count() <= 1, "seed {seed}");
            for deployment in run.world.deployments().filter(|deployment| deployment.status.is_over()) {
                assert!(deployment.targets.values().all(|target| target.progress.is_over()), "seed {seed}");
            }
        }
        // Nothing more happens, but what was begun: launches that cannot be deployed to go on for ever, so the group rests too.
        run.act(Act::Suspend { group: "web".into(), names: vec![] });
        run.pass(40_000);
        assert!(run.world.deployments().all(|deployment| deployment.status.is_over()), "seed {seed}");
        for execution in run.world.pipelines().flat_map(|pipeline| &pipeline.executions) {
            assert!(execution.status.is_over() && execution.waits_for.is_none(), "seed {seed}: {execution:?}");
            assert!(execution.actions.iter().all(|action| action.status.is_over()), "seed {seed}");
        }
    }
}

#[test]
fn nothing_stays_in_the_queue_of_a_fleet_to_which_nothing_is_deployed() {
    let mut run = Run::of(&played(|_, _| {}));
    run.pass(60);
    assert_eq!(run.world.next_due(), None);
    run.act(deploy(CommitSpec::default()));
    run.pass(4_000);
    assert_eq!(run.world.next_due(), None);
}
