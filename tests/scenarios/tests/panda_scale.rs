//! A thousand groups in one account: what does a tick cost, and does it stay below AWS's request limits?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::collections::BTreeMap;

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::{SdkConfig, region::Region};
use lambda_runtime::{Context, LambdaEvent};
use panda::{App, Config, Outcome, handle, journal::memory::MemoryJournal};
use panda_world::{Fault, Faults, FleetSpec, GroupSpec, Kind, REGION, Timing, World, in_process::Theatre, topic_arn};
use serde_json::json;

const GROUPS: u32 = 1_000;
/// Auto Scaling puts a hundred groups on a page.
const PAGES: u32 = GROUPS / 100;
/// Two servers each.
const SERVERS: u32 = 2;
/// The groups whose dice fell of which a tick looks at no more.
const MOST_LOOKED_AT: u32 = 50;

/// A thousand groups that take part, in an account whose request budgets are AWS's own.
struct Crowd {
    theatre: Theatre,
    app: App<MemoryJournal>,
}

impl Crowd {
    fn at(start: &str, tags: &[(&str, &str)], variables: &[(&str, &str)]) -> Self {
        let mut world = World::new(11, start.parse().unwrap(), Timing::default());
        let mut all = BTreeMap::from([("lethargic-panda:chaos".to_owned(), "on".to_owned())]);
        all.extend(tags.iter().map(|(key, value)| (format!("lethargic-panda:{key}"), (*value).to_owned())));
        for number in 0..GROUPS {
            let name = format!("fleet-{number:04}");
            world.found_fleet(&FleetSpec {
                // Addresses are dear: one fleet in ten has one.
                addresses: (number % 10 == 0).then(|| format!("203.0.113.{}", number / 10)).into_iter().collect(),
                groups: vec![GroupSpec {
                    name: name.clone(),
                    desired: SERVERS,
                    tags: all.clone(),
                    code_deploy: false,
                    ..GroupSpec::default()
                }],
                name,
                topics: vec!["panda".to_owned()],
                ..FleetSpec::default()
            });
        }
        world.set_faults(Faults { token_buckets: true, ..Faults::default() });
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
        let variables: BTreeMap<String, String> =
            [("TOPIC_ARN", topic_arn("panda").as_str()), ("JOURNAL_TABLE", "journal")]
                .iter()
                .chain(variables)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
        let config = Config::from_lookup(|name| variables.get(name).cloned()).unwrap();
        let app = App::new(config, &sdk, panda_aws::Aws::new(&sdk), MemoryJournal::default());
        Self { theatre, app }
    }

    async fn tick(&self) -> Outcome {
        let mut context = Context::default();
        context.deadline = u64::try_from(self.theatre.now().as_millisecond()).unwrap() + 900_000;
        let outcome = handle(&self.app, LambdaEvent::new(json!({"command": "tick"}), context)).await.unwrap();
        assert_eq!(outcome.groups.len(), GROUPS as usize);
        assert!(outcome.groups.iter().all(|verdict| !verdict.sentence.is_empty()), "every group gets a verdict");
        outcome
    }

    /// How often the panda called each operation. None of the calls was refused by a request limit.
    fn calls(&self) -> BTreeMap<String, u32> {
        let mut calls = BTreeMap::new();
        self.theatre.with(|world| {
            for entry in world.journal() {
                match &entry.kind {
                    Kind::Call { operation, .. } => *calls.entry(operation.clone()).or_default() += 1,
                    Kind::Fault { fault: Fault::Throttled, operation, .. } => panic!("{operation} was throttled"),
                    _ => {}
                }
            }
        });
        calls
    }
}

fn fallen(outcome: &Outcome) -> u32 {
    let fell = |verdict: &&panda_domain::chaos::GroupVerdict| {
        verdict.thrown.zip(verdict.slot_odds).is_some_and(|(thrown, odds)| thrown < odds)
    };
    u32::try_from(outcome.groups.iter().filter(fell).count()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_tick_for_whom_no_dice_fall_reads_ten_pages_and_nothing_else() {
    for (start, code) in [("2026-05-07T11:00:30Z", "dice"), ("2026-05-07T20:00:30Z", "outside-window")] {
        let crowd = Crowd::at(start, &[("mean-days", "365")], &[("PANDA_MODE", "Unleashed")]);
        let outcome = crowd.tick().await;
        assert_eq!(outcome.codes, BTreeMap::from([(code, GROUPS as usize)]));
        assert_eq!((outcome.reads, outcome.writes), (PAGES, 0));
        assert_eq!(crowd.calls(), BTreeMap::from([("DescribeAutoScalingGroups".to_owned(), PAGES)]));
        assert!(outcome.duration_ms < 5_000, "{} ms", outcome.duration_ms);
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_the_dice_that_fall_costs_two_reads_and_what_can_be_shared_is_read_once() {
    let crowd = Crowd::at("2026-05-07T11:00:30Z", &[], &[("MAX_KILLS_PER_RUN", "5")]);
    let outcome = crowd.tick().await;
    let fallen = fallen(&outcome);
    assert!((5..=20).contains(&fallen), "a hundredth of a thousand, more or less: {fallen}");
    let calls = crowd.calls();
    // Their fleets' groups on one page, their servers in one answer.
    let expected = [
        ("DescribeAddresses", 1),
        ("DescribeAutoScalingGroups", PAGES + 1),
        ("DescribeInstanceRefreshes", fallen),
        ("DescribeInstances", 1),
        ("DescribeScalingActivities", fallen),
        ("ListDeployments", 1),
    ];
    let reads: BTreeMap<String, u32> = calls
        .iter()
        .filter(|(name, _)| !["Publish", "PutEvents"].contains(&name.as_str()))
        .map(|(n, c)| (n.clone(), *c))
        .collect();
    assert_eq!(reads, expected.map(|(name, count)| (name.to_owned(), count)).into());
    assert_eq!(outcome.reads, PAGES + 4 + 2 * fallen);
    assert_eq!(outcome.codes["strike-leashed"], 5, "{:?}", outcome.codes);
    assert_eq!(outcome.codes["run-cap"], fallen as usize - 5, "{:?}", outcome.codes);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_dice_that_fall_at_once_stay_below_the_request_limits() {
    // In the last slot of a day on which each must die.
    let crowd = Crowd::at("2026-05-07T14:45:30Z", &[("mean-days", "1")], &[]);
    let outcome = crowd.tick().await;
    assert_eq!(fallen(&outcome), GROUPS);
    assert_eq!(outcome.codes, BTreeMap::from([("run-cap", GROUPS as usize - 1), ("strike-leashed", 1)]));
    assert!(outcome.reads <= PAGES + 4 + 2 * MOST_LOOKED_AT, "{} reads", outcome.reads);
    assert!(outcome.duration_ms < 30_000, "{} ms", outcome.duration_ms);
    let calls = crowd.calls();
    assert_eq!(calls["DescribeScalingActivities"], MOST_LOOKED_AT, "{calls:?}");
}
