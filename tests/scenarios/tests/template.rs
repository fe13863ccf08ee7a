//! Do the template and the code say the same?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::collections::{BTreeMap, BTreeSet};

use panda_scenarios::{
    golden, goldens, root,
    template::{Rule, Statement, Template, strings},
};
use panda_world::HookSpec;
use serde_json::{Value, json};

/// Every rule with the sample events that it is for. Each sample event is named here once, or in [`UNWANTED`].
const WANTED: &[(&str, &[&str])] = &[
    (
        "LifecycleActions",
        &[
            "ec2-instance-launch-lifecycle-action",
            "ec2-instance-launch-lifecycle-action-warm-pool",
            "ec2-instance-terminate-lifecycle-action",
        ],
    ),
    (
        "ScalingActivities",
        &[
            "ec2-auto-scaling-instance-refresh-started",
            "ec2-instance-launch-successful",
            "ec2-instance-launch-unsuccessful",
            "ec2-instance-terminate-successful",
        ],
    ),
    (
        "InstanceDeaths",
        &[
            "ec2-instance-state-change-notification-shutting-down",
            "ec2-instance-state-change-notification-stopped",
            "ec2-instance-state-change-notification-stopping",
            "ec2-instance-state-change-notification-terminated",
        ],
    ),
    ("SpotNotices", &["ec2-instance-rebalance-recommendation", "ec2-spot-instance-interruption-warning"]),
    ("ScheduledChanges", &["aws-health-event-scheduled-change"]),
    ("StatusCheckAlarms", &["cloudwatch-alarm-state-change-status-check-failed"]),
    ("FailedDeployActions", &["codepipeline-action-execution-state-change-failed"]),
    (
        "FailedPipelines",
        &["codepipeline-pipeline-execution-state-change-failed", "codepipeline-stage-execution-state-change-failed"],
    ),
    ("RecoveredPipelines", &["codepipeline-pipeline-execution-state-change-succeeded"]),
    (
        "FailedDeployments",
        &[
            "codedeploy-deployment-state-change-notification-failure",
            "codedeploy-instance-state-change-notification-failure",
        ],
    ),
    ("LookAgain", &["deployment-recovery-look-again"]),
];

/// Sample events that no rule of this template is for: an instance that comes up says so by its lifecycle hook and its launch, and
/// the sweep is invoked by its schedule.
const UNWANTED: &[&str] = &[
    "ec2-command-invocation-status-change-notification-success",
    "ec2-command-status-change-notification-success",
    "ec2-instance-state-change-notification-pending",
    "ec2-instance-state-change-notification-running",
    "scheduled-event",
];

/// What the template and a function's code must agree on.
struct Shipped {
    /// The function's logical id.
    function: &'static str,
    /// Its role's logical id.
    role: &'static str,
    /// What its verbs need to be allowed.
    actions: Vec<&'static str>,
    /// The variables that it reads.
    variables: &'static [&'static str],
    /// How often Lambda tries again.
    retries: u64,
    /// Whether it is woken all the time, so that silence is a failure.
    regular: bool,
}

fn shipped() -> [Shipped; 4] {
    [
        Shipped {
            function: "DeploymentRecoveryFunction",
            role: "DeploymentRecoveryRole",
            actions: deployment_recovery::actions(),
            variables: deployment_recovery::Config::VARIABLES,
            retries: 2,
            // Only a failure wakes it, or a success after one.
            regular: false,
        },
        Shipped {
            function: "ElasticIpFailoverFunction",
            role: "ElasticIpFailoverRole",
            actions: elastic_ip_failover::actions(),
            variables: elastic_ip_failover::Config::VARIABLES,
            retries: 2,
            regular: true,
        },
        Shipped {
            function: "PandaFunction",
            role: "PandaRole",
            actions: panda::actions(),
            variables: panda::Config::VARIABLES,
            // Never a second try of what may have killed already.
            retries: 0,
            regular: true,
        },
        Shipped {
            function: "LaunchPreflightFunction",
            role: "LaunchPreflightRole",
            actions: launch_preflight::actions(),
            variables: launch_preflight::Config::VARIABLES,
            retries: 2,
            // It answers whoever asks.
            regular: false,
        },
    ]
}

