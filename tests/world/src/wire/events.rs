//! EventBridge, as far as its callers' own events go. Model `AWSEvents`.

use serde_json::Value;

use super::input::Input;
use super::shape::Shape;
use super::{ApiError, Operation};
use crate::world::{ACCOUNT, REGION, World};

pub(crate) const OPERATIONS: &[Operation] = &[Operation::act("PutEvents", &["Entries", "EndpointId"], put)];

/// Up to ten entries `[doc]`, each of which is taken or refused on its own.
fn put(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let entries = input.structures("Entries")?;
    if !(1..=10).contains(&entries.len()) {
        let message = "1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10";
        return Err(input.refuse(message));
    }
    let mut results = Vec::new();
    let mut failed = 0_usize;
    for entry in entries {
        results.push(match put_one(world, &entry)? {
            Ok(id) => Shape::record().with("EventId", id),
            Err((code, message)) => {
                failed += 1;
                Shape::record().with("ErrorCode", code).with("ErrorMessage", message)
            }
        });
    }
    Ok(Shape::record().with("FailedEntryCount", failed).with("Entries", Shape::List(results)))
}

type Refusal = (&'static str, String);

fn put_one(world: &mut World, entry: &Input<'_>) -> Result<Result<String, Refusal>, ApiError> {
    let missing = |name: &str| {
        let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
        Ok(Err(("InvalidArgument", message)))
    };
    let Some(source) = entry.get("Source")? else { return missing("Source") };
    let Some(kind) = entry.get("DetailType")? else { return missing("DetailType") };
    let Some(detail) = entry.get("Detail")? else { return missing("Detail") };
    // AWS's own sources are AWS's alone `[obs]`.
    if source == "aws" || source.starts_with("aws.") {
        return Ok(Err(("NotAuthorizedForSourceException", "Not authorized for the source.".to_owned())));
    }
    let parsed: Option<Value> = serde_json::from_str(detail).ok();
    let Some(detail) = parsed.filter(Value::is_object) else {
        return Ok(Err(("MalformedDetail", "Detail is malformed.".to_owned())));
    };
    let default = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default");
    if let Some(bus) = entry.get("EventBusName")?.filter(|bus| *bus != "default" && *bus != default) {
        return Ok(Err(("ResourceNotFoundException", format!("Event bus {bus} does not exist."))));
    }
    let resources: Vec<String> = entry.list("Resources")?.into_iter().map(str::to_owned).collect();
    Ok(Ok(world.emit(source, kind, &resources, &detail, entry.caller())))
}
