//! The functions' own client against the endpoint.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use aws_config::{BehaviorVersion, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_types::{SdkConfig, region::Region as Name};
use panda_aws::{Aws, Focus, addresses, http_client};

use super::*;
use crate::bench::{jobs, rounds};

fn aws(endpoint: String, bundle: Option<&str>) -> Aws {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Name::new(panda_world::REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(|name| bundle.filter(|_| name == "AWS_CA_BUNDLE").map(str::to_owned)))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    Aws::new(&sdk)
}

#[tokio::test]
async fn who_names_the_bundle_gets_through_and_each_call_is_stamped() {
    let identity = Identity::make().unwrap();
    let region = Region::start(jobs::everyday(), None, &identity).await.unwrap();
    region.set_delay(Duration::from_millis(50));
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("roots.pem");
    std::fs::write(&bundle, format!("{}{}", panda_aws::AMAZON_ROOTS, identity.root)).unwrap();
    let aws = aws(region.endpoint(true), bundle.to_str());
    aws.knock_at_ec2().await;
    let look = || addresses::describe_addresses(&aws, &Focus::EveryFleet);
    let (one, other) = tokio::join!(look(), look());
    assert_eq!((one.unwrap().len(), other.unwrap().len()), (1, 1));
    look().await.unwrap();
    let calls = region.take_calls();
    // The knock opened a connection and was no call.
    assert_eq!(
        calls.iter().map(|call| (call.service.as_str(), call.operation.as_str())).collect::<Vec<_>>(),
        [("ec2", "DescribeAddresses"); 3]
    );
    assert_eq!(rounds::rounds(&calls), [1, 1, 2]);
    assert_eq!(region.handshakes(), 2);
}

#[tokio::test]
async fn a_root_that_nobody_trusts_is_asked_of_amazon_and_then_of_the_system_and_refused() {
    let identity = Identity::make().unwrap();
    let region = Region::start(jobs::everyday(), None, &identity).await.unwrap();
    let aws = aws(region.endpoint(true), None);
    for handshakes in [2, 3] {
        let refused = addresses::describe_addresses(&aws, &Focus::EveryFleet).await.unwrap_err();
        assert!(refused.to_string().contains("DescribeAddresses"), "{refused}");
        // One with Amazon's five roots and one with all; later only the second.
        assert_eq!(region.handshakes(), handshakes);
    }
    assert_eq!(region.take_calls(), []);
}
