//! The real launch-preflight with real SDK clients against the simulated AWS, and a server in the place where CloudFormation waits: what it
//! accepts, what it refuses and in which words, and that it answers whatever happens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    fmt::Write as _,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_types::app_name::AppName;
use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::{HeaderMap, StatusCode},
};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use launch_preflight::{App, Config, HandlerError, Outcome, handle};
use panda_scenarios::{emulator::HttpWorld, permissions::unaccounted};
use panda_stage::{serve::endpoint::sdk_config, simulate::Deployment, tether::free_port};
use panda_world::{
    Act, AlarmSpec, AlarmState, FleetSpec, GroupSpec, HookSpec, Network, REGION, RouteTable, Subnet, Timing,
    VpcEndpoint, World, lock,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::sleep};

const FUNCTION: &str = "launch-preflight";
const STACK: &str = "arn:aws:cloudformation:us-east-1:123456789012:stack/web/5b6a0f60-0f6e-11f1-9d5c-0a1b2c3d4e5f";
const CONNECTION: &str = "arn:aws:codeconnections:us-east-1:123456789012:connection/0001";
/// From before the service was renamed.
const OLD_CONNECTION: &str = "arn:aws:codestar-connections:us-east-1:123456789012:connection/0002";
const PATH: &str = "/arn%3Aaws%3Acloudformation%3Aus-east-1%3A123456789012%3Astack/web/5b6a%7CLaunchPreflight%7Cc2f2?X-Amz-Signature=secret%2B&X-Amz-Date=1";

/// What arrived where CloudFormation waits.
#[derive(Clone, Debug)]
struct Arrived {
    method: String,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// The place where CloudFormation waits. It answers with these statuses, one after the other, and then with 200; 0 is no answer at all.
struct Waiting {
    url: String,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Waiting {
    async fn with(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://127.0.0.1:{}{PATH}", listener.local_addr().unwrap().port());
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let (seen, mut left) = (Arc::clone(&arrived), statuses.to_vec());
        left.reverse();
        let left = Arc::new(Mutex::new(left));
        let router = Router::new().fallback(move |request: Request| {
            let (seen, left) = (Arc::clone(&seen), Arc::clone(&left));
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
                seen.lock().unwrap().push(Arrived {
                    method: parts.method.to_string(),
                    path,
                    headers: parts.headers,
                    body,
                });
                let status = left.lock().unwrap().pop().unwrap_or(200);
                if status == 0 {
                    sleep(Duration::from_mins(1)).await;
                }
                StatusCode::from_u16(status).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, arrived }
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }

    /// The one answer that CloudFormation got.
    fn answer(&self) -> Value {
        let arrived = self.arrived();
        let [one] = arrived.as_slice() else { panic!("{} answers", arrived.len()) };
        assert!(one.body.len() <= 4096);
        serde_json::from_slice(&one.body).unwrap()
    }
}

struct Scene {
    world: HttpWorld,
    app: App,
    waiting: Waiting,
}

impl Scene {
    async fn new() -> Self {
        Self::of(&FleetSpec::default()).await
    }

    async fn of(fleet: &FleetSpec) -> Self {
        let mut world = World::new(7, "2026-05-07T09:30:00Z".parse().unwrap(), Timing::default());
        world.found_fleet(fleet);
        world.assume(FUNCTION, Deployment::of(&Deployment::template(), FUNCTION).unwrap().role);
        let world = HttpWorld::serve(world);
        let sdk = sdk_config(&world.endpoint(), REGION).await;
        let sdk = sdk.into_builder().app_name(AppName::new(FUNCTION).unwrap()).build();
        let app = App::new(Config::from_lookup(|_| None).unwrap(), &sdk);
        Self { world, app, waiting: Waiting::with(&[]).await }
    }

    fn network(&self, change: impl FnOnce(&mut Network)) {
        change(lock(&self.world.world).network_mut());
    }

    /// The ids of the subnets of these zones.
    fn subnets(&self, zones: &str) -> Vec<String> {
        let mut world = lock(&self.world.world);
        let network = world.network_mut();
        let of = |zone: char| {
            let zone = format!("{REGION}{zone}");
            network.subnets.iter().find(|(_, subnet)| subnet.zone == zone).unwrap().0.clone()
        };
        zones.chars().map(of).collect()
    }

    fn properties(&self, zones: &str) -> Value {
        json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:launch-preflight",
            "SubnetIds": self.subnets(zones),
            "InstanceType": "t4g.micro",
            "VpcId": "vpc-00000000000000001",
            "MinSize": "1",
            "DesiredCapacity": "2",
            "MaxSize": "4",
            "DropUnsuitable": "false",
        })
    }

