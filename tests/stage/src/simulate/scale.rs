//! How many fleets can one installation keep? One to a thousand of them in one account, under AWS's own request limits.
//!
//! Each size is played as the other scenarios are: the deployed functions' own code against a simulated AWS, here with the token buckets of
//! [`panda_world`] and no other faults. First nothing happens but sweeps and the panda's ticks; then holders die one by one; then one in
//! three of all holders within a minute, as when a zone is lost.

mod measure;
mod panda;
mod picture;
mod play;
mod report;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use clap::Args;
use tokio::{runtime::Builder, task::LocalSet};

pub use self::report::{FirstRefusal, PhaseReport, ScaleReport, SizeReport};
use self::{measure::Measured, play::Cast};
use super::{Deployment, SimulatorError, cores::on_all_cores, deployment::FAILOVER};

/// Of small sizes several are played, so that the percentiles are of some deaths at least.
const DEATHS: u32 = 100;
const MOST_RUNS: u32 = 20;

/// Plays one to a thousand fleets in one account under AWS's request limits.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// How many fleets, several separated by commas
    #[arg(long, value_delimiter = ',', default_value = "1,3,10,30,100,300,1000", value_parser = clap::value_parser!(u32).range(1..=5_000))]
    fleets: Vec<u32>,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the report as JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Write the report as JSON to this file too
    #[arg(long)]
    report: Option<PathBuf>,
    /// Draw the report as SVG to this file
    #[arg(long)]
    picture: Option<PathBuf>,
    /// Play nothing, and take the report from this file
    #[arg(long, conflicts_with_all = ["fleets", "seed", "report"])]
    from: Option<PathBuf>,
    /// The template whose rules and configuration are played
    #[arg(long, default_value = "template.yaml")]
    template: PathBuf,
}

/// Runs `panda-stage scale`. Blocks; the exit code is a failure if an address stayed where it does not belong.
///
/// # Errors
/// The template cannot be used, or a file not be read or written.
pub fn run(args: &ScaleArgs) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let report = match &args.from {
        Some(path) => serde_json::from_str(&fs::read_to_string(path)?)?,
        None => survey(&args.template, &args.fleets, args.seed)?,
    };
    let json = serde_json::to_string_pretty(&report)?;
    if let Some(path) = &args.report {
        write_file(path, &json)?;
    }
    if let Some(path) = &args.picture {
        write_file(path, &picture::draw(&report))?;
    }
    let mut out = io::stdout().lock();
    if args.json { writeln!(out, "{json}") } else { write!(out, "{}", report.table()) }?;
    let healed = report.sizes.iter().all(|size| size.unmet == 0);
    Ok(if healed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_file(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, format!("{}\n", text.trim_end()))
}

/// Plays the sizes, on all cores. Blocks until they are done.
///
/// # Errors
/// The template cannot be used, or no runtime be started.
pub fn survey(template: &Path, sizes: &[u32], first_seed: u64) -> Result<ScaleReport, SimulatorError> {
    let failover = Deployment::of(template, FAILOVER)?;
    let failover_config = elastic_ip_failover::Config::from_lookup(|name| failover.environment.get(name).cloned())?;
    let panda = Deployment::of(template, ::panda::FUNCTION)?;
    let cast = Cast { failover: Arc::new(failover), failover_config, panda: Arc::new(panda) };
    let mut jobs: Vec<(u32, u64)> = sizes
        .iter()
        .flat_map(|fleets| (0..runs_of(*fleets)).map(move |run| (*fleets, first_seed.wrapping_add(run.into()))))
        .collect();
    // The largest first, so that no core waits for another at the end.
    jobs.sort_by_key(|(fleets, _)| std::cmp::Reverse(*fleets));
    let began = Instant::now();
    let done = on_all_cores(&jobs, |(fleets, seed)| -> Result<_, SimulatorError> {
        let measured = play_one(&cast, *fleets, *seed)?;
        if *fleets >= DEATHS {
            // Nobody to tell is no reason to stop.
            let _ = writeln!(io::stderr(), "{fleets} fleets after {:.0} s", began.elapsed().as_secs_f64());
        }
        Ok(measured)
    })?;
    let of = |fleets: u32| {
        let mut runs: Vec<&Measured> = done.iter().filter(|measured| measured.fleets == fleets).collect();
        runs.sort_by_key(|measured| measured.seed);
        SizeReport::of(fleets, &runs)
    };
    Ok(ScaleReport { sizes: sizes.iter().map(|fleets| of(*fleets)).collect() })
}

fn runs_of(fleets: u32) -> u32 {
    (DEATHS / fleets).clamp(1, MOST_RUNS)
}

fn play_one(cast: &Cast, fleets: u32, seed: u64) -> Result<Measured, SimulatorError> {
    // The SDK draws the jitter of its retries from the thread's generator.
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    LocalSet::new().block_on(&runtime, play::play(cast, fleets, seed)).map_err(SimulatorError::Panda)
}
