//! `CreateAutoScalingGroup`, `UpdateAutoScalingGroup`, `DeleteAutoScalingGroup` and what else changes a group as a whole

use crate::autoscaling::group::{Group, Maintenance, WarmPool};
use crate::autoscaling::hooks::no_group;
use crate::autoscaling::refresh::Preferences;
use crate::wire::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

use super::hooks::read_hook;

/// Zones by name, or the zones of the subnets.
fn zones(params: &Params<'_>, known: &[String]) -> Result<Vec<String>, ApiError> {
    if let Some(subnets) = params.get("VPCZoneIdentifier") {
        return subnets
            .split(',')
            .map(|subnet| {
                let subnet = subnet.trim();
                let zone = known.iter().find(|zone| World::subnet_of(zone) == subnet);
                zone.cloned()
                    .ok_or_else(|| ApiError::bad("ValidationError", format!("The subnet ID '{subnet}' does not exist")))
            })
            .collect();
    }
    Ok(params.list("AvailabilityZones"))
}

fn all_zones() -> Vec<String> {
    ["a", "b", "c", "d", "e", "f"].map(|letter| format!("{}{letter}", crate::REGION)).to_vec()
}

/// What both operations may set.
fn apply(group: &mut Group, params: &Params<'_>) -> Result<(), ApiError> {
    if let Some(kind) = params.get("HealthCheckType").filter(|kind| *kind != "EC2") {
        return Err(params.invalid("HealthCheckType", kind));
    }
    if let Some(grace) = params.number("HealthCheckGracePeriod")? {
        group.grace_seconds = grace;
    }
    if let Some(cooldown) = params.number("DefaultCooldown")? {
        group.cooldown_seconds = cooldown;
    }
    if let Some(protect) = params.flag("NewInstancesProtectedFromScaleIn")? {
        group.protect_new = protect;
    }
    if let Some(rebalance) = params.flag("CapacityRebalance")? {
        group.capacity_rebalance = rebalance;
    }
    let template = params.get("LaunchTemplate.LaunchTemplateName").or(params.get("LaunchTemplate.LaunchTemplateId"));
    if let Some(template) = template.or(params.get("LaunchConfigurationName")) {
        template.clone_into(&mut group.launch_template);
        // "The default value is $Default" `[doc]` API_LaunchTemplateSpecification
        group.template_version = Some(params.get("LaunchTemplate.Version").unwrap_or("$Default").to_owned());
    }
    let least = params.number("InstanceMaintenancePolicy.MinHealthyPercentage")?;
    let most = params.number("InstanceMaintenancePolicy.MaxHealthyPercentage")?;
    if let (Some(min_percent), Some(max_percent)) = (least, most) {
        group.maintenance = Some(Maintenance { min_percent, max_percent });
    }
    Ok(())
}

pub(crate) fn create(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let name = params.need("AutoScalingGroupName")?;
    if world.state.groups.contains_key(name) {
        let message = "AutoScalingGroup by this name already exists - A group with the name already exists";
        return Err(ApiError::bad("AlreadyExists", message));
    }
    let min = params.number("MinSize")?.ok_or_else(|| params.missing("MinSize"))?;
    let max = params.number("MaxSize")?.ok_or_else(|| params.missing("MaxSize"))?;
    let desired = params.number("DesiredCapacity")?.unwrap_or(min);
    if min > max || !(min..=max).contains(&desired) {
        let message =
            format!("Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}");
        return Err(ApiError::bad("ValidationError", message));
    }
    let zones = zones(params, &all_zones())?;
    if zones.is_empty() {
        let message = "At least one Availability Zone or VPC Subnet is required.";
        return Err(ApiError::bad("ValidationError", message));
    }
    let mut group = world.blank_group(name, &zones);
    apply(&mut group, params)?;
    (group.min, group.max, group.desired) = (min, max, desired);
    for tag in params.tags("Tags")? {
        group.tags.insert(tag.key, (tag.value.unwrap_or_default(), tag.propagate));
    }
    for key in params.structures("LifecycleHookSpecificationList") {
        let hook = read_hook(params, &format!("{key}."))?;
        group.hooks.insert(hook.name.clone(), hook);
    }
    group.capacity_cause =
        Some(format!("a user request created an AutoScalingGroup changing the desired capacity from 0 to {desired}."));
    world.add_group(group);
    world.wake(name, world.timing.reaction);
    Ok(())
}

pub(crate) fn update(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let name = params.need("AutoScalingGroupName")?;
    if let Some(other) =
        ["LifecycleHookSpecificationList", "Tags"].into_iter().find(|list| !params.structures(list).is_empty())
    {
        return Err(ApiError::bad("ValidationError", format!("{other} cannot be updated by this operation")));
    }
    let zones = zones(params, &all_zones())?;
    let group = world.state.groups.get_mut(name).ok_or_else(|| no_group(name))?;
    apply(group, params)?;
    if !zones.is_empty() {
        group.zones = zones.iter().map(|zone| (zone.clone(), World::subnet_of(zone))).collect();
    }
    world.resize(name, params.number("MinSize")?, params.number("MaxSize")?, params.number("DesiredCapacity")?)
}

pub(crate) fn delete(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    world.delete_group(params.need("AutoScalingGroupName")?, params.flag("ForceDelete")?.unwrap_or(false))
}

pub(crate) fn set_desired(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    params.flag("HonorCooldown")?;
    let desired = params.number("DesiredCapacity")?.ok_or_else(|| params.missing("DesiredCapacity"))?;
    world.set_desired(params.need("AutoScalingGroupName")?, desired)
}

pub(crate) fn suspend(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    world.suspend(params.need("AutoScalingGroupName")?, &params.list("ScalingProcesses"))
}

pub(crate) fn resume(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    world.resume(params.need("AutoScalingGroupName")?, &params.list("ScalingProcesses"))
}

pub(crate) fn start_refresh(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    if let Some(strategy) = params.get("Strategy").filter(|strategy| *strategy != "Rolling") {
        return Err(params.invalid("Strategy", strategy));
    }
    let preferences = Preferences {
        min_percent: params.number("Preferences.MinHealthyPercentage")?,
        max_percent: params.number("Preferences.MaxHealthyPercentage")?,
        warmup_seconds: params.number("Preferences.InstanceWarmup")?,
        bake_seconds: params.number("Preferences.BakeTime")?,
    };
    let id = world.start_refresh(params.need("AutoScalingGroupName")?, preferences)?;
    xml.leaf("InstanceRefreshId", id);
    Ok(())
}

pub(crate) fn cancel_refresh(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let id = world.cancel_refresh(params.need("AutoScalingGroupName")?)?;
    xml.leaf("InstanceRefreshId", id);
    Ok(())
}

pub(crate) fn put_warm_pool(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let pool = WarmPool {
        min: params.number("MinSize")?.unwrap_or(0),
        prepared: params.number("MaxGroupPreparedCapacity")?,
        state: params.get("PoolState").unwrap_or("Stopped").to_owned(),
    };
    world.put_warm_pool(params.need("AutoScalingGroupName")?, pool)
}
