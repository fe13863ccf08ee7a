//! How are the fleets that are there set up?
//!
//! Every part is read on its own: one that cannot be read is written down as such, and the others are looked at all the same.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use panda_aws::{
    Aws, AwsError, Focus, addresses, alarms::Alarms, connections::Connections, deployment_groups::DeploymentGroups,
    managed::ManagedNodes, network, offerings, pipeline_sources::PipelineSources, setup, setup::GroupDescription,
    status_alarms::StatusAlarms,
};
use panda_domain::{
    chaos::{AlarmState, Seen, tags},
    failover::Address,
    ids::{FleetName, GroupName, InstanceId, SubnetId},
    preflight::{ConnectionLook, DeploymentGroup, FleetSetup, GroupSetup},
};
use tokio::join;

/// What the function looks with.
#[derive(Debug)]
pub(crate) struct Eyes {
    pub(crate) aws: Aws,
    pub(crate) alarms: Alarms,
    pub(crate) connections: Connections,
    pub(crate) deployment_groups: DeploymentGroups,
    pub(crate) managed: ManagedNodes,
    pub(crate) pipelines: PipelineSources,
    pub(crate) status_alarms: StatusAlarms,
}

/// The fleets that were found, before a closer look.
#[derive(Debug)]
pub(crate) struct Found {
    groups: BTreeMap<FleetName, Vec<GroupDescription>>,
    addresses: Seen<Vec<(FleetName, Address)>>,
    deployments: Seen<BTreeMap<GroupName, Vec<DeploymentGroup>>>,
}

impl Found {
    /// The fleets' names.
    pub(crate) fn fleets(&self) -> Vec<FleetName> {
        let of_addresses = self.addresses.iter().flatten().map(|(fleet, _)| fleet);
        let names: BTreeSet<&FleetName> = self.groups.keys().chain(of_addresses).collect();
        names.into_iter().cloned().collect()
    }
}

impl Eyes {
    /// Finds one fleet, or all.
    pub(crate) async fn find(&self, fleet: Option<&FleetName>) -> Result<Found, AwsError> {
        let focus = fleet.map_or(Focus::EveryFleet, |fleet| Focus::Fleet(fleet.clone()));
        let (groups, addresses, deployments) = join!(
            setup::describe_groups(&self.aws, fleet),
            addresses::describe_addresses(&self.aws, &focus),
            self.deployment_groups.by_group(),
        );
        let mut by_fleet: BTreeMap<FleetName, Vec<GroupDescription>> =
            fleet.map(|fleet| (fleet.clone(), Vec::new())).into_iter().collect();
        for group in groups? {
            let tagged = group.tags.get(tags::FLEET).map(|tag| FleetName::from(tag.value.as_str()));
            let of = fleet.cloned().or(tagged).unwrap_or_else(|| group.name.as_str().into());
            by_fleet.entry(of).or_default().push(group);
        }
        Ok(Found { groups: by_fleet, addresses: seen(addresses), deployments: seen(deployments) })
    }

    /// Looks at a fleet that was found.
    pub(crate) async fn look(&self, found: &Found, fleet: &FleetName) -> FleetSetup {
        let groups = found.groups.get(fleet).map(Vec::as_slice).unwrap_or_default();
        let groups = join_all(groups.iter().map(|group| self.group(group, &found.deployments))).await;
        let addresses =
            found.addresses.as_ref().map_err(Clone::clone).map(|all| {
                all.iter().filter(|(owner, _)| owner == fleet).map(|(_, address)| address.clone()).collect()
            });
        FleetSetup { fleet: fleet.clone(), addresses, groups }
    }

