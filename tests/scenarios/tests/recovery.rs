//! The real deployment-recovery with real SDK clients against the simulated AWS: what it cures, what it explains, and whom it leaves alone.
//!
//! Events reach it as deployed: by the template's rules, each in an invocation of its own, several at once, and again after one and two minutes
//! if it failed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::{SdkConfig, region::Region};
use deployment_recovery::{
    App, Config, HandlerError, Outcome,
    cases::memory::{Call, MemoryCases, Trip},
    handle,
};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use panda_scenarios::{golden, template::Template};
use panda_world::{
    ACCOUNT, Act, AgentTrouble, CodeDeployAgent, CommitSpec, DeliverySpec, DeploymentStatus, DocumentEffect,
    ExecutionStatus, Faults, FleetSpec, GroupSpec, Kind, Message, PingState, REGION, Role, ScriptOutcome, ScriptSpec,
    Timing, World, in_process::Theatre, topic_arn,
};
use serde_json::{Value, json};
use tokio::{
    task::{JoinSet, LocalSet},
    time::sleep,
};

const START: &str = "2026-05-07T09:30:00Z";
const DOCUMENT: &str = "restart-agent";
const CALLER: &str = "deployment-recovery";
const HOUR: u64 = 3_600;

#[derive(Clone)]
struct Scene(Rc<Stage>);

struct Stage {
    theatre: Theatre,
    template: Template,
    app: App<MemoryCases>,
    cases: MemoryCases,
    outcomes: RefCell<Vec<Result<Outcome, HandlerError>>>,
    /// How often each event is delivered.
    deliveries: Cell<usize>,
    /// An invocation dies after this, once.
    dies_after: Cell<Option<Duration>>,
    invocations: Cell<u32>,
}

/// A fleet whose code is delivered, and whose servers carry the fleet's tag themselves.
fn fleet(servers: u32, delivery: DeliverySpec) -> FleetSpec {
    let tags = BTreeMap::from([("lethargic-panda:fleet".to_owned(), "web".to_owned())]);
    FleetSpec {
        tagged: false,
        groups: vec![GroupSpec { tags, desired: servers, max: servers.max(4), ..GroupSpec::default() }],
        topics: vec!["deployments".to_owned(), "chat".to_owned()],
        documents: BTreeMap::from([(DOCUMENT.to_owned(), DocumentEffect::RestartCodeDeployAgent)]),
        delivery: Some(delivery),
        ..FleetSpec::default()
    }
}

fn plain() -> DeliverySpec {
    DeliverySpec { rollback: false, ..DeliverySpec::default() }
}

impl Scene {
    fn of(spec: &FleetSpec) -> Self {
        Self::with(spec, &[])
    }

    fn with(spec: &FleetSpec, variables: &[(&str, &str)]) -> Self {
        let mut world = World::new(11, START.parse().unwrap(), Timing::default());
        world.found_fleet(spec);
        let template = Template::read();
        world.assume(CALLER, role(&template));
        let theatre = Theatre::new(world);
        let variables: BTreeMap<String, String> = [
            ("TOPIC_ARN", topic_arn("deployments").as_str()),
            ("CHAT_TOPIC_ARN", topic_arn("chat").as_str()),
            ("CASES_TABLE", "cases"),
            ("RESTART_DOCUMENT", DOCUMENT),
        ]
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let config = Config::from_lookup(|name| variables.get(name).cloned()).unwrap();
        let sdk = sdk(&theatre);
        let cases = MemoryCases::default();
        let app = App::new(config, &sdk, panda_aws::Aws::new(&sdk), cases.clone());
        Self(Rc::new(Stage {
            theatre,
            template,
            app,
            cases,
            outcomes: RefCell::default(),
            deliveries: Cell::new(1),
            dies_after: Cell::new(None),
            invocations: Cell::new(0),
        }))
    }

