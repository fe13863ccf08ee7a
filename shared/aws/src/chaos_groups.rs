//! Auto Scaling groups as the panda sees them: who takes part, how large, how protected.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, Instance, InstanceMaintenancePolicy};
use panda_domain::{
    chaos::{GroupMember, GroupView, tags},
    failover::Lifecycle,
    ids::{FleetName, GroupName},
};

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:DescribeAutoScalingGroups"];

/// The most that Auto Scaling puts on a page.
const PAGE: i32 = 100;

/// How many values a filter gets. The user guide ("Use tags to filter Auto Scaling groups") allows several, joined with OR, and names no
/// limit; more than this would not make the calls fewer, for their groups do not fit on a page.
const FILTER_VALUES: usize = 100;

/// The groups that carry the tag `lethargic-panda:chaos`, whatever it says; all pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_chaos_groups(aws: &Aws) -> Result<Vec<GroupView>, AwsError> {
    describe(aws, "tag-key", vec![tags::CHAOS.to_owned()]).await
}

async fn describe(aws: &Aws, filter: &str, values: Vec<String>) -> Result<Vec<GroupView>, AwsError> {
    let request = aws.autoscaling.describe_auto_scaling_groups();
    let filter = Filter::builder().name(filter).set_values(Some(values)).build();
    let mut pages = request.filters(filter).max_records(PAGE).into_paginator().send();
    let mut groups = Vec::new();
    while let Some(page) = pages.next().await {
        aws.counter.read();
        let page = page.map_err(|error| AwsError::new("DescribeAutoScalingGroups", None, &error))?;
        groups.extend(page.auto_scaling_groups().iter().filter_map(read));
    }
    Ok(groups)
}

/// One group, with or without our tags; `None` if there is none of this name.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_group(aws: &Aws, group: &GroupName) -> Result<Option<GroupView>, AwsError> {
    aws.counter.read();
    let reply = aws
        .autoscaling
        .describe_auto_scaling_groups()
        .auto_scaling_group_names(group.as_str())
        .send()
        .await
        .map_err(|error| AwsError::new("DescribeAutoScalingGroups", Some(group.as_str()), &error))?;
    Ok(reply.auto_scaling_groups().iter().filter_map(read).find(|view| view.name == *group))
}

/// The groups that carry the tag `lethargic-panda:fleet` with this name, whether they take part or not; all pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_fleet(aws: &Aws, fleet: &FleetName) -> Result<Vec<GroupView>, AwsError> {
    describe_fleets(aws, &BTreeSet::from([fleet.clone()])).await
}

/// The same for several fleets at once.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_fleets(aws: &Aws, fleets: &BTreeSet<FleetName>) -> Result<Vec<GroupView>, AwsError> {
    let fleets: Vec<String> = fleets.iter().map(ToString::to_string).collect();
    let mut groups = Vec::new();
    for values in fleets.chunks(FILTER_VALUES) {
        groups.extend(describe(aws, &format!("tag:{}", tags::FLEET), values.to_vec()).await?);
    }
    Ok(groups)
}

fn read(group: &AutoScalingGroup) -> Option<GroupView> {
    let size = |size: Option<i32>| size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
    let maintenance = group.instance_maintenance_policy().and_then(InstanceMaintenancePolicy::min_healthy_percentage);
    Some(GroupView {
        name: group.auto_scaling_group_name()?.into(),
        tags: group
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect(),
        desired: size(group.desired_capacity()),
        min: size(group.min_size()),
        max: size(group.max_size()),
        // `Status` is there only while the group is being deleted.
        deleting: group.status().is_some(),
        suspended: group
            .suspended_processes()
            .iter()
            .filter_map(|suspended| suspended.process_name().map(str::to_owned))
            .collect(),
        members: group.instances().iter().filter_map(member).collect(),
        // "To clear a previously set value, specify a value of `-1`": the reply then has it so.
        min_healthy_percentage: maintenance.and_then(|percent| u32::try_from(percent).ok()),
    })
}

fn member(instance: &Instance) -> Option<GroupMember> {
    Some(GroupMember {
        instance: instance.instance_id()?.into(),
        lifecycle: Lifecycle::from(instance.lifecycle_state()?.as_str()),
        // AWS writes `Healthy`; its own documentation compares without case.
        healthy: instance.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
        zone: instance.availability_zone().unwrap_or_default().to_owned(),
        // What AWS does not say is taken for the careful answer.
        protected: instance.protected_from_scale_in().unwrap_or(true),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use aws_sdk_autoscaling::types::{LifecycleState, TagDescription};

    use super::*;

    fn group() -> aws_sdk_autoscaling::types::builders::AutoScalingGroupBuilder {
        let member = Instance::builder()
            .instance_id("i-1")
            .availability_zone("eu-west-1a")
            .lifecycle_state(LifecycleState::InService)
            .health_status("HEALTHY")
            .protected_from_scale_in(false)
            .build();
        AutoScalingGroup::builder()
            .auto_scaling_group_name("web")
            .min_size(1)
            .max_size(4)
            .desired_capacity(2)
            .tags(TagDescription::builder().key("lethargic-panda:chaos").value("on").build())
            .tags(TagDescription::builder().key("Team").build())
            .instances(member)
    }

    #[test]
    fn a_group_is_read_with_all_its_tags_sizes_and_members() {
        let view = read(&group().build()).unwrap();
        assert_eq!((view.min, view.desired, view.max, view.deleting), (1, 2, 4, false));
        assert_eq!(view.tags.get("lethargic-panda:chaos").map(String::as_str), Some("on"));
        assert_eq!(view.tags.get("Team").map(String::as_str), Some(""));
        let member = view.members.first().unwrap();
        assert!(member.serves() && !member.protected);
        assert_eq!(member.zone, "eu-west-1a");
    }

    #[test]
    fn a_maintenance_policy_of_minus_one_is_none() {
        for (percent, read_as) in [(-1, None), (0, Some(0)), (90, Some(90))] {
            let policy = InstanceMaintenancePolicy::builder().min_healthy_percentage(percent).build();
            let view = read(&group().instance_maintenance_policy(policy).build()).unwrap();
            assert_eq!(view.min_healthy_percentage, read_as, "{percent}");
        }
    }

    #[test]
    fn a_group_with_a_status_is_being_deleted() {
        assert!(read(&group().status("Delete in progress").build()).unwrap().deleting);
    }
}
