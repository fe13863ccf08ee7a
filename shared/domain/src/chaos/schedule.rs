//! Which days are work days, which moments are in a window, and which throw of the day's dice is this one?

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};

use super::{Holidays, Windows, Zone};

/// How often the dice are thrown. Slots are counted from the epoch, so that a throw has the same number however often and however late it is
/// asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickLength {
    minutes: u32,
}

/// A throw of the dice: so many [`TickLength`]s after the epoch.
pub type Slot = i64;

impl TickLength {
    const ALLOWED: [u32; 5] = [5, 10, 15, 20, 30];

    /// Its minutes.
    #[must_use]
    pub fn minutes(self) -> u32 {
        self.minutes
    }

    fn seconds(self) -> i64 {
        i64::from(self.minutes) * 60
    }

    /// The slot that a moment is in.
    #[must_use]
    pub fn slot_at(self, at: Timestamp) -> Slot {
        // Whole seconds round towards the epoch; before it, that is up.
        at.as_nanosecond().div_euclid(i128::from(self.seconds()) * 1_000_000_000).try_into().unwrap_or(Slot::MAX)
    }

    /// The first slot that begins at or after a moment.
    fn slot_from(self, at: Timestamp) -> Slot {
        let length = i128::from(self.seconds()) * 1_000_000_000;
        (-(-at.as_nanosecond()).div_euclid(length)).try_into().unwrap_or(Slot::MAX)
    }

    /// When a slot begins; `None` at the ends of time.
    #[must_use]
    pub fn start_of(self, slot: Slot) -> Option<Timestamp> {
        Timestamp::from_second(slot.checked_mul(self.seconds())?).ok()
    }
}

impl Default for TickLength {
    fn default() -> Self {
        Self { minutes: 15 }
    }
}

impl fmt::Display for TickLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.minutes.fmt(f)
    }
}

impl FromStr for TickLength {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALLOWED
            .into_iter()
            .find(|minutes| minutes.to_string() == text)
            .map(|minutes| Self { minutes })
            .ok_or_else(|| "one of `5`, `10`, `15`, `20` and `30` minutes".to_owned())
    }
}

/// When a fleet may be hit: windows by the clocks of a zone, except on holidays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The windows.
    pub windows: Windows,
    /// The zone.
    pub zone: Zone,
    /// The holidays.
    pub holidays: Holidays,
}

/// A date on which windows open. A window belongs, with all its hours, to the date on which it opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkDay {
    /// The date.
    pub date: Date,
    /// The windows as moments, in order: opening and closing.
    pub spans: Vec<(Timestamp, Timestamp)>,
}

/// Days that are looked through for a work day, if need be: ten years and more than the longest minimum at one work day a week.
const HORIZON: usize = 4_000;

impl Calendar {
    /// The work day of a date; `None` if no window opens on it, or it is a holiday, or clocks jump over all its windows.
    #[must_use]
    pub fn work_day(&self, date: Date) -> Option<WorkDay> {
        if self.holidays.contain(date) {
            return None;
        }
        let spans: Vec<_> = self
            .windows
            .on(date)
            .filter_map(|(from, to)| Some((self.zone.moment(from)?, self.zone.moment(to)?)))
            .filter(|(from, to)| from < to)
            .collect();
        (!spans.is_empty()).then_some(WorkDay { date, spans })
    }

    /// The work day whose window is open at a moment.
    #[must_use]
    pub fn open_at(&self, at: Timestamp) -> Option<WorkDay> {
        let today = self.zone.date(at);
        // A window may be open since yesterday.
        [Some(today), today.yesterday().ok()]
            .into_iter()
            .flatten()
            .filter_map(|date| self.work_day(date))
            .find(|day| day.is_open(at))
    }

    /// The work day that is so many work days before a date. `None` if there is none: nothing but holidays.
    #[must_use]
    pub fn back(&self, date: Date, work_days: u32) -> Option<WorkDay> {
        let mut date = date;
        let mut day = None;
        for _ in 0..work_days {
            day = None;
            for _ in 0..HORIZON {
                date = date.yesterday().ok()?;
                day = self.work_day(date);
                if day.is_some() {
                    break;
                }
            }
            day.as_ref()?;
        }
        day
    }

    /// The work days from a date on, that date included.
    pub fn work_days_from(&self, date: Date) -> impl Iterator<Item = WorkDay> {
        date.series(jiff::Span::new().days(1)).take(HORIZON).filter_map(|date| self.work_day(date))
    }

    /// From when a kill may follow one at `last`, with so many work days between them: the opening of the work day that is so many after the
    /// one whose windows were, or would next have been, open. `None` without a minimum, and if there is no such day.
    #[must_use]
    pub fn allows_from(&self, last: Timestamp, min_days: u32) -> Option<Timestamp> {
        let from = self.zone.date(last);
        let from = from.yesterday().unwrap_or(from);
        let days = self.work_days_from(from).filter(|day| day.end().is_some_and(|end| last < end));
        days.skip(usize::try_from(min_days).ok()?).find_map(|day| day.opening()).filter(|_| min_days > 0)
    }

    /// When the next window opens after a moment; `None` if none does within ten years.
    #[must_use]
    pub fn next_opening(&self, after: Timestamp) -> Option<Timestamp> {
        let from = self.zone.date(after);
        self.work_days_from(from).flat_map(|day| day.spans).map(|(opening, _)| opening).find(|opening| *opening > after)
    }
}

impl WorkDay {
    /// Whether one of its windows is open.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.closing(at).is_some()
    }

    /// When the window that is open closes.
    #[must_use]
    pub fn closing(&self, at: Timestamp) -> Option<Timestamp> {
        self.spans.iter().find(|(from, to)| *from <= at && at < *to).map(|(_, to)| *to)
    }

    /// When its last window closes.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.spans.iter().map(|(_, to)| *to).max()
    }

    /// When its first window opens.
    #[must_use]
    pub fn opening(&self) -> Option<Timestamp> {
        self.spans.iter().map(|(from, _)| *from).min()
    }

    /// How many slots begin in its windows.
    #[must_use]
    pub fn slots(&self, tick: TickLength) -> u32 {
        self.spans.iter().map(|span| count(tick, *span)).fold(0, u32::saturating_add)
    }

    /// Which of them a slot is, from 0; `None` if it begins in no window of this day.
    #[must_use]
    pub fn index_of(&self, slot: Slot, tick: TickLength) -> Option<u32> {
        let mut before = 0_u32;
        for span in &self.spans {
            let first = tick.slot_from(span.0);
            let slots = count(tick, *span);
            if let Some(index) = slot.checked_sub(first).and_then(|index| u32::try_from(index).ok())
                && index < slots
            {
                return before.checked_add(index);
            }
            before = before.saturating_add(slots);
        }
        None
    }
}

fn count(tick: TickLength, (from, to): (Timestamp, Timestamp)) -> u32 {
    u32::try_from(tick.slot_from(to).saturating_sub(tick.slot_from(from))).unwrap_or(0)
}
