//! What does a failed lifecycle event on an instance mean?
//!
//! CodeDeploy has six codes for an event, and everything that the scripts did not do is `UnknownError`: the message decides. The order of the
//! questions matters. What scripts did is asked first, since a script may print anything; then what the agent says of itself; the general last.

use super::{Cure, Diagnostics, Facts};

/// What a failed lifecycle event means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pattern {
    /// The agent did not fetch the event.
    AgentSilent,
    /// No event ran at all, and nobody says why.
    NeverBegan,
    /// An event had begun when the deployment ended, and nobody says how it went.
    CutOff,
    /// The agent was restarted in the middle of the event.
    AgentRestarted,
    /// The agent was about to stop.
    AgentStopping,
    /// The network did not carry it.
    Network,
    /// S3 did not give the revision.
    Download,
    /// The instance may not.
    AccessDenied,
    /// The instance's clock is wrong.
    ClockSkew,
    /// The agent is too old for the service's signature.
    AgentTooOld,
    /// The disk is full.
    DiskFull,
    /// There is no `AppSpec` file where it belongs.
    AppSpecMissing,
    /// A script of the revision before, which ran to take that out, failed.
    OldScript,
    /// A file of the revision is there already.
    FileExists,
    /// A directory that was to be removed has more in it.
    DirectoryNotEmpty,
    /// A script is not there.
    ScriptMissing,
    /// A script cannot be run.
    ScriptNotExecutable,
    /// A script failed.
    ScriptFailed,
    /// A script did not end in time.
    ScriptTimedOut,
    /// The `AppSpec` file is not valid.
    AppSpecInvalid,
    /// The instance is stopped.
    InstanceStopped,
    /// Something that this program does not know.
    Unknown,
}

/// The lifecycle events that run the scripts of the last successful revision, not of the one that is deployed.
const OF_THE_OLD_REVISION: [&str; 3] = ["ApplicationStop", "BeforeBlockTraffic", "AfterBlockTraffic"];

const FULL: &str = "No space left on device";

/// What an `UnknownError` says, in the order of asking: every text of a row must be there.
const SAYS: [(&[&str], Pattern); 26] = [
    (&["agent was not able to receive the lifecycle event"], Pattern::AgentSilent),
    (&["lifecycle events did not run"], Pattern::NeverBegan),
    (&["CodeDeploy agent has stopped"], Pattern::NeverBegan),
    (&["Failing in-progress lifecycle event after an agent restart"], Pattern::AgentRestarted),
    (&["RejectedExecutionError"], Pattern::AgentStopping),
    (&["execution expired"], Pattern::Network),
    (&["Net::OpenTimeout"], Pattern::Network),
    (&["unable to connect to"], Pattern::Network),
    (&["not opened for reading"], Pattern::Download),
    (&["Access Denied"], Pattern::AccessDenied),
    (&["AccessDenied"], Pattern::AccessDenied),
    (&["Missing credentials"], Pattern::AccessDenied),
    (&["UnrecognizedClientException"], Pattern::AccessDenied),
    (&["InvalidSignatureException"], Pattern::ClockSkew),
    (&["Signature expired"], Pattern::ClockSkew),
    (&["Validation of PKCS7 signed message failed"], Pattern::AgentTooOld),
    (&[FULL], Pattern::DiskFull),
    (&["unzip", "exit", "50"], Pattern::DiskFull),
    (&["No such file or directory", "appspec.y"], Pattern::AppSpecMissing),
    (&["did not find an AppSpec file"], Pattern::AppSpecMissing),
    (&["specified file already exists at this location"], Pattern::FileExists),
    (&["Directory not empty"], Pattern::DirectoryNotEmpty),
    (&["does not exist at specified location"], Pattern::ScriptMissing),
    (&["run as user", "failed with exit code"], Pattern::ScriptFailed),
    (&["failed to complete in"], Pattern::ScriptTimedOut),
    (&["application specification file"], Pattern::AppSpecInvalid),
];

impl Pattern {
    /// Every one, in the order of asking.
    pub const ALL: [Self; 22] = [
        Self::AgentSilent,
        Self::NeverBegan,
        Self::CutOff,
        Self::AgentRestarted,
        Self::AgentStopping,
        Self::Network,
        Self::Download,
        Self::AccessDenied,
        Self::ClockSkew,
        Self::AgentTooOld,
        Self::DiskFull,
        Self::AppSpecMissing,
        Self::OldScript,
        Self::FileExists,
        Self::DirectoryNotEmpty,
        Self::ScriptMissing,
        Self::ScriptNotExecutable,
        Self::ScriptFailed,
        Self::ScriptTimedOut,
        Self::AppSpecInvalid,
        Self::InstanceStopped,
        Self::Unknown,
    ];

