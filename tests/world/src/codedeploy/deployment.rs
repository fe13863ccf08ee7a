//! How does a deployment begin, go on and end?

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::CodeDeploy;
pub use super::status::DeploymentStatus;
use super::target::{Progress, Target};
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, REGION, World, later};

/// So many that are over are kept for each deployment group, so that a long life does not fill the memory.
const KEPT: usize = 10;
/// And where they are played: who looks into a failure an hour later finds it, though many launches have come since.
const KEPT_PLAYED: usize = 100;

/// A deployment.
#[derive(Debug, Clone, Serialize)]
pub struct Deployment {
    /// `d-…`
    pub id: String,
    /// Its application.
    pub application: String,
    /// Its deployment group.
    pub group: String,
    /// Who began it: `user`, `autoscaling`, `codeDeployRollback`, ….
    pub creator: &'static str,
    /// Its status.
    pub status: DeploymentStatus,
    /// When it was created.
    pub created: Timestamp,
    /// When its first lifecycle events began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub completed: Option<Timestamp>,
    /// `errorInformation`: code and message.
    pub error: Option<(String, String)>,
    /// The commit; none where the deployment is not played.
    pub commit: Option<String>,
    /// Its configuration.
    pub config: String,
    /// Its targets by instance.
    pub targets: BTreeMap<String, Target>,
    /// The deployment that rolls this one back.
    pub rolled_back_by: Option<String>,
    /// The deployment that this one rolls back.
    pub rolls_back: Option<String>,
    /// What became of the rollback, in words.
    pub rollback_message: Option<String>,
    /// The instances that it is for, where it is not for all of its group.
    #[serde(skip)]
    pub(crate) only: Option<Vec<String>>,
    /// The action of a pipeline that waits for it.
    #[serde(skip)]
    pub(crate) action: Option<ActionOf>,
}

/// An action of a pipeline: its pipeline, its execution, itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ActionOf {
    pub(crate) pipeline: String,
    pub(crate) execution: String,
    pub(crate) action: String,
}

/// What a deployment is made from.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Who makes it; nobody named is a user.
    pub(crate) creator: Option<&'static str>,
    pub(crate) commit: Option<String>,
    pub(crate) only: Option<Vec<String>>,
    pub(crate) rolls_back: Option<String>,
    pub(crate) action: Option<ActionOf>,
}

impl Deployment {
    /// Whether it stands beside the one that its group may have.
    pub(crate) fn is_of_a_launch(&self) -> bool {
        self.creator == LAUNCH
    }

    /// How many targets are in a state.
    #[must_use]
    pub fn count(&self, progress: Progress) -> usize {
        self.targets.values().filter(|target| target.progress == progress).count()
    }
}

/// The creator of a deployment to an instance that Auto Scaling launches.
pub(crate) const LAUNCH: &str = "autoscaling";

/// The words of `[doc]` error-codes.md.
pub(crate) const HEALTH_CONSTRAINTS: (&str, &str) = (
    "HEALTH_CONSTRAINTS",
    "The overall deployment failed because too many individual instances failed deployment, too few healthy instances are available for deployment, or some instances in your deployment group are experiencing problems.",
);

pub(crate) fn no_application(name: &str) -> ApiError {
    ApiError::bad("ApplicationDoesNotExistException", format!("No application found for name: {name}"))
}

pub(crate) fn no_deployment_group(name: &str) -> ApiError {
    ApiError::bad("DeploymentGroupDoesNotExistException", format!("No Deployment Group found for name: {name}"))
}

