//! Which Spot instance will be, or may be, taken away?
//!
//! The interruption warning comes up to two minutes ahead, best effort; 39 seconds were seen. The rebalance recommendation may come
//! earlier, or at the same time, or not at all.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "EC2 Spot Instance Interruption Warning",
//!   "source": "aws.ec2",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:ec2:us-east-1b:instance/i-0old00000000000a"
//!   ],
//!   "detail": {
//!     "instance-id": "i-0old00000000000a",
//!     "instance-action": "terminate"
//!   }
//! }
//! ```

use super::{Detail, Ignored};
use crate::ids::InstanceId;

/// A Spot instance that is about to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpotInterruption {
    /// The instance.
    pub instance: InstanceId,
    /// `terminate`, `stop` or `hibernate`.
    pub action: String,
}

/// A Spot instance that is more likely than others to be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebalanceRecommendation {
    /// The instance.
    pub instance: InstanceId,
}

pub(super) fn decode_interruption(detail: &Detail<'_>) -> Result<SpotInterruption, Ignored> {
    Ok(SpotInterruption {
        instance: detail.required("instance-id")?.into(),
        action: detail.optional("instance-action").unwrap_or("unsaid").to_owned(),
    })
}

pub(super) fn decode_rebalance(detail: &Detail<'_>) -> Result<RebalanceRecommendation, Ignored> {
    Ok(RebalanceRecommendation { instance: detail.required("instance-id")?.into() })
}
