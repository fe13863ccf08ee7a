//! EC2: instances and Elastic IP addresses.

pub(crate) mod address;
pub(crate) mod association;
mod boot;
pub(crate) mod instance;
mod lifecycle;
pub(crate) mod network;
mod notice;
mod status;
