//! Cases of `panda_domain::recovery` that people can read: events, causes, reports of the restart, messages.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod recovery_failure;

use std::{collections::BTreeMap, fs, path::PathBuf};

use jiff::SignedDuration;
use panda_domain::{
    event::Trigger,
    recovery::{
        ActionLook, AgentReport, AgentTrouble, AgentVerdict, Call, Cause, Command, CommandTarget, Commit, Console,
        Cure, DeploymentErrorCode, DeploymentStatus, Diagnostics, ExecutionLook, Facts, Hints, LifecycleEvent, Look,
        News, NoWake, Pattern, Reason, Refusal, Restart, RestartState, RunStatus, Step, Subject, Target, TargetStatus,
        Wake, message, plan, rows, table,
    },
};
use serde_json::{Value, json};

use self::recovery_failure::{
    BUSY, CURED, DEAD, DENIED, SILENT, deployment, failed, instance, launched, now, restarted, rules, stage, target,
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn event(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("tests/events").join(name)).unwrap()).unwrap()
}

/// Compares with a file that people read; `UPDATE_GOLDEN=1` writes it anew.
#[allow(clippy::disallowed_methods, reason = "a switch of the test, not of what is tested")]
fn golden(path: &str, actual: &str) {
    let path = root().join(path);
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        actual,
        expected,
        "{} is out of date: read the difference, then run with UPDATE_GOLDEN=1",
        path.display()
    );
}

fn execution(id: &str) -> Subject {
    Subject::Execution { pipeline: "web".into(), execution: id.into() }
}

#[test]
fn a_failed_action_names_its_deployment() {
    let wake = Wake::decode(&event("codepipeline-action-execution-state-change-failed.json")).unwrap();
    let subject = execution("07e563b5-8802-4efe-94cc-e864390dd7af");
    assert_eq!(wake.call, Call::Failed(subject.clone()));
    assert_eq!(wake.hints.deployments, ["d-KH37TM9SF".into()].into());
    assert_eq!((wake.hints.attempt, wake.hints.stage.as_ref()), (Some(1), Some(&"Deploy".into())));
    assert_eq!(wake.hints.since, wake.time);
    assert_eq!(wake.key().unwrap(), "web/07e563b5-8802-4efe-94cc-e864390dd7af/57c50aea-1805-43a9-bef6-3662b6a83879");
    let again = Wake::decode(&Wake::look_again(&subject, &wake.hints, now())).unwrap();
    assert_eq!(again.call, Call::LookAgain(subject));
    assert_eq!((again.hints.attempt, again.hints.since), (Some(1), wake.time));
    assert_eq!((again.hints.stage, again.hints.action), (wake.hints.stage, wake.hints.action));
}

#[test]
fn every_member_of_a_result_may_be_missing_and_numbers_come_in_every_form() {
    let whole = event("codepipeline-action-execution-state-change-failed.json");
    for member in ["external-execution-id", "external-execution-url", "external-execution-summary", "error-code"] {
        let mut less = whole.clone();
        less["detail"]["execution-result"].as_object_mut().unwrap().remove(member);
        assert!(matches!(Wake::decode(&less).unwrap().call, Call::Failed(_)), "{member}");
    }
    for member in
        ["execution-result", "type", "stage", "action", "action-execution-id", "version", "start-time", "region"]
    {
        let mut less = whole.clone();
        less["detail"].as_object_mut().unwrap().remove(member);
        assert!(matches!(Wake::decode(&less).unwrap().call, Call::Failed(_)), "{member}");
    }
    for (attempt, read) in [
        (json!(2), Some(2)),
        (json!(2.0), Some(2)),
        (json!("2"), Some(2)),
        (json!("2.0"), Some(2)),
        (json!(0.0), Some(0)),
        (json!(1.5), None),
        (json!(-1), None),
        (json!("soon"), None),
        (Value::Null, None),
    ] {
        let mut other = whole.clone();
        other["detail"]["pipeline-execution-attempt"] = attempt.clone();
        other["detail"]["something"] = json!({"new": [1]});
        assert_eq!(Wake::decode(&other).unwrap().hints.attempt, read, "{attempt}");
    }
}