    /// Reads what the agent reported of a failed event. Without diagnostics nobody said anything: [`Pattern::NeverBegan`].
    #[must_use]
    pub fn of(event: &str, diagnostics: Option<&Diagnostics>) -> Self {
        let Some(diagnostics) = diagnostics else { return Self::NeverBegan };
        let says = SAYS
            .iter()
            .find(|(texts, _)| texts.iter().all(|text| diagnostics.message.contains(text)))
            .map_or(Self::Unknown, |(_, pattern)| *pattern);
        let by_script = match diagnostics.code.as_str() {
            "ScriptMissing" => Self::ScriptMissing,
            "ScriptNotExecutable" => Self::ScriptNotExecutable,
            "ScriptFailed" => Self::ScriptFailed,
            "ScriptTimedOut" => Self::ScriptTimedOut,
            _ => says,
        };
        match by_script {
            Self::ScriptFailed if says == Self::DiskFull || diagnostics.log_tail.contains(FULL) => Self::DiskFull,
            Self::ScriptMissing | Self::ScriptNotExecutable | Self::ScriptFailed | Self::ScriptTimedOut
                if OF_THE_OLD_REVISION.contains(&event) =>
            {
                Self::OldScript
            }
            pattern => pattern,
        }
    }

    /// The code that a machine counts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::AgentSilent => "agent-silent",
            Self::NeverBegan => "never-began",
            Self::CutOff => "cut-off",
            Self::AgentRestarted => "agent-restarted",
            Self::AgentStopping => "agent-stopping",
            Self::Network => "network",
            Self::Download => "download",
            Self::AccessDenied => "access-denied",
            Self::ClockSkew => "clock-skew",
            Self::AgentTooOld => "agent-too-old",
            Self::DiskFull => "disk-full",
            Self::AppSpecMissing => "appspec-missing",
            Self::OldScript => "old-script",
            Self::FileExists => "file-exists",
            Self::DirectoryNotEmpty => "directory-not-empty",
            Self::ScriptMissing => "script-missing",
            Self::ScriptNotExecutable => "script-not-executable",
            Self::ScriptFailed => "script-failed",
            Self::ScriptTimedOut => "script-timed-out",
            Self::AppSpecInvalid => "appspec-invalid",
            Self::InstanceStopped => "instance-stopped",
            Self::Unknown => "unknown",
        }
    }

    /// What it is recognised by, for people.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::AgentSilent => "`CodeDeploy agent was not able to receive the lifecycle event…`",
            Self::NeverBegan => {
                "no diagnostics, no event ran, and nobody else failed; `One or more lifecycle events did not run…`"
            }
            Self::CutOff => "an event still `InProgress` when the deployment is over",
            Self::AgentRestarted => "`Failing in-progress lifecycle event after an agent restart`",
            Self::AgentStopping => "`Concurrent::RejectedExecutionError`",
            Self::Network => "`execution expired`, `Net::OpenTimeout`, `unable to connect to`",
            Self::Download => "`not opened for reading`",
            Self::AccessDenied => {
                "`Access Denied`, `AccessDenied…`, `Missing credentials…`, `UnrecognizedClientException`"
            }
            Self::ClockSkew => "`InvalidSignatureException`, `Signature expired`",
            Self::AgentTooOld => "`Validation of PKCS7 signed message failed`",
            Self::DiskFull => "`No space left on device`, also in a script's log; `unzip` with exit code 50",
            Self::AppSpecMissing => "`No such file or directory … appspec.yml`, `agent did not find an AppSpec file…`",
            Self::OldScript => "a script error in `ApplicationStop`, `BeforeBlockTraffic` or `AfterBlockTraffic`",
            Self::FileExists => "`a specified file already exists at this location`",
            Self::DirectoryNotEmpty => "`Directory not empty @ dir_s_rmdir`",
            Self::ScriptMissing => "`ScriptMissing`",
            Self::ScriptNotExecutable => "`ScriptNotExecutable`",
            Self::ScriptFailed => "`ScriptFailed`",
            Self::ScriptTimedOut => "`ScriptTimedOut`, `failed to complete in … seconds`",
            Self::AppSpecInvalid => "`The deployment failed because the application specification file…`",
            Self::InstanceStopped => "EC2 says `stopping` or `stopped`",
            Self::Unknown => "everything else",
        }
    }

    /// What is known about it.
    #[must_use]
    #[allow(clippy::too_many_lines, reason = "a table")]
    pub fn facts(self) -> Facts {
        match self {
            Self::AgentSilent => Facts::new(
                Cure::Restart,
                "The CodeDeploy agent did not fetch what it should do: it is stopped, hangs, or cannot reach CodeDeploy.",
                "If a restart does not help: check the instance profile, the way out to port 443 and the clock.",
                "troubleshooting-deployments",
            ),
            Self::NeverBegan => Facts::new(
                Cure::Restart,
                "Nothing of the deployment ran on the instance: its agent is not running, or not installed.",
                "If a restart does not help: install the agent, and check the instance profile and the way out to port 443.",
                "troubleshooting-ec2-instances",
            ),
            Self::CutOff => Facts::new(
                Cure::Restart,
                "The agent began a step and never said how it went: it died meanwhile, or a script hangs.",
                "If the agent refuses to be restarted, a script still runs: find it on the instance and end it.",
                "troubleshooting-ec2-instances",
            ),
            Self::AgentRestarted => Facts::new(
                Cure::Retry,
                "The agent, or the instance, was restarted in the middle of a step.",
                "If it happens again, find out what restarts the agent: an update, an operator, a lack of memory.",
                "codedeploy-agent",
            ),
            Self::AgentStopping => Facts::new(
                Cure::Restart,
                "The agent was shutting down and took no more work.",
                "If it happens again, update the agent.",
                "codedeploy-agent-operations-update",
            ),
            Self::Network => Facts::new(
                Cure::Restart,
                "The agent could not reach AWS in time: the network, S3, or an agent that hangs.",
                "Check the way out to port 443 of CodeDeploy and S3: internet or NAT gateway, endpoints, security group.",
                "troubleshooting-ec2-instances",
            )
            .once(),
            Self::Download => Facts::new(
                Cure::Retry,
                "S3 did not give the revision to the agent.",
                "If it happens again, check that the instance profile may read the artifact bucket, and that it is in the same region.",
                "troubleshooting-deployments",
            )
            .once(),
            Self::AccessDenied => Facts::new(
                Cure::Configuration,
                "The instance has no permission for what the agent needs, or no instance profile at all.",
                "Give the instance profile s3:GetObject and s3:GetObjectVersion on the artifact bucket (and kms:Decrypt on its key); \
                 then restart the agent: it keeps what it had.",
                "getting-started-create-iam-instance-profile",
            ),
            Self::ClockSkew => Facts::new(
                Cure::Configuration,
                "The clock of the instance is wrong, so that AWS refuses its signatures.",
                "Set the clock and keep it right with chrony.",
                "troubleshooting-ec2-instances",
            ),
            Self::AgentTooOld => Facts::new(
                Cure::Configuration,
                "The agent is too old to check CodeDeploy's signature.",
                "Update the agent.",
                "codedeploy-agent-operations-update",
            ),
            Self::DiskFull => Facts::new(
                Cure::Configuration,
                "The disk of the instance is full.",
                "Make room, or give it a larger volume; a lower `:max_revisions:` keeps fewer old revisions. Then restart the agent.",
                "reference-agent-configuration",
            ),
            Self::AppSpecMissing => Facts::new(
                Cure::User,
                "There is no appspec.yml at the root of the revision.",
                "Put appspec.yml at the root of the repository, or of the artifact that the build makes.",
                "troubleshooting-deployments",
            ),
            Self::OldScript => Facts::new(
                Cure::User,
                "A script of the revision deployed before failed, when it was to be stopped: the new revision never ran.",
                "Deploy once by hand with --ignore-application-stop-failures, which a pipeline cannot say, or mend the old revision's \
                 script on the instance.",
                "troubleshooting-deployments",
            ),
            Self::FileExists => Facts::new(
                Cure::User,
                "A file of the revision exists on the instance, and CodeDeploy did not put it there.",
                "Set file_exists_behavior: OVERWRITE in appspec.yml, or remove the file.",
                "reference-appspec-file-structure-files",
            ),
            Self::DirectoryNotEmpty => Facts::new(
                Cure::User,
                "A directory of the last revision could not be removed: there is something in it that CodeDeploy did not put there.",
                "Let the application write outside of the directories that it is deployed to, or clean up in a BeforeInstall script.",
                "troubleshooting-deployments",
            ),
            Self::ScriptMissing => Facts::new(
                Cure::User,
                "A script that appspec.yml names is not in the revision.",
                "Correct the path in appspec.yml, which counts from the root of the revision.",
                "reference-appspec-file-structure-hooks",
            ),
            Self::ScriptNotExecutable => Facts::new(
                Cure::User,
                "A script cannot be executed.",
                "Commit it with its executable bit, with Unix line ends and a valid first line.",
                "troubleshooting-deployments",
            ),
            Self::ScriptFailed => Facts::new(
                Cure::User,
                "A script of the revision failed.",
                "Read the end of its log, and mend it.",
                "deployments-view-logs",
            ),
            Self::ScriptTimedOut => Facts::new(
                Cure::User,
                "A script did not end in its time.",
                "Raise its timeout, or make it faster. What it starts in the background must not keep its output: redirect all three.",
                "troubleshooting-deployments",
            ),
            Self::AppSpecInvalid => Facts::new(
                Cure::User,
                "The AppSpec file is not valid.",
                "Correct appspec.yml: version 0.0, `os`, and YAML by spaces, not by tabs.",
                "reference-appspec-file-validate",
            ),
            Self::InstanceStopped => Facts::new(
                Cure::Configuration,
                "The instance is stopped; CodeDeploy counts it as failed.",
                "Start it, or take it out of the deployment group.",
                "instances-health",
            ),
            Self::Unknown => Facts::new(
                Cure::Unknown,
                "The agent gave a reason that this program does not know.",
                "Read what the agent said, and its log on the instance.",
                "deployments-view-logs",
            ),
        }
    }
}