fn rules_that_match(event: &Value) -> BTreeSet<String> {
    Template::read().rules_that_match(event)
}

/// A sample event with one value replaced, by its JSON pointer.
fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = golden(name);
    *event.pointer_mut(pointer).unwrap_or_else(|| panic!("{name} has no {pointer}")) = value;
    event
}

#[test]
fn every_sample_event_reaches_the_rule_it_is_for_and_no_other() {
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (rule, names) in WANTED {
        for name in *names {
            expected.entry(name).or_default().insert((*rule).to_owned());
        }
    }
    for name in UNWANTED {
        assert!(expected.insert(name, BTreeSet::new()).is_none(), "{name} is both wanted and not");
    }
    for name in goldens() {
        let rules =
            expected.remove(name.as_str()).unwrap_or_else(|| panic!("say in this test which rule {name} is for"));
        assert_eq!(rules_that_match(&golden(&name)), rules, "{name}");
    }
    assert!(expected.is_empty(), "no such sample events: {:?}", expected.keys());
}

#[test]
fn every_pattern_has_a_sample_event_and_only_the_sweep_has_none() {
    let template = Template::read();
    let with_pattern: BTreeSet<String> =
        template.rules().into_iter().filter(|rule| template.pattern(rule).is_some()).map(|rule| rule.name).collect();
    let wanted: BTreeSet<String> = WANTED.iter().map(|(rule, _)| (*rule).to_owned()).collect();
    assert_eq!(with_pattern, wanted);
    let rules = template.rules();
    let schedules: Vec<&Rule> = rules.iter().filter(|rule| template.pattern(rule).is_none()).collect();
    assert_eq!(schedules.len(), 1);
    assert_eq!(schedules[0].properties["Schedule"], "rate(1 minute)");
}

#[test]
fn near_misses_reach_no_rule() {
    let launch = "ec2-instance-launch-lifecycle-action";
    let activity = "ec2-instance-terminate-successful";
    let state = "ec2-instance-state-change-notification-shutting-down";
    let spot = "ec2-spot-instance-interruption-warning";
    let health = "aws-health-event-scheduled-change";
    let alarm = "cloudwatch-alarm-state-change-status-check-failed";
    let metric =
        |namespace: &str, name: &str| json!({"metricStat": {"metric": {"namespace": namespace, "name": name}}});
    let misses = [
        (
            "a hook of CodeDeploy's",
            changed(launch, "/detail/LifecycleHookName", json!("CodeDeploy-managed-elastic-ip")),
        ),
        ("a hook in other letters", changed(launch, "/detail/LifecycleHookName", json!("Elastic-IP-launch"))),
        ("a lifecycle action that somebody else sent", changed(launch, "/source", json!("com.example.autoscaling"))),
        ("a termination that failed", changed(activity, "/detail-type", json!("EC2 Instance Terminate Unsuccessful"))),
        ("an instance that comes up", changed(state, "/detail/state", json!("running"))),
        ("a state in other letters", changed(state, "/detail/state", json!("Terminated"))),
        (
            "a Spot request that was filled",
            changed(spot, "/detail-type", json!("EC2 Spot Instance Request Fulfillment")),
        ),
        ("a change of a database", changed(health, "/detail/service", json!("RDS"))),
        ("an issue that is not scheduled", changed(health, "/detail/eventTypeCategory", json!("issue"))),
        ("an alarm that is over", changed(alarm, "/detail/state/value", json!("OK"))),
        (
            "an alarm on load",
            changed(alarm, "/detail/configuration/metrics/0/metricStat/metric/name", json!("CPUUtilization")),
        ),
        (
            "an alarm on somebody's own metric",
            changed(alarm, "/detail/configuration/metrics/0/metricStat/metric/namespace", json!("Web")),
        ),
        (
            "an alarm whose namespace and name come from two metrics",
            changed(
                alarm,
                "/detail/configuration/metrics",
                json!([metric("AWS/EC2", "CPUUtilization"), metric("Web", "StatusCheckFailed")]),
            ),
        ),
    ];
    for (what, event) in misses {
        assert_eq!(rules_that_match(&event), BTreeSet::new(), "{what}");
    }
}

