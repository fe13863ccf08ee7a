//! Systems Manager, as far as Run Command goes. Model `AmazonSSM`.

mod history;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::ec2::instance::Instance;
use crate::ssm::command::{Command, Invocation, Order, share};
use crate::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::act(
        "SendCommand",
        &[
            "DocumentName",
            "DocumentVersion",
            "InstanceIds",
            "Targets",
            "Parameters",
            "Comment",
            "TimeoutSeconds",
            "MaxConcurrency",
            "MaxErrors",
            "CloudWatchOutputConfig",
            "NotificationConfig",
            "ServiceRoleArn",
        ],
        send,
    ),
    Operation::show("GetCommandInvocation", &["CommandId", "InstanceId", "PluginName"], invocation),
    Operation::show(
        "ListCommandInvocations",
        &["CommandId", "InstanceId", "MaxResults", "NextToken", "Filters", "Details"],
        invocations,
    ),
    Operation::show(
        "ListCommands",
        &["CommandId", "InstanceId", "MaxResults", "NextToken", "Filters"],
        history::commands,
    ),
    Operation::show(
        "DescribeInstanceInformation",
        &["InstanceInformationFilterList", "Filters", "MaxResults", "NextToken"],
        instances,
    ),
];

fn send(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let ids: Vec<String> = input.list("InstanceIds")?.into_iter().map(str::to_owned).collect();
    let distinct: BTreeSet<&String> = ids.iter().collect();
    if distinct.len() < ids.len() {
        return Err(ApiError::bad("DuplicateInstanceId", "An instance ID was given twice."));
    }
    let targets = input.structures("Targets")?;
    let instances = match (ids.is_empty(), targets.is_empty()) {
        (false, true) => ids,
        (true, false) => targeted(world, &targets)?,
        (false, false) => return Err(input.refuse("InstanceIds and Targets cannot be specified together.")),
        (true, true) => return Err(ApiError::bad("InvalidInstanceId", "InstanceIds or Targets must be specified.")),
    };
    if instances.len() > 50 {
        let message = "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to 50";
        return Err(input.refuse(message));
    }
    let velocity = |name: &str, or: &'static str| -> Result<&str, ApiError> {
        let text = input.get(name)?.unwrap_or(or);
        let valid = share(text, 1).is_some() && (name == "MaxErrors" || !["0", "0%"].contains(&text));
        if valid { Ok(text) } else { Err(input.refuse(format!("Value '{text}' at '{name}' is not valid"))) }
    };
    let parameters = input.raw("Parameters").cloned().unwrap_or_else(|| json!({}));
    let order = Order {
        execution: execution_timeout(&parameters, input)?,
        // "The default value is 50", "0" `[model]`.
        concurrency: velocity("MaxConcurrency", "50")?,
        errors: velocity("MaxErrors", "0")?,
        document: input.need("DocumentName")?,
        instances,
        parameters,
        comment: input.get("Comment")?.unwrap_or_default(),
        // Delivery: 30 s to 30 days, one hour where nothing is said `[doc]`.
        delivery_seconds: input.number("TimeoutSeconds", 30, 2_592_000)?.unwrap_or(3_600),
    };
    let id = world.send_command(order)?;
    let command = world.state.ssm.commands.get(&id).map(write_command);
    Ok(Shape::record().maybe("Command", command))
}

/// The documents' own parameter of this name, in seconds: a list of one text.
fn execution_timeout(parameters: &Value, input: &Input<'_>) -> Result<Option<Duration>, ApiError> {
    let Some(value) = parameters.get("executionTimeout") else { return Ok(None) };
    let text = value.as_array().and_then(|values| values.first()).and_then(Value::as_str);
    let seconds = text.and_then(|text| text.parse::<u64>().ok()).filter(|seconds| (1..=172_800).contains(seconds));
    let seconds = seconds.ok_or_else(|| input.refuse("executionTimeout must be between 1 and 172800 seconds."))?;
    Ok(Some(Duration::from_secs(seconds)))
}

