//! What time is it where the fleet's people are?
//!
//! Zones come from the time zone database that is compiled in, not from the machine: a Lambda sandbox need not have one, and the same
//! decision must come out everywhere.

use std::{fmt, str::FromStr};

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    fn default() -> Self {
        Self(TimeZone::UTC)
    }
}

impl Zone {
    /// The date here at a moment.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The date and time of day here at a moment.
    #[must_use]
    pub fn civil(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(at)
    }

    /// The moment at which clocks here first show this time or, where they jump over it, the moment of the jump.
    ///
    /// So a later time of day is never an earlier moment, and windows that do not overlap on paper do not overlap on any day. (Moving a
    /// time that does not exist behind the jump by as much as it is skipped, as calendars do, would let a window that ends at 02:30 last
    /// until 03:30.) `None` at the ends of time only.
    #[must_use]
    pub fn moment(&self, civil: DateTime) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(civil);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.compatible().ok(),
            AmbiguousOffset::Gap { .. } => {
                // Behind the jump by construction, and less than the skipped time behind it.
                let behind = ambiguous.compatible().ok()?;
                let after = Timestamp::from_nanosecond(behind.as_nanosecond().checked_add(1)?).ok()?;
                self.0.preceding(after).next().map(|jump| jump.timestamp())
            }
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or("UTC"))
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let right = "the name of a zone in the IANA time zone database, such as `Europe/Berlin`, `America/Los_Angeles` or `UTC`";
        let zone = TimeZoneDatabase::bundled().get(name).map_err(|_| right.to_owned())?;
        // The database looks names up without regard to case; a policy is to be the same text wherever it is read.
        match zone.iana_name() {
            Some(exact) if exact == name => Ok(Self(zone)),
            Some(exact) => Err(format!("{right}; this one is written `{exact}`")),
            None => Err(right.to_owned()),
        }
    }
}
