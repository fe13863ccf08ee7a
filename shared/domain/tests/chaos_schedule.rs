//! When does `panda_domain::chaos` strike? Clock changes, holidays, the minimum between kills, and simulated centuries of dice.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod cases;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date};
use panda_domain::chaos::{
    Asked, Calendar, Defaults, Dice, ExperimentId, GroupView, LastKills, Mode, Policy, Present, Settings, Slot, Tally,
    TickLength, WorkDay, survey, tags,
};
use proptest::{prelude::*, sample::select};

use self::cases::cases;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn tick(minutes: u32) -> TickLength {
    minutes.to_string().parse().unwrap()
}

fn calendar(windows: &str, zone: &str, holidays: &str) -> Calendar {
    Calendar { windows: windows.parse().unwrap(), zone: zone.parse().unwrap(), holidays: holidays.parse().unwrap() }
}

fn spans(calendar: &Calendar, on: &str) -> Vec<(String, String)> {
    let day = calendar.work_day(date(on));
    day.map(|day| day.spans.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect()).unwrap_or_default()
}

fn span(from: &str, to: &str) -> Vec<(String, String)> {
    vec![(from.to_owned(), to.to_owned())]
}

/// The slots that begin on a work day, in order.
fn slots(day: &WorkDay, tick: TickLength) -> Vec<Slot> {
    day.spans
        .iter()
        .flat_map(|(from, to)| tick.slot_at(*from)..=tick.slot_at(*to))
        .filter(|slot| day.index_of(*slot, tick).is_some())
        .collect()
}

#[test]
fn slots_are_counted_from_the_epoch_and_begin_where_they_say() {
    let fifteen = tick(15);
    assert_eq!(fifteen.slot_at(at("1970-01-01T00:00:00Z")), 0);
    assert_eq!(fifteen.slot_at(at("1970-01-01T00:14:59.999Z")), 0);
    assert_eq!(fifteen.slot_at(at("1970-01-01T00:15:00Z")), 1);
    assert_eq!(fifteen.slot_at(at("1969-12-31T23:59:59.5Z")), -1);
    assert_eq!(fifteen.start_of(1_982_016), Some(at("2026-07-12T00:00:00Z")));
    assert_eq!(fifteen.start_of(Slot::MAX), None);
}

#[test]
fn a_spring_gap_shortens_windows_and_never_moves_them_past_what_was_written() {
    // New York, 8 March 2026: 02:00 becomes 03:00 at 07:00Z.
    let on = |windows: &str| spans(&calendar(windows, "America/New_York", ""), "2026-03-08");
    assert_eq!(on("Sun 01:00-04:00"), span("2026-03-08T06:00:00Z", "2026-03-08T08:00:00Z"));
    assert_eq!(on("Sun 01:00-02:30"), span("2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"));
    assert_eq!(on("Sun 02:30-04:00"), span("2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z"));
    assert_eq!(on("Sun 02:00-03:00"), [], "a window that clocks jump over does not open");
    assert_eq!(
        on("Sun 01:00-02:30/Sun 03:00-04:00"),
        [span("2026-03-08T06:00:00Z", "2026-03-08T07:00:00Z"), span("2026-03-08T07:00:00Z", "2026-03-08T08:00:00Z")]
            .concat(),
        "and windows apart stay apart"
    );
    let day = calendar("Sun 01:00-04:00", "America/New_York", "").work_day(date("2026-03-08")).unwrap();
    assert_eq!((day.slots(tick(15)), day.slots(tick(30))), (8, 4));
}