#[test]
fn every_event_asks_for_what_it_should() {
    let asked = |value: &Value| match Wake::decode(value) {
        Ok(Wake { call: Call::Failed(subject), .. }) => format!("failed {}", subject.key()),
        Ok(Wake { call: Call::Succeeded(subject), .. }) => format!("succeeded {}", subject.key()),
        Ok(Wake { call, .. }) => format!("{call:?}"),
        Err(why) => format!("nothing: {why}"),
    };
    let e = "07e563b5-8802-4efe-94cc-e864390dd7af";
    let pipeline = event("codepipeline-pipeline-execution-state-change-failed.json");
    let mut succeeded = pipeline.clone();
    succeeded["detail"]["state"] = json!("SUCCEEDED");
    let mut recovered = succeeded.clone();
    recovered["detail"]["pipeline-execution-attempt"] = json!(2.0);
    let mut resumed = pipeline.clone();
    resumed["detail"]["state"] = json!("RESUMED");
    let mut other = event("codepipeline-action-execution-state-change-failed.json");
    other["detail"]["type"]["provider"] = json!("CodeBuild");
    let mut begun = event("codedeploy-deployment-state-change-notification-failure.json");
    begun["detail"]["state"] = json!("START");
    for (value, expected) in [
        (pipeline.clone(), format!("failed web/{e}")),
        (event("codepipeline-stage-execution-state-change-failed.json"), format!("failed web/{e}")),
        (recovered, format!("succeeded web/{e}")),
        (succeeded, format!("nothing: execution `{e}` of `web` succeeded at once")),
        (resumed, format!("nothing: execution `{e}` of `web` is tried again; its end is told by itself")),
        (other, format!("nothing: execution `{e}` of `web`: not an action of CodeDeploy")),
        (event("codedeploy-deployment-state-change-notification-failure.json"), "failed d-123456789".into()),
        (event("codedeploy-instance-state-change-notification-failure.json"), "failed d-123456789".into()),
        (begun, "nothing: deployment `d-123456789` is START".into()),
        (event("scheduled-event.json"), "Sweep".into()),
        (
            event("ec2-command-status-change-notification-success.json"),
            "nothing: no reflex for `EC2 Command Status-change Notification` of `aws.ssm`".into(),
        ),
        (json!([]), "nothing: not an EventBridge event (no `detail-type`)".into()),
        (json!(null), "nothing: not an EventBridge event (no `detail-type`)".into()),
    ] {
        assert_eq!(asked(&value), expected);
    }
    let trigger = Wake::decode(&pipeline).unwrap().hints.trigger.unwrap();
    assert_eq!(trigger.author.as_deref(), Some("Mary Major"));
    assert_eq!(
        Commit::of_trigger(&trigger).unwrap().url.unwrap(),
        "https://github.com/mmajor/site/commit/8e0c6fb80e09020556d271d4cf0bacdab3614fbd"
    );
    let failed = Wake::decode(&event("codedeploy-instance-state-change-notification-failure.json")).unwrap();
    assert_eq!(failed.hints.instance, Some("i-0000000aaaaaaaaaa".into()));
}

#[test]
fn commands_are_read_strictly() {
    let read = |value: Value| Wake::decode(&value).map(|wake| wake.call).map_err(|why| why.to_string());
    let pipeline = CommandTarget::Pipeline("web".into(), None);
    let deployment = CommandTarget::Deployment("d-1".into());
    assert_eq!(
        read(json!({"command":"diagnose","deployment":"d-1"})),
        Ok(Call::Command(Command::Diagnose(deployment.clone())))
    );
    assert_eq!(read(json!({"command":"recover","pipeline":"web"})), Ok(Call::Command(Command::Recover(pipeline))));
    assert_eq!(read(json!({"command":"recover","deployment":"d-1"})), Ok(Call::Command(Command::Recover(deployment))));
    assert_eq!(read(json!({"command":"sweep"})), Ok(Call::Sweep));
    for (wrong, says) in [
        (json!({"command":"kill"}), "there is no command `kill`"),
        (json!({"command":7}), "there is no command that is not a text"),
        (json!({"command":"recover"}), "`recover` needs either `deployment` or `pipeline`"),
        (json!({"command":"recover","pipeline":"web","deployment":"d-1"}), "`recover` needs either"),
        (json!({"command":"recover","pipeline":"web","execution":null}), "the field `execution` of `recover` must be"),
        (json!({"command":"recover","pipelines":"web"}), "`recover` has no field `pipelines`"),
        (json!({"command":"look-again","pipeline":"web"}), "the field `execution` of `look-again` must be"),
        (json!({"command":"sweep","pipeline":"web"}), "`sweep` has no field `pipeline`"),
    ] {
        let error = Wake::decode(&wrong).unwrap_err();
        assert!(matches!(error, NoWake::Command(_)) && error.to_string().starts_with(says), "{error}");
    }
}