#[test]
fn relatives_of_sample_events_reach_their_rule() {
    let alarm = "cloudwatch-alarm-state-change-status-check-failed";
    let metric = "/detail/configuration/metrics/0/metricStat/metric/name";
    let refresh = "ec2-auto-scaling-instance-refresh-started";
    let relatives = [
        ("StatusCheckAlarms", changed(alarm, metric, json!("StatusCheckFailed_System"))),
        ("StatusCheckAlarms", changed(alarm, metric, json!("StatusCheckFailed_AttachedEBS"))),
        (
            "LifecycleActions",
            changed(
                "ec2-instance-terminate-lifecycle-action",
                "/detail/LifecycleHookName",
                json!("elastic-ip-terminate"),
            ),
        ),
        (
            "ScalingActivities",
            changed(refresh, "/detail-type", json!("EC2 Auto Scaling Instance Refresh Checkpoint Reached")),
        ),
        ("ScalingActivities", changed(refresh, "/detail-type", json!("EC2 Auto Scaling Instance Refresh Succeeded"))),
        ("ScalingActivities", changed(refresh, "/detail-type", json!("EC2 Auto Scaling Instance Refresh Failed"))),
        ("ScalingActivities", changed(refresh, "/detail-type", json!("EC2 Auto Scaling Instance Refresh Cancelled"))),
    ];
    for (rule, event) in relatives {
        assert_eq!(rules_that_match(&event), BTreeSet::from([rule.to_owned()]), "{}", event["detail-type"]);
    }
}

#[test]
fn every_function_of_the_template_is_held_against_its_code() {
    let template = Template::read();
    let functions: BTreeSet<&str> = template.functions().map(|(id, _)| id.as_str()).collect();
    assert_eq!(functions, shipped().iter().map(|shipped| shipped.function).collect());
    for Shipped { function, role, .. } in shipped() {
        let body = &template.document["Resources"][function];
        assert_eq!(body["Properties"]["Role"], json!({"Fn::GetAtt": [role, "Arn"]}), "{function}");
    }
}

#[test]
fn a_role_allows_what_the_verbs_need_and_nothing_else() {
    let statements = Template::read().statements();
    for Shipped { function, role, actions, .. } in shipped() {
        let allowed: BTreeSet<&str> = statements
            .iter()
            .filter(|statement| statement.role == role)
            .flat_map(Statement::actions)
            // For Lambda itself, not for the code: its log, and the events that failed at every attempt.
            .filter(|action| !action.starts_with("logs:") && *action != "sqs:SendMessage")
            .collect();
        assert_eq!(allowed, actions.into_iter().collect(), "{function}");
    }
}

/// Whether an action only looks.
fn reads(action: &str) -> bool {
    let verb = action.split(':').nth(1).unwrap_or_default();
    ["Describe", "List", "Get", "BatchGet", "Query"].iter().any(|way| verb.starts_with(way))
}

#[test]
fn a_star_resource_names_the_apis_that_forbid_scoping() {
    let template = Template::read();
    let mut sids = BTreeSet::new();
    for statement in template.statements() {
        let comment = template.comment_above(&format!("Sid: {}", statement.sid()));
        assert!(!comment.is_empty(), "{}: a comment says what it is for", statement.sid());
        assert!(sids.insert(statement.sid().to_owned()), "{} is there twice", statement.sid());
        if statement.body["Resource"] == "*" {
            for action in statement.actions() {
                assert!(comment.contains(action), "{}: the comment does not name {action}", statement.sid());
                assert!(reads(action), "{}: {action} writes, and is not scoped", statement.sid());
            }
        }
    }
}

