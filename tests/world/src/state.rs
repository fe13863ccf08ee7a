//! What do `Describe…` calls read? One value, so that the past can be kept and read like the present.

use std::collections::{BTreeMap, BTreeSet};

use crate::autoscaling::group::Group;
use crate::ec2::address::Address;
use crate::ec2::instance::Instance;

/// All that an API can read.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    pub(crate) instances: BTreeMap<String, Instance>,
    pub(crate) addresses: BTreeMap<String, Address>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) lost_zones: BTreeSet<String>,
}

impl State {
    /// The group of which the instance is a member.
    pub(crate) fn group_of(&self, instance: &str) -> Option<&str> {
        self.groups.values().find(|group| group.members.contains_key(instance)).map(|group| group.name.as_str())
    }

    /// The addresses on an instance.
    pub(crate) fn addresses_on<'a>(&'a self, instance: &'a str) -> impl Iterator<Item = &'a Address> {
        self.addresses
            .values()
            .filter(move |address| address.association.as_ref().is_some_and(|on| on.instance == instance))
    }
}
