//! Which alarms stand in the account, and in what state?
//!
//! Metrics are not simulated: an alarm's state is what [`crate::Act::SetAlarm`] or `SetAlarmState` says, a composite one's too.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::world::{ACCOUNT, REGION, World};

/// State of an alarm, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum AlarmState {
    /// All is well.
    #[default]
    #[serde(rename = "OK")]
    Ok,
    /// The threshold is crossed.
    #[serde(rename = "ALARM")]
    Alarm,
    /// Not enough data points.
    #[serde(rename = "INSUFFICIENT_DATA")]
    InsufficientData,
}

impl AlarmState {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// From AWS's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData].into_iter().find(|state| state.as_str() == word)
    }
}

/// An alarm.
#[derive(Debug, Clone, Serialize)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The rule of a composite alarm; none on a metric alarm.
    pub rule: Option<String>,
    /// Namespace, name and dimensions of the metric that it watches, where that was said.
    #[serde(skip)]
    pub(crate) metric: Option<Metric>,
    /// Its state.
    pub state: AlarmState,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was made.
    pub configured: Timestamp,
}

/// What a metric alarm watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) dimensions: BTreeMap<String, String>,
}

impl World {
    pub(crate) fn alarms_mut(&mut self) -> &mut BTreeMap<String, Alarm> {
        self.touch();
        Arc::make_mut(&mut self.state.alarms)
    }

    /// `PutMetricAlarm`, `PutCompositeAlarm`: an alarm that exists keeps its state `[doc]`.
    pub(crate) fn put_alarm(&mut self, name: &str, rule: Option<String>, state: AlarmState) {
        let now = self.now;
        let alarms = self.alarms_mut();
        let state = alarms.get(name).map_or(state, |known| known.state);
        let metric = alarms.get(name).and_then(|known| known.metric.clone());
        let alarm = Alarm {
            name: name.to_owned(),
            arn: format!("arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"),
            rule,
            metric,
            state,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            since: now,
            configured: now,
        };
        alarms.insert(name.to_owned(), alarm);
    }

    /// Ground truth: all alarms.
    pub fn alarms(&self) -> impl Iterator<Item = &Alarm> {
        self.state.alarms.values()
    }

    /// Changes an alarm's state; tells EventBridge if it is another one. False if there is no such alarm.
    pub(crate) fn set_alarm(&mut self, name: &str, state: AlarmState, reason: &str) -> bool {
        let now = self.now;
        let Some(alarm) = self.alarms_mut().get_mut(name) else { return false };
        let before = std::mem::replace(&mut alarm.state, state);
        reason.clone_into(&mut alarm.reason);
        if before == state {
            return true;
        }
        alarm.since = now;
        let arn = alarm.arn.clone();
        let stamp = now.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string();
        let configuration = match &alarm.rule {
            Some(rule) => json!({"alarmRule": rule}),
            None => json!({"description": "", "metrics": []}),
        };
        let detail = json!({
            "alarmName": name,
            "configuration": configuration,
            "previousState": {"reason": "", "reasonData": "{}", "timestamp": stamp, "value": before.as_str()},
            "state": {"reason": reason, "reasonData": "{}", "timestamp": stamp, "value": state.as_str()},
        });
        self.emit("aws.cloudwatch", "CloudWatch Alarm State Change", &[arn], &detail, name);
        true
    }
}