#[test]
fn an_autumn_overlap_is_lived_twice_and_belongs_to_the_windows_around_it() {
    // New York, 1 November 2026: 02:00 becomes 01:00 at 06:00Z.
    let on = |windows: &str| spans(&calendar(windows, "America/New_York", ""), "2026-11-01");
    assert_eq!(on("Sun 01:00-03:00"), span("2026-11-01T05:00:00Z", "2026-11-01T08:00:00Z"));
    assert_eq!(on("Sun 00:00-01:30"), span("2026-11-01T04:00:00Z", "2026-11-01T05:30:00Z"));
    assert_eq!(on("Sun 01:30-02:30"), span("2026-11-01T05:30:00Z", "2026-11-01T07:30:00Z"));
    assert_eq!(on("Sun 00:00-24:00"), span("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"));
    let day = calendar("Sun 00:00-24:00", "America/New_York", "").work_day(date("2026-11-01")).unwrap();
    assert_eq!(day.slots(tick(15)), 100, "25 hours");
    assert_eq!(slots(&day, tick(15)).len(), 100);
}

#[test]
fn a_date_that_a_zone_leaves_out_is_no_work_day() {
    // Samoa went from Thursday, 29 December 2011, straight to Saturday.
    let calendar = calendar("Mon-Sun 00:00-24:00", "Pacific/Apia", "");
    assert_eq!(calendar.work_day(date("2011-12-30")), None);
    assert_eq!(calendar.back(date("2011-12-31"), 1).unwrap().date, date("2011-12-29"));
}

#[test]
fn odd_zones_and_midnight_changes_have_their_slots() {
    // Kathmandu is 5:45 ahead: half-hour slots begin a quarter past and a quarter to.
    let day = calendar("Mon 09:00-10:00", "Asia/Kathmandu", "").work_day(date("2026-11-23")).unwrap();
    assert_eq!(day.spans, [(at("2026-11-23T03:15:00Z"), at("2026-11-23T04:15:00Z"))]);
    assert_eq!(
        slots(&day, tick(30)).into_iter().map(|slot| tick(30).start_of(slot).unwrap()).collect::<Vec<_>>(),
        [at("2026-11-23T03:30:00Z"), at("2026-11-23T04:00:00Z")]
    );
    // Beirut changes its clocks at midnight: 29 March 2026 begins at 01:00.
    assert_eq!(
        spans(&calendar("Sun 00:00-02:00", "Asia/Beirut", ""), "2026-03-29"),
        span("2026-03-28T22:00:00Z", "2026-03-28T23:00:00Z")
    );
}

#[test]
fn a_window_over_midnight_belongs_to_the_date_on_which_it_opens() {
    let night = calendar("Fri 22:00-04:00", "Europe/Berlin", "2026-12-25");
    // Saturday, 28 November 2026, 03:00 in Berlin.
    assert_eq!(night.open_at(at("2026-11-28T02:00:00Z")).unwrap().date, date("2026-11-27"));
    assert_eq!(night.open_at(at("2026-11-28T03:00:00Z")), None, "the end is excluded");
    assert!(night.open_at(at("2026-11-27T21:00:00Z")).is_some(), "the beginning is not");
    assert_eq!(night.open_at(at("2026-12-26T02:00:00Z")), None, "the holiday is the date of the opening");
    let night = calendar("Fri 22:00-04:00", "Europe/Berlin", "2026-12-26");
    assert!(night.open_at(at("2026-12-26T02:00:00Z")).is_some(), "and not the date of the closing");
    // The year's end.
    let night = calendar("Thu 22:00-04:00", "UTC", "01-01");
    assert_eq!(night.open_at(at("2027-01-01T03:59:59Z")).unwrap().date, date("2026-12-31"));
}

#[test]
fn holidays_and_leap_days_are_no_work_days() {
    let calendar = calendar("Mon-Fri 09:00-15:00", "UTC", "02-29 12-24 2026-11-26");
    assert_eq!(calendar.work_day(date("2028-02-29")), None);
    assert!(calendar.work_day(date("2028-02-28")).is_some() && calendar.work_day(date("2028-03-01")).is_some());
    assert_eq!(calendar.work_day(date("2026-11-26")), None);
    assert!(calendar.work_day(date("2027-11-26")).is_some());
    assert_eq!(calendar.work_day(date("2026-12-24")).or(calendar.work_day(date("2027-12-24"))), None);
}

