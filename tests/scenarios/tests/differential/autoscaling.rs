//! Calls of Auto Scaling.

use serde_json::{Value, json};

use super::{
    call::Call,
    model::{Dice, KEYS, PATTERNS, Seen, UNKNOWN_INSTANCE, VALUES, filter, list, text},
};

type Maker = fn(&mut Dice, &Seen) -> Option<Call>;

pub(crate) const GROUPS: [&str; 3] = ["web", "api", "batch"];

pub(crate) const MAKERS: &[Maker] = &[
    create,
    create_wrongly,
    update,
    update_wrongly,
    delete,
    set_desired,
    set_desired,
    groups,
    groups,
    members,
    tag,
    tag,
    untag,
    tags,
    put_hook,
    put_hook,
    delete_hook,
    hooks,
    health,
    terminate,
    protect,
    enter_standby,
    exit_standby,
    exit_standby,
    detach,
    suspend,
    resume,
    warm_pool,
    activities,
];

const PROCESSES: [&str; 4] = ["AZRebalance", "AlarmNotification", "ScheduledActions", "InstanceRefresh"];
const LAUNCHING: &str = "autoscaling:EC2_INSTANCE_LAUNCHING";
const TERMINATING: &str = "autoscaling:EC2_INSTANCE_TERMINATING";

fn read(operation: &'static str, case: &'static str, input: Value) -> Option<Call> {
    Some(Call::read("autoscaling", operation, case, input))
}

fn write(operation: &'static str, case: &'static str, input: Value) -> Option<Call> {
    Some(Call::write("autoscaling", operation, case, input))
}

fn number(group: &Value, name: &str) -> u64 {
    group[name].as_u64().unwrap_or_default()
}

fn a_group(dice: &mut Dice, seen: &Seen) -> Option<Value> {
    dice.pick(&seen.groups)
}

/// A tag of a group, as the client takes it.
fn a_tag(dice: &mut Dice, group: &Value) -> Value {
    json!({"ResourceId": group, "ResourceType": "auto-scaling-group", "Key": dice.of(KEYS), "Value": dice.of(VALUES),
        "PropagateAtLaunch": dice.one_in(2)})
}

/// In one zone: how instances are spread over zones, moto leaves to chance.
pub(crate) fn create(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let free: Vec<&str> = GROUPS
        .into_iter()
        .filter(|name| seen.groups.iter().all(|group| group["AutoScalingGroupName"] != *name))
        .collect();
    let name = json!(dice.pick(&free)?);
    let (min, max) = (dice.below(2), 2 + dice.below(3));
    let mut input = json!({
        "AutoScalingGroupName": name, "MinSize": min, "MaxSize": max,
        "LaunchTemplate": {"LaunchTemplateName": "web", "Version": "$Latest"},
    });
    if dice.one_in(2) {
        input["VPCZoneIdentifier"] = json!("{subnet:1}");
    } else {
        input["AvailabilityZones"] = json!(["us-east-1a"]);
    }
    if !dice.one_in(4) {
        input["DesiredCapacity"] = json!(min + dice.below(max - min + 1));
    }
    if dice.one_in(2) {
        input["Tags"] = json!([a_tag(dice, &name)]);
    }
    if dice.one_in(4) {
        input["HealthCheckGracePeriod"] = json!(60);
        input["DefaultCooldown"] = json!(120);
        input["HealthCheckType"] = json!("EC2");
    }
    if dice.one_in(5) {
        input["NewInstancesProtectedFromScaleIn"] = json!(true);
    }
    write("CreateAutoScalingGroup", "well", input)
}

