//! CloudWatch: which alarms watch the status checks of a group?

use aws_sdk_cloudwatch::{Client, types::Dimension};
use aws_types::SdkConfig;
use panda_domain::ids::GroupName;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["cloudwatch:DescribeAlarmsForMetric"];

/// The metrics that tell of a status check that fails.
const METRICS: [&str; 3] = ["StatusCheckFailed", "StatusCheckFailed_Instance", "StatusCheckFailed_System"];

/// CloudWatch's alarms on status checks.
#[derive(Debug)]
pub struct StatusAlarms {
    client: Lazy<Client>,
    counter: Counter,
}

impl StatusAlarms {
    /// Alarms of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_cloudwatch::config::Builder::from(sdk).retry_partition(budget("cloudwatch")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// The names of the alarms on status checks of a group as a whole; those on single instances are not looked for.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn of_group(&self, group: &GroupName) -> Result<Vec<String>, AwsError> {
        let mut names = Vec::new();
        for metric in METRICS {
            self.counter.read();
            let dimension = Dimension::builder().name("AutoScalingGroupName").value(group.as_str()).build();
            let request = self.client.get().describe_alarms_for_metric().namespace("AWS/EC2").metric_name(metric);
            let reply = request
                .dimensions(dimension)
                .send()
                .await
                .map_err(|error| AwsError::new("DescribeAlarmsForMetric", Some(group.as_str()), &error))?;
            names.extend(reply.metric_alarms().iter().filter_map(|alarm| alarm.alarm_name()).map(str::to_owned));
        }
        Ok(names)
    }
}
