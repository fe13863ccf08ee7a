//! Which servers does Systems Manager reach, one command for many of them, and what became of all such commands.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::{
    error::BuildError,
    types::{
        CommandFilter, CommandFilterKey, CommandInvocation, CommandInvocationStatus, CommandPlugin,
        InstanceInformation, InstanceInformationStringFilter, PingStatus,
    },
};
use jiff::Timestamp;
use panda_domain::ids::InstanceId;
use tokio::time::Duration;

use super::{COMMENT, Commands};
use crate::AwsError;

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] =
    &["ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:SendCommand"];

/// The most instances that one command, or one filter, takes by their ids; and the most that a page of either list holds.
const BATCH: usize = 50;
const PAGE: i32 = 50;

/// "Output … 2500 characters" is what a list shows of what a command wrote; from here on it may be cut.
const SHOWN: usize = 2_400;

/// A command that was sent to some servers, or why it was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The servers that it was sent to.
    pub to: BTreeSet<InstanceId>,
    /// The servers that Systems Manager does not manage, or not now.
    pub unmanaged: BTreeSet<InstanceId>,
    /// Why it was not sent to the rest, or nobody knows whether it was.
    pub failures: Vec<AwsError>,
}

/// One run of a document on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The server.
    pub server: InstanceId,
    /// When it was asked for.
    pub sent: Timestamp,
    /// Systems Manager's word in detail, such as `In Progress`, `Success`, `Failed`, `Delivery Timed Out` or `Undeliverable`.
    pub status: String,
    /// What it wrote, once it is over.
    pub output: String,
    /// What whoever sent it said of it, at most a hundred characters.
    pub comment: String,
}

impl Commands {
    /// How Systems Manager reaches these servers: `Online`, `ConnectionLost` or `Inactive`. Those that it does not know are left out.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn pings(&self, servers: &BTreeSet<InstanceId>) -> Result<BTreeMap<InstanceId, String>, AwsError> {
        let ids: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let mut pings = BTreeMap::new();
        for chunk in ids.chunks(BATCH) {
            // Servers that it does not know are absent from the reply; the older `InstanceInformationFilterList` refuses them.
            let filter = InstanceInformationStringFilter::builder().key("InstanceIds").set_values(Some(chunk.to_vec()));
            let filter = filter.build().map_err(|error| unbuilt("DescribeInstanceInformation", &error))?;
            let request = self.client.get().describe_instance_information();
            let mut pages = request.filters(filter).max_results(PAGE).into_paginator().send();
            while let Some(page) = pages.next().await {
                self.counter.read();
                let page = page.map_err(|error| AwsError::new("DescribeInstanceInformation", None, &error))?;
                pings.extend(page.instance_information_list().iter().filter_map(ping));
            }
        }
        pings.retain(|server, _| servers.contains(server));
        Ok(pings)
    }

    /// Sends a document without parameters to these servers, in batches that do not end at the first failure, and does not wait.
    ///
    /// `SendCommand` has no idempotency token: where a reply was lost, the SDK sends the command twice. Give it only documents that may run
    /// twice. `delivery` is how long Systems Manager tries to hand it over: thirty seconds at least.
    pub async fn send_to_all(
        &self,
        document: &str,
        servers: &BTreeSet<InstanceId>,
        comment: &str,
        delivery: Duration,
    ) -> Sent {
        let mut sent = Sent::default();
        let all: Vec<InstanceId> = servers.iter().cloned().collect();
        let mut batches: Vec<Vec<InstanceId>> = all.chunks(BATCH).map(<[InstanceId]>::to_vec).collect();
        while let Some(batch) = batches.pop() {
            match self.send_batch(document, &batch, comment, delivery).await {
                Ok(()) => sent.to.extend(batch),
                // One server that Systems Manager does not manage fails the call for all.
                Err(error) if error.is("InvalidInstanceId") => match batch.as_slice() {
                    [_] => sent.unmanaged.extend(batch),
                    _ => batches.extend(batch.chunks(batch.len().div_ceil(2)).map(<[InstanceId]>::to_vec)),
                },
                Err(error) => sent.failures.push(error),
            }
        }
        sent
    }

    async fn send_batch(
        &self,
        document: &str,
        servers: &[InstanceId],
        comment: &str,
        delivery: Duration,
    ) -> Result<(), AwsError> {
        self.counter.write();
        let result = self
            .client
            .get()
            .send_command()
            .document_name(document)
            .set_instance_ids(Some(servers.iter().map(ToString::to_string).collect()))
            .comment(comment.chars().take(COMMENT).collect::<String>())
            .timeout_seconds(i32::try_from(delivery.as_secs()).unwrap_or(i32::MAX))
            // The default, 0, cancels the command for the rest as soon as it fails on one server.
            .max_errors("100%")
            .send()
            .await;
        result.map(|_| ()).map_err(|error| {
            let first = servers.first().map(InstanceId::as_str).unwrap_or_default();
            let subject = match servers.len() {
                0 | 1 => format!("{document} to {first}"),
                many => format!("{document} to {first} and {} more", many - 1),
            };
            AwsError::new("SendCommand", Some(&subject), &error)
        })
    }

    /// All runs of a document on these servers that were asked for after `since`, whoever did. Just after `SendCommand` they are not listed
    /// yet.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn runs(
        &self,
        document: &str,
        servers: &BTreeSet<InstanceId>,
        since: Timestamp,
    ) -> Result<Vec<Run>, AwsError> {
        self.runs_that(document, since, |run| servers.contains(&run.server)).await
    }

    /// All runs of a document that were asked for after `since` with this comment, on whichever servers. Of a long comment Systems Manager has
    /// the beginning.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn runs_for(&self, document: &str, comment: &str, since: Timestamp) -> Result<Vec<Run>, AwsError> {
        let comment: String = comment.chars().take(COMMENT).collect();
        self.runs_that(document, since, |run| run.comment == comment).await
    }

    async fn runs_that(
        &self,
        document: &str,
        since: Timestamp,
        wanted: impl Fn(&Run) -> bool,
    ) -> Result<Vec<Run>, AwsError> {
        let filter = |key, value: String| {
            let filter = CommandFilter::builder().key(key).value(value).build();
            filter.map_err(|error| unbuilt("ListCommandInvocations", &error))
        };
        let mut pages = self
            .client
            .get()
            .list_command_invocations()
            .filters(filter(CommandFilterKey::DocumentName, document.to_owned())?)
            // To the second: jiff writes no fraction where there is none.
            .filters(filter(CommandFilterKey::InvokedAfter, format!("{since:.0}"))?)
            .details(true)
            .max_results(PAGE)
            .into_paginator()
            .send();
        let mut runs = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("ListCommandInvocations", Some(document), &error))?;
            for invocation in page.command_invocations() {
                let Some(mut run) = run(invocation).filter(&wanted) else { continue };
                let over = invocation.status().is_some_and(is_over);
                if let Some(command) = invocation.command_id()
                    && over
                    && (run.output.is_empty() || run.output.len() >= SHOWN)
                {
                    run.output = self.output(command, &run.server).await?.unwrap_or(run.output);
                }
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// All that a command wrote to its standard output on one server; `None` if Systems Manager cannot say yet.
    async fn output(&self, command: &str, server: &InstanceId) -> Result<Option<String>, AwsError> {
        self.counter.read();
        let request = self.client.get().get_command_invocation();
        match request.command_id(command).instance_id(server.as_str()).send().await {
            Ok(reply) => Ok(reply.standard_output_content().map(str::to_owned)),
            Err(error) => {
                let subject = format!("{command} on {server}");
                let error = AwsError::new("GetCommandInvocation", Some(&subject), &error);
                if error.is("InvocationDoesNotExist") { Ok(None) } else { Err(error) }
            }
        }
    }
}

