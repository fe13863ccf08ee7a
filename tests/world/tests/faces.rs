//! The two faces: the SDK's HTTP client under paused time, and HTTP on localhost.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpClient as _, HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_types::body::SdkBody;
use panda_world::EventFate::{Delivered, Doubled, Emitted, Lost};
use panda_world::in_process::Theatre;
use panda_world::{Act, DeliverySpec, Faults, FleetSpec, Kind, http};
use support::{IP, Run, bare};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const DESCRIBE: &str = "Action=DescribeAddresses&Version=2016-11-15";

async fn send(theatre: &Theatre, body: &str) -> Result<(u16, String), ConnectorError> {
    let client = theatre.http_client("test");
    let components = RuntimeComponentsBuilder::for_tests().build().unwrap();
    let connector = client.http_connector(&HttpConnectorSettings::builder().build(), &components);
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST").unwrap();
    request.set_uri("https://ec2.us-east-1.amazonaws.com/").unwrap();
    let response = connector.call(request).await?;
    let text = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
    Ok((response.status().as_u16(), text))
}

fn theatre(faults: Faults) -> Theatre {
    let mut run = Run::of(&bare(|_| {}));
    run.world.set_faults(faults);
    Theatre::new(run.world)
}

#[tokio::test(start_paused = true)]
async fn a_call_takes_its_latency_and_the_world_goes_on_meanwhile() {
    let theatre = theatre(Faults::default());
    let start = theatre.now();
    let (status, body) = send(&theatre, DESCRIBE).await.unwrap();
    assert_eq!(status, 200);
    assert!(body.contains(IP));
    let took = theatre.now().duration_since(start).as_millis();
    assert!((20..=125).contains(&took), "{took} ms");
    tokio::time::sleep(Duration::from_mins(1)).await;
    let at = theatre.with(|world| world.now());
    assert_eq!(at, theatre.now());
    let clock: std::time::SystemTime = theatre.time_source().now();
    assert_eq!(jiff::Timestamp::try_from(clock).unwrap(), at);
}

#[tokio::test(start_paused = true)]
async fn a_sleeper_wakes_at_the_worlds_next_transition() {
    let theatre = theatre(Faults::default());
    theatre.with(|world| {
        let holder = world.holder_of(IP).unwrap().to_owned();
        world.act(&Act::Terminate { instance: holder }).unwrap();
    });
    let due = theatre.with(|world| world.next_due()).unwrap();
    tokio::time::sleep_until(theatre.instant_of(due)).await;
    assert!(theatre.now() >= due && theatre.now().duration_since(due).as_millis() <= 2);
}

