//! How is a value written into an item, and read from it?
//!
//! As serde writes it in JSON: objects become maps, lists lists. So the table is readable in the console, and what a later version adds is
//! ignored by an earlier one.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Number, Value};

use crate::journal::JournalError;

/// An item, or its key.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The key of an item.
pub(super) fn key(partition: &str, sort: &str) -> Item {
    Item::from([("pk".to_owned(), text(partition)), ("sk".to_owned(), text(sort))])
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub(super) fn number(number: impl Into<i64>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// A moment, as DynamoDB compares it right.
pub(super) fn moment(at: Timestamp) -> AttributeValue {
    AttributeValue::S(sortable(at))
}

/// A moment in RFC 3339, always of the same length, so that the order of texts is the order of moments.
pub(super) fn sortable(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A whole number.
pub(super) fn whole(attribute: &AttributeValue) -> Option<i64> {
    attribute.as_n().ok()?.parse().ok()
}

/// A value as one attribute.
pub(super) fn write<T: Serialize>(value: &T) -> Result<AttributeValue, JournalError> {
    serde_json::to_value(value).map(attribute).map_err(|error| unwritable(&error))
}

/// A value's fields as attributes of an item.
pub(super) fn fields<T: Serialize>(value: &T) -> Result<Item, JournalError> {
    match write(value)? {
        AttributeValue::M(fields) => Ok(fields),
        other => Ok(Item::from([("value".to_owned(), other)])),
    }
}

/// A value whose fields are attributes of the item.
pub(super) fn read<T: DeserializeOwned>(item: &Item) -> Result<T, JournalError> {
    // An attribute of a kind that JSON does not have is none of ours.
    let fields = item.iter().filter_map(|(name, value)| Some((name.clone(), json(value)?))).collect();
    serde_json::from_value(Value::Object(fields)).map_err(|error| unreadable(item, &error.to_string()))
}

/// A value that is one attribute of the item.
pub(super) fn field<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T, JournalError> {
    let value = item.get(name).and_then(json).ok_or_else(|| unreadable(item, &format!("it has no `{name}`")))?;
    serde_json::from_value(value).map_err(|error| unreadable(item, &format!("`{name}`: {error}")))
}

/// An item that is not understood.
pub(super) fn unreadable(item: &Item, why: &str) -> JournalError {
    let part = |name: &str| item.get(name).and_then(|part| part.as_s().ok()).map_or("?", String::as_str);
    JournalError::Unreadable { item: format!("{}/{}", part("pk"), part("sk")), why: why.to_owned() }
}

fn unwritable(error: &serde_json::Error) -> JournalError {
    JournalError::Unreadable { item: "to be written".to_owned(), why: error.to_string() }
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(value) => AttributeValue::N(value.to_string()),
        Value::String(value) => AttributeValue::S(value),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Object(fields) => {
            AttributeValue::M(fields.into_iter().map(|(name, value)| (name, attribute(value))).collect())
        }
    }
}

fn json(attribute: &AttributeValue) -> Option<Value> {
    Some(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::S(value) => Value::String(value.clone()),
        AttributeValue::N(value) => Value::Number(parse(value)?),
        AttributeValue::L(values) => Value::Array(values.iter().map(json).collect::<Option<_>>()?),
        AttributeValue::Ss(values) => Value::Array(values.iter().cloned().map(Value::String).collect()),
        AttributeValue::M(fields) => {
            let fields = fields.iter().filter_map(|(name, value)| Some((name.clone(), json(value)?)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        _ => return None,
    })
}

/// A number: whole if it can be, since DynamoDB writes `1.0` as `1`.
fn parse(number: &str) -> Option<Number> {
    let whole = number.parse::<i64>().map(Number::from).or_else(|_| number.parse::<u64>().map(Number::from));
    whole.ok().or_else(|| number.parse::<f64>().ok().and_then(Number::from_f64))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
mod tests {
    use aws_sdk_dynamodb::primitives::Blob;
    use serde_json::json;

    use super::*;

    #[test]
    fn whatever_json_can_say_comes_back_as_it_went() {
        let value = json!({
            "text": "", "whole": -3, "large": u64::MAX, "broken": 0.062_5, "tiny": 1.5e-17, "yes": true, "none": null,
            "list": [1, "two", [3]], "map": {"a": {"b": null}},
        });
        let item = fields(&value).unwrap();
        assert_eq!(read::<Value>(&item).unwrap(), value);
    }

    #[test]
    fn a_number_that_dynamodb_made_whole_is_read_as_the_fraction_that_it_was() {
        let item = Item::from([("thrown".to_owned(), number(1))]);
        assert!((field::<f64>(&item, "thrown").unwrap() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn attributes_of_strange_kinds_are_ignored_and_missing_ones_named() {
        let mut item = key("now", "lever");
        item.insert("blob".to_owned(), AttributeValue::B(Blob::new([0])));
        assert_eq!(read::<Value>(&item).unwrap(), json!({"pk": "now", "sk": "lever"}));
        let error = field::<u32>(&item, "kills").unwrap_err().to_string();
        assert!(error.contains("now/lever") && error.contains("`kills`"), "{error}");
    }

    #[test]
    fn moments_as_text_have_the_order_of_moments() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let (earlier, later) = (sortable(at(1_778_160_127_000)), sortable(at(1_778_160_127_001)));
        assert_eq!(earlier, "2026-05-07T13:22:07.000Z");
        assert!(earlier < later && later < sortable(at(1_778_160_128_000)));
    }
}
