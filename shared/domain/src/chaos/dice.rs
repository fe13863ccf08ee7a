//! What do the dice show?
//!
//! Nothing is random here. A throw is a hash of what it decides, so a doubled or repeated tick throws the same number, and a log line is
//! enough to throw it again:
//!
//! ```sh
//! # PURPOSE, the installation's salt, the experiment's id; and for a choice among several, the candidate
//! printf 'kill\n%s\n%s' '123456789012/us-east-1' 'web/1982016' | sha256sum | cut -c1-13
//! ```
//!
//! These thirteen hexadecimal digits, divided by 16^13, are the number: at least 0 and below 1.

use sha2::{Digest, Sha256};

use super::ExperimentId;

/// The dice of one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice<'a> {
    salt: &'a str,
    id: &'a ExperimentId,
}

/// What a throw decides. Throws for different purposes have nothing to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whether there is a kill at all.
    Kill,
    /// Which fault.
    Fault,
    /// Which victim.
    Victim,
    /// Which group, when there is a choice.
    Group,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Fault => "fault",
            Self::Victim => "victim",
            Self::Group => "group",
        }
    }
}

impl<'a> Dice<'a> {
    /// The dice of an experiment, in an installation with this salt.
    #[must_use]
    pub fn new(salt: &'a str, id: &'a ExperimentId) -> Self {
        Self { salt, id }
    }

    /// The number that decides whether there is a kill: at least 0 and below 1.
    #[must_use]
    pub fn throw(&self) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "52 bits fit into a float exactly")]
        let float = |bits: u64| bits as f64;
        float(self.hash(Purpose::Kill, None)) / float(1 << 52)
    }

    /// Where a candidate stands in a draw; the lowest wins. Who else stands for it makes no difference to that.
    pub(super) fn rank(&self, purpose: Purpose, candidate: &str) -> u64 {
        self.hash(purpose, Some(candidate))
    }

    fn hash(&self, purpose: Purpose, candidate: Option<&str>) -> u64 {
        let mut hash = Sha256::new();
        hash.update(purpose.name());
        hash.update("\n");
        hash.update(self.salt);
        hash.update("\n");
        hash.update(self.id.as_str());
        if let Some(candidate) = candidate {
            hash.update("\n");
            hash.update(candidate);
        }
        // The first thirteen hexadecimal digits.
        hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte)) >> 12
    }
}
