//! Why did CodeDeploy not take the deployment at all?
//!
//! Then the action of the pipeline fails without a deployment, and its error is all there is.

use super::{Cure, Facts};

/// Why CodeDeploy did not take a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The group has another deployment, such as the rollback of the one before: it takes one at a time.
    GroupBusy,
    /// AWS took too many requests.
    Throttled,
    /// The pipeline's role may not.
    AccessDenied,
    /// The application, the deployment group or the revision does not exist.
    Missing,
    /// Something that this program does not know.
    Unknown,
}

/// What an error says, in the order of asking.
const SAYS: [(&str, Refusal); 12] = [
    ("DeploymentLimitExceeded", Refusal::GroupBusy),
    ("already has an active Deployment", Refusal::GroupBusy),
    ("Throttling", Refusal::Throttled),
    ("Rate exceeded", Refusal::Throttled),
    ("AccessDenied", Refusal::AccessDenied),
    ("not authorized", Refusal::AccessDenied),
    ("PermissionError", Refusal::AccessDenied),
    ("insufficient permissions", Refusal::AccessDenied),
    ("DoesNotExist", Refusal::Missing),
    ("does not exist", Refusal::Missing),
    ("NoSuchKey", Refusal::Missing),
    ("No application found", Refusal::Missing),
];

impl Refusal {
    /// Every one, in the order of asking.
    pub const ALL: [Self; 5] = [Self::GroupBusy, Self::Throttled, Self::AccessDenied, Self::Missing, Self::Unknown];

    /// Reads an action's error.
    #[must_use]
    pub fn of(error: &str) -> Self {
        SAYS.iter().find(|(text, _)| error.contains(text)).map_or(Self::Unknown, |(_, refusal)| *refusal)
    }

    /// The code that a machine counts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::GroupBusy => "refused-group-busy",
            Self::Throttled => "refused-throttled",
            Self::AccessDenied => "refused-access-denied",
            Self::Missing => "refused-missing",
            Self::Unknown => "refused-unknown",
        }
    }

    /// What it is recognised by, for people.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::GroupBusy => "`DeploymentLimitExceededException`, `already has an active Deployment`",
            Self::Throttled => "`ThrottlingException`, `Rate exceeded`",
            Self::AccessDenied => "`AccessDenied…`, `not authorized`, `PermissionError`, `insufficient permissions`",
            Self::Missing => "`…DoesNotExistException`, `does not exist`, `NoSuchKey`",
            Self::Unknown => "any other error without a deployment",
        }
    }

    /// What is known about it.
    #[must_use]
    pub fn facts(self) -> Facts {
        match self {
            Self::GroupBusy => Facts::new(
                Cure::Retry,
                "The deployment group was busy with another deployment, such as a rollback, and takes one at a time.",
                "If it happens again, find out what else deploys to the group.",
                "limits",
            ),
            Self::Throttled => Facts::new(
                Cure::Aws,
                "AWS took too many requests at once.",
                "If it happens again, find out what else calls AWS so often in this account.",
                "limits",
            ),
            Self::AccessDenied => Facts::new(
                Cure::Configuration,
                "The role of the pipeline may not deploy.",
                "Allow the role codedeploy:CreateDeployment, GetDeployment, GetDeploymentConfig, GetApplicationRevision and \
                 RegisterApplicationRevision, and to read the artifact bucket.",
                "auth-and-access-control-permissions-reference",
            ),
            Self::Missing => Facts::new(
                Cure::Configuration,
                "The application, the deployment group or the revision that the pipeline names does not exist.",
                "Correct the names in the pipeline; if the revision is gone, release a change.",
                "troubleshooting-deployments",
            ),
            Self::Unknown => Facts::new(
                Cure::Unknown,
                "CodeDeploy did not take the deployment, for a reason that this program does not know.",
                "Read what CodePipeline says of the action.",
                "troubleshooting-deployments",
            ),
        }
    }
}
