//! Which deployment ended, or failed on which instance?
//!
//! Deployments that Auto Scaling starts, which are those after an instance was lost, are told here and nowhere else: no pipeline has a part in
//! them. An instance may fail in a deployment that succeeds: with one at a time, the last one may. The event has no error: ask `GetDeployment`.
//!
//! ```json
//! {
//!   "account": "123456789012",
//!   "region": "us-east-1",
//!   "detail-type": "CodeDeploy Instance State-change Notification",
//!   "source": "aws.codedeploy",
//!   "version": "0",
//!   "time": "2016-06-30T23:18:50Z",
//!   "id": "fb1d3015-c091-4bf9-95e2-d98521ab2ecb",
//!   "resources": [
//!     "arn:aws:ec2:us-east-1:123456789012:instance/i-0000000aaaaaaaaaa",
//!     "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:myApplication/myDeploymentGroup",
//!     "arn:aws:codedeploy:us-east-1:123456789012:application:myApplication"
//!   ],
//!   "detail": {
//!     "instanceId": "i-0000000aaaaaaaaaa",
//!     "region": "us-east-1",
//!     "state": "FAILURE",
//!     "application": "myApplication",
//!     "deploymentId": "d-123456789",
//!     "instanceGroupId": "8cd3bfa8-9e72-4cbe-a1e5-da4efc7efd49",
//!     "deploymentGroup": "myDeploymentGroup"
//!   }
//! }
//! ```

use super::{Detail, Ignored};
use crate::ids::{DeploymentId, InstanceId};

/// The `detail-type` of a whole deployment's event.
pub(crate) const DEPLOYMENT: &str = "CodeDeploy Deployment State-change Notification";
/// The `detail-type` of an instance's event.
pub(crate) const INSTANCE: &str = "CodeDeploy Instance State-change Notification";

/// A deployment that changed its state, as a whole or on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentChange {
    /// The deployment.
    pub deployment: DeploymentId,
    /// The instance, if it is about one.
    pub instance: Option<InstanceId>,
    /// The new state.
    pub phase: DeploymentPhase,
    /// The application.
    pub application: Option<String>,
    /// The deployment group.
    pub group: Option<String>,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeploymentPhase {
    /// It failed.
    Failure,
    /// Any other state, such as `START` or `STOP`.
    Other(String),
}

pub(crate) fn decode(detail: &Detail<'_>) -> Result<DeploymentChange, Ignored> {
    let instance = match detail.detail_type {
        INSTANCE => Some(detail.required("instanceId")?.into()),
        _ => None,
    };
    Ok(DeploymentChange {
        deployment: detail.required("deploymentId")?.into(),
        instance,
        phase: match detail.required("state")? {
            "FAILURE" => DeploymentPhase::Failure,
            other => DeploymentPhase::Other(other.to_owned()),
        },
        application: detail.optional("application").map(str::to_owned),
        group: detail.optional("deploymentGroup").map(str::to_owned),
    })
}
