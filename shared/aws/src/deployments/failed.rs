//! How did one deployment come out, and where did it fail?

use aws_sdk_codedeploy::types::{
    DeploymentCreator, DeploymentInfo, DeploymentStatus, DeploymentTarget, Diagnostics, InstanceTarget,
    LifecycleErrorCode, LifecycleEventStatus, RollbackInfo, TargetStatus, TimeRange,
};
use jiff::Timestamp;
use panda_domain::ids::InstanceId;

use super::{ACTIVE, Deployments, instance_of};
use crate::AwsError;

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &[
    "codedeploy:BatchGetDeploymentTargets",
    "codedeploy:GetDeployment",
    "codedeploy:ListDeploymentTargets",
    "codedeploy:ListDeployments",
];

/// The most targets that CodeDeploy tells of in one call.
const TARGETS: usize = 25;

/// A deployment, ended or not. Words are CodeDeploy's own: its lists of them grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Its id, `d-…`.
    pub id: String,
    /// Its application.
    pub application: String,
    /// Its deployment group.
    pub deployment_group: String,
    /// Where it deploys: `Server`, `Lambda` or `ECS`.
    pub platform: String,
    /// `Failed`, `Stopped`, `Succeeded`, `InProgress` and others.
    pub status: String,
    /// Who began it: `user` (which is CodePipeline, too), `autoscaling`, `codeDeployRollback`, `CodeDeployAutoUpdate` and others.
    pub creator: String,
    /// Why it failed as a whole: code and message.
    pub error: Option<(String, String)>,
    /// The deployment that rolls this one back.
    pub rolled_back_by: Option<String>,
    /// The deployment that this one rolls back.
    pub rolls_back: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// When it ended.
    pub completed: Option<Timestamp>,
    /// What CodeDeploy says of its rollback.
    pub rollback_message: Option<String>,
}

/// What a deployment did on one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// The instance, or the name of an on-premises server.
    pub instance: String,
    /// `Failed`, `Succeeded`, `Skipped`, `Unknown` and others.
    pub status: String,
    /// Its lifecycle events, in their order.
    pub events: Vec<TargetEvent>,
}

/// One lifecycle event on one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetEvent {
    /// Its name, such as `AfterInstall`.
    pub name: String,
    /// `Failed`, `Succeeded`, `Skipped`, `Pending`, `InProgress` or `Unknown`.
    pub status: String,
    /// `Success`, `ScriptFailed`, `UnknownError` and others; empty where CodeDeploy says nothing.
    pub error_code: String,
    /// The script that ran last.
    pub script: String,
    /// What CodeDeploy says of it.
    pub message: String,
    /// The end of the script's output. It may hold secrets.
    pub log_tail: String,
    /// When it began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl Deployments {
    /// A deployment; `None` if there is none of this id.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn deployment(&self, id: &str) -> Result<Option<Deployed>, AwsError> {
        self.counter.read();
        match self.client.get().get_deployment().deployment_id(id).send().await {
            Ok(reply) => Ok(reply.deployment_info().map(|info| read(id, info))),
            Err(error) => {
                let error = AwsError::new("GetDeployment", Some(id), &error);
                let unknown = ["DeploymentDoesNotExistException", "InvalidDeploymentIdException"];
                if unknown.iter().any(|code| error.is(code)) { Ok(None) } else { Err(error) }
            }
        }
    }

    /// What a deployment did on its instances. None before it has started.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn targets_of(&self, deployment: &str) -> Result<Vec<Target>, AwsError> {
        let ids = self.target_ids(deployment).await?;
        let mut targets = Vec::new();
        for chunk in ids.chunks(TARGETS) {
            self.counter.read();
            let reply = self
                .client
                .get()
                .batch_get_deployment_targets()
                .deployment_id(deployment)
                .set_target_ids(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(|error| AwsError::new("BatchGetDeploymentTargets", Some(deployment), &error))?;
            targets.extend(reply.deployment_targets().iter().filter_map(DeploymentTarget::instance_target).map(target));
        }
        Ok(targets)
    }

    async fn target_ids(&self, deployment: &str) -> Result<Vec<String>, AwsError> {
        let mut ids = Vec::new();
        let mut token = None;
        loop {
            self.counter.read();
            let request = self.client.get().list_deployment_targets().deployment_id(deployment);
            let reply = match request.set_next_token(token).send().await {
                Ok(reply) => reply,
                Err(error) => {
                    let error = AwsError::new("ListDeploymentTargets", Some(deployment), &error);
                    let nobody = ["DeploymentNotStartedException", "DeploymentDoesNotExistException"];
                    return if nobody.iter().any(|code| error.is(code)) { Ok(ids) } else { Err(error) };
                }
            };
            ids.extend_from_slice(reply.target_ids());
            token = reply.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(ids);
            }
        }
    }

    /// The deployments of one deployment group that have not ended: one at most at a time, and rollbacks are among them.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn active_in(&self, application: &str, deployment_group: &str) -> Result<Vec<String>, AwsError> {
        self.listed(application, deployment_group, ACTIVE.to_vec(), None).await
    }

    /// The deployments to this group that were created since and succeeded, newest first; none if the group is gone.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn succeeded_since(
        &self,
        application: &str,
        deployment_group: &str,
        since: Timestamp,
    ) -> Result<Vec<String>, AwsError> {
        let range = TimeRange::builder().start(aws_smithy_types::DateTime::from_secs(since.as_second())).build();
        self.listed(application, deployment_group, vec![DeploymentStatus::Succeeded], Some(range)).await
    }

    async fn listed(
        &self,
        application: &str,
        deployment_group: &str,
        statuses: Vec<DeploymentStatus>,
        created: Option<TimeRange>,
    ) -> Result<Vec<String>, AwsError> {
        let request = self.client.get().list_deployments();
        let mut pages = request
            .application_name(application)
            .deployment_group_name(deployment_group)
            .set_include_only_statuses(Some(statuses))
            .set_create_time_range(created)
            .into_paginator()
            .send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            match page {
                Ok(page) => ids.extend_from_slice(page.deployments()),
                Err(error) => {
                    let subject = format!("{application}/{deployment_group}");
                    let error = AwsError::new("ListDeployments", Some(&subject), &error);
                    return if is_gone(&error) { Ok(Vec::new()) } else { Err(error) };
                }
            }
        }
        Ok(ids)
    }
}

