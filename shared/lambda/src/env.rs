//! What is the function configured to do?
//!
//! Variables are looked up through a function, so that tests pass their own instead of changing the process. All problems are collected
//! before any is reported: whoever deploys mends them in one go.

use std::{fmt::Display, str::FromStr};

use thiserror::Error;

/// Everything that is wrong with the variables.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the configuration is not usable: {}", .0.join("; "))]
pub struct ConfigError(Vec<String>);

/// Reads variables and collects what is wrong with them.
pub struct Reader<L> {
    lookup: L,
    problems: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    /// Reads variables through `lookup`.
    pub fn new(lookup: L) -> Self {
        Self { lookup, problems: Vec::new() }
    }

    /// A variable that is a `T`, or `default` when it is not set or empty.
    pub fn parsed<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr,
        T::Err: Display,
    {
        match (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()) {
            None => default,
            Some(value) => value.parse().unwrap_or_else(|error| {
                self.problems.push(format!("`{name}` is `{value}`: {error}"));
                default
            }),
        }
    }

    /// Notes a problem that the type alone does not show.
    pub fn require(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }

    /// Gives what was read, if nothing is wrong.
    ///
    /// # Errors
    /// With every problem at once; whoever deploys must mend them.
    pub fn finish<T>(self, read: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(read) } else { Err(ConfigError(self.problems)) }
    }
}

/// Looks variables up in the environment of the process.
#[must_use]
pub fn of_the_process(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once_by_the_name_of_its_variable() {
        let mut reader = Reader::new(|name: &str| (name != "ABSENT").then(|| "many".to_owned()));
        assert_eq!(reader.parsed("ABSENT", 3_u32), 3);
        reader.parsed("SECONDS", 1_u32);
        reader.parsed("DAYS", 1_u32);
        let error = reader.finish(()).unwrap_err().to_string();
        assert!(error.contains("`SECONDS` is `many`") && error.contains("`DAYS` is `many`"), "{error}");
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let mut reader = Reader::new(|_: &str| Some("  ".to_owned()));
        assert_eq!(reader.parsed("SECONDS", 7_u32), 7);
        assert_eq!(reader.finish(()), Ok(()));
    }
}
