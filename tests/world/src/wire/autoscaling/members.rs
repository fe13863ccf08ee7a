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
    if let Some(activity) = world.activities.get_mut(&group).and_then(|activities| activities.back_mut()) {
        // As it begins `[doc]` AWS CLI, example of terminate-instance-in-auto-scaling-group.
        activity.progress = 0;
        xml.node("Activity", |xml| activities::write(xml, &group, activity));
    }
    Ok(())
}

/// A way to step aside or back, in the words of the examples of `enter-standby`, `exit-standby` and `detach-instances` `[doc]` AWS CLI.
struct Step {
    description: &'static str,
    moved: &'static str,
    status: &'static str,
    progress: u8,
}

const INTO_STANDBY: Step = Step {
    description: "Moving EC2 instance to Standby",
    moved: "moved to standby",
    status: "InProgress",
    progress: 50,
};
const OUT_OF_STANDBY: Step = Step {
    description: "Moving EC2 instance out of Standby",
    moved: "moved out of standby",
    status: "PreInService",
    progress: 30,
};
const DETACHED: Step =
    Step { description: "Detaching EC2 instance", moved: "detached", status: "InProgress", progress: 50 };

/// One activity for each instance that moves; done at once, as far as it is told. The cause names the change of capacity, if there is one.
fn tell(world: &mut World, xml: &mut Xml, group: &str, ids: &[String], step: &Step, before: u32) {
    let after = world.state.groups.get(group).map_or(before, |group| group.desired);
    let change = match after.cmp(&before) {
        std::cmp::Ordering::Less => format!(", shrinking the capacity from {before} to {after}"),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!(", increasing the capacity from {before} to {after}"),
    };
    let mut told: Vec<Activity> = Vec::new();
    for id in ids {
        let (zone, subnet) =
            world.state.instances.get(id).map(|i| (i.zone.clone(), i.subnet.clone())).unwrap_or_default();
        let subject = Subject { instance: id, zone: &zone, subnet: &subnet };
        let (at, moved) = (crate::event::seconds(world.now), step.moved);
        let cause = format!("At {at} instance {id} was {moved} in response to a user request{change}.");
        let activity = world.open_activity(group, format!("{}: {id}", step.description), cause, subject);
        if let Some(opened) = world.activity_mut(group, &activity) {
            (opened.status, opened.progress) = (step.status, step.progress);
            told.push(opened.clone());
        }
        world.close_activity(group, &activity, "Successful", "", "");
    }
    xml.list("Activities", "member", &told, |xml, activity| activities::write(xml, group, activity));
}

fn desired(world: &World, group: &str) -> u32 {
    world.state.groups.get(group).map_or(0, |group| group.desired)
}

pub(crate) fn enter_standby(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    let before = desired(world, group);
    world.enter_standby(group, &ids, decrement(params)?)?;
    tell(world, xml, group, &ids, &INTO_STANDBY, before);
    Ok(())
}

pub(crate) fn exit_standby(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    let before = desired(world, group);
    world.exit_standby(group, &ids)?;
    tell(world, xml, group, &ids, &OUT_OF_STANDBY, before);
    Ok(())
}

pub(crate) fn detach(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (group, ids) = (params.need("AutoScalingGroupName")?, params.need_list("InstanceIds")?);
    let before = desired(world, group);
    world.detach(group, &ids, decrement(params)?)?;
    tell(world, xml, group, &ids, &DETACHED, before);
    Ok(())
}
