//! `CloudWatch`, as far as alarms go. API version 2010-08-01.

use std::collections::BTreeMap;

use super::input::Input;
use super::page::page;
use super::shape::Shape;
use super::{ApiError, Operation, Service, View};
use crate::cloudwatch::{Alarm, AlarmState, Metric};
use crate::world::World;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation::show(
        "DescribeAlarms",
        &["AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix", "MaxRecords", "NextToken"],
        describe,
    ),
    Operation::show(
        "DescribeAlarmsForMetric",
        &["Namespace", "MetricName", "Dimensions", "Statistic", "ExtendedStatistic", "Period", "Unit"],
        of_metric,
    ),
    Operation::act("SetAlarmState", &["AlarmName", "StateValue", "StateReason", "StateReasonData"], set_state),
    Operation::act("DeleteAlarms", &["AlarmNames"], delete),
    Operation::act(
        "PutMetricAlarm",
        &[
            "AlarmName",
            "AlarmDescription",
            "ActionsEnabled",
            "OKActions",
            "AlarmActions",
            "InsufficientDataActions",
            "MetricName",
            "Namespace",
            "Statistic",
            "ExtendedStatistic",
            "Dimensions",
            "Period",
            "Unit",
            "EvaluationPeriods",
            "DatapointsToAlarm",
            "Threshold",
            "ComparisonOperator",
            "TreatMissingData",
            "Tags",
        ],
        put_metric,
    ),
    Operation::act(
        "PutCompositeAlarm",
        &[
            "AlarmName",
            "AlarmDescription",
            "AlarmRule",
            "ActionsEnabled",
            "OKActions",
            "AlarmActions",
            "InsufficientDataActions",
            "Tags",
        ],
        put_composite,
    ),
];

/// Alarms by name or by prefix; names that do not exist are simply not in the answer. "If you omit `AlarmTypes`, only metric alarms
/// are returned, even if composite alarms exist" `[doc]`.
fn describe(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let (names, prefix) = (input.list("AlarmNames")?, input.get("AlarmNamePrefix")?);
    if !names.is_empty() && prefix.is_some() {
        let message = "AlarmNames and AlarmNamePrefix cannot be specified together";
        return Err(ApiError::bad("InvalidParameterCombination", message));
    }
    if names.len() > 100 {
        return Err(input.refuse("AlarmNames: at most 100"));
    }
    let types = input.list("AlarmTypes")?;
    if let Some(unknown) = types.iter().find(|kind| !["MetricAlarm", "CompositeAlarm", "LogAlarm"].contains(kind)) {
        return Err(input.refuse(format!("AlarmTypes: {unknown} is not known")));
    }
    let metric = types.is_empty() || types.contains(&"MetricAlarm");
    let composite = types.contains(&"CompositeAlarm");
    let state = input.get("StateValue")?.map(read_state).transpose()?;
    if input.get("ActionPrefix")?.is_some() {
        return Err(input.refuse("ActionPrefix: alarms of this world have no actions"));
    }
    let size = input.number("MaxRecords", 1, 100)?.unwrap_or(50) as usize;
    let alarms = chosen(&view.state.alarms, &names, prefix.unwrap_or_default());
    let chosen = alarms
        .filter(|alarm| if alarm.rule.is_some() { composite } else { metric })
        .filter(|alarm| state.is_none_or(|state| alarm.state == state))
        .map(|alarm| (alarm.name.as_str(), alarm));
    let (shown, next) = page(chosen, Some(size), input.get("NextToken")?, Service::CloudWatch)?;
    let of = |composite: bool| shown.iter().filter(move |a| a.rule.is_some() == composite).map(|a| write(a));
    Ok(Shape::record()
        .with("CompositeAlarms", of(true).collect::<Shape>())
        .with("MetricAlarms", of(false).collect::<Shape>())
        .maybe("NextToken", next))
}

/// By name, without a look at the others.
fn chosen<'v>(
    alarms: &'v BTreeMap<String, Alarm>,
    names: &[&str],
    prefix: &'v str,
) -> Box<dyn Iterator<Item = &'v Alarm> + 'v> {
    if names.is_empty() {
        let from = alarms.range(prefix.to_owned()..).map(|(_, alarm)| alarm);
        return Box::new(from.take_while(move |alarm| alarm.name.starts_with(prefix)));
    }
    let mut found: Vec<&Alarm> = names.iter().filter_map(|name| alarms.get(*name)).collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup_by(|one, other| one.name == other.name);
    Box::new(found.into_iter())
}

