//! What does the template deploy? Which events wake a function, how often its schedule does, how it is retried, what it is configured with.
//!
//! The simulation plays the rules that `sam deploy` would create, so that a rule that lets too little through is found here and not in an
//! account.

#![expect(clippy::indexing_slicing, reason = "YAML and JSON answer null for what is not there")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use panda_world::Role;
use quamina::Quamina;
use serde_json::Value as Json;
use serde_yaml_ng::Value as Yaml;
use thiserror::Error;

use super::role;
use crate::intrinsic::{as_number, as_text};

/// The function that keeps the addresses, as its folder in `functions` is called.
pub(super) const FAILOVER: &str = "elastic-ip-failover";

/// The part of the template that concerns one function.
pub struct Deployment {
    rules: Quamina<String>,
    /// Rules that hand over a part of the event, with the part's path.
    input_paths: BTreeMap<String, String>,
    /// Names of the rules with a pattern, in the alphabet's order.
    pub rule_names: Vec<String>,
    /// The pause between two runs of its schedule; `None` when it has none or the schedule is disabled.
    pub sweep_every: Option<Duration>,
    /// What the schedule sends instead of EventBridge's own event, if it says so.
    pub schedule_input: Option<Json>,
    /// `Timeout`.
    pub timeout: Duration,
    /// `MaximumRetryAttempts` of the asynchronous invocation.
    pub retries: u32,
    /// `MaximumEventAgeInSeconds` of the asynchronous invocation.
    pub event_age: Duration,
    /// The function's environment.
    pub environment: BTreeMap<String, String>,
    /// What it may do.
    pub role: Role,
}

/// Why the template cannot be played.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is not YAML.
    #[error("the template is not YAML: {0}")]
    NotYaml(#[from] serde_yaml_ng::Error),
    /// Something that the simulation needs is not there, or not in a form that it knows.
    #[error("the template has no usable {0}")]
    Lacks(String),
    /// A rule's pattern is not one that EventBridge would take.
    #[error("the pattern of rule {0} is not valid: {1}")]
    Pattern(String, String),
    /// A role is not one that IAM would take.
    #[error("the role {0} is not valid: {1}")]
    Role(String, String),
}

impl Deployment {
    /// The template that this workspace was built with.
    #[must_use]
    pub fn template() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml")
    }

    /// The functions that a template deploys, as their folders in `functions` are called.
    ///
    /// # Errors
    /// It is not there, or is none.
    pub fn functions(path: &Path) -> Result<Vec<String>, TemplateError> {
        let text = fs::read_to_string(path).map_err(|error| TemplateError::Unreadable(path.to_owned(), error))?;
        let template: Yaml = serde_yaml_ng::from_str(&text)?;
        let resources = template["Resources"].as_mapping().ok_or_else(|| lacks("Resources"))?;
        let folders = resources.values().filter_map(|resource| resource["Properties"]["CodeUri"].as_str());
        let names = folders.filter_map(|folder| folder.strip_prefix("functions/"));
        Ok(names.map(|name| name.trim_end_matches('/').to_owned()).collect())
    }

    /// Reads what a template says of elastic-ip-failover.
    ///
    /// # Errors
    /// As [`Deployment::of`].
    pub fn read(path: &Path) -> Result<Self, TemplateError> {
        Self::of(path, FAILOVER)
    }

    /// Reads what a template says of the function whose code is in `functions/NAME`.
    ///
    /// # Errors
    /// It is not there, or the function, its rules or their patterns are not.
    pub fn of(path: &Path, function: &str) -> Result<Self, TemplateError> {
        let text = fs::read_to_string(path).map_err(|error| TemplateError::Unreadable(path.to_owned(), error))?;
        Self::parse(&text, function)
    }

    fn parse(text: &str, function: &str) -> Result<Self, TemplateError> {
        let stack = role::named(&serde_yaml_ng::from_str(text)?)?;
        let function = resource_from(stack.template(), function)?;
        let role = role::of(&stack, function)?;
        let properties = stack.answered(&function["Properties"]);
        let (mut rules, mut rule_names, mut sweep_every, mut schedule_input) = (Quamina::new(), Vec::new(), None, None);
        let mut input_paths = BTreeMap::new();
        // Who is only asked has none.
        for (name, event) in properties["Events"].as_object().into_iter().flatten() {
            let properties = &event["Properties"];
            match event["Type"].as_str() {
                Some("EventBridgeRule") => {
                    let refused =
                        |error: quamina::QuaminaError| TemplateError::Pattern(name.clone(), error.to_string());
                    rules.add_pattern(name.clone(), &properties["Pattern"].to_string()).map_err(refused)?;
                    if let Some(path) = properties["InputPath"].as_str() {
                        let path = path.strip_prefix('$').ok_or_else(|| lacks("InputPath that begins with $"))?;
                        input_paths.insert(name.clone(), path.replace('.', "/"));
                    }
                    rule_names.push(name.clone());
                }
                Some("Schedule" | "ScheduleV2") if properties["State"] != "DISABLED" => {
                    // EventBridge's rules and EventBridge Scheduler call the same thing by two names.
                    let times = ["Schedule", "ScheduleExpression"].map(|key| &properties[key]);
                    let every = times.iter().find_map(|times| times.as_str().and_then(minutes));
                    sweep_every = Some(every.ok_or_else(|| lacks("schedule in minutes"))?);
                    if let Json::String(input) = &properties["Input"] {
                        let input = serde_json::from_str(input).map_err(|_| lacks("JSON as the schedule's input"))?;
                        schedule_input = Some(input);
                    }
                }
                _ => {}
            }
        }
        let globals = stack.answered(&stack.template()["Globals"]["Function"]);
        let timeout = as_number(&properties["Timeout"]).or_else(|| as_number(&globals["Timeout"]));
        let invocation = &properties["EventInvokeConfig"];
        let variables = [&globals, &properties].map(|part| part["Environment"]["Variables"].as_object());
        let variables = variables.into_iter().flatten().flatten();
        Ok(Self {
            rules,
            input_paths,
            rule_names,
            sweep_every,
            schedule_input,
            timeout: Duration::from_secs(timeout.ok_or_else(|| lacks("Timeout of the function"))?),
            // Lambda's defaults, where the template is silent.
            retries: as_number(&invocation["MaximumRetryAttempts"]).and_then(|n| u32::try_from(n).ok()).unwrap_or(2),
            event_age: Duration::from_secs(as_number(&invocation["MaximumEventAgeInSeconds"]).unwrap_or(21_600)),
            environment: variables.map(|(name, value)| (name.clone(), as_text(value))).collect(),
            role,
        })
    }

    /// The rules that let this event through, in their order. EventBridge invokes the function once for each of them.
    #[must_use]
    pub fn woken_by(&self, event: &Json) -> Vec<String> {
        let mut names = self.rules.matches_for_event(event.to_string().as_bytes()).unwrap_or_default();
        names.sort();
        names
    }

    /// What a rule hands over of an event.
    #[must_use]
    pub fn payload(&self, rule: &str, event: &Json) -> Json {
        match self.input_paths.get(rule) {
            Some(path) => event.pointer(path).cloned().unwrap_or_default(),
            None => event.clone(),
        }
    }
}

