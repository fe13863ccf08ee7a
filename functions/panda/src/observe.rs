//! What do AWS and the site show of a fleet, before it is hit and while it heals?
//!
//! What cannot be read is written down as such: it spares a group that is to be hit, and leaves a fleet unhealed that is watched.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, future::join_all, stream};
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
        AddressLook, AlarmState, CloseLook, Experiment, GroupMember, GroupView, InstanceLook, Launches, Observation,
        Policy, Probe, Seen, Settings, fleet_of,
    },
    failover::Address,
    ids::{FleetName, GroupName, InstanceId},
};
use tokio::join;

/// How many groups are looked at at the same time: AWS's request budgets are for everybody.
const LOOKS_AT_ONCE: usize = 4;

/// The eyes of the panda.
#[derive(Debug)]
pub(crate) struct Eyes {
    pub(crate) aws: Aws,
    pub(crate) alarms: Alarms,
    pub(crate) deployments: Deployments,
    pub(crate) pipelines: Pipelines,
    pub(crate) site: Site,
}

/// What close looks at several groups share, read once for all of them.
#[derive(Debug)]
pub(crate) struct Common {
    deployments: Seen<Vec<ActiveDeployment>>,
    alarms: Seen<BTreeMap<String, AlarmState>>,
    addresses: Seen<Vec<(FleetName, Address)>>,
    /// Every group of the fleets.
    fleets: Seen<Vec<GroupView>>,
    /// What EC2 says of all their members and of the holders of their addresses.
    instances: Seen<BTreeMap<InstanceId, InstanceLook>>,
    pipelines: BTreeMap<String, Seen<Vec<String>>>,
}

/// What AWS tells of one group at a time only.
#[derive(Debug)]
struct Own {
    launches: Seen<Launches>,
    refresh: Seen<Option<String>>,
}

impl Eyes {
    /// Looks closely at groups that could be hit, and gives what was seen of each, in their order.
    ///
    /// What can be asked for many groups at once is read once. A look costs two reads then, beside those of the common ones.
    pub(crate) async fn close_looks(&self, groups: &[(&GroupView, &Policy)], settings: &Settings) -> Vec<CloseLook> {
        let own = stream::iter(groups).map(|(group, _)| self.own(group)).buffered(LOOKS_AT_ONCE).collect::<Vec<_>>();
        let (common, own) = join!(self.common(groups, settings), own);
        let looks = groups.iter().zip(own).map(|((group, policy), own)| self.close_look(group, policy, &common, own));
        stream::iter(looks).buffered(LOOKS_AT_ONCE).collect().await
    }

    async fn own(&self, group: &GroupView) -> Own {
        let (launches, refresh) =
            join!(activities::last_launches(&self.aws, &group.name), refreshes::newest_refresh(&self.aws, &group.name));
        Own { launches: seen(launches), refresh: seen(refresh) }
    }

    async fn common(&self, groups: &[(&GroupView, &Policy)], settings: &Settings) -> Common {
        let policies = || groups.iter().map(|(_, policy)| *policy);
        let alarms: BTreeSet<&String> =
            policies().flat_map(|policy| &policy.stop_alarms).chain(&settings.stop_alarms).collect();
        let alarms: Vec<String> = alarms.into_iter().cloned().collect();
        let pipelines: BTreeSet<&String> = policies().flat_map(|policy| &policy.pipelines).collect();
        let names: BTreeSet<FleetName> = groups.iter().map(|(group, _)| fleet_of(group)).collect();
        let focus = match Vec::from_iter(&names).as_slice() {
            [one] => Focus::Fleet((*one).clone()),
            _ => Focus::EveryFleet,
        };
        let (deployments, alarms, (addresses, fleets, instances), pipelines) = join!(
            self.deployments.active(),
            async { if alarms.is_empty() { Ok(BTreeMap::new()) } else { self.alarms.states(&alarms).await } },
            async {
                let (addresses, fleets) = join!(
                    addresses::describe_addresses(&self.aws, &focus),
                    chaos_groups::describe_fleets(&self.aws, &names)
                );
                let views = groups.iter().map(|(group, _)| *group).chain(fleets.iter().flatten());
                let members = views.flat_map(|group| &group.members).map(|member| &member.instance);
                let of_fleets = addresses.iter().flatten().filter(|(fleet, _)| names.contains(fleet));
                let holders = of_fleets.filter_map(|(_, address)| address.association.as_ref()?.instance.as_ref());
                let instances = self.instances(members.chain(holders).cloned().collect()).await;
                (addresses, fleets, instances)
            },
            stream::iter(pipelines).map(|pipeline| self.pipeline(pipeline)).buffered(LOOKS_AT_ONCE).collect(),
        );
        Common {
            deployments: seen(deployments),
            alarms: seen(alarms),
            addresses: seen(addresses),
            fleets: seen(fleets),
            instances,
            pipelines,
        }
    }

