//! Cold start of deployment-recovery.

use std::time::SystemTime;

use deployment_recovery::{App, Config, handle, report};
use lambda_runtime::{Error, run, service_fn};
use panda_lambda::{env, telemetry};

#[tokio::main(flavor = "current_thread")] // one invocation at a time: a second thread would only cost its start
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config =
        Config::from_lookup(env::of_the_process).inspect_err(|error| tracing::error!("Could not start: {error}"))?;
    let app = App::deployed(config, &panda_aws::load());
    app.open().await;
    run(service_fn(async |event| {
        let result = handle(&app, event).await;
        report(&result, SystemTime::now());
        result
    }))
    .await
}
