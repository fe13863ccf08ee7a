//! A request of which only the status of the reply matters, over the SDK's own HTTP client.

use std::convert::Infallible;

use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        behavior_version::BehaviorVersion,
        interceptors::context::{Error, Output},
        orchestrator::{HttpRequest, HttpResponse, OrchestratorError},
        ser_de::DeserializeResponse,
    },
};
use aws_smithy_types::{config_bag::ConfigBag, timeout::TimeoutConfig};
use aws_types::SdkConfig;
use tokio::time::Duration;

/// How such a request is called in traces, and how long its connection may take.
pub(crate) struct Exchange {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) connect: Duration,
}

/// Sends one request to an origin, once and without signing it, and gives the status of the reply; its body is not read. `write` makes the
/// request of what it is about. The error is the innermost reason, which is the one that tells a refused connection from a name that is
/// not known.
pub(crate) async fn ask<I>(
    sdk: &SdkConfig,
    exchange: &Exchange,
    origin: &str,
    about: I,
    write: fn(I) -> Result<HttpRequest, BoxError>,
) -> Result<u16, String>
where
    I: std::fmt::Debug + Send + Sync + 'static,
{
    let http = sdk.http_client().ok_or("there is no HTTP client")?;
    let operation = Operation::builder()
        .service_name(exchange.service)
        .operation_name(exchange.operation)
        .behavior_version(sdk.behavior_version().unwrap_or_else(BehaviorVersion::latest))
        .http_client(http)
        .endpoint_url(origin)
        .no_auth()
        .no_retry()
        .timeout_config(TimeoutConfig::builder().connect_timeout(exchange.connect).build())
        .time_source(sdk.time_source().unwrap_or_default())
        .serializer(write);
    let operation = match sdk.sleep_impl() {
        Some(sleep) => operation.sleep_impl(sleep),
        None => operation,
    };
    let operation = operation.deserializer_impl::<u16, Infallible>(StatusOnly).build();
    operation.invoke(about).await.map_err(|error| {
        let mut reason: &dyn std::error::Error = &error;
        while let Some(cause) = reason.source() {
            reason = cause;
        }
        reason.to_string()
    })
}

/// Takes the status of a reply and leaves its body where it is.
#[derive(Debug)]
struct StatusOnly;

impl DeserializeResponse for StatusOnly {
    fn deserialize_streaming_with_config(
        &self,
        response: &mut HttpResponse,
        _config: &ConfigBag,
    ) -> Option<Result<Output, OrchestratorError<Error>>> {
        Some(Ok(Output::erase(response.status().as_u16())))
    }
}
