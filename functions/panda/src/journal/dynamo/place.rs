//! Where in the table does what lie, and until when?

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Span, Timestamp, civil::Date};
use panda_domain::{
    chaos::{Experiment, utc_date},
    ids::FleetName,
};

use super::item::{self, Item, number};

pub(super) const NOW: &str = "now";
pub(super) const LEVER: &str = "lever";
pub(super) const DISARMED: &str = "disarmed#";
pub(super) const OPEN: &str = "open#";
pub(super) const LAST: &str = "last#";
pub(super) const DAY: &str = "day#";

/// The least number of days for which it is known that an experiment was recorded: Lambda keeps an event for at most six hours, and a
/// dead-letter queue for at most fourteen days.
pub(super) const KNOWN_DAYS: u32 = 15;

/// The least number of days for which a fleet's last kills are known: longer than any pace between kills. A fleet may ask for a year of work days
/// between two, and may have one work day a week; ten years it is, in which a calendar looks for them.
pub(super) const LAST_DAYS: u32 = 4_000;

/// For how many days the account's count of a day is kept.
pub(super) const COUNT_DAYS: i64 = 7;

/// Where it is said that a fleet, or everything, is disarmed.
pub(super) fn switch(fleet: Option<&FleetName>) -> String {
    fleet.map_or_else(|| LEVER.to_owned(), |fleet| format!("{DISARMED}{fleet}"))
}

pub(super) fn open_key(experiment: &Experiment) -> Item {
    item::key(NOW, &format!("{OPEN}{}", experiment.fleet))
}

pub(super) fn month_key(experiment: &Experiment) -> Item {
    let started = item::sortable(experiment.started);
    item::key(&month_of(utc_date(experiment.started)), &format!("{started}#{}#{}", experiment.fleet, experiment.id))
}

fn month_of(day: Date) -> String {
    format!("month#{:04}-{:02}", day.year(), day.month())
}

/// The months that a span of time touches, in order.
pub(super) fn months(since: Timestamp, until: Timestamp) -> Vec<String> {
    let (mut day, end) = (utc_date(since).first_of_month(), utc_date(until));
    let mut months = Vec::new();
    while day <= end {
        months.push(month_of(day));
        let Ok(next) = day.checked_add(Span::new().months(1)) else { break };
        day = next;
    }
    months
}

/// So many days after a moment, for the time-to-live attribute.
pub(super) fn expiry(at: Timestamp, days: u32) -> AttributeValue {
    number(at.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(at).as_second())
}
