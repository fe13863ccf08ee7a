//! The simulated AWS of one run, as its function and its driver see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::BehaviorVersion;
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_types::{SdkConfig, region::Region};
use jiff::Timestamp;
use panda_world::{Act, REGION, World, in_process::Theatre};
use tokio::{sync::Notify, time::Instant};

/// The simulated AWS of one run, its clock tied to tokio's.
#[derive(Clone)]
pub(super) struct Cloud {
    theatre: Theatre,
    start: Timestamp,
    rung: Arc<Notify>,
    deeds: Arc<Mutex<Vec<(Timestamp, Act)>>>,
}

impl Cloud {
    pub(super) fn new(world: World) -> Self {
        Self { start: world.now(), theatre: Theatre::new(world), rung: Arc::default(), deeds: Arc::default() }
    }

    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    pub(super) fn now(&self) -> Timestamp {
        self.theatre.now()
    }

    /// The world as it was when its clock was last moved.
    pub(super) fn lock(&self) -> MutexGuard<'_, World> {
        panda_world::lock(self.theatre.world())
    }

    /// Something happens to the world now. False where the world does not allow it.
    pub(super) fn act(&self, act: &Act) -> bool {
        let done = self.theatre.with(|world| world.act(act)).is_ok();
        self.rung.notify_one();
        if done {
            self.deeds.lock().unwrap_or_else(PoisonError::into_inner).push((self.now(), act.clone()));
        }
        done
    }

    /// What happened so since this was last asked.
    pub(super) fn take_deeds(&self) -> Vec<(Timestamp, Act)> {
        std::mem::take(&mut *self.deeds.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// When the world's next transition is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let due = self.lock().next_due()?;
        Some(self.theatre.instant_of(due))
    }

    /// Returns when a call may have brought a transition forward.
    pub(super) async fn changed(&self) {
        self.rung.notified().await;
    }

    /// What a function finds when it starts: clients' configuration as in [`panda_aws::load`], with this world behind it. The notice tells of
    /// its death.
    pub(super) fn sdk_config(&self, caller: &str) -> (SdkConfig, Arc<Notify>) {
        let http = Bell { inner: self.theatre.http_client(caller), rung: Arc::clone(&self.rung) };
        let credentials = Credentials::from_keys("AKIASIMULATED", "simulated", None);
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .time_source(self.theatre.time_source())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(panda_aws::retries())
            .timeout_config(panda_aws::timeouts())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .http_client(SharedHttpClient::new(http))
            .build();
        (config, self.theatre.died(caller))
    }
}

/// Rings after every call, so that the driver, asleep until the world's next transition, looks whether an earlier one has come up.
#[derive(Debug)]
struct Bell<T> {
    inner: T,
    rung: Arc<Notify>,
}

impl HttpClient for Bell<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Bell { inner, rung: Arc::clone(&self.rung) })
    }
}

impl HttpConnector for Bell<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, rung) = (self.inner.call(request), Arc::clone(&self.rung));
        HttpConnectorFuture::new(async move {
            let answer = answer.await;
            rung.notify_one();
            answer
        })
    }
}
