//! What is CloudFormation told?
//!
//! The whole answer has 4096 bytes at most, and ids are repeated word by word, so it is the words of people that are trimmed. What the template
//! builds on, the accepted subnets, is never cut.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Callback, Finding, LaunchPlan, Severity, plan::Decision};
use crate::ids::SubnetId;

/// The most bytes that CloudFormation reads of an answer.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>
pub const LONGEST_ANSWER: usize = 4096;

/// An answer to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The resource is as it was asked for.
    Done,
    /// The launch is accepted.
    Accepted {
        /// The subnets to launch into, in the order in which they were asked for.
        subnets: Vec<SubnetId>,
        /// Their zones.
        zones: BTreeSet<String>,
        /// The subnets that were left out.
        dropped: Vec<SubnetId>,
        /// What people should know nevertheless.
        warnings: String,
    },
    /// The deployment fails.
    Failed {
        /// Why, in words that say what to choose.
        reason: String,
    },
}

impl Answer {
    /// The answer that a plan gives.
    #[must_use]
    pub fn of(plan: &LaunchPlan) -> Self {
        match &plan.decision {
            Decision::Accepted { subnets, zones, dropped } => Self::Accepted {
                subnets: subnets.clone(),
                zones: zones.clone(),
                dropped: dropped.clone(),
                warnings: sentences(&plan.findings, Severity::Warning),
            },
            Decision::Refused => Self::Failed { reason: reason(&plan.findings) },
        }
    }

    /// Whether the deployment goes on.
    #[must_use]
    pub fn is_success(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }

    /// The body, of [`LONGEST_ANSWER`] bytes at most.
    #[must_use]
    pub fn body(&self, callback: &Callback) -> String {
        let words = match self {
            Self::Done => "",
            Self::Accepted { warnings, .. } => warnings,
            Self::Failed { reason } => reason,
        };
        let whole = self.written(callback, words);
        if whole.len() <= LONGEST_ANSWER {
            return whole;
        }
        let shortest = self.written(callback, ELLIPSIS);
        if shortest.len() > LONGEST_ANSWER && self.is_success() {
            let reason = "The list of accepted subnets is longer than CloudFormation reads: give fewer SubnetIds.";
            return Self::Failed { reason: reason.to_owned() }.body(callback);
        }
        let room = LONGEST_ANSWER.saturating_sub(shortest.len());
        self.written(callback, &trimmed(words, room))
    }

    fn written(&self, callback: &Callback, words: &str) -> String {
        let mut body = json!({
            "Status": if self.is_success() { "SUCCESS" } else { "FAILED" },
            "PhysicalResourceId": callback.physical,
            "StackId": callback.stack,
            "RequestId": callback.request,
            "LogicalResourceId": callback.logical,
        });
        match self {
            Self::Done => {}
            Self::Accepted { subnets, zones, dropped, .. } => {
                let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
                put(
                    &mut body,
                    "Data",
                    json!({
                        "SubnetIds": joined(subnets),
                        "Zones": zones.join(","),
                        "DroppedSubnetIds": joined(dropped),
                        "Warnings": words,
                    }),
                );
            }
            Self::Failed { .. } => put(&mut body, "Reason", json!(words)),
        }
        body.to_string()
    }
}

const ELLIPSIS: &str = "…";

fn put(body: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = body {
        members.insert(name.to_owned(), value);
    }
}

fn joined(subnets: &[SubnetId]) -> String {
    subnets.iter().map(SubnetId::as_str).collect::<Vec<_>>().join(",")
}

/// The beginning of a text that takes no more than `room` bytes when it is written as JSON, and an ellipsis.
fn trimmed(text: &str, room: usize) -> String {
    let mut used = 0_usize;
    let mut kept = String::new();
    for letter in text.chars() {
        used += json!(letter.to_string()).to_string().len() - 2;
        if used > room {
            break;
        }
        kept.push(letter);
    }
    kept.push_str(ELLIPSIS);
    kept
}

fn sentences(findings: &[Finding], severity: Severity) -> String {
    let of = findings.iter().filter(|finding| finding.severity == severity);
    of.map(|finding| finding.sentence.as_str()).collect::<Vec<_>>().join(" ")
}

/// Everything that stands against a launch, and each way out of it once.
fn reason(findings: &[Finding]) -> String {
    let errors: Vec<&Finding> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let mut parts: Vec<&str> = errors.iter().map(|finding| finding.sentence.as_str()).collect();
    let mut seen = BTreeSet::new();
    parts.extend(errors.iter().filter_map(|finding| finding.mend.as_deref()).filter(|mend| seen.insert(*mend)));
    parts.join(" ")
}
