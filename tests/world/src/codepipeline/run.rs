//! How does an execution go through its stages? `[doc]` concepts-how-it-works: a stage holds one execution at a time, and of those that
//! wait before it the newest supersedes the others.

use std::sync::Arc;
use std::time::Duration;

use super::stage::{ActionRun, StageRun};
use super::{Execution, ExecutionStatus, no_pipeline};
use crate::codedeploy::deployment::{ActionOf, Plan};
use crate::queue::Due;
use crate::spec::{ActionKind, CommitSpec, PipelineSpec};
use crate::wire::ApiError;
use crate::world::{World, later};

impl World {
    /// `CreatePipeline` or `UpdatePipeline`.
    pub(crate) fn define_pipeline(&mut self, spec: &PipelineSpec) {
        self.put_pipeline(&spec.name);
        let now = self.now;
        if let Some(pipeline) = self.pipelines_mut().get_mut(&spec.name) {
            if pipeline.plan.is_some() {
                pipeline.version += 1;
            }
            pipeline.plan = Some(Arc::new(spec.clone()));
            pipeline.changed = now;
        }
    }

    /// `UpdatePipeline` with another wording of the same. False if there is none.
    pub(crate) fn edit_pipeline(&mut self, name: &str) -> bool {
        let now = self.now;
        let Some(pipeline) = self.pipelines_mut().get_mut(name) else { return false };
        pipeline.version += 1;
        pipeline.changed = now;
        true
    }

    /// A push: the branch has a new head, and the pipeline runs with it.
    pub(crate) fn push(&mut self, name: &str, commit: &CommitSpec) -> Result<String, ApiError> {
        self.move_head(name, commit)?;
        self.run_head(name, "WebhookV2")
    }

    /// A commit is the head of a pipeline's branch.
    pub(crate) fn move_head(&mut self, name: &str, commit: &CommitSpec) -> Result<String, ApiError> {
        let plan = self.state.pipelines.get(name).and_then(|pipeline| pipeline.plan.clone());
        let plan = plan.ok_or_else(|| no_pipeline(name))?;
        let id = self.make_commit(&plan.repository, &plan.branch, commit);
        if let Some(pipeline) = self.pipelines_mut().get_mut(name) {
            pipeline.head = Some(id.clone());
        }
        Ok(id)
    }

    /// An execution with the head of the branch begins.
    pub(crate) fn run_head(&mut self, name: &str, trigger: &'static str) -> Result<String, ApiError> {
        let head = self.state.pipelines.get(name).ok_or_else(|| no_pipeline(name))?.head.clone();
        let head = match head {
            Some(head) => head,
            None => self.move_head(name, &CommitSpec::default())?,
        };
        let (id, now) = (self.ids.uuid(), self.now);
        if let Some(pipeline) = self.pipelines_mut().get_mut(name) {
            let mut execution = Execution::new(id.clone(), now, pipeline.version, trigger);
            execution.commit = Some(head);
            execution.plan.clone_from(&pipeline.plan);
            pipeline.keep(execution);
        }
        self.announce_execution(name, &id, ExecutionStatus::InProgress.event());
        self.approach(name, &id, 0);
        Ok(id)
    }

    pub(crate) fn execution_of(&self, pipeline: &str, id: &str) -> Option<&Execution> {
        self.state.pipelines.get(pipeline)?.execution(id)
    }

    fn execution_of_mut(&mut self, pipeline: &str, id: &str) -> Option<&mut Execution> {
        self.pipelines_mut().get_mut(pipeline)?.execution_mut(id)
    }

