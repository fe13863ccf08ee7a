//! `CreateTags`, `DeleteTags`, `DescribeTags`

use std::collections::BTreeMap;

use super::page_size;
use crate::ec2::association::{unknown_allocation, unknown_instance};
use crate::journal::Kind;
use crate::wire::filter::Filters;
use crate::wire::page::page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};
use crate::world::World;

/// Most of EC2's resources have fifty tags at most `[doc]`.
const MOST: usize = 50;

fn tags_of<'w>(world: &'w mut World, resource: &str) -> Result<&'w mut BTreeMap<String, String>, ApiError> {
    if resource.starts_with("i-") {
        world.state.instances.get_mut(resource).map(|i| &mut i.tags).ok_or_else(|| unknown_instance(resource))
    } else if resource.starts_with("eipalloc-") {
        world.state.addresses.get_mut(resource).map(|a| &mut a.tags).ok_or_else(|| unknown_allocation(resource))
    } else {
        Err(ApiError::bad("InvalidID", format!("The ID '{resource}' is not valid")))
    }
}

/// All resources and tags are checked before one is written.
fn checked(world: &mut World, params: &Params<'_>) -> Result<Vec<String>, ApiError> {
    let resources = params.need_list("ResourceId")?;
    for resource in &resources {
        tags_of(world, resource)?;
    }
    if params.tags("Tag")?.iter().any(|tag| tag.key.to_ascii_lowercase().starts_with("aws:")) {
        let message = "Tag keys starting with 'aws:' are reserved for internal use";
        return Err(ApiError::bad("InvalidParameterValue", message));
    }
    Ok(resources)
}

pub(crate) fn create(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let resources = checked(world, params)?;
    let tags = params.tags("Tag")?;
    if tags.is_empty() {
        return Err(params.missing("Tag"));
    }
    for resource in resources {
        for tag in &tags {
            let existing = tags_of(world, &resource)?;
            // AWS's own do not count `[doc]` Using_Tags, tag restrictions.
            let own = existing.keys().filter(|key| !key.starts_with("aws:")).count();
            if own >= MOST && !existing.contains_key(&tag.key) {
                return Err(ApiError::bad(
                    "TagLimitExceeded",
                    "The maximum number of Tags for a resource has been reached.",
                ));
            }
            existing.insert(tag.key.clone(), tag.value.clone().unwrap_or_default());
            world.record(Kind::Tagged { resource: resource.clone(), key: tag.key.clone() });
        }
    }
    xml.leaf("return", "true");
    Ok(())
}

/// A tag with a value goes only if it has that value; without tags all user tags go `[doc]`.
pub(crate) fn delete(world: &mut World, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let resources = checked(world, params)?;
    let tags = params.tags("Tag")?;
    for resource in resources {
        let existing = tags_of(world, &resource)?;
        existing.retain(|key, value| {
            let named = tags.iter().any(|tag| tag.key == *key && tag.value.as_ref().is_none_or(|v| v == value));
            !(named || tags.is_empty() && !key.starts_with("aws:"))
        });
        world.record(Kind::Tagged { resource, key: String::new() });
    }
    xml.leaf("return", "true");
    Ok(())
}

pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    const FILTERS: &[&str] = &["key", "resource-id", "resource-type", "value"];
    let filters = Filters::new(params.filters()?, FILTERS)?;
    let instances = view.state.instances.values().map(|i| (i.id.as_str(), "instance", &i.tags));
    let addresses = view.state.addresses.values().map(|a| (a.allocation.as_str(), "elastic-ip", &a.tags));
    let none = BTreeMap::new();
    let mut rows: Vec<(String, &str, &str, &str, &str)> = Vec::new();
    for (resource, kind, tags) in addresses.chain(instances) {
        for (key, value) in tags {
            let passes = filters.pass(&none, |name| {
                Some(match name {
                    "key" => key.as_str(),
                    "value" => value.as_str(),
                    "resource-id" => resource,
                    _ => kind,
                })
            });
            if passes {
                rows.push((format!("{resource}/{key}"), resource, kind, key, value));
            }
        }
    }
    rows.sort_unstable();
    let size = page_size(params, &[])?;
    let items = rows.iter().map(|row| (row.0.as_str(), row));
    let (shown, next) = page(items, size, params.get("NextToken"), Service::Ec2)?;
    xml.list("tagSet", "item", shown, |xml, (_, resource, kind, key, value)| {
        xml.leaf("resourceId", resource);
        xml.leaf("resourceType", kind);
        xml.leaf("key", key);
        xml.leaf("value", value);
    });
    xml.maybe("nextToken", next);
    Ok(())
}
