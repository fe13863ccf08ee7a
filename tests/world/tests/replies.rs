//! Replies in AWS's own words, where another reader of AWS's documentation had them right.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{ApiReply, ApiRequest};
use support::{Run, bare};

fn ec2(run: &mut Run, action: &str, params: &[(&str, &str)]) -> ApiReply {
    run.world.call(&ApiRequest::ec2("test", action, params))
}

fn autoscaling(run: &mut Run, action: &str, params: &[(&str, &str)]) -> ApiReply {
    run.world.call(&ApiRequest::autoscaling("test", action, params))
}

fn between<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    text.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
}

/// A group "web" of two, made by a call.
fn made(template: &[(&str, &str)]) -> Run {
    let mut run = Run::of(&bare(|group| "other".clone_into(&mut group.name)));
    let group = [
        ("AutoScalingGroupName", "web"),
        ("MinSize", "0"),
        ("MaxSize", "4"),
        ("DesiredCapacity", "2"),
        ("AvailabilityZones.member.1", "us-east-1a"),
        ("LaunchTemplate.LaunchTemplateName", "site"),
    ];
    assert_eq!(autoscaling(&mut run, "CreateAutoScalingGroup", &[&group[..], template].concat()).code, None);
    run.pass(900);
    run
}

#[test]
fn a_group_tells_the_version_it_was_told_and_its_members_the_number() {
    for (told, said) in [(Some("$Latest"), "$Latest"), (Some("1"), "1"), (None, "$Default")] {
        let template: Vec<_> = told.map(|version| ("LaunchTemplate.Version", version)).into_iter().collect();
        let mut run = made(&template);
        let reply = autoscaling(&mut run, "DescribeAutoScalingGroups", &[("AutoScalingGroupNames.member.1", "web")]);
        assert_eq!(between(&reply.body, "Version"), [said, "1", "1"], "{}", reply.body);
    }
}

#[test]
fn an_instance_of_a_group_has_the_tags_of_its_template() {
    let mut run = made(&[]);
    let instance = run.in_service("web")[0].clone();
    let tags = &run.world.instance(&instance).unwrap().tags;
    assert_eq!(tags["aws:ec2launchtemplate:version"], "1");
    assert!(tags["aws:ec2launchtemplate:id"].starts_with("lt-0"));
    // They do not count among its fifty, and do not go with them.
    for number in 0..50 {
        let (key, value) = (format!("key-{number}"), "x");
        let tag = [("ResourceId.1", instance.as_str()), ("Tag.1.Key", &key), ("Tag.1.Value", value)];
        assert_eq!(ec2(&mut run, "CreateTags", &tag).code, None);
    }
    let one_more = [("ResourceId.1", instance.as_str()), ("Tag.1.Key", "more"), ("Tag.1.Value", "x")];
    assert_eq!(ec2(&mut run, "CreateTags", &one_more).code.as_deref(), Some("TagLimitExceeded"));
    ec2(&mut run, "DeleteTags", &[("ResourceId.1", &instance)]);
    assert!(run.world.instance(&instance).unwrap().tags.keys().all(|key| key.starts_with("aws:")));
    assert_eq!(run.world.instance(&instance).unwrap().tags.len(), 3);
}

#[test]
fn stepping_aside_and_back_is_told_with_the_change_of_capacity() {
    let mut run = made(&[]);
    let member = run.in_service("web")[0].clone();
    let whom = [("AutoScalingGroupName", "web"), ("InstanceIds.member.1", member.as_str())];
    let less = |decrement| [&whom[..], &[("ShouldDecrementDesiredCapacity", decrement)]].concat();
    let told = |reply: &ApiReply| {
        let word = |tag| between(&reply.body, tag)[0].to_owned();
        let cause = word("Cause");
        (word("StatusCode"), word("Progress"), cause.split_once(" instance ").unwrap().1.to_owned())
    };
    let entered = autoscaling(&mut run, "EnterStandby", &less("true"));
    let words =
        format!("{member} was moved to standby in response to a user request, shrinking the capacity from 2 to 1.");
    assert_eq!(told(&entered), ("InProgress".to_owned(), "50".to_owned(), words));
    run.pass(900);
    let back = autoscaling(&mut run, "ExitStandby", &whom);
    let words = format!(
        "{member} was moved out of standby in response to a user request, increasing the capacity from 1 to 2."
    );
    assert_eq!(told(&back), ("PreInService".to_owned(), "30".to_owned(), words));
    run.pass(900);
    let detached = autoscaling(&mut run, "DetachInstances", &less("false"));
    let words = format!("{member} was detached in response to a user request.");
    assert_eq!(told(&detached), ("InProgress".to_owned(), "50".to_owned(), words));
}

