//! What `panda_domain::event` makes of each kind of event, member by member, and what `panda_domain::failover` may conclude from it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![allow(clippy::needless_pass_by_value, reason = "events are written where they are told")]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    event::{
        ActivityResult, Concern, Event, Ignored, InstanceRefresh, InstanceState, Kind, LifecycleAction, Place,
        RebalanceRecommendation, RefreshPhase, ScalingActivity, ScheduledChange, SpotInterruption, StateChange,
        StatusCheckAlarm, Sweep, Transition, decode,
    },
    failover::{Evidence, FRESH, Leaving, LeavingReason, WaitingHook},
    ids::InstanceId,
};
use serde_json::{Value, json};

const OLD: &str = "i-0old";
const NEW: &str = "i-0new";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn noon() -> Timestamp {
    at("2026-05-07T12:00:00Z")
}

fn envelope(source: &str, detail_type: &str, detail: Value) -> Value {
    json!({
        "id": "6f1c", "source": source, "detail-type": detail_type, "time": "2026-05-07T12:00:00Z", "detail": detail,
    })
}

/// What an event of this kind at noon is read as.
fn read(source: &str, detail_type: &str, detail: Value) -> Event {
    let event = decode(&envelope(source, detail_type, detail)).unwrap();
    assert_eq!((event.id.as_str(), event.time), ("6f1c", Some(noon())));
    event
}

fn kind(source: &str, detail_type: &str, detail: Value) -> Kind {
    read(source, detail_type, detail).kind
}

fn instances(ids: &[&str]) -> BTreeSet<InstanceId> {
    ids.iter().map(|id| InstanceId::from(*id)).collect()
}

fn lifecycle(transition: &str, origin: &str, destination: &str) -> Value {
    json!({
        "AutoScalingGroupName": "web", "LifecycleHookName": "elastic-ip", "EC2InstanceId": OLD,
        "LifecycleTransition": transition, "Origin": origin, "Destination": destination,
    })
}

const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";
const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";

#[test]
fn a_lifecycle_action_says_who_waits_where_and_why() {
    for (detail_type, written, transition) in [
        ("EC2 Instance-launch Lifecycle Action", LAUNCHING, Transition::Launching),
        ("EC2 Instance-terminate Lifecycle Action", TERMINATING, Transition::Terminating),
    ] {
        for (from, origin) in [
            ("EC2", Place::Ec2),
            ("AutoScalingGroup", Place::Group),
            ("WarmPool", Place::WarmPool),
            ("Moon", Place::Unsaid),
        ] {
            let expected = LifecycleAction {
                group: "web".into(),
                instance: OLD.into(),
                hook: "elastic-ip".into(),
                transition,
                origin,
                destination: Place::Ec2,
            };
            assert_eq!(
                kind("aws.autoscaling", detail_type, lifecycle(written, from, "EC2")),
                Kind::LifecycleAction(expected)
            );
        }
    }
    let event = read(
        "aws.autoscaling",
        "EC2 Instance-launch Lifecycle Action",
        lifecycle(LAUNCHING, "EC2", "AutoScalingGroup"),
    );
    assert_eq!(event.concern(), Concern::Group("web".into()));
    assert_eq!(event.to_string(), "`i-0old` waits in hook `elastic-ip` while launching");
    let event =
        read("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action", lifecycle(TERMINATING, "EC2", "EC2"));
    assert_eq!(event.to_string(), "`i-0old` waits in hook `elastic-ip` while terminating");
}

#[test]
fn a_launch_or_termination_that_ended_says_how() {
    for (detail_type, result, says) in [
        ("EC2 Instance Launch Successful", ActivityResult::Launched, "launched"),
        ("EC2 Instance Launch Unsuccessful", ActivityResult::LaunchFailed, "failed to launch"),
        ("EC2 Instance Terminate Successful", ActivityResult::Terminated, "terminated"),
        ("EC2 Instance Terminate Unsuccessful", ActivityResult::TerminateFailed, "failed to terminate"),
    ] {
        let event = read("aws.autoscaling", detail_type, json!({"AutoScalingGroupName": "web", "EC2InstanceId": NEW}));
        let expected = ScalingActivity { group: "web".into(), instance: Some(NEW.into()), result };
        assert_eq!(event.kind, Kind::ScalingActivity(expected));
        assert_eq!(event.concern(), Concern::Group("web".into()));
        assert_eq!(event.to_string(), format!("`i-0new` of `web` {says}"));
    }
    let early = read("aws.autoscaling", "EC2 Instance Launch Unsuccessful", json!({"AutoScalingGroupName": "web"}));
    assert_eq!(early.to_string(), "`an instance` of `web` failed to launch");
}

