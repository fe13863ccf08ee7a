//! What do AWS and the site show of a fleet, before it is hit and while it heals?
//!
//! What cannot be read is written down as such: it spares a group that is to be hit, and leaves a fleet unhealed that is watched.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use jiff::Timestamp;
use panda_aws::{
    Aws, AwsError, Focus, activities, addresses,
    alarms::Alarms,
    chaos_groups,
    deployments::{ActiveDeployment, Deployments},
    instances::{self, Which},
    pipelines::Pipelines,
    refreshes,
    site::Site,
};
use panda_domain::{
    chaos::{
        AddressLook, AlarmState, CloseLook, Experiment, GroupMember, GroupView, InstanceLook, Observation, Policy,
        Probe, Seen, Settings, Surveyed, fleet_of,
    },
    failover::Address,
    ids::{FleetName, InstanceId},
};
use tokio::join;

/// The eyes of the panda.
#[derive(Debug)]
pub(crate) struct Eyes {
    pub(crate) aws: Aws,
    pub(crate) alarms: Alarms,
    pub(crate) deployments: Deployments,
    pub(crate) pipelines: Pipelines,
    pub(crate) site: Site,
}

/// What several close looks have in common, and so is read once.
#[derive(Debug)]
pub(crate) struct Common {
    deployments: Seen<Vec<ActiveDeployment>>,
    alarms: Seen<BTreeMap<String, AlarmState>>,
    addresses: Seen<Vec<(FleetName, Address)>>,
}

impl Eyes {
    /// Reads what close looks at these groups have in common.
    pub(crate) async fn common(&self, groups: &[&Surveyed], settings: &Settings) -> Common {
        let asked: BTreeSet<&String> = groups
            .iter()
            .filter_map(|surveyed| surveyed.policy.as_ref())
            .flat_map(|policy| &policy.stop_alarms)
            .chain(&settings.stop_alarms)
            .collect();
        let asked: Vec<String> = asked.into_iter().cloned().collect();
        let focus = match groups {
            [one] => Focus::Fleet(one.fleet.clone()),
            _ => Focus::EveryFleet,
        };
        let (deployments, alarms, addresses) = join!(
            self.deployments.active(),
            async { if asked.is_empty() { Ok(BTreeMap::new()) } else { self.alarms.states(&asked).await } },
            addresses::describe_addresses(&self.aws, &focus),
        );
        Common { deployments: seen(deployments), alarms: seen(alarms), addresses: seen(addresses) }
    }

    /// Looks closely at a group that could be hit.
    pub(crate) async fn close_look(&self, group: &GroupView, policy: &Policy, common: &Common) -> CloseLook {
        let fleet = fleet_of(group);
        let addresses = common.addresses.as_ref().map(|all| of_fleet(all, &fleet)).map_err(Clone::clone);
        let ((siblings, instances), launches, refresh, pipelines, site) =
            join!(
                async {
                    let siblings = self.siblings(&fleet, group).await;
                    let members = group.members.iter().chain(siblings.iter().flatten()).map(|member| &member.instance);
                    let holders = addresses.iter().flatten().filter_map(|address| address.holder.as_ref());
                    let instances = self.instances(members.chain(holders).cloned().collect()).await;
                    (siblings, instances)
                },
                activities::last_launches(&self.aws, &group.name),
                refreshes::newest_refresh(&self.aws, &group.name),
                join_all(policy.pipelines.iter().map(|pipeline| self.pipeline(pipeline))),
                self.ask(policy.url.iter().flat_map(|url| {
                    url.targets(addresses.iter().flatten().map(|address| address.public_ip.as_str()))
                })),
            );
        CloseLook {
            instances,
            siblings,
            launches: seen(launches),
            refresh: seen(refresh),
            deployments: common.deployments.as_ref().map_err(Clone::clone).map(|active| {
                let touching = active.iter().filter(|deployment| deployment.touches(group));
                touching.map(|deployment| format!("{} ({})", deployment.id, deployment.status)).collect()
            }),
            pipelines: pipelines.into_iter().collect(),
            alarms: common.alarms.clone(),
            addresses,
            site,
        }
    }

    /// Looks at a fleet that heals. `site` is what it answered last.
    pub(crate) async fn observation(&self, experiment: &Experiment, at: Timestamp, site: Vec<Probe>) -> Observation {
        let focus = Focus::Fleet(experiment.fleet.clone());
        let (group, siblings, (addresses, instances)) = join!(
            chaos_groups::describe_group(&self.aws, &experiment.group),
            chaos_groups::describe_fleet(&self.aws, &experiment.fleet),
            async {
                let addresses = seen(addresses::describe_addresses(&self.aws, &focus).await)
                    .map(|all| of_fleet(&all, &experiment.fleet));
                let holders = addresses.iter().flatten().filter_map(|address| address.holder.clone());
                let victims = experiment.victims.iter().map(|victim| victim.instance.clone());
                let instances = self.instances(victims.chain(holders).collect()).await;
                (addresses, instances)
            },
        );
        Observation {
            at,
            group: seen(group),
            siblings: seen(siblings).map(|groups| others(&groups, experiment.group.as_str())),
            instances,
            addresses,
            site,
        }
    }

    /// Asks each of these URLs at the same time.
    pub(crate) async fn ask(&self, urls: impl IntoIterator<Item = String>) -> Vec<Probe> {
        join_all(urls.into_iter().map(|url| async move { self.site.probe(&url).await.probe })).await
    }

    async fn siblings(&self, fleet: &FleetName, group: &GroupView) -> Seen<Vec<GroupMember>> {
        seen(chaos_groups::describe_fleet(&self.aws, fleet).await).map(|groups| others(&groups, group.name.as_str()))
    }

    async fn instances(&self, ids: BTreeSet<InstanceId>) -> Seen<BTreeMap<InstanceId, InstanceLook>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        seen(instances::look_at(&self.aws, Which::Ids(&ids)).await)
    }

    async fn pipeline(&self, name: &str) -> (String, Seen<Vec<String>>) {
        let running = match seen(self.pipelines.running(name).await) {
            Ok(Some(executions)) => Ok(executions),
            Ok(None) => Err(format!("there is no pipeline `{name}`")),
            Err(error) => Err(error),
        };
        (name.to_owned(), running)
    }
}

fn seen<T>(read: Result<T, AwsError>) -> Seen<T> {
    read.map_err(|error| error.to_string())
}

fn others(groups: &[GroupView], this: &str) -> Vec<GroupMember> {
    groups.iter().filter(|group| group.name.as_str() != this).flat_map(|group| group.members.iter().cloned()).collect()
}

fn of_fleet(all: &[(FleetName, Address)], fleet: &FleetName) -> Vec<AddressLook> {
    all.iter()
        .filter(|(owner, _)| owner == fleet)
        .map(|(_, address)| AddressLook {
            public_ip: address.public_ip.clone(),
            holder: address.association.as_ref().and_then(|association| association.instance.clone()),
        })
        .collect()
}
