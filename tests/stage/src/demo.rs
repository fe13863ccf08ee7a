//! `panda-stage demo`: the deployed functions against the simulated AWS, and a real site that must stay reachable. One of them
//! kills, the other one saves.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::mpsc as thread_mpsc,
    time::Duration,
};

use ::panda::journal::JournalError;
use jiff::Timestamp;

use crate::{
    deploy::{self, DeployError},
    serve::delivery::CallError,
};

pub mod acts;
pub mod chronicle;
mod comparison;
#[cfg(test)]
mod fixture;
pub mod fleets;
pub mod forwarder;
pub mod http;
pub mod letters;
pub mod logs;
pub mod outage;
pub mod panda;
mod play;
pub mod prober;
pub mod record;
pub mod report;
pub mod site;
pub mod summary;
pub mod terminal;
pub mod words;

use record::{Comparison, Record};
use terminal::{Line, Terminal};

/// The function that keeps the address.
const FUNCTION: &str = "elastic-ip-failover";

/// Seeds of the simulated runs in the report: few, so that they are done while the demo plays.
const COMPARED_SEEDS: u64 = 40;

/// What the demo sets in the template: the panda may kill, only when it is told to, and a fleet that heals in seconds here
/// need not be watched for ten minutes when it does not.
const PARAMETERS: [(&str, &str); 3] =
    [("PandaMode", "Unleashed"), ("PandaScheduleState", "DISABLED"), ("PandaHealSeconds", "60")];

/// How to play.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// The Python tools, as `make tools` installs them.
    #[arg(long, default_value = ".venv")]
    venv: PathBuf,
    /// Where `report.html` and `summary.json` go.
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    /// Where all chance of the simulated AWS comes from.
    #[arg(long, default_value_t = 7)]
    seed: u64,
}

