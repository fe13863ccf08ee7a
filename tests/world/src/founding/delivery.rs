//! How has code come to a fleet before the world began? A pipeline that ran well, a deployment that went well.

use jiff::SignedDuration;

use crate::codedeploy::agent::AgentGeneration;
use crate::codedeploy::deployment::{Deployment, DeploymentStatus};
use crate::codedeploy::target::Target;
use crate::codepipeline::stage::{ActionRun, StageRun};
use crate::codepipeline::{Execution, ExecutionStatus};
use crate::spec::{CommitSpec, DeliverySpec, FleetSpec, PipelineSpec};
use crate::world::World;

/// The names that an empty name stands for.
struct Names<'a> {
    pipeline: &'a str,
    application: &'a str,
    group: &'a str,
}

fn names<'a>(spec: &'a FleetSpec, delivery: &'a DeliverySpec) -> Names<'a> {
    let or = |name: &'a str, other: &'a str| if name.is_empty() { other } else { name };
    let first = spec.groups.first().map_or("", |group| group.name.as_str());
    Names {
        pipeline: or(&delivery.pipeline, &spec.name),
        application: or(&delivery.application, &spec.name),
        group: or(&delivery.deployment_group, first),
    }
}

impl World {
    /// The deployment group and the pipeline.
    pub(super) fn found_delivery(&mut self, spec: &FleetSpec, delivery: &DeliverySpec) {
        let Names { pipeline, application, group } = names(spec, delivery);
        let scaling = spec.groups.iter().filter(|group| group.code_deploy).map(|group| group.name.clone());
        let scaling: Vec<String> = scaling.collect();
        self.put_deployment_group(application, group, &scaling);
        self.play_deployments(application, group, delivery);
        for name in scaling {
            self.generations.insert(name, delivery.agent);
        }
        let plain = PipelineSpec::plain(pipeline, &delivery.repository, &delivery.branch, application, group);
        self.define_pipeline(&plain);
    }

    /// What has been deployed to the members that are there, and how it came.
    pub(super) fn found_deployed(&mut self, spec: &FleetSpec, delivery: &DeliverySpec) {
        let Names { pipeline, application, group } = names(spec, delivery);
        let scaling = self.state.code_deploy.group(application, group).map(|group| group.auto_scaling.clone());
        let members: Vec<String> = scaling
            .into_iter()
            .flatten()
            .filter_map(|name| self.state.groups.get(&name))
            .flat_map(|group| group.members.keys().cloned())
            .collect();
        let Some(deployed) = &delivery.deployed else {
            for id in &members {
                if let Some(instance) = self.state.instances.get_mut(id) {
                    instance.app_ready = false;
                    instance.prepared = false;
                }
            }
            return;
        };
        let Ok(commit) = self.move_head(pipeline, deployed) else { return };
        for id in &members {
            if let Some(instance) = self.state.instances.get_mut(id) {
                instance.serves = Some(commit.clone());
                instance.deployed = Some(commit.clone());
            }
        }
        let deployment = self.found_deployment((application, group), &commit, &members);
        self.found_execution(pipeline, &commit, &deployment, deployed);
    }

    fn found_deployment(&mut self, (application, group): (&str, &str), commit: &str, members: &[String]) -> String {
        let (id, now) = (self.ids.deployment(), self.now);
        let ended = now.checked_sub(SignedDuration::from_mins(30)).unwrap_or(now);
        let started = ended.checked_sub(SignedDuration::from_mins(2)).unwrap_or(ended);
        let all = self.code_deploy_mut();
        let config = all.group(application, group).map(|group| group.config.clone()).unwrap_or_default();
        let number = all.add(Deployment {
            id: id.clone(),
            application: application.to_owned(),
            group: group.to_owned(),
            creator: "user",
            status: DeploymentStatus::Succeeded,
            created: started,
            started: Some(started),
            completed: Some(ended),
            error: None,
            commit: Some(commit.to_owned()),
            config,
            targets: members.iter().map(|id| (id.clone(), Target::through(started, ended))).collect(),
            rolled_back_by: None,
            rolls_back: None,
            rollback_message: None,
            only: None,
            action: None,
        });
        all.put_aside(number);
        if let Some(group) = all.group_mut(application, group) {
            group.good = Some(commit.to_owned());
        }
        id
    }

    fn found_execution(&mut self, name: &str, commit: &str, deployment: &str, spec: &CommitSpec) {
        let (id, now) = (self.ids.uuid(), self.now);
        let ended = now.checked_sub(SignedDuration::from_mins(30)).unwrap_or(now);
        let began = ended.checked_sub(SignedDuration::from_mins(3)).unwrap_or(ended);
        let Some(plan) = self.state.pipelines.get(name).and_then(|pipeline| pipeline.plan.clone()) else { return };
        let mut execution = Execution::new(id, began, 1, "WebhookV2");
        execution.status = ExecutionStatus::Succeeded;
        execution.updated = ended;
        execution.commit = Some(commit.to_owned());
        for stage in &plan.stages {
            let status = ExecutionStatus::Succeeded;
            execution.stages.push(StageRun {
                name: stage.name.clone(),
                status,
                started: began,
                retries: 0,
                retried: None,
            });
            for action in &stage.actions {
                let deploys = action.does.kind().0 == "Deploy";
                execution.actions.push(ActionRun {
                    id: self.ids.uuid(),
                    stage: stage.name.clone(),
                    name: action.name.clone(),
                    status,
                    started: began,
                    updated: ended,
                    external: deploys.then(|| deployment.to_owned()),
                    summary: Some(if deploys {
                        format!("Deployment {deployment} succeeded")
                    } else {
                        spec.message.clone()
                    }),
                    error: None,
                });
            }
        }
        execution.plan = Some(plan);
        if let Some(pipeline) = self.pipelines_mut().get_mut(name) {
            pipeline.keep(execution);
        }
    }

    /// Which generation of the agent a group's instances get.
    pub(crate) fn generation_of(&self, group: &str) -> AgentGeneration {
        self.generations.get(group).copied().unwrap_or_default()
    }
}
