//! How many instructions does a function take, to its first `next` and for an invocation?
//!
//! Valgrind counts whole runs: one that ends when it is ready, one that ends after an invocation, one after more. What lies between two of
//! them is their difference. The counts repeat to about a hundredth (hash seeds, and how many events a wake-up brings), where times on a
//! shared machine do not.

use std::{fs, path::Path, process::Stdio};

use serde_json::Value;
use tokio::process::Command;

use super::{
    BenchError,
    function::{Aws, Function},
    region::Region,
};

/// Invocations of the run from which warm ones are counted.
const INVOCATIONS: u64 = 4;

/// How often each run is repeated. The least counts.
const REPEATED: usize = 3;

/// How many runs may be void before the machine is said to be too busy.
const MOST_VOID: usize = 9;

/// Counts of one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instructions {
    /// From exec to its first `next`.
    pub init: u64,
    /// The first invocation.
    pub first: u64,
    /// A later one.
    pub warm: u64,
}

/// A function at its job, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The function.
    pub function: &'a Function,
    /// Its surroundings.
    pub aws: &'a Aws,
    /// The simulated AWS that is meant by them.
    pub region: &'a Region,
    /// What it is asked.
    pub payload: &'a Value,
}

/// Whether valgrind is there.
///
/// # Errors
/// [`BenchError::NoValgrind`] says how to get it.
pub async fn is_there() -> Result<(), BenchError> {
    let asked = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    if asked.is_ok_and(|status| status.success()) { Ok(()) } else { Err(BenchError::NoValgrind) }
}

/// Counts.
///
/// # Errors
/// When the function or valgrind does not do what it should, or the machine has too much else to do.
pub async fn count(counted: Counted<'_>, folder: &Path) -> Result<Instructions, BenchError> {
    let ready = least(counted, folder, 0).await?;
    let once = least(counted, folder, 1).await?;
    let more = least(counted, folder, INVOCATIONS).await?;
    Ok(between(ready, once, more))
}

/// The least of several runs.
///
/// Under valgrind everything is fifty times slower. On a busy machine a connection may then take longer than a function waits for it, and is
/// opened again, which costs what it never costs otherwise: such a run is void. What it takes is known from runs without valgrind.
async fn least(counted: Counted<'_>, folder: &Path, invocations: u64) -> Result<u64, BenchError> {
    let mut handshakes = usize::MAX;
    for _ in 0..REPEATED {
        let before = counted.region.handshakes();
        run(counted, &[], invocations).await?;
        handshakes = handshakes.min(counted.region.handshakes() - before);
    }
    let (mut counts, mut void) = (Vec::new(), 0);
    while counts.len() < REPEATED {
        let before = counted.region.handshakes();
        let count = instructions(counted, folder, invocations).await?;
        if counted.region.handshakes() - before <= handshakes {
            counts.push(count);
        } else if void < MOST_VOID {
            void += 1;
        } else {
            return Err(BenchError::TooBusy { function: counted.function.name.to_owned() });
        }
    }
    counts.into_iter().min().ok_or(BenchError::TooBusy { function: counted.function.name.to_owned() })
}

fn between(ready: u64, once: u64, more: u64) -> Instructions {
    Instructions { init: ready, first: once.saturating_sub(ready), warm: more.saturating_sub(once) / (INVOCATIONS - 1) }
}

async fn instructions(counted: Counted<'_>, folder: &Path, invocations: u64) -> Result<u64, BenchError> {
    let out = folder.join(format!("{}-{invocations}.callgrind", counted.function.name));
    let valgrind = [
        "valgrind".to_owned(),
        "--quiet".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", out.display()),
    ];
    run(counted, &valgrind, invocations).await?;
    let written = fs::read_to_string(&out).map_err(|source| BenchError::File { path: out.clone(), source })?;
    total(&written).ok_or(BenchError::Unreadable { what: "totals", path: out })
}

async fn run(counted: Counted<'_>, under: &[String], invocations: u64) -> Result<(), BenchError> {
    let mut running = counted.function.start(counted.aws, under).await?;
    running.ready().await?;
    for _ in 0..invocations {
        running.invoke(counted.payload).await?;
    }
    running.end().await?;
    Ok(())
}

fn total(written: &str) -> Option<u64> {
    let totals = written.lines().rev().find_map(|line| line.strip_prefix("totals: "))?;
    totals.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_read_from_the_end_of_what_valgrind_wrote() {
        assert_eq!(total("version: 1\nevents: Ir\nfn=(1) main\n16 400\n\ntotals: 4210437\n"), Some(4_210_437));
        assert_eq!(total("version: 1\nevents: Ir\n"), None);
    }

    #[test]
    fn an_invocation_is_the_difference_of_two_runs() {
        let counted = between(2_000_000, 5_000_000, 8_600_000);
        assert_eq!(counted, Instructions { init: 2_000_000, first: 3_000_000, warm: 1_200_000 });
    }
}
