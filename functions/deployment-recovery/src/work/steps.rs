//! What is done to servers and stages, and what is written down of deployments.

use std::time::Duration;

use panda_aws::{AwsError, Trouble, groups, pipelines::stages::Retry};
use panda_domain::ids::{ExecutionId, GroupName, InstanceId, PipelineName, StageName};
use panda_domain::recovery::{DeploymentStatus, Look, Reason, Subject};
use tokio::time::sleep;
use tracing::info;

use super::{DELIVERY, RESERVE, TRIES, Then, Work};
use crate::{cases::Cases, observe};

impl<C: Cases> Work<'_, C> {
    /// Notes which failed deployments are those of this execution. A pipeline shows only its newest attempt, so that whoever hears of an earlier
    /// one late could not tell.
    pub(super) async fn note_deployments(&mut self, look: &Look) {
        if !matches!(self.subject, Subject::Execution { .. }) {
            return;
        }
        for (id, _) in look.current() {
            let failed = look
                .info(id)
                .is_some_and(|info| matches!(info.status, DeploymentStatus::Failed | DeploymentStatus::Stopped));
            if !failed || self.memory.noted.contains(id) {
                continue;
            }
            match self.app.cases.finish(&Subject::Deployment(id.clone()).key(), self.app.now()).await {
                Ok(()) => {
                    self.memory.noted.insert(id.clone());
                }
                Err(error) => self.note(format!("could not note whose deployment {id} is: {error}")),
            }
        }
    }

    pub(super) async fn restart(&mut self, instances: &[InstanceId]) {
        let wanted = instances.iter().cloned().collect();
        let document = &self.app.config.restart_document;
        let comment = observe::comment(self.subject);
        let sent = self.app.eyes.commands.send_to_all(document, &wanted, &comment, DELIVERY).await;
        let now = self.app.now();
        for instance in instances {
            if sent.to.contains(instance) {
                self.memory.note_sent(instance.clone(), now);
                self.outcome.restarted.push(instance.to_string());
            } else if sent.unmanaged.contains(instance) {
                self.memory.note_unsent(instance.clone(), now, "Systems Manager does not manage it now");
            } else {
                self.memory.note_unsent(instance.clone(), now, "the command was not taken");
            }
        }
        for error in sent.failures {
            self.note(error.to_string());
        }
        info!(case = %self.subject, instances = ?sent.to.iter().map(InstanceId::as_str).collect::<Vec<_>>(), "Sent the restart");
    }

    pub(super) async fn replace(&mut self, instance: &InstanceId, group: &GroupName) {
        match groups::set_instance_unhealthy(&self.app.eyes.aws, group, instance).await {
            Ok(_) => {
                self.memory.given_up.insert(instance.clone());
                self.outcome.replaced.push(instance.to_string());
                info!(case = %self.subject, %instance, %group, "Had it replaced");
            }
            Err(error) => self.not_taken("the verdict on an instance", &error),
        }
    }

    pub(super) async fn retry(&mut self, pipeline: &PipelineName, stage: &StageName, execution: &ExecutionId) -> Then {
        match self.app.eyes.pipelines.retry(pipeline.as_str(), stage.as_str(), execution.as_str()).await {
            Ok(Retry::Begun) => {
                self.outcome.retried = Some(stage.to_string());
                info!(case = %self.subject, stage = %stage, "Tried the stage again");
                return Then::End;
            }
            Ok(Retry::Busy { message }) => {
                self.tries += 1;
                if self.tries >= TRIES || self.left() < RESERVE + self.look_every() {
                    self.refused
                        .push(Reason::Unreadable { what: "whether the stage can be tried again", error: message });
                } else {
                    sleep(self.look_every()).await;
                }
            }
            Ok(Retry::Superseded { message } | Retry::NotRetryable { message }) => {
                // The next look sees why, or people are told what CodePipeline says.
                self.tries += 1;
                if self.tries > 1 {
                    self.refused
                        .push(Reason::Unreadable { what: "whether the stage can be tried again", error: message });
                } else {
                    sleep(Duration::from_secs(5)).await;
                }
            }
            Err(error) => {
                if matches!(error.trouble, Trouble::Throttled | Trouble::Unreachable)
                    && self.left() > RESERVE + self.look_every()
                {
                    sleep(self.look_every()).await;
                }
                self.not_taken("the retry", &error);
            }
        }
        Then::Look
    }

    /// Notes that AWS did not take a step; one that may be taken later is tried again, and seen first if it was taken after all.
    fn not_taken(&mut self, what: &'static str, error: &AwsError) {
        self.note(error.to_string());
        self.tries += 1;
        let for_good = matches!(error.trouble, Trouble::Unauthorized | Trouble::Other);
        if for_good || self.tries >= TRIES {
            self.refused.push(Reason::Unreadable { what, error: error.to_string() });
        }
    }
}
