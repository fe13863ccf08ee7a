//! The network that a fleet is launched into: subnets, route tables, endpoints.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, RouteState, RouteTableAssociation, VpcEndpointType};
use panda_domain::{
    ids::SubnetId,
    preflight::{Endpoint, Network, Route, RouteTable, Subnet, Target},
};
use tokio::try_join;

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints"];

/// The most that these operations put on a page.
const PAGE: i32 = 100;

/// The most values that EC2 takes in one filter.
const FILTER_VALUES: usize = 200;

/// These subnets, as far as they exist, and all subnets, route tables and endpoints of these VPCs; all pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_network(
    aws: &Aws,
    subnets: &BTreeSet<SubnetId>,
    vpcs: &BTreeSet<String>,
) -> Result<Network, AwsError> {
    let ids: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    let vpcs: Vec<String> = vpcs.iter().cloned().collect();
    let (asked, others, tables, endpoints) = try_join!(
        // By a filter, not by parameter: a parameter that names one subnet too many fails the whole call.
        describe_subnets(aws, "subnet-id", &ids),
        describe_subnets(aws, "vpc-id", &vpcs),
        describe_tables(aws, &vpcs),
        describe_endpoints(aws, &vpcs),
    )?;
    let subnets = asked.into_iter().chain(others).map(|subnet| (subnet.id.clone(), subnet)).collect();
    Ok(Network { subnets, tables, endpoints })
}

/// The network that a group launches into, whose VPC is known from its subnets.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn describe_network_of(aws: &Aws, subnets: &BTreeSet<SubnetId>) -> Result<Network, AwsError> {
    let ids: Vec<String> = subnets.iter().map(ToString::to_string).collect();
    let found = describe_subnets(aws, "subnet-id", &ids).await?;
    let vpcs: Vec<String> =
        found.iter().map(|subnet| subnet.vpc.clone()).collect::<BTreeSet<_>>().into_iter().collect();
    let (tables, endpoints) = try_join!(describe_tables(aws, &vpcs), describe_endpoints(aws, &vpcs))?;
    let subnets: BTreeMap<SubnetId, Subnet> = found.into_iter().map(|subnet| (subnet.id.clone(), subnet)).collect();
    Ok(Network { subnets, tables, endpoints })
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder().name(name).set_values(Some(values.to_vec())).build()
}

async fn describe_subnets(aws: &Aws, name: &str, values: &[String]) -> Result<Vec<Subnet>, AwsError> {
    let mut subnets = Vec::new();
    for chunk in values.chunks(FILTER_VALUES) {
        let request = aws.ec2.describe_subnets().filters(filter(name, chunk)).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeSubnets", None, &error))?;
            subnets.extend(page.subnets().iter().filter_map(read_subnet));
        }
    }
    Ok(subnets)
}

async fn describe_tables(aws: &Aws, vpcs: &[String]) -> Result<Vec<RouteTable>, AwsError> {
    let mut tables = Vec::new();
    for chunk in vpcs.chunks(FILTER_VALUES) {
        let request = aws.ec2.describe_route_tables().filters(filter("vpc-id", chunk)).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeRouteTables", None, &error))?;
            tables.extend(page.route_tables().iter().filter_map(read_table));
        }
    }
    Ok(tables)
}

async fn describe_endpoints(aws: &Aws, vpcs: &[String]) -> Result<Vec<Endpoint>, AwsError> {
    let mut endpoints = Vec::new();
    for chunk in vpcs.chunks(FILTER_VALUES) {
        let request = aws.ec2.describe_vpc_endpoints().filters(filter("vpc-id", chunk)).max_results(PAGE);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            aws.counter.read();
            let page = page.map_err(|error| AwsError::new("DescribeVpcEndpoints", None, &error))?;
            endpoints.extend(page.vpc_endpoints().iter().filter_map(read_endpoint));
        }
    }
    Ok(endpoints)
}

fn read_subnet(subnet: &aws_sdk_ec2::types::Subnet) -> Option<Subnet> {
    Some(Subnet {
        id: subnet.subnet_id()?.into(),
        vpc: subnet.vpc_id()?.to_owned(),
        zone: subnet.availability_zone()?.to_owned(),
        lends_public_ip: subnet.map_public_ip_on_launch().unwrap_or(false),
        ipv6_only: subnet.ipv6_native().unwrap_or(false),
        free: subnet.available_ip_address_count().and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
    })
}