#[test]
fn every_write_to_a_fleet_is_scoped_by_a_tag_of_the_fleet_or_of_auto_scaling() {
    for statement in Template::read().statements() {
        let writes = statement.actions().iter().any(|action| {
            ["ec2:", "autoscaling:", "ssm:"].iter().any(|service| action.starts_with(service)) && !reads(action)
        });
        // Auto Scaling does not tag network interfaces, and each document is the only one of its kind; the other resources of the same calls
        // are scoped.
        if !writes
            || ["MoveAddressesToInterfaces", "SendTheOneDocument", "SendTheRestartDocument"].contains(&statement.sid())
        {
            continue;
        }
        let condition = |operator: &str, key: &str| statement.body["Condition"][operator][key].clone();
        let scoped = [
            "aws:ResourceTag/lethargic-panda:fleet",
            "ec2:ResourceTag/aws:autoscaling:groupName",
            "ssm:resourceTag/lethargic-panda:fleet",
        ]
        .iter()
        .any(|key| condition("Null", key) == "false")
            || ["aws:ResourceTag/lethargic-panda:chaos", "ssm:resourceTag/lethargic-panda:chaos"]
                .iter()
                .any(|key| condition("StringEquals", key) == "on");
        assert!(scoped, "{} is not scoped by a tag", statement.sid());
    }
}

#[test]
fn a_function_reads_the_variables_that_the_template_sets() {
    let template = Template::read();
    for Shipped { function, variables, .. } in shipped() {
        let properties = &template.document["Resources"][function]["Properties"];
        let set = properties["Environment"]["Variables"].as_object().unwrap();
        // The SDK reads this one, and names the caller in its user agent.
        let application = set["AWS_SDK_UA_APP_ID"].as_str().unwrap();
        assert_eq!(properties["CodeUri"], format!("functions/{application}/"), "{function}");
        let set: BTreeSet<&str> = set.keys().map(String::as_str).filter(|name| *name != "AWS_SDK_UA_APP_ID").collect();
        assert_eq!(set, variables.iter().copied().collect(), "{function}");
    }
    // Deployed with its defaults, it is the function that it is without any variable.
    let set = template.environment("ElasticIpFailoverFunction", &[]);
    let deployed = elastic_ip_failover::Config::from_lookup(|name| set.get(name).cloned()).unwrap();
    assert_eq!(deployed, elastic_ip_failover::Config::from_lookup(|_| None).unwrap());
}

#[test]
fn the_limits_of_the_parameters_are_within_those_of_the_code() {
    let template = Template::read();
    for parameter in ["HoldSeconds", "SettleSeconds"] {
        for limit in ["MinValue", "MaxValue"] {
            let value = template.document["Parameters"][parameter][limit].to_string();
            let set = template.environment("ElasticIpFailoverFunction", &[(parameter, &value)]);
            let config = elastic_ip_failover::Config::from_lookup(|name| set.get(name).cloned());
            assert!(config.is_ok(), "{parameter} allows {value}, which the function refuses: {config:?}");
        }
    }
}

#[test]
fn every_function_is_a_package_of_the_same_name_with_its_binary() {
    let template = Template::read();
    let mut packages = BTreeSet::new();
    for (id, function) in template.functions() {
        let folder = function["Properties"]["CodeUri"].as_str().unwrap();
        let name = folder.trim_start_matches("functions/").trim_end_matches('/');
        assert!(root().join(folder).join("src/main.rs").is_file(), "{id}: {folder} has no binary");
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{id}: {folder} is not the package {name}");
        assert_eq!(function["Metadata"]["BuildMethod"], "rust-cargolambda", "{id}");
        assert_eq!(template.property(function, "Runtime"), "provided.al2023", "{id}");
        assert_eq!(template.property(function, "Handler"), "bootstrap", "{id}");
        assert_eq!(template.property(function, "Architectures"), &json!([{"Ref": "Architecture"}]), "{id}");
        packages.insert(name.to_owned());
    }
    assert_eq!(template.default("Architecture"), "arm64");
    let folders = std::fs::read_dir(root().join("functions")).unwrap();
    let there: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(packages, there, "a function for each package of functions/");
}

