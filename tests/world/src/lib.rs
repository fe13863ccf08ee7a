//! A simulated AWS: one state machine with its own clock, in process and over HTTP.
//!
//! [`World`] knows no tokio, no threads and no wall clock. It holds EC2 instances, Elastic IP addresses, Auto Scaling groups and
//! what stands around them (alarms, deployments, pipelines, commands, topics), a queue of coming transitions, and one seed from which all chance comes; the caller moves the clock. Two faces
//! speak AWS's own wire protocol to it: [`in_process`] (the SDK's HTTP client under paused tokio time) and [`http`]
//! (localhost, for built functions, `aws`, boto3).
//!
//! Every delay has its value, its source and how sure we are of it in [`Timing`]: `[doc]` AWS text, `[obs]` seen in public
//! code or issues, `[infer]` our inference, `[?]` not settled. Comments at a behaviour name the AWS page or the project it
//! was seen in.

mod act;
mod autoscaling;
mod cloudwatch;
mod codeconnections;
mod codedeploy;
mod codepipeline;
mod ec2;
mod event;
mod fault;
mod founding;
pub mod http;
mod iam;
mod ids;
pub mod in_process;
mod journal;
mod messages;
mod performance;
mod queue;
mod site;
mod spec;
mod ssm;
mod state;
mod timing;
mod wire;
mod world;

pub use act::{Act, ActError};
pub use autoscaling::group::{Group, Hook, Maintenance, Refresh, RefreshStatus, WarmPool};
pub use autoscaling::member::{ActionInWait, Health, Lifecycle, Member, Transition};
pub use cloudwatch::{Alarm, AlarmState};
pub use codedeploy::agent::{AgentGeneration, AgentTrouble};
pub use codedeploy::deployment::{Deployment, DeploymentStatus};
pub use codedeploy::revision::Commit;
pub use codedeploy::target::{Diagnostics, LifecycleEvent, Progress, Target};
pub use codedeploy::{Application, DeploymentGroup};
pub use codepipeline::stage::{ActionRun, StageRun};
pub use codepipeline::{Execution, ExecutionStatus, Pipeline};
pub use ec2::address::{Address, Association};
pub use ec2::instance::{CheckStatus, CodeDeployAgent, Instance, InstanceState, Interface};
pub use ec2::network::{Network, RouteTable, Subnet, VpcEndpoint};
pub use fault::{Fault, Faults};
pub use iam::{Permission, Role, RoleError};
pub use journal::{AnsweredBy, Entry, EventFate, Kind};
pub use messages::{Message, topic_arn};
pub use site::Knock;
pub use spec::{
    ActionKind, ActionSpec, AlarmSpec, Bundle, CommitSpec, DeliverySpec, FleetSpec, GroupSpec, HookSpec,
    MaintenanceSpec, PipelineSpec, ScriptOutcome, ScriptSpec, StageSpec, WarmPoolSpec,
};
pub use ssm::PingState;
pub use ssm::command::{Command, Invocation, InvocationStatus};
pub use ssm::document::{Document, DocumentEffect};
pub use timing::{Span, Timing};
pub use wire::{ApiReply, ApiRequest, operations};
pub use world::{ACCOUNT, REGION, Traffic, World};

/// A world that several callers share: the two faces and the driver of its clock.
pub type SharedWorld = std::sync::Arc<std::sync::Mutex<World>>;

/// Locks the world. A panic in another thread leaves the state machine between two transitions at worst, never torn, so
/// the poison is ignored.
pub fn lock(world: &SharedWorld) -> std::sync::MutexGuard<'_, World> {
    world.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
