//! What of a stranger's text may people read?
//!
//! Log tails go out by mail and chat. Scripts print what they are given, so whatever looks like a secret is struck out, and rather too much than too
//! little; but a tail that says nothing any more helps nobody, so paths, commit ids, ARNs, times and versions stay. Three passes, each linear in
//! the length of the text:
//!
//! 1. what a rule knows by its shape or by the name before it (`rules`),
//! 2. what goes on in the next line where something was struck out at the end of a line (wrapped tokens, blocks of base64),
//! 3. whatever is left that looks drawn by lot (`lot`).
//!
//! CodeDeploy writes `[stdout]` or `[stderr]` before every line of a script; secrets are looked for as if it had not.

mod lot;
mod rules;

use std::{fmt, sync::LazyLock};

use regex_lite::Regex;
use serde::Serialize;

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";

/// A word before a secret may look like one too.
const TWICE: &str = "[redacted] [redacted]";

/// The most characters of a line that stands alone.
const LONGEST_LINE: usize = 300;
/// The most lines of a log.
const MOST_LINES: usize = 30;
/// The most characters of a log.
const LONGEST_TAIL: usize = 2_500;

/// A text without secrets. There is no way to one but through [`redact`], so that a type tells what may leave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Redacted(String);

impl Redacted {
    /// A short text, such as a message: in one line, without secrets.
    #[must_use]
    pub fn line(text: &str) -> Self {
        let line = redact(text).split_whitespace().collect::<Vec<_>>().join(" ");
        Self(match line.char_indices().nth(LONGEST_LINE) {
            None => line,
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        })
    }

    /// The same, or nothing if nothing is said.
    #[must_use]
    pub fn some(text: &str) -> Option<Self> {
        Some(Self::line(text)).filter(|line| !line.0.is_empty())
    }

    /// The end of a log, without secrets; nothing if nothing is said. Redacted first and cut afterwards: half a secret is hard to recognise.
    #[must_use]
    pub fn tail(text: &str) -> Option<Self> {
        let clean = redact(text);
        let lines: Vec<&str> = clean.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let mut kept: Vec<&str> = Vec::new();
        let mut length = 0;
        for line in lines.iter().rev().take(MOST_LINES) {
            length += line.chars().count() + 1;
            if length > LONGEST_TAIL && !kept.is_empty() {
                break;
            }
            kept.push(line);
        }
        kept.reverse();
        let tail: String = kept.join("\n").chars().take(LONGEST_TAIL).collect();
        (!tail.is_empty()).then_some(Self(tail))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Strikes out what looks like a secret.
#[must_use]
pub fn redact(text: &str) -> String {
    let text = visible(text);
    let lines: Vec<(&str, &str)> = text.split('\n').map(split_prefix).collect();
    let mut bodies = lines.iter().map(|(_, body)| *body).collect::<Vec<_>>().join("\n");
    let lower = bodies.to_ascii_lowercase();
    for rule in rules::all().iter().filter(|rule| rule.concerns(&lower)) {
        bodies = rule.apply(&bodies);
    }
    // A rule keeps the number of lines, so that each finds its prefix again.
    let mut clean: Vec<String> = Vec::with_capacity(lines.len());
    let mut runs_on = false;
    for ((prefix, before), body) in lines.iter().zip(bodies.split('\n')) {
        let body = lot::strike(body).replace(TWICE, MARK);
        let struck =
            body.trim_end().ends_with(MARK) || body.trim_end().trim_end_matches(['"', '\'', '\\', ',']).ends_with(MARK);
        if runs_on && goes_on(body.trim()) {
            clean.push(format!("{prefix}{MARK}"));
            continue;
        }
        runs_on = struck && !before.trim().is_empty();
        if body.trim().is_empty() && !before.trim().is_empty() {
            // All of the line was part of what was struck out before it.
            runs_on = true;
            continue;
        }
        clean.push(format!("{prefix}{body}"));
    }
    clean.join("\n")
}

/// Whether a line can be the rest of a token that was struck out at the end of the line before.
fn goes_on(line: &str) -> bool {
    static TOKEN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"^["']?[A-Za-z0-9+/=_.~-]{12,}["',\\]{0,3}$"#).ok());
    let digits = line.chars().any(|c| c.is_ascii_digit());
    let letters = line.chars().any(|c| c.is_ascii_alphabetic());
    digits && letters && TOKEN.as_ref().is_none_or(|token| token.is_match(line))
}

/// `[stderr]` and the like, and the rest.
fn split_prefix(line: &str) -> (&str, &str) {
    for prefix in ["[stdout]", "[stderr]"] {
        if let Some(body) = line.strip_prefix(prefix) {
            let split = line.len() - body.len();
            return (line.get(..split).unwrap_or_default(), body);
        }
    }
    ("", line)
}

/// Without escape sequences and control characters, which could hide a secret from the rules and a line from the reader.
fn visible(text: &str) -> String {
    static ESCAPES: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?|\x1b.?").ok());
    let plain = match ESCAPES.as_ref() {
        Some(escapes) => escapes.replace_all(text, "").into_owned(),
        None => text.to_owned(),
    };
    plain
        .replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}
