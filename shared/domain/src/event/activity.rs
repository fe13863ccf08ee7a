//! Which launch or termination ended, and how?
//!
//! `EC2 Instance Launch Successful` is the sign that an instance is ready: it is sent when the instance is `InService`, after every launch
//! hook, CodeDeploy's included.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "EC2 Instance Launch Successful",
//!   "source": "aws.autoscaling",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:5f4e3d2c-1b0a-4f9e-8d7c-6b5a49382716:autoScalingGroupName/web",
//!     "arn:aws:ec2:us-east-1:123456789012:instance/i-0new00000000000a"
//!   ],
//!   "detail": {
//!     "StatusCode": "InProgress",
//!     "Description": "Launching a new EC2 instance: i-0new00000000000a",
//!     "AutoScalingGroupName": "web",
//!     "ActivityId": "12345678-1234-1234-1234-123456789012",
//!     "Details": {
//!       "Availability Zone": "us-east-1b",
//!       "Subnet ID": "subnet-12345678"
//!     },
//!     "RequestId": "12345678-1234-1234-1234-123456789012",
//!     "StatusMessage": "",
//!     "EndTime": "2026-05-07T13:22:05Z",
//!     "EC2InstanceId": "i-0new00000000000a",
//!     "StartTime": "2026-05-07T13:21:12Z",
//!     "Cause": "At 2026-05-07T13:21:11Z an instance was launched in response to an unhealthy instance needing to be replaced."
//!   }
//! }
//! ```

use super::{Detail, Ignored};
use crate::ids::{GroupName, InstanceId};

/// A launch or termination that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingActivity {
    /// The group that acted.
    pub group: GroupName,
    /// The instance; a launch that failed early has none.
    pub instance: Option<InstanceId>,
    /// How it ended.
    pub result: ActivityResult,
}

/// How a launch or termination ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivityResult {
    /// The instance is in service.
    Launched,
    /// There is no new instance; the group will try again.
    LaunchFailed,
    /// The instance left the group.
    Terminated,
    /// The instance could not be terminated.
    TerminateFailed,
}

pub(super) fn decode(detail: &Detail<'_>, result: ActivityResult) -> Result<ScalingActivity, Ignored> {
    Ok(ScalingActivity {
        group: detail.required("AutoScalingGroupName")?.into(),
        instance: detail.optional("EC2InstanceId").map(InstanceId::from),
        result,
    })
}
