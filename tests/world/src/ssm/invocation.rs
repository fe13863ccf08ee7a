//! What has become of a command on one instance?

use jiff::Timestamp;
use serde::Serialize;

/// Status of a command on one instance, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum InvocationStatus {
    Pending,
    InProgress,
    Success,
    Failed,
    DeliveryTimedOut,
    ExecutionTimedOut,
    Undeliverable,
    Cancelled,
    Terminated,
}

impl InvocationStatus {
    /// AWS's word for `Status`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            // The details alone say that nobody was there `[doc]`.
            Self::Failed | Self::Undeliverable => "Failed",
            Self::DeliveryTimedOut | Self::ExecutionTimedOut => "TimedOut",
            // Which status has what was never sent is not documented `[infer]`.
            Self::Cancelled | Self::Terminated => "Cancelled",
        }
    }

    /// Whether it counts against `MaxErrors`: not where nobody was there, or what was never sent `[doc]` monitor-commands.
    pub(super) const fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }

    /// AWS's words for `StatusDetails`. The guide writes them with blanks ("Delivery Timed Out"), the API without `[obs]`.
    #[must_use]
    pub const fn details(self) -> &'static str {
        match self {
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::Undeliverable => "Undeliverable",
            Self::Terminated => "Terminated",
            other => other.as_str(),
        }
    }

    /// Whether nothing more comes.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

/// A command on one instance.
#[derive(Debug, Clone, Serialize)]
pub struct Invocation {
    /// Its status.
    pub status: InvocationStatus,
    /// When it reached the agent.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Exit status; -1 while there is none `[doc]`.
    pub exit: i64,
    /// Standard output.
    pub output: String,
    /// Standard error.
    pub error: String,
}
