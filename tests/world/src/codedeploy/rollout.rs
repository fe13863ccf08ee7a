//! Which instances does a deployment turn to, how many at a time, and when is it over?

use serde_json::json;

use super::deployment::{Deployment, DeploymentStatus, HEALTH_CONSTRAINTS};
use super::target::{Progress, Target};
use crate::autoscaling::member::Lifecycle;
use crate::event::instance_arn;
use crate::spec::Bundle;
use crate::world::{ACCOUNT, REGION, World};

/// How many instances may be without the application at once, and how many have to get it, of so many `[doc]`
/// deployment-configurations: half of nine are four at a time and five to succeed.
fn limits(config: &str, count: usize) -> (usize, usize) {
    match config.rsplit('.').next() {
        Some("AllAtOnce") => (count, 1),
        Some("HalfAtATime") => ((count / 2).max(1), count.div_ceil(2)),
        // The last one may fail, unless it is the only one.
        _ => (1, count.saturating_sub(1).max(1)),
    }
}

impl World {
    /// A played deployment has its targets, and begins.
    pub(crate) fn begin_rollout(&mut self, number: u64) {
        let all = &self.state.code_deploy;
        let Some(deployment) = all.deployments.get(&number) else { return };
        let bundle = deployment.commit.as_deref().and_then(|id| all.commit(id)).map(|commit| &commit.spec.bundle);
        if bundle == Some(&Bundle::Missing) {
            let error = ("REVISION_MISSING", "The specified revision could not be found in Amazon S3.");
            return self.fail_deployment(number, error);
        }
        let targets = match &deployment.only {
            Some(only) => only.clone(),
            None => self.in_service_of(&deployment.application, &deployment.group),
        };
        if targets.is_empty() {
            let error = (
                "NO_INSTANCES",
                "The deployment failed because no instances were found for your deployment group. Check your deployment group settings to make sure the tags for your Amazon EC2 instances or Auto Scaling groups correctly identify the instances you want to deploy to, and then try again.",
            );
            return self.fail_deployment(number, error);
        }
        let now = self.now;
        let all = self.code_deploy_mut();
        for instance in &targets {
            all.at_work.entry(instance.clone()).or_default().push(number);
        }
        if let Some(deployment) = all.deployments.get_mut(&number) {
            deployment.targets = targets.into_iter().map(|instance| (instance, Target::new(now))).collect();
        }
        self.move_deployment(number, DeploymentStatus::InProgress);
        self.step_rollout(number);
    }

    pub(crate) fn fail_deployment(&mut self, number: u64, (code, message): (&str, &str)) {
        self.end_deployment(number, DeploymentStatus::Failed, Some((code.to_owned(), message.to_owned())));
    }

    /// The members in service: others are not deployed to `[doc]` integrations-aws-auto-scaling.
    pub(crate) fn in_service_of(&self, application: &str, group: &str) -> Vec<String> {
        let Some(group) = self.state.code_deploy.group(application, group) else { return Vec::new() };
        let members = group.auto_scaling.iter().filter_map(|name| self.state.groups.get(name));
        let members = members.flat_map(|group| group.members.values());
        members.filter(|member| member.lifecycle == Lifecycle::InService).map(|m| m.instance.clone()).collect()
    }

    pub(crate) fn target(&self, number: u64, instance: &str) -> Option<&Target> {
        self.running(number)?.targets.get(instance)
    }

    pub(crate) fn target_mut(&mut self, number: u64, instance: &str) -> Option<&mut Target> {
        self.running(number)?;
        self.code_deploy_mut().deployments.get_mut(&number)?.targets.get_mut(instance)
    }

    pub(crate) fn running(&self, number: u64) -> Option<&Deployment> {
        self.state.code_deploy.deployments.get(&number).filter(|deployment| !deployment.status.is_over())
    }

    /// Turns to as many instances as may be without the application now, or sees that it is over. "The overall deployment fails as
    /// soon as the revision fails to be deployed to any but the last instance" `[doc]`: a failed one counts as without.
    pub(crate) fn step_rollout(&mut self, number: u64) {
        loop {
            let Some(deployment) = self.running(number) else { return };
            let (at_once, needed) = limits(&deployment.config, deployment.targets.len());
            let (failed, works) = (deployment.count(Progress::Failed), deployment.count(Progress::InProgress));
            let next = deployment.targets.iter().find(|(_, target)| target.progress == Progress::Pending);
            match next.map(|(instance, _)| instance.clone()) {
                Some(instance) if failed + works < at_once => self.begin_target(number, &instance),
                _ if works > 0 => return,
                None if deployment.count(Progress::Succeeded) >= needed => {
                    return self.end_deployment(number, DeploymentStatus::Succeeded, None);
                }
                _ => return self.fail_deployment(number, HEALTH_CONSTRAINTS),
            }
        }
    }

    fn begin_target(&mut self, number: u64, instance: &str) {
        let now = self.now;
        let Some(target) = self.target_mut(number, instance) else { return };
        target.progress = Progress::InProgress;
        target.updated = now;
        self.announce_target(number, instance, "START");
        self.offer_event(number, instance);
    }

    /// A target is over. What it has become is the caller's to say.
    pub(crate) fn end_target(&mut self, number: u64, instance: &str, progress: Progress) {
        let now = self.now;
        let Some(target) = self.target_mut(number, instance) else { return };
        target.progress = progress;
        target.updated = now;
        target.turn += 1;
        target.skip_rest(now);
        self.code_deploy_mut().no_longer_at_work(instance, number);
        let state = if progress == Progress::Succeeded { "SUCCESS" } else { "FAILURE" };
        self.announce_target(number, instance, state);
        self.step_rollout(number);
    }

    fn announce_target(&mut self, number: u64, instance: &str, state: &str) {
        let all = &self.state.code_deploy;
        let Some(deployment) = all.deployments.get(&number) else { return };
        let Some(group) = all.group(&deployment.application, &deployment.group) else { return };
        let (application, name) = (&deployment.application, &deployment.group);
        // The instance first, and the group before the application: other than in the deployment's event `[doc]`.
        let resources = [
            instance_arn(instance),
            format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:{application}/{name}"),
            format!("arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:{application}"),
        ];
        let detail = json!({
            "instanceId": instance,
            "region": REGION,
            "state": state,
            "application": application,
            "deploymentId": deployment.id,
            "instanceGroupId": group.id,
            "deploymentGroup": name,
        });
        self.emit("aws.codedeploy", "CodeDeploy Instance State-change Notification", &resources, &detail, instance);
    }
}

#[cfg(test)]
mod tests {
    use super::limits;

    #[test]
    fn the_default_configurations_let_as_many_fail_as_the_guide_says() {
        assert_eq!(limits("CodeDeployDefault.HalfAtATime", 9), (4, 5));
        assert_eq!(limits("CodeDeployDefault.HalfAtATime", 1), (1, 1));
        assert_eq!(limits("CodeDeployDefault.AllAtOnce", 9), (9, 1));
        assert_eq!(limits("CodeDeployDefault.OneAtATime", 1), (1, 1));
        assert_eq!(limits("CodeDeployDefault.OneAtATime", 3), (1, 2));
    }
}
