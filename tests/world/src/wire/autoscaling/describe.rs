//! `DescribeAutoScalingGroups`, `DescribeAutoScalingInstances`, `DescribeLifecycleHooks`, `DescribeWarmPool`

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use super::page_size;
use crate::autoscaling::group::{Group, Hook};
use crate::autoscaling::hooks::no_group;
use crate::autoscaling::member::Member;
use crate::event::millis;
use crate::state::State;
use crate::wire::filter::Filters;
use crate::wire::page::{page, start};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};
use crate::world::{ACCOUNT, World};

/// Names that do not exist are simply not in the answer, as on AWS.
pub(crate) fn groups(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let names = params.list("AutoScalingGroupNames");
    let filters = Filters::new(params.filters()?, &["tag-key", "tag-value"])
        .map_err(|error| ApiError::bad("ValidationError", error.message))?;
    let with_instances = params.flag("IncludeInstances")?.unwrap_or(true);
    let size = page_size(params, 100)?;
    let passes = |group: &&Group| {
        filters.pass_tagged(
            |key| group.tags.get(key).map(|(value, _)| value.as_str()),
            || group.tags.iter().map(|(key, (value, _))| (key.as_str(), value.as_str())).collect(),
        )
    };
    // Those who are named are looked up; a later page begins where the earlier one ended.
    let groups = &view.state.groups;
    let token = params.get("NextToken");
    let (shown, next) = if names.is_empty() {
        let after = start(token, Service::AutoScaling)?;
        let chosen = groups.range::<str, _>((after.as_ref().map_or(Unbounded, |id| Excluded(id.as_str())), Unbounded));
        page(
            chosen.map(|(_, group)| group).filter(passes).map(|g| (g.name.as_str(), g)),
            size,
            None,
            Service::AutoScaling,
        )?
    } else {
        let names: BTreeSet<&String> = names.iter().collect();
        let chosen = names.into_iter().filter_map(|name| groups.get(name)).filter(passes);
        page(chosen.map(|group| (group.name.as_str(), group)), size, token, Service::AutoScaling)?
    };
    xml.list("AutoScalingGroups", "member", shown, |xml, group| write_group(xml, view.state, group, with_instances));
    xml.maybe("NextToken", next);
    Ok(())
}

/// A group's template has the version that the group was told, `$Latest` too; a member's has the number that it came to `[doc]`
/// `API_LaunchTemplateSpecification`.
fn write_template(xml: &mut Xml, group: &Group, version: &str) {
    xml.node("LaunchTemplate", |xml| {
        xml.leaf("LaunchTemplateId", World::template_of(&group.launch_template));
        xml.leaf("LaunchTemplateName", &group.launch_template);
        xml.leaf("Version", version);
    });
}

fn write_group(xml: &mut Xml, state: &State, group: &Group, with_instances: bool) {
    xml.leaf("AutoScalingGroupName", &group.name);
    xml.leaf("AutoScalingGroupARN", &group.arn);
    let version = group.template_version.clone().unwrap_or_else(|| group.version.to_string());
    write_template(xml, group, &version);
    xml.leaf("MinSize", group.min.to_string());
    xml.leaf("MaxSize", group.max.to_string());
    xml.leaf("DesiredCapacity", group.desired.to_string());
    xml.leaf("DefaultCooldown", group.cooldown_seconds.to_string());
    xml.list("AvailabilityZones", "member", group.zones.keys(), Xml::text);
    xml.node("LoadBalancerNames", |_| {});
    xml.node("TargetGroupARNs", |_| {});
    xml.leaf("HealthCheckType", "EC2");
    xml.leaf("HealthCheckGracePeriod", group.grace_seconds.to_string());
    if with_instances {
        // Members of the warm pool are shown by DescribeWarmPool.
        let members = group.members.values().filter(|member| !member.warm);
        xml.list("Instances", "member", members, |xml, member| write_member(xml, state, group, member));
    }
    xml.leaf("CreatedTime", millis(group.created));
    xml.list("SuspendedProcesses", "member", &group.suspended, |xml, name| {
        xml.leaf("ProcessName", name);
        xml.leaf("SuspensionReason", "User suspended");
    });
    let subnets: Vec<&str> = group.zones.values().map(String::as_str).collect();
    xml.leaf("VPCZoneIdentifier", subnets.join(","));
    xml.node("EnabledMetrics", |_| {});
    if group.deleting {
        xml.leaf("Status", "Delete in progress");
    }
    xml.list("Tags", "member", &group.tags, |xml, (key, (value, propagate))| {
        xml.leaf("ResourceId", &group.name);
        xml.leaf("ResourceType", "auto-scaling-group");
        xml.leaf("Key", key);
        xml.leaf("Value", value);
        xml.leaf("PropagateAtLaunch", propagate.to_string());
    });
    xml.list("TerminationPolicies", "member", ["Default"], Xml::text);
    xml.leaf("NewInstancesProtectedFromScaleIn", group.protect_new.to_string());
    let role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    xml.leaf("ServiceLinkedRoleARN", format!("arn:aws:iam::{ACCOUNT}:role/{role}"));
    xml.leaf("CapacityRebalance", group.capacity_rebalance.to_string());
    if let Some(pool) = &group.warm_pool {
        xml.node("WarmPoolConfiguration", |xml| write_pool(xml, group));
        xml.leaf("WarmPoolSize", World::warm_pool_size(group, pool).to_string());
    }
    if let Some(policy) = group.maintenance {
        xml.node("InstanceMaintenancePolicy", |xml| {
            xml.leaf("MinHealthyPercentage", policy.min_percent.to_string());
            xml.leaf("MaxHealthyPercentage", policy.max_percent.to_string());
        });
    }
}

