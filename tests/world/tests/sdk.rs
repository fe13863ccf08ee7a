//! The current Rust SDK's clients against the world: whatever protocol each of them speaks, the world understands and is understood.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use aws_sdk_codedeploy::types::DeploymentStatus;
use aws_sdk_codepipeline::types::PipelineExecutionStatus;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter, PingStatus};
use panda_world::in_process::Theatre;
use panda_world::{
    Act, AlarmSpec, AlarmState, CodeDeployAgent, CommitSpec, DeliverySpec, DocumentEffect, Faults, FleetSpec, topic_arn,
};
use support::{Run, bare};

/// What every client is built from.
macro_rules! client {
    ($sdk:ident, $theatre:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::v2026_01_12())
            .region($sdk::config::Region::new("us-east-1"))
            .credentials_provider($sdk::config::Credentials::new("AKIATEST", "secret", None, None, "test"))
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .time_source($theatre.time_source())
            .http_client($theatre.http_client("test"))
            .build();
        $sdk::Client::from_conf(config)
    }};
}

fn theatre() -> Theatre {
    let spec = FleetSpec {
        alarms: vec![
            AlarmSpec { name: "latency".into(), ..AlarmSpec::default() },
            AlarmSpec { name: "errors".into(), state: AlarmState::Alarm, ..AlarmSpec::default() },
            AlarmSpec { name: "all".into(), rule: Some("ALARM(errors)".into()), ..AlarmSpec::default() },
        ],
        pipelines: vec!["site".into()],
        topics: vec!["people".into()],
        documents: [("stop-agent".to_owned(), DocumentEffect::StopCodeDeployAgent)].into(),
        ..bare(|_| {})
    };
    Theatre::new(Run::of(&spec).world)
}

#[tokio::test(start_paused = true)]
async fn cloud_watch_speaks_cbor() {
    let theatre = theatre();
    let client = client!(aws_sdk_cloudwatch, theatre);
    let metric = client.describe_alarms().send().await.unwrap();
    assert_eq!(metric.composite_alarms().len(), 0, "only metric alarms without AlarmTypes");
    let names: Vec<_> = metric.metric_alarms().iter().map(|alarm| alarm.alarm_name().unwrap()).collect();
    assert_eq!(names, ["errors", "latency"]);
    assert_eq!(metric.metric_alarms()[0].state_value(), Some(&StateValue::Alarm));
    assert_eq!(metric.metric_alarms()[0].state_updated_timestamp().unwrap().secs(), theatre.now().as_second());
    let both = client
        .describe_alarms()
        .set_alarm_names(Some(vec!["all".into(), "errors".into(), "nowhere".into()]))
        .alarm_types(AlarmType::MetricAlarm)
        .alarm_types(AlarmType::CompositeAlarm);
    let both = both.send().await.unwrap();
    assert_eq!((both.metric_alarms().len(), both.composite_alarms().len()), (1, 1));
    assert_eq!(both.composite_alarms()[0].alarm_rule(), Some("ALARM(errors)"));
    let mut pages = client.describe_alarms().into_paginator().page_size(1).send();
    let mut seen = 0;
    while let Some(page) = pages.next().await {
        seen += page.unwrap().metric_alarms().len();
    }
    assert_eq!(seen, 2);
    client
        .set_alarm_state()
        .alarm_name("latency")
        .state_value(StateValue::Alarm)
        .state_reason("test")
        .send()
        .await
        .unwrap();
    let refused =
        client.set_alarm_state().alarm_name("no").state_value(StateValue::Ok).state_reason("test").send().await;
    assert!(refused.unwrap_err().into_service_error().is_resource_not_found());
    let refused = client.describe_alarms().next_token("gibberish").send().await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_next_token());
}

