//! Do the journal in a table and the journal in memory give the same answers?
//!
//! Every test of [`contract`] runs on both: on DynamoDB as moto's authors read it, and on the twin that the simulations use.
//!
//! moto undoes a cancelled transaction by putting back the table as it was when it began, and with that takes back what others wrote
//! meanwhile. So a table gets one request at a time; the requests of several calls still mix in any order, which is the race.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use jiff::{SignedDuration, Timestamp, civil::Date};
use panda::journal::{
    Journal, Record, Refusal,
    dynamo::DynamoJournal,
    memory::{Call, MemoryJournal, Trip},
};
use panda_aws::{Counter, Tally};
use panda_domain::chaos::{
    self, AddressMove, Experiment, ExperimentId, Fault, HeldAddress, Limits, Outcome, Said, Trigger, Verdict, Victim,
};
use panda_scenarios::emulator::{Moto, boto3};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::Value;
use tokio::sync::Mutex;

const HISTORY_DAYS: u32 = 400;

/// An HTTP client that sends a request when nobody else waits for a reply, and loses replies to writes on demand.
#[derive(Clone, Debug)]
struct OneAtATime {
    http: SharedHttpClient,
    floor: Arc<Mutex<()>>,
    to_lose: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Connector {
    http: SharedHttpConnector,
    client: OneAtATime,
}

impl HttpClient for OneAtATime {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector { http: self.http.http_connector(settings, parts), client: self.clone() })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (http, client) = (self.http.clone(), self.client.clone());
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let writes = !target.ends_with(".Query") && !target.ends_with(".GetItem");
        HttpConnectorFuture::new(async move {
            let _floor = client.floor.lock().await;
            let reply = http.call(request).await?;
            let lose = |left: usize| left.checked_sub(1);
            if writes && client.to_lose.fetch_update(Relaxed, Relaxed, lose).is_ok() {
                return Err(ConnectorError::io("the reply is lost".into()));
            }
            Ok(reply)
        })
    }
}

/// A journal in a table of its own, for one test.
struct Table {
    journal: DynamoJournal,
    counter: Counter,
    name: String,
    to_lose: Arc<AtomicUsize>,
}

/// How many tests there may be.
const TABLES: usize = 40;