fn create_wrongly(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let template = json!({"LaunchTemplateName": "web", "Version": "$Latest"});
    let (zones, none): (Value, Value) = (json!(["us-east-1a"]), json!([]));
    let of = |name: &Value, min: u64, max: u64, desired: u64, zones: &Value, template: &Value| {
        json!({"AutoScalingGroupName": name, "MinSize": min, "MaxSize": max, "DesiredCapacity": desired,
            "AvailabilityZones": zones, "LaunchTemplate": template})
    };
    let name = json!("wrong");
    let (case, input) = match dice.below(6) {
        0 => ("of a name that is taken", of(&a_group(dice, seen)?["AutoScalingGroupName"], 0, 1, 0, &zones, &template)),
        1 => ("with more at least than at most", of(&name, 3, 1, 2, &zones, &template)),
        2 => ("wanting more than at most", of(&name, 0, 1, 2, &zones, &template)),
        3 => ("wanting less than at least", of(&name, 2, 3, 1, &zones, &template)),
        4 => ("nowhere", of(&name, 0, 1, 0, &none, &template)),
        _ => (
            "in an unknown subnet",
            json!({"AutoScalingGroupName": name, "MinSize": 0, "MaxSize": 1,
            "VPCZoneIdentifier": "subnet-0123456789abcdef0", "LaunchTemplate": template}),
        ),
    };
    write("CreateAutoScalingGroup", case, input)
}

/// Members in service that a scale-in may take. Which of several is taken, AWS's policy says and moto does not know; so the sizes are
/// chosen so that there is no choice.
fn may_shrink_to(group: &Value, size: u64) -> bool {
    let members = list(group, "Instances");
    let counted: Vec<&&Value> = members.iter().filter(|each| each["LifecycleState"] == "InService").collect();
    let open = counted.iter().filter(|each| each["ProtectedFromScaleIn"] == false).count() as u64;
    let now = counted.len() as u64;
    size >= now || now - size == open
}

fn update(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let mut input = json!({"AutoScalingGroupName": group["AutoScalingGroupName"]});
    let (min, max, desired) = (number(&group, "MinSize"), number(&group, "MaxSize"), number(&group, "DesiredCapacity"));
    let case = match dice.below(5) {
        0 => {
            input["MaxSize"] = json!(desired.max(1) + dice.below(3));
            "at most"
        }
        1 if min <= desired => {
            input["MinSize"] = json!(dice.below(desired + 1));
            "at least"
        }
        2 => {
            input["HealthCheckGracePeriod"] = json!(30 + dice.below(3) * 30);
            input["NewInstancesProtectedFromScaleIn"] = json!(dice.one_in(2));
            "settings"
        }
        3 if max > desired => {
            input["MinSize"] = json!(desired + 1);
            "at least more than is wanted"
        }
        _ => {
            let wanted = min + dice.below(max - min + 1);
            if !may_shrink_to(&group, wanted) {
                return None;
            }
            input["DesiredCapacity"] = json!(wanted);
            "wanted"
        }
    };
    write("UpdateAutoScalingGroup", case, input)
}

fn update_wrongly(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let (name, max) = (&group["AutoScalingGroupName"], number(&group, "MaxSize"));
    match dice.below(3) {
        0 => write("UpdateAutoScalingGroup", "unknown", json!({"AutoScalingGroupName": "nobody", "MaxSize": 1})),
        1 => write(
            "UpdateAutoScalingGroup",
            "more at least than at most",
            json!({"AutoScalingGroupName": name, "MinSize": max + 1, "MaxSize": max}),
        ),
        _ => write(
            "UpdateAutoScalingGroup",
            "wanting more than at most",
            json!({"AutoScalingGroupName": name, "DesiredCapacity": max + 1}),
        ),
    }
}

fn delete(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let (name, empty) = (&group["AutoScalingGroupName"], list(&group, "Instances").is_empty());
    let protected = list(&group, "Instances").iter().any(|each| each["ProtectedFromScaleIn"] == true);
    let standby = list(&group, "Instances").iter().any(|each| each["LifecycleState"] != "InService");
    match dice.below(4) {
        0 => write("DeleteAutoScalingGroup", "unknown", json!({"AutoScalingGroupName": "nobody"})),
        1 if protected || standby => None,
        1 => write("DeleteAutoScalingGroup", "with force", json!({"AutoScalingGroupName": name, "ForceDelete": true})),
        _ if empty => write("DeleteAutoScalingGroup", "empty", json!({"AutoScalingGroupName": name})),
        _ => write("DeleteAutoScalingGroup", "with members", json!({"AutoScalingGroupName": name})),
    }
}

