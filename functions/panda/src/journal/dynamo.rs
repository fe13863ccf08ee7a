//! The journal in a DynamoDB table.
//!
//! Keys are `pk` and `sk`, both strings; `expires` is the table's time-to-live attribute, in seconds of the epoch.
//!
//! | pk | sk | holds |
//! |---|---|---|
//! | `now` | `lever` | `reason`, `by`, `at`: everything is disarmed |
//! | `now` | `disarmed#FLEET` | `reason`, `by`, `at`: this fleet is |
//! | `now` | `open#FLEET` | the `experiment` that is not over, and `lease_until` |
//! | `now` | `last#FLEET` | the last kills, `unleashed` and `leashed`; a `version`, because it is read, changed and written back |
//! | `now` | `day#2026-11-24` | `kills` in the account on that day (UTC) |
//! | `known#ID` | `known` | that an experiment of this identity was recorded |
//! | `month#2026-11` | `STARTED#FLEET#ID` | an `experiment`, and its `verdict` once it is over |
//!
//! One query reads all of `now`. What is written for one experiment is written in one transaction, whose conditions are what makes it safe
//! under repetition and beside others. Attributes that this code does not know are left alone or ignored.

mod item;

use std::{
    collections::hash_map::RandomState,
    fmt::Write as _,
    hash::{BuildHasher as _, Hasher as _},
};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use panda_aws::{AwsError, Counter, Lazy, Trouble, budget};
use panda_domain::{
    chaos::{Experiment, ExperimentId, LastKills, Limits, OpenExperiment, Outcome, Present, Said, utc_date},
    ids::FleetName,
};
use tokio::time::{Duration, sleep};
use tracing::warn;

use self::item::{Item, moment, number, text};
use super::{Journal, JournalError, Record, Refusal, admit, fits_the_day};