#[tokio::test(start_paused = true)]
async fn throttles_server_errors_resets_and_timeouts_reach_the_sdk_as_such() {
    let throttled = send(&theatre(Faults { throttle: 1.0, ..Faults::default() }), DESCRIBE).await.unwrap();
    assert_eq!(throttled.0, 503);
    assert!(throttled.1.contains("<Code>RequestLimitExceeded</Code>"));
    let body = "Action=DescribeAutoScalingGroups&Version=2011-01-01";
    let throttled = send(&theatre(Faults { throttle: 1.0, ..Faults::default() }), body).await.unwrap();
    assert_eq!(throttled.0, 400);
    assert!(throttled.1.contains("<Code>Throttling</Code>"));
    assert_eq!(send(&theatre(Faults { server_error: 1.0, ..Faults::default() }), DESCRIBE).await.unwrap().0, 500);
    assert!(send(&theatre(Faults { reset: 1.0, ..Faults::default() }), DESCRIBE).await.unwrap_err().is_io());
    let stage = theatre(Faults { timeout: 1.0, ..Faults::default() });
    let start = stage.now();
    assert!(send(&stage, DESCRIBE).await.unwrap_err().is_timeout());
    assert!(stage.now().duration_since(start).as_secs() >= 2);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_has_had_its_effect() {
    let theatre = theatre(Faults { reply_lost: 1.0, ..Faults::default() });
    let body = format!("Action=DisassociateAddress&Version=2016-11-15&PublicIp={IP}");
    assert!(send(&theatre, &body).await.unwrap_err().is_io());
    assert_eq!(theatre.with(|world| world.holder_of(IP).map(str::to_owned)), None);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_dies_never_gets_its_answer_and_its_stage_is_told() {
    let theatre = theatre(Faults { caller_dies: 1.0, ..Faults::default() });
    let died = theatre.died("test");
    tokio::select! {
        reply = send(&theatre, DESCRIBE) => panic!("{reply:?}"),
        () = died.notified() => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_stale_read_shows_the_past_and_never_longer_ago_than_its_lag() {
    let theatre = theatre(Faults { stale_reads: 1.0, ..Faults::default() });
    tokio::time::sleep(Duration::from_secs(10)).await;
    let body = format!("Action=DisassociateAddress&Version=2016-11-15&PublicIp={IP}");
    send(&theatre, &body).await.unwrap();
    let mut stale = 0;
    for _ in 0..30 {
        stale += u32::from(send(&theatre, DESCRIBE).await.unwrap().1.contains("<associationId>"));
    }
    assert!(stale > 0, "none was stale");
    tokio::time::sleep(Duration::from_secs(6)).await;
    for _ in 0..30 {
        assert!(!send(&theatre, DESCRIBE).await.unwrap().1.contains("<associationId>"));
    }
}

#[tokio::test(start_paused = true)]
async fn token_buckets_empty_and_fill_again() {
    let theatre = theatre(Faults { token_buckets: true, ..Faults::default() });
    let body = format!("Action=DisassociateAddress&Version=2016-11-15&PublicIp={IP}");
    let calls = futures(&theatre, &body, 60).await;
    assert_eq!(calls.iter().filter(|status| **status == 503).count(), 10, "a burst of 50");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let calls = futures(&theatre, &body, 20).await;
    assert_eq!(calls.iter().filter(|status| **status == 503).count(), 10, "five a second");
}

/// Calls straight at the world's clock, without latency between them.
async fn futures(theatre: &Theatre, body: &str, count: usize) -> Vec<u16> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (theatre, body) = (theatre.clone(), body.to_owned());
        theatre.with(|world| {
            world.set_timing(panda_world::Timing {
                api_latency: panda_world::Span::millis(2, 2),
                ..panda_world::Timing::default()
            });
        });
        tasks.spawn(async move { send(&theatre, &body).await.unwrap().0 });
    }
    tasks.join_all().await
}

#[test]
fn lost_doubled_and_late_events_are_written_down_and_delivered_so() {
    let mut run = Run::of(&bare(|_| {}));
    run.world.set_faults(Faults { event_loss: 0.3, event_double: 0.3, event_delay: 0.3, ..Faults::default() });
    for size in [4, 1, 4, 1, 4, 2] {
        run.act(Act::SetDesired { group: "web".into(), desired: size });
        run.pass(600);
    }
    let delivered = run.events();
    let fates = |wanted: panda_world::EventFate| {
        let is = |entry: &&panda_world::Entry| matches!(&entry.kind, Kind::Event { fate, .. } if *fate == wanted);
        run.world.journal().iter().filter(is).count()
    };
    assert!(fates(Lost) > 0 && fates(Doubled) > 0);
    assert_eq!(fates(Delivered), delivered.len());
    assert_eq!(delivered.len(), fates(Emitted) - fates(Lost) + fates(Doubled));
    let times: Vec<&str> = delivered.iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(!times.is_sorted(), "some overtake others");
}

async fn over_http(port: u16, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n");
    let key = "authorization: AWS4-HMAC-SHA256 Credential=AKIAWEB/20260507/us-east-1/ec2/aws4_request\r\n";
    stream.write_all(format!("{head}{key}\r\n{body}").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    (status, reply.split_once("\r\n\r\n").unwrap().1.to_owned())
}

#[tokio::test]
async fn the_world_on_localhost_answers_calls_acts_and_questions() {
    let world = Arc::new(Mutex::new(Run::of(&bare(|_| {})).world));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, http::router(world)).await });
    assert_eq!(over_http(port, "GET", "/_world/health", "").await, (200, "ok\n".to_owned()));
    let (status, body) = over_http(port, "POST", "/", DESCRIBE).await;
    assert!(status == 200 && body.contains(IP));
    let (status, body) = over_http(port, "POST", "/", "Action=Nothing&Version=2011-01-01").await;
    assert!(status == 400 && body.contains("<Code>InvalidAction</Code>"));
    let (_, state) = over_http(port, "GET", "/_world/state", "").await;
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    let holder = state["addresses"][0]["association"]["instance"].as_str().unwrap();
    let act = format!(r#"{{"act":"terminate","instance":"{holder}"}}"#);
    assert_eq!(over_http(port, "POST", "/_world/act", &act).await.0, 200);
    assert_eq!(over_http(port, "POST", "/_world/act", &act).await.0, 409);
    assert_eq!(over_http(port, "POST", "/_world/act", "{}").await.0, 400);
    assert_eq!(over_http(port, "POST", "/_world/advance", r#"{"seconds": 3600}"#).await.0, 200);
    let fleet = r#"{"name":"api","addresses":["203.0.113.77"],"groups":[{"name":"api"}]}"#;
    assert_eq!(over_http(port, "POST", "/_world/fleet", fleet).await.0, 200);
    assert_eq!(over_http(port, "POST", "/_world/fleet", r#"{"groups":[{"zones":[]}]}"#).await.0, 400);
    let (_, journal) = over_http(port, "GET", "/_world/journal?since=3", "").await;
    let journal: serde_json::Value = serde_json::from_str(&journal).unwrap();
    let calls: Vec<_> = journal["entries"].as_array().unwrap().iter().filter(|e| e["kind"] == "call").collect();
    assert_eq!(calls[0]["caller"], "AKIAWEB");
    assert_eq!(calls[1]["result"], "InvalidAction");
    assert_eq!(over_http(port, "GET", "/_world/journal?since=x", "").await.0, 400);
}

#[tokio::test]
async fn a_push_on_localhost_brings_a_new_page() {
    let world = Arc::new(Mutex::new(Run::of(&FleetSpec { groups: vec![], addresses: vec![], ..bare(|_| {}) }).world));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, http::router(world)).await });
    let fleet = r#"{"name":"shop","addresses":["203.0.113.77"],"hosts":["shop.example.com"],
        "groups":[{"name":"shop","hooks":[]}],
        "delivery":{"config":"CodeDeployDefault.AllAtOnce","agent":"v1","deployed":{"page":"old"}}}"#;
    assert_eq!(over_http(port, "POST", "/_world/fleet", fleet).await.0, 200);
    let odd = r#"{"name":"odd","delivery":{"config":"Slowly"}}"#;
    assert_eq!(over_http(port, "POST", "/_world/fleet", odd).await.0, 400);
    let site = async |host: &str| {
        let (_, body) = over_http(port, "GET", &format!("/_world/site/{host}"), "").await;
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    assert_eq!(site("shop.example.com").await["page"], "old");
    assert_eq!(site("nowhere.example.com").await["outcome"], "no_such_host");
    let push = r#"{"act":"push","pipeline":"shop","commit":{"message":"New page","page":"new",
        "scripts":{"ValidateService":{"outcome":"succeeds","seconds":3}}}}"#;
    assert_eq!(over_http(port, "POST", "/_world/act", push).await.0, 200);
    assert_eq!(over_http(port, "POST", "/_world/advance", r#"{"seconds": 200}"#).await.0, 200);
    let shown = site("203.0.113.77").await;
    assert_eq!((&shown["outcome"], &shown["page"]), (&"answer".into(), &"new".into()));
    let (_, state) = over_http(port, "GET", "/_world/state", "").await;
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["pipelines"][0]["head"], shown["commit"]);
    assert_eq!(state["commits"].as_array().unwrap().len(), 2);
    for act in [
        r#"{"act":"afflict_agent","instance":"ID","trouble":"disk_full"}"#,
        r#"{"act":"set_code_deploy_agent","instance":"ID","agent":"absent"}"#,
        r#"{"act":"install_agent","instance":"ID","generation":"v2"}"#,
        r#"{"act":"set_ping","instance":"ID","ping":"unregistered"}"#,
        r#"{"act":"leave_out","member":"start-time","left_out":true}"#,
        r#"{"act":"edit_pipeline","pipeline":"shop"}"#,
        r#"{"act":"deploy","application":"shop","deployment_group":"shop"}"#,
        r#"{"act":"stop_deployment","application":"shop","deployment_group":"shop"}"#,
    ] {
        let act = act.replace("ID", shown["instance"].as_str().unwrap());
        assert_eq!(over_http(port, "POST", "/_world/act", &act).await, (200, r#"{"ok":true}"#.to_owned()), "{act}");
    }
}

async fn visit(theatre: &Theatre, uri: &str, patience: Duration) -> Result<(u16, String), ConnectorError> {
    let client = theatre.http_client("panda");
    let components = RuntimeComponentsBuilder::for_tests().build().unwrap();
    let settings = HttpConnectorSettings::builder().connect_timeout(patience).build();
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(uri).unwrap();
    let response = client.http_connector(&settings, &components).call(request).await?;
    let text = String::from_utf8(response.body().bytes().unwrap().to_vec()).unwrap();
    Ok((response.status().as_u16(), text))
}

#[tokio::test(start_paused = true)]
async fn a_visitor_waits_at_a_dead_site_until_its_own_patience_ends() {
    let theatre = theatre(Faults { timeout: 1.0, ..Faults::default() });
    let holder = theatre.with(|world| world.holder_of(IP).unwrap().to_owned());
    let (url, patience) = (format!("http://{IP}:8080/health"), Duration::from_secs(3));
    assert_eq!(
        visit(&theatre, &url, patience).await.unwrap(),
        (200, holder.clone()),
        "AWS's faults are not the network's"
    );
    theatre.with(|world| {
        world.act(&Act::NameSite { host: "www.example.com".into(), public_ip: IP.into() }).unwrap();
        world.act(&Act::SiteAnswers { public_ip: IP.into(), status: 500 }).unwrap();
    });
    assert_eq!(visit(&theatre, "https://www.example.com/", patience).await.unwrap().0, 500);
    assert!(visit(&theatre, "https://nowhere.example.com/", patience).await.unwrap_err().is_io());
    theatre.with(|world| world.act(&Act::Crash { instance: holder }).unwrap());
    let start = theatre.now();
    assert!(visit(&theatre, &url, patience).await.unwrap_err().is_timeout());
    assert_eq!(theatre.now().duration_since(start).as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_visitor_sees_what_was_deployed() {
    let delivery = Some(DeliverySpec::default());
    let theatre = Theatre::new(Run::of(&FleetSpec { delivery, ..bare(|_| {}) }).world);
    let seen = visit(&theatre, &format!("http://{IP}/"), Duration::from_secs(3)).await.unwrap();
    assert_eq!(seen, (200, "It works.\n".to_owned()));
}

#[tokio::test]
async fn every_protocol_reaches_the_world_on_localhost() {
    let mut run = Run::of(&bare(|_| {}));
    run.act(Act::PutAlarm { alarm: panda_world::AlarmSpec { name: "latency".into(), ..Default::default() } });
    let world = Arc::new(Mutex::new(run.world));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, http::router(world)).await });
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n";
    let target = "content-type: application/x-amz-json-1.1\r\nx-amz-target: CodeDeploy_20141006.ListApplications\r\n";
    stream.write_all(format!("{head}{target}\r\n{{}}").as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert!(reply.contains("application/x-amz-json-1.1") && reply.ends_with(r#"{"applications":["web"]}"#), "{reply}");
    let path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!("POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 1\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&[0xa0]).await.unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.unwrap();
    let text = String::from_utf8_lossy(&reply);
    assert!(text.contains("smithy-protocol: rpc-v2-cbor") && text.contains("latency"), "{text}");
    assert_eq!(over_http(port, "GET", "/_world/messages", "").await, (200, "[]".to_owned()));
}
