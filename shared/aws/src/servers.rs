//! Servers of fleets: do they live, and whose are they?

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, Instance, Reservation};
use panda_domain::{
    event::InstanceState,
    ids::{FleetName, GroupName, InstanceId},
};

use crate::{Aws, AwsError, FLEET_TAG};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ec2:DescribeInstances"];

/// The most values that EC2 takes in one filter.
const FILTER_VALUES: usize = 200;

/// The most that EC2 puts on a page.
const PAGE: i32 = 1000;

/// The tag by which Auto Scaling claims its instances.
pub(crate) const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether it runs.
    pub state: InstanceState,
    /// The fleet whose tag it carries itself.
    pub fleet: Option<FleetName>,
    /// The Auto Scaling group that it is a member of.
    pub group: Option<GroupName>,
}

/// What EC2 says of these servers; all pages. One that it does not list is gone.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_servers(
    aws: &Aws,
    servers: &BTreeSet<InstanceId>,
) -> Result<BTreeMap<InstanceId, Server>, AwsError> {
    let ids: Vec<String> = servers.iter().map(ToString::to_string).collect();
    let mut described = BTreeMap::new();
    for chunk in ids.chunks(FILTER_VALUES) {
        // By a filter, not by parameter: a parameter that names one instance too many fails the whole call.
        let filter = Filter::builder().name("instance-id").set_values(Some(chunk.to_vec())).build();
        let request = aws.ec2.describe_instances().filters(filter).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeInstances", None, &error))?;
            described.extend(page.reservations().iter().flat_map(Reservation::instances).filter_map(read));
        }
    }
    Ok(described)
}

fn read(instance: &Instance) -> Option<(InstanceId, Server)> {
    let tag = |key: &str| {
        let tags = instance.tags().iter();
        tags.filter(|tag| tag.key() == Some(key)).find_map(|tag| tag.value()).filter(|value| !value.is_empty())
    };
    let server = Server {
        state: InstanceState::from(instance.state()?.name()?.as_str()),
        fleet: tag(FLEET_TAG).map(FleetName::from),
        group: tag(GROUP_TAG).map(GroupName::from),
    };
    Some((InstanceId::from(instance.instance_id()?), server))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{InstanceState as State, InstanceStateName, Tag};

    use super::*;

    #[test]
    fn a_server_is_read_with_its_fleet_and_its_group() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let instance = Instance::builder()
            .instance_id("i-1")
            .state(State::builder().name(InstanceStateName::Running).build())
            .tags(tag(FLEET_TAG, "web"))
            .tags(tag(GROUP_TAG, "web-blue"));
        let server =
            Server { state: InstanceState::Running, fleet: Some("web".into()), group: Some("web-blue".into()) };
        assert_eq!(read(&instance.build()), Some(("i-1".into(), server)));
        let bare = Instance::builder()
            .instance_id("i-2")
            .state(State::builder().name(InstanceStateName::Stopped).build())
            .tags(tag(FLEET_TAG, ""));
        let server = Server { state: InstanceState::Stopped, fleet: None, group: None };
        assert_eq!(read(&bare.build()), Some(("i-2".into(), server)));
    }
}
