//! Pipelines of stages: what runs, what fails, what may be tried again, and what their events say.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use std::collections::BTreeSet;

use panda_world::{
    Act, ActionKind, ActionSpec, CodeDeployAgent, CommitSpec, DeliverySpec, Execution, ExecutionStatus, Faults,
    FleetSpec, PipelineSpec, ScriptOutcome, StageSpec,
};
use serde_json::{Value, json};
use support::{Run, bare};

fn played(rollback: bool) -> Run {
    let delivery = Some(DeliverySpec { rollback, ..DeliverySpec::default() });
    Run::of(&FleetSpec { delivery, ..bare(|group| group.desired = 1) })
}

fn push(page: &str) -> Act {
    Act::Push { pipeline: "web".into(), commit: CommitSpec::page(page) }
}

fn push_broken() -> Act {
    let outcome = ScriptOutcome::Fails { exit: 1, log: "no".into(), times: None };
    Act::Push { pipeline: "web".into(), commit: CommitSpec::page("broken\n").with("AfterInstall", outcome) }
}

fn agent(run: &Run, agent: CodeDeployAgent) -> Act {
    Act::SetCodeDeployAgent { instance: run.holder(), agent }
}

fn newest(run: &Run) -> Execution {
    run.world.pipelines().next().unwrap().executions.back().unwrap().clone()
}

fn retry(run: &mut Run, id: &str, stage: &str, mode: &str) -> Result<Value, String> {
    let input = json!({"pipelineName": "web", "stageName": stage, "pipelineExecutionId": id, "retryMode": mode});
    run.json("CodePipeline_20150709.RetryStageExecution", input)
}

fn state(run: &mut Run) -> Value {
    run.json("CodePipeline_20150709.GetPipelineState", json!({"name": "web"})).unwrap()["stageStates"].clone()
}

/// Kind, stage or action, and state of the events of a pipeline, in order.
fn told(run: &mut Run) -> Vec<String> {
    run.pass(5);
    let mut events: Vec<Value> =
        run.events().into_iter().filter(|event| event["source"] == "aws.codepipeline").collect();
    // Delivery does not keep the order.
    events.sort_by_key(|event| event["time"].as_str().unwrap().to_owned());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .map(|event| {
            let kind = text(&event["detail-type"]);
            let detail = &event["detail"];
            format!(
                "{} {} {}",
                kind.split(' ').nth(1).unwrap(),
                text(&detail[kind.split(' ').nth(1).unwrap().to_lowercase()]),
                text(&detail["state"])
            )
        })
        .collect()
}

#[test]
fn a_push_runs_through_the_stages_and_tells_of_each_step() {
    let mut run = played(true);
    run.act(push("new\n"));
    run.pass(120);
    assert_eq!(newest(&run).status, ExecutionStatus::Succeeded);
    let told: BTreeSet<String> = told(&mut run).into_iter().collect();
    let expected = [
        "Pipeline web STARTED",
        "Stage Source STARTED",
        "Action GitHub STARTED",
        "Action GitHub SUCCEEDED",
        "Stage Source SUCCEEDED",
        "Stage Deploy STARTED",
        "Action CodeDeploy STARTED",
        "Action CodeDeploy SUCCEEDED",
        "Stage Deploy SUCCEEDED",
        "Pipeline web SUCCEEDED",
    ];
    assert_eq!(told, expected.map(str::to_owned).into());
    assert_eq!(run.world.page_of(&run.holder()), Some("new\n"));
    let executions = json!({"pipelineName": "web", "filter": {"succeededInStage": {"stageName": "Deploy"}}});
    let listed = run.json("CodePipeline_20150709.ListPipelineExecutions", executions).unwrap();
    assert_eq!(listed["pipelineExecutionSummaries"].as_array().unwrap().len(), 2, "the founding's too");
    let summary = listed["pipelineExecutionSummaries"][0]["sourceRevisions"][0]["revisionSummary"].as_str().unwrap();
    let summary: Value = serde_json::from_str(summary).unwrap();
    assert_eq!(summary, json!({"ProviderType": "GitHub", "CommitMessage": "Edit index.html"}));
}

