//! Which instance changed its state?
//!
//! The only event that a plain `TerminateInstances` sends before Auto Scaling notices, minutes later. A read just after it may still show
//! the old state ([boto3#4386]), which is why `shutting-down` and `terminated` count as evidence.
//!
//! [boto3#4386]: https://github.com/boto/boto3/issues/4386
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "EC2 Instance State-change Notification",
//!   "source": "aws.ec2",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:ec2:us-east-1:123456789012:instance/i-0old00000000000a"
//!   ],
//!   "detail": {
//!     "instance-id": "i-0old00000000000a",
//!     "state": "shutting-down"
//!   }
//! }
//! ```

use std::fmt;

use super::{Detail, Ignored};
use crate::ids::InstanceId;

/// An instance that changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The instance.
    pub instance: InstanceId,
    /// Its new state.
    pub state: InstanceState,
}

/// EC2's states of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// Being started.
    Pending,
    /// Started; says nothing about what runs on it.
    Running,
    /// Being stopped; keeps its Elastic IP.
    Stopping,
    /// Stopped; keeps its Elastic IP.
    Stopped,
    /// Being terminated; there is no way back.
    ShuttingDown,
    /// Gone, though still listed for about an hour.
    Terminated,
    /// A state newer than this code.
    Unknown(String),
}

impl From<&str> for InstanceState {
    fn from(name: &str) -> Self {
        match name {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Unknown(name) => name,
        })
    }
}

pub(super) fn decode(detail: &Detail<'_>) -> Result<StateChange, Ignored> {
    Ok(StateChange { instance: detail.required("instance-id")?.into(), state: detail.required("state")?.into() })
}
