//! What a fleet does on its own: launches, hooks, detection, replacement.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use panda_world::{
    Act, AnsweredBy, ApiRequest, FleetSpec, GroupSpec, HookSpec, InstanceState, Kind, Lifecycle, MaintenanceSpec,
    WarmPoolSpec,
};
use support::{IP, Run, bare, fleet};

#[test]
fn a_founded_fleet_is_in_service_and_serves_without_an_event() {
    let mut run = Run::of(&fleet(|_| {}));
    let holder = run.holder();
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()));
    assert_eq!(run.in_service("web").len(), 2);
    run.pass(86_400);
    assert!(run.world.take_events().is_empty());
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()));
}

#[test]
fn a_terminated_member_is_noticed_late_and_replaced_across_zones() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Terminate { instance: holder.clone() });
    run.pass(3);
    assert_eq!(run.world.serving_at(IP), None);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::InService), "Auto Scaling does not know yet");
    run.pass(600);
    let members = run.in_service("web");
    assert_eq!(members.len(), 2);
    assert!(!members.contains(&holder));
    let zones: std::collections::BTreeSet<_> =
        members.iter().map(|m| run.world.instance(m).unwrap().zone.clone()).collect();
    assert_eq!(zones.len(), 2);
    let kinds = run.detail_types();
    for kind in [
        "EC2 Instance Terminate Successful",
        "EC2 Instance Launch Successful",
        "EC2 Instance State-change Notification",
    ] {
        assert!(kinds.contains(&kind.to_owned()), "{kind} in {kinds:?}");
    }
}

#[test]
fn the_association_outlives_the_holder_for_a_part_of_its_shutting_down() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Terminate { instance: holder.clone() });
    run.pass(4);
    assert_eq!(run.world.instance(&holder).unwrap().state, InstanceState::ShuttingDown);
    assert_eq!(run.world.holder_of(IP), Some(holder.as_str()));
    run.pass(60);
    assert_eq!(run.world.instance(&holder).unwrap().state, InstanceState::Terminated);
    assert_eq!(run.world.holder_of(IP), None);
}

#[test]
fn a_terminated_instance_stays_listed_for_an_hour_but_loses_its_tags() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Terminate { instance: holder.clone() });
    run.pass(1_200);
    assert!(run.world.instance(&holder).unwrap().tags.is_empty());
    run.pass(3_600);
    assert!(run.world.instance(&holder).is_none());
}

#[test]
fn a_stopping_holder_keeps_its_address_and_its_group_replaces_it() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Stop { instance: holder.clone() });
    run.pass(65);
    assert_eq!(run.world.holder_of(IP), Some(holder.as_str()));
    assert_eq!(run.world.serving_at(IP), None);
    run.pass(600);
    assert!(!run.in_service("web").contains(&holder));
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn scale_in_asks_the_terminate_hook_first_and_the_instance_serves_meanwhile() {
    let mut run = Run::of(&fleet(|group| group.desired = 2));
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(10);
    let waiting = run.waiting("web");
    assert_eq!(waiting.len(), 1);
    let (leaving, hook) = waiting[0].clone();
    assert_eq!(hook, "elastic-ip-terminate");
    assert_eq!(run.lifecycle("web", &leaving), Some(Lifecycle::TerminatingWait));
    assert_eq!(run.world.instance(&leaving).unwrap().state, InstanceState::Running);
    run.pass(60);
    assert_eq!(run.world.instance(&leaving).unwrap().state, InstanceState::Running);
    assert_eq!(run.answer("web", &hook, &leaving, "CONTINUE"), "OK");
    run.pass(90);
    assert_eq!(run.lifecycle("web", &leaving), None);
    assert_eq!(run.answer("web", &hook, &leaving, "CONTINUE"), "ValidationError");
}

