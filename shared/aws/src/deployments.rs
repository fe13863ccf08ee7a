//! CodeDeploy: which deployments run, and whom do they touch?

pub mod failed;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_codedeploy::{
    Client,
    types::{ComputePlatform, DeploymentGroupInfo, DeploymentInfo, DeploymentStatus, TargetInstances},
};
use aws_types::SdkConfig;
use panda_domain::{
    chaos::GroupView,
    ids::{GroupName, InstanceId},
};

use crate::{AwsError, Counter, Lazy, budget, opening::Knock};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &[
    "codedeploy:BatchGetDeploymentGroups",
    "codedeploy:BatchGetDeployments",
    "codedeploy:ListDeploymentTargets",
    "codedeploy:ListDeployments",
];

/// The most deployments that CodeDeploy tells of in one call.
const DEPLOYMENTS: usize = 25;

/// The most deployment groups that CodeDeploy tells of in one call.
const GROUPS: usize = 100;

/// The statuses of a deployment that has not ended.
const ACTIVE: [DeploymentStatus; 5] = [
    DeploymentStatus::Created,
    DeploymentStatus::Queued,
    DeploymentStatus::InProgress,
    // Done, and alarms are still watched: it may roll back.
    DeploymentStatus::Baking,
    // Blue/green: the new instances wait for traffic.
    DeploymentStatus::Ready,
];

/// CodeDeploy's deployments.
#[derive(Debug)]
pub struct Deployments {
    client: Lazy<Client>,
    counter: Counter,
}

/// A deployment to instances that has not ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveDeployment {
    /// Its id, `d-…`.
    pub id: String,
    /// Its application.
    pub application: String,
    /// Its deployment group.
    pub deployment_group: String,
    /// Its status, as CodeDeploy writes it.
    pub status: String,
    /// The Auto Scaling groups that it deploys to, and that a blue/green deployment replaces.
    pub groups: BTreeSet<GroupName>,
    /// The instances that it deploys to; read only if the deployment group picks instances by their tags.
    pub instances: BTreeSet<InstanceId>,
}

impl ActiveDeployment {
    /// Whether it deploys to this group, or to a member of it.
    #[must_use]
    pub fn touches(&self, group: &GroupView) -> bool {
        self.groups.contains(&group.name)
            || group.members.iter().any(|member| self.instances.contains(&member.instance))
    }
}

impl Deployments {
    /// Deployments of the configuration's account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter) -> Self {
        let client = |sdk: &SdkConfig| {
            let config = aws_sdk_codedeploy::config::Builder::from(sdk).retry_partition(budget("codedeploy")).build();
            Client::from_conf(config)
        };
        Self { client: Lazy::new(sdk, client), counter }
    }

    /// Knocks at CodeDeploy.
    pub async fn knock(&self) {
        let _ = self.client.get().list_deployments().customize().interceptor(Knock).send().await;
    }

    /// The deployments to instances that have not ended, of all applications. One call where nothing is deployed.
    ///
    /// # Errors
    /// When AWS does not answer or refuses; run again.
    pub async fn active(&self) -> Result<Vec<ActiveDeployment>, AwsError> {
        let ids = self.list().await?;
        let mut deployments = Vec::new();
        for chunk in ids.chunks(DEPLOYMENTS) {
            self.counter.read();
            let reply = self
                .client
                .get()
                .batch_get_deployments()
                .set_deployment_ids(Some(chunk.to_vec()))
                .send()
                .await
                .map_err(|error| AwsError::new("BatchGetDeployments", None, &error))?;
            deployments.extend(reply.deployments_info().iter().filter_map(read));
        }
        let groups = self.deployment_groups(&deployments).await?;
        for deployment in &mut deployments {
            let key = (deployment.application.clone(), deployment.deployment_group.clone());
            let Some(targets) = groups.get(&key) else { continue };
            deployment.groups.extend(targets.groups.iter().cloned());
            if targets.by_tags {
                deployment.instances = self.targets(&deployment.id).await?;
            }
        }
        Ok(deployments)
    }

    /// Without an application ("if it is not specified, then `deploymentGroupName` must not be specified") the list is of all of them.
    async fn list(&self) -> Result<Vec<String>, AwsError> {
        let mut pages = self
            .client
            .get()
            .list_deployments()
            .set_include_only_statuses(Some(ACTIVE.to_vec()))
            .into_paginator()
            .send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            self.counter.read();
            let page = page.map_err(|error| AwsError::new("ListDeployments", None, &error))?;
            ids.extend_from_slice(page.deployments());
        }
        Ok(ids)
    }

    async fn deployment_groups(
        &self,
        deployments: &[ActiveDeployment],
    ) -> Result<BTreeMap<(String, String), Targets>, AwsError> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for deployment in deployments {
            wanted.entry(&deployment.application).or_default().insert(&deployment.deployment_group);
        }
        let mut found = BTreeMap::new();
        for (application, names) in wanted {
            let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
            for chunk in names.chunks(GROUPS) {
                self.counter.read();
                let result = self
                    .client
                    .get()
                    .batch_get_deployment_groups()
                    .application_name(application)
                    .set_deployment_group_names(Some(chunk.to_vec()))
                    .send()
                    .await;
                let reply = match result {
                    Ok(reply) => reply,
                    Err(error) => {
                        let error = AwsError::new("BatchGetDeploymentGroups", Some(application), &error);
                        // It was deleted since the list was made, and its deployments with it.
                        if error.is("ApplicationDoesNotExistException") {
                            continue;
                        }
                        return Err(error);
                    }
                };
                found.extend(reply.deployment_groups_info().iter().filter_map(|group| {
                    let name = group.deployment_group_name()?.to_owned();
                    Some(((application.to_owned(), name), Targets::of(group)))
                }));
            }
        }
        Ok(found)
    }

    /// The instances of a deployment; none yet before it has started, none any more when it is gone.
    async fn targets(&self, deployment: &str) -> Result<BTreeSet<InstanceId>, AwsError> {
        let mut instances = BTreeSet::new();
        let mut token = None;
        loop {
            self.counter.read();
            let request = self.client.get().list_deployment_targets();
            let result = request.deployment_id(deployment).set_next_token(token).send().await;
            let reply = match result {
                Ok(reply) => reply,
                Err(error) => {
                    let error = AwsError::new("ListDeploymentTargets", Some(deployment), &error);
                    let nobody = ["DeploymentNotStartedException", "DeploymentDoesNotExistException"];
                    return if nobody.iter().any(|code| error.is(code)) { Ok(instances) } else { Err(error) };
                }
            };
            instances.extend(reply.target_ids().iter().map(|id| InstanceId::from(instance_of(id))));
            token = reply.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if token.is_none() {
                return Ok(instances);
            }
        }
    }
}

