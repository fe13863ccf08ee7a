//! What has been said to people? SNS topics, and what was published to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::world::{ACCOUNT, REGION, World};

/// A message that SNS has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// When.
    pub at: Timestamp,
    /// Who published it.
    pub caller: String,
    /// The topic's ARN.
    pub topic: String,
    /// `MessageId`.
    pub id: String,
    /// The subject, for mail.
    pub subject: Option<String>,
    /// The message.
    pub body: String,
    /// Text attributes.
    pub attributes: BTreeMap<String, String>,
}

/// ARN of a topic of this account.
#[must_use]
pub fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}")
}

impl World {
    /// `CreateTopic`: idempotent `[doc]`.
    pub(crate) fn put_topic(&mut self, name: &str) -> String {
        let arn = topic_arn(name);
        if !self.state.topics.contains(&arn) {
            self.touch();
            Arc::make_mut(&mut self.state.topics).insert(arn.clone());
        }
        arn
    }

    pub(crate) fn remove_topic(&mut self, arn: &str) {
        self.touch();
        Arc::make_mut(&mut self.state.topics).remove(arn);
    }

    /// What was published since [`World::take_messages`] was last called.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Takes what was published.
    pub fn take_messages(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.messages)
    }
}
