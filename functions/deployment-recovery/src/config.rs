//! What is this function configured to do?

use std::{fmt, str::FromStr};

use jiff::SignedDuration;
use panda_domain::recovery::Rules;
use panda_lambda::env::{ConfigError, Reader};
use serde::Serialize;

const RECOVERY_MODE: &str = "RECOVERY_MODE";
const MAX_RETRIES: &str = "MAX_RETRIES";
const PATIENCE_MINUTES: &str = "PATIENCE_MINUTES";
const REPLACE_INSTANCES: &str = "REPLACE_INSTANCES";
const RESTART_DOCUMENT: &str = "RESTART_DOCUMENT";
const CASES_TABLE: &str = "CASES_TABLE";
const TOPIC_ARN: &str = "TOPIC_ARN";
const CHAT_TOPIC_ARN: &str = "CHAT_TOPIC_ARN";
const EVENT_BUS: &str = "EVENT_BUS";

/// The pause between looks at what others do. A deployment takes minutes, and CodeDeploy's request budget is for everybody.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(20);

/// CodePipeline forgets an execution after a year, and nobody retries a deployment so often.
const MOST_RETRIES: u32 = 10;

/// The longest patience: the longest that an in-place deployment, such as a rollback, may take.
const LONGEST_PATIENCE: u32 = 480;

/// How much the function may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Mode {
    /// Cures, retries and tells.
    #[default]
    On,
    /// Tells, and touches nothing.
    ExplainOnly,
    /// Looks at nothing, and says nothing.
    Off,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "On" => Ok(Self::On),
            "ExplainOnly" => Ok(Self::ExplainOnly),
            "Off" => Ok(Self::Off),
            _ => Err("On, ExplainOnly or Off".to_owned()),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "On",
            Self::ExplainOnly => "ExplainOnly",
            Self::Off => "Off",
        })
    }
}

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How much it may do.
    pub mode: Mode,
    /// What bounds its plans.
    pub rules: Rules,
    /// The SSM document that restarts the CodeDeploy agent.
    pub restart_document: String,
    /// The DynamoDB table of the cases.
    pub cases_table: String,
    /// The SNS topic that people are told by, as text.
    pub topic_arn: String,
    /// The SNS topic that chats are told by, if there is one.
    pub chat_topic_arn: Option<String>,
    /// The event bus by which the function wakes itself again.
    pub event_bus: String,
}

impl Config {
    /// The variables that [`Config::from_lookup`] reads; the template sets them all.
    pub const VARIABLES: &[&str] = &[
        RECOVERY_MODE,
        MAX_RETRIES,
        PATIENCE_MINUTES,
        REPLACE_INSTANCES,
        RESTART_DOCUMENT,
        CASES_TABLE,
        TOPIC_ARN,
        CHAT_TOPIC_ARN,
        EVENT_BUS,
    ];

    /// Reads the configuration through `lookup`; what is not set has the template's default. Document, table and topic must be set.
    ///
    /// # Errors
    /// With everything that is wrong, by the variables' names. Whoever deploys must mend it.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let max_retries: u32 = reader.parsed(MAX_RETRIES, 1);
        reader.require(max_retries <= MOST_RETRIES, || {
            format!("`{MAX_RETRIES}` is {max_retries}: {MOST_RETRIES} at most")
        });
        let patience: u32 = reader.parsed(PATIENCE_MINUTES, 60);
        reader.require((1..=LONGEST_PATIENCE).contains(&patience), || {
            format!("`{PATIENCE_MINUTES}` is {patience}: 1 to {LONGEST_PATIENCE}")
        });
        let config = Self {
            mode: reader.parsed(RECOVERY_MODE, Mode::default()),
            rules: Rules {
                max_retries,
                patience: SignedDuration::from_mins(patience.into()),
                look_every: LOOK_EVERY,
                may_replace: reader.parsed(REPLACE_INSTANCES, true),
            },
            restart_document: required(&mut reader, RESTART_DOCUMENT, "the name of an SSM document"),
            cases_table: required(&mut reader, CASES_TABLE, "the name of a DynamoDB table"),
            topic_arn: required(&mut reader, TOPIC_ARN, "the ARN of an SNS topic"),
            chat_topic_arn: Some(reader.parsed(CHAT_TOPIC_ARN, String::new())).filter(|arn| !arn.is_empty()),
            event_bus: reader.parsed(EVENT_BUS, "default".to_owned()),
        };
        reader.finish(config)
    }
}

fn required<L: Fn(&str) -> Option<String>>(reader: &mut Reader<L>, name: &str, what: &str) -> String {
    let value: String = reader.parsed(name, String::new());
    reader.require(!value.is_empty(), || format!("`{name}` is not set: it must be {what}"));
    value
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    fn deployed(name: &str) -> Option<String> {
        match name {
            RESTART_DOCUMENT => Some("restart-agent".to_owned()),
            CASES_TABLE => Some("cases".to_owned()),
            TOPIC_ARN => Some("arn:aws:sns:eu-central-1:123456789012:deployments".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn without_other_variables_it_cures_and_retries_once() {
        let config = Config::from_lookup(deployed).unwrap();
        assert_eq!((config.mode, config.rules.max_retries), (Mode::On, 1));
        assert_eq!(config.chat_topic_arn, None);
    }

    #[test]
    fn what_cannot_work_is_refused_by_name_and_all_at_once() {
        let error = Config::from_lookup(|name| match name {
            RECOVERY_MODE => Some("on".to_owned()),
            MAX_RETRIES => Some("11".to_owned()),
            PATIENCE_MINUTES => Some("0".to_owned()),
            REPLACE_INSTANCES => Some("yes".to_owned()),
            _ => None,
        })
        .unwrap_err()
        .to_string();
        for name in
            [RECOVERY_MODE, MAX_RETRIES, PATIENCE_MINUTES, REPLACE_INSTANCES, RESTART_DOCUMENT, CASES_TABLE, TOPIC_ARN]
        {
            assert!(error.contains(&format!("`{name}`")), "{name}: {error}");
        }
    }

    #[test]
    fn every_mode_is_read_as_it_is_written() {
        for mode in [Mode::On, Mode::ExplainOnly, Mode::Off] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
    }
}
