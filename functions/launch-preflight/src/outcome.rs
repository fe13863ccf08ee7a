//! What was asked, seen and answered, in words that a person can read after an invocation?

use panda_aws::Tally;
use panda_domain::{
    ids::{FleetName, SubnetId},
    preflight::{Finding, Severity, sum_up},
};
use serde::Serialize;

/// The answer of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The outcome in a sentence.
    pub summary: String,
    /// `Create`, `Update`, `Delete` or `check`.
    pub command: String,
    /// The stack that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What CloudFormation was told: `SUCCESS` or `FAILED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<&'static str>,
    /// The subnets that were accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<SubnetId>,
    /// The subnets that were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<SubnetId>,
    /// What stands against the launch, and what people should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The fleets that were looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fleets: Vec<FleetReport>,
    /// How many errors were found: as long as there is one, something does not work.
    pub errors: usize,
    /// API calls that look.
    pub reads: u32,
    /// API calls that change something: none, ever.
    pub writes: u32,
    /// From the function's start to its answer.
    pub duration_ms: u64,
}

/// What is to be said of one fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FleetReport {
    /// The fleet.
    pub fleet: FleetName,
    /// Its findings, counted.
    pub summary: String,
    /// Its findings, the worst first.
    pub findings: Vec<Finding>,
}

impl FleetReport {
    pub(crate) fn new(fleet: FleetName, findings: Vec<Finding>) -> Self {
        Self { fleet, summary: sum_up(&findings), findings }
    }
}

impl Outcome {
    /// Sums up.
    pub(crate) fn conclude(&mut self, tally: Tally, duration_ms: u64) {
        self.reads = tally.reads;
        self.writes = tally.writes;
        self.duration_ms = duration_ms;
        let all = self.findings.iter().chain(self.fleets.iter().flat_map(|fleet| &fleet.findings));
        self.errors = all.filter(|finding| finding.severity == Severity::Error).count();
        if self.summary.is_empty() {
            self.summary = self.sum_up();
        }
    }

    /// How many findings there are.
    pub(crate) fn count(&self) -> usize {
        self.findings.len() + self.fleets.iter().map(|fleet| fleet.findings.len()).sum::<usize>()
    }

    fn sum_up(&self) -> String {
        if self.fleets.is_empty() {
            return format!("{}: {}", self.command, sum_up(&self.findings));
        }
        let of = self.fleets.iter().map(|fleet| format!("{}: {}", fleet.fleet, fleet.summary));
        of.collect::<Vec<_>>().join(". ")
    }
}
