//! What can be done before the first event?
//!
//! Lambda gives a starting function a whole processor, and an invocation its share by memory, which is a fourteenth for the smallest. So what
//! the first call of a client needs anyway is done while the function starts: its endpoint and its credentials are resolved, the code for a
//! request is run once, and the connection is opened. All that is sent is `GET /ping`, without a signature, which AWS's endpoints answer with
//! a word, and others as they like.
//!
//! Whatever comes of it, the function starts: what failed here is tried again by the first call.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut, dyn_dispatch_hint},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use tokio::time::{Duration, timeout};
use tracing::debug;

use crate::Aws;

/// How long a start may wait for connections. A network that takes longer is one for the first event to try.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes a knock of a call: the request that leaves is `GET /ping`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Knock;

#[dyn_dispatch_hint]
impl Intercept for Knock {
    fn name(&self) -> &'static str {
        "Knock"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let uri = request.uri();
        let origin = match uri.split_once("://") {
            Some((scheme, rest)) => format!("{scheme}://{}", rest.split(['/', '?']).next().unwrap_or_default()),
            None => return Err("the request has no origin".into()),
        };
        request.set_uri(format!("{origin}/ping"))?;
        request.set_method("GET")?;
        // Nothing of the call leaves, and no credentials.
        let names: Vec<String> = request.headers().iter().map(|(name, _)| name.to_owned()).collect();
        for name in names.iter().filter(|name| !["host", "user-agent"].contains(&name.as_str())) {
            request.headers_mut().remove(name);
        }
        *request.body_mut() = SdkBody::empty();
        Ok(())
    }
}

/// Waits for knocks, a bounded time. How they end says nothing: a ping's answer is no answer to the call that it was made of.
pub async fn open<T>(knocks: impl Future<Output = T>) {
    if timeout(PATIENCE, knocks).await.is_err() {
        debug!("Not every connection was open in time; the first event goes on");
    }
}

impl Aws {
    /// Knocks at EC2.
    pub async fn knock_at_ec2(&self) {
        let _ = self.ec2.describe_addresses().customize().interceptor(Knock).send().await;
    }

    /// Knocks at Auto Scaling.
    pub async fn knock_at_autoscaling(&self) {
        let _ = self.autoscaling.describe_auto_scaling_groups().customize().interceptor(Knock).send().await;
    }
}

#[cfg(test)]
mod tests;
