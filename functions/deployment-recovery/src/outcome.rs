//! What was seen, decided and done, in words that a person can read after an invocation?

use std::{collections::BTreeSet, fmt::Write as _};

use panda_aws::Tally;
use panda_domain::{
    ids::FleetName,
    recovery::{Finding, Nursing, Reason, RecoveryPlan, Standing, Subject},
};
use serde::Serialize;

use crate::config::Mode;

/// The answer of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// The outcome in a sentence.
    pub summary: String,
    /// `On`, `ExplainOnly` or `Off`.
    pub mode: Mode,
    /// The cases that were looked at: one for an event, several for a sweep.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseOutcome>,
    /// What a person should know or mend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// API calls that look.
    pub reads: u32,
    /// API calls that change something.
    pub writes: u32,
    /// From the function's start to its answer.
    pub duration_ms: u64,
}

/// What was seen of one case, and done about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CaseOutcome {
    /// What it is about.
    pub subject: String,
    /// The last step: `wait`, `restart`, `set-unhealthy`, `retry`, `tell` or `nothing`.
    pub step: &'static str,
    /// The reasons for it, as sentences.
    pub reasons: Vec<String>,
    /// The same as codes.
    pub codes: Vec<&'static str>,
    /// What failed, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingOutcome>,
    /// How often the stage was tried again so far, by whomever.
    pub retries: u32,
    /// The fleets of the instances that failed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub fleets: BTreeSet<FleetName>,
    /// Instances that were sent the restart document.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restarted: Vec<String>,
    /// Instances that Auto Scaling was told to replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<String>,
    /// The stage that was tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retried: Option<String>,
    /// The subject of the message that people got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
    /// Whether that message tells of a recovery.
    #[serde(skip)]
    pub recovered: bool,
    /// How often it was looked at.
    pub looks: u32,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FindingOutcome {
    /// The deployment; none where CodeDeploy took none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// The instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The code of its cause.
    pub cause: String,
    /// What it means.
    pub meaning: String,
    /// What can be done about it: `restart`, `retry`, `user` and others.
    pub cure: &'static str,
    /// What became of its agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<&'static str>,
}

impl FindingOutcome {
    fn of(finding: &Finding) -> Self {
        let cause = finding.root();
        Self {
            deployment: finding.deployment.as_ref().map(ToString::to_string),
            instance: finding.instance.as_ref().map(ToString::to_string),
            cause: cause.code().to_owned(),
            meaning: cause.to_string(),
            cure: finding.cure().name(),
            agent: match finding.standing {
                Standing::Here(Nursing::Cured) => Some("polls again"),
                Standing::Here(Nursing::Running(_)) => Some("is being restarted"),
                Standing::Here(Nursing::Busy(_)) => Some("is busy"),
                Standing::Here(Nursing::Unsent(_)) => Some("could not be told to restart"),
                Standing::Here(Nursing::Troubled(_)) => Some("is beyond cure"),
                Standing::Gone => Some("is gone with its instance"),
                Standing::Here(Nursing::Untried) | Standing::Whole | Standing::Unseen => None,
            },
        }
    }
}

impl CaseOutcome {
    pub(crate) fn new(subject: &Subject) -> Self {
        Self { subject: subject.to_string(), step: "nothing", ..Self::default() }
    }

    /// Takes in what was decided last.
    pub(crate) fn decided(&mut self, plan: &RecoveryPlan) {
        self.step = plan.step.name();
        self.reasons = plan.reasons.iter().map(ToString::to_string).collect();
        self.codes = plan.reasons.iter().map(Reason::code).collect();
        self.findings = plan.diagnosis.findings.iter().map(FindingOutcome::of).collect();
        self.retries = plan.retries;
    }

    /// In a sentence.
    fn line(&self) -> String {
        let mut parts = Vec::new();
        if !self.restarted.is_empty() {
            parts.push(format!("restarted the agent of {}", self.restarted.join(", ")));
        }
        if !self.replaced.is_empty() {
            parts.push(format!("had {} replaced", self.replaced.join(", ")));
        }
        if let Some(stage) = &self.retried {
            parts.push(format!("tried the stage `{stage}` again"));
        }
        if let Some(subject) = &self.told {
            parts.push(format!("told people \"{subject}\""));
        }
        if parts.is_empty() {
            parts.push("did nothing".to_owned());
        }
        let mut line = format!("{}: {}", self.subject, parts.join(", "));
        let causes: BTreeSet<&str> = self.findings.iter().map(|finding| finding.cause.as_str()).collect();
        if !causes.is_empty() {
            let _ = write!(line, "; causes: {}", causes.into_iter().collect::<Vec<_>>().join(", "));
        }
        if let Some(reason) = self.reasons.first() {
            let _ = write!(line, "; {reason}");
        }
        line
    }
}

impl Outcome {
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Sums up.
    pub(crate) fn conclude(&mut self, tally: Tally, duration_ms: u64) {
        self.reads = tally.reads;
        self.writes = tally.writes;
        self.duration_ms = duration_ms;
        if self.summary.is_empty() {
            let lines: Vec<String> = self.cases.iter().map(CaseOutcome::line).collect();
            self.summary = if lines.is_empty() { "Nothing has failed".to_owned() } else { lines.join(". ") };
        }
    }
}
