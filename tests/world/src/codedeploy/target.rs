//! How far is a deployment on one instance? Its lifecycle events, and what the agent said of each.

use jiff::Timestamp;
use serde::Serialize;

/// The lifecycle events of an in-place deployment without a load balancer, in their order `[doc]` reference-appspec-file-structure-hooks.
pub(crate) const EVENTS: [&str; 7] = [
    "ApplicationStop",
    "DownloadBundle",
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "ApplicationStart",
    "ValidateService",
];

/// How far something is, by AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Progress {
    Pending,
    InProgress,
    Succeeded,
    Failed,
    Skipped,
}

impl Progress {
    /// AWS's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
        }
    }

    /// Whether nothing more comes.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Skipped)
    }
}

/// What the agent, or `CodeDeploy` in its stead, said of a lifecycle event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// `errorCode`
    pub code: &'static str,
    /// `scriptName`
    pub script: String,
    /// `message`
    pub message: String,
    /// `logTail`: 4 KB at most `[doc]`.
    pub log: String,
}

impl Diagnostics {
    /// Of an event that went well `[cap]`.
    pub(crate) fn success() -> Self {
        Self { code: "Success", script: String::new(), message: "Succeeded".to_owned(), log: String::new() }
    }

    /// Of an event that failed without a script.
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self { code: "UnknownError", script: String::new(), message: message.into(), log: String::new() }
    }
}

/// A lifecycle event.
#[derive(Debug, Clone, Serialize)]
pub struct LifecycleEvent {
    /// Its name.
    pub name: &'static str,
    /// How far it is.
    pub progress: Progress,
    /// When the agent took it.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// None before it is over, and none of one that was skipped `[cap]`.
    pub diagnostics: Option<Diagnostics>,
}

/// An instance of a deployment.
#[derive(Debug, Clone, Serialize)]
pub struct Target {
    /// How far it is.
    pub progress: Progress,
    /// When that last changed.
    pub updated: Timestamp,
    /// Its lifecycle events.
    pub events: Vec<LifecycleEvent>,
    /// The agent that took the present event is dead, or as good as dead: nobody will report of it.
    #[serde(skip)]
    pub(crate) orphaned: bool,
    /// Counts what was begun, so that what was scheduled for an earlier event does nothing.
    #[serde(skip)]
    pub(crate) turn: u32,
}

impl Target {
    pub(crate) fn new(now: Timestamp) -> Self {
        let event =
            |name| LifecycleEvent { name, progress: Progress::Pending, started: None, ended: None, diagnostics: None };
        Self { progress: Progress::Pending, updated: now, events: EVENTS.map(event).into(), orphaned: false, turn: 0 }
    }

    /// One that went well.
    pub(crate) fn through(started: Timestamp, ended: Timestamp) -> Self {
        let mut target = Self::new(ended);
        target.progress = Progress::Succeeded;
        for event in &mut target.events {
            event.progress = Progress::Succeeded;
            (event.started, event.ended) = (Some(started), Some(ended));
            event.diagnostics = Some(Diagnostics::success());
        }
        target
    }

    /// The event that runs or waits for the agent.
    pub(crate) fn present(&mut self) -> Option<&mut LifecycleEvent> {
        self.events.iter_mut().find(|event| !event.progress.is_over())
    }

    /// Whether the agent is in the midst of an event.
    pub(crate) fn is_amid_event(&self) -> bool {
        self.events.iter().any(|event| event.progress == Progress::InProgress)
    }

    /// What has not begun is skipped, and with it a target that has not begun.
    pub(crate) fn give_up(&mut self, now: Timestamp) {
        if self.progress.is_over() {
            return;
        }
        self.progress = if self.progress == Progress::Pending { Progress::Skipped } else { Progress::Failed };
        self.updated = now;
        self.turn += 1;
        self.skip_rest(now);
    }

    pub(crate) fn skip_rest(&mut self, now: Timestamp) {
        for event in self.events.iter_mut().filter(|event| !event.progress.is_over()) {
            // One that runs is not waited for `[infer]`.
            event.ended = event.started.map(|_| now);
            event.progress = Progress::Skipped;
        }
    }
}
