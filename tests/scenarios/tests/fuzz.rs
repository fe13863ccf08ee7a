//! What `make fuzz` searches for an hour holds for its seeds, and for changes of them, in every test run.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[allow(unreachable_pub, reason = "a library of its own for libFuzzer")]
#[path = "../../fuzz/src/lib.rs"]
mod fuzz;

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use panda_domain::{
    chaos::{Command, Experiment},
    event::decode,
    preflight::Order,
    recovery::{AgentReport, MARK, Wake, redact},
};
use serde_json::Value;

use self::fuzz::{TARGETS, Target, json};

/// How many changes of each JSON seed are played.
const CHANGES: u64 = 150;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every file below a folder; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What a target begins with: its own seeds, and the sample events.
fn seeds(target: Target) -> Vec<(PathBuf, Vec<u8>)> {
    let own = files(&repository().join("tests/fuzz/seeds").join(target.name));
    let all = own.into_iter().chain(files(&repository().join("tests/events")));
    all.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn every_target_has_a_binary_that_make_fuzz_finds_and_seeds_to_begin_with() {
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    let sources = files(&repository().join("tests/fuzz/targets"));
    let found: BTreeSet<String> =
        sources.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(found, names, "tests/fuzz/targets");
    let manifest = fs::read_to_string(repository().join("tests/fuzz/Cargo.toml")).unwrap();
    let binaries: BTreeSet<String> =
        manifest.split("[[bin]]").skip(1).map(|section| section.split('"').nth(1).unwrap().to_owned()).collect();
    assert_eq!(binaries, names, "tests/fuzz/Cargo.toml");
    for (path, target) in sources.iter().zip(&names) {
        let source = fs::read_to_string(path).unwrap();
        assert!(source.contains(&format!("fuzz_target!(|data: &[u8]| panda_fuzz::{target}(data))")), "{target}");
    }
    let makefile = fs::read_to_string(repository().join("Makefile")).unwrap();
    assert!(makefile.contains("$(wildcard tests/fuzz/targets/*.rs)"), "make fuzz plays what it finds there");
    for target in TARGETS {
        assert!(target.reads_json || files(&repository().join("tests/fuzz/seeds").join(target.name)).len() >= 3);
    }
}

#[test]
fn every_seed_and_every_change_of_it_obeys_the_laws() {
    let mut broken = Vec::new();
    let mut play = |target: Target, path: &Path, data: &[u8]| {
        if catch_unwind(AssertUnwindSafe(|| (target.play)(data))).is_err() {
            broken.push(format!("{}: {}: {}", target.name, path.display(), String::from_utf8_lossy(data)));
        }
    };
    for target in TARGETS {
        for (path, data) in seeds(target) {
            play(target, &path, &data);
            for seed in 0..if target.reads_json { CHANGES } else { 0 } {
                if let Some(changed) = json::mutated(&data, seed) {
                    play(target, &path, &changed);
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A decoder that refused everything would obey every law.
#[test]
fn the_seeds_get_past_the_decoders() {
    let read = |name: &str, understood: fn(&Value) -> bool| {
        let target = TARGETS.into_iter().find(|target| target.name == name).unwrap();
        seeds(target).iter().filter(|(_, data)| understood(&json::payload(data))).count()
    };
    assert!(read("events", |payload| decode(payload).is_ok()) >= 15);
    assert!(read("recovery", |payload| Wake::decode(payload).is_ok()) >= 6);
    assert!(read("panda", |payload| Command::decode(payload).is_ok()) >= 6);
    assert!(read("preflight", |payload| Order::decode(payload).is_ok()) >= 1);
    assert_eq!(read("journal", |payload| serde_json::from_value::<Experiment>(payload.clone()).is_ok()), 2);
    let reports = files(&repository().join("tests/fuzz/seeds/reports"));
    let found = reports.iter().filter(|path| AgentReport::find(&fs::read_to_string(path).unwrap()).is_some()).count();
    assert_eq!(found, 2);
    for path in files(&repository().join("tests/fuzz/seeds/redaction")) {
        let text = fs::read(&path).unwrap();
        assert!(redact(&String::from_utf8_lossy(&text)).contains(MARK), "{}", path.display());
    }
}

#[test]
fn a_change_of_json_is_json_again_and_the_same_for_the_same_seed() {
    let original = br#"{"command": "kill", "fleet": "web", "count": 2, "more": ["a", {"b": null}]}"#;
    let changes: BTreeSet<Vec<u8>> = (0..100).map(|seed| json::mutated(original, seed).unwrap()).collect();
    assert!(changes.len() > 60, "{} different ones", changes.len());
    assert!(changes.iter().all(|changed| serde_json::from_slice::<Value>(changed).is_ok()));
    assert_eq!(json::mutated(original, 7), json::mutated(original, 7));
    assert_eq!(json::mutated(b"{", 7), None);
}