/// What the journal needs to be allowed on its table. A transaction needs what its parts need, and has no action of its own.
pub const ACTIONS: &[&str] = &[
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

const NOW: &str = "now";
const LEVER: &str = "lever";
const DISARMED: &str = "disarmed#";
const OPEN: &str = "open#";
const LAST: &str = "last#";
const DAY: &str = "day#";

/// How often a write is tried that another one at the same moment kept from going through.
const ATTEMPTS: u32 = 5;

/// The pause before the second of them; each later one waits a pause longer.
const PAUSE: Duration = Duration::from_millis(50);

/// The least number of days for which it is known that an experiment was recorded: Lambda keeps an event for at most six hours, and a
/// dead-letter queue for at most fourteen days.
const KNOWN_DAYS: u32 = 15;

/// The least number of days for which a fleet's last kills are known: longer than any pace between kills.
const LAST_DAYS: u32 = 400;

/// For how many days the account's count of a day is kept.
const COUNT_DAYS: i64 = 7;

/// A journal in a DynamoDB table.
#[derive(Debug)]
pub struct DynamoJournal {
    client: Lazy<Client>,
    counter: Counter,
    table: String,
    history_days: u32,
}

/// What became of a transaction.
enum Transacted {
    Done,
    /// Cancelled: why, for each of its parts.
    Cancelled(Vec<CancellationReason>),
}

impl DynamoJournal {
    /// The journal in this table, which keeps experiments for so many days.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter, table: impl Into<String>, history_days: u32) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_dynamodb::config::Builder::from(sdk).retry_partition(budget("dynamodb")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter, table: table.into(), history_days }
    }

    /// Runs a transaction. `token` makes its repetition by the SDK, after a lost reply, the same transaction ("multiple identical calls have
    /// the same effect as one single call"); every different list of parts needs another one.
    async fn transact(
        &self,
        subject: &ExperimentId,
        token: &str,
        parts: Vec<TransactWriteItem>,
    ) -> Result<Transacted, JournalError> {
        for attempt in 1..=ATTEMPTS {
            self.counter.write();
            let result = self
                .client
                .get()
                .transact_write_items()
                .client_request_token(token)
                .set_transact_items(Some(parts.clone()))
                .send()
                .await;
            let Err(error) = result else { return Ok(Transacted::Done) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons().to_vec()
                }
                _ => return Err(AwsError::new("TransactWriteItems", Some(subject.as_str()), &error).into()),
            };
            if reasons.iter().any(unmet) {
                return Ok(Transacted::Cancelled(reasons));
            }
            if !reasons.iter().any(|reason| reason.code() == Some("TransactionConflict")) {
                let mut error = AwsError::new("TransactWriteItems", Some(subject.as_str()), &error);
                let throttled = ["ThrottlingError", "ProvisionedThroughputExceeded"];
                if reasons.iter().any(|reason| reason.code().is_some_and(|code| throttled.contains(&code))) {
                    error.trouble = Trouble::Throttled;
                }
                return Err(error.into());
            }
            sleep(PAUSE * attempt).await;
        }
        Err(JournalError::Busy(subject.clone()))
    }

    fn put(&self, item: Item) -> aws_sdk_dynamodb::types::builders::PutBuilder {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(item))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    /// A part that fails if there is such an item.
    fn absent(&self, sort: &str) -> Option<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, sort)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Some(TransactWriteItem::builder().condition_check(check.build().ok()?).build())
    }

    /// The fleet's last kills, and the version of what was read; `None` without.
    async fn last(&self, fleet: &FleetName) -> Result<(LastKills, Option<Item>), JournalError> {
        let sort = format!("{LAST}{fleet}");
        self.counter.read();
        let reply = self
            .client
            .get()
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, &sort)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", Some(&sort), &error))?;
        match reply.item {
            None => Ok((LastKills::default(), None)),
            Some(found) => Ok((item::read(&found)?, Some(found))),
        }
    }

    /// The item of an experiment among those of its month.
    fn past(&self, experiment: &Experiment) -> Result<Item, JournalError> {
        let mut past = month_key(experiment);
        past.insert("id".to_owned(), text(experiment.id.as_str()));
        past.insert("fleet".to_owned(), text(experiment.fleet.as_str()));
        past.insert("experiment".to_owned(), item::write(experiment)?);
        past.insert("expires".to_owned(), expiry(experiment.started, self.history_days));
        if let Some(outcome) = &experiment.outcome {
            past.insert("verdict".to_owned(), text(outcome.verdict.name()));
        }
        Ok(past)
    }

    /// All that is written when an experiment is recorded. The order decides which refusal is told first.
    fn intention(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
        nonce: &str,
        seen: Option<&Item>,
        next: &LastKills,
    ) -> Result<Vec<(Part, TransactWriteItem)>, JournalError> {
        let fleet = &experiment.fleet;
        let absent = "attribute_not_exists(pk)";
        let mut known = item::key(&format!("known#{}", experiment.id), "known");
        known.insert("nonce".to_owned(), text(nonce));
        known.insert("expires".to_owned(), expiry(experiment.started, self.history_days.max(KNOWN_DAYS)));
        let mut parts = vec![(Part::Known, self.put(known).condition_expression(absent).build().ok().map(put))];
        parts.push((Part::Lever, self.absent(LEVER)));
        parts.push((Part::Disarmed, self.absent(&format!("{DISARMED}{fleet}"))));
        if experiment.leashed {
            parts.push((Part::Open, self.absent(&format!("{OPEN}{fleet}"))));
        } else {
            let mut open = item::key(NOW, &format!("{OPEN}{fleet}"));
            open.insert("id".to_owned(), text(experiment.id.as_str()));
            open.insert("experiment".to_owned(), item::write(experiment)?);
            open.insert("lease_until".to_owned(), moment(lease_until));
            open.insert("watcher".to_owned(), text(nonce));
            parts.push((Part::Open, self.put(open).condition_expression(absent).build().ok().map(put)));
            parts.push((Part::Day, self.count(experiment, limits)));
        }
        parts.push((Part::Last, self.advance(experiment, seen, next)?));
        let past = self.put(self.past(experiment)?).condition_expression(absent);
        parts.push((Part::Past, past.build().ok().map(put)));
        // The builders fail only without a table, a key or an item, which all have.
        Ok(parts.into_iter().filter_map(|(part, write)| Some((part, write?))).collect())
    }

    /// Counts an experiment's victims for the account's day, if there is room for them.
    fn count(&self, experiment: &Experiment, limits: &Limits) -> Option<TransactWriteItem> {
        let room = limits.max_account_day.checked_sub(experiment.kills()).filter(|_| experiment.kills() > 0)?;
        let midnight = limits.account_day.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, &format!("{DAY}{}", limits.account_day))))
            .update_expression("ADD #kills :kills SET #expires = :expires")
            .condition_expression("attribute_not_exists(#kills) OR #kills <= :room")
            .expression_attribute_names("#kills", "kills")
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":kills", number(experiment.kills()))
            .expression_attribute_values(":room", number(room))
            .expression_attribute_values(":expires", number(midnight.as_second() + (1 + COUNT_DAYS) * 24 * 3600))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Some(TransactWriteItem::builder().update(update.build().ok()?).build())
    }

    /// Writes the fleet's last kills, if they still are what was read.
    fn advance(
        &self,
        experiment: &Experiment,
        seen: Option<&Item>,
        next: &LastKills,
    ) -> Result<Option<TransactWriteItem>, JournalError> {
        let version = seen.and_then(|seen| seen.get("version"));
        let mut last = item::key(NOW, &format!("{LAST}{}", experiment.fleet));
        last.extend(item::fields(next)?);
        last.insert("version".to_owned(), number(version.and_then(item::whole).unwrap_or(0).wrapping_add(1)));
        last.insert("expires".to_owned(), expiry(experiment.started, self.history_days.max(LAST_DAYS)));
        let write = match (seen, version) {
            (None, _) => self.put(last).condition_expression("attribute_not_exists(pk)"),
            // Written by hand.
            (Some(_), None) => self.put(last).condition_expression("attribute_not_exists(version)"),
            (Some(_), Some(version)) => self
                .put(last)
                .condition_expression("version = :seen")
                .expression_attribute_values(":seen", version.clone()),
        };
        Ok(write.build().ok().map(put))
    }
}

