//! `DescribeInstances`

use std::collections::{BTreeMap, BTreeSet};

use super::{VPC, check_instances, page_size, write_state, write_tags};
use crate::ec2::address::Address;
use crate::ec2::instance::{Instance, Interface};
use crate::event::millis;
use crate::state::State;
use crate::wire::filter::Filters;
use crate::wire::page::page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::wire::{ApiError, Service, View};
use crate::world::ACCOUNT;

const FILTERS: &[&str] = &[
    "instance-id",
    "instance-state-name",
    "instance-state-code",
    "availability-zone",
    "subnet-id",
    "vpc-id",
    "instance-type",
    "instance-lifecycle",
    "private-ip-address",
    "ip-address",
    "reservation-id",
    "owner-id",
    "network-interface.network-interface-id",
    "network-interface.addresses.association.public-ip",
    "tag-key",
    "tag-value",
];

pub(crate) fn describe(view: &View<'_>, params: &Params<'_>, xml: &mut Xml) -> Result<(), ApiError> {
    let state = view.state;
    let ids = params.list("InstanceId");
    check_instances(&ids, |id| state.instances.contains_key(id))?;
    // "If you specify instance IDs that are in the affected zone, or do not specify any instance IDs at all, the call fails" `[doc]`
    // DescribeInstances. With which code it fails AWS does not say: one of its own faults, which clients try again, `[infer]`.
    let silent =
        |id: &String| state.instances.get(id).is_some_and(|instance| state.silent_zones.contains(&instance.zone));
    if !state.silent_zones.is_empty() && (ids.is_empty() || ids.iter().any(silent)) {
        return Err(Service::Ec2.broken());
    }
    let filters = Filters::new(params.filters()?, FILTERS)?;
    let size = page_size(params, &ids)?;
    let elastic = Elastic::of(state);
    // Those who are named are looked up, without a look at the others.
    let named: BTreeSet<&String> = ids.iter().collect();
    let candidates: Box<dyn Iterator<Item = &Instance>> = if named.is_empty() {
        Box::new(state.instances.values())
    } else {
        Box::new(named.into_iter().filter_map(|id| state.instances.get(id)))
    };
    let chosen = candidates
        .filter(|instance| passes(&elastic, instance, &filters))
        .map(|instance| (instance.id.as_str(), instance));
    let (shown, next) = page(chosen, size, params.get("NextToken"), Service::Ec2)?;
    xml.list("reservationSet", "item", shown, |xml, instance| {
        xml.leaf("reservationId", &instance.reservation);
        xml.leaf("ownerId", ACCOUNT);
        xml.node("groupSet", |_| {});
        xml.list("instancesSet", "item", [instance], |xml, instance| write(xml, &elastic, instance));
    });
    xml.maybe("nextToken", next);
    Ok(())
}

/// Elastic IPs by the interface that they are on.
struct Elastic<'a>(BTreeMap<&'a str, &'a Address>);

impl<'a> Elastic<'a> {
    fn of(state: &'a State) -> Self {
        let on = |address: &'a Address| Some((address.association.as_ref()?.interface.as_str(), address));
        Self(state.addresses.values().filter_map(on).collect())
    }

    fn on(&self, interface: &Interface) -> Option<&'a Address> {
        self.0.get(interface.id.as_str()).copied()
    }
}

/// The address that the world sees: an Elastic IP, or else the auto-assigned one.
fn public_ip<'a>(elastic: &Elastic<'a>, instance: &'a Instance) -> Option<&'a str> {
    let primary = instance.primary_interface()?;
    elastic.on(primary).map(|address| address.public_ip.as_str()).or(instance.auto_public_ip.as_deref())
}

fn passes(elastic: &Elastic<'_>, instance: &Instance, filters: &Filters) -> bool {
    filters.pass(&instance.tags, |name| -> Vec<&str> {
        match name {
            "instance-id" => vec![&instance.id],
            "instance-state-name" => vec![instance.state.as_str()],
            "instance-state-code" => vec![match instance.state.code() {
                0 => "0",
                16 => "16",
                32 => "32",
                48 => "48",
                64 => "64",
                _ => "80",
            }],
            "availability-zone" => vec![&instance.zone],
            "subnet-id" => vec![&instance.subnet],
            "vpc-id" => vec![VPC],
            "instance-type" => vec![&instance.instance_type],
            "instance-lifecycle" if instance.spot => vec!["spot"],
            "private-ip-address" => {
                instance.primary_interface().map(|nic| nic.private_ip.as_str()).into_iter().collect()
            }
            "ip-address" | "network-interface.addresses.association.public-ip" => {
                public_ip(elastic, instance).into_iter().collect()
            }
            "reservation-id" => vec![&instance.reservation],
            "owner-id" => vec![ACCOUNT],
            "network-interface.network-interface-id" => instance.interfaces.iter().map(|nic| nic.id.as_str()).collect(),
            _ => Vec::new(),
        }
    })
}

fn dns(prefix: &str, ip: &str) -> String {
    let dashed = ip.replace('.', "-");
    if prefix == "ip" { format!("ip-{dashed}.ec2.internal") } else { format!("ec2-{dashed}.compute-1.amazonaws.com") }
}

