//! What do the events of a pipeline say? The emitted shape, which EventBridge delivers: every number is a float, the version of an action's
//! type is a text (deployments.md §1, from captured events).

use serde_json::{Map, Value, json};

use super::{Execution, ExecutionStatus};
use crate::event::millis;
use crate::world::{ACCOUNT, REGION, World};

impl World {
    fn tell(&mut self, kind: &str, pipeline: &str, mut detail: Value) {
        for member in &self.left_out {
            leave_out(&mut detail, member);
        }
        let arn = format!("arn:aws:codepipeline:{REGION}:{ACCOUNT}:{pipeline}");
        let kind = format!("CodePipeline {kind} Execution State Change");
        self.emit("aws.codepipeline", &kind, &[arn], &detail, pipeline);
    }

    pub(super) fn announce_execution(&mut self, pipeline: &str, id: &str, state: &str) {
        let Some(execution) = self.execution_of(pipeline, id) else { return };
        let mut detail = common(pipeline, execution, state);
        if let Some(trigger) = self.trigger_of(execution, state) {
            detail.insert("execution-trigger".to_owned(), trigger);
        }
        detail.insert("start-time".to_owned(), millis(execution.started).into());
        self.tell("Pipeline", pipeline, Value::Object(detail));
    }

    /// What set it off, at the start; whose commit it is, at the end, "unless it fails at the source stage" `[doc]`.
    fn trigger_of(&self, execution: &Execution, state: &str) -> Option<Value> {
        let commit = self.commit(execution.commit.as_deref()?)?;
        if state == "STARTED" {
            let detail = format!("arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/{CONNECTION}");
            return Some(json!({"trigger-type": execution.trigger, "trigger-detail": detail}));
        }
        let beyond_source = execution.stages.len() > 1;
        let over = matches!(state, "SUCCEEDED" | "FAILED" | "STOPPED" | "CANCELED" | "SUPERSEDED");
        (over && beyond_source).then(|| {
            json!({
                "author-display-name": commit.spec.author,
                "full-repository-name": commit.repository,
                "provider-type": "GitHub",
                "author-email": commit.spec.email,
                "branch-name": commit.branch,
                "commit-message": commit.spec.message,
                "author-date": crate::event::seconds(commit.pushed),
                "commit-id": commit.id,
                "connection-arn": format!("arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/{CONNECTION}"),
                "author-id": commit.spec.login,
            })
        })
    }

    pub(super) fn announce_stage(&mut self, pipeline: &str, id: &str, name: &str, state: &str) {
        let Some(execution) = self.execution_of(pipeline, id) else { return };
        let Some(run) = execution.stage(name) else { return };
        let mut detail = common(pipeline, execution, state);
        detail.insert("start-time".to_owned(), millis(run.started).into());
        detail.insert("stage".to_owned(), name.into());
        if let Some(retried) = run.retried {
            detail.insert("stage-last-retry-attempt-time".to_owned(), millis(retried).into());
        }
        self.tell("Stage", pipeline, Value::Object(detail));
    }

    pub(super) fn announce_action(&mut self, pipeline: &str, id: &str, action: &str) {
        let Some(execution) = self.execution_of(pipeline, id) else { return };
        let Some(run) = execution.actions.iter().rev().find(|run| run.id == action) else { return };
        let Some(spec) = execution.action_spec(run) else { return };
        let (category, owner, provider) = spec.does.kind();
        let mut detail = common(pipeline, execution, run.status.event());
        let mut put = |name: &str, value: Value| detail.insert(name.to_owned(), value);
        put("start-time", millis(run.started).into());
        put("stage", run.stage.as_str().into());
        put("action", run.name.as_str().into());
        put("action-execution-id", run.id.as_str().into());
        put("region", REGION.into());
        put("type", json!({"owner": owner, "provider": provider, "category": category, "version": "1"}));
        // Every member of it may be missing `[cap]`.
        let mut result = Map::new();
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                result.insert(name.to_owned(), value.into());
            }
        };
        if run.status != ExecutionStatus::InProgress {
            add("external-execution-url", run.url(&spec.does));
            add("external-execution-summary", run.summary.clone().or_else(|| run.error.as_ref().map(|e| e.1.clone())));
            add("external-execution-id", run.external.clone());
            add("error-code", run.error.as_ref().map(|error| error.0.to_owned()));
        }
        if !result.is_empty() {
            put("execution-result", Value::Object(result));
        }
        self.tell("Action", pipeline, Value::Object(detail));
    }
}

/// Id of the connection to GitHub.
const CONNECTION: &str = "0f5b706a-1a1d-46c5-86b6-f177321bcfb2";

fn common(pipeline: &str, execution: &Execution, state: &str) -> Map<String, Value> {
    let members = [
        ("pipeline", pipeline.into()),
        ("execution-id", execution.id.as_str().into()),
        ("state", state.into()),
        ("version", f64::from(execution.version).into()),
        ("pipeline-execution-attempt", f64::from(execution.attempt).into()),
    ];
    members.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
}

fn leave_out(value: &mut Value, member: &str) {
    if let Value::Object(members) = value {
        members.remove(member);
        for value in members.values_mut() {
            leave_out(value, member);
        }
    }
}
