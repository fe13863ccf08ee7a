//! One strike of the panda, held against what was true.

use jiff::{SignedDuration, Timestamp};
use panda_domain::{chaos::Trigger, ids::FleetName};

use super::{Judge, account_day, is_strike};
use crate::simulate::year::{
    calendar::{Environment, Rules},
    function::Began,
    truth::{FleetState, GroupState},
};

/// From the record to the strike: three seconds to tell people, and for each victim one call with its retries.
const RECORD_TO_STRIKE: i64 = 3 + 2;
const PER_VICTIM: i64 = 15;
/// Deployments and pipelines begin and end a moment after they were told to.
const FRINGE: SignedDuration = SignedDuration::from_secs(5);

/// Whether a moment allows a strike, or what is against it.
type Condition<'a> = &'a dyn Fn(&FleetState, &GroupState) -> Result<(), String>;

/// One call that was to hit somebody.
struct Strike<'a> {
    at: Timestamp,
    caller: &'a str,
    victim: &'a str,
    operation: &'a str,
    /// Whether it ended the victim, at this moment.
    counts: bool,
}

impl Judge {
    /// A call of anybody.
    pub(super) fn call(&mut self, at: Timestamp, caller: &str, operation: &str, result: &str, subject: &str) {
        *self.figures.calls.entry(operation.to_owned()).or_default() += 1;
        if !caller.starts_with("panda/") {
            return;
        }
        if !is_strike(operation, subject) {
            return;
        }
        let victim = subject.rsplit(' ').next().unwrap_or_default();
        let counts =
            if operation == "SendCommand" { result == "OK" } else { result == "OK" && self.truth.ended_at(victim, at) };
        // What was refused is held against the laws as well: the panda did try.
        if counts || result != "OK" {
            self.strike(&Strike { at, caller, victim, operation, counts });
        }
    }

    fn strike(&mut self, strike: &Strike<'_>) {
        let Strike { at, caller, victim, .. } = *strike;
        let who = format!("{victim} by {caller} ({})", strike.operation);
        let Some(began) = self.invocations.get(caller).cloned() else {
            return self.accuse("only an invocation strikes", at, who);
        };
        if began.mode != "Unleashed" {
            self.accuse("nothing dies while leashed or off", at, format!("{who}, in the mode {}", began.mode));
        }
        if !matches!(began.command.as_str(), "tick" | "kill") {
            self.accuse("only a tick or an order strikes", at, format!("{who}, by {}", began.command));
        }
        let named = |case: &super::Case| case.experiment.victims.iter().any(|named| named.instance.as_str() == victim);
        let case = self.open.values().find(|case| case.caller == caller && case.recorded >= began.at && named(case));
        let Some(case) = case else {
            return self.accuse("nothing is struck without an open record of the same invocation", at, who);
        };
        if case.hit.contains_key(victim) {
            // The same call again, for want of a reply.
            if strike.counts && case.experiment.fault.kills() {
                let what = format!("{who}, a second time for {}", case.experiment.id);
                self.accuse("nobody dies twice for one tick", at, what);
            }
            return;
        }
        let victims = i64::try_from(case.experiment.victims.len()).unwrap_or(i64::MAX);
        let slow = SignedDuration::from_secs(RECORD_TO_STRIKE + PER_VICTIM * victims);
        let late = at.duration_since(case.recorded) > slow;
        let (fleet, group) = (case.experiment.fleet.clone(), case.experiment.group.to_string());
        if late {
            self.accuse("nothing is struck long after its record", at, who.clone());
        }
        let Some(number) = self.truth.fleet(fleet.as_str()) else {
            return self.accuse("only fleets of the account are struck", at, who);
        };
        if self.truth.place(victim) != Some((number, group.as_str())) {
            self.accuse("only members of the group are struck", at, who.clone());
        }
        let from = began.at.checked_sub(self.lag).unwrap_or(began.at);
        self.held(number, &group, from, strike, &who);
        let least = self.environment.get("MIN_INSTANCE_AGE_MINUTES").and_then(|text| text.parse().ok()).unwrap_or(10);
        // EC2 tells the launch to the second.
        let age = |launched: Timestamp| at.duration_since(launched) + SignedDuration::from_secs(1);
        if self.truth.launched(victim).is_some_and(|launched| age(launched).as_mins() < least) {
            self.accuse("nobody dies young", at, who.clone());
        }
        self.policy(number, &fleet, &group, from, strike, &who);
        self.choice(number, &group, from, strike, &who);
        if strike.counts {
            self.once(&fleet, &began, strike, &who);
            self.count(&fleet, strike);
        }
    }