/// A part of the transaction that records an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Known,
    Lever,
    Disarmed,
    Open,
    Day,
    Last,
    Past,
}

impl Journal for DynamoJournal {
    async fn now(&self) -> Result<Present, JournalError> {
        let mut pages = self
            .client
            .get()
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :now")
            .expression_attribute_values(":now", text(NOW))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut present = Present::default();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("Query", Some(NOW), &error))?;
            for found in page.items() {
                note(&mut present, found)?;
            }
        }
        Ok(present)
    }

    async fn record(
        &self,
        experiment: &Experiment,
        limits: &Limits,
        lease_until: Timestamp,
    ) -> Result<Record, JournalError> {
        let nonce = nonce();
        if let Err(refusal) = fits_the_day(0, experiment, limits) {
            return Ok(Record::Refused(refusal));
        }
        for attempt in 1..=ATTEMPTS {
            let (past, seen) = self.last(&experiment.fleet).await?;
            let next = match admit(&past, experiment, limits) {
                Ok(next) => next,
                Err(refusal) => return Ok(Record::Refused(refusal)),
            };
            let parts = self.intention(experiment, limits, lease_until, &nonce, seen.as_ref(), &next)?;
            let (names, writes): (Vec<Part>, Vec<TransactWriteItem>) = parts.into_iter().unzip();
            let token = format!("{nonce}-{attempt}");
            let Transacted::Cancelled(reasons) = self.transact(&experiment.id, &token, writes).await? else {
                return Ok(Record::Done);
            };
            let unmet = names.into_iter().zip(&reasons).filter(|(_, reason)| unmet(reason));
            for (part, reason) in unmet {
                match refusal(part, reason.item(), &nonce, limits)? {
                    Refused::ByOneself => return Ok(Record::Done),
                    Refused::For(refusal) => return Ok(Record::Refused(refusal)),
                    Refused::Overtaken => {}
                }
            }
            sleep(PAUSE * attempt).await;
        }
        Err(JournalError::Busy(experiment.id.clone()))
    }

    async fn note_struck(&self, experiment: &Experiment, at: Timestamp) -> Result<bool, JournalError> {
        let strike = |key: Item, condition: &str| {
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key))
                .update_expression("SET #experiment.#struck = :at")
                .condition_expression(condition)
                .expression_attribute_names("#experiment", "experiment")
                .expression_attribute_names("#struck", "struck")
                .expression_attribute_values(":at", text(&at.to_string()))
        };
        let open = strike(open_key(experiment), "#id = :id")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":id", text(experiment.id.as_str()));
        let past = strike(month_key(experiment), "attribute_exists(pk) AND attribute_not_exists(#verdict)")
            .expression_attribute_names("#verdict", "verdict");
        let parts = [open, past].into_iter().filter_map(|update| update.build().ok());
        let parts = parts.map(|update| TransactWriteItem::builder().update(update).build()).collect();
        match self.transact(&experiment.id, &nonce(), parts).await? {
            Transacted::Done => Ok(true),
            Transacted::Cancelled(_) => Ok(false),
        }
    }

    async fn take_over(
        &self,
        open: &OpenExperiment,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<OpenExperiment>, JournalError> {
        let experiment = &open.experiment;
        self.counter.write();
        let result = self
            .client
            .get()
            .update_item()
            .table_name(&self.table)
            .set_key(Some(open_key(experiment)))
            .update_expression("SET #lease = :until, #watcher = :me")
            // Where the SDK repeats the call after a lost reply, the lease is new already, and ours.
            .condition_expression("#id = :id AND (#lease < :now OR #watcher = :me)")
            .expression_attribute_names("#id", "id")
            .expression_attribute_names("#lease", "lease_until")
            .expression_attribute_names("#watcher", "watcher")
            .expression_attribute_values(":id", text(experiment.id.as_str()))
            .expression_attribute_values(":now", moment(now))
            .expression_attribute_values(":until", moment(lease_until))
            .expression_attribute_values(":me", text(&nonce()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match result {
            Ok(reply) => reply.attributes.as_ref().map(item::read).transpose(),
            Err(error) => {
                let error = AwsError::new("UpdateItem", Some(experiment.id.as_str()), &error);
                if error.is("ConditionalCheckFailedException") { Ok(None) } else { Err(error.into()) }
            }
        }
    }

    async fn close(
        &self,
        experiment: &Experiment,
        outcome: &Outcome,
        disarm: Option<&Said>,
    ) -> Result<bool, JournalError> {
        let closed = Experiment { outcome: Some(outcome.clone()), ..experiment.clone() };
        let past = self
            .put(self.past(&closed)?)
            .condition_expression("attribute_not_exists(#verdict)")
            .expression_attribute_names("#verdict", "verdict");
        let open = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(open_key(experiment)))
            .condition_expression("attribute_not_exists(pk) OR #id = :id")
            .expression_attribute_names("#id", "id")
            .expression_attribute_values(":id", text(experiment.id.as_str()));
        let mut parts = vec![past.build().ok().map(put)];
        parts.push(open.build().ok().map(|open| TransactWriteItem::builder().delete(open).build()));
        if let Some(said) = disarm {
            parts.push(self.disarm_unless_disarmed(&experiment.fleet, said)?);
        }
        let parts = parts.into_iter().flatten().collect();
        match self.transact(&experiment.id, &nonce(), parts).await? {
            Transacted::Done => Ok(true),
            Transacted::Cancelled(reasons) => {
                let written = reasons.first().and_then(CancellationReason::item);
                let written = written.and_then(|written| item::field::<Experiment>(written, "experiment").ok());
                Ok(written.is_some_and(|written| written.outcome.as_ref() == Some(outcome)))
            }
        }
    }

    async fn disarm(&self, fleet: Option<&FleetName>, said: &Said) -> Result<Option<Said>, JournalError> {
        let sort = switch(fleet);
        let mut written = item::key(NOW, &sort);
        written.extend(item::fields(said)?);
        self.counter.write();
        let reply = self
            .client
            .get()
            .put_item()
            .table_name(&self.table)
            .set_item(Some(written))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| AwsError::new("PutItem", Some(&sort), &error))?;
        Ok(reply.attributes.and_then(|before| item::read(&before).ok()))
    }

    async fn arm(&self, fleet: Option<&FleetName>) -> Result<Option<Said>, JournalError> {
        let sort = switch(fleet);
        self.counter.write();
        let reply = self
            .client
            .get()
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item::key(NOW, &sort)))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .map_err(|error| AwsError::new("DeleteItem", Some(&sort), &error))?;
        Ok(reply.attributes.and_then(|before| item::read(&before).ok()))
    }

    async fn history(
        &self,
        fleet: Option<&FleetName>,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Experiment>, JournalError> {
        let mut past = Vec::new();
        for month in months(since, until) {
            let mut query = self
                .client
                .get()
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :month AND sk BETWEEN :since AND :until")
                .expression_attribute_values(":month", text(&month))
                .expression_attribute_values(":since", moment(since))
                // `$` comes right after the `#` that follows a moment in the key.
                .expression_attribute_values(":until", text(&format!("{}$", item::sortable(until))));
            if let Some(fleet) = fleet {
                query = query
                    .filter_expression("#fleet = :fleet")
                    .expression_attribute_names("#fleet", "fleet")
                    .expression_attribute_values(":fleet", text(fleet.as_str()));
            }
            let mut pages = query.into_paginator().send();
            while let Some(page) = pages.next().await {
                self.counter.read();
                let page = page.map_err(|error| AwsError::new("Query", Some(&month), &error))?;
                for found in page.items() {
                    match item::field::<Experiment>(found, "experiment") {
                        Ok(experiment) if (since..until).contains(&experiment.started) => past.push(experiment),
                        Ok(_) => {}
                        // The rest of the past is worth telling.
                        Err(error) => warn!("Left out of the history: {error}"),
                    }
                }
            }
        }
        Ok(past)
    }
}

