//! The real handler with real SDK clients against the simulated AWS: what it costs, and what it says when the set-up is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{collections::BTreeSet, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::http::HttpClient;
use aws_types::{SdkConfig, region::Region};
use elastic_ip_failover::{App, Config, HandlerError, Outcome, handle};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use panda_world::{Act, ApiRequest, FleetSpec, GroupSpec, Kind, REGION, Timing, World, in_process::Theatre};
use serde_json::{Value, json};

use self::refusing::How;

struct Scene {
    theatre: Theatre,
    app: App,
}

impl Scene {
    fn of(fleets: &[FleetSpec]) -> Self {
        let mut world = World::new(7, "2026-05-07T09:00:00Z".parse().unwrap(), Timing::default());
        for fleet in fleets {
            world.found_fleet(fleet);
        }
        let theatre = Theatre::new(world);
        let app = app(&theatre, theatre.http_client("function"));
        Self { theatre, app }
    }

    async fn wake(&self, event: Value) -> Result<Outcome, HandlerError> {
        let mut context = Context::default();
        context.deadline = u64::try_from(self.theatre.now().as_millisecond()).unwrap() + 60_000;
        handle(&self.app, LambdaEvent::new(event, context)).await
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.theatre.with(|_| ());
    }

    fn act(&self, act: &Act) {
        self.theatre.with(|world| world.act(act)).unwrap();
    }

    fn holder(&self) -> String {
        self.theatre.with(|world| world.holder_of("203.0.113.10").map(str::to_owned)).unwrap()
    }

    fn member(&self) -> String {
        let holder = self.holder();
        self.theatre
            .with(|world| world.instances().find(|instance| instance.id != holder).map(|instance| instance.id.clone()))
            .unwrap()
    }

    fn call(&self, body: &str) -> String {
        self.theatre.with(|world| world.call(&ApiRequest::parse("operator", body.as_bytes()))).body
    }

    /// The operations of the function, in order, since the scene began.
    fn operations(&self) -> Vec<String> {
        let calls = |kind: &Kind| match kind {
            Kind::Call { caller, operation, .. } if caller == "function" => Some(operation.clone()),
            _ => None,
        };
        self.theatre.with(|world| world.journal().iter().filter_map(|entry| calls(&entry.kind)).collect())
    }
}

/// The function over this HTTP client, with the SDK set up as in Lambda.
fn app(theatre: &Theatre, client: impl HttpClient + 'static) -> App {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(client)
        .time_source(theatre.time_source())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(panda_aws::retries())
        .timeout_config(panda_aws::timeouts())
        .build();
    App::new(Config::from_lookup(|_| None).unwrap(), &sdk)
}

fn state_change(instance: &str, state: &str) -> Value {
    json!({
        "id": "1", "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "time": "2026-05-07T09:00:00Z", "detail": {"instance-id": instance, "state": state},
    })
}

fn sweep() -> Value {
    json!({"id": "2", "source": "aws.events", "detail-type": "Scheduled Event", "time": "", "detail": {}})
}

fn writes(operations: &[String]) -> Vec<&str> {
    operations.iter().map(String::as_str).filter(|operation| !operation.starts_with("Describe")).collect()
}

