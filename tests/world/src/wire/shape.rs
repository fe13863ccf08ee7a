//! What does a reply say? One tree that JSON, CBOR and the Query protocol's XML each write their own way.

use std::collections::BTreeMap;

use aws_smithy_cbor::Encoder;
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use serde_json::Value;

use super::xml::Xml;
use crate::event::millis;

/// A value of a reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Text(String),
    Whole(i64),
    Flag(bool),
    Time(Timestamp),
    List(Vec<Self>),
    /// Members in the order of AWS's model.
    Record(Vec<(&'static str, Self)>),
    Map(BTreeMap<String, Self>),
}

impl From<&str> for Shape {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Shape {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Shape {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<bool> for Shape {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Shape {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<usize> for Shape {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Shape {
    fn from(number: u32) -> Self {
        Self::Whole(i64::from(number))
    }
}

impl From<Timestamp> for Shape {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl<T: Into<Self>> FromIterator<T> for Shape {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl Shape {
    /// A structure without members.
    pub(crate) const fn record() -> Self {
        Self::Record(Vec::new())
    }

    /// The same with one member more.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Self>) -> Self {
        if let Self::Record(members) = &mut self {
            members.push((name, value.into()));
        }
        self
    }

    /// The same with one member more, if it is there.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// What came as JSON goes back as the same.
    pub(crate) fn echo(value: &Value) -> Self {
        match value {
            Value::Null => Self::Text(String::new()),
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => number.as_i64().map_or_else(|| Self::Text(number.to_string()), Self::Whole),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::echo).collect()),
            Value::Object(members) => Self::Map(members.iter().map(|(k, v)| (k.clone(), Self::echo(v))).collect()),
        }
    }

    /// JSON: times are seconds since the epoch with a fraction `[doc]` smithy, awsJson protocols.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Whole(number) => Value::from(*number),
            Self::Flag(flag) => Value::Bool(*flag),
            Self::Time(at) => Value::from(epoch_seconds(*at)),
            Self::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Self::Record(members) => {
                Value::Object(members.iter().map(|(name, value)| ((*name).to_owned(), value.to_json())).collect())
            }
            Self::Map(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.to_json())).collect())
            }
        }
    }

    /// CBOR: times are tag 1 `[doc]` smithy, rpcv2Cbor protocol.
    pub(crate) fn to_cbor(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new());
        self.encode(&mut encoder);
        encoder.into_writer()
    }

    fn encode(&self, encoder: &mut Encoder) {
        match self {
            Self::Text(text) => {
                encoder.str(text);
            }
            Self::Whole(number) => {
                encoder.long(*number);
            }
            Self::Flag(flag) => {
                encoder.boolean(*flag);
            }
            Self::Time(at) => {
                encoder.timestamp(&DateTime::from_millis(at.as_millisecond()));
            }
            Self::List(items) => {
                encoder.array(items.len());
                for item in items {
                    item.encode(encoder);
                }
            }
            Self::Record(members) => {
                encoder.map(members.len());
                for (name, value) in members {
                    encoder.str(name);
                    value.encode(encoder);
                }
            }
            Self::Map(members) => {
                encoder.map(members.len());
                for (name, value) in members {
                    encoder.str(name);
                    value.encode(encoder);
                }
            }
        }
    }

    /// The members of a Query reply.
    pub(crate) fn write_members(&self, xml: &mut Xml) {
        match self {
            Self::Record(members) => members.iter().for_each(|(name, value)| value.write(xml, name)),
            Self::Map(members) => {
                for (name, value) in members {
                    xml.node("entry", |xml| {
                        xml.leaf("key", name);
                        value.write(xml, "value");
                    });
                }
            }
            Self::List(items) => items.iter().for_each(|item| item.write(xml, "member")),
            Self::Text(text) => xml.text(text),
            Self::Whole(number) => xml.text(number.to_string()),
            Self::Flag(flag) => xml.text(flag.to_string()),
            Self::Time(at) => xml.text(millis(*at)),
        }
    }

    fn write(&self, xml: &mut Xml, name: &str) {
        xml.node(name, |xml| self.write_members(xml));
    }
}

/// To the millisecond, as AWS gives it.
fn epoch_seconds(at: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this millennium are far below 2^53")]
    let millis = at.as_millisecond() as f64;
    millis / 1_000.0
}
