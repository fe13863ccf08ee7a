//! An event bus, through which other machinery hears of it.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use aws_types::SdkConfig;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["events:PutEvents"];

/// The source of our events. Names that begin with `aws.` are AWS's own.
pub const SOURCE: &str = "lethargic-panda";

/// An event bus of EventBridge.
#[derive(Debug)]
pub struct Bus {
    client: Lazy<Client>,
    counter: Counter,
    name: String,
}

impl Bus {
    /// The bus of this name or ARN; `default` is the account's own.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter, name: impl Into<String>) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_eventbridge::config::Builder::from(sdk).retry_partition(budget("eventbridge")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter, name: name.into() }
    }

    /// Puts one event from [`SOURCE`] on the bus. `detail` is a JSON object, `resources` are ARNs.
    ///
    /// # Errors
    /// When AWS does not answer, or refuses the call, or takes the call and refuses the event in it (`FailedEntryCount`).
    pub async fn put(&self, detail_type: &str, resources: &[String], detail: &str) -> Result<(), AwsError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(detail_type)
            .set_resources((!resources.is_empty()).then(|| resources.to_vec()))
            .detail(detail)
            .build();
        let subject = format!("{detail_type} on {}", self.name);
        self.counter.write();
        let reply = self
            .client
            .get()
            .put_events()
            .entries(entry)
            .send()
            .await
            .map_err(|error| AwsError::new("PutEvents", Some(&subject), &error))?;
        if reply.failed_entry_count() == 0 {
            return Ok(());
        }
        let refused = reply.entries().iter().find(|entry| entry.error_code().is_some());
        Err(AwsError::inside(
            "PutEvents",
            Some(&subject),
            refused.and_then(|entry| entry.error_code()),
            refused.and_then(|entry| entry.error_message()),
            aws_sdk_eventbridge::operation::RequestId::request_id(&reply),
        ))
    }
}
