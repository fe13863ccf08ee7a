//! What the tests that cross crates share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::must_use_candidate,
    clippy::missing_panics_doc,
    reason = "it serves tests, and a test that cannot go on should stop"
)]

use std::path::{Path, PathBuf};

pub mod emulator;
pub mod permissions;
pub mod template;

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("tests/scenarios lies in the repository")
        .to_path_buf()
}

/// A sample event of `tests/events`, by its file's name without `.json`.
pub fn golden(name: &str) -> serde_json::Value {
    let path = root().join("tests/events").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of all sample events, sorted. Files that are no events (replies of an API) are left out.
pub fn goldens() -> Vec<String> {
    let folder = root().join("tests/events");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| path.file_stem().expect("a file has a name").to_string_lossy().into_owned())
        .filter(|name| golden(name).get("detail-type").is_some())
        .collect();
    names.sort();
    names
}