#[test]
fn an_unanswered_hook_takes_its_default_after_its_heartbeat() {
    let mut run = Run::of(&fleet(|_| {}));
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(290);
    assert_eq!(run.waiting("web").len(), 1);
    run.pass(120);
    assert_eq!(run.waiting("web").len(), 0);
    assert!(run.world.journal().iter().any(
        |entry| matches!(&entry.kind, Kind::HookAnswered { by: AnsweredBy::Timeout, result, .. } if result == "CONTINUE")
    ));
}

#[test]
fn a_heartbeat_prolongs_a_hook_but_not_past_its_global_timeout() {
    let hook = HookSpec { heartbeat_seconds: 30, ..HookSpec::terminate("slow") };
    let mut run = Run::of(&fleet(|group| group.hooks = vec![hook]));
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(10);
    let (leaving, _) = run.waiting("web")[0].clone();
    let mut beats = 0;
    while !run.waiting("web").is_empty() {
        let beat = ApiRequest::autoscaling(
            "test",
            "RecordLifecycleActionHeartbeat",
            &[("AutoScalingGroupName", "web"), ("LifecycleHookName", "slow"), ("InstanceId", &leaving)],
        );
        assert_eq!(run.world.call(&beat).status, 200);
        beats += 1;
        run.pass(20);
    }
    assert!((140..=160).contains(&beats), "100 heartbeats of 30 s are 150 of 20 s, not {beats}");
}

#[test]
fn every_launch_hook_has_to_complete_before_in_service() {
    let mut run = Run::of(&fleet(|group| group.hooks.push(HookSpec::launch("second"))));
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(40);
    let hooks: Vec<String> = run.waiting("web").into_iter().map(|(_, hook)| hook).collect();
    assert_eq!(hooks.len(), 3, "{hooks:?}");
    let newcomer = run.waiting("web")[0].0.clone();
    assert_eq!(run.answer("web", "elastic-ip-launch", &newcomer, "CONTINUE"), "OK");
    run.pass(150);
    assert_eq!(run.waiting("web").len(), 1, "CodeDeploy has answered its own");
    assert_eq!(run.lifecycle("web", &newcomer), Some(Lifecycle::PendingWait));
    assert_eq!(run.answer("web", "second", &newcomer, "CONTINUE"), "OK");
    run.pass(5);
    assert_eq!(run.lifecycle("web", &newcomer), Some(Lifecycle::InService));
    assert!(run.world.instance(&newcomer).unwrap().answers());
}

#[test]
fn an_abandoned_launch_is_terminated_and_replaced() {
    let mut run = Run::of(&fleet(|_| {}));
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(40);
    let newcomer = run.waiting("web")[0].0.clone();
    assert_eq!(run.answer("web", "elastic-ip-launch", &newcomer, "ABANDON"), "OK");
    run.pass(120);
    assert!(run.world.instance(&newcomer).unwrap().state.is_dead());
    let others: Vec<_> =
        run.world.group("web").unwrap().members.keys().filter(|id| **id != newcomer).cloned().collect();
    assert_eq!(others.len(), 3);
}

#[test]
fn a_hook_put_later_asks_only_those_who_come_later() {
    let mut run = Run::of(&fleet(|group| group.hooks.clear()));
    run.act(Act::SetDesired { group: "web".into(), desired: 1 });
    run.pass(100);
    assert_eq!(run.world.group("web").unwrap().members.len(), 1);
    run.act(Act::PutHook { group: "web".into(), hook: HookSpec::terminate("late") });
    let last = run.in_service("web")[0].clone();
    run.act(Act::TerminateInGroup { instance: last.clone(), decrement: false });
    run.pass(5);
    assert_eq!(run.waiting("web")[0], (last, "late".to_owned()));
}

#[test]
fn an_unhealthy_mark_is_acted_on_at_once() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::SetHealth { instance: holder.clone(), healthy: false });
    run.pass(3);
    assert!(run.lifecycle("web", &holder).unwrap().is_terminating());
}

