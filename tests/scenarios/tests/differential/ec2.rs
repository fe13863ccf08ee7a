//! Calls of EC2.

use serde_json::{Value, json};

use super::{
    call::Call,
    model::{Dice, KEYS, PATTERNS, Seen, UNKNOWN_INSTANCE, VALUES, filter, text},
};

type Maker = fn(&mut Dice, &Seen) -> Option<Call>;

pub(crate) const MAKERS: &[Maker] = &[
    allocate,
    allocate,
    associate,
    associate,
    associate,
    associate,
    associate_wrongly,
    disassociate,
    release,
    terminate,
    stop,
    start,
    attribute,
    protect,
    tag,
    untag,
    tags,
    instances,
    instances,
    instances_wrongly,
    statuses,
    addresses,
    addresses_wrongly,
    network,
    offerings,
    template,
    dry_run,
];

const ALIVE: &[&str] = &["running", "stopped"];
const UNKNOWN_ALLOCATION: &str = "eipalloc-0123456789abcdef0";

fn read(operation: &'static str, case: &'static str, input: Value) -> Option<Call> {
    Some(Call::read("ec2", operation, case, input))
}

fn write(operation: &'static str, case: &'static str, input: Value) -> Option<Call> {
    Some(Call::write("ec2", operation, case, input))
}

pub(crate) fn allocate(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    if seen.addresses.len() >= 5 {
        return None;
    }
    let tags = json!([{"ResourceType": "elastic-ip", "Tags": [{"Key": dice.of(KEYS), "Value": dice.of(VALUES)}]}]);
    match dice.below(3) {
        0 => write("AllocateAddress", "plain", json!({})),
        1 => write("AllocateAddress", "for a VPC", json!({"Domain": "vpc"})),
        _ => write("AllocateAddress", "with a tag", json!({"Domain": "vpc", "TagSpecifications": tags})),
    }
}

fn interface(seen: &Seen, id: &str) -> Option<String> {
    let instance = seen.instances.iter().find(|each| each["InstanceId"] == id)?;
    Some(text(instance["NetworkInterfaces"].get(0)?, "NetworkInterfaceId"))
}

/// Says in its case which of both has an association already: there moto and AWS part.
fn associate(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let address = dice.pick(&seen.addresses)?;
    let instance = dice.pick(&seen.ids_in(&["running", "stopped"]))?;
    let mut input = if dice.one_in(4) {
        json!({"PublicIp": address["PublicIp"]})
    } else {
        json!({"AllocationId": address["AllocationId"]})
    };
    let by_interface = dice.one_in(2);
    if by_interface {
        input["NetworkInterfaceId"] = json!(interface(seen, &instance)?);
    } else {
        input["InstanceId"] = json!(instance);
    }
    let allow = dice.of([None, Some(true), Some(false)]);
    if let Some(allow) = allow {
        input["AllowReassociation"] = json!(allow);
    }
    let taken = seen.addresses.iter().any(|other| other["InstanceId"] == instance && *other != address);
    let case = match (address.get("AssociationId").is_some(), address["InstanceId"] == instance, taken, allow) {
        (true, true, ..) => "again with the same",
        (true, _, true, Some(true)) => "one that is elsewhere with a holder of another",
        (true, _, true, None) => "one that is elsewhere with a holder of another, by default",
        (true, _, true, Some(false)) => "one that is elsewhere with a holder of another, not allowed",
        (true, _, false, Some(true)) => "one that is elsewhere",
        (true, _, false, None) => "one that is elsewhere, by default",
        (true, _, false, Some(false)) => "one that is elsewhere, not allowed",
        (false, _, true, Some(true)) => "a free one with a holder of another",
        (false, _, true, None) => "a free one with a holder of another, by default",
        (false, _, true, Some(false)) => "a free one with a holder of another, not allowed",
        (false, _, false, _) => "a free one with a free instance",
    };
    write("AssociateAddress", case, input)
}

