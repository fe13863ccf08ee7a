//! How does code come to a fleet? A repository, a pipeline of stages, a deployment group, and the agents on its instances.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::GroupSpec;
use crate::codedeploy::agent::AgentGeneration;

/// How code comes to a fleet. With it, its deployments are played event by event, and instances serve what was deployed to them;
/// without it, a boot deploys as a matter of course and [`crate::Act::StartDeployment`] only holds the group.
///
/// ```json
/// {"name":"web","delivery":{"repository":"example/site","deployed":{"message":"First page","page":"Hello\n"}}}
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySpec {
    /// The pipeline, of two stages: `Source` with the action `GitHub`, `Deploy` with the action `CodeDeploy`. Empty: the fleet's name.
    pub pipeline: String,
    /// The repository on GitHub.
    pub repository: String,
    /// Its branch.
    pub branch: String,
    /// The application. Empty: the fleet's name.
    pub application: String,
    /// The deployment group. Empty: the first Auto Scaling group's name.
    pub deployment_group: String,
    /// `CodeDeployDefault.OneAtATime`, `….HalfAtATime` or `….AllAtOnce`.
    pub config: String,
    /// Whether a failed deployment is rolled back.
    pub rollback: bool,
    /// Whether a deployment is followed by another one to instances that were launched meanwhile (`outdatedInstancesStrategy`).
    pub update_outdated: bool,
    /// Which generation of the agent is on the instances.
    pub agent: AgentGeneration,
    /// What has been deployed already; null: nothing yet, the instances serve nothing.
    pub deployed: Option<CommitSpec>,
}

impl Default for DeliverySpec {
    fn default() -> Self {
        Self {
            pipeline: String::new(),
            repository: "example/site".to_owned(),
            branch: "main".to_owned(),
            application: String::new(),
            deployment_group: String::new(),
            config: ONE_AT_A_TIME.to_owned(),
            rollback: true,
            update_outdated: true,
            agent: AgentGeneration::V2,
            deployed: Some(CommitSpec::default()),
        }
    }
}

impl DeliverySpec {
    /// What is wrong with it, in words that name the field.
    pub(super) fn check(&self, groups: &[GroupSpec]) -> Result<(), String> {
        let known = ["OneAtATime", "HalfAtATime", "AllAtOnce"].map(|name| format!("CodeDeployDefault.{name}"));
        if !known.contains(&self.config) {
            return Err(format!("delivery: config {} must be one of {}", self.config, known.join(", ")));
        }
        if !groups.iter().any(|group| group.code_deploy) {
            return Err("delivery: no group has code_deploy".to_owned());
        }
        Ok(())
    }
}

/// The default configuration of a deployment.
pub(crate) const ONE_AT_A_TIME: &str = "CodeDeployDefault.OneAtATime";

/// A pipeline (V2, execution mode SUPERSEDED).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSpec {
    /// Its name.
    pub name: String,
    /// The repository on GitHub.
    pub repository: String,
    /// Its branch.
    #[serde(default = "main")]
    pub branch: String,
    /// Its stages. The first one fetches the source.
    pub stages: Vec<StageSpec>,
}

fn main() -> String {
    "main".to_owned()
}

/// A stage: its actions run side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// Its name.
    pub name: String,
    /// Its actions.
    pub actions: Vec<ActionSpec>,
}

/// An action of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionSpec {
    /// Its name.
    pub name: String,
    /// What it does.
    pub does: ActionKind,
}

/// What an action does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActionKind {
    /// Fetches the commit: `CodeStarSourceConnection`, always with success.
    Source,
    /// `CodeDeploy`.
    Deploy {
        /// The application.
        application: String,
        /// The deployment group.
        deployment_group: String,
    },
    /// `CodeBuild`, which takes so long and comes out so.
    Build {
        /// How long.
        seconds: u32,
        /// Whether it fails.
        fails: bool,
    },
}

