//! What does a request say? A reader of JSON, of CBOR, and of a Query form brought into the same tree.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ApiError;
use super::service::Service;

/// A request's members, or those of a structure in it.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    members: &'a Value,
    service: Service,
    caller: &'a str,
}

impl<'a> Input<'a> {
    pub(crate) const fn new(members: &'a Value, service: Service, caller: &'a str) -> Self {
        Self { members, service, caller }
    }

    /// Who calls.
    pub(crate) const fn caller(&self) -> &'a str {
        self.caller
    }

    /// A parameter that the service refuses, in its own code.
    pub(crate) fn refuse(&self, message: impl Into<String>) -> ApiError {
        self.service.invalid(message)
    }

    /// Refuses what the operation does not know. AWS ignores it; a test wants to hear of it.
    pub(crate) fn check_known(&self, accepts: &[&str]) -> Result<(), ApiError> {
        let mut names = self.members.as_object().into_iter().flat_map(Map::keys);
        match names.find(|name| !["Action", "Version"].contains(&name.as_str()) && !accepts.contains(&name.as_str())) {
            Some(name) => Err(self.service.invalid(format!("The parameter {name} is not known."))),
            None => Ok(()),
        }
    }

    fn member(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// All of a structure, as it came.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a Value> {
        self.member(name)
    }

    fn mismatch(name: &str, expected: &str) -> ApiError {
        ApiError::bad("SerializationException", format!("{name} is not {expected}"))
    }

    /// A text that may be absent or empty.
    pub(crate) fn get(&self, name: &str) -> Result<Option<&'a str>, ApiError> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(Self::mismatch(name, "a text")),
        }
    }

    /// A text that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<&'a str, ApiError> {
        self.get(name)?.ok_or_else(|| self.service.invalid(format!("{name} is required.")))
    }

    /// A whole number within bounds. In a Query form it is written out.
    pub(crate) fn number(&self, name: &str, from: u32, to: u32) -> Result<Option<u32>, ApiError> {
        let number = match self.member(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            Some(_) => None,
        };
        let number = number.ok_or_else(|| Self::mismatch(name, "a whole number"))?;
        match u32::try_from(number).ok().filter(|number| (from..=to).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.service.invalid(format!("{name} must be between {from} and {to}."))),
        }
    }

    /// A list of texts.
    pub(crate) fn list(&self, name: &str) -> Result<Vec<&'a str>, ApiError> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| Self::mismatch(name, "a list of texts"));
        self.values(name)?.iter().map(text).collect()
    }

    fn values(&self, name: &str) -> Result<&'a [Value], ApiError> {
        match self.member(name) {
            None => Ok(&[]),
            Some(Value::Array(values)) => Ok(values),
            Some(_) => Err(Self::mismatch(name, "a list")),
        }
    }

    /// A list of structures.
    pub(crate) fn structures(&self, name: &str) -> Result<Vec<Self>, ApiError> {
        Ok(self.values(name)?.iter().map(|members| Self { members, ..*self }).collect())
    }

    /// A structure.
    pub(crate) fn structure(&self, name: &str) -> Option<Self> {
        self.member(name).map(|members| Self { members, ..*self })
    }

    /// The words of a reader of timelines: whom the request is about.
    pub(super) fn subject(&self) -> String {
        const TELLING: [&str; 13] = [
            "applicationName",
            "deploymentGroupName",
            "deploymentId",
            "deploymentIds",
            "pipelineName",
            "name",
            "DocumentName",
            "CommandId",
            "InstanceId",
            "InstanceIds",
            "TopicArn",
            "AlarmName",
            "AlarmNames",
        ];
        let words = TELLING.iter().filter_map(|name| match self.member(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
            _ => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

/// A Query form as a tree: `A.member.1=x` and `A.entry.1.Name=k`, `A.entry.1.Value=v` become the list and the map that they
/// mean `[doc]` smithy, awsQuery protocol.
pub(super) fn tree(form: &BTreeMap<String, String>) -> Value {
    let mut root = Value::Object(Map::new());
    for (key, value) in form {
        let mut at = &mut root;
        for part in key.split('.') {
            let Value::Object(members) = at else { break };
            at = members.entry(part).or_insert_with(|| Value::Object(Map::new()));
        }
        *at = Value::String(value.clone());
    }
    fold(root)
}

fn fold(value: Value) -> Value {
    let Value::Object(mut members) = value else { return value };
    if members.len() == 1
        && let Some(Value::Object(items)) = members.get_mut("member").map(Value::take)
    {
        return Value::Array(in_order(items).map(fold).collect());
    }
    if members.len() == 1
        && let Some(Value::Object(items)) = members.get_mut("entry").map(Value::take)
    {
        let pair = |entry: Value| match entry {
            Value::Object(mut entry) => {
                let name = entry.remove("Name").or_else(|| entry.remove("key"))?;
                Some((name.as_str()?.to_owned(), fold(entry.remove("Value").or_else(|| entry.remove("value"))?)))
            }
            _ => None,
        };
        return Value::Object(in_order(items).filter_map(pair).collect());
    }
    Value::Object(members.into_iter().map(|(key, value)| (key, fold(value))).collect())
}

/// Numbered elements by their number.
fn in_order(items: Map<String, Value>) -> impl Iterator<Item = Value> {
    let mut items: Vec<(u32, Value)> =
        items.into_iter().filter_map(|(key, value)| Some((key.parse().ok()?, value))).collect();
    items.sort_by_key(|(number, _)| *number);
    items.into_iter().map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::tree;

    #[test]
    fn a_form_becomes_the_lists_and_maps_that_it_means() {
        let form: BTreeMap<String, String> = [
            ("Action", "Publish"),
            ("AlarmNames.member.2", "b"),
            ("AlarmNames.member.10", "c"),
            ("AlarmNames.member.1", "a"),
            ("MessageAttributes.entry.1.Name", "fleet"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "web"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let expected = json!({
            "Action": "Publish",
            "AlarmNames": ["a", "b", "c"],
            "MessageAttributes": {"fleet": {"DataType": "String", "StringValue": "web"}},
        });
        assert_eq!(tree(&form), expected);
    }
}