/// `InstanceIds`, or `tag:KEY`: what Systems Manager knows and runs. Nobody is no error `[doc]`: the command ends at once.
fn targeted(world: &World, targets: &[Input<'_>]) -> Result<Vec<String>, ApiError> {
    let mut chosen: Vec<&Instance> =
        world.state.instances.values().filter(|instance| instance.ping(world.now).is_some()).collect();
    for target in targets {
        let (key, values) = (target.need("Key")?, target.list("Values")?);
        chosen.retain(|instance| values.iter().any(|value| has(instance, key, value)));
        if key != "InstanceIds" && !key.starts_with("tag:") && key != "tag-key" {
            return Err(ApiError::bad("InvalidTarget", format!("The target {key} is not valid.")));
        }
    }
    let runs = |instance: &&Instance| instance.state == crate::InstanceState::Running;
    Ok(chosen.into_iter().filter(runs).map(|instance| instance.id.clone()).collect())
}

fn has(instance: &Instance, key: &str, value: &str) -> bool {
    match key.strip_prefix("tag:") {
        Some(tag) => instance.tags.get(tag).is_some_and(|own| own == value),
        None if key == "tag-key" => instance.tags.contains_key(value),
        None => instance.id == value,
    }
}

fn write_command(command: &Command) -> Shape {
    let over = |wanted: &str| command.invocations.values().filter(|i| i.status.as_str() == wanted).count();
    let done = command.invocations.values().filter(|invocation| invocation.status.is_over()).count();
    Shape::record()
        .with("CommandId", &command.id)
        .with("DocumentName", &command.document)
        .with("DocumentVersion", "$DEFAULT")
        .with("Comment", &command.comment)
        .with("ExpiresAfter", command.expires)
        .with("Parameters", Shape::echo(&command.parameters))
        .with("InstanceIds", command.invocations.keys().collect::<Shape>())
        .with("Targets", Shape::List(Vec::new()))
        .with("RequestedDateTime", command.requested)
        .with("Status", command.status().0)
        .with("StatusDetails", command.status().1)
        .with("MaxConcurrency", &command.concurrency)
        .with("MaxErrors", &command.errors)
        .with("TargetCount", command.invocations.len())
        .with("CompletedCount", done)
        .with("ErrorCount", over("Failed"))
        .with("DeliveryTimedOutCount", over("TimedOut"))
        .with("TimeoutSeconds", command.delivery_seconds)
}

fn plugin(command: &Command) -> String {
    // AWS's own documents name their step after the plug-in, those of schema 2.2 as their author likes.
    command.document.strip_prefix("AWS-").map_or_else(|| "runShellScript".to_owned(), |name| format!("aws:{name}"))
}

fn exit(invocation: &Invocation) -> Shape {
    Shape::Whole(invocation.exit)
}

/// Right after `SendCommand` it does not exist `[obs]` boto3 2701.
fn invocation(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let (id, instance) = (input.need("CommandId")?, input.need("InstanceId")?);
    let command = view.state.ssm.commands.get(id).filter(|command| command.visible <= view.now);
    let found = command.and_then(|command| Some((command, command.invocations.get(instance)?)));
    let Some((command, invocation)) = found else {
        return Err(ApiError::bad("InvocationDoesNotExist", ""));
    };
    // Times are texts here, and empty before they are known `[doc]`.
    let time = |at: Option<jiff::Timestamp>| at.map(crate::event::millis).unwrap_or_default();
    Ok(Shape::record()
        .with("CommandId", id)
        .with("InstanceId", instance)
        .with("Comment", &command.comment)
        .with("DocumentName", &command.document)
        .with("DocumentVersion", "$DEFAULT")
        .with("PluginName", plugin(command))
        .with("ResponseCode", exit(invocation))
        .with("ExecutionStartDateTime", time(invocation.started))
        .with("ExecutionEndDateTime", time(invocation.ended))
        .with("Status", invocation.status.as_str())
        .with("StatusDetails", invocation.status.details())
        .with("StandardOutputContent", &invocation.output)
        .with("StandardErrorContent", &invocation.error))
}

/// Right after `SendCommand` the list is empty `[obs]` aws-cli 3546.
fn invocations(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let filters = history::Filters::of(input)?;
    let (id, instance) = (input.get("CommandId")?, input.get("InstanceId")?);
    let details = input.raw("Details").and_then(Value::as_bool).unwrap_or(false);
    let size = input.number("MaxResults", 1, 50)?.unwrap_or(50) as usize;
    let all = &view.state.ssm.commands;
    let commands: Vec<&Command> = match id {
        Some(id) => all.get(id).into_iter().collect(),
        None => all.values().collect(),
    };
    let mut rows = Vec::new();
    let seen = |command: &&Command| command.visible <= view.now && filters.pass(command);
    for command in commands.into_iter().filter(seen) {
        for (known, invocation) in &command.invocations {
            if instance.is_none_or(|wanted| wanted == known) && filters.pass_status(invocation.status.as_str()) {
                rows.push((format!("{}/{known}", command.id), (command, known, invocation)));
            }
        }
    }
    let items = rows.iter().map(|(key, row)| (key.as_str(), row));
    let (shown, next) = page(items, Some(size), input.get("NextToken")?, Service::Ssm)?;
    let write = |(command, instance, invocation): &(&Command, &String, &Invocation)| {
        let plugins = details.then(|| [write_plugin(command, invocation)].into_iter().collect::<Shape>());
        Shape::record()
            .with("CommandId", &command.id)
            .with("InstanceId", *instance)
            .with("Comment", &command.comment)
            .with("DocumentName", &command.document)
            .with("RequestedDateTime", command.requested)
            .with("Status", invocation.status.as_str())
            .with("StatusDetails", invocation.status.details())
            .with("CommandPlugins", plugins.unwrap_or(Shape::List(Vec::new())))
    };
    Ok(Shape::record()
        .with("CommandInvocations", shown.into_iter().map(write).collect::<Shape>())
        .maybe("NextToken", next))
}

fn write_plugin(command: &Command, invocation: &Invocation) -> Shape {
    Shape::record()
        .with("Name", plugin(command))
        .with("Status", invocation.status.as_str())
        .with("StatusDetails", invocation.status.details())
        .with("ResponseCode", exit(invocation))
        .maybe("ResponseStartDateTime", invocation.started)
        .maybe("ResponseFinishDateTime", invocation.ended)
        .with("Output", format!("{}{}", invocation.output, invocation.error))
}

/// Filters by `InstanceIds`, `PingStatus` and tags; an id that it does not know is simply not in the answer `[?]`. Five to fifty in
/// a page `[doc]`.
fn instances(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let mut filters = Vec::new();
    for filter in input.structures("Filters")? {
        filters.push((filter.need("Key")?, filter.list("Values")?));
    }
    let listed = |id: &&str| view.state.instances.get(*id).is_some_and(|known| known.ping(view.now).is_some());
    for filter in input.structures("InstanceInformationFilterList")? {
        let (key, values) = (filter.need("key")?, filter.list("valueSet")?);
        // The older of the two refuses whom it does not know `[obs]`.
        if key == "InstanceIds" && !values.iter().all(listed) {
            return Err(ApiError::bad("InvalidInstanceId", "The specified instance ID is not valid."));
        }
        filters.push((key, values));
    }
    let known =
        |key: &str| ["InstanceIds", "PingStatus", "tag-key", "ResourceType"].contains(&key) || key.starts_with("tag:");
    if let Some((key, _)) = filters.iter().find(|(key, _)| !known(key)) {
        let message = format!("The filter key {key} is not valid.");
        return Err(ApiError::bad("InvalidFilterKey", message));
    }
    let size = input.number("MaxResults", 5, 50)?.unwrap_or(50) as usize;
    let all = &view.state.instances;
    // Those who are named are looked up, without a look at the others.
    let named = filters.iter().find(|(key, _)| *key == "InstanceIds");
    let mut found: Vec<&Instance> = match named {
        Some((_, ids)) => ids.iter().filter_map(|id| all.get(*id)).collect(),
        None => all.values().collect(),
    };
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let items = found.into_iter().filter_map(|instance| Some((instance, instance.ping(view.now)?))).filter(
        |(instance, ping)| {
            filters.iter().all(|(key, values)| {
                values.iter().any(|value| match *key {
                    "PingStatus" => ping.as_str() == *value,
                    "ResourceType" => *value == "EC2Instance",
                    _ => has(instance, key, value),
                })
            })
        },
    );
    let items = items.map(|(instance, ping)| (instance.id.as_str(), (instance, ping)));
    let (shown, next) = page(items, Some(size), input.get("NextToken")?, Service::Ssm)?;
    let write = |(instance, ping): (&Instance, crate::ssm::Ping)| {
        Shape::record()
            .with("InstanceId", &instance.id)
            .with("PingStatus", ping.as_str())
            .maybe("LastPingDateTime", instance.ssm_since)
            .with("AgentVersion", "3.3.3050.0")
            .with("IsLatestVersion", true)
            .with("PlatformType", "Linux")
            .with("PlatformName", "Amazon Linux")
            .with("PlatformVersion", "2023")
            .with("ResourceType", "EC2Instance")
            .maybe("IPAddress", instance.primary_interface().map(|nic| &nic.private_ip))
    };
    let written = shown.into_iter().map(write).collect::<Shape>();
    Ok(Shape::record().with("InstanceInformationList", written).maybe("NextToken", next))
}