#[test]
fn the_next_opening_skips_what_is_shut() {
    let calendar = calendar("Mon-Fri 09:00-12:00/Mon-Fri 13:00-15:00", "Europe/Berlin", "2026-11-30");
    let next = |now: &str| calendar.next_opening(at(now)).unwrap();
    assert_eq!(next("2026-11-26T07:59:00Z"), at("2026-11-26T08:00:00Z"));
    assert_eq!(next("2026-11-26T08:00:00Z"), at("2026-11-26T12:00:00Z"), "it is open; the next is after noon");
    assert_eq!(next("2026-11-27T14:00:00Z"), at("2026-12-01T08:00:00Z"), "over the weekend and a holiday");
}

#[test]
fn a_calendar_of_nothing_but_holidays_never_opens_and_never_hangs() {
    let holidays: Vec<String> =
        date("2024-01-01").series(1.day()).take(366).map(|d| d.strftime("%m-%d").to_string()).collect();
    let calendar = calendar("Mon-Sun 00:00-24:00", "UTC", &holidays.join(" "));
    let now = at("2026-11-26T12:00:00Z");
    assert_eq!((calendar.open_at(now), calendar.next_opening(now)), (None, None));
    assert_eq!((calendar.back(date("2026-11-26"), 365), calendar.allows_from(now, 1)), (None, None));
}

#[test]
fn the_ends_of_time_are_no_work_days_and_no_panic() {
    let calendar = calendar("Mon-Sun 22:00-04:00", "Pacific/Kiritimati", "");
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let _ = (calendar.open_at(now), calendar.next_opening(now), calendar.allows_from(now, 5));
        let _ = tick(5).slot_at(now);
    }
    assert_eq!(calendar.back(Date::MIN, 1), None);
    let _ = (calendar.work_day(Date::MIN), calendar.work_day(Date::MAX));
}

/// Chaos Monkey's `noKillsSince`: so many work days back from a date, at the end of that day's window.
#[test]
fn the_minimum_is_counted_back_in_work_days_to_the_end_of_the_window() {
    let west = calendar("Mon-Fri 09:00-15:00", "America/Los_Angeles", "01-01");
    for (today, days, threshold) in [
        ("2026-11-26", 1, "2026-11-25T23:00:00Z"), // Thursday: Wednesday
        ("2026-11-26", 2, "2026-11-24T23:00:00Z"),
        ("2026-11-30", 1, "2026-11-27T23:00:00Z"), // Monday: Friday
        ("2026-11-30", 2, "2026-11-26T23:00:00Z"),
        ("2026-11-30", 5, "2026-11-23T23:00:00Z"), // a week
        ("2026-11-30", 10, "2026-11-16T23:00:00Z"),
        ("2026-11-02", 1, "2026-10-30T22:00:00Z"), // over the end of summer time
        ("2026-03-09", 1, "2026-03-06T23:00:00Z"), // over its beginning
        ("2027-01-04", 1, "2026-12-31T23:00:00Z"), // over the year's end and a holiday
        ("2028-03-01", 1, "2028-02-29T23:00:00Z"), // a leap day is a day
        ("2026-11-29", 1, "2026-11-27T23:00:00Z"), // from a Sunday, the last work day is Friday
    ] {
        let end = west.back(date(today), days).and_then(|day| day.end());
        assert_eq!(end, Some(at(threshold)), "{days} work days before {today}");
    }
    let night = calendar("Mon-Fri 12:00-13:00/Mon-Fri 22:00-04:00", "UTC", "");
    let end = night.back(date("2026-11-30"), 1).and_then(|day| day.end());
    assert_eq!(end, Some(at("2026-11-28T04:00:00Z")), "the last of the day's windows counts");
}

