//! How a fleet is set up: its groups with their hooks, templates and servers, as far as the reflexes depend on it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Filter, LaunchTemplate, LaunchTemplateSpecification, TagDescription,
};
use aws_sdk_ec2::types::{
    HttpTokensState, InstanceNetworkInterface, InstanceNetworkInterfaceAttachment, InstanceStateName,
    LaunchTemplateInstanceNetworkInterfaceSpecification, Reservation, ResponseLaunchTemplateData,
};
use panda_domain::{
    chaos::tags,
    event::Transition,
    failover::{Lifecycle, PublicAddress},
    ids::{FleetName, GroupName, InstanceId, SubnetId},
    preflight::{HookSetup, InstanceSetup, MemberSetup, Tag, Template},
};

use crate::{Aws, AwsError, FLEET_TAG};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &[
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplateVersions",
];

/// The most that Auto Scaling puts on a page.
const PAGE: i32 = 100;

/// The most values that EC2 takes in one filter, and the most that it puts on a page.
const FILTER_VALUES: usize = 200;
const EC2_PAGE: i32 = 1000;

/// What Auto Scaling says of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its name.
    pub name: GroupName,
    /// Its tags.
    pub tags: BTreeMap<String, Tag>,
    /// How many instances it is asked to keep.
    pub desired: u32,
    /// The most that it may be asked for.
    pub max: u32,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Processes that somebody suspended.
    pub suspended: BTreeSet<String>,
    /// Its subnets.
    pub subnets: Vec<SubnetId>,
    /// Its instances.
    pub members: Vec<MemberSetup>,
    /// Its launch template, by id or name, and version.
    pub template: Option<TemplateRef>,
    /// The instance types that its mixed instances policy names.
    pub overrides: BTreeSet<String>,
}

/// A version of a launch template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRef {
    /// Its id; or its name, where only that is known.
    pub id: Result<String, String>,
    /// A number, `$Latest` or `$Default`.
    pub version: String,
}

/// Groups of fleets with what they are set up like: those that carry the fleet's name in the tag `lethargic-panda:fleet`, or else the one
/// that is called like the fleet; without a name, all that carry the tag. All pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_groups(aws: &Aws, fleet: Option<&FleetName>) -> Result<Vec<GroupDescription>, AwsError> {
    let (name, value) = match fleet {
        Some(fleet) => (format!("tag:{FLEET_TAG}"), fleet.as_str()),
        None => ("tag-key".to_owned(), FLEET_TAG),
    };
    let request = aws.autoscaling.describe_auto_scaling_groups();
    let mut pages =
        request.filters(Filter::builder().name(name).values(value).build()).max_records(PAGE).into_paginator().send();
    let mut groups = Vec::new();
    while let Some(page) = pages.next().await {
        aws.counter.read();
        let page = page.map_err(|error| AwsError::new("DescribeAutoScalingGroups", None, &error))?;
        groups.extend(page.auto_scaling_groups().iter().filter_map(read_group));
    }
    if let Some(fleet) = fleet.filter(|_| groups.is_empty()) {
        aws.counter.read();
        let request = aws.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(fleet.as_str());
        let reply = request
            .send()
            .await
            .map_err(|error| AwsError::new("DescribeAutoScalingGroups", Some(fleet.as_str()), &error))?;
        groups.extend(reply.auto_scaling_groups().iter().filter_map(read_group));
    }
    Ok(groups)
}

fn read_group(group: &AutoScalingGroup) -> Option<GroupDescription> {
    let size = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
    let tag = |tag: &TagDescription| {
        let setup = Tag {
            value: tag.value().unwrap_or_default().to_owned(),
            propagates: tag.propagate_at_launch().unwrap_or(false),
        };
        Some((tag.key()?.to_owned(), setup))
    };
    let mixed = group.mixed_instances_policy().and_then(|policy| policy.launch_template());
    let template = group.launch_template().or(mixed.and_then(|mixed| mixed.launch_template_specification()));
    let overrides = mixed.map(LaunchTemplate::overrides).unwrap_or_default();
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',').map(str::trim);
    Some(GroupDescription {
        name: group.auto_scaling_group_name()?.into(),
        tags: group.tags().iter().filter_map(tag).collect(),
        desired: size(group.desired_capacity()),
        max: size(group.max_size()),
        deleting: group.status().is_some(),
        suspended: group.suspended_processes().iter().filter_map(|one| one.process_name()).map(str::to_owned).collect(),
        subnets: subnets.filter(|id| !id.is_empty()).map(SubnetId::from).collect(),
        members: group.instances().iter().filter_map(read_member).collect(),
        template: template.and_then(read_ref),
        overrides: overrides.iter().filter_map(|one| one.instance_type()).map(str::to_owned).collect(),
    })
}

