//! The instances' web servers: real listeners on the loopback network, up while the simulated instance can answer.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    http::HeaderName,
    response::{Html, IntoResponse},
    routing::get,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// The header by which the prober knows who answered.
pub const INSTANCE_HEADER: &str = "x-instance";

/// What an instance's page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The instance.
    pub instance: String,
    /// Its Availability Zone.
    pub zone: String,
    /// What it was launched from.
    pub version: String,
    /// What was deployed to it, if anything was.
    pub text: String,
}

/// What stands around the text of a page, by which a visitor finds it.
const TEXT: (&str, &str) = ("<h1>", "</h1>");

/// The text of the page that a visitor was sent, as it was deployed.
#[must_use]
pub fn text_of(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once(TEXT.0)?;
    rest.split_once(TEXT.1).map(|(text, _)| text).filter(|text| !text.is_empty())
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
    page: Arc<Mutex<Page>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ends the listener: the next connection is refused, as at an instance that has gone.
        self.task.abort();
    }
}

/// The web servers that are up.
#[derive(Debug, Default)]
pub struct Servers {
    up: BTreeMap<String, Server>,
    met: usize,
}

impl Servers {
    /// Starts and ends servers until exactly those of `serving` are up, each with its page.
    ///
    /// # Errors
    ///
    /// No loopback address could be bound.
    pub fn keep(&mut self, serving: &[Page]) -> io::Result<()> {
        self.up.retain(|instance, _| serving.iter().any(|page| page.instance == *instance));
        for page in serving {
            if let Some(server) = self.up.get(&page.instance) {
                let mut shown = server.page.lock().unwrap_or_else(PoisonError::into_inner);
                if *shown != *page {
                    *shown = page.clone();
                }
            } else {
                self.met += 1;
                let listener = bind(self.met)?;
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let address = listener.local_addr()?;
                let page = Arc::new(Mutex::new(page.clone()));
                let instance = page.lock().unwrap_or_else(PoisonError::into_inner).instance.clone();
                let app = router(Arc::clone(&page));
                let task = tokio::spawn(async move {
                    // Ends only with the task: accept errors are the listener's own to retry.
                    let _ = axum::serve(listener, app).await;
                });
                self.up.insert(instance, Server { address, page, task });
            }
        }
        Ok(())
    }

    /// Where the instance's server listens, while it is up.
    #[must_use]
    pub fn address_of(&self, instance: &str) -> Option<SocketAddr> {
        self.up.get(instance).map(|server| server.address)
    }
}

/// The nth instance gets an address of its own, 127.0.1.n and on. Where only 127.0.0.1 exists (macOS), a port of its own
/// must do.
fn bind(nth: usize) -> io::Result<std::net::TcpListener> {
    let subnet = u8::try_from(nth / 250 + 1).unwrap_or(u8::MAX);
    let host = u8::try_from(nth % 250 + 1).unwrap_or(u8::MAX);
    std::net::TcpListener::bind((Ipv4Addr::new(127, 0, subnet, host), 0))
        .or_else(|_| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
}

fn router(page: Arc<Mutex<Page>>) -> Router {
    let answer = move || async move {
        let page = page.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let header = [(HeaderName::from_static(INSTANCE_HEADER), page.instance.clone())];
        (header, Html(rendered(&page))).into_response()
    };
    Router::new().route("/", get(answer))
}

fn rendered(page: &Page) -> String {
    let html = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (page.instance) } }
            body { h1 { (page.text) } p { (page.instance) ", version " (page.version) ", in " (page.zone) } }
        }
    };
    html.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_finds_in_the_page_what_was_deployed() {
        let page = Page { instance: "i-a".into(), zone: "a".into(), version: "1".into(), text: "Release 2".into() };
        assert_eq!(text_of(&rendered(&page)), Some("Release 2"));
        assert_eq!(text_of(&rendered(&Page { text: String::new(), ..page })), None);
        assert_eq!(text_of("bad gateway"), None);
    }
}
