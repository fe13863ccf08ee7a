//! Is this launch accepted, and with which subnets?

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    Finding, Launch, Network, Severity, Subnet, WayOut,
    finding::{listed, quoted},
    same_processor,
    siblings::nearness,
};
use crate::ids::SubnetId;

/// The fewest zones of a fleet: with one, the loss of a zone is the loss of the fleet.
const FEWEST_ZONES: usize = 2;

/// The most sibling types that are suggested.
const SUGGESTED: usize = 4;

/// Where people confirm a connection; there is no command for it.
const CONNECTIONS: &str = "https://console.aws.amazon.com/codesuite/settings/connections";

/// What AWS offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchSnapshot {
    /// The subnets that were asked for, as far as they exist, and those of the VPC; its route tables and endpoints.
    pub network: Network,
    /// The zones of the region that offer the instance type.
    pub offered: BTreeSet<String>,
    /// Types of the same size with the zones that offer them; read only where the type itself is not offered everywhere.
    pub siblings: BTreeMap<String, BTreeSet<String>>,
    /// The connection, if one was asked for.
    pub connection: Option<ConnectionLook>,
}

/// What a look at a connection shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionLook {
    /// It can be used.
    Available,
    /// It has another status, such as `PENDING`: it was made and nobody has confirmed it.
    Unfinished(String),
    /// There is none of this ARN.
    Missing,
    /// It could not be looked at.
    Unseen(String),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchPlan {
    /// Whether the launch is accepted.
    pub decision: Decision,
    /// What stands against it, and what people should know; the worst first.
    pub findings: Vec<Finding>,
}

/// Whether a launch is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is, with these subnets.
    Accepted {
        /// In the order in which they were asked for.
        subnets: Vec<SubnetId>,
        /// Their zones.
        zones: BTreeSet<String>,
        /// Those that will not do and were left out, as was allowed.
        dropped: Vec<SubnetId>,
    },
    /// It is not; the findings say why.
    Refused,
}

/// Decides on a launch.
#[must_use]
pub fn plan(launch: &Launch, snapshot: &LaunchSnapshot) -> LaunchPlan {
    let mut findings = Vec::new();
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for id in &launch.subnets {
        let against = against(launch, snapshot, id);
        // Of a type that is offered nowhere it is said once, and not of each subnet.
        if against.is_empty() && !snapshot.offered.is_empty() {
            kept.push(id.clone());
        } else {
            dropped.push(id.clone());
        }
        let said = |finding| if launch.drop_unsuitable { left_out(finding) } else { finding };
        findings.extend(against.into_iter().map(said));
    }
    let known = kept.iter().filter_map(|id| snapshot.network.subnets.get(id));
    let zones: BTreeSet<String> = known.map(|subnet| subnet.zone.clone()).collect();
    if snapshot.offered.is_empty() {
        findings.push(nowhere(launch));
    } else if zones.len() < FEWEST_ZONES && findings.iter().all(|finding| finding.severity != Severity::Error) {
        findings.push(too_few_zones(&zones, launch, snapshot));
    }
    findings.extend(sizes(launch));
    findings.extend(few_addresses(launch, snapshot, &kept));
    if let (Some(arn), Some(look)) = (&launch.connection, &snapshot.connection) {
        findings.extend(said_of_connection(arn, look));
    }
    // What is said of a subnet does not depend on where it stood in the list.
    findings.sort();
    let refused = findings.iter().any(|finding| finding.severity == Severity::Error);
    let decision = if refused { Decision::Refused } else { Decision::Accepted { subnets: kept, zones, dropped } };
    LaunchPlan { decision, findings }
}

/// Everything that stands against launching into a subnet.
fn against(launch: &Launch, snapshot: &LaunchSnapshot, id: &SubnetId) -> Vec<Finding> {
    let Some(subnet) = snapshot.network.subnets.get(id) else {
        let sentence = format!("The subnet `{id}` does not exist in this account and region.");
        return vec![Finding::error("subnet-unknown", id, sentence).mended_by(choice(launch, snapshot))];
    };
    if subnet.vpc != launch.vpc {
        let sentence = format!("The subnet `{id}` belongs to {}, not to `{}`.", quoted(&subnet.vpc), launch.vpc);
        return vec![Finding::error("subnet-of-another-vpc", id, sentence).mended_by(choice(launch, snapshot))];
    }
    let mut against = Vec::new();
    if !snapshot.offered.contains(&subnet.zone) && !snapshot.offered.is_empty() {
        against.push(not_offered(launch, snapshot, subnet));
    }
    against.extend(no_way_out(launch, snapshot, subnet));
    against
}

