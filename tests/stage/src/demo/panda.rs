//! How is the deployed panda spoken to, what does it answer, and what does it write down?

use std::sync::Arc;

use ::panda::journal::{Journal as _, JournalError, dynamo::DynamoJournal};
use aws_types::SdkConfig;
use panda_aws::Counter;
use panda_domain::chaos::{Experiment, Fault};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::serve::{
    delivery::CallError,
    endpoint::{Deployed, Function},
};

/// Its name in the template.
pub const PANDA: &str = "panda";

/// What the panda answers to a command, as far as the demo shows it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Answer {
    /// The outcome in a sentence.
    pub summary: String,
    /// What it says of each group.
    #[serde(default)]
    pub groups: Vec<GroupTold>,
    /// The experiments that were made, or asked for.
    #[serde(default)]
    pub experiments: Vec<Experiment>,
    /// What a person should know or mend.
    #[serde(default)]
    pub problems: Vec<String>,
}

/// An order to strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whom.
    pub fleet: &'static str,
    /// Why.
    pub reason: &'static str,
    /// How; without it one of the group's faults is drawn.
    pub fault: Option<Fault>,
    /// Whom of them; without it the panda chooses.
    pub victim: Option<String>,
}

/// What the panda says of a group.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct GroupTold {
    /// Its fleet.
    pub fleet: String,
    /// What becomes of it, for machines.
    pub code: String,
    /// The same for people.
    pub sentence: String,
    /// Every reason that spares it.
    #[serde(default)]
    pub reasons: Vec<ReasonTold>,
    /// The chance that this work day brings a kill.
    pub day_odds: Option<f64>,
}

/// A reason that spares a group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReasonTold {
    /// For machines.
    pub code: String,
    /// For people.
    pub sentence: String,
}

impl Order {
    fn command(&self) -> Value {
        let mut command = json!({"command": "kill", "fleet": self.fleet, "reason": self.reason});
        let named = [("fault", self.fault.map(Fault::name)), ("victim", self.victim.as_deref())];
        for (field, value) in named {
            if let (Some(value), Some(command)) = (value, command.as_object_mut()) {
                command.insert(field.to_owned(), value.into());
            }
        }
        command
    }
}

impl GroupTold {
    /// Whether a reason of this code spares it.
    #[must_use]
    pub fn is_spared_by(&self, code: &str) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }

    /// The codes of the reasons, or of what is done.
    #[must_use]
    pub fn codes(&self) -> Vec<String> {
        if self.reasons.is_empty() {
            return vec![self.code.clone()];
        }
        self.reasons.iter().map(|reason| reason.code.clone()).collect()
    }

    /// Every reason, or what is done.
    #[must_use]
    pub fn in_words(&self) -> String {
        if self.reasons.is_empty() {
            return self.sentence.clone();
        }
        self.reasons.iter().map(|reason| reason.sentence.as_str()).collect::<Vec<_>>().join("; ")
    }
}

/// The deployed panda.
#[derive(Debug, Clone)]
pub struct Panda {
    deployed: Deployed,
    function: String,
    journal: Arc<DynamoJournal>,
}

impl Panda {
    /// The panda that is deployed as `function` at the endpoint that `sdk` names; `None` if it was given no journal.
    #[must_use]
    pub fn new(deployed: Deployed, sdk: &SdkConfig, function: &Function) -> Option<Self> {
        let table = function.environment.get("JOURNAL_TABLE")?;
        let journal = Arc::new(DynamoJournal::new(sdk, Counter::default(), table, 1));
        Some(Self { deployed, function: function.name.clone(), journal })
    }

    /// The experiment of this fleet that is not over, as the journal holds it now.
    ///
    /// # Errors
    ///
    /// The journal does not answer, or is not understood.
    pub async fn open_experiment(&self, fleet: &str) -> Result<Option<Experiment>, JournalError> {
        let mut present = self.journal.now().await?;
        Ok(present.open.remove(fleet).map(|open| open.experiment))
    }

    /// What would a tick do?
    ///
    /// # Errors
    ///
    /// It could not be asked, or answered with an error.
    pub async fn preview(&self) -> Result<Answer, CallError> {
        self.ask(json!({"command": "preview"})).await
    }

    /// Strike now. The answer comes when the fleet has healed, or has not.
    ///
    /// # Errors
    ///
    /// It could not be asked, or answered with an error.
    pub async fn kill(&self, order: &Order) -> Result<Answer, CallError> {
        self.ask(order.command()).await
    }

    /// What was tried before?
    ///
    /// # Errors
    ///
    /// It could not be asked, or answered with an error.
    pub async fn history(&self) -> Result<Answer, CallError> {
        self.ask(json!({"command": "history"})).await
    }

    async fn ask(&self, command: Value) -> Result<Answer, CallError> {
        let answer = self.deployed.ask(&self.function, &command).await?;
        serde_json::from_value(answer).map_err(|error| CallError {
            operation: "Invoke",
            reason: format!("the answer is not the panda's: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    #[test]
    fn an_order_is_a_command_that_the_panda_understands() {
        let order = Order { fleet: "web", reason: "make demo", fault: None, victim: None };
        let exact =
            Order { fault: Some(Fault::StopAgent), victim: Some("i-0aaa000000000000a".into()), ..order.clone() };
        for order in [order, exact] {
            let read = panda_domain::chaos::Command::decode(&order.command());
            assert!(
                matches!(&read, Ok(panda_domain::chaos::Command::Kill(kill)) if kill.fault == order.fault),
                "{read:?}"
            );
        }
    }

    #[test]
    fn an_answer_is_read_with_every_reason() {
        let answer: Answer = serde_json::from_value(json!({
            "summary": "2 groups: dice 1, min-healthy 1", "command": "preview", "mode": "Unleashed", "reads": 7, "writes": 0, "duration_ms": 12,
            "codes": {"dice": 1},
            "groups": [{
                "group": "lone", "fleet": "lone", "code": "dice", "sentence": "the dice spared it", "day_odds": 0.2,
                "reasons": [{"code": "dice", "sentence": "the dice spared it"}, {"code": "min-healthy", "sentence": "1 must stay"}],
            }],
        }))
        .unwrap();
        let told = answer.groups.first().unwrap();
        assert!(told.is_spared_by("min-healthy") && !told.is_spared_by("policy-unreadable"));
        assert_eq!(told.codes(), ["dice", "min-healthy"]);
        assert_eq!(told.in_words(), "the dice spared it; 1 must stay");
    }
}
