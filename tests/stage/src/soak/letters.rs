//! What lies in the failure queue? SQS of the local endpoint, in plain requests: a client for two operations would be minutes of compilation.

use std::{collections::BTreeSet, io, net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use crate::{demo::http, deploy};

const PATIENCE: Duration = Duration::from_secs(10);

/// Takes everything out of all queues and gives the ids of the events.
///
/// # Errors
/// The endpoint does not answer.
pub(super) async fn take(endpoint: SocketAddr) -> io::Result<BTreeSet<String>> {
    let mut letters = BTreeSet::new();
    let queues = ask(endpoint, "ListQueues", &json!({})).await?;
    for queue in queues.get("QueueUrls").and_then(Value::as_array).into_iter().flatten() {
        loop {
            let receive = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 0});
            let reply = ask(endpoint, "ReceiveMessage", &receive).await?;
            let messages = reply.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            for message in messages {
                letters.extend(message.get("Body").and_then(Value::as_str).and_then(event_id));
                let delete = json!({"QueueUrl": queue, "ReceiptHandle": message.get("ReceiptHandle")});
                ask(endpoint, "DeleteMessage", &delete).await?;
            }
        }
    }
    Ok(letters)
}

/// A failure destination wraps the event in what became of it; a rule's dead-letter queue holds the event itself.
fn event_id(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    let event = body.get("requestPayload").unwrap_or(&body);
    // The payload may be a string that holds JSON.
    let event = match event {
        Value::String(text) => serde_json::from_str(text).ok()?,
        event => event.clone(),
    };
    event.get("id").and_then(Value::as_str).map(str::to_owned)
}

async fn ask(endpoint: SocketAddr, operation: &str, request: &Value) -> io::Result<Value> {
    let (target, authorization) = (format!("AmazonSQS.{operation}"), http::authorization(deploy::REGION, "sqs"));
    let headers = [
        ("X-Amz-Target", target.as_str()),
        ("Content-Type", "application/x-amz-json-1.0"),
        ("Authorization", authorization.as_str()),
    ];
    let reply = http::post(endpoint, &headers, &request.to_string(), PATIENCE).await?;
    if reply.status != 200 {
        return Err(io::Error::other(format!("{operation}: {}", reply.body)));
    }
    Ok(serde_json::from_str(&reply.body).unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_by_its_id_in_a_destinations_record_and_in_a_rules_letter() {
        let wrapped =
            json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": {"id": "e-1", "detail": {}}});
        assert_eq!(event_id(&wrapped.to_string()).as_deref(), Some("e-1"));
        assert_eq!(event_id(r#"{"id":"e-2","source":"aws.ec2"}"#).as_deref(), Some("e-2"));
        assert_eq!(event_id(&json!({"requestPayload": r#"{"id":"e-3"}"#}).to_string()).as_deref(), Some("e-3"));
        assert_eq!(event_id("not an event"), None);
    }
}
