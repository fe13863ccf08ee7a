//! Do the panda's calls see what the simulated AWS shows, and name what it refuses?
//!
//! What moto knows as well is asked of it in `wire_moto_panda.rs`; here is the rest.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::{SdkConfig, region::Region};
use panda_aws::{
    Aws, Counter, Trouble,
    activities::last_launches,
    alarms::Alarms,
    chaos_groups::describe_chaos_groups,
    commands::{Commands, Ran},
    deployments::Deployments,
    instances::{Which, describe_named, look_at},
    pipelines::Pipelines,
    refreshes::newest_refresh,
    site::Site,
    termination::{Shutdown, Terminated, probe_terminate, terminate, terminate_in_group},
};
use panda_domain::{
    chaos::AlarmState,
    event::InstanceState,
    ids::{GroupName, InstanceId},
};
use panda_world::{
    Act, AlarmSpec, CodeDeployAgent, DeploymentStatus, DocumentEffect, ExecutionStatus, FleetSpec, GroupSpec, REGION,
    Timing, World, in_process::Theatre,
};
use tokio::time::sleep;

const IP: &str = "203.0.113.10";

struct Scene {
    theatre: Theatre,
    sdk: SdkConfig,
    aws: Aws,
}

impl Scene {
    fn new() -> Self {
        let alarm = |name: &str, rule: Option<&str>| AlarmSpec {
            name: name.to_owned(),
            rule: rule.map(str::to_owned),
            state: panda_world::AlarmState::Alarm,
        };
        let chaos = BTreeMap::from([("lethargic-panda:chaos".to_owned(), "on".to_owned())]);
        let spec = FleetSpec {
            groups: vec![GroupSpec { tags: chaos, hooks: Vec::new(), ..GroupSpec::default() }],
            alarms: vec![alarm("errors", None), alarm("all", Some("ALARM(errors)"))],
            pipelines: vec!["site".to_owned()],
            documents: BTreeMap::from([
                ("stop-agent".to_owned(), DocumentEffect::StopCodeDeployAgent),
                ("broken".to_owned(), DocumentEffect::Fail),
            ]),
            ..FleetSpec::default()
        };
        let mut world = World::new(7, "2026-05-07T09:30:00Z".parse().unwrap(), Timing::default());
        world.found_fleet(&spec);
        let theatre = Theatre::new(world);
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
        let sdk = SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(theatre.http_client("panda"))
            .time_source(theatre.time_source())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(panda_aws::retries())
            .timeout_config(panda_aws::timeouts())
            .build();
        let aws = Aws::new(&sdk);
        Self { theatre, sdk, aws }
    }

    fn act(&self, act: &Act) {
        self.theatre.with(|world| world.act(act)).unwrap();
    }

    fn member(&self) -> InstanceId {
        self.theatre.with(|world| world.group("web").unwrap().members.keys().next().unwrap().as_str().into())
    }
}

fn web() -> GroupName {
    "web".into()
}