fn set_desired(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let (name, min, max) = (&group["AutoScalingGroupName"], number(&group, "MinSize"), number(&group, "MaxSize"));
    let of = |name: &Value, size: u64| json!({"AutoScalingGroupName": name, "DesiredCapacity": size});
    match dice.below(8) {
        0 => write("SetDesiredCapacity", "of an unknown one", of(&json!("nobody"), 1)),
        1 => write("SetDesiredCapacity", "more than at most", of(name, max + 1)),
        2 if min > 0 => write("SetDesiredCapacity", "less than at least", of(name, min - 1)),
        _ => {
            let size = min + dice.below(max - min + 1);
            may_shrink_to(&group, size)
                .then(|| Call::write("autoscaling", "SetDesiredCapacity", "within bounds", of(name, size)))
        }
    }
}

fn groups(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let operation = "DescribeAutoScalingGroups";
    let key = format!("tag:{}", dice.of(KEYS));
    match dice.below(8) {
        0 => read(operation, "by name", json!({"AutoScalingGroupNames": [dice.of(GROUPS), "nobody"]})),
        1 => Some(read(operation, "in pages", json!({"MaxRecords": 1}))?.paged("AutoScalingGroups")),
        2 => read(operation, "by tag", json!({"Filters": [filter(&key, &[dice.of(VALUES)])]})),
        3 => read(operation, "by one tag or the other", json!({"Filters": [filter(&key, &["web", "web-2"])]})),
        4 => read(operation, "by tag's key", json!({"Filters": [filter("tag-key", &[dice.of(KEYS)])]})),
        5 => read(
            operation,
            "by tag's value",
            json!({"Filters": [filter("tag-value", &[dice.of(["web", "a b", "nobody"])])]}),
        ),
        6 => read(operation, "by tag's pattern", json!({"Filters": [filter(&key, &[dice.of(PATTERNS)])]})),
        _ => {
            let name = text(&a_group(dice, seen)?, "AutoScalingGroupName");
            read(
                operation,
                "by name and tag",
                json!({"AutoScalingGroupNames": [name], "Filters": [filter(&key, &["web"])]}),
            )
        }
    }
}

fn members(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let operation = "DescribeAutoScalingInstances";
    let ids: Vec<String> = seen.members().into_iter().map(|(_, id, _)| id).collect();
    match dice.below(4) {
        0 => read(operation, "all", json!({})),
        1 => Some(read(operation, "in pages", json!({"MaxRecords": 2}))?.paged("AutoScalingInstances")),
        2 => read(operation, "unknown", json!({"InstanceIds": [UNKNOWN_INSTANCE]})),
        _ if ids.is_empty() => None,
        _ => read(operation, "by id", json!({"InstanceIds": dice.some(&ids, 2)})),
    }
}

fn tag(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    match dice.below(5) {
        0 => write("CreateOrUpdateTags", "of an unknown one", json!({"Tags": [a_tag(dice, &json!("nobody"))]})),
        _ => write("CreateOrUpdateTags", "well", json!({"Tags": [a_tag(dice, &group["AutoScalingGroupName"])]})),
    }
}

fn untag(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let name = &group["AutoScalingGroupName"];
    let of = |name: &Value, key: &str| json!({"Tags": [{"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": key}]});
    let held = dice.pick(&list(&group, "Tags")).map(|tag| text(tag, "Key"));
    match dice.below(4) {
        0 => write("DeleteTags", "of an unknown one", of(&json!("nobody"), "team")),
        1 => write("DeleteTags", "a key that it may have", of(name, dice.of(KEYS))),
        _ => write("DeleteTags", "well", of(name, &held?)),
    }
}

fn tags(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (case, filters) = match dice.below(6) {
        0 => ("all", json!([])),
        1 => ("by key", json!([filter("key", &[dice.of(KEYS)])])),
        2 => ("by value", json!([filter("value", &[dice.of(["web", "a b", "nobody"])])])),
        3 => {
            ("by group", json!([filter("auto-scaling-group", &[&text(&a_group(dice, seen)?, "AutoScalingGroupName")])]))
        }
        4 => ("by propagation", json!([filter("propagate-at-launch", &[dice.of(["true", "false"])])])),
        _ => ("by what is no filter", json!([filter("colour", &["red"])])),
    };
    read("DescribeTags", case, json!({"Filters": filters}))
}

