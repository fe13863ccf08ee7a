//! Does the site answer?

use std::time::SystemTime;

use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use panda_domain::chaos::Probe;
use tokio::time::{Duration, Instant};

use crate::status::{self, Exchange};

/// A connection that takes longer than this is none: it leaves time for a packet that is lost once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Who asks, for the site's own log.
const USER_AGENT: &str = concat!("lethargic-panda/", env!("CARGO_PKG_VERSION"));

/// Asks a site, over the SDK's own HTTP client.
#[derive(Debug)]
pub struct Site {
    sdk: SdkConfig,
    timeout: Duration,
}

/// What the site said, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it said.
    pub probe: Probe,
    /// When it was asked.
    pub asked: SystemTime,
    /// How long the headers of the answer, or the lack of them, took.
    pub latency: Duration,
}

impl Site {
    /// Asks through the configuration's HTTP client, and waits so long for the headers of an answer.
    #[must_use]
    pub fn new(sdk: &SdkConfig, timeout: Duration) -> Self {
        Self { sdk: sdk.clone(), timeout }
    }

    /// Sends one `GET` and reads the status of the answer; its body is not read. It is sent once, and redirects are not followed: they are
    /// an answer.
    pub async fn probe(&self, url: &str) -> Answer {
        let asked = self.sdk.time_source().unwrap_or_default().now();
        let began = Instant::now();
        // The client's connect timeout covers TCP and TLS, not what comes before; this covers all.
        let answer = tokio::time::timeout(self.timeout, self.get(url))
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", self.timeout.as_secs_f32())));
        Answer { probe: Probe { url: url.to_owned(), answer }, asked, latency: began.elapsed() }
    }

    async fn get(&self, url: &str) -> Result<u16, String> {
        let (origin, path) = parts(url).ok_or("it is no URL that begins with `http://` or `https://`")?;
        let exchange = Exchange { service: "site", operation: "get", connect: CONNECT_TIMEOUT.min(self.timeout) };
        status::ask(&self.sdk, &exchange, origin, path, request).await
    }
}

/// The origin of a URL, and what to ask it for.
fn parts(url: &str) -> Option<(&str, String)> {
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let end = url.len() - host.len() + host.find(['/', '?', '#']).unwrap_or(host.len());
    let (origin, rest) = url.split_at_checked(end)?;
    let path = rest.split('#').next().unwrap_or_default();
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    (!host.is_empty()).then_some((origin, path))
}

fn request(path: String) -> Result<HttpRequest, BoxError> {
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_uri(path)?;
    request.headers_mut().try_insert("user-agent", USER_AGENT)?;
    // A probe that reuses a connection says nothing about whether a new visitor gets in.
    request.headers_mut().try_insert("connection", "close")?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_origin_and_what_to_ask_it_for() {
        for (url, origin, path) in [
            ("http://203.0.113.10", "http://203.0.113.10", "/"),
            ("http://203.0.113.10:8080/health?deep=1", "http://203.0.113.10:8080", "/health?deep=1"),
            ("https://shop.example?q=a/b", "https://shop.example", "/?q=a/b"),
            ("https://shop.example/a#top", "https://shop.example", "/a"),
        ] {
            assert_eq!(parts(url), Some((origin, path.to_owned())));
        }
        for url in ["", "http://", "ftp://shop.example/", "shop.example"] {
            assert_eq!(parts(url), None, "{url}");
        }
    }
}
