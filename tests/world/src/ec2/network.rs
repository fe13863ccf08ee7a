//! What is the network of the account, and which zone offers which instance type?
//!
//! One VPC as AWS makes it for everybody: a subnet in each zone that lends public addresses, and one route table, the main one, with a route
//! to an internet gateway. Nothing is simulated in it: instances start wherever their group has a zone. It is there to be read, and for people
//! to spoil.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::world::{REGION, World};

/// The one VPC of the world.
pub(crate) const VPC: &str = "vpc-00000000000000001";

/// The zones of the region.
const ZONES: [char; 6] = ['a', 'b', 'c', 'd', 'e', 'f'];

/// Types that every zone offers at the beginning.
const TYPES: [&str; 6] = ["t4g.micro", "t4g.small", "t3.micro", "t3a.micro", "m6g.medium", "c7g.medium"];

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its VPC.
    pub vpc: String,
    /// Its zone.
    pub zone: String,
    /// `MapPublicIpOnLaunch`.
    pub lends_public_ip: bool,
    /// `Ipv6Native`.
    pub ipv6_only: bool,
    /// `AvailableIpAddressCount`.
    pub free: u32,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is the main one.
    pub main: bool,
    /// Subnets that are associated with it.
    pub subnets: BTreeSet<String>,
    /// Where `0.0.0.0/0` leads: `igw-…`, `nat-…`, `eni-…` or `tgw-…`.
    pub default: Option<String>,
    /// Whether that is gone.
    pub blackhole: bool,
}

/// A VPC endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VpcEndpoint {
    /// The service, as in `com.amazonaws.us-east-1.ssm`.
    pub service: String,
    /// The route tables of a gateway endpoint; none for an interface endpoint, which has private DNS.
    pub tables: Option<BTreeSet<String>>,
    /// `available`, `pending`, …
    pub state: String,
}

/// The network, and what can be launched in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Subnets by id.
    pub subnets: BTreeMap<String, Subnet>,
    /// Route tables.
    pub tables: Vec<RouteTable>,
    /// Endpoints of the VPC, by id.
    pub endpoints: BTreeMap<String, VpcEndpoint>,
    /// The zones that offer each type; what is not here is offered nowhere.
    pub offers: BTreeMap<String, BTreeSet<String>>,
    /// User data of launch templates, by the templates' names, in clear text.
    pub user_data: BTreeMap<String, String>,
}

impl Default for Network {
    fn default() -> Self {
        let zones = || ZONES.into_iter().map(|letter| format!("{REGION}{letter}"));
        let subnet = |zone: String| {
            let subnet = Subnet {
                vpc: VPC.to_owned(),
                zone: zone.clone(),
                lends_public_ip: true,
                ipv6_only: false,
                free: 4_091,
            };
            (World::subnet_of(&zone), subnet)
        };
        let main = RouteTable {
            id: "rtb-00000000000000001".to_owned(),
            vpc: VPC.to_owned(),
            main: true,
            subnets: BTreeSet::new(),
            default: Some("igw-00000000000000001".to_owned()),
            blackhole: false,
        };
        Self {
            subnets: zones().map(subnet).collect(),
            tables: vec![main],
            endpoints: BTreeMap::new(),
            offers: TYPES.into_iter().map(|kind| (kind.to_owned(), zones().collect())).collect(),
            user_data: BTreeMap::new(),
        }
    }
}

impl World {
    /// The network, for somebody to change.
    pub fn network_mut(&mut self) -> &mut Network {
        self.touch();
        Arc::make_mut(&mut self.state.network)
    }

    /// The id of a launch template.
    pub(crate) fn template_of(name: &str) -> String {
        format!("lt-0{:0>16}", name.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_000_007))
    }
}
