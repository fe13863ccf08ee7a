//! `PutLifecycleHook`, `DeleteLifecycleHook`, `CompleteLifecycleAction`, `RecordLifecycleActionHeartbeat`

use crate::autoscaling::group::Hook;
use crate::spec::HookSpec;
use crate::wire::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

/// A hook's fields behind a prefix. AWS's defaults: one hour, ABANDON `[doc]`.
pub(crate) fn read_hook(params: &Params<'_>, prefix: &str) -> Result<Hook, ApiError> {
    let field = |name: &str| params.get(&format!("{prefix}{name}"));
    let spec = HookSpec {
        name: params.need(&format!("{prefix}LifecycleHookName"))?.to_owned(),
        transition: params.need(&format!("{prefix}LifecycleTransition"))?.to_owned(),
        heartbeat_seconds: params.number(&format!("{prefix}HeartbeatTimeout"))?.unwrap_or(3_600),
        default_result: field("DefaultResult").unwrap_or("ABANDON").to_owned(),
        metadata: field("NotificationMetadata").map(str::to_owned),
    };
    let mut hook = spec.to_hook()?;
    hook.target = field("NotificationTargetARN").map(str::to_owned);
    hook.role = field("RoleARN").map(str::to_owned);
    Ok(hook)
}

pub(crate) fn put(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let group = params.need("AutoScalingGroupName")?;
    // An update names only what it changes.
    let known = world.state.groups.get(group).and_then(|g| g.hooks.get(params.get("LifecycleHookName")?)).cloned();
    let hook = match known {
        Some(known) => update_hook(known, params)?,
        None => read_hook(params, "")?,
    };
    world.put_hook(group, hook)
}

fn update_hook(known: Hook, params: &Params<'_>) -> Result<Hook, ApiError> {
    let result = if known.default_continue { "CONTINUE" } else { "ABANDON" };
    let spec = HookSpec {
        name: known.name.clone(),
        transition: params.get("LifecycleTransition").unwrap_or(known.transition.as_str()).to_owned(),
        heartbeat_seconds: params.number("HeartbeatTimeout")?.unwrap_or(known.heartbeat_seconds),
        default_result: params.get("DefaultResult").unwrap_or(result).to_owned(),
        metadata: params.get("NotificationMetadata").map(str::to_owned).or(known.metadata),
    };
    let hook = spec.to_hook()?;
    Ok(Hook { target: known.target, role: known.role, code_deploy: known.code_deploy, ..hook })
}

pub(crate) fn delete(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    world.delete_hook(params.need("AutoScalingGroupName")?, params.need("LifecycleHookName")?)
}

/// Token, or instance: one of them must be there.
fn subject<'a>(params: &Params<'a>) -> Result<(Option<&'a str>, Option<&'a str>), ApiError> {
    let (instance, token) = (params.get("InstanceId"), params.get("LifecycleActionToken"));
    if instance.is_none() && token.is_none() {
        let message = "Either LifecycleActionToken or InstanceId must be specified";
        return Err(ApiError::bad("ValidationError", message));
    }
    Ok((instance, token))
}

pub(crate) fn complete(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let (group, hook) = (params.need("AutoScalingGroupName")?, params.need("LifecycleHookName")?);
    let result = params.need("LifecycleActionResult")?;
    if !["CONTINUE", "ABANDON"].contains(&result) {
        return Err(ApiError::bad("ValidationError", format!("Invalid lifecycle action result: {result}")));
    }
    let (instance, token) = subject(params)?;
    world.complete_action(group, hook, instance, token, result)
}

pub(crate) fn heartbeat(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    let (group, hook) = (params.need("AutoScalingGroupName")?, params.need("LifecycleHookName")?);
    let (instance, token) = subject(params)?;
    world.heartbeat(group, hook, instance, token)
}
