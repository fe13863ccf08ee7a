//! What the panda does to a fleet and asks of it: terminations, protections, gates, and a thousand groups at once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use std::time::{Duration, Instant};

use panda_world::{
    Act, ApiReply, ApiRequest, FleetSpec, GroupSpec, Health, InstanceState, Knock, Lifecycle, RefreshStatus,
};
use support::{IP, Run, bare, fleet};

fn ec2(run: &mut Run, action: &str, params: &[(&str, &str)]) -> ApiReply {
    run.world.call(&ApiRequest::ec2("panda", action, params))
}

fn autoscaling(run: &mut Run, action: &str, params: &[(&str, &str)]) -> ApiReply {
    run.world.call(&ApiRequest::autoscaling("panda", action, params))
}

fn state(run: &Run, id: &str) -> InstanceState {
    run.world.instance(id).unwrap().state
}

#[test]
fn a_dry_run_kills_nobody_and_tells_what_would_happen() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    let dry = |run: &mut Run, id: &str| {
        let reply = ec2(run, "TerminateInstances", &[("InstanceId.1", id), ("DryRun", "true")]);
        (reply.status, reply.code.unwrap())
    };
    assert_eq!(dry(&mut run, &holder), (412, "DryRunOperation".to_owned()));
    assert_eq!(dry(&mut run, "i-00000000000000bad"), (400, "InvalidInstanceID.NotFound".to_owned()));
    run.act(Act::Permit { operation: "ec2:TerminateInstances".into(), allowed: false });
    assert_eq!(dry(&mut run, &holder), (403, "UnauthorizedOperation".to_owned()));
    assert_eq!(ec2(&mut run, "TerminateInstances", &[("InstanceId.1", &holder)]).status, 403);
    assert_eq!(state(&run, &holder), InstanceState::Running);
    run.act(Act::Permit { operation: "ec2:TerminateInstances".into(), allowed: true });
    assert_eq!(dry(&mut run, &holder).0, 412);
}

#[test]
fn one_bad_id_saves_all_and_one_protected_instance_its_zone() {
    let mut run = Run::of(&bare(|group| (group.max, group.desired) = (6, 4)));
    let zone = |run: &Run, id: &str| run.world.instance(id).unwrap().zone.clone();
    let all = run.in_service("web");
    let bad = [("InstanceId.1", all[0].as_str()), ("InstanceId.2", "i-00000000000000bad")];
    assert_eq!(ec2(&mut run, "TerminateInstances", &bad).code.as_deref(), Some("InvalidInstanceID.NotFound"));
    assert!(all.iter().all(|id| state(&run, id) == InstanceState::Running));
    run.act(Act::ProtectFromTermination { instance: all[0].clone(), protected: true });
    let attribute = [("InstanceId", all[0].as_str()), ("Attribute", "disableApiTermination")];
    assert!(ec2(&mut run, "DescribeInstanceAttribute", &attribute).body.contains("<value>true</value>"));
    let keys: Vec<String> = (1..=all.len()).map(|n| format!("InstanceId.{n}")).collect();
    let everyone: Vec<(&str, &str)> = keys.iter().map(String::as_str).zip(all.iter().map(String::as_str)).collect();
    let reply = ec2(&mut run, "TerminateInstances", &everyone);
    assert_eq!(reply.code.as_deref(), Some("OperationNotPermitted"));
    assert!(reply.body.contains(&all[0]));
    for id in &all {
        let spared = zone(&run, id) == zone(&run, &all[0]);
        assert_eq!(state(&run, id).is_dead(), !spared, "{id}");
    }
    let modify = [("InstanceId", all[0].as_str()), ("DisableApiTermination.Value", "false")];
    assert_eq!(ec2(&mut run, "ModifyInstanceAttribute", &modify).code, None);
    assert_eq!(ec2(&mut run, "TerminateInstances", &[("InstanceId.1", &all[0])]).code, None);
}

#[test]
fn a_protected_group_still_replaces_its_own_members() {
    let mut run = Run::of(&bare(|group| group.termination_protection = true));
    let holder = run.holder();
    assert!(run.world.act(&Act::Terminate { instance: holder.clone() }).is_err());
    run.act(Act::SetHealth { instance: holder.clone(), healthy: false });
    run.pass(600);
    assert!(run.lifecycle("web", &holder).is_none());
}

