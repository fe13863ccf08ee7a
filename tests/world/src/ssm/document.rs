//! What does a command document do to an instance?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::timing::Span;
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
    /// Restarts the `CodeDeploy` agent, hung or stopped, and says in one line of JSON what came of it.
    #[serde(alias = "restart-agent")]
    RestartCodeDeployAgent,
    /// Fails with exit status 1.
    Fail,
    /// Does not end.
    Hang,
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

/// What comes of a document.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// Exit status.
    pub(crate) exit: i64,
    /// Standard output.
    pub(crate) output: String,
    /// Standard error.
    pub(crate) error: String,
    /// How long it goes on after its effect.
    pub(crate) holds: Span,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { exit: 0, output: String::new(), error: String::new(), holds: Span::secs(0, 0) }
    }
}

impl World {
    /// `CreateDocument`, or another content of the same name.
    pub(crate) fn put_document(&mut self, name: &str, effect: DocumentEffect) {
        let document = Document { name: name.to_owned(), effect };
        self.ssm_mut().documents.insert(name.to_owned(), document);
    }

    /// Runs a document on an instance; none for one that does not end.
    pub(crate) fn run_document(&mut self, effect: DocumentEffect, instance: &str) -> Option<Outcome> {
        match effect {
            DocumentEffect::Nothing => Some(Outcome::default()),
            DocumentEffect::StopCodeDeployAgent => Some(self.stop_agent(instance)),
            DocumentEffect::RestartCodeDeployAgent => Some(self.restart_agent(instance)),
            DocumentEffect::Fail => {
                let error = "failed to run commands: exit status 1\n".to_owned();
                Some(Outcome { exit: 1, error, ..Outcome::default() })
            }
            DocumentEffect::Hang => None,
        }
    }
}