/// AWS's code, and what may come of it.
const CODES: [(&str, &str); 36] = [
    ("AGENT_ISSUE", "restart"),
    ("HEALTH_CONSTRAINTS", "unknown"),
    ("HEALTH_CONSTRAINTS_INVALID", "configuration"),
    ("TIMEOUT", "unknown"),
    ("INTERNAL_ERROR", "aws"),
    ("THROTTLED", "aws"),
    ("NO_INSTANCES", "configuration"),
    ("REVISION_MISSING", "configuration"),
    ("INVALID_REVISION", "user"),
    ("HOOK_EXECUTION_FAILURE", "user"),
    ("CUSTOMER_APPLICATION_UNHEALTHY", "user"),
    ("ALARM_ACTIVE", "user"),
    ("MANUAL_STOP", "never"),
    ("IAM_ROLE_MISSING", "configuration"),
    ("IAM_ROLE_PERMISSIONS", "configuration"),
    ("AUTO_SCALING_IAM_ROLE_PERMISSIONS", "configuration"),
    ("AUTO_SCALING_CONFIGURATION", "configuration"),
    ("AUTOSCALING_VALIDATION_ERROR", "configuration"),
    ("UNABLE_TO_SEND_ASG", "configuration"),
    ("APPLICATION_MISSING", "configuration"),
    ("DEPLOYMENT_GROUP_MISSING", "configuration"),
    ("CODEDEPLOY_RESOURCE_CANNOT_BE_FOUND", "configuration"),
    ("OVER_MAX_INSTANCES", "configuration"),
    ("RESOURCE_LIMIT_EXCEEDED", "configuration"),
    ("NO_EC2_SUBSCRIPTION", "configuration"),
    ("ELASTIC_LOAD_BALANCING_INVALID", "configuration"),
    ("ELB_INVALID_INSTANCE", "configuration"),
    ("MISSING_ELB_INFORMATION", "configuration"),
    ("MISSING_BLUE_GREEN_DEPLOYMENT_CONFIGURATION", "configuration"),
    ("MISSING_GITHUB_TOKEN", "configuration"),
    ("ECS_UPDATE_ERROR", "configuration"),
    ("INVALID_ECS_SERVICE", "configuration"),
    ("INVALID_LAMBDA_CONFIGURATION", "configuration"),
    ("INVALID_LAMBDA_FUNCTION", "configuration"),
    ("CLOUDFORMATION_STACK_FAILURE", "configuration"),
    ("SOMETHING_NEW", "unknown"),
];

#[test]
fn every_code_of_a_deployment_has_its_cure() {
    for (name, cure) in CODES {
        let code = DeploymentErrorCode::from(name);
        assert_eq!((code.as_str(), code.facts().cure.name()), (name, cure));
    }
    assert_eq!(DeploymentErrorCode::all().count(), CODES.len() - 1);
    assert!(DeploymentErrorCode::all().all(|code| CODES.iter().any(|(name, _)| *name == code.as_str())));
}

