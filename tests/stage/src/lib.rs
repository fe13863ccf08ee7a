//! The simulated AWS on a stage, for real binaries and for people: simulate, serve, demo, bench.

pub mod bench;
pub mod demo;
pub mod deploy;
pub mod serve;
pub mod simulate;
pub mod tether;
