#![doc = include_str!("../README.md")]

mod config;
mod fleet;
mod handler;
mod launch;
mod outcome;

pub use self::{
    config::Config,
    handler::{App, HandlerError, handle},
    outcome::{FleetReport, Outcome},
};
pub use panda_lambda::env::ConfigError;

/// The IAM actions that this function's role must allow: all of them, and no others.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    let mut actions = [
        panda_aws::addresses::READS,
        panda_aws::alarms::ACTIONS,
        panda_aws::connections::ACTIONS,
        panda_aws::deployment_groups::ACTIONS,
        panda_aws::managed::ACTIONS,
        panda_aws::network::ACTIONS,
        panda_aws::offerings::ACTIONS,
        panda_aws::pipeline_sources::ACTIONS,
        panda_aws::setup::ACTIONS,
        panda_aws::status_alarms::ACTIONS,
    ]
    .concat();
    actions.sort_unstable();
    actions
}
