//! What people write into tags.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{Debug, Display},
    str::FromStr,
};

use jiff::Timestamp;
use panda_domain::{
    chaos::{
        Calendar, Defaults, Fault, Holidays, MaxPerDay, MeanDays, MinDays, MinHealthy, Mode, OptIn, Policy, SiteUrl,
        TickLength, VictimChoice, Windows, WorkDay, Zone, tags as keys,
    },
    failover::Leaving,
};

use super::text;

/// Whatever is read is printed so that it is read as the same again; whatever is not, is told what would be right.
fn kept<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            let printed = value.to_string();
            assert_eq!(printed.parse::<T>().ok().as_ref(), Some(&value), "{text:?}, printed {printed:?}");
            Some(value)
        }
        Err(right) => {
            assert!(!right.to_string().is_empty(), "{text:?} is refused without a word");
            None
        }
    }
}

/// Every kind of value.
pub fn values(data: &[u8]) {
    let text = text(data);
    let text = text.as_ref();
    kept::<MeanDays>(text);
    kept::<MinDays>(text);
    kept::<MaxPerDay>(text);
    kept::<TickLength>(text);
    kept::<Windows>(text);
    kept::<Zone>(text);
    kept::<Holidays>(text);
    kept::<Fault>(text);
    kept::<VictimChoice>(text);
    kept::<Mode>(text);
    if let Some(least) = kept::<MinHealthy>(text) {
        assert!([0, 1, 7, u32::MAX].into_iter().all(|desired| least.of(desired) >= 1), "nobody is left");
    }
    if let Some(url) = kept::<SiteUrl>(text) {
        let targets = url.targets(["192.0.2.1"]);
        assert!(targets.len() == 1 && targets.iter().all(|target| target.starts_with("http")), "{targets:?}");
    }
    if let Ok(mark) = text.parse::<Leaving>() {
        // A mark is written in whole seconds.
        let whole = Leaving::new(mark.reason, mark.since);
        assert_eq!(whole.to_string().parse(), Ok(whole));
    }
}

/// Lines of `key=value` are a policy that can be written again as tags, or problems that each say what is wrong.
pub fn tags(data: &[u8]) {
    let text = text(data);
    let written: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            (if key.contains(':') { key.to_owned() } else { format!("{}{key}", keys::PREFIX) }, value.to_owned())
        })
        .collect();
    if let OptIn::Unclear(problem) = OptIn::read(&written) {
        assert!(!problem.why.is_empty() && problem.tag == keys::CHAOS);
    }
    let [short, long] = ["5", "30"].map(|minutes| minutes.parse::<TickLength>().unwrap_or_default());
    for tick in [short, TickLength::default(), long] {
        let policy = match Policy::read(&written, &Defaults::default(), tick) {
            Ok(policy) => policy,
            Err(problems) => {
                assert!(!problems.is_empty());
                assert!(
                    problems.iter().all(|problem| !problem.why.is_empty() && !problem.tag.is_empty()),
                    "{problems:?}"
                );
                continue;
            }
        };
        assert!(written.keys().all(|key| !key.starts_with(keys::PREFIX) || keys::KNOWN.contains(&key.as_str())));
        assert_eq!(policy.faults.iter().collect::<BTreeSet<_>>().len(), policy.faults.len(), "a fault twice");
        assert!(!policy.faults.is_empty());
        let again = Policy::read(&of(&policy), &Defaults::default(), tick);
        assert_eq!(again.as_ref(), Ok(&policy), "written again");
    }
}