#[test]
fn failing_status_checks_are_seen_alarmed_and_replaced_after_a_few_minutes() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::FailStatusChecks { instance: holder.clone() });
    assert_eq!(run.world.serving_at(IP), None);
    let status = ApiRequest::ec2(
        "test",
        "DescribeInstanceStatus",
        &[("Filter.1.Name", "instance-status.status"), ("Filter.1.Value.1", "impaired")],
    );
    assert!(!run.world.call(&status).body.contains(&holder), "the checks run every minute");
    run.pass(240);
    assert!(run.world.call(&status).body.contains(&holder));
    let alarm = run.events().into_iter().find(|e| e["detail-type"] == "CloudWatch Alarm State Change").unwrap();
    let metric = &alarm["detail"]["configuration"]["metrics"][0]["metricStat"]["metric"];
    assert_eq!(metric["dimensions"]["InstanceId"], holder.as_str());
    assert_eq!(metric["name"], "StatusCheckFailed");
    assert_eq!(alarm["detail"]["state"]["value"], "ALARM");
    run.pass(600);
    assert!(!run.in_service("web").contains(&holder));
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn with_a_maintenance_policy_an_unhealthy_member_leaves_after_its_successor_is_in_service() {
    let mut run = Run::of(&bare(|group| {
        (group.min, group.desired) = (1, 1);
        group.maintenance = Some(MaintenanceSpec { min_percent: 100, max_percent: 200 });
    }));
    let only = run.holder();
    run.act(Act::SetHealth { instance: only.clone(), healthy: false });
    run.pass(20);
    assert_eq!(run.lifecycle("web", &only), Some(Lifecycle::InService));
    assert_eq!(run.world.group("web").unwrap().members.len(), 2);
    run.pass(300);
    assert_eq!(run.in_service("web").len(), 1);
    assert!(!run.in_service("web").contains(&only));
}

#[test]
fn a_lost_zone_fails_launches_until_the_group_tries_elsewhere() {
    let mut run = Run::of(&bare(|_| {}));
    run.act(Act::LoseZone { zone: "us-east-1a".into(), silent: false });
    run.pass(1_800);
    let members = run.in_service("web");
    assert_eq!(members.len(), 2);
    assert!(members.iter().all(|m| run.world.instance(m).unwrap().zone == "us-east-1b"));
    assert!(run.detail_types().contains(&"EC2 Instance Launch Unsuccessful".to_owned()));
    run.act(Act::RestoreZone { zone: "us-east-1a".into() });
    run.pass(3_600);
    let zones: std::collections::BTreeSet<_> =
        run.in_service("web").iter().map(|m| run.world.instance(m).unwrap().zone.clone()).collect();
    assert_eq!(zones.len(), 2, "AZRebalance spreads them again");
}

#[test]
fn a_type_that_no_zone_offers_makes_the_group_try_and_fail_forever() {
    let mut run = Run::of(&bare(|group| {
        group.unoffered_zones = group.zones.clone();
        group.min = 1;
    }));
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(1_800);
    assert_eq!(run.world.group("web").unwrap().members.len(), 2);
    let failures = run.events().iter().filter(|e| e["detail-type"] == "EC2 Instance Launch Unsuccessful").count();
    assert!(failures > 10, "{failures}");
}

#[test]
fn a_spot_instance_is_warned_and_taken_though_a_hook_waits() {
    let mut run = Run::of(&fleet(|group| group.spot = true));
    let holder = run.holder();
    run.act(Act::SpotNotice { instance: holder.clone(), lead_seconds: 39 });
    run.pass(38);
    assert!(run.detail_types().contains(&"EC2 Spot Instance Interruption Warning".to_owned()));
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()));
    run.pass(6);
    assert_eq!(run.world.serving_at(IP), None);
}

