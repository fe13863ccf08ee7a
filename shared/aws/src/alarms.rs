//! CloudWatch alarms: does one ring?

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::{
    Client,
    operation::describe_alarms::DescribeAlarmsOutput,
    types::{AlarmType, StateValue},
};
use aws_types::SdkConfig;
use panda_domain::chaos::AlarmState;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["cloudwatch:DescribeAlarms"];

/// The most names that CloudWatch takes in one call, and the most alarms that it puts on a page.
const PAGE: usize = 100;

/// CloudWatch's alarms.
#[derive(Debug)]
pub struct Alarms {
    client: Lazy<Client>,
    counter: Counter,
}

impl Alarms {
    /// Alarms of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_cloudwatch::config::Builder::from(sdk).retry_partition(budget("cloudwatch")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// The state of each of these alarms, given by name or by ARN, under what it was asked for by. Without alarms to ask for there is no
    /// call.
    ///
    /// An ARN of another account or region is [`AlarmState::Missing`], because `DescribeAlarms` sees none of those; so is a name that
    /// differs in case.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn states(&self, asked: &[String]) -> Result<BTreeMap<String, AlarmState>, AwsError> {
        let mut states: BTreeMap<String, AlarmState> =
            asked.iter().map(|alarm| (alarm.clone(), AlarmState::Missing)).collect();
        let mut names: Vec<String> = states.keys().map(|alarm| name_of(alarm).to_owned()).collect();
        names.sort();
        names.dedup();
        for chunk in names.chunks(PAGE) {
            let mut pages = self
                .client
                .get()
                .describe_alarms()
                .set_alarm_names(Some(chunk.to_vec()))
                // "If you omit this parameter, only metric alarms are returned, even if composite alarms or log alarms exist."
                .alarm_types(AlarmType::MetricAlarm)
                .alarm_types(AlarmType::CompositeAlarm)
                .into_paginator()
                .send();
            while let Some(page) = pages.next().await {
                self.counter.read();
                let page = page.map_err(|error| AwsError::new("DescribeAlarms", None, &error))?;
                note(&page, &mut states);
            }
        }
        Ok(states)
    }
}

/// Notes a page of alarms, metric and composite, under their names and under their ARNs, as far as those are asked for.
fn note(page: &DescribeAlarmsOutput, states: &mut BTreeMap<String, AlarmState>) {
    let metric = page.metric_alarms().iter().map(|it| (it.alarm_name(), it.alarm_arn(), it.state_value()));
    let composite = page.composite_alarms().iter().map(|it| (it.alarm_name(), it.alarm_arn(), it.state_value()));
    for (name, arn, state) in metric.chain(composite) {
        for key in [name, arn].into_iter().flatten() {
            if let Some(known) = states.get_mut(key) {
                *known = read(state);
            }
        }
    }
}

/// The name in an ARN such as `arn:aws:cloudwatch:eu-west-1:123456789012:alarm:NAME`, where the name may have colons of its own.
fn name_of(alarm: &str) -> &str {
    let mut parts = alarm.splitn(7, ':');
    match (parts.next(), parts.nth(1), parts.nth(2), parts.next()) {
        (Some("arn"), Some("cloudwatch"), Some("alarm"), Some(name)) => name,
        _ => alarm,
    }
}

fn read(state: Option<&StateValue>) -> AlarmState {
    match state {
        Some(StateValue::Ok) => AlarmState::Ok,
        Some(StateValue::InsufficientData) => AlarmState::InsufficientData,
        // A state newer than this code is taken for the careful answer.
        _ => AlarmState::Alarm,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::types::{CompositeAlarm, MetricAlarm};

    use super::*;

    #[test]
    fn metric_and_composite_alarms_are_noted_under_what_they_were_asked_for_by() {
        let metric = MetricAlarm::builder().alarm_name("calm").alarm_arn("arn:calm").state_value(StateValue::Ok);
        let composite = CompositeAlarm::builder().alarm_name("all").alarm_arn("arn:all").state_value(StateValue::Alarm);
        let page =
            DescribeAlarmsOutput::builder().metric_alarms(metric.build()).composite_alarms(composite.build()).build();
        let asked = ["calm", "arn:calm", "arn:all", "gone"];
        let mut states = asked.map(|alarm| (alarm.to_owned(), AlarmState::Missing)).into();
        note(&page, &mut states);
        let expected = [AlarmState::Ok, AlarmState::Ok, AlarmState::Alarm, AlarmState::Missing];
        assert_eq!(asked.map(|alarm| states.get(alarm).copied()), expected.map(Some));
    }

    #[test]
    fn the_name_of_an_arn_may_have_colons_and_a_name_is_its_own() {
        for (alarm, name) in [
            ("web-5xx", "web-5xx"),
            ("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:web 5xx", "web 5xx"),
            ("arn:aws-cn:cloudwatch:cn-north-1:123456789012:alarm:a:b", "a:b"),
            ("arn:aws:sns:eu-west-1:123456789012:topic", "arn:aws:sns:eu-west-1:123456789012:topic"),
        ] {
            assert_eq!(name_of(alarm), name);
        }
    }
}
