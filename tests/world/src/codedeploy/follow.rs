//! What follows a deployment's end? A rollback, a deployment to the outdated, the answer of a launch hook, the pipeline's notice.

use super::deployment::{Deployment, DeploymentStatus, LAUNCH, Plan};
use crate::autoscaling::member::Transition;
use crate::journal::AnsweredBy;
use crate::queue::Due;
use crate::world::World;

/// The creator of a rollback.
const ROLLBACK: &str = "codeDeployRollback";

impl World {
    /// Called once for each deployment, when it is over.
    pub(crate) fn follow_deployment(&mut self, number: u64) {
        let Some(deployment) = self.state.code_deploy.deployments.get(&number).cloned() else { return };
        if let Some(action) = deployment.action.clone() {
            let (deployment, status) = (deployment.id.clone(), deployment.status);
            self.aside(self.timing.pipeline_notice, Due::DeployActionEnds { action, deployment, status });
        }
        if deployment.commit.is_none() {
            return;
        }
        let well = deployment.status == DeploymentStatus::Succeeded;
        if deployment.is_of_a_launch() {
            for instance in deployment.only.iter().flatten() {
                self.answer_launch_hook(instance, well);
            }
            return;
        }
        if well {
            let (application, group) = (&deployment.application, &deployment.group);
            if let Some(group) = self.code_deploy_mut().group_mut(application, group) {
                group.good.clone_from(&deployment.commit);
            }
            self.update_outdated(&deployment);
        } else if deployment.status == DeploymentStatus::Failed {
            self.roll_back(number);
        }
    }

    /// An automatic rollback is a deployment of its own, of the last revision that went well, and it holds the group `[doc]`
    /// deployments-rollback-and-redeploy.
    pub(crate) fn roll_back(&mut self, number: u64) {
        let all = &self.state.code_deploy;
        let Some(deployment) = all.deployments.get(&number) else { return };
        let Some(group) = all.group(&deployment.application, &deployment.group) else { return };
        // One that rolls back is not rolled back itself, nor is one that never began on any instance `[infer]`.
        if !group.rollback || deployment.creator == ROLLBACK || deployment.targets.is_empty() {
            return;
        }
        let (failed, application, name) =
            (deployment.id.clone(), deployment.application.clone(), deployment.group.clone());
        let (by, message) = match group.good.clone() {
            Some(good) => {
                let plan =
                    Plan { creator: Some(ROLLBACK), commit: Some(good), rolls_back: Some(failed), ..Plan::default() };
                let made = self.create_deployment(&application, &name, plan);
                let id = made.ok().and_then(|made| self.state.code_deploy.deployments.get(&made)).map(|d| d.id.clone());
                (id, None)
            }
            // `[infer]` the words are AWS's only in sense.
            None => (
                None,
                Some("Deployment could not be rolled back: there is no previous successful revision.".to_owned()),
            ),
        };
        if let Some(deployment) = self.code_deploy_mut().deployments.get_mut(&number) {
            deployment.rolled_back_by = by;
            deployment.rollback_message = message;
        }
    }

    /// `outdatedInstancesStrategy` UPDATE: who was launched meanwhile has the revision before, and gets this one `[doc]`.
    fn update_outdated(&mut self, done: &Deployment) {
        let all = &self.state.code_deploy;
        if !all.group(&done.application, &done.group).is_some_and(|group| group.update_outdated) {
            return;
        }
        let mut only = self.in_service_of(&done.application, &done.group);
        only.retain(|id| {
            let new = |found: &crate::Instance| found.launched >= done.created && found.deployed != done.commit;
            self.state.instances.get(id).is_some_and(new) && !done.targets.contains_key(id)
        });
        if only.is_empty() {
            return;
        }
        let plan = Plan {
            creator: Some("CodeDeployAutoUpdate"),
            commit: done.commit.clone(),
            only: Some(only),
            ..Plan::default()
        };
        // Another one may hold the group by now: its end looks again.
        let _held = self.create_deployment(&done.application, &done.group, plan);
    }

    /// The launch hook of a played group asks for a deployment of the last good revision; while there is none yet, the launch goes on
    /// `[infer]` deployments.md §6 "commonly said to CONTINUE".
    pub(crate) fn deploy_at_launch(&mut self, group: &str, instance: &str) {
        let Some((application, name)) = self.state.code_deploy.played.get(group).cloned() else { return };
        let good = self.state.code_deploy.group(&application, &name).and_then(|group| group.good.clone());
        let Some(good) = good else {
            return self
                .aside(self.timing.deploy_report, Due::LaunchDeployed { instance: instance.to_owned(), well: true });
        };
        let plan = Plan {
            creator: Some(LAUNCH),
            commit: Some(good),
            only: Some(vec![instance.to_owned()]),
            ..Plan::default()
        };
        // The group is there: it was looked up.
        let _made = self.create_deployment(&application, &name, plan);
    }

    fn answer_launch_hook(&mut self, instance: &str, well: bool) {
        self.aside(self.timing.deploy_report, Due::LaunchDeployed { instance: instance.to_owned(), well });
    }

    pub(crate) fn on_launch_deployed(&mut self, instance: &str, well: bool) {
        let Some(group) = self.state.group_of(instance).map(str::to_owned) else { return };
        if let Some(token) = self.code_deploy_token(&group, instance) {
            self.answer(&group, instance, &token, well, AnsweredBy::CodeDeploy);
        }
    }

    /// Whether deployments to this Auto Scaling group are played.
    pub(crate) fn is_played(&self, group: &str) -> bool {
        self.state.code_deploy.played.contains_key(group)
    }

    /// Whether this group's launches are deployed to by a hook of `CodeDeploy`'s.
    pub(crate) fn launches_are_deployed(&self, group: &str) -> bool {
        let hooked = |group: &crate::Group| group.hooks_for(Transition::Launching).any(|hook| hook.code_deploy);
        self.is_played(group) && self.state.groups.get(group).is_some_and(hooked)
    }
}
