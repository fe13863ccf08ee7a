//! EC2: instances and Elastic IP addresses.

pub(crate) mod address;
pub(crate) mod association;
mod boot;
pub(crate) mod instance;
mod lifecycle;
mod notice;
mod status;
