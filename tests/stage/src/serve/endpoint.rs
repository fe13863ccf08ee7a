//! The endpoint at which the functions are deployed, through the SDK's `EventBridge` and Lambda clients.

use std::collections::BTreeMap;

use aws_config::{BehaviorVersion, retry::RetryConfig};
use aws_credential_types::Credentials;
use aws_sdk_eventbridge::types::RuleState;
use aws_sdk_lambda::{primitives::Blob, types::InvocationType};
use aws_types::{SdkConfig, region::Region};
use serde_json::Value;

use super::delivery::{CallError, Endpoint, Rule, Target};

/// `EventBridge` and Lambda of one endpoint.
#[derive(Debug, Clone)]
pub struct Deployed {
    events: aws_sdk_eventbridge::Client,
    lambda: aws_sdk_lambda::Client,
}

/// A deployed function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
}

impl Deployed {
    /// Clients for the endpoint that `sdk` names.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { events: aws_sdk_eventbridge::Client::new(sdk), lambda: aws_sdk_lambda::Client::new(sdk) }
    }

    /// Every deployed function, with its environment.
    ///
    /// # Errors
    ///
    /// The endpoint did not list them.
    pub async fn functions(&self) -> Result<Vec<Function>, CallError> {
        let (mut functions, mut next) = (Vec::new(), None);
        loop {
            let page = self
                .lambda
                .list_functions()
                .set_marker(next)
                .send()
                .await
                .map_err(|error| failed("ListFunctions", &error))?;
            functions.extend(page.functions().iter().map(|function| {
                Function {
                    name: function.function_name().unwrap_or_default().to_owned(),
                    environment: function
                        .environment()
                        .and_then(|environment| environment.variables())
                        .map(|variables| variables.clone().into_iter().collect())
                        .unwrap_or_default(),
                }
            }));
            match page.next_marker() {
                Some(marker) if !marker.is_empty() => next = Some(marker.to_owned()),
                _ => return Ok(functions),
            }
        }
    }

    /// Invokes the function and waits for its answer, as long as it takes. Nothing is asked twice: what kills would kill twice.
    ///
    /// # Errors
    ///
    /// The function could not be invoked, or it answered with an error, which is in the reason.
    pub async fn ask(&self, function: &str, payload: &Value) -> Result<Value, CallError> {
        let payload = Blob::new(payload.to_string());
        let reply = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(payload)
            .customize()
            .config_override(aws_sdk_lambda::Config::builder().retry_config(RetryConfig::disabled()))
            .send()
            .await
            .map_err(|error| failed("Invoke", &error))?;
        let body = reply.payload().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned()).unwrap_or_default();
        if let Some(kind) = reply.function_error() {
            return Err(CallError { operation: "Invoke", reason: format!("{kind} error: {body}") });
        }
        Ok(serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Cuts the function off after so many seconds from now on.
    ///
    /// # Errors
    ///
    /// The endpoint did not take it.
    pub async fn limit(&self, function: &str, seconds: i32) -> Result<(), CallError> {
        let limited = self.lambda.update_function_configuration().function_name(function).timeout(seconds).send().await;
        limited.map(drop).map_err(|error| failed("UpdateFunctionConfiguration", &error))
    }

    async fn targets(&self, rule: &str) -> Result<Vec<Target>, CallError> {
        let (mut targets, mut next) = (Vec::new(), None);
        loop {
            let page = self
                .events
                .list_targets_by_rule()
                .rule(rule)
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| failed("ListTargetsByRule", &error))?;
            let functions = page.targets().iter().filter(|target| target.arn().contains(":lambda:"));
            targets.extend(functions.map(|target| {
                Target {
                    function: target.arn().to_owned(),
                    input: target.input().map(str::to_owned),
                    retries: target
                        .retry_policy()
                        .and_then(aws_sdk_eventbridge::types::RetryPolicy::maximum_retry_attempts)
                        .and_then(|attempts| u32::try_from(attempts).ok()),
                    dead_letter: target.dead_letter_config().and_then(|config| config.arn()).map(str::to_owned),
                }
            }));
            match page.next_token() {
                Some(token) => next = Some(token.to_owned()),
                None => return Ok(targets),
            }
        }
    }
}

impl Endpoint for Deployed {
    async fn rules(&self) -> Result<Vec<Rule>, CallError> {
        let (mut rules, mut next) = (Vec::new(), None);
        loop {
            let page = self
                .events
                .list_rules()
                .set_next_token(next)
                .send()
                .await
                .map_err(|error| failed("ListRules", &error))?;
            for rule in page.rules() {
                let (Some(name), Some(pattern), Some(RuleState::Enabled)) =
                    (rule.name(), rule.event_pattern(), rule.state())
                else {
                    continue;
                };
                let targets = self.targets(name).await?;
                rules.push(Rule { name: name.to_owned(), pattern: pattern.to_owned(), targets });
            }
            match page.next_token() {
                Some(token) => next = Some(token.to_owned()),
                None => return Ok(rules),
            }
        }
    }

    async fn matches(&self, pattern: &str, event: &str) -> Result<bool, CallError> {
        let reply = self.events.test_event_pattern().event_pattern(pattern).event(event).send().await;
        reply.map(|reply| reply.result()).map_err(|error| failed("TestEventPattern", &error))
    }

    async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<(), CallError> {
        let call = self.lambda.invoke().function_name(function).invocation_type(InvocationType::Event);
        call.payload(Blob::new(payload)).send().await.map(drop).map_err(|error| failed("Invoke", &error))
    }
}

/// `service error: ResourceNotFoundException: Function not found: …`, each cause once.
fn failed(operation: &'static str, error: &dyn std::error::Error) -> CallError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !reason.ends_with(&words) {
            reason = format!("{reason}: {words}");
        }
        cause = error.source();
    }
    CallError { operation, reason }
}

/// An SDK configuration for a local endpoint: plain HTTP, and credentials that nobody checks.
pub async fn sdk_config(endpoint: &str, region: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::from_keys("local", "local", None))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .load()
        .await
}
