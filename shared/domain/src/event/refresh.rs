//! How far is a group with replacing its instances?
//!
//! The instances' own hooks say what matters; these events are one more occasion to look.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "EC2 Auto Scaling Instance Refresh Started",
//!   "source": "aws.autoscaling",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:autoscaling:us-east-1:123456789012:autoScalingGroup:5f4e3d2c-1b0a-4f9e-8d7c-6b5a49382716:autoScalingGroupName/web"
//!   ],
//!   "detail": {
//!     "InstanceRefreshId": "08b91cf7-8fa6-48af-b6a6-d227f40f1b9b",
//!     "AutoScalingGroupName": "web"
//!   }
//! }
//! ```

use std::fmt;

use super::{Detail, Ignored};
use crate::ids::GroupName;

/// What every `detail-type` of an instance refresh begins with.
pub(super) const PREFIX: &str = "EC2 Auto Scaling Instance Refresh ";

/// A group that replaces its instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRefresh {
    /// The group.
    pub group: GroupName,
    /// How far it is.
    pub phase: RefreshPhase,
}

/// How far an instance refresh is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshPhase {
    /// It began.
    Started,
    /// It waits at a checkpoint.
    Checkpoint,
    /// Every instance was replaced.
    Succeeded,
    /// It gave up.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// A phase newer than this code.
    Unknown(String),
}

impl fmt::Display for RefreshPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::Checkpoint => "checkpoint reached",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown(phase) => phase,
        })
    }
}

pub(super) fn decode(detail: &Detail<'_>) -> Result<InstanceRefresh, Ignored> {
    let phase = match detail.detail_type.strip_prefix(PREFIX).unwrap_or_default() {
        "Started" => RefreshPhase::Started,
        "Checkpoint Reached" => RefreshPhase::Checkpoint,
        "Succeeded" => RefreshPhase::Succeeded,
        "Failed" => RefreshPhase::Failed,
        "Cancelled" => RefreshPhase::Cancelled,
        other => RefreshPhase::Unknown(other.to_owned()),
    };
    Ok(InstanceRefresh { group: detail.required("AutoScalingGroupName")?.into(), phase })
}
