//! How often, how many, how healthy: the numbers of a policy, as tags and parameters write them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The mean number of work days from one kill to the next, exact to a thousandth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct MeanDays {
    thousandths: u32,
}

impl MeanDays {
    /// What may be written.
    const RIGHT: &str = "a number of work days from 0.01 to 1000 with at most three decimals, such as `5` or `2.5`";

    /// The mean in days.
    #[must_use]
    pub fn days(self) -> f64 {
        f64::from(self.thousandths) / 1000.0
    }

    /// Whether the mean is shorter than so many days.
    #[must_use]
    pub fn is_shorter_than(self, days: u32) -> bool {
        u64::from(self.thousandths) < u64::from(days) * 1000
    }
}

impl Default for MeanDays {
    fn default() -> Self {
        Self { thousandths: 5_000 }
    }
}

impl fmt::Display for MeanDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.thousandths / 1000, self.thousandths % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let rest = format!("{rest:03}");
        write!(f, "{whole}.{}", rest.trim_end_matches('0'))
    }
}

impl FromStr for MeanDays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let right = || Self::RIGHT.to_owned();
        let (whole, rest) = match text.split_once('.') {
            None => (text, "0"),
            Some((whole, rest)) => (whole, rest),
        };
        let digits = |text: &str, most: usize| {
            let fits = (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(right)
        };
        let whole = digits(whole, 4)?;
        digits(rest, 3)?;
        let rest = digits(&format!("{rest:0<3}"), 3)?;
        let thousandths = whole * 1000 + rest;
        if (10..=1_000_000).contains(&thousandths) { Ok(Self { thousandths }) } else { Err(right()) }
    }
}

impl From<MeanDays> for String {
    fn from(mean: MeanDays) -> Self {
        mean.to_string()
    }
}

impl TryFrom<String> for MeanDays {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident: $least:literal to $most:literal of $what:literal, default $default:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(u32);

        impl $name {
            /// The number.
            #[must_use]
            pub fn get(self) -> u32 {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                count(text)
                    .filter(|number| ($least..=$most).contains(number))
                    .map(Self)
                    .ok_or_else(|| format!("a whole number of {} from {} to {}", $what, $least, $most))
            }
        }
    )+};
}

counts! {
    /// The least number of work days from one kill to the next. `1` allows one kill on every work day, `0` several on one day.
    MinDays: 0 to 365 of "work days", default 1;
    /// The most kills on one work day.
    MaxPerDay: 1 to 100 of "kills", default 1;
}

/// A whole number without sign, blanks or leading plus.
pub(super) fn count(text: &str) -> Option<u32> {
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// What must stay in service after a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinHealthy {
    /// So many instances.
    Count(u32),
    /// So many hundredths of the desired number, rounded up.
    Percent(u32),
}

impl MinHealthy {
    /// The least number of instances that must stay, of so many desired: never none.
    #[must_use]
    pub fn of(self, desired: u32) -> u32 {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => share(desired, percent).max(1),
        }
    }
}

/// So many hundredths of a number, rounded up.
pub(super) fn share(of: u32, percent: u32) -> u32 {
    u32::try_from((u64::from(of) * u64::from(percent)).div_ceil(100)).unwrap_or(u32::MAX)
}

impl fmt::Display for MinHealthy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for MinHealthy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.strip_suffix('%') {
            Some(percent) => count(percent).filter(|percent| (1..=100).contains(percent)).map(Self::Percent),
            None => count(text).filter(|count| *count >= 1).map(Self::Count),
        };
        read.ok_or_else(|| {
            "a number of instances from 1, or a percentage from `1%` to `100%`; the last server is never killed"
                .to_owned()
        })
    }
}