#[test]
fn a_refresh_says_how_far_it_is() {
    for (written, phase, says) in [
        ("Started", RefreshPhase::Started, "started"),
        ("Checkpoint Reached", RefreshPhase::Checkpoint, "checkpoint reached"),
        ("Succeeded", RefreshPhase::Succeeded, "succeeded"),
        ("Failed", RefreshPhase::Failed, "failed"),
        ("Cancelled", RefreshPhase::Cancelled, "cancelled"),
        ("Paused", RefreshPhase::Unknown("Paused".into()), "Paused"),
    ] {
        let detail_type = format!("EC2 Auto Scaling Instance Refresh {written}");
        let event = read("aws.autoscaling", &detail_type, json!({"AutoScalingGroupName": "web"}));
        assert_eq!(event.kind, Kind::InstanceRefresh(InstanceRefresh { group: "web".into(), phase }));
        assert_eq!(event.concern(), Concern::Group("web".into()));
        assert_eq!(event.to_string(), format!("instance refresh of `web`: {says}"));
    }
}

#[test]
fn a_state_is_read_and_printed_as_ec2_writes_it() {
    for (written, state) in [
        ("pending", InstanceState::Pending),
        ("running", InstanceState::Running),
        ("stopping", InstanceState::Stopping),
        ("stopped", InstanceState::Stopped),
        ("shutting-down", InstanceState::ShuttingDown),
        ("terminated", InstanceState::Terminated),
        ("dreaming", InstanceState::Unknown("dreaming".into())),
    ] {
        let event =
            read("aws.ec2", "EC2 Instance State-change Notification", json!({"instance-id": OLD, "state": written}));
        assert_eq!(event.kind, Kind::StateChange(StateChange { instance: OLD.into(), state }));
        assert_eq!(event.concern(), Concern::Instances(instances(&[OLD])));
        assert_eq!(event.to_string(), format!("`i-0old` is {written}"));
    }
}

#[test]
fn notices_of_spot_name_the_instance() {
    let warned = |detail| read("aws.ec2", "EC2 Spot Instance Interruption Warning", detail);
    let event = warned(json!({"instance-id": OLD, "instance-action": "stop"}));
    assert_eq!(event.kind, Kind::SpotInterruption(SpotInterruption { instance: OLD.into(), action: "stop".into() }));
    assert_eq!(event.concern(), Concern::Instances(instances(&[OLD])));
    assert_eq!(event.to_string(), "`i-0old` gets a Spot interruption (stop)");
    assert_eq!(warned(json!({"instance-id": OLD})).to_string(), "`i-0old` gets a Spot interruption (unsaid)");
    let event = read("aws.ec2", "EC2 Instance Rebalance Recommendation", json!({"instance-id": OLD}));
    assert_eq!(event.kind, Kind::RebalanceRecommendation(RebalanceRecommendation { instance: OLD.into() }));
    assert_eq!(event.concern(), Concern::Instances(instances(&[OLD])));
    assert_eq!(event.to_string(), "`i-0old` gets a rebalance recommendation");
}

