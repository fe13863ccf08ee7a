//! What happens next? Coming transitions in order of time, then of their making.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::codedeploy::deployment::{ActionOf, DeploymentStatus};
use crate::ssm::document::Outcome;

/// A transition to come. Each carries what it was scheduled for; its handler looks whether that still holds.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// EC2: `pending` is over.
    Running { instance: String, epoch: u32 },
    /// EC2: `stopping` is over.
    Stopped { instance: String, epoch: u32 },
    /// EC2: `shutting-down` is over.
    Terminated { instance: String, epoch: u32 },
    /// The dying instance's service ends.
    LastBreath { instance: String, epoch: u32 },
    /// EC2 drops the dying instance's association.
    DropAssociation { instance: String },
    /// A terminated instance's tags go.
    DropTags { instance: String },
    /// It is no longer listed.
    Forget { instance: String },
    /// User data reaches the article's two lines.
    UserData { instance: String, epoch: u32 },
    /// The second of these lines.
    Steal { instance: String, epoch: u32 },
    /// The application answers.
    AppReady { instance: String, epoch: u32 },
    /// `CodeDeploy` reports.
    DeployReported { instance: String },
    /// Status checks have their first result.
    ChecksDone { instance: String, epoch: u32 },
    /// Status checks see a failure or a repair.
    ChecksSee { instance: String, epoch: u32, check_epoch: u32 },
    /// The alarm on them changes.
    Alarm { instance: String, check_epoch: u32 },
    /// Auto Scaling has waited its few minutes.
    UnhealthyByChecks { instance: String, check_epoch: u32 },
    /// The data plane follows an association.
    Settled { allocation: String, route_epoch: u32 },
    /// Spot takes its instance back.
    Reclaim { instance: String },
    /// Retirement.
    Retire { instance: String },
    /// Auto Scaling notices that an instance is not running.
    HealthNotice { group: String, instance: String },
    /// Auto Scaling compares what it has with what it wants.
    Reconcile { group: String },
    /// `Pending` to `Pending:Wait`, or on.
    LaunchHooks { group: String, instance: String },
    /// `Terminating` to `Terminating:Wait`, or on.
    TerminateHooks { group: String, instance: String },
    /// A heartbeat runs out.
    HookTimeout { group: String, instance: String, token: String },
    /// `…:Proceed` is over.
    Proceeded { group: String, instance: String },
    /// Auto Scaling has seen `terminated`.
    Gone { group: String, instance: String },
    /// Standby entered.
    InStandby { group: String, instance: String },
    /// Standby left.
    OutOfStandby { group: String, instance: String },
    /// Detached.
    Detached { group: String, instance: String },
    /// Blue goes to zero.
    ScaleDownBlue { blue: String },
    /// A deployment's first lifecycle events begin.
    DeploymentBegins { deployment: u64 },
    /// A deployment ends as it was told to.
    DeploymentEnds { deployment: u64, status: DeploymentStatus },
    /// An agent asks for work.
    EventHeard { deployment: u64, instance: String, turn: u32 },
    /// Nobody has asked for a lifecycle event.
    EventUnheard { deployment: u64, instance: String, turn: u32 },
    /// A lifecycle event's script is through.
    EventEnds { deployment: u64, instance: String, turn: u32, epoch: u32 },
    /// Nobody has reported of a lifecycle event.
    EventLost { deployment: u64, instance: String, turn: u32 },
    /// `CodeDeploy` answers its launch hook.
    LaunchDeployed { instance: String, well: bool },
    /// An action of a pipeline is through.
    ActionEnds { action: ActionOf, well: bool },
    /// A pipeline sees that the deployment for which its action waits is over.
    DeployActionEnds { action: ActionOf, deployment: String, status: DeploymentStatus },
    /// A pipeline's execution ends as it was told to.
    ExecutionEnds { pipeline: String, execution: String },
    /// A command reaches its instance, or finds nobody there.
    CommandDelivered { command: String, instance: String },
    /// The document's steps are through.
    CommandDone { command: String, instance: String, epoch: u32 },
    /// A document has said what it has to say.
    CommandReports { command: String, instance: String, epoch: u32, report: Box<Outcome> },
    /// A command runs out of time: its delivery, or later its execution.
    CommandExpired { command: String, instance: String },
    /// An event arrives.
    Deliver { event: Box<serde_json::Value> },
}

/// The coming transitions.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    sequence: u64,
    due: BTreeMap<(Timestamp, u64), Due>,
}

impl Queue {
    pub(crate) fn push(&mut self, at: Timestamp, due: Due) {
        self.sequence += 1;
        self.due.insert((at, self.sequence), due);
    }

    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    pub(crate) fn pop_until(&mut self, to: Timestamp) -> Option<(Timestamp, Due)> {
        let entry = self.due.first_entry()?;
        (entry.key().0 <= to).then(|| {
            let ((at, _), due) = entry.remove_entry();
            (at, due)
        })
    }
}
