//! The laws of `panda_domain::recovery`, searched for counterexamples.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod cases;
mod recovery_failure;

use std::{collections::BTreeMap, iter};

use jiff::SignedDuration;
use panda_domain::{
    event::InstanceState,
    failover::{Lifecycle, Step as Turn},
    recovery::{
        ActionLook, Commit, Creator, Cure, DeploymentErrorCode, DeploymentStatus, ExecutionLook, Look, News, Ping,
        Reason, Restart, RestartState, RunStatus, Standing, Step, Subject, Target, TargetStatus, message, plan,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use self::{
    cases::cases,
    recovery_failure::{
        BUSY, CURED, DEAD, DENIED, SILENT, World, all_poll, deployment, failed, instance, launched, now, restarted,
        rules, running, stage, target,
    },
};

const CASES: u32 = 300;

/// What an instance may say, and whether a restart or a retry may come of it.
const SAYS: [(&str, &str, &str, Cure); 16] = [
    ("ApplicationStop", "UnknownError", SILENT, Cure::Restart),
    ("BeforeInstall", "UnknownError", "Concurrent::RejectedExecutionError", Cure::Restart),
    ("DownloadBundle", "UnknownError", "execution expired", Cure::Restart),
    ("Install", "UnknownError", "Failed: Failing in-progress lifecycle event after an agent restart.", Cure::Retry),
    ("DownloadBundle", "UnknownError", "not opened for reading", Cure::Retry),
    ("DownloadBundle", "UnknownError", "Access Denied", Cure::Configuration),
    ("Install", "UnknownError", "No space left on device @ io_write", Cure::Configuration),
    ("Install", "UnknownError", "a specified file already exists at this location: /var/www/x", Cure::User),
    (
        "AfterInstall",
        "ScriptFailed",
        "Script at specified location: x run as user root failed with exit code 1",
        Cure::User,
    ),
    ("AfterInstall", "ScriptMissing", "Script does not exist at specified location: x", Cure::User),
    ("AfterInstall", "ScriptNotExecutable", "not executable", Cure::User),
    ("AfterInstall", "ScriptTimedOut", "failed to complete in 300 seconds", Cure::User),
    ("ApplicationStop", "ScriptFailed", "failed with exit code 1", Cure::User),
    ("Install", "UnknownError", "something new", Cure::Unknown),
    ("Install", "BrandNewCode", "something newer", Cure::Unknown),
    ("Install", "UnknownError", "", Cure::Unknown),
];

fn says() -> impl Strategy<Value = (&'static str, &'static str, &'static str, Cure)> {
    prop_oneof![3 => select(SAYS[..3].to_vec()), 1 => select(SAYS[3..5].to_vec()), 2 => select(SAYS.to_vec())]
}

fn targets(most: usize) -> impl Strategy<Value = Vec<Target>> {
    let status = prop_oneof![
        8 => Just(None),
        1 => Just(Some(TargetStatus::Succeeded)),
        1 => Just(Some(TargetStatus::Skipped)),
        1 => Just(Some(TargetStatus::InProgress)),
        1 => Just(Some(TargetStatus::Unknown)),
    ];
    vec((says(), status), 1..=most).prop_map(|many| {
        let one = |(n, ((event, code, message, _), status)): (usize, (_, Option<TargetStatus>))| {
            let mut target = target(n, event, code, message, "");
            if let Some(status) = status {
                target.status = status;
                target.events.clear();
            }
            target
        };
        many.into_iter().enumerate().map(one).collect()
    })
}

/// What may be wrong around a failure; most often nothing.
#[derive(Clone, Debug)]
enum Trouble {
    None,
    Code(DeploymentErrorCode),
    Status(&'static str),
    Creator(&'static str),
    Active(usize),
    ActiveUnread,
    InstancesUnread,
    RestartsUnread,
    TargetsUnread,
    DeploymentUnread,
    PipelineUnread,
    Gone(usize),
    State(usize, InstanceState),
    Ping(usize, Ping),
    Leaving(usize),
    OtherAction,
    Newer,
    Retries(u32),
    Attempt(u32),
    Execution(RunStatus),
    StageRuns,
    Restarted(usize, &'static str),
    NotSent(usize, usize),
    Serving(u32),
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let codes: Vec<DeploymentErrorCode> =
        DeploymentErrorCode::all().chain([DeploymentErrorCode::Unknown("NEW".into())]).collect();
    let states = vec![InstanceState::Stopped, InstanceState::ShuttingDown, InstanceState::Terminated];
    let pings = vec![Ping::Lost, Ping::Absent, Ping::Untagged];
    let runs =
        vec![RunStatus::InProgress, RunStatus::Succeeded, RunStatus::Superseded, RunStatus::Ended("Stopped".into())];
    prop_oneof![
        12 => Just(Trouble::None),
        2 => select(codes).prop_map(Trouble::Code),
        1 => select(vec!["Succeeded", "Stopped", "InProgress", "Odd"]).prop_map(Trouble::Status),
        1 => select(vec!["autoscaling", "codeDeployRollback", "CodeDeployAutoUpdate", "autoscalingTermination", "user"])
            .prop_map(Trouble::Creator),
        2 => (1_usize..4).prop_map(Trouble::Active),
        1 => select(vec![
            Trouble::ActiveUnread, Trouble::InstancesUnread, Trouble::RestartsUnread, Trouble::TargetsUnread,
            Trouble::DeploymentUnread, Trouble::PipelineUnread,
        ]),
        2 => (0_usize..3).prop_map(Trouble::Gone),
        2 => (0_usize..3, select(states)).prop_map(|(n, state)| Trouble::State(n, state)),
        2 => (0_usize..3, select(pings)).prop_map(|(n, ping)| Trouble::Ping(n, ping)),
        1 => (0_usize..3).prop_map(Trouble::Leaving),
        1 => Just(Trouble::OtherAction),
        1 => Just(Trouble::Newer),
        2 => (0_u32..4).prop_map(Trouble::Retries),
        1 => (0_u32..4).prop_map(Trouble::Attempt),
        1 => select(runs).prop_map(Trouble::Execution),
        1 => Just(Trouble::StageRuns),
        3 => (0_usize..3, select(vec![CURED, BUSY, DEAD, DENIED, "garbage", ""])).prop_map(|(n, out)| Trouble::Restarted(n, out)),
        2 => (0_usize..3, 1_usize..4).prop_map(|(n, times)| Trouble::NotSent(n, times)),
        1 => (0_u32..4).prop_map(Trouble::Serving),
    ]
}

fn apply(trouble: Trouble, look: &mut Look) {
    let unread = || "ThrottlingException".to_owned();
    let pipeline = matches!(look.pipeline, Ok(Some(_)));
    let read = look.deployments.values().all(|deployment| deployment.info.is_ok());
    match trouble {
        Trouble::Code(code) if read => deployment(look).error = Some((code, "said".into())),
        Trouble::Status(status) if read => deployment(look).status = status.into(),
        Trouble::Creator(creator) if read => deployment(look).creator = creator.into(),
        Trouble::Active(n) => {
            let active = (0..n).map(|n| format!("d-other{n}").into()).collect();
            look.deployments.values_mut().next().unwrap().active = Ok(active);
        }
        Trouble::ActiveUnread => look.deployments.values_mut().next().unwrap().active = Err(unread()),
        Trouble::InstancesUnread => look.instances = Err(unread()),
        Trouble::RestartsUnread => look.restarts = Err(unread()),
        Trouble::TargetsUnread => look.deployments.values_mut().next().unwrap().targets = Err(unread()),
        Trouble::DeploymentUnread => look.deployments.values_mut().next().unwrap().info = Err(unread()),
        Trouble::PipelineUnread if pipeline => look.pipeline = Err(unread()),
        Trouble::Gone(n) => {
            if let Ok(instances) = &mut look.instances {
                instances.remove(&instance(n));
            }
        }
        Trouble::State(n, state) => {
            if let Some(look) = look.instances.as_mut().ok().and_then(|all| all.get_mut(&instance(n))) {
                look.state = Some(state);
            }
        }
        Trouble::Ping(n, ping) => {
            if let Some(look) = look.instances.as_mut().ok().and_then(|all| all.get_mut(&instance(n))) {
                look.ping = ping;
            }
        }
        Trouble::Leaving(n) => {
            if let Some(look) = look.instances.as_mut().ok().and_then(|all| all.get_mut(&instance(n))) {
                look.membership.as_mut().unwrap().lifecycle = Lifecycle::Terminating(Turn::Wait);
            }
        }
        Trouble::OtherAction if pipeline => stage(look).actions.push(ActionLook {
            name: "Smoke".into(),
            status: RunStatus::Failed,
            external: None,
            error: Some("exit 1".into()),
        }),
        Trouble::Newer if pipeline => stage(look).execution = Some("e-2".into()),
        Trouble::Retries(retries) if pipeline => stage(look).retries = retries,
        Trouble::Attempt(attempt) if pipeline => look.hints.attempt = Some(attempt),
        Trouble::Execution(status) if pipeline => look.execution = Ok(Some(ExecutionLook { status, commit: None })),
        Trouble::StageRuns if pipeline => stage(look).status = RunStatus::InProgress,
        Trouble::Restarted(n, out) => {
            if let Ok(restarts) = &mut look.restarts {
                restarts.push(restarted(n, out));
            }
        }
        Trouble::NotSent(n, times) => {
            if let Ok(restarts) = &mut look.restarts {
                let state = RestartState::NotSent { why: "throttled".into() };
                restarts.extend(iter::repeat_n(Restart { state, ..restarted(n, "") }, times));
            }
        }
        Trouble::Serving(serving) => look.serving = BTreeMap::from([("web".into(), serving)]),
        _ => {}
    }
}

prop_compose! {
    fn look()(
        targets in targets(3),
        by_pipeline in prop::bool::weighted(0.7),
        troubles in vec(trouble(), 0..3),
    ) -> Look {
        let mut look = if by_pipeline { failed(targets) } else { launched(targets) };
        for trouble in troubles {
            apply(trouble, &mut look);
        }
        look
    }
}

prop_compose! {
    fn world()(
        answers in vec(select(vec![CURED, CURED, BUSY, DEAD, DENIED, "garbage"]), 0..6),
        attempts in vec(targets(2), 0..3),
    ) -> World {
        World { answers: answers.into_iter().map(str::to_owned).collect(), attempts }
    }
}

/// The cure of a target as the table of this test says, not as the code does.
fn said(target: &Target) -> Option<Cure> {
    let diagnostics = target.events.first()?.diagnostics.as_ref()?;
    let row = |(event, code, message, _): &&(&str, &str, &str, Cure)| {
        *event == target.events.first().map_or("", |event| &event.name)
            && *code == diagnostics.code
            && *message == diagnostics.message
    };
    SAYS.iter().find(row).map(|(.., cure)| *cure)
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: cases(CASES), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn only_what_a_restart_can_cure_is_restarted_and_what_people_must_mend_is_never_retried(look in look()) {
        let plan = plan(&look, &rules(), now());
        let targets: Vec<Target> = look.deployments.values().flat_map(|d| d.targets.clone().unwrap_or_default()).collect();
        let stopped = look.deployments.keys().filter_map(|id| look.info(id)).any(|info| {
            info.status == DeploymentStatus::Stopped || info.error.as_ref().is_some_and(|(code, _)| *code == DeploymentErrorCode::ManualStop)
        });
        match &plan.step {
            Step::Restart(batches) => {
                prop_assert!(!stopped);
                for id in batches.iter().flatten() {
                    let target = targets.iter().find(|target| target.instance == *id).unwrap();
                    prop_assert!(matches!(said(target), Some(Cure::Restart) | None), "{target:?}");
                    let seen = &look.instances.as_ref().unwrap()[id];
                    prop_assert_eq!(&seen.state, &Some(InstanceState::Running));
                    prop_assert_eq!(seen.ping, Ping::Online);
                }
            }
            Step::Retry { .. } => {
                prop_assert!(!stopped);
                for target in targets.iter().filter(|target| target.status == TargetStatus::Failed) {
                    let curable = [None, Some(Cure::Restart), Some(Cure::Retry)];
                    prop_assert!(curable.contains(&said(target)), "{target:?}");
                }
            }
            Step::SetUnhealthy { .. } => prop_assert!(!stopped),
            _ => {}
        }
    }

    #[test]
    fn at_most_max_retries_of_one_execution_and_none_once_a_newer_one_is_at_the_stage(
        look in look(), mut world in world(), max in 0_u32..4, newer in prop::bool::weighted(0.2),
    ) {
        let mut look = look;
        if newer {
            apply(Trouble::Newer, &mut look);
        }
        let rules = panda_domain::recovery::Rules { max_retries: max, ..rules() };
        let seen = matches!(look.pipeline, Ok(Some(_)));
        let told = look.hints.attempt.map_or(0, |attempt| attempt.saturating_sub(1));
        let shown = match &look.pipeline { Ok(Some(pipeline)) => pipeline.stages.last().unwrap().retries, _ => 0 };
        let course = world.run(&mut look, &rules);
        prop_assert!(course.retries <= max.saturating_sub(told.max(shown)) as usize);
        prop_assert!(!(newer && seen) || course.retries + course.restarts == 0, "{:?}", course.plans);
    }

    #[test]
    fn nothing_is_restarted_or_retried_while_the_group_is_deploying(look in look(), n in 1_usize..3) {
        let mut look = look;
        apply(Trouble::Active(n), &mut look);
        let plan = plan(&look, &rules(), now());
        prop_assert!(!matches!(plan.step, Step::Restart(_) | Step::Retry { .. } | Step::SetUnhealthy { .. }), "{:?}", plan.step);
    }

    #[test]
    fn no_retry_before_every_restarted_agent_polls(look in look(), mut world in world()) {
        let mut look = look;
        for plan in world.run(&mut look, &rules()).plans {
            prop_assert!(!matches!(plan.step, Step::Retry { .. }) || all_poll(&plan), "{plan:?}");
        }
    }

    #[test]
    fn no_secret_leaves(look in look(), where_to in 0_usize..7) {
        let mut look = look;
        let secret = "hunter2hunter2";
        let leak = format!("export DB_PASSWORD='{secret}' and more");
        let one = |look: &mut Look, which: fn(&mut panda_domain::recovery::Diagnostics) -> &mut String| {
            for deployment in look.deployments.values_mut() {
                let events = deployment.targets.iter_mut().flatten().flat_map(|target| &mut target.events);
                events.filter_map(|event| event.diagnostics.as_mut()).for_each(|said| *which(said) = leak.clone());
            }
        };
        match where_to {
            0 => one(&mut look, |said| &mut said.message),
            1 => one(&mut look, |said| &mut said.log_tail),
            2 => one(&mut look, |said| &mut said.script),
            3 => look.execution = Ok(Some(ExecutionLook {
                status: RunStatus::Failed,
                commit: Commit::of_revision(Some("abc"), Some(&leak), Some(&format!("https://ann:{secret}@x"))),
            })),
            4 => look.pipeline = Err(leak.clone()),
            5 => apply(Trouble::DeploymentUnread, &mut look),
            _ => {
                let line = format!("{{\"schema\":1,\"agent\":\"v1\",\"version\":\"token={secret}\",\"polls\":false,\"errors\":[\"password={secret}\"]}}");
                if let Ok(restarts) = &mut look.restarts {
                    restarts.push(restarted(0, &line));
                }
            }
        }
        if let Ok(Some(info)) = &mut look.deployments.values_mut().next().unwrap().info {
            info.rollback_message = Some(leak.clone());
            info.error = info.error.clone().map(|(code, _)| (code, leak.clone()));
        }
        let plan = plan(&look, &rules(), now());
        for news in [News::Failed, News::Recovered] {
            let notice = message(&look, &plan, news, "us-east-1");
            let chat = serde_json::to_string(&notice.chat).unwrap();
            prop_assert!(!notice.mail.text.contains(secret), "{}", notice.mail.text);
            prop_assert!(!notice.mail.subject.contains(secret) && !chat.contains(secret), "{chat}");
            prop_assert!(notice.mail.subject.len() < 100 && notice.mail.subject.is_ascii());
        }
    }

    #[test]
    fn what_is_unknown_or_unreadable_is_explained_and_never_cured(look in look(), which in 0_usize..6) {
        let mut look = look;
        let unread = [Trouble::ActiveUnread, Trouble::InstancesUnread, Trouble::RestartsUnread, Trouble::TargetsUnread, Trouble::DeploymentUnread];
        match unread.get(which) {
            Some(trouble) => apply(trouble.clone(), &mut look),
            None => {
                for deployment in look.deployments.values_mut() {
                    deployment.targets = Ok(vec![target(0, "Install", "UnknownError", "never heard of", "")]);
                }
            }
        }
        let plan = plan(&look, &rules(), now());
        let acts = matches!(plan.step, Step::Restart(_) | Step::Retry { .. } | Step::SetUnhealthy { .. });
        prop_assert!(!acts, "{:?}", plan.step);
    }

    #[test]
    fn every_failed_execution_ends_with_one_message_and_a_recovery_with_one_more(
        targets in targets(3), troubles in vec(trouble(), 0..2), mut world in world(),
    ) {
        let mut look = failed(targets);
        // An execution that goes on, or never failed, is not one that failed.
        let failed_ones = troubles.into_iter().filter(|t| !matches!(t, Trouble::Execution(_) | Trouble::StageRuns));
        for trouble in failed_ones {
            apply(trouble, &mut look);
        }
        let course = world.run(&mut look, &rules());
        prop_assert_eq!(course.failures_told, usize::from(!course.succeeded), "{:?}", course.plans.last());
        prop_assert_eq!(course.recoveries_told, usize::from(course.succeeded));
        // People mend it and retry it by hand.
        if !course.succeeded {
            look.execution = Ok(Some(ExecutionLook { status: RunStatus::Succeeded, commit: None }));
            let course = world.run(&mut look, &rules());
            prop_assert_eq!((course.failures_told, course.recoveries_told), (0, 1));
        }
    }

    #[test]
    fn planning_again_after_each_step_ends_and_a_terminal_state_gives_nothing(look in look(), mut world in world()) {
        let mut look = look;
        let course = world.run(&mut look, &rules());
        for plan in &course.plans {
            prop_assert!(!plan.reasons.is_empty());
        }
        let again = plan(&look, &rules(), now() + SignedDuration::from_hours(12));
        prop_assert_eq!(again.step, Step::Nothing);
    }

    #[test]
    fn an_instance_is_replaced_only_beyond_cure_for_auto_scaling_one_at_a_time_and_never_the_last_server(
        targets in targets(3), troubles in vec(trouble(), 0..3), mut world in world(),
        serving in 0_u32..4, may in prop::bool::weighted(0.8), busy in prop::bool::weighted(0.2),
    ) {
        let mut look = launched(targets);
        for trouble in troubles {
            apply(trouble, &mut look);
        }
        look.serving = BTreeMap::from([("web".into(), serving)]);
        if busy {
            look.changing = BTreeMap::from([("web".into(), vec![instance(9)])]);
            let step = plan(&look, &rules(), now()).step;
            prop_assert!(!matches!(step, Step::SetUnhealthy { .. }), "{step:?}");
        }
        let rules = panda_domain::recovery::Rules { may_replace: may, ..rules() };
        let course = world.run(&mut look, &rules);
        prop_assert!(course.replaced.len() <= serving.saturating_sub(1) as usize);
        prop_assert!(may || course.replaced.is_empty());
        // Between one and the next there is a wait: the group replaces the first.
        for pair in course.plans.windows(2) {
            prop_assert!(!pair.iter().all(|plan| matches!(plan.step, Step::SetUnhealthy { .. })), "{pair:?}");
        }
        for plan in &course.plans {
            if let Step::SetUnhealthy { instance, .. } = &plan.step {
                let finding = plan.diagnosis.findings.iter().find(|finding| finding.instance.as_ref() == Some(instance)).unwrap();
                prop_assert!(finding.trouble().unwrap().ends_with_the_instance());
                // What was never sent to a server says nothing of it.
                let sent = |restart: &Restart| restart.instance == *instance && !matches!(restart.state, RestartState::NotSent { .. });
                let unreached = look.instances.as_ref().unwrap()[instance].ping != Ping::Online;
                prop_assert!(unreached || look.restarts.iter().flatten().any(sent));
                let creator = &look.info(finding.deployment.as_ref().unwrap()).unwrap().creator;
                prop_assert!(matches!(creator, Creator::AutoScaling | Creator::AutoUpdate));
            }
        }
    }

    #[test]
    fn what_nothing_shows_yet_is_looked_for_again_before_people_are_told(look in look(), seconds in 0_i64..90) {
        let mut look = look;
        look.hints.since = Some(now() - SignedDuration::from_secs(seconds));
        let plan = plan(&look, &rules(), now());
        let unseen = |reason: &Reason| matches!(reason, Reason::NoCause | Reason::Missing { .. } | Reason::NoPipeline);
        if matches!(&plan.step, Step::Tell(telling) if telling.news == News::Failed) && seconds < 45 {
            prop_assert!(!plan.reasons.iter().any(unseen), "{:?}", plan.reasons);
        }
    }

    #[test]
    fn a_duplicate_of_an_event_takes_no_second_step(look in look(), stale in option::of(1_u32..3)) {
        let mut look = look;
        let first = plan(&look, &rules(), now());
        // What the first delivery did is seen by the second.
        match &first.step {
            Step::Restart(batches) => {
                for id in batches.iter().flatten() {
                    let running = panda_domain::recovery::Restart {
                        instance: id.clone(), sent: now(), state: panda_domain::recovery::RestartState::Running,
                    };
                    look.restarts.as_mut().unwrap().push(running);
                }
            }
            Step::Retry { .. } => {
                // A read that is behind the event counts fewer retries than it; behind our own retry it cannot be for ever.
                let told = look.hints.attempt.map_or(0, |attempt| attempt.saturating_sub(1));
                stage(&mut look).retries = stage(&mut look).retries.max(told) + 1;
                stage(&mut look).status = RunStatus::InProgress;
                look.execution = Ok(Some(ExecutionLook { status: RunStatus::InProgress, commit: None }));
                if stale.is_none() {
                    look.hints.attempt = None;
                    stage(&mut look).actions.iter_mut().for_each(|action| action.status = RunStatus::InProgress);
                }
            }
            Step::SetUnhealthy { instance, .. } => {
                let seen = look.instances.as_mut().unwrap().get_mut(instance).unwrap();
                seen.membership.as_mut().unwrap().healthy = false;
            }
            Step::Tell(telling) => match telling.news {
                News::Failed => look.told.failed = true,
                News::Recovered => look.told.recovered = true,
            },
            Step::Wait(_) | Step::Nothing => {}
        }
        let second = plan(&look, &rules(), now());
        match (&first.step, &second.step) {
            (Step::Restart(first), Step::Restart(second)) => {
                prop_assert!(second.iter().flatten().all(|id| !first.iter().flatten().any(|sent| sent == id)));
            }
            (Step::Retry { .. }, second) => prop_assert_eq!(second, &Step::Nothing),
            (Step::SetUnhealthy { instance: first, .. }, Step::SetUnhealthy { instance: second, .. }) => prop_assert_ne!(first, second),
            (Step::Tell(_), second) => prop_assert_eq!(second, &Step::Nothing),
            _ => {}
        }
    }
}

/// The laws above are hollow where no step of a kind is ever planned.
#[test]
fn the_search_meets_every_step() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut met: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..400 {
        let look = look().new_tree(&mut runner).unwrap().current();
        *met.entry(plan(&look, &rules(), now()).step.name()).or_default() += 1;
        let mut look = look;
        let mut world = world().new_tree(&mut runner).unwrap().current();
        for plan in world.run(&mut look, &rules()).plans {
            *met.entry(plan.step.name()).or_default() += 1;
        }
    }
    for step in ["wait", "restart", "set-unhealthy", "retry", "tell", "nothing"] {
        assert!(met.get(step).is_some_and(|times| *times > 10), "{step}: {met:?}");
    }
}

#[test]
fn where_one_of_two_deployments_was_stopped_by_somebody_the_other_is_left_alone_too() {
    let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    let other = look.deployments.values().next().unwrap().clone();
    deployment(&mut look).status = DeploymentStatus::Stopped;
    look.deployments.insert("d-2".into(), other);
    let action = ActionLook { external: Some("d-2".into()), ..stage(&mut look).actions.first().unwrap().clone() };
    stage(&mut look).actions.push(action);
    let told = plan(&look, &rules(), now());
    assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
}

#[test]
fn a_gone_instance_is_dropped_and_the_stage_retried() {
    let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    look.instances = Ok(BTreeMap::new());
    let plan = plan(&look, &rules(), now());
    assert!(matches!(plan.step, Step::Retry { .. }), "{plan:?}");
    assert!(plan.diagnosis.findings.iter().all(|finding| finding.standing == Standing::Gone));
}

#[test]
fn a_pipelines_deployment_is_told_of_by_the_pipeline_unless_it_succeeded_with_a_dead_agent() {
    let mut look = failed(vec![target(0, "ApplicationStop", "UnknownError", SILENT, "")]);
    look.subject = Subject::Deployment("d-1".into());
    look.pipeline = Ok(None);
    look.owner = Ok(Some(("web".into(), "e-1".into())));
    assert_eq!(plan(&look, &rules(), now()).reasons, [Reason::PipelineTells { execution: "e-1".into() }]);
    deployment(&mut look).status = DeploymentStatus::Succeeded;
    assert!(matches!(plan(&look, &rules(), now()).step, Step::Restart(_)));
    look.instances.as_mut().unwrap().insert(instance(0), running());
    look.restarts = Ok(vec![restarted(0, CURED)]);
    let told = plan(&look, &rules(), now());
    assert!(matches!(told.step, Step::Tell(_)), "{told:?}");
    assert!(told.reasons.iter().any(|reason| matches!(reason, Reason::SucceededWithout { .. })));
}
