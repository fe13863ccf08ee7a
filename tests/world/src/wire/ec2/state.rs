//! `TerminateInstances`, `StopInstances`, `StartInstances`

use super::{check_instances, write_state};
use crate::ec2::instance::InstanceState;
use crate::wire::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

/// Ids that exist, with their states, or no effect at all.
fn subjects(world: &World, params: &Params<'_>) -> Result<Vec<(String, InstanceState)>, ApiError> {
    let ids = params.need_list("InstanceId")?;
    check_instances(&ids, |id| world.state.instances.contains_key(id))?;
    Ok(ids.into_iter().filter_map(|id| world.state.instances.get(&id).map(|i| (id.clone(), i.state))).collect())
}

fn write(world: &World, xml: &mut Xml, subjects: Vec<(String, InstanceState)>) {
    xml.list("instancesSet", "item", subjects, |xml, (id, before)| {
        xml.leaf("instanceId", &id);
        write_state(xml, "currentState", world.state.instances.get(&id).map_or(before, |instance| instance.state));
        write_state(xml, "previousState", before);
    });
}

/// Idempotent: terminating a terminated instance succeeds `[doc]`. With `SkipOsShutdown` there is no last breath.
pub(crate) fn terminate(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    params.flag("Force")?;
    let clean = !params.flag("SkipOsShutdown")?.unwrap_or(false);
    let subjects = subjects(world, params)?;
    let ids: Vec<String> = subjects.iter().map(|(id, _)| id.clone()).collect();
    world.terminate_instances(&ids, clean)?;
    write(world, xml, subjects);
    Ok(())
}

pub(crate) fn stop(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let subjects = subjects(world, params)?;
    if let Some((id, _)) = subjects.iter().find(|(_, state)| state.is_dead()) {
        let message = format!("This instance '{id}' is not in a state from which it can be stopped.");
        return Err(ApiError::bad("IncorrectInstanceState", message));
    }
    for (id, _) in &subjects {
        world.stop(id);
    }
    write(world, xml, subjects);
    Ok(())
}

pub(crate) fn start(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let subjects = subjects(world, params)?;
    let refused = |state: InstanceState| state.is_dead() || state == InstanceState::Stopping;
    if let Some((id, _)) = subjects.iter().find(|(_, state)| refused(*state)) {
        let message = format!("The instance '{id}' is not in a state from which it can be started.");
        return Err(ApiError::bad("IncorrectInstanceState", message));
    }
    for (id, _) in &subjects {
        world.start(id);
    }
    write(world, xml, subjects);
    Ok(())
}
