//! Does the documentation say what the code and the template say?
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use panda_domain::chaos::{Fault, tags};
use panda_scenarios::root;
use serde_yaml_ng::Value;

/// What people read.
const PAGES: [&str; 11] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "docs/ARCHITECTURE.md",
    "docs/COST.md",
    "docs/DEPLOYMENTS.md",
    "docs/LIVE.md",
    "docs/LOGGING.md",
    "docs/PITFALLS.md",
    "docs/RUNBOOK.md",
];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn template() -> Value {
    serde_yaml_ng::from_str(&read("template.yaml")).unwrap()
}

/// The logical ids of a template's alarms.
fn alarms(template: &str) -> BTreeSet<String> {
    let template: Value = serde_yaml_ng::from_str(&read(template)).unwrap();
    let resources = template["Resources"].as_mapping().unwrap().iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"].as_str() == Some("AWS::CloudWatch::Alarm"));
    alarms.map(|(name, _)| name.as_str().unwrap().to_owned()).collect()
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
fn the_readme_lists_every_tag_that_a_group_may_carry_and_every_fault() {
    let readme = read("README.md");
    assert_eq!(table(&readme, "### Let it in"), tags::KNOWN.map(str::to_owned).into());
    let row = readme.lines().find(|line| line.starts_with(&format!("| `{}`", tags::FAULTS))).unwrap();
    for fault in Fault::ALL {
        assert!(row.contains(&format!("`{fault}`")), "README does not explain `{fault}`");
    }
}

#[test]
fn the_runbook_knows_every_reason_for_which_a_group_is_spared() {
    // The codes as the code writes them: `Self::Off => "mode-off",`.
    let mut files = Vec::new();
    sources(&root().join("shared/domain/src/chaos"), &mut files);
    let code: String = files
        .iter()
        .filter(|file| file.file_name().is_some_and(|name| name == "reason.rs"))
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let codes = code.split_once("fn code(").unwrap().1;
    let codes: BTreeSet<String> = codes
        .lines()
        .take_while(|line| *line != "    }")
        .filter_map(|line| line.split_once("=> \"")?.1.strip_suffix("\","))
        .map(str::to_owned)
        .collect();
    assert!(codes.contains("dice") && codes.len() > 30, "{codes:?}");
    assert_eq!(table(&read("docs/RUNBOOK.md"), "## Without an alarm: why did nothing die?"), codes);
}

#[test]
fn every_make_target_that_a_page_names_is_there() {
    let makefile = read("Makefile");
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    for page in PAGES {
        let text = read(page);
        // In code only: at the beginning of a line of a listing, or of a span in backticks.
        for mark in ["\nmake ", "`make "] {
            for after in text.split(mark).skip(1) {
                let target: String = after.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
                // `make invoke-EVENT` is a pattern, and other tests hold its events.
                if !target.starts_with("invoke-") {
                    assert!(targets.contains(target.as_str()), "{page} names `make {target}`");
                }
            }
        }
    }
}

#[test]
fn security_says_of_every_function_what_it_can_and_cannot() {
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let functions: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(table(&read("SECURITY.md"), "## What an installation can do"), functions);
}

#[test]
fn decisions_are_numbered_without_a_gap_and_say_what_would_change_them() {
    let folder = root().join("docs/adr");
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    for (number, name) in (1..).zip(&names) {
        assert!(name.starts_with(&format!("{number:04}-")), "{name} is not number {number}");
        let text = read(&format!("docs/adr/{name}"));
        assert!(text.starts_with(&format!("# {number}. ")), "{name}");
        for part in ["**Context.**", "**Decision.**", "**What would change our mind.**"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
}

#[test]
fn every_alarm_has_its_heading_in_the_runbook_and_no_other_has() {
    let mut alarms_of_both = alarms("template.yaml");
    alarms_of_both.extend(alarms("fleet/template.yaml"));
    let runbook = read("docs/RUNBOOK.md");
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let headings = headings.filter(|heading| heading.ends_with("Alarm")).map(str::to_owned).collect();
    assert_eq!(alarms_of_both, headings);
}

#[test]
fn the_costs_add_up_and_count_every_alarm() {
    let cost = read("docs/COST.md");
    for (heading, template, certain) in [
        ("## The functions", "template.yaml", ""),
        ("## A fleet made here", "fleet/template.yaml", "SiteUnreachableAlarm"),
    ] {
        let section = cost.split_once(heading).unwrap().1.split("\n## ").next().unwrap();
        let rows: Vec<Vec<&str>> = section
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| what"))
            .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
            .collect();
        // Cents, because what is added up as a fraction is not what people see.
        let cents = |row: &[&str]| row[2].trim_matches('*').replace('.', "").parse::<u32>().unwrap();
        let (sum, parts) = rows.split_last().unwrap();
        assert_eq!(sum[0], "**sum**");
        assert_eq!(parts.iter().map(|row| cents(row)).sum::<u32>(), cents(sum), "{heading}");
        let row = parts.iter().find(|row| row[0] == "CloudWatch alarms").unwrap();
        let counted: usize = row[1].split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
        let there = alarms(template).into_iter().filter(|alarm| alarm != certain).count();
        assert_eq!(counted, there, "alarms of {template} in docs/COST.md: 0.10 USD each");
    }
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
    for page in PAGES {
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