    async fn group(
        &self,
        group: &GroupDescription,
        deployments: &Seen<BTreeMap<GroupName, Vec<DeploymentGroup>>>,
    ) -> GroupSetup {
        let members: BTreeSet<InstanceId> = group.members.iter().map(|member| member.instance.clone()).collect();
        let subnets: BTreeSet<SubnetId> = group.subnets.iter().cloned().collect();
        let stop_alarms = words(group, tags::STOP_ALARMS);
        let (hooks, (template, instances, offered), managed, network, stop_alarms, status_alarms, pipelines) = join!(
            setup::describe_hooks(&self.aws, &group.name),
            self.servers(group, &members),
            async { if members.is_empty() { Ok(BTreeMap::new()) } else { self.managed.look(&members).await } },
            network::describe_network_of(&self.aws, &subnets),
            self.alarms.states(&stop_alarms),
            self.status_alarms.of_group(&group.name),
            self.pipelines(words(group, tags::PIPELINE)),
        );
        let exists = |(alarm, state): (String, AlarmState)| (alarm, state != AlarmState::Missing);
        GroupSetup {
            name: group.name.clone(),
            tags: group.tags.clone(),
            desired: group.desired,
            max: group.max,
            deleting: group.deleting,
            suspended: group.suspended.clone(),
            subnets: group.subnets.clone(),
            members: group.members.clone(),
            hooks: seen(hooks),
            template,
            instances,
            managed: seen(managed),
            network: seen(network),
            offered,
            deployments: deployments
                .as_ref()
                .map_err(Clone::clone)
                .map(|all| all.get(&group.name).cloned().unwrap_or_default()),
            stop_alarms: seen(stop_alarms).map(|states| states.into_iter().map(exists).collect()),
            status_alarms: seen(status_alarms),
            pipelines,
        }
    }

    /// The group's template and servers, and which zones offer the types of both.
    async fn servers(&self, group: &GroupDescription, members: &BTreeSet<InstanceId>) -> Servers {
        let (template, instances) = join!(
            async {
                match &group.template {
                    Some(template) => setup::describe_template(&self.aws, template).await,
                    None => Ok(None),
                }
            },
            async {
                if members.is_empty() { Ok(BTreeMap::new()) } else { setup::describe_servers(&self.aws, members).await }
            },
        );
        let (template, instances) = (seen(template), seen(instances));
        // What the group launches from now on counts. Where that is not known, what it has launched tells.
        let mut types = group.overrides.clone();
        if types.is_empty() {
            types.extend(template.iter().flatten().filter_map(|template| template.instance_type.clone()));
        }
        if types.is_empty() {
            types.extend(instances.iter().flat_map(BTreeMap::values).map(|instance| instance.instance_type.clone()));
        }
        let types: Vec<String> = types.into_iter().filter(|kind| !kind.is_empty()).collect();
        let offered = seen(offerings::zones_that_offer(&self.aws, &types).await).map(|mut offered| {
            // A type that no zone offers is one all the same.
            for kind in types {
                offered.entry(kind).or_default();
            }
            offered
        });
        (template, instances, offered)
    }

    async fn pipelines(&self, names: Vec<String>) -> Seen<BTreeMap<String, Option<BTreeMap<String, ConnectionLook>>>> {
        let mut pipelines = BTreeMap::new();
        for name in names {
            let connections = match seen(self.pipelines.connections(&name).await)? {
                Some(arns) => {
                    let looks = arns.into_iter().map(|arn| async move {
                        let look = self.connections.look(&arn).await;
                        (arn, look)
                    });
                    Some(join_all(looks).await.into_iter().collect())
                }
                None => None,
            };
            pipelines.insert(name, connections);
        }
        Ok(pipelines)
    }
}

type Servers = (
    Seen<Option<panda_domain::preflight::Template>>,
    Seen<BTreeMap<InstanceId, panda_domain::preflight::InstanceSetup>>,
    Seen<BTreeMap<String, BTreeSet<String>>>,
);

fn words(group: &GroupDescription, tag: &str) -> Vec<String> {
    let value = group.tags.get(tag).map(|tag| tag.value.as_str()).unwrap_or_default();
    value.split_whitespace().map(str::to_owned).collect()
}

fn seen<T>(read: Result<T, AwsError>) -> Seen<T> {
    read.map_err(|error| error.to_string())
}
