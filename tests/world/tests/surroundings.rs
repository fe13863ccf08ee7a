//! What stands around the servers: deployments, pipelines, commands, alarms, messages, and the site as its visitors see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{
    Act, ActError, AlarmSpec, AlarmState, ApiRequest, CodeDeployAgent, DeploymentStatus, DocumentEffect,
    ExecutionStatus, FleetSpec, InvocationStatus, Knock, topic_arn,
};
use serde_json::{Value, json};
use support::{IP, Run, bare};

fn surrounded() -> FleetSpec {
    FleetSpec {
        pipelines: vec!["site".into()],
        topics: vec!["people".into()],
        documents: [
            ("stop-agent".to_owned(), DocumentEffect::StopCodeDeployAgent),
            ("restart-agent".to_owned(), DocumentEffect::RestartCodeDeployAgent),
            ("broken".to_owned(), DocumentEffect::Fail),
        ]
        .into(),
        hosts: vec!["www.example.com".into()],
        ..bare(|_| {})
    }
}

fn list(run: &mut Run, input: Value) -> Vec<String> {
    let reply = run.json("CodeDeploy_20141006.ListDeployments", input).unwrap();
    reply["deployments"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn start(seconds: Option<u32>) -> Act {
    Act::StartDeployment { application: "web".into(), deployment_group: "web".into(), seconds }
}

#[test]
fn a_deployment_group_runs_one_deployment_at_a_time_and_tells_how_it_ends() {
    let mut run = Run::of(&surrounded());
    run.act(start(None));
    let Err(ActError::Refused { code, .. }) = run.world.act(&start(None)) else { panic!("a second one began") };
    assert_eq!(code, "DeploymentLimitExceededException");
    assert_eq!(run.world.deployments().next().unwrap().status, DeploymentStatus::Created);
    assert_eq!(list(&mut run, json!({"includeOnlyStatuses": ["Created", "Queued", "InProgress"]})).len(), 1);
    run.pass(10);
    for status in [DeploymentStatus::Baking, DeploymentStatus::Failed] {
        run.act(Act::SetDeployment { application: "web".into(), deployment_group: "web".into(), status });
    }
    run.act(start(Some(30)));
    run.pass(60);
    let both = list(&mut run, json!({"applicationName": "web", "deploymentGroupName": "web"}));
    assert_eq!(both.len(), 2);
    let known = run.json("CodeDeploy_20141006.BatchGetDeployments", json!({"deploymentIds": both})).unwrap();
    let statuses: Vec<_> = known["deploymentsInfo"].as_array().unwrap().iter().map(|d| &d["status"]).collect();
    assert_eq!(statuses, ["Succeeded", "Failed"], "the newest first");
    assert_eq!(known["deploymentsInfo"][1]["errorInformation"]["code"], "HEALTH_CONSTRAINTS");
    let states: Vec<_> = run
        .events()
        .iter()
        .filter(|event| event["detail-type"] == "CodeDeploy Deployment State-change Notification")
        .map(|event| event["detail"]["state"].clone())
        .collect();
    assert_eq!(states.len(), 4, "{states:?}");
    for state in ["START", "FAILURE", "SUCCESS"] {
        assert!(states.contains(&json!(state)), "{states:?}");
    }
    let recent = json!({"createTimeRange": {"start": run.world.now().as_second() + 60}});
    assert_eq!(list(&mut run, recent), [""; 0]);
}

#[test]
fn what_code_deploy_refuses_is_refused_with_its_code() {
    let mut run = Run::of(&surrounded());
    let twenty_six: Vec<String> = (0..26).map(|n| format!("d-{n}")).collect();
    for (operation, input, code) in [
        ("ListDeployments", json!({"deploymentGroupName": "web"}), "ApplicationNameRequiredException"),
        ("ListDeployments", json!({"includeOnlyStatuses": ["Odd"]}), "InvalidDeploymentStatusException"),
        ("ListDeployments", json!({"nextToken": "gibberish"}), "InvalidNextTokenException"),
        ("ListDeployments", json!({"colour": "red"}), "ValidationException"),
        ("ListDeployments", json!({"includeOnlyStatuses": "InProgress"}), "SerializationException"),
        ("BatchGetDeployments", json!({"deploymentIds": twenty_six}), "BatchLimitExceededException"),
        ("GetDeployment", json!({"deploymentId": "d-NOWHERE"}), "DeploymentDoesNotExistException"),
        (
            "GetDeploymentGroup",
            json!({"applicationName": "web", "deploymentGroupName": "no"}),
            "DeploymentGroupDoesNotExistException",
        ),
        ("Dance", json!({}), "UnknownOperationException"),
    ] {
        assert_eq!(run.json(&format!("CodeDeploy_20141006.{operation}"), input), Err(code.to_owned()), "{operation}");
    }
}

#[test]
fn deployments_list_by_pages_and_the_oldest_are_forgotten() {
    let mut run = Run::of(&surrounded());
    for n in 0..15 {
        let name = format!("group-{n}");
        run.act(Act::PutDeploymentGroup { application: "many".into(), deployment_group: name.clone(), groups: vec![] });
        for _ in 0..12 {
            run.act(Act::StartDeployment {
                application: "many".into(),
                deployment_group: name.clone(),
                seconds: Some(1),
            });
            run.pass(2);
        }
    }
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let page = run.json("CodeDeploy_20141006.ListDeployments", json!({"nextToken": token})).unwrap();
        seen.extend(page["deployments"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()));
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 150, "ten of each");
    assert_eq!(seen.iter().collect::<std::collections::BTreeSet<_>>().len(), 150);
}

#[test]
fn after_blue_green_the_deployment_group_names_the_new_group() {
    let mut run = Run::of(&surrounded());
    run.act(Act::BlueGreen { group: "web".into(), green: "CodeDeploy_web_d-1".into() });
    run.pass(900);
    let group = json!({"applicationName": "web", "deploymentGroupName": "web"});
    let known = run.json("CodeDeploy_20141006.GetDeploymentGroup", group).unwrap();
    assert_eq!(known["deploymentGroupInfo"]["autoScalingGroups"][0]["name"], "CodeDeploy_web_d-1");
}

#[test]
fn a_pipeline_shows_its_executions_the_newest_first() {
    let mut run = Run::of(&surrounded());
    run.act(Act::BeginExecution { pipeline: "site".into(), seconds: Some(60) });
    run.pass(120);
    run.act(Act::BeginExecution { pipeline: "site".into(), seconds: None });
    let shown = |run: &mut Run| {
        let reply = run.json("CodePipeline_20150709.ListPipelineExecutions", json!({"pipelineName": "site"})).unwrap();
        let all = reply["pipelineExecutionSummaries"].as_array().unwrap().clone();
        all.into_iter().map(|execution| execution["status"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown(&mut run), ["InProgress", "Succeeded"]);
    run.act(Act::EndExecution { pipeline: "site".into(), status: ExecutionStatus::Failed });
    assert_eq!(shown(&mut run), ["Failed", "Succeeded"]);
    let state = run.json("CodePipeline_20150709.GetPipelineState", json!({"name": "site"})).unwrap();
    assert_eq!(state["stageStates"][1]["latestExecution"]["status"], "Failed");
    assert_eq!(state["stageStates"][1]["actionStates"][0]["latestExecution"]["status"], "Failed");
    run.pass(5);
    let events = run.events();
    let ours: Vec<_> = events.iter().filter(|e| e["source"] == "aws.codepipeline").collect();
    assert_eq!(ours.len(), 4);
    assert!(ours.iter().all(|event| event["detail"]["version"].is_f64()), "a float literal, as on AWS");
    let none = run.world.act(&Act::EndExecution { pipeline: "site".into(), status: ExecutionStatus::Failed });
    assert!(matches!(none, Err(ActError::Nothing(_))));
}

fn send(run: &mut Run, document: &str, instance: &str) -> Result<String, String> {
    let input = json!({"DocumentName": document, "InstanceIds": [instance], "TimeoutSeconds": 600});
    run.json("AmazonSSM.SendCommand", input).map(|reply| reply["Command"]["CommandId"].as_str().unwrap().to_owned())
}

fn ask(run: &mut Run, command: &str, instance: &str) -> Result<(String, String), String> {
    let input = json!({"CommandId": command, "InstanceId": instance});
    let reply = run.json("AmazonSSM.GetCommandInvocation", input)?;
    Ok((reply["Status"].as_str().unwrap().to_owned(), reply["StatusDetails"].as_str().unwrap().to_owned()))
}

#[allow(clippy::unnecessary_wraps, reason = "compared with what a call gives")]
fn both(word: &str) -> Result<(String, String), String> {
    Ok((word.to_owned(), word.to_owned()))
}

#[test]
fn a_document_stops_the_agent_and_another_starts_it_again() {
    let mut run = Run::of(&surrounded());
    let holder = run.holder();
    let agent = |run: &Run, id: &str| run.world.instance(id).unwrap().code_deploy_agent;
    let command = send(&mut run, "stop-agent", &holder).unwrap();
    assert_eq!(ask(&mut run, &command, &holder), Err("InvocationDoesNotExist".to_owned()));
    run.pass(3);
    assert_eq!(
        ask(&mut run, &command, &holder)
            .map(|(status, _)| ["Pending", "InProgress", "Success"].contains(&status.as_str())),
        Ok(true)
    );
    run.pass(10);
    assert_eq!(ask(&mut run, &command, &holder), both("Success"));
    assert_eq!(agent(&run, &holder), CodeDeployAgent::Stopped);
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()), "nobody notices");
    let command = send(&mut run, "restart-agent", &holder).unwrap();
    run.pass(10);
    assert_eq!(agent(&run, &holder), CodeDeployAgent::Running);
    assert_eq!(ask(&mut run, &command, &holder), both("InProgress"), "it watches what it has started");
    run.pass(30);
    assert_eq!(ask(&mut run, &command, &holder), both("Success"));
    run.act(Act::SetCodeDeployAgent { instance: holder.clone(), agent: CodeDeployAgent::Hung });
    assert_eq!(agent(&run, &holder), CodeDeployAgent::Hung);
    let broken = send(&mut run, "broken", &holder).unwrap();
    run.pass(10);
    assert_eq!(ask(&mut run, &broken, &holder), both("Failed"));
    let kinds = run.detail_types();
    for kind in ["EC2 Command Invocation Status-change Notification", "EC2 Command Status-change Notification"] {
        assert!(kinds.contains(&kind.to_owned()), "{kind}");
    }
}

#[test]
fn a_command_to_a_silent_agent_waits_and_runs_out_of_time() {
    let mut run = Run::of(&surrounded());
    let holder = run.holder();
    let online = |online| Act::SetSsmAgent { instance: run.holder(), online };
    let (off, on) = (online(false), online(true));
    run.act(off.clone());
    let lost = json!({"Filters": [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]});
    let known = run.json("AmazonSSM.DescribeInstanceInformation", lost).unwrap();
    assert_eq!(known["InstanceInformationList"][0]["InstanceId"], holder.as_str());
    let late = send(&mut run, "stop-agent", &holder).unwrap();
    run.pass(300);
    assert_eq!(ask(&mut run, &late, &holder), both("Pending"));
    run.act(on.clone());
    run.pass(60);
    assert_eq!(ask(&mut run, &late, &holder), both("Success"));
    run.act(off);
    let never = send(&mut run, "restart-agent", &holder).unwrap();
    run.pass(700);
    assert_eq!(ask(&mut run, &never, &holder), Ok(("TimedOut".to_owned(), "DeliveryTimedOut".to_owned())));
    run.act(on);
    run.pass(60);
    assert_eq!(run.world.instance(&holder).unwrap().code_deploy_agent, CodeDeployAgent::Stopped, "given up for good");
}

#[test]
fn a_command_to_the_dead_is_refused_or_not_delivered_or_never_reported() {
    let mut run = Run::of(&surrounded());
    let (holder, spare) = {
        let all = run.in_service("web");
        (all[0].clone(), all[1].clone())
    };
    let command = send(&mut run, "stop-agent", &holder).unwrap();
    run.act(Act::Crash { instance: holder.clone() });
    run.pass(30);
    assert_eq!(ask(&mut run, &command, &holder), Ok(("Failed".to_owned(), "Undeliverable".to_owned())));
    assert_eq!(send(&mut run, "stop-agent", &holder), Err("InvalidInstanceId".to_owned()));
    assert_eq!(send(&mut run, "no-such", &spare), Err("InvalidDocument".to_owned()));
    let slow = panda_world::Timing { command_run: panda_world::Span::secs(60, 60), ..run.world.timing().clone() };
    run.world.set_timing(slow);
    let command = send(&mut run, "stop-agent", &spare).unwrap();
    run.pass(5);
    assert_eq!(ask(&mut run, &command, &spare), both("InProgress"));
    run.act(Act::Crash { instance: spare.clone() });
    run.pass(3_700);
    assert_eq!(ask(&mut run, &command, &spare), Ok(("TimedOut".to_owned(), "ExecutionTimedOut".to_owned())));
    assert_eq!(run.world.commands().last().unwrap().invocations[&spare].status, InvocationStatus::ExecutionTimedOut);
}

#[test]
fn a_new_server_is_known_to_systems_manager_only_after_its_boot() {
    let mut run = Run::of(&surrounded());
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(30);
    let newcomer = run.world.instances().max_by_key(|instance| instance.launched).unwrap().id.clone();
    assert_eq!(send(&mut run, "stop-agent", &newcomer), Err("InvalidInstanceId".to_owned()));
    run.pass(300);
    assert!(send(&mut run, "stop-agent", &newcomer).is_ok());
    run.pass(10);
    run.act(Act::Suspend { group: "web".into(), names: vec![] });
    run.act(Act::Stop { instance: newcomer.clone() });
    run.pass(70);
    run.act(Act::Start { instance: newcomer.clone() });
    run.pass(100);
    let agent = run.world.instance(&newcomer).unwrap().code_deploy_agent;
    assert_eq!(agent, CodeDeployAgent::Running, "it comes up with the machine");
}

#[test]
fn a_command_goes_to_whom_the_targets_mean() {
    let mut run = Run::of(&surrounded());
    let target = json!([{"Key": "tag:aws:autoscaling:groupName", "Values": ["web"]}]);
    let sent = run.json("AmazonSSM.SendCommand", json!({"DocumentName": "stop-agent", "Targets": target})).unwrap();
    assert_eq!(sent["Command"]["TargetCount"], 2);
    run.pass(15);
    assert!(run.world.instances().all(|instance| instance.code_deploy_agent == CodeDeployAgent::Stopped));
}

#[test]
fn an_alarm_tells_event_bridge_when_it_changes() {
    let mut run = Run::of(&surrounded());
    run.act(Act::PutAlarm { alarm: AlarmSpec { name: "latency".into(), ..AlarmSpec::default() } });
    run.act(Act::SetAlarm { name: "latency".into(), state: AlarmState::Alarm });
    run.act(Act::SetAlarm { name: "latency".into(), state: AlarmState::Alarm });
    run.pass(5);
    let events = run.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["detail"]["state"]["value"], "ALARM");
    let query = "Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=latency";
    let reply = run.world.call(&ApiRequest::parse("cli", query.as_bytes()));
    assert!(reply.body.contains("<StateValue>ALARM</StateValue>"), "older clients speak Query: {}", reply.body);
    let json = run.json("GraniteServiceVersion20100801.DescribeAlarms", json!({"StateValue": "ALARM"})).unwrap();
    assert_eq!(json["MetricAlarms"][0]["AlarmName"], "latency");
    run.act(Act::DeleteAlarm { name: "latency".into() });
    assert_eq!(run.world.alarms().count(), 0);
}

