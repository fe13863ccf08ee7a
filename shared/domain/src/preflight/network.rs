//! How does a server in a subnet reach AWS, and how does the internet reach it?
//!
//! An Elastic IP works only where the subnet's traffic to the internet goes through an internet gateway ([AWS][igw]): behind a NAT gateway
//! the packets come in and their answers leave by another address. And before a server has the Elastic IP, while it boots, it needs an address
//! of its own, lent at launch, or endpoints of all that it talks to: without one of them it gets no code and is never in service.
//!
//! [igw]: https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::SubnetId;

/// What a server talks to: Systems Manager, CodeDeploy, and the bucket of the pipeline's artifacts. By the last parts of the endpoints' names.
pub const SERVICES: [&str; 6] = ["codedeploy", "codedeploy-commands-secure", "ec2messages", "s3", "ssm", "ssmmessages"];

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its VPC.
    pub vpc: String,
    /// Its Availability Zone, by the account's name for it.
    pub zone: String,
    /// `MapPublicIpOnLaunch`.
    pub lends_public_ip: bool,
    /// `Ipv6Native`: there is no IPv4 in it, and so no Elastic IP.
    pub ipv6_only: bool,
    /// `AvailableIpAddressCount`.
    pub free: u32,
}

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id, `rtb-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is the table of every subnet of the VPC that has none of its own.
    pub main: bool,
    /// The subnets that it is the own table of.
    pub subnets: BTreeSet<SubnetId>,
    /// Its route to `0.0.0.0/0`.
    pub default: Option<Route>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub target: Target,
    /// Whether its target is gone.
    pub blackhole: bool,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An internet gateway, `igw-…`.
    InternetGateway(String),
    /// Anything else: a NAT gateway, an instance, a transit gateway, …
    Other(String),
}

/// A VPC endpoint that is available.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its VPC.
    pub vpc: String,
    /// The service's name, as in `com.amazonaws.eu-west-1.ssm`.
    pub service: String,
    /// Whether servers reach it by the service's own name: a gateway by its route tables, an interface by private DNS.
    pub tables: Option<BTreeSet<String>>,
    /// For an interface: whether it has taken over the service's DNS name in the VPC.
    pub private_dns: bool,
}

/// What is known of the network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    /// Subnets: those that were asked for, and the others of the VPC.
    pub subnets: BTreeMap<SubnetId, Subnet>,
    /// Route tables of the VPC.
    pub tables: Vec<RouteTable>,
    /// Endpoints of the VPC.
    pub endpoints: Vec<Endpoint>,
}

/// Whether a server in a subnet can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayOut {
    /// It reaches AWS, and its Elastic IP answers.
    Open,
    /// There is no IPv4.
    Ipv6Only,
    /// There is no route to the internet.
    NoRoute {
        /// The route table, if one is known.
        table: Option<String>,
    },
    /// The route to the internet leads to something that is gone.
    Blackhole {
        /// The route table.
        table: String,
        /// What is gone.
        target: String,
    },
    /// The route to the internet is no internet gateway: a server gets out, and nobody gets in by an Elastic IP.
    NoWayIn {
        /// The route table.
        table: String,
        /// Where it leads.
        target: String,
    },
    /// The server has no address while it boots, and these services no endpoint.
    NoAddress {
        /// The services, by [`SERVICES`].
        missing: Vec<&'static str>,
    },
}

impl Network {
    /// The route table of a subnet: its own, or else the main one of its VPC.
    #[must_use]
    pub fn table_of(&self, subnet: &Subnet) -> Option<&RouteTable> {
        let own = self.tables.iter().find(|table| table.subnets.contains(&subnet.id));
        own.or_else(|| self.tables.iter().find(|table| table.main && table.vpc == subnet.vpc))
    }

    /// Whether a server in this subnet can work, if it gets a public address at launch or not.
    #[must_use]
    pub fn way_out(&self, subnet: &Subnet, lends_public_ip: bool) -> WayOut {
        if subnet.ipv6_only {
            return WayOut::Ipv6Only;
        }
        let table = self.table_of(subnet);
        let Some((table, route)) = table.and_then(|table| Some((table, table.default.as_ref()?))) else {
            return WayOut::NoRoute { table: table.map(|table| table.id.clone()) };
        };
        let (Target::InternetGateway(target) | Target::Other(target)) = &route.target;
        if route.blackhole {
            return WayOut::Blackhole { table: table.id.clone(), target: target.clone() };
        }
        if let Target::Other(target) = &route.target {
            return WayOut::NoWayIn { table: table.id.clone(), target: target.clone() };
        }
        if lends_public_ip {
            return WayOut::Open;
        }
        let missing: Vec<&str> =
            SERVICES.into_iter().filter(|service| !self.has_endpoint(&subnet.vpc, service, &table.id)).collect();
        if missing.is_empty() { WayOut::Open } else { WayOut::NoAddress { missing } }
    }

    fn has_endpoint(&self, vpc: &str, service: &str, table: &str) -> bool {
        self.endpoints.iter().filter(|endpoint| endpoint.vpc == vpc).any(|endpoint| {
            let named = endpoint.service.rsplit('.').next() == Some(service);
            named && endpoint.tables.as_ref().map_or(endpoint.private_dns, |tables| tables.contains(table))
        })
    }
}
