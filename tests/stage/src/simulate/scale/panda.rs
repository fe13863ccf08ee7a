//! The panda as Lambda runs it beside the crowd: its handler over this world, its journal in memory.

use std::sync::Arc;

use aws_types::SdkConfig;
use lambda_runtime::LambdaEvent;
use panda::{App, Config, journal::memory::MemoryJournal};
use panda_aws::Aws;
use serde_json::Value;
use tokio::sync::Notify;

use crate::simulate::lambda::Function;

/// The panda's code, and what all its environments share.
pub(super) struct Panda {
    pub(super) config: Config,
    pub(super) journal: MemoryJournal,
}

impl Function for Panda {
    const NAME: &'static str = "panda";
    type App = App<MemoryJournal>;

    fn start(&self, _: &str, sdk: &SdkConfig, _: &Arc<Notify>) -> Self::App {
        App::new(self.config.clone(), sdk, Aws::new(sdk), self.journal.clone())
    }

    async fn handle(app: &Self::App, event: LambdaEvent<Value>) -> Result<String, String> {
        panda::handle(app, event).await.map(|outcome| outcome.summary).map_err(|error| error.to_string())
    }
}