#[test]
fn a_message_keeps_its_rules_and_is_remembered() {
    let mut run = Run::of(&surrounded());
    let arn = topic_arn("people");
    let publish = |run: &mut Run, params: &[(&str, &str)]| {
        let mut all = vec![("TopicArn", arn.as_str())];
        all.extend(params);
        run.world.call(&ApiRequest::sns("panda", "Publish", &all))
    };
    let attribute = [
        ("Message", "the panda struck"),
        ("Subject", "web"),
        ("MessageAttributes.entry.1.Name", "fleet"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "web"),
    ];
    let reply = publish(&mut run, &attribute);
    assert!(reply.body.contains("<PublishResult><MessageId>"), "{}", reply.body);
    let long = "x".repeat(101);
    assert_eq!(publish(&mut run, &[("Message", "m"), ("Subject", &long)]).code.as_deref(), Some("InvalidParameter"));
    assert_eq!(publish(&mut run, &[("Message", "m"), ("Subject", "a\nb")]).code.as_deref(), Some("InvalidParameter"));
    assert_eq!(publish(&mut run, &[]).code.as_deref(), Some("InvalidParameter"));
    let [message] = run.world.messages() else { panic!("{:?}", run.world.messages()) };
    assert_eq!((message.caller.as_str(), message.attributes["fleet"].as_str()), ("panda", "web"));
    run.act(Act::DeleteTopic { name: "people".into() });
    assert_eq!(publish(&mut run, &[("Message", "m")]).status, 404);
}

