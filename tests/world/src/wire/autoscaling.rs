//! Auto Scaling, API version 2011-01-01.

mod activities;
mod describe;
mod groups;
mod hooks;
mod members;
mod tags;

use super::params::Params;
use super::{ApiError, Handler, Operation};

/// What `CreateAutoScalingGroup` and `UpdateAutoScalingGroup` share.
const GROUP: &[&str] = &[
    "AutoScalingGroupName",
    "LaunchConfigurationName",
    "LaunchTemplate",
    "MixedInstancesPolicy",
    "InstanceId",
    "MinSize",
    "MaxSize",
    "DesiredCapacity",
    "DefaultCooldown",
    "AvailabilityZones",
    "LoadBalancerNames",
    "TargetGroupARNs",
    "HealthCheckType",
    "HealthCheckGracePeriod",
    "PlacementGroup",
    "VPCZoneIdentifier",
    "TerminationPolicies",
    "NewInstancesProtectedFromScaleIn",
    "CapacityRebalance",
    "LifecycleHookSpecificationList",
    "Tags",
    "ServiceLinkedRoleARN",
    "MaxInstanceLifetime",
    "Context",
    "DesiredCapacityType",
    "DefaultInstanceWarmup",
    "TrafficSources",
    "InstanceMaintenancePolicy",
    "AvailabilityZoneDistribution",
    "AvailabilityZoneImpairmentPolicy",
    "SkipZonalShiftValidation",
    "CapacityReservationSpecification",
    "InstanceLifecyclePolicy",
];

const ACTION: &[&str] =
    &["LifecycleHookName", "AutoScalingGroupName", "LifecycleActionToken", "LifecycleActionResult", "InstanceId"];

const HOOK: &[&str] = &[
    "LifecycleHookName",
    "AutoScalingGroupName",
    "LifecycleTransition",
    "RoleARN",
    "NotificationTargetARN",
    "NotificationMetadata",
    "HeartbeatTimeout",
    "DefaultResult",
];

macro_rules! operation {
    ($name:literal, $kind:ident, $handler:path, $accepts:expr) => {
        Operation { name: $name, accepts: $accepts, handler: Handler::$kind($handler) }
    };
}

pub(crate) const OPERATIONS: &[Operation] = &[
    operation!(
        "DescribeAutoScalingGroups",
        Read,
        describe::groups,
        &["AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken"]
    ),
    operation!("DescribeAutoScalingInstances", Read, describe::instances, &["InstanceIds", "MaxRecords", "NextToken"]),
    operation!("DescribeLifecycleHooks", Read, describe::hooks, &["AutoScalingGroupName", "LifecycleHookNames"]),
    operation!(
        "DescribeScalingActivities",
        Read,
        activities::describe,
        &["AutoScalingGroupName", "ActivityIds", "IncludeDeletedGroups", "Filters", "MaxRecords", "NextToken"]
    ),
    operation!(
        "DescribeInstanceRefreshes",
        Read,
        activities::refreshes,
        &["AutoScalingGroupName", "InstanceRefreshIds", "MaxRecords", "NextToken"]
    ),
    operation!("DescribeWarmPool", Read, describe::warm_pool, &["AutoScalingGroupName", "MaxRecords", "NextToken"]),
    operation!("DescribeTags", Read, tags::describe, &["Filters", "MaxRecords", "NextToken"]),
    operation!("CreateAutoScalingGroup", Write, groups::create, GROUP),
    operation!("UpdateAutoScalingGroup", Write, groups::update, GROUP),
    operation!("DeleteAutoScalingGroup", Write, groups::delete, &["AutoScalingGroupName", "ForceDelete"]),
    operation!(
        "SetDesiredCapacity",
        Write,
        groups::set_desired,
        &["AutoScalingGroupName", "DesiredCapacity", "HonorCooldown"]
    ),
    operation!("SuspendProcesses", Write, groups::suspend, &["AutoScalingGroupName", "ScalingProcesses"]),
    operation!("ResumeProcesses", Write, groups::resume, &["AutoScalingGroupName", "ScalingProcesses"]),
    operation!(
        "StartInstanceRefresh",
        Write,
        groups::start_refresh,
        &["AutoScalingGroupName", "Strategy", "DesiredConfiguration", "Preferences"]
    ),
    operation!("CancelInstanceRefresh", Write, groups::cancel_refresh, &["AutoScalingGroupName"]),
    operation!(
        "PutWarmPool",
        Write,
        groups::put_warm_pool,
        &["AutoScalingGroupName", "MaxGroupPreparedCapacity", "MinSize", "PoolState", "InstanceReusePolicy"]
    ),
    operation!("PutLifecycleHook", Write, hooks::put, HOOK),
    operation!("DeleteLifecycleHook", Write, hooks::delete, &["LifecycleHookName", "AutoScalingGroupName"]),
    operation!("CompleteLifecycleAction", Write, hooks::complete, ACTION),
    operation!("RecordLifecycleActionHeartbeat", Write, hooks::heartbeat, ACTION),
    operation!(
        "SetInstanceHealth",
        Write,
        members::set_health,
        &["InstanceId", "HealthStatus", "ShouldRespectGracePeriod"]
    ),
    operation!(
        "TerminateInstanceInAutoScalingGroup",
        Write,
        members::terminate,
        &["InstanceId", "ShouldDecrementDesiredCapacity"]
    ),
    operation!(
        "SetInstanceProtection",
        Write,
        members::set_protection,
        &["InstanceIds", "AutoScalingGroupName", "ProtectedFromScaleIn"]
    ),
    operation!(
        "EnterStandby",
        Write,
        members::enter_standby,
        &["InstanceIds", "AutoScalingGroupName", "ShouldDecrementDesiredCapacity"]
    ),
    operation!("ExitStandby", Write, members::exit_standby, &["InstanceIds", "AutoScalingGroupName"]),
    operation!(
        "DetachInstances",
        Write,
        members::detach,
        &["InstanceIds", "AutoScalingGroupName", "ShouldDecrementDesiredCapacity"]
    ),
    operation!("CreateOrUpdateTags", Write, tags::create, &["Tags"]),
    operation!("DeleteTags", Write, tags::delete, &["Tags"]),
];

/// `MaxRecords`: 1 to the operation's most, default 50 `[doc]`.
fn page_size(params: &Params<'_>, most: u32) -> Result<Option<usize>, ApiError> {
    let size = params.number("MaxRecords")?.unwrap_or(50.min(most));
    if (1..=most).contains(&size) {
        return Ok(Some(size as usize));
    }
    let (bound, word) = if size == 0 { (1, "greater") } else { (most, "less") };
    let message = format!(
        "1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: Member must have value {word} than or equal to {bound}"
    );
    Err(ApiError::bad("ValidationError", message))
}
