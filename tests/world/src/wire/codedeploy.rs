//! `CodeDeploy`, model `CodeDeploy_20141006`.

mod revision;
mod targets;

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::codedeploy::deployment::{
    Deployment, DeploymentStatus, Plan, no_application, no_deployment, no_deployment_group,
};
use crate::codedeploy::revision::Commit;
use crate::codedeploy::target::Progress;
use crate::codedeploy::{Application, DeploymentGroup};
use crate::world::{ACCOUNT, World};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::show("ListApplications", &["nextToken"], applications),
    Operation::show("ListDeploymentGroups", &["applicationName", "nextToken"], groups),
    Operation::show("GetDeploymentGroup", &["applicationName", "deploymentGroupName"], group),
    Operation::show("BatchGetDeploymentGroups", &["applicationName", "deploymentGroupNames"], batch_groups),
    Operation::show(
        "ListDeployments",
        &[
            "applicationName",
            "deploymentGroupName",
            "includeOnlyStatuses",
            "createTimeRange",
            "externalId",
            "nextToken",
        ],
        deployments,
    ),
    Operation::show("GetDeployment", &["deploymentId"], deployment),
    Operation::show("BatchGetDeployments", &["deploymentIds"], batch_deployments),
    Operation::act(
        "CreateDeployment",
        &[
            "applicationName",
            "deploymentGroupName",
            "revision",
            "deploymentConfigName",
            "description",
            "ignoreApplicationStopFailures",
            "fileExistsBehavior",
        ],
        create,
    ),
    Operation::act("StopDeployment", &["deploymentId", "autoRollbackEnabled"], stop),
    Operation::show("ListDeploymentTargets", &["deploymentId", "targetFilters", "nextToken"], targets::list),
    Operation::show("BatchGetDeploymentTargets", &["deploymentId", "targetIds"], targets::batch),
    Operation::show("GetDeploymentTarget", &["deploymentId", "targetId"], targets::one),
];

/// The size of a page is not documented: a hundred `[infer]`.
const PAGE: Option<usize> = Some(100);

fn applications(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let all = view.state.code_deploy.applications.keys().map(|name| (name.as_str(), name));
    let (shown, next) = page(all, PAGE, input.get("nextToken")?, Service::CodeDeploy)?;
    Ok(Shape::record().with("applications", shown.into_iter().collect::<Shape>()).maybe("nextToken", next))
}

/// A name, or `CodeDeploy`'s own error for a missing one.
fn named<'a>(input: &Input<'a>, name: &str, code: &'static str) -> Result<&'a str, ApiError> {
    input.get(name)?.ok_or_else(|| ApiError::bad(code, format!("{name} is required.")))
}

fn application<'v>(view: &View<'v>, input: &Input<'_>) -> Result<&'v Application, ApiError> {
    let name = named(input, "applicationName", "ApplicationNameRequiredException")?;
    view.state.code_deploy.applications.get(name).ok_or_else(|| no_application(name))
}

fn groups(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let application = application(view, input)?;
    let all = application.groups.keys().map(|name| (name.as_str(), name));
    let (shown, next) = page(all, PAGE, input.get("nextToken")?, Service::CodeDeploy)?;
    Ok(Shape::record()
        .with("applicationName", &application.name)
        .with("deploymentGroups", shown.into_iter().collect::<Shape>())
        .maybe("nextToken", next))
}

fn group(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let application = application(view, input)?;
    let name = named(input, "deploymentGroupName", "DeploymentGroupNameRequiredException")?;
    let group = application.groups.get(name).ok_or_else(|| no_deployment_group(name))?;
    Ok(Shape::record().with("deploymentGroupInfo", write_group(view, application, group)))
}

/// At most a hundred names `[doc]` `BatchLimitExceededException`. Unknown ones are told of in a message `[doc]`.
fn batch_groups(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let application = application(view, input)?;
    let names = input.list("deploymentGroupNames")?;
    if names.is_empty() {
        return Err(ApiError::bad("DeploymentGroupNameRequiredException", "deploymentGroupNames is required."));
    }
    limit(names.len(), 100)?;
    let unknown: Vec<&str> = names.iter().copied().filter(|name| !application.groups.contains_key(*name)).collect();
    let found = names.iter().filter_map(|name| application.groups.get(*name));
    let message = (!unknown.is_empty()).then(|| format!("The following could not be found: {}", unknown.join(", ")));
    Ok(Shape::record()
        .with("deploymentGroupsInfo", found.map(|group| write_group(view, application, group)).collect::<Shape>())
        .maybe("errorMessage", message))
}

fn limit(count: usize, most: usize) -> Result<(), ApiError> {
    if count <= most {
        return Ok(());
    }
    let message = format!("The maximum number of names or IDs allowed for this request ({most}) was exceeded.");
    Err(ApiError::bad("BatchLimitExceededException", message))
}