/// What the SDK says of a request that it could not put together.
fn unbuilt(operation: &'static str, error: &BuildError) -> AwsError {
    AwsError::inside(operation, None, None, Some(&error.to_string()), None)
}

fn is_over(status: &CommandInvocationStatus) -> bool {
    use CommandInvocationStatus::{Cancelled, Failed, Success, TimedOut};
    matches!(status, Cancelled | Failed | Success | TimedOut)
}

fn ping(server: &InstanceInformation) -> Option<(InstanceId, String)> {
    let ping = server.ping_status().map_or("Unknown", PingStatus::as_str);
    Some((InstanceId::from(server.instance_id()?), ping.to_owned()))
}

fn run(invocation: &CommandInvocation) -> Option<Run> {
    // `StatusDetails` tells `Undeliverable` and the kinds of time-outs apart.
    let details = invocation.status_details().filter(|text| !text.is_empty());
    let sent = invocation.requested_date_time().and_then(|time| Timestamp::from_second(time.secs()).ok());
    Some(Run {
        server: InstanceId::from(invocation.instance_id()?),
        sent: sent.unwrap_or_default(),
        status: details.or(invocation.status().map(CommandInvocationStatus::as_str))?.to_owned(),
        output: invocation.command_plugins().iter().filter_map(CommandPlugin::output).collect::<Vec<_>>().join("\n"),
        comment: invocation.comment().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_command_that_is_delayed_or_being_cancelled_is_not_over() {
        use CommandInvocationStatus::{Cancelled, Cancelling, Delayed, Failed, InProgress, Pending, Success, TimedOut};
        assert!([Cancelled, Failed, Success, TimedOut].iter().all(is_over));
        assert!(![Cancelling, Delayed, InProgress, Pending, "Invented".into()].iter().any(is_over));
    }

    #[test]
    fn a_run_is_read_with_its_detailed_status_and_all_that_its_steps_wrote() {
        let step = |output: &str| CommandPlugin::builder().output(output).build();
        let invocation = CommandInvocation::builder()
            .instance_id("i-1")
            .requested_date_time(DateTime::from_secs(1_778_160_127))
            .status(CommandInvocationStatus::TimedOut)
            .status_details("Execution Timed Out")
            .command_plugins(step("first"))
            .command_plugins(step("second"))
            .build();
        let run = run(&invocation).unwrap();
        assert_eq!((run.status.as_str(), run.output.as_str()), ("Execution Timed Out", "first\nsecond"));
        assert_eq!(run.sent.to_string(), "2026-05-07T13:22:07Z");
    }
}
