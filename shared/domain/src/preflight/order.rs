//! What does CloudFormation ask of a custom resource, and where does it wait for the answer?
//!
//! ```json
//! {
//!   "RequestType": "Create",
//!   "ResponseURL": "https://cloudformation-custom-resource-response-euwest1.s3-eu-west-1.amazonaws.com/…?X-Amz-Signature=…",
//!   "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/web/5b6a0f60-0000-0000-0000-000000000000",
//!   "RequestId": "c2f2e1a4-0000-0000-0000-000000000000",
//!   "ResourceType": "Custom::LaunchPreflight",
//!   "LogicalResourceId": "LaunchPreflight",
//!   "ResourceProperties": { "ServiceToken": "arn:aws:lambda:…", "SubnetIds": ["subnet-1", "subnet-2"], "MinSize": "1" }
//! }
//! ```
//!
//! `Update` and `Delete` carry the `PhysicalResourceId` of the last answer, and `Update` the `OldResourceProperties` too.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// The longest `PhysicalResourceId` that CloudFormation takes is a kilobyte; ours stays far below.
const LONGEST_PHYSICAL: usize = 256;

/// An order of CloudFormation.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What happens to the resource.
    pub step: Step,
    /// Where the answer goes.
    pub callback: Callback,
    /// The resource's properties, as they are in the template.
    pub properties: Value,
}

/// What happens to the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is made.
    Create,
    /// Its properties change, or change back.
    Update,
    /// It goes.
    Delete,
    /// Something that CloudFormation did not know when this was written.
    Unknown(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Unknown(other) => other,
        })
    }
}

/// Where an answer goes, and what it must repeat word by word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Where the answer is put.
    pub url: ResponseUrl,
    /// The stack's ARN.
    pub stack: String,
    /// The request's id, the same for every delivery.
    pub request: String,
    /// The resource's name in the template.
    pub logical: String,
    /// The resource's id. It never changes: a new one would have CloudFormation delete the old one.
    pub physical: String,
}

/// The presigned URL of an answer. Whoever has it can answer in our name, so nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct ResponseUrl(String);

impl ResponseUrl {
    /// The URL, for sending and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<S: Into<String>> From<S> for ResponseUrl {
    fn from(url: S) -> Self {
        Self(url.into())
    }
}

impl fmt::Debug for ResponseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseUrl(…)")
    }
}

/// Why an order cannot even be answered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("CloudFormation's request has no `{0}`, so nobody can be answered")]
pub struct OrderError(pub &'static str);

impl Order {
    /// Whether a payload is an order of CloudFormation, or means to be one.
    #[must_use]
    pub fn is_meant(payload: &Value) -> bool {
        payload.get("RequestType").is_some() || payload.get("ResponseURL").is_some()
    }

    /// Reads an order.
    ///
    /// # Errors
    /// When what an answer needs is missing.
    pub fn decode(payload: &Value) -> Result<Self, OrderError> {
        let text = |name: &str| payload.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let need = |name: &'static str| text(name).map(str::to_owned).ok_or(OrderError(name));
        let step = match need("RequestType")?.as_str() {
            "Create" => Step::Create,
            "Update" => Step::Update,
            "Delete" => Step::Delete,
            other => Step::Unknown(other.to_owned()),
        };
        let (stack, logical) = (need("StackId")?, need("LogicalResourceId")?);
        let physical = text("PhysicalResourceId").map_or_else(|| physical(&stack, &logical), str::to_owned);
        Ok(Self {
            step,
            callback: Callback {
                url: need("ResponseURL")?.into(),
                request: need("RequestId")?,
                stack,
                logical,
                physical,
            },
            properties: payload.get("ResourceProperties").cloned().unwrap_or(Value::Null),
        })
    }
}

/// The id of a resource that has none yet: a request that comes twice makes the same one.
fn physical(stack: &str, logical: &str) -> String {
    let unique = stack.rsplit('/').next().unwrap_or(stack);
    format!("launch-preflight-{unique}-{logical}").chars().take(LONGEST_PHYSICAL).collect()
}