#[test]
fn every_function_logs_json_into_its_own_group_that_forgets() {
    let template = Template::read();
    for (id, function) in template.functions() {
        assert_eq!(template.document["Globals"]["Function"]["LoggingConfig"]["LogFormat"], "JSON");
        let group = function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"].as_str().unwrap();
        let body = &template.document["Resources"][group];
        assert_eq!(body["Type"], "AWS::Logs::LogGroup", "{id}");
        assert!(!body["Properties"]["RetentionInDays"].is_null(), "{id}: {group} never forgets");
    }
}

#[test]
fn what_cannot_be_delivered_or_handled_ends_in_the_failure_queue() {
    let template = Template::read();
    let queue = json!({"Fn::GetAtt": ["FailureQueue", "Arn"]});
    let properties = &template.document["Resources"]["FailureQueue"]["Properties"];
    assert_eq!(properties["SqsManagedSseEnabled"], true);
    assert_eq!(properties["MessageRetentionPeriod"], 14 * 24 * 60 * 60);
    for rule in template.rules() {
        assert_eq!(rule.properties["DeadLetterConfig"]["Arn"], queue, "{}", rule.name);
        assert!(rule.properties["RetryPolicy"]["MaximumRetryAttempts"].as_u64().unwrap() > 0, "{}", rule.name);
        assert!(rule.properties["RetryPolicy"]["MaximumEventAgeInSeconds"].as_u64().unwrap() >= 60, "{}", rule.name);
    }
    let may_send = |role: &str| {
        let sends = |statement: &Statement| {
            statement.role == role && statement.actions() == ["sqs:SendMessage"] && statement.body["Resource"] == queue
        };
        assert!(template.statements().iter().any(sends), "{role} may not send to the failure queue");
    };
    for schedule in template.schedules() {
        assert_eq!(schedule.properties["DeadLetterConfig"]["Arn"], queue, "{}", schedule.name);
        // EventBridge Scheduler sends with the schedule's own role.
        may_send(schedule.properties["RoleArn"]["Fn::GetAtt"][0].as_str().unwrap());
    }
    for Shipped { function, role, retries, .. } in shipped() {
        let invoke = &template.document["Resources"][function]["Properties"]["EventInvokeConfig"];
        assert_eq!(invoke["MaximumRetryAttempts"], retries, "{function}");
        assert_eq!(
            invoke["DestinationConfig"]["OnFailure"],
            json!({"Type": "SQS", "Destination": queue}),
            "{function}"
        );
        // Lambda sends to the destination with the function's own role.
        may_send(role);
    }
}