fn associate_wrongly(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let address = dice.pick(&seen.addresses)?;
    let (allocation, ip) = (&address["AllocationId"], &address["PublicIp"]);
    let instance = dice.pick(&seen.ids_in(&["running"]))?;
    let nic = interface(seen, &instance)?;
    let dead = dice.pick(&seen.ids_in(&["terminated"]));
    let (case, input) = match dice.below(10) {
        0 => ("an unknown address", json!({"AllocationId": UNKNOWN_ALLOCATION, "InstanceId": instance})),
        1 => ("an unknown public address", json!({"PublicIp": "192.0.2.99", "InstanceId": instance})),
        2 => ("with an unknown instance", json!({"AllocationId": allocation, "InstanceId": UNKNOWN_INSTANCE})),
        3 => (
            "with an unknown interface",
            json!({"AllocationId": allocation, "NetworkInterfaceId": "eni-0123456789abcdef0"}),
        ),
        4 => ("with nothing", json!({"AllocationId": allocation})),
        5 => ("nothing", json!({"InstanceId": instance})),
        6 => ("with a malformed instance", json!({"AllocationId": allocation, "InstanceId": "panda"})),
        7 => (
            "with an instance and an interface",
            json!({"AllocationId": allocation, "InstanceId": instance, "NetworkInterfaceId": nic}),
        ),
        8 => ("two names of one", json!({"AllocationId": allocation, "PublicIp": ip, "InstanceId": instance})),
        _ => ("with a dead instance", json!({"AllocationId": allocation, "InstanceId": dead?})),
    };
    write("AssociateAddress", case, input)
}

fn disassociate(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let address = dice.pick(&seen.addresses)?;
    let on = address.get("AssociationId");
    let (case, input) = match dice.below(6) {
        0 => ("unknown", json!({"AssociationId": "eipassoc-0123456789abcdef0"})),
        1 => ("nothing", json!({})),
        2 => ("an unknown public address", json!({"PublicIp": "192.0.2.99"})),
        3 if on.is_none() => ("a free one by its public address", json!({"PublicIp": address["PublicIp"]})),
        3 => ("by public address", json!({"PublicIp": address["PublicIp"]})),
        _ => ("by association", json!({"AssociationId": on?})),
    };
    write("DisassociateAddress", case, input)
}

fn release(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let address = dice.pick(&seen.addresses)?;
    let taken = address.get("AssociationId").is_some();
    let (case, input) = match dice.below(5) {
        0 => ("unknown", json!({"AllocationId": UNKNOWN_ALLOCATION})),
        1 => ("nothing", json!({})),
        2 if !taken => ("by public address", json!({"PublicIp": address["PublicIp"]})),
        _ if taken => ("one in use", json!({"AllocationId": address["AllocationId"]})),
        _ => ("free", json!({"AllocationId": address["AllocationId"]})),
    };
    write("ReleaseAddress", case, input)
}

fn terminate(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let standby = seen.members_in("Standby");
    let alive: Vec<String> = seen.ids_in(ALIVE).into_iter().filter(|id| !standby.contains(id)).collect();
    let dead = seen.ids_in(&["terminated"]);
    if alive.is_empty() {
        return None;
    }
    let (case, ids) = match dice.below(9) {
        0 => ("unknown", vec![UNKNOWN_INSTANCE.to_owned()]),
        1 => ("malformed", vec!["panda".to_owned()]),
        2 => ("one that is, one that is not", vec![dice.pick(&alive)?, UNKNOWN_INSTANCE.to_owned()]),
        3 => ("dead ones", vec![dice.pick(&dead)?]),
        4 => ("none", vec![]),
        5 => ("a member in standby", vec![dice.pick(&seen.members_in("Standby"))?]),
        _ => ("alive", dice.some(&alive, 2)),
    };
    write("TerminateInstances", case, json!({"InstanceIds": ids}))
}

fn stop(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (case, ids) = match dice.below(6) {
        0 => ("unknown", vec![UNKNOWN_INSTANCE.to_owned()]),
        1 => ("dead", vec![dice.pick(&seen.ids_in(&["terminated"]))?]),
        2 => ("a member of a group", vec![dice.pick(&seen.members()).map(|(_, id, _)| id)?]),
        3 => ("stopped ones", vec![dice.pick(&seen.free_ids(&["stopped"]))?]),
        _ => ("running", vec![dice.pick(&seen.free_ids(&["running"]))?]),
    };
    write("StopInstances", case, json!({"InstanceIds": ids}))
}