fn read_table(table: &aws_sdk_ec2::types::RouteTable) -> Option<RouteTable> {
    let own = |association: &RouteTableAssociation| association.subnet_id().map(SubnetId::from);
    let default = table.routes().iter().find(|route| route.destination_cidr_block() == Some("0.0.0.0/0"));
    Some(RouteTable {
        id: table.route_table_id()?.to_owned(),
        vpc: table.vpc_id()?.to_owned(),
        main: table.associations().iter().any(|association| association.main() == Some(true)),
        subnets: table.associations().iter().filter_map(own).collect(),
        default: default.map(read_route),
    })
}

fn read_route(route: &aws_sdk_ec2::types::Route) -> Route {
    let target = match route.gateway_id().filter(|id| id.starts_with("igw-")) {
        Some(id) => Target::InternetGateway(id.to_owned()),
        None => Target::Other(
            [
                route.nat_gateway_id(),
                route.instance_id(),
                route.network_interface_id(),
                route.transit_gateway_id(),
                route.gateway_id(),
                route.vpc_peering_connection_id(),
                route.local_gateway_id(),
                route.carrier_gateway_id(),
                route.core_network_arn(),
            ]
            .into_iter()
            .flatten()
            .find(|id| !id.is_empty())
            .unwrap_or("something without a name")
            .to_owned(),
        ),
    };
    Route { target, blackhole: route.state() == Some(&RouteState::Blackhole) }
}

fn read_endpoint(endpoint: &aws_sdk_ec2::types::VpcEndpoint) -> Option<Endpoint> {
    // AWS writes `available` where its documentation has `Available`.
    let available = endpoint.state().is_some_and(|state| state.as_str().eq_ignore_ascii_case("available"));
    let gateway = endpoint.vpc_endpoint_type() == Some(&VpcEndpointType::Gateway);
    available.then_some(())?;
    Some(Endpoint {
        vpc: endpoint.vpc_id()?.to_owned(),
        service: endpoint.service_name()?.to_owned(),
        tables: gateway.then(|| endpoint.route_table_ids().iter().cloned().collect()),
        private_dns: endpoint.private_dns_enabled().unwrap_or(false),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_with_its_subnets_and_its_route_to_the_internet() {
        let association = |id: &str| RouteTableAssociation::builder().subnet_id(id).main(false).build();
        let route = |cidr: &str| aws_sdk_ec2::types::Route::builder().destination_cidr_block(cidr);
        let table = aws_sdk_ec2::types::RouteTable::builder()
            .route_table_id("rtb-1")
            .vpc_id("vpc-1")
            .associations(RouteTableAssociation::builder().main(true).build())
            .associations(association("subnet-1"))
            .routes(route("172.31.0.0/16").gateway_id("local").build())
            .routes(route("0.0.0.0/0").gateway_id("igw-1").state(RouteState::Active).build())
            .build();
        let read = read_table(&table).unwrap();
        assert!(read.main && read.subnets == BTreeSet::from(["subnet-1".into()]), "{read:?}");
        let igw = Target::InternetGateway("igw-1".to_owned());
        assert_eq!(read.default, Some(Route { target: igw, blackhole: false }));
    }

    #[test]
    fn a_route_to_anything_but_an_internet_gateway_is_told_by_its_name() {
        let route = aws_sdk_ec2::types::Route::builder().nat_gateway_id("nat-1").state(RouteState::Blackhole).build();
        assert_eq!(read_route(&route), Route { target: Target::Other("nat-1".to_owned()), blackhole: true });
        // A virtual private gateway is a gateway too, and no way into the internet.
        let route = aws_sdk_ec2::types::Route::builder().gateway_id("vgw-1").build();
        assert_eq!(read_route(&route).target, Target::Other("vgw-1".to_owned()));
    }

    #[test]
    fn an_endpoint_that_is_not_available_is_none() {
        let endpoint =
            aws_sdk_ec2::types::VpcEndpoint::builder().vpc_id("vpc-1").service_name("com.amazonaws.eu-west-1.ssm");
        for (state, there) in [("available", true), ("Available", true), ("pending", false), ("failed", false)] {
            let read = read_endpoint(&endpoint.clone().state(aws_sdk_ec2::types::State::from(state)).build());
            assert_eq!(read.is_some(), there, "{state}");
        }
    }
}
