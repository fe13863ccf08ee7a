//! Do the shell scripts do what they promise, run by a real bash?
//!
//! A script sees a server that is a folder: the programs that it must not reach are scripts of a folder of their own, first on its PATH, and
//! whatever it asks of the network is answered on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

mod first_boot;
mod restart_agent;
mod sample_site;
mod server;
