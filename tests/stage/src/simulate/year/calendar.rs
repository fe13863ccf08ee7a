//! When may a fleet be hit, by its tags? Read a second time, on other ways than the panda's, so that a slip there is seen here.
//!
//! The grammar is that of the documentation. Moments come from walking over the minutes of a day by jiff's clocks: a window opens with the
//! first minute at which the clocks of the zone show its beginning or later, and closes likewise. That is one answer for changes of the
//! clock: a time that is skipped is the moment of the jump, a time that comes twice is its first.

use std::collections::BTreeMap;

use jiff::{
    SignedDuration, Timestamp, ToSpan as _,
    civil::{Date, Weekday},
    tz::TimeZone,
};

const PREFIX: &str = "lethargic-panda:";
const KEYS: &str = "fleet chaos mean-days min-days max-per-day min-healthy window time-zone holidays victim faults url stop-alarms pipeline";
const WEEK: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// How many days are looked through for a work day.
const DAYS: u32 = 800;
/// How many minutes around a moment are walked through for a time of day.
const WALK: i64 = 180;

/// What a group's tags allow.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    windows: Vec<Hours>,
    zone: TimeZone,
    holidays: Vec<String>,
    /// Mean work days between kills.
    pub(super) mean_days: f64,
    /// Least work days between kills.
    pub(super) min_days: u32,
    /// Most kills on a work day.
    pub(super) max_per_day: u32,
    /// What must stay, if a tag says so.
    pub(super) min_healthy: Option<String>,
    /// `holder`, `spare` or `any`.
    pub(super) victim: String,
    /// The faults that are allowed.
    pub(super) faults: Vec<String>,
    /// Alarms that forbid a kill.
    pub(super) alarms: Vec<String>,
    /// Pipelines that forbid a kill.
    pub(super) pipelines: Vec<String>,
}

#[derive(Debug, Clone)]
struct Hours {
    days: [bool; 7],
    from: i32,
    to: i32,
}

/// Windows as moments: from, and until just before.
pub(super) type Spans = Vec<(Timestamp, Timestamp)>;

/// The windows of a day, and the tags that they are of.
pub(super) type DayOf = (BTreeMap<String, String>, Spans);

/// What holds for groups whose tags are silent: the function's environment.
pub(super) type Environment = BTreeMap<String, String>;

impl Rules {
    /// Reads the tags of a group. An error says why nothing may die there.
    pub(super) fn read(tags: &BTreeMap<String, String>, environment: &Environment) -> Result<Self, String> {
        let tag = |key: &str| tags.get(&format!("{PREFIX}{key}")).map(String::as_str);
        if tag("chaos") != Some("on") {
            return Err("it does not take part".to_owned());
        }
        for key in tags.keys().filter(|key| key.to_lowercase().starts_with(PREFIX)) {
            let known = key.strip_prefix(PREFIX).is_some_and(|key| KEYS.split(' ').any(|known| known == key));
            if !known {
                return Err(format!("it has a tag {key}"));
            }
        }
        let either = |key: &str, variable: &str| {
            tag(key).map_or_else(|| environment.get(variable).cloned().unwrap_or_default(), str::to_owned)
        };
        let number = |key: &str, variable: &str| {
            let text = either(key, variable);
            text.parse::<u32>().map_err(|_| format!("its {key} is {text}"))
        };
        let mean = either("mean-days", "MEAN_DAYS");
        let zone = either("time-zone", "TIME_ZONE");
        let found = TimeZone::get(&zone).ok().filter(|found| found.iana_name() == Some(zone.as_str()) || zone == "UTC");
        let words = |key: &str| tag(key).unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let rules = Self {
            windows: either("window", "WINDOW").split('/').map(hours).collect::<Result<_, _>>()?,
            zone: found.ok_or_else(|| format!("its zone is {zone}"))?,
            holidays: either("holidays", "HOLIDAYS").split_whitespace().map(str::to_owned).collect(),
            mean_days: mean.parse().map_err(|_| format!("its mean-days is {mean}"))?,
            min_days: number("min-days", "MIN_DAYS")?,
            max_per_day: number("max-per-day", "MAX_PER_DAY")?,
            min_healthy: tag("min-healthy").map(str::to_owned),
            victim: tag("victim").unwrap_or("any").to_owned(),
            faults: tag("faults").map_or_else(|| vec!["terminate".to_owned()], |_| words("faults")),
            alarms: words("stop-alarms"),
            pipelines: words("pipeline"),
        };
        let known = |fault: &String| ["terminate", "crash", "graceful", "stop-agent"].contains(&fault.as_str());
        if !rules.faults.iter().all(known) || !["any", "holder", "spare"].contains(&rules.victim.as_str()) {
            return Err("its victim or faults are not known".to_owned());
        }
        Ok(rules)
    }

    /// How many must stay in service of so many wanted.
    pub(super) fn floor(&self, desired: usize, maintenance: Option<u32>) -> Result<usize, String> {
        let percent = |percent: usize| (desired * percent).div_ceil(100).max(1);
        match &self.min_healthy {
            Some(text) => match text.strip_suffix('%') {
                Some(number) => number.parse().map(percent),
                None => text.parse(),
            }
            .map_err(|_| format!("its min-healthy is {text}")),
            None => Ok(percent(50).max(percent(maintenance.unwrap_or(0) as usize))),
        }
    }