    /// A tick hits one, and neither its repetition nor another tick of the same slot hits one more; the repetition of an order does not either.
    fn once(&mut self, fleet: &FleetName, began: &Began, strike: &Strike<'_>, who: &str) {
        const LAW: &str = "nobody dies twice for one tick";
        let minutes = self.tick_minutes();
        let Some(case) = self.open.get(fleet) else { return };
        let (id, of_dice, first) =
            (case.experiment.id.clone(), matches!(case.experiment.trigger, Trigger::Tick { .. }), case.hit.is_empty());
        // The dice were thrown at some moment between these two.
        let slot = |at: Timestamp| at.as_second().div_euclid(60 * minutes);
        let slot = (slot(began.at) == slot(case.recorded)).then(|| slot(began.at)).filter(|_| of_dice);
        if of_dice && !first {
            self.accuse(LAW, strike.at, format!("{who}, the second for {id}"));
        }
        let before = self.of_event.insert((fleet.clone(), began.event.clone()), id.clone());
        if let Some(before) = before.filter(|before| *before != id) {
            self.accuse(LAW, strike.at, format!("{who}, for {id} and {}, which had {before}", began.event));
        } else if let Some(slot) = slot
            && first
            && self.of_slot.insert(fleet.clone(), slot) == Some(slot)
        {
            self.accuse(LAW, strike.at, format!("{who}, the second in the slot {slot}"));
        }
    }

    /// A group that allows only holders to be hit loses a holder, and one that allows only spares a spare. Tags and addresses are read apart.
    fn choice(&mut self, fleet: usize, group: &str, from: Timestamp, strike: &Strike<'_>, who: &str) {
        let (mut wanted, mut holds) = (Vec::new(), Vec::new());
        for (_, state) in self.truth.between(fleet, from, strike.at) {
            let rules = state.groups.get(group).and_then(|group| Rules::read(&group.tags, &self.environment).ok());
            wanted.extend(rules.map(|rules| rules.victim));
            holds.push(state.seats.values().flatten().any(|holder| holder == strike.victim));
        }
        let fits = |wanted: &String| match wanted.as_str() {
            "holder" => holds.contains(&true),
            "spare" => holds.contains(&false),
            _ => true,
        };
        if !wanted.is_empty() && !wanted.iter().any(fits) {
            self.accuse("only whom the tags choose is hit", strike.at, format!("{who}: the tags want {wanted:?}"));
        }
    }

    /// Conditions that each must have held at a moment at which the panda could have looked.
    fn held(&mut self, fleet: usize, group: &str, from: Timestamp, strike: &Strike<'_>, who: &str) {
        let Strike { at, victim, .. } = *strike;
        let laws: [(&'static str, Condition<'_>); 6] = [
            ("nothing dies in a group that Auto Scaling shows unwell", &|_, group| well(group, victim)),
            ("nothing dies while a member is down", &|_, group| {
                let down = group.serving().find(|(_, member)| !member.running);
                down.map_or(Ok(()), |(id, _)| Err(format!("{id} was not running")))
            }),
            ("nothing dies during an instance refresh", &|_, group| {
                if group.refreshing { Err("a refresh ran".to_owned()) } else { Ok(()) }
            }),
            ("nothing dies during a deployment", &|_, group| {
                running(group.deploying_until, at).map_or(Ok(()), |end| Err(format!("one ran until {end:.0}")))
            }),
            ("nothing dies while an alarm rings or a pipeline runs", &|fleet, group| {
                surroundings(fleet, group, at, &self.environment)
            }),
            ("nothing dies while an address is not on a server", &|fleet, _| seated(fleet)),
        ];
        let mut broken = Vec::new();
        for (law, holds) in laws {
            let mut last = Err("nothing is known of the group".to_owned());
            for (_, state) in self.truth.between(fleet, from, at) {
                let Some(group) = state.groups.get(group) else { continue };
                last = holds(state, group);
                if last.is_ok() {
                    break;
                }
            }
            if let Err(why) = last {
                broken.push((law, format!("{who}: {why}, since before {from:.0}")));
            }
        }
        for (law, what) in broken {
            self.accuse(law, at, what);
        }
    }

    /// What the tags say, of some moment at which the panda could have read them.
    fn policy(&mut self, fleet: usize, name: &FleetName, group: &str, from: Timestamp, strike: &Strike<'_>, who: &str) {
        let versions: Vec<GroupState> = self
            .truth
            .between(fleet, from, strike.at)
            .filter_map(|(_, state)| state.groups.get(group).cloned())
            .collect();
        let mut wrong = Vec::new();
        for version in versions {
            wrong = self.against(name, &version, strike);
            if wrong.is_empty() {
                return;
            }
        }
        for (law, why) in wrong {
            self.accuse(law, strike.at, format!("{who}: {why}"));
        }
    }

