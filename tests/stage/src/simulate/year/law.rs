//! Were the limits kept? Judged from the world's journal, from what changed in the panda's journal, and from what was deployed; never from
//! what the panda says of itself.
//!
//! What the panda could know: it decides by what it reads in its invocation, and a read may show the past, by as much as the world's faults
//! allow and not at all in a calm year. So a strike is lawful if each of its conditions held at some moment between the beginning of its
//! invocation, less the lag of stale reads, and the strike itself. What was wrong for all of that time was wrong in every read. Conditions
//! that one read shows together must have held together. Nothing of this is allowed for the window (it must be open at the strike itself),
//! the age of the victim and the caps; and the lever, disarmed fleets and open experiments are those of the very moment of the record, for
//! the record is one transaction.

mod strike;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date};
use panda_domain::{
    chaos::{Experiment, ExperimentId, Outcome, Trigger, Verdict, utc_date},
    ids::FleetName,
};
use panda_world::{Act, Entry, Kind};

use super::{
    calendar::{DayOf, Environment, Rules},
    figures::Figures,
    fleets::Plan,
    function::Began,
    ledger::{Note, Noted},
    truth::Truth,
};
use crate::simulate::law::Violation;

/// From the last look of a watch to its end in the journal: a look with its retries, and the write.
const LAST_LOOK: SignedDuration = SignedDuration::from_secs(60);

/// Something that the judge sees.
#[derive(Debug)]
pub(super) enum Sight {
    /// Of the world's journal.
    Entry(Entry),
    /// A deed that the world took.
    Deed(Timestamp, Act),
    /// Of the panda's journal.
    Note(Note),
    /// An invocation of the panda begins.
    Began(Began),
}

impl Sight {
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.at,
            Self::Deed(at, _) => *at,
            Self::Note(note) => note.at,
            Self::Began(began) => began.at,
        }
    }
}

/// An experiment that was recorded, and what the world saw of it.
#[derive(Debug)]
struct Case {
    experiment: Experiment,
    recorded: Timestamp,
    caller: String,
    /// Who was hit, and when.
    hit: BTreeMap<String, Timestamp>,
    taken_over: bool,
}

/// The judge of a year.
pub(super) struct Judge {
    /// How old a read may be.
    lag: SignedDuration,
    environment: Environment,
    truth: Truth,
    /// The latest invocation of each environment.
    invocations: BTreeMap<String, Began>,
    /// Each fleet's experiment that is open.
    open: BTreeMap<FleetName, Case>,
    lever: bool,
    disarmed: BTreeMap<FleetName, Timestamp>,
    /// The last kill of each fleet.
    last: BTreeMap<FleetName, Timestamp>,
    /// Kills of each fleet and work day.
    of_day: BTreeMap<(FleetName, Date), u32>,
    /// Kills of all fleets on each day (UTC).
    of_account: BTreeMap<Date, u32>,
    /// The last slot that each fleet was asked for.
    slots: BTreeMap<usize, i64>,
    /// Every experiment that was ever recorded.
    known: BTreeSet<ExperimentId>,
    /// The experiment that hit a fleet for an event, by the event's request.
    of_event: BTreeMap<(FleetName, String), ExperimentId>,
    /// The slot of each fleet's last kill by dice, where it is known.
    of_slot: BTreeMap<FleetName, i64>,
    days: BTreeMap<(usize, Date), DayOf>,
    pub(super) figures: Figures,
    pub(super) violations: Vec<Violation>,
}

impl Judge {
    pub(super) fn new(plans: &[Plan], began: Timestamp, environment: Environment, lag: SignedDuration) -> Self {
        Self {
            lag,
            environment,
            truth: Truth::new(plans, began),
            invocations: BTreeMap::new(),
            open: BTreeMap::new(),
            lever: false,
            disarmed: BTreeMap::new(),
            last: BTreeMap::new(),
            of_day: BTreeMap::new(),
            of_account: BTreeMap::new(),
            slots: BTreeMap::new(),
            known: BTreeSet::new(),
            of_event: BTreeMap::new(),
            of_slot: BTreeMap::new(),
            days: BTreeMap::new(),
            figures: Figures::default(),
            violations: Vec::new(),
        }
    }

    /// Sees everything of a stretch of time, in order.
    pub(super) fn see(&mut self, sights: &[Sight]) {
        for sight in sights {
            match sight {
                Sight::Entry(entry) => {
                    if let Kind::Call { caller, operation, result, subject, .. } = &entry.kind {
                        self.call(entry.at, caller, operation, result, subject);
                    }
                    self.truth.apply(entry);
                }
                Sight::Deed(at, act) => self.truth.deed(*at, act),
                Sight::Note(note) => self.note(note.clone()),
                Sight::Began(began) => self.began(began.clone()),
            }
        }
    }

