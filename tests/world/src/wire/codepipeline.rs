//! `CodePipeline`, model `CodePipeline_20150709`.

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::codepipeline::{Execution, ExecutionStatus, Pipeline, no_pipeline};
use crate::world::{REGION, World};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::show("ListPipelines", &["maxResults", "nextToken"], pipelines),
    Operation::show("ListPipelineExecutions", &["pipelineName", "maxResults", "filter", "nextToken"], executions),
    Operation::show("GetPipeline", &["name", "version"], super::codeconnections::pipeline),
    Operation::show("GetPipelineState", &["name"], state),
    Operation::show("GetPipelineExecution", &["pipelineName", "pipelineExecutionId"], execution),
    Operation::act("StartPipelineExecution", &["name", "variables", "clientRequestToken", "sourceRevisions"], start),
];

fn pipelines(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let size = input.number("maxResults", 1, 1_000)?.unwrap_or(1_000) as usize;
    let all = view.state.pipelines.values().map(|pipeline| (pipeline.name.as_str(), pipeline));
    let (shown, next) = page(all, Some(size), input.get("nextToken")?, Service::CodePipeline)?;
    let write = |pipeline: &Pipeline| {
        Shape::record()
            .with("name", &pipeline.name)
            .with("version", pipeline.version)
            .with("pipelineType", "V2")
            .with("executionMode", "SUPERSEDED")
            .with("created", pipeline.created)
            .with("updated", pipeline.created)
    };
    Ok(Shape::record().with("pipelines", shown.into_iter().map(write).collect::<Shape>()).maybe("nextToken", next))
}

fn pipeline<'v>(view: &View<'v>, name: &str) -> Result<&'v Pipeline, ApiError> {
    view.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))
}

/// The newest first `[doc]`; a page of at most a hundred.
fn executions(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("pipelineName")?)?;
    if let Some(filter) = input.structure("filter") {
        return Err(filter.refuse("filter: stages' histories are not kept by this world"));
    }
    let size = input.number("maxResults", 1, 100)?.unwrap_or(100) as usize;
    let keys: Vec<String> = (0..pipeline.executions.len()).map(|position| format!("{position:08}")).collect();
    let items = keys.iter().map(String::as_str).zip(pipeline.executions.iter().rev());
    let (shown, next) = page(items, Some(size), input.get("nextToken")?, Service::CodePipeline)?;
    let write = |execution: &Execution| {
        Shape::record()
            .with("pipelineExecutionId", &execution.id)
            .with("status", execution.status.as_str())
            .with("startTime", execution.started)
            .with("lastUpdateTime", execution.updated)
            .with("sourceRevisions", Shape::List(Vec::new()))
            .with("trigger", Shape::record().with("triggerType", "WebhookV2"))
            .with("executionMode", "SUPERSEDED")
            .with("executionType", "STANDARD")
    };
    let written = shown.into_iter().map(write).collect::<Shape>();
    Ok(Shape::record().with("pipelineExecutionSummaries", written).maybe("nextToken", next))
}

fn execution(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("pipelineName")?)?;
    let id = input.need("pipelineExecutionId")?;
    let found = pipeline.executions.iter().find(|execution| execution.id == id).ok_or_else(|| {
        let message = format!("Pipeline execution with id '{id}' does not exist");
        ApiError::bad("PipelineExecutionNotFoundException", message)
    })?;
    let written = Shape::record()
        .with("pipelineName", &pipeline.name)
        .with("pipelineVersion", pipeline.version)
        .with("pipelineExecutionId", &found.id)
        .with("status", found.status.as_str())
        .with("artifactRevisions", Shape::List(Vec::new()))
        .with("trigger", Shape::record().with("triggerType", "WebhookV2"))
        .with("executionMode", "SUPERSEDED")
        .with("executionType", "STANDARD");
    Ok(Shape::record().with("pipelineExecution", written))
}

/// A source stage that is through, and the stage that deploys, where the execution is or ended.
fn state(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("name")?)?;
    let latest = pipeline.executions.back();
    let updated = latest.map_or(pipeline.created, |execution| execution.updated);
    let stages = [
        write_stage(latest.map(|execution| (execution, ExecutionStatus::Succeeded)), "Source"),
        write_stage(latest.map(|execution| (execution, execution.status)), "Deploy"),
    ];
    Ok(Shape::record()
        .with("pipelineName", &pipeline.name)
        .with("pipelineVersion", pipeline.version)
        .with("stageStates", stages.into_iter().collect::<Shape>())
        .with("created", pipeline.created)
        .with("updated", updated))
}

fn write_stage(latest: Option<(&Execution, ExecutionStatus)>, name: &str) -> Shape {
    let action = |(execution, status): (&Execution, ExecutionStatus)| {
        Shape::record()
            .with("actionExecutionId", format!("{}-{name}", execution.id))
            .with("status", status.of_action())
            .with("lastStatusChange", execution.updated)
    };
    let stage = |(execution, status): (&Execution, ExecutionStatus)| {
        Shape::record().with("pipelineExecutionId", &execution.id).with("status", status.of_stage())
    };
    let actions = [Shape::record()
        .with("actionName", name)
        .maybe("latestExecution", latest.map(action))
        .with("entityUrl", format!("https://console.aws.amazon.com/codesuite/home?region={REGION}"))];
    Shape::record()
        .with("stageName", name)
        .with("inboundTransitionState", Shape::record().with("enabled", true))
        .with("actionStates", actions.into_iter().collect::<Shape>())
        .maybe("latestExecution", latest.map(stage))
}

fn start(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let id = world.begin_execution(input.need("name")?, None)?;
    Ok(Shape::record().with("pipelineExecutionId", id))
}
