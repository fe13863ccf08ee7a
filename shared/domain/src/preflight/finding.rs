//! What is wrong, how bad is that, and what mends it?

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does not work: a launch fails, or a reflex cannot do its work for this fleet.
    Error,
    /// It works worse than it should, or will stop working.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// Something that a person should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for it.
    pub code: &'static str,
    /// What it is about: a subnet, a group, an instance.
    pub subject: String,
    /// What is so, and what follows from it.
    pub sentence: String,
    /// What mends it: a command as it is typed, or the setting to choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        code: &'static str,
        subject: impl fmt::Display,
        sentence: impl Into<String>,
    ) -> Self {
        Self { severity, code, subject: subject.to_string(), sentence: sentence.into(), mend: None }
    }

    pub(super) fn error(code: &'static str, subject: impl fmt::Display, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, subject, sentence)
    }

    pub(super) fn warning(code: &'static str, subject: impl fmt::Display, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, subject, sentence)
    }

    pub(super) fn note(code: &'static str, subject: impl fmt::Display, sentence: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, subject, sentence)
    }

    pub(super) fn mended_by(self, mend: impl Into<String>) -> Self {
        Self { mend: Some(mend.into()), ..self }
    }
}

/// How many findings of each severity, in words: `2 errors, 1 warning`.
#[must_use]
pub fn sum_up(findings: &[Finding]) -> String {
    let counts = [Severity::Error, Severity::Warning, Severity::Note].map(|severity| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number, severity)
    });
    let parts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, severity)| format!("{number} {severity}{}", if *number == 1 { "" } else { "s" }))
        .collect();
    if parts.is_empty() { "nothing to mend".to_owned() } else { parts.join(", ") }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match items.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A name in backticks.
pub(super) fn quoted(name: impl fmt::Display) -> String {
    format!("`{name}`")
}