impl Table {
    fn endpoint() -> String {
        static MOTO: LazyLock<Moto> = LazyLock::new(|| {
            let moto = Moto::start();
            let script = r#"
keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
for number in range(TABLES):
    client("dynamodb").create_table(
        TableName=f"journal-{number}", KeySchema=keys, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys])
answer(None)
"#;
            boto3(&moto.endpoint(), &script.replace("TABLES", &TABLES.to_string()));
            moto
        });
        MOTO.endpoint()
    }

    async fn fresh() -> Self {
        static TAKEN: AtomicUsize = AtomicUsize::new(0);
        let number = TAKEN.fetch_add(1, Relaxed);
        assert!(number < TABLES, "more tables are needed");
        Self::named(&format!("journal-{number}")).await
    }

    async fn named(name: &str) -> Self {
        let sdk = sdk_config(&Self::endpoint(), panda_stage::deploy::REGION).await;
        let to_lose = Arc::default();
        let http =
            OneAtATime { http: sdk.http_client().unwrap(), floor: Arc::default(), to_lose: Arc::clone(&to_lose) };
        let sdk = sdk.into_builder().http_client(http).retry_config(panda_aws::retries()).build();
        let counter = Counter::default();
        let journal = DynamoJournal::new(&sdk, counter.clone(), name, HISTORY_DAYS);
        Self { journal, counter, name: name.to_owned(), to_lose }
    }

    /// Loses the replies to the next writes, which have their effect.
    fn lose(&self, replies: usize) {
        self.to_lose.store(replies, Relaxed);
    }

    fn boto3(script: &str) -> Value {
        boto3(&Self::endpoint(), &format!("dynamodb = client('dynamodb')\n{script}"))
    }

    /// Items by their keys, as DynamoDB writes them.
    fn items(&self, keys: &[(&str, &str)]) -> Vec<Value> {
        let (name, keys) = (&self.name, serde_json::to_string(keys).unwrap());
        let found = Self::boto3(&format!(
            r#"
def item(pk, sk):
    return dynamodb.get_item(TableName="{name}", Key={{"pk": {{"S": pk}}, "sk": {{"S": sk}}}}).get("Item")
answer([item(pk, sk) for pk, sk in {keys}])
"#
        ));
        found.as_array().unwrap().clone()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// Ten o'clock on a Tuesday.
const TEN: &str = "2026-11-24T10:00:00Z";

/// An experiment of a fleet in a slot, with one victim, at ten o'clock.
fn experiment(fleet: &str, slot: i64) -> Experiment {
    Experiment {
        id: ExperimentId::new(&fleet.into(), slot),
        fleet: fleet.into(),
        group: format!("{fleet}-group").as_str().into(),
        leashed: false,
        trigger: Trigger::Tick { slot, thrown: 0.012_345_678_901_234_5, odds: 0.25 },
        fault: Fault::Terminate,
        victims: vec![Victim { instance: "i-1".into(), zone: "eu-west-1a".into(), holds: vec!["203.0.113.10".into()] }],
        started: at(TEN),
        day: day("2026-11-24"),
        heal_by: at(TEN) + SignedDuration::from_mins(10),
        desired: 2,
        members: vec!["i-1".into(), "i-2".into()],
        addresses: vec![HeldAddress { public_ip: "203.0.113.10".into(), holder: Some("i-1".into()) }],
        url: Some("/health".parse().unwrap()),
        struck: None,
        outcome: None,
    }
}

/// The same experiment with so many victims.
fn of(victims: usize, mut experiment: Experiment) -> Experiment {
    experiment.victims = vec![experiment.victims[0].clone(); victims];
    experiment
}

/// The same experiment on another moment and its date.
fn on(moment: &str, mut experiment: Experiment) -> Experiment {
    experiment.started = at(moment);
    experiment.day = chaos::utc_date(experiment.started);
    experiment
}

fn leashed(mut experiment: Experiment) -> Experiment {
    experiment.leashed = true;
    experiment.outcome = Some(outcome(Verdict::Leashed));
    experiment
}

/// Limits that nothing exceeds.
fn wide(experiment: &Experiment) -> Limits {
    Limits {
        day: experiment.day,
        max_per_day: 100,
        last_kill_before: None,
        account_day: chaos::utc_date(experiment.started),
        max_account_day: 100,
    }
}

fn lease() -> Timestamp {
    at(TEN) + SignedDuration::from_mins(15)
}

fn outcome(verdict: Verdict) -> Outcome {
    Outcome {
        verdict,
        closed: at("2026-11-24T10:03:00.25Z"),
        heal_seconds: Some(130),
        outage_seconds: None,
        moves: vec![AddressMove { public_ip: "203.0.113.10".into(), from: Some("i-1".into()), to: Some("i-2".into()) }],
        replacements: vec!["i-3".into()],
        detail: Some("all is well".into()),
    }
}

fn said(reason: &str) -> Said {
    Said { reason: reason.into(), by: "a person".into(), at: at("2026-11-24T09:00:00Z") }
}

async fn record(journal: &impl Journal, experiment: &Experiment) -> Record {
    journal.record(experiment, &wide(experiment), lease()).await.unwrap()
}

async fn refused(journal: &impl Journal, experiment: &Experiment, limits: &Limits) -> Refusal {
    match journal.record(experiment, limits, lease()).await.unwrap() {
        Record::Refused(refusal) => refusal,
        Record::Done => panic!("{} was recorded", experiment.id),
    }
}

async fn close(journal: &impl Journal, experiment: &Experiment) {
    assert!(journal.close(experiment, &outcome(Verdict::Survived), None).await.unwrap());
}

mod contract {
    use super::*;

    pub(super) async fn a_new_journal_says_nothing(journal: &impl Journal) {
        assert_eq!(journal.now().await.unwrap(), chaos::Present::default());
        assert_eq!(journal.history(None, at("2026-01-01T00:00:00Z"), at(TEN)).await.unwrap(), []);
    }

    pub(super) async fn what_was_recorded_is_read_back_as_it_was(journal: &impl Journal) {
        let experiment = experiment("web", 7);
        assert_eq!(record(journal, &experiment).await, Record::Done);
        let present = journal.now().await.unwrap();
        let open = &present.open["web"];
        assert_eq!((&open.experiment, open.lease_until), (&experiment, lease()));
        let last = present.last["web"].unleashed.as_ref().unwrap();
        assert_eq!((last.at, last.day, last.kills, &last.id), (at(TEN), day("2026-11-24"), 1, &experiment.id));
        assert_eq!(present.last["web"].leashed, None);
        assert_eq!(present.days[&day("2026-11-24")], 1);
        let since = at("2026-11-24T00:00:00Z");
        assert_eq!(journal.history(None, since, lease()).await.unwrap(), [experiment]);
    }

    pub(super) async fn a_repetition_is_refused_while_it_runs_and_after(journal: &impl Journal) {
        let first = experiment("web", 7);
        record(journal, &first).await;
        // A repetition decides a little later.
        let again = on("2026-11-24T10:00:09Z", first.clone());
        assert_eq!(refused(journal, &again, &wide(&again)).await, Refusal::AlreadyRecorded);
        close(journal, &first).await;
        assert_eq!(refused(journal, &again, &wide(&again)).await, Refusal::AlreadyRecorded);
        // And when another experiment has come between.
        let other = on("2026-11-24T11:00:00Z", experiment("web", 8));
        assert_eq!(record(journal, &other).await, Record::Done);
        close(journal, &other).await;
        let late = on("2026-11-24T12:00:00Z", first);
        assert_eq!(refused(journal, &late, &wide(&late)).await, Refusal::AlreadyRecorded);
        assert_eq!(journal.now().await.unwrap().days[&day("2026-11-24")], 2);
    }

    pub(super) async fn of_two_that_race_for_one_fleet_exactly_one_is_recorded(journal: &impl Journal) {
        for round in 0..10 {
            let moment = format!("2026-11-24T10:{round:02}:00Z");
            let (one, other) =
                (on(&moment, experiment("web", 10 * round)), on(&moment, experiment("web", 10 * round + 1)));
            let (first, second) = tokio::join!(record(journal, &one), record(journal, &other));
            let (winner, loser) = if first == Record::Done { (&one, second) } else { (&other, first) };
            let expected = Refusal::OpenExperiment { id: winner.id.clone(), started: winner.started };
            assert_eq!(loser, Record::Refused(expected), "round {round}");
            assert_eq!(journal.now().await.unwrap().open["web"].experiment, *winner);
            close(journal, winner).await;
        }
        assert_eq!(journal.now().await.unwrap().days[&day("2026-11-24")], 10);
    }

    pub(super) async fn of_two_deliveries_of_one_tick_exactly_one_is_recorded(journal: &impl Journal) {
        for slot in 0..10 {
            let experiment = experiment("web", slot);
            let (first, second) = tokio::join!(record(journal, &experiment), record(journal, &experiment));
            let done = [&first, &second].into_iter().filter(|record| **record == Record::Done).count();
            assert_eq!(done, 1, "{first:?}, {second:?}");
            let repeated = Record::Refused(Refusal::AlreadyRecorded);
            assert!(first == repeated || second == repeated, "{first:?}, {second:?}");
            close(journal, &experiment).await;
        }
    }

    pub(super) async fn fleets_do_not_hinder_each_other(journal: &impl Journal) {
        let (web, api) = (experiment("web", 7), experiment("api", 7));
        let (first, second) = tokio::join!(record(journal, &web), record(journal, &api));
        assert_eq!((first, second), (Record::Done, Record::Done));
        let present = journal.now().await.unwrap();
        assert_eq!(present.open.len(), 2);
        assert_eq!(present.days[&day("2026-11-24")], 2);
    }

    pub(super) async fn the_cap_of_a_fleets_day_holds(journal: &impl Journal) {
        let first = of(2, experiment("web", 7));
        let limits = |experiment: &Experiment| Limits { max_per_day: 3, ..wide(experiment) };
        assert_eq!(journal.record(&first, &limits(&first), lease()).await.unwrap(), Record::Done);
        close(journal, &first).await;
        let pair = of(2, on("2026-11-24T11:00:00Z", experiment("web", 8)));
        let cap = Refusal::FleetCap { day: day("2026-11-24"), kills: 2, cap: 3 };
        assert_eq!(refused(journal, &pair, &limits(&pair)).await, cap);
        // One more fits, and the next day begins anew. What was refused left no trace.
        for (moment, slot) in [("2026-11-24T12:00:00Z", 8), ("2026-11-25T10:00:00Z", 9)] {
            let next = on(moment, experiment("web", slot));
            assert_eq!(journal.record(&next, &limits(&next), lease()).await.unwrap(), Record::Done);
            close(journal, &next).await;
        }
        let present = journal.now().await.unwrap();
        assert_eq!(present.last["web"].unleashed.as_ref().unwrap().kills, 1);
        assert_eq!(present.days[&day("2026-11-24")], 3);
    }

    pub(super) async fn the_cap_of_the_accounts_day_holds_over_all_fleets(journal: &impl Journal) {
        let limits = |experiment: &Experiment| Limits { max_account_day: 2, ..wide(experiment) };
        for fleet in ["a", "b"] {
            let experiment = experiment(fleet, 7);
            assert_eq!(journal.record(&experiment, &limits(&experiment), lease()).await.unwrap(), Record::Done);
        }
        let third = experiment("c", 7);
        assert_eq!(refused(journal, &third, &limits(&third)).await, Refusal::AccountCap { kills: 2, cap: 2 });
        assert!(!journal.now().await.unwrap().open.contains_key("c"), "a refusal leaves no trace");
        let large = of(3, experiment("d", 7));
        assert!(matches!(refused(journal, &large, &limits(&large)).await, Refusal::AccountCap { cap: 2, .. }));
        let tomorrow = on("2026-11-25T10:00:00Z", third);
        assert_eq!(journal.record(&tomorrow, &limits(&tomorrow), lease()).await.unwrap(), Record::Done);
    }

    pub(super) async fn fleets_that_race_for_the_last_place_of_the_day_share_it_not(journal: &impl Journal) {
        let experiments = ["a", "b", "c", "d"].map(|fleet| experiment(fleet, 7));
        let limits = Limits { max_account_day: 1, ..wide(&experiments[0]) };
        let (a, b, c, d) = tokio::join!(
            journal.record(&experiments[0], &limits, lease()),
            journal.record(&experiments[1], &limits, lease()),
            journal.record(&experiments[2], &limits, lease()),
            journal.record(&experiments[3], &limits, lease()),
        );
        let records = [a, b, c, d].map(Result::unwrap);
        let full = Record::Refused(Refusal::AccountCap { kills: 1, cap: 1 });
        assert_eq!(records.iter().filter(|record| **record == Record::Done).count(), 1, "{records:?}");
        assert_eq!(records.iter().filter(|record| **record == full).count(), 3, "{records:?}");
        assert_eq!(journal.now().await.unwrap().days[&day("2026-11-24")], 1);
    }

    pub(super) async fn a_kill_too_soon_after_the_last_is_refused(journal: &impl Journal) {
        let first = experiment("web", 7);
        record(journal, &first).await;
        close(journal, &first).await;
        let next = on("2026-11-25T10:00:00Z", experiment("web", 8));
        let before = |moment: &str| Limits { last_kill_before: Some(at(moment)), ..wide(&next) };
        assert_eq!(refused(journal, &next, &before(TEN)).await, Refusal::TooSoon { last: at(TEN) });
        let allowed = before("2026-11-24T10:00:00.001Z");
        assert_eq!(journal.record(&next, &allowed, lease()).await.unwrap(), Record::Done);
    }

    pub(super) async fn a_pulled_lever_and_a_disarmed_fleet_refuse_with_what_was_said(journal: &impl Journal) {
        let (web, api) = (experiment("web", 7), experiment("api", 7));
        assert_eq!(journal.disarm(Some(&"web".into()), &said("release")).await.unwrap(), None);
        assert_eq!(refused(journal, &web, &wide(&web)).await, Refusal::Disarmed(said("release")));
        assert_eq!(record(journal, &api).await, Record::Done);
        close(journal, &api).await;
        assert_eq!(journal.disarm(None, &said("outage")).await.unwrap(), None);
        assert_eq!(journal.disarm(None, &said("a long outage")).await.unwrap(), Some(said("outage")));
        let present = journal.now().await.unwrap();
        assert_eq!(present.lever, Some(said("a long outage")));
        assert_eq!(present.disarmed["web"], said("release"));
        let api = experiment("api", 8);
        assert_eq!(refused(journal, &api, &wide(&api)).await, Refusal::Lever(said("a long outage")));
        // What lets go of the lever leaves a disarmed fleet as it is.
        assert_eq!(journal.arm(None).await.unwrap(), Some(said("a long outage")));
        assert_eq!(journal.arm(None).await.unwrap(), None);
        assert_eq!(refused(journal, &web, &wide(&web)).await, Refusal::Disarmed(said("release")));
        assert_eq!(journal.arm(Some(&"web".into())).await.unwrap(), Some(said("release")));
        assert_eq!(record(journal, &web).await, Record::Done);
    }

    pub(super) async fn what_is_leashed_is_history_and_hinders_only_what_is_leashed(journal: &impl Journal) {
        let pick = leashed(experiment("web", 7));
        let limits = Limits { max_per_day: 1, ..wide(&pick) };
        assert_eq!(journal.record(&pick, &limits, lease()).await.unwrap(), Record::Done);
        assert_eq!(refused(journal, &pick, &limits).await, Refusal::AlreadyRecorded);
        let present = journal.now().await.unwrap();
        assert!(present.open.is_empty() && present.days.is_empty(), "{present:?}");
        let last = &present.last["web"];
        assert_eq!((last.unleashed.is_none(), last.leashed.as_ref().map(|tally| tally.kills)), (true, Some(1)));
        let history = journal.history(Some(&"web".into()), at("2026-11-24T00:00:00Z"), lease()).await.unwrap();
        assert_eq!(history, [pick]);

        let more = leashed(on("2026-11-24T11:00:00Z", experiment("web", 8)));
        assert!(matches!(refused(journal, &more, &limits).await, Refusal::FleetCap { kills: 1, .. }));
        let kill = on("2026-11-24T11:00:00Z", experiment("web", 9));
        assert_eq!(journal.record(&kill, &limits, lease()).await.unwrap(), Record::Done);
        // A leashed pick sees the kill as well.
        let pick = leashed(on("2026-11-24T12:00:00Z", experiment("web", 10)));
        let roomy = Limits { max_per_day: 3, ..wide(&pick) };
        assert!(matches!(refused(journal, &pick, &roomy).await, Refusal::OpenExperiment { .. }));
        close(journal, &kill).await;
        assert_eq!(journal.record(&pick, &roomy, lease()).await.unwrap(), Record::Done);
        let full = leashed(on("2026-11-24T13:00:00Z", experiment("web", 11)));
        assert!(matches!(refused(journal, &full, &roomy).await, Refusal::FleetCap { kills: 3, .. }));
    }

    pub(super) async fn a_deed_is_noted_where_it_is_looked_for(journal: &impl Journal) {
        let experiment = experiment("web", 7);
        assert!(!journal.note_struck(&experiment, at(TEN)).await.unwrap(), "nothing is open");
        record(journal, &experiment).await;
        let struck = at("2026-11-24T10:00:02.125Z");
        // One that was meant was spared, and the fleet was given more time.
        let victim = Victim { instance: "i-9".into(), ..experiment.victims[0].clone() };
        let heal_by = experiment.heal_by + SignedDuration::from_secs(50);
        let deed = Experiment { victims: vec![victim], heal_by, ..experiment.clone() };
        assert!(journal.note_struck(&deed, struck).await.unwrap());
        let open = journal.now().await.unwrap().open["web"].clone();
        assert_eq!(open.experiment, Experiment { struck: Some(struck), ..deed });
        let since = at("2026-11-24T00:00:00Z");
        assert_eq!(journal.history(None, since, lease()).await.unwrap(), std::slice::from_ref(&open.experiment));
        close(journal, &open.experiment).await;
        assert!(!journal.note_struck(&experiment, at(TEN)).await.unwrap(), "it is over");
        let history = journal.history(None, since, lease()).await.unwrap();
        assert_eq!(history, [Experiment { outcome: Some(outcome(Verdict::Survived)), ..open.experiment }]);
    }

    pub(super) async fn an_experiment_is_taken_over_when_its_lease_has_run_out_and_by_one_only(journal: &impl Journal) {
        let experiment = experiment("web", 7);
        record(journal, &experiment).await;
        journal.note_struck(&experiment, at("2026-11-24T10:00:01Z")).await.unwrap();
        let open = journal.now().await.unwrap().open["web"].clone();
        let later = lease() + SignedDuration::from_mins(15);
        assert_eq!(journal.take_over(&open, lease(), later).await.unwrap(), None, "the lease lasts until now");
        let now = lease() + SignedDuration::from_millis(1);
        let (one, other) = tokio::join!(journal.take_over(&open, now, later), journal.take_over(&open, now, later));
        let taken: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!((&taken[0].experiment, taken[0].lease_until), (&open.experiment, later));
        assert_eq!(journal.now().await.unwrap().open["web"], taken[0]);
        close(journal, &taken[0].experiment).await;
        let much_later = later + SignedDuration::from_hours(1);
        assert_eq!(journal.take_over(&open, much_later, much_later).await.unwrap(), None, "it is over");
        let next = on("2026-11-24T11:00:00Z", super::experiment("web", 8));
        assert_eq!(record(journal, &next).await, Record::Done);
        assert_eq!(journal.take_over(&open, much_later, much_later).await.unwrap(), None, "another one runs");
    }

    pub(super) async fn what_became_of_an_experiment_is_written_once(journal: &impl Journal) {
        let experiment = experiment("web", 7);
        record(journal, &experiment).await;
        assert!(journal.close(&experiment, &outcome(Verdict::Hurt), None).await.unwrap());
        assert!(journal.now().await.unwrap().open.is_empty());
        assert!(journal.close(&experiment, &outcome(Verdict::Hurt), None).await.unwrap(), "a repetition");
        let other = journal.close(&experiment, &outcome(Verdict::NotHealed), Some(&said("hurt"))).await.unwrap();
        assert!(!other, "somebody wrote down something else");
        let present = journal.now().await.unwrap();
        assert!(present.disarmed.is_empty());
        let history = journal.history(None, at("2026-11-24T00:00:00Z"), lease()).await.unwrap();
        assert_eq!(history[0].outcome, Some(outcome(Verdict::Hurt)));
        // A late closing of the old one leaves the new one open.
        let next = on("2026-11-24T11:00:00Z", super::experiment("web", 8));
        assert_eq!(record(journal, &next).await, Record::Done);
        assert!(!journal.close(&experiment, &outcome(Verdict::Aborted), None).await.unwrap());
        assert_eq!(journal.now().await.unwrap().open["web"].experiment, next);
    }

    pub(super) async fn a_fleet_that_did_not_heal_is_disarmed_with_the_same_stroke(journal: &impl Journal) {
        let (web, api) = (experiment("web", 7), experiment("api", 7));
        for experiment in [&web, &api] {
            record(journal, experiment).await;
        }
        journal.disarm(Some(&"api".into()), &said("by hand")).await.unwrap();
        for experiment in [&web, &api] {
            let closed = journal.close(experiment, &outcome(Verdict::NotHealed), Some(&said("not healed"))).await;
            assert!(closed.unwrap());
        }
        let present = journal.now().await.unwrap();
        assert!(present.open.is_empty());
        assert_eq!(present.disarmed["web"], said("not healed"));
        assert_eq!(present.disarmed["api"], said("by hand"), "what a person said stays");
        let next = on("2026-11-24T11:00:00Z", experiment("web", 8));
        assert_eq!(refused(journal, &next, &wide(&next)).await, Refusal::Disarmed(said("not healed")));
    }

    pub(super) async fn a_fault_that_kills_nobody_takes_no_place_of_a_day(journal: &impl Journal) {
        let mut harmless = experiment("web", 7);
        harmless.victims.clear();
        let limits = Limits { max_account_day: 0, ..wide(&harmless) };
        assert_eq!(journal.record(&harmless, &limits, lease()).await.unwrap(), Record::Done);
        assert!(journal.now().await.unwrap().days.is_empty());
    }

    pub(super) async fn history_crosses_the_borders_of_months_and_knows_fleets(journal: &impl Journal) {
        let moments = [
            "2026-10-31T23:59:59.999Z",
            "2026-11-01T00:00:00Z",
            "2026-11-30T12:00:00.5Z",
            "2026-12-31T23:59:59Z",
            "2027-01-01T00:00:00Z",
        ];
        let mut all = Vec::new();
        for (slot, moment) in moments.into_iter().enumerate() {
            for fleet in ["api", "web"] {
                let experiment = on(moment, experiment(fleet, i64::try_from(slot).unwrap()));
                record(journal, &experiment).await;
                close(journal, &experiment).await;
                all.push(Experiment { outcome: Some(outcome(Verdict::Survived)), ..experiment });
            }
        }
        let (since, until) = (at("2026-10-01T00:00:00Z"), at("2027-02-01T00:00:00Z"));
        assert_eq!(journal.history(None, since, until).await.unwrap(), all);
        let web: Vec<_> = all.iter().filter(|experiment| experiment.fleet.as_str() == "web").cloned().collect();
        assert_eq!(journal.history(Some(&"web".into()), since, until).await.unwrap(), web);
        assert_eq!(journal.history(Some(&"none".into()), since, until).await.unwrap(), []);
        // From the first moment on, and before the last.
        assert_eq!(journal.history(None, at(moments[1]), at(moments[3])).await.unwrap(), all[2..6]);
        assert_eq!(journal.history(None, at(moments[2]), at(moments[2])).await.unwrap(), []);
    }
}

macro_rules! on_both {
    ($($test:ident)+) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $test() {
                super::contract::$test(&super::MemoryJournal::default()).await;
            })+
        }
        mod in_a_table {
            $(#[tokio::test]
            async fn $test() {
                super::contract::$test(&super::Table::fresh().await.journal).await;
            })+
        }
    };
}

