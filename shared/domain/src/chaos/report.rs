//! What is said of every group that was seen?

use jiff::Timestamp;
use serde::Serialize;

use super::{ChaosPlan, Decision, Fault, Outlook, Reason, Surveyed};
use crate::ids::{FleetName, GroupName, InstanceId};

/// What is said of a group: a code for machines, a sentence for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupVerdict {
    /// The group.
    pub group: GroupName,
    /// Its fleet.
    pub fleet: FleetName,
    /// `strike`, `strike-leashed`, `fallen` (the dice fell, and nobody looked closer yet), or the code of the first reason.
    pub code: &'static str,
    /// The same in words.
    pub sentence: String,
    /// Every reason that spares it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Told>,
    /// The slot that was thrown for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<i64>,
    /// What was thrown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thrown: Option<f64>,
    /// The chance of this slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot_odds: Option<f64>,
    /// The chance of this work day, or of the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day_odds: Option<f64>,
    /// Until when the window is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
    /// When the next window opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_opening: Option<Timestamp>,
    /// From when the minimum between kills allows the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Who is hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub victims: Vec<InstanceId>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Who may be hit, as far as anybody looked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub eligible: Vec<InstanceId>,
}

/// A reason, said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// For machines.
    pub code: &'static str,
    /// For people.
    pub sentence: String,
}

impl From<&Reason> for Told {
    fn from(reason: &Reason) -> Self {
        Self { code: reason.code(), sentence: reason.to_string() }
    }
}

impl Surveyed {
    /// What is said of the group after a cheap look.
    #[must_use]
    pub fn verdict(&self) -> GroupVerdict {
        let reasons: Vec<Told> = self.reasons.iter().map(Told::from).collect();
        let first = reasons.first().cloned();
        let first = first.unwrap_or_else(|| Told { code: "fallen", sentence: "nothing spares it so far".to_owned() });
        let outlook = self.outlook.as_ref();
        let time = |which: fn(&Outlook) -> Option<Timestamp>| outlook.and_then(which);
        GroupVerdict {
            group: self.group.clone(),
            fleet: self.fleet.clone(),
            code: first.code,
            sentence: first.sentence,
            reasons,
            slot: self.draw.map(|draw| draw.slot),
            thrown: self.draw.map(|draw| draw.thrown),
            slot_odds: outlook.and_then(|outlook| outlook.slot_odds),
            day_odds: outlook.map(|outlook| outlook.day_odds),
            open_until: time(|outlook| outlook.open_until),
            next_opening: time(|outlook| outlook.next_opening),
            not_before: time(|outlook| outlook.not_before),
            victims: Vec::new(),
            fault: None,
            eligible: Vec::new(),
        }
    }
}

impl ChaosPlan {
    /// What is said of the group after a close look.
    #[must_use]
    pub fn verdict(&self) -> GroupVerdict {
        let mut verdict = self.surveyed.verdict();
        verdict.eligible = self
            .members
            .iter()
            .filter(|(_, eligible)| eligible.is_ok())
            .map(|(instance, _)| instance.clone())
            .collect();
        if let Decision::Strike(strike) = &self.decision {
            let experiment = &strike.experiment;
            verdict.victims = experiment.victims.iter().map(|victim| victim.instance.clone()).collect();
            verdict.fault = Some(experiment.fault);
            let whom = verdict.victims.iter().map(InstanceId::as_str).collect::<Vec<_>>().join(", ");
            (verdict.code, verdict.sentence) = if experiment.leashed {
                ("strike-leashed", format!("would be hit ({}: {whom}), were the panda not leashed", experiment.fault))
            } else {
                ("strike", format!("is hit ({}: {whom})", experiment.fault))
            };
        }
        verdict
    }
}
