//! Auto Scaling groups.

pub(crate) mod activity;
mod blue_green;
mod capacity;
pub(crate) mod group;
pub(crate) mod health;
pub(crate) mod hooks;
mod launch;
pub(crate) mod member;
mod reconcile;
pub(crate) mod refresh;
mod selection;
mod standby;
mod suspend;
mod terminate;