    /// An execution comes to a stage: it enters, or waits and supersedes who has waited there before.
    fn approach(&mut self, pipeline: &str, id: &str, index: usize) {
        let Some(plan) = self.execution_of(pipeline, id).and_then(|execution| execution.plan.clone()) else { return };
        let Some(stage) = plan.stages.get(index) else {
            return self.end_execution(pipeline, id, ExecutionStatus::Succeeded);
        };
        let Some(known) = self.state.pipelines.get(pipeline) else { return };
        let inside = |execution: &&Execution| {
            execution.stage(&stage.name).is_some_and(|run| run.status == ExecutionStatus::InProgress)
        };
        let occupied = known.executions.iter().any(|execution| inside(&execution));
        let waiting = known.executions.iter().filter(|e| e.waits_for == Some(index) && e.id != id);
        let superseded: Vec<String> = waiting.map(|execution| execution.id.clone()).collect();
        if let Some(execution) = self.execution_of_mut(pipeline, id) {
            execution.waits_for = occupied.then_some(index);
        }
        for older in superseded {
            self.end_execution(pipeline, &older, ExecutionStatus::Superseded);
        }
        if !occupied {
            self.enter_stage(pipeline, id, &plan, index);
        }
    }

    fn enter_stage(&mut self, pipeline: &str, id: &str, plan: &PipelineSpec, index: usize) {
        let Some(stage) = plan.stages.get(index) else { return };
        let now = self.now;
        if let Some(execution) = self.execution_of_mut(pipeline, id) {
            execution.updated = now;
            execution.stages.push(StageRun {
                name: stage.name.clone(),
                status: ExecutionStatus::InProgress,
                started: now,
                retries: 0,
                retried: None,
            });
        }
        self.announce_stage(pipeline, id, &stage.name, "STARTED");
        for action in &stage.actions {
            self.begin_action(pipeline, id, &stage.name, &action.name);
        }
        self.look_at_stage(pipeline, id, &stage.name);
    }

    /// Begins an action, for the first time or again.
    pub(crate) fn begin_action(&mut self, pipeline: &str, id: &str, stage: &str, name: &str) {
        let (run, now) = (self.ids.uuid(), self.now);
        let Some(execution) = self.execution_of_mut(pipeline, id) else { return };
        let begun = ActionRun {
            id: run.clone(),
            stage: stage.to_owned(),
            name: name.to_owned(),
            status: ExecutionStatus::InProgress,
            started: now,
            updated: now,
            external: None,
            summary: None,
            error: None,
        };
        let does = execution.action_spec(&begun).map(|action| action.does.clone());
        let commit = execution.commit.clone();
        execution.actions.push(begun);
        self.announce_action(pipeline, id, &run);
        let action = ActionOf { pipeline: pipeline.to_owned(), execution: id.to_owned(), action: run };
        match does {
            Some(ActionKind::Source) => {
                self.aside(self.timing.source_action, Due::ActionEnds { action, well: true });
            }
            Some(ActionKind::Build { seconds, fails }) => {
                let external = format!("{name}:{}", self.ids.uuid());
                self.with_action(&action, |run| run.external = Some(external));
                let at = later(now, Duration::from_secs(u64::from(seconds)));
                self.queue.push(at, Due::ActionEnds { action, well: !fails });
            }
            Some(ActionKind::Deploy { application, deployment_group }) => {
                self.begin_deploy_action(&action, &application, &deployment_group, commit);
            }
            None => {}
        }
    }

    fn begin_deploy_action(&mut self, action: &ActionOf, application: &str, group: &str, commit: Option<String>) {
        let played = self.state.code_deploy.group(application, group).is_some_and(|group| group.played);
        let plan = Plan { commit: commit.filter(|_| played), action: Some(action.clone()), ..Plan::default() };
        match self.create_deployment(application, group, plan) {
            Ok(number) => {
                let id = self.state.code_deploy.deployments.get(&number).map(|deployment| deployment.id.clone());
                self.with_action(action, |run| run.external = id);
                if !played {
                    let lasts = self.timing.deploy.draw(&mut self.side_rng);
                    self.end_deployment_after(number, lasts);
                }
            }
            // There is no deployment then, and nothing to name `[infer]`: the code is that of any failed job.
            Err(error) => {
                self.with_action(action, |run| run.error = Some(("JobFailed", error.message)));
                self.aside(self.timing.pipeline_notice, Due::ActionEnds { action: action.clone(), well: false });
            }
        }
    }