    /// What must be so when the year is over, and everything had the time to end.
    pub(super) fn conclude(&mut self, at: Timestamp) {
        let open: Vec<String> = self.open.values().map(|case| case.experiment.id.to_string()).collect();
        for id in open {
            self.accuse("every experiment is closed in the end", at, id);
        }
        // Five sigma of as many rare events: one year in a million would be so by chance.
        let most = self.figures.expected + 5.0 * self.figures.expected.sqrt() + 3.0;
        let came = f64::from(u32::try_from(self.figures.of_dice).unwrap_or(u32::MAX));
        if came > most {
            let what = format!("{came} experiments where {:.1} were to be expected", self.figures.expected);
            self.accuse("the dice fall no more often than the tags ask", at, what);
        }
    }

    fn tick_minutes(&self) -> i64 {
        self.environment.get("TICK_MINUTES").and_then(|text| text.parse().ok()).unwrap_or(15)
    }

    fn accuse(&mut self, law: &'static str, at: Timestamp, what: String) {
        self.violations.push(Violation { law, at, what });
    }

    fn began(&mut self, began: Began) {
        if began.command == "tick" {
            self.figures.ticks += 1;
            if began.mode == "Unleashed" && !self.lever {
                for fleet in 0..self.truth.names().len() {
                    self.expose(fleet, began.at);
                }
            }
        }
        self.invocations.insert(began.environment.clone(), began);
    }

    /// Counts what part of a work day a fleet was in reach for, and how many kills were to be expected of that.
    fn expose(&mut self, fleet: usize, at: Timestamp) {
        let minutes = self.tick_minutes();
        let slot = at.as_second().div_euclid(60 * minutes);
        if self.slots.get(&fleet).is_some_and(|last| *last >= slot) {
            return;
        }
        let name = self.truth.names().get(fleet).map(|name| FleetName::from(name.as_str()));
        if name.is_none_or(|name| self.disarmed.contains_key(&name)) {
            return;
        }
        let Some(tags) = self.truth.state(fleet).and_then(|state| state.groups.values().next()).map(|g| g.tags.clone())
        else {
            return;
        };
        let Ok(rules) = Rules::read(&tags, &self.environment) else { return };
        let Some((_, spans)) = self.open_window(fleet, &tags, &rules, at) else { return };
        let start = Timestamp::from_second(slot * 60 * minutes).unwrap_or_default();
        let from_slot = |moment: Timestamp| -(-moment.as_second()).div_euclid(60 * minutes);
        let slots: i64 = spans.iter().map(|(from, to)| from_slot(*to) - from_slot(*from)).sum();
        if slots > 0 && spans.iter().any(|(from, to)| *from <= start && start < *to) {
            self.slots.insert(fleet, slot);
            let part = 1.0 / f64::from(i32::try_from(slots).unwrap_or(i32::MAX));
            self.figures.work_days += part;
            self.figures.expected += part / rules.mean_days;
        }
    }

    /// The window that is open, remembered by its day: walking over minutes is slow.
    fn open_window(
        &mut self,
        fleet: usize,
        tags: &BTreeMap<String, String>,
        rules: &Rules,
        at: Timestamp,
    ) -> Option<(Date, Vec<(Timestamp, Timestamp)>)> {
        let today = rules.date(at);
        for date in [Some(today), today.yesterday().ok()].into_iter().flatten() {
            let known = self.days.get(&(fleet, date)).filter(|(of, _)| of == tags);
            let spans = if let Some((_, spans)) = known {
                spans.clone()
            } else {
                let spans = rules.spans(date);
                self.days.insert((fleet, date), (tags.clone(), spans.clone()));
                spans
            };
            if spans.iter().any(|(from, to)| *from <= at && at < *to) {
                return Some((date, spans));
            }
        }
        None
    }

    fn note(&mut self, Note { at, caller, what }: Note) {
        match what {
            Noted::Recorded(experiment, _) => self.recorded(at, caller, *experiment),
            Noted::Refused(_, why) => {
                let why = refusal(&why).to_owned();
                *self.figures.refused.entry(why).or_default() += 1;
            }
            Noted::Struck(_) => {}
            Noted::TakenOver(id) => {
                self.figures.taken_over += 1;
                if let Some(case) = self.open.values_mut().find(|case| case.experiment.id.as_str() == id) {
                    case.taken_over = true;
                }
            }
            Noted::Closed(experiment, outcome, disarms) => self.closed(at, &experiment, &outcome, disarms),
            Noted::Disarmed(None) => self.lever = true,
            Noted::Disarmed(Some(fleet)) => {
                self.disarmed.insert(fleet, at);
            }
            Noted::Armed(None) => self.lever = false,
            Noted::Armed(Some(fleet)) => {
                self.disarmed.remove(&fleet);
            }
        }
    }

