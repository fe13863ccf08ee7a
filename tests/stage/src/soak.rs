//! `panda-stage soak`: the deployed functions for many minutes among faults, deaths and `kill -9`, and a judge at the end.
//!
//! The template is deployed as [`crate::serve`] and [`crate::demo`] do it, and the simulated AWS is served with faults at every call. Every
//! second or two something happens to one of the fleets, people order kills, and the functions' processes are killed at random moments, in
//! the middle of their work too. Then everything is put right, and `judge` says what must not have happened.

mod deeds;
mod judge;
mod letters;
mod memory;
mod play;
mod processes;

use std::{io, path::PathBuf, time::Duration};

use crate::{
    deploy::{self, DeployError},
    serve::delivery::CallError,
};

pub use judge::{Experiment, Growth, Record};

/// What soak sets in the template: the panda may kill at any hour, again and again, and only when it is told to; a fleet that does not heal
/// need not be watched for ten minutes.
const PARAMETERS: [(&str, &str); 7] = [
    ("PandaMode", "Unleashed"),
    ("PandaScheduleState", "DISABLED"),
    ("PandaWindow", "Mon-Sun 00:00-24:00"),
    ("PandaHealSeconds", "60"),
    ("PandaMinInstanceAgeMinutes", "0"),
    ("PandaMaxKillsPerDay", "1000"),
    ("SettleSeconds", "2"),
];

/// How long to soak, and in what.
#[derive(Debug, clap::Args)]
pub struct SoakArgs {
    /// Minutes of faults and deaths; the deployment before and the healing afterwards take some more
    #[arg(long, default_value_t = 10.0, value_parser = positive)]
    minutes: f64,
    /// How many fleets
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=50))]
    fleets: u8,
    /// Where all chance comes from, but for the moments at which the operating system lets things happen
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The Python tools that deploy, as `make tools` installs them
    #[arg(long, default_value = ".venv")]
    venv: PathBuf,
}

/// Why nothing could be judged, or what the judge says.
#[derive(Debug, thiserror::Error)]
pub enum SoakError {
    /// The template could not be deployed.
    #[error("the template could not be deployed")]
    Deploy(#[from] DeployError),
    /// The endpoint does not tell its rules, or does not take an invocation.
    #[error("the local endpoint does not answer")]
    Call(#[from] CallError),
    /// Something that the template should deploy is not there.
    #[error("the deployment has no {0}")]
    Incomplete(&'static str),
    /// The operating system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted; nothing was judged")]
    Interrupted,
    /// A law was broken.
    #[error("{0} violations")]
    Violations(usize),
}

/// Plays, and ends by itself.
///
/// # Errors
/// Something could not be started, or the judge found a violation. Whatever was started has been ended by then.
pub async fn run(args: SoakArgs) -> Result<(), SoakError> {
    // Dropping the play ends every task and every child of it.
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let record = tokio::select! {
        played = play(&args) => played?,
        _ = tokio::signal::ctrl_c() => return Err(SoakError::Interrupted),
        _ = hangup.recv() => return Err(SoakError::Interrupted),
    };
    say(&record.told());
    let violations = judge::judge(&record);
    for violation in &violations {
        say(&format!("violation: {violation}"));
    }
    say(&format!("violations: {}", violations.len()));
    if violations.is_empty() { Ok(()) } else { Err(SoakError::Violations(violations.len())) }
}

async fn play(args: &SoakArgs) -> Result<Record, SoakError> {
    let site = deploy::Site { venv: args.venv.clone(), ..deploy::Site::of_this_build()? };
    let stage = play::Stage::set(args.seed, args.fleets).await?;
    say(&format!("the simulated AWS is at {}; deploying template.yaml with sam", stage.endpoint));
    let deployment = deploy::deploy_local(&site, &stage.endpoint, &PARAMETERS).await?;
    say(&format!("deployed to {}; seed {}", deployment.endpoint(), args.seed));
    stage.play(&deployment, Duration::from_secs_f64(args.minutes * 60.0)).await
}

/// A line for people.
fn say(line: &str) {
    use io::Write as _;
    // Nobody reads standard output: the exit code still tells.
    let _ = writeln!(io::stdout(), "{line}");
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(minutes) if minutes > 0.0 && minutes <= 1_440.0 => Ok(minutes),
        _ => Err("a number of minutes above 0, and a day at the most".to_owned()),
    }
}