#[test]
fn a_visitor_meets_the_serving_instance_an_ill_site_or_nobody() {
    let mut run = Run::of(&surrounded());
    let holder = run.holder();
    let answer = |status| Knock::Answer { instance: holder.clone(), status };
    assert_eq!(run.world.knock("WWW.example.com"), answer(200));
    run.act(Act::SiteAnswers { public_ip: IP.into(), status: 500 });
    assert_eq!(run.world.knock(IP), answer(500));
    run.act(Act::SiteAnswers { public_ip: IP.into(), status: 200 });
    assert_eq!(run.world.knock(IP), answer(200));
    assert_eq!(run.world.knock("203.0.113.99"), Knock::Silence);
    assert_eq!(run.world.knock("nowhere.example.com"), Knock::NoSuchHost);
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(22);
    let newcomer = run.world.instances().max_by_key(|instance| instance.launched).unwrap();
    let (id, state) = (newcomer.id.clone(), newcomer.state);
    assert_eq!(state, panda_world::InstanceState::Running);
    run.act(Act::Associate { public_ip: IP.into(), instance: id });
    run.pass(7);
    assert_eq!(run.world.knock(IP), Knock::Refused, "it runs, but does not listen yet");
    run.act(Act::Crash { instance: run.holder() });
    assert_eq!(run.world.knock(IP), Knock::Silence);
}
