//! The world as the SDK's HTTP client, under paused tokio time.
//!
//! A [`Theatre`] ties a world's clock to tokio's: each call sleeps its drawn latency with `tokio::time`, advances the world to
//! tokio's now, and is then answered, through the world's faults. On one thread with paused time every run is reproducible
//! from the world's seed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::site::Knock;
use crate::wire::{ApiRequest, Attempt};
use crate::world::{World, later};
use crate::{SharedWorld, lock};

/// A world whose clock is tokio's.
#[derive(Clone)]
pub struct Theatre {
    world: SharedWorld,
    epoch: Instant,
    start: Timestamp,
    deaths: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
}

impl fmt::Debug for Theatre {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Theatre").field("start", &self.start).finish_non_exhaustive()
    }
}

impl Theatre {
    /// Ties a world to tokio's clock from now on. Needs a tokio runtime; for reproducible runs a `current_thread` one with
    /// paused time.
    #[must_use]
    pub fn new(world: World) -> Self {
        let start = world.now();
        Self { world: Arc::new(Mutex::new(world)), epoch: Instant::now(), start, deaths: Arc::default() }
    }

    /// The world. Lock it for a moment only, never across an await.
    #[must_use]
    pub fn world(&self) -> &SharedWorld {
        &self.world
    }

    /// The world's time by tokio's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        later(self.start, self.epoch.elapsed())
    }

    /// Tokio's instant for a time of the world: to sleep until the world's next transition.
    #[must_use]
    pub fn instant_of(&self, at: Timestamp) -> Instant {
        let ahead = Duration::try_from(at.duration_since(self.start)).unwrap_or(Duration::ZERO);
        self.epoch + ahead
    }

    /// Advances the world to tokio's now, and does something with it.
    pub fn with<R>(&self, what: impl FnOnce(&mut World) -> R) -> R {
        let mut world = lock(&self.world);
        world.advance_to(self.now());
        what(&mut world)
    }

    /// An HTTP client for the SDK. `caller` is who calls, in the journal.
    #[must_use]
    pub fn http_client(&self, caller: &str) -> SharedHttpClient {
        SharedHttpClient::new(Wire { theatre: self.clone(), caller: Arc::from(caller), died: self.died(caller) })
    }

    /// Told when the caller of this name dies at a call; the call itself never resolves. Drop the caller's future then. The
    /// notice is kept until somebody waits for it.
    #[must_use]
    pub fn died(&self, caller: &str) -> Arc<Notify> {
        let mut deaths = self.deaths.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(deaths.entry(caller.to_owned()).or_default())
    }

    /// The world's clock for the SDK's `time_source`.
    #[must_use]
    pub fn time_source(&self) -> SharedTimeSource {
        SharedTimeSource::new(WorldClock { theatre: self.clone() })
    }
}

#[derive(Debug)]
struct WorldClock {
    theatre: Theatre,
}

impl TimeSource for WorldClock {
    fn now(&self) -> SystemTime {
        self.theatre.now().into()
    }
}

/// Linux gives up a connection that nobody answers after six repetitions, about 127 s `[doc]` tcp(7), `tcp_syn_retries`.
const UNANSWERED: Duration = Duration::from_secs(127);
/// The header by which a site's answer tells who gave it.
const INSTANCE_HEADER: &str = "x-instance";

#[derive(Debug, Clone)]
struct Wire {
    theatre: Theatre,
    caller: Arc<str>,
    died: Arc<Notify>,
}

impl Wire {
    /// A request to a site: the network between is sound, and nothing is drawn from the world's chance, so that looking changes
    /// nothing.
    async fn visit(self, host: String, patience: Duration) -> Result<HttpResponse, ConnectorError> {
        let latency = self.theatre.with(|world| world.timing.api_latency.from);
        tokio::time::sleep(latency / 2).await;
        let knock = self.theatre.with(|world| world.knock(&host));
        if knock == Knock::Silence {
            tokio::time::sleep(patience.saturating_sub(latency / 2)).await;
            return Err(ConnectorError::timeout("connect timed out".into()));
        }
        tokio::time::sleep(latency / 2).await;
        match knock {
            Knock::Answer { instance, status } => {
                let response = http::Response::builder().status(status).header("content-type", "text/plain");
                // What was deployed there; the instance's own name where no deployments are played.
                let page = self.theatre.with(|world| world.page_of(&instance).map(str::to_owned));
                let body = SdkBody::from(page.unwrap_or_else(|| instance.clone()));
                finish(response.header(INSTANCE_HEADER, &instance).body(body))
            }
            Knock::Refused => Err(ConnectorError::io("connection refused".into())),
            Knock::NoSuchHost => Err(ConnectorError::io("failed to lookup address information".into())),
            Knock::Silence => Err(ConnectorError::timeout("connect timed out".into())),
        }
    }

    async fn exchange(self, request: ApiRequest) -> Result<HttpResponse, ConnectorError> {
        let latency = self.theatre.with(|world| world.timing.api_latency.draw(&mut world.call_rng));
        // Effect in the middle of the round trip.
        tokio::time::sleep(latency / 2).await;
        let (attempt, hang) = self.theatre.with(|world| {
            let attempt = world.attempt(&request);
            let hang =
                if attempt == Attempt::Hangs { world.faults.hang.draw(&mut world.call_rng) } else { latency / 2 };
            (attempt, hang)
        });
        if attempt == Attempt::CallerDies {
            self.died.notify_one();
            return std::future::pending().await;
        }
        tokio::time::sleep(hang).await;
        match attempt {
            Attempt::Reply(reply) => {
                let mut response = http::Response::builder().status(reply.status);
                for (name, value) in reply.headers() {
                    response = response.header(name, value);
                }
                finish(response.body(SdkBody::from(reply.bytes())))
            }
            Attempt::Hangs | Attempt::CallerDies => Err(ConnectorError::timeout("no answer".into())),
            Attempt::Reset => Err(ConnectorError::io("connection reset by peer".into())),
        }
    }
}

/// One with the timeouts of its caller.
#[derive(Debug)]
struct Line {
    wire: Wire,
    connect_timeout: Duration,
    read_timeout: Option<Duration>,
}

impl HttpConnector for Line {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(body) = request.body().bytes() else {
            let error = ConnectorError::user("a streaming body is of none of AWS's protocols".into());
            return HttpConnectorFuture::ready(Err(error));
        };
        let wire = self.wire.clone();
        let uri: http::Uri = request.uri().parse().unwrap_or_default();
        let host = uri.host().unwrap_or_default().to_owned();
        if World::is_site(&host) {
            let patience = self.read_timeout.unwrap_or(self.connect_timeout).min(self.connect_timeout);
            return HttpConnectorFuture::new(wire.visit(host, patience));
        }
        let request = ApiRequest::read(&wire.caller, uri.path(), |name| request.headers().get(name), body);
        HttpConnectorFuture::new(wire.exchange(request))
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Line {
            wire: self.clone(),
            connect_timeout: settings.connect_timeout().unwrap_or(UNANSWERED),
            read_timeout: settings.read_timeout(),
        })
    }
}

fn finish(response: Result<http::Response<SdkBody>, http::Error>) -> Result<HttpResponse, ConnectorError> {
    let response = response.map_err(|error| ConnectorError::user(error.into()))?;
    HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
}
