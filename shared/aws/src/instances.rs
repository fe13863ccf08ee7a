//! Instances: do they live, where can an address be put on them, and note that one will leave.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Filter, InstanceNetworkInterfaceAttachment, InstanceStatusSummary, Reservation, SummaryStatus, Tag,
};
use jiff::Timestamp;
use panda_domain::{
    chaos::InstanceLook,
    event::InstanceState,
    failover::{Instance, Interface, Leaving, MARK_TAG, Mark, PublicAddress},
    ids::{GroupName, InstanceId},
};
use tracing::warn;

use crate::{Aws, AwsError, Trouble, servers::GROUP_TAG};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ec2:CreateTags", "ec2:DescribeInstanceStatus", "ec2:DescribeInstances"];

/// What [`describe_instances`] and [`look_at`] alone need to be allowed.
pub const READS: &[&str] = &["ec2:DescribeInstances"];

/// The most values that EC2 takes in one filter.
const FILTER_VALUES: usize = 200;

/// The most that EC2 puts on a page. A page size also moves the call into the larger of EC2's request budgets.
const PAGE: i32 = 1000;

/// Which instances to describe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// These. By a filter, not by parameter: a parameter that names one instance too many fails the whole call.
    Ids(&'a BTreeSet<InstanceId>),
    /// The ones that Auto Scaling tagged as these groups'. The tag goes when the instance is terminated or detached.
    OfGroups(&'a BTreeSet<GroupName>),
}

/// What EC2 says of instances; all pages. What it does not list is left out.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_instances(aws: &Aws, which: Which<'_>) -> Result<BTreeMap<InstanceId, Instance>, AwsError> {
    let filters: Vec<(&str, Vec<String>)> = match which {
        Which::OfGroups(groups) => {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            groups.chunks(FILTER_VALUES).map(|chunk| ("tag:aws:autoscaling:groupName", chunk.to_vec())).collect()
        }
        Which::Ids(ids) => {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            ids.chunks(FILTER_VALUES).map(|chunk| ("instance-id", chunk.to_vec())).collect()
        }
    };
    let mut instances = BTreeMap::new();
    for (name, values) in filters {
        let mut pages = aws
            .ec2
            .describe_instances()
            .filters(Filter::builder().name(name).set_values(Some(values)).build())
            .max_results(PAGE)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeInstances", None, &error))?;
            instances.extend(page.reservations().iter().flat_map(Reservation::instances).filter_map(read));
        }
    }
    Ok(instances)
}

/// What EC2 says of instances that are asked for by name; the names that EC2 does not know are left out.
///
/// While an Availability Zone is disrupted, a call fails that names an instance of that zone or none at all, as those of
/// [`describe_instances`] do, which choose by filters. One that names only instances of other zones works ([DescribeInstances]).
///
/// # Errors
/// When AWS does not answer or refuses; run again.
///
/// [DescribeInstances]: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
pub async fn describe_named(aws: &Aws, ids: &BTreeSet<InstanceId>) -> Result<BTreeMap<InstanceId, Instance>, AwsError> {
    let mut instances = BTreeMap::new();
    let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
    for chunk in ids.chunks(FILTER_VALUES) {
        let mut chunk = chunk.to_vec();
        while !chunk.is_empty() {
            aws.counter.read();
            let named = chunk.iter().copied().map(str::to_owned).collect();
            // No page size, which EC2 does not take beside names.
            let error = match aws.ec2.describe_instances().set_instance_ids(Some(named)).send().await {
                Ok(reply) => {
                    instances.extend(reply.reservations().iter().flat_map(Reservation::instances).filter_map(read));
                    break;
                }
                Err(error) => AwsError::new("DescribeInstances", None, &error),
            };
            // One name too many fails the whole call; the message lists all of them.
            let asked = chunk.len();
            if error.is("InvalidInstanceID.NotFound") {
                chunk.retain(|id| !error.message.contains(id));
            }
            if chunk.len() == asked {
                return Err(error);
            }
        }
    }
    Ok(instances)
}

/// Whether a read of instances may have failed because an Availability Zone is disrupted. AWS does not say with which code it fails then;
/// these are the ones that would mean something else.
#[must_use]
pub fn may_be_a_zones(error: &AwsError) -> bool {
    match error.trouble {
        Trouble::Unreachable | Trouble::Other => true,
        Trouble::Replan | Trouble::Throttled | Trouble::Unauthorized => false,
    }
}

/// The group that an instance was launched by; `None` if it was not, or its tags are gone.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn group_of(aws: &Aws, instance: &InstanceId) -> Result<Option<GroupName>, AwsError> {
    aws.counter.read();
    let filter = Filter::builder().name("instance-id").values(instance.as_str()).build();
    // A page size, for the larger of EC2's request budgets.
    let reply = aws.ec2.describe_instances().filters(filter).max_results(PAGE).send().await;
    let reply = reply.map_err(|error| AwsError::new("DescribeInstances", Some(instance.as_str()), &error))?;
    let mut tags =
        reply.reservations().iter().flat_map(Reservation::instances).flat_map(aws_sdk_ec2::types::Instance::tags);
    Ok(tags.find(|tag| tag.key() == Some(GROUP_TAG)).and_then(Tag::value).map(Into::into))
}