fn read_ref(template: &LaunchTemplateSpecification) -> Option<TemplateRef> {
    let id = match (template.launch_template_id(), template.launch_template_name()) {
        (Some(id), _) => Ok(id.to_owned()),
        (None, Some(name)) => Err(name.to_owned()),
        (None, None) => return None,
    };
    Some(TemplateRef { id, version: template.version().unwrap_or("$Default").to_owned() })
}

fn read_member(instance: &aws_sdk_autoscaling::types::Instance) -> Option<MemberSetup> {
    Some(MemberSetup {
        instance: instance.instance_id()?.into(),
        lifecycle: Lifecycle::from(instance.lifecycle_state()?.as_str()),
        // AWS writes `Healthy`; its own documentation compares without case.
        healthy: instance.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
    })
}

/// The lifecycle hooks of a group with what they do when nobody answers; at most fifty, so there are no pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_hooks(aws: &Aws, group: &GroupName) -> Result<Vec<HookSetup>, AwsError> {
    aws.counter.read();
    let request = aws.autoscaling.describe_lifecycle_hooks().auto_scaling_group_name(group.as_str());
    let reply =
        request.send().await.map_err(|error| AwsError::new("DescribeLifecycleHooks", Some(group.as_str()), &error))?;
    Ok(reply.lifecycle_hooks().iter().filter_map(read_hook).collect())
}

fn read_hook(hook: &aws_sdk_autoscaling::types::LifecycleHook) -> Option<HookSetup> {
    /// What Auto Scaling uses when a hook does not say.
    const DEFAULT_HEARTBEAT: u32 = 3600;
    let transition = match hook.lifecycle_transition()? {
        "autoscaling:EC2_INSTANCE_LAUNCHING" => Transition::Launching,
        "autoscaling:EC2_INSTANCE_TERMINATING" => Transition::Terminating,
        _ => return None,
    };
    let heartbeat = hook.heartbeat_timeout().and_then(|seconds| u32::try_from(seconds).ok());
    Some(HookSetup {
        name: hook.lifecycle_hook_name()?.into(),
        transition,
        heartbeat_seconds: heartbeat.unwrap_or(DEFAULT_HEARTBEAT),
        continues: hook.default_result() == Some("CONTINUE"),
    })
}

/// The version of a launch template that a group launches; `None` if it is gone.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_template(aws: &Aws, template: &TemplateRef) -> Result<Option<Template>, AwsError> {
    aws.counter.read();
    let request = aws.ec2.describe_launch_template_versions().versions(&template.version);
    let (request, subject) = match &template.id {
        Ok(id) => (request.launch_template_id(id), id),
        Err(name) => (request.launch_template_name(name), name),
    };
    let reply = match request.send().await {
        Ok(reply) => reply,
        Err(error) => {
            let error = AwsError::new("DescribeLaunchTemplateVersions", Some(subject), &error);
            let gone = error
                .code
                .as_deref()
                .is_some_and(|code| code.starts_with("InvalidLaunchTemplate") && code.contains("NotFound"));
            return if gone { Ok(None) } else { Err(error) };
        }
    };
    Ok(reply.launch_template_versions().first().map(|version| Template {
        id: version.launch_template_id().unwrap_or(subject).to_owned(),
        version: version.version_number().map_or_else(|| template.version.clone(), |number| number.to_string()),
        ..version.launch_template_data().map(read_template).unwrap_or_default()
    }))
}

