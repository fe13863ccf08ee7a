//! How do the functions talk to AWS?

use std::{fmt, sync::OnceLock, time::Duration};

use aws_config::{
    BehaviorVersion, environment::EnvironmentVariableCredentialsProvider, identity::IdentityCache, retry::RetryConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_ec2::config::SharedCredentialsProvider;
use aws_smithy_async::{rt::sleep::TokioSleep, time::SharedTimeSource};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_types::{SdkConfig, app_name::AppName};

use crate::{
    environment::Environment,
    tally::{Counter, Tally},
    trust,
};

/// A connection that takes longer than this is better tried anew: the endpoints are in the same region, a millisecond away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// One attempt of one call. EC2's describe calls were seen to take a second or two on large accounts.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);

/// One call with its retries; leaves room for others within an invocation's minute.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// Four attempts, the pauses from a fifth of a second to two: what Lambda's own retry offers instead is a minute.
const ATTEMPTS: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The clients of EC2 and Auto Scaling, which every function uses, with a count of their calls.
#[derive(Debug)]
pub struct Aws {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) autoscaling: aws_sdk_autoscaling::Client,
    pub(crate) counter: Counter,
}

impl Aws {
    /// Clients over one configuration and one HTTP client.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        let ec2 = aws_sdk_ec2::config::Builder::from(sdk).retry_partition(budget("ec2")).build();
        let autoscaling =
            aws_sdk_autoscaling::config::Builder::from(sdk).retry_partition(budget("autoscaling")).build();
        Self {
            ec2: aws_sdk_ec2::Client::from_conf(ec2),
            autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling),
            counter: Counter::default(),
        }
    }

    /// The count, for other clients to join.
    #[must_use]
    pub fn counter(&self) -> Counter {
        self.counter.clone()
    }

    /// The calls since this was last asked.
    #[allow(clippy::must_use_candidate, reason = "to take is to begin anew")]
    pub fn take_tally(&self) -> Tally {
        self.counter.take()
    }
}

/// A retry budget for one client.
///
/// The SDK's default is one for all clients of a service in the process; a burst of refused calls would then leave the next event, perhaps
/// a failover, without retries.
#[must_use]
pub fn budget(name: &'static str) -> RetryPartition {
    RetryPartition::custom(name).token_bucket(TokenBucket::default()).build()
}

/// A client that is built when it is first used: most invocations need none of the rarer services.
pub struct Lazy<C> {
    sdk: SdkConfig,
    build: fn(&SdkConfig) -> C,
    client: OnceLock<C>,
}

impl<C> Lazy<C> {
    /// A client to be built so, from this configuration.
    pub fn new(sdk: &SdkConfig, build: fn(&SdkConfig) -> C) -> Self {
        Self { sdk: sdk.clone(), build, client: OnceLock::new() }
    }

    /// The client.
    pub fn get(&self) -> &C {
        self.client.get_or_init(|| (self.build)(&self.sdk))
    }
}

impl<C> fmt::Debug for Lazy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").field("built", &self.client.get().is_some()).finish_non_exhaustive()
    }
}

/// The SDK's configuration in a Lambda function: region, credentials and endpoints from the environment, TLS by rustls and ring, and time
/// limits that fit into an invocation.
#[must_use]
pub fn load() -> SdkConfig {
    let environment = Environment::of_the_process();
    let mut sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(trust::http_client(|name| environment.text(name)))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .identity_cache(IdentityCache::lazy().build())
        .region(environment.region())
        .service_config(environment)
        .time_source(SharedTimeSource::default())
        .sleep_impl(TokioSleep::new())
        .retry_config(retries())
        .timeout_config(timeouts())
        // Replies are small and read at once; the guard against stalled downloads only costs work here.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    // The name that it puts into the user agent of its calls.
    sdk.set_app_name(environment.text("AWS_SDK_UA_APP_ID").and_then(|name| AppName::new(name).ok()));
    sdk.set_use_fips(environment.switch("AWS_USE_FIPS_ENDPOINT"));
    sdk.set_use_dual_stack(environment.switch("AWS_USE_DUALSTACK_ENDPOINT"));
    sdk.build()
}

/// How often and how patiently calls are tried again; [`load`] uses it, and so should every test that stands in for it.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(ATTEMPTS)
        .with_initial_backoff(FIRST_PAUSE)
        .with_max_backoff(LONGEST_PAUSE)
}

/// The time limits of calls; [`load`] uses it, and so should every test that stands in for it.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}
