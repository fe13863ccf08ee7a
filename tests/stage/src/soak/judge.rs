//! What must not have happened? Judged from what was seen, without the functions' own opinion.

use std::collections::{BTreeMap, BTreeSet};

/// Faster growth is no more the noise of an allocator. What leaks a kilobyte for each event shows at some hundred events a minute.
pub(super) const MOST_KILOBYTES_PER_MINUTE: f64 = 512.0;

/// An experiment, as the panda's journal has it in the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Experiment {
    /// Its id.
    pub id: String,
    /// The order that it was made for; every order has its own reason.
    pub order: String,
    /// Whom it was to hit.
    pub victims: BTreeSet<String>,
    /// Whether it has an outcome.
    pub closed: bool,
}

/// How the memory of a program grew, over all its processes.
#[derive(Debug, Clone, PartialEq)]
pub struct Growth {
    /// The program.
    pub program: String,
    /// After its warm-up.
    pub kilobytes_per_minute: f64,
    /// The most that it had.
    pub most_kilobytes: u64,
    /// How often its memory was looked at.
    pub samples: usize,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// Seconds of faults and deaths.
    pub seconds: f64,
    /// What happened to fleets, by kind.
    pub deeds: BTreeMap<&'static str, u64>,
    /// Calls of the functions, and those that something went wrong with.
    pub calls: u64,
    /// Those that something went wrong with.
    pub faults: u64,
    /// Processes of functions that were killed, by function.
    pub killed: BTreeMap<String, u64>,
    /// Orders to the panda.
    pub orders: u64,
    /// Events whose function's queue took them, by id, with what they were.
    pub delivered: BTreeMap<String, String>,
    /// Events of which a function wrote that it handled them.
    pub handled: BTreeSet<String>,
    /// Events in the failure queue, and those that no function's queue took.
    pub dead_letters: BTreeSet<String>,
    /// Hooks of ours that nobody answered before their heartbeat ran out.
    pub stuck_hooks: Vec<String>,
    /// Addresses on the dead or on the worse, and instances that still wait in a hook of ours, in the end.
    pub unmet: Vec<String>,
    /// Fleets that did not heal.
    pub unwell: Vec<String>,
    /// Instances that were terminated by a call. A call that is repeated because its reply was lost hits nobody more.
    pub strikes: BTreeSet<String>,
    /// What the panda wrote down.
    pub experiments: Vec<Experiment>,
    /// How memory grew.
    pub growth: Vec<Growth>,
}

impl Record {
    /// What was done, for people.
    pub(super) fn told(&self) -> String {
        let counts = |of: &mut dyn Iterator<Item = (String, u64)>| {
            let words: Vec<String> = of.map(|(what, count)| format!("{what} {count}")).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(", ") }
        };
        let deeds = counts(&mut self.deeds.iter().map(|(what, count)| ((*what).to_owned(), *count)));
        let killed = counts(&mut self.killed.iter().map(|(what, count)| (what.clone(), *count)));
        let mut lines = vec![
            format!("{:.1} minutes: {deeds}", self.seconds / 60.0),
            format!("calls: {}, of which {} were refused, lost or answered from the past", self.calls, self.faults),
            format!(
                "events: {} taken by functions' queues, {} handled, {} in the failure queue",
                self.delivered.len(),
                self.handled.len(),
                self.dead_letters.len()
            ),
            format!("kill -9: {killed}"),
            format!(
                "the panda: {} orders, {} experiments, {} strikes",
                self.orders,
                self.experiments.len(),
                self.strikes.len()
            ),
        ];
        lines.extend(self.growth.iter().map(|growth| {
            format!(
                "memory of {}: at most {:.1} MB, {:+.0} kB a minute ({} samples)",
                growth.program,
                f64::from(u32::try_from(growth.most_kilobytes).unwrap_or(u32::MAX)) / 1024.0,
                growth.kilobytes_per_minute,
                growth.samples
            )
        }));
        lines.join("\n")
    }
}

/// The violations, each in a sentence.
pub(super) fn judge(record: &Record) -> Vec<String> {
    let mut violations: Vec<String> = Vec::new();
    for hook in &record.stuck_hooks {
        violations.push(format!("a hook ran out unanswered: {hook}"));
    }
    for unmet in record.unmet.iter().chain(&record.unwell) {
        violations.push(format!("not healed in the end: {unmet}"));
    }
    for (id, what) in &record.delivered {
        if !record.handled.contains(id) && !record.dead_letters.contains(id) {
            violations.push(format!("an event is neither handled nor in the failure queue: {what} ({id})"));
        }
    }
    if record.delivered.is_empty() {
        violations.push("no event reached a function: nothing was tried".to_owned());
    }
    violations.extend(strikes(record));
    for growth in record.growth.iter().filter(|growth| growth.kilobytes_per_minute > MOST_KILOBYTES_PER_MINUTE) {
        violations.push(format!("{} grows by {:.0} kB a minute", growth.program, growth.kilobytes_per_minute));
    }
    violations
}

