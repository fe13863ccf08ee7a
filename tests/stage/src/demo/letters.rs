//! What do people hear? A subscriber of a function's topic, over HTTP, as SNS delivers to one.

use std::{io, net::SocketAddr, time::Duration};

use axum::{Router, extract::State, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::{http, record::Letter};

const PATIENCE: Duration = Duration::from_secs(5);

/// A mailbox that is subscribed to a topic, until dropped.
#[derive(Debug)]
pub struct Mailbox {
    /// What arrived.
    pub letters: UnboundedReceiver<Letter>,
    task: JoinHandle<()>,
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What answers SNS.
#[derive(Debug, Clone)]
struct Postman {
    topics: Topics,
    confirmed: watch::Sender<bool>,
    letters: UnboundedSender<Letter>,
    from: &'static str,
    zero: Instant,
}

/// SNS of a local endpoint.
#[derive(Debug, Clone)]
struct Topics {
    endpoint: SocketAddr,
    authorization: String,
}

impl Mailbox {
    /// Subscribes to `topic` at the endpoint, by which the function `from` tells people, and returns once SNS has the consent;
    /// letters are dated from `zero`.
    ///
    /// # Errors
    ///
    /// No loopback port is free, or the endpoint does not subscribe anybody.
    pub async fn subscribe(
        endpoint: SocketAddr,
        region: &str,
        topic: &str,
        from: &'static str,
        zero: Instant,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let here = listener.local_addr()?;
        let topics = Topics { endpoint, authorization: http::authorization(region, "sns") };
        let (confirmed, mut consent) = watch::channel(false);
        let (sender, letters) = unbounded_channel();
        let postman = Postman { topics: topics.clone(), confirmed, letters: sender, from, zero };
        let app = Router::new().route("/", post(receive)).with_state(postman);
        let task = tokio::spawn(async move {
            // Ends only with the task: accept errors are the listener's own to retry.
            let _ = axum::serve(listener, app).await;
        });
        let mailbox = Self { letters, task };
        topics.ask(&format!("Action=Subscribe&Protocol=http&TopicArn={topic}&Endpoint=http://{here}/")).await?;
        let heard = timeout(PATIENCE, consent.wait_for(|given| *given)).await;
        heard.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(io::Error::other)?;
        Ok(mailbox)
    }
}

async fn receive(State(postman): State<Postman>, body: String) -> StatusCode {
    let Ok(envelope) = serde_json::from_str::<Value>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let word = |key: &str| envelope.get(key).and_then(Value::as_str).unwrap_or_default();
    match word("Type") {
        "SubscriptionConfirmation" => {
            let (topic, token) = (word("TopicArn"), word("Token"));
            let consent = format!("Action=ConfirmSubscription&TopicArn={topic}&Token={token}");
            if postman.topics.ask(&consent).await.is_err() {
                return StatusCode::BAD_GATEWAY;
            }
            postman.confirmed.send_replace(true);
        }
        "Notification" => {
            let at = postman.zero.elapsed().as_secs_f64();
            let (from, subject, text) = (postman.from, word("Subject").to_owned(), word("Message").to_owned());
            let letter = Letter { at, from, subject, text };
            // Nobody reads any more when the stage is being cleared.
            let _ = postman.letters.send(letter);
        }
        _ => {}
    }
    StatusCode::OK
}

impl Topics {
    /// Names and tokens of AWS need no escaping in a form.
    async fn ask(&self, form: &str) -> io::Result<()> {
        let headers =
            [("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", self.authorization.as_str())];
        let form = format!("{form}&Version=2010-03-31");
        let reply = http::post(self.endpoint, &headers, &form, PATIENCE).await?;
        if reply.status == 200 { Ok(()) } else { Err(io::Error::other(reply.body)) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use serde_json::json;

    use super::*;

    /// As SNS: asks the subscriber for its consent, and delivers one message once it is given.
    async fn sns(State(given): State<watch::Sender<String>>, form: String) -> StatusCode {
        let field = |name: &str| {
            let field = form.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            field.unwrap_or_default().to_owned()
        };
        match field("Action").as_str() {
            "Subscribe" => {
                given.send_replace(field("Endpoint"));
                let asked = json!({"Type": "SubscriptionConfirmation", "TopicArn": field("TopicArn"), "Token": "t-1"});
                tokio::spawn(tell(field("Endpoint"), asked));
            }
            "ConfirmSubscription" if field("Token") == "t-1" => {
                let message = json!({"Type": "Notification", "Subject": "The panda strikes web", "Message": "Fleet: web\nFault: crash"});
                let endpoint = given.borrow().clone();
                tokio::spawn(tell(endpoint, message));
            }
            _ => return StatusCode::BAD_REQUEST,
        }
        StatusCode::OK
    }

    async fn tell(endpoint: String, message: Value) {
        let to = endpoint.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        http::post(to, &[("Content-Type", "text/plain")], &message.to_string(), PATIENCE).await.unwrap();
    }

    #[tokio::test]
    async fn a_message_of_the_topic_arrives_as_people_read_it() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = listener.local_addr().unwrap();
        let app = Router::new().route("/", post(sns)).with_state(watch::Sender::new(String::new()));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let topic = "arn:aws:sns:us-east-1:000000000000:panda";
        let mut mailbox = Mailbox::subscribe(endpoint, "us-east-1", topic, "panda", Instant::now()).await.unwrap();
        let letter = timeout(PATIENCE, mailbox.letters.recv()).await.unwrap().unwrap();
        assert_eq!(
            (letter.from, letter.subject.as_str(), letter.text.as_str()),
            ("panda", "The panda strikes web", "Fleet: web\nFault: crash")
        );
    }
}
