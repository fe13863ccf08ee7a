//! `CodePipeline`, model `CodePipeline_20150709`.

mod actions;
mod state;

use serde_json::json;

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::codedeploy::revision::Commit;
use crate::codepipeline::{Execution, ExecutionStatus, Pipeline, RetryMode, no_pipeline};
use crate::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::show("ListPipelines", &["maxResults", "nextToken"], pipelines),
    Operation::show("ListPipelineExecutions", &["pipelineName", "maxResults", "filter", "nextToken"], executions),
    Operation::show("GetPipeline", &["name", "version"], super::codeconnections::pipeline),
    Operation::show("ListActionExecutions", &["pipelineName", "filter", "maxResults", "nextToken"], actions::list),
    Operation::show("GetPipelineState", &["name"], state::get),
    Operation::show("GetPipelineExecution", &["pipelineName", "pipelineExecutionId"], execution),
    Operation::act("StartPipelineExecution", &["name", "variables", "clientRequestToken", "sourceRevisions"], start),
    Operation::act("RetryStageExecution", &["pipelineName", "stageName", "pipelineExecutionId", "retryMode"], retry),
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
            .with("updated", pipeline.changed)
    };
    Ok(Shape::record().with("pipelines", shown.into_iter().map(write).collect::<Shape>()).maybe("nextToken", next))
}

fn pipeline<'v>(view: &View<'v>, name: &str) -> Result<&'v Pipeline, ApiError> {
    view.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))
}

/// The newest first `[doc]`; a page of at most a hundred.
fn executions(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("pipelineName")?)?;
    let through = match input.structure("filter").and_then(|filter| filter.structure("succeededInStage")) {
        Some(stage) => Some(stage.need("stageName")?),
        None => None,
    };
    let wanted = |execution: &&Execution| {
        let succeeded =
            |stage: &str| execution.stage(stage).is_some_and(|run| run.status == ExecutionStatus::Succeeded);
        through.is_none_or(succeeded)
    };
    let size = input.number("maxResults", 1, 100)?.unwrap_or(100) as usize;
    let keys: Vec<String> = (0..pipeline.executions.len()).map(|position| format!("{position:08}")).collect();
    let items = keys.iter().map(String::as_str).zip(pipeline.executions.iter().rev().filter(wanted));
    let (shown, next) = page(items, Some(size), input.get("nextToken")?, Service::CodePipeline)?;
    let write = |execution: &Execution| {
        Shape::record()
            .with("pipelineExecutionId", &execution.id)
            .with("status", execution.status.as_str())
            .with("startTime", execution.started)
            .with("lastUpdateTime", execution.updated)
            .with("sourceRevisions", commit_of(view, execution).map(write_source).into_iter().collect::<Shape>())
            .with("trigger", Shape::record().with("triggerType", execution.trigger))
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
        .with("pipelineVersion", found.version)
        .with("pipelineExecutionId", &found.id)
        .with("status", found.status.as_str())
        .with("artifactRevisions", commit_of(view, found).map(write_artifact).into_iter().collect::<Shape>())
        .with("trigger", Shape::record().with("triggerType", found.trigger))
        .with("executionMode", "SUPERSEDED")
        .with("executionType", "STANDARD");
    Ok(Shape::record().with("pipelineExecution", written))
}

/// The commit of an execution, once its source action has fetched it.
fn commit_of<'v>(view: &View<'v>, execution: &Execution) -> Option<&'v Commit> {
    let fetched = |run: &crate::codepipeline::stage::ActionRun| {
        let kind = execution.action_spec(run).map(|action| action.does.kind().0);
        kind == Some("Source") && run.status == ExecutionStatus::Succeeded
    };
    execution.actions.iter().find(|run| fetched(run))?;
    view.state.code_deploy.commit(execution.commit.as_deref()?).map(std::sync::Arc::as_ref)
}

/// Of a connection's sources it is JSON in a text `[cap]`.
fn summary(commit: &Commit) -> String {
    json!({"ProviderType": "GitHub", "CommitMessage": commit.spec.message}).to_string()
}

fn commit_url(commit: &Commit) -> String {
    format!(
        "https://us-east-1.console.aws.amazon.com/codesuite/settings/connections/redirect?connectionArn=arn:aws:codeconnections:us-east-1:123456789012:connection/0f5b706a-1a1d-46c5-86b6-f177321bcfb2&referenceType=COMMIT&FullRepositoryId={}&Commit={}",
        commit.repository, commit.id
    )
}

fn write_source(commit: &Commit) -> Shape {
    Shape::record()
        .with("actionName", "GitHub")
        .with("revisionId", &commit.id)
        .with("revisionSummary", summary(commit))
        .with("revisionUrl", commit_url(commit))
}

fn write_artifact(commit: &Commit) -> Shape {
    Shape::record()
        .with("name", "SourceArtifact")
        .with("revisionId", &commit.id)
        .with("revisionSummary", summary(commit))
        .with("created", commit.pushed)
        .with("revisionUrl", commit_url(commit))
}

fn retry(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let id = input.need("pipelineExecutionId")?;
    let mode = match input.need("retryMode")? {
        "FAILED_ACTIONS" => RetryMode::Failed,
        "ALL_ACTIONS" => RetryMode::All,
        other => {
            let message = format!(
                "1 validation error detected: Value '{other}' at 'retryMode' failed to satisfy constraint: Member must satisfy enum value set: [FAILED_ACTIONS, ALL_ACTIONS]"
            );
            return Err(input.refuse(message));
        }
    };
    world.retry_stage(input.need("pipelineName")?, input.need("stageName")?, id, mode)?;
    Ok(Shape::record().with("pipelineExecutionId", id))
}

fn start(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let id = world.begin_execution(input.need("name")?, None)?;
    Ok(Shape::record().with("pipelineExecutionId", id))
}
