//! What did the function say? Its log group at the endpoint, read with one plain request: an SDK client for one operation
//! against a local endpoint would be minutes of compilation.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};

use super::{http, record::Said};

const PATIENCE: Duration = Duration::from_secs(5);

/// The function's lines in words, in order, with the time at which each invocation ended; `epoch_ms` is second 0.
///
/// An endpoint that does not offer its logs costs the report a section, not the run: then there are no lines.
pub async fn read(endpoint: SocketAddr, region: &str, group: &str, epoch_ms: i64) -> Vec<Said> {
    let mut said = Vec::new();
    let mut next = None;
    loop {
        let page = filter_log_events(endpoint, region, group, epoch_ms, next.as_ref()).await.unwrap_or_default();
        let events = page.get("events").and_then(Value::as_array).cloned().unwrap_or_default();
        said.extend(events.iter().filter_map(|event| line(event, epoch_ms)));
        next = page.get("nextToken").filter(|token| token.is_string() && !events.is_empty()).cloned();
        if next.is_none() {
            break;
        }
    }
    said.sort_by(|a, b| a.at.total_cmp(&b.at));
    said
}

async fn filter_log_events(
    endpoint: SocketAddr,
    region: &str,
    group: &str,
    from_ms: i64,
    next: Option<&Value>,
) -> Option<Value> {
    let mut request = json!({"logGroupName": group, "startTime": from_ms, "limit": 10_000});
    if let (Some(next), Some(request)) = (next, request.as_object_mut()) {
        request.insert("nextToken".to_owned(), next.clone());
    }
    let authorization = http::authorization(region, "logs");
    let headers = [
        ("X-Amz-Target", "Logs_20140328.FilterLogEvents"),
        ("Content-Type", "application/x-amz-json-1.1"),
        ("Authorization", authorization.as_str()),
    ];
    let reply = http::post(endpoint, &headers, &request.to_string(), PATIENCE).await.ok()?;
    serde_json::from_str(&reply.body).ok()
}

/// A structured line of the function itself; the platform's `START`, `END` and `REPORT`, and metrics, are not words.
fn line(event: &Value, epoch_ms: i64) -> Option<Said> {
    let record: Value = serde_json::from_str(event.get("message")?.as_str()?).ok()?;
    let words = record.pointer("/fields/message").or_else(|| record.get("message"))?.as_str()?;
    let level = record.get("level").and_then(Value::as_str).unwrap_or("INFO");
    let since = Duration::from_millis(u64::try_from(event.get("timestamp")?.as_i64()? - epoch_ms).ok()?);
    let line = if level == "INFO" { words.to_owned() } else { format!("{level}: {words}") };
    Some(Said { at: since.as_secs_f64(), line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_function_said_in_words_is_a_line() {
        let event = |message: &str| json!({"timestamp": 1_500, "message": message});
        let said = line(&event(r#"{"level":"INFO","fields":{"message":"Moved `eipalloc-1`"}}"#), 1_000);
        assert_eq!(said, Some(Said { at: 0.5, line: "Moved `eipalloc-1`".into() }));
        let warned = line(&event(r#"{"level":"WARN","message":"throttled"}"#), 1_000);
        assert_eq!(warned.map(|said| said.line).as_deref(), Some("WARN: throttled"));
        for noise in ["START RequestId: 1 Version: $LATEST", r#"{"_aws":{"Timestamp":1}}"#, ""] {
            assert_eq!(line(&event(noise), 1_000), None, "{noise}");
        }
        assert_eq!(line(&event(r#"{"level":"INFO","message":"before the run"}"#), 2_000), None);
    }
}