#[test]
fn what_the_outlook_says_of_the_minimum_is_what_the_minimum_does() {
    let calendar = calendar("Mon-Fri 09:00-15:00", "UTC", "2026-12-01");
    for (last, days, from) in [
        ("2026-11-25T10:00:00Z", 1, "2026-11-26T09:00:00Z"),
        ("2026-11-25T10:00:00Z", 2, "2026-11-27T09:00:00Z"),
        ("2026-11-25T10:00:00Z", 4, "2026-12-02T09:00:00Z"),
        ("2026-11-27T15:00:00Z", 1, "2026-12-02T09:00:00Z"), // as late as that, it counts for the next work day
    ] {
        assert_eq!(calendar.allows_from(at(last), days), Some(at(from)), "{days} work days after {last}");
    }
    assert_eq!(calendar.allows_from(at("2026-11-25T10:00:00Z"), 0), None);
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
];

fn windows() -> impl Strategy<Value = String> {
    let days = select(vec!["Mon-Fri", "Sat-Mon", "Sun", "Mon-Sun", "Tue,Thu", "Fri"]);
    prop_oneof![
        (days.clone(), 0_u32..24, 0_u32..4, 0_u32..24, 0_u32..4)
            .prop_map(|(days, h, q, i, r)| { format!("{days} {h:02}:{:02}-{i:02}:{:02}", q * 15, r * 15) }),
        (days, 0_u32..8, 9_u32..12, 13_u32..17, 18_u32..24)
            .prop_map(|(days, a, b, c, d)| format!("{days} {a:02}:30-{b:02}:00/{days} {c:02}:00-{d:02}:15")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(3_000), failure_persistence: None, ..ProptestConfig::default() })]

    /// The clock on the wall, and no arithmetic with moments, says whether a window is open.
    #[test]
    fn a_window_is_open_when_the_clock_on_the_wall_says_so(
        windows in windows(),
        zone in select(ZONES.to_vec()),
        seconds in 1_262_304_000_i64..2_208_988_800,
    ) {
        let Ok(read) = windows.parse() else { return Ok(()) };
        let calendar = Calendar { windows: read, zone: zone.parse().unwrap(), ..Calendar::default() };
        let now = Timestamp::from_second(seconds).unwrap();
        let civil = calendar.zone.civil(now);
        // The second pass of an hour that is lived twice is open by other rules.
        prop_assume!(calendar.zone.moment(civil) == Some(now));
        let minute = i64::from(civil.hour()) * 60 + i64::from(civil.minute());
        let opens = windows.split('/').any(|window| {
            let one: panda_domain::chaos::Windows = window.parse().unwrap();
            let one = &one.windows()[0];
            let hours: Vec<i64> = window
                .split_once(' ').unwrap().1
                .split('-')
                .map(|clock| {
                    let (hour, minute) = clock.split_once(':').unwrap();
                    hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
                })
                .collect();
            let (from, to) = (hours[0], if hours[1] < hours[0] { hours[1] + 1440 } else { hours[1] });
            let (today, yesterday) = (civil.date().weekday(), civil.date().yesterday().unwrap().weekday());
            (one.opens_on(today) && from <= minute && minute < to)
                || (one.opens_on(yesterday) && from <= minute + 1440 && minute + 1440 < to)
        });
        // Apia's missing Friday cannot be yesterday on the wall, and a window of Thursday ends there.
        prop_assume!(zone != "Pacific/Apia" || civil.date() != date("2011-12-31"));
        prop_assert_eq!(calendar.open_at(now).is_some(), opens, "{} {} {}", windows, zone, civil);
    }

    /// The slots of a day have the indices from 0 to their number, each once; and every open slot is of one day only.
    #[test]
    fn the_slots_of_a_day_are_numbered_without_gaps(
        windows in windows(),
        zone in select(ZONES.to_vec()),
        minutes in select(vec![5_u32, 10, 15, 20, 30]),
        day in 0_i32..14_000,
    ) {
        let Ok(read) = windows.parse() else { return Ok(()) };
        let calendar = Calendar { windows: read, zone: zone.parse().unwrap(), ..Calendar::default() };
        let tick = tick(minutes);
        let date = date("2000-01-01").checked_add(day.days()).unwrap();
        if let Some(day) = calendar.work_day(date) {
            let slots = slots(&day, tick);
            let indices: Vec<u32> = slots.iter().map(|slot| day.index_of(*slot, tick).unwrap()).collect();
            prop_assert_eq!(&indices, &(0..day.slots(tick)).collect::<Vec<_>>());
            for slot in slots {
                let open = calendar.open_at(tick.start_of(slot).unwrap());
                prop_assert_eq!(open.map(|open| open.date), Some(date));
            }
        }
    }

    /// The chances of a day's slots multiply to the day's chance, and each slot is as likely as any other.
    #[test]
    fn the_odds_of_the_slots_make_the_odds_of_the_day(
        min_days in 1_u32..6,
        over in 0_u32..10_000,
        slots in 1_u32..300,
    ) {
        let mean = f64::from(min_days) + f64::from(over) / 1000.0;
        let policy = policy(&[("mean-days", &format!("{mean:.3}")), ("min-days", &min_days.to_string())], tick(15));
        let daily = 1.0 / (policy.mean_days.days() - f64::from(min_days) + 1.0);
        let mut spared = 1.0;
        for index in 0..slots {
            let odds = policy.slot_odds(slots, index);
            prop_assert!((0.0..=1.0).contains(&odds));
            prop_assert!((spared * odds - daily / f64::from(slots)).abs() < 1e-9, "slot {index}");
            spared *= 1.0 - odds;
        }
        prop_assert!((1.0 - spared - daily).abs() < 1e-9);
        prop_assert!((policy.day_odds(slots) - daily).abs() < 1e-12);
        prop_assert!(policy.slot_odds(slots, slots).abs() < f64::EPSILON, "behind the last slot there is nothing");
    }

    /// With several kills a day allowed, the expected number of kills is what the mean asks for, cap and all.
    #[test]
    fn independent_odds_keep_the_mean_under_the_cap(cap in 1_u32..6, share in 1_u32..1_000, slots in 6_u32..300) {
        let wanted = f64::from(cap) * f64::from(share) / 1000.0;
        let mean = (1000.0 / wanted).ceil() / 1000.0;
        prop_assume!((0.01..=1000.0).contains(&mean));
        let policy = policy(
            &[
                ("mean-days", &format!("{mean:.3}")),
                ("min-days", "0"),
                ("max-per-day", &cap.to_string()),
                ("window", "Mon-Fri 00:00-24:00"),
            ],
            tick(5),
        );
        let odds = policy.slot_odds(slots, 0);
        // The binomial distribution, by another road: how likely it is to have so many kills without a cap.
        let mut exactly = vec![0.0; slots as usize + 1];
        exactly[0] = 1.0;
        for _ in 0..slots {
            for kills in (0..exactly.len()).rev() {
                let before = if kills == 0 { 0.0 } else { exactly[kills - 1] };
                exactly[kills] = exactly[kills] * (1.0 - odds) + before * odds;
            }
        }
        let expected: f64 = exactly.iter().zip(0_u32..).map(|(likely, kills)| likely * f64::from(kills.min(cap))).sum();
        prop_assert!((expected - 1.0 / policy.mean_days.days()).abs() < 1e-6, "{expected} is not 1/{mean}");
    }
}

