//! The instances' web servers: real listeners on the loopback network, up while the simulated instance can answer.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
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
}

#[derive(Debug)]
struct Server {
    address: SocketAddr,
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
    /// Starts and ends servers until exactly those of `serving` are up.
    ///
    /// # Errors
    ///
    /// No loopback address could be bound.
    pub fn keep(&mut self, serving: &[Page]) -> io::Result<()> {
        self.up.retain(|instance, _| serving.iter().any(|page| page.instance == *instance));
        for page in serving {
            if !self.up.contains_key(&page.instance) {
                self.met += 1;
                let listener = bind(self.met)?;
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                let address = listener.local_addr()?;
                let app = router(page);
                let task = tokio::spawn(async move {
                    // Ends only with the task: accept errors are the listener's own to retry.
                    let _ = axum::serve(listener, app).await;
                });
                self.up.insert(page.instance.clone(), Server { address, task });
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

fn router(page: &Page) -> Router {
    let html = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { (page.instance) } }
            body { h1 { (page.instance) } p { "version " (page.version) ", in " (page.zone) } }
        }
    };
    let (instance, body) = (page.instance.clone(), html.into_string());
    let answer =
        move || async move { ([(HeaderName::from_static(INSTANCE_HEADER), instance)], Html(body)).into_response() };
    Router::new().route("/", get(answer))
}
