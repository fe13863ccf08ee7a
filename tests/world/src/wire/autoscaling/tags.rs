//! `CreateOrUpdateTags`, `DeleteTags`, `DescribeTags`

use std::collections::BTreeMap;

use super::page_size;
use crate::autoscaling::hooks::no_group;
use crate::journal::Kind;
use crate::wire::filter::Filters;
use crate::wire::page::page;
use crate::wire::params::{Params, TagParam};
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};
use crate::world::World;

/// Tags whose groups all exist.
fn checked(world: &World, params: &Params<'_>) -> Result<Vec<TagParam>, ApiError> {
    let tags = params.tags("Tags")?;
    if tags.is_empty() {
        return Err(params.missing("Tags"));
    }
    match tags.iter().find(|tag| !world.state.groups.contains_key(&tag.resource)) {
        Some(tag) => Err(no_group(&tag.resource)),
        None => Ok(tags),
    }
}

pub(crate) fn create(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    for tag in checked(world, params)? {
        if let Some(group) = world.state.groups.get_mut(&tag.resource) {
            group.tags.insert(tag.key.clone(), (tag.value.unwrap_or_default(), tag.propagate));
        }
        world.record(Kind::Tagged { resource: tag.resource, key: tag.key });
    }
    Ok(())
}

pub(crate) fn delete(world: &mut World, params: &Params<'_>, _: &mut Xml) -> Result<(), ApiError> {
    for tag in checked(world, params)? {
        if let Some(group) = world.state.groups.get_mut(&tag.resource) {
            group.tags.remove(&tag.key);
        }
        world.record(Kind::Tagged { resource: tag.resource, key: tag.key });
    }
    Ok(())
}

pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let filters = Filters::new(params.filters()?, &["auto-scaling-group", "key", "value", "propagate-at-launch"])
        .map_err(|error| ApiError::bad("ValidationError", error.message))?;
    let none = BTreeMap::new();
    let mut rows = Vec::new();
    for group in view.state.groups.values() {
        for (key, (value, propagate)) in &group.tags {
            let propagate = if *propagate { "true" } else { "false" };
            let passes = filters.pass(&none, |name| {
                Some(match name {
                    "auto-scaling-group" => group.name.as_str(),
                    "key" => key,
                    "value" => value,
                    _ => propagate,
                })
            });
            if passes {
                rows.push((format!("{}/{key}", group.name), group.name.as_str(), key, value, propagate));
            }
        }
    }
    rows.sort_unstable();
    let items = rows.iter().map(|row| (row.0.as_str(), row));
    let (shown, next) = page(items, page_size(params, 100)?, params.get("NextToken"), Service::AutoScaling)?;
    xml.list("Tags", "member", shown, |xml, (_, group, key, value, propagate)| {
        xml.leaf("ResourceId", group);
        xml.leaf("ResourceType", "auto-scaling-group");
        xml.leaf("Key", key);
        xml.leaf("Value", value);
        xml.leaf("PropagateAtLaunch", propagate);
    });
    xml.maybe("NextToken", next);
    Ok(())
}