fn start(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (case, ids) = match dice.below(6) {
        0 => ("unknown", vec![UNKNOWN_INSTANCE.to_owned()]),
        1 => ("dead", vec![dice.pick(&seen.ids_in(&["terminated"]))?]),
        2 => ("running ones", vec![dice.pick(&seen.ids_in(&["running"]))?]),
        _ => ("stopped", vec![dice.pick(&seen.free_ids(&["stopped"]))?]),
    };
    write("StartInstances", case, json!({"InstanceIds": ids}))
}

fn attribute(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let name = "disableApiTermination";
    let ids = seen.ids_in(ALIVE);
    match dice.below(3) {
        0 => read(
            "DescribeInstanceAttribute",
            "of an unknown one",
            json!({"InstanceId": UNKNOWN_INSTANCE, "Attribute": name}),
        ),
        _ => read("DescribeInstanceAttribute", "known", json!({"InstanceId": dice.pick(&ids)?, "Attribute": name})),
    }
}

fn protect(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let value = json!({"Value": dice.one_in(2)});
    let (case, id) = match dice.below(4) {
        0 => ("of an unknown one", UNKNOWN_INSTANCE.to_owned()),
        _ => ("known", dice.pick(&seen.ids_in(&["running"]))?),
    };
    write("ModifyInstanceAttribute", case, json!({"InstanceId": id, "DisableApiTermination": value}))
}

fn taggable(dice: &mut Dice, seen: &Seen) -> Option<String> {
    let addresses = seen.addresses.iter().map(|each| text(each, "AllocationId"));
    dice.pick(&seen.ids_in(ALIVE).into_iter().chain(addresses).collect::<Vec<_>>())
}

fn tag(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let tags = json!([{"Key": dice.of(KEYS), "Value": dice.of(VALUES)}]);
    let (case, input) = match dice.below(8) {
        0 => ("an unknown instance", json!({"Resources": [UNKNOWN_INSTANCE], "Tags": tags})),
        1 => ("an unknown address", json!({"Resources": [UNKNOWN_ALLOCATION], "Tags": tags})),
        2 => ("malformed", json!({"Resources": ["panda"], "Tags": tags})),
        3 => (
            "with a key of AWS's",
            json!({"Resources": [taggable(dice, seen)?], "Tags": [{"Key": "aws:x", "Value": "1"}]}),
        ),
        4 => ("with nothing", json!({"Resources": [taggable(dice, seen)?], "Tags": []})),
        _ => ("known", json!({"Resources": [taggable(dice, seen)?], "Tags": tags})),
    };
    write("CreateTags", case, input)
}

fn untag(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (key, value) = (dice.of(KEYS), dice.of(VALUES));
    let (case, input) = match dice.below(6) {
        0 => ("of an unknown instance", json!({"Resources": [UNKNOWN_INSTANCE], "Tags": [{"Key": key}]})),
        1 => ("by key", json!({"Resources": [taggable(dice, seen)?], "Tags": [{"Key": key}]})),
        2 => ("of a free instance, all", json!({"Resources": [dice.pick(&seen.free_ids(ALIVE))?]})),
        _ => {
            ("by key and value", json!({"Resources": [taggable(dice, seen)?], "Tags": [{"Key": key, "Value": value}]}))
        }
    };
    write("DeleteTags", case, input)
}

fn tags(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (case, filters) = match dice.below(6) {
        0 => ("all", json!([])),
        1 => ("by key", json!([filter("key", &[dice.of(KEYS)])])),
        2 => ("by value", json!([filter("value", &[dice.of(PATTERNS)])])),
        3 => ("by type", json!([filter("resource-type", &[dice.of(["instance", "elastic-ip"])])])),
        4 => ("by resource", json!([filter("resource-id", &[&taggable(dice, seen)?])])),
        _ => ("by what is no filter", json!([filter("colour", &["red"])])),
    };
    let call = read("DescribeTags", case, json!({"Filters": filters}))?;
    Some(if dice.one_in(3) {
        Call { input: json!({"Filters": filters, "MaxResults": 5}), ..call }.paged("Tags")
    } else {
        call
    })
}

