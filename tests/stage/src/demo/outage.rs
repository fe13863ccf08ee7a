//! When was the site out, and because of what? Computed from the requests alone, as a visitor would.

use super::record::{ActRecord, Probe, Record};

/// A stretch in which no request was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Outage {
    /// When the first unanswered request was sent.
    pub from: f64,
    /// When the first request that was answered again was sent, or the last one of all.
    pub to: f64,
    /// The act it followed, `None` before the first.
    pub cause: Option<&'static str>,
    /// Whether the site answered again before the end.
    pub healed: bool,
}

impl Outage {
    /// How long it lasted.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.to - self.from
    }
}

/// The outages in `probes`, which are in the order in which they were sent; each is laid to the last act before it.
#[must_use]
pub fn outages(probes: &[Probe], acts: &[ActRecord]) -> Vec<Outage> {
    let cause_at = |at: f64| acts.iter().rev().find(|act| act.at <= at).map(|act| act.cause);
    let mut found = Vec::new();
    let mut open: Option<f64> = None;
    for probe in probes {
        match (&probe.answered_by, open) {
            (None, None) => open = Some(probe.at),
            (Some(_), Some(from)) => {
                found.push(Outage { from, to: probe.at, cause: cause_at(from), healed: true });
                open = None;
            }
            (None, Some(_)) | (Some(_), None) => {}
        }
    }
    if let (Some(from), Some(last)) = (open, probes.last()) {
        found.push(Outage { from, to: last.at, cause: cause_at(from), healed: false });
    }
    found
}

/// The cause of what happens while code is on its way.
pub const DEPLOYMENTS: &str = "deployments";

/// The outages of a run. What comes after the acts, while code is on its way, is not laid to the last of them.
#[must_use]
pub fn of(record: &Record) -> Vec<Outage> {
    let began = record.deliveries.began.map(|at| ActRecord {
        at,
        cause: DEPLOYMENTS,
        sentence: String::new(),
        instance: String::new(),
        scenario: "",
    });
    let acts: Vec<_> = record.acts.iter().cloned().chain(began).collect();
    outages(&record.probes, &acts)
}

/// The seconds without an answer after `act`, until the act after it.
pub fn seconds_after(outages: &[Outage], act: &ActRecord) -> f64 {
    outages.iter().filter(|outage| outage.cause == Some(act.cause)).map(Outage::seconds).fold(0.0, |sum, s| sum + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(at: f64, cause: &'static str) -> ActRecord {
        ActRecord { at, cause, sentence: String::new(), instance: "i-a".into(), scenario: "" }
    }

    fn probes(answers: &str) -> Vec<Probe> {
        let mut at = 0.0;
        answers
            .chars()
            .map(|answer| {
                at += 0.5;
                Probe { at, answered_by: (answer != '-').then(|| format!("i-{answer}")), page: None }
            })
            .collect()
    }

    #[test]
    fn a_site_that_always_answers_has_no_outage() {
        assert_eq!(outages(&probes("aaabbb"), &[act(0.0, "kill")]), []);
    }

    #[test]
    fn an_outage_lasts_from_the_first_silence_to_the_next_answer_and_follows_the_last_act() {
        let acts = [act(0.2, "kill"), act(3.0, "scale-in")];
        let found = outages(&probes("aa--bbbb-b"), &acts);
        assert_eq!(
            found,
            [
                Outage { from: 1.5, to: 2.5, cause: Some("kill"), healed: true },
                Outage { from: 4.5, to: 5.0, cause: Some("scale-in"), healed: true },
            ]
        );
    }

    #[test]
    fn an_outage_before_the_first_act_has_no_cause() {
        assert_eq!(outages(&probes("-a"), &[act(2.0, "kill")]).first().map(|outage| outage.cause), Some(None));
    }

    #[test]
    fn a_site_that_never_answers_again_is_not_healed() {
        let found = outages(&probes("a--"), &[act(0.0, "kill")]);
        assert_eq!(found, [Outage { from: 1.0, to: 1.5, cause: Some("kill"), healed: false }]);
    }

    #[test]
    fn what_is_silent_while_code_is_on_its_way_is_not_the_last_acts_doing() {
        let mut record = Record { probes: probes("aaa-a-a"), acts: vec![act(0.0, "kill")], ..Record::default() };
        let causes = |record: &Record| of(record).iter().map(|outage| outage.cause).collect::<Vec<_>>();
        assert_eq!(causes(&record), [Some("kill"), Some("kill")]);
        record.deliveries.began = Some(2.5);
        assert_eq!(causes(&record), [Some("kill"), Some(DEPLOYMENTS)]);
    }

    #[test]
    fn two_silences_after_one_act_add_up() {
        let first = act(0.0, "kill");
        let found = outages(&probes("a-a--a"), std::slice::from_ref(&first));
        assert!((seconds_after(&found, &first) - 1.5).abs() < 1e-9, "{found:?}");
        assert!(seconds_after(&found, &act(9.0, "scale-in")).abs() < 1e-9);
    }
}
