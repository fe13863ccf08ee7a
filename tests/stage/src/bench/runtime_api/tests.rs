//! A function that is played by hand.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

const PATIENCE: Duration = Duration::from_mins(1);

/// One request on a connection of its own; the whole reply as text.
async fn ask(authority: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    reply
}

fn header<'r>(reply: &'r str, name: &str) -> &'r str {
    let line = reply.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: "))).unwrap();
    line.split_once(": ").unwrap().1
}

#[tokio::test]
async fn a_function_gets_its_invocations_in_order_with_what_lambda_says_of_them() {
    let mut api = RuntimeApi::start("panda").await.unwrap();
    let authority = api.authority();
    let function = tokio::spawn(async move {
        let mut events = Vec::new();
        for _ in 0..2 {
            let reply = ask(&authority, "GET", "invocation/next", "", "").await;
            let id = header(&reply, "lambda-runtime-aws-request-id").to_owned();
            assert!(header(&reply, "lambda-runtime-invoked-function-arn").ends_with(":function:panda"));
            assert!(header(&reply, "lambda-runtime-trace-id").starts_with("Root=1-"));
            let deadline: u128 = header(&reply, "lambda-runtime-deadline-ms").parse().unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            assert!(deadline > now && deadline <= now + PATIENCE.as_millis(), "{deadline}");
            let event = reply.split_once("\r\n\r\n").unwrap().1.to_owned();
            let taken = ask(&authority, "POST", &format!("invocation/{id}/response"), "", &event).await;
            assert!(taken.starts_with("HTTP/1.1 202"), "{taken}");
            events.push(event);
        }
        events
    });
    for event in [json!({"n": 1}), json!({"n": 2})] {
        api.ready(PATIENCE).await.unwrap();
        assert_eq!(api.invoke(&event, PATIENCE).await.unwrap().payload, event);
    }
    assert_eq!(function.await.unwrap(), [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[tokio::test]
async fn an_invocation_that_failed_is_told_with_its_type() {
    let mut api = RuntimeApi::start("panda").await.unwrap();
    let authority = api.authority();
    tokio::spawn(async move {
        let reply = ask(&authority, "GET", "invocation/next", "", "").await;
        let path = format!("invocation/{}/error", header(&reply, "lambda-runtime-aws-request-id"));
        let kind = "Lambda-Runtime-Function-Error-Type: Journal\r\n";
        ask(&authority, "POST", &path, kind, r#"{"errorMessage":"no"}"#).await;
    });
    api.ready(PATIENCE).await.unwrap();
    let error = api.invoke(&json!({}), PATIENCE).await.unwrap_err();
    let RuntimeError::Unexpected { said: Said::Error(_, told), .. } = error else { unreachable!("{error}") };
    assert_eq!(told, json!({"errorMessage": "no", "errorType": "Journal"}));
}

#[tokio::test]
async fn a_function_that_cannot_start_is_not_ready() {
    let mut api = RuntimeApi::start("panda").await.unwrap();
    ask(&api.authority(), "POST", "init/error", "", r#"{"errorMessage":"no configuration"}"#).await;
    let error = api.ready(PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains("no configuration"), "{error}");
}
