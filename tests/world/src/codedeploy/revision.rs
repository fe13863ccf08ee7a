//! What is deployed? Commits, as the pipeline puts them into its bucket.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::CodeDeploy;
use crate::ids::uuid_of;
use crate::spec::CommitSpec;
use crate::world::World;

/// The bucket of the pipelines' artifacts.
pub(crate) const BUCKET: &str = "artifacts-123456789012-us-east-1";

/// A commit.
#[derive(Debug, Clone, Serialize)]
pub struct Commit {
    /// Forty hexadecimal digits.
    pub id: String,
    /// When it was pushed.
    pub pushed: Timestamp,
    /// The repository on GitHub.
    pub repository: String,
    /// Its branch.
    pub branch: String,
    /// What it is.
    pub spec: CommitSpec,
}

impl Commit {
    /// Where its bundle lies in the bucket: the pipeline, the artifact, and what tells them apart `[cap]` "web/SourceArti/qbAjebs".
    pub(crate) fn key(&self) -> String {
        format!("site/SourceArti/{}", self.id.get(..7).unwrap_or_default())
    }
}

impl CodeDeploy {
    pub(crate) fn commit(&self, id: &str) -> Option<&Arc<Commit>> {
        self.commits.get(id)
    }

    /// The commit whose bundle lies at a key.
    pub(crate) fn commit_at(&self, key: &str) -> Option<&Arc<Commit>> {
        self.commits.values().find(|commit| commit.key() == key)
    }
}

impl World {
    /// A commit comes into being.
    pub(crate) fn make_commit(&mut self, repository: &str, branch: &str, spec: &CommitSpec) -> String {
        let made = self.state.code_deploy.commits.len();
        // Its id follows from its place in the history: it must not change the ids of others.
        let digits = |salt: &str| uuid_of(&format!("{salt}/{repository}/{branch}/{made}")).replace('-', "");
        let mut id = format!("{}{}", digits("commit"), digits("more"));
        id.truncate(40);
        let (repository, branch) = (repository.to_owned(), branch.to_owned());
        let commit = Commit { id: id.clone(), pushed: self.now, repository, branch, spec: spec.clone() };
        self.code_deploy_mut().commits.insert(id.clone(), Arc::new(commit));
        id
    }

    /// Ground truth: all commits.
    pub fn commits(&self) -> impl Iterator<Item = &Commit> {
        self.state.code_deploy.commits.values().map(Arc::as_ref)
    }

    /// Ground truth: a commit.
    #[must_use]
    pub fn commit(&self, id: &str) -> Option<&Commit> {
        self.state.code_deploy.commit(id).map(Arc::as_ref)
    }

    /// Ground truth: the page that an instance shows; none before anything was installed on it, or where deployments are not played.
    #[must_use]
    pub fn page_of(&self, instance: &str) -> Option<&str> {
        let commit = self.state.instances.get(instance)?.serves.as_deref()?;
        self.commit(commit).map(|commit| commit.spec.page.as_str())
    }
}
