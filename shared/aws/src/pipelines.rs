//! CodePipeline: does a pipeline run?

pub mod stages;

use aws_sdk_codepipeline::{Client, types::PipelineExecutionStatus};
use aws_types::SdkConfig;

use crate::{AwsError, Counter, Lazy, budget, opening::Knock};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["codepipeline:ListPipelineExecutions"];

/// The most that CodePipeline puts on a page.
const PAGE: i32 = 100;

/// CodePipeline's pipelines.
#[derive(Debug)]
pub struct Pipelines {
    client: Lazy<Client>,
    counter: Counter,
}

impl Pipelines {
    /// Pipelines of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config =
                aws_sdk_codepipeline::config::Builder::from(sdk).retry_partition(budget("codepipeline")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// Knocks at CodePipeline.
    pub async fn knock(&self) {
        let executions = self.client.get().list_pipeline_executions().pipeline_name("knock");
        let _ = executions.customize().interceptor(Knock).send().await;
    }

    /// The executions of a pipeline that have not ended; `None` if there is no such pipeline.
    ///
    /// The newest hundred are looked at: executions are listed newest first, and a pipeline holds fifty at once at most.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn running(&self, pipeline: &str) -> Result<Option<Vec<String>>, AwsError> {
        self.counter.read();
        let result =
            self.client.get().list_pipeline_executions().pipeline_name(pipeline).max_results(PAGE).send().await;
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => {
                let error = AwsError::new("ListPipelineExecutions", Some(pipeline), &error);
                return if error.is("PipelineNotFoundException") { Ok(None) } else { Err(error) };
            }
        };
        let running = reply
            .pipeline_execution_summaries()
            .iter()
            .filter(|execution| execution.status().is_none_or(runs))
            .map(|execution| execution.pipeline_execution_id().unwrap_or("an execution without an id").to_owned());
        Ok(Some(running.collect()))
    }
}

/// Whether an execution has not ended. A status newer than this code is taken for the careful answer.
fn runs(status: &PipelineExecutionStatus) -> bool {
    use PipelineExecutionStatus::{Cancelled, Failed, Stopped, Succeeded, Superseded};
    !matches!(status, Cancelled | Failed | Stopped | Succeeded | Superseded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_runs_until_it_has_ended() {
        for (status, expected) in [
            ("InProgress", true),
            ("Stopping", true),
            ("Invented", true),
            ("Succeeded", false),
            ("Failed", false),
            ("Stopped", false),
            ("Superseded", false),
            ("Cancelled", false),
        ] {
            assert_eq!(runs(&PipelineExecutionStatus::from(status)), expected, "{status}");
        }
    }
}
