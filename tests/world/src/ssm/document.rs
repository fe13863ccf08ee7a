//! What does a command document do to an instance?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ec2::instance::CodeDeployAgent;
use crate::world::World;

/// What a document does where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentEffect {
    /// Nothing that the world knows of; it succeeds.
    #[default]
    Nothing,
    /// Stops the `CodeDeploy` agent until somebody starts it, or the machine boots.
    StopCodeDeployAgent,
    /// Restarts the `CodeDeploy` agent, hung or stopped.
    RestartCodeDeployAgent,
    /// Fails with exit status 1.
    Fail,
}

/// A command document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// What it does.
    pub effect: DocumentEffect,
}

impl Document {
    /// Documents of AWS's own that every account has. What they do here is nothing: their scripts are the caller's.
    pub(crate) fn built_in() -> BTreeMap<String, Self> {
        let names = ["AWS-RunShellScript", "AWS-ConfigureAWSPackage", "AWS-UpdateSSMAgent"];
        names
            .map(|name| (name.to_owned(), Self { name: name.to_owned(), effect: DocumentEffect::Nothing }))
            .into_iter()
            .collect()
    }
}

/// Exit status, standard output, standard error.
pub(crate) type Outcome = (i64, &'static str, &'static str);

impl World {
    /// `CreateDocument`, or another content of the same name.
    pub(crate) fn put_document(&mut self, name: &str, effect: DocumentEffect) {
        let document = Document { name: name.to_owned(), effect };
        self.ssm_mut().documents.insert(name.to_owned(), document);
    }

    pub(crate) fn run_document(&mut self, effect: DocumentEffect, instance: &str) -> Outcome {
        match effect {
            DocumentEffect::Nothing => (0, "", ""),
            DocumentEffect::StopCodeDeployAgent => {
                self.set_code_deploy_agent(instance, CodeDeployAgent::Stopped);
                (0, "codedeploy-agent stopped\n", "")
            }
            DocumentEffect::RestartCodeDeployAgent => {
                self.set_code_deploy_agent(instance, CodeDeployAgent::Running);
                (0, "codedeploy-agent running\n", "")
            }
            DocumentEffect::Fail => (1, "", "failed to run commands: exit status 1\n"),
        }
    }

    pub(crate) fn set_code_deploy_agent(&mut self, instance: &str, agent: CodeDeployAgent) {
        if let Some(instance) = self.state.instances.get_mut(instance) {
            instance.code_deploy_agent = agent;
            self.touch();
        }
    }
}
