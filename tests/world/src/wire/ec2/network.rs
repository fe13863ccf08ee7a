//! `DescribeSubnets`, `DescribeRouteTables`, `DescribeVpcEndpoints`, `DescribeInstanceTypeOfferings`, `DescribeLaunchTemplateVersions`

use std::collections::BTreeMap;

use crate::autoscaling::group::Group;
use crate::ec2::network::{RouteTable, VPC};
use crate::wire::filter::Filters;
use crate::wire::page::page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};
use crate::world::World;

/// The size of a page: 5 to a limit of each operation's own `[doc]`.
fn size(params: &Params<'_>, most: u32) -> Result<Option<usize>, ApiError> {
    match params.number("MaxResults")? {
        Some(size) if !(5..=most).contains(&size) => Err(params.invalid("maxResults", &size.to_string())),
        size => Ok(size.map(|size| size as usize)),
    }
}

/// Ids that are asked for by name must exist.
fn check<'a>(ids: &[String], kind: &'static str, exists: impl Fn(&str) -> bool + 'a) -> Result<(), ApiError> {
    match ids.iter().find(|id| !exists(id)) {
        None => Ok(()),
        Some(id) => Err(ApiError::bad(kind, format!("The ID '{id}' does not exist"))),
    }
}

pub(crate) fn subnets(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (ids, all) = (params.list("SubnetId"), &view.state.network.subnets);
    check(&ids, "InvalidSubnetID.NotFound", |id| all.contains_key(id))?;
    let filters = Filters::new(params.filters()?, &["subnet-id", "vpc-id", "availability-zone", "state"])?;
    let none = BTreeMap::new();
    let chosen = all.iter().filter(|(id, _)| ids.is_empty() || ids.contains(id)).filter(|(id, subnet)| {
        filters.pass(&none, |name| match name {
            "subnet-id" => Some(id.as_str()),
            "vpc-id" => Some(subnet.vpc.as_str()),
            "availability-zone" => Some(subnet.zone.as_str()),
            "state" => Some("available"),
            _ => None,
        })
    });
    let items = chosen.map(|(id, subnet)| (id.as_str(), (id, subnet)));
    let (shown, next) = page(items, size(params, 1_000)?, params.get("NextToken"), Service::Ec2)?;
    xml.list("subnetSet", "item", shown, |xml, (id, subnet)| {
        xml.leaf("subnetId", id);
        xml.leaf("state", "available");
        xml.leaf("vpcId", &subnet.vpc);
        xml.leaf("availableIpAddressCount", subnet.free.to_string());
        xml.leaf("availabilityZone", &subnet.zone);
        xml.leaf("defaultForAz", "true");
        xml.leaf("mapPublicIpOnLaunch", subnet.lends_public_ip.to_string());
        xml.leaf("ipv6Native", subnet.ipv6_only.to_string());
    });
    xml.maybe("nextToken", next);
    Ok(())
}

pub(crate) fn tables(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let (ids, all) = (params.list("RouteTableId"), &view.state.network.tables);
    check(&ids, "InvalidRouteTableID.NotFound", |id| all.iter().any(|table| table.id == id))?;
    let filters =
        Filters::new(params.filters()?, &["route-table-id", "vpc-id", "association.main", "association.subnet-id"])?;
    let none = BTreeMap::new();
    let chosen = all.iter().filter(|table| ids.is_empty() || ids.contains(&table.id)).filter(|table| {
        filters.pass(&none, |name| -> Vec<&str> {
            match name {
                "route-table-id" => vec![&table.id],
                "vpc-id" => vec![&table.vpc],
                "association.main" => vec![if table.main { "true" } else { "false" }],
                _ => table.subnets.iter().map(String::as_str).collect(),
            }
        })
    });
    let (shown, next) = page(
        chosen.map(|table| (table.id.as_str(), table)),
        size(params, 100)?,
        params.get("NextToken"),
        Service::Ec2,
    )?;
    xml.list("routeTableSet", "item", shown, write_table);
    xml.maybe("nextToken", next);
    Ok(())
}

fn write_table(xml: &mut Xml, table: &RouteTable) {
    xml.leaf("routeTableId", &table.id);
    xml.leaf("vpcId", &table.vpc);
    xml.node("routeSet", |xml| {
        xml.node("item", |xml| {
            xml.leaf("destinationCidrBlock", "172.31.0.0/16");
            xml.leaf("gatewayId", "local");
            xml.leaf("state", "active");
            xml.leaf("origin", "CreateRouteTable");
        });
        if let Some(target) = &table.default {
            xml.node("item", |xml| {
                xml.leaf("destinationCidrBlock", "0.0.0.0/0");
                let field = match target.split('-').next() {
                    Some("nat") => "natGatewayId",
                    Some("eni") => "networkInterfaceId",
                    Some("tgw") => "transitGatewayId",
                    _ => "gatewayId",
                };
                xml.leaf(field, target);
                xml.leaf("state", if table.blackhole { "blackhole" } else { "active" });
                xml.leaf("origin", "CreateRoute");
            });
        }
    });
    let own = table.subnets.iter().map(Some).chain(table.main.then_some(None));
    xml.list("associationSet", "item", own, |xml, subnet| {
        let of = subnet.map_or(table.id.trim_start_matches("rtb-"), |id| id.trim_start_matches("subnet-"));
        xml.leaf("routeTableAssociationId", format!("rtbassoc-{of}"));
        xml.leaf("routeTableId", &table.id);
        xml.maybe("subnetId", subnet);
        xml.leaf("main", subnet.is_none().to_string());
        xml.node("associationState", |xml| xml.leaf("state", "associated"));
    });
    xml.node("propagatingVgwSet", |_| {});
}

