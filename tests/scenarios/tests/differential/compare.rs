//! In what do two replies differ?
//!
//! Lists are sets: AWS promises no order. Elements are paired by what is equal in them, and never if they name different things.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::names::{MOTO, Names, WORLD};

/// A place where two replies differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// `Instances[].State.Name`
    pub(crate) path: String,
    /// What the world says; `absent` where it says nothing.
    pub(crate) world: String,
    /// What moto says.
    pub(crate) moto: String,
}

/// Members that say which thing an element is.
const IDENTITY: &[&str] = &[
    "InstanceId",
    "AllocationId",
    "AutoScalingGroupName",
    "LifecycleHookName",
    "ResourceId",
    "NetworkInterfaceId",
    "SubnetId",
    "Key",
    "AlarmName",
    "TopicArn",
    "ProcessName",
    "RouteTableId",
    "InstanceType",
    "Location",
    "DestinationCidrBlock",
];

/// Compares, and names the ids that both sides tell for the first time.
pub(crate) fn compare(names: &mut Names, world: &Value, moto: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(names, String::new(), world, moto, &mut found);
    found
}

fn walk(names: &mut Names, path: String, world: &Value, moto: &Value, found: &mut Vec<Difference>) {
    match (world, moto) {
        (Value::Object(ours), Value::Object(theirs)) => walk_members(names, &path, ours, theirs, found),
        (Value::Array(ours), Value::Array(theirs)) => walk_items(names, &format!("{path}[]"), ours, theirs, found),
        (Value::String(ours), Value::String(theirs)) if names.align(ours, theirs) => {}
        (ours, theirs) if ours == theirs && !ours.is_string() => {}
        (ours, theirs) => {
            let (world, moto) = (tell(names, WORLD, ours), tell(names, MOTO, theirs));
            found.push(Difference { path, world, moto });
        }
    }
}

fn walk_members(
    names: &mut Names,
    path: &str,
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    // What the element is called comes first, so that the rest of it is told by the same name.
    let keys: BTreeSet<(bool, &String)> =
        ours.keys().chain(theirs.keys()).map(|key| (!IDENTITY.contains(&key.as_str()), key)).collect();
    for (_, key) in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (ours.get(key), theirs.get(key)) {
            (Some(one), Some(other)) => walk(names, path, one, other, found),
            (one, other) => {
                let side =
                    |value: Option<&Value>, side| value.map_or("absent".to_owned(), |value| tell(names, side, value));
                let (world, moto) = (side(one, WORLD), side(other, MOTO));
                found.push(Difference { path, world, moto });
            }
        }
    }
}

fn walk_items(names: &mut Names, path: &str, ours: &[Value], theirs: &[Value], found: &mut Vec<Difference>) {
    let mut left: Vec<&Value> = theirs.iter().collect();
    let mut waiting: Vec<&Value> = ours.iter().collect();
    while !waiting.is_empty() {
        // The pair that has most in common, and among equals the first.
        let mut best: Option<(usize, usize, usize)> = None;
        for (at, one) in waiting.iter().enumerate() {
            for (other_at, other) in left.iter().enumerate() {
                let Some(alike) = alike(&names.rename(WORLD, one), &names.rename(MOTO, other)) else { continue };
                if best.is_none_or(|(most, ..)| alike > most) {
                    best = Some((alike, at, other_at));
                }
            }
        }
        let Some((_, at, other_at)) = best else { break };
        let (one, other) = (waiting.remove(at), left.remove(other_at));
        walk(names, path.to_owned(), one, other, found);
    }
    let absent = || "absent".to_owned();
    found.extend(waiting.iter().map(|one| Difference {
        path: path.to_owned(),
        world: tell(names, WORLD, one),
        moto: absent(),
    }));
    found.extend(left.iter().map(|one| Difference {
        path: path.to_owned(),
        world: absent(),
        moto: tell(names, MOTO, one),
    }));
}

/// How much two renamed elements have in common; nothing where they are different things.
fn alike(one: &Value, other: &Value) -> Option<usize> {
    let (Value::Object(ours), Value::Object(theirs)) = (one, other) else {
        return (one == other).then_some(1);
    };
    let known = |value: &&Value| value.as_str().is_some_and(|text| !text.contains("{?"));
    let said = |members: &'_ Map<String, Value>, name: &str| members.get(name).filter(|value| *value != "").cloned();
    let mut common = 0;
    for name in IDENTITY {
        match (&said(ours, name), &said(theirs, name)) {
            (Some(one), Some(other)) if one == other && known(&one) => common += 1_000,
            (Some(one), Some(other)) if one != other => return None,
            _ => {}
        }
    }
    Some(common + leaves_in_common(one, other))
}

fn leaves_in_common(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.iter().filter_map(|(key, value)| Some(leaves_in_common(value, theirs.get(key)?))).sum()
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.iter().map(|one| theirs.iter().map(|other| leaves_in_common(one, other)).max().unwrap_or(0)).sum()
        }
        _ => usize::from(one == other),
    }
}

fn tell(names: &Names, side: usize, value: &Value) -> String {
    match names.rename(side, value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[test]
fn lists_are_compared_as_sets_and_elements_by_what_they_are() {
    use serde_json::json;
    let mut names = Names::default();
    let world = json!({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], "Zones": ["x", "y"]});
    let moto = json!({"Tags": [{"Key": "b", "Value": "3"}, {"Key": "a", "Value": "1"}], "Zones": ["y", "z"]});
    let told = |path: &str, world: &str, moto: &str| Difference {
        path: path.to_owned(),
        world: world.to_owned(),
        moto: moto.to_owned(),
    };
    assert_eq!(
        compare(&mut names, &world, &moto),
        [told("Tags[].Value", "2", "3"), told("Zones[]", "x", "absent"), told("Zones[]", "absent", "z")]
    );
}

#[test]
fn new_ids_are_named_by_the_pair_that_has_most_in_common() {
    use serde_json::json;
    let mut names = Names::default();
    let world = json!([{"InstanceId": "i-0aaaaaaa1", "Zone": "a"}, {"InstanceId": "i-0aaaaaaa2", "Zone": "b"}]);
    let moto = json!([{"InstanceId": "i-0bbbbbbb2", "Zone": "b"}, {"InstanceId": "i-0bbbbbbb1", "Zone": "a"}]);
    assert_eq!(compare(&mut names, &world, &moto), []);
    assert_eq!(names.rename(WORLD, &json!("i-0aaaaaaa2")), names.rename(MOTO, &json!("i-0bbbbbbb2")));
}