/// Lifecycle event, code, message; then the cause and what may come of it.
const MESSAGES: [(&str, &str, &str, &str, &str); 32] = [
    ("ApplicationStop", "UnknownError", SILENT, "agent-silent", "restart"),
    (
        "ApplicationStop",
        "UnknownError",
        "One or more lifecycle events did not run and the deployment was unsuccessful. Possible causes include: (1) … (2) The AWS CodeDeploy agent has stopped. Restart the agent.",
        "never-began",
        "restart",
    ),
    (
        "Install",
        "UnknownError",
        "Failed: Failing in-progress lifecycle event after an agent restart.",
        "agent-restarted",
        "retry",
    ),
    ("BeforeInstall", "UnknownError", "Concurrent::RejectedExecutionError", "agent-stopping", "restart"),
    ("DownloadBundle", "UnknownError", "execution expired", "network", "restart"),
    ("DownloadBundle", "UnknownError", "Net::OpenTimeout", "network", "restart"),
    ("DownloadBundle", "UnknownError", "unable to connect to `s3.amazonaws.com`; SocketError", "network", "restart"),
    ("DownloadBundle", "UnknownError", "not opened for reading", "download", "retry"),
    ("DownloadBundle", "UnknownError", "Access Denied", "access-denied", "configuration"),
    (
        "DownloadBundle",
        "UnknownError",
        "Missing credentials - please check if this instance was started with an IAM instance profile",
        "access-denied",
        "configuration",
    ),
    (
        "DownloadBundle",
        "UnknownError",
        "UnrecognizedClientException: The security token is invalid",
        "access-denied",
        "configuration",
    ),
    (
        "DownloadBundle",
        "UnknownError",
        "InvalidSignatureException - Signature expired: 20260507T1322Z",
        "clock-skew",
        "configuration",
    ),
    ("DownloadBundle", "UnknownError", "Validation of PKCS7 signed message failed", "agent-too-old", "configuration"),
    (
        "DownloadBundle",
        "UnknownError",
        "No space left on device @ io_write - /opt/codedeploy-agent",
        "disk-full",
        "configuration",
    ),
    ("DownloadBundle", "UnknownError", "unzip returned with exit status 50", "disk-full", "configuration"),
    (
        "Install",
        "UnknownError",
        "No such file or directory @ rb_sysopen - /opt/codedeploy-agent/deployment-root/x/d-1/deployment-archive/appspec.yml",
        "appspec-missing",
        "user",
    ),
    (
        "Install",
        "UnknownError",
        "The CodeDeploy agent did not find an AppSpec file within the unpacked revision directory",
        "appspec-missing",
        "user",
    ),
    (
        "ApplicationStop",
        "ScriptMissing",
        "Script does not exist at specified location: /opt/x/stop.sh",
        "old-script",
        "user",
    ),
    (
        "BeforeBlockTraffic",
        "ScriptFailed",
        "Script at specified location: x failed with exit code 1",
        "old-script",
        "user",
    ),
    (
        "AfterBlockTraffic",
        "ScriptTimedOut",
        "Script at specified location: x failed to complete in 300 seconds",
        "old-script",
        "user",
    ),
    (
        "ApplicationStop",
        "UnknownError",
        "Script does not exist at specified location: /opt/x/stop.sh",
        "old-script",
        "user",
    ),
    (
        "Install",
        "UnknownError",
        "The deployment failed because a specified file already exists at this location: /var/www/html/index.html",
        "file-exists",
        "user",
    ),
    ("Install", "UnknownError", "Directory not empty @ dir_s_rmdir - /var/www/html", "directory-not-empty", "user"),
    ("AfterInstall", "ScriptMissing", "Script does not exist at specified location: x", "script-missing", "user"),
    (
        "AfterInstall",
        "ScriptNotExecutable",
        "Script at specified location: x is not executable",
        "script-not-executable",
        "user",
    ),
    (
        "AfterInstall",
        "ScriptFailed",
        "Script at specified location: deploy/scripts/awesome.sh run as user root failed with exit code 1",
        "script-failed",
        "user",
    ),
    ("AfterInstall", "ScriptFailed", "execution expired", "script-failed", "user"),
    (
        "AfterInstall",
        "ScriptTimedOut",
        "Script at specified location: x failed to complete in 300 seconds",
        "script-timed-out",
        "user",
    ),
    (
        "Install",
        "UnknownError",
        "The deployment failed because the application specification file is not valid",
        "appspec-invalid",
        "user",
    ),
    ("Install", "UnknownError", "undefined method `foo' for nil:NilClass", "unknown", "unknown"),
    ("Install", "SomethingNew", "what it is", "unknown", "unknown"),
    ("Install", "", "", "unknown", "unknown"),
];

#[test]
fn every_message_of_an_instance_has_its_cause_and_cure() {
    for (event, code, message, cause, cure) in MESSAGES {
        let said = Diagnostics { code: code.into(), message: message.into(), ..Diagnostics::default() };
        let pattern = Pattern::of(event, Some(&said));
        assert_eq!((pattern.code(), pattern.facts().cure.name()), (cause, cure), "{event} {code} {message}");
    }
    assert_eq!(Pattern::of("Install", None), Pattern::NeverBegan);
    let full = Diagnostics {
        code: "ScriptFailed".into(),
        log_tail: "[stderr]npm ERR! No space left on device".into(),
        ..Diagnostics::default()
    };
    assert_eq!(Pattern::of("AfterInstall", Some(&full)), Pattern::DiskFull);
    let only_by_state = [Pattern::CutOff, Pattern::InstanceStopped];
    for pattern in Pattern::ALL.iter().filter(|pattern| !only_by_state.contains(pattern)) {
        assert!(MESSAGES.iter().any(|(.., cause, _)| *cause == pattern.code()), "{pattern:?} has no message here");
    }
}