    /// A deployment begins that will fail on one server for want of an agent, and be rolled back.
    async fn whose_rollback_outlives_an_invocation() -> Self {
        let scene = Self::of(&fleet(3, DeliverySpec { rollback: true, ..DeliverySpec::default() }));
        // What the rollback will bring back takes longer on one server than an invocation lasts.
        let slow = ScriptSpec { seconds: 1_500, ..ScriptSpec::default() };
        let mut before = CommitSpec::page("slow\n");
        before.scripts.insert("AfterInstall".to_owned(), slow);
        scene.push(before);
        scene.live(3 * HOUR).await;
        scene.set_agent(&scene.servers()[1], CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene
    }

    /// One attempt of an invocation; none if it died.
    async fn attempt(&self, payload: &Value, request: &str) -> Option<Result<Outcome, HandlerError>> {
        let mut context = Context::default();
        request.clone_into(&mut context.request_id);
        context.deadline = u64::try_from(self.0.theatre.now().as_millisecond()).unwrap() + 900_000;
        let handled = handle(&self.0.app, LambdaEvent::new(payload.clone(), context));
        let limit = self.0.dies_after.take().unwrap_or(Duration::from_mins(15));
        tokio::time::timeout(limit, handled).await.ok()
    }

    /// An asynchronous invocation: again after one and two minutes, if it fails.
    async fn invoke(&self, payload: Value) {
        let number = self.0.invocations.get() + 1;
        self.0.invocations.set(number);
        let request = format!("request-{number}");
        for pause in [60, 120, 0] {
            match self.attempt(&payload, &request).await {
                Some(Ok(outcome)) => {
                    self.0.outcomes.borrow_mut().push(Ok(outcome));
                    return;
                }
                Some(Err(error)) => self.0.outcomes.borrow_mut().push(Err(error)),
                None => {}
            }
            sleep(Duration::from_secs(pause)).await;
        }
    }

    async fn ask(&self, payload: Value) -> Result<Outcome, HandlerError> {
        self.attempt(&payload, "by-hand").await.expect("it answers")
    }

    /// Lets so much time pass, and whatever began in it end.
    async fn live(&self, seconds: u64) {
        let scene = self.clone();
        LocalSet::new()
            .run_until(async move {
                let mut running = JoinSet::new();
                let mut passed = 0;
                while passed < seconds || !running.is_empty() {
                    for event in scene.0.theatre.with(World::take_events) {
                        for payload in scene.delivered(&event) {
                            let scene = scene.clone();
                            running.spawn_local(async move { scene.invoke(payload).await });
                        }
                    }
                    while running.try_join_next().is_some() {}
                    sleep(Duration::from_secs(1)).await;
                    passed += 1;
                    assert!(passed < 40 * HOUR, "it never ends");
                }
            })
            .await;
    }

    /// What the template's rules make of an event.
    fn delivered(&self, event: &Value) -> Vec<Value> {
        let rules = self.0.template.rules();
        let ours =
            |name: &str| rules.iter().any(|rule| rule.name == name && rule.function == "DeploymentRecoveryFunction");
        let matching = self.0.template.rules_that_match(event);
        let payload = |name: &String| if name == "LookAgain" { event["detail"].clone() } else { event.clone() };
        let once: Vec<Value> = matching.iter().filter(|name| ours(name)).map(payload).collect();
        std::iter::repeat_n(once, self.0.deliveries.get()).flatten().collect()
    }

    fn act(&self, act: &Act) {
        self.0.theatre.with(|world| world.act(act)).unwrap();
    }

    fn push(&self, commit: CommitSpec) {
        self.act(&Act::Push { pipeline: "web".into(), commit });
    }

    fn servers(&self) -> Vec<String> {
        self.0.theatre.with(|world| {
            world.instances().filter(|instance| !instance.state.is_dead()).map(|instance| instance.id.clone()).collect()
        })
    }

    fn set_agent(&self, instance: &str, agent: CodeDeployAgent) {
        self.act(&Act::SetCodeDeployAgent { instance: instance.to_owned(), agent });
    }

    fn status(&self) -> ExecutionStatus {
        self.0.theatre.with(|world| world.pipelines().next().unwrap().executions.back().unwrap().status)
    }

    fn messages(&self, topic: &str) -> Vec<Message> {
        let all = self.0.theatre.with(World::take_messages);
        all.into_iter().filter(|message| message.topic == topic_arn(topic)).collect()
    }

    fn calls(&self) -> Vec<String> {
        let call = |kind: &Kind| match kind {
            Kind::Call { caller, operation, .. } if caller == CALLER => Some(operation.clone()),
            _ => None,
        };
        self.0.theatre.with(|world| world.journal().iter().filter_map(|entry| call(&entry.kind)).collect())
    }

    fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| *call == operation).count()
    }

    fn errors(&self) -> Vec<String> {
        self.0.outcomes.borrow().iter().filter_map(|outcome| Some(outcome.as_ref().err()?.to_string())).collect()
    }

    fn restarted(&self) -> Vec<String> {
        let outcomes = self.0.outcomes.borrow();
        let cases = outcomes.iter().flatten().flat_map(|outcome| &outcome.cases);
        cases.flat_map(|case| case.restarted.clone()).collect()
    }
}

