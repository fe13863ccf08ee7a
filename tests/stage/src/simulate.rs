//! How long is a fleet's address unanswered, whatever happens to it? Thousands of lives of a fleet, reproducible from their seeds.
//!
//! The deployed function's own code runs in process, with real SDK clients, against a [`panda_world::World`] under paused tokio time. What
//! stands between the two on AWS is played here: the template's rules and its sweep ([`Deployment`]), and Lambda's asynchronous invocation.
//! What happens to the fleet is a [`Scenario`]; who moves the address a [`Strategy`]. Outages, moves and broken laws are read from the
//! world's journal.

mod account;
mod cloud;
mod cores;
mod deployment;
mod frailty;
pub(crate) mod goal;
mod lambda;
mod law;
mod play;
mod print;
mod recovery;
mod report;
mod role;
pub mod scale;
mod scenario;
mod strategy;
mod survey;
mod timeline;
mod truth;
mod year;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Instant,
};

use clap::Args;

pub(crate) use self::scenario::Over;
pub use self::{
    account::Outage,
    deployment::{Deployment, TemplateError},
    law::Violation,
    recovery::RecoveriesReport,
    report::{Lived, RunReport, ScenarioReport, Spread},
    scenario::{Scenario, scenario, scenarios},
    strategy::Strategy,
    survey::{Simulator, SimulatorError, Task},
    year::YearsReport,
};

/// Timelines that are printed in full; of more violations only the seeds are named.
const TIMELINES: usize = 3;

/// Lives of each scenario, if nobody says how many.
const LIVES: u64 = 100;

/// As many days of fleets with faults at every call are played in years, if nobody says how many years: some minutes' work.
const FLEET_DAYS: f64 = 100_000.0;

/// Plays scenarios against the simulated AWS and counts outages, moves, calls and broken laws.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Only this scenario; `list` names them all
    #[arg(long)]
    scenario: Option<String>,
    /// Only this strategy
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
    /// How many seeds; a hundred if not said, and as many years as make a hundred thousand fleet-days with faults at every call
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of tables
    #[arg(long)]
    json: bool,
    /// Print the timeline of the first seed's run
    #[arg(long)]
    timeline: bool,
    /// The template whose rules and configuration are played
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
}

