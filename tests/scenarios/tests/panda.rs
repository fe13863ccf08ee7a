//! The real panda with real SDK clients against the simulated AWS: whom it kills, how it proves the healing, and what it says when it spares.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::{collections::BTreeMap, time::Duration};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::{SdkConfig, region::Region};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use panda::{
    App, Config, HandlerError, Outcome, handle,
    journal::memory::{Call, MemoryJournal, Trip},
};
use panda_domain::chaos::Verdict;
use panda_stage::blueprint::Blueprint;
use panda_world::{
    Act, AlarmSpec, AlarmState, CodeDeployAgent, DocumentEffect, Faults, FleetSpec, GroupSpec, Kind, Message, REGION,
    Timing, World, in_process::Theatre, topic_arn,
};
use serde_json::{Value, json};
use tokio::task::LocalSet;

const IP: &str = "203.0.113.10";
const TOPIC: &str = "panda";
const DOCUMENT: &str = "stop-agent";

/// A Thursday within the default window.
const START: &str = "2026-05-07T09:30:00Z";

struct Scene {
    theatre: Theatre,
    sdk: SdkConfig,
    journal: MemoryJournal,
    app: App<MemoryJournal>,
}

/// A fleet that takes part, with these tags besides.
fn fleet(tags: &[(&str, &str)]) -> FleetSpec {
    let mut all = BTreeMap::from([("lethargic-panda:chaos".to_owned(), "on".to_owned())]);
    all.extend(tags.iter().map(|(key, value)| (format!("lethargic-panda:{key}"), (*value).to_owned())));
    FleetSpec {
        groups: vec![GroupSpec { tags: all, ..GroupSpec::default() }],
        topics: vec![TOPIC.to_owned()],
        documents: BTreeMap::from([(DOCUMENT.to_owned(), DocumentEffect::StopCodeDeployAgent)]),
        ..FleetSpec::default()
    }
}

fn sdk(theatre: &Theatre, caller: &str) -> SdkConfig {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(theatre.http_client(caller))
        .time_source(theatre.time_source())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(panda_aws::retries())
        .timeout_config(panda_aws::timeouts())
        .build()
}

/// A fleet as `fleet/template.yaml` makes it for whoever lets the panda in.
fn templated() -> FleetSpec {
    let parameters = [("Chaos", "on"), ("Repository", "you/site")];
    let fleet = Blueprint::read(&panda_scenarios::root(), "lethargic-panda", &parameters).unwrap().fleet(IP).unwrap();
    FleetSpec { topics: vec![TOPIC.to_owned()], ..fleet }
}

impl Scene {
    fn unleashed(spec: &FleetSpec) -> Self {
        Self::with(spec, &[("PANDA_MODE", "Unleashed")])
    }

    fn with(spec: &FleetSpec, variables: &[(&str, &str)]) -> Self {
        let mut world = World::new(7, START.parse().unwrap(), Timing::default());
        world.found_fleet(spec);
        let theatre = Theatre::new(world);
        let variables: BTreeMap<String, String> = [
            ("TOPIC_ARN", topic_arn(TOPIC).as_str()),
            ("JOURNAL_TABLE", "journal"),
            ("STOP_AGENT_DOCUMENT", DOCUMENT),
            ("MIN_INSTANCE_AGE_MINUTES", "0"),
        ]
        .iter()
        .chain(variables)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
        let config = Config::from_lookup(|name| variables.get(name).cloned()).unwrap();
        let sdk = sdk(&theatre, "panda");
        let journal = MemoryJournal::default();
        let app = App::new(config, &sdk, panda_aws::Aws::new(&sdk), journal.clone());
        Self { theatre, sdk, journal, app }
    }

    async fn ask(&self, command: Value) -> Result<Outcome, HandlerError> {
        let mut context = Context::default();
        context.request_id = format!("request-{}", self.theatre.now().as_millisecond());
        context.deadline = u64::try_from(self.theatre.now().as_millisecond()).unwrap() + 900_000;
        handle(&self.app, LambdaEvent::new(command, context)).await
    }

    async fn kill(&self) -> Outcome {
        self.ask(json!({"command": "kill", "fleet": "web", "reason": "game day"})).await.unwrap()
    }

