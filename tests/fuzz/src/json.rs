//! What is next to a JSON document? The same with a member gone, doubled, renamed, or of another kind.

use fastrand::Rng;
use serde_json::{Value, json};

/// Texts that are at the edge of what something reads.
const TEXTS: [&str; 18] = [
    "",
    " ",
    "\u{0}",
    "é\u{301}\u{202e}",
    "9999-12-30T22:00:00Z",
    "-009999-01-02T02:00:00Z",
    "2026-05-07T13:22:07.999999999Z",
    "i-",
    "d-",
    "subnet-",
    "ALARM",
    "FAILED",
    "SUCCEEDED",
    "4294967296",
    "2.0",
    "running",
    "command",
    "`'\"\\\n",
];

/// The bytes as a payload: JSON, or the text itself where they are none.
pub fn payload(data: &[u8]) -> Value {
    serde_json::from_slice(data).unwrap_or_else(|_| Value::from(super::text(data).as_ref()))
}

/// A neighbour of a JSON document; the same for the same seed. `None` if the bytes are no JSON.
pub fn mutated(data: &[u8], seed: u64) -> Option<Vec<u8>> {
    let original: Value = serde_json::from_slice(data).ok()?;
    let mut dice = Rng::with_seed(seed);
    let mut changed = original.clone();
    for _ in 0..dice.usize(1..=3) {
        let mut at = dice.usize(..size(&changed));
        let donor = nth(&mut original.clone(), &mut dice.usize(..size(&original))).cloned();
        if let Some(node) = nth(&mut changed, &mut at) {
            change(node, donor.unwrap_or(Value::Null), &mut dice);
        }
    }
    serde_json::to_vec(&changed).ok()
}

/// How many values a document has.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// The n-th value of a document, counted from its root.
fn nth<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, left)),
        Value::Object(members) => members.values_mut().find_map(|member| nth(member, left)),
        _ => None,
    }
}

fn change(node: &mut Value, donor: Value, dice: &mut Rng) {
    match (dice.u8(..8), &mut *node) {
        (0 | 1, Value::Object(members)) => {
            let gone = dice.choice(members.keys().cloned().collect::<Vec<_>>());
            let value = gone.and_then(|gone| members.remove(&gone).map(|value| (gone, value)));
            // Gone, or under another name.
            if let Some((name, value)) = value.filter(|_| dice.bool()) {
                members.insert(if dice.bool() { name.to_uppercase() } else { format!("{name} ") }, value);
            }
        }
        (2, Value::Object(members)) => {
            members.insert(dice.choice(TEXTS).unwrap_or_default().to_owned(), donor);
        }
        (0 | 1, Value::Array(items)) if !items.is_empty() => {
            items.remove(dice.usize(..items.len()));
        }
        (2, Value::Array(items)) => items.push(donor),
        (0 | 1, Value::String(text)) => {
            let end = text.char_indices().map(|(at, _)| at).nth(dice.usize(..=text.len())).unwrap_or(text.len());
            text.truncate(end);
        }
        (2, Value::String(text)) => {
            text.insert_str(0, dice.choice(TEXTS).unwrap_or_default());
        }
        (3, Value::String(text)) => *text = text.repeat(dice.usize(2..40)),
        (3 | 4, _) => *node = Value::from(dice.choice(TEXTS).unwrap_or_default()),
        (5, _) => {
            let values =
                [json!(null), json!(true), json!(0), json!(-1), json!(1.5), json!(4_294_967_296_u64), json!(1e300)];
            *node = dice.choice(values).unwrap_or_default();
        }
        (6, _) => *node = json!([donor]),
        _ => *node = donor,
    }
}
