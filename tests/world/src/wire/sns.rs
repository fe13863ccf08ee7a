//! SNS, as far as publishing goes. API version 2010-03-31; the current Rust SDK speaks Query to it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::messages::{Message, topic_arn};
use crate::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::act(
        "Publish",
        &["TopicArn", "TargetArn", "Message", "Subject", "MessageStructure", "MessageAttributes"],
        publish,
    ),
    Operation::act("CreateTopic", &["Name", "Attributes", "Tags"], create),
    Operation::act("DeleteTopic", &["TopicArn"], delete),
    Operation::show("ListTopics", &["NextToken"], list),
];

/// 256 KB `[doc]`.
const LONGEST: usize = 262_144;

fn publish(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let topic = match input.get("TopicArn")? {
        Some(arn) => arn,
        None => input.need("TargetArn")?,
    };
    let body = input.get("Message")?.ok_or_else(|| input.refuse("Invalid parameter: Empty message"))?;
    if body.len() > LONGEST {
        return Err(input.refuse("Invalid parameter: Message too long"));
    }
    let subject = input.get("Subject")?;
    // "Subjects must be ASCII text that begins with a letter, number, or punctuation mark; must not include line breaks or control
    // characters; and must be less than 100 characters long" `[doc]`.
    if subject.is_some_and(|text| {
        text.len() > 100 || !text.is_ascii() || text.starts_with(' ') || text.chars().any(char::is_control)
    }) {
        return Err(input.refuse("Invalid parameter: Subject"));
    }
    if input.get("MessageStructure")? == Some("json") {
        let parsed: Option<Value> = serde_json::from_str(body).ok();
        if !parsed.is_some_and(|parts| parts.get("default").is_some_and(Value::is_string)) {
            let message = "Invalid parameter: Message Structure - No default entry in JSON message body";
            return Err(input.refuse(message));
        }
    }
    if !world.state.topics.contains(topic) {
        return Err(ApiError::bad("NotFound", "Topic does not exist").with_status(404));
    }
    let id = world.ids.uuid();
    let attributes = attributes(input);
    let message = Message {
        at: world.now,
        caller: input.caller().to_owned(),
        topic: topic.to_owned(),
        id: id.clone(),
        subject: subject.map(str::to_owned),
        body: body.to_owned(),
        attributes,
    };
    world.messages.push(message);
    Ok(Shape::record().with("MessageId", id))
}

fn attributes(input: &Input<'_>) -> BTreeMap<String, String> {
    let members = input.raw("MessageAttributes").and_then(Value::as_object);
    let text = |value: &Value| value.get("StringValue")?.as_str().map(str::to_owned);
    members.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

fn create(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let name = input.need("Name")?;
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.len() > 256 || !name.chars().all(letter) {
        return Err(input.refuse("Invalid parameter: Topic Name"));
    }
    Ok(Shape::record().with("TopicArn", world.put_topic(name)))
}

/// Idempotent `[doc]`.
fn delete(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let arn = input.need("TopicArn")?;
    if !arn.starts_with(&topic_arn("")) {
        return Err(input.refuse("Invalid parameter: TopicArn"));
    }
    world.remove_topic(arn);
    Ok(Shape::record())
}

fn list(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let all = view.state.topics.iter().map(|arn| (arn.as_str(), arn));
    let (shown, next) = page(all, Some(100), input.get("NextToken")?, Service::Sns)?;
    let topics = shown.into_iter().map(|arn| Shape::record().with("TopicArn", arn));
    Ok(Shape::record().with("Topics", topics.collect::<Shape>()).maybe("NextToken", next))
}
