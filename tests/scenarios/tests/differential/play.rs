//! A random life of two accounts, and what comes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Value, json};

use super::{
    call::Call,
    compare::Difference,
    judged::Judged,
    model::{Dice, Seen, filter, next_call},
    names::MOTO,
    pair::{Answer, Pair},
    table::JUDGED,
};

/// What has been compared so far, over all seeds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Operations: how often both did it, both refused with the same code, and one did what the other refused.
    pub(crate) operations: BTreeMap<String, [u32; 3]>,
    /// Calls that were made: operation, case, and how often.
    pub(crate) asked: BTreeMap<(String, &'static str), u32>,
    /// The places in the table that were met.
    pub(crate) met: BTreeMap<usize, u32>,
    /// Accounts that were begun.
    pub(crate) lives: u32,
    /// Accounts that ended because moto had lent an address twice.
    pub(crate) given_twice: u32,
    /// What moto was told to let go, and how often: see [`LEFT_BEHIND`].
    pub(crate) let_go: BTreeMap<&'static str, u32>,
    /// Differences that are in no table: how often. The first of each is told at once.
    pub(crate) unlisted: BTreeMap<String, u32>,
}

impl Tally {
    /// How often calls were made that a listed difference is about.
    pub(crate) fn times_asked(&self, judged: &Judged) -> u32 {
        let about = self.asked.iter().filter(|((operation, case), _)| judged.is_about(operation, case));
        about.map(|(_, times)| times).sum()
    }
}

/// What moto leaves behind when something goes, and AWS does not. moto is told to let it go, so that both stay together.
pub(crate) const LEFT_BEHIND: [&str; 3] = [ADDRESSES, TAGS, HOOKS];
const ADDRESSES: &str = "an address leaves an instance that dies: EC2 user guide, instance lifecycle";
const TAGS: &str = "tags go with their address: EC2 user guide, Using_Tags";
const HOOKS: &str = "hooks go with their group: API_DeleteAutoScalingGroup";

/// Plays so many calls from a seed. Where the sides part, both begin anew.
pub(crate) fn play(pair: &mut Pair, tally: &mut Tally, seed: u64, calls: u32) {
    let mut dice = Dice::new(seed);
    let mut life = Life::begin(pair, tally, &mut dice, seed);
    for _ in 0..calls {
        let call = next_call(&mut dice, &life.seen);
        if life.live(pair, tally, &call) == Now::Apart || life.calls.len() >= LONGEST {
            life = Life::begin(pair, tally, &mut dice, seed);
        }
    }
}

/// Calls of a life, at most: moto gets slower with all that it remembers, and a story that people read must be short.
const LONGEST: usize = 60;

/// Whether both sides are still in the same state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    Together,
    Apart,
}

struct Life {
    seed: u64,
    calls: Vec<Call>,
    seen: Seen,
    /// Interfaces that have been seen, and their instances.
    interfaces: BTreeMap<String, String>,
    /// Public addresses that moto has given, and to whom.
    given: BTreeMap<String, String>,
}

impl Life {
    fn begin(pair: &mut Pair, tally: &mut Tally, dice: &mut Dice, seed: u64) -> Life {
        pair.anew(dice.number());
        tally.lives += 1;
        Life { seed, calls: Vec::new(), seen: Seen::default(), interfaces: BTreeMap::new(), given: BTreeMap::new() }
    }

    fn live(&mut self, pair: &mut Pair, tally: &mut Tally, call: &Call) -> Now {
        self.calls.push(call.clone());
        let answer = pair.ask(call);
        let kind = if answer.same_outcome() { usize::from(answer.world.tree().is_none()) } else { 2 };
        tally.operations.entry(call.name()).or_default()[kind] += 1;
        *tally.asked.entry((call.name(), call.case)).or_default() += 1;
        let (listed, unlisted) = Life::judge(tally, call, &answer.differences);
        let parted = !unlisted.is_empty() && call.writes && !answer.same_outcome();
        self.report(tally, call, &unlisted);
        if listed == Now::Apart || parted {
            return Now::Apart;
        }
        if !call.writes {
            return Now::Together;
        }
        let refused = answer.world.tree().is_none();
        if !refused {
            Life::let_go(pair, tally, call);
        }
        let effect = JUDGED.iter().position(|judged| judged.covers_effect(call, refused));
        self.look(pair, tally, effect)
    }

    /// What exists after a change, on both sides; and the place in the table, if there is one, that says the change has different effects.
    fn look(&mut self, pair: &mut Pair, tally: &mut Tally, effect: Option<usize>) -> Now {
        let ask = |pair: &mut Pair, service, operation, input| {
            let call = Call::read(service, operation, "after a change", input);
            let answer = pair.ask(&call);
            (call, answer)
        };
        let mut answers = vec![
            ask(pair, "autoscaling", "DescribeAutoScalingGroups", json!({})),
            ask(pair, "ec2", "DescribeInstances", json!({})),
        ];
        let instances = list(&answers[1].1.seen, "Instances");
        for instance in &instances {
            let own = list(instance, "NetworkInterfaces");
            let named = own.iter().map(|each| (text(each, "NetworkInterfaceId"), text(instance, "InstanceId")));
            self.interfaces.extend(named);
        }
        let dead: BTreeSet<String> = instances
            .iter()
            .filter(|each| each["State"]["Name"] == "terminated")
            .map(|each| text(each, "InstanceId"))
            .collect();
        self.free_the_dead(pair, tally, &dead);
        answers.push(ask(pair, "ec2", "DescribeAddresses", json!({})));
        for group in list(&answers[0].1.seen, "AutoScalingGroups") {
            let name = json!({"AutoScalingGroupName": group["AutoScalingGroupName"]});
            answers.push(ask(pair, "autoscaling", "DescribeLifecycleHooks", name));
        }
        let moto_has = |answer: &Answer, name| answer.moto.tree().map(|tree| list(tree, name)).unwrap_or_default();
        let reservations = moto_has(&answers[1].1, "Reservations");
        let instances_of_moto: Vec<Value> = reservations.iter().flat_map(|each| list(each, "Instances")).collect();
        if self.gave_twice(&instances_of_moto, &moto_has(&answers[2].1, "Addresses")) {
            tally.given_twice += 1;
            return Now::Apart;
        }
        for (call, answer) in &answers {
            let (listed, unlisted) = Life::judge(tally, call, &answer.differences);
            if !unlisted.is_empty() {
                match effect {
                    Some(at) => *tally.met.entry(at).or_default() += 1,
                    None => self.report(tally, call, &unlisted),
                }
                return Now::Apart;
            }
            if listed == Now::Apart {
                return Now::Apart;
            }
        }
        self.seen = Seen {
            groups: list(&answers[0].1.seen, "AutoScalingGroups"),
            instances,
            addresses: list(&answers[2].1.seen, "Addresses"),
            hooks: answers[3..].iter().flat_map(|(_, answer)| list(&answer.seen, "LifecycleHooks")).collect(),
        };
        Now::Together
    }

