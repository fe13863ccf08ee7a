//! The world on localhost: AWS's protocols at `/` (and `CloudWatch`'s under `/service/`), and under `/_world/` what people and tests
//! need besides.
//!
//! | request | does |
//! |---|---|
//! | `POST /`, `POST /service/…` | one AWS API call |
//! | `POST /_world/act` | an [`Act`] as JSON |
//! | `POST /_world/fleet` | founds a [`FleetSpec`] |
//! | `POST /_world/advance` | `{"seconds": 60}` moves the clock (on a world that no live clock drives) |
//! | `GET /_world/state` | instances, addresses, groups, alarms, deployments, commits, pipelines, commands |
//! | `GET /_world/journal?since=N` | the journal from entry N on |
//! | `GET /_world/site/HOST` | what a visitor of a host name or an Elastic IP meets: the page, and who answers |
//! | `GET /_world/messages` | what was published to topics |
//! | `GET /_world/health` | 200 |

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::act::Act;
use crate::site::Knock;
use crate::spec::FleetSpec;
use crate::wire::{ApiReply, ApiRequest};
use crate::world::later;
use crate::{SharedWorld, World, lock};

/// Maps wall time to world time, faster or slower.
#[derive(Debug, Clone, Copy)]
pub struct LiveClock {
    wall: Instant,
    world: Timestamp,
    speed: f64,
}

impl LiveClock {
    /// A clock that starts now at the world's time and runs `speed` times as fast as the wall's.
    #[must_use]
    pub fn start(world: &World, speed: f64) -> Self {
        Self { wall: Instant::now(), world: world.now(), speed: if speed.is_finite() { speed.max(0.0) } else { 1.0 } }
    }

    /// The world's time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        later(self.world, self.wall.elapsed().mul_f64(self.speed))
    }

    /// How long the wall has to wait until a time of the world.
    #[must_use]
    pub fn wait_until(&self, at: Timestamp) -> Duration {
        let ahead = Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO);
        if self.speed > 0.0 { ahead.div_f64(self.speed) } else { Duration::MAX }
    }
}

#[derive(Clone)]
struct Face {
    world: SharedWorld,
    clock: Option<LiveClock>,
}

impl Face {
    fn with<R>(&self, what: impl FnOnce(&mut World) -> R) -> R {
        let mut world = lock(&self.world);
        if let Some(clock) = self.clock {
            world.advance_to(clock.now());
        }
        what(&mut world)
    }
}

/// The face of a world whose clock somebody else moves.
pub fn router(world: SharedWorld) -> Router {
    build(Face { world, clock: None })
}

/// The face of a world that follows a live clock: each request finds it at the clock's time.
pub fn router_with_clock(world: SharedWorld, clock: LiveClock) -> Router {
    build(Face { world, clock: Some(clock) })
}

fn build(face: Face) -> Router {
    Router::new()
        .route("/", post(api))
        .route("/service/{model}/operation/{operation}", post(api))
        .route("/_world/act", post(act))
        .route("/_world/fleet", post(fleet))
        .route("/_world/advance", post(advance))
        .route("/_world/state", get(state))
        .route("/_world/journal", get(journal))
        .route("/_world/site/{host}", get(site))
        .route("/_world/messages", get(messages))
        .route("/_world/health", get(async || "ok\n"))
        .with_state(Arc::new(face))
}

/// Who calls: the application that the SDK names (`AWS_SDK_UA_APP_ID`), or else the access key of the signature, or else the user agent's
/// first word.
fn caller(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // Some SDKs say it in the one header, some in the other.
    let agents = [text("x-amz-user-agent"), text(header::USER_AGENT.as_str())];
    let application = agents.iter().flat_map(|agent| agent.split(' ')).find_map(|word| word.strip_prefix("app/"));
    let key = text(header::AUTHORIZATION.as_str()).split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
    application
        .or(key)
        .or_else(|| agents.iter().find_map(|agent| agent.split(' ').next()))
        .unwrap_or_default()
        .to_owned()
}

async fn api(State(face): State<Arc<Face>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    let request = ApiRequest::read(&caller(&headers), uri.path(), text, &body);
    respond(&face.with(|world| world.attempt_reply(&request)))
}