    fn request(&self, kind: &str, properties: &Value) -> Value {
        json!({
            "RequestType": kind,
            "ResponseURL": self.waiting.url,
            "StackId": STACK,
            "RequestId": "c2f2e1a4-0f6e-4d0f-9d5c-0a1b2c3d4e5f",
            "ResourceType": "Custom::LaunchPreflight",
            "LogicalResourceId": "LaunchPreflight",
            "ResourceProperties": properties,
        })
    }

    async fn send(&self, payload: Value) -> Result<Outcome, HandlerError> {
        send(&self.app, payload, 120).await
    }

    /// Has a launch judged; the outcome, and what CloudFormation was told.
    async fn create(&self, properties: &Value) -> (Outcome, Value) {
        self.waiting.arrived.lock().unwrap().clear();
        let outcome = self.send(self.request("Create", properties)).await.unwrap();
        (outcome, self.waiting.answer())
    }

    /// The sentence with which a launch is refused.
    async fn refused(&self, properties: &Value) -> String {
        let (outcome, answer) = self.create(properties).await;
        assert_eq!((&answer["Status"], outcome.answer), (&json!("FAILED"), Some("FAILED")), "{answer}");
        answer["Reason"].as_str().unwrap().to_owned()
    }

    async fn check(&self) -> Outcome {
        self.send(json!({"command": "check", "fleet": "web"})).await.unwrap()
    }

    async fn found(&self) -> Vec<&'static str> {
        self.check().await.fleets[0].findings.iter().map(|finding| finding.code).collect()
    }
}