/// A fleet of its own name, with its own address.
fn numbered(number: u8) -> FleetSpec {
    let name = format!("web-{number}");
    FleetSpec {
        addresses: vec![format!("203.0.113.{}", 10 + number)],
        groups: vec![GroupSpec { name: name.clone(), ..GroupSpec::default() }],
        name,
        ..FleetSpec::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_death_among_more_groups_than_a_page_holds_is_not_worth_reading_them_all() {
    // Auto Scaling lists a hundred groups on a page.
    let scene = Scene::of(&(0..120).map(numbered).collect::<Vec<_>>());
    let mut pages = Vec::new();
    for number in [0, 77] {
        let before = scene.operations().len();
        let holder = |world: &mut World| world.holder_of(&format!("203.0.113.{}", 10 + number)).map(str::to_owned);
        let dead = scene.theatre.with(holder).unwrap();
        scene.act(&Act::Terminate { instance: dead.clone() });
        scene.wake(state_change(&dead, "shutting-down")).await.unwrap();
        let operations = scene.operations().split_off(before);
        let first = operations.iter().position(|operation| operation == "AssociateAddress").expect("a move");
        pages.push(operations[..first].iter().filter(|operation| *operation == "DescribeAutoScalingGroups").count());
        assert_ne!(scene.theatre.with(holder), Some(dead));
    }
    // The first page tells that there are more; from then on only the one fleet is read.
    assert_eq!(pages, [2, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_groups_hooks_are_read_once_for_all_looks_at_an_instance_that_leaves() {
    let scene = Scene::of(&[FleetSpec::default()]);
    let leaving = scene.holder();
    scene.act(&Act::TerminateInGroup { instance: leaving.clone(), decrement: false });
    scene.pass(3).await;
    for _ in 0..2 {
        scene
            .wake(json!({
                "id": "3", "source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action",
                "time": "2026-05-07T09:00:03Z",
                "detail": {
                    "AutoScalingGroupName": "web", "EC2InstanceId": leaving, "LifecycleHookName": "elastic-ip-terminate",
                    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING", "LifecycleActionToken": "token",
                },
            }))
            .await
            .unwrap();
    }
    let operations = scene.operations();
    assert!(operations.iter().any(|operation| operation == "CompleteLifecycleAction"), "{operations:?}");
    let read = operations.iter().filter(|operation| *operation == "DescribeLifecycleHooks").count();
    assert_eq!(read, 1, "{operations:?}");
}

#[tokio::test(start_paused = true)]
async fn a_holders_death_costs_at_most_three_reads_before_its_one_write() {
    for warm in [false, true] {
        let scene = Scene::of(&[FleetSpec::default()]);
        if warm {
            scene.wake(sweep()).await.unwrap();
        }
        let before = scene.operations().len();
        let (dead, spare) = (scene.holder(), scene.member());
        scene.act(&Act::Terminate { instance: dead.clone() });
        let outcome = scene.wake(state_change(&dead, "shutting-down")).await.unwrap();
        let operations = scene.operations().split_off(before);
        let write = operations.iter().position(|operation| operation == "AssociateAddress").expect("a move");
        assert!(write <= 3, "warm {warm}: {operations:?}");
        assert_eq!(writes(&operations), ["AssociateAddress", "SetInstanceHealth"], "warm {warm}");
        assert_eq!(scene.holder(), spare);
        assert_eq!(outcome.fleets[0].moves[0].to, spare);
        assert!(
            outcome.summary.contains(&format!("from `{dead}` to `{spare}` because its holder is terminated")),
            "{outcome:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_word_of_a_death_leaves_the_address_with_its_holder_in_a_group_that_joined_meanwhile() {
    let green = FleetSpec {
        name: "green".into(),
        addresses: Vec::new(),
        groups: vec![GroupSpec { name: "green".into(), ..GroupSpec::default() }],
        tagged: false,
        ..FleetSpec::default()
    };
    let scene = Scene::of(&[FleetSpec::default(), green]);
    scene.wake(sweep()).await.unwrap();
    let dead = scene.holder();
    let joined = scene.theatre.with(|world| world.group("green").unwrap().members.keys().next().unwrap().clone());
    scene.act(&Act::TagGroup { group: "green".into(), key: "lethargic-panda:fleet".into(), value: Some("web".into()) });
    scene.act(&Act::Terminate { instance: dead.clone() });
    scene.act(&Act::Associate { public_ip: "203.0.113.10".into(), instance: joined.clone() });
    // A member of the group that is known serves, and could take the address.
    scene.wake(state_change(&dead, "shutting-down")).await.unwrap();
    assert_eq!(scene.holder(), joined);
    assert_eq!(writes(&scene.operations()), ["SetInstanceHealth"]);
}

/// Two members in each of two zones.
fn wide() -> FleetSpec {
    FleetSpec { groups: vec![GroupSpec { desired: 4, ..GroupSpec::default() }], ..FleetSpec::default() }
}

impl Scene {
    fn zone_of(&self, instance: &str) -> String {
        self.theatre.with(|world| world.instance(instance).unwrap().zone.clone())
    }

    fn zones(&self) -> BTreeSet<String> {
        self.theatre.with(|world| world.instances().map(|instance| instance.zone.clone()).collect())
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_leaves_the_zone_that_ec2_does_not_answer_for_and_it_is_said_why() {
    for warm in [false, true] {
        let scene = Scene::of(&[wide(), numbered(1)]);
        if warm {
            scene.wake(sweep()).await.unwrap();
        }
        let lost = scene.zone_of(&scene.holder());
        scene.act(&Act::LoseZone { zone: lost.clone(), silent: true });
        let outcome = scene.wake(sweep()).await.unwrap();
        for ip in ["203.0.113.10", "203.0.113.11"] {
            let holder = scene.theatre.with(|world| world.holder_of(ip).map(str::to_owned)).unwrap();
            assert_ne!(scene.zone_of(&holder), lost, "{ip}, warm {warm}");
        }
        for word in ["because its holder is in us-east-1", "EC2 does not answer for us-east-1"] {
            assert!(outcome.summary.contains(word), "{word} in {}", outcome.summary);
        }
        let before = scene.operations().len();
        scene.wake(sweep()).await.unwrap();
        assert_eq!(writes(&scene.operations().split_off(before)), Vec::<&str>::new(), "warm {warm}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_death_outside_the_zone_that_ec2_does_not_answer_for_moves_the_address_within_the_other_one() {
    for warm in [false, true] {
        let scene = Scene::of(&[wide()]);
        if warm {
            scene.wake(sweep()).await.unwrap();
        }
        let dead = scene.holder();
        let zone = scene.zone_of(&dead);
        for lost in scene.zones().into_iter().filter(|other| *other != zone) {
            scene.act(&Act::LoseZone { zone: lost, silent: true });
        }
        scene.act(&Act::Terminate { instance: dead.clone() });
        scene.wake(state_change(&dead, "shutting-down")).await.unwrap();
        assert_ne!(scene.holder(), dead, "warm {warm}");
        assert_eq!(scene.zone_of(&scene.holder()), zone, "warm {warm}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_ec2_answers_for_no_zone_nothing_moves_and_the_event_is_handled_again() {
    let scene = Scene::of(&[wide()]);
    let holder = scene.holder();
    for zone in scene.zones() {
        scene.act(&Act::LoseZone { zone, silent: true });
    }
    let error = scene.wake(sweep()).await.unwrap_err();
    assert_eq!(Diagnostic::from(error).error_type, "DescribeInstances.Unreachable");
    assert_eq!(scene.holder(), holder);
}

#[tokio::test(start_paused = true)]
async fn a_state_change_that_concerns_no_fleet_costs_two_reads_and_no_write() {
    let scene = Scene::of(&[FleetSpec::default()]);
    for state in ["shutting-down", "stopped", "running"] {
        let before = scene.operations().len();
        let outcome = scene.wake(state_change("i-0stranger", state)).await.unwrap();
        assert_eq!(scene.operations().split_off(before).len(), 2, "{state}");
        assert_eq!(outcome.summary, "Concerns no fleet");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_over_a_healthy_fleet_writes_nothing_and_says_so() {
    let scene = Scene::of(&[FleetSpec::default()]);
    for _ in 0..3 {
        assert_eq!(scene.wake(sweep()).await.unwrap().summary, "Nothing to do");
    }
    assert!(writes(&scene.operations()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_moves_once() {
    let scene = Scene::of(&[FleetSpec::default()]);
    let dead = scene.holder();
    scene.act(&Act::Terminate { instance: dead.clone() });
    for state in ["shutting-down", "shutting-down", "terminated"] {
        scene.wake(state_change(&dead, state)).await.unwrap();
    }
    let moves = scene.operations().iter().filter(|operation| *operation == "AssociateAddress").count();
    assert_eq!(moves, 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_whose_fleet_has_no_group_is_named() {
    let lonely = FleetSpec { name: "lonely".into(), groups: Vec::new(), ..FleetSpec::default() };
    let outcome = Scene::of(&[lonely]).wake(sweep()).await.unwrap();
    assert_eq!(outcome.fleets[0].fleet, "lonely");
    assert!(outcome.fleets[0].problems[0].contains("no Auto Scaling group carries the tag"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_fleet_has_no_address_is_named() {
    let bare = FleetSpec { name: "bare".into(), addresses: Vec::new(), ..FleetSpec::default() };
    let scene = Scene::of(&[bare]);
    let outcome = scene.wake(sweep()).await.unwrap();
    assert!(outcome.fleets[0].problems[0].contains("no Elastic IP carries the tag"), "{outcome:?}");
    assert!(writes(&scene.operations()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_group_without_instances_leaves_its_address_stranded_and_says_so() {
    let empty = GroupSpec { min: 0, desired: 0, ..GroupSpec::default() };
    let outcome = Scene::of(&[FleetSpec { groups: vec![empty], ..FleetSpec::default() }]).wake(sweep()).await.unwrap();
    assert!(outcome.summary.contains("the groups have no instances (desired: 0)"), "{outcome:?}");
    assert!(outcome.fleets[0].stranded[0].contains("nobody holds it"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn more_addresses_than_instances_are_named_and_each_instance_keeps_one() {
    let addresses = ["203.0.113.10", "203.0.113.11", "203.0.113.12"].map(str::to_owned).to_vec();
    let scene = Scene::of(&[FleetSpec { addresses, ..FleetSpec::default() }]);
    let outcome = scene.wake(sweep()).await.unwrap();
    assert!(outcome.summary.contains("3 addresses, and only 2 instances"), "{outcome:?}");
    assert!(writes(&scene.operations()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_address_on_an_instance_outside_the_fleet_comes_home() {
    let other = FleetSpec {
        name: "other".into(),
        addresses: Vec::new(),
        groups: vec![GroupSpec { name: "other".into(), ..GroupSpec::default() }],
        ..FleetSpec::default()
    };
    let scene = Scene::of(&[FleetSpec::default(), other]);
    let (stranger, allocation) = scene.theatre.with(|world| {
        let stranger = world.group("other").unwrap().members.keys().next().unwrap().clone();
        (stranger, world.addresses().next().unwrap().allocation.clone())
    });
    let body = format!("Action=AssociateAddress&Version=2016-11-15&AllocationId={allocation}&InstanceId={stranger}");
    scene.call(&body);
    assert_eq!(scene.holder(), stranger);
    let outcome = scene.wake(sweep()).await.unwrap();
    assert_ne!(scene.holder(), stranger);
    assert!(outcome.summary.contains("its holder is in no group of the fleet"), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_without_the_tag_is_not_answered_for_and_the_missing_tag_is_named() {
    let scene = Scene::of(&[FleetSpec { tagged: false, ..FleetSpec::default() }]);
    let leaving = scene.holder();
    scene.act(&Act::SetDesired { group: "web".into(), desired: 1 });
    scene.pass(10).await;
    let event = json!({
        "id": "3", "source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "time": "2026-05-07T09:00:00Z",
        "detail": {"AutoScalingGroupName": "web", "LifecycleHookName": "elastic-ip-terminate", "EC2InstanceId": leaving,
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING"},
    });
    let outcome = scene.wake(event).await.unwrap();
    assert!(
        outcome.summary.contains("group `web` has a lifecycle hook of ours and no tag `lethargic-panda:fleet`"),
        "{outcome:?}"
    );
    assert!(writes(&scene.operations()).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_of_no_known_kind_is_ignored_with_its_name_and_without_a_call() {
    let scene = Scene::of(&[FleetSpec::default()]);
    for (event, word) in [
        (json!({}), "not an EventBridge event"),
        (json!({"detail-type": "Tea Time", "source": "kitchen"}), "no reflex for `Tea Time` of `kitchen`"),
        (
            json!({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {}}),
            "without a usable `instance-id`",
        ),
        (json!({"Event": "autoscaling:TEST_NOTIFICATION"}), "a test notification"),
    ] {
        let outcome = scene.wake(event).await.unwrap();
        assert!(outcome.summary.contains(word), "{outcome:?}");
    }
    assert!(scene.operations().is_empty());
}

/// Answers one operation with a refusal, or not at all, and everything else by the world.
mod refusing {
    use std::future::pending;

    use aws_smithy_runtime_api::client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    };
    use aws_smithy_types::body::SdkBody;

    #[derive(Debug, Clone)]
    pub(crate) struct Refusing {
        pub(crate) operation: &'static str,
        pub(crate) how: How,
        pub(crate) inner: SharedHttpClient,
    }

    #[derive(Debug, Clone, Copy)]
    pub(crate) enum How {
        Unauthorized,
        /// Somebody else was faster.
        AlreadyAssociated,
        Silence,
    }

    #[derive(Debug)]
    struct Connector {
        operation: &'static str,
        how: How,
        inner: SharedHttpConnector,
    }

    impl HttpClient for Refusing {
        fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
            let inner = self.inner.http_connector(settings, parts);
            SharedHttpConnector::new(Connector { operation: self.operation, how: self.how, inner })
        }
    }

    impl HttpConnector for Connector {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body =
                request.body().bytes().map(|body| String::from_utf8_lossy(body).into_owned()).unwrap_or_default();
            if !body.contains(&format!("Action={}&", self.operation)) {
                return self.inner.call(request);
            }
            let (status, code, message) = match self.how {
                How::Unauthorized => {
                    (403, "UnauthorizedOperation", "You are not authorized to perform this operation.".to_owned())
                }
                How::AlreadyAssociated => {
                    let allocation = body.split('&').find_map(|field| field.strip_prefix("AllocationId=")).unwrap();
                    let message = format!("resource {allocation} is already associated with associate-id eipassoc-9");
                    (400, "Resource.AlreadyAssociated", message)
                }
                How::Silence => return HttpConnectorFuture::new(pending()),
            };
            let reply = format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
                 <RequestID>req-42</RequestID></Response>"
            );
            let response = http::Response::builder()
                .status(status)
                .header("x-amzn-requestid", "req-42")
                .body(SdkBody::from(reply))
                .unwrap();
            HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response).unwrap()))
        }
    }
}

impl Scene {
    /// A new environment, whose one operation is not carried out.
    fn refuse(&mut self, operation: &'static str, how: How) {
        let refused = refusing::Refusing { operation, how, inner: self.theatre.http_client("function") };
        self.app = app(&self.theatre, refused);
    }
}

#[tokio::test(start_paused = true)]
async fn what_hangs_for_one_fleet_keeps_no_address_of_another_waiting_and_what_there_is_no_time_for_is_said() {
    let fleets: Vec<FleetSpec> = (0..8).map(numbered).collect();
    let mut scene = Scene::of(&fleets);
    scene.refuse("CreateTags", How::Silence);
    let holders = |world: &mut World| -> Vec<String> {
        (0..8).map(|number| world.holder_of(&format!("203.0.113.{}", 10 + number)).unwrap().to_owned()).collect()
    };
    let before = scene.theatre.with(holders);
    let entities: Vec<Value> = before.iter().map(|id| json!({ "entityValue": id })).collect();
    let began = scene.theatre.now();
    let notice = json!({
        "id": "5", "source": "aws.health", "detail-type": "AWS Health Event", "time": "2026-05-07T09:00:00Z",
        "detail": {
            "service": "EC2", "eventTypeCode": "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED",
            "eventTypeCategory": "scheduledChange", "affectedEntities": entities,
        },
    });
    let error = scene.wake(notice).await.unwrap_err();
    let after = scene.theatre.with(holders);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
    let last = scene.theatre.with(|world| {
        let moves = world.journal().iter().filter(|entry| matches!(entry.kind, Kind::Associated { .. }));
        moves.map(|entry| entry.at).max().unwrap()
    });
    assert!(last.duration_since(began).as_secs() < 5, "the last move came {last}");
    // Lambda ends the invocation after a minute.
    assert!(scene.theatre.now().duration_since(began).as_secs() < 60);
    let summary = &error.outcome().unwrap().summary;
    assert!(summary.contains("AWS is slow: marks, reports and hooks are left to the next look"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn the_word_that_an_instance_is_in_service_outlasts_a_read_that_does_not_show_it_yet() {
    /// The only server is dead, and its successor launches. Where it is so many seconds later.
    async fn after(seconds: u64) -> (Scene, String, String) {
        let only = GroupSpec { desired: 1, ..GroupSpec::default() };
        let scene = Scene::of(&[FleetSpec { groups: vec![only], ..FleetSpec::default() }]);
        let dead = scene.holder();
        scene.act(&Act::Terminate { instance: dead.clone() });
        scene.wake(state_change(&dead, "shutting-down")).await.unwrap();
        scene.pass(seconds).await;
        let members = scene.theatre.with(|world| world.group("web").unwrap().members.clone());
        let next = members.values().find(|member| member.instance != dead);
        let state = next.map(panda_world::Member::lifecycle_state).unwrap_or_default();
        (scene, next.map(|next| next.instance.clone()).unwrap_or_default(), state.to_owned())
    }
    let mut seconds = 1;
    while after(seconds).await.2 != "InService" {
        seconds += 1;
    }
    // As if a read lagged by a second: the group still shows who has been in service by the event.
    let (scene, next, state) = after(seconds - 1).await;
    assert!(state.starts_with("Pending"), "{state}");
    let launched = json!({
        "id": "6", "source": "aws.autoscaling", "detail-type": "EC2 Instance Launch Successful",
        "time": "2026-05-07T09:05:00Z", "detail": {"AutoScalingGroupName": "web", "EC2InstanceId": next},
    });
    let outcome = scene.wake(launched).await.unwrap();
    assert_eq!(scene.holder(), next, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_race_for_a_free_address_that_another_won_is_no_error_and_is_not_run_again() {
    let mut scene = Scene::of(&[FleetSpec::default()]);
    // Reads show the address free for seconds after it was placed.
    scene.act(&Act::Disassociate { public_ip: "203.0.113.10".into() });
    scene.refuse("AssociateAddress", How::AlreadyAssociated);
    let outcome = scene.wake(sweep()).await.unwrap();
    assert_eq!((outcome.looks, outcome.writes), (2, 1), "{outcome:?}");
    assert_eq!(outcome.summary, "Nothing to do");
    // The next look tries, and finds that nobody has it.
    scene.app = app(&scene.theatre, scene.theatre.http_client("function"));
    scene.wake(sweep()).await.unwrap();
    assert!(scene.theatre.with(|world| world.holder_of("203.0.113.10").is_some()));
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_an_error_that_names_operation_code_and_request_and_nothing_is_lost() {
    let mut scene = Scene::of(&[FleetSpec::default()]);
    let dead = scene.holder();
    scene.refuse("AssociateAddress", How::Unauthorized);
    scene.act(&Act::Terminate { instance: dead.clone() });
    let error = scene.wake(state_change(&dead, "shutting-down")).await.unwrap_err();
    let reported = Diagnostic::from(error);
    assert_eq!(reported.error_type, "AssociateAddress.Unauthorized");
    for word in ["AssociateAddress", "UnauthorizedOperation", "req-42", "eipalloc-"] {
        assert!(reported.error_message.contains(word), "{word} in {}", reported.error_message);
    }
    // The rest of the plan was carried out, and a later look with the permission moves the address.
    assert_eq!(writes(&scene.operations()), ["SetInstanceHealth"]);
    scene.app = app(&scene.theatre, scene.theatre.http_client("function"));
    scene.wake(sweep()).await.unwrap();
    assert_ne!(scene.holder(), dead);
}

#[tokio::test(start_paused = true)]
async fn without_leave_to_read_status_checks_an_address_still_moves() {
    let mut scene = Scene::of(&[FleetSpec::default()]);
    let leaving = scene.holder();
    scene.refuse("DescribeInstanceStatus", How::Unauthorized);
    let notice = json!({
        "id": "4", "source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning",
        "time": "2026-05-07T09:00:00Z", "detail": {"instance-id": leaving, "instance-action": "terminate"},
    });
    let outcome = scene.wake(notice).await.unwrap();
    assert_ne!(scene.holder(), leaving);
    assert!(outcome.fleets[0].marked[0].contains("spot-interruption"), "{outcome:?}");
}
