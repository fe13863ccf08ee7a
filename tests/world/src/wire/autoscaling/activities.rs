//! `DescribeScalingActivities`, `DescribeInstanceRefreshes`

use jiff::Timestamp;
use serde_json::json;

use super::page_size;
use crate::autoscaling::activity::Activity;
use crate::autoscaling::group::Refresh;
use crate::autoscaling::hooks::no_group;
use crate::event::millis;
use crate::wire::page::page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};

/// Newest first. Activities are kept apart from the state, so they are never stale.
pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let filters = read_filters(params)?;
    let group = params.get("AutoScalingGroupName");
    if let Some(name) = group
        && !view.state.groups.contains_key(name)
    {
        return Err(no_group(name));
    }
    let ids = params.list("ActivityIds");
    let one = group.map(|name| view.activities.get_key_value(name).into_iter().collect::<Vec<_>>());
    let mut all: Vec<(&str, &Activity)> = one
        .unwrap_or_else(|| view.activities.iter().collect())
        .into_iter()
        .flat_map(|(name, activities)| activities.iter().map(move |activity| (name.as_str(), activity)))
        .filter(|(_, activity)| ids.is_empty() || ids.contains(&activity.id))
        .filter(|(_, activity)| filters.iter().all(|(name, values)| passes(activity, name, values)))
        .collect();
    all.sort_by_key(|(_, activity)| std::cmp::Reverse(activity.started));
    // The page's key must grow along the list: its position.
    let keys: Vec<String> = (0..all.len()).map(|position| format!("{position:08}")).collect();
    let items = keys.iter().map(String::as_str).zip(all);
    let (shown, next) = page(items, page_size(params, 100)?, params.get("NextToken"), Service::AutoScaling)?;
    xml.list("Activities", "member", shown, |xml, (group, activity)| write(xml, group, activity));
    xml.maybe("NextToken", next);
    Ok(())
}

/// `StartTimeLowerBound`, `StartTimeUpperBound` (each with one time), `Status` `[doc]` `API_Filter`.
fn read_filters(params: &Params<'_>) -> Result<Vec<(String, Vec<String>)>, ApiError> {
    let filters = params.filters()?;
    for (name, values) in &filters {
        let known = match name.as_str() {
            "StartTimeLowerBound" | "StartTimeUpperBound" => {
                matches!(values.as_slice(), [at] if at.parse::<Timestamp>().is_ok())
            }
            "Status" => !values.is_empty(),
            _ => false,
        };
        if !known {
            return Err(ApiError::bad("ValidationError", format!("The filter {name} is not valid.")));
        }
    }
    Ok(filters)
}

fn passes(activity: &Activity, name: &str, values: &[String]) -> bool {
    let bound = || values.first().and_then(|at| at.parse::<Timestamp>().ok());
    match name {
        "StartTimeLowerBound" => bound().is_none_or(|at| activity.started >= at),
        "StartTimeUpperBound" => bound().is_none_or(|at| activity.started <= at),
        _ => values.iter().any(|status| status == activity.status),
    }
}

/// An activity's fields, also those of `TerminateInstanceInAutoScalingGroup`'s reply.
pub(crate) fn write(xml: &mut Xml, group: &str, activity: &Activity) {
    xml.leaf("ActivityId", &activity.id);
    xml.leaf("AutoScalingGroupName", group);
    xml.leaf("Description", &activity.description);
    xml.leaf("Cause", &activity.cause);
    xml.leaf("StartTime", millis(activity.started));
    xml.maybe("EndTime", activity.ended.map(millis));
    xml.leaf("StatusCode", activity.status);
    if !activity.message.is_empty() {
        xml.leaf("StatusMessage", &activity.message);
    }
    xml.leaf("Progress", activity.progress.to_string());
    let details = json!({"Subnet ID": activity.subnet, "Availability Zone": activity.zone});
    xml.leaf("Details", details.to_string());
}

pub(crate) fn refreshes(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let name = params.need("AutoScalingGroupName")?;
    let group = view.state.groups.get(name).ok_or_else(|| no_group(name))?;
    let ids = params.list("InstanceRefreshIds");
    let chosen: Vec<&Refresh> =
        group.refreshes.iter().rev().filter(|refresh| ids.is_empty() || ids.contains(&refresh.id)).collect();
    let keys: Vec<String> = (0..chosen.len()).map(|position| format!("{position:04}")).collect();
    let items = keys.iter().map(String::as_str).zip(chosen);
    let (shown, next) = page(items, page_size(params, 100)?, params.get("NextToken"), Service::AutoScaling)?;
    let left = group.counted().filter(|member| member.version < group.version).count();
    xml.list("InstanceRefreshes", "member", shown, |xml, refresh| {
        let left = if refresh.ended.is_some() { 0 } else { left };
        let done = (refresh.total as usize).saturating_sub(left);
        xml.leaf("InstanceRefreshId", &refresh.id);
        xml.leaf("AutoScalingGroupName", &group.name);
        xml.leaf("Status", refresh.status.as_str());
        xml.leaf("StartTime", millis(refresh.started));
        xml.maybe("EndTime", refresh.ended.map(millis));
        xml.leaf("PercentageComplete", (done * 100).checked_div(refresh.total as usize).unwrap_or(100).to_string());
        xml.leaf("InstancesToUpdate", left.to_string());
        xml.node("Preferences", |xml| {
            xml.leaf("MinHealthyPercentage", refresh.min_percent.to_string());
            xml.leaf("MaxHealthyPercentage", refresh.max_percent.to_string());
            xml.leaf("InstanceWarmup", refresh.warmup_seconds.to_string());
            if refresh.bake_seconds > 0 {
                xml.leaf("BakeTime", refresh.bake_seconds.to_string());
            }
        });
    });
    xml.maybe("NextToken", next);
    Ok(())
}
