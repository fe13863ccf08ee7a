//! Does the template deploy a deployment-recovery that reaches what it must and nothing else?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{collections::BTreeSet, fs};

use deployment_recovery::{Config, LOOK_AGAIN, Mode};
use panda_aws::bus;
use panda_domain::recovery::{Command, Wake};
use panda_scenarios::{
    golden, root,
    template::{Statement, Template, strings},
};
use serde_json::{Value, json};

const FUNCTION: &str = "DeploymentRecoveryFunction";
const ROLE: &str = "DeploymentRecoveryRole";

fn configured(given: &[(&str, &str)]) -> Result<Config, String> {
    let set = Template::read().environment(FUNCTION, given);
    Config::from_lookup(|name| set.get(name).cloned()).map_err(|error| error.to_string())
}

/// A sample event with one value replaced, by its JSON pointer.
fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = golden(name);
    *event.pointer_mut(pointer).unwrap_or_else(|| panic!("{name} has no {pointer}")) = value;
    event
}

fn statement<'a>(statements: &'a [Statement], sid: &str) -> &'a Statement {
    statements.iter().find(|statement| statement.role == ROLE && statement.sid() == sid).unwrap()
}

#[test]
fn every_mode_of_the_parameter_is_one_of_the_function_and_it_cures_by_default() {
    let template = Template::read();
    let parameter = &template.document["Parameters"]["RecoveryMode"];
    let modes = strings(&parameter["AllowedValues"]);
    assert_eq!(modes, [Mode::On, Mode::ExplainOnly, Mode::Off].map(|mode| mode.to_string()));
    for mode in modes {
        assert_eq!(configured(&[("RecoveryMode", mode)]).unwrap().mode.to_string(), mode);
    }
    assert_eq!(configured(&[]).unwrap().mode, Mode::On);
}

#[test]
fn with_the_templates_defaults_it_is_the_function_that_it_is_without_variables_but_for_where_things_are() {
    let places = ["CASES_TABLE", "TOPIC_ARN", "CHAT_TOPIC_ARN", "RESTART_DOCUMENT"];
    let set = Template::read().environment(FUNCTION, &[]);
    let deployed = Config::from_lookup(|name| set.get(name).cloned()).unwrap();
    let bare = Config::from_lookup(|name| set.get(name).filter(|_| places.contains(&name)).cloned()).unwrap();
    assert_eq!(deployed, bare);
}

#[test]
fn every_value_that_a_parameter_allows_is_taken_by_the_code() {
    let template = Template::read();
    let parameters = template.document["Parameters"].as_object().unwrap();
    let mut tried = 0;
    for (name, parameter) in parameters.iter().filter(|(name, _)| name.starts_with("Recovery")) {
        let limits =
            ["MinValue", "MaxValue"].map(|limit| &parameter[limit]).into_iter().filter(|limit| !limit.is_null());
        for value in limits.chain(parameter["AllowedValues"].as_array().into_iter().flatten()) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            configured(&[(name, &value)]).unwrap_or_else(|error| panic!("{name} allows {value}: {error}"));
            tried += 1;
        }
    }
    assert_eq!(tried, 9);
}

#[test]
fn near_misses_reach_no_rule_of_it() {
    let action = "codepipeline-action-execution-state-change-failed";
    let pipeline = "codepipeline-pipeline-execution-state-change-failed";
    let stage = "codepipeline-stage-execution-state-change-failed";
    let deployment = "codedeploy-deployment-state-change-notification-failure";
    let again = "deployment-recovery-look-again";
    for (what, event) in [
        ("an action of CodeBuild", changed(action, "/detail/type/provider", json!("CodeBuild"))),
        ("an action that succeeded", changed(action, "/detail/state", json!("SUCCEEDED"))),
        ("an action that was given up", changed(action, "/detail/state", json!("ABANDONED"))),
        ("a stage that is tried again", changed(stage, "/detail/state", json!("RESUMED"))),
        ("a stage that succeeded", changed(stage, "/detail/state", json!("SUCCEEDED"))),
        ("a pipeline that a person stopped", changed(pipeline, "/detail/state", json!("STOPPED"))),
        ("a pipeline that a newer run overtook", changed(pipeline, "/detail/state", json!("SUPERSEDED"))),
        ("a deployment that begins", changed(deployment, "/detail/state", json!("START"))),
        ("a deployment that a person stopped", changed(deployment, "/detail/state", json!("STOP"))),
        ("somebody else's event", changed(again, "/source", json!("com.example"))),
        ("another event of ours", changed(again, "/detail-type", json!("Experiment Finished"))),
    ] {
        assert_eq!(Template::read().rules_that_match(&event), BTreeSet::new(), "{what}");
    }
}

