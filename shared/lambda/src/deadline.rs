//! How much of the invocation is left?

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

    /// The time left at `now`; none when it has passed.
    #[must_use]
    pub fn left(self, now: SystemTime) -> Duration {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        Duration::from_millis(self.epoch_millis).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_counts_down_and_never_below_nothing() {
        let deadline = Deadline::at(10_000);
        assert_eq!(deadline.left(UNIX_EPOCH + Duration::from_secs(4)), Duration::from_secs(6));
        assert_eq!(deadline.left(UNIX_EPOCH + Duration::from_secs(11)), Duration::ZERO);
    }
}
