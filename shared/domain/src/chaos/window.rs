//! At which hours of which weekdays may something die?
//!
//! `Mon-Fri 09:00-15:00` is a window: days, a blank, hours. Days are names of three letters, ranges (`Sat-Mon` runs over the week's end) and
//! lists of both (`Mon,Wed-Fri`). Hours are `HH:MM-HH:MM`, the end excluded; `24:00` is the end of the day, and an end before the beginning
//! is on the next day (`Fri 22:00-04:00`). Several windows are separated by `/`. Windows that overlap are an error: with two answers to
//! "which day does this hour belong to", one of them is a slip of the pen. Windows may touch.

use std::{fmt, str::FromStr};

use jiff::civil::{Date, DateTime, Time, Weekday};

const DAY: u16 = 24 * 60;
const WEEK: u32 = 7 * 24 * 60;
const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// When kills are allowed, by the clocks of some zone: one or more windows that do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows(Vec<Window>);

/// Hours of some weekdays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Monday first: on which days it opens.
    days: [bool; 7],
    /// Minutes after midnight at which it opens; less than a day.
    from: u16,
    /// Minutes after that midnight at which it closes; up to a day after the opening.
    to: u16,
}

impl Default for Windows {
    /// `Mon-Fri 09:00-15:00`.
    fn default() -> Self {
        Self(vec![Window { days: [true, true, true, true, true, false, false], from: 9 * 60, to: 15 * 60 }])
    }
}

impl Windows {
    /// The windows that open on a date, in order, each as the clock times at which it opens and closes.
    pub(super) fn on(&self, date: Date) -> impl Iterator<Item = (DateTime, DateTime)> {
        let day = date.weekday();
        let mut windows: Vec<_> = self.0.iter().filter(|window| window.opens_on(day)).collect();
        windows.sort_by_key(|window| window.from);
        windows.into_iter().filter_map(move |window| Some((clock(date, window.from)?, clock(date, window.to)?)))
    }

    /// The windows themselves.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.0
    }
}

impl Window {
    /// Whether it opens on this day of the week.
    #[must_use]
    pub fn opens_on(&self, day: Weekday) -> bool {
        usize::try_from(day.to_monday_zero_offset()).ok().and_then(|day| self.days.get(day)).copied().unwrap_or(false)
    }

    /// How long it is on a day on which no clock is changed.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        u32::from(self.to.saturating_sub(self.from))
    }

    /// Its openings and closings within a week, in minutes after the beginning of Monday; the last may close in the next week.
    fn stretches(&self) -> impl Iterator<Item = (u32, u32)> {
        self.days.iter().zip(0_u32..).filter(|(opens, _)| **opens).map(|(_, day)| {
            let midnight = day * u32::from(DAY);
            (midnight + u32::from(self.from), midnight + u32::from(self.to))
        })
    }
}

/// So many minutes after the midnight that begins a date.
fn clock(date: Date, minutes: u16) -> Option<DateTime> {
    let mut date = date;
    for _ in 0..minutes / DAY {
        date = date.tomorrow().ok()?;
    }
    let (hour, minute) = (minutes % DAY / 60, minutes % 60);
    Some(date.to_datetime(Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?))
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, window) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("/")?;
            }
            window.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        let mut day = 0;
        while let Some(opens) = self.days.get(day) {
            if !opens {
                day += 1;
                continue;
            }
            let run = self.days.iter().skip(day).take_while(|opens| **opens).count();
            let (from, to) = (NAMES.get(day), NAMES.get(day + run - 1));
            if !first {
                f.write_str(",")?;
            }
            first = false;
            match (run, from, to) {
                (1, Some(from), _) => f.write_str(from)?,
                (2, Some(from), Some(to)) => write!(f, "{from},{to}")?,
                (_, Some(from), Some(to)) => write!(f, "{from}-{to}")?,
                _ => {}
            }
            day += run;
        }
        let to = if self.to > DAY { self.to - DAY } else { self.to };
        write!(f, " {:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, to / 60, to % 60)
    }
}

impl FromStr for Windows {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let windows = text.split('/').map(|window| window.trim().parse()).collect::<Result<Vec<Window>, _>>()?;
        for (n, one) in windows.iter().enumerate() {
            if let Some(other) = windows.iter().skip(n).find(|other| overlap(one, other, std::ptr::eq(one, *other))) {
                return Err(if one == other {
                    format!("windows that do not overlap; `{one}` overlaps with itself")
                } else {
                    format!("windows that do not overlap; `{one}` and `{other}` do")
                });
            }
        }
        Ok(Self(windows))
    }
}

/// Whether two windows of a week that repeats have a minute in common. A window does not overlap with itself by being itself.
fn overlap(one: &Window, other: &Window, same: bool) -> bool {
    one.stretches().any(|(from, to)| {
        other.stretches().filter(|stretch| !same || *stretch != (from, to)).any(|(start, end)| {
            // One of them may reach into the next week.
            [(0, 0), (WEEK, 0), (0, WEEK)].into_iter().any(|(a, b)| from + a < end + b && start + b < to + a)
        })
    })
}

impl FromStr for Window {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let right = "days and hours such as `Mon-Fri 09:00-15:00`, several separated by `/`";
        let words: Vec<&str> = text.split_whitespace().collect();
        let [days, hours] = words.as_slice() else {
            return Err(format!("{right}; `{text}` is not"));
        };
        let days = self::days(days)?;
        let (from, to) = hours.split_once('-').ok_or_else(|| format!("{right}; `{hours}` are no hours"))?;
        let (from, to) = (minutes(from)?, minutes(to)?);
        if from == DAY {
            return Err(format!("{right}; a window cannot open at `24:00`, write `00:00` of the next day"));
        }
        if from == to {
            return Err(format!("{right}; `{hours}` ends where it begins, for a whole day write `00:00-24:00`"));
        }
        Ok(Self { days, from, to: if to < from { to + DAY } else { to } })
    }
}

fn days(text: &str) -> Result<[bool; 7], String> {
    let mut days = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (weekday(first)?, weekday(last)?);
        if part.contains('-') && first == last {
            return Err(format!("days; `{part}` is a range of one day, write `Mon-Sun` for all of them"));
        }
        let mut day = first;
        loop {
            if let Some(opens) = days.get_mut(day) {
                if *opens {
                    let name = NAMES.get(day).copied().unwrap_or_default();
                    return Err(format!("days, each once; `{text}` names {name} twice"));
                }
                *opens = true;
            }
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Ok(days)
}

fn weekday(name: &str) -> Result<usize, String> {
    NAMES
        .iter()
        .position(|known| *known == name)
        .ok_or_else(|| format!("days out of `{}`; `{name}` is none", NAMES.join("`, `")))
}

fn minutes(clock: &str) -> Result<u16, String> {
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse::<u16>().ok()).flatten()
    };
    clock
        .split_once(':')
        .and_then(|(hour, minute)| Some((number(hour)?, number(minute)?)))
        .filter(|(hour, minute)| (*hour < 24 && *minute < 60) || (*hour, *minute) == (24, 0))
        .map(|(hour, minute)| hour * 60 + minute)
        .ok_or_else(|| format!("hours from `00:00` to `24:00`, two digits each; `{clock}` is not"))
}
