//! The actions that a pipeline's executions have run.

use serde_json::Value;

use super::{commit_of, pipeline};
use crate::codepipeline::stage::ActionRun;
use crate::codepipeline::{Execution, ExecutionStatus};
use crate::spec::ActionKind;
use crate::wire::input::Input;
use crate::wire::page::page;
use crate::wire::shape::Shape;
use crate::wire::{ApiError, Service, View};
use crate::world::REGION;

/// The newest first, a hundred in a page `[doc]`. Of `latestInPipelineExecution` only the newest run of each action is shown.
pub(super) fn list(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let pipeline = pipeline(view, input.need("pipelineName")?)?;
    let (mut only, mut latest) = (None, false);
    if let Some(filter) = input.structure("filter") {
        filter.check_known(&["pipelineExecutionId", "latestInPipelineExecution"])?;
        only = filter.get("pipelineExecutionId")?;
        if let Some(in_latest) = filter.structure("latestInPipelineExecution") {
            only = Some(in_latest.need("pipelineExecutionId")?);
            latest = true;
        }
    }
    let known = |id: &str| pipeline.execution(id).is_some();
    if let Some(id) = only.filter(|id| !known(id)) {
        let message = format!("Pipeline execution with id '{id}' does not exist");
        return Err(ApiError::bad("PipelineExecutionNotFoundException", message));
    }
    let size = input.number("maxResults", 1, 100)?.unwrap_or(100) as usize;
    let mut rows: Vec<(&Execution, &ActionRun)> = Vec::new();
    for execution in pipeline.executions.iter().filter(|execution| only.is_none_or(|id| execution.id == id)) {
        let newest = |run: &ActionRun| execution.latest(&run.stage, &run.name).is_some_and(|last| last.id == run.id);
        rows.extend(execution.actions.iter().filter(|run| !latest || newest(run)).map(|run| (execution, run)));
    }
    rows.sort_by(|(_, one), (_, other)| other.started.cmp(&one.started).then_with(|| one.id.cmp(&other.id)));
    let keys: Vec<String> = (0..rows.len()).map(|position| format!("{position:08}")).collect();
    let items = keys.iter().map(String::as_str).zip(rows);
    let (shown, next) = page(items, Some(size), input.get("nextToken")?, Service::CodePipeline)?;
    let written = shown.into_iter().map(|(execution, run)| write(view, execution, run)).collect::<Shape>();
    Ok(Shape::record().with("actionExecutionDetails", written).maybe("nextToken", next))
}

fn write(view: &View<'_>, execution: &Execution, run: &ActionRun) -> Shape {
    let does = execution.action_spec(run).map(|action| &action.does);
    let input = does.map(|does| {
        let (category, owner, provider) = does.kind();
        let configuration = configuration(view, execution, does);
        Shape::record()
            .with(
                "actionTypeId",
                Shape::record()
                    .with("category", category)
                    .with("owner", owner)
                    .with("provider", provider)
                    .with("version", "1"),
            )
            .with("configuration", configuration.clone())
            .with("resolvedConfiguration", configuration)
            .with("region", REGION)
    });
    Shape::record()
        .with("pipelineExecutionId", &execution.id)
        .with("actionExecutionId", &run.id)
        .with("pipelineVersion", execution.version)
        .with("stageName", &run.stage)
        .with("actionName", &run.name)
        .with("startTime", run.started)
        .with("lastUpdateTime", run.updated)
        .with("status", run.status.of_action())
        .maybe("input", input)
        .with("output", output(view, execution, run, does))
}

fn output(view: &View<'_>, execution: &Execution, run: &ActionRun, does: Option<&ActionKind>) -> Shape {
    let error = run.error.as_ref();
    let error = error.map(|(code, message)| Shape::record().with("code", *code).with("message", message));
    let result = Shape::record()
        .maybe("externalExecutionId", run.external.as_ref())
        .maybe("externalExecutionSummary", run.summary.as_ref())
        .maybe("externalExecutionUrl", does.and_then(|does| run.url(does)))
        .maybe("errorDetails", error);
    let over = run.status != ExecutionStatus::InProgress || run.external.is_some();
    let source = matches!(does, Some(ActionKind::Source));
    let variables = commit_of(view, execution).filter(|_| source).map(|commit| {
        let texts = [
            ("AuthorId", commit.spec.login.as_str()),
            ("AuthorDisplayName", commit.spec.author.as_str()),
            ("AuthorEmail", commit.spec.email.as_str()),
            ("BranchName", commit.branch.as_str()),
            ("CommitId", commit.id.as_str()),
            ("CommitMessage", commit.spec.message.as_str()),
            ("FullRepositoryName", commit.repository.as_str()),
            ("ProviderType", "GitHub"),
        ];
        texts_of(&texts)
    });
    Shape::record().maybe("executionResult", over.then_some(result)).maybe("outputVariables", variables)
}

fn configuration(view: &View<'_>, execution: &Execution, does: &ActionKind) -> Shape {
    match does {
        ActionKind::Source => {
            let commit = execution.commit.as_deref().and_then(|id| view.state.code_deploy.commit(id));
            let (repository, branch) = commit.map(|c| (c.repository.as_str(), c.branch.as_str())).unwrap_or_default();
            texts_of(&[("FullRepositoryId", repository), ("BranchName", branch), ("OutputArtifactFormat", "CODE_ZIP")])
        }
        ActionKind::Deploy { application, deployment_group } => {
            texts_of(&[("ApplicationName", application), ("DeploymentGroupName", deployment_group)])
        }
        ActionKind::Build { .. } => texts_of(&[("ProjectName", "build")]),
    }
}

fn texts_of(texts: &[(&str, &str)]) -> Shape {
    Shape::Map(texts.iter().map(|(name, text)| ((*name).to_owned(), Shape::echo(&Value::from(*text)))).collect())
}
