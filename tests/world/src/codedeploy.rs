//! Which applications and deployment groups has `CodeDeploy`, and what is it deploying?

pub(crate) mod agent;
pub(crate) mod deployment;
mod follow;
mod lifecycle;
pub(crate) mod revision;
mod rollout;
mod script;
mod status;
pub(crate) mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::ids::uuid_of;
use crate::spec::{DeliverySpec, ONE_AT_A_TIME};
use crate::world::World;
use deployment::Deployment;
use revision::Commit;

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
    /// Whether its deployments are played event by event.
    pub played: bool,
    /// Whether a failed deployment is rolled back.
    pub rollback: bool,
    /// Whether instances that were launched during a deployment are updated after it.
    pub update_outdated: bool,
    /// The commit that was deployed well last.
    pub good: Option<String>,
    /// The deployment that runs: one at most `[doc]` limits.md.
    pub active: Option<u64>,
    /// Deployments to instances that Auto Scaling launches: they run beside each other and beside the one `[infer]` deployments.md §6.
    pub launching: Vec<u64>,
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
    /// Commits by their ids.
    pub(crate) commits: BTreeMap<String, Arc<Commit>>,
    /// The application and deployment group that play deployments to an Auto Scaling group.
    pub(crate) played: BTreeMap<String, (String, String)>,
    /// Deployments that have work to do on an instance.
    pub(crate) at_work: BTreeMap<String, Vec<u64>>,
    /// How often a script that fails a few times has failed, by commit and lifecycle event.
    pub(crate) failures: BTreeMap<(String, String), u32>,
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
            config: ONE_AT_A_TIME.to_owned(),
            played: false,
            rollback: false,
            update_outdated: true,
            good: None,
            active: None,
            launching: Vec::new(),
            over: Vec::new(),
        });
        group.auto_scaling = auto_scaling.to_vec();
    }

    /// From now on the deployments of a deployment group are played event by event.
    pub(crate) fn play_deployments(&mut self, application: &str, name: &str, spec: &DeliverySpec) {
        let all = self.code_deploy_mut();
        let Some(group) = all.group_mut(application, name) else { return };
        group.played = true;
        group.config.clone_from(&spec.config);
        group.rollback = spec.rollback;
        group.update_outdated = spec.update_outdated;
        for scaling in group.auto_scaling.clone() {
            all.played.insert(scaling, (application.to_owned(), name.to_owned()));
        }
    }

    /// A copy of a group is deployed to as the group is.
    pub(crate) fn green_is_played_too(&mut self, blue: &str, green: &str) {
        if let Some(by) = self.state.code_deploy.played.get(blue).cloned() {
            self.code_deploy_mut().played.insert(green.to_owned(), by);
        }
    }

    /// After a blue/green deployment the deployment group names the new Auto Scaling group `[doc]` `CodeDeploy` guide.
    pub(crate) fn green_takes_over(&mut self, blue: &str, green: &str) {
        self.code_deploy_mut().played.remove(blue);
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