#[test]
fn the_page_for_people_is_the_table_of_the_code() {
    let path = "docs/DEPLOYMENTS.md";
    let page = fs::read_to_string(root().join(path)).unwrap_or_default();
    let mark = "<!-- the rest is written by tests/recovery_cases.rs -->\n\n";
    let (prose, _) = page.split_once(mark).unwrap_or((page.as_str(), ""));
    golden(path, &format!("{prose}{mark}{}", table()));
    let mut codes: Vec<String> = rows().map(|(cause, _)| cause.code().to_owned()).collect();
    let all = codes.len();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), all, "two causes share a code");
    for (cause, _) in rows() {
        let Facts { meaning, next, .. } = cause.facts();
        assert!(meaning.ends_with('.') && next.ends_with('.'), "{cause:?}");
    }
}

#[test]
fn a_restart_is_judged_by_what_it_found() {
    let verdict = |stdout: &str| AgentReport::find(stdout).map(|report| report.verdict());
    let troubled = |trouble| Some(AgentVerdict::Troubled(trouble));
    let errors = |error: &str| {
        let report = json!({"schema":1,"agent":"v1","action":"restarted","polls":false,"errors":[error]});
        verdict(&format!("Welcome\n{report}\nbye {{}}\n"))
    };
    assert_eq!(verdict(CURED), Some(AgentVerdict::Polls));
    assert_eq!(verdict(BUSY), Some(AgentVerdict::Busy));
    assert_eq!(verdict(DEAD), troubled(AgentTrouble::DoesNotPoll));
    assert_eq!(verdict(DENIED), troubled(AgentTrouble::AccessDenied));
    assert_eq!(errors("Missing credentials - please check"), troubled(AgentTrouble::NoCredentials));
    assert_eq!(errors("InvalidSignatureException: Signature expired"), troubled(AgentTrouble::ClockSkew));
    assert_eq!(errors("AccessDeniedException"), troubled(AgentTrouble::AccessDenied));
    assert_eq!(errors("Cannot reach InstanceService: Net::OpenTimeout"), troubled(AgentTrouble::NoNetwork));
    assert_eq!(errors("No space left on device"), troubled(AgentTrouble::DiskFull));
    assert_eq!(errors("cannot write into /x (disk full?)"), troubled(AgentTrouble::DiskFull));
    assert_eq!(errors("a warning of no account"), troubled(AgentTrouble::DoesNotPoll));
    // Why it was dead before is over once it polls.
    let before = r#"{"schema":1,"agent":"v1","action":"started","polls":true,"errors":["Missing credentials"]}"#;
    assert_eq!(verdict(before), Some(AgentVerdict::Polls));
    assert_eq!(
        verdict(r#"{"schema":1,"agent":"absent","action":"not-installed","polls":false}"#),
        troubled(AgentTrouble::NotInstalled)
    );
    assert_eq!(
        verdict(r#"{"schema":1,"agent":"v1","action":"timed-out","polls":false}"#),
        troubled(AgentTrouble::Stuck)
    );
    assert_eq!(verdict(r#"{"schema":1,"agent":"v1","action":"restarted"}"#), troubled(AgentTrouble::DoesNotPoll));
    assert_eq!(verdict(r#"{"schema":1,"agent":"v1","polls":true}"#), troubled(AgentTrouble::DoesNotPoll));
    assert_eq!(verdict(r#"{"schema":1,"action":"restarted","polls":"true"}"#), troubled(AgentTrouble::DoesNotPoll));
    for nothing in ["", "{", "}{", "{\"polls\":true}", "[1]", "{\"schema\":1", "no json {here}"] {
        assert_eq!(verdict(nothing), None, "{nothing}");
    }
}

#[test]
fn a_captured_failure_is_the_script_s_and_the_instance_never_tried_is_none() {
    let captured = event("codedeploy-batch-get-deployment-targets.json");
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    let targets: Vec<Target> = captured["deploymentTargets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|target| &target["instanceTarget"])
        .map(|target| Target {
            instance: text(target, "targetId").into(),
            status: text(target, "status").as_str().into(),
            events: target["lifecycleEvents"]
                .as_array()
                .unwrap()
                .iter()
                .map(|event| LifecycleEvent {
                    name: text(event, "lifecycleEventName"),
                    status: text(event, "status").as_str().into(),
                    diagnostics: event.get("diagnostics").map(|said| Diagnostics {
                        code: text(said, "errorCode"),
                        script: text(said, "scriptName"),
                        message: text(said, "message"),
                        log_tail: text(said, "logTail"),
                    }),
                })
                .collect(),
        })
        .collect();
    let plan = plan(&failed(targets), &rules(), now());
    let findings = &plan.diagnosis.findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].cause, Cause::Target(Pattern::ScriptFailed));
    assert_eq!(findings[0].said.as_ref().unwrap().event.as_deref(), Some("AfterInstall"));
    assert!(matches!(plan.step, Step::Tell(_)));
}

#[test]
fn where_nothing_began_on_any_instance_the_agents_are_restarted() {
    let skipped = |n| Target { instance: instance(n), status: TargetStatus::Skipped, events: vec![] };
    let look = failed(vec![skipped(0), skipped(1)]);
    assert_eq!(plan(&look, &rules(), now()).step, Step::Restart(vec![vec![instance(0), instance(1)]]));
    // Where one of them failed, the others were not tried.
    let look = failed(vec![target(0, "AfterInstall", "ScriptFailed", "exit code 1", ""), skipped(1)]);
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Tell(_)));
}

#[test]
fn what_fails_the_same_way_after_a_retry_is_no_accident_where_the_table_says_once() {
    let mut look = failed(vec![target(0, "DownloadBundle", "UnknownError", "not opened for reading", "")]);
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Retry { .. }));
    stage(&mut look).retries = 1;
    assert_eq!(plan(&look, &rules(), now()).reasons, [Reason::TriedBefore { cause: Cause::Target(Pattern::Download) }]);
    let mut look = failed(vec![target(
        0,
        "Install",
        "UnknownError",
        "Failing in-progress lifecycle event after an agent restart",
        "",
    )]);
    stage(&mut look).retries = 1;
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Retry { .. }));
}

#[test]
fn one_command_goes_to_fifty_instances_at_most() {
    let look = failed((0..120).map(|n| target(n, "ApplicationStop", "UnknownError", SILENT, "")).collect());
    let Step::Restart(batches) = plan(&look, &rules(), now()).step else { panic!("no restart") };
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
}

#[test]
fn a_busy_agent_is_asked_again_a_silent_one_once_more_and_neither_for_ever() {
    let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    let step = |look: &Look, minutes| plan(look, &rules(), now() + SignedDuration::from_mins(minutes)).step;
    look.restarts = Ok(vec![restarted(0, BUSY)]);
    assert!(matches!(step(&look, -1), Step::Wait(_)));
    assert!(matches!(step(&look, 1), Step::Restart(_)));
    look.restarts = Ok(vec![restarted(0, BUSY), restarted(0, BUSY), restarted(0, BUSY)]);
    assert!(matches!(step(&look, 1), Step::Tell(_)));
    look.restarts = Ok(vec![restarted(0, "")]);
    assert!(matches!(step(&look, 1), Step::Restart(_)));
    look.restarts = Ok(vec![restarted(0, ""), restarted(0, "")]);
    let told = plan(&look, &rules(), now());
    let trouble = AgentTrouble::NoAnswer;
    assert_eq!(told.reasons, [Reason::AgentNotCured { instance: instance(0), trouble }]);
}

#[test]
fn a_restart_that_was_not_taken_is_sent_again_after_a_pause_and_no_server_is_given_up_for_it() {
    let mut look = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    let unsent = || Restart { state: RestartState::NotSent { why: "throttled".to_owned() }, ..restarted(0, "") };
    let at = |look: &Look, minutes| plan(look, &rules(), now() + SignedDuration::from_mins(minutes));
    look.restarts = Ok(vec![unsent()]);
    let pausing = at(&look, -1);
    assert_eq!(pausing.step, Step::Wait(rules().look_every));
    let sentence = format!("Systems Manager did not take the restart on `{}`", instance(0));
    assert_eq!((pausing.reasons[0].code(), pausing.reasons[0].to_string()), ("restart-not-sent", sentence));
    assert!(matches!(at(&look, 1).step, Step::Restart(_)));
    look.restarts = Ok(vec![unsent(), unsent()]);
    assert!(matches!(at(&look, 1).step, Step::Restart(_)));
    // It serves, and nobody has touched it.
    look.restarts = Ok(vec![unsent(), unsent(), unsent()]);
    let told = at(&look, 1);
    assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
    let trouble = AgentTrouble::NotSent;
    assert_eq!(told.reasons[0], Reason::AgentNotCured { instance: instance(0), trouble });
    let words = written(&look, News::Failed);
    assert!(words.contains("was not taken by Systems Manager (throttled)"), "{words}");
    assert!(words.contains("nothing was done on the instance. (restart-not-sent)"), "{words}");
    // What was sent and what was not are counted each for itself.
    look.restarts = Ok(vec![unsent(), unsent(), restarted(0, "")]);
    assert!(matches!(at(&look, 1).step, Step::Restart(_)));
    look.restarts = Ok(vec![unsent(), restarted(0, BUSY), restarted(0, BUSY)]);
    assert!(matches!(at(&look, 1).step, Step::Restart(_)));
}

#[test]
fn a_deployment_that_was_refused_because_the_group_was_busy_is_retried_when_it_is_free() {
    let error = "The Deployment Group 'fleet' already has an active Deployment 'd-ABCDEFGHI'";
    let mut look = failed(vec![]);
    look.deployments = BTreeMap::new();
    stage(&mut look).actions = vec![ActionLook {
        name: "CodeDeploy".into(),
        status: RunStatus::Failed,
        external: None,
        error: Some(error.into()),
    }];
    let pipeline = look.pipeline.clone().unwrap().unwrap();
    assert_eq!(pipeline.blocking(&"e-1".into()), ["d-ABCDEFGHI".into()].into());
    assert_eq!(pipeline.failed_execution(), Some(&"e-1".into()));
    look.blocking = Ok(vec!["d-ABCDEFGHI".into()]);
    assert_eq!(plan(&look, &rules(), now()).reasons, [Reason::GroupBusy { deployments: vec!["d-ABCDEFGHI".into()] }]);
    look.blocking = Ok(vec![]);
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Retry { .. }));
    for (error, refusal, cure) in [
        (error, Refusal::GroupBusy, Cure::Retry),
        ("ThrottlingException: Rate exceeded", Refusal::Throttled, Cure::Aws),
        (
            "The role is not authorized to perform codedeploy:CreateDeployment",
            Refusal::AccessDenied,
            Cure::Configuration,
        ),
        ("ApplicationDoesNotExistException", Refusal::Missing, Cure::Configuration),
        ("something else of CodeDeploy", Refusal::Unknown, Cure::Unknown),
    ] {
        assert_eq!((Refusal::of(error), Refusal::of(error).facts().cure), (refusal, cure), "{error}");
    }
}

