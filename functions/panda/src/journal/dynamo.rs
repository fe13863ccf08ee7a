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

mod intention;
mod item;
mod place;

use std::{
    collections::hash_map::RandomState,
    fmt::Write as _,
    hash::{BuildHasher as _, Hasher as _},
};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{
        CancellationReason, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};
use aws_types::SdkConfig;
use jiff::{Timestamp, civil::Date};
use panda_aws::{AwsError, Counter, Lazy, Trouble, budget, opening::Knock};
use panda_domain::{
    chaos::{Experiment, ExperimentId, LastKills, Limits, OpenExperiment, Outcome, Present, Said},
    ids::FleetName,
};
use tokio::time::{Duration, sleep};
use tracing::warn;

use self::{
    intention::{Part, Refused, refusal},
    item::{Item, moment, text},
    place::{DAY, DISARMED, LAST, LEVER, NOW, OPEN, expiry, month_key, months, open_key, switch},
};
use super::{Journal, JournalError, Record, admit, fits_the_day};

/// What the journal needs to be allowed on its table. A transaction needs what its parts need, and has no action of its own.
pub const ACTIONS: &[&str] = &[
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
];

/// How often a write is tried that another one at the same moment kept from going through.
const ATTEMPTS: u32 = 5;

/// The pause before the second of them; each later one waits a pause longer.
const PAUSE: Duration = Duration::from_millis(50);

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

    /// Knocks at DynamoDB.
    pub async fn knock(&self) {
        let query = self.client.get().query().table_name(&self.table);
        let _ = query.customize().interceptor(Knock).send().await;
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
        let (victims, heal_by) = (item::write(&experiment.victims)?, item::write(&experiment.heal_by)?);
        let strike = |key: Item, condition: &str| {
            Update::builder()
                .table_name(&self.table)
                .set_key(Some(key))
                .update_expression(
                    "SET #experiment.#struck = :at, #experiment.#victims = :victims, #experiment.#heal = :heal",
                )
                .condition_expression(condition)
                .expression_attribute_names("#experiment", "experiment")
                .expression_attribute_names("#struck", "struck")
                .expression_attribute_names("#victims", "victims")
                .expression_attribute_names("#heal", "heal_by")
                .expression_attribute_values(":victims", victims.clone())
                .expression_attribute_values(":heal", heal_by.clone())
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

fn unmet(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

fn put(put: Put) -> TransactWriteItem {
    TransactWriteItem::builder().put(put).build()
}

/// Something that no other call has: how a call recognises its own writing. The standard library seeds its hash tables from the operating
/// system's randomness, which is random enough for that.
fn nonce() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:015x}", draw(), draw() >> 4)
}
