//! Instance refreshes: is a group replacing its instances?

use aws_sdk_autoscaling::types::{InstanceRefresh, InstanceRefreshStatus};
use aws_smithy_types::DateTime;
use panda_domain::ids::GroupName;

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["autoscaling:DescribeInstanceRefreshes"];

/// The status of a group's newest instance refresh, as Auto Scaling writes it; `None` if there never was one.
///
/// Refreshes are listed "sorted by creation timestamp in descending order", and a group has one active at most. It is told before any that
/// ended, in whatever order they come.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn newest_refresh(aws: &Aws, group: &GroupName) -> Result<Option<String>, AwsError> {
    aws.counter.read();
    let reply = aws
        .autoscaling
        .describe_instance_refreshes()
        .auto_scaling_group_name(group.as_str())
        .send()
        .await
        .map_err(|error| AwsError::new("DescribeInstanceRefreshes", Some(group.as_str()), &error))?;
    Ok(newest(reply.instance_refreshes()))
}

fn newest(refreshes: &[InstanceRefresh]) -> Option<String> {
    let refresh = refreshes
        .iter()
        .enumerate()
        // A pending one has not started and has no start time.
        .max_by_key(|(place, refresh)| {
            (active(refresh), refresh.start_time().map(DateTime::secs), std::cmp::Reverse(*place))
        });
    refresh.and_then(|(_, refresh)| refresh.status()).map(|status| status.as_str().to_owned())
}

fn active(refresh: &InstanceRefresh) -> bool {
    use InstanceRefreshStatus::{Cancelled, Failed, RollbackFailed, RollbackSuccessful, Successful};
    !matches!(refresh.status(), None | Some(Successful | Failed | Cancelled | RollbackFailed | RollbackSuccessful))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refresh(status: InstanceRefreshStatus, started: Option<i64>) -> InstanceRefresh {
        InstanceRefresh::builder().status(status).set_start_time(started.map(DateTime::from_secs)).build()
    }

    #[test]
    fn an_active_refresh_is_told_before_any_that_ended() {
        use InstanceRefreshStatus::{Pending, RollbackSuccessful, Successful};
        assert_eq!(newest(&[]), None);
        let past = [refresh(Successful, Some(100)), refresh(RollbackSuccessful, Some(200))];
        assert_eq!(newest(&past).as_deref(), Some("RollbackSuccessful"));
        let [first, second] = past;
        assert_eq!(newest(&[first, refresh(Pending, None), second]).as_deref(), Some("Pending"));
    }
}
