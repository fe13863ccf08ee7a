//! CodePipeline: is a pipeline there, and through which connections does it get its code?

use std::collections::BTreeSet;

use aws_sdk_codepipeline::{
    Client,
    types::{ActionDeclaration, PipelineDeclaration, StageDeclaration},
};
use aws_types::SdkConfig;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["codepipeline:GetPipeline"];

/// The structure of pipelines.
#[derive(Debug)]
pub struct PipelineSources {
    client: Lazy<Client>,
    counter: Counter,
}

impl PipelineSources {
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

    /// The ARNs of the connections that a pipeline's actions name; `None` if there is no such pipeline.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn connections(&self, pipeline: &str) -> Result<Option<BTreeSet<String>>, AwsError> {
        self.counter.read();
        match self.client.get().get_pipeline().name(pipeline).send().await {
            Ok(reply) => {
                let stages = reply.pipeline().map(PipelineDeclaration::stages).unwrap_or_default();
                let actions = stages.iter().flat_map(StageDeclaration::actions);
                Ok(Some(actions.filter_map(connection).collect()))
            }
            Err(error) => {
                let error = AwsError::new("GetPipeline", Some(pipeline), &error);
                if error.is("PipelineNotFoundException") { Ok(None) } else { Err(error) }
            }
        }
    }
}

fn connection(action: &ActionDeclaration) -> Option<String> {
    action.configuration()?.get("ConnectionArn").filter(|arn| !arn.is_empty()).cloned()
}