#[test]
fn a_failure_of_something_else_is_none_of_our_business() {
    let mut look = failed(vec![]);
    look.deployments = BTreeMap::new();
    stage(&mut look).actions = vec![ActionLook {
        name: "Build".into(),
        status: RunStatus::Failed,
        external: Some("site:1234".into()),
        error: None,
    }];
    let plan = plan(&look, &rules(), now());
    assert_eq!((plan.step, plan.reasons), (Step::Nothing, vec![Reason::NotADeployment { stage: "Deploy".into() }]));
}

#[test]
fn a_success_that_reads_do_not_show_yet_is_told() {
    let mut look = failed(vec![]);
    look.hints = Hints { succeeded: true, attempt: Some(2), ..Hints::default() };
    look.execution = Ok(Some(ExecutionLook { status: RunStatus::InProgress, commit: None }));
    stage(&mut look).retries = 1;
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Tell(telling) if telling.news == News::Recovered));
}

#[test]
fn an_event_ahead_of_its_stage_waits_and_one_behind_it_does_not() {
    let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    stage(&mut look).status = RunStatus::InProgress;
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Wait(_)));
    stage(&mut look).retries = 1;
    assert_eq!(plan(&look, &rules(), now()).reasons, [Reason::ExecutionRuns]);
}

#[test]
fn what_a_code_connection_says_of_a_commit_is_read() {
    let summary = r#"{"ProviderType":"GitHub","CommitMessage":"Edit index.html\n\nmore"}"#;
    let commit = Commit::of_revision(Some("8e0c6fb8"), Some(summary), Some("https://x/y")).unwrap();
    assert_eq!((commit.message.as_deref(), commit.url.as_deref()), (Some("Edit index.html"), Some("https://x/y")));
    let plain = Commit::of_revision(Some("v1"), Some("Amazon S3 version id: v1"), Some("javascript:x")).unwrap();
    assert_eq!((plain.message.as_deref(), plain.url), (Some("Amazon S3 version id: v1"), None));
    assert_eq!(Commit::of_revision(None, Some(summary), None), None);
}

