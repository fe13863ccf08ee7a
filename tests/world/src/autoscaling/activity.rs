//! What does a group say it has done? Scaling activities, and the events of the same content.

use jiff::Timestamp;
use serde_json::json;

use crate::event::{instance_arn, seconds};
use crate::world::World;

/// Kept for each group: `DescribeScalingActivities` shows six weeks `[doc]`, the world the newest hundred.
const KEPT: usize = 100;

/// A scaling activity.
#[derive(Debug, Clone)]
pub(crate) struct Activity {
    pub(crate) id: String,
    pub(crate) description: String,
    pub(crate) cause: String,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) status: &'static str,
    pub(crate) message: String,
    pub(crate) progress: u8,
    pub(crate) zone: String,
    pub(crate) subnet: String,
    pub(crate) instance: String,
}

/// What an activity is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) instance: &'a str,
    pub(crate) zone: &'a str,
    pub(crate) subnet: &'a str,
}

impl World {
    /// Opens an activity and gives its id.
    pub(crate) fn open_activity(
        &mut self,
        group: &str,
        description: String,
        cause: String,
        subject: Subject<'_>,
    ) -> String {
        let activity = Activity {
            id: self.ids.uuid(),
            description,
            cause,
            started: self.now,
            ended: None,
            status: "InProgress",
            message: String::new(),
            progress: 50,
            zone: subject.zone.to_owned(),
            subnet: subject.subnet.to_owned(),
            instance: subject.instance.to_owned(),
        };
        let id = activity.id.clone();
        let kept = self.activities.entry(group.to_owned()).or_default();
        kept.push_back(activity);
        if kept.len() > KEPT {
            kept.pop_front();
        }
        id
    }

    pub(crate) fn activity_mut(&mut self, group: &str, id: &str) -> Option<&mut Activity> {
        self.activities.get_mut(group)?.iter_mut().rev().find(|activity| activity.id == id)
    }

    /// Closes it with an event, as groups do for launches and terminations.
    pub(crate) fn close_activity(
        &mut self,
        group: &str,
        id: &str,
        status: &'static str,
        message: &str,
        detail_type: &str,
    ) {
        let now = self.now;
        let Some(activity) = self.activity_mut(group, id) else { return };
        activity.ended = Some(now);
        activity.status = status;
        message.clone_into(&mut activity.message);
        activity.progress = 100;
        if detail_type.is_empty() {
            return;
        }
        let activity = activity.clone();
        let Some(arn) = self.state.groups.get(group).map(|group| group.arn.clone()) else { return };
        // The event says "InProgress" of what has succeeded, and no description of what has failed `[doc]`.
        let failed = status == "Failed" || status == "Cancelled";
        let mut detail = json!({
            "StatusCode": if failed { "Failed" } else { "InProgress" },
            "AutoScalingGroupName": group,
            "ActivityId": activity.id,
            "Details": {"Availability Zone": activity.zone, "Subnet ID": activity.subnet},
            "RequestId": activity.id,
            "StatusMessage": activity.message,
            "EndTime": seconds(now),
            "EC2InstanceId": activity.instance,
            "StartTime": seconds(activity.started),
            "Cause": activity.cause,
        });
        if !failed && let Some(fields) = detail.as_object_mut() {
            fields.insert("Description".to_owned(), activity.description.into());
        }
        let mut resources = vec![arn];
        if !activity.instance.is_empty() {
            resources.push(instance_arn(&activity.instance));
        }
        self.emit("aws.autoscaling", detail_type, &resources, &detail, &activity.instance);
    }
}
