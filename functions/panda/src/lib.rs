#![doc = include_str!("../README.md")]

mod config;
mod handler;
pub mod journal;
mod observe;
mod outcome;
mod report;
mod strike;
mod tell;
mod watch;

pub use self::{
    config::Config,
    handler::{App, HandlerError, handle},
    outcome::Outcome,
    report::report,
    tell::FINISHED,
};
pub use panda_lambda::env::ConfigError;

/// The function's name in logs and metrics.
pub const FUNCTION: &str = "panda";

/// The IAM actions that this function's role must allow: all of them, and no others.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    let mut actions = [
        panda_aws::activities::ACTIONS,
        panda_aws::addresses::READS,
        panda_aws::alarms::ACTIONS,
        panda_aws::bus::ACTIONS,
        panda_aws::chaos_groups::ACTIONS,
        panda_aws::commands::ACTIONS,
        panda_aws::deployments::ACTIONS,
        panda_aws::instances::READS,
        panda_aws::pipelines::ACTIONS,
        panda_aws::refreshes::ACTIONS,
        panda_aws::termination::ACTIONS,
        panda_aws::topics::ACTIONS,
        journal::dynamo::ACTIONS,
    ]
    .concat();
    actions.sort_unstable();
    actions
}
