//! Which id of one side is which of the other?
//!
//! Ids are made up by both sides. The first time that two stand at the same place of two replies, they get one name, `{i:1}`; from then on
//! replies are compared, and calls are made, by the name.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

/// The two sides, as places in pairs.
pub(crate) const WORLD: usize = 0;
pub(crate) const MOTO: usize = 1;

const PREFIXES: &[&str] = &[
    "i",
    "r",
    "eipalloc",
    "eipassoc",
    "eni",
    "eni-attach",
    "vpc",
    "subnet",
    "lt",
    "rtb",
    "igw",
    "ami",
    "vol",
    "sg",
    "rtbassoc",
];

/// A piece of a string.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Id(&'static str, String),
}

/// Names of ids, and ids of names, for both sides.
#[derive(Debug, Default)]
pub(crate) struct Names {
    of_ids: [BTreeMap<String, String>; 2],
    ids: BTreeMap<String, [String; 2]>,
    made: BTreeMap<&'static str, u32>,
}

impl Names {
    /// A string in which known ids are names, and unknown ones `{?i}`.
    fn render(&self, side: usize, text: &str) -> String {
        pieces(text).into_iter().fold(String::new(), |mut whole, piece| {
            match piece {
                Piece::Text(text) => whole.push_str(text),
                Piece::Id(kind, id) => match self.of_ids[side].get(&id) {
                    Some(name) => whole.push_str(name),
                    None => write!(whole, "{{?{kind}}}").expect("a string takes text"),
                },
            }
            whole
        })
    }

    /// The same for all strings of a tree.
    pub(crate) fn rename(&self, side: usize, tree: &Value) -> Value {
        map_strings(tree, &|text| self.render(side, text))
    }

    /// A call's input with the ids of a side.
    pub(crate) fn ids_for(&self, side: usize, input: &Value) -> Value {
        map_strings(input, &|text| {
            let (mut told, mut rest) = (String::new(), text);
            while let Some(start) = rest.find('{') {
                let name = rest[start..].find('}').map(|end| &rest[start..=start + end]);
                let ids = name.and_then(|name| Some((name, self.ids.get(name)?)));
                let (name, id) = ids.map_or(("{", "{"), |(name, ids)| (name, ids[side].as_str()));
                told.push_str(&rest[..start]);
                told.push_str(id);
                rest = &rest[start + name.len()..];
            }
            told + rest
        })
    }

    /// Gives names to what is unknown to both at the same places, and says whether the strings mean the same.
    pub(crate) fn align(&mut self, world: &str, moto: &str) -> bool {
        let (ours, theirs) = (pieces(world), pieces(moto));
        let fits = ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|pair| match pair {
                (Piece::Id(kind, id), Piece::Id(other_kind, other)) => {
                    kind == other_kind && self.of_ids[WORLD].get(id) == self.of_ids[MOTO].get(other)
                }
                (one, other) => one == other,
            });
        if fits {
            for pair in ours.into_iter().zip(theirs) {
                if let (Piece::Id(kind, id), Piece::Id(_, other)) = pair
                    && !self.of_ids[WORLD].contains_key(&id)
                {
                    self.bind(kind, id, other);
                }
            }
        }
        fits
    }

    fn bind(&mut self, kind: &'static str, world: String, moto: String) {
        let made = self.made.entry(kind).or_default();
        *made += 1;
        let name = format!("{{{kind}:{made}}}");
        self.of_ids[WORLD].insert(world.clone(), name.clone());
        self.of_ids[MOTO].insert(moto.clone(), name.clone());
        self.ids.insert(name, [world, moto]);
    }
}