#[tokio::test(start_paused = true)]
async fn code_deploy_and_code_pipeline_speak_json() {
    let theatre = theatre();
    let client = client!(aws_sdk_codedeploy, theatre);
    assert_eq!(client.list_applications().send().await.unwrap().applications(), ["web"]);
    let act = |act: Act| theatre.with(|world| world.act(&act)).unwrap();
    act(Act::StartDeployment { application: "web".into(), deployment_group: "web".into(), seconds: Some(60) });
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    let active = client.list_deployments().include_only_statuses(DeploymentStatus::InProgress).send().await.unwrap();
    let [id] = active.deployments() else { panic!("{active:?}") };
    let known = client.batch_get_deployments().deployment_ids(id).send().await.unwrap();
    let info = &known.deployments_info()[0];
    assert_eq!((info.application_name(), info.deployment_group_name()), (Some("web"), Some("web")));
    assert!(info.start_time().unwrap() > info.create_time().unwrap());
    let groups = client.batch_get_deployment_groups().application_name("web").deployment_group_names("web");
    let groups = groups.send().await.unwrap();
    let scaling = groups.deployment_groups_info()[0].auto_scaling_groups();
    assert_eq!(scaling[0].name(), Some("web"));
    assert!(scaling[0].hook().unwrap().starts_with("CodeDeploy-managed"));
    let refused = client.list_deployments().application_name("web").send().await.unwrap_err().into_service_error();
    assert!(refused.is_deployment_group_name_required_exception());
    let unknown = client.get_deployment_group().application_name("no").deployment_group_name("no").send().await;
    assert!(unknown.unwrap_err().into_service_error().is_application_does_not_exist_exception());

    let client = client!(aws_sdk_codepipeline, theatre);
    act(Act::BeginExecution { pipeline: "site".into(), seconds: None });
    let running = client.list_pipeline_executions().pipeline_name("site").max_results(5).send().await.unwrap();
    assert_eq!(running.pipeline_execution_summaries()[0].status(), Some(&PipelineExecutionStatus::InProgress));
    let state = client.get_pipeline_state().name("site").send().await.unwrap();
    let stages: Vec<_> = state.stage_states().iter().map(|s| s.latest_execution().unwrap().status().as_str()).collect();
    assert_eq!(stages, ["Succeeded", "InProgress"]);
    let unknown = client.list_pipeline_executions().pipeline_name("no").send().await.unwrap_err();
    assert!(unknown.into_service_error().is_pipeline_not_found_exception());
}

#[tokio::test(start_paused = true)]
async fn systems_manager_stops_an_agent_and_says_so_a_little_later() {
    let theatre = theatre();
    let client = client!(aws_sdk_ssm, theatre);
    let id = theatre.with(|world| world.instances().next().unwrap().id.clone());
    let filter = InstanceInformationStringFilter::builder().key("InstanceIds").values(&id).build().unwrap();
    let known = client.describe_instance_information().filters(filter).send().await.unwrap();
    assert_eq!(known.instance_information_list()[0].ping_status(), Some(&PingStatus::Online));
    let unknown = client.send_command().document_name("no").instance_ids(&id).send().await.unwrap_err();
    assert!(unknown.into_service_error().is_invalid_document());
    let nobody = client.send_command().document_name("stop-agent").instance_ids("i-00000000000000bad").send().await;
    assert!(nobody.unwrap_err().into_service_error().is_invalid_instance_id());
    let sent = client.send_command().document_name("stop-agent").instance_ids(&id).timeout_seconds(60).send().await;
    let command = sent.unwrap().command().unwrap().command_id().unwrap().to_owned();
    let ask = || client.get_command_invocation().command_id(&command).instance_id(&id).send();
    assert!(ask().await.unwrap_err().into_service_error().is_invocation_does_not_exist());
    let listed = client.list_command_invocations().command_id(&command).send().await.unwrap();
    assert_eq!(listed.command_invocations().len(), 0);
    tokio::time::sleep(std::time::Duration::from_secs(15)).await;
    let done = ask().await.unwrap();
    assert_eq!((done.status(), done.response_code()), (Some(&CommandInvocationStatus::Success), 0));
    let listed = client.list_command_invocations().command_id(&command).details(true).send().await.unwrap();
    assert_eq!(listed.command_invocations()[0].command_plugins()[0].response_code(), 0);
    theatre.with(|world| assert_eq!(world.instance(&id).unwrap().code_deploy_agent, CodeDeployAgent::Stopped));
}

/// A world with a played delivery, and a site.
fn delivered() -> Theatre {
    let spec = FleetSpec {
        documents: [("restart-agent".to_owned(), DocumentEffect::RestartCodeDeployAgent)].into(),
        delivery: Some(DeliverySpec::default()),
        ..bare(|_| {})
    };
    Theatre::new(Run::of(&spec).world)
}

