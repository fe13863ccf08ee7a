//! What do CodePipeline, CodeDeploy, EC2, Auto Scaling and Systems Manager show of a failure?
//!
//! What cannot be read is written down as such: the plan explains it, and cures nothing on its grounds.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{
    StreamExt as _,
    future::{OptionFuture, join_all},
    stream,
};
use jiff::{SignedDuration, Timestamp};
use panda_aws::{
    Aws, AwsError, Trouble, chaos_groups,
    commands::{Commands, fleet::Run},
    deployments::{Deployments, failed},
    pipelines::{Pipelines, stages},
    servers::{self, Server},
};
use panda_domain::{
    chaos::{GroupMember, GroupView},
    event::InstanceState,
    failover::Lifecycle,
    ids::{DeploymentId, ExecutionId, FleetName, GroupName, InstanceId, PipelineName, StageName},
    recovery::{
        ActionLook, Commit, Creator, DeploymentErrorCode, DeploymentInfo, DeploymentLook, DeploymentStatus,
        Diagnostics, ExecutionLook, Hints, InstanceLook, LifecycleEvent, Look, Membership, Ping, PipelineLook, Restart,
        RestartState, RunStatus, Seen, StageLook, Subject, Target, TargetStatus, Told,
    },
};
use tokio::join;
use tracing::{debug, warn};

use crate::memory::Memory;

/// How many pipelines are asked at the same time whether a deployment is theirs.
const ASKED_AT_ONCE: usize = 4;

/// How long before its creation a deployment's restarts are looked for: clocks differ.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How far back restarts are looked for when people are told of a recovery.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// The eyes of the function.
#[derive(Debug)]
pub(crate) struct Eyes {
    pub(crate) aws: Aws,
    pub(crate) deployments: Deployments,
    pub(crate) pipelines: Pipelines,
    pub(crate) commands: Commands,
    pub(crate) document: String,
}

/// What a look shows, and what it says of the look itself.
#[derive(Debug)]
pub(crate) struct Seeing {
    pub(crate) look: Look,
    /// A read failed in a way that a later one may not.
    pub(crate) blurred: Option<String>,
    /// The fleets of the instances that failed.
    pub(crate) fleets: BTreeSet<FleetName>,
    /// Instances that carry no fleet's tag, and so are out of reach for this function.
    pub(crate) untagged: Vec<InstanceId>,
}

/// How long after a deployment has ended, or begun, its instances and its pipeline may be shown as they were before.
const SETTLING: SignedDuration = SignedDuration::from_secs(60);

/// Collects why a later look may show more: reads that failed, and answers that are behind one another.
#[derive(Default)]
struct Blur(Option<String>);

impl Blur {
    fn seen<T>(&mut self, read: Result<T, AwsError>) -> Seen<T> {
        read.map_err(|error| {
            let text = error.to_string();
            if matches!(error.trouble, Trouble::Throttled | Trouble::Unreachable) {
                self.0.get_or_insert_with(|| text.clone());
            }
            text
        })
    }

    /// Something is shown as it cannot be any more.
    fn behind(&mut self, what: impl FnOnce() -> String) {
        self.0.get_or_insert_with(what);
    }
}