/// Nobody dies who is not written down, and no order kills a second one.
fn strikes(record: &Record) -> Vec<String> {
    let mut violations = Vec::new();
    for instance in &record.strikes {
        if !record.experiments.iter().any(|experiment| experiment.victims.contains(instance)) {
            violations.push(format!("{instance} was killed, and no experiment names it"));
        }
    }
    let mut orders: BTreeMap<&str, Vec<&Experiment>> = BTreeMap::new();
    for experiment in &record.experiments {
        orders.entry(&experiment.order).or_default().push(experiment);
        if !experiment.closed {
            violations.push(format!("the experiment {} was never closed", experiment.id));
        }
    }
    for (order, experiments) in orders {
        let hit: usize = experiments
            .iter()
            .flat_map(|experiment| &experiment.victims)
            .filter(|victim| record.strikes.contains(*victim))
            .collect::<BTreeSet<_>>()
            .len();
        if hit > 1 {
            violations.push(format!("{order}, which was for one, killed {hit}"));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn experiment(id: &str, order: &str, victim: &str) -> Experiment {
        Experiment { id: id.to_owned(), order: order.to_owned(), victims: [victim.to_owned()].into(), closed: true }
    }

    /// A run in which all went as it should.
    fn lawful() -> Record {
        Record {
            seconds: 600.0,
            delivered: [("e-1", "shutting-down"), ("e-2", "launched")]
                .map(|(id, what)| (id.to_owned(), what.to_owned()))
                .into(),
            handled: ["e-1".to_owned()].into(),
            dead_letters: ["e-2".to_owned()].into(),
            strikes: ["i-1".to_owned()].into(),
            experiments: vec![experiment("web/1", "order 1", "i-1"), experiment("web/2", "order 2", "i-2")],
            growth: vec![Growth {
                program: "panda".to_owned(),
                kilobytes_per_minute: 12.0,
                most_kilobytes: 20_000,
                samples: 300,
            }],
            ..Record::default()
        }
    }

    fn accused(change: impl FnOnce(&mut Record)) -> String {
        let mut record = lawful();
        change(&mut record);
        judge(&record).join("; ")
    }

    #[test]
    fn a_run_in_which_all_went_as_it_should_is_not_accused() {
        assert_eq!(judge(&lawful()), Vec::<String>::new());
        // An order whose victim died otherwise, or for whom the strike was lost, killed nobody.
        assert_eq!(accused(|record| record.strikes.clear()), "");
    }

    #[test]
    fn a_hook_that_ran_out_is_accused() {
        let words = accused(|record| record.stuck_hooks.push("i-1 in elastic-ip-terminate".to_owned()));
        assert_eq!(words, "a hook ran out unanswered: i-1 in elastic-ip-terminate");
    }

    #[test]
    fn an_address_on_the_dead_and_a_fleet_that_did_not_heal_are_accused() {
        assert!(
            accused(|record| record.unmet.push("203.0.113.1 is on i-1".to_owned())).contains("203.0.113.1 is on i-1")
        );
        assert!(accused(|record| record.unwell.push("soak-1 has 1 of 2 in service".to_owned())).contains("soak-1"));
    }

    #[test]
    fn an_event_that_is_neither_handled_nor_in_the_failure_queue_is_accused_by_its_id() {
        let words = accused(|record| drop(record.delivered.insert("e-3".to_owned(), "terminated".to_owned())));
        assert_eq!(words, "an event is neither handled nor in the failure queue: terminated (e-3)");
        assert!(accused(|record| record.dead_letters.clear()).contains("(e-2)"));
        assert!(accused(|record| record.delivered.clear()).contains("nothing was tried"));
    }

    #[test]
    fn a_second_kill_for_one_order_is_accused_and_a_victim_that_no_experiment_names() {
        let unnamed = accused(|record| record.strikes.extend(["i-9".to_owned()]));
        assert_eq!(unnamed, "i-9 was killed, and no experiment names it");
        let twice = accused(|record| {
            record.strikes.insert("i-3".to_owned());
            record.experiments.push(experiment("web/3", "order 1", "i-3"));
        });
        assert_eq!(twice, "order 1, which was for one, killed 2");
    }

    #[test]
    fn an_experiment_that_nobody_closed_is_accused() {
        let open = accused(|record| record.experiments.iter_mut().for_each(|one| one.closed = one.id != "web/2"));
        assert_eq!(open, "the experiment web/2 was never closed");
    }

    #[test]
    fn memory_that_grows_is_accused_and_the_noise_of_an_allocator_is_not() {
        let growing =
            |by: f64| accused(|record| record.growth.iter_mut().for_each(|one| one.kilobytes_per_minute = by));
        assert_eq!(growing(MOST_KILOBYTES_PER_MINUTE - 1.0), "");
        assert_eq!(growing(2_000.0), "panda grows by 2000 kB a minute");
    }
}