fn write_pool(xml: &mut Xml, group: &Group) {
    if let Some(pool) = &group.warm_pool {
        xml.maybe("MaxGroupPreparedCapacity", pool.prepared.map(|size| size.to_string()));
        xml.leaf("MinSize", pool.min.to_string());
        xml.leaf("PoolState", &pool.state);
    }
}

fn write_member(xml: &mut Xml, state: &State, group: &Group, member: &Member) {
    let instance = state.instances.get(&member.instance);
    xml.leaf("InstanceId", &member.instance);
    xml.leaf("InstanceType", instance.map_or(group.instance_type.as_str(), |instance| &instance.instance_type));
    xml.leaf("AvailabilityZone", instance.map_or("", |instance| &instance.zone));
    xml.leaf("LifecycleState", member.lifecycle_state());
    xml.leaf("HealthStatus", member.health.as_str());
    write_template(xml, group, &member.version.to_string());
    xml.leaf("ProtectedFromScaleIn", member.protected.to_string());
}

pub(crate) fn instances(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let ids = params.list("InstanceIds");
    let groups = &view.state.groups;
    let mut members: Vec<(&str, (&Group, &Member))> = if ids.is_empty() {
        let all = groups.values().flat_map(|group| group.members.values().map(move |member| (group, member)));
        all.map(|(group, member)| (member.instance.as_str(), (group, member))).collect()
    } else {
        let found = |id: &String| {
            let group = groups.get(view.state.group_of(id)?)?;
            let member = group.members.get(id)?;
            Some((member.instance.as_str(), (group, member)))
        };
        ids.iter().filter_map(found).collect()
    };
    members.sort_unstable_by_key(|(id, _)| *id);
    let size = page_size(params, 50)?;
    let (shown, next) = page(members.into_iter(), size, params.get("NextToken"), Service::AutoScaling)?;
    xml.list("AutoScalingInstances", "member", shown, |xml, (group, member)| {
        let instance = view.state.instances.get(&member.instance);
        xml.leaf("InstanceId", &member.instance);
        xml.leaf("InstanceType", &group.instance_type);
        xml.leaf("AutoScalingGroupName", &group.name);
        xml.leaf("AvailabilityZone", instance.map_or("", |instance| &instance.zone));
        xml.leaf("LifecycleState", member.lifecycle_state());
        // In capitals here, unlike in DescribeAutoScalingGroups.
        xml.leaf("HealthStatus", member.health.as_str().to_uppercase());
        write_template(xml, group, &member.version.to_string());
        xml.leaf("ProtectedFromScaleIn", member.protected.to_string());
    });
    xml.maybe("NextToken", next);
    Ok(())
}

/// Not paginated `[doc]`.
pub(crate) fn hooks(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let name = params.need("AutoScalingGroupName")?;
    let group = view.state.groups.get(name).ok_or_else(|| no_group(name))?;
    let names = params.list("LifecycleHookNames");
    let chosen = group.hooks.values().filter(|hook| names.is_empty() || names.contains(&hook.name));
    xml.list("LifecycleHooks", "member", chosen, |xml, hook| write_hook(xml, group, hook));
    Ok(())
}

fn write_hook(xml: &mut Xml, group: &Group, hook: &Hook) {
    xml.leaf("LifecycleHookName", &hook.name);
    xml.leaf("AutoScalingGroupName", &group.name);
    xml.leaf("LifecycleTransition", hook.transition.as_str());
    xml.maybe("NotificationTargetARN", hook.target.as_ref());
    xml.maybe("RoleARN", hook.role.as_ref());
    xml.maybe("NotificationMetadata", hook.metadata.as_ref());
    xml.leaf("HeartbeatTimeout", hook.heartbeat_seconds.to_string());
    xml.leaf("GlobalTimeout", hook.global_seconds().to_string());
    xml.leaf("DefaultResult", if hook.default_continue { "CONTINUE" } else { "ABANDON" });
}

pub(crate) fn warm_pool(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let name = params.need("AutoScalingGroupName")?;
    let group = view.state.groups.get(name).ok_or_else(|| no_group(name))?;
    if group.warm_pool.is_some() {
        xml.node("WarmPoolConfiguration", |xml| write_pool(xml, group));
    }
    let warm = group.members.values().filter(|member| member.warm).map(|member| (member.instance.as_str(), member));
    let (shown, next) = page(warm, page_size(params, 50)?, params.get("NextToken"), Service::AutoScaling)?;
    xml.list("Instances", "member", shown, |xml, member| write_member(xml, view.state, group, member));
    xml.maybe("NextToken", next);
    Ok(())
}
