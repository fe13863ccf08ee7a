//! Calls of the services that stand beside the fleet.

use serde_json::{Value, json};

use super::{
    call::Call,
    model::{Dice, Seen},
};

type Maker = fn(&mut Dice, &Seen) -> Option<Call>;

pub(crate) const MAKERS: &[Maker] = &[
    put_alarm,
    put_alarm,
    set_alarm,
    alarms,
    alarms,
    delete_alarm,
    alarms_for,
    create_topic,
    create_topic,
    publish,
    publish,
    topics,
    delete_topic,
    deployments,
    deployments,
    deployments,
    pipelines,
    pipelines,
    command,
    command,
    identity,
    put_events,
];

const ALARMS: [&str; 4] = ["web-1", "web-2", "api-1", "batch"];
const TOPICS: [&str; 2] = ["panda", "people"];
const ACCOUNT: &str = "123456789012";

fn call(service: &'static str, operation: &'static str, case: &'static str, input: Value) -> Option<Call> {
    Some(Call::read(service, operation, case, input))
}

fn put_alarm(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let input = json!({
        "AlarmName": dice.of(ALARMS), "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1 + dice.below(3),
        "MetricName": "Errors", "Namespace": dice.of(["AWS/Lambda", "LethargicPanda"]), "Period": 60, "Statistic": "Sum",
        "Threshold": 1.5, "TreatMissingData": "notBreaching",
    });
    call("cloudwatch", "PutMetricAlarm", "well", input)
}

fn set_alarm(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let of = |name: &str, word: &str| json!({"AlarmName": name, "StateValue": word, "StateReason": "because"});
    let word = dice.of(["OK", "ALARM", "INSUFFICIENT_DATA"]);
    match dice.below(6) {
        0 => call("cloudwatch", "SetAlarmState", "of an unknown one", of("nobody", word)),
        1 => call("cloudwatch", "SetAlarmState", "to an unknown state", of(dice.of(ALARMS), "PANDA")),
        _ => call("cloudwatch", "SetAlarmState", "well", of(dice.of(ALARMS), word)),
    }
}

fn alarms(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let operation = "DescribeAlarms";
    match dice.below(7) {
        0 => call("cloudwatch", operation, "all", json!({})),
        1 => call("cloudwatch", operation, "by name", json!({"AlarmNames": [dice.of(ALARMS), "nobody"]})),
        2 => call("cloudwatch", operation, "by prefix", json!({"AlarmNamePrefix": dice.of(["web", "api-", "x"])})),
        3 => call("cloudwatch", operation, "by state", json!({"StateValue": dice.of(["OK", "ALARM"])})),
        4 => call(
            "cloudwatch",
            operation,
            "by kind",
            json!({"AlarmTypes": [dice.of(["MetricAlarm", "CompositeAlarm"])]}),
        ),
        5 => call(
            "cloudwatch",
            operation,
            "by name and prefix",
            json!({"AlarmNames": ["web-1"], "AlarmNamePrefix": "web"}),
        ),
        _ => Some(call("cloudwatch", operation, "in pages", json!({"MaxRecords": 1}))?.paged("MetricAlarms")),
    }
}

fn delete_alarm(dice: &mut Dice, _: &Seen) -> Option<Call> {
    match dice.below(3) {
        0 => call("cloudwatch", "DeleteAlarms", "unknown", json!({"AlarmNames": ["nobody"]})),
        _ => call("cloudwatch", "DeleteAlarms", "one that may be", json!({"AlarmNames": [dice.of(ALARMS)]})),
    }
}

fn alarms_for(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let space = dice.of(["AWS/Lambda", "LethargicPanda", "Nobody"]);
    call(
        "cloudwatch",
        "DescribeAlarmsForMetric",
        "without dimensions",
        json!({"MetricName": "Errors", "Namespace": space}),
    )
}

fn topic(name: &str) -> String {
    format!("arn:aws:sns:us-east-1:{ACCOUNT}:{name}")
}