/// Filters of instances, with values that may fit.
fn instance_filter(dice: &mut Dice, seen: &Seen) -> Option<Value> {
    let instance = dice.pick(&seen.instances)?;
    let own = |name: &str, member: &str| instance[member].as_str().map(|value| filter(name, &[value]));
    match dice.below(11) {
        0 => Some(filter(&format!("tag:{}", dice.of(KEYS)), &[dice.of(PATTERNS)])),
        1 => Some(filter(&format!("tag:{}", dice.of(KEYS)), &[dice.of(PATTERNS), dice.of(PATTERNS)])),
        2 => Some(filter("tag-key", &[dice.of(KEYS)])),
        3 => Some(filter("tag:aws:autoscaling:groupName", &[dice.of(super::autoscaling::GROUPS)])),
        4 => Some(filter("instance-state-name", &[dice.of(["running", "stopped", "terminated", "pending"])])),
        5 => Some(filter("instance-state-name", &["running", "stopped"])),
        6 => own("instance-id", "InstanceId"),
        7 => own("private-ip-address", "PrivateIpAddress"),
        8 => own("ip-address", "PublicIpAddress"),
        9 => own("subnet-id", "SubnetId"),
        _ => Some(filter("availability-zone", &[dice.of(["us-east-1a", "us-east-1b"])])),
    }
}

fn instances(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let ids: Vec<String> = seen.instances.iter().map(|each| text(each, "InstanceId")).collect();
    if ids.is_empty() {
        return None;
    }
    match dice.below(5) {
        0 => read("DescribeInstances", "by id", json!({"InstanceIds": dice.some(&ids, 3)})),
        1 => Some(read("DescribeInstances", "in pages", json!({"MaxResults": 5}))?.paged("Reservations")),
        2 => {
            let filters = json!([instance_filter(dice, seen)?, instance_filter(dice, seen)?]);
            // Twice the same filter is no condition that anybody means.
            if filters[0]["Name"] == filters[1]["Name"] {
                return None;
            }
            read("DescribeInstances", "by two filters", json!({"Filters": filters}))
        }
        _ => read("DescribeInstances", "by filter", json!({"Filters": [instance_filter(dice, seen)?]})),
    }
}

fn instances_wrongly(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let id = dice.pick(&seen.ids_in(ALIVE))?;
    let (case, input) = match dice.below(7) {
        0 => ("unknown", json!({"InstanceIds": [UNKNOWN_INSTANCE]})),
        1 => ("one that is, one that is not", json!({"InstanceIds": [id, UNKNOWN_INSTANCE]})),
        2 => ("malformed", json!({"InstanceIds": ["panda"]})),
        3 => ("by what is no filter", json!({"Filters": [filter("colour", &["red"])]})),
        4 => ("in too small pages", json!({"MaxResults": 3})),
        5 => ("by id in pages", json!({"InstanceIds": [id], "MaxResults": 5})),
        _ => ("with a token that nobody gave", json!({"NextToken": "panda"})),
    };
    read("DescribeInstances", case, input)
}

fn statuses(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let ids = seen.ids_in(ALIVE);
    if ids.is_empty() {
        return None;
    }
    let (case, input) = match dice.below(6) {
        0 => ("running", json!({})),
        1 => ("all", json!({"IncludeAllInstances": true})),
        2 => ("by id", json!({"InstanceIds": dice.some(&ids, 2)})),
        3 => ("unknown", json!({"InstanceIds": [UNKNOWN_INSTANCE]})),
        4 => ("by what is no filter", json!({"Filters": [filter("colour", &["red"])]})),
        _ => (
            "by state",
            json!({"Filters": [filter("instance-state-name", &[dice.of(["running", "stopped"])])],
            "IncludeAllInstances": true}),
        ),
    };
    read("DescribeInstanceStatus", case, input)
}

