//! Cold start of launch-preflight.

use lambda_runtime::{Error, run, service_fn};
use launch_preflight::{App, Config, handle};
use panda_lambda::{env, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: a second thread would only cost its start
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config =
        Config::from_lookup(env::of_the_process).inspect_err(|error| tracing::error!("Could not start: {error}"))?;
    let app = App::new(config, &panda_aws::load());
    run(service_fn(async |event| handle(&app, event).await)).await
}