fn write(xml: &mut Xml, elastic: &Elastic<'_>, instance: &Instance) {
    let primary = instance.primary_interface();
    let public = public_ip(elastic, instance);
    xml.leaf("instanceId", &instance.id);
    xml.leaf("imageId", "ami-00000000000000001");
    write_state(xml, "instanceState", instance.state);
    xml.leaf("privateDnsName", primary.map(|nic| dns("ip", &nic.private_ip)).unwrap_or_default());
    xml.leaf("dnsName", public.map(|ip| dns("ec2", ip)).unwrap_or_default());
    if let Some(reason) = instance.reason {
        xml.leaf("reason", transition_words(instance, reason));
    }
    xml.leaf("amiLaunchIndex", "0");
    xml.leaf("instanceType", &instance.instance_type);
    xml.leaf("launchTime", millis(instance.launched));
    xml.node("placement", |xml| {
        xml.leaf("availabilityZone", &instance.zone);
        xml.leaf("groupName", "");
        xml.leaf("tenancy", "default");
    });
    xml.node("monitoring", |xml| xml.leaf("state", "disabled"));
    // A terminated instance has neither subnet nor addresses any more.
    if let Some(nic) = primary {
        xml.leaf("subnetId", &instance.subnet);
        xml.leaf("vpcId", VPC);
        xml.leaf("privateIpAddress", &nic.private_ip);
    }
    xml.maybe("ipAddress", public);
    xml.leaf("sourceDestCheck", "true");
    if let Some(reason) = instance.reason {
        xml.node("stateReason", |xml| {
            xml.leaf("code", reason);
            xml.leaf("message", format!("{reason}: {}", reason_words(reason)));
        });
    }
    xml.leaf("architecture", "arm64");
    xml.leaf("rootDeviceType", "ebs");
    xml.leaf("rootDeviceName", "/dev/xvda");
    xml.leaf("virtualizationType", "hvm");
    if instance.spot {
        xml.leaf("instanceLifecycle", "spot");
    }
    write_tags(xml, &instance.tags);
    xml.leaf("hypervisor", "xen");
    xml.list("networkInterfaceSet", "item", &instance.interfaces, |xml, nic| {
        write_interface(xml, elastic, instance, nic);
    });
    // Every template of this world asks for tokens, and has a profile.
    xml.node("metadataOptions", |xml| {
        xml.leaf("state", "applied");
        xml.leaf("httpTokens", "required");
        xml.leaf("httpEndpoint", "enabled");
    });
    xml.node("iamInstanceProfile", |xml| {
        xml.leaf("arn", format!("arn:aws:iam::{ACCOUNT}:instance-profile/web"));
        xml.leaf("id", "AIPA00000000000000001");
    });
    xml.leaf("enaSupport", "true");
}

fn write_interface(xml: &mut Xml, elastic: &Elastic<'_>, instance: &Instance, nic: &Interface) {
    xml.leaf("networkInterfaceId", &nic.id);
    xml.leaf("subnetId", &instance.subnet);
    xml.leaf("vpcId", VPC);
    xml.leaf("ownerId", ACCOUNT);
    xml.leaf("status", "in-use");
    xml.leaf("privateIpAddress", &nic.private_ip);
    xml.leaf("sourceDestCheck", "true");
    xml.node("attachment", |xml| {
        xml.leaf("attachmentId", &nic.attachment);
        xml.leaf("deviceIndex", nic.device_index.to_string());
        xml.leaf("status", "attached");
        xml.leaf("attachTime", millis(instance.launched));
        xml.leaf("deleteOnTermination", "true");
        xml.leaf("networkCardIndex", "0");
    });
    let elastic = elastic.on(nic).map(|address| (address.public_ip.as_str(), ACCOUNT));
    let auto = || instance.auto_public_ip.as_deref().filter(|_| nic.device_index == 0).map(|ip| (ip, "amazon"));
    let association = elastic.or_else(auto);
    let write_association = |xml: &mut Xml| {
        if let Some((ip, owner)) = association {
            xml.node("association", |xml| {
                xml.leaf("publicIp", ip);
                xml.leaf("publicDnsName", dns("ec2", ip));
                xml.leaf("ipOwnerId", owner);
            });
        }
    };
    write_association(xml);
    xml.list("privateIpAddressesSet", "item", [nic], |xml, nic| {
        xml.leaf("privateIpAddress", &nic.private_ip);
        xml.leaf("primary", "true");
        write_association(xml);
    });
    xml.leaf("interfaceType", "interface");
}

/// `User initiated (2026-05-07 13:00:00 GMT)` `[doc]` EC2 user guide, troubleshooting-launch; of others' doings, their code.
fn transition_words(instance: &Instance, reason: &str) -> String {
    match instance.reason_since {
        Some(at) if reason == "Client.UserInitiatedShutdown" => {
            format!("User initiated ({})", at.strftime("%Y-%m-%d %H:%M:%S GMT"))
        }
        _ => format!("{reason}: {}", reason_words(reason)),
    }
}

fn reason_words(reason: &str) -> &'static str {
    match reason {
        "Client.UserInitiatedShutdown" => "User initiated shutdown",
        "Server.SpotInstanceTermination" => "Instance was terminated by Spot",
        _ => "Internal error",
    }
}