/// The function's role, so that every call of every test is one that AWS would allow.
fn role(template: &Template) -> Role {
    let (topic, chat) = (topic_arn("deployments"), topic_arn("chat"));
    let names = [
        ("AWS::Partition", "aws"),
        ("AWS::Region", REGION),
        ("AWS::AccountId", ACCOUNT),
        ("RecoveryRestartAgentDocument", DOCUMENT),
        ("RecoveryTopic", topic.as_str()),
        ("RecoveryChatTopic", chat.as_str()),
    ];
    let policies = &template.document["Resources"]["DeploymentRecoveryRole"]["Properties"]["Policies"];
    let documents: Vec<Value> = policies
        .as_array()
        .unwrap()
        .iter()
        .map(|policy| named(template.with(&names, &policy["PolicyDocument"])))
        .collect();
    Role::read(&documents).unwrap()
}

/// What is left of references: ARNs of what the world does not have.
fn named(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("Fn::GetAtt") => {
            json!(format!("arn:aws:other:{REGION}:{ACCOUNT}:{}", fields["Fn::GetAtt"][0].as_str().unwrap()))
        }
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, named(value))).collect(),
        Value::Array(items) => items.into_iter().map(named).collect(),
        other => other,
    }
}

fn sdk(theatre: &Theatre) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(theatre.http_client(CALLER))
        .time_source(theatre.time_source())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(panda_aws::retries())
        .timeout_config(panda_aws::timeouts())
        .build()
}

fn failing(log: &str) -> ScriptOutcome {
    ScriptOutcome::Fails { exit: 1, log: log.to_owned(), times: None }
}