    /// Whether moto has lent an address that another had before: it draws them from 65,025, and does not look. Then a name means two things,
    /// and the life ends.
    fn gave_twice(&mut self, instances: &[Value], addresses: &[Value]) -> bool {
        let elastic: BTreeSet<String> = addresses.iter().map(|each| text(each, "PublicIp")).collect();
        let owned = addresses.iter().map(|each| (text(each, "PublicIp"), text(each, "AllocationId")));
        let lent = instances.iter().map(|each| (text(each, "PublicIpAddress"), text(each, "InstanceId")));
        let given: Vec<_> = owned.chain(lent.filter(|(ip, _)| !ip.is_empty() && !elastic.contains(ip))).collect();
        given.into_iter().any(|(ip, whom)| self.given.insert(ip, whom.clone()).is_some_and(|earlier| earlier != whom))
    }

    /// Whether the sides are apart by what the table says, and what it does not say.
    fn judge(tally: &mut Tally, call: &Call, differences: &[Difference]) -> (Now, Vec<Difference>) {
        let (mut now, mut unlisted) = (Now::Together, Vec::new());
        for difference in differences {
            match JUDGED.iter().position(|judged| judged.covers(call, difference)) {
                Some(at) => {
                    *tally.met.entry(at).or_default() += 1;
                    if JUDGED[at].apart {
                        now = Now::Apart;
                    }
                }
                None => unlisted.push(difference.clone()),
            }
        }
        (now, unlisted)
    }

    /// Takes from moto what went with the address or the group that a call has just deleted.
    fn let_go(pair: &mut Pair, tally: &mut Tally, done: &Call) {
        match done.operation {
            "ReleaseAddress" => {
                let id = &done.input["AllocationId"];
                let of_it = json!({"Filters": [filter("resource-id", &[id.as_str().unwrap_or_default()])]});
                let tags: Vec<Value> = list(&pair.tell_moto("ec2", "DescribeTags", &of_it), "Tags")
                    .iter()
                    .map(|tag| json!({"Key": tag["Key"]}))
                    .collect();
                if !tags.is_empty() {
                    pair.tell_moto("ec2", "DeleteTags", &json!({"Resources": [id], "Tags": tags}));
                    *tally.let_go.entry(TAGS).or_default() += 1;
                }
            }
            "DeleteAutoScalingGroup" => {
                let of_it = json!({"AutoScalingGroupName": done.input["AutoScalingGroupName"]});
                for hook in list(&pair.tell_moto("autoscaling", "DescribeLifecycleHooks", &of_it), "LifecycleHooks") {
                    let mut one = of_it.clone();
                    one["LifecycleHookName"] = hook["LifecycleHookName"].clone();
                    pair.tell_moto("autoscaling", "DeleteLifecycleHook", &one);
                    *tally.let_go.entry(HOOKS).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Takes from moto the addresses that it leaves on the dead.
    fn free_the_dead(&self, pair: &mut Pair, tally: &mut Tally, dead: &BTreeSet<String>) {
        let addresses = pair.tell_moto("ec2", "DescribeAddresses", &json!({}));
        let addresses = pair.names.rename(MOTO, &addresses);
        for address in list(&addresses, "Addresses") {
            let on = self.interfaces.get(&text(&address, "NetworkInterfaceId"));
            if on.is_some_and(|instance| dead.contains(instance)) {
                pair.tell_moto("ec2", "DisassociateAddress", &json!({"PublicIp": text(&address, "PublicIp")}));
                *tally.let_go.entry(ADDRESSES).or_default() += 1;
            }
        }
    }

    fn report(&self, tally: &mut Tally, call: &Call, unlisted: &[Difference]) {
        for Difference { path, world, moto } in unlisted {
            let after = self.calls.last().map_or("", |last| last.operation);
            let case = if call.case == "after a change" { format!("after {after}") } else { call.case.to_owned() };
            let line = format!("{} | {case} | {path} | world: {world} | moto: {moto}", call.name());
            let times = tally.unlisted.entry(line.clone()).or_default();
            *times += 1;
            if *times == 1 {
                println!("UNLISTED {line}\n  {}", self.story());
            }
        }
    }

    fn story(&self) -> String {
        let mut words = format!("seed {}, the calls of this life:\n", self.seed);
        for call in &self.calls {
            writeln!(words, "    {call}").expect("a string takes text");
        }
        words
    }
}

fn list(tree: &Value, name: &str) -> Vec<Value> {
    tree[name].as_array().cloned().unwrap_or_default()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
