#![doc = include_str!("../README.md")]

mod act;
mod config;
mod handler;
mod memory;
mod observe;
mod outcome;
mod report;

pub use self::{
    config::Config,
    handler::{App, HandlerError, handle},
    outcome::{FleetOutcome, HookOutcome, MoveOutcome, Outcome},
    report::report,
};
pub use panda_lambda::env::ConfigError;

/// The function's name in logs and metrics.
pub const FUNCTION: &str = "elastic-ip-failover";

/// The IAM actions that this function's role must allow: all of them, and no others.
#[must_use]
pub fn actions() -> Vec<&'static str> {
    let mut actions = [
        panda_aws::addresses::ACTIONS,
        panda_aws::groups::ACTIONS,
        panda_aws::instances::ACTIONS,
        panda_aws::lifecycle::ACTIONS,
    ]
    .concat();
    actions.sort_unstable();
    actions
}