/// A policy by its tags, all else by default.
fn policy(pairs: &[(&str, &str)], tick: TickLength) -> Policy {
    Policy::read(&tags_of(pairs), &Defaults::default(), tick).unwrap()
}

fn tags_of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (format!("{}{key}", tags::PREFIX), (*value).to_owned())).collect()
}

/// A kill in the simulation: the number of the work day, the index in the day and the day's slots, and the moment.
struct Kill {
    day: usize,
    index: u32,
    slots: u32,
    at: Timestamp,
}

/// The kills of one fleet under the schedule, the limits and the dice, over so many work days.
fn simulate(fleet: &str, policy: &Policy, tick: TickLength, from: Date, work_days: usize) -> Vec<Kill> {
    let mut kills: Vec<Kill> = Vec::new();
    let mut odds: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let fleet = fleet.into();
    let days = from.series(1.day()).filter_map(|date| policy.calendar.work_day(date)).take(work_days);
    for (number, day) in days.enumerate() {
        let threshold = (policy.min_days.get() > 0)
            .then(|| policy.calendar.back(day.date, policy.min_days.get()).unwrap().end().unwrap());
        let mut today = 0;
        for slot in slots(&day, tick) {
            let blocked = threshold.is_some_and(|threshold| kills.last().is_some_and(|kill| kill.at >= threshold));
            if blocked || today >= policy.max_per_day.get() {
                break;
            }
            let (index, slots) = (day.index_of(slot, tick).unwrap(), day.slots(tick));
            let id = ExperimentId::new(&fleet, slot);
            let odds = *odds.entry((slots, index)).or_insert_with(|| policy.slot_odds(slots, index));
            if Dice::new("", &id).throw() < odds {
                kills.push(Kill { day: number, index, slots, at: tick.start_of(slot).unwrap() });
                today += 1;
            }
        }
    }
    kills
}

