//! `panda-stage demo`: the deployed functions against the simulated AWS, and a real site that must stay reachable and up to date. One
//! of them kills, the others save.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::mpsc as thread_mpsc,
    time::Duration,
};

use jiff::Timestamp;

use crate::deploy;

pub mod acts;
pub mod chronicle;
mod comparison;
mod error;
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
pub mod recovery;
pub mod report;
pub mod site;
pub mod summary;
pub mod terminal;
pub mod words;

pub use error::DemoError;
use record::{Comparison, Record};
use terminal::{Line, Terminal};

/// The function that keeps the address.
const FUNCTION: &str = "elastic-ip-failover";

/// Seeds of the simulated runs in the report: few, so that they are done while the demo plays.
const COMPARED_SEEDS: u64 = 40;

/// What the demo sets in the template: the panda may kill, only when it is told to, and a fleet that heals in seconds here
/// need not be watched for ten minutes when it does not.
const PARAMETERS: [(&str, &str); 4] = [
    ("PandaMode", "Unleashed"),
    ("PandaScheduleState", "DISABLED"),
    ("PandaHealSeconds", "120"),
    ("PandaMinInstanceAgeMinutes", "0"),
];

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
    let stage = play::Stage::set(&site, args.seed).await?;
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
    for push in &summary.pushes {
        let tried = if push.attempts > 1 { "its stage tried again" } else { "nothing tried again" };
        let (page, status) = (&push.page, push.status.to_lowercase());
        let told = push
            .told_after_seconds
            .map_or_else(String::new, |after| format!(", people told {after:.1} s after its failure"));
        terminal.print(&Line::aside(format!("  {page:<14} {status}, {tried}{told}")));
    }
    terminal.print(&Line::aside(format!("report: {}", report.display())));
}
