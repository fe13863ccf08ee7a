//! Do our own rules of cfn-lint find what they are for, and nothing in what is right?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use panda_scenarios::{emulator::tool, root};
use panda_stage::tether::without_account;
use serde_json::Value;

const TEMPLATES: [&str; 2] = ["template.yaml", "fleet/template.yaml"];

/// Each rule with ways to break `tests/lint/good.yaml`: what stands there, and what stands there instead.
const BROKEN: &[(&str, &[(&str, &str)])] = &[
    (
        "E9101",
        &[
            ("      RetentionInDays: 30\n", "      LogGroupName: for-good\n"),
            ("LogFormat: JSON, LogGroup: !Ref Logs", "LogFormat: JSON"),
            ("LogGroup: !Ref Logs", "LogGroup: /aws/lambda/elsewhere"),
        ],
    ),
    (
        "E9102",
        &[
            ("      DestinationConfig:\n        OnFailure: { Destination: !GetAtt Failures.Arn }\n", ""),
            ("        OnFailure:", "        OnSuccess:"),
        ],
    ),
    (
        "E9103",
        &[
            (
                "          RetryPolicy: { MaximumEventAgeInSeconds: 600, MaximumRetryAttempts: 20 }\n          DeadLetterConfig: { Arn: !GetAtt Failures.Arn }\n",
                "          RetryPolicy: { MaximumEventAgeInSeconds: 600, MaximumRetryAttempts: 20 }\n",
            ),
            ("          RetryPolicy: { MaximumEventAgeInSeconds: 600, MaximumRetryAttempts: 20 }\n", ""),
            ("        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 }\n", ""),
            ("        DeadLetterConfig: { Arn: !GetAtt Failures.Arn }\n\n  Role:", "\n  Role:"),
        ],
    ),
    (
        "E9104",
        &[
            ("MetricName: Errors", "MetricName: Throttles"),
            ("{ Name: FunctionName, Value: !Ref Function }", "{ Name: FunctionName, Value: another }"),
        ],
    ),
    (
        "E9105",
        &[
            (
                "              # Resource \"*\": ec2:DescribeAddresses and ec2:DescribeInstances have no resource types.\n",
                "",
            ),
            ("ec2:DescribeAddresses and ec2:DescribeInstances have", "ec2:DescribeAddresses has"),
            // A longer name is another action.
            (
                "ec2:DescribeAddresses and ec2:DescribeInstances have",
                "ec2:DescribeAddresses and ec2:DescribeInstancesByName have",
            ),
            ("        SeeCommands: ssm:GetCommandInvocation has", "        SeeOthers: ssm:GetCommandInvocation has"),
            ("                Action: sqs:SendMessage", "                Action: sqs:*"),
        ],
    ),
    (
        "E9106",
        &[
            ("      MaximumEventAgeInSeconds: 210", "      MaximumEventAgeInSeconds: 240"),
            ("      MaximumEventAgeInSeconds: 210\n", ""),
            ("      Timeout: 60", "      Timeout: 90"),
            ("          HeartbeatTimeout: 300", "          HeartbeatTimeout: 270"),
            ("    Default: elastic-ip", "    Default: drain"),
            ("      TemplateURL: nested.yaml", "      TemplateURL: short.yaml"),
        ],
    ),
    (
        "E9107",
        &[
            ("    Default: Leashed", "    Default: Unleashed"),
            ("PANDA_MODE: !Ref Mode", "PANDA_MODE: Unleashed"),
            ("    Default: \"off\"", "    Default: \"on\""),
            ("Value: !Ref Chaos,", "Value: \"on\","),
        ],
    ),
    (
        "E9108",
        &[
            ("    DeletionPolicy: RetainExceptOnCreate\n", ""),
            ("    DeletionPolicy: RetainExceptOnCreate\n", "    DeletionPolicy: Delete\n"),
            ("    UpdateReplacePolicy: Retain\n", ""),
            ("      Disposable: It is forgotten after a day anyway.\n", "      Reason: none\n"),
            ("after a day anyway.\n    DeletionPolicy: Delete\n", "after a day anyway.\n"),
            ("    Type: AWS::SQS::Queue\n    DeletionPolicy: Delete\n", "    Type: AWS::SQS::Queue\n"),
            ("packages this one\n    DeletionPolicy: Delete\n", "packages this one\n"),
        ],
    ),
];

