//! `DescribeInstanceAttribute`, `ModifyInstanceAttribute`, as far as termination protection goes

use super::check_instances;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, View};
use crate::world::World;

pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (id, attribute) = (params.need("InstanceId")?, params.need("Attribute")?);
    check_instances(&[id.to_owned()], |id| view.state.instances.contains_key(id))?;
    if attribute != "disableApiTermination" {
        return Err(params.invalid("attribute", attribute));
    }
    let protected = view.state.instances.get(id).is_some_and(|instance| instance.protected);
    xml.leaf("instanceId", id);
    xml.node("disableApiTermination", |xml| xml.leaf("value", protected.to_string()));
    Ok(())
}

pub(crate) fn modify(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let id = params.need("InstanceId")?;
    check_instances(&[id.to_owned()], |id| world.state.instances.contains_key(id))?;
    let name = "DisableApiTermination.Value";
    let protected = params.flag(name)?.ok_or_else(|| params.missing(name))?;
    world.protect_from_termination(id, protected);
    xml.leaf("return", "true");
    Ok(())
}
