#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::sync::{Arc, Mutex};

use aws_config::BehaviorVersion;
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_types::{SdkConfig, region::Region};

use super::*;

/// Notes requests down and answers none of them as AWS would.
#[derive(Clone, Debug, Default)]
struct Door(Arc<Mutex<Vec<HttpRequest>>>);

impl HttpClient for Door {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Door {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.0.lock().unwrap().push(request);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from("healthy"))))
    }
}

/// Never answers.
#[derive(Clone, Debug)]
struct Wall;

impl HttpClient for Wall {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Wall)
    }
}

impl HttpConnector for Wall {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(std::future::pending())
    }
}

fn aws(http: impl HttpClient + 'static) -> Aws {
    let credentials =
        aws_sdk_ec2::config::Credentials::new("AKIDEXAMPLE", "secret", Some("token".into()), None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("eu-central-1"))
        .credentials_provider(aws_sdk_ec2::config::SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .build();
    Aws::new(&sdk)
}

#[tokio::test]
async fn a_knock_goes_to_the_services_own_endpoint_and_carries_neither_call_nor_credentials() {
    let door = Door::default();
    let aws = aws(door.clone());
    open(async { tokio::join!(aws.knock_at_ec2(), aws.knock_at_autoscaling()) }).await;
    let requests = door.0.lock().unwrap();
    let mut uris: Vec<&str> = requests.iter().map(HttpRequest::uri).collect();
    uris.sort_unstable();
    assert_eq!(
        uris,
        ["https://autoscaling.eu-central-1.amazonaws.com/ping", "https://ec2.eu-central-1.amazonaws.com/ping"]
    );
    for request in requests.iter() {
        assert_eq!((request.method(), request.body().bytes()), ("GET", Some(&b""[..])));
        assert_eq!(request.headers().iter().map(|(name, _)| name).collect::<Vec<_>>(), ["user-agent"]);
    }
    assert_eq!(aws.take_tally(), crate::Tally::default(), "a knock is no call");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_opens_the_function_starts_all_the_same() {
    let began = tokio::time::Instant::now();
    let aws = aws(Wall);
    open(aws.knock_at_ec2()).await;
    assert_eq!(began.elapsed(), PATIENCE);
}
