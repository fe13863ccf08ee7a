//! The Query protocol: pagination, filters, error codes, throttling, stale reads; and events in AWS's shapes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{Act, ApiReply, ApiRequest, FleetSpec, GroupSpec};
use serde_json::Value;
use support::{IP, Run, bare, fleet};

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

/// Action, parameters, AWS's code, HTTP status.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, u16);
type OwnedCase<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

#[test]
fn describe_instances_pages_through_all_of_them_once() {
    let mut run = Run::of(&bare(|group| (group.max, group.desired) = (20, 13)));
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = ec2(&mut run, "DescribeInstances", &[("MaxResults", "5"), ("NextToken", &token)]);
        let ids: Vec<String> = between(&page.body, "reservationSet")[0]
            .split("<instancesSet>")
            .skip(1)
            .map(|item| between(item, "instanceId")[0].to_owned())
            .collect();
        assert!(ids.len() <= 5);
        seen.extend(ids);
        match between(&page.body, "nextToken").first() {
            Some(next) => token = (*next).to_owned(),
            None => break,
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 13);
}

#[test]
fn groups_page_and_filter_by_tag() {
    let groups = (0..7).map(|n| GroupSpec { name: format!("web-{n}"), desired: 1, ..GroupSpec::default() }).collect();
    let mut run = Run::of(&FleetSpec { groups, ..FleetSpec::default() });
    let plain = FleetSpec {
        tagged: false,
        addresses: vec![],
        groups: vec![GroupSpec { name: "other".into(), ..GroupSpec::default() }],
        ..FleetSpec::default()
    };
    run.world.found_fleet(&plain);
    let filter = [
        ("Filters.member.1.Name", "tag:lethargic-panda:fleet"),
        ("Filters.member.1.Values.member.1", "web"),
        ("MaxRecords", "4"),
    ];
    let first = autoscaling(&mut run, "DescribeAutoScalingGroups", &filter);
    assert_eq!(first.body.matches("<AutoScalingGroupARN>").count(), 4);
    let token = between(&first.body, "NextToken")[0].to_owned();
    let mut next = filter.to_vec();
    next.push(("NextToken", &token));
    let second = autoscaling(&mut run, "DescribeAutoScalingGroups", &next);
    assert_eq!(second.body.matches("<AutoScalingGroupARN>").count(), 3);
    assert!(!second.body.contains("<NextToken>") && !second.body.contains(">other<"));
    let key = [("Filters.member.1.Name", "tag-key"), ("Filters.member.1.Values.member.1", "lethargic-panda:fleet")];
    assert_eq!(
        autoscaling(&mut run, "DescribeAutoScalingGroups", &key).body.matches("<AutoScalingGroupARN>").count(),
        7
    );
}

