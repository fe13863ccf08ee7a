//! What failed, where, and why?

use jiff::{SignedDuration, Timestamp};

use super::{
    ActionLook, AgentTrouble, AgentVerdict, Cause, Cure, DeploymentErrorCode, DeploymentInfo, DeploymentLook,
    DeploymentStatus, LifecycleEvent, Look, Pattern, Ping, Reason, Redacted, Refusal, Restart, RestartState, Seen,
    StageLook, Subject, Target, TargetStatus,
};
use crate::{
    event::InstanceState,
    failover::Lifecycle,
    ids::{DeploymentId, InstanceId},
};

/// How often a restart is sent to an agent that is in the middle of a lifecycle event, before it counts as stuck.
pub const MOST_WHILE_BUSY: usize = 3;
/// How often a restart is sent that nobody answers.
pub const MOST_UNANSWERED: usize = 2;
/// How often a restart is tried that Systems Manager does not take.
pub const MOST_UNSENT: usize = 3;

/// How far the clocks of CodeDeploy and Systems Manager may disagree. A restart that seems to be older than its reason by less is its answer:
/// else it would be sent for ever.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// What failed, where, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Everything that failed; the cause of the whole deployment before those of its instances.
    pub findings: Vec<Finding>,
    /// What could not be seen.
    pub gaps: Vec<Reason>,
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The deployment; none where CodeDeploy took none.
    pub deployment: Option<DeploymentId>,
    /// The instance; none where the deployment as a whole failed.
    pub instance: Option<InstanceId>,
    /// Why.
    pub cause: Cause,
    /// What CodeDeploy and the agent said.
    pub said: Option<Said>,
    /// What is left of the instance, and of its agent.
    pub standing: Standing,
}

/// What CodeDeploy and the agent said, fit for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The lifecycle event.
    pub event: Option<String>,
    /// The script.
    pub script: Option<Redacted>,
    /// The message.
    pub message: Option<Redacted>,
    /// The end of the script's log.
    pub log: Option<Redacted>,
}

/// What is left of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is not about one instance.
    Whole,
    /// It is gone, or on its way.
    Gone,
    /// Nobody could say.
    Unseen,
    /// It runs, and this is what was done for its agent since the deployment ended.
    Here(Nursing),
}

/// What was done for an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nursing {
    /// Nothing yet; a restart may be sent.
    Untried,
    /// A restart runs; when it was sent.
    Running(Timestamp),
    /// It refused, being busy, and may be asked again; when it was asked last.
    Busy(Timestamp),
    /// The command was not taken, and may be sent again; when it was tried last.
    Unsent(Timestamp),
    /// It polls again.
    Cured,
    /// It is beyond cure.
    Troubled(AgentTrouble),
}

impl Finding {
    /// What can be done about it, as things stand: an instance that is gone needs no restart.
    #[must_use]
    pub fn cure(&self) -> Cure {
        match (self.cause.facts().cure, self.standing) {
            (Cure::Restart | Cure::Retry | Cure::Aws, Standing::Gone) => Cure::Gone,
            (Cure::Restart, Standing::Whole) => Cure::Unknown,
            (cure, _) => cure,
        }
    }

    /// Whether its agent was restarted and polls again.
    #[must_use]
    pub fn is_cured(&self) -> bool {
        self.standing == Standing::Here(Nursing::Cured) && self.cure() == Cure::Restart
    }

    /// Why its agent is beyond cure, if it is.
    #[must_use]
    pub fn trouble(&self) -> Option<AgentTrouble> {
        match self.standing {
            Standing::Here(Nursing::Troubled(trouble)) if self.cure() == Cure::Restart => Some(trouble),
            _ => None,
        }
    }

    /// What people are told to do: what was found on the instance says more than what made us look.
    #[must_use]
    pub fn root(&self) -> Cause {
        self.trouble().map_or_else(|| self.cause.clone(), Cause::Agent)
    }
}

/// Diagnoses every deployment of a look.
#[must_use]
pub fn diagnose(look: &Look) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    for (id, deployment) in look.current() {
        match &deployment.info {
            Err(error) => diagnosis.gaps.push(Reason::Unreadable { what: "the deployment", error: error.clone() }),
            Ok(None) => diagnosis.gaps.push(Reason::Missing { what: "the deployment" }),
            Ok(Some(info)) => of_deployment(look, id, info, deployment, &mut diagnosis),
        }
    }
    diagnosis.findings.extend(refused(look));
    diagnosis
}