/// All strings of a tree, changed. Keys are AWS's words and stay.
pub(crate) fn map_strings(tree: &Value, change: &impl Fn(&str) -> String) -> Value {
    match tree {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => items.iter().map(|item| map_strings(item, change)).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, value)| (key.clone(), map_strings(value, change))).collect()
        }
        other => other.clone(),
    }
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain, mut at) = (0, 0);
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    while at < text.len() {
        let rest = &text[at..];
        let length = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
        let word = rest[..length].trim_end_matches('.');
        let follows = &rest[length..];
        if let Some((before, kind, id, after)) =
            id_in(word).filter(|(_, kind, ..)| *kind != "ip" || !follows.starts_with('/'))
        {
            if plain < at + before {
                pieces.push(Piece::Text(&text[plain..at + before]));
            }
            pieces.push(Piece::Id(kind, id));
            plain = at + after;
        }
        at += length.max(1);
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    if plain < text.len() {
        pieces.push(Piece::Text(&text[plain..]));
    }
    pieces
}

/// Where an id begins in a word, its kind, itself, and where it ends.
fn id_in(word: &str) -> Option<(usize, &'static str, String, usize)> {
    let hex = |text: &str| text.chars().all(|c| c.is_ascii_hexdigit());
    if let Some((prefix, digits)) = word.rsplit_once('-')
        && let Some(kind) = PREFIXES.iter().find(|known| **known == prefix)
        && (8..=32).contains(&digits.len())
        && hex(digits)
    {
        return Some((0, kind, word.to_owned(), word.len()));
    }
    let parts: Vec<&str> = word.split('-').collect();
    if parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| hex(part)) {
        return Some((0, "uuid", word.to_owned(), word.len()));
    }
    if word.starts_with("d-")
        && word.len() == 11
        && word[2..].chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
    {
        return Some((0, "d", word.to_owned(), word.len()));
    }
    let number = |part: &&str| part.parse::<u8>().is_ok();
    let numbers: Vec<&str> = word.split('.').collect();
    if numbers.len() == 4 && numbers.iter().all(number) {
        return Some((0, "ip", word.to_owned(), word.len()));
    }
    // `ip-10-0-0-1.ec2.internal`, `ec2-198-51-100-1.compute-1.amazonaws.com`
    let host = word.split('.').next().unwrap_or(word);
    let dashed = host.strip_prefix("ip-").or(host.strip_prefix("ec2-"))?;
    let numbers: Vec<&str> = dashed.split('-').collect();
    let found = numbers.len() == 4 && numbers.iter().all(number);
    found.then(|| (host.len() - dashed.len(), "ip", numbers.join("."), host.len()))
}

#[test]
fn ids_are_found_wherever_they_stand() {
    let id = |kind, id: &str| Piece::Id(kind, id.to_owned());
    assert_eq!(
        pieces("Terminating EC2 instance: i-0123456789abcdef0."),
        [Piece::Text("Terminating EC2 instance: "), id("i", "i-0123456789abcdef0"), Piece::Text(".")]
    );
    assert_eq!(
        pieces("ip-10-0-2-9.ec2.internal"),
        [Piece::Text("ip-"), id("ip", "10.0.2.9"), Piece::Text(".ec2.internal")]
    );
    assert_eq!(pieces("eni-attach-0123456789abcdef0"), [id("eni-attach", "eni-attach-0123456789abcdef0")]);
    assert_eq!(pieces("172.31.0.0/16"), [Piece::Text("172.31.0.0/16")]);
    assert_eq!(pieces("i-panda web-1 3.14"), [Piece::Text("i-panda web-1 3.14")]);
}

#[test]
fn two_ids_at_the_same_place_have_one_name() {
    let mut names = Names::default();
    assert!(names.align("i-0aaaaaaaa", "i-0bbbbbbbb"));
    assert!(!names.align("i-0aaaaaaaa", "i-0cccccccc"), "it is another's");
    assert!(!names.align("i-0dddddddd", "r-0dddddddd"));
    assert_eq!(names.ids_for(MOTO, &Value::from("arn:{i:1}")), "arn:i-0bbbbbbbb");
    assert_eq!(names.rename(WORLD, &Value::from("i-0aaaaaaaa i-0eeeeeeee")), "{i:1} {?i}");
}
