//! How does a deployment stand, in AWS's words?

use serde::{Deserialize, Serialize};

/// Status of a deployment, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum DeploymentStatus {
    Created,
    Queued,
    InProgress,
    Baking,
    Succeeded,
    Failed,
    Stopped,
    Ready,
}

impl DeploymentStatus {
    const ALL: [Self; 8] = [
        Self::Created,
        Self::Queued,
        Self::InProgress,
        Self::Baking,
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Ready,
    ];

    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "Created",
            Self::Queued => "Queued",
            Self::InProgress => "InProgress",
            Self::Baking => "Baking",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Stopped => "Stopped",
            Self::Ready => "Ready",
        }
    }

    /// From AWS's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether the deployment is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }

    /// The word of its event, if it has one.
    pub(crate) const fn event(self) -> Option<&'static str> {
        match self {
            Self::InProgress => Some("START"),
            Self::Succeeded => Some("SUCCESS"),
            Self::Failed => Some("FAILURE"),
            Self::Stopped => Some("STOP"),
            Self::Ready => Some("READY"),
            Self::Created | Self::Queued | Self::Baking => None,
        }
    }
}
