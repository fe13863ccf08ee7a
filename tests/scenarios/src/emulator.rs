//! What the wire tests talk to, on loopback and without an account: moto, boto3 from `.venv`, and the world over HTTP.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use panda_stage::{
    deploy::{REGION, Site},
    tether::{Tethered, free_port, without_account},
};
use panda_world::{SharedWorld, World, http};
use serde_json::Value;
use tokio::{net::TcpListener, runtime, sync::oneshot};

/// A tool of `.venv`.
pub fn tool(name: &'static str) -> PathBuf {
    site().tool(name).unwrap_or_else(|error| panic!("{error}"))
}

/// Where the pieces of a local deployment lie.
pub fn site() -> Site {
    Site::of_this_build().expect("a running test has a path")
}

/// A running moto: EC2 and Auto Scaling as its authors read AWS.
#[derive(Debug)]
pub struct Moto {
    port: u16,
    _tethered: Tethered,
}

impl Moto {
    /// Starts it and waits until it listens.
    pub fn start() -> Moto {
        let port = free_port().expect("a free port");
        let mut command = Tethered::command(tool("moto_server").as_os_str());
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut tethered = Tethered::spawn(&mut command).expect("a shell");
        let patience = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(!tethered.has_ended(), "moto_server ended by itself: run it by hand to see why");
            assert!(Instant::now() < patience, "moto_server does not listen on port {port}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Moto { port, _tethered: tethered }
    }

    /// Where it answers, for every service.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// The world over HTTP. Its clock stands still unless somebody moves it.
#[derive(Debug)]
pub struct HttpWorld {
    /// The world itself.
    pub world: SharedWorld,
    port: u16,
    _running: oneshot::Sender<()>,
}

impl HttpWorld {
    /// Serves a world until this value goes.
    pub fn serve(world: World) -> HttpWorld {
        let world = SharedWorld::new(world.into());
        let (running, ended) = oneshot::channel();
        let (ready, port) = std::sync::mpsc::channel();
        let router = http::router(SharedWorld::clone(&world));
        // A thread and a runtime of its own, because the test waits for its Python script without a runtime.
        std::thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
                ready.send(listener.local_addr().expect("a bound port").port()).expect("somebody waits for the port");
                let until_dropped = async { drop(ended.await) };
                axum::serve(listener, router).with_graceful_shutdown(until_dropped).await.expect("a served world");
            });
        });
        HttpWorld { world, port: port.recv().expect("the world is served"), _running: running }
    }

    /// Where it answers as EC2 and Auto Scaling.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Runs a Python script with boto3 against an endpoint, and returns what it prints, which must be one JSON value.
///
/// At hand are `ec2`, `autoscaling`, `client(SERVICE)`, `refused(CALL, ...)` for the error code of a call that must fail, `answer(VALUE)` to
/// print, and `advance(SECONDS)` for the clock of a world.
pub fn boto3(endpoint: &str, script: &str) -> Value {
    boto3_in(REGION, endpoint, script)
}

/// The same in another region.
pub fn boto3_in(region: &str, endpoint: &str, script: &str) -> Value {
    let script = format!("{PREAMBLE}\n{script}");
    let output = without_account(tool("python").as_os_str())
        .args(["-c", &script])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", region)
        .env("AWS_DEFAULT_REGION", region)
        .stdin(Stdio::null())
        .output()
        .expect("python starts");
    let (printed, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the script failed:\n{said}{printed}");
    serde_json::from_str(&printed)
        .unwrap_or_else(|error| panic!("the script printed no JSON ({error}):\n{printed}{said}"))
}

const PREAMBLE: &str = r#"
import json, os, urllib.request, boto3, botocore
from botocore.config import Config

def client(service):
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))

def refused(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    raise SystemExit("not refused: " + call.__name__ + " " + json.dumps(arguments))

def advance(seconds):
    url = os.environ["AWS_ENDPOINT_URL"] + "/_world/advance"
    urllib.request.urlopen(urllib.request.Request(url, json.dumps({"seconds": seconds}).encode(), method="POST")).read()

def answer(value):
    print(json.dumps(value, default=str))

ec2, autoscaling = client("ec2"), client("autoscaling")
"#;