#[test]
fn without_an_os_shutdown_there_is_no_last_breath() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    let cut = [("InstanceId.1", holder.as_str()), ("SkipOsShutdown", "true")];
    assert_eq!(ec2(&mut run, "TerminateInstances", &cut).code, None);
    assert_eq!(run.world.serving_at(IP), None);
    assert_eq!(run.world.knock(IP), Knock::Silence);
    assert_eq!(run.world.holder_of(IP), Some(holder.as_str()), "the association outlives it for a while");
    run.pass(600);
    assert_eq!(run.world.holder_of(IP), None);
}

#[test]
fn a_graceful_kill_asks_the_hooks_and_is_refused_to_the_warm_pool() {
    let mut run = Run::of(&fleet(|group| {
        group.min = 2;
        group.warm_pool = Some(panda_world::WarmPoolSpec::default());
    }));
    let holder = run.holder();
    let graceful = |run: &mut Run, id: &str, decrement: &str| {
        let params = [("InstanceId", id), ("ShouldDecrementDesiredCapacity", decrement)];
        autoscaling(run, "TerminateInstanceInAutoScalingGroup", &params)
    };
    let warm = run.world.group("web").unwrap().members.values().find(|m| m.warm).unwrap().instance.clone();
    assert_eq!(graceful(&mut run, &warm, "false").code.as_deref(), Some("ValidationError"));
    assert_eq!(graceful(&mut run, &holder, "true").code.as_deref(), Some("ValidationError"), "below the group's min");
    assert_eq!(graceful(&mut run, "i-00000000000000bad", "false").code.as_deref(), Some("ValidationError"));
    let reply = graceful(&mut run, &holder, "false");
    assert!(reply.body.contains("<StatusCode>InProgress</StatusCode>"), "{}", reply.body);
    assert_eq!(graceful(&mut run, &holder, "false").code.as_deref(), Some("ScalingActivityInProgress"));
    run.pass(5);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::TerminatingWait));
    assert_eq!(run.world.group("web").unwrap().desired, 2);
}

#[test]
fn protection_from_scale_in_is_shown_and_kept() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    let protect =
        [("AutoScalingGroupName", "web"), ("InstanceIds.member.1", holder.as_str()), ("ProtectedFromScaleIn", "true")];
    assert_eq!(autoscaling(&mut run, "SetInstanceProtection", &protect).code, None);
    let shown = autoscaling(&mut run, "DescribeAutoScalingGroups", &[]).body;
    assert_eq!(shown.matches("<ProtectedFromScaleIn>true</ProtectedFromScaleIn>").count(), 1);
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(300);
    assert_eq!(run.in_service("web"), [holder]);
    let nobody =
        [("AutoScalingGroupName", "web"), ("InstanceIds.member.1", "i-0bad"), ("ProtectedFromScaleIn", "true")];
    assert_eq!(autoscaling(&mut run, "SetInstanceProtection", &nobody).code.as_deref(), Some("ValidationError"));
}

#[test]
fn activities_are_filtered_by_status_and_time() {
    let mut run = Run::of(&bare(|group| group.min = 1));
    run.act(Act::LoseZone { zone: "us-east-1a".into(), silent: false });
    run.pass(1_200);
    let filtered = |run: &mut Run, filters: &[(&str, &str)]| {
        let mut params = vec![("AutoScalingGroupName".to_owned(), "web".to_owned())];
        for (number, (name, value)) in filters.iter().enumerate() {
            params.push((format!("Filters.member.{}.Name", number + 1), (*name).to_owned()));
            params.push((format!("Filters.member.{}.Values.member.1", number + 1), (*value).to_owned()));
        }
        let params: Vec<(&str, &str)> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        autoscaling(run, "DescribeScalingActivities", &params)
    };
    let failed = filtered(&mut run, &[("Status", "Failed")]).body;
    assert!(failed.contains("<StatusCode>Failed</StatusCode>") && !failed.contains("<StatusCode>Successful"));
    let later = filtered(&mut run, &[("Status", "Failed"), ("StartTimeLowerBound", "2026-05-07T20:00:00Z")]).body;
    assert!(!later.contains("<ActivityId>"));
    assert_eq!(filtered(&mut run, &[("StartTimeLowerBound", "soon")]).code.as_deref(), Some("ValidationError"));
    assert_eq!(filtered(&mut run, &[("Colour", "red")]).code.as_deref(), Some("ValidationError"));
}