#[tokio::test(start_paused = true)]
async fn alarms_of_both_kinds_are_seen_by_name_and_by_arn() {
    let scene = Scene::new();
    let arn = format!("arn:aws:cloudwatch:{REGION}:123456789012:alarm:all");
    let foreign = "arn:aws:cloudwatch:ap-south-2:123456789012:alarm:all".to_owned();
    let expected = BTreeMap::from([
        ("errors".to_owned(), AlarmState::Alarm),
        ("all".to_owned(), AlarmState::Alarm),
        (arn, AlarmState::Alarm),
        (foreign, AlarmState::Missing),
        ("none".to_owned(), AlarmState::Missing),
    ]);
    let asked: Vec<String> = expected.keys().cloned().collect();
    let counter = Counter::default();
    let alarms = Alarms::new(&scene.sdk, counter.clone());
    assert_eq!(alarms.states(&asked).await.unwrap(), expected);
    assert_eq!(counter.take().reads, 1);
    for (state, expected) in [
        (panda_world::AlarmState::Ok, AlarmState::Ok),
        (panda_world::AlarmState::InsufficientData, AlarmState::InsufficientData),
    ] {
        scene.act(&Act::SetAlarm { name: "errors".into(), state });
        assert_eq!(alarms.states(&["errors".to_owned()]).await.unwrap()["errors"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn every_alarm_of_many_is_asked_for() {
    let scene = Scene::new();
    let names: Vec<String> = (0..230).map(|number| format!("alarm-{number}")).collect();
    for name in &names {
        scene.act(&Act::PutAlarm { alarm: AlarmSpec { name: name.clone(), ..AlarmSpec::default() } });
    }
    let states = Alarms::new(&scene.sdk, Counter::default()).states(&names).await.unwrap();
    assert_eq!(states.len(), names.len());
    assert!(states.values().all(|state| *state != AlarmState::Missing), "{states:?}");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_touches_its_groups_until_it_has_ended() {
    let scene = Scene::new();
    let deployments = Deployments::new(&scene.sdk, Counter::default());
    assert_eq!(deployments.active().await.unwrap(), []);
    scene.act(&Act::StartDeployment { application: "web".into(), deployment_group: "web".into(), seconds: None });
    sleep(Duration::from_secs(5)).await;
    let group = describe_chaos_groups(&scene.aws).await.unwrap().remove(0);
    let active = deployments.active().await.unwrap();
    assert_eq!(active.len(), 1, "{active:?}");
    assert_eq!((active[0].application.as_str(), active[0].deployment_group.as_str()), ("web", "web"));
    assert!(active[0].touches(&group) && active[0].id.starts_with("d-"), "{active:?}");
    let set = |status| {
        scene.act(&Act::SetDeployment { application: "web".into(), deployment_group: "web".into(), status });
    };
    set(DeploymentStatus::Baking);
    assert_eq!(deployments.active().await.unwrap()[0].status, "Baking");
    set(DeploymentStatus::Succeeded);
    assert_eq!(deployments.active().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_runs_until_its_execution_has_ended() {
    let scene = Scene::new();
    let pipelines = Pipelines::new(&scene.sdk, Counter::default());
    assert_eq!(pipelines.running("none").await.unwrap(), None);
    assert_eq!(pipelines.running("site").await.unwrap(), Some(Vec::new()));
    scene.act(&Act::BeginExecution { pipeline: "site".into(), seconds: None });
    assert_eq!(pipelines.running("site").await.unwrap().map(|running| running.len()), Some(1));
    scene.act(&Act::EndExecution { pipeline: "site".into(), status: ExecutionStatus::Failed });
    assert_eq!(pipelines.running("site").await.unwrap(), Some(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_command_ends_well_or_badly_or_not_at_all() {
    let scene = Scene::new();
    let member = scene.member();
    let commands = Commands::new(&scene.sdk, Counter::default());
    let minute = Duration::from_mins(1);
    assert_eq!(commands.run("stop-agent", &member, "chaos", minute).await.unwrap(), Ran::Succeeded);
    scene.theatre.with(|world| {
        let agent = world.instance(member.as_str()).unwrap().code_deploy_agent;
        assert_eq!(agent, CodeDeployAgent::Stopped);
    });
    let failed = commands.run("broken", &member, "chaos", minute).await.unwrap();
    assert!(matches!(&failed, Ran::Failed { status, .. } if status == "Failed"), "{failed:?}");
    let stranger = InstanceId::from("i-0123456789abcdef0");
    let unmanaged = commands.run("stop-agent", &stranger, "chaos", minute).await.unwrap();
    assert!(matches!(unmanaged, Ran::Unmanaged { .. }), "{unmanaged:?}");
    let hasty = commands.run("stop-agent", &member, "chaos", Duration::from_millis(2100)).await.unwrap();
    assert!(matches!(hasty, Ran::Unfinished { .. }), "{hasty:?}");
    let error = commands.run("none", &member, "chaos", minute).await.unwrap_err();
    assert_eq!(error.code.as_deref(), Some("InvalidDocument"), "{error}");
    let error = {
        scene.act(&Act::Permit { operation: "ssm:SendCommand".into(), allowed: false });
        commands.run("stop-agent", &member, "chaos", minute).await.unwrap_err()
    };
    assert_eq!(error.trouble, Trouble::Unauthorized, "{error}");
}

#[tokio::test(start_paused = true)]
async fn launches_that_fail_are_told_until_one_succeeds() {
    let scene = Scene::new();
    assert_eq!(last_launches(&scene.aws, &web()).await.unwrap().failed, None);
    let zones = describe_chaos_groups(&scene.aws).await.unwrap().remove(0);
    let zones: BTreeSet<_> = zones.members.into_iter().map(|member| member.zone).collect();
    for zone in &zones {
        scene.act(&Act::LoseZone { zone: zone.clone(), silent: false });
    }
    sleep(Duration::from_mins(20)).await;
    let launches = last_launches(&scene.aws, &web()).await.unwrap();
    let (failed, why) = launches.failed.clone().unwrap();
    assert!(launches.succeeded.is_none_or(|succeeded| succeeded < failed) && !why.is_empty(), "{launches:?}");
    for zone in zones {
        scene.act(&Act::RestoreZone { zone });
    }
    sleep(Duration::from_hours(2)).await;
    let launches = last_launches(&scene.aws, &web()).await.unwrap();
    assert!(launches.succeeded > launches.failed.map(|(at, _)| at), "{:?}", launches.succeeded);
}

#[tokio::test(start_paused = true)]
async fn instances_are_named_past_unknown_names_and_past_a_zone_that_ec2_does_not_answer_for() {
    let scene = Scene::new();
    let zones: BTreeMap<InstanceId, String> = scene
        .theatre
        .with(|world| world.instances().map(|instance| (instance.id.as_str().into(), instance.zone.clone())).collect());
    let all: BTreeSet<InstanceId> = zones.keys().cloned().collect();
    let named = async |ids: BTreeSet<InstanceId>| {
        describe_named(&scene.aws, &ids).await.map(|named| named.into_keys().collect::<BTreeSet<_>>())
    };
    let strangers = ["i-0123456789abcdef0", "i-0fedcba9876543210"].map(InstanceId::from);
    assert_eq!(named(all.iter().cloned().chain(strangers.clone()).collect()).await.unwrap(), all);
    assert_eq!(named(strangers.into()).await.unwrap(), BTreeSet::new());
    let lost = zones.values().next().unwrap();
    scene.act(&Act::LoseZone { zone: lost.clone(), silent: true });
    let living: BTreeSet<InstanceId> =
        zones.iter().filter(|(_, zone)| *zone != lost).map(|(id, _)| id.clone()).collect();
    assert_eq!(named(living.clone()).await.unwrap(), living);
    assert_eq!(named(all.clone()).await.unwrap_err().trouble, Trouble::Unreachable);
    assert_eq!(look_at(&scene.aws, Which::Ids(&living)).await.unwrap_err().trouble, Trouble::Unreachable);
}

#[tokio::test(start_paused = true)]
async fn an_instance_refresh_is_told_from_its_beginning_to_its_end() {
    let scene = Scene::new();
    assert_eq!(newest_refresh(&scene.aws, &web()).await.unwrap(), None);
    scene.act(&Act::StartInstanceRefresh { group: "web".into() });
    sleep(Duration::from_mins(1)).await;
    let status = newest_refresh(&scene.aws, &web()).await.unwrap();
    assert!(matches!(status.as_deref(), Some("Pending" | "InProgress")), "{status:?}");
    scene.act(&Act::CancelInstanceRefresh { group: "web".into() });
    sleep(Duration::from_hours(1)).await;
    assert_eq!(newest_refresh(&scene.aws, &web()).await.unwrap().as_deref(), Some("Cancelled"));
}

#[tokio::test(start_paused = true)]
async fn a_probe_harms_nobody_and_tells_of_a_missing_permission() {
    let scene = Scene::new();
    let member = scene.member();
    probe_terminate(&scene.aws, &member).await.unwrap();
    scene.act(&Act::Permit { operation: "ec2:TerminateInstances".into(), allowed: false });
    let error = probe_terminate(&scene.aws, &member).await.unwrap_err();
    assert_eq!(error.trouble, Trouble::Unauthorized, "{error}");
    let looked = look_at(&scene.aws, Which::Ids(&BTreeSet::from([member.clone()]))).await.unwrap();
    assert_eq!(looked[&member].state, InstanceState::Running);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_struck_once_and_strangers_are_gone() {
    for shutdown in [Shutdown::Orderly, Shutdown::PowerCut] {
        let scene = Scene::new();
        let member = scene.member();
        assert_eq!(terminate(&scene.aws, &member, shutdown).await.unwrap(), Terminated::Struck);
        assert_eq!(terminate(&scene.aws, &member, shutdown).await.unwrap(), Terminated::AlreadyLeaving);
        let stranger = InstanceId::from("i-0123456789abcdef0");
        assert_eq!(terminate(&scene.aws, &stranger, shutdown).await.unwrap(), Terminated::Gone);
        assert_eq!(terminate_in_group(&scene.aws, &stranger).await.unwrap(), Terminated::Gone);
    }
    let scene = Scene::new();
    assert_eq!(terminate_in_group(&scene.aws, &scene.member()).await.unwrap(), Terminated::Struck);
    assert_eq!(describe_chaos_groups(&scene.aws).await.unwrap()[0].desired, 2);
}

#[tokio::test(start_paused = true)]
async fn the_simulated_site_is_asked_by_the_same_client() {
    let scene = Scene::new();
    let site = Site::new(&scene.sdk, Duration::from_secs(3));
    let url = format!("http://{IP}/health?deep=1");
    assert_eq!(site.probe(&url).await.probe.answer, Ok(200));
    scene.act(&Act::SiteAnswers { public_ip: IP.into(), status: 503 });
    assert_eq!(site.probe(&url).await.probe.answer, Ok(503));
    scene.act(&Act::Disassociate { public_ip: IP.into() });
    let answer = site.probe(&url).await;
    assert!(answer.probe.answer.is_err(), "{answer:?}");
}
