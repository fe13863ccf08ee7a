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

#[derive(Debug, Clone)]
struct Wire {
    theatre: Theatre,
    caller: Arc<str>,
    died: Arc<Notify>,
}

impl Wire {
    async fn exchange(self, body: Option<Vec<u8>>) -> Result<HttpResponse, ConnectorError> {
        let body = body.ok_or_else(|| ConnectorError::user("a streaming body is not of the Query protocol".into()))?;
        let request = ApiRequest::parse(&self.caller, &body);
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
                let response = http::Response::builder()
                    .status(reply.status)
                    .header("content-type", "text/xml;charset=UTF-8")
                    .header("x-amzn-requestid", reply.request_id)
                    .body(SdkBody::from(reply.body))
                    .map_err(|error| ConnectorError::user(error.into()))?;
                HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
            }
            Attempt::Hangs | Attempt::CallerDies => Err(ConnectorError::timeout("no answer".into())),
            Attempt::Reset => Err(ConnectorError::io("connection reset by peer".into())),
        }
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().map(<[u8]>::to_vec);
        HttpConnectorFuture::new(self.clone().exchange(body))
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
