//! Instance types: which zone offers which?

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, LocationType};

use crate::{Aws, AwsError};

/// What the verbs of this module need to be allowed.
pub const ACTIONS: &[&str] = &["ec2:DescribeInstanceTypeOfferings"];

/// The most that this operation puts on a page.
const PAGE: i32 = 1000;

/// The zones of the region that offer these types, by type; `*` and `?` match as in EC2's filters. A type that no zone offers is left out, as
/// one that does not exist is. All pages.
///
/// # Errors
/// When AWS does not answer or refuses; run again.
pub async fn zones_that_offer(aws: &Aws, types: &[String]) -> Result<BTreeMap<String, BTreeSet<String>>, AwsError> {
    let mut offered: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    if types.is_empty() {
        return Ok(offered);
    }
    let mut pages = aws
        .ec2
        .describe_instance_type_offerings()
        .location_type(LocationType::AvailabilityZone)
        .filters(Filter::builder().name("instance-type").set_values(Some(types.to_vec())).build())
        .max_results(PAGE)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        aws.counter.read();
        let page = page.map_err(|error| AwsError::new("DescribeInstanceTypeOfferings", None, &error))?;
        for offering in page.instance_type_offerings() {
            if let (Some(name), Some(zone)) = (offering.instance_type(), offering.location()) {
                offered.entry(name.as_str().to_owned()).or_default().insert(zone.to_owned());
            }
        }
    }
    Ok(offered)
}