/// The actions whose deployment CodeDeploy did not take.
fn refused(look: &Look) -> Vec<Finding> {
    let Subject::Execution { execution, .. } = &look.subject else { return Vec::new() };
    let pipeline = look.pipeline.as_ref().ok().and_then(Option::as_ref);
    let failed = pipeline.and_then(|pipeline| pipeline.stage_of(execution)).into_iter().flat_map(StageLook::failed);
    let finding = |action: &ActionLook| {
        let error = action.error.as_deref().unwrap_or_default();
        Finding {
            deployment: None,
            instance: None,
            cause: Cause::Refused(Refusal::of(error)),
            said: Some(Said { message: Redacted::some(error), ..Said::default() }),
            standing: Standing::Whole,
        }
    };
    failed.filter(|action| look.is_refused(action)).map(finding).collect()
}

fn of_deployment(
    look: &Look,
    id: &DeploymentId,
    info: &DeploymentInfo,
    deployment: &DeploymentLook,
    diagnosis: &mut Diagnosis,
) {
    if matches!(info.status, DeploymentStatus::Active(_)) {
        return;
    }
    let whole = |code: DeploymentErrorCode| Finding {
        deployment: Some(id.clone()),
        instance: None,
        cause: Cause::Deployment(code),
        said: info.error.as_ref().map(|(_, message)| Said { message: Redacted::some(message), ..Said::default() }),
        standing: Standing::Whole,
    };
    let code = match (&info.status, &info.error) {
        // CodeDeploy stops by itself where an alarm of the group rings; all other stops are somebody's.
        (DeploymentStatus::Stopped, Some((DeploymentErrorCode::AlarmActive, _))) => {
            Some(DeploymentErrorCode::AlarmActive)
        }
        (DeploymentStatus::Stopped, _) => Some(DeploymentErrorCode::ManualStop),
        (_, error) => error.as_ref().map(|(code, _)| code.clone()),
    };
    let sum_only = code.as_ref().is_none_or(DeploymentErrorCode::asks_instances);
    if let Some(code) = code.clone().filter(|_| !sum_only) {
        // Who is stopped leaves off in the midst: nothing on the instances is to blame.
        let over = info.status == DeploymentStatus::Stopped || code == DeploymentErrorCode::ManualStop;
        diagnosis.findings.push(whole(code));
        if over {
            return;
        }
    }
    let targets = match &deployment.targets {
        Ok(targets) => targets.as_slice(),
        Err(error) => {
            diagnosis.gaps.push(Reason::Unreadable { what: "the deployment's instances", error: error.clone() });
            &[]
        }
    };
    let before = diagnosis.findings.len();
    let failed = info.status != DeploymentStatus::Succeeded;
    for target in targets {
        if let Some((cause, said)) = of_target(target, failed) {
            // Where the deployment ended for a reason of its own, it left off in the midst: no agent is to blame for that.
            if !sum_only && matches!(cause, Pattern::CutOff | Pattern::NeverBegan) {
                continue;
            }
            diagnosis.findings.push(at(look, id, info, target, cause, said));
        }
    }
    let tried = diagnosis.findings.len() > before || targets.iter().any(|t| t.status == TargetStatus::Succeeded);
    if !tried && failed && sum_only && code.is_some() {
        // The deployment failed, and on no instance anything was so much as begun: nobody listened anywhere.
        let silent = targets.iter().map(|target| at(look, id, info, target, Pattern::NeverBegan, None));
        diagnosis.findings.extend(silent);
    }
    if let Some(code) = code.filter(|_| sum_only && failed && diagnosis.findings.len() == before) {
        diagnosis.findings.push(whole(code));
    }
}

/// What one instance's part in an ended deployment means, if it went badly.
fn of_target(target: &Target, failed: bool) -> Option<(Pattern, Option<Said>)> {
    let event = |status| target.events.iter().find(|event: &&LifecycleEvent| event.status == status);
    match target.status {
        TargetStatus::Succeeded | TargetStatus::Ready | TargetStatus::Skipped | TargetStatus::Pending => None,
        TargetStatus::Failed | TargetStatus::Unknown | TargetStatus::InProgress => {
            if let Some(event) = event(TargetStatus::Failed) {
                let pattern = Pattern::of(&event.name, event.diagnostics.as_ref());
                return Some((pattern, Some(said(event))));
            }
            match event(TargetStatus::InProgress) {
                Some(event) => Some((Pattern::CutOff, Some(said(event)))),
                None if target.status == TargetStatus::Failed => Some((Pattern::NeverBegan, None)),
                // It had begun some and not the next, or CodeDeploy does not know.
                None => failed.then_some((Pattern::CutOff, None)),
            }
        }
    }
}

