//! An SNS topic, through which people hear of it.

use aws_sdk_sns::Client;
use aws_types::SdkConfig;

use crate::{AwsError, Counter, Lazy, budget};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["sns:Publish"];

/// "Subjects must be … with no line breaks or control characters, and less than 100 characters long."
const SUBJECT: usize = 99;

/// "By default, a message can be at most 256 KiB in size (262,144 bytes, not 262,144 characters)."
const MESSAGE: usize = 262_144;

const CUT: &str = "\n… (cut: SNS takes no more)";

/// A topic.
#[derive(Debug)]
pub struct Topic {
    client: Lazy<Client>,
    counter: Counter,
    arn: String,
}

impl Topic {
    /// The topic of this ARN.
    #[must_use]
    pub fn new(sdk: &SdkConfig, counter: Counter, arn: impl Into<String>) -> Self {
        let client = |sdk: &SdkConfig| {
            Client::from_conf(aws_sdk_sns::config::Builder::from(sdk).retry_partition(budget("sns")).build())
        };
        Self { client: Lazy::new(sdk, client), counter, arn: arn.into() }
    }

    /// Publishes a message. What SNS would not take is made to fit: the subject loses what is not ASCII (older mail programs) or too long,
    /// the message its end.
    ///
    /// # Errors
    /// When AWS does not answer, which leaves open whether anybody hears of it, or refuses.
    pub async fn publish(&self, subject: &str, message: &str) -> Result<(), AwsError> {
        self.counter.write();
        self.client
            .get()
            .publish()
            .topic_arn(&self.arn)
            .set_subject(fitting_subject(subject))
            .message(fitting_message(message))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("Publish", Some(&self.arn), &error))
    }
}

/// A subject as SNS takes it; none if nothing is left of it.
fn fitting_subject(subject: &str) -> Option<String> {
    let plain = |letter: char| match letter {
        letter if letter.is_control() || letter.is_whitespace() => ' ',
        letter if letter.is_ascii() => letter,
        '–' | '—' => '-',
        '‘' | '’' => '\'',
        '“' | '”' => '"',
        _ => '?',
    };
    let line: String = subject.chars().map(plain).collect();
    let short: String = line.trim().chars().take(SUBJECT).collect();
    let fitting = short.trim_end();
    (!fitting.is_empty()).then(|| fitting.to_owned())
}

/// A message as SNS takes it: not empty, not too long, cut between characters.
fn fitting_message(message: &str) -> String {
    if message.is_empty() {
        return "(no text)".to_owned();
    }
    if message.len() <= MESSAGE {
        return message.to_owned();
    }
    let end = message.floor_char_boundary(MESSAGE - CUT.len());
    format!("{}{CUT}", message.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_short_line_of_ascii_that_begins_with_no_blank() {
        assert_eq!(fitting_subject(" web: not\nhealed \t"), Some("web: not healed".to_owned()));
        assert_eq!(fitting_subject("café – gone"), Some("caf? - gone".to_owned()));
        assert_eq!(fitting_subject(&"x".repeat(300)).map(|subject| subject.len()), Some(99));
        assert_eq!(fitting_subject("\n"), None);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        assert_eq!(fitting_message("short"), "short");
        for padding in 0..4 {
            let message = fitting_message(&format!("{}{}", "x".repeat(padding), "€".repeat(100_000)));
            assert!(message.len() <= MESSAGE && message.len() > MESSAGE - 8, "{}", message.len());
            assert!(message.ends_with(CUT));
        }
        assert!(!fitting_message("").is_empty(), "SNS refuses an empty message");
    }
}