on_both! {
    a_new_journal_says_nothing
    what_was_recorded_is_read_back_as_it_was
    a_repetition_is_refused_while_it_runs_and_after
    of_two_that_race_for_one_fleet_exactly_one_is_recorded
    of_two_deliveries_of_one_tick_exactly_one_is_recorded
    fleets_do_not_hinder_each_other
    the_cap_of_a_fleets_day_holds
    the_cap_of_the_accounts_day_holds_over_all_fleets
    fleets_that_race_for_the_last_place_of_the_day_share_it_not
    a_kill_too_soon_after_the_last_is_refused
    a_pulled_lever_and_a_disarmed_fleet_refuse_with_what_was_said
    what_is_leashed_is_history_and_hinders_only_what_is_leashed
    a_deed_is_noted_where_it_is_looked_for
    an_experiment_is_taken_over_when_its_lease_has_run_out_and_by_one_only
    what_became_of_an_experiment_is_written_once
    a_fleet_that_did_not_heal_is_disarmed_with_the_same_stroke
    a_fault_that_kills_nobody_takes_no_place_of_a_day
    history_crosses_the_borders_of_months_and_knows_fleets
}

#[tokio::test]
async fn a_call_that_never_arrives_changes_nothing_and_one_whose_reply_is_lost_changes_all() {
    let journal = MemoryJournal::default();
    let experiment = experiment("web", 7);
    journal.trip(Call::Record, Trip::Before);
    assert!(journal.record(&experiment, &wide(&experiment), lease()).await.is_err());
    assert!(journal.now().await.unwrap().open.is_empty());
    journal.trip(Call::Record, Trip::After);
    assert!(journal.record(&experiment, &wide(&experiment), lease()).await.is_err());
    assert_eq!(journal.now().await.unwrap().open["web"].experiment, experiment);
    assert_eq!(refused(&journal, &experiment, &wide(&experiment)).await, Refusal::AlreadyRecorded);
}