fn said(event: &LifecycleEvent) -> Said {
    let diagnostics = event.diagnostics.as_ref();
    Said {
        event: Some(event.name.clone()),
        script: diagnostics.and_then(|said| Redacted::some(&said.script)),
        message: diagnostics.and_then(|said| Redacted::some(&said.message)),
        log: diagnostics.and_then(|said| Redacted::tail(&said.log_tail)),
    }
}

fn at(
    look: &Look,
    deployment: &DeploymentId,
    info: &DeploymentInfo,
    target: &Target,
    pattern: Pattern,
    said: Option<Said>,
) -> Finding {
    let mut pattern = pattern;
    let standing = match &look.instances {
        Err(_) => Standing::Unseen,
        Ok(instances) => match instances.get(&target.instance) {
            None => Standing::Gone,
            Some(instance) => {
                let leaving = instance
                    .membership
                    .as_ref()
                    .is_some_and(|membership| matches!(membership.lifecycle, Lifecycle::Terminating(_)));
                match &instance.state {
                    None | Some(InstanceState::Terminated | InstanceState::ShuttingDown) => Standing::Gone,
                    _ if leaving => Standing::Gone,
                    Some(InstanceState::Stopping | InstanceState::Stopped) => {
                        // Why an agent is silent whose instance is stopped is no riddle; a script's failure remains one.
                        if pattern.facts().cure == Cure::Restart {
                            pattern = Pattern::InstanceStopped;
                        }
                        Standing::Here(Nursing::Untried)
                    }
                    Some(_) => Standing::Here(nursing(&look.restarts, &target.instance, info, instance.ping)),
                }
            }
        },
    };
    Finding {
        deployment: Some(deployment.clone()),
        instance: Some(target.instance.clone()),
        cause: Cause::Target(pattern),
        said,
        standing,
    }
}

/// What was done for an agent since the deployment ended. What was done before did not prevent the failure.
fn nursing(restarts: &Seen<Vec<Restart>>, instance: &InstanceId, info: &DeploymentInfo, ping: Ping) -> Nursing {
    let since = info.completed.or(info.created).unwrap_or(Timestamp::MIN);
    let mut tries: Vec<&Restart> = restarts
        .iter()
        .flatten()
        .filter(|restart| restart.instance == *instance && since.duration_since(restart.sent) <= SKEW)
        .collect();
    tries.sort_by_key(|restart| restart.sent);
    if let Some(running) = tries.iter().rfind(|restart| restart.state == RestartState::Running) {
        return Nursing::Running(running.sent);
    }
    let unreached = match ping {
        Ping::Online => None,
        Ping::Lost => Some(Nursing::Troubled(AgentTrouble::ConnectionLost)),
        Ping::Absent => Some(Nursing::Troubled(AgentTrouble::Unmanaged)),
        Ping::Untagged => Some(Nursing::Troubled(AgentTrouble::Untagged)),
    };
    let last = tries.last().map(|restart| (&restart.state, restart.sent));
    // What never reached the instance says nothing of it, and counts for itself.
    let all = tries.len();
    tries.retain(|restart| !matches!(restart.state, RestartState::NotSent { .. }));
    let unsent = all - tries.len();
    match last {
        None | Some((RestartState::Running, _)) => unreached.unwrap_or(Nursing::Untried),
        Some((RestartState::NotSent { .. }, sent)) if unsent < MOST_UNSENT => {
            unreached.unwrap_or(Nursing::Unsent(sent))
        }
        Some((RestartState::NotSent { .. }, _)) => unreached.unwrap_or(Nursing::Troubled(AgentTrouble::NotSent)),
        Some((RestartState::Answered(report), sent)) => match report.verdict() {
            AgentVerdict::Polls => Nursing::Cured,
            AgentVerdict::Busy if tries.len() < MOST_WHILE_BUSY => unreached.unwrap_or(Nursing::Busy(sent)),
            AgentVerdict::Busy => Nursing::Troubled(AgentTrouble::Stuck),
            AgentVerdict::Troubled(trouble) => Nursing::Troubled(trouble),
        },
        Some((RestartState::Unanswered { .. }, _)) if tries.len() < MOST_UNANSWERED => {
            unreached.unwrap_or(Nursing::Untried)
        }
        Some((RestartState::Unanswered { .. }, _)) => unreached.unwrap_or(Nursing::Troubled(AgentTrouble::NoAnswer)),
    }
}
