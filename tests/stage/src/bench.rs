//! `panda-stage bench`: what does each function cost, and is that within what was promised?
//!
//! The release binaries run as on Lambda, under a small Runtime API of ours, against the world on loopback. A function that does nothing is
//! measured beside them: what a figure is more than its figure is ours, the rest is Lambda's runtime.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use jiff::Timestamp;

pub mod budget;
pub mod callgrind;
pub mod certificate;
pub mod function;
pub mod jobs;
pub mod moto;
pub mod region;
pub mod report;
pub mod rounds;
pub mod run;
pub mod runtime_api;
pub mod size;
pub mod table;

use certificate::{CertificateError, Identity};
use function::Function;
use moto::Moto;
use report::Report;
use run::Bench;
use runtime_api::RuntimeError;

use crate::{
    deploy::{DeployError, Site},
    simulate::{Deployment, TemplateError},
};

/// What to measure.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// The folder with the release binaries.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// The Python tools, as `make tools` installs them; moto plays `DynamoDB`.
    #[arg(long, default_value = ".venv")]
    venv: PathBuf,
    /// Where the report goes, as JSON.
    #[arg(long, default_value = "target/bench/report.json")]
    out: PathBuf,
    /// Runs of which times are the median.
    #[arg(long, default_value_t = 21)]
    runs: usize,
    /// Only these functions; nothing is held against a budget then.
    #[arg(long = "function")]
    functions: Vec<String>,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Valgrind is not installed.
    #[error(
        "valgrind is missing, which counts the instructions: `apt-get install valgrind`, or `dnf install valgrind`"
    )]
    NoValgrind,
    /// A function is not built.
    #[error("{path} is not built: run `make bench`, which builds it", path = path.display())]
    NotBuilt {
        /// Where it should be.
        path: PathBuf,
    },
    /// A program could not be started.
    #[error("cannot run {path}", path = path.display())]
    Start {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be used.
    #[error("cannot use {path}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("no {what} in {path}", path = path.display())]
    Unreadable {
        /// What it should hold.
        what: &'static str,
        /// Which.
        path: PathBuf,
    },
    /// A function does not do what Lambda wants.
    #[error("{0}")]
    Runtime(#[from] RuntimeError),
    /// A function was told to end and did not.
    #[error("a function does not end when it is told to")]
    DoesNotEnd,
    /// Under valgrind a function did not connect in time, again and again.
    #[error(
        "cannot count {function}: the machine is so busy that its connections are not open in time. Try again when it has less to do"
    )]
    TooBusy {
        /// Which function.
        function: String,
    },
    /// The world does not let happen what a job is about.
    #[error("nothing happens for the job `{0}`")]
    NothingHappens(&'static str),
    /// A job ended without the call that it is about.
    #[error("the job `{job}` ended without {call}")]
    NotDone {
        /// Which job.
        job: &'static str,
        /// Which call.
        call: &'static str,
    },
    /// Moto does not play `DynamoDB`.
    #[error("moto does not play DynamoDB: {0}")]
    Moto(String),
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The template does not say what a function gets.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A tool is missing.
    #[error(transparent)]
    Tool(#[from] DeployError),
    /// Something could not be listened on or printed.
    #[error("cannot use the terminal or the network of this machine")]
    Machine(#[from] io::Error),
}

/// Measures, writes the report, and prints it.
///
/// # Errors
/// When something is missing or does not work. A broken budget is no error, but the exit code of failure.
pub async fn run(args: BenchArgs) -> Result<ExitCode, BenchError> {
    callgrind::is_there().await?;
    let site = Site { venv: args.venv.clone(), ..Site::of_this_build()? };
    let folder = tempfile::tempdir()?;
    let [root, middle, leaf] = rsa_keys(&site.tool("python")?).await?;
    let identity = Identity::rsa([&root, &middle, &leaf])?;
    let roots = folder.path().join("roots.pem");
    // As many roots as the functions have of their own, and the one that these endpoints need.
    let trusted = format!("{}{}", panda_aws::AMAZON_ROOTS, identity.root);
    fs::write(&roots, trusted).map_err(|source| BenchError::File { path: roots.clone(), source })?;
    let (journal, cases) = (variable("panda", "JOURNAL_TABLE")?, variable("deployment-recovery", "CASES_TABLE")?);
    let tables: [(&str, &[&str]); 2] = [(&journal, &["pk", "sk"]), (&cases, &["pk"])];
    let moto = Moto::start(&site.tool("moto_server")?, &tables).await?;
    let bench =
        Bench { runs: args.runs, moto: moto.address, identity: &identity, roots: &roots, folder: folder.path() };
    let report = measure(&bench, &args).await?;
    write(&report, &args.out)?;
    let mut out = io::stdout();
    write!(out, "{}", table::print(&report))?;
    writeln!(out, "\nThe report is in {}.", args.out.display())?;
    let broken = report.budgets.iter().filter(|budget| !budget.holds).count();
    if broken > 0 {
        writeln!(out, "{broken} of {} budgets are broken.", report.budgets.len())?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(bench: &Bench<'_>, args: &BenchArgs) -> Result<Report, BenchError> {
    let wanted = |name: &str| args.functions.is_empty() || args.functions.iter().any(|wanted| wanted == name);
    // All of them are there before the first is measured.
    let mut functions = Vec::new();
    for (name, job, payload) in jobs::REPEATABLE {
        if name == jobs::HELLO || wanted(name) {
            functions.push((built(name, &args.binaries)?, job, payload));
        }
    }
    let mut measured = Vec::new();
    for (function, job, payload) in &functions {
        say(format_args!("{}: {job}", function.name));
        measured.push(bench.measure(function, job, &payload()).await?);
    }
    let mut jobs = Vec::new();
    for job in jobs::JOBS {
        if let Some((function, ..)) = functions.iter().find(|(function, ..)| function.name == job.function) {
            say(format_args!("{}: calls of {}", function.name, job.name));
            jobs.push(bench.trace(function, &job).await?);
        }
    }
    let floor = measured.first().cloned();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut report = Report {
        measured: Timestamp::now().to_string(),
        machine: format!("{}, {processors} processors", std::env::consts::ARCH),
        runs: args.runs,
        functions: floor.iter().flat_map(|floor| measured.iter().map(|report| report.beside(floor))).collect(),
        jobs,
        budgets: Vec::new(),
    };
    if args.functions.is_empty() {
        report.budgets = budget::check(&report);
    }
    Ok(report)
}

/// Three RSA keys of the length that AWS's have, as PEM.
async fn rsa_keys(python: &Path) -> Result<[String; 3], BenchError> {
    const SCRIPT: &str = "
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
for _ in range(3):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    print(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(), end='')
";
    let end = "-----END PRIVATE KEY-----\n";
    let output = tokio::process::Command::new(python).args(["-c", SCRIPT]).output().await;
    let output = output.map_err(|source| BenchError::Start { path: python.to_owned(), source })?;
    let keys = String::from_utf8_lossy(&output.stdout).into_owned();
    let keys: Vec<String> = keys.split_inclusive(end).map(str::to_owned).collect();
    keys.try_into().map_err(|_| BenchError::Unreadable { what: "three keys", path: python.to_owned() })
}

fn say(what: std::fmt::Arguments<'_>) {
    // Nobody reads standard error: the report is the same.
    let _ = writeln!(io::stderr(), "{what}");
}

/// A function as it was built, with what the template gives it. The floor is in no template.
fn built(name: &'static str, binaries: &Path) -> Result<Function, BenchError> {
    let binary = std::path::absolute(binaries)?.join(name);
    if !binary.is_file() {
        return Err(BenchError::NotBuilt { path: binary });
    }
    if name == jobs::HELLO {
        let time = std::time::Duration::from_mins(1);
        return Ok(Function {
            name,
            binary,
            environment: [("RUST_BACKTRACE".to_owned(), "1".to_owned())].into(),
            time,
        });
    }
    let deployment = Deployment::of(&Deployment::template(), name)?;
    Ok(Function { name, binary, environment: deployment.environment, time: deployment.timeout })
}

/// A variable that the template gives a function.
fn variable(function: &str, name: &str) -> Result<String, BenchError> {
    let deployment = Deployment::of(&Deployment::template(), function)?;
    Ok(deployment.environment.get(name).cloned().unwrap_or_default())
}

fn write(report: &Report, path: &Path) -> Result<(), BenchError> {
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    let written = fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).and_then(|()| fs::write(path, text));
    written.map_err(|source| BenchError::File { path: path.to_owned(), source })
}