    fn recorded(&mut self, at: Timestamp, caller: String, experiment: Experiment) {
        if experiment.leashed {
            self.figures.leashed += 1;
            return;
        }
        if !self.known.insert(experiment.id.clone()) {
            self.accuse("nothing is recorded twice", at, experiment.id.to_string());
        }
        let fleet = &experiment.fleet;
        if let Some(case) = self.open.get(fleet) {
            let what = format!("{} was recorded while {} was open", experiment.id, case.experiment.id);
            self.accuse("one open experiment per fleet", at, what);
        }
        if self.lever || self.disarmed.contains_key(fleet) {
            let what = format!("{} was recorded while its fleet, or everything, was disarmed", experiment.id);
            self.accuse("nothing dies while it is disarmed", at, what);
        }
        if matches!(experiment.trigger, Trigger::Tick { .. }) {
            self.figures.of_dice += 1;
        }
        *self.figures.faults.entry(experiment.fault.name()).or_default() += 1;
        let fleet = fleet.clone();
        self.open.insert(fleet, Case { experiment, recorded: at, caller, hit: BTreeMap::new(), taken_over: false });
    }

    fn closed(&mut self, at: Timestamp, experiment: &Experiment, outcome: &Outcome, disarms: bool) {
        *self.figures.verdicts.entry(outcome.verdict.name()).or_default() += 1;
        self.figures.heals.extend(outcome.heal_seconds.map(whole));
        let Some(case) = self.open.remove(&experiment.fleet) else { return };
        let id = &experiment.id;
        if outcome.verdict == Verdict::NotHealed {
            self.disarmed.insert(experiment.fleet.clone(), at);
        }
        if (outcome.verdict == Verdict::NotHealed) != disarms {
            let what = format!("{id} ended as {}, and disarming was {disarms}", outcome.verdict);
            self.accuse("who does not heal is disarmed, and nobody else", at, what);
        }
        if matches!(outcome.verdict, Verdict::Aborted | Verdict::NotStruck)
            && case.experiment.fault.kills()
            && let Some(victim) = case.hit.keys().next()
        {
            let what = format!("{id} ended as {}, and {victim} was hit", outcome.verdict);
            self.accuse("an experiment that says that nothing died is right", at, what);
        }
        if !matches!(outcome.verdict, Verdict::Survived | Verdict::Hurt | Verdict::NotHealed)
            || !experiment.fault.kills()
        {
            return;
        }
        let Some(fleet) = self.truth.fleet(experiment.fleet.as_str()) else { return };
        let whole = |from: Timestamp, until: Timestamp| {
            let group = experiment.group.as_str();
            self.truth.between(fleet, from, until).any(|(_, state)| {
                state.groups.get(group).is_some_and(|group| {
                    let spared = |id: &str| !experiment.victims.iter().any(|victim| victim.instance.as_str() == id);
                    group.serving().filter(|(id, _)| spared(id)).count() >= group.desired
                })
            })
        };
        let before = at.checked_sub(LAST_LOOK).and_then(|at| at.checked_sub(self.lag)).unwrap_or(at);
        match outcome.verdict {
            Verdict::NotHealed => {
                // Late, and found whole by a watcher who was there all the time: also not in time.
                let late = outcome.detail.as_ref().is_some_and(|detail| detail.contains("only after the deadline"));
                if !late && at < experiment.heal_by {
                    self.accuse("nobody is given up before the deadline", at, id.to_string());
                }
            }
            _ if !whole(before, at) => {
                let what =
                    format!("{id} ended as {}, and its group was short of servers all the time", outcome.verdict);
                self.accuse("an experiment that says that its fleet healed is right", at, what);
            }
            _ => {
                let first = case.hit.values().min().copied();
                if !case.taken_over && first.is_some_and(|hit| !whole(hit, experiment.heal_by)) {
                    let what = format!("{id} ended as {}, and its group was not whole in time", outcome.verdict);
                    self.accuse("who does not heal is disarmed, and nobody else", at, what);
                }
            }
        }
    }
}

/// A refusal of the journal, in a word.
fn refusal(why: &str) -> &'static str {
    let words = [
        ("repetition", "already recorded"),
        ("everything is disarmed", "lever"),
        ("fleet is disarmed", "disarmed"),
        ("not over yet", "open experiment"),
        ("too recent", "too soon"),
        ("the fleet had", "fleet's cap"),
        ("instances were killed today", "account's cap"),
    ];
    words.iter().find(|(part, _)| why.contains(part)).map_or("something else", |(_, word)| word)
}

/// Seconds that nothing in a year comes near the limits of.
fn whole(seconds: u64) -> f64 {
    f64::from(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// Whether a call is meant to hit somebody, and not only to ask whether it would.
fn is_strike(operation: &str, subject: &str) -> bool {
    match operation {
        "TerminateInstances" => !subject.ends_with("DryRun"),
        "TerminateInstanceInAutoScalingGroup" | "SendCommand" => true,
        _ => false,
    }
}

/// The day (UTC) on which a kill counts for the account.
fn account_day(case: &Case) -> Date {
    utc_date(case.experiment.started)
}