/// The seconds of the epoch that an item is kept until.
fn expires(item: &Value) -> i64 {
    item["expires"]["N"].as_str().unwrap_or_else(|| panic!("{item} never expires")).parse().unwrap()
}

#[tokio::test]
async fn what_is_past_goes_by_itself_and_what_is_present_stays() {
    let table = Table::fresh().await;
    let experiment = experiment("web", 7);
    record(&table.journal, &experiment).await;
    table.journal.disarm(Some(&"web".into()), &said("release")).await.unwrap();
    let days = |days: i64| (at(TEN) + SignedDuration::from_hours(24 * days)).as_second();
    let items = table.items(&[
        ("month#2026-11", "2026-11-24T10:00:00.000Z#web#web/7"),
        ("known#web/7", "known"),
        ("now", "last#web"),
        ("now", "day#2026-11-24"),
        ("now", "open#web"),
        ("now", "disarmed#web"),
    ]);
    for item in &items[..2] {
        assert_eq!(expires(item), days(400), "{item}");
    }
    assert_eq!(expires(&items[2]), days(4_000), "a year of work days may lie between two kills");
    assert_eq!(expires(&items[3]), at("2026-12-02T00:00:00Z").as_second());
    for item in &items[4..] {
        assert!(item.is_object() && item["expires"].is_null(), "{item}");
    }
}