    fn with_action(&mut self, action: &ActionOf, change: impl FnOnce(&mut ActionRun)) {
        let Some(execution) = self.execution_of_mut(&action.pipeline, &action.execution) else { return };
        if let Some(run) = execution.actions.iter_mut().rev().find(|run| run.id == action.action) {
            change(run);
        }
    }

    /// The pipeline sees that its deployment is over.
    pub(crate) fn on_deploy_action_ends(
        &mut self,
        action: &ActionOf,
        deployment: &str,
        status: crate::DeploymentStatus,
    ) {
        let well = status == crate::DeploymentStatus::Succeeded;
        let words = match status {
            crate::DeploymentStatus::Succeeded => "succeeded",
            crate::DeploymentStatus::Stopped => "stopped",
            _ => "failed",
        };
        let summary = format!("Deployment {deployment} {words}");
        self.with_action(action, |run| {
            run.error = (!well).then(|| ("JobFailed", summary.clone()));
            run.summary = Some(summary);
        });
        self.on_action_ends(action, well);
    }

    pub(crate) fn on_action_ends(&mut self, action: &ActionOf, well: bool) {
        let now = self.now;
        let mut stage = None;
        self.with_action(action, |run| {
            if run.status == ExecutionStatus::InProgress {
                run.status = if well { ExecutionStatus::Succeeded } else { ExecutionStatus::Failed };
                run.updated = now;
                if !well && run.error.is_none() {
                    run.error = Some(("JobFailed", "Build terminated with state: FAILED".to_owned()));
                }
                stage = Some(run.stage.clone());
            }
        });
        let Some(stage) = stage else { return };
        self.announce_action(&action.pipeline, &action.execution, &action.action);
        self.look_at_stage(&action.pipeline, &action.execution, &stage);
    }

    /// A stage is over when all its actions are.
    fn look_at_stage(&mut self, pipeline: &str, id: &str, name: &str) {
        let Some(execution) = self.execution_of(pipeline, id) else { return };
        let Some(stage) = execution.stage_spec(name) else { return };
        if execution.latest_of(stage).any(|run| !run.status.is_over()) {
            return;
        }
        let failed = execution.latest_of(stage).any(|run| run.status == ExecutionStatus::Failed);
        let index = execution.plan.as_deref().and_then(|plan| plan.stages.iter().position(|other| other.name == name));
        let status = if failed { ExecutionStatus::Failed } else { ExecutionStatus::Succeeded };
        let now = self.now;
        let Some(execution) = self.execution_of_mut(pipeline, id) else { return };
        execution.updated = now;
        if let Some(run) = execution.stages.iter_mut().find(|run| run.name == name) {
            run.status = status;
        }
        self.announce_stage(pipeline, id, name, status.event());
        let index = index.unwrap_or(0);
        if failed {
            self.end_execution(pipeline, id, ExecutionStatus::Failed);
        } else {
            self.approach(pipeline, id, index + 1);
        }
        self.let_in(pipeline, index);
    }

    /// A stage is free: who waits before it enters.
    fn let_in(&mut self, pipeline: &str, index: usize) {
        let Some(known) = self.state.pipelines.get(pipeline) else { return };
        let next = known.executions.iter().rev().find(|execution| execution.waits_for == Some(index));
        if let Some(id) = next.map(|execution| execution.id.clone()) {
            self.approach(pipeline, &id, index);
        }
    }

    fn end_execution(&mut self, pipeline: &str, id: &str, status: ExecutionStatus) {
        let now = self.now;
        if let Some(execution) = self.execution_of_mut(pipeline, id) {
            execution.status = status;
            execution.updated = now;
            execution.waits_for = None;
        }
        self.announce_execution(pipeline, id, status.event());
    }
}
