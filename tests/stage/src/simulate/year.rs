//! Does the panda keep its limits for a year? Ticks, dice, people and weather; deaths and lost replies at every call.
//!
//! The deployed function's own code runs in process, over the journal in memory ([`panda::journal::memory`], the twin of the table). Two to
//! six fleets with tags of all kinds live through a year of virtual time beside the function that keeps their addresses.

mod calendar;
mod chronicle;
mod figures;
mod fleets;
mod function;
mod law;
mod ledger;
mod mischief;
mod people;
mod play;
mod trouble;
mod truth;

pub use self::figures::YearsReport;
pub(super) use self::{
    figures::Figures,
    play::{Cast, Played, play, to_live},
};

/// 2026-01-01T00:00:00Z; Lord Howe and New York change their clocks on different days.
const START: i64 = 1_767_225_600;
/// How many days a year has.
const DAYS: u32 = 365;
