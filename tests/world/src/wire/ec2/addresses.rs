//! `DescribeAddresses`, `AssociateAddress`, `DisassociateAddress`, `AllocateAddress`, `ReleaseAddress`

use super::write_tags;
use crate::ec2::association::{Target, unknown_allocation};
use crate::journal::Kind;
use crate::wire::filter::Filters;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, View};
use crate::world::{ACCOUNT, REGION, World};

const FILTERS: &[&str] = &[
    "allocation-id",
    "association-id",
    "domain",
    "instance-id",
    "network-border-group",
    "network-interface-id",
    "network-interface-owner-id",
    "private-ip-address",
    "public-ip",
    "tag-key",
    "tag-value",
];

/// Not paginated `[doc]`.
pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (allocations, ips) = (params.list("AllocationId"), params.list("PublicIp"));
    let addresses = &view.state.addresses;
    if let Some(unknown) = allocations.iter().find(|id| !addresses.contains_key(*id)) {
        return Err(unknown_allocation(unknown));
    }
    if let Some(unknown) = ips.iter().find(|ip| !addresses.values().any(|address| address.public_ip == **ip)) {
        return Err(ApiError::bad("InvalidAddress.NotFound", format!("Address '{unknown}' not found.")));
    }
    let filters = Filters::new(params.filters()?, FILTERS)?;
    let chosen = addresses
        .values()
        .filter(|address| {
            allocations.is_empty() && ips.is_empty()
                || allocations.contains(&address.allocation)
                || ips.contains(&address.public_ip)
        })
        .filter(|address| {
            filters.pass(&address.tags, |name| {
                let on = address.association.as_ref();
                match name {
                    "allocation-id" => Some(address.allocation.as_str()),
                    "association-id" => on.map(|on| on.id.as_str()),
                    "domain" => Some("vpc"),
                    "instance-id" => on.map(|on| on.instance.as_str()),
                    "network-border-group" => Some(REGION),
                    "network-interface-id" => on.map(|on| on.interface.as_str()),
                    "network-interface-owner-id" => on.map(|_| ACCOUNT),
                    "private-ip-address" => on.map(|on| on.private_ip.as_str()),
                    "public-ip" => Some(address.public_ip.as_str()),
                    _ => None,
                }
            })
        });
    xml.list("addressesSet", "item", chosen, |xml, address| {
        xml.leaf("publicIp", &address.public_ip);
        xml.leaf("allocationId", &address.allocation);
        xml.leaf("domain", "vpc");
        if let Some(on) = &address.association {
            xml.leaf("instanceId", &on.instance);
            xml.leaf("associationId", &on.id);
            xml.leaf("networkInterfaceId", &on.interface);
            xml.leaf("networkInterfaceOwnerId", ACCOUNT);
            xml.leaf("privateIpAddress", &on.private_ip);
        }
        write_tags(xml, &address.tags);
        xml.leaf("publicIpv4Pool", "amazon");
        xml.leaf("networkBorderGroup", REGION);
    });
    Ok(())
}

pub(crate) fn associate(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let allocation = match (params.get("AllocationId"), params.get("PublicIp")) {
        (Some(allocation), None) => allocation.to_owned(),
        (None, Some(ip)) => {
            let found = world.state.addresses.values().find(|address| address.public_ip == ip);
            found
                .map(|address| address.allocation.clone())
                .ok_or_else(|| ApiError::bad("InvalidAddress.NotFound", format!("Address '{ip}' not found.")))?
        }
        (Some(_), Some(_)) => {
            let message = "You may specify public IP or allocation id, but not both in the same call";
            return Err(ApiError::bad("InvalidParameterCombination", message));
        }
        (None, None) => {
            let message = "Either public IP or allocation id must be specified";
            return Err(ApiError::bad("MissingParameter", message));
        }
    };
    let target = match (params.get("InstanceId"), params.get("NetworkInterfaceId")) {
        (Some(instance), None) => Target::Instance(instance),
        (None, Some(interface)) => Target::Interface(interface),
        (Some(_), Some(_)) => {
            let message = "You may specify instance ID or network interface ID, but not both in the same call";
            return Err(ApiError::bad("InvalidParameterCombination", message));
        }
        (None, None) => {
            let message = "Either instance ID or network interface id must be specified";
            return Err(ApiError::bad("MissingParameter", message));
        }
    };
    // Re-association is the default; `false` is the opt-out `[doc]`.
    let allow = params.flag("AllowReassociation")?.unwrap_or(true);
    let association = world.associate(&allocation, target, params.get("PrivateIpAddress"), allow)?;
    xml.leaf("return", "true");
    xml.leaf("associationId", association);
    Ok(())
}

pub(crate) fn disassociate(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    match (params.get("AssociationId"), params.get("PublicIp")) {
        (Some(association), _) => world.disassociate_by_id(association)?,
        (None, Some(ip)) => world.disassociate_by_ip(ip)?,
        (None, None) => return Err(params.missing("AssociationId")),
    }
    xml.leaf("return", "true");
    Ok(())
}

pub(crate) fn allocate(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    if let Some(domain) = params.get("Domain").filter(|domain| *domain != "vpc") {
        return Err(params.invalid("domain", domain));
    }
    let mut tags = Vec::new();
    for specification in params.structures("TagSpecification") {
        tags.extend(params.tags(&format!("{specification}.Tag"))?);
    }
    let allocation = world.allocate(params.get("Address").map(str::to_owned));
    let Some(address) = world.state.addresses.get_mut(&allocation) else { return Err(unknown_allocation(&allocation)) };
    address.tags.extend(tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())));
    xml.leaf("publicIp", &address.public_ip);
    xml.leaf("allocationId", &allocation);
    xml.leaf("domain", "vpc");
    xml.leaf("publicIpv4Pool", "amazon");
    xml.leaf("networkBorderGroup", REGION);
    Ok(())
}

pub(crate) fn release(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let allocation = params.need("AllocationId")?;
    let address = world.state.addresses.get(allocation).ok_or_else(|| unknown_allocation(allocation))?;
    if address.association.is_some() {
        let message = format!("Address {} is in use.", address.public_ip);
        return Err(ApiError::bad("InvalidIPAddress.InUse", message));
    }
    world.state.addresses.remove(allocation);
    world.record(Kind::Tagged { resource: allocation.to_owned(), key: String::new() });
    xml.leaf("return", "true");
    Ok(())
}
