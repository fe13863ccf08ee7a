//! Callers with a role are held to it: actions, resources, tags.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{ApiRequest, Permission, Role, topic_arn};
use serde_json::{Value, json};
use support::{Run, bare};

#[allow(clippy::needless_pass_by_value, reason = "reads better at the call")]
fn role(statements: Value) -> Role {
    Role::read(&[json!({ "Version": "2012-10-17", "Statement": statements })]).unwrap()
}

/// A role that may end members with the chaos tag, as the panda's.
fn ends_the_tagged() -> Role {
    role(json!([
        {"Sid": "See", "Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:DescribeAddresses"], "Resource": "*"},
        {
            "Sid": "End",
            "Effect": "Allow",
            "Action": "ec2:TerminateInstances",
            "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*",
            "Condition": {
                "StringEquals": {"aws:ResourceTag/lethargic-panda:chaos": "on"},
                "Null": {"ec2:ResourceTag/aws:autoscaling:groupName": "false"},
            },
        },
    ]))
}

fn result(run: &mut Run, request: &ApiRequest) -> String {
    run.world.call(request).code.unwrap_or_else(|| "OK".to_owned())
}

fn terminate(run: &mut Run, caller: &str, instance: &str) -> String {
    result(run, &ApiRequest::ec2(caller, "TerminateInstances", &[("InstanceId.1", instance)]))
}

#[test]
fn a_caller_without_a_role_may_do_everything() {
    let mut run = Run::of(&bare(|_| {}));
    run.world.assume("panda", role(json!([])));
    let holder = run.holder();
    assert_eq!(terminate(&mut run, "a person", &holder), "OK");
}

#[test]
fn what_no_statement_names_is_refused_in_each_services_own_words() {
    let mut run = Run::of(&bare(|_| {}));
    run.world.assume("panda", role(json!([])));
    let json = |target: &str| ApiRequest::json("panda/7", target, json!({}));
    for (request, code) in [
        (ApiRequest::ec2("panda/7", "DescribeInstances", &[]), "UnauthorizedOperation"),
        (ApiRequest::autoscaling("panda", "DescribeAutoScalingGroups", &[]), "AccessDenied"),
        (json("CodeDeploy_20141006.ListDeployments"), "AccessDeniedException"),
        (ApiRequest::sns("panda", "Publish", &[("TopicArn", &topic_arn("t")), ("Message", "m")]), "AuthorizationError"),
    ] {
        assert_eq!(result(&mut run, &request), code, "{}", request.operation());
    }
    assert_eq!(run.world.refused_by_roles().len(), 4);
}

#[test]
fn a_condition_on_a_tag_holds_for_the_tags_of_the_very_instance() {
    let mut run = Run::of(&bare(|group| {
        group.tags.insert("lethargic-panda:chaos".to_owned(), "on".to_owned());
    }));
    run.world.assume("panda", ends_the_tagged());
    let members = run.in_service("web");
    let untag = [("ResourceId.1", members[0].as_str()), ("Tag.1.Key", "lethargic-panda:chaos")];
    assert_eq!(result(&mut run, &ApiRequest::ec2("a person", "DeleteTags", &untag)), "OK");
    assert_eq!(terminate(&mut run, "panda/1", &members[0]), "UnauthorizedOperation");
    assert_eq!(terminate(&mut run, "panda/1", &members[1]), "OK");
    let used: Vec<Permission> = run.world.used_permissions("panda").into_iter().collect();
    assert_eq!(used, [Permission { statement: "End".into(), action: "ec2:TerminateInstances".into() }]);
}

#[test]
fn of_several_resources_each_must_be_allowed() {
    let mut run = Run::of(&bare(|group| {
        group.tags.insert("lethargic-panda:chaos".to_owned(), "on".to_owned());
    }));
    run.world.assume("panda", ends_the_tagged());
    let members = run.in_service("web");
    let untag = [("ResourceId.1", members[1].as_str()), ("Tag.1.Key", "lethargic-panda:chaos")];
    assert_eq!(result(&mut run, &ApiRequest::ec2("a person", "DeleteTags", &untag)), "OK");
    let both = [("InstanceId.1", members[0].as_str()), ("InstanceId.2", members[1].as_str())];
    let request = ApiRequest::ec2("panda", "TerminateInstances", &both);
    assert_eq!(result(&mut run, &request), "UnauthorizedOperation");
    assert_eq!(terminate(&mut run, "panda", &members[0]), "OK");
}

#[test]
fn a_dry_run_asks_the_role_too() {
    let mut run = Run::of(&bare(|_| {}));
    run.world.assume("panda", ends_the_tagged());
    let holder = run.holder();
    let dry = [("InstanceId.1", holder.as_str()), ("DryRun", "true")];
    assert_eq!(result(&mut run, &ApiRequest::ec2("panda", "TerminateInstances", &dry)), "UnauthorizedOperation");
}

#[test]
fn a_set_of_tag_keys_may_hold_only_what_is_allowed() {
    let mut run = Run::of(&bare(|_| {}));
    let mark = role(json!({
        "Sid": "Mark",
        "Effect": "Allow",
        "Action": "ec2:CreateTags",
        "Resource": "arn:aws:ec2:us-east-1:123456789012:instance/*",
        "Condition": {
            "ForAllValues:StringEquals": {"aws:TagKeys": ["lethargic-panda:leaving"]},
            "Null": {"aws:TagKeys": "false"},
        },
    }));
    run.world.assume("failover", mark);
    let holder = run.holder();
    let tag = |keys: &[&str]| {
        let mut fields = vec![("ResourceId.1".to_owned(), holder.clone())];
        for (number, key) in keys.iter().enumerate() {
            fields.push((format!("Tag.{}.Key", number + 1), (*key).to_owned()));
            fields.push((format!("Tag.{}.Value", number + 1), "1".to_owned()));
        }
        let fields: Vec<(&str, &str)> = fields.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        ApiRequest::ec2("failover", "CreateTags", &fields)
    };
    assert_eq!(result(&mut run, &tag(&["lethargic-panda:leaving"])), "OK");
    assert_eq!(result(&mut run, &tag(&["lethargic-panda:leaving", "Name"])), "UnauthorizedOperation");
    assert_eq!(result(&mut run, &tag(&["Name"])), "UnauthorizedOperation");
}

#[test]
fn a_deny_beats_every_allow() {
    let mut run = Run::of(&bare(|_| {}));
    let torn = role(json!([
        {"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Sid": "ButNot", "Effect": "Deny", "Action": "ec2:Terminate*", "Resource": "*"},
    ]));
    run.world.assume("panda", torn);
    let holder = run.holder();
    assert_eq!(terminate(&mut run, "panda", &holder), "UnauthorizedOperation");
    assert_eq!(result(&mut run, &ApiRequest::ec2("panda", "DescribeInstances", &[])), "OK");
}

#[test]
fn a_statement_without_a_name_or_sense_is_no_role() {
    for statement in [
        json!({"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}),
        json!({"Sid": "S", "Effect": "Perhaps", "Action": "ec2:DescribeInstances", "Resource": "*"}),
    ] {
        assert!(Role::read(&[json!({ "Version": "2012-10-17", "Statement": [statement] })]).is_err());
    }
}