pub(crate) fn endpoints(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let filters =
        Filters::new(params.filters()?, &["vpc-id", "service-name", "vpc-endpoint-id", "vpc-endpoint-state"])?;
    let none = BTreeMap::new();
    let chosen = view.state.network.endpoints.iter().filter(|(id, endpoint)| {
        filters.pass(&none, |name| match name {
            "vpc-id" => Some(VPC),
            "service-name" => Some(endpoint.service.as_str()),
            "vpc-endpoint-id" => Some(id.as_str()),
            _ => Some(endpoint.state.as_str()),
        })
    });
    let items = chosen.map(|(id, endpoint)| (id.as_str(), (id, endpoint)));
    let (shown, next) = page(items, size(params, 1_000)?, params.get("NextToken"), Service::Ec2)?;
    xml.list("vpcEndpointSet", "item", shown, |xml, (id, endpoint)| {
        xml.leaf("vpcEndpointId", id);
        xml.leaf("vpcEndpointType", if endpoint.tables.is_some() { "Gateway" } else { "Interface" });
        xml.leaf("vpcId", VPC);
        xml.leaf("serviceName", &endpoint.service);
        xml.leaf("state", &endpoint.state);
        xml.list("routeTableIdSet", "item", endpoint.tables.iter().flatten(), Xml::text);
        xml.leaf("privateDnsEnabled", endpoint.tables.is_none().to_string());
    });
    xml.maybe("nextToken", next);
    Ok(())
}

/// By zone only: what other locations are asked for, this world refuses.
pub(crate) fn offerings(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let kind = params.get("LocationType").unwrap_or("region");
    if kind != "availability-zone" {
        return Err(params.invalid("locationType", kind));
    }
    let filters = Filters::new(params.filters()?, &["instance-type", "location"])?;
    let none = BTreeMap::new();
    let offers = view.state.network.offers.iter();
    let mut rows: Vec<(String, &String, &String)> = offers
        .flat_map(|(name, zones)| zones.iter().map(move |zone| (format!("{name}/{zone}"), name, zone)))
        .filter(|(_, name, zone)| {
            filters.pass(&none, |field| Some(if field == "location" { zone.as_str() } else { name.as_str() }))
        })
        .collect();
    rows.sort();
    let items = rows.iter().map(|(key, name, zone)| (key.as_str(), (name, zone)));
    let (shown, next) = page(items, size(params, 1_000)?, params.get("NextToken"), Service::Ec2)?;
    xml.list("instanceTypeOfferingSet", "item", shown, |xml, (name, zone)| {
        xml.leaf("instanceType", name);
        xml.leaf("locationType", "availability-zone");
        xml.leaf("location", zone);
    });
    xml.maybe("nextToken", next);
    Ok(())
}

/// The newest version of each group's template; older ones are not kept.
pub(crate) fn template_versions(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let wanted = params.get("LaunchTemplateId").or(params.get("LaunchTemplateName"));
    let wanted = wanted.ok_or_else(|| params.missing("LaunchTemplateId"))?;
    let meant =
        |group: &&Group| World::template_of(&group.launch_template) == wanted || group.launch_template == wanted;
    // Two codes, by what it was called `[doc]` EC2 API reference, error codes.
    let group = view.state.groups.values().find(meant).ok_or_else(|| {
        let (code, by) = match params.get("LaunchTemplateId") {
            Some(_) => ("InvalidLaunchTemplateId.NotFound", "ID"),
            None => ("InvalidLaunchTemplateName.NotFoundException", "name"),
        };
        ApiError::bad(code, format!("The specified launch template, with template {by} {wanted}, does not exist."))
    })?;
    let script = view.state.network.user_data.get(&group.launch_template);
    xml.list("launchTemplateVersionSet", "item", [group], |xml, group| {
        xml.leaf("launchTemplateId", World::template_of(&group.launch_template));
        xml.leaf("launchTemplateName", &group.launch_template);
        xml.leaf("versionNumber", group.version.to_string());
        xml.leaf("defaultVersion", "true");
        xml.node("launchTemplateData", |xml| {
            xml.leaf("imageId", "ami-00000000000000001");
            xml.leaf("instanceType", &group.instance_type);
            xml.node("metadataOptions", |xml| xml.leaf("httpTokens", "required"));
            xml.maybe("userData", script.map(aws_smithy_types::base64::encode));
        });
    });
    Ok(())
}
