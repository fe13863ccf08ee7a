//! What do `Describe…` calls read? One value, so that the past can be kept and read like the present.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::autoscaling::group::Group;
use crate::cloudwatch::Alarm;
use crate::codeconnections::Connections;
use crate::codedeploy::CodeDeploy;
use crate::codepipeline::Pipeline;
use crate::ec2::address::Address;
use crate::ec2::instance::Instance;
use crate::ec2::network::Network;
use crate::ssm::Ssm;

/// All that an API can read.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) addresses: BTreeMap<String, Address>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) lost_zones: BTreeSet<String>,
    /// Those of them that EC2 does not answer for.
    pub(crate) silent_zones: BTreeSet<String>,
    // Shared with the past until they change: most changes are not theirs.
    pub(crate) alarms: Arc<BTreeMap<String, Alarm>>,
    pub(crate) code_deploy: Arc<CodeDeploy>,
    pub(crate) pipelines: Arc<BTreeMap<String, Pipeline>>,
    pub(crate) ssm: Arc<Ssm>,
    pub(crate) topics: Arc<BTreeSet<String>>,
    pub(crate) network: Arc<Network>,
    pub(crate) connections: Arc<Connections>,
}

impl State {
    /// The group of which the instance is a member: the one that launched it, as a rule.
    pub(crate) fn group_of(&self, instance: &str) -> Option<&str> {
        let origin = self.instances.get(instance).and_then(|instance| instance.origin.as_deref());
        if let Some(group) = origin.and_then(|origin| self.groups.get(origin))
            && group.members.contains_key(instance)
        {
            return Some(&group.name);
        }
        self.groups.values().find(|group| group.members.contains_key(instance)).map(|group| group.name.as_str())
    }

    /// The addresses on an instance.
    pub(crate) fn addresses_on<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = &'a Address> {
        self.addresses
            .values()
            .filter(move |address| address.association.as_ref().is_some_and(|on| on.instance == instance))
    }
}
