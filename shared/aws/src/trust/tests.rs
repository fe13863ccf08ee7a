use std::sync::atomic::AtomicUsize;

use aws_config::{BehaviorVersion, retry::RetryConfig};
use aws_sdk_ec2::config::{Credentials, Region};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use sha2::{Digest as _, Sha256};

use super::*;

/// As Amazon publishes them, and as Mozilla's store has them.
const FINGERPRINTS: [&str; 5] = [
    "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
    "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
    "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
    "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
    "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
];

#[test]
fn the_roots_are_the_five_that_amazon_publishes() {
    let roots: Vec<_> = CertificateDer::pem_slice_iter(AMAZON_ROOTS.as_bytes()).collect::<Result<_, _>>().unwrap();
    let hex = |root: &CertificateDer<'_>| {
        Sha256::digest(root).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    };
    assert_eq!(roots.iter().map(hex).collect::<Vec<_>>(), FINGERPRINTS);
    let mut store = RootCertStore::empty();
    assert_eq!(store.add_parsable_certificates(roots), (5, 0));
}

#[test]
fn only_an_issuer_that_is_not_known_asks_for_more_trust() {
    // As hyper-rustls wraps it.
    let wrapped = |why| refused(why).unwrap_err();
    assert!(knows_not_the_issuer(&wrapped(CertificateError::UnknownIssuer)));
    for other in [CertificateError::Expired, CertificateError::NotValidForName, CertificateError::Revoked] {
        assert!(!knows_not_the_issuer(&wrapped(other)));
    }
    assert!(!knows_not_the_issuer(&ConnectorError::timeout("no answer".into())));
}

#[test]
fn of_a_bundle_what_cannot_be_trusted_is_left_out() {
    let folder = std::env::temp_dir().join(format!("panda-aws-trust-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mixed = bundle(&write("mixed.pem", &format!("# ours\n{broken}{AMAZON_ROOTS}"))).unwrap();
    assert_eq!(CertificateDer::pem_slice_iter(&mixed).count(), 5);
    assert!(bundle(&write("broken.pem", broken)).is_err());
    assert!(bundle("/nowhere/bundle.pem").is_err());
    fs::remove_dir_all(&folder).unwrap();
}

/// A client that answers every request so, and counts them.
#[derive(Clone, Debug)]
struct Plays {
    requests: &'static AtomicUsize,
    answer: fn() -> Result<HttpResponse, ConnectorError>,
}

impl HttpClient for Plays {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Plays {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        assert!(request.body().bytes().is_some_and(|body| body.starts_with(b"Action=DescribeAddresses")));
        self.requests.fetch_add(1, Relaxed);
        HttpConnectorFuture::ready((self.answer)())
    }
}

#[allow(clippy::unnecessary_wraps, reason = "it stands for what a connector answers")]
fn no_addresses() -> Result<HttpResponse, ConnectorError> {
    let body = "<DescribeAddressesResponse><addressesSet/></DescribeAddressesResponse>";
    Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body)))
}

fn refused(why: CertificateError) -> Result<HttpResponse, ConnectorError> {
    let inner = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::InvalidCertificate(why));
    Err(ConnectorError::io(Box::new(io::Error::other(inner))))
}

fn ec2(http: AmazonFirst) -> aws_sdk_ec2::Client {
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .http_client(SharedHttpClient::new(http));
    aws_sdk_ec2::Client::from_conf(config.build())
}

#[tokio::test]
async fn where_amazons_roots_do_not_do_the_same_request_goes_on_with_the_systems_and_so_does_every_later_one() {
    static FEW: AtomicUsize = AtomicUsize::new(0);
    static MORE: AtomicUsize = AtomicUsize::new(0);
    let few = Plays { requests: &FEW, answer: || refused(CertificateError::UnknownIssuer) };
    let more = || SharedHttpClient::new(Plays { requests: &MORE, answer: no_addresses });
    let client = ec2(AmazonFirst::new(SharedHttpClient::new(few), more));
    for _ in 0..3 {
        client.describe_addresses().send().await.unwrap();
    }
    assert_eq!((FEW.load(Relaxed), MORE.load(Relaxed)), (1, 3));
}

#[tokio::test]
async fn a_certificate_that_is_wrong_is_refused_and_asks_for_no_other_roots() {
    static FEW: AtomicUsize = AtomicUsize::new(0);
    static MORE: AtomicUsize = AtomicUsize::new(0);
    let few = Plays { requests: &FEW, answer: || refused(CertificateError::Expired) };
    let more = || SharedHttpClient::new(Plays { requests: &MORE, answer: no_addresses });
    let client = ec2(AmazonFirst::new(SharedHttpClient::new(few), more));
    client.describe_addresses().send().await.unwrap_err();
    assert_eq!((FEW.load(Relaxed), MORE.load(Relaxed)), (1, 0));
}
