#![doc = include_str!("../README.md")]

pub mod addresses;
mod error;
pub mod groups;
pub mod instances;
pub mod lifecycle;
mod sdk;
mod tally;

pub use self::{
    error::{AwsError, Trouble},
    sdk::{Aws, load, retries, timeouts},
    tally::Tally,
};

use panda_domain::ids::FleetName;

/// The tag that names the fleet, on Auto Scaling groups and Elastic IPs.
pub const FLEET_TAG: &str = "lethargic-panda:fleet";

/// Which fleets a read is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Whatever carries [`FLEET_TAG`].
    EveryFleet,
    /// Whatever carries [`FLEET_TAG`] with this name.
    Fleet(FleetName),
}

impl Focus {
    /// The filter that EC2 and Auto Scaling understand alike: name and value.
    fn filter(&self) -> (String, String) {
        match self {
            Self::EveryFleet => ("tag-key".to_owned(), FLEET_TAG.to_owned()),
            Self::Fleet(name) => (format!("tag:{FLEET_TAG}"), name.to_string()),
        }
    }
}