impl DynamoJournal {
    fn disarm_unless_disarmed(
        &self,
        fleet: &FleetName,
        said: &Said,
    ) -> Result<Option<TransactWriteItem>, JournalError> {
        let mut update = Update::builder().table_name(&self.table).set_key(Some(item::key(NOW, &switch(Some(fleet)))));
        let mut expression = "SET ".to_owned();
        for (place, (name, value)) in item::fields(said)?.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(expression, "{comma}#a{place} = if_not_exists(#a{place}, :a{place})");
            update = update
                .expression_attribute_names(format!("#a{place}"), name)
                .expression_attribute_values(format!(":a{place}"), value);
        }
        let update = update.update_expression(expression).build();
        Ok(update.ok().map(|update| TransactWriteItem::builder().update(update).build()))
    }
}

/// Reads one item of `now`.
fn note(present: &mut Present, found: &Item) -> Result<(), JournalError> {
    let sort = found.get("sk").and_then(|sort| sort.as_s().ok()).map(String::as_str).unwrap_or_default();
    if sort == LEVER {
        present.lever = Some(item::read(found)?);
    } else if let Some(fleet) = sort.strip_prefix(DISARMED) {
        present.disarmed.insert(fleet.into(), item::read(found)?);
    } else if let Some(fleet) = sort.strip_prefix(OPEN) {
        present.open.insert(fleet.into(), item::read(found)?);
    } else if let Some(fleet) = sort.strip_prefix(LAST) {
        present.last.insert(fleet.into(), item::read(found)?);
    } else if let Some(day) = sort.strip_prefix(DAY) {
        let day: Date = day.parse().map_err(|_| item::unreadable(found, "it is no date"))?;
        present.days.insert(day, item::field(found, "kills")?);
    }
    Ok(())
}