#[tokio::test]
async fn attributes_and_items_of_a_later_version_are_no_hindrance() {
    let table = Table::fresh().await;
    let first = experiment("web", 7);
    record(&table.journal, &first).await;
    Table::boto3(&format!(
        r##"
def change(sort, expression, values):
    dynamodb.update_item(TableName="{name}", Key={{"pk": {{"S": "now"}}, "sk": {{"S": sort}}}},
        UpdateExpression=expression, ExpressionAttributeNames={{"#new": "new"}}, ExpressionAttributeValues=values)
for sort in ["open#web", "last#web", "day#2026-11-24", "lever", "weather"]:
    change(sort, "SET #new = :new", {{":new": {{"M": {{"blob": {{"B": b"0"}}}}}}}})
change("open#web", "SET experiment.#new = :new", {{":new": {{"SS": ["a"]}}}})
dynamodb.put_item(TableName="{name}", Item={{"pk": {{"S": "now"}}, "sk": {{"S": "lever"}}, "reason": {{"S": "by hand"}},
    "by": {{"S": "me"}}, "at": {{"S": "2026-11-24T09:00:00Z"}}, "ticket": {{"N": "1"}}}})
answer(None)
"##,
        name = table.name
    ));
    let present = table.journal.now().await.unwrap();
    assert_eq!(present.open["web"].experiment, first);
    assert_eq!(present.lever.as_ref().map(|said| said.reason.as_str()), Some("by hand"));
    let api = experiment("api", 7);
    assert!(matches!(refused(&table.journal, &api, &wide(&api)).await, Refusal::Lever(_)));
}