/// A launch hook goes on by default, so that an hour brings its group to rest.
fn put_hook(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let group = a_group(dice, seen)?;
    let of = |group: &Value, name: &str, transition: &str, heartbeat: u64, result: &str| {
        json!({"AutoScalingGroupName": group, "LifecycleHookName": name, "LifecycleTransition": transition,
            "HeartbeatTimeout": heartbeat, "DefaultResult": result})
    };
    let (name, seconds) = (&group["AutoScalingGroupName"], dice.of([30, 60, 300]));
    let (case, input) = match dice.below(8) {
        0 => ("of an unknown group", of(&json!("nobody"), "in", LAUNCHING, 60, "CONTINUE")),
        1 => ("with too short a heartbeat", of(name, "in", LAUNCHING, 10, "CONTINUE")),
        2 => ("of an unknown transition", of(name, "in", "autoscaling:PANDA", 60, "CONTINUE")),
        3 => ("with an unknown result", of(name, "in", LAUNCHING, 60, "PANDA")),
        4 => (
            "with the defaults",
            json!({"AutoScalingGroupName": name, "LifecycleHookName": "defaults", "LifecycleTransition": TERMINATING}),
        ),
        5 => ("well", of(name, "out", TERMINATING, seconds, dice.of(["CONTINUE", "ABANDON"]))),
        _ => ("well", of(name, dice.of(["in", "first"]), LAUNCHING, seconds, "CONTINUE")),
    };
    write("PutLifecycleHook", case, input)
}

fn delete_hook(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let of = |group: &str, hook: &str| json!({"AutoScalingGroupName": group, "LifecycleHookName": hook});
    match dice.below(4) {
        0 => write("DeleteLifecycleHook", "of an unknown group", of("nobody", "in")),
        1 => {
            write("DeleteLifecycleHook", "unknown", of(&text(&a_group(dice, seen)?, "AutoScalingGroupName"), "nobody"))
        }
        _ => {
            let hook = dice.pick(&seen.hooks)?;
            write(
                "DeleteLifecycleHook",
                "well",
                of(&text(&hook, "AutoScalingGroupName"), &text(&hook, "LifecycleHookName")),
            )
        }
    }
}

fn hooks(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = text(&a_group(dice, seen)?, "AutoScalingGroupName");
    match dice.below(3) {
        0 => read("DescribeLifecycleHooks", "of an unknown group", json!({"AutoScalingGroupName": "nobody"})),
        1 => read(
            "DescribeLifecycleHooks",
            "unknown",
            json!({"AutoScalingGroupName": name, "LifecycleHookNames": ["nobody"]}),
        ),
        _ => read(
            "DescribeLifecycleHooks",
            "by name",
            json!({"AutoScalingGroupName": name, "LifecycleHookNames": ["in", "out"]}),
        ),
    }
}

/// A member in one of these states, with its group.
fn a_member(dice: &mut Dice, seen: &Seen, state: &str) -> Option<(Value, String)> {
    let members = seen.members().into_iter().filter(|(.., now)| now == state);
    dice.pick(&members.map(|(group, id, _)| (group.clone(), id)).collect::<Vec<_>>())
}

fn health(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let of = |id: &str, word: &str| json!({"InstanceId": id, "HealthStatus": word, "ShouldRespectGracePeriod": false});
    match dice.below(5) {
        0 => write("SetInstanceHealth", "of an unknown one", of(UNKNOWN_INSTANCE, "Unhealthy")),
        1 => write(
            "SetInstanceHealth",
            "of no member",
            of(&dice.pick(&seen.free_ids(&["running", "stopped"]))?, "Unhealthy"),
        ),
        2 => write("SetInstanceHealth", "with an unknown word", of(&a_member(dice, seen, "InService")?.1, "Panda")),
        3 => write("SetInstanceHealth", "unhealthy", of(&a_member(dice, seen, "InService")?.1, "Unhealthy")),
        _ => write("SetInstanceHealth", "healthy", of(&a_member(dice, seen, "InService")?.1, "Healthy")),
    }
}

fn at_least(group: &Value) -> bool {
    number(group, "DesiredCapacity") <= number(group, "MinSize")
}

fn terminate(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let operation = "TerminateInstanceInAutoScalingGroup";
    let of = |id: &str, less: bool| json!({"InstanceId": id, "ShouldDecrementDesiredCapacity": less});
    let (group, member) = a_member(dice, seen, "InService")?;
    match dice.below(5) {
        0 => write(operation, "unknown", of(UNKNOWN_INSTANCE, false)),
        1 => write(operation, "no member", of(&dice.pick(&seen.free_ids(&["running", "stopped"]))?, false)),
        2 if at_least(&group) => write(operation, "one less than at least", of(&member, true)),
        2 => write(operation, "one less", of(&member, true)),
        _ => write(operation, "replaced", of(&member, false)),
    }
}

