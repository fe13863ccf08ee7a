//! `DescribeInstanceStatus`

use super::{check_instances, page_size, write_state};
use crate::ec2::instance::{CheckStatus, Instance, InstanceState};
use crate::event::millis;
use crate::wire::filter::Filters;
use crate::wire::page::page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};

const FILTERS: &[&str] = &[
    "availability-zone",
    "event.code",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "system-status.reachability",
    "system-status.status",
];

/// Running instances only, unless all are asked for `[doc]`.
pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let state = view.state;
    let ids = params.list("InstanceId");
    check_instances(&ids, |id| state.instances.contains_key(id))?;
    let filters = Filters::new(params.filters()?, FILTERS)?;
    let size = page_size(params, &ids)?;
    let all = params.flag("IncludeAllInstances")?.unwrap_or(false);
    let none = std::collections::BTreeMap::new();
    let zone_lost = |instance: &Instance| state.lost_zones.contains(&instance.zone);
    let chosen = state
        .instances
        .values()
        .filter(|instance| ids.is_empty() || ids.contains(&instance.id))
        .filter(|instance| all || instance.state == InstanceState::Running)
        .filter(|instance| {
            filters.pass(&none, |name| -> Vec<&str> {
                match name {
                    "availability-zone" => vec![&instance.zone],
                    "event.code" if instance.retirement.is_some() => vec!["instance-retirement"],
                    "instance-state-name" => vec![instance.state.as_str()],
                    "instance-state-code" if instance.state == InstanceState::Running => vec!["16"],
                    "instance-status.status" => vec![instance_word(instance)],
                    "system-status.status" => vec![system_word(instance, zone_lost(instance))],
                    "instance-status.reachability" => vec![reachability(instance_word(instance))],
                    "system-status.reachability" => vec![reachability(system_word(instance, zone_lost(instance)))],
                    _ => Vec::new(),
                }
            })
        })
        .map(|instance| (instance.id.as_str(), instance));
    let (shown, next) = page(chosen, size, params.get("NextToken"), Service::Ec2)?;
    xml.list("instanceStatusSet", "item", shown, |xml, instance| {
        xml.leaf("instanceId", &instance.id);
        xml.leaf("availabilityZone", &instance.zone);
        if let Some(at) = instance.retirement {
            xml.list("eventsSet", "item", [at], |xml, at| {
                xml.leaf("instanceEventId", format!("instance-event-{}", instance.id.trim_start_matches("i-")));
                xml.leaf("code", "instance-retirement");
                xml.leaf("description", "The instance is running on degraded hardware");
                xml.leaf("notBefore", millis(at));
            });
        }
        write_state(xml, "instanceState", instance.state);
        write_check(xml, "systemStatus", system_word(instance, zone_lost(instance)));
        write_check(xml, "instanceStatus", instance_word(instance));
    });
    xml.maybe("nextToken", next);
    Ok(())
}

fn instance_word(instance: &Instance) -> &'static str {
    if instance.state == InstanceState::Running { instance.checks.as_str() } else { "not-applicable" }
}

/// A failing machine fails its instance check; a lost zone fails the system check too.
fn system_word(instance: &Instance, zone_lost: bool) -> &'static str {
    match (instance.state, instance.checks) {
        (InstanceState::Running, CheckStatus::Impaired) if !zone_lost => "ok",
        _ => instance_word(instance),
    }
}

fn reachability(word: &str) -> &'static str {
    match word {
        "ok" => "passed",
        "impaired" => "failed",
        "initializing" => "initializing",
        _ => "",
    }
}

fn write_check(xml: &mut Xml, name: &str, word: &str) {
    xml.node(name, |xml| {
        xml.leaf("status", word);
        let detail = reachability(word);
        if !detail.is_empty() {
            xml.list("details", "item", [detail], |xml, detail| {
                xml.leaf("name", "reachability");
                xml.leaf("status", detail);
            });
        }
    });
}