#[tokio::test]
async fn what_is_not_understood_is_an_error_that_names_the_item() {
    let table = Table::fresh().await;
    Table::boto3(&format!(
        r#"
dynamodb.put_item(TableName="{}", Item={{"pk": {{"S": "now"}}, "sk": {{"S": "lever"}}, "reason": {{"S": "who and when?"}}}})
answer(None)
"#,
        table.name
    ));
    let error = table.journal.now().await.unwrap_err().to_string();
    assert!(error.contains("now/lever"), "{error}");
}

#[tokio::test]
async fn a_table_that_is_not_there_is_an_error() {
    let Table { journal, .. } = Table::named("nowhere").await;
    let error = journal.now().await.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
    let experiment = experiment("web", 7);
    assert!(journal.record(&experiment, &wide(&experiment), lease()).await.is_err());
}

#[tokio::test]
async fn a_tick_costs_one_read_and_a_record_one_read_and_one_write() {
    let table = Table::fresh().await;
    table.journal.now().await.unwrap();
    assert_eq!(table.counter.take(), Tally { reads: 1, writes: 0 });
    record(&table.journal, &experiment("web", 7)).await;
    assert_eq!(table.counter.take(), Tally { reads: 1, writes: 1 });
}

#[tokio::test]
async fn a_call_that_is_repeated_after_a_lost_reply_knows_its_own_writing() {
    let table = Table::fresh().await;
    let journal = &table.journal;
    let experiment = experiment("web", 7);
    table.lose(1);
    assert_eq!(record(journal, &experiment).await, Record::Done);
    table.lose(1);
    assert!(journal.note_struck(&experiment, at(TEN)).await.unwrap());
    let open = journal.now().await.unwrap().open["web"].clone();
    let now = lease() + SignedDuration::from_millis(1);
    table.lose(1);
    let taken = journal.take_over(&open, now, now + SignedDuration::from_mins(15)).await.unwrap();
    assert_eq!(taken.map(|taken| taken.experiment), Some(open.experiment.clone()));
    table.lose(1);
    assert!(journal.close(&open.experiment, &outcome(Verdict::Survived), None).await.unwrap());
    assert_eq!(journal.now().await.unwrap().days[&day("2026-11-24")], 1, "it counts once");
}

#[tokio::test]
async fn where_every_reply_is_lost_nobody_is_allowed_to_kill_and_the_intention_is_found_later() {
    let table = Table::fresh().await;
    let experiment = experiment("web", 7);
    table.lose(100);
    let error = table.journal.record(&experiment, &wide(&experiment), lease()).await.unwrap_err();
    assert!(error.to_string().contains("the reply is lost"), "{error}");
    table.lose(0);
    assert_eq!(table.journal.now().await.unwrap().open["web"].experiment, experiment);
    assert_eq!(refused(&table.journal, &experiment, &wide(&experiment)).await, Refusal::AlreadyRecorded);
}
