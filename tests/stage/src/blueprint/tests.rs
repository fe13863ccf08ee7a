//! Tests of the fleet that the nested template makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

use std::path::PathBuf;

use jiff::Timestamp;
use panda_world::Timing;

use super::*;

const IP: &str = "203.0.113.10";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn with(parameters: &[(&str, &str)]) -> Blueprint {
    Blueprint::read(&root(), "shop", &[&[("FleetName", "web"), ("Repository", "you/site")], parameters].concat())
        .unwrap()
}

#[test]
fn a_fleet_has_the_tags_hooks_and_sizes_of_its_template() {
    let fleet = with(&[("Chaos", "on"), ("DesiredCapacity", "3"), ("MaxSize", "5")]).fleet(IP).unwrap();
    let group = &fleet.groups[0];
    assert_eq!((group.name.as_str(), group.min, group.desired, group.max), ("web", 2, 3, 5));
    assert_eq!(group.hooks.len(), 1);
    assert_eq!((group.hooks[0].name.as_str(), group.hooks[0].heartbeat_seconds), ("elastic-ip-terminate", 300));
    assert_eq!((group.tags[FLEET_TAG].as_str(), group.tags["lethargic-panda:chaos"].as_str()), ("web", "on"));
    assert_eq!(group.own_tags["lethargic-panda:pipeline"], "shop");
    assert_eq!(group.own_tags["lethargic-panda:url"], "/");
    assert_eq!(group.maintenance, Some(MaintenanceSpec { min_percent: 100, max_percent: 200 }));
    assert!(group.code_deploy && group.public_addresses);
    let delivery = fleet.delivery.unwrap();
    assert_eq!((delivery.pipeline.as_str(), delivery.repository.as_str()), ("shop", "you/site"));
    assert!(delivery.rollback && delivery.update_outdated);
}

#[test]
fn conditions_choose_between_values_and_leave_resources_out() {
    let other_port = with(&[("SitePort", "8080"), ("SitePath", "/health")]).fleet(IP).unwrap();
    assert_eq!(other_port.groups[0].own_tags["lethargic-panda:url"], ":8080/health");
    let tls = with(&[("SitePort", "443")]).fleet(IP).unwrap();
    assert_eq!(tls.groups[0].own_tags.get("lethargic-panda:url"), None);
    let error = with(&[("ElasticIp", "198.51.100.1")]).fleet(IP).unwrap_err();
    assert!(error.to_string().contains("FleetAddress"), "{error}");
}

#[test]
fn a_parameter_that_the_template_does_not_take_is_refused_by_name() {
    for (name, value) in [("Size", "3"), ("DesiredCapacity", "30"), ("Chaos", "maybe")] {
        let error = Blueprint::read(&root(), "shop", &[(name, value)]).unwrap_err();
        assert_eq!(error.to_string(), format!("the fleet's template takes no {name}={value}"));
    }
}

#[test]
fn the_outputs_are_read_from_the_fleet_that_was_founded() {
    let blueprint = with(&[("SitePort", "8080")]);
    let mut world = World::new(7, Timestamp::UNIX_EPOCH, Timing::default());
    assert_eq!(blueprint.outputs(&world, IP).unwrap().get("GroupName"), None);
    world.found_fleet(&blueprint.fleet(IP).unwrap());
    let outputs = blueprint.outputs(&world, IP).unwrap();
    assert_eq!((outputs["Address"].as_str(), outputs["SiteUrl"].as_str()), (IP, "http://203.0.113.10:8080/"));
    assert_eq!((outputs["GroupName"].as_str(), outputs["PipelineName"].as_str()), ("web", "shop"));
    assert_eq!(outputs["Zones"], "us-east-1a,us-east-1b");
    assert_eq!(outputs.get("ArtifactBucketName"), None, "no bucket is played");
}
