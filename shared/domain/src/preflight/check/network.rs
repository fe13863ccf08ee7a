//! Can the group launch in each of its zones, and does a server there reach what it needs?

use std::collections::BTreeSet;

use super::{GroupSetup, take, word};
use crate::ids::SubnetId;
use crate::preflight::{
    Finding, WayOut,
    finding::{listed, quoted},
    plan::said_of_way,
};

pub(super) fn check(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let template = take(&group.template, "launch template", name.as_str(), &mut findings).and_then(Option::as_ref);
    if let Some(template) = template.filter(|template| template.takes_addresses) {
        let sentence = format!(
            "The user data of `{name}` (launch template {}, version {}) takes an Elastic IP by itself: every boot cuts off the server that holds it.",
            template.id, template.version
        );
        let mend = format!(
            "Remove `associate-address` from the user data, make a version of it (aws ec2 create-launch-template-version \
             --launch-template-id {} --source-version {} --launch-template-data …) and take ec2:AssociateAddress from the instance profile.",
            template.id, template.version
        );
        findings.push(Finding::error("takes-addresses", name, sentence).mended_by(mend));
    }
    let Some(network) = take(&group.network, "subnets", name.as_str(), &mut findings) else { return findings };
    let zones: BTreeSet<&str> =
        group.subnets.iter().filter_map(|id| network.subnets.get(id)).map(|s| s.zone.as_str()).collect();
    if zones.len() == 1 {
        let sentence = format!(
            "The group `{name}` launches in {} only: the loss of that zone is the loss of the fleet.",
            listed(&zones)
        );
        let mend = format!(
            "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --vpc-zone-identifier \"{},subnet-…\"",
            word(name.as_str()),
            joined(group)
        );
        findings.push(Finding::warning("one-zone", name, sentence).mended_by(mend));
    }
    for id in &group.subnets {
        let Some(subnet) = network.subnets.get(id) else {
            let sentence = format!(
                "The group `{name}` launches into the subnet `{id}`, which does not exist: launches there fail."
            );
            findings.push(Finding::error("subnet-unknown", id, sentence).mended_by(without(group, &[id.as_str()])));
            continue;
        };
        let lends = template.and_then(|template| template.lends_public_ip).unwrap_or(subnet.lends_public_ip);
        let way = network.way_out(subnet, lends);
        if let Some(sentence) = said_of_way(id, &way) {
            let mend = match way {
                WayOut::NoAddress { .. } => {
                    format!("aws ec2 modify-subnet-attribute --subnet-id {id} --map-public-ip-on-launch")
                }
                _ => without(group, &[id.as_str()]),
            };
            findings.push(Finding::error("no-way-out", id, sentence).mended_by(mend));
        }
    }
    findings.extend(offers(group));
    findings
}

/// A launch in a zone that does not offer the type fails, again and again.
fn offers(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let Some(offered) = take(&group.offered, "offers of instance types", name.as_str(), &mut findings) else {
        return findings;
    };
    let Ok(network) = &group.network else { return findings };
    for (kind, zones) in offered {
        let bad: Vec<&str> = group
            .subnets
            .iter()
            .filter_map(|id| network.subnets.get(id))
            .filter(|subnet| !zones.contains(&subnet.zone))
            .map(|subnet| subnet.id.as_str())
            .collect();
        if !bad.is_empty() {
            let sentence = format!(
                "The group `{name}` launches `{kind}` into {}, whose zones do not offer it: launches there fail. It is offered in {}.",
                listed(bad.iter().map(quoted)),
                listed(zones)
            );
            findings.push(Finding::error("type-not-offered", name, sentence).mended_by(without(group, &bad)));
        }
    }
    findings
}

fn joined(group: &GroupSetup) -> String {
    group.subnets.iter().map(SubnetId::as_str).collect::<Vec<_>>().join(",")
}

/// The group without these subnets, if others are left.
fn without(group: &GroupSetup, bad: &[&str]) -> String {
    let left: Vec<&str> = group.subnets.iter().map(SubnetId::as_str).filter(|id| !bad.contains(id)).collect();
    let left = if left.is_empty() { "subnet-…,subnet-…".to_owned() } else { left.join(",") };
    format!(
        "aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --vpc-zone-identifier \"{left}\"",
        word(group.name.as_str())
    )
}