/// What cfn-lint finds with our rules: for each file, the ids of the rules and their words.
fn findings(files: &[PathBuf]) -> BTreeMap<PathBuf, BTreeSet<(String, String)>> {
    let output = without_account(tool("cfn-lint").as_os_str())
        .current_dir(root())
        .args(["--format", "json", "--append-rules", "tests/lint/rules", "--regions", "us-east-1", "--"])
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let matches: Value = serde_json::from_str(&said)
        .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
    let mut found: BTreeMap<PathBuf, BTreeSet<_>> = BTreeMap::new();
    for finding in matches.as_array().unwrap() {
        let text = |pointer: &str| finding.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        found.entry(text("/Filename").into()).or_default().insert((text("/Rule/Id"), text("/Message")));
    }
    found
}

fn lint_folder() -> PathBuf {
    root().join("tests/lint")
}

#[test]
fn our_templates_break_no_rule_of_ours_and_none_of_cfn_lints() {
    let files: Vec<PathBuf> = TEMPLATES.iter().map(|name| root().join(name)).collect();
    assert_eq!(findings(&files), BTreeMap::new());
}

#[test]
fn every_rule_finds_what_it_is_for_and_no_other_rule_does() {
    let good = fs::read_to_string(lint_folder().join("good.yaml")).unwrap();
    let nested = fs::read_to_string(lint_folder().join("nested.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    write("nested.yaml", &nested);
    write("short.yaml", &nested.replace("HeartbeatTimeout: 300", "HeartbeatTimeout: 60"));
    let mut files = vec![write("good.yaml", &good)];
    let mut expected = BTreeMap::new();
    for (rule, breaks) in BROKEN {
        for (number, (right, wrong)) in breaks.iter().enumerate() {
            assert!(good.contains(right), "{rule}: good.yaml does not have {right}");
            let path = write(&format!("{rule}-{number}.yaml"), &good.replacen(right, wrong, 1));
            expected.insert(path.clone(), (*rule).to_owned());
            files.push(path);
        }
    }
    let found = findings(&files);
    assert_eq!(found.get(&files[0]), None, "good.yaml is good");
    for (path, rule) in expected {
        let broken: BTreeSet<&str> = found
            .get(&path)
            .into_iter()
            .flatten()
            .map(|(id, _)| id.as_str())
            .filter(|id| id.starts_with("E91"))
            .collect();
        assert_eq!(broken, BTreeSet::from([rule.as_str()]), "{}: {:?}", name(&path), found.get(&path));
    }
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[test]
fn every_rule_is_tried_and_is_run_by_make_validate() {
    let code = fs::read_to_string(lint_folder().join("rules/reflexes.py")).unwrap();
    let written: BTreeSet<&str> =
        code.lines().filter_map(|line| line.trim().strip_prefix("id = \"")?.strip_suffix('"')).collect();
    assert_eq!(written, BROKEN.iter().map(|(rule, _)| *rule).collect());
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let validate = makefile.split_once("\nvalidate:").unwrap().1.split("\n\n").next().unwrap();
    for part in ["--append-rules tests/lint/rules", "$(TEMPLATES)", "sam validate"] {
        assert!(validate.contains(part), "make validate lacks `{part}`");
    }
    let templates = makefile.lines().find_map(|line| line.strip_prefix("TEMPLATES := ")).unwrap();
    assert_eq!(templates.split(' ').collect::<Vec<_>>(), TEMPLATES);
}
