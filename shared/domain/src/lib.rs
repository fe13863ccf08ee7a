#![doc = include_str!("../README.md")]

pub mod chaos;
pub mod event;
pub mod failover;
pub mod ids;
pub mod preflight;
pub mod recovery;
