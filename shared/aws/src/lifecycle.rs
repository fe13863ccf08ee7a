//! Lifecycle hooks: which are there, and let an instance go on.

use panda_domain::{
    event::Transition,
    failover::Hook,
    ids::{GroupName, HookName, InstanceId},
};

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:CompleteLifecycleAction", "autoscaling:DescribeLifecycleHooks"];

/// The lifecycle hooks of a group; at most fifty, so there are no pages. Hooks for transitions newer than this code are left out.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_hooks(aws: &Aws, group: &GroupName) -> Result<Vec<Hook>, AwsError> {
    aws.counter.read();
    let result = aws.autoscaling.describe_lifecycle_hooks().auto_scaling_group_name(group.as_str()).send().await;
    match result {
        Ok(reply) => Ok(reply.lifecycle_hooks().iter().filter_map(read).collect()),
        Err(error) => {
            let error = AwsError::new("DescribeLifecycleHooks", Some(group.as_str()), &error);
            // The group was deleted since it was listed: it has no hooks.
            if error.says("ValidationError", "not found") { Ok(Vec::new()) } else { Err(error) }
        }
    }
}

fn read(hook: &aws_sdk_autoscaling::types::LifecycleHook) -> Option<Hook> {
    /// What Auto Scaling uses when a hook does not say.
    const DEFAULT_HEARTBEAT: u32 = 3600;
    let transition = match hook.lifecycle_transition()? {
        "autoscaling:EC2_INSTANCE_LAUNCHING" => Transition::Launching,
        "autoscaling:EC2_INSTANCE_TERMINATING" => Transition::Terminating,
        _ => return None,
    };
    let heartbeat = hook.heartbeat_timeout().and_then(|seconds| u32::try_from(seconds).ok());
    Some(Hook {
        name: hook.lifecycle_hook_name()?.into(),
        transition,
        heartbeat_seconds: heartbeat.unwrap_or(DEFAULT_HEARTBEAT),
    })
}

/// Completes a lifecycle action with `CONTINUE`, by instance: the action's token is not needed, so nothing has to be kept between looks.
///
/// Gives `false` if there was nothing to complete: somebody did already, the heartbeat ran out, or the instance is gone.
///
/// # Errors
/// When AWS does not answer, or refuses; run again.
pub async fn complete_lifecycle_action(
    aws: &Aws,
    group: &GroupName,
    hook: &HookName,
    instance: &InstanceId,
) -> Result<bool, AwsError> {
    aws.counter.write();
    let result = aws
        .autoscaling
        .complete_lifecycle_action()
        .auto_scaling_group_name(group.as_str())
        .lifecycle_hook_name(hook.as_str())
        .instance_id(instance.as_str())
        .lifecycle_action_result("CONTINUE")
        .send()
        .await;
    match result {
        Ok(_) => Ok(true),
        Err(error) => {
            let subject = format!("{instance} in {hook} of {group}");
            let error = AwsError::new("CompleteLifecycleAction", Some(&subject), &error);
            let done = ["no active lifecycle action", "not found", "does not exist"];
            if done.iter().any(|words| error.says("ValidationError", words)) { Ok(false) } else { Err(error) }
        }
    }
}
