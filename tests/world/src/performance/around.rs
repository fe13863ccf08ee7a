//! Acts on what stands around the servers: alarms, deployments, pipelines, documents, topics, sites, permissions.

use std::time::Duration;

use crate::act::{Act, ActError};
use crate::messages::topic_arn;
use crate::world::World;

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

fn there(found: bool, what: impl FnOnce() -> String) -> Result<(), ActError> {
    if found { Ok(()) } else { Err(ActError::Nothing(what())) }
}

impl World {
    pub(super) fn perform_around(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::PutAlarm { alarm } => self.put_alarm(&alarm.name, alarm.rule.clone(), alarm.state),
            Act::SetAlarm { name, state } => {
                let found = self.set_alarm(name, *state, "Set by hand");
                there(found, || format!("alarm {name}"))?;
            }
            Act::DeleteAlarm { name } => {
                let found = self.alarms_mut().remove(name).is_some();
                there(found, || format!("alarm {name}"))?;
            }
            Act::PutDocument { name, effect } => self.put_document(name, *effect),
            Act::PutTopic { name } => {
                self.put_topic(name);
            }
            Act::DeleteTopic { name } => self.remove_topic(&topic_arn(name)),
            Act::SiteAnswers { public_ip, status } => {
                self.allocation_of(public_ip)?;
                self.set_site_status(public_ip, *status);
            }
            Act::NameSite { host, public_ip } => {
                self.allocation_of(public_ip)?;
                self.name_site(host, public_ip);
            }
            Act::Permit { operation, allowed } => {
                if *allowed {
                    self.denied.remove(operation);
                } else {
                    self.denied.insert(operation.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn perform_delivery(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::PutDeploymentGroup { application, deployment_group, groups } => {
                self.put_deployment_group(application, deployment_group, groups);
            }
            Act::StartDeployment { application, deployment_group, seconds: after } => {
                let number = self.begin_deployment(application, deployment_group, "user")?;
                if let Some(after) = after {
                    self.end_deployment_after(number, seconds(*after));
                }
            }
            Act::SetDeployment { application, deployment_group, status } => {
                let group = self.state.code_deploy.group(application, deployment_group);
                let none = || ActError::Nothing(format!("deployment running in {application}/{deployment_group}"));
                let number = group.and_then(|group| group.active).ok_or_else(none)?;
                self.move_deployment(number, *status);
            }
            Act::PutPipeline { name } => self.put_pipeline(name),
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
