//! What does an event say, in the fewest words?

use serde_json::Value;

/// What an event is about: a word or two, and the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gist {
    /// `shutting-down`, `terminate hook`, ….
    pub kind: String,
    /// The instance, where there is one.
    pub instance: Option<String>,
}

/// The gist of an `EventBridge` event.
pub fn gist(event: &Value) -> Gist {
    let word = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let detail_type = word("/detail-type").unwrap_or("event");
    let kind = match detail_type {
        "EC2 Instance State-change Notification" => word("/detail/state").unwrap_or("state change"),
        "EC2 Instance-terminate Lifecycle Action" => "terminate hook",
        "EC2 Instance-launch Lifecycle Action" => "launch hook",
        "EC2 Instance Launch Successful" => "launch successful",
        "EC2 Instance Launch Unsuccessful" => "launch failed",
        "EC2 Instance Terminate Successful" => "terminate successful",
        "EC2 Spot Instance Interruption Warning" => "spot notice",
        "EC2 Instance Rebalance Recommendation" => "rebalance recommendation",
        "CloudWatch Alarm State Change" => "status check alarm",
        "AWS Health Event" => "health event",
        "Scheduled Event" => "sweep",
        "CodePipeline Action Execution State Change" => return delivery("action", &word),
        "CodePipeline Stage Execution State Change" => return delivery("stage", &word),
        "CodePipeline Pipeline Execution State Change" => return delivery("pipeline", &word),
        "CodeDeploy Deployment State-change Notification" => return delivery("deployment", &word),
        "CodeDeploy Instance State-change Notification" => return delivery("server", &word),
        other => other,
    };
    let instance = word("/detail/instance-id")
        .or_else(|| word("/detail/EC2InstanceId"))
        .or_else(|| word("/detail/configuration/metrics/0/metricStat/metric/dimensions/InstanceId"))
        .or_else(|| word("/detail/affectedEntities/0/entityValue"));
    Gist { kind: kind.to_owned(), instance: instance.map(str::to_owned) }
}

/// What became of something on its way to the servers: `stage failed`, `pipeline succeeded`.
fn delivery<'a>(what: &str, word: &impl Fn(&str) -> Option<&'a str>) -> Gist {
    let state = match word("/detail/state").unwrap_or_default() {
        "FAILED" | "FAILURE" => "failed".to_owned(),
        other => other.to_lowercase(),
    };
    Gist { kind: format!("{what} {state}"), instance: word("/detail/instanceId").map(str::to_owned) }
}

/// The name that the template gives a function, from the one that `CloudFormation` made of it:
/// `lethargic-panda-ElasticIpFailoverFunction-1A2B3C` is `elastic-ip-failover`.
#[must_use]
pub fn function_name(stack: &str, deployed: &str) -> String {
    let Some(logical) = deployed.strip_prefix(stack).and_then(|rest| rest.strip_prefix('-')) else {
        return deployed.to_owned();
    };
    let logical = logical.split('-').next().unwrap_or(logical);
    let mut name = String::new();
    for letter in logical.strip_suffix("Function").unwrap_or(logical).chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use std::path::Path;

    use super::*;

    fn golden(name: &str) -> Value {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events").join(name).with_extension("json");
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
    }

    #[test]
    fn every_event_that_wakes_the_function_has_a_short_name_and_its_instance() {
        let expected = [
            ("ec2-instance-state-change-notification-shutting-down", "shutting-down"),
            ("ec2-instance-terminate-lifecycle-action", "terminate hook"),
            ("ec2-instance-launch-lifecycle-action", "launch hook"),
            ("ec2-instance-launch-successful", "launch successful"),
            ("ec2-spot-instance-interruption-warning", "spot notice"),
            ("ec2-instance-rebalance-recommendation", "rebalance recommendation"),
            ("cloudwatch-alarm-state-change-status-check-failed", "status check alarm"),
            ("aws-health-event-scheduled-change", "health event"),
        ];
        for (name, kind) in expected {
            let gist = gist(&golden(name));
            assert_eq!(gist.kind, kind);
            assert!(gist.instance.is_some_and(|instance| instance.starts_with("i-")), "{name}");
        }
    }

    #[test]
    fn what_became_of_a_deployment_has_a_short_name_too() {
        let expected = [
            ("codepipeline-action-execution-state-change-failed", "action failed"),
            ("codepipeline-stage-execution-state-change-failed", "stage failed"),
            ("codepipeline-pipeline-execution-state-change-failed", "pipeline failed"),
            ("codepipeline-pipeline-execution-state-change-succeeded", "pipeline succeeded"),
            ("codedeploy-deployment-state-change-notification-failure", "deployment failed"),
            ("codedeploy-instance-state-change-notification-failure", "server failed"),
        ];
        for (name, kind) in expected {
            let gist = gist(&golden(name));
            assert_eq!((gist.kind.as_str(), gist.instance.is_some()), (kind, kind == "server failed"), "{name}");
        }
    }

    #[test]
    fn an_event_of_another_shape_keeps_its_own_name() {
        assert_eq!(gist(&Value::Null), Gist { kind: "event".into(), instance: None });
    }

    #[test]
    fn a_function_is_called_as_the_template_calls_it() {
        assert_eq!(
            function_name("lethargic-panda", "lethargic-panda-ElasticIpFailoverFunction-1A2B"),
            "elastic-ip-failover"
        );
        assert_eq!(function_name("lethargic-panda", "panda"), "panda");
    }
}
