//! `CodeConnections`, model `CodeConnections_20231201`; and the structure of pipelines, in which connections are named.

use super::input::Input;
use super::shape::Shape;
use super::{ApiError, Operation, View};
use crate::codepipeline::no_pipeline;
use crate::world::{ACCOUNT, World};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::show("GetConnection", &["ConnectionArn"], connection),
    Operation::act("CreateConnection", &["ConnectionName", "ProviderType", "HostArn", "Tags"], create),
];

fn connection(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let arn = input.need("ConnectionArn")?;
    let status = view.state.connections.statuses.get(arn).ok_or_else(|| {
        ApiError::bad("ResourceNotFoundException", format!("Connection arn={arn} could not be found"))
    })?;
    let written = Shape::record()
        .with("ConnectionName", arn.rsplit('/').next().unwrap_or(arn))
        .with("ConnectionArn", arn)
        .with("ProviderType", "GitHub")
        .with("OwnerAccountId", ACCOUNT)
        .with("ConnectionStatus", status);
    Ok(Shape::record().with("Connection", written))
}

/// It is `PENDING` until somebody confirms it in the console `[doc]`.
fn create(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    input.need("ConnectionName")?;
    let arn = format!("arn:aws:codeconnections:{}:{ACCOUNT}:connection/{}", crate::REGION, world.ids.uuid());
    world.put_connection(&arn, "PENDING");
    Ok(Shape::record().with("ConnectionArn", arn))
}

/// `GetPipeline`: a source, through a connection where there is one, and a deployment.
pub(super) fn pipeline(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let name = input.need("name")?;
    let pipeline = view.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))?;
    let action = |name: &'static str, category: &'static str, provider: &'static str, configuration: Shape| {
        let kind = Shape::record()
            .with("category", category)
            .with("owner", "AWS")
            .with("provider", provider)
            .with("version", "1");
        Shape::record().with("name", name).with("actionTypeId", kind).with("configuration", configuration)
    };
    let source = match view.state.connections.sources.get(name) {
        Some(arn) => action("Source", "Source", "CodeStarSourceConnection", Shape::record().with("ConnectionArn", arn)),
        None => action("Source", "Source", "S3", Shape::record().with("S3Bucket", "source")),
    };
    let deploy = action("Deploy", "Deploy", "CodeDeploy", Shape::record().with("ApplicationName", name));
    let stage = |name: &'static str, action: Shape| {
        Shape::record().with("name", name).with("actions", Shape::List(vec![action]))
    };
    let structure = Shape::record()
        .with("name", name)
        .with("roleArn", format!("arn:aws:iam::{ACCOUNT}:role/pipeline"))
        .with("stages", Shape::List(vec![stage("Source", source), stage("Deploy", deploy)]))
        .with("version", pipeline.version)
        .with("pipelineType", "V2");
    Ok(Shape::record().with("pipeline", structure))
}
