//! How much of the invocation is left?

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An earlier deadline is none: local runtimes leave it at 0, or give the length of the invocation instead (`cargo lambda watch`).
const EARLIEST: u64 = 1_500_000_000_000;

/// The moment at which Lambda ends the invocation.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    epoch_millis: u64,
}

impl Deadline {
    /// The deadline that Lambda gives, in milliseconds since 1970.
    #[must_use]
    pub fn at(epoch_millis: u64) -> Self {
        Self { epoch_millis }
    }

    /// The time left at `now`; none when it has passed, and without limit when it is not known.
    #[must_use]
    pub fn left(self, now: SystemTime) -> Duration {
        if self.epoch_millis < EARLIEST {
            return Duration::MAX;
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(self.epoch_millis).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_down_and_never_below_nothing() {
        let start = UNIX_EPOCH + Duration::from_millis(EARLIEST);
        let deadline = Deadline::at(EARLIEST + 10_000);
        assert_eq!(deadline.left(start + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(deadline.left(start + Duration::from_secs(11)), Duration::ZERO);
    }

    #[test]
    fn a_deadline_from_before_lambda_was_made_is_no_deadline() {
        for unknown in [0, 600_000] {
            assert_eq!(Deadline::at(unknown).left(SystemTime::now()), Duration::MAX);
        }
    }
}
