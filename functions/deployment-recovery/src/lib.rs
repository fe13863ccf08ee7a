#![doc = include_str!("../README.md")]

pub mod cases;
mod config;
mod handler;
mod memory;
mod observe;
mod outcome;
mod report;
mod tell;
mod work;

pub use self::{
    config::{Config, Mode},
    handler::{App, HandlerError, handle},
    outcome::{CaseOutcome, FindingOutcome, Outcome},
    report::report,
    work::LOOK_AGAIN,
};
pub use panda_lambda::env::ConfigError;

/// The function's name in logs and metrics.
pub const FUNCTION: &str = "deployment-recovery";

/// The IAM actions that this function's role must allow: all of them, and no others.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    let mut actions = [
        panda_aws::bus::ACTIONS,
        panda_aws::chaos_groups::ACTIONS,
        panda_aws::commands::fleet::ACTIONS,
        panda_aws::deployments::failed::ACTIONS,
        panda_aws::groups::VERDICT,
        panda_aws::pipelines::stages::ACTIONS,
        panda_aws::servers::ACTIONS,
        panda_aws::topics::ACTIONS,
        cases::dynamo::ACTIONS,
    ]
    .concat();
    actions.sort_unstable();
    actions
}
