//! The smallest HTTP client that does: one request on a connection of its own, HTTP/1.0 so that the reply ends with the
//! connection. A prober must not reuse connections (a visitor behind a moved address has none), and a client library
//! would bring a pool.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Header lines, as they came.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub body: String,
}

impl Reply {
    /// A header's value, its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Asks for `/`.
///
/// # Errors
///
/// No connection, no complete reply, or neither in `patience`.
pub async fn get(to: SocketAddr, patience: Duration) -> io::Result<Reply> {
    send(to, "GET / HTTP/1.0\r\nHost: site\r\nConnection: close\r\n\r\n".to_owned(), patience).await
}

/// Posts `body` with `headers`.
///
/// # Errors
///
/// No connection, no complete reply, or neither in `patience`.
pub async fn post(to: SocketAddr, headers: &[(&str, &str)], body: &str, patience: Duration) -> io::Result<Reply> {
    let headers = headers.iter().fold(String::new(), |lines, (name, value)| lines + name + ": " + value + "\r\n");
    let length = body.len();
    send(to, format!("POST / HTTP/1.0\r\nHost: {to}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"), patience)
        .await
}

/// A signature as local endpoints want one: they read region and service from its scope, and check nothing.
#[must_use]
pub fn authorization(region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=none"
    )
}

async fn send(to: SocketAddr, request: String, patience: Duration) -> io::Result<Reply> {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await?;
        parse(&String::from_utf8_lossy(&reply)).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
    };
    timeout(patience, exchange).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn parse(reply: &str) -> Option<Reply> {
    let (head, body) = reply.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(':'));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    Some(Reply { status, headers, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_with_its_status_its_headers_and_its_body() {
        let reply = parse("HTTP/1.1 200 OK\r\nX-Instance: i-a\r\n\r\nhello").unwrap_or_else(|| Reply {
            status: 0,
            headers: Vec::new(),
            body: String::new(),
        });
        assert_eq!((reply.status, reply.header("x-instance"), reply.body.as_str()), (200, Some("i-a"), "hello"));
    }

    #[test]
    fn a_connection_that_was_cut_is_no_reply() {
        assert_eq!(parse(""), None);
        assert_eq!(parse("HTTP/1.1 200 OK\r\nX-Ins"), None);
    }
}
