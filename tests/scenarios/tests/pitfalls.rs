//! Is everything tried that `docs/PITFALLS.md` says is tried?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::{fs, path::Path};

use panda_scenarios::root;

/// All tests of the workspace, as text.
fn tests(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_test_that_the_page_of_pitfalls_names_is_there() {
    let mut code = String::new();
    for folder in ["functions", "shared", "tests"] {
        tests(&root().join(folder), &mut code);
    }
    let page = fs::read_to_string(root().join("docs/PITFALLS.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| pitfall"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 11, "the page lists the pitfalls");
    for row in rows {
        assert_eq!(row.len(), 4, "{row:?}");
        for name in row[3].split('`').skip(1).step_by(2) {
            assert!(code.contains(&format!("fn {name}(")), "no test is named {name}");
        }
        for place in row[2].split('`').skip(1).step_by(2).filter(|place| place.starts_with("fleet/")) {
            assert!(place == "fleet/template.yaml" || root().join(place).exists(), "{place} is not there");
        }
    }
}
