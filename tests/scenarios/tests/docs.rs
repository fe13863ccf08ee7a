//! Does the documentation say what the code and the template say?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use panda_scenarios::root;
use serde_yaml_ng::Value;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn template() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).unwrap()
}

/// The first cells, in backticks, of the table rows below a heading.
fn table(text: &str, heading: &str) -> BTreeSet<String> {
    let section = text.split_once(heading).unwrap_or_else(|| panic!("no `{heading}`")).1;
    let rows = section.lines().take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('`').nth(1).unwrap().to_owned()).collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_readme_lists_every_parameter_with_its_default() {
    let readme = read("README.md");
    let template = template();
    let parameters = template["Parameters"].as_mapping().unwrap();
    let names: BTreeSet<String> = parameters.keys().map(|name| name.as_str().unwrap().to_owned()).collect();
    assert_eq!(table(&readme, "## Parameters"), names);
    for (name, parameter) in parameters {
        let default = match &parameter["Default"] {
            Value::String(text) => text.clone(),
            other => serde_yaml_ng::to_string(other).unwrap().trim().to_owned(),
        };
        let cell = if default.is_empty() { "| |".to_owned() } else { format!("| `{default}` |") };
        let row = format!("| `{}` {cell}", name.as_str().unwrap());
        assert!(readme.contains(&row), "README lacks `{row}`");
    }
}

#[test]
fn every_alarm_has_its_heading_in_the_runbook_and_no_other_has() {
    let template = template();
    let alarms: BTreeSet<String> = template["Resources"]
        .as_mapping()
        .unwrap()
        .iter()
        .filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm"))
        .map(|(name, _)| name.as_str().unwrap().to_owned())
        .collect();
    let runbook = read("docs/RUNBOOK.md");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let headings = headings.filter(|heading| heading.ends_with("Alarm")).map(str::to_owned).collect();
    assert_eq!(alarms, headings);
}

#[test]
fn the_table_of_log_fields_is_what_the_code_writes() {
    let mut files = Vec::new();
    for folder in ["shared", "functions"] {
        sources(&root().join(folder), &mut files);
    }
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let logging = read("docs/LOGGING.md");
    let documented = table(&logging, "# Logging");
    for field in documented
        .iter()
        .filter(|field| !["message"].contains(&field.as_str()) && !field.starts_with(char::is_uppercase))
    {
        let written = [format!("{field} ="), format!("fields({field}"), format!(", {field})"), format!("\"{field}\"")];
        assert!(written.iter().any(|way| code.contains(way)), "nothing logs `{field}`");
    }
    // Dotted names are fields and nothing else in this code.
    for prefix in ["aws.", "eip.", "instance.", "event."] {
        for after in code.split(&format!(" {prefix}")).skip(1) {
            let name: String = after.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let follows = after[name.len()..].trim_start();
            if follows.starts_with("= %") || follows.starts_with("= error.") || follows.starts_with("= outcome.") {
                assert!(documented.contains(&format!("{prefix}{name}")), "`{prefix}{name}` is not in docs/LOGGING.md");
            }
        }
    }
    for metric in table(&logging, "namespace `LethargicPanda`") {
        assert!(code.contains(&format!("\"{metric}\"")), "nothing writes the metric `{metric}`");
    }
}

#[test]
fn every_relative_link_leads_somewhere() {
    for page in ["README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/LOGGING.md", "docs/RUNBOOK.md"] {
        let text = read(page);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let path = link.split('#').next().unwrap();
            if !path.is_empty() && !link.contains("://") {
                let target = root().join(page).parent().unwrap().join(path);
                assert!(target.exists(), "{page} links to {link}");
            }
        }
    }
}
