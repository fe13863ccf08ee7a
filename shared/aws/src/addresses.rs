//! Elastic IPs: where are they, and put one there.

use aws_sdk_ec2::types::Filter;
use panda_domain::{
    failover::{Address, Association, Move},
    ids::{AssociationId, FleetName},
};

use crate::{Aws, AwsError, FLEET_TAG, Focus, Trouble};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ec2:AssociateAddress", "ec2:DescribeAddresses"];

/// What [`describe_addresses`] alone needs to be allowed.
pub const READS: &[&str] = &["ec2:DescribeAddresses"];

/// The Elastic IPs of fleets, each with its fleet. `DescribeAddresses` has no pages.
///
/// Addresses outside a VPC have no allocation and are left out; EC2-Classic is gone, and so are they.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_addresses(aws: &Aws, focus: &Focus) -> Result<Vec<(FleetName, Address)>, AwsError> {
    let (name, value) = focus.filter();
    aws.counter.read();
    let reply = aws
        .ec2
        .describe_addresses()
        .filters(Filter::builder().name(name).values(value).build())
        .send()
        .await
        .map_err(|error| AwsError::new("DescribeAddresses", None, &error))?;
    Ok(reply.addresses().iter().filter_map(read).collect())
}

fn read(address: &aws_sdk_ec2::types::Address) -> Option<(FleetName, Address)> {
    let fleet = address.tags().iter().find(|tag| tag.key() == Some(FLEET_TAG))?.value()?;
    let holder = address.instance_id().filter(|id| !id.is_empty());
    Some((
        fleet.into(),
        Address {
            allocation: address.allocation_id()?.into(),
            public_ip: address.public_ip()?.to_owned(),
            association: address
                .association_id()
                .filter(|id| !id.is_empty())
                .map(|id| Association { id: id.into(), instance: holder.map(Into::into) }),
        },
    ))
}

/// How an attempt to put an address somewhere ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Associated {
    /// The address is there, by this association. It was so before if somebody else planned the same.
    Done(Option<AssociationId>),
    /// The world is not as the plan took it for: the target died or is not ready, or the address was taken or released. Look again.
    Overtaken(AwsError),
}

/// Carries out one move, in one call and without a gap.
///
/// An address that was seen free is taken only if it still is (`AllowReassociation=false`, EC2's only compare-and-swap here); one that a
/// dead or worse instance holds is taken from it. The call is idempotent.
///
/// # Errors
/// When AWS does not answer, or refuses for a reason that planning again does not change.
pub async fn associate_address(aws: &Aws, moved: &Move) -> Result<Associated, AwsError> {
    aws.counter.write();
    let result = aws
        .ec2
        .associate_address()
        .allocation_id(moved.allocation.as_str())
        .network_interface_id(moved.interface.as_str())
        .allow_reassociation(!moved.seen_free)
        .send()
        .await;
    match result {
        Ok(reply) => Ok(Associated::Done(reply.association_id().map(Into::into))),
        Err(error) => {
            let subject = format!("{} to {}", moved.allocation, moved.to);
            let error = AwsError::new("AssociateAddress", Some(&subject), &error);
            if error.trouble == Trouble::Replan { Ok(Associated::Overtaken(error)) } else { Err(error) }
        }
    }
}
