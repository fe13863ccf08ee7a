//! The end of an instance, on purpose.

use aws_sdk_ec2::types::InstanceStateName;
use panda_domain::ids::InstanceId;

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:TerminateInstanceInAutoScalingGroup", "ec2:TerminateInstances"];

/// What the operating system notices of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// It is shut down, and services get their signal.
    Orderly,
    /// Nothing, as in a power cut (`SkipOsShutdown`).
    PowerCut,
}

/// How an attempt to end an instance came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminated {
    /// It was alive, and this ends it.
    Struck,
    /// It was on its way out before, or at its end.
    AlreadyLeaving,
    /// AWS does not know it.
    Gone,
}

/// Asks EC2 whether it would terminate an instance, and terminates nothing (`DryRun`): "If you have the required permissions, the error
/// response is `DryRunOperation`. Otherwise, it is `UnauthorizedOperation`."
///
/// # Errors
/// When it would not, or AWS does not answer.
pub async fn probe_terminate(aws: &Aws, instance: &InstanceId) -> Result<(), AwsError> {
    aws.counter.read();
    let result = aws.ec2.terminate_instances().instance_ids(instance.as_str()).dry_run(true).send().await;
    match result {
        // An endpoint that does not know `DryRun` has just done it; AWS never answers so.
        Ok(_) => Ok(()),
        Err(error) => {
            let error = AwsError::new("TerminateInstances", Some(instance.as_str()), &error);
            if error.is("DryRunOperation") { Ok(()) } else { Err(error) }
        }
    }
}

/// Terminates one instance. Idempotent: "If you terminate an instance more than once, each call succeeds."
///
/// One for each call, because AWS holds several together: "If you specify multiple instances and the request fails (for example, because of
/// a single incorrect instance ID), none of the instances are terminated."
///
/// # Errors
/// When AWS does not answer, which leaves open whether the instance lives, or refuses, such as with `OperationNotPermitted` for an instance
/// with termination protection.
pub async fn terminate(aws: &Aws, instance: &InstanceId, shutdown: Shutdown) -> Result<Terminated, AwsError> {
    aws.counter.write();
    let result = aws
        .ec2
        .terminate_instances()
        .instance_ids(instance.as_str())
        .set_skip_os_shutdown((shutdown == Shutdown::PowerCut).then_some(true))
        .send()
        .await;
    match result {
        Ok(reply) => {
            let before = reply
                .terminating_instances()
                .iter()
                .find(|change| change.instance_id() == Some(instance.as_str()))
                .and_then(|change| change.previous_state()?.name());
            Ok(match before {
                Some(InstanceStateName::ShuttingDown | InstanceStateName::Terminated) => Terminated::AlreadyLeaving,
                _ => Terminated::Struck,
            })
        }
        Err(error) => {
            let error = AwsError::new("TerminateInstances", Some(instance.as_str()), &error);
            if error.is("InvalidInstanceID.NotFound") { Ok(Terminated::Gone) } else { Err(error) }
        }
    }
}

/// Has Auto Scaling terminate a member by its own rules: lifecycle hooks, deregistration from load balancers. The group's desired capacity
/// stays, so that it replaces the member.
///
/// # Errors
/// When AWS does not answer, which leaves open whether the instance lives, or refuses.
pub async fn terminate_in_group(aws: &Aws, instance: &InstanceId) -> Result<Terminated, AwsError> {
    aws.counter.write();
    let result = aws
        .autoscaling
        .terminate_instance_in_auto_scaling_group()
        .instance_id(instance.as_str())
        .should_decrement_desired_capacity(false)
        .send()
        .await;
    match result {
        Ok(_) => Ok(Terminated::Struck),
        Err(error) => {
            let error = AwsError::new("TerminateInstanceInAutoScalingGroup", Some(instance.as_str()), &error);
            // `Instance Id not found - No managed instance found for instance ID i-…`.
            let gone = ["not found", "no managed instance"].iter().any(|words| error.says("ValidationError", words));
            // Where the first reply was lost, the SDK asks again, and finds its own work under way.
            if error.is("ScalingActivityInProgress") {
                return Ok(Terminated::AlreadyLeaving);
            }
            if gone { Ok(Terminated::Gone) } else { Err(error) }
        }
    }
}