    /// The date on the fleet's clocks.
    pub(super) fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The windows of a date as moments; empty if it is no work day.
    pub(super) fn spans(&self, date: Date) -> Vec<(Timestamp, Timestamp)> {
        let yearly = date.strftime("%m-%d").to_string();
        if self.holidays.iter().any(|holiday| *holiday == yearly || *holiday == date.to_string()) {
            return Vec::new();
        }
        let mut spans: Vec<_> = self
            .windows
            .iter()
            .filter(|hours| hours.opens_on(date.weekday()))
            .filter_map(|hours| Some((self.first(date, hours.from)?, self.first(date, hours.to)?)))
            .filter(|(from, to)| from < to)
            .collect();
        spans.sort();
        spans
    }

    /// The first minute at which the clocks show so many minutes after this midnight, or later.
    fn first(&self, date: Date, minutes: i32) -> Option<Timestamp> {
        let wanted = date.at(0, 0, 0, 0).checked_add(minutes.minutes()).ok()?;
        let about = TimeZone::UTC.to_timestamp(wanted).ok()?;
        // No clock jumps by more than some hours within them.
        let about = about.checked_sub(self.zone.to_offset(about).seconds().seconds()).ok()?;
        (-WALK..WALK).find_map(|minute| {
            let at = about.checked_add(SignedDuration::from_mins(minute)).ok()?;
            (self.zone.to_datetime(at) >= wanted).then_some(at)
        })
    }

    /// The work day whose window is open, with its windows.
    pub(super) fn open(&self, at: Timestamp) -> Option<(Date, Vec<(Timestamp, Timestamp)>)> {
        let today = self.date(at);
        [Some(today), today.yesterday().ok()].into_iter().flatten().find_map(|date| {
            let spans = self.spans(date);
            spans.iter().any(|(from, to)| *from <= at && at < *to).then_some((date, spans))
        })
    }

    /// When the windows end of the work day that is so many work days before a date.
    pub(super) fn end_of_work_day_before(&self, date: Date, work_days: u32) -> Option<Timestamp> {
        let mut left = work_days;
        let mut date = date;
        for _ in 0..DAYS {
            date = date.yesterday().ok()?;
            let spans = self.spans(date);
            if let Some((_, end)) = spans.last() {
                left = left.saturating_sub(1);
                if left == 0 {
                    return Some(*end);
                }
            }
        }
        None
    }
}

impl Hours {
    fn opens_on(&self, day: Weekday) -> bool {
        usize::try_from(day.to_monday_zero_offset()).ok().and_then(|day| self.days.get(day)).is_some_and(|opens| *opens)
    }
}

/// `Mon-Fri 09:00-15:00`
fn hours(text: &str) -> Result<Hours, String> {
    read_hours(text).ok_or_else(|| format!("its window is {text}"))
}

fn read_hours(text: &str) -> Option<Hours> {
    let (days, times) = text.trim().split_once(' ')?;
    let (from, to) = times.split_once('-')?;
    let minute = |clock: &str| {
        let (hour, minute) = clock.split_once(':')?;
        (hour.len() == 2 && minute.len() == 2).then_some(())?;
        Some(hour.parse::<i32>().ok()? * 60 + minute.parse::<i32>().ok()?)
    };
    let (from, to) = (minute(from)?, minute(to)?);
    let number = |name: &str| WEEK.iter().position(|known| *known == name);
    let mut opens = [false; 7];
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (number(first)?, number(last)?);
        loop {
            *opens.get_mut(day)? = true;
            if day == last {
                break;
            }
            day = (day + 1) % 7;
        }
    }
    Some(Hours { days: opens, from, to: if to <= from { to + 24 * 60 } else { to } })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn rules(window: &str, zone: &str) -> Rules {
        let tags =
            [("chaos", "on"), ("window", window), ("time-zone", zone), ("mean-days", "5"), ("holidays", "12-25")];
        let tags = tags.map(|(key, value)| (format!("{PREFIX}{key}"), value.to_owned())).into();
        let environment = [("MIN_DAYS", "1"), ("MAX_PER_DAY", "1")];
        Rules::read(&tags, &environment.map(|(key, value)| (key.to_owned(), value.to_owned())).into()).unwrap()
    }

    fn open(rules: &Rules, at: &str) -> bool {
        rules.open(at.parse().unwrap()).is_some()
    }

    #[test]
    fn windows_follow_the_clocks_of_the_zone() {
        let berlin = rules("Mon-Fri 09:00-15:00", "Europe/Berlin");
        assert!(open(&berlin, "2026-01-05T08:00:00Z") && !open(&berlin, "2026-01-05T07:59:59Z"));
        assert!(open(&berlin, "2026-07-06T07:00:00Z") && !open(&berlin, "2026-07-06T13:00:00Z"));
        assert!(!open(&berlin, "2026-01-04T10:00:00Z") && !open(&berlin, "2026-12-25T10:00:00Z"));
    }

    #[test]
    fn a_window_that_a_jump_of_the_clock_cuts_is_as_short_as_the_clock_shows_it() {
        let night = rules("Sat,Sun 01:00-02:30", "Europe/Berlin");
        // 02:00 is followed by 03:00.
        assert!(open(&night, "2026-03-29T00:59:59Z") && !open(&night, "2026-03-29T01:00:00Z"));
        // 02:30 comes twice, and the first ends it.
        assert!(open(&night, "2026-10-25T00:29:59Z") && !open(&night, "2026-10-25T00:30:00Z"));
        assert!(!open(&night, "2026-10-25T01:15:00Z"));
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_opens() {
        let fridays = rules("Fri 22:00-04:00", "America/New_York");
        let (date, _) = fridays.open("2026-06-06T07:59:00Z".parse().unwrap()).unwrap();
        assert_eq!(date.to_string(), "2026-06-05");
        let before = fridays.end_of_work_day_before(date, 2).unwrap();
        assert_eq!(before.to_string(), "2026-05-23T08:00:00Z");
    }
}