#[tokio::test(start_paused = true)]
async fn a_dead_agent_is_restarted_the_stage_is_tried_again_and_people_hear_that_it_went_through() {
    let scene = Scene::of(&fleet(2, plain()));
    let victim = scene.servers()[0].clone();
    scene.set_agent(&victim, CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(2 * HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{:#?}", scene.0.outcomes.borrow());
    assert_eq!(scene.restarted(), std::slice::from_ref(&victim));
    assert_eq!((scene.count("SendCommand"), scene.count("RetryStageExecution")), (1, 1));
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].subject.as_ref().unwrap().contains("recovered"), "{said:#?}");
    let restart = format!("the restart of the agent of {victim} cured it");
    assert!(said[0].body.contains(&restart), "what was done is told: {}", said[0].body);
    assert_eq!(scene.errors(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_dead_agent_that_a_successful_deployment_hides_is_cured_and_people_hear_which_server_lacks_the_code() {
    // One success is enough for it.
    let spec = DeliverySpec { config: "CodeDeployDefault.AllAtOnce".to_owned(), ..plain() };
    let scene = Scene::of(&fleet(2, spec));
    let victim = scene.servers()[0].clone();
    scene.set_agent(&victim, CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(2 * HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Succeeded);
    assert_eq!(scene.restarted(), std::slice::from_ref(&victim), "{:#?}", scene.0.outcomes.borrow());
    assert_eq!(scene.count("RetryStageExecution"), 0);
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].body.contains(&victim), "{}", said[0].body);
}

#[tokio::test(start_paused = true)]
async fn a_script_that_fails_is_explained_once_with_its_log_and_nothing_is_touched() {
    let scene = Scene::of(&fleet(2, plain()));
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing("no such table: users")));
    scene.live(HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Failed);
    assert_eq!((scene.count("SendCommand"), scene.count("RetryStageExecution")), (0, 0));
    let said = scene.0.theatre.with(World::take_messages);
    let mail: Vec<&Message> = said.iter().filter(|message| message.topic == topic_arn("deployments")).collect();
    assert_eq!(mail.len(), 1, "{said:#?}");
    for word in ["no such table: users", "AfterInstall", "Mary Major"] {
        assert!(mail[0].body.contains(word), "{word}: {}", mail[0].body);
    }
    let chat: Vec<&Message> = said.iter().filter(|message| message.topic == topic_arn("chat")).collect();
    let chat: Value = serde_json::from_str(&chat[0].body).unwrap();
    assert_eq!((&chat["version"], &chat["source"]), (&json!("1.0"), &json!("custom")));
}

#[tokio::test(start_paused = true)]
async fn no_secret_of_a_log_reaches_mail_chat_or_answer() {
    let scene = Scene::of(&fleet(1, plain()));
    let secret = "hunter2-Zq81xkPlmA";
    let log = format!("connecting with DB_PASSWORD={secret}\nAKIAIOSFODNN7EXAMPLE refused");
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing(&log)));
    scene.live(HOUR).await;
    let said = scene.0.theatre.with(World::take_messages);
    assert!(!said.is_empty());
    let answers = serde_json::to_string(&scene.0.outcomes.borrow().iter().flatten().collect::<Vec<_>>()).unwrap();
    for text in said.iter().map(|message| message.body.as_str()).chain([answers.as_str()]) {
        assert!(!text.contains(secret) && !text.contains("AKIAIOSFODNN7EXAMPLE"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restarted_or_retried_while_the_rollback_runs() {
    let scene = Scene::of(&fleet(2, DeliverySpec { rollback: true, ..DeliverySpec::default() }));
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(3 * HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{:#?}", scene.0.outcomes.borrow());
    let waited = scene.0.theatre.with(|world| world.deployments().count());
    assert!(waited >= 3, "the failed one, its rollback, and the retry: {waited}");
    assert_eq!(scene.count("RetryStageExecution"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_agent_beyond_cure_is_explained_with_what_was_found_and_the_stage_is_left_alone() {
    for trouble in [AgentTrouble::NoCredentials, AgentTrouble::DiskFull, AgentTrouble::ClockSkew] {
        let scene = Scene::of(&fleet(1, plain()));
        let victim = scene.servers()[0].clone();
        scene.act(&Act::AfflictAgent { instance: victim.clone(), trouble: Some(trouble) });
        scene.set_agent(&victim, CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene.live(2 * HOUR).await;
        assert_eq!(scene.count("RetryStageExecution"), 0, "{trouble:?}");
        let said = scene.messages("deployments");
        assert_eq!(said.len(), 1, "{trouble:?}: {said:#?}");
        assert!(said[0].body.contains(&victim), "{trouble:?}: {}", said[0].body);
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_after_the_retry_is_explained_and_not_tried_a_third_time() {
    let scene = Scene::of(&fleet(1, plain()));
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing("no")));
    scene.live(3 * HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Failed);
    assert_eq!(scene.count("RetryStageExecution"), 1);
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].body.contains("AfterInstall"), "{}", said[0].body);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_three_times_restarts_retries_and_tells_once() {
    let scene = Scene::of(&fleet(2, plain()));
    scene.0.deliveries.set(3);
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(2 * HOUR).await;
    assert_eq!(scene.status(), ExecutionStatus::Succeeded);
    assert_eq!((scene.count("SendCommand"), scene.count("RetryStageExecution")), (1, 1));
    assert_eq!(scene.messages("deployments").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_invocation_may_die_at_any_moment_and_the_next_one_goes_on() {
    for millis in (0..60).map(|step| step * 1_700) {
        let scene = Scene::of(&fleet(1, plain()));
        scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene.0.dies_after.set(Some(Duration::from_millis(millis)));
        scene.live(2 * HOUR).await;
        assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{millis} ms");
        assert_eq!(scene.count("RetryStageExecution"), 1, "{millis} ms");
        let said = scene.messages("deployments");
        assert!((1..=2).contains(&said.len()), "{millis} ms: {said:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_aws_forbids_is_explained_and_no_failure_ends_without_a_message() {
    for operation in [
        "codepipeline:GetPipelineState",
        "codepipeline:GetPipelineExecution",
        "codepipeline:RetryStageExecution",
        "codepipeline:ListActionExecutions",
        "codepipeline:ListPipelines",
        "codedeploy:GetDeployment",
        "codedeploy:ListDeployments",
        "codedeploy:ListDeploymentTargets",
        "codedeploy:BatchGetDeploymentTargets",
        "ec2:DescribeInstances",
        "autoscaling:DescribeAutoScalingGroups",
        "ssm:DescribeInstanceInformation",
        "ssm:ListCommandInvocations",
        "ssm:SendCommand",
    ] {
        let scene = Scene::of(&fleet(1, plain()));
        scene.act(&Act::Permit { operation: operation.into(), allowed: false });
        scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene.live(3 * HOUR).await;
        let said = scene.messages("deployments");
        assert!(!said.is_empty(), "{operation}: {:#?}", scene.0.outcomes.borrow());
    }
}

#[tokio::test(start_paused = true)]
async fn people_who_cannot_be_told_make_the_invocation_fail_until_they_can() {
    let scene = Scene::of(&fleet(1, plain()));
    scene.act(&Act::Permit { operation: "sns:Publish".into(), allowed: false });
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing("no")));
    let mended = async {
        while scene.errors().is_empty() {
            sleep(Duration::from_secs(1)).await;
        }
        scene.act(&Act::Permit { operation: "sns:Publish".into(), allowed: true });
    };
    tokio::join!(scene.live(HOUR), mended);
    assert_eq!(scene.messages("deployments").len(), 1);
    let outcomes = scene.0.outcomes.borrow();
    let error = outcomes.iter().find_map(|outcome| outcome.as_ref().err()).unwrap();
    assert!(error.to_string().contains("people could not be told"), "{error}");
    assert!(error.outcome().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_rough_network_costs_time_and_nothing_else() {
    for seed in 0..3 {
        let scene = Scene::of(&fleet(2, plain()));
        scene.0.theatre.with(|world| {
            world.set_faults(Faults {
                throttle: 0.1,
                server_error: 0.05,
                timeout: 0.02,
                reset: 0.05,
                event_double: 0.3,
                event_delay: 0.3,
                ..Faults::default()
            });
        });
        scene.live(seed).await;
        scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene.live(3 * HOUR).await;
        assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{:#?}", scene.0.outcomes.borrow());
        assert!(!scene.messages("deployments").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn bad_looks_among_good_ones_end_no_wait() {
    let scene = Scene::whose_rollback_outlives_an_invocation().await;
    // Every other minute nothing can be read; what is looked at twice is read once.
    let blips = async {
        for _ in 0..90 {
            for (throttle, seconds) in [(1.0, 55), (0.0, 65)] {
                scene.0.theatre.with(|world| world.set_faults(Faults { throttle, ..Faults::default() }));
                sleep(Duration::from_secs(seconds)).await;
            }
        }
    };
    tokio::join!(scene.live(6 * HOUR), blips);
    let said = scene.messages("deployments");
    assert!(said.iter().all(|message| !message.body.contains("could not be read")), "{said:#?}");
    assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{:#?}", scene.0.outcomes.borrow());
}

#[tokio::test(start_paused = true)]
async fn where_only_explaining_is_allowed_people_are_told_and_nothing_is_touched() {
    let scene = Scene::with(&fleet(1, plain()), &[("RECOVERY_MODE", "ExplainOnly")]);
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(HOUR).await;
    assert_eq!((scene.count("SendCommand"), scene.count("RetryStageExecution")), (0, 0));
    assert_eq!(scene.messages("deployments").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_calls_nobody() {
    let scene = Scene::with(&fleet(1, plain()), &[("RECOVERY_MODE", "Off")]);
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing("no")));
    scene.live(HOUR).await;
    assert_eq!(scene.calls(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_the_fleets_tag_is_out_of_reach_and_the_answer_says_so() {
    let spec =
        FleetSpec { tagged: true, groups: vec![GroupSpec { desired: 1, ..GroupSpec::default() }], ..fleet(1, plain()) };
    let scene = Scene::of(&spec);
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(HOUR).await;
    assert_eq!(scene.count("SendCommand"), 0);
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1);
    assert!(said[0].body.contains("(instance-untagged)"), "Systems Manager reaches it well: {}", said[0].body);
    let outcomes = scene.0.outcomes.borrow();
    let problems: Vec<&String> = outcomes.iter().flatten().flat_map(|outcome| &outcome.problems).collect();
    assert!(problems.iter().any(|problem| problem.contains("lethargic-panda:fleet")), "{outcomes:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_aws_does_not_take_is_sent_again_with_pauses_and_told_as_what_it_is() {
    let scene = Scene::of(&fleet(2, plain()));
    scene.act(&Act::Permit { operation: "ssm:SendCommand".into(), allowed: false });
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("new\n"));
    scene.live(HOUR).await;
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].body.contains("(restart-not-sent)"), "{}", said[0].body);
    assert_eq!((scene.count("SendCommand"), scene.count("SetInstanceHealth")), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_systems_manager_does_not_reach_is_sent_nothing() {
    let scene = Scene::of(&fleet(1, plain()));
    let victim = scene.servers()[0].clone();
    scene.set_agent(&victim, CodeDeployAgent::Stopped);
    scene.act(&Act::SetPing { instance: victim, ping: PingState::Unregistered });
    scene.push(CommitSpec::page("new\n"));
    scene.live(HOUR).await;
    assert_eq!(scene.count("SendCommand"), 0);
    assert_eq!(scene.messages("deployments").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deployment_past_the_pipeline_is_explained_by_itself_and_one_of_the_pipeline_is_told_once() {
    let scene = Scene::of(&fleet(1, plain()));
    let commit = CommitSpec::page("broken\n").with("AfterInstall", failing("by hand"));
    scene.act(&Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit: Some(commit) });
    scene.live(HOUR).await;
    let said = scene.messages("deployments");
    assert_eq!(said.len(), 1, "{said:#?}");
    assert!(said[0].body.contains("by hand"), "{}", said[0].body);
    assert!(scene.count("ListPipelines") > 0, "CodeDeploy does not say who waits for it");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_outlives_the_invocation_is_gone_on_with_by_another_one() {
    let scene = Scene::whose_rollback_outlives_an_invocation().await;
    scene.live(6 * HOUR).await;
    let outcomes = scene.0.outcomes.borrow();
    assert!(scene.count("PutEvents") > 0, "the rollback takes longer than an invocation: {outcomes:#?}");
    assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{outcomes:#?}");
    assert_eq!(scene.messages("deployments").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn launches_that_fail_one_after_the_other_are_told_once_an_hour_and_their_servers_are_left_to_auto_scaling() {
    let scene = Scene::of(&fleet(2, plain()));
    let known = scene.servers();
    scene.act(&Act::Terminate { instance: known[0].clone() });
    let break_agents = async {
        for _ in 0..HOUR {
            for server in scene.servers().iter().filter(|server| !known.contains(server)) {
                scene.set_agent(server, CodeDeployAgent::Stopped);
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::join!(scene.live(HOUR), break_agents);
    let failed = scene
        .0
        .theatre
        .with(|world| world.deployments().filter(|deployment| deployment.status == DeploymentStatus::Failed).count());
    assert!(failed >= 2, "one launch after the other: {failed}");
    let said = scene.messages("deployments");
    assert!((1..=2).contains(&said.len()), "{failed} failed: {said:#?}");
    assert_eq!((scene.count("RetryStageExecution"), scene.count("SetInstanceHealth")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_newer_execution_at_the_stage_ends_the_work_on_the_older_one() {
    let scene = Scene::of(&fleet(1, plain()));
    scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
    scene.push(CommitSpec::page("old\n"));
    let newer = async {
        while scene.count("SendCommand") == 0 {
            sleep(Duration::from_secs(1)).await;
        }
        scene.push(CommitSpec::page("newer\n"));
    };
    tokio::join!(scene.live(2 * HOUR), newer);
    assert_eq!(scene.status(), ExecutionStatus::Succeeded);
    let page =
        scene.0.theatre.with(|world| world.deployments().filter(|it| it.status == DeploymentStatus::Succeeded).count());
    assert!(page >= 1);
    assert!(scene.count("RetryStageExecution") <= 1);
}

#[tokio::test(start_paused = true)]
async fn its_role_has_no_permission_that_nobody_needs() {
    let mut used = BTreeSet::new();
    let mut permissions = BTreeSet::new();
    let mut note = |scene: &Scene| {
        permissions.extend(role(&scene.0.template).permissions().iter().cloned());
        used.extend(scene.0.theatre.with(|world| world.used_permissions(CALLER)));
    };
    let scene = Scene::whose_rollback_outlives_an_invocation().await;
    scene.live(6 * HOUR).await;
    note(&scene);
    let scene = Scene::of(&fleet(1, plain()));
    let commit = CommitSpec::page("broken\n").with("AfterInstall", failing("by hand"));
    scene.act(&Act::Deploy { application: "web".into(), deployment_group: "web".into(), commit: Some(commit) });
    scene.live(HOUR).await;
    note(&scene);
    let unused: BTreeSet<&str> = permissions.difference(&used).map(|permission| permission.action.as_str()).collect();
    // The first is rare (the laws of the domain play it), the second is for long answers, the rest is not the world's.
    let elsewhere = [
        "autoscaling:SetInstanceHealth",
        "ssm:GetCommandInvocation",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
    ];
    assert_eq!(unused, elsewhere.into());
}

#[tokio::test(start_paused = true)]
async fn a_book_that_does_not_answer_keeps_nobody_from_being_healed() {
    for (call, trip) in [
        (Call::Take, Trip::Before),
        (Call::IsDone, Trip::Before),
        (Call::Finish, Trip::Before),
        (Call::Release, Trip::After),
    ] {
        let scene = Scene::of(&fleet(1, plain()));
        for _ in 0..3 {
            scene.0.cases.trip(call, trip);
        }
        scene.set_agent(&scene.servers()[0], CodeDeployAgent::Stopped);
        scene.push(CommitSpec::page("new\n"));
        scene.live(2 * HOUR).await;
        assert_eq!(scene.status(), ExecutionStatus::Succeeded, "{call:?}");
        assert!(!scene.messages("deployments").is_empty(), "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_diagnosis_says_what_would_be_done_and_touches_nothing() {
    let scene = Scene::with(&fleet(1, plain()), &[]);
    let quiet = scene.ask(json!({"command": "diagnose", "pipeline": "web"})).await.unwrap();
    assert_eq!(quiet.summary, "No deployment of the pipeline has failed");
    scene.act(&Act::Permit { operation: "sns:Publish".into(), allowed: false });
    scene.push(CommitSpec::page("broken\n").with("AfterInstall", failing("no")));
    scene.live(HOUR).await;
    let writes = scene.count("SendCommand") + scene.count("RetryStageExecution") + scene.count("Publish");
    for command in [json!({"command": "diagnose", "pipeline": "web"}), json!({"command": "sweep"})] {
        let outcome = scene.ask(command).await.unwrap();
        assert_eq!(outcome.cases[0].step, "tell", "{outcome:#?}");
        assert_eq!(outcome.cases[0].findings[0].cure, "user");
    }
    assert_eq!(writes, scene.count("SendCommand") + scene.count("RetryStageExecution") + scene.count("Publish"));
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_understood_is_an_error_and_an_event_of_others_is_none() {
    let scene = Scene::of(&fleet(1, plain()));
    let error = scene.ask(json!({"command": "recove"})).await.unwrap_err();
    assert_eq!(Diagnostic::from(error).error_type, "Command");
    let outcome = scene.ask(golden("ec2-spot-instance-interruption-warning")).await.unwrap();
    assert!(outcome.summary.starts_with("Ignored: "), "{}", outcome.summary);
    assert_eq!(scene.calls(), Vec::<String>::new());
}