/// Whether it was deleted meanwhile, and nothing runs there any more.
fn is_gone(error: &AwsError) -> bool {
    error.is("ApplicationDoesNotExistException") || error.is("DeploymentGroupDoesNotExistException")
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn moment(time: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    time.and_then(|time| Timestamp::from_second(time.secs()).ok())
}

fn read(id: &str, info: &DeploymentInfo) -> Deployed {
    let rollback = |which: fn(&RollbackInfo) -> Option<&str>| {
        info.rollback_info().and_then(which).filter(|id| !id.is_empty()).map(str::to_owned)
    };
    let error = info.error_information().map(|error| {
        let code = error.code().map(aws_sdk_codedeploy::types::ErrorCode::as_str);
        (text(code), text(error.message()))
    });
    Deployed {
        id: id.to_owned(),
        application: text(info.application_name()),
        deployment_group: text(info.deployment_group_name()),
        platform: info.compute_platform().map_or("Server", |platform| platform.as_str()).to_owned(),
        status: text(info.status().map(DeploymentStatus::as_str)),
        creator: text(info.creator().map(DeploymentCreator::as_str)),
        error,
        rolled_back_by: rollback(RollbackInfo::rollback_deployment_id),
        rolls_back: rollback(RollbackInfo::rollback_triggering_deployment_id),
        created: moment(info.create_time()),
        completed: moment(info.complete_time()),
        rollback_message: rollback(RollbackInfo::rollback_message),
    }
}

fn target(target: &InstanceTarget) -> Target {
    let events = target.lifecycle_events().iter().map(|event| {
        let diagnostics = event.diagnostics();
        let said = |what: fn(&Diagnostics) -> Option<&str>| text(diagnostics.and_then(what));
        TargetEvent {
            name: text(event.lifecycle_event_name()),
            status: text(event.status().map(LifecycleEventStatus::as_str)),
            error_code: said(|diagnostics| diagnostics.error_code().map(LifecycleErrorCode::as_str)),
            script: said(Diagnostics::script_name),
            message: said(Diagnostics::message),
            log_tail: said(Diagnostics::log_tail),
            began: moment(event.start_time()),
            ended: moment(event.end_time()),
        }
    });
    Target {
        instance: text(target.target_id().map(instance_of)),
        status: text(target.status().map(TargetStatus::as_str)),
        events: events.collect(),
    }
}

impl Target {
    /// The instance, if it is one of EC2.
    #[must_use]
    pub fn ec2(&self) -> Option<InstanceId> {
        self.instance.starts_with("i-").then(|| InstanceId::from(self.instance.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_codedeploy::types::{ErrorCode, ErrorInformation, LifecycleEvent};

    use super::*;

    #[test]
    fn a_failed_deployment_is_read_with_its_error_and_its_rollback() {
        let info = DeploymentInfo::builder()
            .application_name("shop")
            .deployment_group_name("web")
            .status(DeploymentStatus::Failed)
            .creator(DeploymentCreator::User)
            .error_information(
                ErrorInformation::builder().code(ErrorCode::from("NEWER_THAN_THIS")).message("too few").build(),
            )
            .rollback_info(RollbackInfo::builder().rollback_deployment_id("d-2").build())
            .build();
        let deployed = read("d-1", &info);
        assert_eq!((deployed.status.as_str(), deployed.creator.as_str()), ("Failed", "user"));
        assert_eq!(deployed.error, Some(("NEWER_THAN_THIS".to_owned(), "too few".to_owned())));
        assert_eq!((deployed.rolled_back_by.as_deref(), deployed.rolls_back), (Some("d-2"), None));
        assert_eq!(deployed.platform, "Server");
    }

    #[test]
    fn an_event_that_was_skipped_has_no_diagnostics_and_is_read_nevertheless() {
        let failed = Diagnostics::builder()
            .error_code(LifecycleErrorCode::ScriptFailed)
            .script_name("start.sh")
            .message("exit code 1")
            .log_tail("[stderr]no")
            .build();
        let event = |name: &str, status| LifecycleEvent::builder().lifecycle_event_name(name).status(status);
        let read = target(
            &InstanceTarget::builder()
                .target_id("arn:aws:ec2:eu-west-1:123456789012:instance/i-1")
                .status(TargetStatus::Failed)
                .lifecycle_events(event("AfterInstall", LifecycleEventStatus::Failed).diagnostics(failed).build())
                .lifecycle_events(event("ApplicationStart", LifecycleEventStatus::Skipped).build())
                .build(),
        );
        assert_eq!(read.ec2(), Some("i-1".into()));
        let said: Vec<_> = read.events.iter().map(|event| (event.status.as_str(), event.error_code.as_str())).collect();
        assert_eq!(said, [("Failed", "ScriptFailed"), ("Skipped", "")]);
        let on_premises = Target { instance: "rack-7".to_owned(), ..Target::default() };
        assert_eq!(on_premises.ec2(), None);
    }
}
