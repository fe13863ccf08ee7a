//! Does the world speak AWS's protocols as boto3 does?
//!
//! boto3's models, parsers, paginators and waiters come from AWS itself, so a reply that they take is a reply in AWS's form. What the
//! replies say over time is the matter of the world's own tests.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use jiff::Timestamp;
use panda_scenarios::emulator::{HttpWorld, boto3};
use panda_world::{FleetSpec, GroupSpec, Timing, World, lock};
use serde_json::json;

/// A fleet "web" of two behind one address, the address on the first member.
fn web() -> HttpWorld {
    let mut world = World::new(7, Timestamp::from_second(1_778_160_000).unwrap(), Timing::brisk());
    world.found_fleet(&FleetSpec::default());
    HttpWorld::serve(world)
}

/// What every script begins with.
const LOOK: &str = r#"
def group(name="web"):
    return autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"][0]
def members(name="web"):
    return {member["InstanceId"]: member for member in group(name)["Instances"]}
def instance(id):
    return ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]
def interface(id):
    return [each["NetworkInterfaceId"] for each in instance(id)["NetworkInterfaces"] if each["Attachment"]["DeviceIndex"] == 0][0]
def address():
    return ec2.describe_addresses(Filters=[{"Name": "tag:lethargic-panda:fleet", "Values": ["web"]}])["Addresses"][0]
holder = address()["InstanceId"]
spare = [id for id in members() if id != holder][0]
allocation = address()["AllocationId"]
"#;

fn ask(world: &HttpWorld, script: &str) -> serde_json::Value {
    boto3(&world.endpoint(), &format!("{LOOK}\n{script}"))
}

#[test]
fn an_address_moves_in_one_call_and_only_if_that_is_allowed() {
    let world = web();
    let answer = ask(
        &world,
        r#"
to_spare = dict(AllocationId=allocation, NetworkInterfaceId=interface(spare))
kept = refused(ec2.associate_address, **to_spare, AllowReassociation=False)
before = address()
moved = ec2.associate_address(**to_spare, AllowReassociation=True)["AssociationId"]
again = ec2.associate_address(**to_spare, AllowReassociation=True)["AssociationId"]
after = address()
answer({
    "kept": kept, "by_default": before["InstanceId"] == holder, "moved": after["InstanceId"] == spare,
    "association_changed": before["AssociationId"] != moved, "same_id": after["AssociationId"] in (moved, again),
    "on_interface": after["NetworkInterfaceId"] == to_spare["NetworkInterfaceId"],
    "public": instance(spare)["PublicIpAddress"] == after["PublicIp"],
})
"#,
    );
    assert_eq!(
        answer,
        json!({
            "kept": "Resource.AlreadyAssociated", "by_default": true, "moved": true, "association_changed": true, "same_id": true,
            "on_interface": true, "public": true,
        })
    );
}

#[test]
fn an_address_is_freed_and_taken_and_given_back() {
    let world = web();
    let answer = ask(
        &world,
        r#"
association = address()["AssociationId"]
ec2.disassociate_address(AssociationId=association)
free = "AssociationId" not in address()
twice = refused(ec2.disassociate_address, AssociationId=association)
ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface(spare), AllowReassociation=False)
other = ec2.allocate_address(Domain="vpc")["AllocationId"]
ec2.release_address(AllocationId=other)
answer({"free": free, "twice": twice, "taken": address()["InstanceId"] == spare,
        "released": refused(ec2.describe_addresses, AllocationIds=[other])})
"#,
    );
    assert_eq!(
        answer,
        json!({
            "free": true, "twice": "InvalidAssociationID.NotFound", "taken": true, "released": "InvalidAllocationID.NotFound",
        })
    );
}

