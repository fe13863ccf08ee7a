//! Who moves the address?

use std::fmt;

use clap::ValueEnum;

/// Who moves the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Strategy {
    /// The function, woken by all of its rules and by its sweep.
    Ours,
    /// The usual user-data script: each instance takes the address for itself while it boots. No function.
    BootSteal,
    /// The function, woken by its one-minute sweep only.
    SweepOnly,
}

impl Strategy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ours, Self::BootSteal, Self::SweepOnly];

    /// Its name on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::BootSteal => "boot-steal",
            Self::SweepOnly => "sweep-only",
        }
    }

    pub(super) const fn has_function(self) -> bool {
        matches!(self, Self::Ours | Self::SweepOnly)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