#[test]
fn the_failure_queue_takes_events_of_exactly_the_rules() {
    let template = Template::read();
    let policy = &template.document["Resources"]["FailureQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"][0];
    assert_eq!(policy["Principal"], json!({"Service": "events.amazonaws.com"}));
    let sources = policy["Condition"]["ArnEquals"]["aws:SourceArn"].as_array().unwrap();
    let named: BTreeSet<String> =
        sources.iter().map(|source| source["Fn::GetAtt"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, template.rules().iter().map(Rule::logical_id).collect());
}

#[test]
fn people_hear_of_failures_of_throttling_and_of_silence() {
    let template = Template::read();
    let alarms: Vec<&Value> = template.resources("AWS::CloudWatch::Alarm").map(|(_, body)| body).collect();
    let alarm = |metric: &str, dimension: &Value| {
        let found = alarms.iter().find(|alarm| {
            alarm["Properties"]["MetricName"] == metric && &alarm["Properties"]["Dimensions"][0]["Value"] == dimension
        });
        &found.unwrap_or_else(|| panic!("no alarm on {metric} of {dimension}"))["Properties"]
    };
    for (id, _) in template.functions() {
        let function = json!({"Ref": id});
        for metric in ["Errors", "Throttles"] {
            assert_eq!(alarm(metric, &function)["Threshold"], 1);
            assert_eq!(alarm(metric, &function)["ComparisonOperator"], "GreaterThanOrEqualToThreshold");
        }
    }
    for Shipped { function, .. } in shipped().into_iter().filter(|shipped| shipped.regular) {
        let silence = alarm("Invocations", &json!({"Ref": function}));
        assert_eq!(silence["TreatMissingData"], "breaching");
        assert_eq!(silence["ComparisonOperator"], "LessThanThreshold");
    }
    // Not NumberOfMessagesSent: it does not count what a service moves there.
    let queue = alarm("ApproximateNumberOfMessagesVisible", &json!({"Fn::GetAtt": ["FailureQueue", "QueueName"]}));
    assert_eq!(queue["Threshold"], 1);
    for alarm in &alarms {
        let actions = json!({"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]});
        assert_eq!(alarm["Properties"]["AlarmActions"], actions);
        assert!(!alarm["Properties"]["AlarmDescription"].is_null());
    }
}

#[test]
fn a_hook_lives_longer_than_the_oldest_event_that_may_answer_it() {
    let template = Template::read();
    let heartbeat = u64::from(HookSpec::terminate("elastic-ip-terminate").heartbeat_seconds);
    let function = &template.document["Resources"]["ElasticIpFailoverFunction"];
    let timeout = template.property(function, "Timeout").as_u64().unwrap();
    let age = function["Properties"]["EventInvokeConfig"]["MaximumEventAgeInSeconds"].as_u64().unwrap();
    assert!(age + timeout < heartbeat, "{age} s + {timeout} s ≥ {heartbeat} s");
    // A hold is ended by the next sweep at the latest, a minute later.
    assert!(template.default("HoldSeconds").as_u64().unwrap() + 60 <= heartbeat);
    // The wait after a move happens within an invocation, beside its calls.
    let settle = template.document["Parameters"]["SettleSeconds"]["MaxValue"].as_u64().unwrap();
    assert!(settle * 2 <= timeout, "{settle} s of settling leave no time for calls within {timeout} s");
}

#[test]
fn every_parameter_explains_itself() {
    let template = Template::read();
    let interface = &template.document["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = interface["ParameterGroups"].as_array().unwrap();
    let mut grouped: Vec<&str> = groups.iter().flat_map(|group| strings(&group["Parameters"])).collect();
    grouped.sort_unstable();
    let parameters = template.document["Parameters"].as_object().unwrap();
    let mut names: Vec<&str> = parameters.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(grouped, names, "each parameter is in one group");
    for (name, parameter) in parameters {
        assert!(interface["ParameterLabels"][name]["default"].is_string(), "{name} has no label");
        for word in ["Type", "Default", "Description", "ConstraintDescription"] {
            assert!(!parameter[word].is_null(), "{name} has no {word}");
        }
        let constrained = ["AllowedPattern", "AllowedValues", "MinValue"].iter().any(|key| !parameter[*key].is_null());
        assert!(constrained, "{name} takes anything");
    }
}

#[test]
fn the_template_uses_no_yaml_that_cloudformation_does_not_read() {
    // Its documentation excludes aliases and merges.
    let template = Template::read();
    let is_alias = |word: &str| {
        word.strip_prefix(['*', '&']).is_some_and(|name| name.starts_with(|first: char| first.is_ascii_alphanumeric()))
    };
    for line in template.text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        assert!(!line.split_whitespace().any(is_alias) && !line.contains("<<:"), "{line}");
    }
}

#[test]
fn a_panic_in_a_function_is_an_error_and_not_an_abort() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let release = manifest.split("[profile.release]").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(release.lines().any(|line| line.starts_with("panic = \"unwind\"")), "cargo-lambda aborts otherwise");
}
