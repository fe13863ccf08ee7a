//! What do people, machines and AWS itself do to the world, outside its API?

use serde::{Deserialize, Serialize};

use crate::cloudwatch::AlarmState;
use crate::codedeploy::agent::{AgentGeneration, AgentTrouble};
use crate::codedeploy::deployment::DeploymentStatus;
use crate::codepipeline::ExecutionStatus;
use crate::ec2::instance::CodeDeployAgent;
use crate::spec::{AlarmSpec, CommitSpec, HookSpec, PipelineSpec, WarmPoolSpec};
use crate::ssm::PingState;
use crate::ssm::document::DocumentEffect;

/// Something that happens to the world. As JSON, `{"act":"terminate","instance":"i-…"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// `TerminateInstances` by a person: EC2 first, Auto Scaling learns later.
    Terminate {
        /// Whom.
        instance: String,
    },
    /// The instance falls silent at once and is terminated without a clean shutdown.
    Crash {
        /// Whom.
        instance: String,
    },
    /// `StopInstances` by a person.
    Stop {
        /// Whom.
        instance: String,
    },
    /// `StartInstances` by a person.
    Start {
        /// Whom.
        instance: String,
    },
    /// Spot interruption warning; `lead_seconds` later the instance is shut down.
    SpotNotice {
        /// Whom.
        instance: String,
        /// 120 documented, 39 seen (aws-node-termination-handler 1022).
        lead_seconds: u32,
    },
    /// Rebalance recommendation.
    Rebalance {
        /// Whom.
        instance: String,
    },
    /// The instance stops answering; its status checks follow.
    FailStatusChecks {
        /// Whom.
        instance: String,
    },
    /// It answers again; its status checks follow.
    RepairStatusChecks {
        /// Whom.
        instance: String,
    },
    /// A zone goes dark: its instances stop answering, and launches in it fail.
    LoseZone {
        /// Which.
        zone: String,
        /// Whether EC2 does not answer for it either, as happens "in the rare case" `[doc]`: `DescribeInstances` fails unless it names
        /// instances of other zones only.
        #[serde(default)]
        silent: bool,
    },
    /// And comes back.
    RestoreZone {
        /// Which.
        zone: String,
    },
    /// `SetDesiredCapacity`.
    SetDesired {
        /// Which group.
        group: String,
        /// How many.
        desired: u32,
    },
    /// Min, max and desired at once.
    Resize {
        /// Which group.
        group: String,
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
        /// Wanted.
        desired: u32,
    },
    /// `StartInstanceRefresh` with the group's own maintenance policy.
    StartInstanceRefresh {
        /// Which group.
        group: String,
    },
    /// AWS Health announces the retirement; `after_seconds` later the instance is stopped.
    ScheduleRetirement {
        /// Whom.
        instance: String,
        /// Days on AWS.
        after_seconds: u32,
    },
    /// `DetachInstances`.
    Detach {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `EnterStandby`.
    EnterStandby {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `ExitStandby`.
    ExitStandby {
        /// Whom.
        instance: String,
    },
    /// `SetInstanceHealth` without regard to the grace period.
    SetHealth {
        /// Whom.
        instance: String,
        /// Healthy or not.
        healthy: bool,
    },
    /// `TerminateInstanceInAutoScalingGroup`.
    TerminateInGroup {
        /// Whom.
        instance: String,
        /// Whether the group wants one less now.
        decrement: bool,
    },
    /// `PutLifecycleHook`.
    PutHook {
        /// Which group.
        group: String,
        /// The hook.
        hook: HookSpec,
    },
    /// `DeleteLifecycleHook`.
    DeleteHook {
        /// Which group.
        group: String,
        /// Which hook.
        name: String,
    },
    /// `PutWarmPool`.
    PutWarmPool {
        /// Which group.
        group: String,
        /// The pool.
        pool: WarmPoolSpec,
    },
    /// `SuspendProcesses`, by AWS's names; none names all.
    Suspend {
        /// Which group.
        group: String,
        /// `Launch`, `Terminate`, ….
        names: Vec<String>,
    },
    /// `ResumeProcesses`.
    Resume {
        /// Which group.
        group: String,
        /// `Launch`, `Terminate`, ….
        names: Vec<String>,
    },
    /// A blue/green deployment: a copy of the group comes up with the same tags, then the old one goes to zero.
    BlueGreen {
        /// The old group.
        group: String,
        /// The new group's name (`CodeDeploy_<deployment group>_<deployment>` on AWS).
        green: String,
    },
    /// From now on nothing that boots in the group ever answers (a broken build): `CodeDeploy` abandons the launch.
    BreakBoots {
        /// Which group.
        group: String,
        /// Whether boots are broken.
        broken: bool,
    },
    /// The application stops answering while EC2 sees nothing wrong; status checks stay `ok`.
    Hang {
        /// Whom.
        instance: String,
    },
    /// `ModifyInstanceAttribute`: protection from `TerminateInstances`.
    ProtectFromTermination {
        /// Whom.
        instance: String,
        /// Whether it is protected.
        protected: bool,
    },
    /// `SetInstanceProtection`: protection from scale-in.
    ProtectFromScaleIn {
        /// Whom.
        instance: String,
        /// Whether it is protected.
        protected: bool,
    },
    /// `DeleteAutoScalingGroup` with force.
    DeleteGroup {
        /// Which.
        group: String,
    },
    /// `CancelInstanceRefresh`.
    CancelInstanceRefresh {
        /// Which group.
        group: String,
    },
    /// `CreateOrUpdateTags` on a group; without a value, `DeleteTags`.
    TagGroup {
        /// Which group.
        group: String,
        /// The tag's key.
        key: String,
        /// Its value.
        value: Option<String>,
    },
    /// An alarm is there from now on.
    PutAlarm {
        /// The alarm.
        alarm: AlarmSpec,
    },
    /// An alarm changes its state; EventBridge is told.
    SetAlarm {
        /// Its name.
        name: String,
        /// Its state.
        state: AlarmState,
    },
    /// `DeleteAlarms`.
    DeleteAlarm {
        /// Its name.
        name: String,
    },
    /// A deployment group is there from now on, or names other groups.
    PutDeploymentGroup {
        /// Its application.
        application: String,
        /// Its name.
        deployment_group: String,
        /// The Auto Scaling groups that it deploys to.
        groups: Vec<String>,
    },
    /// `CreateDeployment`.
    StartDeployment {
        /// Its application.
        application: String,
        /// Its deployment group.
        deployment_group: String,
        /// It succeeds after so long; without it, [`Act::SetDeployment`] ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u32>,
    },
    /// The deployment that runs in a deployment group goes to another status.
    SetDeployment {
        /// Its application.
        application: String,
        /// Its deployment group.
        deployment_group: String,
        /// The status.
        status: DeploymentStatus,
    },
    /// A pipeline is there from now on.
    PutPipeline {
        /// Its name.
        name: String,
    },
    /// `StartPipelineExecution`, or a push.
    BeginExecution {
        /// The pipeline.
        pipeline: String,
        /// It succeeds after so long; without it, [`Act::EndExecution`] ends it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seconds: Option<u32>,
    },
    /// The newest execution that is not over goes to another status.
    EndExecution {
        /// The pipeline.
        pipeline: String,
        /// The status.
        status: ExecutionStatus,
    },
    /// A pipeline of stages is there from now on. One that exists is edited: a newer version, and what has failed before can no longer
    /// be retried.
    DefinePipeline {
        /// The pipeline.
        pipeline: PipelineSpec,
    },
    /// `UpdatePipeline`: a newer version of the same, and what has failed before can no longer be retried.
    EditPipeline {
        /// The pipeline.
        pipeline: String,
    },
    /// A person pushes a commit, and the pipeline runs.
    Push {
        /// The pipeline.
        pipeline: String,
        /// What was pushed.
        #[serde(default)]
        commit: CommitSpec,
    },
    /// A person presses "Retry" (of the failed actions).
    RetryStage {
        /// The pipeline.
        pipeline: String,
        /// The stage.
        stage: String,
    },
    /// `UpdateDeploymentGroup`.
    SetDeploymentGroup {
        /// Its application.
        application: String,
        /// Its name.
        deployment_group: String,
        /// `CodeDeployDefault.…`
        config: String,
        /// Whether a failed deployment is rolled back.
        rollback: bool,
        /// `outdatedInstancesStrategy`: UPDATE or IGNORE.
        update_outdated: bool,
    },
    /// `CreateDeployment` of a revision, past the pipeline.
    Deploy {
        /// Its application.
        application: String,
        /// Its deployment group.
        deployment_group: String,
        /// The revision; absent: the last that was deployed well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<CommitSpec>,
    },
    /// The deployment that runs in a deployment group fails for a reason of its own, e.g. `ALARM_ACTIVE`.
    FailDeployment {
        /// Its application.
        application: String,
        /// Its deployment group.
        deployment_group: String,
        /// `errorInformation.code`.
        code: String,
        /// `errorInformation.message`.
        message: String,
    },
    /// `StopDeployment` of the one that runs in a deployment group.
    StopDeployment {
        /// Its application.
        application: String,
        /// Its deployment group.
        deployment_group: String,
        /// `autoRollbackEnabled`.
        #[serde(default)]
        rollback: bool,
    },
    /// A member of `CodePipeline`'s events is left out from now on, wherever in the detail it stands, or is there again: every optional
    /// one may be missing.
    LeaveOut {
        /// E.g. `execution-result`, `external-execution-id`, `pipeline-execution-attempt`, `start-time`.
        member: String,
        /// Whether it is left out.
        left_out: bool,
    },
    /// The `CodeDeploy` agent of an instance gets into trouble, or is rid of it (and then runs again only if somebody starts it).
    AfflictAgent {
        /// Whom.
        instance: String,
        /// With what; absent: rid of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trouble: Option<AgentTrouble>,
    },
    /// An agent of this generation is installed on an instance, and starts.
    InstallAgent {
        /// Whom.
        instance: String,
        /// Which.
        generation: AgentGeneration,
    },
    /// What Systems Manager thinks of an instance.
    SetPing {
        /// Whom.
        instance: String,
        /// What it thinks.
        ping: PingState,
    },
    /// A command document is there from now on, or does something else.
    PutDocument {
        /// Its name.
        name: String,
        /// What it does.
        effect: DocumentEffect,
    },
    /// The Systems Manager agent of an instance loses its connection, or has it again.
    SetSsmAgent {
        /// Whom.
        instance: String,
        /// Whether it is connected.
        online: bool,
    },
    /// The `CodeDeploy` agent of an instance runs, stops (at once, in the midst of what it does), hangs, or is not installed.
    SetCodeDeployAgent {
        /// Whom.
        instance: String,
        /// What it does.
        agent: CodeDeployAgent,
    },
    /// `CreateTopic`.
    PutTopic {
        /// Its name.
        name: String,
    },
    /// `DeleteTopic`.
    DeleteTopic {
        /// Its name.
        name: String,
    },
    /// The application behind an address answers with this HTTP status from now on, whichever instance serves; 200 heals it.
    SiteAnswers {
        /// The Elastic IP.
        public_ip: String,
        /// The status.
        status: u16,
    },
    /// A host name leads to an address.
    NameSite {
        /// The host name.
        host: String,
        /// The Elastic IP.
        public_ip: String,
    },
    /// The callers' roles lose or regain the permission for an operation, e.g. `ec2:TerminateInstances`: the call is refused with the
    /// service's own code.
    Permit {
        /// `service:Operation`.
        operation: String,
        /// Whether it is allowed.
        allowed: bool,
    },
    /// A person disassociates the address.
    Disassociate {
        /// The Elastic IP.
        public_ip: String,
    },
    /// A person associates the address.
    Associate {
        /// The Elastic IP.
        public_ip: String,
        /// With whom.
        instance: String,
    },
}

/// Why something could not happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// No such instance, or it is gone.
    #[error("no instance {0}")]
    NoInstance(String),
    /// No such group.
    #[error("no group {0}")]
    NoGroup(String),
    /// No such address.
    #[error("no address {0}")]
    NoAddress(String),
    /// Nothing of this kind and name.
    #[error("no {0}")]
    Nothing(String),
    /// The state does not allow it; AWS's own error code and words.
    #[error("{code}: {message}")]
    Refused {
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
}