#[test]
fn refusals_have_awss_codes() {
    let world = web();
    let answer = ask(
        &world,
        r#"
unknown = "i-0123456789abcdef0"
dead = spare
ec2.terminate_instances(InstanceIds=[dead])
advance(120)
raw = client("autoscaling")
answer([
    refused(ec2.associate_address, AllocationId="eipalloc-0123456789abcdef0", InstanceId=holder),
    refused(ec2.associate_address, AllocationId=allocation, InstanceId=unknown),
    refused(ec2.associate_address, AllocationId=allocation, NetworkInterfaceId="eni-0123456789abcdef0"),
    refused(ec2.associate_address, AllocationId=allocation, InstanceId=dead),
    refused(ec2.describe_instances, InstanceIds=[unknown]),
    refused(ec2.describe_instances, InstanceIds=["web-1"]),
    refused(ec2.terminate_instances, InstanceIds=[unknown]),
    refused(ec2.describe_instances, NextToken="nonsense"),
    refused(ec2.describe_instances, Filters=[{"Name": "colour", "Values": ["blue"]}]),
    refused(ec2.create_vpc, CidrBlock="10.0.0.0/16"),
    refused(autoscaling.set_instance_health, InstanceId=unknown, HealthStatus="Unhealthy"),
    refused(autoscaling.describe_lifecycle_hooks, AutoScalingGroupName="nobody"),
    refused(autoscaling.describe_auto_scaling_groups, NextToken="nonsense"),
    refused(autoscaling.complete_lifecycle_action, AutoScalingGroupName="web", LifecycleHookName="elastic-ip-terminate",
            InstanceId=holder, LifecycleActionResult="CONTINUE"),
])
"#,
    );
    assert_eq!(
        answer,
        json!([
            "InvalidAllocationID.NotFound",
            "InvalidInstanceID.NotFound",
            "InvalidNetworkInterfaceID.NotFound",
            "InvalidInstanceID",
            "InvalidInstanceID.NotFound",
            "InvalidInstanceID.Malformed",
            "InvalidInstanceID.NotFound",
            "InvalidNextToken",
            "InvalidParameterValue",
            "InvalidAction",
            "ValidationError",
            "ValidationError",
            "InvalidNextToken",
            "ValidationError",
        ])
    );
}

#[test]
fn paginators_read_every_page_once() {
    let mut world = World::new(7, Timestamp::from_second(1_778_160_000).unwrap(), Timing::brisk());
    let fleets = ["ant", "bee", "cat"].map(|name| FleetSpec {
        name: name.to_owned(),
        addresses: Vec::new(),
        groups: vec![GroupSpec { name: name.to_owned(), desired: 4, ..GroupSpec::default() }],
        ..FleetSpec::default()
    });
    for fleet in &fleets {
        world.found_fleet(fleet);
    }
    let world = HttpWorld::serve(world);
    let answer = boto3(
        &world.endpoint(),
        r#"
def pages(service, operation, field, size, **arguments):
    found = [page[field] for page in service.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **arguments)]
    return [len(page) for page in found], [item for page in found for item in page]
sizes, groups = pages(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", 2)
instance_sizes, reservations = pages(ec2, "describe_instances", "Reservations", 5)
ids = [instance["InstanceId"] for reservation in reservations for instance in reservation["Instances"]]
status_sizes, statuses = pages(ec2, "describe_instance_status", "InstanceStatuses", 5)
one, _ = pages(autoscaling, "describe_auto_scaling_groups", "AutoScalingGroups", 2,
               Filters=[{"Name": "tag:lethargic-panda:fleet", "Values": ["bee"]}])
answer({
    "groups": sizes, "names": sorted(group["AutoScalingGroupName"] for group in groups), "one": one,
    "pages": len(instance_sizes), "instances": len(ids), "distinct": len(set(ids)),
    "statuses": len({status["InstanceId"] for status in statuses}),
})
"#,
    );
    assert_eq!(
        answer,
        json!({
            "groups": [2, 1], "names": ["ant", "bee", "cat"], "one": [1], "pages": 3, "instances": 12, "distinct": 12, "statuses": 12,
        })
    );
}

