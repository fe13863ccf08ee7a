//! On which dates does nobody get hurt, whatever the weekday?
//!
//! A list, space separated: `2026-12-24` is one date, `12-25` the same day of every year (`02-29` of every leap year).

use std::{fmt, str::FromStr};

use jiff::civil::Date;

/// Dates without kills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holidays(Vec<Holiday>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holiday {
    Once(Date),
    Yearly { month: i8, day: i8 },
}

impl Holidays {
    /// Whether the date is one of them.
    #[must_use]
    pub fn contain(&self, date: Date) -> bool {
        self.0.iter().any(|holiday| match *holiday {
            Holiday::Once(once) => once == date,
            Holiday::Yearly { month, day } => (date.month(), date.day()) == (month, day),
        })
    }
}

impl fmt::Display for Holidays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, holiday) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            match holiday {
                Holiday::Once(date) => write!(f, "{date}")?,
                Holiday::Yearly { month, day } => write!(f, "{month:02}-{day:02}")?,
            }
        }
        Ok(())
    }
}

impl FromStr for Holidays {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_whitespace()
            .map(|word| {
                holiday(word).ok_or_else(|| {
                    format!(
                        "dates such as `2026-12-24` or, for every year, `12-25`, separated by blanks; `{word}` is none"
                    )
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn holiday(word: &str) -> Option<Holiday> {
    let number = |text: &str, digits: usize| {
        (text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<i16>().ok())
            .flatten()
    };
    let parts: Vec<&str> = word.split('-').collect();
    match parts.as_slice() {
        [year, month, day] => {
            let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
            Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().map(Holiday::Once)
        }
        [month, day] => {
            let (month, day) = (i8::try_from(number(month, 2)?).ok()?, i8::try_from(number(day, 2)?).ok()?);
            // A leap year has every day that any year has.
            Date::new(2024, month, day).ok()?;
            Some(Holiday::Yearly { month, day })
        }
        _ => None,
    }
}
