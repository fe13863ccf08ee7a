//! What is asked whether the site answers?
//!
//! The tag `lethargic-panda:url` holds a path (`/health`), a port and a path (`:8080/health`), or a whole URL.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What to ask whether the site answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum SiteUrl {
    /// Each of the fleet's Elastic IPs, over HTTP.
    AtAddresses {
        /// The port.
        port: u16,
        /// The path, with its leading slash.
        path: String,
    },
    /// This URL.
    Whole(String),
}

impl SiteUrl {
    /// The URLs to ask, given the fleet's Elastic IPs.
    #[must_use]
    pub fn targets<'a>(&self, addresses: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        match self {
            Self::Whole(url) => vec![url.clone()],
            Self::AtAddresses { port: 80, path } => {
                addresses.into_iter().map(|address| format!("http://{address}{path}")).collect()
            }
            Self::AtAddresses { port, path } => {
                addresses.into_iter().map(|address| format!("http://{address}:{port}{path}")).collect()
            }
        }
    }
}

impl fmt::Display for SiteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtAddresses { port: 80, path } => f.write_str(path),
            Self::AtAddresses { port, path } => write!(f, ":{port}{path}"),
            Self::Whole(url) => f.write_str(url),
        }
    }
}

impl FromStr for SiteUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let right = || {
            "a path such as `/health`, a port and a path such as `:8080/health`, or a URL that begins with `http://` or `https://`; no blanks"
                .to_owned()
        };
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(right());
        }
        if text.starts_with('/') {
            return Ok(Self::AtAddresses { port: 80, path: text.to_owned() });
        }
        if let Some(rest) = text.strip_prefix(':') {
            let (port, path) = rest.find('/').and_then(|slash| rest.split_at_checked(slash)).ok_or_else(right)?;
            let port = super::numbers::count(port).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
            return Ok(Self::AtAddresses { port: port.ok_or_else(right)?, path: path.to_owned() });
        }
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or_else(right)?;
        if host.is_empty() || host.starts_with(['/', ':', '?', '#']) {
            return Err(right());
        }
        Ok(Self::Whole(text.to_owned()))
    }
}

impl From<SiteUrl> for String {
    fn from(url: SiteUrl) -> Self {
        url.to_string()
    }
}

impl TryFrom<String> for SiteUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