/// Over centuries, the mean time between kills is what was asked for, whatever the tick, the windows, the minimum and the cap.
#[test]
fn the_mean_between_kills_is_the_one_that_was_asked_for() {
    const WEEKDAYS: &str = "Mon-Fri 09:00-15:00";
    const KILLS: f64 = 6_000.0;
    for (minutes, window, zone, min_days, cap, mean) in [
        (15, WEEKDAYS, "UTC", "1", "1", "5"),
        (5, WEEKDAYS, "America/New_York", "1", "1", "1"),
        (30, WEEKDAYS, "Europe/Berlin", "1", "1", "1.5"),
        (10, "Mon-Fri 09:00-12:00/Mon-Fri 13:00-17:00", "America/Los_Angeles", "5", "1", "8"),
        (30, "Mon-Fri 22:00-04:00", "Europe/Berlin", "2", "1", "5"),
        (20, "Mon-Fri 09:00-15:00/Sat 10:00-11:00", "Asia/Kathmandu", "2", "1", "2.5"),
        (15, WEEKDAYS, "UTC", "5", "1", "5"),
        (5, "Sat-Sun 01:00-03:30", "America/New_York", "1", "1", "2"),
        (15, WEEKDAYS, "UTC", "0", "1", "5"),
        (30, "Mon-Sun 00:00-24:00", "Australia/Lord_Howe", "0", "3", "1"),
        (20, "Mon-Fri 22:00-04:00/Mon-Fri 12:00-13:00", "Europe/Berlin", "0", "2", "0.6"),
        (5, "Sun 01:00-03:30", "America/New_York", "0", "1", "2"),
        (10, "Mon-Sun 10:00-12:00", "Pacific/Apia", "0", "5", "0.3"),
    ] {
        let tick = tick(minutes);
        let policy = policy(
            &[
                ("window", window),
                ("time-zone", zone),
                ("min-days", min_days),
                ("max-per-day", cap),
                ("mean-days", mean),
                ("holidays", "01-01 02-29 12-24 12-25 12-26 12-31 2027-05-06"),
            ],
            tick,
        );
        let asked = policy.mean_days.days();
        // Several fleets, each with its own dice, see more clock changes of the present than one would in a millennium.
        let fleets = 20;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand")]
        let work_days = (KILLS * asked / f64::from(fleets)).ceil() as usize;
        let (mut days, mut gaps) = (0, 0);
        let mut least = usize::MAX;
        for fleet in 0..fleets {
            let kills = simulate(&format!("fleet-{fleet}"), &policy, tick, date("2024-01-01"), work_days);
            days += kills.last().unwrap().day - kills[0].day;
            gaps += kills.len() - 1;
            least = least.min(kills.windows(2).map(|pair| pair[1].day - pair[0].day).min().unwrap());
        }
        #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
        let mean = days as f64 / gaps as f64;
        assert!(
            (mean / asked - 1.0).abs() < 0.03,
            "{minutes} min, {window}, at least {min_days}: {mean} and not {asked}"
        );
        let reached = if cap == "1" { policy.min_days.get().max(1) } else { policy.min_days.get() };
        assert_eq!(least, reached as usize, "the minimum is kept, and reached");
    }
}

