//! How does a deployment begin, go on and end?

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::CodeDeploy;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{ACCOUNT, REGION, World, later};

/// So many that are over are kept for each deployment group, so that a long life does not fill the memory.
const KEPT: usize = 10;

/// Status of a deployment, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum DeploymentStatus {
    Created,
    Queued,
    InProgress,
    Baking,
    Succeeded,
    Failed,
    Stopped,
    Ready,
}

impl DeploymentStatus {
    const ALL: [Self; 8] = [
        Self::Created,
        Self::Queued,
        Self::InProgress,
        Self::Baking,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Ready,
    ];

    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::InProgress => "InProgress",
            Self::Baking => "Baking",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Ready => "Ready",
        }
    }

    /// From AWS's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the deployment is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }

    /// The word of its event, if it has one.
    const fn event(self) -> Option<&'static str> {
        match self {
            Self::InProgress => Some("START"),
            Self::Succeeded => Some("SUCCESS"),
            Self::Failed => Some("FAILURE"),
            Self::Stopped => Some("STOP"),
            Self::Ready => Some("READY"),
            Self::Created | Self::Queued | Self::Baking => None,
        }
    }
}

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
}

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
    /// `CreateDeployment`. While another one runs in the group it is refused `[obs]`.
    pub(crate) fn begin_deployment(
        &mut self,
        application: &str,
        group: &str,
        creator: &'static str,
    ) -> Result<u64, ApiError> {
        let known = self.state.code_deploy.applications.get(application).ok_or_else(|| no_application(application))?;
        let running = known.groups.get(group).ok_or_else(|| no_deployment_group(group))?.active;
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
        };
        let all = self.code_deploy_mut();
        all.made += 1;
        let number = all.made;
        all.deployments.insert(number, deployment);
        all.by_id.insert(id, number);
        if let Some(group) = all.group_mut(application, group) {
            group.active = Some(number);
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
        let waits = |status| matches!(status, DeploymentStatus::Created | DeploymentStatus::Queued);
        if self.state.code_deploy.deployments.get(&number).is_some_and(|deployment| waits(deployment.status)) {
            self.move_deployment(number, DeploymentStatus::InProgress);
        }
    }

    pub(crate) fn on_deployment_ends(&mut self, number: u64, status: DeploymentStatus) {
        self.move_deployment(number, status);
    }

    /// Moves a deployment that is not over to another status.
    pub(crate) fn move_deployment(&mut self, number: u64, status: DeploymentStatus) {
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
            deployment.error = match status {
                DeploymentStatus::Failed => Some((
                    "HEALTH_CONSTRAINTS".to_owned(),
                    "The overall deployment failed because too many individual instances failed deployment, too few healthy instances are available for deployment, or some instances in your deployment group are experiencing problems.".to_owned(),
                )),
                DeploymentStatus::Stopped => {
                    Some(("MANUAL_STOP".to_owned(), "The deployment was stopped by a user.".to_owned()))
                }
                _ => None,
            };
            let (application, group) = (deployment.application.clone(), deployment.group.clone());
            all.put_aside(&application, &group, number);
        }
        self.announce_deployment(number, status);
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
    /// A deployment is over: its group may begin another, and the oldest are forgotten.
    fn put_aside(&mut self, application: &str, group: &str, number: u64) {
        let Some(group) = self.group_mut(application, group) else { return };
        group.active = group.active.filter(|active| *active != number);
        group.over.push(number);
        if group.over.len() > KEPT {
            let forgotten = group.over.remove(0);
            if let Some(deployment) = self.deployments.remove(&forgotten) {
                self.by_id.remove(&deployment.id);
            }
        }
    }
}
