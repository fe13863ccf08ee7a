//! What do people and alarms see of an invocation?

use std::{
    io::{self, Write},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::{Map, Value, json};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
};

/// The CloudWatch namespace of every metric.
pub const NAMESPACE: &str = "LethargicPanda";

/// Sends log events to standard output, one JSON object a line, the way Lambda's JSON log format stores them as they are.
///
/// The level is Lambda's own `AWS_LAMBDA_LOG_LEVEL`, which the template sets, or `RUST_LOG` for finer control while developing, such as
/// `info,panda_aws=debug`; INFO when neither says anything readable. Calling it twice is harmless.
pub fn init() {
    let directives = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"].into_iter().find_map(|name| std::env::var(name).ok());
    let levels = directives
        .and_then(|directives| directives.to_lowercase().parse::<Targets>().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        // The list, not the innermost span alone: the runtime's own span carries the request id.
        .with_current_span(false)
        .with_span_list(true)
        .with_target(false);
    // A second subscriber is refused; the first one goes on.
    let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(json).with(levels));
}

/// The unit of a metric, as CloudWatch names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// A time in milliseconds.
    Milliseconds,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// Metrics of one fleet, or of whatever else they are counted by, in CloudWatch's [embedded metric format][emf]: a log line from which CloudWatch makes metrics, without a call.
///
/// A metric is written only when it says something: CloudWatch charges for each name, and a fleet where nothing happens costs nothing.
///
/// [emf]: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
#[derive(Clone, Debug)]
pub struct Metrics {
    dimensions: Vec<(&'static str, String)>,
    values: Vec<(&'static str, Unit, Vec<f64>)>,
}

impl Metrics {
    /// Metrics of this function for this fleet.
    #[must_use]
    pub fn new(function: &str, fleet: &str) -> Self {
        Self { dimensions: vec![("Function", function.to_owned()), ("Fleet", fleet.to_owned())], values: Vec::new() }
    }

    /// Metrics of this function over all fleets, by something else.
    #[must_use]
    pub fn by(function: &str, dimension: &'static str, value: &str) -> Self {
        Self { dimensions: vec![("Function", function.to_owned()), (dimension, value.to_owned())], values: Vec::new() }
    }

    /// Adds a value; a metric may get several in one invocation.
    pub fn put(&mut self, name: &'static str, unit: Unit, value: f64) {
        match self.values.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., values)) => values.push(value),
            None => self.values.push((name, unit, vec![value])),
        }
    }

    /// Adds a number of things, unless there are none.
    pub fn count(&mut self, name: &'static str, number: usize) {
        if number > 0 {
            self.put(name, Unit::Count, f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
        }
    }

    /// The log line, or `None` when there is nothing to say.
    #[must_use]
    pub fn line(&self, now: SystemTime) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let millis = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| *name).collect();
        let metrics: Vec<Value> =
            self.values.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit.as_str()})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": u64::try_from(millis).unwrap_or(u64::MAX),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics}],
            }),
        );
        for (name, value) in &self.dimensions {
            line.insert((*name).to_owned(), json!(value));
        }
        for (name, _, values) in &self.values {
            line.insert((*name).to_owned(), json!(values));
        }
        Some(Value::Object(line).to_string())
    }

    /// Writes the log line, if there is one. A lost metric is no reason to fail an invocation.
    pub fn emit(&self, now: SystemTime) {
        if let Some(line) = self.line(now) {
            let _ = writeln!(io::stdout().lock(), "{line}");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_metrics_line_is_what_cloudwatch_reads() {
        let mut metrics = Metrics::new("elastic-ip-failover", "web");
        metrics.put("EventToMove", Unit::Milliseconds, 640.0);
        metrics.put("EventToMove", Unit::Milliseconds, 700.0);
        metrics.count("Moves", 2);
        metrics.count("Nudges", 0);
        let line: Value = serde_json::from_str(&metrics.line(UNIX_EPOCH + Duration::from_secs(7)).unwrap()).unwrap();
        assert_eq!(line["_aws"]["Timestamp"], 7_000);
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "LethargicPanda");
        assert_eq!(directive["Dimensions"], json!([["Function", "Fleet"]]));
        assert_eq!(
            directive["Metrics"],
            json!([{"Name": "EventToMove", "Unit": "Milliseconds"}, {"Name": "Moves", "Unit": "Count"}])
        );
        assert_eq!(line["Fleet"], "web");
        assert_eq!(line["EventToMove"], json!([640.0, 700.0]));
        assert!(line.get("Nudges").is_none());
    }

    #[test]
    fn a_fleet_where_nothing_happened_writes_no_line() {
        assert_eq!(Metrics::new("elastic-ip-failover", "web").line(UNIX_EPOCH), None);
    }
}