fn not_offered(launch: &Launch, snapshot: &LaunchSnapshot, subnet: &Subnet) -> Finding {
    let wanted = &launch.instance_type;
    let mut sentence = format!(
        "The subnet `{}` lies in {}, which does not offer `{wanted}`; {} {}.",
        subnet.id,
        subnet.zone,
        listed(&snapshot.offered),
        if snapshot.offered.len() == 1 { "does" } else { "do" },
    );
    let siblings = siblings(launch, snapshot);
    if !siblings.is_empty() {
        let siblings = listed(siblings.iter().map(quoted));
        let _ = write!(sentence, " Every zone of your subnets offers {siblings}.");
    }
    Finding::error("type-not-offered", &subnet.id, sentence).mended_by(choice(launch, snapshot))
}

/// The types like this one that every zone of the subnets offers, the likeliest first.
fn siblings<'s>(launch: &Launch, snapshot: &'s LaunchSnapshot) -> Vec<&'s str> {
    let subnets = launch.subnets.iter().filter_map(|id| snapshot.network.subnets.get(id));
    let zones: BTreeSet<&String> =
        subnets.filter(|subnet| subnet.vpc == launch.vpc).map(|subnet| &subnet.zone).collect();
    let everywhere = |offered: &BTreeSet<String>| zones.iter().all(|zone| offered.contains(*zone));
    let mut siblings: Vec<&str> = snapshot
        .siblings
        .iter()
        .filter(|(name, offered)| **name != launch.instance_type && everywhere(offered))
        .map(|(name, _)| name.as_str())
        .filter(|name| same_processor(&launch.instance_type, name))
        .collect();
    siblings.sort_by(|one, other| nearness(&launch.instance_type, one).cmp(&nearness(&launch.instance_type, other)));
    siblings.truncate(SUGGESTED);
    siblings
}

fn lends(launch: &Launch, subnet: &Subnet) -> bool {
    launch.lends_public_ip.unwrap_or(subnet.lends_public_ip)
}

fn no_way_out(launch: &Launch, snapshot: &LaunchSnapshot, subnet: &Subnet) -> Option<Finding> {
    let way = snapshot.network.way_out(subnet, lends(launch, subnet));
    let sentence = said_of_way(&subnet.id, &way)?;
    let mend = match way {
        WayOut::NoAddress { .. } => {
            format!("aws ec2 modify-subnet-attribute --subnet-id {} --map-public-ip-on-launch", subnet.id)
        }
        _ => choice(launch, snapshot),
    };
    Some(Finding::error("no-way-out", &subnet.id, sentence).mended_by(mend))
}

/// What is wrong with a subnet's way out; nothing of one that is open.
pub(super) fn said_of_way(subnet: &SubnetId, way: &WayOut) -> Option<String> {
    let table =
        |table: &Option<String>| table.as_ref().map(|table| format!(" (route table {table})")).unwrap_or_default();
    Some(match way {
        WayOut::Open => return None,
        WayOut::Ipv6Only => format!("The subnet `{subnet}` has no IPv4, and an Elastic IP is an IPv4 address."),
        WayOut::NoRoute { table: id } => {
            format!(
                "The subnet `{subnet}` has no route to the internet{}: a server there gets no code, and its Elastic IP does not answer.",
                table(id)
            )
        }
        WayOut::Blackhole { table, target } => {
            format!("The subnet `{subnet}` sends its traffic to {target}, which is gone (route table {table}).")
        }
        WayOut::NoWayIn { table, target } => {
            format!(
                "The subnet `{subnet}` reaches the internet through {target} (route table {table}), not through an internet gateway: an \
                 Elastic IP does not answer there."
            )
        }
        WayOut::NoAddress { missing } => {
            format!(
                "The subnet `{subnet}` lends no public address, and its VPC has no endpoint for {}: a server that boots there reaches nobody, \
                 and gets no code.",
                listed(missing)
            )
        }
    })
}

fn nowhere(launch: &Launch) -> Finding {
    let wanted = &launch.instance_type;
    let sentence = format!("No zone of this region offers `{wanted}`.");
    let mend =
        "Choose another InstanceType: aws ec2 describe-instance-type-offerings --location-type availability-zone";
    Finding::error("type-unknown", wanted, sentence).mended_by(mend)
}

