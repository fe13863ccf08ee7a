//! The agents on an instance, and the commands that reach them: restarts that cure and those that cannot, silent machines, many at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{
    Act, AgentGeneration, AgentTrouble, CodeDeployAgent, CommitSpec, DeliverySpec, DeploymentStatus, DocumentEffect,
    FleetSpec, PingState, ScriptOutcome,
};
use serde_json::{Value, json};
use support::{Run, bare};

fn fleet(desired: u32, agent: AgentGeneration) -> FleetSpec {
    FleetSpec {
        documents: [
            ("restart-agent".to_owned(), DocumentEffect::RestartCodeDeployAgent),
            ("stop-agent".to_owned(), DocumentEffect::StopCodeDeployAgent),
            ("hang".to_owned(), DocumentEffect::Hang),
            ("fail".to_owned(), DocumentEffect::Fail),
        ]
        .into(),
        delivery: Some(DeliverySpec { agent, rollback: false, ..DeliverySpec::default() }),
        ..bare(|group| (group.desired, group.max) = (desired, desired.max(4)))
    }
}

fn send(run: &mut Run, input: Value) -> Result<String, String> {
    let reply = run.json("AmazonSSM.SendCommand", input)?;
    Ok(reply["Command"]["CommandId"].as_str().unwrap().to_owned())
}

fn ask(run: &mut Run, command: &str, instance: &str) -> Value {
    run.json("AmazonSSM.GetCommandInvocation", json!({"CommandId": command, "InstanceId": instance})).unwrap()
}

/// Runs the restart document: its status, its exit status, its report.
fn restart(run: &mut Run, instance: &str) -> (String, i64, Value) {
    let command = send(run, json!({"DocumentName": "restart-agent", "InstanceIds": [instance]})).unwrap();
    run.pass(100);
    let said = ask(run, &command, instance);
    let report = serde_json::from_str(said["StandardOutputContent"].as_str().unwrap()).unwrap();
    (said["Status"].as_str().unwrap().to_owned(), said["ResponseCode"].as_i64().unwrap(), report)
}

fn polls(run: &mut Run, instance: &str) -> bool {
    run.act(Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit: None });
    run.pass(600);
    let deployment = run.world.deployments().last().unwrap();
    assert!(deployment.targets.contains_key(instance));
    deployment.status == DeploymentStatus::Succeeded
}

#[test]
fn a_restart_cures_what_it_can_and_says_what_it_found() {
    for (state, trouble, action, exit, cured) in [
        (CodeDeployAgent::Running, None, "restarted", 0, true),
        (CodeDeployAgent::Stopped, None, "started", 0, true),
        (CodeDeployAgent::Hung, None, "restarted", 0, true),
        (CodeDeployAgent::Absent, None, "not-installed", 2, false),
        (CodeDeployAgent::Stopped, Some(AgentTrouble::EmptyPidFile), "started", 0, true),
        (CodeDeployAgent::Stopped, Some(AgentTrouble::DiskFull), "failed", 1, false),
        (CodeDeployAgent::Running, Some(AgentTrouble::DiskFull), "failed", 1, false),
        (CodeDeployAgent::Running, Some(AgentTrouble::Denied), "restarted", 0, false),
        (CodeDeployAgent::Stopped, Some(AgentTrouble::NoCredentials), "started", 0, false),
        (CodeDeployAgent::Running, Some(AgentTrouble::ClockSkew), "restarted", 0, false),
        (CodeDeployAgent::Running, Some(AgentTrouble::Unreachable), "restarted", 0, false),
    ] {
        let mut run = Run::of(&fleet(1, AgentGeneration::V2));
        let instance = run.holder();
        run.act(Act::AfflictAgent { instance: instance.clone(), trouble });
        run.act(Act::SetCodeDeployAgent { instance: instance.clone(), agent: state });
        let (status, code, report) = restart(&mut run, &instance);
        assert_eq!(report["action"], action, "{state:?} {trouble:?}: {report}");
        assert_eq!((status == "Success", code), (exit == 0, exit), "{report}");
        assert_eq!(report["polls"].as_bool().unwrap(), cured, "{report}");
        assert_eq!((&report["schema"], report["agent"] == "absent"), (&json!(1), state == CodeDeployAgent::Absent));
        let silent = trouble.is_some_and(|trouble| trouble != AgentTrouble::EmptyPidFile);
        assert_eq!(report["errors"].as_array().unwrap().is_empty(), !silent, "{report}");
        assert_eq!(report["clock"] == "synchronised", trouble != Some(AgentTrouble::ClockSkew));
        if cured {
            assert_ne!(report["before"]["pid"], report["after"]["pid"]);
            assert!(report["held_seconds"].as_u64().unwrap() >= 20);
        }
        assert_eq!(polls(&mut run, &instance), cured, "{state:?} {trouble:?}");
    }
}

