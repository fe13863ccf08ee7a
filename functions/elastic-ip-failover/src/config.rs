//! What is this function configured to do?

use jiff::SignedDuration;
use panda_domain::failover::Rules;
use panda_lambda::env::{ConfigError, Reader};

const HOOK_NAME_PREFIX: &str = "HOOK_NAME_PREFIX";
const HOLD_SECONDS: &str = "HOLD_SECONDS";
const SETTLE_SECONDS: &str = "SETTLE_SECONDS";

/// The function's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The constants of the plan.
    pub rules: Rules,
}

impl Config {
    /// The variables that [`Config::from_lookup`] reads; the template sets them all.
    pub const VARIABLES: &[&str] = &[HOOK_NAME_PREFIX, HOLD_SECONDS, SETTLE_SECONDS];

    /// Reads the configuration through `lookup`; what is not set has the template's default.
    ///
    /// # Errors
    /// With everything that is wrong, by the variables' names. Whoever deploys must mend it.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let hook_prefix = reader.parsed(HOOK_NAME_PREFIX, "elastic-ip".to_owned());
        let hold: u32 = reader.parsed(HOLD_SECONDS, 220);
        let settle: u32 = reader.parsed(SETTLE_SECONDS, 6);
        // The longest heartbeat is 7200 s, and the last look before its end releases the hook.
        reader.require(hold <= 7120, || format!("`{HOLD_SECONDS}` is {hold}: at most 7120"));
        // The function's timeout is a minute.
        reader.require(settle <= 30, || format!("`{SETTLE_SECONDS}` is {settle}: at most 30"));
        reader.finish(Self {
            rules: Rules {
                hook_prefix,
                hold: SignedDuration::from_secs(hold.into()),
                settle: SignedDuration::from_secs(settle.into()),
            },
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn without_variables_the_templates_defaults_hold() {
        let config = Config::from_lookup(|_| None).unwrap();
        assert_eq!(config.rules.hook_prefix, "elastic-ip");
        assert_eq!(config.rules.hold, SignedDuration::from_secs(220));
        assert_eq!(config.rules.settle, SignedDuration::from_secs(6));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        let error = Config::from_lookup(|name| match name {
            HOLD_SECONDS => Some("9000".to_owned()),
            SETTLE_SECONDS => Some("soon".to_owned()),
            _ => None,
        })
        .unwrap_err()
        .to_string();
        assert!(error.contains("`HOLD_SECONDS` is 9000") && error.contains("`SETTLE_SECONDS` is `soon`"), "{error}");
    }
}