fn create_topic(dice: &mut Dice, _: &Seen) -> Option<Call> {
    match dice.below(4) {
        0 => call("sns", "CreateTopic", "with a name that is none", json!({"Name": "a b"})),
        _ => call("sns", "CreateTopic", "well", json!({"Name": dice.of(TOPICS)})),
    }
}

fn publish(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let of = |name: &str, message: &str| json!({"TopicArn": topic(name), "Message": message});
    let mut input = of(dice.of(TOPICS), "hello");
    let case = match dice.below(6) {
        0 => {
            input = of("nobody", "hello");
            "to an unknown topic"
        }
        1 => {
            input["Subject"] = json!("x".repeat(101));
            "with a long subject"
        }
        2 => {
            input["MessageStructure"] = json!("json");
            "as JSON that is none"
        }
        3 => {
            input["Subject"] = json!("good news");
            "with a subject"
        }
        4 => {
            input["Message"] = json!("x".repeat(262_145));
            "a long message"
        }
        _ => "plain",
    };
    call("sns", "Publish", case, input)
}

fn topics(_: &mut Dice, _: &Seen) -> Option<Call> {
    call("sns", "ListTopics", "all", json!({}))
}

fn delete_topic(dice: &mut Dice, _: &Seen) -> Option<Call> {
    match dice.below(3) {
        0 => call("sns", "DeleteTopic", "unknown", json!({"TopicArn": topic("nobody")})),
        _ => call("sns", "DeleteTopic", "one that may be", json!({"TopicArn": topic(dice.of(TOPICS))})),
    }
}

/// Of what is not there: the world's applications come with a fleet, not by a call.
fn deployments(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let group = json!({"applicationName": "nobody", "deploymentGroupName": "nobody"});
    let (operation, input) = match dice.below(6) {
        0 => ("ListApplications", json!({})),
        1 => ("ListDeploymentGroups", json!({"applicationName": "nobody"})),
        2 => ("GetDeploymentGroup", group),
        3 => ("GetDeployment", json!({"deploymentId": "d-ABCDEFGHI"})),
        4 => ("ListDeployments", group),
        _ => ("BatchGetDeployments", json!({"deploymentIds": ["d-ABCDEFGHI"]})),
    };
    call("codedeploy", operation, "where there is none", input)
}

fn pipelines(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let id = "12345678-1234-1234-1234-123456789abc";
    let (operation, input) = match dice.below(5) {
        0 => ("ListPipelines", json!({})),
        1 => ("GetPipeline", json!({"name": "nobody"})),
        2 => ("ListPipelineExecutions", json!({"pipelineName": "nobody"})),
        3 => ("GetPipelineExecution", json!({"pipelineName": "nobody", "pipelineExecutionId": id})),
        _ => ("StartPipelineExecution", json!({"name": "nobody"})),
    };
    call("codepipeline", operation, "where there is none", input)
}

fn command(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let id = "12345678-1234-1234-1234-123456789abc";
    match dice.below(3) {
        0 => call(
            "ssm",
            "GetCommandInvocation",
            "unknown",
            json!({"CommandId": id, "InstanceId": super::model::UNKNOWN_INSTANCE}),
        ),
        1 => call("ssm", "ListCommands", "unknown", json!({"CommandId": id})),
        _ => call("ssm", "ListCommands", "all", json!({})),
    }
}

fn identity(_: &mut Dice, _: &Seen) -> Option<Call> {
    call("sts", "GetCallerIdentity", "well", json!({}))
}

fn put_events(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let entry = json!({"Source": "panda", "DetailType": "a kill", "Detail": "{\"fleet\": \"web\"}"});
    let broken = json!({"Source": "panda", "DetailType": "a kill", "Detail": "no JSON"});
    match dice.below(2) {
        0 => call("events", "PutEvents", "one without JSON", json!({"Entries": [entry, broken]})),
        _ => call("events", "PutEvents", "well", json!({"Entries": [entry]})),
    }
}
