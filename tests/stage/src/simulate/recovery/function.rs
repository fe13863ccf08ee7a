//! deployment-recovery as Lambda runs it: its handler over this world and this book.

use std::sync::Arc;

use aws_types::SdkConfig;
use deployment_recovery::{App, Config};
use lambda_runtime::LambdaEvent;
use panda_aws::Aws;
use serde_json::Value;
use tokio::sync::Notify;

use super::book::{Book, Line};
use crate::simulate::lambda::Function;

/// The function's code, and what it is configured with.
pub(super) struct Recovery {
    pub(super) config: Config,
    pub(super) book: Book,
}

impl Function for Recovery {
    const NAME: &'static str = deployment_recovery::FUNCTION;
    type App = App<Line>;

    fn start(&self, name: &str, sdk: &SdkConfig, death: &Arc<Notify>) -> Self::App {
        App::new(self.config.clone(), sdk, Aws::new(sdk), self.book.line(name, death))
    }

    async fn handle(app: &Self::App, event: LambdaEvent<Value>) -> Result<String, String> {
        let text = |outcome| serde_json::to_string(outcome).unwrap_or_else(|error| error.to_string());
        match deployment_recovery::handle(app, event).await {
            Ok(outcome) => Ok(text(&outcome)),
            Err(error) => Err(format!("{error}: {}", error.outcome().map(text).unwrap_or_default())),
        }
    }
}
