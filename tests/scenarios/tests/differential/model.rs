//! Which call comes next? One that what exists gives reason for, or one that must be refused.

use serde_json::{Value, json};

use super::{autoscaling, call::Call, ec2, services, table::JUDGED};

/// Chance, from a seed.
#[derive(Debug)]
pub(crate) struct Dice {
    chance: fastrand::Rng,
    /// Makers of calls that have not had their turn in this round.
    round: Vec<Maker>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice { chance: fastrand::Rng::with_seed(seed), round: Vec::new() }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.chance.u64(..)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.chance.u64(..end)
    }

    /// One time in so many.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        self.chance.choice(from).cloned()
    }

    /// One of several that are there in any case.
    pub(crate) fn of<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        *self.chance.choice(&from).expect("there is one")
    }

    /// Up to so many of several, at least one where there is one.
    pub(crate) fn some<T: Clone>(&mut self, from: &[T], most: usize) -> Vec<T> {
        let mut all = from.to_vec();
        self.chance.shuffle(&mut all);
        all.truncate(self.chance.usize(1..=most));
        all
    }
}

/// What exists on both sides, by names, as it was when last looked at.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) instances: Vec<Value>,
    pub(crate) addresses: Vec<Value>,
    pub(crate) groups: Vec<Value>,
    pub(crate) hooks: Vec<Value>,
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

impl Seen {
    /// Instances in one of these states.
    pub(crate) fn instances_in(&self, states: &[&str]) -> Vec<&Value> {
        let wanted = |each: &&Value| states.iter().any(|state| each["State"]["Name"] == *state);
        self.instances.iter().filter(wanted).collect()
    }

    /// The ids of instances in one of these states.
    pub(crate) fn ids_in(&self, states: &[&str]) -> Vec<String> {
        self.instances_in(states).into_iter().map(|each| text(each, "InstanceId")).collect()
    }

    /// Members of groups with their lifecycle state, and the group.
    pub(crate) fn members(&self) -> Vec<(&Value, String, String)> {
        let of = |group| {
            let members = list(group, "Instances").into_iter();
            members.map(move |each| (group, text(each, "InstanceId"), text(each, "LifecycleState")))
        };
        self.groups.iter().flat_map(of).collect()
    }

    pub(crate) fn members_in(&self, state: &str) -> Vec<String> {
        self.members().into_iter().filter(|(.., now)| now == state).map(|(_, id, _)| id).collect()
    }

    pub(crate) fn is_member(&self, id: &str) -> bool {
        self.members().iter().any(|(_, member, _)| member == id)
    }

    /// Running or stopped, and of no group.
    pub(crate) fn free_ids(&self, states: &[&str]) -> Vec<String> {
        self.ids_in(states).into_iter().filter(|id| !self.is_member(id)).collect()
    }
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> Vec<&'a Value> {
    value[name].as_array().into_iter().flatten().collect()
}

pub(crate) const UNKNOWN_INSTANCE: &str = "i-0123456789abcdef0";

pub(crate) const KEYS: [&str; 4] = ["team", "stage", "lethargic-panda:fleet", "Name"];
pub(crate) const VALUES: [&str; 4] = ["web", "web-2", "a b", ""];
/// Values as filters ask for them.
pub(crate) const PATTERNS: [&str; 5] = ["web", "web*", "?eb", "a b", "nobody"];

/// A filter as the client takes it.
pub(crate) fn filter(name: &str, values: &[&str]) -> Value {
    json!({"Name": name, "Values": values})
}

fn parts(call: &Call) -> bool {
    JUDGED.iter().any(|judged| judged.apart && judged.case != "*" && judged.is_about(&call.name(), call.case))
}

type Maker = fn(&mut Dice, &Seen) -> Option<Call>;

pub(crate) fn next_call(dice: &mut Dice, seen: &Seen) -> Call {
    // Without a group there is little to ask.
    if seen.groups.is_empty() && !dice.one_in(4) {
        return autoscaling::create(dice, seen).expect("there can be a group");
    }
    if seen.addresses.is_empty() && dice.one_in(5) {
        return ec2::allocate(dice, seen).expect("there can be an address");
    }
    // Each has its turn in every round, so that few calls are enough to hear all of them.
    loop {
        if dice.round.is_empty() {
            dice.round = [ec2::MAKERS, autoscaling::MAKERS, services::MAKERS].concat();
            dice.chance.shuffle(&mut dice.round);
        }
        let maker = dice.round.pop().expect("there are calls");
        // A call after which both begin anew must be rare, or no life lasts.
        if let Some(call) = maker(dice, seen)
            && (!parts(&call) || dice.one_in(2))
        {
            return call;
        }
    }
}