#[test]
fn what_aws_refuses_is_refused_with_its_code() {
    let mut run = Run::of(&fleet(|_| {}));
    let holder = run.holder();
    let cases: &[Case] = &[
        ("NoSuchThing", &[], "InvalidAction", 400),
        (
            "DescribeInstances",
            &[("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")],
            "InvalidParameterValue",
            400,
        ),
        ("DescribeInstances", &[("Colour", "red")], "UnknownParameter", 400),
        ("DescribeInstances", &[("MaxResults", "3")], "InvalidParameterValue", 400),
        ("DescribeInstances", &[("MaxResults", "many")], "InvalidParameterValue", 400),
        ("DescribeInstances", &[("MaxResults", "5"), ("InstanceId.1", &holder)], "InvalidParameterCombination", 400),
        ("DescribeInstances", &[("NextToken", "gibberish")], "InvalidNextToken", 400),
        ("DescribeInstances", &[("InstanceId.1", "panda")], "InvalidInstanceID.Malformed", 400),
        ("DescribeInstances", &[("InstanceId.1", "i-0bad")], "InvalidInstanceID.NotFound", 400),
        ("DescribeAddresses", &[("AllocationId.1", "eipalloc-0bad")], "InvalidAllocationID.NotFound", 400),
        ("TerminateInstances", &[], "MissingParameter", 400),
        ("TerminateInstances", &[("InstanceId.1", &holder), ("DryRun", "true")], "DryRunOperation", 412),
        ("CreateTags", &[("ResourceId.1", &holder), ("Tag.1.Key", "aws:x")], "InvalidParameterValue", 400),
        ("CreateTags", &[("ResourceId.1", "vol-1"), ("Tag.1.Key", "x")], "InvalidID", 400),
    ];
    for (action, params, code, status) in cases {
        let reply = ec2(&mut run, action, params);
        assert_eq!((reply.code.as_deref(), reply.status), (Some(*code), *status), "{action} {params:?}");
        assert!(reply.body.contains(&format!("<Response><Errors><Error><Code>{code}</Code>")), "{}", reply.body);
    }
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()), "nothing has happened");
    let hook = [("AutoScalingGroupName", "web"), ("LifecycleHookName", "elastic-ip-launch")];
    let action = |more: &[(&'static str, &'static str)]| [&hook[..], more].concat();
    let cases: &[OwnedCase] = &[
        ("NoSuchThing", vec![], "InvalidAction"),
        ("DescribeAutoScalingGroups", vec![("MaxRecords", "101")], "ValidationError"),
        ("DescribeAutoScalingGroups", vec![("NextToken", "x")], "InvalidNextToken"),
        (
            "DescribeAutoScalingGroups",
            vec![("Filters.member.1.Name", "colour"), ("Filters.member.1.Values.member.1", "x")],
            "ValidationError",
        ),
        ("DescribeLifecycleHooks", vec![("AutoScalingGroupName", "none")], "ValidationError"),
        (
            "CompleteLifecycleAction",
            action(&[("LifecycleActionResult", "MAYBE"), ("InstanceId", "i-0")]),
            "ValidationError",
        ),
        ("CompleteLifecycleAction", action(&[("LifecycleActionResult", "CONTINUE")]), "ValidationError"),
        ("SetInstanceHealth", vec![("InstanceId", "i-0"), ("HealthStatus", "Unhealthy")], "ValidationError"),
        ("SetInstanceHealth", vec![("InstanceId", &holder), ("HealthStatus", "Sleepy")], "ValidationError"),
        ("SetDesiredCapacity", vec![("AutoScalingGroupName", "web"), ("DesiredCapacity", "99")], "ValidationError"),
        ("DeleteAutoScalingGroup", vec![("AutoScalingGroupName", "web")], "ResourceInUse"),
        (
            "SuspendProcesses",
            vec![("AutoScalingGroupName", "web"), ("ScalingProcesses.member.1", "Nap")],
            "ValidationError",
        ),
        ("PutLifecycleHook", vec![("AutoScalingGroupName", "web"), ("LifecycleHookName", "x")], "ValidationError"),
    ];
    for (action, params, code) in cases {
        let reply = autoscaling(&mut run, action, params);
        assert_eq!(reply.code.as_deref(), Some(*code), "{action} {params:?}");
        assert!(reply.body.contains(&format!("<Code>{code}</Code>")) && reply.body.contains("<ErrorResponse"));
    }
}

#[test]
fn an_answered_lifecycle_action_is_unknown_by_token_and_by_instance() {
    let mut run = Run::of(&fleet(|_| {}));
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(10);
    let event =
        run.events().into_iter().find(|e| e["detail-type"] == "EC2 Instance-terminate Lifecycle Action").unwrap();
    let token = event["detail"]["LifecycleActionToken"].as_str().unwrap().to_owned();
    let by_token = [
        ("AutoScalingGroupName", "web"),
        ("LifecycleHookName", "elastic-ip-terminate"),
        ("LifecycleActionToken", token.as_str()),
        ("LifecycleActionResult", "CONTINUE"),
    ];
    assert_eq!(autoscaling(&mut run, "CompleteLifecycleAction", &by_token).code, None);
    let again = autoscaling(&mut run, "CompleteLifecycleAction", &by_token);
    assert!(again.body.contains(&format!("No active Lifecycle Action found with token {token}")), "{}", again.body);
}

