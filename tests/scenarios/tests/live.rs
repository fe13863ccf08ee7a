//! Does `make test-live` do what it says, to somebody's account? Its steps against the world and moto, and its clean-up against failures of every call.
//!
//! The program and its tests are Python (`tests/live`), as all that people start with an account is. They run here, where no account is.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::process::Stdio;

use panda_scenarios::{
    emulator::{HttpWorld, Moto, site, tool},
    root,
};
use panda_stage::{deploy::deploy_local, tether::without_account};
use panda_world::{SharedWorld, Span, Timing, World, lock};

/// When the worlds begin.
const START: &str = "2026-05-07T13:20:00Z";

/// A server for what the world has delivered since it was last asked. Ends with the test's process.
fn events_of(world: &SharedWorld) -> String {
    let world = SharedWorld::clone(world);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let take = move || {
        let events = serde_json::Value::from(lock(&world).take_events());
        std::future::ready(([("content-type", "application/json")], events.to_string()))
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            listener.set_nonblocking(true).unwrap();
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, axum::Router::new().fallback(axum::routing::any(take))).await.unwrap();
        });
    });
    endpoint
}

/// Runs modules of Python tests, which must all pass and must be so many at least.
fn python(modules: &[&str], least: usize, environment: &[(&str, &str)]) {
    let path = [root().join("tests"), root().join("bin")].map(|folder| folder.display().to_string()).join(":");
    let folder = tempfile::tempdir().unwrap();
    let output = without_account(tool("python").as_os_str())
        .current_dir(folder.path())
        .args(["-m", "unittest", "--failfast"])
        .args(modules)
        .env("PYTHONPATH", path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<usize>().ok());
    assert!(ran >= Some(least), "only {ran:?} tests ran:\n{said}");
}

/// The same on a stage: a world with this timing, and moto.
fn on_stage(modules: &[&str], least: usize, timing: Timing, more: &[(&str, &str)]) {
    let moto = Moto::start();
    let served = HttpWorld::serve(World::new(20, START.parse().unwrap(), timing));
    let (world, moto_at, events) = (served.endpoint(), moto.endpoint(), events_of(&served.world));
    let mut environment = vec![("LIVE_WORLD", &*world), ("LIVE_MOTO", &*moto_at), ("LIVE_EVENTS", &*events)];
    environment.extend(more);
    python(modules, least, &environment);
}

#[test]
fn its_parts_do_what_they_say() {
    python(&["live.tests.parts", "live.tests.findings"], 25, &[]);
}

#[test]
fn a_whole_run_measures_what_the_world_is_made_of_and_leaves_nothing() {
    on_stage(&["live.tests.rehearse"], 1, Timing::default(), &[]);
}

#[test]
fn an_aws_that_is_other_than_believed_is_told_from_the_one_that_is_believed() {
    let timing = Timing {
        settle: Span::secs(12, 15),
        association_kept: Span::secs(90, 100),
        shutting_down: Span::secs(120, 130),
        command_visible: Span::secs(5, 6),
        ..Timing::default()
    };
    let changed = "settle,association_kept,shutting_down,command_visible";
    on_stage(&["live.tests.rehearse"], 1, timing, &[("LIVE_CHANGED", changed)]);
}

#[test]
fn whatever_call_fails_and_whenever_a_signal_comes_nothing_is_left() {
    on_stage(&["live.tests.failures.OneFailure"], 3, slow_to_let_go(), &[]);
}

#[test]
fn what_cannot_be_removed_is_named_and_goes_with_the_next_clean_up() {
    on_stage(&["live.tests.failures.MoreFailures"], 5, slow_to_let_go(), &[]);
}

/// An address cannot be released for half a minute after its holder's end.
fn slow_to_let_go() -> Timing {
    Timing { association_kept: Span::secs(20, 30), ..Timing::default() }
}

#[test]
fn it_asks_before_it_spends_refuses_what_is_not_its_own_and_ends_what_it_has_begun() {
    on_stage(&["live.tests.asking"], 4, Timing::default(), &[]);
}

#[tokio::test]
async fn sam_takes_the_words_of_a_run_and_what_it_made_goes_away() {
    let served = HttpWorld::serve(World::new(21, START.parse().unwrap(), Timing::default()));
    let world = served.endpoint();
    let deployed = deploy_local(&site(), &world, &[]).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let template = site().built_template(folder.path()).unwrap();
    // `sam` looks for a newer version of itself on its first run in a new home.
    let home = folder.path().join("sam");
    std::fs::create_dir_all(&home).unwrap();
    std::fs::write(home.join("metadata.json"), r#"{"telemetryEnabled": false}"#).unwrap();
    let tools = tool("sam").parent().unwrap().display().to_string();
    let path = format!("{tools}:{}", std::env::var("PATH").unwrap());
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let (endpoint, home, template) = (deployed.endpoint(), home.display().to_string(), template.display().to_string());
    let run = move || {
        let environment = [
            ("AWS_ENDPOINT_URL", &*endpoint),
            ("AWS_ENDPOINT_URL_EC2", &*world),
            ("AWS_ENDPOINT_URL_AUTO_SCALING", &*world),
            ("LIVE_TEMPLATE", &*template),
            ("LIVE_ARCHITECTURE", architecture),
            ("PATH", &*path),
            ("__SAM_CLI_APP_DIR", &*home),
            ("SAM_CLI_TELEMETRY", "0"),
            ("SAM_CLI_POLL_DELAY", "0.2"),
        ];
        python(&["live.tests.deployed"], 1, &environment);
    };
    tokio::task::spawn_blocking(run).await.unwrap();
    drop(served);
}