#[test]
fn it_wakes_itself_by_the_rule_that_is_for_it_and_gets_a_command() {
    let template = Template::read();
    let rules = template.rules();
    let rule = rules.iter().find(|rule| rule.name == "LookAgain").unwrap();
    assert_eq!(rule.properties["InputPath"], "$.detail");
    assert_eq!(rule.properties["Pattern"], json!({"source": [bus::SOURCE], "detail-type": [LOOK_AGAIN]}));
    assert!(Wake::decode(&golden("deployment-recovery-look-again")["detail"]).unwrap().subject().is_some());
    let statements = template.statements();
    let wake = statement(&statements, "WakeAgain");
    assert_eq!(
        wake.body["Condition"]["StringEquals"],
        json!({"events:source": bus::SOURCE, "events:detail-type": LOOK_AGAIN})
    );
}

#[test]
fn on_servers_it_can_run_one_document_and_only_where_the_fleets_tag_is() {
    let statements = Template::read().statements();
    let sends: Vec<&Statement> = statements
        .iter()
        .filter(|statement| statement.role == ROLE && statement.actions().contains(&"ssm:SendCommand"))
        .collect();
    assert_eq!(sends.len(), 2, "the document and the servers");
    let document = statement(&statements, "SendTheRestartDocument");
    assert!(
        document.body["Resource"]["Fn::Sub"].as_str().unwrap().ends_with(":document/${RecoveryRestartAgentDocument}")
    );
    let servers = statement(&statements, "SendToServersOfFleets");
    assert_eq!(servers.body["Condition"], json!({"Null": {"ssm:resourceTag/lethargic-panda:fleet": "false"}}));
    let given_up = statement(&statements, "GiveUpServersOfFleets");
    assert_eq!(given_up.body["Condition"], json!({"Null": {"aws:ResourceTag/lethargic-panda:fleet": "false"}}));
}

#[test]
fn the_document_is_the_script_word_for_word_and_has_more_time_than_the_script() {
    let template = Template::read();
    let content = &template.document["Resources"]["RecoveryRestartAgentDocument"]["Properties"]["Content"];
    let step = &content["mainSteps"][0];
    assert_eq!(step["action"], "aws:runShellScript");
    let script = fs::read_to_string(root().join("functions/deployment-recovery/restart-agent.sh")).unwrap();
    let embedded = step["inputs"]["runCommand"][0].as_str().unwrap();
    assert!(embedded == script, "put functions/deployment-recovery/restart-agent.sh into the document again");
    assert!(!script.contains("{{"), "Systems Manager would take it for a parameter");
    assert_eq!(step["inputs"]["timeoutSeconds"], "300");
    assert!(content["parameters"].is_null(), "nobody can make it run anything else");
}

#[test]
fn the_book_of_cases_forgets_by_itself_and_costs_by_use() {
    let template = Template::read();
    let table = &template.document["Resources"]["RecoveryCases"]["Properties"];
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["TimeToLiveSpecification"], json!({"AttributeName": "expires", "Enabled": true}));
    assert_eq!(table["SSESpecification"]["SSEEnabled"], true);
    assert_eq!(table["KeySchema"], json!([{"AttributeName": "pk", "KeyType": "HASH"}]));
    let statements = template.statements();
    assert_eq!(statement(&statements, "KeepCases").body["Resource"], json!({"Fn::GetAtt": ["RecoveryCases", "Arn"]}));
    let told = &statement(&statements, "TellOfDeployments").body["Resource"];
    assert_eq!(told, &json!([{"Ref": "RecoveryTopic"}, {"Ref": "RecoveryChatTopic"}]));
    for topic in ["RecoveryTopic", "RecoveryChatTopic"] {
        assert!(!template.document["Resources"][topic]["Properties"]["KmsMasterKeyId"].is_null(), "{topic}");
    }
}

#[test]
fn a_failed_invocation_is_run_again_long_after_and_has_time_for_a_restart() {
    let template = Template::read();
    let function = &template.document["Resources"][FUNCTION];
    assert_eq!(template.property(function, "Timeout"), 900, "the longest that Lambda allows");
    let age = function["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"].as_u64().unwrap();
    assert!(age >= 3 * 900 + 180, "{age} s are less than three invocations with their pauses");
}

#[test]
fn every_sample_command_is_the_command_of_its_name() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/events/recovery")).unwrap() {
        let path = entry.unwrap().path();
        let payload: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let read = match Command::decode(&payload).unwrap() {
            Command::Diagnose(_) => "diagnose",
            Command::Recover(_) => "recover",
            Command::LookAgain { .. } => "look-again",
            Command::Sweep => "sweep",
        };
        assert_eq!(read, name);
        names.insert(name);
    }
    assert_eq!(names, ["diagnose", "recover", "sweep"].map(str::to_owned).into());
}
