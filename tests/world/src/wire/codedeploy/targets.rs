//! The targets of a deployment.

use super::{limit, named};
use crate::codedeploy::deployment::{Deployment, DeploymentStatus, no_deployment};
use crate::codedeploy::target::{Diagnostics, LifecycleEvent, Target};
use crate::event::instance_arn;
use crate::wire::input::Input;
use crate::wire::page::page;
use crate::wire::shape::Shape;
use crate::wire::{ApiError, Service, View};

/// One that has not begun, or never did, has no targets to tell of: `DeploymentNotStartedException` `[doc]`.
fn deployment<'v>(view: &View<'v>, input: &Input<'_>) -> Result<&'v Deployment, ApiError> {
    let id = named(input, "deploymentId", "DeploymentIdRequiredException")?;
    let deployment = view.state.code_deploy.deployment(id).ok_or_else(|| no_deployment(id))?;
    let waits = matches!(deployment.status, DeploymentStatus::Created | DeploymentStatus::Queued);
    let never_began = deployment.commit.is_some() && deployment.targets.is_empty();
    if waits || never_began {
        let message = format!("The deployment {id} has not started.");
        return Err(ApiError::bad("DeploymentNotStartedException", message));
    }
    Ok(deployment)
}

pub(super) fn list(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    const STATUSES: [&str; 7] = ["Failed", "InProgress", "Pending", "Ready", "Skipped", "Succeeded", "Unknown"];
    let deployment = deployment(view, input)?;
    let mut wanted = Vec::new();
    if let Some(filters) = input.structure("targetFilters") {
        filters
            .check_known(&["TargetStatus", "ServerInstanceLabel"])
            .map_err(|error| ApiError::bad("InvalidTargetFilterNameException", error.message))?;
        wanted = filters.list("TargetStatus")?;
        if let Some(odd) = wanted.iter().find(|word| !STATUSES.contains(*word)) {
            return Err(ApiError::bad("InvalidInstanceStatusException", format!("{odd} is not a status.")));
        }
    }
    let chosen = deployment.targets.iter();
    let chosen = chosen.filter(|(_, target)| wanted.is_empty() || wanted.contains(&target.progress.as_str()));
    let items = chosen.map(|(id, _)| (id.as_str(), id));
    let (shown, next) = page(items, Some(100), input.get("nextToken")?, Service::CodeDeploy)?;
    Ok(Shape::record().with("targetIds", shown.into_iter().collect::<Shape>()).maybe("nextToken", next))
}

fn find<'v>(deployment: &'v Deployment, id: &str) -> Result<(&'v String, &'v Target), ApiError> {
    let unknown =
        || ApiError::bad("DeploymentTargetDoesNotExistException", format!("No target {id} in this deployment"));
    deployment.targets.get_key_value(id).ok_or_else(unknown)
}

/// At most 25 `[model]`.
pub(super) fn batch(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let deployment = deployment(view, input)?;
    let ids = input.list("targetIds")?;
    if ids.is_empty() {
        return Err(ApiError::bad("DeploymentTargetIdRequiredException", "targetIds is required."));
    }
    limit(ids.len(), 25).map_err(|error| ApiError::bad("DeploymentTargetListSizeExceededException", error.message))?;
    let mut targets = Vec::new();
    for id in ids {
        let (instance, target) = find(deployment, id)?;
        targets.push(write(deployment, instance, target));
    }
    Ok(Shape::record().with("deploymentTargets", Shape::List(targets)))
}

pub(super) fn one(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let deployment = deployment(view, input)?;
    let id = named(input, "targetId", "DeploymentTargetIdRequiredException")?;
    let (instance, target) = find(deployment, id)?;
    Ok(Shape::record().with("deploymentTarget", write(deployment, instance, target)))
}

fn write(deployment: &Deployment, instance: &String, target: &Target) -> Shape {
    Shape::record().with("deploymentTargetType", "InstanceTarget").with(
        "instanceTarget",
        Shape::record()
            .with("deploymentId", &deployment.id)
            .with("targetId", instance)
            .with("targetArn", instance_arn(instance))
            .with("status", target.progress.as_str())
            .with("lastUpdatedAt", target.updated)
            .with("lifecycleEvents", target.events.iter().map(write_event).collect::<Shape>()),
    )
}

/// Events that were skipped, or are not over, have no diagnostics `[cap]`.
fn write_event(event: &LifecycleEvent) -> Shape {
    let diagnostics = |said: &Diagnostics| {
        Shape::record()
            .with("errorCode", said.code)
            .with("scriptName", &said.script)
            .with("message", &said.message)
            .with("logTail", &said.log)
    };
    Shape::record()
        .with("lifecycleEventName", event.name)
        .maybe("diagnostics", event.diagnostics.as_ref().map(diagnostics))
        .maybe("startTime", event.started)
        .maybe("endTime", event.ended)
        .with("status", event.progress.as_str())
}
