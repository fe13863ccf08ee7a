#![doc = include_str!("../README.md")]

pub mod deadline;
pub mod env;
pub mod failure;
pub mod telemetry;