/// The fields of a value, with their nesting and kind.
fn shape(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| shape(value, &format!("{path}.{key}"), into)),
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), into)),
        Value::Number(number) => {
            into.insert(format!("{path} {}", if number.is_f64() { "float" } else { "whole" }));
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn the_events_of_a_failure_have_the_fields_of_the_samples() {
    let mut run = played(false);
    run.act(push_broken());
    run.pass(200);
    let events = run.events();
    for name in [
        "codepipeline-action-execution-state-change-failed",
        "codepipeline-stage-execution-state-change-failed",
        "codepipeline-pipeline-execution-state-change-failed",
        "codedeploy-deployment-state-change-notification-failure",
        "codedeploy-instance-state-change-notification-failure",
    ] {
        let path = format!("{}/../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let same = |event: &&Value| {
            event["detail-type"] == sample["detail-type"] && event["detail"]["state"] == sample["detail"]["state"]
        };
        let event = events.iter().find(same).unwrap();
        let (mut want, mut have) = (BTreeSet::new(), BTreeSet::new());
        shape(&sample, "", &mut want);
        shape(event, "", &mut have);
        assert_eq!(have, want, "{name}");
    }
    let action = events.iter().find(|event| event["detail"]["execution-result"]["error-code"] == "JobFailed").unwrap();
    let id = &action["detail"]["execution-result"]["external-execution-id"];
    assert_eq!(id, run.world.deployments().last().unwrap().id.as_str());
}

#[test]
fn a_retry_goes_on_with_the_same_execution_and_is_counted() {
    let mut run = played(false);
    run.act(agent(&run, CodeDeployAgent::Stopped));
    run.act(push("new\n"));
    run.pass(400);
    let failed = newest(&run);
    assert_eq!(failed.status, ExecutionStatus::Failed);
    assert_eq!(state(&mut run)[1].get("retryStageMetadata"), None);
    run.act(agent(&run, CodeDeployAgent::Running));
    let reply = retry(&mut run, &failed.id, "Deploy", "FAILED_ACTIONS").unwrap();
    assert_eq!(reply["pipelineExecutionId"], failed.id.as_str());
    assert_eq!(retry(&mut run, &failed.id, "Deploy", "FAILED_ACTIONS"), Err("ConflictException".to_owned()));
    run.pass(120);
    let done = newest(&run);
    assert_eq!((done.id, done.status, done.attempt), (failed.id.clone(), ExecutionStatus::Succeeded, 2));
    let stage = state(&mut run)[1].clone();
    assert_eq!(
        stage["retryStageMetadata"],
        json!({"manualStageRetryAttempt": 1, "latestRetryTrigger": "ManualStageRetry"})
    );
    run.pass(5);
    let events = run.events();
    let resumed: Vec<&Value> = events.iter().filter(|event| event["detail"]["state"] == "RESUMED").collect();
    assert_eq!(resumed.len(), 2, "pipeline and stage");
    assert!(resumed.iter().all(|event| event["detail"]["pipeline-execution-attempt"].as_f64() == Some(2.0)));
    let after = events.iter().filter(|event| event["detail"]["stage-last-retry-attempt-time"].is_string());
    assert_eq!(after.count(), 2, "it stays on the stage's later events");
    let filter = |filter: Value| json!({"pipelineName": "web", "filter": filter});
    let all = |run: &mut Run, input: Value| {
        let reply = run.json("CodePipeline_20150709.ListActionExecutions", input).unwrap();
        reply["actionExecutionDetails"].as_array().unwrap().clone()
    };
    let every = all(&mut run, filter(json!({"pipelineExecutionId": failed.id})));
    let statuses: Vec<_> = every.iter().map(|action| action["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["Succeeded", "Failed", "Succeeded"], "the newest first");
    let latest = filter(json!({"latestInPipelineExecution": {"pipelineExecutionId": failed.id}}));
    assert_eq!(all(&mut run, latest).len(), 2);
    assert_eq!(every[0]["input"]["resolvedConfiguration"]["DeploymentGroupName"], "web");
}

#[test]
fn a_retry_during_the_rollback_fails_for_want_of_the_group() {
    let mut run = played(true);
    run.act(push_broken());
    while newest(&run).status != ExecutionStatus::Failed {
        run.pass(1);
    }
    let failed = newest(&run);
    retry(&mut run, &failed.id, "Deploy", "FAILED_ACTIONS").unwrap();
    while newest(&run).status != ExecutionStatus::Failed {
        run.pass(1);
    }
    let action = state(&mut run)[1]["actionStates"][0]["latestExecution"].clone();
    assert!(
        action["errorDetails"]["message"].as_str().unwrap().contains("already has an active Deployment"),
        "{action}"
    );
    assert_eq!(action.get("externalExecutionId"), None);
}

#[test]
fn a_retry_is_refused_with_its_code() {
    let mut run = played(false);
    run.act(push_broken());
    run.pass(200);
    let failed = newest(&run).id;
    for (id, stage, mode, code) in [
        (failed.as_str(), "Deploy", "ALL", "ValidationException"),
        (&failed, "Test", "FAILED_ACTIONS", "StageNotFoundException"),
        (&failed, "Source", "FAILED_ACTIONS", "StageNotRetryableException"),
        ("00000000-0000-4000-8000-000000000000", "Deploy", "FAILED_ACTIONS", "NotLatestPipelineExecutionException"),
    ] {
        assert_eq!(retry(&mut run, id, stage, mode), Err(code.to_owned()), "{id} {stage} {mode}");
    }
    let input =
        json!({"pipelineName": "no", "stageName": "Deploy", "pipelineExecutionId": failed, "retryMode": "ALL_ACTIONS"});
    let unknown = run.json("CodePipeline_20150709.RetryStageExecution", input);
    assert_eq!(unknown, Err("PipelineNotFoundException".to_owned()));
    run.act(Act::EditPipeline { pipeline: "web".into() });
    let edited = retry(&mut run, &failed, "Deploy", "FAILED_ACTIONS");
    assert_eq!(edited, Err("StageNotRetryableException".to_owned()), "the structure has changed");
    run.act(push("newer\n"));
    run.pass(15);
    let outdated = retry(&mut run, &failed, "Deploy", "FAILED_ACTIONS");
    assert_eq!(outdated, Err("NotLatestPipelineExecutionException".to_owned()));
}

#[test]
fn of_those_that_wait_before_a_stage_the_newest_supersedes_the_others() {
    let mut run = played(true);
    run.act(push("one\n"));
    run.pass(12);
    run.act(push("two\n"));
    run.pass(12);
    run.act(push("three\n"));
    run.pass(10);
    let inbound = state(&mut run)[1]["inboundExecution"].clone();
    assert_eq!(inbound["pipelineExecutionId"], newest(&run).id.as_str());
    run.pass(200);
    let statuses = |run: &Run| {
        let pipeline = run.world.pipelines().next().unwrap();
        pipeline.executions.iter().skip(1).map(|execution| execution.status).collect::<Vec<_>>()
    };
    let expected = [ExecutionStatus::Succeeded, ExecutionStatus::Superseded, ExecutionStatus::Succeeded];
    assert_eq!(statuses(&run), expected);
    assert_eq!(run.world.page_of(&run.holder()), Some("three\n"));
    assert!(told(&mut run).contains(&"Pipeline web SUPERSEDED".to_owned()));
}

#[test]
fn of_actions_side_by_side_only_the_failed_are_tried_again_unless_all_are_wanted() {
    for (mode, builds) in [("FAILED_ACTIONS", 1), ("ALL_ACTIONS", 2)] {
        let mut run = played(false);
        let deploys = |name: &str, group: &str| ActionSpec {
            name: name.into(),
            does: ActionKind::Deploy { application: "web".into(), deployment_group: group.into() },
        };
        let stage = |name: &str, actions| StageSpec { name: name.into(), actions };
        let built = ActionSpec { name: "Smoke".into(), does: ActionKind::Build { seconds: 30, fails: false } };
        let source = ActionSpec { name: "GitHub".into(), does: ActionKind::Source };
        run.act(Act::DefinePipeline {
            pipeline: PipelineSpec {
                name: "web".into(),
                repository: "example/site".into(),
                branch: "main".into(),
                stages: vec![stage("Source", vec![source]), stage("Deploy", vec![built, deploys("CodeDeploy", "web")])],
            },
        });
        run.act(push_broken());
        run.pass(200);
        let failed = newest(&run);
        assert_eq!((failed.status, failed.version), (ExecutionStatus::Failed, 2));
        retry(&mut run, &failed.id, "Deploy", mode).unwrap();
        run.pass(200);
        let smoke = newest(&run).actions.iter().filter(|action| action.name == "Smoke").count();
        assert_eq!(smoke, builds, "{mode}");
    }
}

#[test]
fn optional_members_of_events_can_be_missing() {
    let mut run = played(false);
    for member in ["external-execution-id", "start-time", "pipeline-execution-attempt"] {
        run.act(Act::LeaveOut { member: member.into(), left_out: true });
    }
    run.act(push_broken());
    run.pass(200);
    let failed = run.events().into_iter().find(|event| event["detail"]["execution-result"].is_object()).unwrap();
    let detail = &failed["detail"];
    assert!(detail["execution-result"].get("external-execution-id").is_none());
    assert!(detail["execution-result"]["error-code"].is_string() || detail["state"] == "SUCCEEDED");
    assert!(detail.get("start-time").is_none() && detail.get("pipeline-execution-attempt").is_none());
    run.act(Act::LeaveOut { member: "start-time".into(), left_out: false });
    run.act(push("new\n"));
    run.pass(5);
    assert!(run.events().last().unwrap()["detail"]["start-time"].is_string());
}

#[test]
fn events_of_pipelines_arrive_where_those_of_deployments_are_lost() {
    let mut run = played(false);
    run.world.set_faults(Faults { event_loss: 1.0, event_double: 1.0, ..Faults::default() });
    run.act(push_broken());
    run.pass(300);
    let events = run.events();
    assert!(events.iter().all(|event| event["source"] == "aws.codepipeline"));
    let ids: BTreeSet<&str> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(events.len(), 2 * ids.len(), "at least once");
}

#[test]
fn a_pipeline_that_only_says_it_runs_still_does() {
    let mut run = Run::of(&FleetSpec { pipelines: vec!["site".into()], ..bare(|_| {}) });
    run.act(Act::BeginExecution { pipeline: "site".into(), seconds: Some(30) });
    run.pass(60);
    assert_eq!(newest(&run).status, ExecutionStatus::Succeeded);
    let refused = run.world.act(&Act::Push { pipeline: "site".into(), commit: CommitSpec::default() });
    assert!(refused.unwrap_err().to_string().starts_with("PipelineNotFoundException"));
}

#[test]
fn a_pressed_retry_is_a_retry() {
    let mut run = played(false);
    run.act(agent(&run, CodeDeployAgent::Stopped));
    run.act(push("new\n"));
    run.pass(400);
    run.act(agent(&run, CodeDeployAgent::Running));
    run.act(Act::RetryStage { pipeline: "web".into(), stage: "Deploy".into() });
    run.pass(200);
    assert_eq!(newest(&run).status, ExecutionStatus::Succeeded);
    assert!(run.world.act(&Act::RetryStage { pipeline: "web".into(), stage: "Deploy".into() }).is_err());
}
