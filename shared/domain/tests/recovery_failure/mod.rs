//! A failure that a test can make worse, and what becomes of it when a plan's step is taken.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    event::InstanceState,
    failover::Lifecycle,
    ids::{DeploymentId, InstanceId},
    recovery::{
        ActionLook, Creator, DeploymentErrorCode, DeploymentInfo, DeploymentLook, DeploymentStatus, Diagnostics,
        ExecutionLook, Hints, InstanceLook, LifecycleEvent, Look, Membership, Nursing, Ping, PipelineLook,
        RecoveryPlan, Restart, RestartState, Rules, RunStatus, StageLook, Standing, Step, Subject, Target,
        TargetStatus, Told, plan,
    },
};

pub(crate) const SILENT: &str = "CodeDeploy agent was not able to receive the lifecycle event. Check the CodeDeploy agent logs on your host and make \
                          sure the agent is running and can connect to the CodeDeploy server.";
pub(crate) const CURED: &str = r#"{"schema":1,"agent":"v1","version":"1.8.1","before":{"active":"failed","pid":null},"after":{"active":"active","pid":4711},"action":"restarted","polls":true,"held_seconds":20,"disk_percent":41,"memory_free_mb":512,"clock":null,"errors":[]}"#;
pub(crate) const BUSY: &str = r#"{"schema":1,"agent":"v2","action":"refused-busy","polls":false}"#;
pub(crate) const DEAD: &str = r#"{"schema":1,"agent":"v1","after":{"active":"failed","pid":null},"action":"failed","polls":false,"errors":["could not start"]}"#;
pub(crate) const DENIED: &str = r#"garbage {"schema":1,"agent":"v1","action":"restarted","polls":false,"errors":["AccessDeniedException: not allowed"]}"#;

pub(crate) fn now() -> Timestamp {
    "2026-05-07T13:30:00Z".parse().unwrap()
}

pub(crate) fn instance(n: usize) -> InstanceId {
    format!("i-{n:017x}").into()
}

pub(crate) fn rules() -> Rules {
    Rules {
        max_retries: 2,
        patience: SignedDuration::from_hours(2),
        look_every: SignedDuration::from_mins(1),
        may_replace: true,
    }
}

pub(crate) fn subject() -> Subject {
    Subject::Execution { pipeline: "web".into(), execution: "e-1".into() }
}

pub(crate) fn target(n: usize, event: &str, code: &str, message: &str, log: &str) -> Target {
    let failed =
        Diagnostics { code: code.into(), script: String::new(), message: message.into(), log_tail: log.into() };
    Target {
        instance: instance(n),
        status: TargetStatus::Failed,
        events: vec![LifecycleEvent { name: event.into(), status: TargetStatus::Failed, diagnostics: Some(failed) }],
    }
}

pub(crate) fn info(creator: Creator) -> DeploymentInfo {
    DeploymentInfo {
        application: "shop".into(),
        group: "fleet".into(),
        status: DeploymentStatus::Failed,
        error: Some((DeploymentErrorCode::HealthConstraints, "too many individual instances failed".into())),
        creator,
        rollback: None,
        rollback_message: None,
        rollback_of: None,
        created: Some(now() - SignedDuration::from_mins(20)),
        completed: Some(now() - SignedDuration::from_mins(2)),
    }
}

/// A pipeline's execution whose one deployment `d-1` failed on these instances, which all run and are reached.
pub(crate) fn failed(targets: Vec<Target>) -> Look {
    let instances = targets.iter().map(|target| (target.instance.clone(), running())).collect();
    let deployment = DeploymentLook {
        info: Ok(Some(info(Creator::User))),
        targets: Ok(targets),
        active: Ok(vec![]),
        succeeded: Ok(None),
    };
    Look {
        subject: subject(),
        hints: Hints {
            stage: Some("Deploy".into()),
            attempt: Some(1),
            since: Some(now() - SignedDuration::from_mins(1)),
            ..Hints::default()
        },
        pipeline: Ok(Some(shown("d-1", 0))),
        execution: Ok(Some(ExecutionLook { status: RunStatus::Failed, commit: None })),
        owner: Ok(None),
        deployments: BTreeMap::from([("d-1".into(), deployment)]),
        blocking: Ok(vec![]),
        instances: Ok(instances),
        serving: BTreeMap::from([("web".into(), 3)]),
        changing: BTreeMap::new(),
        restarts: Ok(vec![]),
        told: Told::default(),
    }
}

/// A deployment `d-1` that Auto Scaling started and that failed on these instances.
pub(crate) fn launched(targets: Vec<Target>) -> Look {
    let mut look = failed(targets);
    look.subject = Subject::Deployment("d-1".into());
    look.pipeline = Ok(None);
    look.execution = Ok(None);
    look.hints.stage = None;
    look.hints.attempt = None;
    deployment(&mut look).creator = Creator::AutoScaling;
    look
}

pub(crate) fn shown(deployment: &str, retries: u32) -> PipelineLook {
    let stage = |name: &str, status, actions, retries| StageLook {
        name: name.into(),
        execution: Some("e-1".into()),
        status,
        retries,
        actions,
    };
    let action = ActionLook {
        name: "CodeDeploy".into(),
        status: RunStatus::Failed,
        external: Some(deployment.into()),
        error: Some("Deployment failed".into()),
    };
    PipelineLook {
        stages: vec![
            stage("Source", RunStatus::Succeeded, vec![], 0),
            stage("Deploy", RunStatus::Failed, vec![action], retries),
        ],
    }
}

pub(crate) fn running() -> InstanceLook {
    InstanceLook {
        state: Some(InstanceState::Running),
        ping: Ping::Online,
        membership: Some(Membership { group: "web".into(), lifecycle: Lifecycle::InService, healthy: true }),
    }
}

