//! What is this function configured to do?

use std::fmt::Display;

use jiff::SignedDuration;
use panda_domain::chaos::{Defaults, Settings};
use panda_lambda::env::{ConfigError, Reader};

const PANDA_MODE: &str = "PANDA_MODE";
const MEAN_DAYS: &str = "MEAN_DAYS";
const MIN_DAYS: &str = "MIN_DAYS";
const MAX_PER_DAY: &str = "MAX_PER_DAY";
const WINDOW: &str = "WINDOW";
const TIME_ZONE: &str = "TIME_ZONE";
const HOLIDAYS: &str = "HOLIDAYS";
const TICK_MINUTES: &str = "TICK_MINUTES";
const MAX_KILLS_PER_RUN: &str = "MAX_KILLS_PER_RUN";
const MAX_KILLS_PER_DAY: &str = "MAX_KILLS_PER_DAY";
const MIN_INSTANCE_AGE_MINUTES: &str = "MIN_INSTANCE_AGE_MINUTES";
const HEAL_SECONDS: &str = "HEAL_SECONDS";
const OUTAGE_TOLERANCE_SECONDS: &str = "OUTAGE_TOLERANCE_SECONDS";
const STOP_ALARMS: &str = "STOP_ALARMS";
const JOURNAL_TABLE: &str = "JOURNAL_TABLE";
const HISTORY_DAYS: &str = "HISTORY_DAYS";
const TOPIC_ARN: &str = "TOPIC_ARN";
const STOP_AGENT_DOCUMENT: &str = "STOP_AGENT_DOCUMENT";
const EVENT_BUS: &str = "EVENT_BUS";

/// The longest that a fleet may take to heal: what Lambda's 15 minutes leave for the looks before and the words after.
const LONGEST_HEAL: u32 = 780;

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What holds for the whole installation.
    pub settings: Settings,
    /// The DynamoDB table of the journal.
    pub journal_table: String,
    /// How many days the journal keeps experiments.
    pub history_days: u32,
    /// The SNS topic that people are told by.
    pub topic_arn: String,
    /// The SSM document that stops the CodeDeploy agent; without one, `stop-agent` is refused.
    pub stop_agent_document: Option<String>,
    /// The event bus that hears of finished experiments.
    pub event_bus: String,
}

impl Config {
    /// The variables that [`Config::from_lookup`] reads; the template sets them all.
    pub const VARIABLES: &[&str] = &[
        PANDA_MODE,
        MEAN_DAYS,
        MIN_DAYS,
        MAX_PER_DAY,
        WINDOW,
        TIME_ZONE,
        HOLIDAYS,
        TICK_MINUTES,
        MAX_KILLS_PER_RUN,
        MAX_KILLS_PER_DAY,
        MIN_INSTANCE_AGE_MINUTES,
        HEAL_SECONDS,
        OUTAGE_TOLERANCE_SECONDS,
        STOP_ALARMS,
        JOURNAL_TABLE,
        HISTORY_DAYS,
        TOPIC_ARN,
        STOP_AGENT_DOCUMENT,
        EVENT_BUS,
    ];

