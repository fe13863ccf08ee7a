//! CodeDeploy: which deployment groups deploy to an Auto Scaling group, and by which hook?

use std::collections::BTreeMap;

use aws_sdk_codedeploy::{Client, types::DeploymentGroupInfo};
use aws_types::SdkConfig;
use panda_domain::{ids::GroupName, preflight::DeploymentGroup};

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] =
    &["codedeploy:BatchGetDeploymentGroups", "codedeploy:ListApplications", "codedeploy:ListDeploymentGroups"];

/// The most deployment groups that CodeDeploy tells of in one call.
const GROUPS: usize = 100;

/// CodeDeploy's deployment groups.
#[derive(Debug)]
pub struct DeploymentGroups {
    client: Lazy<Client>,
    counter: Counter,
}

impl DeploymentGroups {
    /// Deployment groups of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_codedeploy::config::Builder::from(sdk).retry_partition(budget("codedeploy")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// The deployment groups of all applications, by the Auto Scaling group that they deploy to.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn by_group(&self) -> Result<BTreeMap<GroupName, Vec<DeploymentGroup>>, AwsError> {
        let mut found: BTreeMap<GroupName, Vec<DeploymentGroup>> = BTreeMap::new();
        for application in self.applications().await? {
            let names = match self.names(&application).await {
                Ok(names) => names,
                // It was deleted since the list was made.
                Err(error) if error.is("ApplicationDoesNotExistException") => continue,
                Err(error) => return Err(error),
            };
            for chunk in names.chunks(GROUPS) {
                self.counter.read();
                let request = self.client.get().batch_get_deployment_groups().application_name(&application);
                let reply = match request.set_deployment_group_names(Some(chunk.to_vec())).send().await {
                    Ok(reply) => reply,
                    Err(error) => {
                        let error = AwsError::new("BatchGetDeploymentGroups", Some(&application), &error);
                        if error.is("ApplicationDoesNotExistException") {
                            break;
                        }
                        return Err(error);
                    }
                };
                for (group, deployment) in
                    reply.deployment_groups_info().iter().flat_map(|info| read(&application, info))
                {
                    found.entry(group).or_default().push(deployment);
                }
            }
        }
        Ok(found)
    }

    async fn applications(&self) -> Result<Vec<String>, AwsError> {
        let mut pages = self.client.get().list_applications().into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("ListApplications", None, &error))?;
            names.extend_from_slice(page.applications());
        }
        Ok(names)
    }

    async fn names(&self, application: &str) -> Result<Vec<String>, AwsError> {
        let mut pages =
            self.client.get().list_deployment_groups().application_name(application).into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("ListDeploymentGroups", Some(application), &error))?;
            names.extend_from_slice(page.deployment_groups());
        }
        Ok(names)
    }
}

fn read(application: &str, info: &DeploymentGroupInfo) -> Vec<(GroupName, DeploymentGroup)> {
    let name = info.deployment_group_name().unwrap_or_default();
    let of = |group: &aws_sdk_codedeploy::types::AutoScalingGroup| {
        let deployment = DeploymentGroup {
            application: application.to_owned(),
            name: name.to_owned(),
            hook: group.hook().filter(|hook| !hook.is_empty()).map(str::to_owned),
        };
        Some((group.name()?.into(), deployment))
    };
    info.auto_scaling_groups().iter().filter_map(of).collect()
}