/// A reply of the world as HTTP.
#[must_use]
pub fn respond(reply: &ApiReply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, reply.bytes()).into_response();
    for (name, value) in reply.headers() {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// `outcome` is `answer`, `refused`, `silence` or `no_such_host`.
async fn site(State(face): State<Arc<Face>>, Path(host): Path<String>) -> Response {
    let body = face.with(|world| match world.knock(&host) {
        Knock::Answer { instance, status } => {
            let commit = world.instance(&instance).and_then(|found| found.serves.clone());
            let page = world.page_of(&instance).map(str::to_owned);
            json!({"outcome": "answer", "instance": instance, "status": status, "commit": commit, "page": page})
        }
        Knock::Refused => json!({"outcome": "refused"}),
        Knock::Silence => json!({"outcome": "silence"}),
        Knock::NoSuchHost => json!({"outcome": "no_such_host"}),
    });
    answer(StatusCode::OK, &body)
}

async fn messages(State(face): State<Arc<Face>>) -> Response {
    answer(StatusCode::OK, &face.with(|world| json!(world.messages())))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn read<T: for<'de> Deserialize<'de>>(body: &Bytes) -> Result<T, Box<Response>> {
    serde_json::from_slice(body)
        .map_err(|error| Box::new(answer(StatusCode::BAD_REQUEST, &json!({"error": error.to_string()}))))
}

async fn act(State(face): State<Arc<Face>>, body: Bytes) -> Response {
    let act: Act = match read(&body) {
        Ok(act) => act,
        Err(refusal) => return *refusal,
    };
    match face.with(|world| world.act(&act)) {
        Ok(()) => answer(StatusCode::OK, &json!({"ok": true})),
        Err(error) => answer(StatusCode::CONFLICT, &json!({"error": error.to_string()})),
    }
}

async fn fleet(State(face): State<Arc<Face>>, body: Bytes) -> Response {
    let spec: FleetSpec = match read(&body) {
        Ok(spec) => spec,
        Err(refusal) => return *refusal,
    };
    if let Err(error) = spec.check() {
        return answer(StatusCode::BAD_REQUEST, &json!({"error": error}));
    }
    face.with(|world| world.found_fleet(&spec));
    answer(StatusCode::OK, &json!({"ok": true}))
}

#[derive(Deserialize)]
struct Step {
    seconds: f64,
}

async fn advance(State(face): State<Arc<Face>>, body: Bytes) -> Response {
    let step: Step = match read(&body) {
        Ok(step) => step,
        Err(refusal) => return *refusal,
    };
    let Ok(by) = Duration::try_from_secs_f64(step.seconds) else {
        return answer(StatusCode::BAD_REQUEST, &json!({"error": "seconds must not be negative"}));
    };
    let now = face.with(|world| {
        let to = later(world.now(), by);
        world.advance_to(to);
        world.now()
    });
    answer(StatusCode::OK, &json!({"now": now}))
}

async fn state(State(face): State<Arc<Face>>) -> Response {
    let body = face.with(|world| {
        json!({
            "now": world.now(),
            "instances": world.instances().collect::<Vec<_>>(),
            "addresses": world.addresses().collect::<Vec<_>>(),
            "groups": world.groups().collect::<Vec<_>>(),
            "alarms": world.alarms().collect::<Vec<_>>(),
            "applications": world.applications().collect::<Vec<_>>(),
            "deployments": world.deployments().collect::<Vec<_>>(),
            "commits": world.commits().collect::<Vec<_>>(),
            "pipelines": world.pipelines().collect::<Vec<_>>(),
            "commands": world.commands().collect::<Vec<_>>(),
        })
    });
    answer(StatusCode::OK, &body)
}

async fn journal(State(face): State<Arc<Face>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let since = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "since");
    let Ok(since) = since.map_or(Ok(0), |(_, value)| value.parse::<usize>()) else {
        return answer(StatusCode::BAD_REQUEST, &json!({"error": "since must be a number"}));
    };
    let body = face.with(|world| {
        let entries = world.journal();
        json!({"next": entries.len(), "entries": entries.get(since..).unwrap_or_default()})
    });
    answer(StatusCode::OK, &body)
}