impl Eyes {
    /// Looks at everything that a plan for this subject depends on.
    pub(crate) async fn look(
        &self,
        subject: &Subject,
        hints: &Hints,
        told: Told,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Seeing {
        let mut blur = Blur::default();
        let (pipeline, execution) = match subject {
            Subject::Execution { pipeline, execution } => {
                let (stages, shown) = join!(
                    self.pipelines.stages(pipeline.as_str()),
                    self.pipelines.execution(pipeline.as_str(), execution.as_str())
                );
                let mut shown = blur.seen(shown).map(|shown| shown.as_ref().map(run));
                if let Ok(Some(ExecutionLook { commit: Some(commit), .. })) = &mut shown {
                    self.complete(commit, pipeline, execution, memory).await;
                }
                (blur.seen(stages).map(|stages| stages.map(pipeline_look)), shown)
            }
            Subject::Deployment(_) => (Ok(None), Ok(None)),
        };
        let mut blocking = BTreeSet::new();
        let ids = match subject {
            Subject::Execution { execution, .. } => {
                let shown = pipeline.as_ref().ok().and_then(Option::as_ref);
                blocking = shown.map(|pipeline| pipeline.blocking(execution)).unwrap_or_default();
                let shown = shown.map(|pipeline| pipeline.deployments(execution)).unwrap_or_default();
                if !shown.is_empty() {
                    shown
                } else if !hints.deployments.is_empty() || hints.succeeded {
                    hints.deployments.clone()
                } else {
                    self.out_of_sight(subject, memory, &mut blur).await
                }
            }
            Subject::Deployment(id) => BTreeSet::from([id.clone()]),
        };
        let blocking = blur.seen(self.still_active(&blocking).await);
        let mut deployments = BTreeMap::new();
        for (id, look) in ids.iter().zip(join_all(ids.iter().map(|id| self.deployment(id, memory))).await) {
            let look = look.settle(&mut blur);
            if is_behind(&look, now) {
                blur.behind(|| format!("{id} has ended, and an instance is shown at work on it"));
            }
            deployments.insert(id.clone(), look);
        }
        memory.keep(&deployments);
        let owner = match subject {
            Subject::Execution { .. } => Ok(None),
            Subject::Deployment(id) => self.owner(id, &deployments, memory, &mut blur, now).await,
        };
        let failed = unsuccessful(&deployments);
        let since = deployments.values().filter_map(created).min();
        let (instances, runs, past) = join!(
            self.instances(&failed),
            OptionFuture::from(since.filter(|_| !failed.is_empty()).map(|since| {
                let since = since.checked_sub(MARGIN).unwrap_or(since);
                self.commands.runs(&self.document, &failed, since)
            })),
            OptionFuture::from((failed.is_empty() && is_retried(subject, &pipeline)).then(|| self.past(subject, now)))
        );
        let runs = runs.or(past.map(Ok));
        let restarts = blur.seen(runs.unwrap_or_else(|| Ok(Vec::new()))).map(|runs| memory.with_sent(runs, now));
        let Instances { servers, pings, groups } = instances;
        let (servers, pings) = (blur.seen(servers), blur.seen(pings));
        let groups: BTreeMap<_, _> = groups.into_iter().map(|(name, group)| (name, blur.seen(group))).collect();
        let fleets = servers.iter().flat_map(BTreeMap::values).filter_map(|server| server.fleet.clone()).collect();
        let untagged = servers.iter().flatten().filter(|(_, server)| lives(server) && server.fleet.is_none());
        let untagged = untagged.map(|(id, _)| id.clone()).collect();
        let (serving, changing) = turnover(&groups, memory);
        let instances = together(&failed, servers, &pings, &groups, memory);
        let look = Look {
            subject: subject.clone(),
            hints: hints.clone(),
            pipeline,
            execution,
            owner,
            deployments,
            blocking,
            instances,
            serving,
            changing,
            restarts,
            told,
        };
        Seeing { look, blurred: blur.0, fleets, untagged }
    }

    /// Adds to a commit what only its source action says of it. It is for people, and no reason to fail.
    async fn complete(
        &self,
        commit: &mut Commit,
        pipeline: &PipelineName,
        execution: &ExecutionId,
        memory: &mut Memory,
    ) {
        if memory.source.is_none() {
            match self.pipelines.done_in(pipeline.as_str(), execution.as_str()).await {
                Ok(done) => memory.source = Some(done.variables),
                Err(error) => debug!("Could not ask whose commit it is: {error}"),
            }
        }
        let known = memory.source.iter().flatten();
        let said = |name: &str| known.clone().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        if said("CommitId").is_some_and(|id| id == commit.id) {
            let author = said("AuthorDisplayName").or_else(|| said("AuthorId"));
            commit.author = commit.author.take().or(author).filter(|author| !author.is_empty());
            commit.branch = commit.branch.take().or_else(|| said("BranchName")).filter(|branch| !branch.is_empty());
        }
    }

    /// The failed deployments of an execution whose place at the stage a newer one has taken, or whose event came before the stage shows it.
    async fn out_of_sight(&self, subject: &Subject, memory: &mut Memory, blur: &mut Blur) -> BTreeSet<DeploymentId> {
        let Subject::Execution { pipeline, execution } = subject else { return BTreeSet::new() };
        if memory.failed.is_empty()
            && let Ok(done) = blur.seen(self.pipelines.done_in(pipeline.as_str(), execution.as_str()).await)
        {
            memory.failed = done.failed_deployments.into_iter().map(DeploymentId::from).collect();
        }
        memory.failed.clone()
    }

    /// The restarts that were made for a case in which nothing is failed any more: people are told what was done. Whoever cannot read them
    /// tells the rest.
    async fn past(&self, subject: &Subject, now: Timestamp) -> Vec<Run> {
        let since = now.checked_sub(REMEMBERED).unwrap_or(now);
        self.commands.runs_for(&self.document, &comment(subject), since).await.unwrap_or_else(|error| {
            warn!(case = %subject, "Could not read what was restarted: {error}");
            Vec::new()
        })
    }

    /// Those of these deployments that have not ended.
    async fn still_active(&self, ids: &BTreeSet<DeploymentId>) -> Read<Vec<DeploymentId>> {
        let mut active = Vec::new();
        for id in ids {
            let status = self.deployments.deployment(id.as_str()).await?.map(|info| info.status);
            if status
                .is_some_and(|status| matches!(DeploymentStatus::from(status.as_str()), DeploymentStatus::Active(_)))
            {
                active.push(id.clone());
            }
        }
        Ok(active)
    }

    async fn deployment(&self, id: &DeploymentId, memory: &Memory) -> RawDeployment {
        let (info, targets) = join!(self.deployments.deployment(id.as_str()), async {
            if let Some(known) = memory.targets(id) {
                return Ok(known);
            }
            let targets = self.deployments.targets_of(id.as_str()).await;
            targets.map(|targets| targets.into_iter().map(target).collect())
        });
        let info = info.map(|info| info.map(deployment_info));
        let active = match &info {
            Ok(Some(info)) => {
                let active = self.deployments.active_in(&info.application, &info.group).await;
                active.map(|ids| ids.into_iter().map(DeploymentId::from).filter(|other| other != id).collect())
            }
            Ok(None) | Err(_) => Ok(Vec::new()),
        };
        let succeeded = match &info {
            Ok(Some(info)) => self.succeeded_after(info).await,
            Ok(None) | Err(_) => Ok(None),
        };
        RawDeployment { info, targets, active, succeeded }
    }

    /// A deployment of the whole group that was begun after a failed rollback and succeeded. Those of single launches help no other server.
    async fn succeeded_after(&self, info: &DeploymentInfo) -> Read<Option<DeploymentId>> {
        let failed = matches!(info.status, DeploymentStatus::Failed | DeploymentStatus::Stopped);
        let Some(since) = info.completed.filter(|_| failed && info.creator == Creator::Rollback) else {
            return Ok(None);
        };
        for id in self.deployments.succeeded_since(&info.application, &info.group, since).await? {
            let later = self.deployments.deployment(&id).await?.map(deployment_info);
            if later.is_some_and(|later| !later.creator.by_auto_scaling()) {
                return Ok(Some(id.into()));
            }
        }
        Ok(None)
    }

    /// The execution that waits for a deployment. CodeDeploy calls CodePipeline a user, so every pipeline is asked.
    async fn owner(
        &self,
        id: &DeploymentId,
        deployments: &BTreeMap<DeploymentId, DeploymentLook>,
        memory: &mut Memory,
        blur: &mut Blur,
        now: Timestamp,
    ) -> Seen<Option<(PipelineName, ExecutionId)>> {
        let info = deployments.get(id).and_then(|deployment| deployment.info.as_ref().ok().and_then(Option::as_ref));
        // A pipeline's events tell only of what failed as a whole: not of servers on which a deployment fails that goes on, or succeeds.
        let fails =
            |status: &DeploymentStatus| !matches!(status, DeploymentStatus::Active(_) | DeploymentStatus::Succeeded);
        if info.is_some_and(|info| info.creator != Creator::User || !fails(&info.status)) {
            return Ok(None);
        }
        if memory.is_nobodys {
            return Ok(None);
        }
        let names = blur.seen(self.pipelines.names().await)?;
        let mut answers = stream::iter(names.into_iter().map(|name| async move {
            let stages = self.pipelines.stages(&name).await;
            (name, stages)
        }))
        .buffered(ASKED_AT_ONCE);
        while let Some((name, stages)) = answers.next().await {
            let Some(stages) = blur.seen(stages)? else { continue };
            if let Some(execution) = owning(&pipeline_look(stages), id) {
                return Ok(Some((name.into(), execution)));
            }
        }
        let young = deployments.get(id).and_then(created).is_some_and(|created| now.duration_since(created) < SETTLING);
        if young {
            blur.behind(|| format!("{id} is so young that its pipeline may not show it yet"));
        } else {
            memory.is_nobodys = true;
        }
        Ok(None)
    }

    async fn instances(&self, failed: &BTreeSet<InstanceId>) -> Instances {
        if failed.is_empty() {
            return Instances { servers: Ok(BTreeMap::new()), pings: Ok(BTreeMap::new()), groups: BTreeMap::new() };
        }
        let in_ec2 = failed.iter().filter(|id| is_ec2(id)).cloned().collect();
        let (servers, pings) = join!(servers::describe_servers(&self.aws, &in_ec2), self.commands.pings(failed));
        let names: BTreeSet<GroupName> =
            servers.iter().flat_map(BTreeMap::values).filter_map(|server| server.group.clone()).collect();
        let groups = join_all(names.into_iter().map(|name| async {
            let group = chaos_groups::describe_group(&self.aws, &name).await;
            (name, group)
        }));
        let groups = groups.await.into_iter().collect();
        Instances { servers, pings, groups }
    }
}

/// What Systems Manager shows of a restart: for which case it was. The ids come first: of a long comment the end is lost.
pub(crate) fn comment(subject: &Subject) -> String {
    match subject {
        Subject::Execution { pipeline, execution } => {
            format!("Lethargic Panda, for execution {execution} of {pipeline}")
        }
        Subject::Deployment(deployment) => format!("Lethargic Panda, for deployment {deployment}"),
    }
}

/// Whether the stage at which the execution is was tried again.
fn is_retried(subject: &Subject, pipeline: &Seen<Option<PipelineLook>>) -> bool {
    let Subject::Execution { execution, .. } = subject else { return false };
    let stage = pipeline.as_ref().ok().and_then(|pipeline| pipeline.as_ref()?.stage_of(execution));
    stage.is_some_and(|stage| stage.retries > 0)
}

type Read<T> = Result<T, AwsError>;

/// What was read of one deployment.
struct RawDeployment {
    info: Read<Option<DeploymentInfo>>,
    targets: Read<Vec<Target>>,
    active: Read<Vec<DeploymentId>>,
    succeeded: Read<Option<DeploymentId>>,
}

impl RawDeployment {
    fn settle(self, blur: &mut Blur) -> DeploymentLook {
        DeploymentLook {
            info: blur.seen(self.info),
            targets: blur.seen(self.targets),
            active: blur.seen(self.active),
            succeeded: blur.seen(self.succeeded),
        }
    }
}

/// What was read of the instances.
struct Instances {
    servers: Read<BTreeMap<InstanceId, Server>>,
    pings: Read<BTreeMap<InstanceId, String>>,
    groups: BTreeMap<GroupName, Read<Option<GroupView>>>,
}

/// What each service says of the instances, put together.
fn together(
    failed: &BTreeSet<InstanceId>,
    servers: Seen<BTreeMap<InstanceId, Server>>,
    pings: &Seen<BTreeMap<InstanceId, String>>,
    groups: &BTreeMap<GroupName, Seen<Option<GroupView>>>,
    memory: &Memory,
) -> Seen<BTreeMap<InstanceId, InstanceLook>> {
    let mut servers = servers?;
    let pings = pings.as_ref().map_err(Clone::clone)?;
    let mut looks = BTreeMap::new();
    for id in failed {
        let ping = Ping::from(pings.get(id).map(String::as_str));
        if !is_ec2(id) {
            // On-premises: there, and out of reach for a command to instances of EC2.
            let look = InstanceLook { state: Some(InstanceState::Running), ping: Ping::Absent, membership: None };
            looks.insert(id.clone(), look);
            continue;
        }
        let Some(server) = servers.remove(id) else { continue };
        let membership = match server.group.as_ref().and_then(|name| Some((name, groups.get(name)?))) {
            Some((name, group)) => group.as_ref().map_err(Clone::clone)?.as_ref().and_then(|group| {
                let member = group.members.iter().find(|member| member.instance == *id)?;
                Some(Membership {
                    group: name.clone(),
                    lifecycle: member.lifecycle.clone(),
                    // Auto Scaling's reads are behind what it was told.
                    healthy: member.healthy && !memory.given_up.contains(id),
                })
            }),
            None => None,
        };
        // The role reaches only what carries a fleet's tag.
        let ping = if server.fleet.is_none() { Ping::Untagged } else { ping };
        looks.insert(id.clone(), InstanceLook { state: Some(server.state), ping, membership });
    }
    Ok(looks)
}

/// How many members of each group serve, and which are being replaced. Auto Scaling's reads are behind what it was told: whom it was given
/// serves no more.
fn turnover(
    groups: &BTreeMap<GroupName, Seen<Option<GroupView>>>,
    memory: &Memory,
) -> (BTreeMap<GroupName, u32>, BTreeMap<GroupName, Vec<InstanceId>>) {
    let (mut serving, mut changing) = (BTreeMap::new(), BTreeMap::new());
    for (name, group) in groups {
        let Ok(Some(group)) = group else { continue };
        let given_up = |member: &GroupMember| memory.given_up.contains(&member.instance);
        let serves = group.serving().filter(|member| !given_up(member)).count();
        serving.insert(name.clone(), u32::try_from(serves).unwrap_or(u32::MAX));
        let changes = |member: &&GroupMember| match member.lifecycle {
            Lifecycle::InService => !member.healthy || given_up(member),
            Lifecycle::Pending(_) | Lifecycle::Terminating(_) | Lifecycle::RootVolume(_) => true,
            // A person keeps it, or it waits in the warm pool.
            Lifecycle::Standby | Lifecycle::Warmed(_) | Lifecycle::Other(_) => false,
        };
        let members: Vec<InstanceId> =
            group.members.iter().filter(changes).map(|member| member.instance.clone()).collect();
        if !members.is_empty() {
            changing.insert(name.clone(), members);
        }
    }
    (serving, changing)
}

fn is_ec2(id: &InstanceId) -> bool {
    id.as_str().starts_with("i-")
}

fn lives(server: &Server) -> bool {
    !matches!(server.state, InstanceState::ShuttingDown | InstanceState::Terminated)
}

/// The execution that a pipeline shows at the action of a deployment.
fn owning(pipeline: &PipelineLook, id: &DeploymentId) -> Option<ExecutionId> {
    let stage = pipeline
        .stages
        .iter()
        .find(|stage| stage.actions.iter().any(|action| action.deployment().as_ref() == Some(id)))?;
    stage.execution.clone()
}

/// Whether a deployment has ended just now, and an instance is shown as it was before: what failed there is not to be seen yet, and looks like
/// an agent that never answered.
fn is_behind(deployment: &DeploymentLook, now: Timestamp) -> bool {
    let Ok(Some(info)) = &deployment.info else { return false };
    let over = !matches!(info.status, DeploymentStatus::Active(_));
    let just_now = info.completed.is_none_or(|completed| now.duration_since(completed) < SETTLING);
    over && just_now && deployment.targets.as_ref().is_ok_and(|targets| targets.iter().any(is_at_work))
}

/// Whether a deployment is shown at work on an instance.
pub(crate) fn is_at_work(target: &Target) -> bool {
    let begun = target.events.iter().any(|event| event.status == TargetStatus::InProgress);
    target.status == TargetStatus::InProgress || begun
}

/// The instances where a deployment did not succeed.
fn unsuccessful(deployments: &BTreeMap<DeploymentId, DeploymentLook>) -> BTreeSet<InstanceId> {
    let targets = deployments.values().filter_map(|deployment| deployment.targets.as_ref().ok()).flatten();
    targets.filter(|target| target.status != TargetStatus::Succeeded).map(|target| target.instance.clone()).collect()
}

fn created(deployment: &DeploymentLook) -> Option<Timestamp> {
    deployment.info.as_ref().ok()?.as_ref()?.created
}

fn optional(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

pub(crate) fn pipeline_look(stages: Vec<stages::Stage>) -> PipelineLook {
    let action = |action: stages::Action| {
        let run = action.run.unwrap_or_default();
        let error = run.error.map(|(code, message)| if message.is_empty() { code } else { message });
        ActionLook {
            name: action.name,
            status: RunStatus::from(run.status.as_str()),
            external: optional(&run.external_id).map(str::to_owned),
            error: error.or(Some(run.summary)).filter(|error| !error.trim().is_empty()),
        }
    };
    let stage = |stage: stages::Stage| {
        let (automatic, manual) = stage.retries.unwrap_or_default();
        let status = stage.execution.as_ref().map_or("", |run| run.status.as_str());
        StageLook {
            name: StageName::from(stage.name),
            status: RunStatus::from(status),
            retries: automatic.saturating_add(manual),
            execution: stage.execution.map(|run| ExecutionId::from(run.execution)),
            actions: stage.actions.into_iter().map(action).collect(),
        }
    };
    PipelineLook { stages: stages.into_iter().map(stage).collect() }
}

fn run(execution: &stages::Execution) -> ExecutionLook {
    let commit = execution.revisions.iter().find_map(|revision| {
        Commit::of_revision(optional(&revision.id), optional(&revision.summary), optional(&revision.url))
    });
    ExecutionLook { status: RunStatus::from(execution.status.as_str()), commit }
}

fn deployment_info(deployed: failed::Deployed) -> DeploymentInfo {
    DeploymentInfo {
        application: deployed.application,
        group: deployed.deployment_group,
        status: DeploymentStatus::from(deployed.status.as_str()),
        error: deployed.error.map(|(code, message)| (DeploymentErrorCode::from(code.as_str()), message)),
        creator: Creator::from(deployed.creator.as_str()),
        rollback: deployed.rolled_back_by.map(DeploymentId::from),
        rollback_message: deployed.rollback_message,
        rollback_of: deployed.rolls_back.map(DeploymentId::from),
        created: deployed.created,
        completed: deployed.completed,
    }
}

fn target(target: failed::Target) -> Target {
    let event = |event: failed::TargetEvent| LifecycleEvent {
        name: event.name,
        status: TargetStatus::from(event.status.as_str()),
        diagnostics: (!event.error_code.is_empty() || !event.message.is_empty()).then_some(Diagnostics {
            code: event.error_code,
            script: event.script,
            message: event.message,
            log_tail: event.log_tail,
        }),
    };
    Target {
        instance: InstanceId::from(target.instance),
        status: TargetStatus::from(target.status.as_str()),
        events: target.events.into_iter().map(event).collect(),
    }
}

/// A run of the restart document, as the plan reads it.
pub(crate) fn restart(run: Run) -> Restart {
    Restart { state: RestartState::read(&run.status, &run.output), instance: run.server, sent: run.sent }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test that cannot go on should stop")]
mod tests {
    use panda_domain::failover::Step as Turn;

    use super::*;

    fn group(members: &[(&str, Lifecycle, bool)]) -> BTreeMap<GroupName, Seen<Option<GroupView>>> {
        let member = |(instance, lifecycle, healthy): &(&str, Lifecycle, bool)| GroupMember {
            instance: InstanceId::from(*instance),
            lifecycle: lifecycle.clone(),
            healthy: *healthy,
            zone: "eu-west-1a".to_owned(),
            protected: false,
        };
        let group = GroupView {
            name: "web".into(),
            tags: BTreeMap::new(),
            desired: 2,
            min: 1,
            max: 4,
            deleting: false,
            suspended: Vec::new(),
            members: members.iter().map(member).collect(),
            min_healthy_percentage: None,
        };
        BTreeMap::from([("web".into(), Ok(Some(group)))])
    }

    #[test]
    fn whom_auto_scaling_was_given_serves_no_more_though_its_reads_are_behind() {
        let groups = group(&[("i-1", Lifecycle::InService, true), ("i-2", Lifecycle::InService, true)]);
        let (serving, changing) = turnover(&groups, &Memory::default());
        assert_eq!((serving[&GroupName::from("web")], changing.len()), (2, 0));
        let mut memory = Memory::default();
        memory.given_up.insert("i-1".into());
        let (serving, changing) = turnover(&groups, &memory);
        assert_eq!(
            (serving[&GroupName::from("web")], changing),
            (1, BTreeMap::from([("web".into(), vec!["i-1".into()])]))
        );
    }

    #[test]
    fn a_group_changes_while_a_member_is_unhealthy_comes_or_goes() {
        let changing = |lifecycle: Lifecycle, healthy: bool| {
            !turnover(&group(&[("i-1", lifecycle, healthy)]), &Memory::default()).1.is_empty()
        };
        assert!(changing(Lifecycle::InService, false));
        assert!(changing(Lifecycle::Pending(Turn::Wait), true));
        assert!(changing(Lifecycle::Terminating(Turn::Begun), true));
        assert!(!changing(Lifecycle::InService, true));
        assert!(!changing(Lifecycle::Standby, false), "a person keeps it");
    }
}
