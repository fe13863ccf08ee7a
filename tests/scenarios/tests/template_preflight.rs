//! Does the template deploy a preflight that only looks, and answers before CloudFormation gives up?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{collections::BTreeSet, fs, process::Command};

use launch_preflight::Config;
use panda_domain::preflight;
use panda_scenarios::{
    emulator::tool,
    root,
    template::{Statement, Template},
};
use panda_stage::tether::without_account;
use serde_json::{Value, json};

const FUNCTION: &str = "LaunchPreflightFunction";

fn configured(given: &[(&str, &str)]) -> Config {
    let set = Template::read().environment(FUNCTION, given);
    Config::from_lookup(|name| set.get(name).cloned()).unwrap()
}

#[test]
fn with_the_templates_defaults_it_is_the_function_that_it_is_without_variables() {
    assert_eq!(configured(&[]), Config::from_lookup(|_| None).unwrap());
}

#[test]
fn it_holds_hooks_against_what_elastic_ip_failover_is_told_in_the_same_deployment() {
    let given = [("HookNamePrefix", "moves"), ("HoldSeconds", "400")];
    let ours = configured(&given).rules;
    let set = Template::read().environment("ElasticIpFailoverFunction", &given);
    let theirs = elastic_ip_failover::Config::from_lookup(|name| set.get(name).cloned()).unwrap().rules;
    assert_eq!((ours.hook_prefix, i64::from(ours.hold_seconds)), (theirs.hook_prefix, theirs.hold.as_secs()));
}

#[test]
fn it_can_only_look() {
    let statements = Template::read().statements();
    for statement in statements.iter().filter(|statement| statement.role == "LaunchPreflightRole") {
        for action in statement.actions() {
            let own = action.starts_with("logs:") || action == "sqs:SendMessage";
            let verb = action.split(':').nth(1).unwrap();
            let looks = ["Describe", "List", "Get", "BatchGet"].iter().any(|way| verb.starts_with(way));
            assert!(own || looks, "{}: {action}", statement.sid());
        }
    }
    let of = |action: &str| {
        let found: Vec<&Statement> =
            statements.iter().filter(|s| s.role == "LaunchPreflightRole" && s.actions().contains(&action)).collect();
        let [one] = found.as_slice() else { panic!("one statement for {action}") };
        one.body["Resource"].clone()
    };
    let [new, old] = ["codeconnections", "codestar-connections"]
        .map(|service| json!({"Fn::Sub": format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:connection/*")}));
    assert_eq!(of("codeconnections:GetConnection"), json!([new, old]));
}

#[test]
fn it_is_woken_by_no_rule_and_tried_again_as_long_as_cloudformation_waits() {
    let template = Template::read();
    let function = &template.document["Resources"][FUNCTION]["Properties"];
    assert!(function["Events"].is_null());
    // "ServiceTimeout": an hour where nothing is said.
    assert_eq!(function["EventInvokeConfig"]["MaximumEventAgeInSeconds"], 3600);
    let timeout = template.property(&template.document["Resources"][FUNCTION], "Timeout").as_u64().unwrap();
    // Three attempts with Lambda's pauses of one and two minutes end within it.
    assert!(3 * timeout + 180 < 3600);
}

#[test]
fn the_stacks_of_fleets_are_given_its_arn() {
    let template = Template::read();
    let output = &template.document["Outputs"]["PreflightFunctionArn"]["Value"];
    assert_eq!(output, &json!({"Fn::GetAtt": [FUNCTION, "Arn"]}));
}

#[test]
fn every_sample_request_is_what_its_name_says() {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(root().join("tests/events/preflight")).unwrap() {
        let path = entry.unwrap().path();
        let payload: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "check" {
            let fleet = Some("web".into());
            assert_eq!(preflight::Command::decode(&payload), Ok(preflight::Command::Check { fleet }));
        } else {
            let order = preflight::Order::decode(&payload).unwrap();
            assert_eq!(order.step, preflight::Step::Create);
            preflight::Launch::read(&order.properties).unwrap();
        }
        names.insert(name);
    }
    assert_eq!(names, ["check", "create"].map(str::to_owned).into());
}

/// What `bin/panda` makes of an answer, given as a function of the same name would give it.
fn printed(answer: &Value, fleet: &str) -> (i32, String) {
    let script = format!(
        r#"
import importlib.machinery, importlib.util, json, sys
sys.path.insert(0, {:?})
loader = importlib.machinery.SourceFileLoader("panda", {:?})
panda = importlib.util.module_from_spec(importlib.util.spec_from_loader("panda", loader))
loader.exec_module(panda)
asked = []
panda.account.session = lambda folder=None: None
def ask(aws, stack, function, command):
    asked.append([stack, function, command])
    return json.loads({:?}), True
panda.ask = ask
sys.argv = ["panda", "preflight", "--stack", "reflexes"]
code = panda.main()
print(json.dumps(asked))
sys.exit(code)
"#,
        root().join("bin").to_string_lossy(),
        root().join("bin/panda").to_string_lossy(),
        answer.to_string()
    );
    let mut command: Command = without_account(tool("python").as_os_str());
    let output = command.args(["-B", "-c", &script]).env("PANDA_FLEET", fleet).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), said)
}

#[test]
fn make_preflight_asks_the_right_function_and_prints_a_list_that_fails_on_errors() {
    let finding = json!({"severity": "error", "code": "fleet-tag", "subject": "web", "sentence": "No tag.\u{1b}[2J", "mend": "aws x"});
    let report = json!({"fleet": "web", "summary": "1 error", "findings": [finding]});
    let answer = json!({"summary": "web: 1 error", "command": "check", "errors": 1, "fleets": [report]});
    let (code, said) = printed(&answer, "web");
    assert_eq!(code, 3, "{said}");
    assert!(
        said.contains(r#"["reflexes", "LaunchPreflightFunction", {"command": "check", "fleet": "web"}]"#),
        "{said}"
    );
    assert!(said.contains("  ERROR    No tag.\u{fffd}[2J\n           mend: aws x\n"), "{said}");

    let (code, said) = printed(&json!({"summary": "web: nothing to mend", "errors": 0, "fleets": []}), "");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(r#"{"command": "check"}"#), "{said}");
}