#[test]
fn a_group_can_be_made_used_and_deleted_by_the_api_alone() {
    let mut run = Run::of(&bare(|_| {}));
    let create = [
        ("AutoScalingGroupName", "api"),
        ("MinSize", "1"),
        ("MaxSize", "2"),
        ("AvailabilityZones.member.1", "us-east-1a"),
        ("LaunchTemplate.LaunchTemplateName", "api"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "blue & green"),
        ("Tags.member.1.PropagateAtLaunch", "true"),
        ("LifecycleHookSpecificationList.member.1.LifecycleHookName", "inline"),
        ("LifecycleHookSpecificationList.member.1.LifecycleTransition", "autoscaling:EC2_INSTANCE_LAUNCHING"),
        ("LifecycleHookSpecificationList.member.1.HeartbeatTimeout", "60"),
    ];
    assert_eq!(autoscaling(&mut run, "CreateAutoScalingGroup", &create).code, None);
    assert_eq!(autoscaling(&mut run, "CreateAutoScalingGroup", &create).code.as_deref(), Some("AlreadyExists"));
    run.pass(40);
    let newcomer = run.waiting("api")[0].0.clone();
    assert_eq!(run.world.instance(&newcomer).unwrap().tags["team"], "blue & green");
    assert!(ec2(&mut run, "DescribeInstances", &[("InstanceId.1", &newcomer)]).body.contains("blue &amp; green"));
    assert_eq!(run.answer("api", "inline", &newcomer, "CONTINUE"), "OK");
    run.pass(10);
    assert_eq!(run.in_service("api"), [newcomer]);
    let force = [("AutoScalingGroupName", "api"), ("ForceDelete", "true")];
    assert_eq!(autoscaling(&mut run, "DeleteAutoScalingGroup", &force).code, None);
    run.pass(120);
    assert!(run.world.group("api").is_none());
}

/// The fields of a value, with their nesting, but without what differs from case to case.
fn shape(value: &Value, path: &str, into: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| shape(value, &format!("{path}.{key}"), into)),
        Value::Array(items) => items.iter().for_each(|item| shape(item, &format!("{path}[]"), into)),
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn events_have_the_fields_of_the_samples() {
    let mut run = Run::of(&fleet(|group| group.hooks.iter_mut().for_each(|hook| hook.metadata = Some(String::new()))));
    let holder = run.holder();
    run.act(Act::Rebalance { instance: holder.clone() });
    run.act(Act::ScheduleRetirement { instance: holder.clone(), after_seconds: 86_400 });
    run.act(Act::SpotNotice { instance: holder, lead_seconds: 120 });
    run.act(Act::StartInstanceRefresh { group: "web".into() });
    run.pass(3_600);
    let spare = run.in_service("web").into_iter().next().unwrap();
    run.act(Act::Stop { instance: spare });
    run.act(Act::LoseZone { zone: "us-east-1a".into(), silent: false });
    run.pass(3_600);
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../events");
    let mut compared = std::collections::BTreeSet::new();
    let events = run.events();
    for sample in std::fs::read_dir(directory).into_iter().flatten() {
        let path = sample.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let sample: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let Some(kind) = sample["detail-type"].as_str() else { continue };
        let state = &sample["detail"]["state"];
        let Some(event) =
            events.iter().find(|e| e["detail-type"] == kind && (state.is_null() || &e["detail"]["state"] == state))
        else {
            continue;
        };
        let (mut want, mut have) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
        shape(&sample, "", &mut want);
        shape(event, "", &mut have);
        // Optional in AWS's own samples: they carry it in one event and not in the next.
        for set in [&mut want, &mut have] {
            set.remove(".detail.NotificationMetadata");
        }
        assert_eq!(have, want, "{}", path.display());
        compared.insert(kind.to_owned());
    }
    let samples = std::fs::read_dir(directory).into_iter().flatten().count();
    assert!(samples < 20 || compared.len() >= 10, "{compared:?}");
}
