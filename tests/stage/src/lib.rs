//! The simulated AWS on a stage, for real binaries and for people: simulate, scale, serve, demo, soak, bench.

pub mod bench;
pub mod blueprint;
pub mod demo;
pub mod deploy;
mod intrinsic;
pub mod serve;
pub mod simulate;
pub mod soak;
pub mod tether;
