//! Where in the console is it to be seen?

use crate::ids::{DeploymentId, ExecutionId, InstanceId, PipelineName};

/// The console of a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    region: String,
    host: &'static str,
}

impl Console {
    /// The console of a region; none for the partitions that have no public one.
    #[must_use]
    pub fn of(region: &str) -> Option<Self> {
        let host = match region {
            region if region.starts_with("cn-") => "console.amazonaws.cn",
            region if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
            region if region.starts_with("us-iso") || region.starts_with("eu-iso") || region.starts_with("eusc-") => {
                return None;
            }
            _ => "console.aws.amazon.com",
        };
        let named = !region.is_empty() && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        named.then(|| Self { region: region.to_owned(), host })
    }

    /// An execution of a pipeline.
    #[must_use]
    pub fn execution(&self, pipeline: &PipelineName, execution: &ExecutionId) -> String {
        let path = format!("codepipeline/pipelines/{}/executions/{}/timeline", segment(pipeline), segment(execution));
        self.at("codesuite", &path)
    }

    /// A deployment.
    #[must_use]
    pub fn deployment(&self, deployment: &DeploymentId) -> String {
        self.at("codesuite", &format!("codedeploy/deployments/{}", segment(deployment)))
    }

    /// A shell on an instance, through Systems Manager.
    #[must_use]
    pub fn shell(&self, instance: &InstanceId) -> String {
        self.at("systems-manager", &format!("session-manager/{}", segment(instance)))
    }

    fn at(&self, service: &str, path: &str) -> String {
        let Self { region, host } = self;
        format!("https://{region}.{host}/{service}/{path}?region={region}")
    }
}

/// A name as a part of a path. AWS's names need no escapes; a stranger's must not become a path.
fn segment(name: &impl ToString) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'@');
    name.to_string()
        .bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