impl PipelineSpec {
    /// Fetch, then deploy.
    pub(crate) fn plain(name: &str, repository: &str, branch: &str, application: &str, deployment_group: &str) -> Self {
        let (application, deployment_group) = (application.to_owned(), deployment_group.to_owned());
        let stage = |name: &str, action: &str, does| StageSpec {
            name: name.to_owned(),
            actions: vec![ActionSpec { name: action.to_owned(), does }],
        };
        Self {
            name: name.to_owned(),
            repository: repository.to_owned(),
            branch: branch.to_owned(),
            stages: vec![
                stage("Source", "GitHub", ActionKind::Source),
                stage("Deploy", "CodeDeploy", ActionKind::Deploy { application, deployment_group }),
            ],
        }
    }
}

/// A commit, and what its deployment will meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommitSpec {
    /// Its message.
    pub message: String,
    /// Its author's name.
    pub author: String,
    /// Its author's name on GitHub.
    pub login: String,
    /// Its author's address.
    pub email: String,
    /// What the site shows when it is deployed.
    pub page: String,
    /// Whether the site is silent from this revision's `ApplicationStop` until the next one's `ApplicationStart`.
    pub stops_server: bool,
    /// What is wrong with the bundle.
    pub bundle: Bundle,
    /// Scripts by lifecycle event.
    pub scripts: BTreeMap<String, ScriptSpec>,
}

impl Default for CommitSpec {
    fn default() -> Self {
        Self {
            message: "Edit index.html".to_owned(),
            author: "Mary Major".to_owned(),
            login: "mmajor".to_owned(),
            email: "mary@example.com".to_owned(),
            page: "It works.\n".to_owned(),
            stops_server: false,
            bundle: Bundle::Sound,
            scripts: BTreeMap::new(),
        }
    }
}

impl CommitSpec {
    /// A commit that deploys well and shows this page.
    #[must_use]
    pub fn page(page: &str) -> Self {
        Self { page: page.to_owned(), ..Self::default() }
    }

    /// The same with a script.
    #[must_use]
    pub fn with(mut self, event: &str, outcome: ScriptOutcome) -> Self {
        self.scripts.insert(event.to_owned(), ScriptSpec { outcome, ..ScriptSpec::default() });
        self
    }
}

/// What is wrong with a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bundle {
    /// Nothing.
    #[default]
    Sound,
    /// No `appspec.yml` at its root (aws-codedeploy-agent 102).
    NoAppspec,
    /// An `appspec.yml` that cannot be read.
    BadAppspec,
    /// It installs a file that is there already, and no `file_exists_behavior`.
    FileExists,
    /// S3 breaks off in the middle: "not opened for reading".
    Unreadable,
    /// It is gone from the bucket: `REVISION_MISSING`.
    Missing,
}

/// A script of a lifecycle event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptSpec {
    /// Where it lies in the bundle. Empty: `scripts/` and the event's name.
    pub location: String,
    /// What comes of it.
    pub outcome: ScriptOutcome,
    /// How long it runs; 0: as long as [`crate::Timing::lifecycle_event`] says.
    pub seconds: u32,
}

impl Default for ScriptSpec {
    fn default() -> Self {
        Self { location: String::new(), outcome: ScriptOutcome::Succeeds, seconds: 0 }
    }
}

/// What comes of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptOutcome {
    /// Exit status 0.
    Succeeds,
    /// Another exit status.
    Fails {
        /// Which.
        exit: u8,
        /// What it wrote last.
        log: String,
        /// So many times in all, on whichever instance, and then no more; absent: always.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        times: Option<u32>,
    },
    /// It is stopped after so long.
    TimesOut {
        /// The `timeout` of the `appspec.yml`.
        after_seconds: u32,
    },
    /// The bundle does not have it.
    Missing,
    /// It may not be executed.
    NotExecutable,
    /// It leaves a process behind that keeps its output open (aws-codedeploy-agent 118).
    LeavesOutputOpen,
}