#[test]
fn a_rebalance_recommendation_launches_first_where_the_group_rebalances_capacity() {
    let mut run = Run::of(&bare(|group| (group.spot, group.capacity_rebalance) = (true, true)));
    let holder = run.holder();
    run.act(Act::Rebalance { instance: holder.clone() });
    run.pass(20);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::InService));
    assert_eq!(run.world.group("web").unwrap().members.len(), 3);
    run.pass(600);
    assert_eq!(run.lifecycle("web", &holder), None);
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn a_warm_pool_gives_its_prepared_instances_and_fills_up_again() {
    let mut run = Run::of(&bare(|group| {
        group.warm_pool = Some(WarmPoolSpec { min: 1, prepared: Some(3), state: "Stopped".into() });
    }));
    let warm = |run: &Run| {
        let group = run.world.group("web").unwrap();
        group.members.values().filter(|m| m.warm).map(|m| (m.instance.clone(), m.lifecycle_state())).collect::<Vec<_>>()
    };
    let before = warm(&run);
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].1, "Warmed:Stopped");
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(400);
    assert!(run.in_service("web").contains(&before[0].0));
    let after = warm(&run);
    assert_eq!(after.len(), 1, "min size");
    assert_ne!(after[0].0, before[0].0);
    run.pass(300);
    assert_eq!(warm(&run)[0].1, "Warmed:Stopped");
}

#[test]
fn standby_and_detach_leave_the_instance_running_and_its_address_on_it() {
    let mut run = Run::of(&bare(|group| group.desired = 3));
    let holder = run.holder();
    run.act(Act::EnterStandby { instance: holder.clone(), decrement: true });
    run.pass(10);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::Standby));
    assert_eq!(run.world.group("web").unwrap().desired, 2);
    run.act(Act::ExitStandby { instance: holder.clone() });
    run.pass(10);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::InService));
    run.act(Act::Detach { instance: holder.clone(), decrement: true });
    run.pass(10);
    assert_eq!(run.lifecycle("web", &holder), None);
    let instance = run.world.instance(&holder).unwrap();
    assert!(!instance.tags.contains_key("aws:autoscaling:groupName"));
    assert_eq!(run.world.serving_at(IP), Some(holder.as_str()));
}

#[test]
fn nobody_notices_a_death_in_standby_until_the_member_comes_back() {
    let mut run = Run::of(&bare(|group| group.desired = 3));
    let holder = run.holder();
    run.act(Act::EnterStandby { instance: holder.clone(), decrement: true });
    run.pass(10);
    run.act(Act::Terminate { instance: holder.clone() });
    run.pass(7_200);
    assert!(run.world.instance(&holder).is_none(), "listed no more");
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::Standby));
    run.act(Act::ExitStandby { instance: holder.clone() });
    run.pass(600);
    assert_eq!(run.lifecycle("web", &holder), None);
    assert_eq!(run.in_service("web").len(), 3);
}

#[test]
fn a_group_whose_health_check_is_suspended_leaves_the_dead_until_it_is_resumed() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Suspend { group: "web".into(), names: vec!["HealthCheck".into()] });
    run.act(Act::Terminate { instance: holder.clone() });
    run.pass(1_800);
    assert_eq!(run.lifecycle("web", &holder), Some(Lifecycle::InService));
    run.act(Act::Resume { group: "web".into(), names: vec!["HealthCheck".into()] });
    run.pass(600);
    assert_eq!(run.lifecycle("web", &holder), None);
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn a_group_that_may_not_launch_terminates_the_unhealthy_and_stays_small() {
    let mut run = Run::of(&bare(|_| {}));
    let holder = run.holder();
    run.act(Act::Suspend { group: "web".into(), names: vec!["Launch".into()] });
    run.act(Act::Terminate { instance: holder });
    run.pass(1_800);
    assert_eq!(run.world.group("web").unwrap().members.len(), 1);
    run.act(Act::Resume { group: "web".into(), names: vec![] });
    run.pass(600);
    assert_eq!(run.in_service("web").len(), 2);
}

