//! What became of an experiment?

use jiff::{SignedDuration, Timestamp};

use super::{AddressMove, Experiment, Observation, Outcome, Unhealed, Verdict};
use crate::ids::InstanceId;

/// How an experiment ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending<'a> {
    /// It was only said.
    Leashed,
    /// AWS refused for good.
    NotStruck {
        /// AWS's error.
        error: String,
    },
    /// It was interrupted before it struck.
    Aborted,
    /// A look showed the fleet whole again.
    Healed {
        /// That look.
        seen: &'a Observation,
        /// How long the site was silent; `None` if nobody asked it all the time.
        silent: Option<SignedDuration>,
        /// Whether somebody watched from the strike on, so that the fleet cannot have been whole much earlier.
        watched: bool,
    },
    /// The deadline passed.
    NotHealed {
        /// What is still lacking.
        lacks: &'a [Unhealed],
        /// The last look, if there was one.
        seen: Option<&'a Observation>,
        /// How long the site was silent; `None` if nobody asked it all the time.
        silent: Option<SignedDuration>,
    },
}

/// Judges an experiment by its ending. A fleet has survived if it was whole again by the deadline and its site was silent no longer than is
/// tolerated.
#[must_use]
pub fn judge(experiment: &Experiment, ending: &Ending<'_>, closed: Timestamp, tolerance: SignedDuration) -> Outcome {
    let mut outcome = Outcome {
        verdict: Verdict::Leashed,
        closed,
        heal_seconds: None,
        outage_seconds: None,
        moves: Vec::new(),
        replacements: Vec::new(),
        detail: None,
    };
    match ending {
        Ending::Leashed => {}
        Ending::NotStruck { error } => {
            outcome.verdict = Verdict::NotStruck;
            outcome.detail = Some(error.clone());
        }
        Ending::Aborted => {
            outcome.verdict = Verdict::Aborted;
            outcome.detail = Some("the panda fell asleep before it struck".to_owned());
        }
        Ending::Healed { seen, silent, watched } => {
            outcome.observed(experiment, Some(seen), *silent);
            let from = experiment.struck.unwrap_or(experiment.started);
            let late = seen.at > experiment.heal_by;
            if late && !watched {
                outcome.detail = Some(
                    "found whole after the watcher was lost; when it became so, and how long the site was silent, is not known"
                        .to_owned(),
                );
            } else if experiment.fault.kills() {
                // Where nothing must break, the time is only how long somebody watched.
                outcome.heal_seconds = Some(seconds(seen.at.duration_since(from)));
            }
            outcome.verdict = if late && *watched {
                outcome.detail = Some(format!("whole again only after the deadline of {:.0}", experiment.heal_by));
                Verdict::NotHealed
            } else if experiment.url.is_some() && silent.is_some_and(|silent| silent > tolerance) {
                Verdict::Hurt
            } else {
                Verdict::Survived
            };
        }
        Ending::NotHealed { lacks, seen, silent } => {
            outcome.verdict = Verdict::NotHealed;
            outcome.observed(experiment, *seen, *silent);
            let lacks: Vec<String> = lacks.iter().map(ToString::to_string).collect();
            outcome.detail = (!lacks.is_empty()).then(|| lacks.join("; "));
        }
    }
    outcome
}

impl Outcome {
    /// Fills in what the last look and the questions to the site show.
    fn observed(&mut self, experiment: &Experiment, seen: Option<&Observation>, silent: Option<SignedDuration>) {
        self.outage_seconds = silent.filter(|_| experiment.url.is_some()).map(seconds);
        let Some(seen) = seen else { return };
        if let Ok(addresses) = &seen.addresses {
            self.moves = experiment
                .addresses
                .iter()
                .filter_map(|before| {
                    let after = addresses.iter().find(|address| address.public_ip == before.public_ip)?;
                    (after.holder != before.holder).then(|| AddressMove {
                        public_ip: before.public_ip.clone(),
                        from: before.holder.clone(),
                        to: after.holder.clone(),
                    })
                })
                .collect();
        }
        if let Ok(Some(group)) = &seen.group {
            let came = |instance: &InstanceId| !experiment.members.contains(instance);
            self.replacements =
                group.serving().map(|member| member.instance.clone()).filter(|instance| came(instance)).collect();
        }
    }
}

/// Whole seconds, begun ones counted; never less than none.
fn seconds(duration: SignedDuration) -> u64 {
    let whole = u64::try_from(duration.as_secs()).unwrap_or(0);
    if duration.subsec_nanos() > 0 { whole.saturating_add(1) } else { whole }
}