/// What the panda wants to know of the same instances.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn look_at(aws: &Aws, which: Which<'_>) -> Result<BTreeMap<InstanceId, InstanceLook>, AwsError> {
    let look = |instance: Instance| InstanceLook {
        state: instance.state,
        launched: instance.launched,
        leaving: instance.leaving,
    };
    Ok(describe_instances(aws, which).await?.into_iter().map(|(id, instance)| (id, look(instance))).collect())
}

fn read(instance: &aws_sdk_ec2::types::Instance) -> Option<(InstanceId, Instance)> {
    let id = InstanceId::from(instance.instance_id()?);
    let state = instance.state().and_then(|state| state.name())?;
    let interface = instance
        .network_interfaces()
        .iter()
        // The list is in no order; only the interface at index 0 is there from launch to termination.
        .find(|interface| interface.attachment().and_then(InstanceNetworkInterfaceAttachment::device_index) == Some(0))
        .and_then(|interface| {
            let association = interface.association();
            let public = match association.and_then(|association| association.public_ip()).filter(|ip| !ip.is_empty()) {
                None => PublicAddress::None,
                Some(_) if association.and_then(|association| association.ip_owner_id()) == Some("amazon") => {
                    PublicAddress::Lent
                }
                Some(ip) => PublicAddress::Elastic(ip.to_owned()),
            };
            Some(Interface { id: interface.network_interface_id()?.into(), public })
        });
    let mark = instance.tags().iter().find(|tag| tag.key() == Some(MARK_TAG)).and_then(|tag| tag.value());
    let leaving = mark.and_then(|mark| {
        mark.parse::<Leaving>().inspect_err(|error| warn!(instance.id = %id, "Ignored a mark: {error}")).ok()
    });
    let launched = instance.launch_time().and_then(|time| Timestamp::from_second(time.secs()).ok()).unwrap_or_default();
    let described =
        Instance { state: InstanceState::from(state.as_str()), interface, launched, leaving, impaired: false };
    Some((id, described))
}

/// The running instances of the account and region whose status checks fail; usually none, so it costs two small calls however many there
/// are. `DescribeInstanceStatus` cannot ask for "one check or the other" at once.
///
/// # Errors
/// When AWS does not answer or refuses. Going on without is better than not going on.
pub async fn describe_impaired(aws: &Aws) -> Result<BTreeSet<InstanceId>, AwsError> {
    let (mut instance, system) =
        tokio::try_join!(impaired_by(aws, "instance-status.status"), impaired_by(aws, "system-status.status"),)?;
    instance.extend(system);
    Ok(instance)
}

async fn impaired_by(aws: &Aws, check: &str) -> Result<BTreeSet<InstanceId>, AwsError> {
    let mut pages = aws
        .ec2
        .describe_instance_status()
        .filters(Filter::builder().name(check).values(SummaryStatus::Impaired.as_str()).build())
        .max_results(PAGE)
        .into_paginator()
        .send();
    let fails = |summary: Option<&InstanceStatusSummary>| {
        summary.and_then(InstanceStatusSummary::status) == Some(&SummaryStatus::Impaired)
    };
    let mut impaired = BTreeSet::new();
    while let Some(page) = pages.next().await {
        aws.counter.read();
        let page = page.map_err(|error| AwsError::new("DescribeInstanceStatus", None, &error))?;
        let failing = page
            .instance_statuses()
            .iter()
            // An endpoint that does not know the filter answers with everybody: an address must not flee from the well.
            .filter(|status| fails(status.instance_status()) || fails(status.system_status()));
        impaired.extend(failing.filter_map(|status| status.instance_id()).map(InstanceId::from));
    }
    Ok(impaired)
}

/// Writes on an instance that it will leave, for later looks. Idempotent.
///
/// Gives `false` if the instance is gone already, which makes the mark needless.
///
/// # Errors
/// When AWS does not answer, or refuses; run again.
pub async fn tag_leaving(aws: &Aws, mark: &Mark) -> Result<bool, AwsError> {
    aws.counter.write();
    let result = aws
        .ec2
        .create_tags()
        .resources(mark.instance.as_str())
        .tags(Tag::builder().key(MARK_TAG).value(mark.leaving.to_string()).build())
        .send()
        .await;
    match result {
        Ok(_) => Ok(true),
        Err(error) => {
            let error = AwsError::new("CreateTags", Some(mark.instance.as_str()), &error);
            if error.trouble == Trouble::Replan { Ok(false) } else { Err(error) }
        }
    }
}