/// Why the demo did not come to its happy end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The template could not be deployed.
    #[error("the template could not be deployed")]
    Deploy(#[from] DeployError),
    /// Something on the loopback network failed.
    #[error("the loopback network does not work")]
    Loopback(#[from] io::Error),
    /// The endpoint does not answer.
    #[error("the endpoint does not list the deployed rules")]
    Rules(#[source] CallError),
    /// Nothing would wake the function.
    #[error("the deployment has no rule with an event pattern: nothing would wake the function")]
    NoRules,
    /// The function is not among those that the rules invoke.
    #[error("no deployed rule invokes {FUNCTION}")]
    NoFunction,
    /// The function does not work at all.
    #[error("the deployed function fails its first sweep")]
    Function(#[source] CallError),
    /// The functions could not be listed.
    #[error("the endpoint does not list the deployed functions")]
    Functions(#[source] CallError),
    /// A function is not among them, or not whole.
    #[error("no deployed function is {name}, or it lacks its topic or its journal")]
    Incomplete {
        /// Which.
        name: &'static str,
    },
    /// Nobody would read what the panda tells people.
    #[error("nobody can be subscribed to the panda's topic")]
    NoTopic(#[source] io::Error),
    /// The panda does not answer.
    #[error("the deployed panda fails at `{command}`")]
    Panda {
        /// What it was told.
        command: &'static str,
        /// Why.
        source: CallError,
    },
    /// The panda had reasons not to kill.
    #[error("the panda did not strike {fleet}: {why}")]
    NotStruck {
        /// Whom it was told to hit.
        fleet: &'static str,
        /// In its words.
        why: String,
    },
    /// The journal could not be read.
    #[error("the panda's journal cannot be read")]
    Journal(#[source] JournalError),
    /// The panda killed without a record.
    #[error("{victim} died, and the panda's journal did not hold the intention")]
    NotWrittenDown {
        /// Who died.
        victim: String,
    },
    /// The panda hit somebody else than it was told by the tags.
    #[error("the panda was to hit {holder}, which holds the address, and hit {victim}")]
    NotTheHolder {
        /// Whom it was to hit.
        holder: String,
        /// Whom it hit.
        victim: String,
    },
    /// The panda did not spare a fleet, or not for the right reason.
    #[error("the panda was to spare {fleet} by `{code}`, and said: {said}")]
    NotSpared {
        /// Which.
        fleet: &'static str,
        /// The code of the reason that it should have found.
        code: &'static str,
        /// What it said.
        said: String,
    },
    /// The fleet is whole, and the panda says something else.
    #[error("the fleet is whole again, and the panda says of its experiment: {said}")]
    Misjudged {
        /// What.
        said: String,
    },
    /// People did not hear of the experiment.
    #[error("people were to be told before the kill and after it, and heard {heard} messages")]
    Untold {
        /// How many came.
        heard: usize,
    },
    /// The experiment is not in the journal.
    #[error("the panda's history does not hold its experiment: {said}")]
    Forgotten {
        /// What it holds.
        said: String,
    },
    /// The site never answered.
    #[error("the site did not answer before the first act")]
    NoSite,
    /// An act is not possible.
    #[error("the act `{act}` was refused")]
    Act {
        /// Which.
        act: &'static str,
        /// Why.
        source: panda_world::ActError,
    },
    /// No rule delivered an event after an act.
    #[error("after the act `{act}` no deployed rule called the function")]
    NeverCalled {
        /// Which.
        act: &'static str,
    },
    /// The function was called and the address stayed.
    #[error("after the act `{act}` the function was called, but the address did not move in {seconds} s")]
    NeverMoved {
        /// Which.
        act: &'static str,
        /// How long the demo waited.
        seconds: u64,
    },
    /// The address moved, and still the fleet is not whole.
    #[error("after the act `{act}` the address moved, but the fleet was not whole again in {seconds} s")]
    NotHealed {
        /// Which.
        act: &'static str,
        /// How long the demo waited.
        seconds: u64,
    },
    /// The site ended without an answer.
    #[error("the fleet is whole again, but the site does not answer")]
    SiteSilent,
    /// A file could not be written.
    #[error("cannot write {path}")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Ctrl-C, or the end of the session.
    #[error("interrupted; everything that was started has been ended")]
    Interrupted,
}

/// Plays, and ends by itself.
///
/// # Errors
///
/// What did not work, in a sentence. Whatever was started has been ended by then; if the site had been asked at all, the
/// report of what was seen has been written.
pub async fn run(args: DemoArgs) -> Result<(), DemoError> {
    // Dropping the play ends every task and every child of it.
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        played = play_and_report(&args) => played,
        _ = tokio::signal::ctrl_c() => Err(DemoError::Interrupted),
        _ = hangup.recv() => Err(DemoError::Interrupted),
    }
}

async fn play_and_report(args: &DemoArgs) -> Result<(), DemoError> {
    let terminal = Terminal::stdout();
    let site = deploy::Site { venv: args.venv.clone(), ..deploy::Site::of_this_build()? };
    // Said at once, not after a minute of other work.
    site.tool("ministack")?;
    site.tool("sam")?;

    let comparisons = compare(&site, args.seed);
    let stage = play::Stage::set(args.seed).await?;
    terminal.print(&Line::aside(format!("the simulated EC2 and Auto Scaling are at {}", stage.endpoint)));
    terminal.print(&Line::aside("starting ministack, deploying template.yaml with sam (about 15 s)"));
    let deployment = deploy::deploy_local(&site, &stage.endpoint, &PARAMETERS).await?;
    terminal.print(&Line::aside(format!("deployed to {}", deployment.endpoint())));

    let (mut record, played) = stage.play(&deployment, terminal).await?;
    record.played = Timestamp::now().strftime("%-d %B %Y, %H:%M UTC").to_string();
    drop(deployment);
    let patience = if played.is_ok() { Duration::from_secs(30) } else { Duration::ZERO };
    record.comparisons = comparisons.recv_timeout(patience).unwrap_or_default();
    let report = write(&args.out, &record)?;
    conclude(&record, &report, terminal);
    played
}

/// Plays the simulation on a thread of its own, while `sam` and the demo mostly wait.
fn compare(site: &deploy::Site, seed: u64) -> thread_mpsc::Receiver<BTreeMap<String, Comparison>> {
    let (compared, comparisons) = thread_mpsc::channel();
    let template = site.root.join("template.yaml");
    std::thread::spawn(move || {
        let scenarios = acts::SCENES.map(|scene| scene.scenario);
        if let Ok(simulated) = comparison::compare(&template, &scenarios, seed, COMPARED_SEEDS) {
            // Nobody waits for it when the demo has failed.
            let _ = compared.send(simulated);
        }
    });
    comparisons
}

fn write(out: &Path, record: &Record) -> Result<PathBuf, DemoError> {
    let put = |name: &str, text: String| {
        let path = out.join(name);
        let written = std::fs::create_dir_all(out).and_then(|()| std::fs::write(&path, text));
        written.map(|()| path.clone()).map_err(|source| DemoError::Write { path, source })
    };
    let summary = serde_json::to_string_pretty(&summary::summarise(record)).map_err(io::Error::from)?;
    put("summary.json", summary + "\n")?;
    put("report.html", report::page(record))
}

fn conclude(record: &Record, report: &Path, terminal: Terminal) {
    let summary = summary::summarise(record);
    terminal.print(&Line::aside(""));
    terminal.print(&Line::aside(format!("{} requests, {} without an answer", summary.requests, summary.failed)));
    for told in &record.hunt.spared {
        terminal.print(&Line::aside(format!("  {:<14} spared: {}", told.fleet, told.in_words())));
    }
    if let Some(experiment) = &summary.experiment {
        let of = |seconds: Option<u64>| seconds.map_or_else(|| "?".to_owned(), |seconds| format!("{seconds} s"));
        let (healed, silent) = (of(experiment.heal_seconds), of(experiment.outage_seconds));
        let (fleet, verdict) = (&record.fleet, &experiment.verdict);
        let line = format!("  {fleet:<14} {verdict}: whole again after {healed}, silent for {silent}, by the panda");
        terminal.print(&Line::aside(line));
    }
    for (outage, act) in summary.outages.iter().zip(&record.acts) {
        let simulated = record.comparisons.get(act.scenario).map_or_else(String::new, |comparison| {
            let (ours, theirs) = (report::seconds(comparison.ours.p50), report::seconds(comparison.boot_steal.p50));
            format!("   simulated at AWS's pace {ours}, with the user-data script {theirs} (p50)")
        });
        terminal.print(&Line::aside(format!("  {:<14} {:>5.1} s{simulated}", outage.cause, outage.seconds)));
    }
    terminal.print(&Line::aside(format!("report: {}", report.display())));
}
