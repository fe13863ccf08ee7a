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
    model::{Dice, Seen, next_call},
    pair::{Answer, Pair},
    table::JUDGED,
};

/// What has been compared so far, over all seeds.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Operations: how often both did it, and how often both refused with the same code.
    pub(crate) operations: BTreeMap<String, [u32; 2]>,
    /// The places in the table that were met.
    pub(crate) met: BTreeMap<usize, u32>,
    /// Accounts that were begun.
    pub(crate) lives: u32,
}

/// Plays so many calls from a seed; says what is unlisted, with the calls that led there.
pub(crate) fn play(pair: &mut Pair, tally: &mut Tally, seed: u64, calls: u32) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let mut life = Life::begin(pair, tally, &mut dice);
    for _ in 0..calls {
        let call = next_call(&mut dice, &life.seen);
        if life.live(pair, tally, call)? == End::Apart || life.calls.len() >= 60 {
            life = Life::begin(pair, tally, &mut dice);
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Together,
    Apart,
}

struct Life {
    calls: Vec<Call>,
    seen: Seen,
}

impl Life {
    fn begin(pair: &mut Pair, tally: &mut Tally, dice: &mut Dice) -> Life {
        pair.anew(dice.number());
        tally.lives += 1;
        Life { calls: Vec::new(), seen: Seen::default() }
    }

    fn live(&mut self, pair: &mut Pair, tally: &mut Tally, call: Call) -> Result<End, String> {
        self.calls.push(call.clone());
        let answer = pair.ask(&call);
        let mut apart = self.judge(tally, &call, &answer)?;
        if answer.differences.iter().all(|difference| difference.path != "outcome") {
            let counts = tally.operations.entry(call.name()).or_default();
            counts[usize::from(answer.world.tree().is_none())] += 1;
        }
        if call.writes && !apart {
            apart = self.look(pair, tally, &call)?;
        }
        Ok(if apart { End::Apart } else { End::Together })
    }

    /// What exists after a change, on both sides.
    fn look(&mut self, pair: &mut Pair, tally: &mut Tally, after: &Call) -> Result<bool, String> {
        let case = "after a change";
        let ask = |pair: &mut Pair, service, operation, input| {
            let call = Call::read(service, operation, case, input);
            let answer = pair.ask(&call);
            (call, answer)
        };
        let mut answers = vec![ask(pair, "autoscaling", "DescribeAutoScalingGroups", json!({}))];
        answers.push(ask(pair, "ec2", "DescribeInstances", json!({})));
        let dead = dead_of(&answers[1].1.seen);
        free_the_dead(pair, tally, &dead);
        answers.push(ask(pair, "ec2", "DescribeAddresses", json!({})));
        for group in list(&answers[0].1.seen, "AutoScalingGroups") {
            let name = json!({"AutoScalingGroupName": group["AutoScalingGroupName"]});
            answers.push(ask(pair, "autoscaling", "DescribeLifecycleHooks", name));
        }
        let effect = JUDGED.iter().position(|judged| judged.covers_effect(after));
        for (call, answer) in &answers {
            let outcome = self.judge(tally, call, answer);
            match (outcome, effect) {
                (Ok(false), _) => {}
                (Ok(true), _) => return Ok(true),
                (Err(_), Some(at)) => {
                    *tally.met.entry(at).or_default() += 1;
                    return Ok(true);
                }
                (Err(words), None) => return Err(words),
            }
        }
        self.seen = Seen {
            groups: list(&answers[0].1.seen, "AutoScalingGroups"),
            instances: list(&answers[1].1.seen, "Instances"),
            addresses: list(&answers[2].1.seen, "Addresses"),
            hooks: answers[3..].iter().flat_map(|(_, answer)| list(&answer.seen, "LifecycleHooks")).collect(),
        };
        Ok(false)
    }

    /// Whether the sides are apart now; unlisted differences in words.
    fn judge(&self, tally: &mut Tally, call: &Call, answer: &Answer) -> Result<bool, String> {
        let (mut apart, mut unlisted) = (false, Vec::new());
        for difference in &answer.differences {
            let covers = |judged: &&Judged| judged.covers(call, difference);
            match JUDGED.iter().position(|judged| covers(&judged)) {
                Some(at) => {
                    *tally.met.entry(at).or_default() += 1;
                    apart |= JUDGED[at].apart;
                }
                None => unlisted.push(difference),
            }
        }
        if unlisted.is_empty() { Ok(apart) } else { Err(self.tell(call, answer, &unlisted)) }
    }

    fn tell(&self, call: &Call, answer: &Answer, unlisted: &[&Difference]) -> String {
        let mut words = String::from("the calls of this life:\n");
        for call in &self.calls {
            writeln!(words, "  {call}").expect("a string takes text");
        }
        writeln!(words, "{} ({}): world {:?}, moto {:?}", call.name(), call.case, answer.world, answer.moto)
            .expect("a string takes text");
        words.truncate(words.len().min(20_000));
        for each in unlisted {
            let Difference { path, world, moto } = each;
            let name = call.name();
            write!(words, "\nUNLISTED {name} | {} | {path} | world: {world} | moto: {moto}", call.case)
                .expect("a string takes text");
        }
        words
    }
}

fn list(tree: &Value, name: &str) -> Vec<Value> {
    tree[name].as_array().cloned().unwrap_or_default()
}

fn dead_of(instances: &Value) -> BTreeSet<String> {
    let dead = |each: &Value| each["State"]["Name"] == "terminated";
    list(instances, "Instances").iter().filter(|each| dead(each)).map(|each| text(each, "InstanceId")).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// moto leaves an address on an instance that is terminated. AWS takes it away `[doc]` (EC2 user guide, Elastic IP addresses; instance
/// lifecycle), as the world does; so moto is told to, and both go on.
fn free_the_dead(pair: &mut Pair, tally: &mut Tally, dead: &BTreeSet<String>) {
    let addresses = pair.tell_moto("ec2", "DescribeAddresses", &json!({}));
    let addresses = pair.names.rename(super::names::MOTO, &addresses);
    for address in list(&addresses, "Addresses") {
        if dead.contains(&text(&address, "InstanceId")) {
            let by = json!({"PublicIp": text(&address, "PublicIp")});
            pair.tell_moto("ec2", "DisassociateAddress", &by);
            *tally.met.entry(usize::MAX).or_default() += 1;
        }
    }
}