fn protect(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (group, member) = a_member(dice, seen, "InService")?;
    let of = |group: &Value, id: &str, on: bool| json!({"AutoScalingGroupName": group, "InstanceIds": [id], "ProtectedFromScaleIn": on});
    let name = &group["AutoScalingGroupName"];
    match dice.below(5) {
        0 => write("SetInstanceProtection", "of an unknown group", of(&json!("nobody"), &member, true)),
        1 => write("SetInstanceProtection", "of no member", of(name, UNKNOWN_INSTANCE, true)),
        _ => write("SetInstanceProtection", "well", of(name, &member, dice.one_in(2))),
    }
}

fn step(dice: &mut Dice, seen: &Seen, operation: &'static str) -> Option<Call> {
    let (group, member) = a_member(dice, seen, "InService")?;
    let of = |group: &Value, id: &str, less: bool| json!({"AutoScalingGroupName": group, "InstanceIds": [id], "ShouldDecrementDesiredCapacity": less});
    let name = &group["AutoScalingGroupName"];
    match dice.below(6) {
        0 => write(operation, "of an unknown group", of(&json!("nobody"), &member, false)),
        1 => write(operation, "no member", of(name, UNKNOWN_INSTANCE, false)),
        2 | 3 if at_least(&group) => write(operation, "one less than at least", of(name, &member, true)),
        2 | 3 => write(operation, "one less", of(name, &member, true)),
        _ => write(operation, "replaced", of(name, &member, false)),
    }
}

fn enter_standby(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    step(dice, seen, "EnterStandby")
}

fn detach(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    step(dice, seen, "DetachInstances")
}

fn exit_standby(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let of = |group: &Value, id: &str| json!({"AutoScalingGroupName": group, "InstanceIds": [id]});
    if dice.one_in(5) {
        let (group, member) = a_member(dice, seen, "InService")?;
        return write("ExitStandby", "one that is in service", of(&group["AutoScalingGroupName"], &member));
    }
    let (group, member) = a_member(dice, seen, "Standby")?;
    let full = number(&group, "DesiredCapacity") >= number(&group, "MaxSize");
    let case = if full { "one more than at most" } else { "well" };
    write("ExitStandby", case, of(&group["AutoScalingGroupName"], &member))
}

fn suspend(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = a_group(dice, seen)?["AutoScalingGroupName"].clone();
    match dice.below(5) {
        0 => write("SuspendProcesses", "of an unknown group", json!({"AutoScalingGroupName": "nobody"})),
        1 => write(
            "SuspendProcesses",
            "an unknown one",
            json!({"AutoScalingGroupName": name, "ScalingProcesses": ["Panda"]}),
        ),
        _ => write(
            "SuspendProcesses",
            "well",
            json!({"AutoScalingGroupName": name, "ScalingProcesses": dice.some(&PROCESSES, 2)}),
        ),
    }
}

fn resume(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = a_group(dice, seen)?["AutoScalingGroupName"].clone();
    match dice.below(4) {
        0 => write("ResumeProcesses", "of an unknown group", json!({"AutoScalingGroupName": "nobody"})),
        1 => write("ResumeProcesses", "all", json!({"AutoScalingGroupName": name})),
        _ => write(
            "ResumeProcesses",
            "well",
            json!({"AutoScalingGroupName": name, "ScalingProcesses": dice.some(&PROCESSES, 2)}),
        ),
    }
}

fn warm_pool(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = a_group(dice, seen)?["AutoScalingGroupName"].clone();
    read("DescribeWarmPool", "where there is none", json!({"AutoScalingGroupName": name}))
}

fn activities(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = a_group(dice, seen)?["AutoScalingGroupName"].clone();
    match dice.below(2) {
        0 => read("DescribeScalingActivities", "of an unknown group", json!({"AutoScalingGroupName": "nobody"})),
        _ => read("DescribeScalingActivities", "of a group", json!({"AutoScalingGroupName": name})),
    }
}