#[test]
fn links_lead_to_the_console_of_the_partition() {
    let link = |region| Console::of(region).map(|console| console.deployment(&"d-1".into()));
    let to = |host: &str, region: &str| {
        Some(format!("https://{region}.{host}/codesuite/codedeploy/deployments/d-1?region={region}"))
    };
    assert_eq!(link("eu-central-1"), to("console.aws.amazon.com", "eu-central-1"));
    assert_eq!(link("cn-north-1"), to("console.amazonaws.cn", "cn-north-1"));
    assert_eq!(link("us-gov-west-1"), to("console.amazonaws-us-gov.com", "us-gov-west-1"));
    assert_eq!(link("us-iso-east-1"), None);
    assert_eq!(link("x/../y"), None);
    let odd = Console::of("us-east-1").unwrap().execution(&"a/b?c".into(), &"e".into());
    assert!(odd.contains("/pipelines/a%2Fb%3Fc/executions/e/"), "{odd}");
}

fn written(look: &Look, news: News) -> String {
    let plan = plan(look, &rules(), now());
    let notice = message(look, &plan, news, "eu-central-1");
    let chat = serde_json::to_string_pretty(&notice.chat).unwrap();
    format!("{}\n\n{}\n\n{chat}\n", notice.mail.subject, notice.mail.text)
}