fn read_template(data: &ResponseLaunchTemplateData) -> Template {
    let primary = data.network_interfaces().iter().find(|one| one.device_index().unwrap_or(0) == 0);
    Template {
        instance_type: data.instance_type().map(|kind| kind.as_str().to_owned()),
        lends_public_ip: primary
            .and_then(LaunchTemplateInstanceNetworkInterfaceSpecification::associate_public_ip_address),
        takes_addresses: data.user_data().is_some_and(takes_addresses),
        ..Template::default()
    }
}

/// Whether user data, in base64, calls `AssociateAddress`, in the words of AWS's command line or of an SDK. What is compressed is not read.
fn takes_addresses(user_data: &str) -> bool {
    let Ok(script) = aws_smithy_types::base64::decode(user_data.trim()) else { return false };
    let script = String::from_utf8_lossy(&script).to_lowercase();
    let commands = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    let ways = ["associate-address", "associate_address", "associateaddress"];
    let called = |line: &str, way: &str| {
        line.match_indices(way).any(|(at, _)| line.get(..at).is_none_or(|before| !before.ends_with("dis")))
    };
    commands.into_iter().any(|line| ways.iter().any(|way| called(line, way)))
}

/// What EC2 says of these instances, as far as their set-up goes; what it does not list is left out. All pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_servers(
    aws: &Aws,
    instances: &BTreeSet<InstanceId>,
) -> Result<BTreeMap<InstanceId, InstanceSetup>, AwsError> {
    let ids: Vec<String> = instances.iter().map(ToString::to_string).collect();
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(FILTER_VALUES) {
        let filter = aws_sdk_ec2::types::Filter::builder().name("instance-id").set_values(Some(chunk.to_vec())).build();
        let mut pages = aws.ec2.describe_instances().filters(filter).max_results(EC2_PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeInstances", None, &error))?;
            found.extend(page.reservations().iter().flat_map(Reservation::instances).filter_map(read_server));
        }
    }
    Ok(found)
}

fn read_server(instance: &aws_sdk_ec2::types::Instance) -> Option<(InstanceId, InstanceSetup)> {
    let interfaces = instance.network_interfaces().iter();
    let is_primary = |one: &&InstanceNetworkInterface| {
        one.attachment().and_then(InstanceNetworkInterfaceAttachment::device_index) == Some(0)
    };
    let interface = interfaces.clone().find(is_primary).and_then(|one| {
        let public = match one.association().and_then(|on| Some((on.public_ip()?, on.ip_owner_id()))) {
            None => PublicAddress::None,
            Some((_, Some("amazon"))) => PublicAddress::Lent,
            Some((ip, _)) => PublicAddress::Elastic(ip.to_owned()),
        };
        Some((one.network_interface_id()?.to_owned(), public))
    });
    let chaos = instance.tags().iter().find(|tag| tag.key() == Some(tags::CHAOS)).and_then(|tag| tag.value());
    let tokens = instance.metadata_options().and_then(|options| options.http_tokens());
    let setup = InstanceSetup {
        instance_type: instance.instance_type().map_or_else(String::new, |kind| kind.as_str().to_owned()),
        running: instance.state().and_then(|state| state.name()) == Some(&InstanceStateName::Running),
        tokens_required: tokens == Some(&HttpTokensState::Required),
        has_profile: instance.iam_instance_profile().is_some(),
        chaos: chaos.map(str::to_owned),
        interface,
    };
    Some((instance.instance_id()?.into(), setup))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> String {
        aws_smithy_types::base64::encode(text)
    }

    #[test]
    fn user_data_that_takes_an_address_is_known_by_its_call() {
        for (text, takes) in [
            ("#!/bin/sh\naws ec2 associate-address --allocation-id eipalloc-1 --instance-id $ID\n", true),
            ("import boto3\nec2.associate_address(AllocationId=a)", true),
            ("#!/bin/sh\n# once: aws ec2 associate-address\ndnf install -y nginx", false),
            ("aws ec2 disassociate-address --association-id $A", false),
            ("", false),
        ] {
            assert_eq!(takes_addresses(&script(text)), takes, "{text}");
        }
        assert!(!takes_addresses("no base64 at all!"));
    }
}
