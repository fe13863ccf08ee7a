//! The simulated AWS as the measured functions meet it: one endpoint for all services, plain and TLS, which stamps each call.
//!
//! Everything but DynamoDB is answered by the world in memory, whose clock stands still, so that the same job makes the same calls every
//! time. DynamoDB's requests are handed on to moto, which keeps real conditions and transactions.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt as _,
};
use panda_world::{ApiRequest, SharedWorld, World, http::respond, lock};
use tokio::{net::TcpListener, task::JoinSet};

use super::{certificate::Identity, rounds::Call};
use crate::demo::http;

/// How long moto may take for one request.
const MOTO_PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
struct Desk {
    world: SharedWorld,
    moto: Option<SocketAddr>,
    /// In milliseconds.
    delay: AtomicU64,
    calls: Mutex<Vec<Call>>,
    epoch: Instant,
}

/// The endpoint. It ends with this value.
#[derive(Debug)]
pub struct Region {
    desk: Arc<Desk>,
    plain: SocketAddr,
    tls: SocketAddr,
    handshakes: Arc<AtomicUsize>,
    _served: JoinSet<()>,
}

impl Region {
    /// Serves a world on two free loopback ports; DynamoDB is at `moto`, if anywhere.
    ///
    /// # Errors
    /// When there are no ports.
    pub async fn start(world: World, moto: Option<SocketAddr>, identity: &Identity) -> std::io::Result<Self> {
        let desk = Arc::new(Desk {
            world: SharedWorld::new(world.into()),
            moto,
            delay: AtomicU64::new(0),
            calls: Mutex::default(),
            epoch: Instant::now(),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&desk));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let secured = identity.listen().await?;
        let (plain, tls) = (listener.local_addr()?, secured.address);
        let handshakes = Arc::clone(&secured.attempts);
        // Small replies at once: what waits for more to send would be counted as the function's.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let mut served = JoinSet::new();
        let same = app.clone();
        // They end only with their tasks: accept errors are the listeners' own to retry.
        served.spawn(async move { drop(axum::serve(listener, same).await) });
        served.spawn(async move { drop(axum::serve(secured, app).await) });
        Ok(Self { desk, plain, tls, handshakes, _served: served })
    }

    /// Where it answers.
    #[must_use]
    pub fn endpoint(&self, tls: bool) -> String {
        if tls { format!("https://{}", self.tls) } else { format!("http://{}", self.plain) }
    }

    /// How often somebody wanted a TLS handshake.
    #[must_use]
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Relaxed)
    }

    /// Does something with the world.
    pub fn with<R>(&self, what: impl FnOnce(&mut World) -> R) -> R {
        what(&mut lock(&self.desk.world))
    }

    /// From now on each reply takes so much longer.
    pub fn set_delay(&self, delay: Duration) {
        self.desk.delay.store(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// The calls since this was last asked.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.desk.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn answer(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    // Somebody opens a connection before it is needed. AWS's endpoints answer `GET /ping` with this word.
    if method != Method::POST {
        return "healthy".into_response();
    }
    let begin = desk.epoch.elapsed();
    let delay = Duration::from_millis(desk.delay.load(Relaxed));
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // …/20261124/us-east-1/ec2/aws4_request, …
    let scope = text(header::AUTHORIZATION.as_str()).and_then(|value| value.split('/').nth(3)).unwrap_or_default();
    let service = scope.to_owned();
    let (operation, response) = if service == "dynamodb" {
        let target = text("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        (operation, hand_on(&desk, &headers, &body).await)
    } else {
        let request = ApiRequest::read(&service, uri.path(), text, &body);
        let reply = lock(&desk.world).call(&request);
        (request.operation().to_owned(), respond(&reply))
    };
    let call = Call { service, operation, begin, end: desk.epoch.elapsed() };
    desk.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    response
}

/// Hands a request on to moto, and its reply back.
async fn hand_on(desk: &Desk, headers: &HeaderMap, body: &Bytes) -> Response {
    let Some(moto) = desk.moto else {
        return (StatusCode::BAD_GATEWAY, "nobody plays DynamoDB here").into_response();
    };
    let kept = ["content-type", "x-amz-target", "x-amz-date", "authorization"];
    let kept: Vec<(&str, &str)> =
        kept.iter().filter_map(|name| Some((*name, headers.get(*name)?.to_str().ok()?))).collect();
    match http::post(moto, &kept, &String::from_utf8_lossy(body), MOTO_PATIENCE).await {
        Ok(reply) => {
            let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
            let mut response = (status, reply.body.clone()).into_response();
            for name in ["content-type", "x-amzn-errortype", "x-amz-crc32"] {
                let header = reply.header(name).and_then(|value| HeaderValue::try_from(value).ok());
                if let (Some(value), Ok(key)) = (header, HeaderName::try_from(name)) {
                    response.headers_mut().insert(key, value);
                }
            }
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, format!("moto did not answer: {error}")).into_response(),
    }
}

#[cfg(test)]
mod tests;