/// The function whose code is in `functions/NAME`.
fn resource_from<'a>(template: &'a Json, name: &str) -> Result<&'a Json, TemplateError> {
    let resources = template["Resources"].as_object().ok_or_else(|| lacks("Resources"))?;
    let code = format!("functions/{name}");
    let is_it = |resource: &&Json| {
        let folder = resource["Properties"]["CodeUri"].as_str();
        folder.is_some_and(|folder| folder.trim_end_matches('/') == code)
    };
    resources.values().find(is_it).ok_or_else(|| lacks(&format!("function from {code}")))
}

pub(super) fn lacks(what: &str) -> TemplateError {
    TemplateError::Lacks(what.to_owned())
}

/// `rate(1 minute)`, `rate(5 minutes)`, `cron(0/10 * * * ? *)`.
fn minutes(times: &str) -> Option<Duration> {
    let number = if let Some(inside) = times.strip_prefix("rate(") {
        let (number, unit) = inside.strip_suffix(')')?.split_once(' ')?;
        matches!(unit, "minute" | "minutes").then_some(number)?
    } else {
        times.strip_prefix("cron(0/")?.strip_suffix(" * * * ? *)")?
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(60)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]
    use serde_json::json;

    use super::*;

    #[test]
    fn the_workspaces_template_is_played_with_the_defaults_of_its_parameters() {
        let deployment = Deployment::read(&Deployment::template()).unwrap();
        assert_eq!(deployment.sweep_every, Some(Duration::from_mins(1)));
        assert_eq!((deployment.timeout, deployment.retries), (Duration::from_mins(1), 2));
        assert_eq!(deployment.environment.get("HOOK_NAME_PREFIX").map(String::as_str), Some("elastic-ip"));
        assert!(deployment.environment.get("HOLD_SECONDS").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
    }

    #[test]
    fn an_event_wakes_the_function_only_through_a_rule() {
        let deployment = Deployment::read(&Deployment::template()).unwrap();
        let state = |state: &str| json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": "i-1", "state": state}});
        assert_eq!(deployment.woken_by(&state("shutting-down")).len(), 1);
        assert!(deployment.woken_by(&state("running")).is_empty());
        let hook = |name: &str| json!({"source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action", "detail": {"LifecycleHookName": name}});
        assert_eq!(deployment.woken_by(&hook("elastic-ip-terminate")).len(), 1);
        assert!(deployment.woken_by(&hook("drain")).is_empty());
    }

    #[test]
    fn each_function_is_found_by_its_name_with_its_own_schedule() {
        let panda = Deployment::of(&Deployment::template(), "panda").unwrap();
        assert_eq!(panda.sweep_every, Some(Duration::from_mins(15)));
        assert_eq!(panda.schedule_input, Some(json!({"command": "tick"})));
        assert_eq!((panda.timeout, panda.retries), (Duration::from_mins(15), 0));
        assert_eq!(panda.environment.get("PANDA_MODE").map(String::as_str), Some("Leashed"));
        assert_eq!(panda.environment.get("JOURNAL_TABLE").map(String::as_str), Some("PandaJournal"));
        assert!(panda.rule_names.is_empty());
        let failover = Deployment::read(&Deployment::template()).unwrap();
        assert_eq!(failover.schedule_input, None);
    }

    #[test]
    fn a_rule_with_an_input_path_hands_over_that_part_and_a_reference_to_a_topic_is_its_arn() {
        let recovery = Deployment::of(&Deployment::template(), deployment_recovery::FUNCTION).unwrap();
        let event = json!({"source": "lethargic-panda", "detail-type": "Deployment Recovery Look Again", "detail": {"command": "look-again"}});
        assert_eq!(recovery.woken_by(&event), ["LookAgain"]);
        assert_eq!(recovery.payload("LookAgain", &event), event["detail"]);
        assert_eq!(recovery.payload("FailedPipelines", &event), event);
        assert_eq!(recovery.environment.get("TOPIC_ARN"), Some(&panda_world::topic_arn("RecoveryTopic")));
    }

    #[test]
    fn a_template_without_the_function_is_refused_by_name() {
        let Err(error) = Deployment::parse("Resources: {}", FAILOVER) else { panic!("accepted") };
        assert!(error.to_string().contains("functions/elastic-ip-failover"), "{error}");
    }
}
