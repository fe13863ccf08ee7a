//! CloudFormation's intrinsic functions, as far as the templates of this repository use them.

#![expect(clippy::indexing_slicing, reason = "JSON answers null for what is not there")]

use std::collections::BTreeMap;

use panda_world::{ACCOUNT, REGION};
use serde_json::{Map, Value};
use serde_yaml_ng::Value as Yaml;

/// What `!Ref AWS::NoValue` gives: whatever has this value is as if it were not written.
const NO_VALUE: &str = "AWS::NoValue";

/// A template with values for its parameters.
#[derive(Debug)]
pub(crate) struct Stack {
    template: Value,
    name: String,
    parameters: BTreeMap<String, String>,
    resources: Known,
}

/// What references to resources give, by `Name` or `Name.Attribute`. Where nothing is known, a resource gives its logical id.
pub(crate) type Known = BTreeMap<String, String>;

/// A parameter that is not one of the template's, or a value that is not one of those that it allows: `NAME=VALUE`.
#[derive(Debug, thiserror::Error)]
#[error("{0}={1}")]
pub(crate) struct NotTaken(String, String);

impl Stack {
    /// The template with these values for its parameters, and with their defaults for all others.
    ///
    /// # Errors
    /// It does not take one of them.
    pub(crate) fn new(template: &Yaml, name: &str, given: &[(&str, &str)]) -> Result<Self, NotTaken> {
        let template = plain(template);
        let described = &template["Parameters"];
        let mut parameters = BTreeMap::new();
        for (parameter, description) in described.as_object().into_iter().flatten() {
            let default = &description["Default"];
            let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            parameters.insert(parameter.clone(), default);
        }
        for (parameter, value) in given {
            let refused = || NotTaken((*parameter).to_owned(), (*value).to_owned());
            let slot = parameters.get_mut(*parameter).ok_or_else(refused)?;
            let allowed = described[*parameter]["AllowedValues"].as_array();
            let is_it = |allowed: &Value| as_text(allowed) == **value;
            if allowed.is_some_and(|all| !all.iter().any(is_it)) {
                return Err(refused());
            }
            (*value).clone_into(slot);
        }
        Ok(Self { template, name: name.to_owned(), parameters, resources: Known::new() })
    }

    /// The same, each of these references to resources answered as it says.
    pub(crate) fn knowing(self, resources: Known) -> Self {
        Self { resources, ..self }
    }

    /// The template with its functions in their long forms, none of them answered.
    pub(crate) fn template(&self) -> &Value {
        &self.template
    }

    /// A part of the template with every function in it answered. What has no value is null.
    pub(crate) fn answered(&self, part: &Value) -> Value {
        self.value(part, None).unwrap_or_default()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.parameters.get(name).cloned()
    }

    /// The properties of a resource of this type, unless its condition leaves it out.
    pub(crate) fn properties(&self, name: &str, kind: &str) -> Option<Value> {
        let resource = &self.template["Resources"][name];
        let made = resource["Condition"].as_str().is_none_or(|condition| self.holds(condition));
        (made && resource["Type"] == kind).then(|| self.value(&resource["Properties"], None))?
    }

    /// The outputs that need nothing but what is known.
    pub(crate) fn outputs(&self, known: &Known) -> Option<BTreeMap<String, String>> {
        let outputs = self.template["Outputs"].as_object()?;
        let made = outputs
            .iter()
            .filter(|(_, output)| output["Condition"].as_str().is_none_or(|condition| self.holds(condition)));
        let values = made.filter_map(|(name, output)| {
            let value = self.value(&output["Value"], Some(known))?.as_str()?.to_owned();
            Some((name.clone(), value))
        });
        Some(values.collect())
    }

    /// A value with every function in it answered; `None` for no value.
    fn value(&self, value: &Value, known: Option<&Known>) -> Option<Value> {
        match value {
            Value::Object(fields) => match fields.iter().next() {
                Some((name, argument)) if fields.len() == 1 && (name.starts_with("Fn::") || name == "Ref") => {
                    self.call(name, argument, known)
                }
                _ => {
                    let entry = |(key, value): (&String, &Value)| Some((key.clone(), self.value(value, known)?));
                    Some(Value::Object(fields.iter().filter_map(entry).collect::<Map<_, _>>()))
                }
            },
            Value::Array(items) => Some(items.iter().filter_map(|item| self.value(item, known)).collect()),
            other => Some(other.clone()),
        }
    }

