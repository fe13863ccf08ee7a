//! How many calls does AWS take? Token buckets for each operation, per account and region `[doc]` ec2-api-throttling.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ApiRequest, Service};

/// Bucket size and refill per second.
fn limits(request: &ApiRequest) -> (f64, f64) {
    // Filtered or paginated reads have larger buckets `[doc]`.
    let narrow = request
        .params
        .keys()
        .any(|key| ["Filter.", "MaxResults", "InstanceId.", "NextToken"].iter().any(|mark| key.starts_with(mark)));
    match (request.service, request.operation()) {
        (Some(Service::Ec2), "DescribeInstances" | "DescribeInstanceStatus") if !narrow => (50.0, 10.0),
        (Some(Service::Ec2), "CreateTags") => (100.0, 10.0),
        (Some(Service::Ec2), "TerminateInstances") => (100.0, 5.0),
        (Some(Service::Ec2), operation) if operation.starts_with("Describe") => (100.0, 20.0),
        (Some(Service::Ec2), _) => (50.0, 5.0),
        // The others publish few numbers or none `[?]`; these are EC2's for reads, halved `[infer]`.
        _ if request.is_read() => (50.0, 10.0),
        _ => (25.0, 5.0),
    }
}

/// The buckets, by service and operation.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<(&'static str, String), Bucket>);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    since: Timestamp,
    /// The least that was left, as a share of the bucket.
    least: f64,
}

impl Buckets {
    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, request: &ApiRequest, now: Timestamp) -> bool {
        let (size, refill) = limits(request);
        let operation = (request.service.map_or("", Service::name), request.operation().to_owned());
        let bucket = self.0.entry(operation).or_insert(Bucket { tokens: size, since: now, least: 1.0 });
        let elapsed = now.duration_since(bucket.since).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * refill).min(size);
        bucket.since = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        bucket.least = bucket.least.min(if granted { bucket.tokens / size } else { 0.0 });
        granted
    }

    /// The least that was left of each since this was last asked, as a share of it.
    pub(crate) fn take_least_left(&mut self) -> BTreeMap<String, f64> {
        let least = |((_, operation), bucket): (&(&'static str, String), &mut Bucket)| {
            (operation.clone(), std::mem::replace(&mut bucket.least, 1.0))
        };
        self.0.iter_mut().map(least).collect()
    }
}
