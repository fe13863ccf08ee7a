//! How many calls does AWS take? Token buckets for each operation, per account and region `[doc]` ec2-api-throttling.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ApiError, ApiRequest, Service};

/// Bucket size and refill per second.
fn limits(request: &ApiRequest) -> (f64, f64) {
    // Filtered or paginated reads have larger buckets `[doc]`.
    let narrow = request
        .params
        .keys()
        .any(|key| ["Filter.", "MaxResults", "InstanceId.", "NextToken"].iter().any(|mark| key.starts_with(mark)));
    match (request.service(), request.operation()) {
        (Some(Service::Ec2), "DescribeInstances" | "DescribeInstanceStatus") if !narrow => (50.0, 10.0),
        (Some(Service::Ec2), "CreateTags") => (100.0, 10.0),
        (Some(Service::Ec2), "TerminateInstances") => (100.0, 5.0),
        (Some(Service::Ec2), operation) if operation.starts_with("Describe") => (100.0, 20.0),
        (Some(Service::Ec2), _) => (50.0, 5.0),
        // Auto Scaling publishes no numbers `[?]`; these are EC2's for reads, halved `[infer]`.
        (_, operation) if operation.starts_with("Describe") => (50.0, 10.0),
        _ => (25.0, 5.0),
    }
}

/// The words of a refusal: EC2 503, Auto Scaling 400.
pub(crate) fn refusal(service: Service) -> ApiError {
    match service {
        Service::Ec2 => ApiError::bad("RequestLimitExceeded", "Request limit exceeded.").with_status(503),
        _ => ApiError::bad("Throttling", "Rate exceeded"),
    }
}

/// The buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets(BTreeMap<String, (f64, Timestamp)>);

impl Buckets {
    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, request: &ApiRequest, now: Timestamp) -> bool {
        let (size, refill) = limits(request);
        if !self.0.contains_key(request.operation()) {
            self.0.insert(request.operation().to_owned(), (size, now));
        }
        let Some((tokens, since)) = self.0.get_mut(request.operation()) else { return true };
        let elapsed = now.duration_since(*since).as_secs_f64().max(0.0);
        *tokens = (*tokens + elapsed * refill).min(size);
        *since = now;
        let granted = *tokens >= 1.0;
        if granted {
            *tokens -= 1.0;
        }
        granted
    }
}
