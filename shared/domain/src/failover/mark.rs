//! Who said that an instance is about to leave, and since when?
//!
//! A spot notice is an event, and events get lost; what it said must still be known to the sweep a minute later. So it is written down where
//! every read finds it: in a tag of the instance. The value is `REASON SINCE`, such as `spot-interruption 2026-05-07T13:22:07Z`, and uses
//! only characters that EC2 allows in tags.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// The tag that keeps a [`Leaving`] on its instance.
pub const MARK_TAG: &str = "lethargic-panda:leaving";

/// An instance that is about to leave, though it still serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// Why it will leave.
    pub reason: LeavingReason,
    /// Since when we know, to the second.
    pub since: Timestamp,
}

/// Why an instance will leave, in order of certainty. A mark is replaced only by a more certain one, so that duplicates write nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeavingReason {
    /// Spot capacity is getting scarce.
    Rebalance,
    /// AWS announced retirement or maintenance.
    ScheduledChange,
    /// Spot takes it away within two minutes.
    SpotInterruption,
    /// It waits in a terminate hook that we hold.
    TerminateHook,
}

impl LeavingReason {
    /// How long a notice of this kind says something. What was announced comes true, is called off, or passes; nobody tells which, and an
    /// instance that outlives its notice must not lose the address to every newcomer for ever.
    fn lasts(self) -> SignedDuration {
        match self {
            // The risk is of the day.
            Self::Rebalance => SignedDuration::from_hours(24),
            // AWS announces retirements and maintenance up to two weeks ahead, and may cancel them.
            Self::ScheduledChange => SignedDuration::from_hours(15 * 24),
            // Two minutes; an instance that is only stopped or hibernated may come back.
            Self::SpotInterruption => SignedDuration::from_mins(10),
            // The longest heartbeat.
            Self::TerminateHook => SignedDuration::from_hours(2),
        }
    }

    const ALL: [Self; 4] = [Self::Rebalance, Self::ScheduledChange, Self::SpotInterruption, Self::TerminateHook];
}

impl fmt::Display for LeavingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebalance => "rebalance",
            Self::ScheduledChange => "scheduled-change",
            Self::SpotInterruption => "spot-interruption",
            Self::TerminateHook => "terminate-hook",
        })
    }
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.0}", self.reason, self.since)
    }
}

/// A mark that nobody of us wrote. Treat the instance as unmarked; the next notice writes the mark anew.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the tag `{MARK_TAG}` holds `{0}`, which is not `REASON SINCE`")]
pub struct UnreadableMark(String);

impl FromStr for Leaving {
    type Err = UnreadableMark;

    fn from_str(value: &str) -> Result<Self, UnreadableMark> {
        let unreadable = || UnreadableMark(value.to_owned());
        let (reason, since) = value.split_once(' ').ok_or_else(unreadable)?;
        let reason = LeavingReason::ALL.into_iter().find(|known| known.to_string() == reason).ok_or_else(unreadable)?;
        Ok(Self { reason, since: since.parse().map_err(|_| unreadable())? })
    }
}

impl Leaving {
    /// The mark as it reads back from its tag: whole seconds.
    #[must_use]
    pub fn new(reason: LeavingReason, since: Timestamp) -> Self {
        Self { reason, since: Timestamp::from_second(since.as_second()).unwrap_or(since) }
    }

    /// Whether the mark still says something.
    #[must_use]
    pub fn holds_at(&self, now: Timestamp) -> bool {
        now.duration_since(self.since) < self.reason.lasts()
    }

    /// Whether writing this mark now would say more than what is written already.
    #[must_use]
    pub fn adds_to(&self, written: Option<&Self>, now: Timestamp) -> bool {
        self.holds_at(now) && written.is_none_or(|written| written.reason < self.reason || !written.holds_at(now))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_as_it_was_written_and_fits_into_a_tag() {
        for reason in LeavingReason::ALL {
            let mark = Leaving::new(reason, "2026-05-07T13:22:07.75Z".parse().unwrap());
            let value = mark.to_string();
            assert_eq!(value.parse(), Ok(mark));
            assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || " +-=._:/@".contains(c)), "{value}");
        }
    }

    #[test]
    fn a_mark_outlives_its_notice_and_then_says_nothing_any_more() {
        let noticed: Timestamp = "2026-05-07T13:22:07Z".parse().unwrap();
        let mark = Leaving::new(LeavingReason::SpotInterruption, noticed);
        let (soon, later) = (noticed + SignedDuration::from_mins(2), noticed + SignedDuration::from_mins(11));
        assert!(mark.holds_at(soon) && !mark.holds_at(later));
        let newer = Leaving::new(LeavingReason::Rebalance, later);
        assert!(!newer.adds_to(Some(&mark), soon), "a weaker notice replaces no stronger one");
        assert!(newer.adds_to(Some(&mark), later), "but one that has run out");
    }

    #[test]
    fn a_mark_of_somebody_else_is_unreadable_and_says_so() {
        for value in ["", "yes", "spot-interruption", "spot-interruption soon", "later 2026-05-07T13:22:07Z"] {
            let refused = value.parse::<Leaving>().unwrap_err();
            assert!(refused.to_string().contains(value), "{refused}");
        }
    }
}
