//! `panda-stage`: the simulated AWS for people and for built functions.

use std::{error::Error, io::Write as _, process::ExitCode};

use clap::{Parser, Subcommand};
use panda_stage::{demo, serve};

/// The simulated AWS on a stage.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the simulated AWS on localhost, and delivers its events to deployed functions
    Serve(serve::ServeArgs),
    /// Deploys the template locally, breaks a fleet four times, and shows that the site stays reachable
    Demo(demo::DemoArgs),
}

/// One thread is enough: everything waits most of the time, and one thread keeps the order of what is printed.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome: Result<(), Box<dyn Error>> = match CommandLine::parse().command {
        Command::Serve(args) => serve::run(args).await.map_err(Into::into),
        Command::Demo(args) => demo::run(args).await.map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "panda-stage: {}", in_full(error.as_ref()));
            ExitCode::FAILURE
        }
    }
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
