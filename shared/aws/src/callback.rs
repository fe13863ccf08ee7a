//! The answer to CloudFormation: a `PUT` to the presigned URL that its request came with.

use aws_smithy_runtime_api::{box_error::BoxError, client::orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use panda_domain::preflight::ResponseUrl;
use thiserror::Error as ThisError;
use tokio::time::{Duration, Instant, sleep, timeout};
use tracing::warn;

use crate::status::{self, Exchange};

/// A connection that takes longer than this is better tried anew.
const EXCHANGE: Exchange =
    Exchange { service: "cloudformation-callback", operation: "put", connect: Duration::from_secs(2) };

/// One attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause after the first attempt; each one after is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How the answers to CloudFormation are sent.
#[derive(Debug)]
pub struct Callbacks {
    sdk: SdkConfig,
}

/// Why an answer did not arrive. Nothing of the URL is in it.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum Unanswered {
    /// The URL is none that an answer is sent to.
    #[error("the ResponseURL does not begin with `https://`")]
    NoUrl,
    /// It was refused for good: the URL is older than its signature lives, or the answer is too long.
    #[error("the answer was refused with the status {0}")]
    Refused(u16),
    /// Nobody took it in time.
    #[error("nobody took the answer within {} s, in {attempts} attempts; the last one: {last}", .patience.as_secs())]
    Silence {
        /// How long it was tried.
        patience: Duration,
        /// How often.
        attempts: u32,
        /// How the last attempt ended.
        last: String,
    },
}

impl Callbacks {
    /// Sends through the configuration's HTTP client.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> Self {
        Self { sdk: sdk.clone() }
    }

    /// Sends an answer, again and again while `patience` lasts. An answer that arrives twice changes nothing: CloudFormation takes the first.
    ///
    /// # Errors
    /// When it was refused, or nobody took it.
    pub async fn send(&self, url: &ResponseUrl, body: &str, patience: Duration) -> Result<(), Unanswered> {
        let (origin, path) = parts(url.reveal()).ok_or(Unanswered::NoUrl)?;
        let end = Instant::now() + patience;
        let (mut attempts, mut pause) = (0, FIRST_PAUSE);
        loop {
            attempts += 1;
            let left = end.saturating_duration_since(Instant::now());
            let last = match timeout(left.min(ATTEMPT_TIMEOUT), self.put(origin, path, body)).await {
                Ok(Ok(200..300)) => return Ok(()),
                // What the caller's own fault is will not become right; too many requests will.
                Ok(Ok(status @ 400..500)) if status != 408 && status != 429 => return Err(Unanswered::Refused(status)),
                Ok(Ok(status)) => format!("the status {status}"),
                Ok(Err(why)) => why,
                Err(_) => "no answer in time".to_owned(),
            };
            if Instant::now() + pause >= end {
                return Err(Unanswered::Silence { patience, attempts, last });
            }
            warn!("The answer to CloudFormation did not arrive, and is sent again: {last}");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn put(&self, origin: &str, path: &str, body: &str) -> Result<u16, String> {
        let about = (path.to_owned(), body.to_owned());
        status::ask(&self.sdk, &EXCHANGE, origin, about, request).await.map_err(without_the_url)
    }
}

/// The origin of a URL, and its path and query as they are: the signature is over each letter of them. In clear text only on this machine.
fn parts(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find('/')?;
    let (authority, path) = rest.split_at_checked(end)?;
    // Who gives a name and a password before the host would have a look at another host.
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let here = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
    let allowed = scheme == "https" || (scheme == "http" && here);
    let origin = url.len() - path.len();
    allowed.then_some((url.get(..origin)?, path))
}

fn request((path, body): (String, String)) -> Result<HttpRequest, BoxError> {
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT")?;
    request.set_uri(path)?;
    // The URL is signed for a request without a type.
    request.headers_mut().try_insert("content-type", "")?;
    request.headers_mut().try_insert("content-length", length)?;
    Ok(request)
}

/// Nobody may read the URL in a log: whoever has it can answer.
fn without_the_url(reason: String) -> String {
    if reason.contains("X-Amz-") || reason.contains("://") { "the request failed".to_owned() } else { reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_goes_by_https_or_stays_on_this_machine() {
        let path = "/arn%3Aaws%3Acloudformation%7Cweb?X-Amz-Signature=1/2";
        for origin in
            ["https://bucket.s3.amazonaws.com", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:80"]
        {
            assert_eq!(parts(&format!("{origin}{path}")), Some((origin, path)));
        }
        for url in [
            "",
            "http://bucket.s3.amazonaws.com/x",
            "http://127.0.0.1.example.com/x",
            "http://localhost:1@example.com/x",
            "https://",
            "https:///x",
            "ftp://127.0.0.1/x",
            "https://host-without-a-path",
        ] {
            assert_eq!(parts(url), None, "{url}");
        }
    }
}
