//! How do many runs go? Seeds on all cores, each run in a runtime of its own.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use elastic_ip_failover::{Config, ConfigError};
use panda_world::Faults;
use thiserror::Error;
use tokio::{runtime::Builder, task::LocalSet};

use super::{
    Strategy,
    account::Account,
    cores::on_all_cores,
    deployment::{Deployment, FAILOVER, TemplateError},
    law::Judge,
    play::{self, Played},
    recovery,
    report::{Lived, RunReport, ScenarioReport},
    scenario::{Scenario, Script},
    timeline::timeline,
    truth::Truth,
    year::{self, Cast},
};

/// Plays scenarios with the function as a template deploys it.
#[derive(Clone)]
pub struct Simulator {
    deployment: Arc<Deployment>,
    config: Config,
    panda: Arc<Deployment>,
    recovery: Arc<Deployment>,
}

/// Why nothing can be played.
#[derive(Debug, Error)]
pub enum SimulatorError {
    /// The template cannot be used.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The function that keeps the addresses would not start with the environment that the template gives it.
    #[error("the template configures the function so that it does not start: {0}")]
    Config(#[from] ConfigError),
    /// The panda would not start with what the template gives it, and a seed changes.
    #[error("the panda does not start: {0}")]
    Panda(panda::ConfigError),
    /// deployment-recovery would not start with what the template gives it, and a seed changes.
    #[error("deployment-recovery does not start: {0}")]
    Recovery(deployment_recovery::ConfigError),
    /// A thread could not be started.
    #[error("cannot start a runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// One scenario with one strategy, and the seeds to play it with.
#[derive(Debug, Clone, Copy)]
pub struct Task {
    /// What happens.
    pub scenario: &'static Scenario,
    /// Who moves the address.
    pub strategy: Strategy,
}

impl Simulator {
    /// Reads the template.
    ///
    /// # Errors
    /// It cannot be used, or configures the function so that it would not start.
    pub fn new(template: &Path) -> Result<Self, SimulatorError> {
        let deployment = Deployment::read(template)?;
        let config = Config::from_lookup(|name| deployment.environment.get(name).cloned())?;
        let panda = Deployment::of(template, panda::FUNCTION)?;
        let recovery = Deployment::of(template, deployment_recovery::FUNCTION)?;
        let (deployment, panda, recovery) = (Arc::new(deployment), Arc::new(panda), Arc::new(recovery));
        Ok(Self { deployment, config, panda, recovery })
    }

    /// One run. Must not be called on a thread that drives a tokio runtime.
    ///
    /// # Errors
    /// No runtime could be started.
    pub fn run(&self, task: Task, seed: u64, keep_timeline: bool) -> Result<RunReport, SimulatorError> {
        // The SDK draws the jitter of its retries from the thread's generator.
        fastrand::seed(seed);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
        if task.scenario.is_of_deployments() {
            let cast = recovery::Cast { deployment: &self.recovery };
            let played = LocalSet::new()
                .block_on(&runtime, recovery::play(&cast, seed, keep_timeline))
                .map_err(SimulatorError::Recovery)?;
            return Ok(of_recovery(seed, played));
        }
        let Some(script) = task.scenario.script(seed, task.strategy) else {
            let cast = Cast { panda: &self.panda, failover: &self.deployment, failover_config: &self.config };
            let played = LocalSet::new()
                .block_on(&runtime, year::play(&cast, seed, keep_timeline))
                .map_err(SimulatorError::Panda)?;
            return Ok(of_year(seed, &played, keep_timeline));
        };
        let played = LocalSet::new()
            .block_on(&runtime, play::play(&script, task.strategy, seed, &self.deployment, &self.config));
        drop(runtime);
        Ok(review(&script, task.strategy, seed, &played, keep_timeline))
    }

    /// Many runs of one scenario with one strategy, on all cores. Blocks until they are done.
    ///
    /// # Errors
    /// No runtime could be started.
    pub fn survey(&self, task: Task, first_seed: u64, seeds: u64) -> Result<ScenarioReport, SimulatorError> {
        let mut runs = self.runs(&[task], first_seed, seeds, &|_, _| {})?;
        let runs = runs.pop().unwrap_or_default();
        Ok(ScenarioReport::of(task.scenario.name, task.strategy, &runs))
    }

    /// All runs of all tasks, in order of the tasks and then of the seeds. `progress` hears of every run.
    ///
    /// # Errors
    /// No runtime could be started.
    pub fn runs(
        &self,
        tasks: &[Task],
        first_seed: u64,
        seeds: u64,
        progress: &(dyn Fn(Task, &RunReport) + Sync),
    ) -> Result<Vec<Vec<RunReport>>, SimulatorError> {
        let seeds = consecutive(first_seed, seeds);
        let jobs: Vec<(Task, Vec<u64>)> = tasks.iter().map(|task| (*task, seeds.clone())).collect();
        self.all(&jobs, progress)
    }

    /// The same with seeds for each task, in their order.
    pub(super) fn all(
        &self,
        jobs: &[(Task, Vec<u64>)],
        progress: &(dyn Fn(Task, &RunReport) + Sync),
    ) -> Result<Vec<Vec<RunReport>>, SimulatorError> {
        // The longest first, so that no core waits for another at the end.
        let mut order: Vec<(usize, Task, u64)> = jobs
            .iter()
            .enumerate()
            .flat_map(|(number, (task, seeds))| seeds.iter().map(move |seed| (number, *task, *seed)))
            .collect();
        order.sort_by_key(|(_, task, _)| !task.scenario.is_year());
        let done = on_all_cores(&order, |(number, task, seed)| -> Result<_, SimulatorError> {
            let report = self.run(*task, *seed, false)?;
            progress(*task, &report);
            Ok((*number, report))
        })?;
        let mut runs: Vec<Vec<RunReport>> = jobs.iter().map(|_| Vec::new()).collect();
        for (number, report) in done {
            if let Some(runs) = runs.get_mut(number) {
                runs.push(report);
            }
        }
        for (runs, (_, seeds)) in runs.iter_mut().zip(jobs) {
            let first = seeds.first().copied().unwrap_or_default();
            runs.sort_by_key(|run| run.seed.wrapping_sub(first));
        }
        Ok(runs)
    }
}

/// A year was judged while it went.
fn of_year(seed: u64, played: &year::Played, keep_timeline: bool) -> RunReport {
    let (account, violations) = (&played.account, played.violations.clone());
    let seconds = played.ended.duration_since(played.began).as_secs_f64();
    let text = || played.chronicle.text(&violations);
    RunReport {
        seed,
        outage_seconds: account.outage_seconds(),
        outages: account.outages.clone(),
        moves: account.moves,
        needless_moves: account.needless_moves,
        calls: played.figures.calls.clone(),
        death_to_move: account.death_to_move.clone(),
        seconds,
        lived: played.lived,
        timeline: (keep_timeline || !violations.is_empty()).then(text),
        permissions: played.permissions.clone(),
        year: Some(played.figures.clone()),
        recovery: None,
        violations,
    }
}

/// Deployments that fail cost no address its answer, as far as is counted here.
fn of_recovery(seed: u64, played: recovery::Played) -> RunReport {
    RunReport {
        seed,
        outage_seconds: 0.0,
        outages: Vec::new(),
        moves: 0,
        needless_moves: 0,
        calls: played.calls,
        death_to_move: Vec::new(),
        seconds: played.ended.duration_since(played.began).as_secs_f64(),
        lived: played.lived,
        violations: played.violations,
        permissions: BTreeMap::from([(deployment_recovery::FUNCTION, played.permissions)]),
        year: None,
        recovery: Some(played.figures),
        timeline: played.timeline,
    }
}

/// Goes through the journal once: costs and laws.
fn review(script: &Script, strategy: Strategy, seed: u64, played: &Played, keep_timeline: bool) -> RunReport {
    let mut truth = Truth::new(&script.fleet);
    let mut account = Account::default();
    let mut judge = Judge::new(script, strategy, played);
    let mut before = None;
    let mut rest = played.journal.as_slice();
    while let Some((entry, ahead)) = rest.split_first() {
        account.see(&truth, strategy, entry, ahead, played.began);
        judge.see(&truth, before, entry, ahead);
        truth.apply(entry);
        before = Some(entry);
        rest = ahead;
    }
    judge.conclude(played, &truth);
    account.close(&script.fleet.addresses, played.began, played.ended);
    let violations = judge.violations;
    let timeline = (keep_timeline || !violations.is_empty()).then(|| timeline(played, &violations));
    let seconds = played.ended.duration_since(played.began).as_secs_f64();
    // The others are there to compare with.
    let fleets = u32::from(strategy == Strategy::Ours);
    RunReport {
        seed,
        outage_seconds: account.outage_seconds(),
        outages: account.outages,
        moves: account.moves,
        needless_moves: account.needless_moves,
        calls: account.calls,
        death_to_move: account.death_to_move,
        seconds,
        lived: Lived::of(fleets, seconds, script.faults != Faults::default(), played.traffic),
        violations,
        permissions: BTreeMap::from([(FAILOVER, played.permissions.clone())]),
        year: None,
        recovery: None,
        timeline,
    }
}

/// So many seeds, from the first on.
pub(super) fn consecutive(first: u64, count: u64) -> Vec<u64> {
    (0..count).map(|more| first.wrapping_add(more)).collect()
}