fn addresses(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let address = dice.pick(&seen.addresses)?;
    let own = |name: &str, member: &str| address[member].as_str().map(|value| filter(name, &[value]));
    let filters = match dice.below(10) {
        0 => return read("DescribeAddresses", "by id", json!({"AllocationIds": [address["AllocationId"]]})),
        1 => return read("DescribeAddresses", "by public address", json!({"PublicIps": [address["PublicIp"]]})),
        2 => own("instance-id", "InstanceId"),
        3 => own("association-id", "AssociationId"),
        4 => own("network-interface-id", "NetworkInterfaceId"),
        5 => own("private-ip-address", "PrivateIpAddress"),
        6 => own("public-ip", "PublicIp"),
        7 => Some(filter("domain", &["vpc"])),
        8 => Some(filter("tag-key", &[dice.of(KEYS)])),
        _ => Some(filter(&format!("tag:{}", dice.of(KEYS)), &[dice.of(PATTERNS)])),
    };
    read("DescribeAddresses", "by filter", json!({"Filters": [filters?]}))
}

fn addresses_wrongly(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let (case, input) = match dice.below(4) {
        0 => ("unknown", json!({"AllocationIds": [UNKNOWN_ALLOCATION]})),
        1 => ("an unknown public address", json!({"PublicIps": ["192.0.2.99"]})),
        2 => ("malformed", json!({"AllocationIds": ["panda"]})),
        _ => ("by what is no filter", json!({"Filters": [filter("colour", &["red"])]})),
    };
    read("DescribeAddresses", case, input)
}

fn network(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let zone = filter("availability-zone", &[dice.of(["us-east-1a", "us-east-1f", "us-east-1*"])]);
    match dice.below(7) {
        0 => read("DescribeSubnets", "all", json!({})),
        1 => read("DescribeSubnets", "by zone", json!({"Filters": [zone]})),
        2 => read("DescribeSubnets", "by id", json!({"SubnetIds": ["{subnet:1}", "{subnet:3}"]})),
        3 => read("DescribeSubnets", "unknown", json!({"SubnetIds": ["subnet-0123456789abcdef0"]})),
        4 => read("DescribeRouteTables", "the main one", json!({"Filters": [filter("association.main", &["true"])]})),
        5 => read("DescribeRouteTables", "unknown", json!({"RouteTableIds": ["rtb-0123456789abcdef0"]})),
        _ => read("DescribeVpcEndpoints", "all", json!({})),
    }
}

fn offerings(dice: &mut Dice, _: &Seen) -> Option<Call> {
    let kind = filter("instance-type", &[dice.of(["t4g.micro", "t3.micro", "c7g.medium", "nobody.micro"])]);
    read("DescribeInstanceTypeOfferings", "by type", json!({"LocationType": "availability-zone", "Filters": [kind]}))
}

fn template(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let (case, input) = match dice.below(2) {
        0 => ("unknown", json!({"LaunchTemplateId": "lt-0123456789abcdef0"})),
        _ if seen.groups.is_empty() => ("by name, without a group", json!({"LaunchTemplateName": "web"})),
        _ => ("by name", json!({"LaunchTemplateName": "web"})),
    };
    read("DescribeLaunchTemplateVersions", case, input)
}

fn dry_run(dice: &mut Dice, seen: &Seen) -> Option<Call> {
    let id = dice.pick(&seen.ids_in(&["running"]))?;
    match dice.below(5) {
        0 => write("TerminateInstances", "only to see", json!({"InstanceIds": [id], "DryRun": true})),
        1 => write(
            "TerminateInstances",
            "unknown, only to see",
            json!({"InstanceIds": [UNKNOWN_INSTANCE], "DryRun": true}),
        ),
        2 => write("AllocateAddress", "only to see", json!({"DryRun": true})),
        3 => write("StopInstances", "only to see", json!({"InstanceIds": [id], "DryRun": true})),
        _ => read("DescribeInstances", "only to see", json!({"DryRun": true})),
    }
}