pub(crate) fn no_deployment(id: &str) -> ApiError {
    ApiError::bad("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
}

impl World {
    /// `CreateDeployment` of something that is not played.
    pub(crate) fn begin_deployment(&mut self, application: &str, group: &str) -> Result<u64, ApiError> {
        self.create_deployment(application, group, Plan::default())
    }

    /// `CreateDeployment`. While another one runs in the group it is refused `[obs]`; those of launches stand beside it `[infer]`.
    pub(crate) fn create_deployment(&mut self, application: &str, group: &str, plan: Plan) -> Result<u64, ApiError> {
        let creator = plan.creator.unwrap_or("user");
        let known = self.state.code_deploy.applications.get(application).ok_or_else(|| no_application(application))?;
        let known = known.groups.get(group).ok_or_else(|| no_deployment_group(group))?;
        let running = known.active.filter(|_| creator != LAUNCH);
        let config = known.config.clone();
        if let Some(other) = running.and_then(|number| self.state.code_deploy.deployments.get(&number)) {
            let message = format!("The Deployment Group '{group}' already has an active Deployment '{}'", other.id);
            return Err(ApiError::bad("DeploymentLimitExceededException", message));
        }
        let id = self.ids.deployment();
        let deployment = Deployment {
            id: id.clone(),
            application: application.to_owned(),
            group: group.to_owned(),
            creator,
            status: DeploymentStatus::Created,
            created: self.now,
            started: None,
            completed: None,
            error: None,
            commit: plan.commit,
            config,
            targets: BTreeMap::new(),
            rolled_back_by: None,
            rolls_back: plan.rolls_back,
            rollback_message: None,
            only: plan.only,
            action: plan.action,
        };
        let number = self.code_deploy_mut().add(deployment);
        if let Some(group) = self.code_deploy_mut().group_mut(application, group) {
            if creator == LAUNCH {
                group.launching.push(number);
            } else {
                group.active = Some(number);
            }
        }
        self.aside(self.timing.deployment_begins, Due::DeploymentBegins { deployment: number });
        Ok(number)
    }

    /// Has a deployment succeed after a time.
    pub(crate) fn end_deployment_after(&mut self, deployment: u64, after: Duration) {
        let at = later(self.now, after);
        self.queue.push(at, Due::DeploymentEnds { deployment, status: DeploymentStatus::Succeeded });
    }

    pub(crate) fn on_deployment_begins(&mut self, number: u64) {
        let Some(deployment) = self.state.code_deploy.deployments.get(&number) else { return };
        if !matches!(deployment.status, DeploymentStatus::Created | DeploymentStatus::Queued) {
            return;
        }
        if deployment.commit.is_some() {
            self.begin_rollout(number);
        } else {
            self.move_deployment(number, DeploymentStatus::InProgress);
        }
    }

    pub(crate) fn on_deployment_ends(&mut self, number: u64, status: DeploymentStatus) {
        self.move_deployment(number, status);
    }

    /// Moves a deployment that is not over to another status.
    pub(crate) fn move_deployment(&mut self, number: u64, status: DeploymentStatus) {
        let words = |(code, message): (&str, &str)| (code.to_owned(), message.to_owned());
        let error = match status {
            DeploymentStatus::Failed => Some(words(HEALTH_CONSTRAINTS)),
            DeploymentStatus::Stopped => Some(words(("MANUAL_STOP", "The deployment was stopped by a user."))),
            _ => None,
        };
        self.end_deployment(number, status, error);
    }

    /// The same, for a reason.
    pub(crate) fn end_deployment(&mut self, number: u64, status: DeploymentStatus, error: Option<(String, String)>) {
        let now = self.now;
        let all = self.code_deploy_mut();
        let Some(deployment) = all.deployments.get_mut(&number).filter(|d| !d.status.is_over() && d.status != status)
        else {
            return;
        };
        deployment.status = status;
        if status == DeploymentStatus::InProgress {
            deployment.started.get_or_insert(now);
        }
        if status.is_over() {
            deployment.completed = Some(now);
            deployment.error = error;
            for target in deployment.targets.values_mut().filter(|target| !target.progress.is_over()) {
                target.give_up(now);
            }
            all.put_aside(number);
        }
        self.announce_deployment(number, status);
        if status.is_over() {
            self.follow_deployment(number);
        }
    }

    fn announce_deployment(&mut self, number: u64, status: DeploymentStatus) {
        let Some(state) = status.event() else { return };
        let all = &self.state.code_deploy;
        let Some(deployment) = all.deployments.get(&number) else { return };
        let Some(group) = all.group(&deployment.application, &deployment.group) else { return };
        let (application, name) = (&deployment.application, &deployment.group);
        let resources = [
            format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:{application}"),
            format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{application}/{name}"),
        ];
        let detail = json!({
            "instanceGroupId": group.id,
            "region": REGION,
            "application": application,
            "deploymentId": deployment.id,
            "state": state,
            "deploymentGroup": name,
        });
        let subject = deployment.id.clone();
        self.emit("aws.codedeploy", "CodeDeploy Deployment State-change Notification", &resources, &detail, &subject);
    }
}

impl CodeDeploy {
    /// Writes a deployment down, and gives its number.
    pub(crate) fn add(&mut self, deployment: Deployment) -> u64 {
        self.made += 1;
        self.by_id.insert(deployment.id.clone(), self.made);
        self.deployments.insert(self.made, deployment);
        self.made
    }

    /// A deployment is over: its group may begin another, and the oldest are forgotten.
    pub(crate) fn put_aside(&mut self, number: u64) {
        let Some(deployment) = self.deployments.get(&number) else { return };
        let (application, group) = (deployment.application.clone(), deployment.group.clone());
        for instance in deployment.targets.keys().cloned().collect::<Vec<_>>() {
            self.no_longer_at_work(&instance, number);
        }
        let Some(group) = self.group_mut(&application, &group) else { return };
        group.active = group.active.filter(|active| *active != number);
        group.launching.retain(|launching| *launching != number);
        group.over.push(number);
        if group.over.len() > if group.played { KEPT_PLAYED } else { KEPT } {
            let forgotten = group.over.remove(0);
            if let Some(deployment) = self.deployments.remove(&forgotten) {
                self.by_id.remove(&deployment.id);
            }
        }
    }

    pub(crate) fn no_longer_at_work(&mut self, instance: &str, number: u64) {
        if let Some(numbers) = self.at_work.get_mut(instance) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.at_work.remove(instance);
            }
        }
    }
}
