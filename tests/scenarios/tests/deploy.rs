//! Does the template deploy as it is, and do events reach the binary by its rules?
//!
//! Each test deploys with `sam deploy` to a ministack of its own, with the binaries of this build; the functions find a world as EC2 and
//! Auto Scaling.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{net::TcpStream, sync::Arc, time::Duration};

use jiff::Timestamp;
use panda_scenarios::{
    emulator::{HttpWorld, boto3, site},
    golden, goldens,
    template::Template,
};
use panda_stage::{
    deploy::{LocalDeployment, REGION, deploy_local},
    serve::{
        clock::{Clock, drive},
        delivery::{Courier, Notice},
        endpoint::{Deployed, sdk_config},
    },
};
use panda_world::{Act, FleetSpec, SharedWorld, Timing, World, lock};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

/// Cold starts, three attempts with the function's own retries in each, on a machine that also compiles: well below this.
const PATIENCE: Duration = Duration::from_secs(90);

async fn deploy(world: &str) -> LocalDeployment {
    let parameters = [("SettleSeconds", "1"), ("SweepState", "DISABLED")];
    deploy_local(&site(), world, &parameters).await.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_is_deployed_is_the_template_but_for_where_the_code_is() {
    let folder = tempfile::tempdir().unwrap();
    let built = site().built_template(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let (built, source) = (std::fs::read_to_string(built).unwrap(), Template::read().text);
    assert_eq!(built.lines().count(), source.lines().count());
    for (built, source) in built.lines().zip(source.lines()).filter(|(built, source)| built != source) {
        let code = source.trim().strip_prefix("CodeUri: functions/").unwrap_or_else(|| panic!("changed: {source}"));
        assert_eq!(built.trim(), format!("CodeUri: {}", code.trim_end_matches('/')));
        assert!(folder.path().join(code).join("bootstrap").is_file());
    }
}

#[tokio::test]
async fn a_killed_holders_address_follows_the_living_member_by_the_deployed_rules() {
    let mut world = World::new(11, Timestamp::now(), Timing::brisk());
    world.found_fleet(&FleetSpec::default());
    let address = FleetSpec::default().addresses[0].clone();
    let killed = world.holder_of(&address).unwrap().to_owned();
    let clock = Clock::start(world.now(), 1.0);
    let served = HttpWorld::serve(world);
    let deployed = deploy(&served.endpoint()).await;

    let (notices, mut heard) = mpsc::unbounded_channel();
    let endpoint = Deployed::new(&sdk_config(&deployed.endpoint(), REGION).await);
    let courier = Arc::new(Courier::new(Arc::new(endpoint), notices));
    courier.refresh().await.unwrap();
    let driver = tokio::spawn(drive(SharedWorld::clone(&served.world), clock, move |_, events| {
        for event in events {
            let courier = Arc::clone(&courier);
            tokio::spawn(async move { courier.deliver(event).await });
        }
    }));

    lock(&served.world).act(&Act::Terminate { instance: killed.clone() }).unwrap();
    let holder = || lock(&served.world).holder_of(&address).map(str::to_owned).filter(|holder| *holder != killed);
    let patience = Instant::now() + PATIENCE;
    while holder().is_none() {
        assert!(
            Instant::now() < patience,
            "the address stayed; what ministack and the function said:\n{}",
            deployed.log().unwrap()
        );
        sleep(Duration::from_millis(50)).await;
    }
    driver.abort();

    let told_of_the_death = |notice: &Notice| {
        matches!(notice, Notice::Delivered { event, .. }
            if event["detail"]["instance-id"] == json!(killed) && event["detail"]["state"] == "shutting-down")
    };
    let notices: Vec<Notice> = std::iter::from_fn(|| heard.try_recv().ok()).collect();
    assert!(notices.iter().any(told_of_the_death), "{notices:?}");
    let new = holder().unwrap();
    assert!(lock(&served.world).instance(&new).is_some(), "{new} is an instance of the world");
}

#[tokio::test]
async fn an_event_that_fails_at_every_attempt_ends_whole_in_the_failure_queue() {
    // Nobody listens on the discard port: every call of the function is refused a connection.
    let deployed = deploy("http://127.0.0.1:9").await;
    let event = golden("ec2-instance-state-change-notification-shutting-down");
    let script = format!(
        r#"
event = json.loads({text:?})
lambda_, sqs = client("lambda"), client("sqs")
function = lambda_.list_functions()["Functions"][0]["FunctionName"]
lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event))
queue = sqs.list_queues()["QueueUrls"][0]
for _ in range({seconds} // 5):
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages")
    if messages:
        break
answer(json.loads(messages[0]["Body"]))
"#,
        text = event.to_string(),
        seconds = PATIENCE.as_secs(),
    );
    let endpoint = deployed.endpoint();
    let message = tokio::task::spawn_blocking(move || boto3(&endpoint, &script)).await.unwrap();
    assert_eq!(message["requestPayload"], event);
    assert_eq!(message["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(message["requestContext"]["approximateInvokeCount"], 3);
    let error = message["responsePayload"]["errorType"].as_str().unwrap_or_default();
    assert!(error.ends_with(".Unreachable"), "an error type that an alarm can look for, not {error}");
}

#[tokio::test]
async fn the_deployed_rules_match_what_the_template_says() {
    let deployed = deploy("http://127.0.0.1:9").await;
    let template = Template::read();
    let names = goldens();
    let events: Vec<Value> = names.iter().map(|name| golden(name)).collect();
    let script = format!(
        r#"
rules = client("events")
events = json.loads({text:?})
def name(rule):
    target, = rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["DeadLetterConfig"]["Arn"].split(":")[2] == "sqs", target
    return target["Id"].removeprefix("ElasticIpFailoverFunction").removesuffix("LambdaTarget")
listed = rules.list_rules()["Rules"]
names = {{name(rule): rule for rule in listed}}
def matches(rule, event):
    return "EventPattern" in rule and rules.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]
answer({{
    "states": {{name: rule["State"] for name, rule in names.items()}},
    "matches": [sorted(name for name, rule in names.items() if matches(rule, event)) for event in events],
}})
"#,
        text = json!(events).to_string(),
    );
    let endpoint = deployed.endpoint();
    let answer = tokio::task::spawn_blocking(move || boto3(&endpoint, &script)).await.unwrap();
    for (position, (name, event)) in names.iter().zip(&events).enumerate() {
        assert_eq!(answer["matches"][position], json!(template.rules_that_match(event)), "{name}");
    }
    for rule in template.rules() {
        let state = if rule.name == "Sweep" { "DISABLED" } else { "ENABLED" };
        assert_eq!(answer["states"][&rule.name], state, "{}", rule.name);
    }
    // And nothing is left running.
    let address = deployed.endpoint().trim_start_matches("http://").to_owned();
    assert!(TcpStream::connect(&address).is_ok());
    drop(deployed);
    // Killed is killed, but the system may take a moment to close what was open.
    let patience = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < patience, "ministack outlived its deployment");
        sleep(Duration::from_millis(20)).await;
    }
}
