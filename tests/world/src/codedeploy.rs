//! Which applications and deployment groups has `CodeDeploy`, and what is it deploying?

pub(crate) mod agent;
pub(crate) mod deployment;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::uuid_of;
use crate::world::World;
use deployment::Deployment;

/// An application.
#[derive(Debug, Clone, Serialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its deployment groups by name.
    pub groups: BTreeMap<String, DeploymentGroup>,
}

/// A deployment group.
#[derive(Debug, Clone, Serialize)]
pub struct DeploymentGroup {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The Auto Scaling groups that it deploys to.
    pub auto_scaling: Vec<String>,
    /// `CodeDeployDefault.…`
    pub config: String,
    /// The deployment that runs: one at most `[doc]` limits.md.
    pub active: Option<u64>,
    /// Deployments that are over, the newest last.
    #[serde(skip)]
    pub(crate) over: Vec<u64>,
}

/// All of `CodeDeploy`.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodeDeploy {
    pub(crate) applications: BTreeMap<String, Application>,
    /// By number, in order of their creation.
    pub(crate) deployments: BTreeMap<u64, Deployment>,
    /// Numbers by id.
    pub(crate) by_id: BTreeMap<String, u64>,
    pub(crate) made: u64,
}

impl CodeDeploy {
    pub(crate) fn group(&self, application: &str, group: &str) -> Option<&DeploymentGroup> {
        self.applications.get(application)?.groups.get(group)
    }

    pub(crate) fn group_mut(&mut self, application: &str, group: &str) -> Option<&mut DeploymentGroup> {
        self.applications.get_mut(application)?.groups.get_mut(group)
    }

    pub(crate) fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments.get(self.by_id.get(id)?)
    }
}

impl World {
    pub(crate) fn code_deploy_mut(&mut self) -> &mut CodeDeploy {
        self.touch();
        Arc::make_mut(&mut self.state.code_deploy)
    }

    /// `CreateApplication` and `CreateDeploymentGroup` at once; one that exists deploys to these groups from now on.
    pub(crate) fn put_deployment_group(&mut self, application: &str, name: &str, auto_scaling: &[String]) {
        let (application_id, group_id) = (uuid_of(application), uuid_of(&format!("{application}/{name}")));
        let created = self.now;
        let application = self.code_deploy_mut().applications.entry(application.to_owned()).or_insert_with(|| {
            Application { name: application.to_owned(), id: application_id, created, groups: BTreeMap::new() }
        });
        let group = application.groups.entry(name.to_owned()).or_insert_with(|| DeploymentGroup {
            name: name.to_owned(),
            id: group_id,
            auto_scaling: Vec::new(),
            config: "CodeDeployDefault.OneAtATime".to_owned(),
            active: None,
            over: Vec::new(),
        });
        group.auto_scaling = auto_scaling.to_vec();
    }

    /// After a blue/green deployment the deployment group names the new Auto Scaling group `[doc]` `CodeDeploy` guide.
    pub(crate) fn green_takes_over(&mut self, blue: &str, green: &str) {
        for group in self.code_deploy_mut().applications.values_mut().flat_map(|app| app.groups.values_mut()) {
            for name in group.auto_scaling.iter_mut().filter(|name| *name == blue) {
                green.clone_into(name);
            }
        }
    }

    /// Ground truth: all applications of `CodeDeploy`.
    pub fn applications(&self) -> impl Iterator<Item = &Application> {
        self.state.code_deploy.applications.values()
    }

    /// Ground truth: deployments, the oldest first.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.state.code_deploy.deployments.values()
    }
}
