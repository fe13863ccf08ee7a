//! Lambda's Runtime API, as far as a custom runtime asks for it: the next invocation, its answer or its error, and an error of the start.
//!
//! One server serves one function process, as on Lambda. What it is asked for is told in order; what it does not expect is an error.
//! ([The API](https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html).)

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
    serve::ListenerExt as _,
};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::timeout,
};

/// The version of the API, which its paths begin with.
const VERSION: &str = "2018-06-01";

/// What a function said.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// It asks for the next invocation.
    Next,
    /// The answer to an invocation, by its request id.
    Response(String, Value),
    /// An invocation failed.
    Error(String, Value),
    /// It could not start.
    InitError(Value),
}

/// What a function did instead of what it should have done.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The server could not be started.
    #[error("the Runtime API cannot listen on this machine")]
    Listen(#[from] std::io::Error),
    /// It said nothing.
    #[error("the function said nothing for {0:?}")]
    Silent(Duration),
    /// It said something else than what comes next.
    #[error("the function did not {expected}, but said {said:?}")]
    Unexpected {
        /// What was to come.
        expected: &'static str,
        /// What came.
        said: Said,
    },
}

/// An invocation that is handed over.
struct Invocation {
    request_id: String,
    payload: Vec<u8>,
    time: Duration,
}

/// Something that was said, and when.
type Heard = (Instant, Said);

#[derive(Clone)]
struct Desk {
    invocations: Arc<Mutex<mpsc::UnboundedReceiver<Invocation>>>,
    heard: mpsc::UnboundedSender<Heard>,
    handed_over: mpsc::UnboundedSender<Instant>,
    function_arn: Arc<str>,
}

/// The server for one function process. It ends with this value.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    invocations: mpsc::UnboundedSender<Invocation>,
    heard: mpsc::UnboundedReceiver<Heard>,
    handed_over: mpsc::UnboundedReceiver<Instant>,
    requests: AtomicU64,
    _served: JoinSet<()>,
}

impl std::fmt::Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation").field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

/// An answer and how long it took, from the function's receipt of the event.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it answered.
    pub payload: Value,
    /// How long it took.
    pub took: Duration,
}

impl RuntimeApi {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(function: &str) -> Result<Self, RuntimeError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (invocations, offered) = mpsc::unbounded_channel();
        let (said, heard) = mpsc::unbounded_channel();
        let (given, handed_over) = mpsc::unbounded_channel();
        let arn = format!("arn:aws:lambda:{}:{}:function:{function}", panda_world::REGION, panda_world::ACCOUNT);
        let desk = Desk {
            invocations: Arc::new(Mutex::new(offered)),
            heard: said,
            handed_over: given,
            function_arn: arn.into(),
        };
        let runtime = Router::new()
            .route("/invocation/next", get(next))
            .route("/invocation/{id}/response", post(response))
            .route("/invocation/{id}/error", post(error))
            .route("/init/error", post(init_error))
            .with_state(desk);
        let app = Router::new().nest(&format!("/{VERSION}/runtime"), runtime);
        let mut served = JoinSet::new();
        served.spawn(async move {
            // Ends only with the task: accept errors are the listener's own to retry.
            let _ = axum::serve(listener, app).await;
        });
        Ok(Self { address, invocations, heard, handed_over, requests: AtomicU64::new(1), _served: served })
    }

    /// `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// Waits until the function asks for an invocation, and gives the time at which it did.
    ///
    /// # Errors
    /// When it does not, or could not start.
    pub async fn ready(&mut self, patience: Duration) -> Result<Instant, RuntimeError> {
        match self.hear(patience).await? {
            (at, Said::Next) => Ok(at),
            (_, said) => Err(RuntimeError::Unexpected { expected: "ask for the next invocation", said }),
        }
    }

    /// Hands an invocation over to the function, which must be [ready](Self::ready), and waits for its answer. `time` is what Lambda would
    /// give it.
    ///
    /// # Errors
    /// When it does not answer, or answers with an error.
    pub async fn invoke(&mut self, payload: &Value, time: Duration) -> Result<Answer, RuntimeError> {
        let request_id = format!("00000000-0000-4000-8000-{:012}", self.requests.fetch_add(1, Relaxed));
        let invocation = Invocation { request_id: request_id.clone(), payload: payload.to_string().into_bytes(), time };
        // A server that is gone is noticed below.
        let _ = self.invocations.send(invocation);
        let (answered, said) = self.hear(time).await?;
        match said {
            Said::Response(id, payload) if id == request_id => {
                let began = self.handed_over.try_recv().unwrap_or(answered);
                Ok(Answer { payload, took: answered.duration_since(began) })
            }
            said => Err(RuntimeError::Unexpected { expected: "answer the invocation", said }),
        }
    }

    async fn hear(&mut self, patience: Duration) -> Result<Heard, RuntimeError> {
        timeout(patience, self.heard.recv()).await.ok().flatten().ok_or(RuntimeError::Silent(patience))
    }
}

async fn next(State(desk): State<Desk>) -> axum::response::Response {
    let _ = desk.heard.send((Instant::now(), Said::Next));
    // A function that goes away while it waits takes no invocation with it.
    let Some(invocation) = desk.invocations.lock().await.recv().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let deadline = SystemTime::now() + invocation.time;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let headers = [
        ("Content-Type", "application/json".to_owned()),
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", deadline.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", desk.function_arn.to_string()),
        (
            "Lambda-Runtime-Trace-Id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0".to_owned(),
        ),
    ];
    let mut response = invocation.payload.into_response();
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (axum::http::HeaderName::try_from(name), value.try_into()) {
            response.headers_mut().insert(name, value);
        }
    }
    let _ = desk.handed_over.send(Instant::now());
    response
}

async fn response(State(desk): State<Desk>, Path(id): Path<String>, body: Bytes) -> impl IntoResponse {
    accept(&desk, Said::Response(id, read(&body)))
}

async fn error(State(desk): State<Desk>, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    accept(&desk, Said::Error(id, with_type(&headers, read(&body))))
}

async fn init_error(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    accept(&desk, Said::InitError(with_type(&headers, read(&body))))
}

fn accept(desk: &Desk, said: Said) -> impl IntoResponse + use<> {
    let _ = desk.heard.send((Instant::now(), said));
    (StatusCode::ACCEPTED, [("Content-Type", "application/json")], r#"{"status":"OK"}"#)
}

fn read(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// The type of an error stands in a header, and for runtimes of old there only.
fn with_type(headers: &HeaderMap, body: Value) -> Value {
    match (headers.get("lambda-runtime-function-error-type").and_then(|kind| kind.to_str().ok()), body) {
        (Some(kind), Value::Object(mut fields)) => {
            fields.entry("errorType").or_insert_with(|| kind.into());
            Value::Object(fields)
        }
        (_, body) => body,
    }
}

#[cfg(test)]
mod tests;
