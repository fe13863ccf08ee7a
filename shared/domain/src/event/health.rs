//! Which instances will AWS retire, stop or reboot?
//!
//! Announced days ahead. Only `scheduledChange` of EC2 that is still to come counts; a change that was called off is sent again with
//! `statusCode` `closed`.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "AWS Health Event",
//!   "source": "aws.health",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "i-0old00000000000a"
//!   ],
//!   "detail": {
//!     "eventArn": "arn:aws:health:us-east-1::event/EC2/AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED/1234",
//!     "service": "EC2",
//!     "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
//!     "eventTypeCategory": "scheduledChange",
//!     "startTime": "Sat, 09 May 2026 13:00:00 GMT",
//!     "eventDescription": [
//!       {
//!         "language": "en_US",
//!         "latestDescription": "The instance is scheduled for retirement."
//!       }
//!     ],
//!     "affectedEntities": [
//!       {
//!         "entityValue": "i-0old00000000000a"
//!       }
//!     ]
//!   }
//! }
//! ```

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Detail, Ignored, text};
use crate::ids::InstanceId;

/// Maintenance or retirement that AWS announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledChange {
    /// The instances it will meet.
    pub instances: BTreeSet<InstanceId>,
    /// AWS's code for it, such as `AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED`.
    pub code: String,
}

pub(super) fn decode(detail: &Detail<'_>) -> Result<ScheduledChange, Ignored> {
    let code = detail.required("eventTypeCode")?;
    if detail.optional("service").is_some_and(|service| service != "EC2") {
        return Err(Ignored::Irrelevant { what: format!("`{code}` is not about EC2") });
    }
    if detail.optional("eventTypeCategory") != Some("scheduledChange") {
        return Err(Ignored::Irrelevant { what: format!("`{code}` is not a scheduled change") });
    }
    if detail.optional("statusCode") == Some("closed") {
        return Err(Ignored::Irrelevant { what: format!("`{code}` is closed") });
    }
    let instances: BTreeSet<InstanceId> = detail
        .members
        .get("affectedEntities")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|entity| text(entity, "entityValue"))
        .filter(|entity| entity.starts_with("i-"))
        .map(InstanceId::from)
        .collect();
    if instances.is_empty() {
        return Err(detail.missing("affectedEntities"));
    }
    Ok(ScheduledChange { instances, code: code.to_owned() })
}