/// The tags that say all that a policy says.
fn of(policy: &Policy) -> BTreeMap<String, String> {
    let faults = policy.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let lists = [(keys::STOP_ALARMS, policy.stop_alarms.join(" ")), (keys::PIPELINE, policy.pipelines.join(" "))];
    [
        (keys::MEAN_DAYS, policy.mean_days.to_string()),
        (keys::MIN_DAYS, policy.min_days.to_string()),
        (keys::MAX_PER_DAY, policy.max_per_day.to_string()),
        (keys::WINDOW, policy.calendar.windows.to_string()),
        (keys::TIME_ZONE, policy.calendar.zone.to_string()),
        (keys::HOLIDAYS, policy.calendar.holidays.to_string()),
        (keys::VICTIM, policy.victim.to_string()),
        (keys::FAULTS, faults),
    ]
    .into_iter()
    .chain(policy.min_healthy.map(|least| (keys::MIN_HEALTHY, least.to_string())))
    .chain(policy.url.as_ref().map(|url| (keys::URL, url.to_string())))
    .chain(lists.into_iter().filter(|(_, words)| !words.is_empty()))
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// Lines: windows, zone, holidays, seconds after the epoch. Windows never overlap on any day, and every throw of the dice has one number.
pub fn calendar(data: &[u8]) {
    let text = text(data);
    let mut lines = text.lines();
    let mut line = || lines.next().unwrap_or_default();
    let Some(windows) = kept::<Windows>(line()) else { return };
    let zone = kept::<Zone>(line()).unwrap_or_default();
    let holidays = kept::<Holidays>(line()).unwrap_or_default();
    let seconds: i64 = line().parse().unwrap_or(1_778_160_127);
    let at = Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX });
    let calendar = Calendar { windows, zone, holidays };
    let today = calendar.zone.date(at);
    let days: Vec<WorkDay> = [today.yesterday().ok(), Some(today), today.tomorrow().ok()]
        .into_iter()
        .flatten()
        .filter_map(|date| calendar.work_day(date))
        .collect();
    let spans: Vec<_> = days.iter().flat_map(|day| &day.spans).collect();
    assert!(spans.iter().all(|(from, to)| from < to), "{spans:?}");
    assert!(
        spans.iter().zip(spans.iter().skip(1)).all(|((_, to), (from, _))| to <= from),
        "windows overlap: {spans:?}"
    );
    let open = calendar.open_at(at);
    assert_eq!(open.is_some(), spans.iter().any(|(from, to)| *from <= at && at < *to), "{open:?} of {spans:?} at {at}");
    assert!(days.iter().all(|day| !calendar.holidays.contain(day.date)), "a holiday is a work day");
    for day in &days {
        numbers(day);
        if let Some(before) = calendar.back(day.date, 1) {
            assert!(before.date < day.date && calendar.back(before.date, 0).is_none());
        }
    }
    if let Some(next) = calendar.next_opening(at) {
        assert!(next > at && calendar.open_at(next).is_some(), "{next} is no opening after {at}");
    }
    let allowed: Vec<_> = (0..4).map(|least| calendar.allows_from(at, least)).collect();
    assert_eq!(allowed.first(), Some(&None), "no minimum, no wait");
    let (first, second, third) =
        (allowed.get(1).copied().flatten(), allowed.get(2).copied().flatten(), allowed.get(3).copied().flatten());
    assert!(second.is_none_or(|second| first.is_some_and(|first| first < second)), "{allowed:?}");
    assert!(third.is_none_or(|third| second.is_some_and(|second| second < third)), "{allowed:?}");
    assert!(
        first.is_none_or(|first| calendar.open_at(first).is_some()),
        "allowed from {first:?}, when nothing is open"
    );
}

/// The slots of a day are numbered from 0, each once and in order.
fn numbers(day: &WorkDay) {
    for minutes in ["5", "15", "30"] {
        let tick: TickLength = minutes.parse().unwrap_or_default();
        let (Some(opening), Some(end)) = (day.opening(), day.end()) else { return assert!(day.spans.is_empty()) };
        let slots = tick.slot_at(opening)..=tick.slot_at(end);
        let numbers: Vec<u32> = slots.clone().filter_map(|slot| day.index_of(slot, tick)).collect();
        assert_eq!(numbers, (0..day.slots(tick)).collect::<Vec<_>>(), "{day:?} by {tick}");
        let begins = |slot: &i64| tick.start_of(*slot).is_some_and(|start| day.is_open(start));
        assert!(slots.clone().all(|slot| day.index_of(slot, tick).is_some() == begins(&slot)), "{day:?} by {tick}");
    }
}
