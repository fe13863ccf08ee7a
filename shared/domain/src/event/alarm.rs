//! Which instance fails its status checks?
//!
//! EventBridge has no event for EC2 status checks; they are the CloudWatch metrics `StatusCheckFailed…`, and an alarm on one of them says
//! `CloudWatch Alarm State Change`. An alarm by instance carries the dimension `InstanceId`, an alarm by group `AutoScalingGroupName`. An
//! alarm on the metric without dimensions is a reason to look at everything. An alarm on metric math is a reason to look at all instances that
//! its metrics are about, and says of none of them that it fails: the sum of two checks is above its threshold by either.
//!
//! ```json
//! {
//!   "source": "aws.cloudwatch",
//!   "detail-type": "CloudWatch Alarm State Change",
//!   "detail": {
//!     "alarmName": "web-status-check",
//!     "state": { "value": "ALARM" },
//!     "configuration": {
//!       "metrics": [
//!         { "metricStat": { "metric": {
//!           "namespace": "AWS/EC2", "name": "StatusCheckFailed", "dimensions": { "InstanceId": "i-0old00000000000a" } } } }
//!       ]
//!     }
//!   }
//! }
//! ```

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Detail, Ignored, text};
use crate::ids::{GroupName, InstanceId};

/// An alarm on status checks that changed its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusCheckAlarm {
    /// The alarm's name.
    pub name: String,
    /// Whether it is in ALARM now.
    pub failing: bool,
    /// The instances that its metrics are about.
    pub instances: BTreeSet<InstanceId>,
    /// Whether it stands on a metric itself: then it is that metric's instance that fails.
    pub direct: bool,
    /// The group that its metrics are about.
    pub group: Option<GroupName>,
}

pub(super) fn decode(detail: &Detail<'_>) -> Result<StatusCheckAlarm, Ignored> {
    let name = detail.required("alarmName")?;
    let state = detail.members.get("state").and_then(|state| text(state, "value"));
    let all = detail.members.pointer("/configuration/metrics").and_then(Value::as_array);
    let metrics: Vec<&Value> = all
        .into_iter()
        .flatten()
        .filter_map(|metric| metric.pointer("/metricStat/metric"))
        .filter(|metric| text(metric, "name").is_some_and(|name| name.starts_with("StatusCheckFailed")))
        .collect();
    if metrics.is_empty() {
        return Err(Ignored::Irrelevant { what: format!("alarm `{name}` is not on status checks") });
    }
    let dimension = |name: &'static str| {
        metrics.iter().filter_map(move |metric| metric.get("dimensions").and_then(|dimensions| text(dimensions, name)))
    };
    Ok(StatusCheckAlarm {
        name: name.to_owned(),
        failing: state == Some("ALARM"),
        instances: dimension("InstanceId").map(InstanceId::from).collect(),
        direct: all.is_some_and(|all| all.len() == 1 && all.iter().all(|metric| metric.get("expression").is_none())),
        group: dimension("AutoScalingGroupName").next().map(GroupName::from),
    })
}