#[test]
fn a_scheduled_change_is_about_instances_of_ec2_and_not_over() {
    let detail = |change: &[(&str, Value)]| {
        let mut detail = json!({
            "service": "EC2", "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
            "eventTypeCategory": "scheduledChange",
            "affectedEntities": [{"entityValue": OLD}, {"entityValue": "vol-1"}, {"entityValue": NEW}, {}],
        });
        for (member, value) in change {
            detail.as_object_mut().unwrap().insert((*member).to_owned(), value.clone());
        }
        envelope("aws.health", "AWS Health Event", detail)
    };
    let event = decode(&detail(&[("statusCode", json!("upcoming"))])).unwrap();
    let code = "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED".to_owned();
    assert_eq!(event.kind, Kind::ScheduledChange(ScheduledChange { instances: instances(&[OLD, NEW]), code }));
    assert_eq!(event.concern(), Concern::Instances(instances(&[OLD, NEW])));
    assert_eq!(event.to_string(), "AWS announces AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED for `i-0new`, `i-0old`");
    for (change, says) in [
        (("service", json!("RDS")), "not about EC2"),
        (("eventTypeCategory", json!("issue")), "not a scheduled change"),
        (("statusCode", json!("closed")), "is closed"),
        (("affectedEntities", json!([])), "without a usable `affectedEntities`"),
        (("eventTypeCode", json!(" ")), "without a usable `eventTypeCode`"),
    ] {
        let ignored = decode(&detail(&[change])).unwrap_err().to_string();
        assert!(ignored.contains(says), "{ignored}");
    }
    assert!(decode(&detail(&[("service", Value::Null)])).is_ok(), "who says nothing of the service may mean EC2");
}

fn alarm(state: &str, metric: &str, dimensions: Value) -> Value {
    json!({
        "alarmName": "web-status", "state": {"value": state},
        "configuration": {"metrics": [
            {"metricStat": {"metric": {"namespace": "AWS/EC2", "name": metric, "dimensions": dimensions}}},
        ]},
    })
}

/// The same on what an expression makes of these metrics.
fn alarm_on_math(metrics: &[Value], expressions: &[&str]) -> Value {
    let metric = |dimensions: &Value| {
        let metric = json!({"namespace": "AWS/EC2", "name": "StatusCheckFailed", "dimensions": dimensions});
        json!({"metricStat": {"metric": metric}, "returnData": false})
    };
    let expressions = expressions.iter().map(|expression| json!({ "expression": expression }));
    let metrics: Vec<Value> = metrics.iter().map(metric).chain(expressions).collect();
    json!({"alarmName": "web-status", "state": {"value": "ALARM"}, "configuration": {"metrics": metrics}})
}

#[test]
fn an_alarm_on_status_checks_says_whose_and_whether_they_fail() {
    let told = |detail| read("aws.cloudwatch", "CloudWatch Alarm State Change", detail);
    let event = told(alarm("ALARM", "StatusCheckFailed_System", json!({"InstanceId": OLD})));
    let by_instance = StatusCheckAlarm {
        name: "web-status".into(),
        failing: true,
        instances: instances(&[OLD]),
        direct: true,
        group: None,
    };
    assert_eq!(event.kind, Kind::StatusCheckAlarm(by_instance));
    assert_eq!(event.concern(), Concern::Instances(instances(&[OLD])));
    assert_eq!(event.to_string(), "alarm `web-status` is ALARM");
    let event = told(alarm("OK", "StatusCheckFailed", json!({"AutoScalingGroupName": "web"})));
    assert_eq!(event.concern(), Concern::Group("web".into()));
    assert_eq!(event.to_string(), "alarm `web-status` is no longer ALARM");
    assert_eq!(told(alarm("ALARM", "StatusCheckFailed", json!({}))).concern(), Concern::Everything);
    let other =
        envelope("aws.cloudwatch", "CloudWatch Alarm State Change", alarm("ALARM", "CPUUtilization", json!({})));
    assert_eq!(
        decode(&other),
        Err(Ignored::Irrelevant { what: "alarm `web-status` is not on status checks".to_owned() })
    );
}

#[test]
fn a_schedule_asks_for_a_look_at_everything() {
    for source in ["aws.events", "aws.scheduler"] {
        let event = read(source, "Scheduled Event", json!({}));
        assert_eq!((&event.kind, event.concern()), (&Kind::Sweep(Sweep), Concern::Everything));
        assert_eq!(event.to_string(), "sweep");
    }
}

