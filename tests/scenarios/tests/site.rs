//! Does the panda tell a site that answers from one that does not?
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Redirect},
    routing::get,
};
use panda_aws::site::{Answer, Site};
use panda_stage::{serve::endpoint::sdk_config, tether::free_port};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::sleep,
};

/// Serves until the test's runtime ends, and gives the address to ask.
async fn serve(router: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://127.0.0.1:{port}")
}

async fn probe(url: &str) -> Answer {
    let sdk = sdk_config("http://127.0.0.1:1", "eu-west-1").await;
    Site::new(&sdk, Duration::from_secs(1)).probe(url).await
}

#[tokio::test]
async fn the_status_of_the_first_answer_counts_whatever_it_says() {
    let site = Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/moved", get(|| async { Redirect::temporary("/broken") }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }));
    let at = serve(site).await;
    for (path, status, answers) in [
        ("/", 200, true),
        ("/?deep=1", 200, true),
        ("/moved", 307, true),
        ("/broken", 503, false),
        ("/none", 404, false),
    ] {
        let answer = probe(&format!("{at}{path}")).await;
        assert_eq!(answer.probe.answer, Ok(status), "{path}");
        assert_eq!(answer.probe.is_answer(), answers, "{path}");
        assert!(answer.probe.url.ends_with(path));
    }
}

#[tokio::test]
async fn a_site_is_asked_as_a_new_visitor_who_says_who_he_is() {
    let site = Router::new().route(
        "/",
        get(|headers: HeaderMap| async move {
            let has = |name: &str, value: &str| {
                headers.get(name).and_then(|found| found.to_str().ok()).is_some_and(|found| found.starts_with(value))
            };
            let polite =
                has("user-agent", "lethargic-panda/") && has("connection", "close") && has("host", "127.0.0.1");
            let secret = headers.contains_key("authorization");
            if polite && !secret { StatusCode::OK.into_response() } else { format!("{headers:?}").into_response() }
        }),
    );
    assert_eq!(probe(&serve(site).await).await.probe.answer, Ok(200));
}

#[tokio::test]
async fn a_site_that_keeps_one_waiting_does_not_answer() {
    let site = Router::new().route("/", get(|| async { sleep(Duration::from_secs(30)).await }));
    let answer = probe(&serve(site).await).await;
    let why = answer.probe.answer.clone().unwrap_err();
    assert!(why.contains("no answer within 1 s"), "{why}");
    assert!(answer.latency >= Duration::from_secs(1) && answer.latency < Duration::from_secs(5), "{answer:?}");
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_do_not_answer_and_say_why() {
    let why = probe(&format!("http://127.0.0.1:{}/", free_port().unwrap())).await.probe.answer.unwrap_err();
    assert!(why.contains("refused"), "{why}");
    let why = probe("http://nobody.invalid/").await.probe.answer.unwrap_err();
    assert!(!why.is_empty(), "{why}");
}

#[tokio::test]
async fn a_url_that_is_none_is_no_answer() {
    for url in ["http://", "not a url", "http://[::1"] {
        assert!(probe(url).await.probe.answer.is_err(), "{url}");
    }
}

/// A site that sends headers, and then a body for ever or never.
async fn endless(talk: bool) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut visitor, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = visitor.read(&mut request).await;
        let _ = visitor.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n").await;
        while talk && visitor.write_all(&[b'x'; 4096]).await.is_ok() {}
        sleep(Duration::from_secs(30)).await;
    });
    format!("http://127.0.0.1:{port}/")
}

#[tokio::test]
async fn a_body_is_not_waited_for() {
    for talk in [false, true] {
        let answer = probe(&endless(talk).await).await;
        assert_eq!(answer.probe.answer, Ok(200));
        assert!(answer.latency < Duration::from_secs(1), "{answer:?}");
    }
}