/// What a deployment group deploys to.
#[derive(Debug, PartialEq)]
struct Targets {
    groups: BTreeSet<GroupName>,
    by_tags: bool,
}

impl Targets {
    fn of(group: &DeploymentGroupInfo) -> Self {
        let set = group.ec2_tag_set().is_some_and(|set| !set.ec2_tag_set_list().is_empty());
        Self {
            groups: group.auto_scaling_groups().iter().filter_map(|group| group.name()).map(Into::into).collect(),
            by_tags: set || !group.ec2_tag_filters().is_empty(),
        }
    }
}

/// A deployment to instances; none for those to Lambda functions and ECS services.
fn read(deployment: &DeploymentInfo) -> Option<ActiveDeployment> {
    if matches!(deployment.compute_platform(), Some(ComputePlatform::Lambda | ComputePlatform::Ecs)) {
        return None;
    }
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let replaced = deployment.target_instances().map(TargetInstances::auto_scaling_groups).unwrap_or_default();
    Some(ActiveDeployment {
        id: deployment.deployment_id()?.to_owned(),
        application: text(deployment.application_name()),
        deployment_group: text(deployment.deployment_group_name()),
        status: text(deployment.status().map(DeploymentStatus::as_str)),
        groups: replaced.iter().map(|group| GroupName::from(group.as_str())).collect(),
        instances: BTreeSet::new(),
    })
}

/// The instance that a target is: the id itself, or the end of an ARN.
fn instance_of(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use aws_sdk_codedeploy::types::{AutoScalingGroup, Ec2TagFilter};

    use super::*;

    fn info(platform: Option<ComputePlatform>) -> DeploymentInfo {
        DeploymentInfo::builder()
            .deployment_id("d-1")
            .application_name("shop")
            .deployment_group_name("web")
            .status(DeploymentStatus::InProgress)
            .set_compute_platform(platform)
            .target_instances(TargetInstances::builder().auto_scaling_groups("web-green").build())
            .build()
    }

    #[test]
    fn only_deployments_to_instances_are_told() {
        assert_eq!(read(&info(Some(ComputePlatform::Lambda))), None);
        assert_eq!(read(&info(Some(ComputePlatform::Ecs))), None);
        let deployment = read(&info(Some(ComputePlatform::Server))).unwrap();
        assert_eq!((deployment.id.as_str(), deployment.status.as_str()), ("d-1", "InProgress"));
        assert_eq!(read(&info(None)), Some(deployment));
    }

    #[test]
    fn the_groups_of_both_colours_are_touched() {
        let group =
            DeploymentGroupInfo::builder().auto_scaling_groups(AutoScalingGroup::builder().name("web-blue").build());
        let mut deployment = read(&info(None)).unwrap();
        deployment.groups.extend(Targets::of(&group.build()).groups);
        assert_eq!(deployment.groups, BTreeSet::from(["web-blue".into(), "web-green".into()]));
    }

    #[test]
    fn a_deployment_group_that_picks_by_tags_is_told_from_one_that_does_not() {
        assert!(!Targets::of(&DeploymentGroupInfo::builder().build()).by_tags);
        let filter = Ec2TagFilter::builder().key("role").value("web").build();
        assert!(Targets::of(&DeploymentGroupInfo::builder().ec2_tag_filters(filter).build()).by_tags);
    }

    #[test]
    fn a_target_is_an_instance_id_or_the_end_of_an_arn() {
        assert_eq!(instance_of("i-1"), "i-1");
        assert_eq!(instance_of("arn:aws:ec2:eu-west-1:123456789012:instance/i-1"), "i-1");
    }
}