#[test]
fn what_asks_for_nothing_says_why() {
    let notice = json!({"Event": "autoscaling:TEST_NOTIFICATION", "detail-type": "EC2 Instance Launch Successful"});
    assert_eq!(decode(&notice), Err(Ignored::TestNotification));
    assert_eq!(Ignored::TestNotification.to_string(), "a test notification");
    let in_hook = envelope(
        "aws.autoscaling",
        "EC2 Instance-launch Lifecycle Action",
        lifecycle("autoscaling:TEST_NOTIFICATION", "EC2", "EC2"),
    );
    assert_eq!(decode(&in_hook), Err(Ignored::TestNotification));
    for nothing in [json!({}), json!(null), json!([1]), json!({"detail-type": ""}), json!({"detail-type": 7})] {
        assert_eq!(decode(&nothing), Err(Ignored::NotAnEvent), "{nothing}");
    }
    assert_eq!(Ignored::NotAnEvent.to_string(), "not an EventBridge event (no `detail-type`)");
    let strange = decode(&envelope("aws.s3", "Object Created", json!({}))).unwrap_err();
    assert_eq!(strange.to_string(), "no reflex for `Object Created` of `aws.s3`");
    let news = envelope("aws.autoscaling", "Predictive Scaling Forecast", json!({"AutoScalingGroupName": "web"}));
    assert!(matches!(decode(&news), Err(Ignored::UnknownKind { .. })), "a group's name makes no refresh");
    // The same words of another sender are another thing.
    assert!(decode(&envelope("my.app", "Scheduled Event", json!({}))).is_err());
    for (source, detail_type, detail, member) in [
        ("aws.ec2", "EC2 Instance State-change Notification", json!({"state": "running"}), "instance-id"),
        ("aws.ec2", "EC2 Instance State-change Notification", json!({"instance-id": OLD}), "state"),
        ("aws.ec2", "EC2 Spot Instance Interruption Warning", json!({}), "instance-id"),
        ("aws.autoscaling", "EC2 Instance Launch Successful", json!({"EC2InstanceId": OLD}), "AutoScalingGroupName"),
        (
            "aws.autoscaling",
            "EC2 Instance-launch Lifecycle Action",
            lifecycle("later", "EC2", "EC2"),
            "LifecycleTransition",
        ),
    ] {
        let ignored = decode(&envelope(source, detail_type, detail)).unwrap_err();
        assert_eq!(ignored, Ignored::Missing { detail_type: detail_type.to_owned(), member });
        assert_eq!(ignored.to_string(), format!("`{detail_type}` without a usable `{member}`"));
    }
}

#[test]
fn an_event_without_id_and_time_is_an_event() {
    let mut bare = envelope("aws.events", "Scheduled Event", json!({}));
    bare.as_object_mut().unwrap().remove("id");
    bare.as_object_mut().unwrap().insert("time".to_owned(), json!("noon"));
    assert_eq!(decode(&bare), Ok(Event { id: String::new(), time: None, kind: Kind::Sweep(Sweep) }));
}

/// What an event of this kind at noon adds to reads that were made so many seconds later.
fn evidence(source: &str, detail_type: &str, detail: Value, seconds: i64) -> Evidence {
    Evidence::of(&read(source, detail_type, detail), noon() + SignedDuration::from_secs(seconds))
}

#[test]
fn a_death_is_for_ever_and_a_halt_is_fresh_for_two_minutes() {
    let told = |state: &str, later| {
        evidence(
            "aws.ec2",
            "EC2 Instance State-change Notification",
            json!({"instance-id": OLD, "state": state}),
            later,
        )
    };
    let fresh = FRESH.as_secs();
    for state in ["shutting-down", "terminated"] {
        let death = told(state, 86_400);
        assert_eq!(death, Evidence { dead: instances(&[OLD]), ..Evidence::default() });
        assert!(death.tells_of_a_death());
    }
    for state in ["stopping", "stopped"] {
        let halt = told(state, fresh);
        assert_eq!(halt, Evidence { halted: [(OLD.into(), noon())].into(), ..Evidence::default() });
        assert!(halt.tells_of_a_death());
        assert_eq!(told(state, fresh + 1), Evidence::default());
    }
    for state in ["pending", "running", "dreaming"] {
        assert_eq!(told(state, 0), Evidence::default());
        assert!(!told(state, 0).tells_of_a_death());
    }
}

