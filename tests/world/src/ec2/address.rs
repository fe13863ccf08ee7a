//! What is an Elastic IP address?

use std::collections::BTreeMap;

use serde::Serialize;

/// An association.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Association {
    /// `eipassoc-0…`
    pub id: String,
    /// The instance the interface is attached to.
    pub instance: String,
    /// The interface.
    pub interface: String,
    /// The private address.
    pub private_ip: String,
}

/// An Elastic IP address.
#[derive(Debug, Clone, Serialize)]
pub struct Address {
    /// `eipalloc-0…`
    pub allocation: String,
    /// The address.
    pub public_ip: String,
    /// What `DescribeAddresses` shows.
    pub association: Option<Association>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// The instance that packets reach now: follows the association after the settle time.
    pub routed_to: Option<String>,
    /// Who answers now.
    pub serving: Option<String>,
    /// Counts changes of the association, so that an overtaken settling does nothing.
    #[serde(skip)]
    pub(crate) route_epoch: u32,
}
