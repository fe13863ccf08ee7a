#![doc = include_str!("../README.md")]

pub mod activities;
pub mod addresses;
pub mod alarms;
pub mod bus;
pub mod callback;
pub mod chaos_groups;
pub mod commands;
pub mod connections;
pub mod deployment_groups;
pub mod deployments;
mod environment;
mod error;
pub mod groups;
pub mod instances;
pub mod lifecycle;
pub mod managed;
pub mod network;
pub mod offerings;
pub mod opening;
pub mod pipeline_sources;
pub mod pipelines;
pub mod refreshes;
mod sdk;
pub mod servers;
pub mod setup;
pub mod site;
mod status;
pub mod status_alarms;
mod tally;
pub mod termination;
pub mod topics;
mod trust;

pub use self::{
    error::{AwsError, Trouble},
    sdk::{Aws, Lazy, budget, load, retries, timeouts},
    tally::{Counter, Tally},
    trust::{AMAZON_ROOTS, http_client},
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
