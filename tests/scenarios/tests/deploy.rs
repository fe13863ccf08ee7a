//! Does the template deploy as it is, and do events reach the binary by its rules?
//!
//! Each test deploys with `sam deploy` to a ministack of its own, with the binaries of this build; the functions find a world as EC2,
//! Auto Scaling and the others that ministack cannot play.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    collections::BTreeSet,
    net::TcpStream,
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use panda_scenarios::{
    emulator::{HttpWorld, boto3, site},
    golden, goldens, root,
    template::Template,
};
use panda_stage::{
    deploy::{LEFT_OUT, LocalDeployment, REGION, STACK, deploy_local},
    serve::{
        clock::drive,
        delivery::{Courier, Notice},
        endpoint::{Deployed, sdk_config},
    },
    tether::without_account,
};
use panda_world::{Act, FleetSpec, GroupSpec, SharedWorld, Timing, World, http::LiveClock, lock};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};

/// Cold starts, three attempts with the function's own retries in each, on a machine that also compiles: well below this.
const PATIENCE: Duration = Duration::from_secs(90);

async fn deploy(world: &str) -> LocalDeployment {
    let parameters = [("SettleSeconds", "1"), ("SweepState", "DISABLED"), ("PandaScheduleState", "DISABLED")];
    deploy_local(&site(), world, &parameters).await.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn what_is_deployed_is_the_template_but_for_where_the_code_is_and_what_ministack_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let built = site().built_template(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    let built = std::fs::read_to_string(built).unwrap();
    let source = Template::read();
    // Line by line: what is missing is a stretch of the source, and what differs is a path or a name.
    let mut rest = source.text.lines();
    for built in built.lines() {
        let same = |source: &str| {
            let named = LEFT_OUT.iter().fold(source.to_owned(), |line, name| {
                line.replace(&format!("${{{name}}}"), name).replace(&format!("!Ref {name}"), name)
            });
            match source.trim().strip_prefix("CodeUri: functions/") {
                Some(code) => built.trim() == format!("CodeUri: {}", code.trim_end_matches('/')),
                None => built == named,
            }
        };
        assert!(rest.any(same), "not in the template: {built}");
    }
    let built = Template::parse(built);
    let resources = |template: &Template| -> BTreeSet<String> {
        template.document["Resources"].as_object().unwrap().keys().cloned().collect()
    };
    let left_out: BTreeSet<String> = resources(&source).difference(&resources(&built)).cloned().collect();
    assert_eq!(left_out, LEFT_OUT.iter().map(|name| (*name).to_owned()).collect());
    for name in LEFT_OUT {
        for reference in [format!("\"Ref\":\"{name}\""), format!("${{{name}"), format!("\"Fn::GetAtt\":[\"{name}\"")] {
            assert!(!built.document.to_string().contains(&reference), "{reference} refers to nothing");
        }
    }
    for part in ["Parameters", "Conditions", "Mappings", "Globals", "Outputs"] {
        assert_eq!(built.document[part], source.document[part], "{part}");
    }
    for (_, function) in built.functions() {
        let code = function["Properties"]["CodeUri"].as_str().unwrap();
        assert!(folder.path().join(code).join("bootstrap").is_file(), "{code}");
    }
}

/// Lets the world's time run, and delivers its events by the deployed rules.
async fn enact(
    served: &HttpWorld,
    deployed: &LocalDeployment,
    clock: LiveClock,
) -> (JoinHandle<()>, mpsc::UnboundedReceiver<Notice>) {
    let (notices, heard) = mpsc::unbounded_channel();
    let endpoint = Deployed::new(&sdk_config(&deployed.endpoint(), REGION).await);
    let courier = Arc::new(Courier::new(Arc::new(endpoint), notices));
    courier.refresh().await.unwrap();
    let driver = tokio::spawn(drive(SharedWorld::clone(&served.world), clock, move |_, events| {
        for event in events {
            let courier = Arc::clone(&courier);
            tokio::spawn(async move { courier.deliver(event).await });
        }
    }));
    (driver, heard)
}

#[tokio::test]
async fn a_killed_holders_address_follows_the_living_member_by_the_deployed_rules() {
    let mut world = World::new(11, Timestamp::now(), Timing::brisk());
    world.found_fleet(&FleetSpec::default());
    let address = FleetSpec::default().addresses[0].clone();
    let killed = world.holder_of(&address).unwrap().to_owned();
    let clock = LiveClock::start(&world, 1.0);
    let served = HttpWorld::serve(world);
    let deployed = deploy(&served.endpoint()).await;

    let (driver, mut heard) = enact(&served, &deployed, clock).await;

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
function, = [name["FunctionName"] for name in lambda_.list_functions()["Functions"] if "ElasticIpFailover" in name["FunctionName"]]
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
import re
rules = client("events")
events = json.loads({text:?})
def name(rule):
    target, = rules.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["DeadLetterConfig"]["Arn"].split(":")[2] == "sqs", target
    function = re.match("[A-Z][A-Za-z]*?Function", target["Id"])[0]
    return target["Id"].removeprefix(function).removesuffix("LambdaTarget")
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

/// What the deployed panda has logged, once it has run; both of what a person reads and of what Lambda adds.
const PANDA_LOG: &str = r#"
def panda_log():
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        if group["logGroupName"].endswith("-panda"):
            for stream in logs.describe_log_streams(logGroupName=group["logGroupName"])["logStreams"]:
                events = logs.get_log_events(logGroupName=group["logGroupName"], logStreamName=stream["logStreamName"])["events"]
                yield from (event["message"] for event in events)
"#;

#[tokio::test]
async fn the_schedule_wakes_the_panda_with_a_tick() {
    let served = HttpWorld::serve(World::new(3, Timestamp::now(), Timing::brisk()));
    let parameters = [("SweepState", "DISABLED"), ("PandaTickMinutes", "30")];
    let deployed =
        deploy_local(&site(), &served.endpoint(), &parameters).await.unwrap_or_else(|error| panic!("{error}"));
    // The next half hour is far; the same schedule for this moment is not.
    let script = format!(
        r#"
import time
{PANDA_LOG}
scheduler = client("scheduler")
listed, = scheduler.list_schedules()["Schedules"]
schedule = scheduler.get_schedule(Name=listed["Name"])
before = {{key: schedule[key] for key in ("ScheduleExpression", "State", "Target", "FlexibleTimeWindow")}}
# A copy: of a schedule that it has looked at, ministack never fires an `at`.
now = "at(" + time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ")"
scheduler.create_schedule(**dict(before, Name="at-once", ScheduleExpression=now))
deadline = time.monotonic() + {seconds}
while not any("REPORT" in line for line in panda_log()) and time.monotonic() < deadline:
    time.sleep(0.5)
answer({{"schedule": before, "log": list(panda_log())}})
"#,
        seconds = PATIENCE.as_secs(),
    );
    let endpoint = deployed.endpoint();
    let answer = tokio::task::spawn_blocking(move || boto3(&endpoint, &script)).await.unwrap();
    let schedule = &answer["schedule"];
    assert_eq!(schedule["State"], "ENABLED");
    assert_eq!(schedule["ScheduleExpression"], "cron(0/30 * * * ? *)");
    assert_eq!(schedule["FlexibleTimeWindow"]["Mode"], "OFF");
    assert_eq!(schedule["Target"]["Input"], r#"{"command":"tick"}"#);
    assert_eq!(schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 0);
    let log = answer["log"].to_string();
    assert!(log.contains("tick") && !log.contains(r#"\"level\":\"ERROR\""#), "the panda said: {log}");
}

/// Runs a target of the Makefile against a deployment. What is said goes into the environment or the command line as a person would write it.
fn make(endpoint: &str, arguments: &[&str]) -> Output {
    without_account("make".as_ref())
        .current_dir(root())
        .args(["--no-print-directory", &format!("STACK={STACK}")])
        .args(arguments)
        .env("AWS_ENDPOINT_URL", endpoint)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[tokio::test]
async fn people_speak_to_the_panda_by_make_and_their_words_arrive_as_they_are() {
    let served = HttpWorld::serve(World::new(4, Timestamp::now(), Timing::brisk()));
    let deployed = deploy(&served.endpoint()).await;
    let endpoint = deployed.endpoint();
    tokio::task::spawn_blocking(move || {
        let said = |arguments: &[&str]| {
            let output = make(&endpoint, arguments);
            let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            (output.status.success(), text)
        };
        let (went, text) = said(&["preview"]);
        assert!(went && !text.trim().is_empty(), "{text}");

        let folder = tempfile::tempdir().unwrap();
        let trap = folder.path().join("trap");
        let reason = format!(
            "it's a \"day\"; $(shell touch {0}) $(touch {0}) `touch {0}` $HOME costs $5, 50 % \\n # & | > grün",
            trap.display()
        );
        let (went, text) = said(&["disarm", &format!("REASON={reason}")]);
        assert!(went, "{text}");
        assert!(!trap.exists(), "somebody ran what was only said");
        let journal = r#"
dynamodb = client("dynamodb")
table, = [name for name in dynamodb.list_tables()["TableNames"] if "PandaJournal" in name]
items = dynamodb.query(TableName=table, ConsistentRead=True, KeyConditionExpression="pk = :now", ExpressionAttributeValues={":now": {"S": "now"}})["Items"]
answer(items)
"#;
        let now = boto3(&endpoint, journal);
        let [lever] = now.as_array().unwrap().as_slice() else { panic!("one brake is on: {now}") };
        assert_eq!(lever["sk"]["S"], "lever");
        assert!(lever.to_string().contains(&json!(reason).to_string()), "{lever}");

        let (went, text) = said(&["arm", "REASON=over"]);
        assert!(went, "{text}");
        assert_eq!(boto3(&endpoint, journal), json!([]));

        let (went, text) = said(&["history", "DAYS=7"]);
        assert!(went, "{text}");
        for (incomplete, why) in [
            (vec!["kill", "FLEET=web"], "make kill needs REASON"),
            (vec!["kill", "REASON=game day"], "make kill needs FLEET"),
            (vec!["disarm"], "make disarm needs REASON"),
            (vec!["history", "DAYS=a week"], "DAYS is 'a week'"),
            (vec!["history", "DAYS=9999"], "The panda refused"),
            (vec!["preview", "STACK=nowhere"], "could not be asked"),
        ] {
            let (went, text) = said(&incomplete);
            assert!(!went && text.contains(why), "{incomplete:?}: {text}");
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_kill_that_people_order_is_done_watched_and_remembered() {
    let tags = [("lethargic-panda:chaos", "on"), ("lethargic-panda:victim", "holder")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let spec = FleetSpec { groups: vec![GroupSpec { tags, ..GroupSpec::default() }], ..FleetSpec::default() };
    let mut world = World::new(12, Timestamp::now(), Timing::brisk());
    world.found_fleet(&spec);
    let holder = world.holder_of(&spec.addresses[0]).unwrap().to_owned();
    let clock = LiveClock::start(&world, 1.0);
    let served = HttpWorld::serve(world);
    let parameters = [
        ("SettleSeconds", "1"),
        ("SweepState", "DISABLED"),
        ("PandaScheduleState", "DISABLED"),
        ("PandaMode", "Unleashed"),
        ("PandaWindow", "Mon-Sun 00:00-24:00"),
        ("PandaMinInstanceAgeMinutes", "0"),
    ];
    let deployed =
        deploy_local(&site(), &served.endpoint(), &parameters).await.unwrap_or_else(|error| panic!("{error}"));
    let (driver, _heard) = enact(&served, &deployed, clock).await;
    let endpoint = deployed.endpoint();
    let (kill, history, again) = tokio::task::spawn_blocking(move || {
        let kill = make(&endpoint, &["kill", "FLEET=web", "REASON=game day", "FAULT=terminate"]);
        let history = make(&endpoint, &["history", "ARGS=--json"]);
        let again = make(&endpoint, &["kill", "FLEET=web", "REASON=once more", "ARGS=--json"]);
        (kill, history, again)
    })
    .await
    .unwrap();
    driver.abort();

    let (said, complained) = (String::from_utf8_lossy(&kill.stdout), String::from_utf8_lossy(&kill.stderr));
    assert!(kill.status.success(), "{said}{complained}\n{}", deployed.log().unwrap());
    assert!(said.contains("survived") && said.contains(&holder), "{said}{complained}");
    let history: Value = serde_json::from_slice(&history.stdout).unwrap();
    let experiment = &history["experiments"][0];
    assert_eq!(experiment["outcome"]["verdict"], "survived");
    assert_eq!(experiment["victims"][0]["instance"], json!(holder));
    assert_eq!(experiment["outcome"]["moves"][0]["public_ip"], json!(spec.addresses[0]));
    let now = lock(&served.world).holder_of(&spec.addresses[0]).unwrap().to_owned();
    assert_ne!(now, holder, "the address is on a living server");
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["groups"][0]["code"], "minimum-days", "{again}");
}