/// Runs `panda-stage simulate`. Blocks; the exit code is a failure if a law was not kept.
///
/// # Errors
/// The scenario is unknown, the template cannot be used, or nothing can be printed.
pub fn run(args: &SimulateArgs) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    if args.scenario.as_deref() == Some("list") {
        for scenario in scenarios() {
            writeln!(out, "{:32} {}", scenario.name, scenario.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let tasks = tasks(args)?;
    let simulator = Simulator::new(&args.template)?;
    if args.timeline {
        for task in &tasks {
            // On a thread of its own: the caller's may drive a runtime.
            let run = thread::scope(|scope| scope.spawn(|| simulator.run(*task, args.seed, true)).join())
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            writeln!(
                out,
                "{} {} seed {}\n{}",
                task.scenario.name,
                task.strategy,
                run.seed,
                run.timeline.unwrap_or_default()
            )?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let seeds_of = |task: &Task| match (args.seeds, task.scenario.is_year()) {
        (None, true) => years_with_faults(args.seed),
        (None, false) => survey::consecutive(args.seed, LIVES),
        // A year takes seconds: more of them are played only if nothing else is.
        (Some(seeds), true) if args.scenario.is_none() => {
            let years = years_with_faults(args.seed).into_iter();
            years.take(usize::try_from(seeds).unwrap_or(usize::MAX)).collect()
        }
        (Some(seeds), _) => survey::consecutive(args.seed, seeds),
    };
    let jobs: Vec<(Task, Vec<u64>)> = tasks.iter().map(|task| (*task, seeds_of(task))).collect();
    let (started, played) = (Instant::now(), AtomicU64::new(0));
    let all: usize = jobs.iter().map(|(_, seeds)| seeds.len()).sum();
    let all = u64::try_from(all).unwrap_or(u64::MAX);
    let progress = |task: Task, run: &RunReport| {
        if let Some(violation) = run.violations.first() {
            let (scenario, seed) = (task.scenario.name, run.seed);
            let _ = writeln!(io::stderr(), "{scenario} seed {seed} broke a law: {}", violation.law);
        }
        let played = played.fetch_add(1, Relaxed) + 1;
        let step = if task.scenario.is_year() { 10 } else { 500 };
        if played.is_multiple_of(step) || played == all {
            let seconds = started.elapsed().as_secs_f64();
            // Nobody to tell is no reason to stop.
            let _ = writeln!(
                io::stderr(),
                "{played} of {all} runs in {seconds:.0} s, at {} with {}",
                task.scenario.name,
                task.strategy
            );
        }
    };
    let runs = simulator.all(&jobs, &progress)?;
    let reports: Vec<_> = tasks
        .iter()
        .zip(&runs)
        .map(|(task, runs)| ScenarioReport::of(task.scenario.name, task.strategy, runs))
        .collect();
    let broken = tell_violations(&tasks, &runs)?;
    if args.json {
        writeln!(out, "{}", print::json(&reports)?)?;
    } else {
        write!(out, "{}", print::tables(&reports))?;
    }
    Ok(if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The seeds of years in which every call can fail, until they make [`FLEET_DAYS`]. The others show nothing that these do not.
fn years_with_faults(first: u64) -> Vec<u64> {
    let (mut seeds, mut days, mut seed) = (Vec::new(), 0.0, first);
    while days < FLEET_DAYS {
        let under_faults = year::to_live(seed).under_faults;
        if under_faults > 0.0 {
            seeds.push(seed);
            days += under_faults;
        }
        seed = seed.wrapping_add(1);
    }
    seeds
}

fn tasks(args: &SimulateArgs) -> Result<Vec<Task>, String> {
    let chosen: Vec<&'static Scenario> = match &args.scenario {
        None => scenarios().iter().collect(),
        Some(name) => vec![scenario(name).ok_or_else(|| {
            let names: Vec<&str> = scenarios().iter().map(|scenario| scenario.name).collect();
            format!("no scenario `{name}`; there are {}", names.join(", "))
        })?],
    };
    let wanted = |strategy: &Strategy| args.strategy.is_none_or(|only| only == *strategy);
    let tasks: Vec<Task> = chosen
        .iter()
        .flat_map(|scenario| {
            scenario.strategies.iter().filter(|one| wanted(one)).map(|strategy| Task { scenario, strategy: *strategy })
        })
        .collect();
    if tasks.is_empty() {
        return Err("this strategy makes no sense for this scenario".to_owned());
    }
    Ok(tasks)
}

/// Names every broken law with its scenario and seed, the first ones with their timelines.
fn tell_violations(tasks: &[Task], runs: &[Vec<RunReport>]) -> io::Result<bool> {
    let mut err = io::stderr().lock();
    let mut told = 0;
    for (task, runs) in tasks.iter().zip(runs) {
        for run in runs.iter().filter(|run| !run.violations.is_empty()) {
            for violation in &run.violations {
                let (scenario, strategy) = (task.scenario.name, task.strategy);
                writeln!(
                    err,
                    "violation: {scenario} {strategy} seed {}: {}: {}",
                    run.seed, violation.law, violation.what
                )?;
            }
            if told < TIMELINES {
                writeln!(err, "{}", run.timeline.as_deref().unwrap_or_default())?;
            }
            told += 1;
        }
    }
    Ok(told > 0)
}

#[cfg(test)]
mod tests {
    use super::{FLEET_DAYS, year, years_with_faults};

    #[test]
    fn without_arguments_every_year_has_faults_and_together_they_are_a_hundred_thousand_fleet_days() {
        let days: Vec<f64> = years_with_faults(1).into_iter().map(|seed| year::to_live(seed).under_faults).collect();
        assert!(days.iter().all(|days| *days > 0.0));
        assert!(days.iter().sum::<f64>() >= FLEET_DAYS);
        assert!(days.iter().rev().skip(1).sum::<f64>() < FLEET_DAYS, "and not one more than that takes");
    }
}
