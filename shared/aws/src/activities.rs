//! Scaling activities: do launches succeed?

use aws_sdk_autoscaling::types::{Activity, ScalingActivityStatusCode};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use panda_domain::{chaos::Launches, ids::GroupName};

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:DescribeScalingActivities"];

/// The most that Auto Scaling puts on a page.
const PAGE: i32 = 100;

/// How the description of a launch begins. Activities have no kind; the user guide's examples ("Verify a scaling activity") begin so,
/// whether the launch succeeded or failed.
const LAUNCH: &str = "Launching a new EC2 instance";

/// The last launch of a group that failed and the last that succeeded, as far as the newest hundred activities show. Auto
/// Scaling keeps six weeks and lists the most recent first; one behind a hundred others says nothing about now.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn last_launches(aws: &Aws, group: &GroupName) -> Result<Launches, AwsError> {
    aws.counter.read();
    let reply = aws
        .autoscaling
        .describe_scaling_activities()
        .auto_scaling_group_name(group.as_str())
        .max_records(PAGE)
        .send()
        .await
        .map_err(|error| AwsError::new("DescribeScalingActivities", Some(group.as_str()), &error))?;
    Ok(read(reply.activities()))
}

fn read(activities: &[Activity]) -> Launches {
    let launches = activities.iter().filter(|activity| activity.description().is_some_and(|it| it.starts_with(LAUNCH)));
    let mut last = Launches::default();
    for launch in launches {
        let Some(ended) = launch.end_time().or(launch.start_time()).and_then(moment) else { continue };
        match launch.status_code() {
            Some(ScalingActivityStatusCode::Failed) if last.failed.as_ref().is_none_or(|(at, _)| *at < ended) => {
                let why = launch.status_message().or(launch.description()).unwrap_or_default();
                last.failed = Some((ended, why.to_owned()));
            }
            Some(ScalingActivityStatusCode::Successful) => last.succeeded = last.succeeded.max(Some(ended)),
            // Under way, or called off.
            _ => {}
        }
    }
    last
}

fn moment(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(description: &str, status: ScalingActivityStatusCode, seconds: i64) -> Activity {
        Activity::builder()
            .description(description)
            .status_code(status)
            .status_message("no capacity")
            .start_time(DateTime::from_secs(seconds - 5))
            .end_time(DateTime::from_secs(seconds))
            .build()
    }

    #[test]
    fn the_newest_failure_and_the_newest_success_of_launches_are_told() {
        use ScalingActivityStatusCode::{Failed, InProgress, Successful};
        let launches = read(&[
            activity("Launching a new EC2 instance: i-5", InProgress, 500),
            activity("Launching a new EC2 instance.  Status Reason: no capacity", Failed, 400),
            activity("Terminating EC2 instance: i-3", Failed, 450),
            activity("Launching a new EC2 instance: i-2", Successful, 300),
            activity("Launching a new EC2 instance", Failed, 200),
            activity("Launching a new EC2 instance: i-1", Successful, 100),
        ]);
        let at = |seconds| Timestamp::from_second(seconds).ok();
        assert_eq!(launches.failed.as_ref().map(|(at, _)| *at), at(400));
        assert_eq!(launches.failed.map(|(_, why)| why).as_deref(), Some("no capacity"));
        assert_eq!(launches.succeeded, at(300));
    }

    #[test]
    fn a_group_without_activities_has_no_launches() {
        assert_eq!(read(&[]), Launches::default());
    }
}