/// Nobody learns that the panda comes in the morning.
#[test]
fn every_slot_of_the_day_is_as_likely_as_any_other() {
    let tick = tick(30);
    let policy = policy(&[("mean-days", "1.25")], tick);
    let mut kills = vec![0_u32; 12];
    for fleet in 0..12 {
        for kill in simulate(&format!("fleet-{fleet}"), &policy, tick, date("2024-01-01"), 1_000) {
            assert_eq!(kill.slots, 12);
            kills[kill.index as usize] += 1;
        }
    }
    let each = f64::from(kills.iter().sum::<u32>()) / 12.0;
    let squares: f64 = kills.iter().map(|kills| (f64::from(*kills) - each).powi(2) / each).sum();
    // Chi-squared with 11 degrees of freedom exceeds this once in a thousand times; the dice are always the same.
    assert!(squares < 31.26, "{kills:?}: {squares}");
}

/// The survey, tick by tick and night and day, with a journal that remembers, kills exactly when schedule, limits and dice do.
#[test]
fn the_survey_follows_the_schedule() {
    for (pairs, minutes) in [
        (&[("chaos", "on"), ("mean-days", "3"), ("min-days", "2"), ("window", "Mon-Fri 22:00-04:00")][..], 30),
        (&[("chaos", "on"), ("mean-days", "0.6"), ("min-days", "0"), ("max-per-day", "2")][..], 15),
    ] {
        let tick = tick(minutes);
        let mut tags = tags_of(pairs);
        tags.insert(tags::TIME_ZONE.to_owned(), "America/New_York".to_owned());
        tags.insert(tags::HOLIDAYS.to_owned(), "01-01 12-25".to_owned());
        let policy = Policy::read(&tags, &Defaults::default(), tick).unwrap();
        let expected = simulate("web", &policy, tick, date("2026-01-01"), 200);
        let group = GroupView {
            name: "web".into(),
            tags,
            desired: 2,
            min: 2,
            max: 4,
            deleting: false,
            suspended: Vec::new(),
            members: Vec::new(),
            min_healthy_percentage: None,
        };
        let settings = Settings { mode: Mode::Unleashed, tick, ..Settings::default() };
        let mut present = Present::default();
        let mut killed = Vec::new();
        let end = expected.last().unwrap().at;
        // The window that opened in the year before is shut by then.
        let mut now = at("2026-01-01T12:00:00Z");
        while now <= end {
            // The scheduler is late by a little, now and then.
            let woken = now + SignedDuration::from_secs(now.as_second() / 900 % 50);
            let surveyed = &survey(std::slice::from_ref(&group), &Asked::Tick, &present, &settings, woken)[0];
            if surveyed.fallen() {
                let limits = surveyed.limits.clone().unwrap();
                let id = surveyed.id.clone().unwrap();
                let before = present.last.get("web").and_then(|last| last.unleashed.clone());
                let kills = before.filter(|tally| tally.day == limits.day).map_or(0, |tally| tally.kills) + 1;
                let tally = Tally { at: woken, day: limits.day, kills, id };
                present.last.insert("web".into(), LastKills { unleashed: Some(tally), leashed: None });
                killed.push(now);
            }
            now += SignedDuration::from_mins(minutes.into());
        }
        assert_eq!(killed, expected.iter().map(|kill| kill.at).collect::<Vec<_>>());
    }
}
