//! Are the fleet's addresses there, and on its servers?

use std::collections::BTreeSet;

use super::{FleetSetup, GroupSetup, serving, take, word};
use crate::{
    chaos::tags,
    failover::{Address, PublicAddress},
    ids::InstanceId,
    preflight::Finding,
};

pub(super) fn check(setup: &FleetSetup, groups: &[&GroupSetup]) -> Vec<Finding> {
    let (fleet, mut findings) = (&setup.fleet, Vec::new());
    let Some(addresses) = take(&setup.addresses, "Elastic IPs", fleet.as_str(), &mut findings) else { return findings };
    if addresses.is_empty() {
        let sentence =
            format!("No Elastic IP carries the tag `{}` = `{fleet}`: there is nothing to keep alive.", tags::FLEET);
        let mend = format!(
            "aws ec2 allocate-address --tag-specifications {} (or, for one that is there: aws ec2 create-tags --resources eipalloc-… --tags {})",
            word(&format!("ResourceType=elastic-ip,Tags=[{{Key={},Value={fleet}}}]", tags::FLEET)),
            word(&format!("Key={},Value={fleet}", tags::FLEET)),
        );
        findings.push(Finding::error("no-address", fleet, sentence).mended_by(mend));
        return findings;
    }
    if groups.is_empty() {
        return findings;
    }
    let members: BTreeSet<&InstanceId> =
        groups.iter().flat_map(|group| &group.members).map(|member| &member.instance).collect();
    let holders: BTreeSet<&InstanceId> = addresses.iter().filter_map(holder).collect();
    let mut free = groups.iter().flat_map(|group| able(group)).filter(|(id, _)| !holders.contains(*id));
    for address in addresses {
        let ip = &address.public_ip;
        let sentence = match (holder(address), &address.association) {
            (Some(id), _) if members.contains(id) => continue,
            (Some(id), _) => format!("The address {ip} is on `{id}`, which is no server of the fleet."),
            (None, Some(_)) => format!("The address {ip} is on a network interface without a server."),
            (None, None) => format!("The address {ip} is on no server."),
        };
        let sentence = format!(
            "{sentence} elastic-ip-failover moves it within a minute; if it stays there, the function's log says why."
        );
        let finding = Finding::error("address-elsewhere", ip, sentence);
        let by_hand = free.next().map(|(_, interface)| {
            format!(
                "aws ec2 associate-address --allocation-id {} --network-interface-id {interface}",
                address.allocation
            )
        });
        findings.push(
            finding.mended_by(
                by_hand.unwrap_or_else(|| "Bring a server into service that holds no address yet.".to_owned()),
            ),
        );
    }
    let most: u32 = groups.iter().fold(0, |sum, group| sum.saturating_add(group.desired));
    if addresses.len() > usize::try_from(most).unwrap_or(usize::MAX) {
        let sentence = format!(
            "The fleet `{fleet}` has {} addresses and keeps {most} servers, each of which holds one at most.",
            addresses.len()
        );
        findings.push(Finding::warning("more-addresses-than-servers", fleet, sentence));
    }
    findings.extend(groups.iter().flat_map(|group| foreign(group, addresses)));
    findings
}

fn holder(address: &Address) -> Option<&InstanceId> {
    address.association.as_ref().and_then(|association| association.instance.as_ref())
}

/// The serving members with the interface that an address goes on.
fn able(group: &GroupSetup) -> impl Iterator<Item = (&InstanceId, &str)> {
    serving(group).filter_map(|member| {
        let instance = group.instances.as_ref().ok()?.get(&member.instance)?;
        let (interface, _) = instance.interface.as_ref()?;
        Some((&member.instance, interface.as_str()))
    })
}

/// A server whose interface holds somebody else's Elastic IP never gets one of the fleet's: it would lose the other.
fn foreign(group: &GroupSetup, addresses: &[Address]) -> Vec<Finding> {
    let Ok(instances) = &group.instances else { return Vec::new() };
    let ours = |ip: &str| addresses.iter().any(|address| address.public_ip == ip);
    instances
        .iter()
        .filter_map(|(id, instance)| match &instance.interface {
            Some((_, PublicAddress::Elastic(ip))) if !ours(ip) => {
                let sentence =
                    format!("`{id}` holds {ip}, which is not the fleet's, and so never gets an address of the fleet.");
                let mend = format!("aws ec2 disassociate-address --public-ip {ip} (or tag it as the fleet's)");
                Some(Finding::error("foreign-address", id, sentence).mended_by(mend))
            }
            _ => None,
        })
        .collect()
}