    /// Reads the configuration through `lookup`; what is not set has the template's default. The table and the topic must be set.
    ///
    /// # Errors
    /// With everything that is wrong, by the variables' names. Whoever deploys must mend it.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let preset = Settings::default();
        let defaults = Defaults {
            mean_days: reader.parsed(MEAN_DAYS, preset.defaults.mean_days),
            min_days: reader.parsed(MIN_DAYS, preset.defaults.min_days),
            max_per_day: reader.parsed(MAX_PER_DAY, preset.defaults.max_per_day),
            windows: reader.parsed(WINDOW, preset.defaults.windows.clone()),
            zone: reader.parsed(TIME_ZONE, preset.defaults.zone.clone()),
            holidays: reader.parsed(HOLIDAYS, preset.defaults.holidays.clone()),
        };
        let topic_arn = required(&mut reader, TOPIC_ARN, "the ARN of an SNS topic");
        let heal: u32 = reader.parsed(HEAL_SECONDS, 600);
        reader.require((1..=LONGEST_HEAL).contains(&heal), || {
            format!("`{HEAL_SECONDS}` is {heal}: 1 to {LONGEST_HEAL}, for the function watches as long as it may run")
        });
        let minutes: u32 = reader.parsed(MIN_INSTANCE_AGE_MINUTES, 10);
        let tolerance: u32 = reader.parsed(OUTAGE_TOLERANCE_SECONDS, 30);
        let settings = Settings {
            mode: reader.parsed(PANDA_MODE, preset.mode),
            defaults,
            tick: reader.parsed(TICK_MINUTES, preset.tick),
            max_kills_per_run: at_least_one(&mut reader, MAX_KILLS_PER_RUN, preset.max_kills_per_run),
            max_kills_per_day: at_least_one(&mut reader, MAX_KILLS_PER_DAY, preset.max_kills_per_day),
            min_age: SignedDuration::from_mins(minutes.into()),
            heal: SignedDuration::from_secs(heal.into()),
            outage_tolerance: SignedDuration::from_secs(tolerance.into()),
            stop_alarms: words(&mut reader, STOP_ALARMS),
            salt: salt(&topic_arn),
        };
        let problems = settings.problems();
        reader.require(problems.is_empty(), || problems.join("; "));
        let config = Self {
            settings,
            journal_table: required(&mut reader, JOURNAL_TABLE, "the name of a DynamoDB table"),
            history_days: at_least_one(&mut reader, HISTORY_DAYS, 400),
            topic_arn,
            stop_agent_document: Some(reader.parsed(STOP_AGENT_DOCUMENT, String::new()))
                .filter(|name| !name.is_empty()),
            event_bus: reader.parsed(EVENT_BUS, "default".to_owned()),
        };
        reader.finish(config)
    }
}

fn required<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, name: &str, what: impl Display) -> String {
    let value: String = reader.parsed(name, String::new());
    reader.require(!value.is_empty(), || format!("`{name}` is not set: it must be {what}"));
    value
}

fn at_least_one<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, name: &str, default: u32) -> u32 {
    let number: u32 = reader.parsed(name, default);
    reader.require(number > 0, || format!("`{name}` is 0: at least 1; to stop the panda, set `{PANDA_MODE}` to `Off`"));
    number
}

fn words<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, name: &str) -> Vec<String> {
    reader.parsed(name, String::new()).split_whitespace().map(str::to_owned).collect()
}

/// `ACCOUNT/REGION`, from the topic's ARN (`arn:PARTITION:sns:REGION:ACCOUNT:NAME`).
fn salt(topic_arn: &str) -> String {
    let mut parts = topic_arn.split(':').skip(3);
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("{account}/{region}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use panda_domain::chaos::Mode;

    use super::*;

    fn deployed(name: &str) -> Option<String> {
        match name {
            JOURNAL_TABLE => Some("journal".to_owned()),
            TOPIC_ARN => Some("arn:aws:sns:eu-central-1:123456789012:panda".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn without_other_variables_the_panda_is_leashed_and_has_the_templates_defaults() {
        let config = Config::from_lookup(deployed).unwrap();
        let salt = "123456789012/eu-central-1".to_owned();
        assert_eq!(config.settings, Settings { salt, ..Settings::default() });
        assert_eq!(config.settings.mode, Mode::Leashed);
        assert_eq!(config.stop_agent_document, None);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name_and_all_at_once() {
        let error = Config::from_lookup(|name| match name {
            PANDA_MODE => Some("unleashed".to_owned()),
            HEAL_SECONDS => Some("900".to_owned()),
            MAX_KILLS_PER_DAY => Some("0".to_owned()),
            TIME_ZONE => Some("Berlin".to_owned()),
            _ => None,
        })
        .unwrap_err()
        .to_string();
        for name in [PANDA_MODE, HEAL_SECONDS, MAX_KILLS_PER_DAY, TIME_ZONE, JOURNAL_TABLE, TOPIC_ARN] {
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
    }
}