#[test]
fn an_instance_refresh_replaces_every_member_and_says_when_it_is_done() {
    for maintenance in [None, Some(MaintenanceSpec { min_percent: 100, max_percent: 200 })] {
        let mut run = Run::of(&bare(|group| group.maintenance = maintenance));
        let before = run.in_service("web");
        run.act(Act::StartInstanceRefresh { group: "web".into() });
        let mut least = usize::MAX;
        for _ in 0..400 {
            run.pass(5);
            least = least.min(run.in_service("web").len());
        }
        let after = run.in_service("web");
        assert_eq!(after.len(), 2);
        assert!(after.iter().all(|id| !before.contains(id)));
        assert_eq!(least, if maintenance.is_some() { 2 } else { 1 });
        let kinds = run.detail_types();
        assert!(kinds.contains(&"EC2 Auto Scaling Instance Refresh Started".to_owned()));
        assert!(kinds.contains(&"EC2 Auto Scaling Instance Refresh Succeeded".to_owned()));
    }
}

#[test]
fn blue_green_brings_up_a_copy_with_the_same_tags_and_scales_the_old_group_to_zero() {
    let mut run = Run::of(&bare(|_| {}));
    run.act(Act::BlueGreen { group: "web".into(), green: "CodeDeploy_web_d-1".into() });
    run.pass(100);
    assert_eq!(run.in_service("web").len(), 2);
    run.pass(900);
    assert_eq!(run.in_service("CodeDeploy_web_d-1").len(), 2);
    assert_eq!(run.world.group("web").unwrap().members.len(), 0);
    assert_eq!(run.world.group("CodeDeploy_web_d-1").unwrap().tags["lethargic-panda:fleet"].0, "web");
}

#[test]
fn a_broken_build_never_comes_into_service() {
    let mut run = Run::of(&bare(|_| {}));
    run.act(Act::BreakBoots { group: "web".into(), broken: true });
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    run.pass(3_600);
    assert_eq!(run.in_service("web").len(), 2);
    let abandoned = run.world.journal().iter().filter(
        |entry| matches!(&entry.kind, Kind::HookAnswered { by: AnsweredBy::CodeDeploy, result, .. } if result == "ABANDON"),
    );
    assert!(abandoned.count() > 5);
}

#[test]
fn the_articles_user_data_takes_the_address_before_the_application_answers() {
    let mut run = Run::of(&bare(|group| group.boot_steal = Some(IP.to_owned())));
    let holder = run.holder();
    run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    let mut gap = 0;
    for _ in 0..300 {
        run.pass(1);
        gap += u32::from(run.world.serving_at(IP).is_none());
    }
    let thief = run.holder();
    assert_ne!(thief, holder);
    assert!(gap > 15, "the site was down for {gap} s though nobody died");
    let calls: Vec<_> = run
        .world
        .journal()
        .iter()
        .filter_map(|entry| match &entry.kind {
            Kind::Call { caller, operation, .. } if *caller == thief => Some(operation.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(calls, ["DisassociateAddress", "AssociateAddress"]);
}

#[test]
fn the_same_seed_lives_the_same_life() {
    let life = |seed| {
        let mut run = Run::seeded(seed, &bare(|_| {}));
        let holder = run.holder();
        run.act(Act::Terminate { instance: holder });
        run.pass(3_600);
        serde_json::to_string(run.world.journal()).unwrap()
    };
    assert_eq!(life(7), life(7));
    assert_ne!(life(7), life(8));
}

#[test]
fn a_fleet_file_needs_only_what_differs_from_the_defaults_and_says_what_is_wrong() {
    let spec: FleetSpec = serde_json::from_str(r#"{"groups":[{"name":"api","desired":3}]}"#).unwrap();
    assert_eq!((spec.groups[0].desired, spec.groups[0].max), (3, 4));
    assert_eq!(spec.check(), Ok(()));
    let bad = FleetSpec { groups: vec![GroupSpec { desired: 9, ..GroupSpec::default() }], ..FleetSpec::default() };
    assert!(bad.check().unwrap_err().contains("desired 9"));
}
