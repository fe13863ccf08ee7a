//! Which instance waits in which lifecycle hook?
//!
//! The hook waits until somebody completes it or its heartbeat runs out. `Origin` and `Destination` tell a warm pool apart; they are
//! documented for groups with a warm pool only and were seen without one, so their absence means nothing.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "EC2 Instance-terminate Lifecycle Action",
//!   "source": "aws.autoscaling",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:5f4e3d2c-1b0a-4f9e-8d7c-6b5a49382716:autoScalingGroupName/web"
//!   ],
//!   "detail": {
//!     "LifecycleActionToken": "87654321-4321-4321-4321-210987654321",
//!     "AutoScalingGroupName": "web",
//!     "LifecycleHookName": "elastic-ip",
//!     "EC2InstanceId": "i-0old00000000000a",
//!     "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
//!     "Origin": "AutoScalingGroup",
//!     "Destination": "EC2"
//!   }
//! }
//! ```

use super::{Detail, Ignored};
use crate::ids::{GroupName, HookName, InstanceId};

/// An instance that waits for an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleAction {
    /// The group whose hook it is.
    pub group: GroupName,
    /// The instance that waits.
    pub instance: InstanceId,
    /// The hook to answer.
    pub hook: HookName,
    /// What the instance is about to do.
    pub transition: Transition,
    /// Where the instance comes from.
    pub origin: Place,
    /// Where the instance goes to.
    pub destination: Place,
}

/// What an instance in a lifecycle hook is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transition {
    /// Going into service, or into the warm pool.
    Launching,
    /// Leaving the group, or going back to the warm pool.
    Terminating,
}

/// Where an instance comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nowhere yet, or nowhere any more.
    Ec2,
    /// In service.
    Group,
    /// In the warm pool.
    WarmPool,
    /// The event does not say, or says something newer than this code.
    Unsaid,
}

pub(super) fn decode(detail: &Detail<'_>) -> Result<LifecycleAction, Ignored> {
    let transition = match detail.required("LifecycleTransition")? {
        "autoscaling:EC2_INSTANCE_LAUNCHING" => Transition::Launching,
        "autoscaling:EC2_INSTANCE_TERMINATING" => Transition::Terminating,
        "autoscaling:TEST_NOTIFICATION" => return Err(Ignored::TestNotification),
        _ => return Err(detail.missing("LifecycleTransition")),
    };
    Ok(LifecycleAction {
        group: detail.required("AutoScalingGroupName")?.into(),
        instance: detail.required("EC2InstanceId")?.into(),
        hook: detail.required("LifecycleHookName")?.into(),
        transition,
        origin: place(detail.optional("Origin")),
        destination: place(detail.optional("Destination")),
    })
}

fn place(name: Option<&str>) -> Place {
    match name {
        Some("EC2") => Place::Ec2,
        Some("AutoScalingGroup") => Place::Group,
        Some("WarmPool") => Place::WarmPool,
        _ => Place::Unsaid,
    }
}