#[test]
fn an_empty_pid_file_makes_the_unit_of_the_first_generation_lie() {
    for (generation, active) in [(AgentGeneration::V1, "active"), (AgentGeneration::V2, "inactive")] {
        let mut run = Run::of(&fleet(1, generation));
        let instance = run.holder();
        run.act(Act::AfflictAgent { instance: instance.clone(), trouble: Some(AgentTrouble::EmptyPidFile) });
        let (_, _, report) = restart(&mut run, &instance);
        assert_eq!((&report["before"]["active"], &report["before"]["pid"]), (&json!(active), &Value::Null));
        let word = if generation == AgentGeneration::V1 { "v1" } else { "v2" };
        assert_eq!(report["agent"], word);
    }
}

#[test]
fn an_agent_amid_an_event_is_neither_restarted_nor_stopped() {
    let mut run = Run::of(&fleet(1, AgentGeneration::V2));
    let instance = run.holder();
    let slow = ScriptOutcome::TimesOut { after_seconds: 600 };
    let commit = Some(CommitSpec::default().with("AfterInstall", slow));
    run.act(Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit });
    run.pass(100);
    let (status, _, report) = restart(&mut run, &instance);
    assert_eq!((status.as_str(), &report["action"]), ("Success", &json!("refused-busy")));
    assert_eq!(report["before"]["pid"], report["after"]["pid"]);
    let command = send(&mut run, json!({"DocumentName": "stop-agent", "InstanceIds": [instance]})).unwrap();
    run.pass(10);
    assert!(ask(&mut run, &command, &instance)["StandardErrorContent"].as_str().unwrap().contains("in progress"));
    run.act(Act::SetCodeDeployAgent { instance: instance.clone(), agent: CodeDeployAgent::Hung });
    assert_eq!(restart(&mut run, &instance).2["action"], "refused-busy", "its mark is there, and it lives");
    run.act(Act::SetCodeDeployAgent { instance: instance.clone(), agent: CodeDeployAgent::Stopped });
    assert_eq!(restart(&mut run, &instance).2["action"], "started", "a dead one is not asked");
    let deployment = run.world.deployments().last().unwrap();
    let failed = deployment.targets[&instance]
        .events
        .iter()
        .find_map(|event| event.diagnostics.clone().filter(|d| d.code != "Success"));
    assert!(failed.unwrap().message.contains("after an agent restart"));
}

#[test]
fn a_boot_starts_the_agent_unless_something_keeps_it_from_starting() {
    for (trouble, comes_up) in [(None, true), (Some(AgentTrouble::DiskFull), false), (Some(AgentTrouble::Denied), true)]
    {
        let mut run = Run::of(&fleet(2, AgentGeneration::V2));
        let instance = run.holder();
        run.act(Act::Suspend { group: "web".into(), names: vec![] });
        run.act(Act::AfflictAgent { instance: instance.clone(), trouble });
        run.act(Act::SetCodeDeployAgent { instance: instance.clone(), agent: CodeDeployAgent::Stopped });
        run.act(Act::Stop { instance: instance.clone() });
        run.pass(100);
        run.act(Act::Start { instance: instance.clone() });
        run.pass(100);
        let agent = run.world.instance(&instance).unwrap().code_deploy_agent;
        assert_eq!(agent == CodeDeployAgent::Running, comes_up, "{trouble:?}");
    }
}

