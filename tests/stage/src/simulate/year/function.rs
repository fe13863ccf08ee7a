//! The panda as Lambda runs it in a year: its handler over this world and this journal.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use panda::{App, Config};
use panda_aws::Aws;
use serde_json::Value;
use tokio::sync::Notify;

use super::{
    figures::Figures,
    ledger::{Ledger, Line},
    mischief::{Haunted, Mischief},
};
use crate::simulate::{cloud::Cloud, lambda::Function};

/// An invocation that begins.
#[derive(Debug, Clone)]
pub(super) struct Began {
    pub(super) at: Timestamp,
    pub(super) environment: String,
    /// The event's own id, the same whenever it comes again.
    pub(super) event: String,
    pub(super) command: String,
    /// What was deployed when its environment was started.
    pub(super) mode: String,
}

/// The panda's code, and what it is configured with.
pub(super) struct Panda {
    pub(super) cloud: Cloud,
    pub(super) ledger: Ledger,
    pub(super) mischief: Mischief,
    pub(super) config: RefCell<Config>,
    pub(super) began: Rc<RefCell<Vec<Began>>>,
    pub(super) figures: Rc<RefCell<Figures>>,
}

/// An environment of it.
pub(super) struct Started {
    app: App<Line>,
    name: String,
    mode: String,
    cloud: Cloud,
    began: Rc<RefCell<Vec<Began>>>,
    figures: Rc<RefCell<Figures>>,
}

impl Function for Panda {
    const NAME: &'static str = "panda";
    type App = Started;

    fn start(&self, name: &str, sdk: &SdkConfig, death: &Arc<Notify>) -> Started {
        let config = self.config.borrow().clone();
        let sdk = match sdk.http_client() {
            Some(inner) => {
                let (mischief, death) = (self.mischief.clone(), Arc::clone(death));
                let haunted = Haunted { inner, mischief, death };
                sdk.clone().into_builder().http_client(SharedHttpClient::new(haunted)).build()
            }
            None => sdk.clone(),
        };
        Started {
            mode: config.settings.mode.to_string(),
            app: App::new(config, &sdk, Aws::new(&sdk), self.ledger.line(name, death, &self.mischief)),
            name: name.to_owned(),
            cloud: self.cloud.clone(),
            began: Rc::clone(&self.began),
            figures: Rc::clone(&self.figures),
        }
    }

    async fn handle(started: &Started, event: LambdaEvent<Value>) -> Result<String, String> {
        let command = event.payload.get("command").and_then(Value::as_str).unwrap_or_default().to_owned();
        started.began.borrow_mut().push(Began {
            at: started.cloud.now(),
            environment: started.name.clone(),
            event: event.context.request_id.clone(),
            command: command.clone(),
            mode: started.mode.clone(),
        });
        let result = panda::handle(&started.app, event).await;
        match result {
            Ok(outcome) => {
                started.figures.borrow_mut().tick(&command, &outcome);
                Ok(format!("{command}: {}", outcome.summary))
            }
            Err(error) => {
                let mut words = error.to_string();
                if let Some(outcome) = error.outcome() {
                    started.figures.borrow_mut().tick(&command, outcome);
                    words.push_str(&outcome.problems.join("; "));
                }
                Err(words)
            }
        }
    }
}

impl Figures {
    /// Counts what a tick said.
    fn tick(&mut self, command: &str, outcome: &panda::Outcome) {
        if command != "tick" {
            return;
        }
        let mut fallen = false;
        for group in &outcome.groups {
            let fell = group.thrown.zip(group.slot_odds).is_some_and(|(thrown, odds)| thrown < odds);
            fallen |= fell;
            if matches!(group.code, "strike" | "strike-leashed" | "fallen") {
                continue;
            }
            *self.spared.entry(group.code).or_default() += 1;
            if fell {
                *self.spared_late.entry(group.code).or_default() += 1;
            }
        }
        let sum = if outcome.experiments.is_empty() && !fallen {
            &mut self.quiet
        } else if outcome.groups.iter().any(|group| group.code == "strike") {
            &mut self.striking
        } else {
            return;
        };
        sum.0 += 1;
        sum.1 += u64::from(outcome.reads);
    }
}

/// What Lambda counts as failed, in one word each.
pub(super) fn failures(figures: &mut Figures, words: &str) {
    let word = words.split([':', '"']).next().unwrap_or_default().trim().to_owned();
    let failed: &mut BTreeMap<String, u64> = &mut figures.failed;
    *failed.entry(word).or_default() += 1;
}
