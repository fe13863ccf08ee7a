//! Which groups do the dice hit, by what is cheap to know?
//!
//! A tick sees every group that takes part, and hits hardly any. So everything that needs no further read comes first: opt-in, policy,
//! mode, levers, windows, the past, and the dice. Only who falls here is worth a [`CloseLook`](super::CloseLook).

use jiff::Timestamp;

use super::{
    Asked, Dice, ExperimentId, GroupView, Limits, Mode, OptIn, Pace, Policy, Present, Reason, Settings, Slot, WorkDay,
    fleet_of, utc_date,
};
use crate::ids::{FleetName, GroupName};

/// What is cheap to know of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Surveyed {
    /// The group.
    pub group: GroupName,
    /// Its fleet.
    pub fleet: FleetName,
    /// What may be done to it; `None` if it does not take part, or nobody can tell.
    pub policy: Option<Policy>,
    /// What the experiment would be called; `None` if nothing is asked of this group.
    pub id: Option<ExperimentId>,
    /// What the dice threw, if a window is open.
    pub draw: Option<Draw>,
    /// How likely a kill is, and when the next may come.
    pub outlook: Option<Outlook>,
    /// What the journal must hold the kill against, if a window is open.
    pub limits: Option<Limits>,
    /// Why the group is spared, the most telling first. Empty: it falls.
    pub reasons: Vec<Reason>,
}

/// A throw of the dice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The slot.
    pub slot: Slot,
    /// What was thrown.
    pub thrown: f64,
    /// What it had to be below.
    pub odds: f64,
}

/// How likely a kill is, whatever else may forbid it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The chance of the present slot; `None` while no window is open.
    pub slot_odds: Option<f64>,
    /// The chance of the present work day or, while no window is open, of the next, from its beginning.
    pub day_odds: f64,
    /// Until when the window is open, if one is.
    pub open_until: Option<Timestamp>,
    /// When the next window opens.
    pub next_opening: Option<Timestamp>,
    /// From when the minimum of work days between kills allows the next, if it does not yet.
    pub not_before: Option<Timestamp>,
}

