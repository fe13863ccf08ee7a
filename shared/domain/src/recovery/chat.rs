//! How does a message look in a chat?
//!
//! Amazon Q Developer in chat applications drops whatever is not of this shape, silently. `threadId` gathers what belongs to one execution in one
//! thread. Subscribers by mail would see the JSON, so it goes to a topic of its own.

use serde::Serialize;

use super::Redacted;

/// The most characters of a description. Slack cuts a section at three thousand.
const LONGEST: usize = 2_500;

/// A custom notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    version: &'static str,
    source: &'static str,
    content: Content,
    metadata: Metadata,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    text_type: &'static str,
    title: String,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    next_steps: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keywords: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    thread_id: String,
    summary: String,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_resources: Vec<String>,
}

/// What a chat message is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) title: String,
    pub(super) lines: Vec<String>,
    pub(super) log: Option<Redacted>,
    pub(super) next: Vec<String>,
    pub(super) keywords: Vec<String>,
    pub(super) thread: String,
    pub(super) event: &'static str,
    pub(super) resources: Vec<String>,
}

impl ChatMessage {
    pub(super) fn of(parts: Parts) -> Self {
        let mut description: String = parts.lines.join("\n").chars().take(LONGEST).collect();
        if let Some(log) = parts.log {
            // A fence in the log would end ours, and the rest of the log would be read as markup.
            let log = log.as_str().replace("```", "'''");
            let room = LONGEST.saturating_sub(description.chars().count() + 10);
            let skip = log.chars().count().saturating_sub(room);
            let log: String = log.chars().skip(skip).collect();
            if !log.is_empty() {
                description = format!("{description}\n```\n{log}\n```");
            }
        }
        Self {
            version: "1.0",
            source: "custom",
            content: Content {
                text_type: "client-markdown",
                title: parts.title.clone(),
                description,
                next_steps: parts.next,
                keywords: parts.keywords,
            },
            metadata: Metadata {
                thread_id: parts.thread,
                summary: parts.title,
                event_type: parts.event,
                related_resources: parts.resources,
            },
        }
    }
}