#[test]
fn a_refresh_may_bake_and_may_be_cancelled() {
    let mut run = Run::of(&bare(|_| {}));
    let status = |run: &Run| run.world.group("web").unwrap().refreshes.last().unwrap().status;
    let start = [("AutoScalingGroupName", "web"), ("Preferences.BakeTime", "600")];
    assert_eq!(autoscaling(&mut run, "StartInstanceRefresh", &start).code, None);
    for _ in 0..200 {
        run.pass(10);
        if status(&run) != RefreshStatus::InProgress {
            break;
        }
    }
    assert_eq!(status(&run), RefreshStatus::Baking);
    let shown = autoscaling(&mut run, "DescribeInstanceRefreshes", &[("AutoScalingGroupName", "web")]).body;
    assert!(shown.contains("<Status>Baking</Status>") && shown.contains("<BakeTime>600</BakeTime>"));
    run.pass(700);
    assert_eq!(status(&run), RefreshStatus::Successful);

    assert_eq!(
        autoscaling(&mut run, "CancelInstanceRefresh", &[("AutoScalingGroupName", "web")]).code.as_deref(),
        Some("ActiveInstanceRefreshNotFound")
    );
    run.act(Act::StartInstanceRefresh { group: "web".into() });
    run.pass(20);
    run.act(Act::CancelInstanceRefresh { group: "web".into() });
    assert_eq!(status(&run), RefreshStatus::Cancelling);
    run.pass(900);
    assert_eq!(status(&run), RefreshStatus::Cancelled);
    let members = run.world.group("web").unwrap().members.values();
    assert_eq!(members.filter(|m| m.version == 3).count(), 1, "what had begun was finished, and no more");
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn a_group_that_is_deleted_says_so_while_it_goes() {
    let mut run = Run::of(&bare(|_| {}));
    run.act(Act::DeleteGroup { group: "web".into() });
    assert!(
        autoscaling(&mut run, "DescribeAutoScalingGroups", &[]).body.contains("<Status>Delete in progress</Status>")
    );
    run.pass(300);
    assert!(run.world.group("web").is_none());
}

#[test]
fn a_tag_of_a_group_comes_and_goes() {
    let mut run = Run::of(&bare(|_| {}));
    let tag = |value: Option<&str>| Act::TagGroup {
        group: "web".into(),
        key: "lethargic-panda:chaos".into(),
        value: value.map(str::to_owned),
    };
    run.act(tag(Some("on")));
    let by_key = [("Filters.member.1.Name", "tag-key"), ("Filters.member.1.Values.member.1", "lethargic-panda:chaos")];
    assert!(autoscaling(&mut run, "DescribeAutoScalingGroups", &by_key).body.contains("<AutoScalingGroupARN>"));
    run.act(tag(None));
    assert!(!autoscaling(&mut run, "DescribeAutoScalingGroups", &by_key).body.contains("<AutoScalingGroupARN>"));
}

#[test]
fn a_look_at_a_thousand_groups_is_quick_and_one_at_a_single_group_quicker() {
    let groups = (0..1_000).map(|n| GroupSpec {
        name: format!("web-{n}"),
        tags: [("lethargic-panda:chaos".to_owned(), "on".to_owned())].into(),
        ..GroupSpec::default()
    });
    let mut run = Run::of(&FleetSpec { groups: groups.collect(), ..FleetSpec::default() });
    let started = Instant::now();
    let (mut token, mut seen) = (String::new(), 0);
    loop {
        let params = [
            ("Filters.member.1.Name", "tag-key"),
            ("Filters.member.1.Values.member.1", "lethargic-panda:chaos"),
            ("MaxRecords", "100"),
            ("NextToken", &token),
        ];
        let page = autoscaling(&mut run, "DescribeAutoScalingGroups", &params).body;
        seen += page.matches("<AutoScalingGroupARN>").count();
        match page.split_once("<NextToken>") {
            Some((_, rest)) => rest.split('<').next().unwrap().clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen, 1_000);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let member = run.in_service("web-500")[0].clone();
    let started = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(ec2(&mut run, "DescribeInstances", &[("InstanceId.1", &member)]).status, 200);
        assert_eq!(
            autoscaling(&mut run, "DescribeScalingActivities", &[("AutoScalingGroupName", "web-500")]).status,
            200
        );
        assert_eq!(
            autoscaling(&mut run, "DescribeAutoScalingInstances", &[("InstanceIds.member.1", &member)]).status,
            200
        );
    }
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    run.act(Act::Terminate { instance: member });
    run.pass(1_200);
    let healthy = run.world.group("web-500").unwrap().members.values().filter(|m| m.health == Health::Healthy).count();
    assert_eq!(healthy, 2);
}
