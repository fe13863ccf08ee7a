//! What does AWS offer for a launch that is asked for?

use std::collections::{BTreeMap, BTreeSet};

use panda_aws::{Aws, AwsError, connections::Connections, network, offerings};
use panda_domain::{
    ids::SubnetId,
    preflight::{Launch, LaunchSnapshot, pattern_of_siblings},
};
use tokio::try_join;
use tracing::warn;

/// Looks at everything that the plan depends on: five reads at the same time, and one more where a zone does not offer the type.
pub(crate) async fn look(aws: &Aws, connections: &Connections, launch: &Launch) -> Result<LaunchSnapshot, AwsError> {
    let subnets: BTreeSet<SubnetId> = launch.subnets.iter().cloned().collect();
    let vpcs = BTreeSet::from([launch.vpc.clone()]);
    let wanted = [launch.instance_type.clone()];
    let (network, mut offered, connection) =
        try_join!(network::describe_network(aws, &subnets, &vpcs), offerings::zones_that_offer(aws, &wanted), async {
            Ok(match &launch.connection {
                Some(arn) => Some(connections.look(arn).await),
                None => None,
            })
        },)?;
    let offered = offered.remove(&launch.instance_type).unwrap_or_default();
    let mut zones = launch.subnets.iter().filter_map(|id| network.subnets.get(id)).map(|subnet| &subnet.zone);
    let siblings = match pattern_of_siblings(&launch.instance_type) {
        Some(pattern) if zones.any(|zone| !offered.contains(zone)) => suggestions(aws, pattern).await,
        _ => BTreeMap::new(),
    };
    Ok(LaunchSnapshot { network, offered, siblings, connection })
}

/// Types of the same size. They are only suggestions: a launch is judged without them as well.
async fn suggestions(aws: &Aws, pattern: String) -> BTreeMap<String, BTreeSet<String>> {
    offerings::zones_that_offer(aws, &[pattern]).await.unwrap_or_else(|error| {
        warn!(aws.operation = error.operation, "No other instance types are suggested: {error}");
        BTreeMap::new()
    })
}