fn write_group(view: &View<'_>, application: &Application, group: &DeploymentGroup) -> Shape {
    let all = &view.state.code_deploy.deployments;
    let last = |wanted: fn(DeploymentStatus) -> bool| {
        let known = numbers(group).into_iter().filter_map(|number| all.get(&number));
        known.clone().find(|deployment| wanted(deployment.status)).map(write_last)
    };
    let scaling = |name: &String| {
        let hook = view.state.groups.get(name).and_then(|group| group.hooks.values().find(|hook| hook.code_deploy));
        Shape::record().with("name", name).maybe("hook", hook.map(|hook| &hook.name))
    };
    Shape::record()
        .with("applicationName", &application.name)
        .with("deploymentGroupId", &group.id)
        .with("deploymentGroupName", &group.name)
        .with("deploymentConfigName", &group.config)
        .with("autoScalingGroups", group.auto_scaling.iter().map(scaling).collect::<Shape>())
        .with("serviceRoleArn", format!("arn:aws:iam::{ACCOUNT}:role/CodeDeploy"))
        .with(
            "deploymentStyle",
            Shape::record().with("deploymentType", "IN_PLACE").with("deploymentOption", "WITHOUT_TRAFFIC_CONTROL"),
        )
        .with(
            "autoRollbackConfiguration",
            Shape::record()
                .with("enabled", group.rollback)
                .with("events", group.rollback.then_some("DEPLOYMENT_FAILURE").into_iter().collect::<Shape>()),
        )
        .with("outdatedInstancesStrategy", if group.update_outdated { "UPDATE" } else { "IGNORE" })
        .maybe("targetRevision", group.good.as_ref().and_then(|id| all_commits(view, id)).map(revision::write))
        .with("computePlatform", "Server")
        .with("terminationHookEnabled", false)
        .maybe("lastSuccessfulDeployment", last(|status| status == DeploymentStatus::Succeeded))
        .maybe("lastAttemptedDeployment", last(|_| true))
}

fn all_commits<'v>(view: &View<'v>, id: &str) -> Option<&'v Commit> {
    view.state.code_deploy.commit(id).map(std::sync::Arc::as_ref)
}

/// The deployments of a group, the newest first.
fn numbers(group: &DeploymentGroup) -> Vec<u64> {
    let mut numbers: Vec<u64> = group.over.iter().chain(&group.active).chain(&group.launching).copied().collect();
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers
}

fn write_last(deployment: &Deployment) -> Shape {
    Shape::record()
        .with("deploymentId", &deployment.id)
        .with("status", deployment.status.as_str())
        .with("createTime", deployment.created)
        .maybe("endTime", deployment.completed)
}

/// The newest first `[obs]`. Application and group are given both or not at all `[doc]`; without them all of the account's are listed.
fn deployments(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let meant = match (input.get("applicationName")?, input.get("deploymentGroupName")?) {
        (None, None) => None,
        (Some(_), None) => {
            return Err(ApiError::bad("DeploymentGroupNameRequiredException", "deploymentGroupName is required."));
        }
        (None, Some(_)) => {
            return Err(ApiError::bad("ApplicationNameRequiredException", "applicationName is required."));
        }
        (Some(_), Some(name)) => {
            Some(application(view, input)?.groups.get(name).ok_or_else(|| no_deployment_group(name))?)
        }
    };
    let mut statuses = Vec::new();
    for word in input.list("includeOnlyStatuses")? {
        let unknown = || ApiError::bad("InvalidDeploymentStatusException", format!("{word} is not a status."));
        statuses.push(DeploymentStatus::parse(word).ok_or_else(unknown)?);
    }
    let (from, to) = time_range(input)?;
    let all = &view.state.code_deploy.deployments;
    let numbers: Vec<u64> = match meant {
        Some(group) => numbers(group),
        None => all.keys().rev().copied().collect(),
    };
    let chosen: Vec<(String, &Deployment)> = numbers
        .into_iter()
        .filter_map(|number| Some((number, all.get(&number)?)))
        .filter(|(_, deployment)| statuses.is_empty() || statuses.contains(&deployment.status))
        .filter(|(_, deployment)| {
            #[expect(clippy::cast_precision_loss, reason = "seconds of this millennium are far below 2^53")]
            let created = deployment.created.as_second() as f64;
            created >= from && created <= to
        })
        // A page's key grows along the list, and the newest come first.
        .map(|(number, deployment)| (format!("{:020}", u64::MAX - number), deployment))
        .collect();
    let items = chosen.iter().map(|(key, deployment)| (key.as_str(), &deployment.id));
    let (shown, next) = page(items, PAGE, input.get("nextToken")?, Service::CodeDeploy)?;
    Ok(Shape::record().with("deployments", shown.into_iter().collect::<Shape>()).maybe("nextToken", next))
}

