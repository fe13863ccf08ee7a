//! What becomes of deployments that fail? Agents of all conditions, people who push and stop, and a fault possible at every call.
//!
//! The deployed function's own code runs in process, over the book of cases in memory ([`deployment_recovery::cases::memory`], the twin of the
//! table). A life is some hours of one fleet whose code comes through a pipeline. Judged is what the world wrote down, by laws that know nothing
//! of the function's own reasons.

mod book;
mod figures;
mod function;
mod law;
mod life;
mod play;
mod record;

pub use self::figures::RecoveriesReport;
pub(super) use self::{
    figures::Figures,
    play::{Cast, Played, play},
};