    /// Puts together what was seen of a group, and asks its site.
    async fn close_look(&self, group: &GroupView, policy: &Policy, common: &Common, own: Own) -> CloseLook {
        let fleet = fleet_of(group);
        let addresses = common.addresses.as_ref().map(|all| of_fleet(all, &fleet)).map_err(Clone::clone);
        let targets = policy
            .url
            .iter()
            .flat_map(|url| url.targets(addresses.iter().flatten().map(|address| address.public_ip.as_str())));
        let site = self.ask(targets).await;
        let pipelines = policy.pipelines.iter();
        CloseLook {
            instances: common.instances.clone(),
            siblings: common
                .fleets
                .as_ref()
                .map(|all| others(all.iter().filter(|other| fleet_of(other) == fleet), &group.name))
                .map_err(Clone::clone),
            launches: own.launches,
            refresh: own.refresh,
            deployments: common.deployments.as_ref().map_err(Clone::clone).map(|active| {
                let touching = active.iter().filter(|deployment| deployment.touches(group));
                touching.map(|deployment| format!("{} ({})", deployment.id, deployment.status)).collect()
            }),
            pipelines: pipelines.filter_map(|name| Some((name.clone(), common.pipelines.get(name)?.clone()))).collect(),
            alarms: common.alarms.clone(),
            addresses,
            site,
        }
    }

    /// Looks at a fleet that heals. `site` is what it answered last.
    pub(crate) async fn observation(&self, experiment: &Experiment, at: Timestamp, site: Vec<Probe>) -> Observation {
        let focus = Focus::Fleet(experiment.fleet.clone());
        let ((group, siblings), (addresses, instances)) =
            join!(self.group_and_siblings(&experiment.fleet, &experiment.group), async {
                let addresses = seen(addresses::describe_addresses(&self.aws, &focus).await)
                    .map(|all| of_fleet(&all, &experiment.fleet));
                let holders = addresses.iter().flatten().filter_map(|address| address.holder.clone());
                let victims = experiment.victims.iter().map(|victim| victim.instance.clone());
                let instances = self.instances(victims.chain(holders).collect()).await;
                (addresses, instances)
            },);
        Observation { at, group, siblings, instances, addresses, site }
    }

    /// Asks each of these URLs at the same time.
    pub(crate) async fn ask(&self, urls: impl IntoIterator<Item = String>) -> Vec<Probe> {
        join_all(urls.into_iter().map(|url| async move { self.site.probe(&url).await.probe })).await
    }

    /// A group, and the members of its fleet's other groups: one read, where the group carries the fleet's tag.
    async fn group_and_siblings(
        &self,
        fleet: &FleetName,
        group: &GroupName,
    ) -> (Seen<Option<GroupView>>, Seen<Vec<GroupMember>>) {
        let fleets = seen(chaos_groups::describe_fleet(&self.aws, fleet).await);
        let siblings = fleets.as_ref().map(|all| others(all, group)).map_err(Clone::clone);
        let known = fleets.into_iter().flatten().find(|view| view.name == *group);
        let group = match known {
            Some(view) => Ok(Some(view)),
            None => seen(chaos_groups::describe_group(&self.aws, group).await),
        };
        (group, siblings)
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

/// The members of all groups but this one.
fn others<'a>(groups: impl IntoIterator<Item = &'a GroupView>, this: &GroupName) -> Vec<GroupMember> {
    groups.into_iter().filter(|group| group.name != *this).flat_map(|group| group.members.iter().cloned()).collect()
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
