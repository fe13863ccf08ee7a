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
};

/// Invocations of the run from which warm ones are counted.
const INVOCATIONS: u64 = 4;

/// How often each run is repeated. The least counts: under valgrind everything is fifty times slower, and on a busy machine a connection that
/// took too long is tried again.
const REPEATED: usize = 3;

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
/// When the function or valgrind does not do what it should.
pub async fn count(function: &Function, aws: &Aws, payload: &Value, folder: &Path) -> Result<Instructions, BenchError> {
    let ready = least(function, aws, payload, folder, 0).await?;
    let once = least(function, aws, payload, folder, 1).await?;
    let more = least(function, aws, payload, folder, INVOCATIONS).await?;
    Ok(between(ready, once, more))
}

async fn least(
    function: &Function,
    aws: &Aws,
    payload: &Value,
    folder: &Path,
    invocations: u64,
) -> Result<u64, BenchError> {
    let mut least = u64::MAX;
    for _ in 0..REPEATED {
        least = least.min(run(function, aws, payload, folder, invocations).await?);
    }
    Ok(least)
}

fn between(ready: u64, once: u64, more: u64) -> Instructions {
    Instructions { init: ready, first: once.saturating_sub(ready), warm: more.saturating_sub(once) / (INVOCATIONS - 1) }
}

async fn run(
    function: &Function,
    aws: &Aws,
    payload: &Value,
    folder: &Path,
    invocations: u64,
) -> Result<u64, BenchError> {
    let out = folder.join(format!("{}-{invocations}.callgrind", function.name));
    let valgrind = [
        "valgrind".to_owned(),
        "--quiet".to_owned(),
        "--tool=callgrind".to_owned(),
        format!("--callgrind-out-file={}", out.display()),
    ];
    let mut running = function.start(aws, &valgrind).await?;
    running.ready().await?;
    for _ in 0..invocations {
        running.invoke(payload).await?;
    }
    running.end().await?;
    let written = fs::read_to_string(&out).map_err(|source| BenchError::File { path: out.clone(), source })?;
    total(&written).ok_or(BenchError::Unreadable { what: "totals", path: out })
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
