//! What is this function configured to do?

use panda_domain::preflight::Rules;
use panda_lambda::env::{ConfigError, Reader};

const HOOK_NAME_PREFIX: &str = "HOOK_NAME_PREFIX";
const HOLD_SECONDS: &str = "HOLD_SECONDS";

/// The function's configuration: what elastic-ip-failover is configured to do, for a fleet's hooks are held against that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// What the reflexes of this installation do.
    pub rules: Rules,
}

impl Config {
    /// The variables that [`Config::from_lookup`] reads; the template sets them all.
    pub const VARIABLES: &[&str] = &[HOOK_NAME_PREFIX, HOLD_SECONDS];

    /// Reads the configuration through `lookup`; what is not set has the template's default.
    ///
    /// # Errors
    /// With everything that is wrong, by the variables' names. Whoever deploys must mend it.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(lookup);
        let hook_prefix = reader.parsed(HOOK_NAME_PREFIX, "elastic-ip".to_owned());
        let hold_seconds: u32 = reader.parsed(HOLD_SECONDS, 220);
        // The longest heartbeat is 7200 s, and the last look before its end releases the hook.
        reader.require(hold_seconds <= 7120, || format!("`{HOLD_SECONDS}` is {hold_seconds}: at most 7120"));
        reader.finish(Self { rules: Rules { hook_prefix, hold_seconds } })
    }
}