/// Seconds since the epoch, from and to.
fn time_range(input: &Input<'_>) -> Result<(f64, f64), ApiError> {
    let Some(range) = input.structure("createTimeRange") else { return Ok((f64::MIN, f64::MAX)) };
    let bound = |name: &str, open: f64| range.raw(name).map_or(Some(open), serde_json::Value::as_f64);
    let invalid = || ApiError::bad("InvalidTimeRangeException", "The specified time range is invalid.");
    let (from, to) = (bound("start", f64::MIN).ok_or_else(invalid)?, bound("end", f64::MAX).ok_or_else(invalid)?);
    if from > to { Err(invalid()) } else { Ok((from, to)) }
}

fn deployment(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let id = named(input, "deploymentId", "DeploymentIdRequiredException")?;
    let deployment = view.state.code_deploy.deployment(id).ok_or_else(|| no_deployment(id))?;
    Ok(Shape::record().with("deploymentInfo", write(view, deployment)))
}

/// At most 25 `[doc]`; an unknown id fails all `[obs]`.
fn batch_deployments(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let ids = input.list("deploymentIds")?;
    if ids.is_empty() {
        return Err(ApiError::bad("DeploymentIdRequiredException", "deploymentIds is required."));
    }
    limit(ids.len(), 25)?;
    // What does not exist is left out: the operation has no error for it `[doc]` API_BatchGetDeployments.
    let found = ids.into_iter().filter_map(|id| view.state.code_deploy.deployment(id));
    Ok(Shape::record().with("deploymentsInfo", found.map(|deployment| write(view, deployment)).collect::<Shape>()))
}

fn write(view: &View<'_>, deployment: &Deployment) -> Shape {
    let error = deployment.error.as_ref();
    let count = |progress| deployment.count(progress);
    // Before there are targets there is nothing to count `[infer]`.
    let overview = (!deployment.targets.is_empty()).then(|| {
        Shape::record()
            .with("Pending", count(Progress::Pending))
            .with("InProgress", count(Progress::InProgress))
            .with("Succeeded", count(Progress::Succeeded))
            .with("Failed", count(Progress::Failed))
            .with("Skipped", count(Progress::Skipped))
            .with("Ready", 0_i64)
    });
    let rolls =
        [&deployment.rolled_back_by, &deployment.rolls_back, &deployment.rollback_message].iter().any(|o| o.is_some());
    let rollback = rolls.then(|| {
        Shape::record()
            .maybe("rollbackDeploymentId", deployment.rolled_back_by.as_ref())
            .maybe("rollbackTriggeringDeploymentId", deployment.rolls_back.as_ref())
            .maybe("rollbackMessage", deployment.rollback_message.as_ref())
    });
    Shape::record()
        .with("applicationName", &deployment.application)
        .with("deploymentGroupName", &deployment.group)
        .with("deploymentConfigName", &deployment.config)
        .with("deploymentId", &deployment.id)
        .maybe("revision", deployment.commit.as_ref().and_then(|id| all_commits(view, id)).map(revision::write))
        .with("status", deployment.status.as_str())
        .maybe(
            "errorInformation",
            error.map(|(code, message)| Shape::record().with("code", code).with("message", message)),
        )
        .with("createTime", deployment.created)
        .maybe("startTime", deployment.started)
        .maybe("completeTime", deployment.completed)
        .maybe("deploymentOverview", overview)
        .with("creator", deployment.creator)
        .with("ignoreApplicationStopFailures", false)
        .with("updateOutdatedInstancesOnly", false)
        .maybe("rollbackInfo", rollback)
        .with("computePlatform", "Server")
}

fn create(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let application = named(input, "applicationName", "ApplicationNameRequiredException")?;
    let group = named(input, "deploymentGroupName", "DeploymentGroupNameRequiredException")?;
    let played = world.state.code_deploy.group(application, group).is_some_and(|group| group.played);
    let commit = if played { Some(revision::read(world, input)?) } else { None };
    let number = world.create_deployment(application, group, Plan { commit, ..Plan::default() })?;
    let id = world.state.code_deploy.deployments.get(&number).map(|deployment| &deployment.id);
    Ok(Shape::record().maybe("deploymentId", id))
}

fn stop(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let id = named(input, "deploymentId", "DeploymentIdRequiredException")?;
    let number = *world.state.code_deploy.by_id.get(id).ok_or_else(|| no_deployment(id))?;
    let over = world.state.code_deploy.deployments.get(&number).is_some_and(|deployment| deployment.status.is_over());
    if over {
        let message = format!("The deployment {id} is already completed.");
        return Err(ApiError::bad("DeploymentAlreadyCompletedException", message));
    }
    world.move_deployment(number, DeploymentStatus::Stopped);
    if input.raw("autoRollbackEnabled").and_then(serde_json::Value::as_bool) == Some(true) {
        world.roll_back(number);
    }
    Ok(Shape::record().with("status", "Succeeded").with("statusMessage", "No more commands will be scheduled."))
}