fn too_few_zones(zones: &BTreeSet<String>, launch: &Launch, snapshot: &LaunchSnapshot) -> Finding {
    let left = match zones.iter().next() {
        None => "No subnet is left to launch into".to_owned(),
        Some(zone) => format!("Only {zone} is left to launch into"),
    };
    let sentence =
        format!("{left}: a fleet needs subnets in two zones at least, so that the loss of a zone is not its loss.");
    Finding::error("too-few-zones", "SubnetIds", sentence).mended_by(choice(launch, snapshot))
}

/// The subnets of the VPC that would do: those that were asked for, and one more for each other zone.
fn choice(launch: &Launch, snapshot: &LaunchSnapshot) -> String {
    let network = &snapshot.network;
    let suits = |subnet: &&Subnet| {
        subnet.vpc == launch.vpc
            && snapshot.offered.contains(&subnet.zone)
            && network.way_out(subnet, lends(launch, subnet)) == WayOut::Open
    };
    let mut chosen: BTreeMap<&str, Vec<&SubnetId>> = BTreeMap::new();
    for subnet in network.subnets.values().filter(suits) {
        let asked = launch.subnets.contains(&subnet.id);
        let of_zone = chosen.entry(&subnet.zone).or_default();
        if asked || of_zone.is_empty() {
            // One that nobody asked for only stands in until one comes that somebody did.
            of_zone.retain(|id| launch.subnets.contains(id) || !asked);
            of_zone.push(&subnet.id);
        }
    }
    if chosen.len() < FEWEST_ZONES {
        return format!(
            "In `{}` too few subnets would do: make some in zones that offer `{}`, with a route to an internet gateway and public addresses \
             at launch, or choose another VPC or InstanceType.",
            launch.vpc, launch.instance_type
        );
    }
    let subnets: Vec<&str> = chosen.values().flatten().map(|id| id.as_str()).collect();
    format!("These would do: SubnetIds={} ({}).", subnets.join(","), listed(chosen.keys()))
}

fn sizes(launch: &Launch) -> Option<Finding> {
    let Launch { min, desired, max, .. } = *launch;
    if min <= desired && desired <= max {
        return None;
    }
    let sentence = format!("DesiredCapacity is {desired}, and must be between MinSize {min} and MaxSize {max}.");
    let mend = if min > max {
        format!("Choose a MaxSize of at least {min}.")
    } else {
        format!("Choose a DesiredCapacity between {min} and {max}.")
    };
    Some(Finding::error("sizes", "DesiredCapacity", sentence).mended_by(mend))
}

/// Each server takes one private address, and AWS answers a launch into a full subnet with an error.
fn few_addresses(launch: &Launch, snapshot: &LaunchSnapshot, kept: &[SubnetId]) -> Option<Finding> {
    let free = kept.iter().filter_map(|id| snapshot.network.subnets.get(id)).map(|subnet| subnet.free);
    let free = free.fold(0_u32, u32::saturating_add);
    (!kept.is_empty() && free < launch.max).then(|| {
        let sentence =
            format!("The subnets have {free} free addresses, and the fleet may grow to {} servers.", launch.max);
        Finding::warning("few-addresses", "SubnetIds", sentence)
    })
}

/// What is wrong with a connection; nothing of one that can be used.
pub(super) fn said_of_connection(arn: &str, look: &ConnectionLook) -> Option<Finding> {
    match look {
        ConnectionLook::Available => None,
        ConnectionLook::Unfinished(status) => {
            let sentence = format!(
                "The connection {arn} is {status}: the pipeline fails until somebody confirms it at {CONNECTIONS} (Update pending connection)."
            );
            Some(Finding::warning("connection-unconfirmed", arn, sentence).mended_by(CONNECTIONS))
        }
        ConnectionLook::Missing => {
            let sentence = format!(
                "The connection {arn} does not exist in this account and region: the pipeline will get no code."
            );
            Some(Finding::warning("connection-missing", arn, sentence).mended_by(CONNECTIONS))
        }
        ConnectionLook::Unseen(error) => {
            let sentence = format!(
                "The connection {arn} could not be looked at, so nobody knows whether it is confirmed: {error}."
            );
            Some(Finding::warning("connection-unseen", arn, sentence))
        }
    }
}

fn left_out(finding: Finding) -> Finding {
    Finding { severity: Severity::Warning, sentence: format!("Left out: {}", lower(&finding.sentence)), ..finding }
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
