//! Why did it fail, and what can be done about it?

use std::fmt;

use super::{AgentTrouble, DeploymentErrorCode, Pattern, Refusal};

/// Why a deployment failed, as a whole or on one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// What CodeDeploy says of the whole deployment.
    Deployment(DeploymentErrorCode),
    /// What the agent said of a lifecycle event, or that it said nothing.
    Target(Pattern),
    /// What was found when the agent was to be restarted.
    Agent(AgentTrouble),
    /// Why there is no deployment.
    Refused(Refusal),
}

/// What can be done about a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cure {
    /// Restart the agent, and when it polls again retry the stage.
    Restart,
    /// Retry the stage: nothing is broken any more.
    Retry,
    /// Retry the stage: the fault was AWS's.
    Aws,
    /// The instance is gone: retry the stage without it.
    Gone,
    /// The authors of the revision must change it.
    User,
    /// Somebody must change a setting, a permission or a limit.
    Configuration,
    /// Somebody wanted it so.
    Never,
    /// Nobody knows. Explained as well as can be, and not touched.
    Unknown,
}

impl Cure {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Restart,
        Self::Retry,
        Self::Aws,
        Self::Gone,
        Self::User,
        Self::Configuration,
        Self::Never,
        Self::Unknown,
    ];

    /// The word for it in tables, logs and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Retry => "retry",
            Self::Aws => "aws",
            Self::Gone => "gone",
            Self::User => "user",
            Self::Configuration => "configuration",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }

    /// What this function does about it.
    #[must_use]
    pub fn action(self) -> &'static str {
        match self {
            Self::Restart => "restarts the agent, retries the stage once the agent polls",
            Self::Retry | Self::Aws => "retries the stage",
            Self::Gone => "retries the stage without the instance",
            Self::User | Self::Configuration | Self::Unknown => "explains",
            Self::Never => "explains, leaves everything alone",
        }
    }

    /// Whether a retry may follow, once what was to be restarted polls again.
    #[must_use]
    pub fn allows_retry(self) -> bool {
        matches!(self, Self::Restart | Self::Retry | Self::Aws | Self::Gone)
    }
}

impl fmt::Display for Cure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known about a cause: one row of the table that tests, people and the plan share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What can be done about it.
    pub cure: Cure,
    /// Whether more than one retry is a waste: what fails the same way twice is not an accident.
    pub once: bool,
    /// What it means.
    pub meaning: &'static str,
    /// What a person should do, if it does not go away by itself.
    pub next: &'static str,
    /// The page of AWS's documentation, below [`DOCUMENTATION`].
    pub page: &'static str,
}

/// Where the pages of [`Facts::page`] are.
pub const DOCUMENTATION: &str = "https://docs.aws.amazon.com/codedeploy/latest/userguide/";

impl Facts {
    pub(super) const fn new(cure: Cure, meaning: &'static str, next: &'static str, page: &'static str) -> Self {
        Self { cure, once: false, meaning, next, page }
    }

    pub(super) const fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// The link to AWS's documentation.
    #[must_use]
    pub fn link(&self) -> String {
        format!("{DOCUMENTATION}{}.html", self.page)
    }
}

impl Cause {
    /// What is known about it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        match self {
            Self::Deployment(code) => code.facts(),
            Self::Target(pattern) => pattern.facts(),
            Self::Agent(trouble) => trouble.facts(),
            Self::Refused(refusal) => refusal.facts(),
        }
    }

    /// The code that a machine counts.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Deployment(code) => code.as_str(),
            Self::Target(pattern) => pattern.code(),
            Self::Agent(trouble) => trouble.code(),
            Self::Refused(refusal) => refusal.code(),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().meaning)
    }
}