async fn pass(seconds: u64) {
    tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_stage_is_read_cured_and_retried_by_the_sdks_clients() {
    let theatre = delivered();
    let act = |act: Act| theatre.with(|world| world.act(&act)).unwrap();
    let dead = theatre.with(|world| world.instances().next().unwrap().id.clone());
    act(Act::SetCodeDeployAgent { instance: dead.clone(), agent: CodeDeployAgent::Stopped });
    act(Act::Push { pipeline: "web".into(), commit: CommitSpec::page("new\n") });
    pass(700).await;

    let pipelines = client!(aws_sdk_codepipeline, theatre);
    let shown = pipelines.get_pipeline_state().name("web").send().await.unwrap();
    let stage = &shown.stage_states()[1];
    let execution = stage.latest_execution().unwrap().pipeline_execution_id().to_owned();
    assert_eq!((stage.latest_execution().unwrap().status().as_str(), stage.stage_name()), ("Failed", Some("Deploy")));
    let action = stage.action_states()[0].latest_execution().unwrap();
    let deployment = action.external_execution_id().unwrap().to_owned();
    assert_eq!(action.error_details().unwrap().code(), Some("JobFailed"));
    let known = pipelines.get_pipeline_execution().pipeline_name("web").pipeline_execution_id(&execution);
    let known = known.send().await.unwrap().pipeline_execution().unwrap().clone();
    assert_eq!(known.status(), Some(&PipelineExecutionStatus::Failed));
    let summary = known.artifact_revisions()[0].revision_summary().unwrap();
    assert!(summary.contains(r#""CommitMessage":"Edit index.html""#), "{summary}");
    let filter =
        aws_sdk_codepipeline::types::ActionExecutionFilter::builder().pipeline_execution_id(&execution).build();
    let actions = pipelines.list_action_executions().pipeline_name("web").filter(filter).send().await.unwrap();
    let newest = &actions.action_execution_details()[0];
    let result = newest.output().unwrap().execution_result().unwrap();
    assert_eq!(result.external_execution_id(), Some(deployment.as_str()));
    let source = actions.action_execution_details()[1].output().unwrap().output_variables().unwrap();
    assert_eq!(source["AuthorDisplayName"], "Mary Major");

    let deployments = client!(aws_sdk_codedeploy, theatre);
    let info = deployments.get_deployment().deployment_id(&deployment).send().await.unwrap();
    let info = info.deployment_info().unwrap();
    assert_eq!(info.error_information().unwrap().code().unwrap().as_str(), "HEALTH_CONSTRAINTS");
    assert_eq!(info.deployment_overview().unwrap().failed(), 1);
    assert!(info.rollback_info().unwrap().rollback_deployment_id().is_some());
    let failed = aws_sdk_codedeploy::types::TargetFilterName::TargetStatus;
    let targets = deployments.list_deployment_targets().deployment_id(&deployment);
    let targets = targets.target_filters(failed, vec!["Failed".into()]).send().await.unwrap();
    assert_eq!(targets.target_ids(), std::slice::from_ref(&dead));
    let batch = deployments.batch_get_deployment_targets().deployment_id(&deployment).target_ids(&dead);
    let batch = batch.send().await.unwrap();
    let target = batch.deployment_targets()[0].instance_target().unwrap();
    let event = target.lifecycle_events().iter().find(|event| event.diagnostics().is_some()).unwrap();
    let code = event.diagnostics().unwrap().error_code().unwrap();
    assert_eq!(code, &aws_sdk_codedeploy::types::LifecycleErrorCode::UnknownError);

    let commands = client!(aws_sdk_ssm, theatre);
    let sent = commands.send_command().document_name("restart-agent").instance_ids(&dead);
    let sent = sent.max_errors("100%").max_concurrency("100%").send().await.unwrap();
    let command = sent.command().unwrap().command_id().unwrap().to_owned();
    pass(60).await;
    let said = commands.get_command_invocation().command_id(&command).instance_id(&dead).send().await.unwrap();
    let report: serde_json::Value = serde_json::from_str(said.standard_output_content().unwrap()).unwrap();
    assert_eq!((&report["action"], &report["polls"]), (&"started".into(), &true.into()));
    pass(400).await;

    let retry = || {
        pipelines
            .retry_stage_execution()
            .pipeline_name("web")
            .stage_name("Deploy")
            .pipeline_execution_id(&execution)
            .retry_mode(aws_sdk_codepipeline::types::StageRetryMode::FailedActions)
            .send()
    };
    assert_eq!(retry().await.unwrap().pipeline_execution_id(), Some(execution.as_str()));
    assert!(retry().await.unwrap_err().into_service_error().is_conflict_exception());
    pass(300).await;
    let shown = pipelines.get_pipeline_state().name("web").send().await.unwrap();
    let stage = &shown.stage_states()[1];
    assert_eq!(stage.latest_execution().unwrap().status().as_str(), "Succeeded");
    assert_eq!(stage.retry_stage_metadata().unwrap().manual_stage_retry_attempt(), Some(1));
    assert!(retry().await.unwrap_err().into_service_error().is_stage_not_retryable_exception());
    theatre.with(|world| assert_eq!(world.page_of(&dead), Some("new\n")));
}

#[tokio::test(start_paused = true)]
async fn people_and_event_buses_are_told() {
    let theatre = theatre();
    let client = client!(aws_sdk_sns, theatre);
    let said = client.publish().topic_arn(topic_arn("people")).subject("It died").message("and came back").send().await;
    assert!(said.unwrap().message_id().is_some());
    let unknown = client.publish().topic_arn(topic_arn("nobody")).message("hello").send().await.unwrap_err();
    assert!(unknown.into_service_error().is_not_found_exception());
    let messages = theatre.with(panda_world::World::take_messages);
    assert_eq!((messages.len(), messages[0].body.as_str()), (1, "and came back"));

    let client = client!(aws_sdk_eventbridge, theatre);
    let entry = |source: &str| {
        PutEventsRequestEntry::builder()
            .source(source)
            .detail_type("Chaos Experiment Ended")
            .detail(r#"{"a":1}"#)
            .build()
    };
    let put = client.put_events().entries(entry("lethargic-panda")).entries(entry("aws.ec2")).send().await.unwrap();
    assert_eq!(put.failed_entry_count(), 1);
    assert!(put.entries()[0].event_id().is_some());
    assert_eq!(put.entries()[1].error_code(), Some("NotAuthorizedForSourceException"));
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let events = theatre.with(panda_world::World::take_events);
    assert_eq!(events[0]["source"], "lethargic-panda");
    assert_eq!(events[0]["detail"]["a"], 1);
}

#[tokio::test(start_paused = true)]
async fn throttles_server_errors_and_refusals_come_in_each_services_own_words() {
    let theatre = theatre();
    for (operation, faults, code, status) in [
        (None, Faults { throttle: 1.0, ..Faults::default() }, "ThrottlingException", 400),
        (None, Faults { server_error: 1.0, ..Faults::default() }, "InternalFailure", 500),
        (Some("codedeploy:ListApplications"), Faults::default(), "AccessDeniedException", 400),
    ] {
        theatre.with(|world| {
            world.set_faults(faults);
            if let Some(operation) = operation {
                world.act(&Act::Permit { operation: operation.to_owned(), allowed: false }).unwrap();
            }
        });
        let error = client!(aws_sdk_codedeploy, theatre).list_applications().send().await.unwrap_err();
        assert_eq!(error.raw_response().unwrap().status().as_u16(), status);
        let meta = error.into_service_error();
        assert_eq!(aws_sdk_codedeploy::error::ProvideErrorMetadata::code(&meta), Some(code));
    }
    theatre.with(|world| world.set_faults(Faults { throttle: 1.0, ..Faults::default() }));
    let error = client!(aws_sdk_cloudwatch, theatre).describe_alarms().send().await.unwrap_err().into_service_error();
    assert_eq!(aws_sdk_cloudwatch::error::ProvideErrorMetadata::code(&error), Some("Throttling"));
    let error = client!(aws_sdk_sns, theatre).list_topics().send().await.unwrap_err().into_service_error();
    assert_eq!(aws_sdk_sns::error::ProvideErrorMetadata::code(&error), Some("Throttling"));
    theatre.with(|world| world.set_faults(Faults { reset: 1.0, ..Faults::default() }));
    assert!(client!(aws_sdk_ssm, theatre).describe_instance_information().send().await.is_err());
}
