//! What people write into commands and tags, and what `panda_domain::chaos` makes of it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod cases;

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use panda_domain::chaos::{
    Command, CommandError, Defaults, Fault, Holidays, KillOrder, MaxPerDay, MeanDays, MinDays, MinHealthy, Mode, OptIn,
    Policy, PolicyProblem, Settings, SiteUrl, TickLength, VictimChoice, Windows, Zone, tags,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::cases::cases;

fn tags_of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (format!("{}{key}", tags::PREFIX), (*value).to_owned())).collect()
}

fn policy(pairs: &[(&str, &str)]) -> Result<Policy, Vec<String>> {
    Policy::read(&tags_of(pairs), &Defaults::default(), TickLength::default())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Every text is refused, with an error that says what would be right.
fn refused<T: FromStr<Err = String> + std::fmt::Debug>(texts: &[&str], says: &str) {
    for text in texts {
        let error = text.parse::<T>().unwrap_err();
        assert!(error.contains(says), "`{text}`: {error}");
    }
}

/// Every text is understood, and written the same way again.
fn kept<T: FromStr<Err = String> + Display>(texts: &[&str]) {
    for text in texts {
        assert_eq!(text.parse::<T>().map(|read| read.to_string()), Ok((*text).to_owned()));
    }
}

#[test]
fn commands_are_read() {
    let read = |value: Value| Command::decode(&value).unwrap();
    assert_eq!(read(json!({"command": "tick"})), Command::Tick);
    assert_eq!(read(json!({"command": "preview"})), Command::Preview { fleet: None });
    assert_eq!(read(json!({"command": "preview", "fleet": "web"})), Command::Preview { fleet: Some("web".into()) });
    let order = KillOrder { fleet: "web".into(), reason: "game day".into(), fault: None, victim: None, count: 1 };
    assert_eq!(read(json!({"command": "kill", "fleet": "web", "reason": "game day"})), Command::Kill(order.clone()));
    assert_eq!(
        read(
            json!({"command": "kill", "fleet": "web", "reason": " game day ", "fault": "stop-agent", "victim": "i-0a1"})
        ),
        Command::Kill(KillOrder { fault: Some(Fault::StopAgent), victim: Some("i-0a1".into()), ..order.clone() })
    );
    assert_eq!(
        read(json!({"command": "kill", "fleet": "web", "reason": "game day", "count": 2})),
        Command::Kill(KillOrder { count: 2, ..order })
    );
    assert_eq!(
        read(json!({"command": "disarm", "reason": "release"})),
        Command::Disarm { reason: "release".into(), fleet: None }
    );
    assert_eq!(
        read(json!({"command": "arm", "reason": "over", "fleet": "web"})),
        Command::Arm { reason: "over".into(), fleet: Some("web".into()) }
    );
    assert_eq!(read(json!({"command": "history"})), Command::History { fleet: None, days: 30 });
    assert_eq!(
        read(json!({"command": "history", "fleet": "web", "days": 400})),
        Command::History { fleet: Some("web".into()), days: 400 }
    );
}

#[test]
fn what_is_no_command_is_refused_with_the_field_and_what_there_is() {
    let cases = [
        (json!(null), vec!["null", "`kill`"]),
        (json!([1]), vec!["a list", "`tick`"]),
        (json!("tick"), vec!["a text"]),
        (json!({}), vec!["`command`", "missing", "`preview`"]),
        (json!({"command": null}), vec!["`command`", "missing"]),
        (json!({"command": 7}), vec!["no command `7`", "`history`"]),
        (json!({"command": "Kill"}), vec!["no command `Kill`", "`kill`"]),
        (json!({"command": "tick", "fleet": "web"}), vec!["`tick`", "`fleet`", "no fields"]),
        (json!({"command": "preview", "flet": "web"}), vec!["`flet`", "`fleet`"]),
        (json!({"command": "preview", "fleet": " "}), vec!["`fleet`", "empty"]),
        (json!({"command": "preview", "fleet": 3}), vec!["`fleet`", "`3`"]),
        (json!({"command": "kill", "reason": "r"}), vec!["`kill` needs", "`fleet`"]),
        (json!({"command": "kill", "fleet": "web"}), vec!["`kill` needs", "`reason`"]),
        (json!({"command": "kill", "fleet": "web", "reason": ""}), vec!["`reason`", "empty"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "fault": "reboot"}), vec!["`fault`", "`stop-agent`"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "victim": "all"}), vec!["`victim`", "`all`", "i-"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "victim": "i-"}), vec!["`victim`"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "count": 0}), vec!["`count`", "from 1"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "count": 1.5}), vec!["`count`", "`1.5`"]),
        (json!({"command": "kill", "fleet": "web", "reason": "r", "count": "2"}), vec!["`count`", "whole number"]),
        (
            json!({"command": "kill", "fleet": "web", "reason": "r", "count": 2, "victim": "i-0a"}),
            vec!["`victim`", "`count`"],
        ),
        (json!({"command": "disarm"}), vec!["`disarm` needs", "`reason`"]),
        (json!({"command": "arm", "reason": {}}), vec!["`reason`", "an object"]),
        (json!({"command": "arm", "reason": "r", "fleet": null}), vec!["`fleet`", "null"]),
        (json!({"command": "history", "days": null}), vec!["`days`", "null"]),
        (json!({"command": "history", "days": 0}), vec!["`days`", "1 to 400"]),
        (json!({"command": "history", "days": 401}), vec!["`days`", "`401`"]),
        (json!({"command": "history", "days": -1}), vec!["`days`", "`-1`"]),
        (json!({"command": "preview", "fleet": "x".repeat(300)}), vec!["`fleet`", "300 characters"]),
    ];
    for (payload, says) in cases {
        let error = Command::decode(&payload).unwrap_err().to_string();
        for word in says {
            assert!(error.contains(word), "{payload}: `{error}` does not say `{word}`");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["tick", "kill", "preview", "arm", "disarm", "history", "web", "i-0a", "crash"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let key = prop_oneof![
            prop::sample::select(vec!["command", "fleet", "reason", "fault", "victim", "count", "days"])
                .prop_map(str::to_owned),
            ".{0,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key, inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(4_000), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_dies_of_bad_input(payload in any_json()) {
        match Command::decode(&payload) {
            Ok(Command::Kill(order)) => {
                prop_assert!(!order.reason.is_empty() && !order.fleet.as_str().is_empty() && order.count >= 1);
            }
            Ok(_) => {}
            Err(error) => prop_assert!(error.to_string().len() < 1_000),
        }
    }

    #[test]
    fn no_tag_value_stops_the_panda(key in prop::sample::select(tags::KNOWN.to_vec()), value in "\\PC{0,40}|[0-9:/ .%A-Za-z-]{0,30}") {
        let mut tags = BTreeMap::from([(key.to_owned(), value)]);
        let _ = OptIn::read(&tags);
        tags.insert(tags::CHAOS.to_owned(), "on".to_owned());
        if let Err(problems) = Policy::read(&tags, &Defaults::default(), TickLength::default()) {
            prop_assert!(problems.iter().all(|problem| !problem.why.is_empty()));
            // Of two values that cannot both be kept one may be a default: then the other tag has the problem, which names this one.
            let named = |problem: &PolicyProblem| problem.tag == key || problem.why.contains(key);
            prop_assert!(problems.iter().any(named), "{problems:?}");
        }
    }
}

#[test]
fn an_error_keeps_a_strangers_text_short() {
    let error = Command::decode(&json!({"command": "ü".repeat(5_000)})).unwrap_err();
    assert!(matches!(error, CommandError::UnknownCommand { .. }) && error.to_string().chars().count() < 300);
}

#[test]
fn the_mode_is_one_of_three_words() {
    kept::<Mode>(&["Leashed", "Unleashed", "Off"]);
    refused::<Mode>(&["leashed", "UNLEASHED", "off", "", "On", " Off", "true"], "`Unleashed`");
    assert_eq!(Mode::default(), Mode::Leashed);
}

#[test]
fn numbers_are_strict() {
    kept::<MeanDays>(&["5", "2.5", "0.25", "0.125", "1000", "0.01"]);
    assert_eq!("2.50".parse::<MeanDays>().unwrap(), "2.5".parse().unwrap());
    refused::<MeanDays>(
        &["", "0", "-1", "+5", "1e3", "5,5", ".5", "5.", "1.2345", "nan", "inf", "1001", " 5", "5 ", "٥"],
        "0.01",
    );
    kept::<MinDays>(&["0", "1", "365"]);
    refused::<MinDays>(&["", "-1", "366", "1.0", "+1", "one", "99999999999999999999"], "0 to 365");
    kept::<MaxPerDay>(&["1", "100"]);
    refused::<MaxPerDay>(&["0", "101", ""], "1 to 100");
    kept::<MinHealthy>(&["1", "12", "1%", "50%", "100%"]);
    refused::<MinHealthy>(&["0", "0%", "101%", "-1", "50 %", "%", "half", ""], "1%");
    kept::<TickLength>(&["5", "10", "15", "20", "30"]);
    refused::<TickLength>(&["1", "60", "05", "7", ""], "`15`");
}

#[test]
fn min_healthy_is_rounded_up_and_never_none() {
    let of = |text: &str, desired| text.parse::<MinHealthy>().unwrap().of(desired);
    assert_eq!([of("50%", 3), of("50%", 2), of("50%", 1), of("50%", 0)], [2, 1, 1, 1]);
    assert_eq!([of("1%", 3), of("34%", 3), of("100%", 3), of("2", 9)], [1, 2, 3, 2]);
}

#[test]
fn windows_are_read_and_written_alike() {
    kept::<Windows>(&[
        "Mon-Fri 09:00-15:00",
        "Mon 00:00-24:00",
        "Mon-Sun 00:00-24:00",
        "Mon,Wed 09:15-15:45",
        "Fri 22:00-04:00",
        "Mon,Wed-Fri 09:00-12:00/Mon,Wed-Fri 13:00-17:30/Sat 10:00-11:00",
        "Mon-Fri 09:00-12:00/Mon-Fri 12:00-15:00",
        "Mon 22:00-21:00/Tue 21:00-22:00",
        "Sun 22:00-02:00/Mon 02:00-04:00",
    ]);
    let written = |text: &str| text.parse::<Windows>().unwrap().to_string();
    assert_eq!(written("Sat-Mon 10:00-11:00"), "Mon,Sat,Sun 10:00-11:00");
    assert_eq!(written("Fri-Mon 10:00-11:00"), "Mon,Fri-Sun 10:00-11:00");
    assert_eq!(written(" Mon  09:00-15:00 / Tue 09:00-15:00 "), "Mon 09:00-15:00/Tue 09:00-15:00");
    assert_eq!(written("Mon 22:00-24:00"), "Mon 22:00-24:00");
    assert_eq!(written("Mon 22:00-00:00"), "Mon 22:00-24:00", "both are the end of Monday");
    assert_eq!(Windows::default().to_string(), "Mon-Fri 09:00-15:00");
}

#[test]
fn windows_that_are_none_say_why() {
    for (text, says) in [
        ("", "Mon-Fri 09:00-15:00"),
        ("Mon-Fri", "Mon-Fri 09:00-15:00"),
        ("09:00-15:00", "Mon-Fri 09:00-15:00"),
        ("Mon 09:00 - 15:00", "Mon-Fri 09:00-15:00"),
        ("Mon-Fri 09:00-15:00/", "Mon-Fri 09:00-15:00"),
        ("mon 09:00-15:00", "`mon` is none"),
        ("Monday 09:00-15:00", "`Monday` is none"),
        ("Mon, 09:00-15:00", "`` is none"),
        ("Mon-Mon 09:00-15:00", "range of one day"),
        ("Mon,Mon 09:00-15:00", "names Mon twice"),
        ("Mon-Wed,Tue 09:00-15:00", "names Tue twice"),
        ("Mon-Wed-Fri 09:00-15:00", "`Wed-Fri` is none"),
        ("Mon 9:00-15:00", "`9:00` is not"),
        ("Mon 09:00-15:60", "`15:60` is not"),
        ("Mon 09:00-25:00", "`25:00` is not"),
        ("Mon 09:00-24:01", "`24:01` is not"),
        ("Mon 0900-1500", "`0900` is not"),
        ("Mon 09:00", "are no hours"),
        ("Mon 24:00-06:00", "cannot open at `24:00`"),
        ("Mon 09:00-09:00", "ends where it begins"),
        ("Mon-Fri 09:00-15:00/Wed 14:00-16:00", "overlap"),
        ("Mon-Fri 09:00-15:00/Mon-Fri 09:00-15:00", "overlap"),
        ("Mon 22:00-06:00/Tue 05:00-07:00", "overlap"),
        ("Sun 22:00-06:00/Mon 05:00-07:00", "overlap"),
        ("Mon-Tue 10:00-09:59/Tue 09:00-09:30", "overlap"),
    ] {
        let error = text.parse::<Windows>().unwrap_err();
        assert!(error.contains(says), "`{text}`: {error}");
    }
}

#[test]
fn holidays_are_dates_with_or_without_a_year() {
    let holidays: Holidays = " 2026-12-24  12-25 02-29 ".parse().unwrap();
    let on = |date: &str| holidays.contain(date.parse().unwrap());
    assert!(on("2026-12-24") && !on("2027-12-24"));
    assert!(on("2026-12-25") && on("2027-12-25"));
    assert!(on("2028-02-29") && !on("2026-02-28") && !on("2026-03-01"));
    assert_eq!(holidays.to_string(), "2026-12-24 12-25 02-29");
    kept::<Holidays>(&["", "2026-12-24 12-25"]);
    refused::<Holidays>(
        &["2026-02-29", "02-30", "13-01", "00-10", "1-5", "12/25", "2026-1-05", "Dec25", "12-25,12-26", "26-12-24"],
        "is none",
    );
}

#[test]
fn zones_are_iana_names() {
    kept::<Zone>(&["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kathmandu", "Etc/GMT+5"]);
    refused::<Zone>(&["", "CEST", "Berlin", "+02:00", "Europe/Atlantis", "../../etc/passwd"], "IANA");
    assert!("europe/berlin".parse::<Zone>().unwrap_err().contains("`Europe/Berlin`"));
}

#[test]
fn urls_are_paths_or_whole() {
    kept::<SiteUrl>(&["/", "/health?x=1", ":8080/health", "https://example.org/health", "http://10.0.0.1:81"]);
    refused::<SiteUrl>(
        &["", "health", ":8080", ":0/x", ":99999/x", ":x/", "ftp://example.org", "https://", "http:///x", "/a b"],
        "/health",
    );
    let targets = |url: &str| url.parse::<SiteUrl>().unwrap().targets(["192.0.2.1", "192.0.2.2"]);
    assert_eq!(targets("/health"), ["http://192.0.2.1/health", "http://192.0.2.2/health"]);
    assert_eq!(targets(":8080/"), ["http://192.0.2.1:8080/", "http://192.0.2.2:8080/"]);
    assert_eq!(targets("https://example.org"), ["https://example.org"]);
}

#[test]
fn a_policy_without_tags_is_the_defaults() {
    let policy = policy(&[("chaos", "on")]).unwrap();
    assert_eq!((policy.mean_days.to_string().as_str(), policy.min_days.get(), policy.max_per_day.get()), ("5", 1, 1));
    assert_eq!(policy.calendar.windows, Windows::default());
    assert_eq!((policy.victim, policy.faults), (VictimChoice::Any, vec![Fault::Terminate]));
    assert_eq!((policy.min_healthy, policy.url), (None, None));
    assert!(Settings::default().problems().is_empty());
}

#[test]
fn a_policy_says_all_of_it_by_tags() {
    let policy = policy(&[
        ("fleet", "web"),
        ("chaos", "on"),
        ("mean-days", "2.5"),
        ("min-days", "2"),
        ("max-per-day", "3"),
        ("min-healthy", "67%"),
        ("window", "Sat-Sun 22:00-04:00"),
        ("time-zone", "Asia/Tokyo"),
        ("holidays", ""),
        ("victim", "holder"),
        ("faults", "crash terminate  crash"),
        ("url", ":8080/health"),
        ("stop-alarms", "arn:aws:cloudwatch:us-east-1:123456789012:alarm:site web-errors"),
        ("pipeline", "site"),
    ])
    .unwrap();
    assert_eq!(policy.mean_days.to_string(), "2.5");
    assert_eq!(policy.min_healthy, Some(MinHealthy::Percent(67)));
    assert_eq!(policy.calendar.zone.to_string(), "Asia/Tokyo");
    assert_eq!(policy.faults, [Fault::Crash, Fault::Terminate]);
    assert_eq!((policy.stop_alarms.len(), policy.pipelines), (2, vec!["site".to_owned()]));
}

#[test]
fn every_problem_of_a_policy_is_told_with_its_tag_and_value() {
    let problems = policy(&[
        ("chaos", "on"),
        ("mean-days", "often"),
        ("min-days", "-1"),
        ("window", "always"),
        ("time-zone", "Mars/Olympus"),
        ("holidays", "xmas"),
        ("victim", "me"),
        ("faults", "terminate reboot"),
        ("url", "site"),
        ("stop-alarms", " "),
        ("pipeline", ""),
        ("fleet", ""),
        ("mean-day", "5"),
        ("Max-Per-Day", "5"),
    ])
    .unwrap_err();
    assert_eq!(problems.len(), 13, "{problems:#?}");
    for says in [
        "`lethargic-panda:mean-days` is `often`: write a number",
        "`lethargic-panda:time-zone` is `Mars/Olympus`: write the name of a zone",
        "`lethargic-panda:faults` is `terminate reboot`: write one of `terminate`",
        "`lethargic-panda:mean-day`: there is no such tag",
        "`lethargic-panda:Max-Per-Day`: keys are case-sensitive, write `lethargic-panda:max-per-day`",
    ] {
        assert!(problems.iter().any(|problem| problem.contains(says)), "{says}: {problems:#?}");
    }
}

#[test]
fn what_cannot_be_kept_together_is_refused() {
    for (tags, says) in [
        (&[("mean-days", "2"), ("min-days", "3")][..], "the mean must be 3 or more"),
        (&[("mean-days", "0.5")], "the mean must be 1 or more"),
        (&[("mean-days", "0.5"), ("min-days", "0")], "which is the cap"),
        (
            &[("mean-days", "0.1"), ("min-days", "0"), ("max-per-day", "100"), ("window", "Mon 09:00-10:00")],
            "the 4 throws of the dice",
        ),
        (&[("window", "Mon 09:00-09:10")], "shorter than the 15 minutes"),
    ] {
        let problems = policy(tags).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(says)), "{says}: {problems:?}");
    }
    policy(&[("mean-days", "3"), ("min-days", "3")]).unwrap();
    policy(&[("mean-days", "1"), ("min-days", "0")]).unwrap();
    policy(&[("mean-days", "0.5"), ("min-days", "0"), ("max-per-day", "2")]).unwrap();
    let defaults = Defaults { mean_days: "2".parse().unwrap(), min_days: "3".parse().unwrap(), ..Defaults::default() };
    let problems = Settings { defaults, max_kills_per_run: 0, ..Settings::default() }.problems();
    assert!(problems.len() == 2 && problems.iter().any(|problem| problem.contains("by default")), "{problems:?}");
}

#[test]
fn who_does_not_take_part_is_not_read_and_a_slip_of_the_pen_is_told() {
    let read = |pairs: &[(&str, &str)]| OptIn::read(&tags_of(pairs));
    assert_eq!(read(&[("chaos", "on")]), OptIn::On);
    assert_eq!(read(&[("chaos", "off"), ("mean-days", "never")]), OptIn::Off { lookalike: None });
    assert_eq!(read(&[]), OptIn::Off { lookalike: None });
    assert_eq!(read(&[("Chaos", "on")]), OptIn::Off { lookalike: Some("lethargic-panda:Chaos".into()) });
    for value in ["On", "yes", "true", ""] {
        assert!(
            matches!(read(&[("chaos", value)]), OptIn::Unclear(problem) if problem.to_string().contains("`on` or `off`"))
        );
    }
}
