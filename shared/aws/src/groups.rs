//! Auto Scaling groups: who is in them, and which member is dead.

use aws_sdk_autoscaling::{
    operation::describe_auto_scaling_groups::builders::DescribeAutoScalingGroupsFluentBuilder,
    types::{AutoScalingGroup, Filter},
};
use panda_domain::{
    failover::{Group, Lifecycle, Member, Template},
    ids::{FleetName, GroupName, InstanceId},
};

use crate::{Aws, AwsError, FLEET_TAG, Focus};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:DescribeAutoScalingGroups", "autoscaling:SetInstanceHealth"];

/// What [`set_instance_unhealthy`] alone needs to be allowed.
pub const VERDICT: &[&str] = &["autoscaling:SetInstanceHealth"];

/// The most that Auto Scaling puts on a page.
pub const PAGE: u8 = 100;

/// The groups of fleets, each with its fleet; all pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_groups(aws: &Aws, focus: &Focus) -> Result<Vec<(FleetName, Group)>, AwsError> {
    let mut pages = request(aws, focus).into_paginator().send();
    let mut groups = Vec::new();
    while let Some(page) = pages.next().await {
        aws.counter.read();
        let page = page.map_err(|error| AwsError::new("DescribeAutoScalingGroups", None, &error))?;
        groups.extend(page.auto_scaling_groups().iter().filter_map(read));
    }
    Ok(groups)
}

/// The same, if one page holds them all; `None` if there are more.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_few_groups(aws: &Aws, focus: &Focus) -> Result<Option<Vec<(FleetName, Group)>>, AwsError> {
    aws.counter.read();
    let page = request(aws, focus).send().await;
    let page = page.map_err(|error| AwsError::new("DescribeAutoScalingGroups", None, &error))?;
    let more = page.next_token().is_some_and(|token| !token.is_empty());
    Ok((!more).then(|| page.auto_scaling_groups().iter().filter_map(read).collect()))
}

/// The fleet of a group; `None` if it is in none, or gone.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn fleet_of(aws: &Aws, group: &GroupName) -> Result<Option<FleetName>, AwsError> {
    aws.counter.read();
    let page = aws.autoscaling.describe_auto_scaling_groups().auto_scaling_group_names(group.as_str()).send().await;
    let page = page.map_err(|error| AwsError::new("DescribeAutoScalingGroups", Some(group.as_str()), &error))?;
    Ok(page.auto_scaling_groups().iter().find_map(read).map(|(fleet, _)| fleet))
}

fn request(aws: &Aws, focus: &Focus) -> DescribeAutoScalingGroupsFluentBuilder {
    let (name, value) = focus.filter();
    let filter = Filter::builder().name(name).values(value).build();
    aws.autoscaling.describe_auto_scaling_groups().filters(filter).max_records(PAGE.into())
}

fn read(group: &AutoScalingGroup) -> Option<(FleetName, Group)> {
    let fleet = group.tags().iter().find(|tag| tag.key() == Some(FLEET_TAG))?.value()?;
    Some((
        fleet.into(),
        Group {
            name: group.auto_scaling_group_name()?.into(),
            desired: group.desired_capacity().and_then(|desired| u32::try_from(desired).ok()).unwrap_or(0),
            // `Status` is there only while the group is being deleted.
            deleting: group.status().is_some(),
            suspended: group
                .suspended_processes()
                .iter()
                .filter_map(|suspended| suspended.process_name().map(str::to_owned))
                .collect(),
            members: group.instances().iter().filter_map(member).collect(),
            hooks: Vec::new(),
        },
    ))
}

fn member(instance: &aws_sdk_autoscaling::types::Instance) -> Option<Member> {
    let template = instance.launch_template().and_then(|template| {
        Some(Template { id: template.launch_template_id()?.to_owned(), version: template.version()?.parse().ok()? })
    });
    Some(Member {
        instance: instance.instance_id()?.into(),
        lifecycle: Lifecycle::from(instance.lifecycle_state()?.as_str()),
        // AWS writes `Healthy`; its own documentation compares without case.
        healthy: instance.health_status().is_some_and(|health| health.eq_ignore_ascii_case("healthy")),
        template,
        zone: instance.availability_zone().unwrap_or_default().to_owned(),
    })
}

/// Tells Auto Scaling that a member is dead, so that it replaces it at once instead of finding out minutes later. Idempotent.
///
/// Gives `false` if the group does not know the instance any more, which is the goal.
///
/// # Errors
/// When AWS does not answer, or refuses; run again.
pub async fn set_instance_unhealthy(aws: &Aws, group: &GroupName, instance: &InstanceId) -> Result<bool, AwsError> {
    aws.counter.write();
    let result = aws
        .autoscaling
        .set_instance_health()
        .instance_id(instance.as_str())
        .health_status("Unhealthy")
        // The grace period is for instances that still boot; a dead one does not.
        .should_respect_grace_period(false)
        .send()
        .await;
    match result {
        Ok(_) => Ok(true),
        Err(error) => {
            let subject = format!("{instance} of {group}");
            let error = AwsError::new("SetInstanceHealth", Some(&subject), &error);
            let gone =
                error.says("ValidationError", "not found") || error.says("ValidationError", "no managed instance");
            if gone { Ok(false) } else { Err(error) }
        }
    }
}