    /// What one version of the tags has against a strike.
    fn against(&self, fleet: &FleetName, group: &GroupState, strike: &Strike<'_>) -> Vec<(&'static str, String)> {
        let at = strike.at;
        let rules = match Rules::read(&group.tags, &self.environment) {
            Ok(rules) => rules,
            Err(why) => return vec![("nothing dies in a group that does not take part", why)],
        };
        let mut wrong = Vec::new();
        let Some(case) = self.open.get(fleet) else { return wrong };
        let Some((day, _)) = rules.open(at) else {
            return vec![("nothing dies outside a window", "no window was open".to_owned())];
        };
        let fault = case.experiment.fault.name();
        if !rules.faults.iter().any(|allowed| allowed == fault) {
            wrong.push(("only what is allowed is done", format!("{fault} is not")));
        }
        if let Some(last) = self.last.get(fleet).filter(|_| rules.min_days > 0 && case.hit.is_empty()) {
            let end = rules.end_of_work_day_before(day, rules.min_days);
            if end.is_none_or(|end| *last >= end) {
                let why = format!("the last kill was at {last:.0}, and {} work days must lie between", rules.min_days);
                wrong.push(("the least work days between kills are kept", why));
            }
        }
        let kills = self.of_day.get(&(fleet.clone(), case.experiment.day)).copied().unwrap_or(0);
        if kills >= rules.max_per_day {
            wrong.push(("no fleet has more kills on a day than its cap", format!("{kills} before")));
        }
        let cap = |name: &str| self.environment.get(name).and_then(|text| text.parse::<u32>().ok()).unwrap_or(1);
        let account = self.of_account.get(&account_day(case)).copied().unwrap_or(0);
        if account >= cap("MAX_KILLS_PER_DAY") {
            wrong.push(("no account has more kills on a day than its cap", format!("{account} before")));
        }
        if case.hit.len() >= cap("MAX_KILLS_PER_RUN") as usize {
            wrong.push(("no run has more kills than its cap", format!("{} before", case.hit.len())));
        }
        // Who was hit by the same experiment before is gone, whatever the reads show yet.
        let before = case.hit.keys().filter(|id| group.members.get(*id).is_some_and(|member| member.serves())).count();
        let after = group.serving().count().saturating_sub(before + 1);
        match rules.floor(group.desired, group.maintenance) {
            Ok(floor) if after >= floor.max(1) => {}
            Ok(floor) => wrong.push(("never below min-healthy", format!("{after} stay, and {floor} must"))),
            Err(why) => wrong.push(("nothing dies in a group that does not take part", why)),
        }
        wrong
    }

    /// Counts a kill.
    fn count(&mut self, fleet: &FleetName, strike: &Strike<'_>) {
        let Some(case) = self.open.get_mut(fleet) else { return };
        case.hit.insert(strike.victim.to_owned(), strike.at);
        let (day, account) = (case.experiment.day, account_day(case));
        self.last.insert(fleet.clone(), strike.at);
        *self.of_day.entry((fleet.clone(), day)).or_default() += 1;
        *self.of_account.entry(account).or_default() += 1;
        self.figures.kills += 1;
    }
}

/// Desired, in service and healthy are the same number, and nobody is on the way in or out; nobody suspended what heals; the victim serves.
fn well(group: &GroupState, victim: &str) -> Result<(), String> {
    const VITAL: [&str; 5] = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"];
    if let Some(process) = group.suspended.iter().find(|process| VITAL.contains(&process.as_str())) {
        return Err(format!("{process} was suspended"));
    }
    let serving = group.serving().count();
    if serving != group.desired || serving == 0 {
        return Err(format!("{serving} of {} served", group.desired));
    }
    let calm = |lifecycle: panda_world::Lifecycle| {
        use panda_world::Lifecycle::{InService, Standby};
        matches!(lifecycle, InService | Standby)
    };
    let restless = group.members.iter().find(|(_, member)| !member.warm && !calm(member.lifecycle));
    if let Some((id, member)) = restless {
        return Err(format!("{id} was {:?}", member.lifecycle));
    }
    match group.members.get(victim) {
        Some(member) if member.serves() && !member.protected => Ok(()),
        Some(member) => Err(format!("the victim was {member:?}")),
        None => Err("the victim was no member".to_owned()),
    }
}

fn running(until: Option<Timestamp>, at: Timestamp) -> Option<Timestamp> {
    until.filter(|end| end.checked_sub(FRINGE).is_ok_and(|end| end > at))
}

fn surroundings(
    fleet: &FleetState,
    group: &GroupState,
    at: Timestamp,
    environment: &Environment,
) -> Result<(), String> {
    let rules = Rules::read(&group.tags, environment)?;
    for alarm in &rules.alarms {
        match fleet.alarms.get(alarm) {
            Some(false) => {}
            Some(true) => return Err(format!("{alarm} rang")),
            None => return Err(format!("there was no {alarm}")),
        }
    }
    match running(fleet.busy_until.filter(|_| !rules.pipelines.is_empty()), at) {
        Some(end) => Err(format!("a pipeline ran until {end:.0}")),
        None => Ok(()),
    }
}

fn seated(fleet: &FleetState) -> Result<(), String> {
    for (public_ip, holder) in &fleet.seats {
        let member = |id: &String| fleet.groups.values().find_map(|group| group.members.get(id));
        let serves = holder.as_ref().and_then(member).is_some_and(|member| member.serves() && member.running);
        if !serves {
            return Err(format!("{public_ip} was on {}", holder.as_deref().unwrap_or("nobody")));
        }
    }
    Ok(())
}
