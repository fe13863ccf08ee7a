//! Commands on instances, through Systems Manager.

pub mod fleet;

use aws_sdk_ssm::{Client, types::CommandInvocationStatus};
use aws_types::SdkConfig;
use panda_domain::ids::InstanceId;
use tokio::time::{Duration, Instant, sleep};

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ssm:GetCommandInvocation", "ssm:SendCommand"];

/// How long Systems Manager tries to deliver a command before it gives up, in seconds; thirty is the least that it takes.
const DELIVERY_SECONDS: i32 = 30;

/// The pause between looks. A command takes a second or two to reach an agent that listens.
const PAUSE: Duration = Duration::from_secs(2);

/// The most characters of a comment.
const COMMENT: usize = 100;

/// Systems Manager's Run Command.
#[derive(Debug)]
pub struct Commands {
    client: Lazy<Client>,
    counter: Counter,
}

/// How a command came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It ran to its end, and well.
    Succeeded,
    /// It ended otherwise.
    Failed {
        /// Systems Manager's word for it, such as `Failed` or `Undeliverable`.
        status: String,
        /// The end of what it wrote to its standard error.
        detail: String,
    },
    /// Systems Manager does not manage the instance, or not now: the agent does not run, has no role, or is not reached.
    Unmanaged {
        /// What Systems Manager says.
        detail: String,
    },
    /// It had not ended when patience did. It may still run.
    Unfinished {
        /// Its last known status.
        status: String,
    },
}

impl Commands {
    /// Commands in the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            Client::from_conf(aws_sdk_ssm::config::Builder::from(sdk).retry_partition(budget("ssm")).build())
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// Runs a document without parameters on one instance and waits for its end, at most as long as `patience`.
    ///
    /// `SendCommand` has no idempotency token: where a reply was lost, the SDK sends the command twice. Give it only documents that may run
    /// twice.
    ///
    /// # Errors
    /// When AWS does not answer, which leaves open whether the command runs, or refuses.
    pub async fn run(
        &self,
        document: &str,
        instance: &InstanceId,
        comment: &str,
        patience: Duration,
    ) -> Result<Ran, AwsError> {
        let end = Instant::now() + patience;
        let command = match self.send(document, instance, comment).await {
            Ok(command) => command,
            Err(error) if error.is("InvalidInstanceId") => return Ok(Ran::Unmanaged { detail: error.message }),
            Err(error) => return Err(error),
        };
        let mut last = "not known yet".to_owned();
        while Instant::now() + PAUSE <= end {
            sleep(PAUSE).await;
            match self.look(&command, instance).await? {
                Look::Running(Some(status)) => last = status,
                Look::Running(None) => {}
                Look::Ended(ran) => return Ok(ran),
            }
        }
        Ok(Ran::Unfinished { status: last })
    }

    async fn send(&self, document: &str, instance: &InstanceId, comment: &str) -> Result<String, AwsError> {
        let subject = format!("{document} to {instance}");
        self.counter.write();
        let reply = self
            .client
            .get()
            .send_command()
            .document_name(document)
            .instance_ids(instance.as_str())
            .comment(comment.chars().take(COMMENT).collect::<String>())
            .timeout_seconds(DELIVERY_SECONDS)
            .send()
            .await
            .map_err(|error| AwsError::new("SendCommand", Some(&subject), &error))?;
        let id = reply.command().and_then(|command| command.command_id());
        id.map(str::to_owned).ok_or_else(|| {
            AwsError::inside("SendCommand", Some(&subject), None, Some("a reply without a command"), None)
        })
    }

    async fn look(&self, command: &str, instance: &InstanceId) -> Result<Look, AwsError> {
        self.counter.read();
        let result =
            self.client.get().get_command_invocation().command_id(command).instance_id(instance.as_str()).send().await;
        match result {
            Ok(reply) => {
                let Some(status) = reply.status() else { return Ok(Look::Running(None)) };
                let status_details = reply.status_details().filter(|text| !text.is_empty());
                Ok(read(status, status_details, reply.standard_error_content().unwrap_or_default()))
            }
            Err(error) => {
                let subject = format!("{command} on {instance}");
                let error = AwsError::new("GetCommandInvocation", Some(&subject), &error);
                // Just after it was sent, the command is not yet known everywhere.
                if error.is("InvocationDoesNotExist") { Ok(Look::Running(None)) } else { Err(error) }
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Look {
    Running(Option<String>),
    Ended(Ran),
}

fn read(status: &CommandInvocationStatus, details: Option<&str>, complaint: &str) -> Look {
    use CommandInvocationStatus::{Cancelled, Failed, Success, TimedOut};
    match status {
        Success => Look::Ended(Ran::Succeeded),
        // `StatusDetails` tells `Undeliverable` and the two kinds of time-outs apart.
        Cancelled | Failed | TimedOut => Look::Ended(Ran::Failed {
            status: details.unwrap_or(status.as_str()).to_owned(),
            detail: tail(complaint).to_owned(),
        }),
        running => Look::Running(Some(details.unwrap_or(running.as_str()).to_owned())),
    }
}

/// The end of a long text.
fn tail(text: &str) -> &str {
    const ENOUGH: usize = 500;
    let text = text.trim();
    let start = text.char_indices().rev().nth(ENOUGH - 1).map_or(0, |(at, _)| at);
    text.get(start..).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_well_or_with_its_detailed_status_or_still_runs() {
        use CommandInvocationStatus::{Delayed, Failed, InProgress, Pending, Success, TimedOut};
        assert_eq!(read(&Success, Some("Success"), ""), Look::Ended(Ran::Succeeded));
        for status in [Pending, InProgress, Delayed] {
            assert!(matches!(read(&status, None, ""), Look::Running(Some(_))), "{status}");
        }
        let failed = |status: &str, detail: &str| {
            Look::Ended(Ran::Failed { status: status.to_owned(), detail: detail.to_owned() })
        };
        assert_eq!(read(&TimedOut, Some("DeliveryTimedOut"), ""), failed("DeliveryTimedOut", ""));
        assert_eq!(read(&Failed, None, "  no such unit\n"), failed("Failed", "no such unit"));
    }

    #[test]
    fn of_a_long_complaint_the_end_is_told() {
        let complaint = format!("{}é", "x".repeat(10_000));
        assert_eq!(tail(&complaint).chars().count(), 500);
        assert!(tail(&complaint).ends_with('é'));
    }
}