fn write(alarm: &Alarm) -> Shape {
    Shape::record()
        .with("AlarmName", &alarm.name)
        .with("AlarmArn", &alarm.arn)
        .with("AlarmConfigurationUpdatedTimestamp", alarm.configured)
        .with("ActionsEnabled", true)
        .maybe("AlarmRule", alarm.rule.as_ref())
        .maybe("Namespace", alarm.metric.as_ref().map(|metric| &metric.namespace))
        .maybe("MetricName", alarm.metric.as_ref().map(|metric| &metric.name))
        .maybe("Dimensions", alarm.metric.as_ref().map(write_dimensions))
        .with("StateValue", alarm.state.as_str())
        .with("StateReason", &alarm.reason)
        .with("StateUpdatedTimestamp", alarm.since)
        .with("StateTransitionedTimestamp", alarm.since)
}

fn write_dimensions(metric: &Metric) -> Shape {
    let dimensions = metric.dimensions.iter();
    dimensions.map(|(name, value)| Shape::record().with("Name", name).with("Value", value)).collect()
}

/// One of three words; another breaks a constraint of the type, which is a `ValidationError` `[doc]` CloudWatch API reference, common
/// errors.
fn read_state(word: &str) -> Result<AlarmState, ApiError> {
    AlarmState::parse(word).ok_or_else(|| {
        let message = format!(
            "1 validation error detected: Value '{word}' at 'stateValue' failed to satisfy constraint: Member must satisfy enum value set: [INSUFFICIENT_DATA, ALARM, OK]"
        );
        ApiError::bad("ValidationError", message)
    })
}

fn set_state(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let (name, value) = (input.need("AlarmName")?, input.need("StateValue")?);
    let state = read_state(value)?;
    if !world.set_alarm(name, state, input.need("StateReason")?) {
        return Err(ApiError::bad("ResourceNotFound", format!("Unknown alarm {name}")).with_status(404));
    }
    Ok(Shape::record())
}

fn delete(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let names = input.list("AlarmNames")?;
    // "If you specify … an alarm that does not exist, none is deleted" `[doc]`
    if let Some(unknown) = names.iter().find(|name| !world.state.alarms.contains_key(**name)) {
        return Err(ApiError::bad("ResourceNotFound", format!("Unknown alarm {unknown}")).with_status(404));
    }
    for name in names {
        world.alarms_mut().remove(name);
    }
    Ok(Shape::record())
}

/// Which metric it watches is only remembered: no metrics are simulated.
fn put_metric(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let name = input.need("AlarmName")?;
    let metric = match (input.get("Namespace")?, input.get("MetricName")?) {
        (Some(_), Some(_)) => Some(read_metric(input)?),
        _ => None,
    };
    world.put_alarm(name, None, AlarmState::InsufficientData);
    if let Some(alarm) = world.alarms_mut().get_mut(name) {
        alarm.metric = metric;
    }
    Ok(Shape::record())
}

fn read_metric(input: &Input<'_>) -> Result<Metric, ApiError> {
    let mut dimensions = BTreeMap::new();
    for dimension in input.structures("Dimensions")? {
        dimensions.insert(dimension.need("Name")?.to_owned(), dimension.need("Value")?.to_owned());
    }
    Ok(Metric {
        namespace: input.need("Namespace")?.to_owned(),
        name: input.need("MetricName")?.to_owned(),
        dimensions,
    })
}

/// Alarms on exactly this metric, with exactly these dimensions `[doc]`.
fn of_metric(view: &View<'_>, input: &Input<'_>) -> Result<Shape, ApiError> {
    let metric = read_metric(input)?;
    let found = view.state.alarms.values().filter(|alarm| alarm.metric.as_ref() == Some(&metric));
    Ok(Shape::record().with("MetricAlarms", found.map(write).collect::<Shape>()))
}

/// Its rule is not evaluated: its state is set like any other's.
fn put_composite(world: &mut World, input: &Input<'_>) -> Result<Shape, ApiError> {
    let rule = input.need("AlarmRule")?.to_owned();
    world.put_alarm(input.need("AlarmName")?, Some(rule), AlarmState::Ok);
    Ok(Shape::record())
}
