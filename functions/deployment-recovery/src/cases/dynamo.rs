//! The book in a DynamoDB table.
//!
//! The key is `pk`, a string. `holder` and `until` are there while somebody has the case, `again` when another look was asked for meanwhile,
//! `done` once it is done for good. `expires` is the table's time-to-live attribute, in seconds of the epoch.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use aws_types::SdkConfig;
use jiff::{SignedDuration, Timestamp};
use panda_aws::{AwsError, Counter, Lazy, Trouble, budget, opening::Knock};

use super::{Cases, Claim, Released, Taken};

/// What the book needs to be allowed on its table.
pub const ACTIONS: &[&str] = &["dynamodb:GetItem", "dynamodb:UpdateItem"];

/// How long a case is remembered after it was last touched: longer than an execution can be retried by people who come back from holidays.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 60);

/// How often a claim is tried while others take and leave the same case.
const ATTEMPTS: u32 = 5;

type Item = HashMap<String, AttributeValue>;

/// A book in a DynamoDB table.
#[derive(Debug)]
pub struct DynamoCases {
    client: Lazy<Client>,
    counter: Counter,
    table: String,
}

/// What became of a conditional write.
enum Written {
    /// It was written.
    Done,
    /// The condition was not met, and this is the item.
    Unmet(Item),
}

impl DynamoCases {
    /// The book in this table.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter, table: impl Into<String>) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_dynamodb::config::Builder::from(sdk).retry_partition(budget("dynamodb")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter, table: table.into() }
    }

    /// Knocks at DynamoDB.
    pub async fn knock(&self) {
        let update = self.client.get().update_item().table_name(&self.table).key("pk", text("knock"));
        let _ = update.customize().interceptor(Knock).send().await;
    }

    fn update(&self, key: &str, expression: &str) -> UpdateItemFluentBuilder {
        self.client
            .get()
            .update_item()
            .table_name(&self.table)
            .key("pk", text(key))
            .update_expression(expression)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }

    async fn write(&self, key: &str, update: UpdateItemFluentBuilder) -> Result<Written, AwsError> {
        self.counter.write();
        match update.send().await {
            Ok(_) => Ok(Written::Done),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                    Ok(Written::Unmet(unmet.item().cloned().unwrap_or_default()))
                }
                _ => Err(AwsError::new("UpdateItem", Some(key), &error)),
            },
        }
    }
}

impl Cases for DynamoCases {
    async fn take(&self, claim: Claim<'_>) -> Result<Taken, AwsError> {
        let Claim { key, holder, now, until } = claim;
        for _ in 0..ATTEMPTS {
            let take = self
                .update(key, "SET holder = :holder, #until = :until, expires = :expires")
                .condition_expression(
                    "attribute_not_exists(done) AND (attribute_not_exists(holder) OR holder = :holder OR #until < :now)",
                )
                .expression_attribute_names("#until", "until")
                .expression_attribute_values(":holder", text(holder))
                .expression_attribute_values(":until", moment(until))
                .expression_attribute_values(":now", moment(now))
                .expression_attribute_values(":expires", expiry(now));
            match self.write(key, take).await? {
                Written::Done => return Ok(Taken::Ours),
                Written::Unmet(item) if item.contains_key("done") => return Ok(Taken::Done),
                Written::Unmet(_) => {}
            }
            let ask = self
                .update(key, "SET again = :yes")
                .condition_expression("attribute_exists(holder) AND holder <> :holder")
                .expression_attribute_values(":holder", text(holder))
                .expression_attribute_values(":yes", AttributeValue::Bool(true));
            if let Written::Done = self.write(key, ask).await? {
                return Ok(Taken::Theirs);
            }
            // It was let go in between.
        }
        Err(AwsError {
            operation: "UpdateItem",
            subject: Some(key.to_owned()),
            trouble: Trouble::Replan,
            code: None,
            message: "others take and leave the case all the time".to_owned(),
            request_id: None,
        })
    }

    async fn release(&self, key: &str, holder: &str) -> Result<Released, AwsError> {
        let release = self
            .update(key, "REMOVE holder, #until")
            .condition_expression("holder = :holder AND attribute_not_exists(again)")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":holder", text(holder));
        let Written::Unmet(item) = self.write(key, release).await? else { return Ok(Released::Gone) };
        if item.get("holder") != Some(&text(holder)) {
            return Ok(Released::Gone);
        }
        let heard = self
            .update(key, "REMOVE again")
            .condition_expression("holder = :holder")
            .expression_attribute_values(":holder", text(holder));
        Ok(match self.write(key, heard).await? {
            Written::Done => Released::LookAgain,
            Written::Unmet(_) => Released::Gone,
        })
    }

    async fn finish(&self, key: &str, at: Timestamp) -> Result<(), AwsError> {
        let finish = self
            .update(key, "SET done = :at, expires = :expires REMOVE holder, #until, again")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":at", moment(at))
            .expression_attribute_values(":expires", expiry(at));
        self.write(key, finish).await.map(|_| ())
    }

    async fn is_done(&self, key: &str) -> Result<bool, AwsError> {
        self.counter.read();
        let request = self.client.get().get_item().table_name(&self.table).key("pk", text(key)).consistent_read(true);
        let reply = request.send().await.map_err(|error| AwsError::new("GetItem", Some(key), &error))?;
        Ok(reply.item().is_some_and(|item| item.contains_key("done")))
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A moment in RFC 3339, always of the same length, so that the order of texts is the order of moments.
fn moment(at: Timestamp) -> AttributeValue {
    AttributeValue::S(format!("{at:.3}"))
}

fn expiry(now: Timestamp) -> AttributeValue {
    AttributeValue::N(now.checked_add(KEPT).unwrap_or(now).as_second().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn moments_as_text_have_the_order_of_moments() {
        let at = |millis| moment(Timestamp::from_millisecond(millis).unwrap()).as_s().unwrap().clone();
        let (earlier, later) = (at(1_778_160_127_000), at(1_778_160_127_001));
        assert_eq!(earlier, "2026-05-07T13:22:07.000Z");
        assert!(earlier < later && later < at(1_778_160_128_000));
    }
}
