//! How a pipeline stands, stage by stage.

use super::{commit_of, pipeline, summary};
use crate::codepipeline::stage::{ActionRun, StageRun};
use crate::codepipeline::{Execution, ExecutionStatus, Pipeline};
use crate::spec::{ActionSpec, StageSpec};
use crate::wire::input::Input;
use crate::wire::shape::Shape;
use crate::wire::{ApiError, View};
use crate::world::REGION;

/// Of a pipeline without stages of its own: a source stage that is through, and one that deploys, where the execution is or ended.
pub(super) fn get(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("name")?)?;
    let stages: Shape = if let Some(plan) = pipeline.plan.as_deref() {
        plan.stages.iter().enumerate().map(|(at, stage)| write_stage(view, pipeline, at, stage)).collect()
    } else {
        let latest = pipeline.executions.back();
        let plain = |name, status: fn(&Execution) -> ExecutionStatus| {
            write_plain(latest.map(|execution| (execution, status(execution))), name)
        };
        [plain("Source", |_| ExecutionStatus::Succeeded), plain("Deploy", |execution| execution.status)]
            .into_iter()
            .collect()
    };
    let updated = pipeline.executions.back().map_or(pipeline.created, |execution| execution.updated);
    let updated = if pipeline.plan.is_some() { pipeline.changed } else { updated };
    Ok(Shape::record()
        .with("pipelineName", &pipeline.name)
        .with("pipelineVersion", pipeline.version)
        .with("stageStates", stages)
        .with("created", pipeline.created)
        .with("updated", updated))
}

fn write_stage(view: &View<'_>, pipeline: &Pipeline, at: usize, stage: &StageSpec) -> Shape {
    let runs = pipeline.executions.iter().rev();
    let latest = runs.clone().find_map(|execution| Some((execution, execution.stage(&stage.name)?)));
    let inbound = runs.clone().find(|execution| execution.waits_for == Some(at));
    let inbound = inbound.map(|execution| {
        Shape::record().with("pipelineExecutionId", &execution.id).with("status", execution.status.as_str())
    });
    let run = |(execution, run): (&Execution, &StageRun)| {
        Shape::record()
            .with("pipelineExecutionId", &execution.id)
            .with("status", run.status.of_stage())
            .with("type", "STANDARD")
    };
    // There from the first retry on `[infer]`.
    let retries = latest.filter(|(_, run)| run.retries > 0).map(|(_, run)| {
        Shape::record().with("manualStageRetryAttempt", run.retries).with("latestRetryTrigger", "ManualStageRetry")
    });
    let execution = latest.map(|(execution, _)| execution);
    Shape::record()
        .with("stageName", &stage.name)
        .maybe("inboundExecution", inbound)
        .with("inboundTransitionState", Shape::record().with("enabled", true))
        .with(
            "actionStates",
            stage.actions.iter().map(|action| write_action(view, execution, stage, action)).collect::<Shape>(),
        )
        .maybe("latestExecution", latest.map(run))
        .maybe("retryStageMetadata", retries)
}

fn write_action(view: &View<'_>, execution: Option<&Execution>, stage: &StageSpec, action: &ActionSpec) -> Shape {
    let run = execution.and_then(|execution| execution.latest(&stage.name, &action.name));
    let source = action.does.kind().0 == "Source";
    let commit = execution.filter(|_| source).and_then(|execution| commit_of(view, execution));
    let revision = commit.zip(run).map(|(commit, run)| {
        Shape::record().with("revisionId", &commit.id).with("revisionChangeId", &commit.id).with("created", run.updated)
    });
    let written = |run: &ActionRun| {
        Shape::record()
            .with("actionExecutionId", &run.id)
            .with("status", run.status.of_action())
            .maybe("summary", commit.map(summary).or_else(|| run.summary.clone()))
            .with("lastStatusChange", run.updated)
            .maybe("externalExecutionId", run.external.as_ref())
            .maybe("externalExecutionUrl", run.url(&action.does))
            .maybe(
                "errorDetails",
                run.error.as_ref().map(|(code, message)| Shape::record().with("code", *code).with("message", message)),
            )
    };
    Shape::record()
        .with("actionName", &action.name)
        .maybe("currentRevision", revision)
        .maybe("latestExecution", run.map(written))
        .with("entityUrl", format!("https://console.aws.amazon.com/codesuite/home?region={REGION}"))
}

fn write_plain(latest: Option<(&Execution, ExecutionStatus)>, name: &str) -> Shape {
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
