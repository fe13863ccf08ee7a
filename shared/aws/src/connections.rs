//! Connections to where the code comes from: has somebody confirmed one?

use aws_sdk_codeconnections::{Client, types::ConnectionStatus};
use aws_types::SdkConfig;
use panda_domain::preflight::ConnectionLook;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed. Connections that were made under the service's old name are guarded under it.
pub const ACTIONS: &[&str] = &["codeconnections:GetConnection", "codestar-connections:GetConnection"];

/// Code connections.
#[derive(Debug)]
pub struct Connections {
    client: Lazy<Client>,
    counter: Counter,
}

impl Connections {
    /// Connections of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config =
                aws_sdk_codeconnections::config::Builder::from(sdk).retry_partition(budget("codeconnections")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// Looks at a connection. What AWS refuses to tell is told as such: nothing depends on it but a warning.
    pub async fn look(&self, arn: &str) -> ConnectionLook {
        self.counter.read();
        match self.client.get().get_connection().connection_arn(arn).send().await {
            Ok(reply) => match reply.connection().and_then(|connection| connection.connection_status()) {
                Some(ConnectionStatus::Available) => ConnectionLook::Available,
                Some(other) => ConnectionLook::Unfinished(other.as_str().to_owned()),
                None => ConnectionLook::Unseen("AWS told no status".to_owned()),
            },
            Err(error) => {
                let error = AwsError::new("GetConnection", Some(arn), &error);
                if error.is("ResourceNotFoundException") {
                    ConnectionLook::Missing
                } else {
                    ConnectionLook::Unseen(error.to_string())
                }
            }
        }
    }
}