async fn send(app: &App, payload: Value, seconds: u64) -> Result<Outcome, HandlerError> {
    let mut context = Context::default();
    let end = SystemTime::now() + Duration::from_secs(seconds);
    context.deadline = u64::try_from(end.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    handle(app, LambdaEvent::new(payload, context)).await
}

fn table(id: &str, subnets: &[String], default: Option<&str>) -> RouteTable {
    RouteTable {
        id: id.to_owned(),
        vpc: "vpc-00000000000000001".to_owned(),
        main: false,
        subnets: subnets.iter().cloned().collect(),
        default: default.map(str::to_owned),
        blackhole: false,
    }
}

#[tokio::test]
async fn a_sound_launch_is_accepted_with_its_subnets_in_their_order() {
    let scene = Scene::new().await;
    let properties = scene.properties("ba");
    let (outcome, answer) = scene.create(&properties).await;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(answer["Data"]["SubnetIds"], scene.subnets("ba").join(","));
    assert_eq!(answer["Data"]["Zones"], "us-east-1a,us-east-1b");
    assert_eq!((&answer["Data"]["DroppedSubnetIds"], &answer["Data"]["Warnings"]), (&json!(""), &json!("")));
    assert_eq!(answer["PhysicalResourceId"], "launch-preflight-5b6a0f60-0f6e-11f1-9d5c-0a1b2c3d4e5f-LaunchPreflight");
    assert_eq!((&answer["StackId"], &answer["LogicalResourceId"]), (&json!(STACK), &json!("LaunchPreflight")));
    assert_eq!((outcome.reads, outcome.writes, outcome.errors), (5, 0, 0));
}

#[tokio::test]
async fn the_answer_is_put_as_the_presigned_url_was_signed() {
    let scene = Scene::new().await;
    scene.create(&scene.properties("ab")).await;
    let arrived = scene.waiting.arrived().remove(0);
    assert_eq!((arrived.method.as_str(), arrived.path.as_str()), ("PUT", PATH), "not a letter is written otherwise");
    assert_eq!(arrived.headers["content-type"], "");
    assert_eq!(arrived.headers["content-length"], arrived.body.len().to_string());
    for absent in ["transfer-encoding", "authorization", "x-amz-date", "x-amz-security-token"] {
        assert!(!arrived.headers.contains_key(absent), "{absent}: {:?}", arrived.headers);
    }
}

#[tokio::test]
async fn each_launch_that_cannot_work_is_refused_in_words_that_say_what_to_choose() {
    let mut said = String::new();
    let mut note = |what: &str, sentence: &str| writeln!(said, "{what}\n    {sentence}\n").unwrap();
    let scene = Scene::new().await;
    let with = |change: &[(&str, Value)], zones: &str| {
        let mut properties = scene.properties(zones);
        for (name, value) in change {
            properties[*name] = value.clone();
        }
        properties
    };
    let plain = scene.properties("ab");
    for (what, properties) in [
        ("one zone", scene.properties("a")),
        ("a type that there is not", with(&[("InstanceType", json!("t9.micro"))], "ab")),
        ("another VPC", with(&[("VpcId", json!("vpc-00000000000000002"))], "ab")),
        ("a subnet that there is not", with(&[("SubnetIds", json!("subnet-0123, subnet-0124"))], "ab")),
        ("a desired capacity beyond the largest", with(&[("DesiredCapacity", json!("5"))], "ab")),
        ("sizes the wrong way round", with(&[("MinSize", json!("5")), ("DesiredCapacity", json!("5"))], "ab")),
        (
            "properties that cannot be read",
            with(&[("MinSize", json!("one")), ("VpcId", json!("")), ("Subnets", json!([]))], "ab"),
        ),
    ] {
        note(what, &scene.refused(&properties).await);
    }
    scene.network(|network| {
        network.offers.get_mut("t4g.micro").unwrap().retain(|zone| !zone.ends_with(['e', 'f']));
        network.offers.get_mut("t3.micro").unwrap().clear();
        network.offers.get_mut("t4g.small").unwrap().clear();
        for name in ["t4g.nano", "m7g.micro", "m7i.micro"] {
            network.offers.insert(name.to_owned(), ["a", "e"].map(|zone| format!("{REGION}{zone}")).into());
        }
    });
    note("a zone that does not offer the type", &scene.refused(&scene.properties("ae")).await);
    let b = scene.subnets("b");
    for (what, default) in [("a NAT gateway", Some("nat-0001")), ("no route", None)] {
        scene.network(|network| network.tables.push(table("rtb-private", &b, default)));
        note(what, &scene.refused(&plain).await);
        scene.network(|network| network.tables.truncate(1));
    }
    scene.network(|network| network.tables[0].blackhole = true);
    note("a gateway that is gone", &scene.refused(&plain).await);
    scene.network(|network| network.tables[0].blackhole = false);
    scene.network(|network| network.subnets.get_mut(&b[0]).unwrap().lends_public_ip = false);
    note("no public address at launch", &scene.refused(&plain).await);
    scene.network(|network| network.subnets.get_mut(&b[0]).unwrap().ipv6_only = true);
    note("no IPv4", &scene.refused(&plain).await);
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn what_makes_up_for_a_subnet_without_public_addresses_is_seen() {
    let scene = Scene::new().await;
    let (a, properties) = (scene.subnets("a").remove(0), scene.properties("ab"));
    scene.network(|network| network.subnets.get_mut(&a).unwrap().lends_public_ip = false);
    scene.refused(&properties).await;
    // Either the launch template lends one ...
    let mut lends = properties.clone();
    lends["AssociatePublicIpAddress"] = json!("true");
    assert_eq!(scene.create(&lends).await.1["Status"], "SUCCESS");
    // ... or the VPC has an endpoint for each service.
    let services = ["ssm", "ssmmessages", "ec2messages", "codedeploy", "codedeploy-commands-secure", "s3"];
    scene.network(|network| {
        for (n, service) in services.iter().enumerate() {
            let tables = (*service == "s3").then(|| network.tables.iter().map(|table| table.id.clone()).collect());
            let endpoint = VpcEndpoint {
                service: format!("com.amazonaws.us-east-1.{service}"),
                tables,
                state: "available".to_owned(),
            };
            network.endpoints.insert(format!("vpce-{n}"), endpoint);
        }
    });
    assert_eq!(scene.create(&properties).await.1["Status"], "SUCCESS");
    scene.network(|network| network.endpoints.get_mut("vpce-3").unwrap().state = "pending".to_owned());
    assert!(scene.refused(&properties).await.contains("no endpoint for codedeploy:"));
}

#[tokio::test]
async fn unsuitable_subnets_are_left_out_where_that_is_allowed_and_two_zones_are_left() {
    let scene = Scene::new().await;
    scene.network(|network| network.offers.get_mut("t4g.micro").unwrap().retain(|zone| !zone.ends_with('e')));
    let mut properties = scene.properties("aeb");
    properties["DropUnsuitable"] = json!("true");
    let (outcome, answer) = scene.create(&properties).await;
    assert_eq!(answer["Data"]["SubnetIds"], scene.subnets("ab").join(","));
    assert_eq!(answer["Data"]["DroppedSubnetIds"], scene.subnets("e").join(","));
    let warnings = answer["Data"]["Warnings"].as_str().unwrap();
    assert!(warnings.starts_with("Left out: the subnet `subnet-") && warnings.contains("us-east-1e"), "{warnings}");
    assert_eq!(outcome.dropped.len(), 1);
    let mut properties = scene.properties("ae");
    properties["DropUnsuitable"] = json!("true");
    assert!(scene.refused(&properties).await.starts_with("Only us-east-1a is left to launch into"));
}

#[tokio::test]
async fn a_connection_that_nobody_confirmed_is_a_warning() {
    let scene = Scene::new().await;
    let mut properties = scene.properties("ab");
    properties["ConnectionArn"] = json!(CONNECTION);
    for (status, words) in [(None, "does not exist"), (Some("PENDING"), "is PENDING"), (Some("AVAILABLE"), "")] {
        if let Some(status) = status {
            lock(&scene.world.world).put_connection(CONNECTION, status);
        }
        let answer = scene.create(&properties).await.1;
        assert_eq!(answer["Status"], "SUCCESS");
        let warnings = answer["Data"]["Warnings"].as_str().unwrap();
        assert!(warnings.contains(words) && warnings.is_empty() == words.is_empty(), "{warnings}");
    }
    lock(&scene.world.world)
        .act(&Act::Permit { operation: "codeconnections:GetConnection".to_owned(), allowed: false })
        .unwrap();
    let answer = scene.create(&properties).await.1;
    assert!(answer["Data"]["Warnings"].as_str().unwrap().contains("AccessDeniedException"), "{answer}");
}

#[tokio::test]
async fn an_update_is_judged_as_a_creation_is_and_keeps_the_resources_id() {
    let scene = Scene::new().await;
    for (zones, status) in [("ab", "SUCCESS"), ("a", "FAILED")] {
        scene.waiting.arrived.lock().unwrap().clear();
        let mut request = scene.request("Update", &scene.properties(zones));
        request["PhysicalResourceId"] = json!("made-long-ago");
        request["OldResourceProperties"] = json!({});
        scene.send(request).await.unwrap();
        let answer = scene.waiting.answer();
        assert_eq!((&answer["Status"], &answer["PhysicalResourceId"]), (&json!(status), &json!("made-long-ago")));
    }
}

#[tokio::test]
async fn a_deletion_is_always_done_whatever_the_properties_and_without_a_look() {
    let scene = Scene::new().await;
    for properties in [json!({"SubnetIds": 7}), Value::Null, scene.properties("a")] {
        scene.waiting.arrived.lock().unwrap().clear();
        let mut request = scene.request("Delete", &properties);
        request["PhysicalResourceId"] = json!("launch-preflight-x");
        let outcome = scene.send(request).await.unwrap();
        let answer = scene.waiting.answer();
        assert_eq!(
            (&answer["Status"], &answer["PhysicalResourceId"]),
            (&json!("SUCCESS"), &json!("launch-preflight-x"))
        );
        assert_eq!(outcome.reads, 0);
    }
}

#[tokio::test]
async fn a_request_that_comes_twice_is_answered_twice_and_alike() {
    let scene = Scene::new().await;
    let request = scene.request("Create", &scene.properties("ab"));
    let (first, second) = tokio::join!(scene.send(request.clone()), scene.send(request));
    assert_eq!(first.unwrap().answer, second.unwrap().answer);
    let arrived = scene.waiting.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(arrived[0].body, arrived[1].body);
}

#[tokio::test]
async fn a_request_of_a_kind_that_nobody_knows_is_refused_and_answered() {
    let scene = Scene::new().await;
    scene.send(scene.request("Import", &scene.properties("ab"))).await.unwrap();
    assert_eq!(scene.waiting.answer()["Reason"], "Custom::LaunchPreflight knows no request of type `Import`.");
}

#[tokio::test]
async fn what_aws_refuses_to_show_fails_the_deployment_with_operation_code_and_request() {
    let scene = Scene::new().await;
    lock(&scene.world.world).act(&Act::Permit { operation: "ec2:DescribeSubnets".to_owned(), allowed: false }).unwrap();
    let reason = scene.refused(&scene.properties("ab")).await;
    assert!(
        reason.contains("DescribeSubnets failed: UnauthorizedOperation") && reason.contains("(request "),
        "{reason}"
    );
}

#[tokio::test]
async fn an_answer_is_sent_again_until_it_is_taken() {
    let mut scene = Scene::new().await;
    scene.waiting = Waiting::with(&[503, 500, 429]).await;
    let outcome = scene.send(scene.request("Create", &scene.properties("ab"))).await.unwrap();
    assert_eq!(outcome.answer, Some("SUCCESS"));
    let arrived = scene.waiting.arrived();
    assert_eq!(arrived.len(), 4);
    assert!(arrived.iter().all(|one| one.body == arrived[0].body));
}

/// What Lambda learns of it.
fn told(error: HandlerError) -> (String, String) {
    let diagnostic = Diagnostic::from(error);
    (diagnostic.error_type, diagnostic.error_message)
}

#[tokio::test]
async fn an_answer_that_is_refused_or_not_taken_is_an_error_that_tells_nothing_of_the_url() {
    let mut scene = Scene::new().await;
    let mut messages = Vec::new();
    scene.waiting = Waiting::with(&[403]).await;
    messages.push(told(scene.send(scene.request("Create", &scene.properties("ab"))).await.unwrap_err()));
    assert_eq!(scene.waiting.arrived().len(), 1, "what is refused for good is not sent again");
    scene.waiting = Waiting::with(&[0]).await;
    messages.push(told(send(&scene.app, scene.request("Delete", &Value::Null), 4).await.unwrap_err()));
    scene.waiting.url = format!("http://127.0.0.1:{}{PATH}", free_port().unwrap());
    messages.push(told(send(&scene.app, scene.request("Delete", &Value::Null), 4).await.unwrap_err()));
    scene.waiting.url = format!("http://example.com{PATH}");
    messages.push(told(scene.send(scene.request("Delete", &Value::Null)).await.unwrap_err()));
    let expected = ["the status 403", "no answer in time", "refused", "does not begin with `https://`"];
    for ((kind, message), words) in messages.iter().zip(expected) {
        assert_eq!(kind, "Unanswered");
        assert!(message.contains(words), "{message}");
        assert!(!message.contains("Signature") && !message.contains("secret") && !message.contains("%3A"), "{message}");
    }
    assert!(messages[0].1.contains("Create: accepted"), "{}", messages[0].1);
}

#[tokio::test]
async fn cloudformation_is_answered_before_lambda_ends_a_look_that_takes_too_long() {
    // An AWS that takes connections and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let sdk = sdk_config(&format!("http://{}", silent.local_addr().unwrap()), REGION).await;
    let app = App::new(Config::from_lookup(|_| None).unwrap(), &sdk);
    let scene = Scene::new().await;
    let outcome = send(&app, scene.request("Create", &scene.properties("ab")), 22).await.unwrap();
    let answer = scene.waiting.answer();
    assert_eq!((outcome.answer, &answer["Status"]), (Some("FAILED"), &json!("FAILED")));
    assert!(answer["Reason"].as_str().unwrap().contains("because AWS did not answer"), "{answer}");
}

#[tokio::test]
async fn nobody_is_answered_where_the_request_does_not_say_where() {
    let scene = Scene::new().await;
    for field in ["ResponseURL", "StackId", "RequestId", "LogicalResourceId"] {
        let mut request = scene.request("Create", &scene.properties("ab"));
        request[field] = json!("");
        let (kind, message) = told(scene.send(request).await.unwrap_err());
        assert_eq!(kind, "Order");
        assert!(message.contains(field), "{message}");
    }
    let (kind, message) = told(scene.send(json!({"command": "kill"})).await.unwrap_err());
    assert_eq!(kind, "Command");
    assert!(message.contains("there is no command `kill`"), "{message}");
    assert!(scene.waiting.arrived().is_empty());
}

/// A fleet that takes part in the chaos, with all that stands around it.
fn fleet() -> FleetSpec {
    let tags = [("fleet", "web"), ("chaos", "on"), ("stop-alarms", "web-5xx"), ("pipeline", "web")];
    let tags = tags.map(|(key, value)| (format!("lethargic-panda:{key}"), value.to_owned())).into();
    FleetSpec {
        groups: vec![GroupSpec { tags, ..GroupSpec::default() }],
        alarms: vec![AlarmSpec { name: "web-5xx".to_owned(), rule: None, state: AlarmState::Ok }],
        pipelines: vec!["web".to_owned()],
        ..FleetSpec::default()
    }
}

#[tokio::test]
async fn of_a_sound_fleet_only_the_missing_alarm_is_noted() {
    let scene = Scene::of(&fleet()).await;
    let outcome = scene.check().await;
    let findings = &outcome.fleets[0].findings;
    let [only] = findings.as_slice() else { panic!("{findings:#?}") };
    assert_eq!(only.code, "no-status-alarm");
    assert_eq!((outcome.summary.as_str(), outcome.errors, outcome.writes), ("web: 1 note", 0, 0));
}

#[tokio::test]
async fn every_fleet_is_looked_at_where_none_is_named() {
    let scene = Scene::of(&fleet()).await;
    let other = FleetSpec {
        name: "shop".to_owned(),
        addresses: vec!["203.0.113.20".to_owned()],
        groups: vec![GroupSpec {
            name: "shop".to_owned(),
            desired: 1,
            tags: [("lethargic-panda:fleet".to_owned(), "shop".to_owned())].into(),
            ..GroupSpec::default()
        }],
        ..FleetSpec::default()
    };
    lock(&scene.world.world).found_fleet(&other);
    let outcome = scene.send(json!({"command": "check"})).await.unwrap();
    let fleets: Vec<&str> = outcome.fleets.iter().map(|report| report.fleet.as_str()).collect();
    assert_eq!(fleets, ["shop", "web"]);
    assert_eq!(outcome.summary, "shop: 2 notes. web: 1 note");
}

#[tokio::test]
async fn a_fleet_that_nobody_tagged_is_found_by_its_groups_name() {
    let mut spec = FleetSpec { tagged: false, ..fleet() };
    spec.groups[0].tags.remove("lethargic-panda:fleet");
    let scene = Scene::of(&spec).await;
    assert_eq!(scene.found().await, ["fleet-tag", "no-address", "no-status-alarm"]);
    let nobody = scene.send(json!({"command": "check", "fleet": "nobody"})).await.unwrap();
    let codes: Vec<&str> = nobody.fleets[0].findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["no-address", "no-group"]);
    let none = scene.send(json!({"command": "check"})).await.unwrap();
    assert_eq!(none.summary, "No Auto Scaling group and no Elastic IP carries the tag `lethargic-panda:fleet`");
}

#[tokio::test]
async fn what_people_did_to_a_fleet_is_found_with_the_command_that_mends_it() {
    let mut spec = fleet();
    let group = &mut spec.groups[0];
    group.hooks = vec![HookSpec { heartbeat_seconds: 120, ..HookSpec::terminate("elastic-ip-terminate") }];
    group.suspended = vec!["ReplaceUnhealthy".to_owned()];
    group.unoffered_zones = vec!["us-east-1b".to_owned()];
    group.tags.insert("lethargic-panda:max-kills".to_owned(), "1".to_owned());
    spec.alarms.clear();
    spec.associated = false;
    let scene = Scene::of(&spec).await;
    {
        let mut world = lock(&scene.world.world);
        world.put_pipeline_source("web", CONNECTION);
        world.put_connection(CONNECTION, "PENDING");
        let steal = "#!/bin/sh\naws ec2 associate-address --allocation-id eipalloc-1 --instance-id $ID";
        world.network_mut().user_data.insert("web".to_owned(), steal.to_owned());
    }
    let outcome = scene.check().await;
    let findings = &outcome.fleets[0].findings;
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    let expected = [
        "address-elsewhere",
        "no-stop-alarm",
        "suspended",
        "takes-addresses",
        "type-not-offered",
        "connection-unconfirmed",
        "short-heartbeat",
        "unknown-tag",
        "no-status-alarm",
    ];
    assert_eq!(codes, expected, "{findings:#?}");
    let mend = |code: &str| findings.iter().find(|finding| finding.code == code).unwrap().mend.clone().unwrap();
    assert_eq!(
        mend("short-heartbeat"),
        "aws autoscaling put-lifecycle-hook --auto-scaling-group-name web --lifecycle-hook-name elastic-ip-terminate --lifecycle-transition \
         autoscaling:EC2_INSTANCE_TERMINATING --heartbeat-timeout 300 --default-result CONTINUE"
    );
    assert_eq!(
        mend("suspended"),
        "aws autoscaling resume-processes --auto-scaling-group-name web --scaling-processes ReplaceUnhealthy"
    );
    assert!(mend("address-elsewhere").starts_with("aws ec2 associate-address --allocation-id eipalloc-"));
    assert_eq!(outcome.errors, 5);
}

#[tokio::test]
async fn what_cannot_be_looked_at_is_said_and_the_rest_is_looked_at_all_the_same() {
    let scene = Scene::of(&fleet()).await;
    for operation in ["ssm:DescribeInstanceInformation", "cloudwatch:DescribeAlarmsForMetric", "ec2:DescribeSubnets"] {
        lock(&scene.world.world).act(&Act::Permit { operation: operation.to_owned(), allowed: false }).unwrap();
    }
    assert_eq!(scene.found().await, ["unseen", "unseen", "unseen"]);
    lock(&scene.world.world)
        .act(&Act::Permit { operation: "autoscaling:DescribeAutoScalingGroups".to_owned(), allowed: false })
        .unwrap();
    let error = scene.send(json!({"command": "check"})).await.unwrap_err();
    assert_eq!(told(error).0, "DescribeAutoScalingGroups.Unauthorized");
}

#[tokio::test]
async fn its_role_has_no_permission_that_nobody_needs() {
    let scene = Scene::of(&fleet()).await;
    {
        let mut world = lock(&scene.world.world);
        world.put_pipeline_source("web", CONNECTION);
        world.put_connection(CONNECTION, "AVAILABLE");
        world.network_mut().subnets.values_mut().for_each(|subnet| subnet.lends_public_ip = false);
    }
    scene.refused(&scene.properties("ab")).await;
    scene.check().await;
    {
        let mut world = lock(&scene.world.world);
        world.put_pipeline_source("web", OLD_CONNECTION);
        world.put_connection(OLD_CONNECTION, "AVAILABLE");
    }
    scene.check().await;
    let used = lock(&scene.world.world).used_permissions(FUNCTION);
    assert_eq!(unaccounted(FUNCTION, &used, &[]), Vec::<String>::new());
    assert_eq!(lock(&scene.world.world).refused_by_roles(), &[] as &[String]);
}

#[tokio::test]
async fn a_subnet_of_another_vpc_is_told_with_its_own() {
    let scene = Scene::new().await;
    scene.network(|network| {
        let subnet = Subnet {
            vpc: "vpc-other".to_owned(),
            zone: "us-east-1a".to_owned(),
            lends_public_ip: true,
            ipv6_only: false,
            free: 10,
        };
        network.subnets.insert("subnet-other".to_owned(), subnet);
    });
    let mut properties = scene.properties("ab");
    properties["SubnetIds"] = json!(["subnet-other", scene.subnets("b")[0]]);
    let reason = scene.refused(&properties).await;
    assert!(reason.contains("`subnet-other` belongs to `vpc-other`, not to `vpc-00000000000000001`"), "{reason}");
}