/// What an unmet condition of a part means.
enum Refused {
    /// The transaction was carried out before, by this very call.
    ByOneself,
    For(Refusal),
    /// Somebody wrote to the fleet meanwhile: look again.
    Overtaken,
}

fn refusal(part: Part, old: Option<&Item>, nonce: &str, limits: &Limits) -> Result<Refused, JournalError> {
    let nothing = Item::new();
    let old = old.unwrap_or(&nothing);
    Ok(match part {
        Part::Known if old.get("nonce") == Some(&text(nonce)) => Refused::ByOneself,
        Part::Known | Part::Past => Refused::For(Refusal::AlreadyRecorded),
        Part::Lever => Refused::For(Refusal::Lever(item::read(old)?)),
        Part::Disarmed => Refused::For(Refusal::Disarmed(item::read(old)?)),
        Part::Open => {
            let open: OpenExperiment = item::read(old)?;
            Refused::For(Refusal::OpenExperiment { id: open.experiment.id, started: open.experiment.started })
        }
        Part::Day => {
            Refused::For(Refusal::AccountCap { kills: item::field(old, "kills")?, cap: limits.max_account_day })
        }
        Part::Last => Refused::Overtaken,
    })
}

fn unmet(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// Where it is said that a fleet, or everything, is disarmed.
fn switch(fleet: Option<&FleetName>) -> String {
    fleet.map_or_else(|| LEVER.to_owned(), |fleet| format!("{DISARMED}{fleet}"))
}

fn open_key(experiment: &Experiment) -> Item {
    item::key(NOW, &format!("{OPEN}{}", experiment.fleet))
}

fn month_key(experiment: &Experiment) -> Item {
    let started = item::sortable(experiment.started);
    item::key(&month_of(utc_date(experiment.started)), &format!("{started}#{}#{}", experiment.fleet, experiment.id))
}

fn month_of(day: Date) -> String {
    format!("month#{:04}-{:02}", day.year(), day.month())
}

/// The months that a span of time touches, in order.
fn months(since: Timestamp, until: Timestamp) -> Vec<String> {
    let (mut day, end) = (utc_date(since).first_of_month(), utc_date(until));
    let mut months = Vec::new();
    while day <= end {
        months.push(month_of(day));
        let Ok(next) = day.checked_add(jiff::Span::new().months(1)) else { break };
        day = next;
    }
    months
}

/// So many days after a moment, for the time-to-live attribute.
fn expiry(at: Timestamp, days: u32) -> aws_sdk_dynamodb::types::AttributeValue {
    number(at.saturating_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(at).as_second())
}

/// Something that no other call has: how a call recognises its own writing. The standard library seeds its hash tables from the operating
/// system's randomness, which is random enough for that.
fn nonce() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:015x}", draw(), draw() >> 4)
}
