//! What does Lambda learn of an error?
//!
//! A handler's `Err` means "run me again, and after the last attempt dead-letter the event". Policy never errs; it decides. So what arrives
//! here is trouble with AWS or with the configuration, and Lambda is told a stable type that alarms can count and the whole chain of causes.

use std::error::Error;

use lambda_runtime::Diagnostic;

/// An error as Lambda reports it: `error_type` stable, such as `AssociateAddress.Throttled`, and the message with all causes.
#[must_use]
pub fn diagnostic(error_type: impl Into<String>, error: &dyn Error) -> Diagnostic {
    Diagnostic { error_type: error_type.into(), error_message: chain(error) }
}

/// An error and its causes, most recent first, in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Some libraries repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not move the address")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("RequestLimitExceeded")]
    struct Inner;

    #[test]
    fn the_message_keeps_the_whole_chain_of_causes() {
        let diagnostic = diagnostic("AssociateAddress.Throttled", &Outer(Inner));
        assert_eq!(diagnostic.error_type, "AssociateAddress.Throttled");
        assert_eq!(diagnostic.error_message, "could not move the address: RequestLimitExceeded");
    }
}