    fn call(&self, function: &str, argument: &Value, known: Option<&Known>) -> Option<Value> {
        match function {
            "Ref" => match argument.as_str()? {
                NO_VALUE => None,
                name => self.reference(name, known).map(Value::from),
            },
            "Fn::If" => {
                let branch = if self.holds(argument[0].as_str()?) { 1 } else { 2 };
                self.value(&argument[branch], known)
            }
            "Fn::GetAtt" => {
                let path = argument.as_str().map(str::to_owned).or_else(|| {
                    let path = argument.as_array()?.iter().filter_map(Value::as_str).collect::<Vec<_>>();
                    Some(path.join("."))
                })?;
                self.reference(&path, known).map(Value::from)
            }
            "Fn::Sub" => self.substituted(argument, known).map(Value::from),
            "Fn::FindInMap" => {
                let key = |index: usize| self.value(&argument[index], known)?.as_str().map(str::to_owned);
                Some(self.template["Mappings"][key(0)?][key(1)?][key(2)?].clone())
            }
            "Fn::Split" => {
                let text = self.value(&argument[1], known)?;
                Some(text.as_str()?.split(argument[0].as_str()?).map(Value::from).collect())
            }
            // What is encoded is for a server that is not played.
            "Fn::Base64" => Some(Value::from("")),
            _ => None,
        }
    }

    /// The text with `${Name}`, its own variables first.
    fn substituted(&self, argument: &Value, known: Option<&Known>) -> Option<String> {
        let (text, variables) = match argument {
            Value::String(text) => (text.as_str(), &Value::Null),
            other => (other[0].as_str()?, &other[1]),
        };
        let mut parts = text.split("${");
        let mut whole = parts.next()?.to_owned();
        for (name, rest) in parts.filter_map(|part| part.split_once('}')) {
            match variables.get(name) {
                Some(variable) => whole.push_str(self.value(variable, known)?.as_str()?),
                None => whole.push_str(&self.reference(name, known)?),
            }
            whole.push_str(rest);
        }
        Some(whole)
    }

    fn reference(&self, name: &str, known: Option<&Known>) -> Option<String> {
        let pseudo = match name {
            "AWS::StackName" => Some(self.name.as_str()),
            "AWS::Region" => Some(REGION),
            "AWS::AccountId" => Some(ACCOUNT),
            "AWS::Partition" => Some("aws"),
            "AWS::URLSuffix" => Some("amazonaws.com"),
            _ => None,
        };
        let found = pseudo.map(str::to_owned).or_else(|| self.parameters.get(name).cloned());
        let resource = || Some(self.resources.get(name).map_or_else(|| name.to_owned(), String::clone));
        found.or_else(|| known.map_or_else(resource, |known| known.get(name).cloned()))
    }

    fn holds(&self, condition: &str) -> bool {
        self.judged(&self.template["Conditions"][condition])
    }

    fn judged(&self, rule: &Value) -> bool {
        let Some((name, argument)) = rule.as_object().and_then(|rule| rule.iter().next()) else { return false };
        let all = || argument.as_array().into_iter().flatten();
        match name.as_str() {
            "Condition" => argument.as_str().is_some_and(|name| self.holds(name)),
            "Fn::Not" => all().all(|rule| !self.judged(rule)),
            "Fn::And" => all().all(|rule| self.judged(rule)),
            "Fn::Equals" => {
                let side = |index: usize| self.value(&argument[index], None).map(|value| as_text(&value));
                side(0) == side(1)
            }
            _ => false,
        }
    }
}

/// CloudFormation compares texts.
pub(crate) fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// CloudFormation takes a number as a text too.
pub(crate) fn as_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The short forms as the long ones: `!Ref X` is `{"Ref": X}`, and `!Sub X` is `{"Fn::Sub": X}`.
fn plain(value: &Yaml) -> Value {
    match value {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                short @ ("Ref" | "Condition") => short.to_owned(),
                other => format!("Fn::{other}"),
            };
            Value::Object(Map::from_iter([(name, plain(&tagged.value))]))
        }
        Yaml::Sequence(items) => items.iter().map(plain).collect(),
        Yaml::Mapping(fields) => {
            let key = |key: &Yaml| key.as_str().map(str::to_owned);
            Value::Object(fields.iter().filter_map(|(name, value)| Some((key(name)?, plain(value)))).collect())
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}
