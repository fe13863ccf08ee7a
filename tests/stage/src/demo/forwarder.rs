//! Plays the Elastic IP: one loopback address, forwarded to whatever instance the data plane says it belongs to now.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

/// How long a connection may take to reach its instance; all of it happens on one machine.
const PATIENCE: Duration = Duration::from_millis(500);

/// The listener that plays the Elastic IP, until dropped.
#[derive(Debug)]
pub struct Forwarder {
    /// Where it listens.
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Forwarder {
    /// Listens on a free loopback port and forwards each connection to what `route` says at that moment.
    ///
    /// A connection that nobody would answer is closed at once. A packet to an address without an instance vanishes, so
    /// a real visitor would wait for the timeout first; the verdict is the same and the timeline sharper.
    ///
    /// # Errors
    ///
    /// No loopback port is free.
    pub async fn start(route: impl Fn() -> Option<SocketAddr> + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            loop {
                let Ok((visitor, _)) = listener.accept().await else {
                    // Out of descriptors for a moment: the listener itself is still good.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                if let Some(instance) = route() {
                    tokio::spawn(forward(visitor, instance));
                }
            }
        });
        Ok(Self { address, task })
    }
}

async fn forward(mut visitor: TcpStream, instance: SocketAddr) {
    if let Ok(Ok(mut server)) = timeout(PATIENCE, TcpStream::connect(instance)).await {
        // An exchange that breaks midway is the visitor's failed request; there is nobody else to tell.
        let _ = copy_bidirectional(&mut visitor, &mut server).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::demo::{
        http,
        site::{INSTANCE_HEADER, Page, Servers, text_of},
    };

    const PATIENCE: Duration = Duration::from_secs(10);

    fn page(instance: &str) -> Page {
        Page {
            instance: instance.into(),
            zone: "eu-central-1a".into(),
            version: "<1>".into(),
            text: "Release 1".into(),
        }
    }

    #[tokio::test]
    async fn visitors_reach_the_instance_that_the_route_names_at_that_moment() {
        let mut site = Servers::default();
        site.keep(&[page("i-a"), page("i-b")]).unwrap();
        let route = Arc::new(Mutex::new(site.address_of("i-a")));
        let forwarder = {
            let route = Arc::clone(&route);
            Forwarder::start(move || *route.lock().unwrap()).await.unwrap()
        };
        let asked = http::get(forwarder.address, PATIENCE).await.unwrap();
        assert_eq!((asked.status, asked.header(INSTANCE_HEADER)), (200, Some("i-a")));
        assert!(asked.body.contains("version &lt;1&gt;, in eu-central-1a"), "{}", asked.body);

        *route.lock().unwrap() = site.address_of("i-b");
        let asked = http::get(forwarder.address, PATIENCE).await.unwrap();
        assert_eq!(asked.header(INSTANCE_HEADER), Some("i-b"));

        // What is deployed shows without a new server.
        site.keep(&[page("i-a"), Page { text: "Release 2".into(), ..page("i-b") }]).unwrap();
        let asked = http::get(forwarder.address, PATIENCE).await.unwrap();
        assert_eq!(text_of(&asked.body), Some("Release 2"));

        *route.lock().unwrap() = None;
        assert!(http::get(forwarder.address, PATIENCE).await.is_err(), "nobody holds the address");
    }

    #[tokio::test]
    async fn an_instance_that_stops_serving_refuses_connections_at_once() {
        let mut site = Servers::default();
        site.keep(&[page("i-a"), page("i-b")]).unwrap();
        let gone = site.address_of("i-a").unwrap();
        site.keep(&[page("i-b")]).unwrap();
        assert_eq!(site.address_of("i-a"), None);
        tokio::task::yield_now().await;
        assert!(http::get(gone, PATIENCE).await.is_err());
        assert!(http::get(site.address_of("i-b").unwrap(), PATIENCE).await.is_ok());
    }
}
