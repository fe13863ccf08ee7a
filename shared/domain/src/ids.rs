//! What is this string the name of?
//!
//! AWS names everything by strings; a type for each kind keeps an allocation from being passed where an instance is meant.

use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<S: Into<String>> From<S> for $name {
            fn from(name: S) -> Self {
                Self(name.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )+};
}

ids! {
    /// An EC2 instance, `i-…`.
    InstanceId;
    /// An Elastic IP in a VPC, `eipalloc-…`.
    AllocationId;
    /// An Elastic IP on a network interface, `eipassoc-…`; a new one for each association.
    AssociationId;
    /// An elastic network interface, `eni-…`.
    NetworkInterfaceId;
    /// A subnet of a VPC, `subnet-…`.
    SubnetId;
    /// An Auto Scaling group, by its name (unique in account and region).
    GroupName;
    /// A lifecycle hook, by its name (unique in its group).
    HookName;
    /// The value of the tag `lethargic-panda:fleet`.
    FleetName;
    /// A CodePipeline pipeline, by its name (unique in account and region).
    PipelineName;
    /// An execution of a pipeline; a retry of a stage keeps it.
    ExecutionId;
    /// A stage of a pipeline.
    StageName;
    /// A CodeDeploy deployment, `d-…`.
    DeploymentId;
}