#[test]
fn a_termination_in_a_group_names_the_instance_and_begins_at_nothing() {
    let mut run = made(&[]);
    let member = run.in_service("web")[0].clone();
    let whom = [("InstanceId", member.as_str()), ("ShouldDecrementDesiredCapacity", "false")];
    let reply = autoscaling(&mut run, "TerminateInstanceInAutoScalingGroup", &whom);
    assert_eq!(between(&reply.body, "Progress"), ["0"]);
    let words = format!("instance {member} was taken out of service in response to a user request.");
    assert!(between(&reply.body, "Cause")[0].ends_with(&words), "{}", reply.body);
}

#[test]
fn who_ended_an_instance_is_told_in_the_codes_that_aws_has() {
    let mut run = made(&[]);
    let members = run.in_service("web");
    let whom = [("InstanceId", members[0].as_str()), ("ShouldDecrementDesiredCapacity", "false")];
    autoscaling(&mut run, "TerminateInstanceInAutoScalingGroup", &whom);
    ec2(&mut run, "TerminateInstances", &[("InstanceId.1", &members[1])]);
    run.pass(300);
    for member in &members {
        let reply = ec2(&mut run, "DescribeInstances", &[("InstanceId.1", member)]);
        assert!(reply.body.contains("<code>Client.UserInitiatedShutdown</code>"), "{}", reply.body);
        let words = between(&reply.body, "reason")[0];
        assert!(words.starts_with("User initiated (2026-05-07 13:") && words.ends_with(" GMT)"), "{words}");
    }
}

#[test]
fn a_template_that_nobody_has_is_refused_by_what_it_was_called() {
    let mut run = made(&[]);
    for (field, value, code) in [
        ("LaunchTemplateName", "nobody", "InvalidLaunchTemplateName.NotFoundException"),
        ("LaunchTemplateId", "lt-0123456789abcdef0", "InvalidLaunchTemplateId.NotFound"),
    ] {
        let reply = ec2(&mut run, "DescribeLaunchTemplateVersions", &[(field, value)]);
        assert_eq!(reply.code.as_deref(), Some(code));
    }
}

#[test]
fn an_association_of_a_route_table_has_an_id() {
    let mut run = made(&[]);
    let reply = ec2(&mut run, "DescribeRouteTables", &[]);
    for id in between(&reply.body, "routeTableAssociationId") {
        let digits = id.strip_prefix("rtbassoc-").unwrap();
        assert!(digits.len() == 17 && digits.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    }
}

#[test]
fn an_alarm_tells_what_it_watches() {
    let mut run = made(&[]);
    let alarm = serde_json::json!({
        "AlarmName": "errors", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Period": 60, "EvaluationPeriods": 1,
        "Dimensions": [{"Name": "FunctionName", "Value": "panda"}],
    });
    run.json("GraniteServiceVersion20100801.PutMetricAlarm", alarm).unwrap();
    let told = run.json("GraniteServiceVersion20100801.DescribeAlarms", serde_json::json!({})).unwrap();
    let alarm = &told["MetricAlarms"][0];
    assert_eq!((&alarm["Namespace"], &alarm["MetricName"]), (&"AWS/Lambda".into(), &"Errors".into()));
    assert_eq!(alarm["Dimensions"], serde_json::json!([{"Name": "FunctionName", "Value": "panda"}]));
}

#[test]
fn a_state_that_no_alarm_has_breaks_a_constraint() {
    let mut run = made(&[]);
    let odd = serde_json::json!({"AlarmName": "errors", "StateValue": "PANDA", "StateReason": "because"});
    let refused = run.json("GraniteServiceVersion20100801.SetAlarmState", odd);
    assert_eq!(refused.unwrap_err(), "ValidationError");
}

#[test]
fn deployments_that_nobody_has_are_left_out_of_a_batch() {
    let mut run = made(&[]);
    let asked = serde_json::json!({"deploymentIds": ["d-NOWHERE12"]});
    let told = run.json("CodeDeploy_20141006.BatchGetDeployments", asked).unwrap();
    assert_eq!(told["deploymentsInfo"], serde_json::json!([]));
}
