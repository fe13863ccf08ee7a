//! `panda-stage`: the simulated AWS for people and for built functions.

use std::{error::Error, io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};
use panda_stage::{bench, demo, serve, simulate, simulate::scale, soak};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The simulated AWS on a stage.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

type Outcome = Result<ExitCode, Box<dyn Error>>;

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays scenarios against the simulated AWS and counts outages, moves, calls and broken laws
    Simulate(simulate::SimulateArgs),
    /// Plays one to a thousand fleets in one account under AWS's request limits
    Scale(scale::ScaleArgs),
    /// Serves the simulated AWS on localhost, and delivers its events to deployed functions
    Serve(serve::ServeArgs),
    /// Deploys the template locally, lets the panda kill, breaks the fleet and its deployments, and shows that the site comes back
    Demo(demo::DemoArgs),
    /// Deploys the template locally and plays faults, deaths and kill -9 for minutes; a judge says what must not have happened
    Soak(soak::SoakArgs),
    /// Measures the functions' release binaries, and holds the figures against their budgets
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        // Has threads and runtimes of its own.
        Command::Simulate(args) => simulate::run(&args),
        Command::Scale(args) => scale::run(&args),
        Command::Serve(args) => on_one_thread(async { serve::run(args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Demo(args) => on_one_thread(async { demo::run(args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Soak(args) => on_one_thread(async { soak::run(args).await.map(|()| ExitCode::SUCCESS) }),
        Command::Bench(args) => on_one_thread(bench::run(args)),
    };
    outcome.unwrap_or_else(|error| {
        // Nobody reads standard error: the exit code still tells.
        let _ = writeln!(std::io::stderr(), "panda-stage: {}", in_full(error.as_ref()));
        ExitCode::FAILURE
    })
}

/// One thread is enough: everything waits most of the time, and one thread keeps the order of what is printed.
fn on_one_thread<E: Error + 'static>(work: impl Future<Output = Result<ExitCode, E>>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work)?)
}

/// An error with everything that led to it.
fn in_full(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        source = cause.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn an_error_is_told_with_its_cause() {
        let cause = std::io::Error::other("address in use");
        let error = serve::ServeError::Port { port: 4570, source: cause };
        assert_eq!(in_full(&error), "cannot listen on 127.0.0.1:4570: address in use");
    }
}