impl Surveyed {
    /// Whether nothing that is cheap to know spares the group.
    #[must_use]
    pub fn fallen(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// Looks at every group by what is cheap to know. The answers are in the order of the groups.
#[must_use]
pub fn survey(
    groups: &[GroupView],
    asked: &Asked,
    present: &Present,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Surveyed> {
    groups.iter().map(|group| of_group(group, asked, present, settings, now)).collect()
}

/// What is cheap to know of one group.
pub(super) fn of_group(
    group: &GroupView,
    asked: &Asked,
    present: &Present,
    settings: &Settings,
    now: Timestamp,
) -> Surveyed {
    let fleet = fleet_of(group);
    let mut surveyed = Surveyed {
        group: group.name.clone(),
        fleet: fleet.clone(),
        policy: None,
        id: None,
        draw: None,
        outlook: None,
        limits: None,
        reasons: Vec::new(),
    };
    if settings.mode == Mode::Off {
        surveyed.reasons.push(Reason::Off);
        return surveyed;
    }
    if let Asked::Kill { order, .. } = asked
        && order.fleet != fleet
    {
        surveyed.reasons.push(Reason::NotAsked { fleet: order.fleet.clone() });
        return surveyed;
    }
    match OptIn::read(&group.tags) {
        OptIn::On => {}
        OptIn::Off { lookalike } => {
            surveyed.reasons.push(Reason::NotOptedIn { lookalike });
            return surveyed;
        }
        OptIn::Unclear(problem) => {
            surveyed.reasons.push(Reason::Policy(problem));
            return surveyed;
        }
    }
    let policy = match Policy::read(&group.tags, &settings.defaults, settings.tick) {
        Ok(policy) => policy,
        Err(problems) => {
            surveyed.reasons.extend(problems.into_iter().map(Reason::Policy));
            return surveyed;
        }
    };
    let view = View { fleet: &fleet, policy: &policy, asked, present, settings, now };
    let slot = settings.tick.slot_at(now);
    let id = match asked {
        Asked::Tick => ExperimentId::new(&fleet, slot),
        Asked::Kill { request, .. } => ExperimentId::new(&fleet, request),
    };
    let pace = present.pace(&fleet, settings.mode);
    let open = policy.calendar.open_at(now);
    let outlook = view.outlook(open.as_ref(), slot, &pace);

    view.switches(&id, &pace, &mut surveyed.reasons);
    match &open {
        None => surveyed.reasons.push(Reason::OutsideWindow { next: outlook.next_opening }),
        Some(day) => {
            let limits = view.limits(day);
            view.past(&limits, &pace, outlook.not_before, &mut surveyed.reasons);
            surveyed.limits = Some(limits);
            if *asked == Asked::Tick {
                match outlook.slot_odds {
                    None => surveyed.reasons.push(Reason::SlotBeforeWindow { next: outlook.next_opening }),
                    Some(odds) => {
                        let thrown = Dice::new(&settings.salt, &id).throw();
                        surveyed.draw = Some(Draw { slot, thrown, odds });
                        if thrown >= odds {
                            surveyed.reasons.push(Reason::Dice { thrown, odds });
                        }
                    }
                }
            }
        }
    }
    surveyed.outlook = Some(outlook);
    surveyed.id = Some(id);
    surveyed.policy = Some(policy);
    surveyed
}

/// All that the questions below are about.
struct View<'a> {
    fleet: &'a FleetName,
    policy: &'a Policy,
    asked: &'a Asked,
    present: &'a Present,
    settings: &'a Settings,
    now: Timestamp,
}

impl View<'_> {
    /// Did somebody, or the panda itself, say no?
    fn switches(&self, id: &ExperimentId, pace: &Pace<'_>, reasons: &mut Vec<Reason>) {
        if let Some(said) = self.present.lever.clone() {
            reasons.push(Reason::Lever { reason: said.reason, by: said.by, at: said.at });
        }
        if let Some(said) = self.present.disarmed.get(self.fleet).cloned() {
            reasons.push(Reason::Disarmed { reason: said.reason, by: said.by, at: said.at });
        }
        if let Some(open) = self.present.open.get(self.fleet) {
            reasons.push(Reason::ExperimentOpen { id: open.experiment.id.clone(), started: open.experiment.started });
        }
        if pace.knows(id) {
            reasons.push(Reason::AlreadyMade { id: id.clone() });
        }
    }

    /// Does the past leave room for another kill?
    fn past(&self, limits: &Limits, pace: &Pace<'_>, not_before: Option<Timestamp>, reasons: &mut Vec<Reason>) {
        let asked = self.asked.count();
        if let (Some(before), Some(last)) = (limits.last_kill_before, pace.last())
            && last >= before
        {
            reasons.push(Reason::MinimumDays { last, min_days: self.policy.min_days.get(), not_before });
        }
        let kills = pace.kills_on(limits.day);
        if kills.saturating_add(asked) > limits.max_per_day {
            reasons.push(Reason::FleetCap { day: limits.day, kills, asked, cap: limits.max_per_day });
        }
        let kills = self.present.killed_on_day_of(self.now);
        if kills.saturating_add(asked) > limits.max_account_day {
            reasons.push(Reason::AccountCap { kills, asked, cap: limits.max_account_day });
        }
    }

    fn limits(&self, day: &WorkDay) -> Limits {
        let min_days = self.policy.min_days.get();
        let last_kill_before = (min_days > 0).then(|| {
            // Without a work day in the past there is no past that would allow a kill, except none at all.
            self.policy.calendar.back(day.date, min_days).and_then(|day| day.end()).unwrap_or(Timestamp::MIN)
        });
        Limits {
            day: day.date,
            max_per_day: self.policy.max_per_day.get(),
            last_kill_before,
            account_day: utc_date(self.now),
            max_account_day: self.settings.max_kills_per_day,
        }
    }

    fn outlook(&self, open: Option<&WorkDay>, slot: Slot, pace: &Pace<'_>) -> Outlook {
        let (calendar, tick) = (&self.policy.calendar, self.settings.tick);
        let next_opening = calendar.next_opening(self.now);
        let day_odds = match open {
            Some(day) => self.policy.day_odds(day.slots(tick)),
            None => next_opening
                .and_then(|opening| calendar.open_at(opening))
                .map_or(0.0, |day| self.policy.day_odds(day.slots(tick))),
        };
        let slot_odds = open
            .and_then(|day| Some((day, day.index_of(slot, tick)?)))
            .map(|(day, index)| self.policy.slot_odds(day.slots(tick), index));
        let not_before = pace
            .last()
            .and_then(|last| calendar.allows_from(last, self.policy.min_days.get()))
            .filter(|from| *from > self.now);
        Outlook {
            slot_odds,
            day_odds,
            open_until: open.and_then(|day| day.closing(self.now)),
            next_opening,
            not_before,
        }
    }
}