#[test]
fn a_hook_holds_a_leaving_member_until_it_is_answered() {
    let world = web();
    let answer = ask(
        &world,
        r#"
hooks = {hook["LifecycleHookName"]: (hook["LifecycleTransition"].rsplit("_", 1)[1], hook["HeartbeatTimeout"], hook["DefaultResult"])
         for hook in autoscaling.describe_lifecycle_hooks(AutoScalingGroupName="web")["LifecycleHooks"]
         if hook["LifecycleHookName"].startswith("elastic-ip")}
autoscaling.put_lifecycle_hook(AutoScalingGroupName="web", LifecycleHookName="mine", HeartbeatTimeout=600,
                               LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING", DefaultResult="CONTINUE")
autoscaling.terminate_instance_in_auto_scaling_group(InstanceId=spare, ShouldDecrementDesiredCapacity=True)
advance(10)
waits = members()[spare]["LifecycleState"], instance(spare)["State"]["Name"]
def complete(hook):
    return dict(AutoScalingGroupName="web", LifecycleHookName=hook, InstanceId=spare, LifecycleActionResult="CONTINUE")
autoscaling.complete_lifecycle_action(**complete("elastic-ip-terminate"))
advance(10)
still = members()[spare]["LifecycleState"]
autoscaling.complete_lifecycle_action(**complete("mine"))
again = refused(autoscaling.complete_lifecycle_action, **complete("mine"))
advance(300)
answer({"hooks": hooks, "waits": waits, "still": still, "again": again, "member": spare in members(),
        "state": instance(spare)["State"]["Name"], "desired": group()["DesiredCapacity"]})
"#,
    );
    assert_eq!(
        answer,
        json!({
            "hooks": {
                "elastic-ip-launch": ["LAUNCHING", 300, "CONTINUE"], "elastic-ip-terminate": ["TERMINATING", 300, "CONTINUE"],
            },
            "waits": ["Terminating:Wait", "running"], "still": "Terminating:Wait", "again": "ValidationError", "member": false,
            "state": "terminated", "desired": 1,
        })
    );
}

#[test]
fn a_killed_member_is_replaced_and_its_address_is_nowhere_until_somebody_puts_it() {
    let world = web();
    let answer = ask(
        &world,
        r#"
gone = ec2.terminate_instances(InstanceIds=[holder])["TerminatingInstances"][0]
at_once = instance(holder)["State"]["Name"]
advance(600)
answer({
    "was": gone["PreviousState"]["Name"], "now": gone["CurrentState"]["Name"], "at_once": at_once, "later": instance(holder)["State"]["Name"],
    "address_on": address().get("InstanceId"), "members": len(members()), "still_member": holder in members(),
    "in_service": sorted({member["LifecycleState"] for member in members().values()}),
})
"#,
    );
    assert_eq!(
        answer,
        json!({
            "was": "running", "now": "shutting-down", "at_once": "shutting-down", "later": "terminated", "address_on": null,
            "members": 2, "still_member": false, "in_service": ["InService"],
        })
    );
}

#[test]
fn tags_are_written_and_found() {
    let world = web();
    let answer = ask(
        &world,
        r#"
ec2.create_tags(Resources=[spare], Tags=[{"Key": "lethargic-panda:leaving", "Value": "tomorrow"}])
def found(name, *values):
    replies = ec2.describe_instances(Filters=[{"Name": name, "Values": list(values)}])["Reservations"]
    return sorted(each["InstanceId"] for reply in replies for each in reply["Instances"])
answer({
    "by_key": found("tag-key", "lethargic-panda:leaving") == [spare],
    "by_value": found("tag:lethargic-panda:leaving", "today", "tomorrow") == [spare],
    "by_group": found("tag:aws:autoscaling:groupName", "web") == sorted([holder, spare]),
    "by_id": found("instance-id", holder, "i-0123456789abcdef0") == [holder],
    "foreign": found("tag:aws:autoscaling:groupName", "api"),
})
"#,
    );
    assert_eq!(answer, json!({"by_key": true, "by_value": true, "by_group": true, "by_id": true, "foreign": []}));
}

#[test]
fn what_a_script_did_is_what_the_world_knows() {
    let world = web();
    let answer = ask(
        &world,
        "ec2.associate_address(AllocationId=allocation, NetworkInterfaceId=interface(spare)); answer([address()['PublicIp'], spare])",
    );
    let known = lock(&world.world);
    let ip = answer.pointer("/0").and_then(serde_json::Value::as_str).unwrap();
    assert_eq!(known.holder_of(ip), answer.pointer("/1").and_then(serde_json::Value::as_str));
}
