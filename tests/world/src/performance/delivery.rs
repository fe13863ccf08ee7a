//! Acts on how code comes to the servers: pipelines, deployments.

use std::time::Duration;

use super::around::there;
use crate::act::{Act, ActError};
use crate::codedeploy::deployment::{DeploymentStatus, Plan, no_application, no_deployment_group};
use crate::codepipeline::RetryMode;
use crate::world::World;

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

impl World {
    fn active_deployment(&self, application: &str, group: &str) -> Result<u64, ActError> {
        let found = self.state.code_deploy.group(application, group).and_then(|group| group.active);
        found.ok_or_else(|| ActError::Nothing(format!("deployment running in {application}/{group}")))
    }

    pub(super) fn perform_deployment(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::PutDeploymentGroup { application, deployment_group, groups } => {
                self.put_deployment_group(application, deployment_group, groups);
            }
            Act::SetDeploymentGroup { application, deployment_group, config, rollback, update_outdated } => {
                let found = self.code_deploy_mut().group_mut(application, deployment_group);
                let group = found.ok_or_else(|| no_deployment_group(deployment_group))?;
                group.config.clone_from(config);
                group.rollback = *rollback;
                group.update_outdated = *update_outdated;
            }
            Act::StartDeployment { application, deployment_group, seconds: after } => {
                let number = self.begin_deployment(application, deployment_group)?;
                if let Some(after) = after {
                    self.end_deployment_after(number, seconds(*after));
                }
            }
            Act::Deploy { application, deployment_group, commit } => {
                let all = &self.state.code_deploy;
                let known = all.applications.get(application).ok_or_else(|| no_application(application))?;
                let known = known.groups.get(deployment_group).ok_or_else(|| no_deployment_group(deployment_group))?;
                let commit = match (commit, &known.good) {
                    (Some(commit), _) => self.make_commit("example/site", "main", commit),
                    (None, Some(good)) => good.clone(),
                    (None, None) => return Err(ActError::Nothing(format!("revision of {application}"))),
                };
                let plan = Plan { commit: Some(commit), ..Plan::default() };
                self.create_deployment(application, deployment_group, plan)?;
            }
            Act::SetDeployment { application, deployment_group, status } => {
                let number = self.active_deployment(application, deployment_group)?;
                self.move_deployment(number, *status);
            }
            Act::FailDeployment { application, deployment_group, code, message } => {
                let number = self.active_deployment(application, deployment_group)?;
                self.fail_deployment(number, (code, message));
            }
            Act::StopDeployment { application, deployment_group, rollback } => {
                let number = self.active_deployment(application, deployment_group)?;
                self.move_deployment(number, DeploymentStatus::Stopped);
                if *rollback {
                    self.roll_back(number);
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn perform_pipeline(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::PutPipeline { name } => self.put_pipeline(name),
            Act::DefinePipeline { pipeline } => self.define_pipeline(pipeline),
            Act::EditPipeline { pipeline } => {
                let found = self.edit_pipeline(pipeline);
                there(found, || format!("pipeline {pipeline}"))?;
            }
            Act::Push { pipeline, commit } => {
                self.push(pipeline, commit)?;
            }
            Act::RetryStage { pipeline, stage } => {
                let latest = self.latest_in_stage(pipeline, stage).map(|latest| latest.id.clone());
                let latest = latest.ok_or_else(|| ActError::Nothing(format!("execution in {pipeline}/{stage}")))?;
                self.retry_stage(pipeline, stage, &latest, RetryMode::Failed)?;
            }
            Act::LeaveOut { member, left_out } => {
                if *left_out {
                    self.left_out.insert(member.clone());
                } else {
                    self.left_out.remove(member);
                }
            }
            Act::BeginExecution { pipeline, seconds: after } => {
                self.begin_execution(pipeline, after.map(seconds))?;
            }
            Act::EndExecution { pipeline, status } => {
                let found = self.move_execution(pipeline, None, *status);
                there(found, || format!("execution running in pipeline {pipeline}"))?;
            }
            _ => {}
        }
        Ok(())
    }
}
