//! Do the book of cases in a table and the one in memory give the same answers?
//!
//! Every test of [`contract`] runs on both: on DynamoDB as moto's authors read it, and on the twin that the scenarios use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::sync::LazyLock;

use deployment_recovery::cases::{
    Cases, Claim, Released, Taken,
    dynamo::DynamoCases,
    memory::{Call, MemoryCases, Trip},
};
use jiff::{SignedDuration, Timestamp};
use panda_aws::{Counter, Trouble};
use panda_scenarios::emulator::{Moto, boto3};
use panda_stage::serve::endpoint::sdk_config;
use serde_json::Value;

fn endpoint() -> String {
    static MOTO: LazyLock<Moto> = LazyLock::new(|| {
        let moto = Moto::start();
        let script = r#"
client("dynamodb").create_table(
    TableName="cases", KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
    AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
answer(None)
"#;
        boto3(&moto.endpoint(), script);
        moto
    });
    MOTO.endpoint()
}

async fn table() -> DynamoCases {
    let sdk = sdk_config(&endpoint(), panda_stage::deploy::REGION).await;
    DynamoCases::new(&sdk, Counter::default(), "cases")
}

fn now() -> Timestamp {
    "2026-05-07T13:23:07Z".parse().unwrap()
}

fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

fn claim<'a>(key: &'a str, holder: &'a str) -> Claim<'a> {
    Claim { key, holder, now: now(), until: after(900) }
}

/// What every book does. Each test uses keys of its own, since a table is everybody's.
mod contract {
    use super::*;

    pub(super) async fn a_case_has_one_holder_who_may_take_it_again(cases: &impl Cases) {
        assert_eq!(cases.take(claim("one", "a")).await, Ok(Taken::Ours));
        assert_eq!(cases.take(claim("one", "b")).await, Ok(Taken::Theirs));
        assert_eq!(cases.take(claim("one", "a")).await, Ok(Taken::Ours));
        assert_eq!(cases.take(claim("another", "b")).await, Ok(Taken::Ours));
    }

    pub(super) async fn who_finds_it_taken_has_the_holder_look_once_more(cases: &impl Cases) {
        assert_eq!(cases.take(claim("noted", "a")).await, Ok(Taken::Ours));
        assert_eq!(cases.take(claim("noted", "b")).await, Ok(Taken::Theirs));
        assert_eq!(cases.take(claim("noted", "c")).await, Ok(Taken::Theirs));
        assert_eq!(cases.release("noted", "a").await, Ok(Released::LookAgain));
        assert_eq!(cases.take(claim("noted", "d")).await, Ok(Taken::Theirs), "it is still taken");
        assert_eq!(cases.release("noted", "a").await, Ok(Released::LookAgain));
        assert_eq!(cases.release("noted", "a").await, Ok(Released::Gone));
        assert_eq!(cases.take(claim("noted", "b")).await, Ok(Taken::Ours));
    }

    pub(super) async fn a_lease_ends_with_its_invocation(cases: &impl Cases) {
        assert_eq!(cases.take(claim("lease", "a")).await, Ok(Taken::Ours));
        let later = |seconds| Claim { now: after(seconds), until: after(seconds + 900), ..claim("lease", "b") };
        assert_eq!(cases.take(later(900)).await, Ok(Taken::Theirs));
        assert_eq!(cases.take(later(901)).await, Ok(Taken::Ours));
        assert_eq!(cases.release("lease", "a").await, Ok(Released::Gone), "it is not the late one's to let go");
        let third = Claim { now: after(902), ..claim("lease", "c") };
        assert_eq!(cases.take(third).await, Ok(Taken::Theirs));
    }

    pub(super) async fn what_is_done_is_done_for_good(cases: &impl Cases) {
        assert_eq!(cases.is_done("message").await, Ok(false));
        assert_eq!(cases.take(claim("message", "a")).await, Ok(Taken::Ours));
        assert_eq!(cases.is_done("message").await, Ok(false));
        assert_eq!(cases.finish("message", now()).await, Ok(()));
        assert_eq!(cases.finish("message", now()).await, Ok(()), "a repetition");
        assert_eq!(cases.is_done("message").await, Ok(true));
        for holder in ["a", "b"] {
            assert_eq!(cases.take(claim("message", holder)).await, Ok(Taken::Done));
        }
        assert_eq!(cases.release("message", "a").await, Ok(Released::Gone));
    }

    pub(super) async fn letting_go_of_what_nobody_has_is_nothing(cases: &impl Cases) {
        assert_eq!(cases.release("nobodys", "a").await, Ok(Released::Gone));
        assert_eq!(cases.take(claim("nobodys", "b")).await, Ok(Taken::Ours));
    }
}

macro_rules! on_both {
    ($($name:ident)+) => {
        mod in_a_table {
            $(#[tokio::test]
            async fn $name() {
                super::contract::$name(&super::table().await).await;
            })+
        }

        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::contract::$name(&super::MemoryCases::default()).await;
            })+
        }
    };
}

on_both! {
    a_case_has_one_holder_who_may_take_it_again
    who_finds_it_taken_has_the_holder_look_once_more
    a_lease_ends_with_its_invocation
    what_is_done_is_done_for_good
    letting_go_of_what_nobody_has_is_nothing
}

#[tokio::test]
async fn every_item_of_the_table_has_an_end() {
    let cases = table().await;
    cases.take(claim("ends", "a")).await.unwrap();
    cases.finish("ends-done", now()).await.unwrap();
    let script = r#"
answer([client("dynamodb").get_item(TableName="cases", Key={"pk": {"S": key}})["Item"]["expires"]["N"] for key in ("ends", "ends-done")])
"#;
    let ends = tokio::task::spawn_blocking(move || boto3(&endpoint(), script)).await.unwrap();
    let day = 24 * 60 * 60;
    for end in ends.as_array().unwrap().iter().map(Value::as_str) {
        let end: i64 = end.unwrap().parse().unwrap();
        assert!((now().as_second() + 30 * day..now().as_second() + 100 * day).contains(&end), "{end}");
    }
}

#[tokio::test]
async fn a_book_that_does_not_answer_says_so() {
    let cases = MemoryCases::default();
    cases.trip(Call::Take, Trip::After);
    assert_eq!(cases.take(claim("lost", "a")).await.unwrap_err().trouble, Trouble::Unreachable);
    assert_eq!(cases.take(claim("lost", "b")).await, Ok(Taken::Theirs), "it had its effect");
    let sdk = sdk_config("http://127.0.0.1:9", panda_stage::deploy::REGION).await;
    let nowhere = DynamoCases::new(&sdk, Counter::default(), "cases");
    assert_eq!(nowhere.is_done("message").await.unwrap_err().trouble, Trouble::Unreachable);
}