fn by_mary(look: &mut Look) {
    look.hints.trigger = Some(Trigger {
        author: Some("Mary Major".into()),
        commit: Some("8e0c6fb80e09020556d271d4cf0bacdab3614fbd".into()),
        message: Some("Edit index.html".into()),
        repository: Some("mmajor/site".into()),
        branch: Some("main".into()),
        provider: Some("GitHub".into()),
    });
}

#[test]
fn a_mail_about_a_script_says_all_that_its_author_needs() {
    let log = "[stdout]migrating\n[stderr]connecting with DB_PASSWORD=hunter2\n[stderr]Caused by: no such table\n";
    let script = "Script at specified location: scripts/migrate.sh run as user root failed with exit code 1";
    let mut look = failed(vec![
        target(0, "AfterInstall", "ScriptFailed", script, log),
        target(1, "AfterInstall", "ScriptFailed", script, log),
        target(2, "ApplicationStop", "UnknownError", SILENT, ""),
    ]);
    by_mary(&mut look);
    deployment(&mut look).rollback = Some("d-ROLLBACK1".into());
    look.restarts = Ok(vec![restarted(2, CURED)]);
    golden("shared/domain/tests/recovery_failure/script.txt", &written(&look, News::Failed));
}

#[test]
fn a_mail_about_a_dead_agent_says_what_was_tried() {
    let mut look = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    look.restarts = Ok(vec![restarted(0, DENIED)]);
    golden("shared/domain/tests/recovery_failure/agent.txt", &written(&look, News::Failed));
}

#[test]
fn a_mail_about_a_recovery_says_what_did_it() {
    let mut look = failed(vec![]);
    by_mary(&mut look);
    look.deployments = BTreeMap::new();
    look.execution = Ok(Some(ExecutionLook { status: RunStatus::Succeeded, commit: None }));
    stage(&mut look).status = RunStatus::Succeeded;
    stage(&mut look).retries = 1;
    look.restarts = Ok(vec![restarted(0, CURED)]);
    golden("shared/domain/tests/recovery_failure/recovered.txt", &written(&look, News::Recovered));
}

#[test]
fn a_storm_of_failed_launches_is_told_once_an_hour_for_each_cause() {
    let silent = launched(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    let key = |look: &Look, at| match plan(look, &rules(), at).step {
        Step::Tell(telling) => telling.key,
        other => format!("{other:?}"),
    };
    let mut one = silent.clone();
    one.restarts = Ok(vec![restarted(0, DENIED)]);
    let mut two = one.clone();
    two.subject = Subject::Deployment("d-2".into());
    two.deployments = two.deployments.into_values().map(|deployment| ("d-2".into(), deployment)).collect();
    assert_eq!(key(&one, now()), key(&two, now() + SignedDuration::from_mins(10)));
    assert_ne!(key(&one, now()), key(&one, now() + SignedDuration::from_hours(1)));
    let mut script = launched(vec![target(0, "AfterInstall", "ScriptFailed", "exit code 1", "")]);
    assert_ne!(key(&one, now()), key(&script, now()));
    deployment(&mut script).creator = "user".into();
    assert_eq!(key(&script, now()), "d-1/failed");
    deployment(&mut script).status = DeploymentStatus::Stopped;
    assert!(matches!(plan(&script, &rules(), now()).step, Step::Tell(_)));
}