#[test]
fn a_notice_marks_who_will_leave_since_when_it_was_given() {
    let leaving = |reason| Evidence {
        leaving: instances(&[OLD]).into_iter().map(|instance| (instance, Leaving::new(reason, noon()))).collect(),
        ..Evidence::default()
    };
    let id = json!({"instance-id": OLD});
    assert_eq!(
        evidence("aws.ec2", "EC2 Spot Instance Interruption Warning", id.clone(), 30),
        leaving(LeavingReason::SpotInterruption)
    );
    assert_eq!(evidence("aws.ec2", "EC2 Instance Rebalance Recommendation", id, 30), leaving(LeavingReason::Rebalance));
    let change = json!({
        "eventTypeCode": "X", "eventTypeCategory": "scheduledChange", "affectedEntities": [{"entityValue": OLD}],
    });
    assert_eq!(evidence("aws.health", "AWS Health Event", change, 30), leaving(LeavingReason::ScheduledChange));
    // A clock that is ahead of ours does not make a notice of tomorrow.
    let early = Evidence::of(
        &read("aws.ec2", "EC2 Instance Rebalance Recommendation", json!({"instance-id": OLD})),
        at("2026-05-07T11:00:00Z"),
    );
    assert!(early.leaving.values().all(|leaving| leaving.since == at("2026-05-07T11:00:00Z")), "{early:?}");
}

#[test]
fn an_alarm_tells_of_failing_checks_for_two_minutes() {
    let told = |state: &str, later| {
        let detail = alarm(state, "StatusCheckFailed", json!({"InstanceId": OLD}));
        evidence("aws.cloudwatch", "CloudWatch Alarm State Change", detail, later)
    };
    assert_eq!(told("ALARM", FRESH.as_secs()), Evidence { impaired: instances(&[OLD]), ..Evidence::default() });
    assert_eq!(told("ALARM", FRESH.as_secs() + 1), Evidence::default());
    assert_eq!(told("OK", 0), Evidence::default());
}

#[test]
fn an_alarm_on_what_is_made_of_several_metrics_is_a_reason_to_look_and_condemns_nobody() {
    let (old, new) = (json!({"InstanceId": OLD}), json!({"InstanceId": NEW}));
    for (detail, concerned) in [
        (alarm_on_math(&[old.clone(), new.clone()], &["m1 + m2"]), instances(&[OLD, NEW])),
        (alarm_on_math(&[old.clone(), new], &[]), instances(&[OLD, NEW])),
        (alarm_on_math(&[old], &["IF(m1 > 0, 0, 1)"]), instances(&[OLD])),
    ] {
        let event = read("aws.cloudwatch", "CloudWatch Alarm State Change", detail);
        assert_eq!(event.concern(), Concern::Instances(concerned));
        assert_eq!(Evidence::of(&event, noon()), Evidence::default(), "{event:?}");
    }
}

#[test]
fn a_lifecycle_action_is_evidence_of_who_waits_and_whether_in_the_warm_pool() {
    for (origin, destination, warm) in [
        ("AutoScalingGroup", "EC2", false),
        ("WarmPool", "EC2", true),
        ("AutoScalingGroup", "WarmPool", true),
        ("WarmPool", "WarmPool", true),
        ("EC2", "Moon", false),
    ] {
        let detail = lifecycle(TERMINATING, origin, destination);
        let told = evidence("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action", detail, 30);
        let waiting = WaitingHook {
            group: "web".into(),
            instance: OLD.into(),
            hook: "elastic-ip".into(),
            transition: Transition::Terminating,
            warm,
            since: noon(),
        };
        assert_eq!(told, Evidence { waiting: Some(waiting), ..Evidence::default() });
    }
}

#[test]
fn a_launch_that_succeeded_says_who_is_in_service_and_what_says_nothing_of_a_server_adds_nothing() {
    assert_eq!(evidence("aws.events", "Scheduled Event", json!({}), 0), Evidence::default());
    let group = json!({"AutoScalingGroupName": "web", "EC2InstanceId": OLD});
    for ended in ["Launch Unsuccessful", "Terminate Successful", "Terminate Unsuccessful"] {
        let told = evidence("aws.autoscaling", &format!("EC2 Instance {ended}"), group.clone(), 0);
        assert_eq!(told, Evidence::default(), "{ended}");
    }
    let launched = Evidence { launched: Some(OLD.into()), ..Evidence::default() };
    assert_eq!(evidence("aws.autoscaling", "EC2 Instance Launch Successful", group.clone(), 0), launched);
    assert_eq!(evidence("aws.autoscaling", "EC2 Auto Scaling Instance Refresh Failed", group, 0), Evidence::default());
}