    /// Does something while elastic-ip-failover takes care of the fleet, as deployed: by events, and by a sweep each minute.
    async fn guarded<T>(&self, what: impl Future<Output = T>) -> T {
        let theatre = self.theatre.clone();
        let guard = async move {
            let sdk = sdk(&theatre, "elastic-ip-failover");
            let failover =
                elastic_ip_failover::App::new(elastic_ip_failover::Config::from_lookup(|_| None).unwrap(), &sdk);
            for second in 0_u64.. {
                let mut events = theatre.with(World::take_events);
                if second % 60 == 0 {
                    events.push(
                        json!({"source": "aws.events", "detail-type": "Scheduled Event", "time": "", "detail": {}}),
                    );
                }
                for event in events {
                    let _ = elastic_ip_failover::handle(&failover, LambdaEvent::new(event, Context::default())).await;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            biased;
            done = what => done,
            () = guard => panic!("the guard never ends"),
        }
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.theatre.with(|_| ());
    }

    fn act(&self, act: &Act) {
        self.theatre.with(|world| world.act(act)).unwrap();
    }

    fn holder(&self) -> Option<String> {
        self.theatre.with(|world| world.holder_of(IP).map(str::to_owned))
    }

    fn messages(&self) -> Vec<Message> {
        self.theatre.with(World::take_messages)
    }

    /// The panda's calls that change something.
    fn writes(&self) -> Vec<String> {
        let calls = |kind: &Kind| match kind {
            Kind::Call { caller, operation, .. } if caller == "panda" => Some(operation.clone()),
            _ => None,
        };
        let reads = ["Describe", "List", "BatchGet", "Get"];
        let all: Vec<String> =
            self.theatre.with(|world| world.journal().iter().filter_map(|entry| calls(&entry.kind)).collect());
        all.into_iter().filter(|operation| !reads.iter().any(|read| operation.starts_with(read))).collect()
    }

    fn running(&self) -> usize {
        self.theatre.with(|world| world.instances().filter(|instance| !instance.state.is_dead()).count())
    }
}

fn lives(world: &World, id: &str) -> bool {
    world.instance(id).is_some_and(|instance| !instance.state.is_dead())
}

fn only_verdict(outcome: &Outcome) -> Verdict {
    assert_eq!(outcome.experiments.len(), 1, "{outcome:#?}");
    outcome.experiments[0].outcome.as_ref().unwrap_or_else(|| panic!("not closed: {outcome:#?}")).verdict
}

fn reasons(outcome: &Outcome) -> Vec<&str> {
    outcome.groups.iter().flat_map(|group| &group.reasons).map(|reason| reason.code).collect()
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_the_template_makes_may_be_hit_and_heals() {
    // Its maintenance policy asks for all servers, which is for refreshes and would spare it for ever.
    let scene = Scene::unleashed(&templated());
    let outcome = scene.guarded(scene.kill()).await;
    assert_eq!(only_verdict(&outcome), Verdict::Survived, "{outcome:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_killed_holder_is_watched_until_the_fleet_is_whole_and_its_address_answers() {
    let scene = Scene::unleashed(&fleet(&[("victim", "holder"), ("url", "/")]));
    let victim = scene.holder().unwrap();
    let outcome = scene.guarded(scene.kill()).await;
    assert_eq!(only_verdict(&outcome), Verdict::Survived, "{outcome:#?}");
    let experiment = &outcome.experiments[0];
    assert_eq!(experiment.victims[0].instance.as_str(), victim);
    let came = experiment.outcome.as_ref().unwrap();
    let silent = came.outage_seconds.unwrap();
    assert!((1..=15).contains(&silent), "{silent} s: the failover takes seconds, and the network some more");
    assert!((60..=400).contains(&came.heal_seconds.unwrap()), "a replacement boots for minutes: {came:#?}");
    assert_eq!(came.moves.len(), 1);
    assert_ne!(came.moves[0].to.as_ref().unwrap().as_str(), victim);
    assert_eq!(came.replacements.len(), 1);
    let said = scene.messages();
    let subjects: Vec<&str> = said.iter().filter_map(|message| message.subject.as_deref()).collect();
    assert_eq!(subjects, ["The panda strikes web", "web survived the panda"]);
    assert!(said[1].body.contains(&victim) && said[1].body.contains("game day"), "{}", said[1].body);
}

#[tokio::test(start_paused = true)]
async fn a_leashed_panda_kills_nobody_and_says_whom_it_would() {
    let scene = Scene::with(&fleet(&[]), &[]);
    let outcome = scene.kill().await;
    assert_eq!(only_verdict(&outcome), Verdict::Leashed);
    assert_eq!(outcome.groups[0].code, "strike-leashed");
    let mut writes = scene.writes();
    writes.sort_unstable();
    assert_eq!(writes, ["Publish", "PutEvents"]);
    assert_eq!(scene.running(), 2);
    assert!(scene.messages()[0].body.contains("leashed"));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_does_not_heal_is_disarmed_people_are_told_and_nothing_dies_there_until_it_is_armed() {
    let scene = Scene::unleashed(&fleet(&[("victim", "holder"), ("min-days", "0"), ("max-per-day", "3")]));
    // Nobody moves the address.
    let outcome = scene.kill().await;
    assert_eq!(only_verdict(&outcome), Verdict::NotHealed, "{outcome:#?}");
    assert!(scene.messages().last().unwrap().subject.as_ref().unwrap().contains("DID NOT HEAL"));
    scene.guarded(scene.pass(300)).await;
    let again = scene.kill().await;
    assert!(again.experiments.is_empty() && reasons(&again).contains(&"disarmed"), "{again:#?}");
    assert!(again.disarmed.contains_key("web"));
    let armed = scene.ask(json!({"command": "arm", "fleet": "web", "reason": "looked at it"})).await.unwrap();
    assert!(armed.summary.contains("Armed the fleet web again: looked at it"), "{}", armed.summary);
    let outcome = scene.guarded(scene.kill()).await;
    assert_eq!(only_verdict(&outcome), Verdict::Survived, "{outcome:#?}");
    let past = scene.ask(json!({"command": "history", "fleet": "web"})).await.unwrap();
    assert_eq!(past.experiments.len(), 2);
    assert!(past.summary.contains("not-healed 1, survived 1"), "{}", past.summary);
}

#[tokio::test(start_paused = true)]
async fn an_intention_whose_reply_was_lost_kills_nobody_and_is_closed_by_a_later_tick() {
    let scene = Scene::unleashed(&fleet(&[]));
    scene.journal.trip(Call::Record, Trip::After);
    let error = scene.ask(json!({"command": "kill", "fleet": "web", "reason": "game day"})).await.unwrap_err();
    assert!(matches!(error, HandlerError::Incomplete { .. }), "{error}");
    assert_eq!((scene.running(), scene.writes().len()), (2, 1), "{:?}", scene.writes());
    let soon = scene.ask(json!({"command": "tick"})).await.unwrap();
    assert!(soon.experiments.is_empty() && reasons(&soon).contains(&"experiment-open"), "{soon:#?}");
    scene.pass(930).await;
    let later = scene.ask(json!({"command": "tick"})).await.unwrap();
    assert_eq!(only_verdict(&later), Verdict::Aborted);
    assert_eq!(scene.running(), 2);
    assert!(scene.messages().last().unwrap().subject.as_ref().unwrap().contains("fell asleep"));
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_dies_after_its_strike_is_taken_over_and_the_end_is_written_down() {
    let scene = Scene::unleashed(&fleet(&[("victim", "spare")]));
    let died = tokio::time::timeout(Duration::from_secs(30), scene.kill()).await;
    assert!(died.is_err(), "the watch takes longer than that");
    assert_eq!(scene.running(), 1, "one died, and Auto Scaling has not noticed");
    scene.guarded(scene.pass(930)).await;
    let later = scene.ask(json!({"command": "tick"})).await.unwrap();
    assert_eq!(only_verdict(&later), Verdict::Survived, "{later:#?}");
    let came = later.experiments[0].outcome.as_ref().unwrap();
    assert_eq!(came.heal_seconds, None, "nobody saw when it healed");
    let terminations = scene.writes().iter().filter(|operation| *operation == "TerminateInstances").count();
    assert_eq!(terminations, 2, "the question and the kill");
}

#[tokio::test(start_paused = true)]
async fn what_aws_would_refuse_is_asked_first_and_costs_the_fleet_nothing() {
    let scene = Scene::unleashed(&fleet(&[]));
    scene.act(&Act::Permit { operation: "ec2:TerminateInstances".into(), allowed: false });
    let outcome = scene.kill().await;
    assert!(outcome.experiments.is_empty(), "{outcome:#?}");
    assert!(outcome.groups[0].sentence.contains("whether AWS would terminate"), "{}", outcome.groups[0].sentence);
    assert!(outcome.groups[0].sentence.contains("UnauthorizedOperation"), "{}", outcome.groups[0].sentence);
    scene.act(&Act::Permit { operation: "ec2:TerminateInstances".into(), allowed: true });
    assert_eq!(only_verdict(&scene.guarded(scene.kill()).await), Verdict::Survived);
}

#[tokio::test(start_paused = true)]
async fn of_two_victims_the_one_that_aws_does_not_end_is_a_server_like_the_others() {
    let mut spec = fleet(&[("max-per-day", "2"), ("min-healthy", "1")]);
    spec.groups[0].desired = 3;
    let scene = Scene::with(&spec, &[("PANDA_MODE", "Unleashed"), ("MAX_KILLS_PER_RUN", "2")]);
    let all: Vec<String> = scene.theatre.with(|world| world.instances().map(|each| each.id.clone()).collect());
    // The question whether it would, EC2 answers without a look at the protection.
    for protected in &all[..2] {
        scene.act(&Act::ProtectFromTermination { instance: protected.clone(), protected: true });
    }
    let order = json!({"command": "kill", "fleet": "web", "reason": "game day", "count": 2});
    let outcome = scene.guarded(scene.ask(order)).await.unwrap();
    assert!(outcome.problems.iter().any(|problem| problem.contains("OperationNotPermitted")), "{outcome:#?}");
    let dead = scene.theatre.with(|world| all.iter().filter(|id| !lives(world, id)).count());
    match only_verdict(&outcome) {
        Verdict::Survived => assert_eq!((dead, outcome.experiments[0].victims.len()), (1, 1), "{outcome:#?}"),
        Verdict::NotStruck => assert_eq!(dead, 0, "both were protected"),
        other => panic!("{other}: {outcome:#?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_whose_reply_is_lost_and_whose_repetitions_are_too_much_is_watched_all_the_same() {
    let scene = Scene::unleashed(&fleet(&[("victim", "spare")]));
    let troubled = async {
        while !scene.writes().iter().any(|operation| operation == "Publish") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let faults = |faults| scene.theatre.with(|world| world.set_faults(faults));
        faults(Faults { reply_lost: 1.0, ..Faults::default() });
        while scene.running() == 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        faults(Faults { throttle: 1.0, ..Faults::default() });
        tokio::time::sleep(Duration::from_secs(10)).await;
        faults(Faults::default());
    };
    let (outcome, ()) = scene.guarded(async { tokio::join!(scene.kill(), troubled) }).await;
    assert!(outcome.problems.iter().any(|problem| problem.contains("RequestLimitExceeded")), "{outcome:#?}");
    assert_eq!(only_verdict(&outcome), Verdict::Survived, "{outcome:#?}");
    assert_eq!(outcome.experiments[0].outcome.as_ref().unwrap().replacements.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_left_behind_is_told_even_if_the_groups_cannot_be_looked_at() {
    let scene = Scene::unleashed(&fleet(&[("victim", "spare")]));
    scene.journal.trip(Call::Record, Trip::After);
    scene.ask(json!({"command": "kill", "fleet": "web", "reason": "game day"})).await.unwrap_err();
    scene.pass(930).await;
    let troubled = async {
        scene.theatre.with(|world| world.set_faults(Faults { throttle: 1.0, ..Faults::default() }));
        tokio::time::sleep(Duration::from_secs(12)).await;
        scene.theatre.with(|world| world.set_faults(Faults::default()));
    };
    let (tick, ()) = tokio::join!(scene.ask(json!({"command": "tick"})), troubled);
    let error = tick.unwrap_err();
    let outcome = error.outcome().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(only_verdict(outcome), Verdict::Aborted);
    assert_eq!(Diagnostic::from(error).error_type, "DescribeAutoScalingGroups.Throttled");
}

#[tokio::test(start_paused = true)]
async fn people_who_cannot_be_told_do_not_save_anybody() {
    let scene = Scene::unleashed(&fleet(&[]));
    scene.act(&Act::DeleteTopic { name: TOPIC.into() });
    let outcome = scene.guarded(scene.kill()).await;
    assert_eq!(only_verdict(&outcome), Verdict::Survived);
    assert!(outcome.problems.iter().any(|problem| problem.contains("could not tell people")), "{outcome:#?}");
}

#[tokio::test(start_paused = true)]
async fn each_fault_strikes_in_its_own_way() {
    for (fault, call) in [
        ("terminate", "TerminateInstances"),
        ("crash", "TerminateInstances"),
        ("graceful", "TerminateInstanceInAutoScalingGroup"),
    ] {
        let scene = Scene::unleashed(&fleet(&[("faults", fault)]));
        let outcome = scene.guarded(scene.kill()).await;
        assert_eq!(only_verdict(&outcome), Verdict::Survived, "{fault}: {outcome:#?}");
        assert!(scene.writes().iter().any(|operation| operation == call), "{fault}: {:?}", scene.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgets_its_updates_goes_on_serving() {
    let scene = Scene::unleashed(&fleet(&[("faults", "stop-agent"), ("url", "/")]));
    let outcome = scene.guarded(scene.kill()).await;
    assert_eq!(only_verdict(&outcome), Verdict::Survived, "{outcome:#?}");
    let victim = outcome.experiments[0].victims[0].instance.to_string();
    let agent = scene.theatre.with(|world| world.instance(&victim).unwrap().code_deploy_agent);
    assert_eq!(agent, CodeDeployAgent::Stopped);
    assert_eq!(outcome.experiments[0].outcome.as_ref().unwrap().outage_seconds, Some(0));
    assert!(scene.messages().last().unwrap().body.contains("forgets its updates"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_cannot_be_reached_is_not_struck() {
    let scene = Scene::unleashed(&fleet(&[("faults", "stop-agent")]));
    let members: Vec<String> =
        scene.theatre.with(|world| world.instances().map(|instance| instance.id.clone()).collect());
    for instance in members {
        scene.act(&Act::SetSsmAgent { instance, online: false });
    }
    let outcome = scene.kill().await;
    assert_eq!(only_verdict(&outcome), Verdict::NotStruck, "{outcome:#?}");
}

#[tokio::test(start_paused = true)]
async fn every_gate_spares_with_its_own_reason() {
    /// The reason's code, the group's tags, and what happens.
    type Gate = (&'static str, Vec<(&'static str, &'static str)>, Vec<Act>);
    let alarm = AlarmSpec { name: "site-slow".into(), ..AlarmSpec::default() };
    let gates: Vec<Gate> = vec![
        ("policy-unreadable", vec![("window", "Mon-Fri 9-15")], vec![]),
        ("policy-unreadable", vec![("windw", "Mon-Fri 09:00-15:00")], vec![]),
        ("outside-window", vec![("window", "Sat-Sun 09:00-15:00")], vec![]),
        ("outside-window", vec![("holidays", "05-07")], vec![]),
        ("min-healthy", vec![("min-healthy", "100%")], vec![]),
        ("suspended", vec![], vec![Act::Suspend { group: "web".into(), names: vec!["Launch".into()] }]),
        (
            "deploying",
            vec![],
            vec![Act::StartDeployment { application: "web".into(), deployment_group: "web".into(), seconds: None }],
        ),
        ("refreshing", vec![], vec![Act::StartInstanceRefresh { group: "web".into() }]),
        (
            "pipeline-running",
            vec![("pipeline", "web")],
            vec![
                Act::PutPipeline { name: "web".into() },
                Act::BeginExecution { pipeline: "web".into(), seconds: None },
            ],
        ),
        ("unseen", vec![("pipeline", "web")], vec![]),
        ("alarm-missing", vec![("stop-alarms", "site-slow")], vec![]),
        (
            "alarm-ringing",
            vec![("stop-alarms", "site-slow")],
            vec![Act::PutAlarm { alarm }, Act::SetAlarm { name: "site-slow".into(), state: AlarmState::Alarm }],
        ),
        ("address-unserved", vec![], vec![Act::Disassociate { public_ip: IP.into() }]),
        ("site-silent", vec![("url", "/")], vec![Act::SiteAnswers { public_ip: IP.into(), status: 500 }]),
        ("unwell", vec![], vec![Act::SetDesired { group: "web".into(), desired: 3 }]),
    ];
    for (code, tags, acts) in gates {
        let scene = Scene::unleashed(&fleet(&tags));
        for act in &acts {
            scene.act(act);
        }
        scene.pass(1).await;
        let preview = scene.ask(json!({"command": "preview"})).await.unwrap();
        assert!(reasons(&preview).contains(&code), "{code}: {preview:#?}");
        let outcome = scene.kill().await;
        assert!(outcome.experiments.is_empty(), "{code}: {outcome:#?}");
        assert!(reasons(&outcome).contains(&code), "{code}: {outcome:#?}");
        assert!(scene.writes().is_empty(), "{code}: {:?}", scene.writes());
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_seconds_of_a_window_are_left_alone_for_a_call_may_hang() {
    // The scene begins at 09:30.
    for (seconds, dies) in [(1_700, true), (1_770, false), (1_797, false)] {
        let scene = Scene::unleashed(&fleet(&[("window", "Thu 09:00-10:00")]));
        scene.guarded(scene.pass(seconds)).await;
        let outcome = scene.guarded(scene.kill()).await;
        assert_eq!(outcome.experiments.len(), usize::from(dies), "{seconds}: {outcome:#?}");
        assert_eq!(reasons(&outcome).contains(&"outside-window"), !dies, "{seconds}: {outcome:#?}");
        assert_eq!(scene.messages().is_empty(), !dies);
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_kill_of_a_day_is_refused_by_the_journals_limits() {
    let scene = Scene::unleashed(&fleet(&[]));
    assert_eq!(only_verdict(&scene.guarded(scene.kill()).await), Verdict::Survived);
    let again = scene.kill().await;
    assert!(reasons(&again).contains(&"minimum-days") || reasons(&again).contains(&"fleet-cap"), "{again:#?}");
    assert!(again.experiments.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_kills_at_the_same_moment_cost_one_instance() {
    let scene = Scene::unleashed(&fleet(&[]));
    let (one, two) = scene.guarded(async { tokio::join!(scene.kill(), scene.kill()) }).await;
    assert_eq!(one.experiments.len() + two.experiments.len(), 1, "{one:#?} {two:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_is_no_command_is_an_error_that_lists_the_commands_and_calls_nobody() {
    let scene = Scene::unleashed(&fleet(&[]));
    for (payload, word) in [
        (json!({"command": "kil", "fleet": "web"}), "`kill`"),
        (json!({"command": "kill", "fleet": "web"}), "`reason`"),
        (json!({"command": "kill", "fleet": "web", "reason": ""}), "empty"),
        (json!({"command": "kill", "flet": "web", "reason": "game day"}), "`flet`"),
        (json!({"command": "history", "days": "all"}), "`days`"),
        (json!([1, 2]), "a list"),
    ] {
        let error = scene.ask(payload.clone()).await.unwrap_err();
        assert!(error.to_string().contains(word), "{payload}: {error}");
        assert_eq!(Diagnostic::from(error).error_type, "Command");
    }
    let calls =
        scene.theatre.with(|world| world.journal().iter().filter(|e| matches!(e.kind, Kind::Call { .. })).count());
    assert_eq!((calls, scene.running()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_does_not_exist_or_takes_no_part_is_said_to_be_so() {
    let scene = Scene::unleashed(&FleetSpec::default());
    let outcome = scene.kill().await;
    assert_eq!(reasons(&outcome), ["not-opted-in"], "{outcome:#?}");
    let outcome = scene.ask(json!({"command": "kill", "fleet": "wep", "reason": "game day"})).await.unwrap();
    let unknown = "there is no Auto Scaling group of the fleet `wep`";
    assert!(outcome.summary.contains(unknown), "{}", outcome.summary);
    // What is said of a fleet is written down, and whoever has mistyped it hears so.
    for command in ["disarm", "arm"] {
        let order = json!({"command": command, "fleet": "wep", "reason": "incident 12"});
        let outcome = scene.ask(order).await.unwrap();
        assert!(outcome.problems.iter().any(|problem| problem == unknown), "{command}: {outcome:#?}");
        assert!(outcome.summary.contains(unknown), "{}", outcome.summary);
        let right = scene.ask(json!({"command": command, "fleet": "web", "reason": "incident 12"})).await.unwrap();
        assert!(!right.summary.contains("there is no"), "{command}: {right:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_lever_stops_everybody_until_it_is_let_go() {
    let scene = Scene::unleashed(&fleet(&[]));
    scene.ask(json!({"command": "disarm", "reason": "release week"})).await.unwrap();
    let outcome = scene.kill().await;
    assert!(outcome.groups[0].sentence.contains("release week"), "{outcome:#?}");
    scene.ask(json!({"command": "arm", "reason": "released"})).await.unwrap();
    assert_eq!(only_verdict(&scene.guarded(scene.kill()).await), Verdict::Survived);
}

#[test]
fn a_switched_off_panda_looks_at_nothing_closely() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let scene = Scene::with(&fleet(&[]), &[("PANDA_MODE", "Off")]);
        let outcome = scene.kill().await;
        assert_eq!(reasons(&outcome), ["mode-off"]);
        assert_eq!(outcome.reads, 1);
        assert!(scene.sdk.region().is_some());
    });
}