#[test]
fn systems_manager_reaches_whom_it_reaches() {
    let mut run = Run::of(&fleet(4, AgentGeneration::V2));
    let ids = run.in_service("web");
    for (id, ping) in ids.iter().zip([PingState::ConnectionLost, PingState::Inactive, PingState::Unregistered]) {
        run.act(Act::SetPing { instance: id.clone(), ping });
    }
    let filter = json!([{"Key": "InstanceIds", "Values": [ids[0], ids[1], ids[2], ids[3], "i-00000000000000bad"]}]);
    let reply = run.json("AmazonSSM.DescribeInstanceInformation", json!({"Filters": filter})).unwrap();
    let shown: Vec<(&str, &str)> = reply["InstanceInformationList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| (known["InstanceId"].as_str().unwrap(), known["PingStatus"].as_str().unwrap()))
        .collect();
    assert_eq!(shown, [(ids[0].as_str(), "ConnectionLost"), (&ids[1], "Inactive"), (&ids[3], "Online")]);
    let old = json!({"InstanceInformationFilterList": [{"key": "InstanceIds", "valueSet": [ids[2]]}]});
    assert_eq!(run.json("AmazonSSM.DescribeInstanceInformation", old), Err("InvalidInstanceId".to_owned()));
    let all = json!({"DocumentName": "restart-agent", "InstanceIds": ids});
    assert_eq!(send(&mut run, all), Err("InvalidInstanceId".to_owned()), "one unknown refuses the whole call");
    run.act(Act::SetPing { instance: ids[2].clone(), ping: PingState::Online });
    run.pass(5);
    let all = json!({"DocumentName": "restart-agent", "InstanceIds": ids, "TimeoutSeconds": 30, "MaxErrors": "100%"});
    let command = send(&mut run, all).unwrap();
    run.pass(100);
    let details = |run: &mut Run, id: &String| ask(run, &command, id)["StatusDetails"].as_str().unwrap().to_owned();
    let all: Vec<String> = ids.iter().map(|id| details(&mut run, id)).collect();
    assert_eq!(all, ["DeliveryTimedOut", "DeliveryTimedOut", "Success", "Success"]);
    let reply = run.json("AmazonSSM.ListCommands", json!({"CommandId": command})).unwrap();
    assert_eq!((&reply["Commands"][0]["Status"], &reply["Commands"][0]["ErrorCount"]), (&json!("TimedOut"), &json!(0)));
}

#[test]
fn too_many_errors_end_a_command_before_it_reaches_everybody() {
    for (errors, sent) in [("0", 1), ("2", 3), ("100%", 4)] {
        let mut run = Run::of(&fleet(4, AgentGeneration::V2));
        let ids = run.in_service("web");
        let input = json!({"DocumentName": "fail", "InstanceIds": ids, "MaxConcurrency": "1", "MaxErrors": errors});
        let command = send(&mut run, input).unwrap();
        run.pass(120);
        let input = json!({"CommandId": command, "Details": true});
        let listed = run.json("AmazonSSM.ListCommandInvocations", input).unwrap();
        let listed = listed["CommandInvocations"].as_array().unwrap();
        let count = |word: &str| listed.iter().filter(|row| row["StatusDetails"] == word).count();
        assert_eq!((count("Failed"), count("Terminated")), (sent, 4 - sent), "MaxErrors {errors}");
    }
    let mut run = Run::of(&fleet(1, AgentGeneration::V2));
    for (name, value) in [("MaxErrors", "many"), ("MaxConcurrency", "0"), ("MaxErrors", "101%")] {
        let input = json!({"DocumentName": "fail", "InstanceIds": [run.holder()], name: value});
        assert_eq!(send(&mut run, input), Err("ValidationException".to_owned()), "{name} {value}");
    }
}

#[test]
fn a_document_that_does_not_end_runs_out_of_its_own_time() {
    let mut run = Run::of(&fleet(1, AgentGeneration::V2));
    let instance = run.holder();
    let parameters = json!({"executionTimeout": ["240"]});
    let input = json!({"DocumentName": "hang", "InstanceIds": [instance], "Parameters": parameters});
    let command = send(&mut run, input).unwrap();
    run.pass(230);
    assert_eq!(ask(&mut run, &command, &instance)["Status"], "InProgress");
    run.pass(20);
    let said = ask(&mut run, &command, &instance);
    assert_eq!((&said["Status"], &said["StatusDetails"]), (&json!("TimedOut"), &json!("ExecutionTimedOut")));
    assert_eq!(said["ResponseCode"], -1);
}

#[test]
fn commands_of_the_past_are_found_by_document_instance_and_time() {
    let mut run = Run::of(&fleet(2, AgentGeneration::V2));
    let ids = run.in_service("web");
    let one = |document: &str, id: &String| json!({"DocumentName": document, "InstanceIds": [id]});
    send(&mut run, one("stop-agent", &ids[0])).unwrap();
    run.pass(60);
    let since = run.world.now().to_string();
    run.pass(1);
    send(&mut run, one("restart-agent", &ids[0])).unwrap();
    send(&mut run, one("restart-agent", &ids[1])).unwrap();
    run.pass(60);
    let found = |run: &mut Run, input: Value| {
        let reply = run.json("AmazonSSM.ListCommandInvocations", input).unwrap();
        reply["CommandInvocations"].as_array().unwrap().len()
    };
    let filter = |key: &str, value: &str| json!({"Filters": [{"key": key, "value": value}]});
    assert_eq!(found(&mut run, filter("DocumentName", "restart-agent")), 2);
    assert_eq!(found(&mut run, filter("InvokedAfter", &since)), 2);
    assert_eq!(found(&mut run, filter("InvokedBefore", &since)), 1);
    assert_eq!(found(&mut run, json!({"InstanceId": ids[0]})), 2);
    assert_eq!(found(&mut run, filter("Status", "Failed")), 0);
    let odd = run.json("AmazonSSM.ListCommandInvocations", filter("Colour", "red"));
    assert_eq!(odd, Err("InvalidFilterKey".to_owned()));
}

#[test]
fn an_installed_agent_takes_what_waits_for_it() {
    let mut run = Run::of(&fleet(1, AgentGeneration::V1));
    let instance = run.holder();
    run.act(Act::SetCodeDeployAgent { instance: instance.clone(), agent: CodeDeployAgent::Absent });
    run.act(Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit: None });
    run.pass(60);
    run.act(Act::InstallAgent { instance: instance.clone(), generation: AgentGeneration::V2 });
    run.pass(120);
    assert_eq!(run.world.deployments().last().unwrap().status, DeploymentStatus::Succeeded);
    assert_eq!(restart(&mut run, &instance).2["version"], "2.0.1");
}
