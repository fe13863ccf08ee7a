//! `SetInstanceHealth`, `TerminateInstanceInAutoScalingGroup`, `EnterStandby`, `ExitStandby`, `DetachInstances`

use super::activities;
use crate::autoscaling::activity::{Activity, Subject};
use crate::autoscaling::member::Health;
use crate::wire::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

pub(crate) fn set_health(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let instance = params.need("InstanceId")?;
    let health = match params.need("HealthStatus")? {
        "Healthy" => Health::Healthy,
        "Unhealthy" => Health::Unhealthy,
        other => return Err(params.invalid("HealthStatus", other)),
    };
    world.set_health(instance, health, params.flag("ShouldRespectGracePeriod")?.unwrap_or(true))
}

pub(crate) fn set_protection(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    let name = "ProtectedFromScaleIn";
    let protected = params.flag(name)?.ok_or_else(|| params.missing(name))?;
    world.protect_from_scale_in(group, &ids, protected)
}

fn decrement(params: &Params<'_>) -> Result<bool, ApiError> {
    let name = "ShouldDecrementDesiredCapacity";
    params.flag(name)?.ok_or_else(|| params.missing(name))
}

pub(crate) fn terminate(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let group = world.terminate_in_group(params.need("InstanceId")?, decrement(params)?)?;
    if let Some(activity) = world.activities.get(&group).and_then(|activities| activities.back()) {
        xml.node("Activity", |xml| activities::write(xml, &group, activity));
    }
    Ok(())
}

/// One activity for each instance that moves; done at once, as far as it is told.
fn tell(world: &mut World, xml: &mut Xml, group: &str, ids: &[String], words: &str) {
    let mut told: Vec<Activity> = Vec::new();
    for id in ids {
        let (zone, subnet) =
            world.state.instances.get(id).map(|i| (i.zone.clone(), i.subnet.clone())).unwrap_or_default();
        let subject = Subject { instance: id, zone: &zone, subnet: &subnet };
        let description = format!("{words}: {id}");
        let cause =
            format!("At {} instance {id} was moved in response to a user request.", crate::event::seconds(world.now));
        let activity = world.open_activity(group, description, cause, subject);
        told.extend(world.activity_mut(group, &activity).cloned());
        world.close_activity(group, &activity, "Successful", "", "");
    }
    xml.list("Activities", "member", &told, |xml, activity| activities::write(xml, group, activity));
}

pub(crate) fn enter_standby(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    world.enter_standby(group, &ids, decrement(params)?)?;
    tell(world, xml, group, &ids, "Moving EC2 instance to Standby");
    Ok(())
}

pub(crate) fn exit_standby(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    world.exit_standby(group, &ids)?;
    tell(world, xml, group, &ids, "Moving EC2 instance out of Standby");
    Ok(())
}

pub(crate) fn detach(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    world.detach(group, &ids, decrement(params)?)?;
    tell(world, xml, group, &ids, "Detaching EC2 instance");
    Ok(())
}