pub(crate) fn deployment(look: &mut Look) -> &mut DeploymentInfo {
    look.deployments.values_mut().next().unwrap().info.as_mut().unwrap().as_mut().unwrap()
}

pub(crate) fn stage(look: &mut Look) -> &mut StageLook {
    look.pipeline.as_mut().unwrap().as_mut().unwrap().stages.last_mut().unwrap()
}

pub(crate) fn restarted(n: usize, stdout: &str) -> Restart {
    Restart {
        instance: instance(n),
        sent: now() - SignedDuration::from_mins(1),
        state: RestartState::read("Success", stdout),
    }
}

/// What happened on the way from a failure to its end.
#[derive(Debug, Default)]
pub(crate) struct Course {
    pub(crate) plans: Vec<RecoveryPlan>,
    pub(crate) restarts: usize,
    pub(crate) retries: usize,
    pub(crate) failures_told: usize,
    pub(crate) recoveries_told: usize,
    pub(crate) replaced: BTreeSet<InstanceId>,
    pub(crate) succeeded: bool,
}

/// How the world answers.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// What the restart document prints, one after the other; then it cures.
    pub(crate) answers: Vec<String>,
    /// What comes after each retry: targets that fail, or success where there are none left.
    pub(crate) attempts: Vec<Vec<Target>>,
}

impl World {
    /// Plans and takes steps until nothing is left to do. Panics where that does not end.
    pub(crate) fn run(&mut self, look: &mut Look, rules: &Rules) -> Course {
        let mut course = Course::default();
        let mut at = now();
        for _ in 0..2_000 {
            let plan = plan(look, rules, at);
            let step = plan.step.clone();
            course.plans.push(plan);
            match step {
                Step::Nothing => return course,
                Step::Wait(pause) => {
                    assert!(pause > SignedDuration::ZERO);
                    at += pause;
                    self.time_passes(look);
                }
                Step::Restart(batches) => {
                    for instance in batches.into_iter().flatten() {
                        course.restarts += 1;
                        look.restarts.as_mut().unwrap().push(Restart {
                            instance,
                            sent: at,
                            state: RestartState::Running,
                        });
                    }
                }
                Step::SetUnhealthy { instance, group } => {
                    course.replaced.insert(instance.clone());
                    let seen = look.instances.as_mut().unwrap().get_mut(&instance).unwrap();
                    seen.membership.as_mut().unwrap().healthy = false;
                    *look.serving.get_mut(&group).unwrap() -= 1;
                    look.changing.entry(group).or_default().push(instance);
                }
                Step::Retry { .. } => {
                    course.retries += 1;
                    // The silence of an agent is noticed after five minutes.
                    at += SignedDuration::from_mins(6);
                    self.retried(look, at, &mut course);
                }
                Step::Tell(telling) => match telling.news {
                    panda_domain::recovery::News::Failed => {
                        course.failures_told += 1;
                        look.told.failed = true;
                    }
                    panda_domain::recovery::News::Recovered => {
                        course.recoveries_told += 1;
                        look.told.recovered = true;
                    }
                },
            }
        }
        panic!("no end: {:?}", course.plans.last());
    }

    fn time_passes(&mut self, look: &mut Look) {
        for deployment in look.deployments.values_mut() {
            if let Ok(active) = &mut deployment.active {
                active.pop();
            }
            if let Ok(Some(info)) = &mut deployment.info
                && matches!(info.status, DeploymentStatus::Active(_))
            {
                info.status = DeploymentStatus::Failed;
            }
        }
        // Auto Scaling has put another one in its place, or could not.
        look.changing.clear();
        if let Ok(blocking) = &mut look.blocking {
            blocking.clear();
        }
        for restart in look.restarts.iter_mut().flatten().filter(|restart| restart.state == RestartState::Running) {
            let answer = if self.answers.is_empty() { CURED.to_owned() } else { self.answers.remove(0) };
            restart.state = RestartState::read("Success", &answer);
        }
    }

    fn retried(&mut self, look: &mut Look, at: Timestamp, course: &mut Course) {
        let attempt = stage(look).retries + 1;
        if self.attempts.is_empty() {
            course.succeeded = true;
            stage(look).retries = attempt;
            stage(look).status = RunStatus::Succeeded;
            look.execution = Ok(Some(ExecutionLook { status: RunStatus::Succeeded, commit: None }));
            return;
        }
        let targets = self.attempts.remove(0);
        let id = format!("d-{}", attempt + 1);
        for target in &targets {
            look.instances.as_mut().unwrap().entry(target.instance.clone()).or_insert_with(running);
        }
        let mut info = info(Creator::User);
        (info.created, info.completed) = (Some(at - SignedDuration::from_mins(6)), Some(at));
        let deployment =
            DeploymentLook { info: Ok(Some(info)), targets: Ok(targets), active: Ok(vec![]), succeeded: Ok(None) };
        look.deployments = BTreeMap::from([(DeploymentId::from(id.as_str()), deployment)]);
        look.pipeline = Ok(Some(shown(&id, attempt)));
        // CodePipeline counts on: an event never tells of an earlier attempt than the one before.
        look.hints.attempt = Some(look.hints.attempt.unwrap_or(1).max(attempt) + 1);
    }
}

/// Whether every restarted agent of a plan's findings polls again.
pub(crate) fn all_poll(plan: &RecoveryPlan) -> bool {
    let cure = panda_domain::recovery::Cure::Restart;
    let mut restartable = plan.diagnosis.findings.iter().filter(|finding| finding.cure() == cure);
    restartable.all(|finding| finding.standing == Standing::Here(Nursing::Cured))
}
