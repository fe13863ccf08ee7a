//! Whose is the address, and who answers at it?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

use std::time::Duration;

use panda_world::{Act, ApiReply, ApiRequest, FleetSpec, Kind};
use support::{IP, Run, bare};

struct Site {
    run: Run,
    allocation: String,
    holder: String,
    spare: String,
}

fn site() -> Site {
    let run = Run::of(&bare(|_| {}));
    let allocation = run.world.addresses().next().unwrap().allocation.clone();
    let holder = run.holder();
    let spare = run.in_service("web").into_iter().find(|id| *id != holder).unwrap();
    Site { run, allocation, holder, spare }
}

impl Site {
    fn call(&mut self, action: &str, params: &[(&str, &str)]) -> ApiReply {
        self.run.world.call(&ApiRequest::ec2("test", action, params))
    }

    fn interface(&self, instance: &str) -> String {
        self.run.world.instance(instance).unwrap().primary_interface().unwrap().id.clone()
    }

    fn associate(&mut self, instance: &str, more: &[(&str, &str)]) -> Result<(), String> {
        let interface = self.interface(instance);
        let allocation = self.allocation.clone();
        let mut params = vec![("AllocationId", allocation.as_str()), ("NetworkInterfaceId", interface.as_str())];
        params.extend(more);
        self.call("AssociateAddress", &params).code.map_or(Ok(()), Err)
    }
}

#[test]
fn packets_reach_the_old_holder_until_they_have_settled_on_the_new_one() {
    let mut site = site();
    let (holder, spare) = (site.holder.clone(), site.spare.clone());
    assert_eq!(site.associate(&spare, &[]), Ok(()));
    assert_eq!(site.run.world.holder_of(IP), Some(spare.as_str()));
    assert_eq!(site.run.world.serving_at(IP), Some(holder.as_str()));
    site.run.pass(2);
    assert_eq!(site.run.world.serving_at(IP), Some(holder.as_str()));
    site.run.pass(5);
    assert_eq!(site.run.world.serving_at(IP), Some(spare.as_str()));
    let gaps = site.run.world.journal().iter().filter(|e| matches!(e.kind, Kind::Serving { instance: None, .. }));
    assert_eq!(gaps.count(), 0, "a move away from a living holder has no gap");
}

#[test]
fn a_disassociated_address_is_silent_at_once_and_after_an_association_until_it_settles() {
    let mut site = site();
    let spare = site.spare.clone();
    assert_eq!(site.call("DisassociateAddress", &[("PublicIp", IP)]).code, None);
    assert_eq!(site.run.world.serving_at(IP), None);
    assert_eq!(site.associate(&spare, &[("AllowReassociation", "false")]), Ok(()));
    site.run.pass(2);
    assert_eq!(site.run.world.serving_at(IP), None);
    site.run.pass(5);
    assert_eq!(site.run.world.serving_at(IP), Some(spare.as_str()));
}

#[test]
fn reassociation_is_the_default_and_its_refusal_is_the_only_compare_and_swap() {
    let mut site = site();
    let (holder, spare) = (site.holder.clone(), site.spare.clone());
    let refused = Err("Resource.AlreadyAssociated".to_owned());
    assert_eq!(site.associate(&spare, &[("AllowReassociation", "false")]), refused);
    assert_eq!(site.associate(&holder, &[("AllowReassociation", "false")]), Ok(()), "repeating is no error");
    assert_eq!(site.associate(&spare, &[]), Ok(()));
}

#[test]
fn repeating_an_association_changes_nothing() {
    let mut site = site();
    let holder = site.holder.clone();
    let before = site.run.world.addresses().next().unwrap().association.clone();
    assert_eq!(site.associate(&holder, &[]), Ok(()));
    assert_eq!(site.run.world.addresses().next().unwrap().association, before);
    assert_eq!(site.run.world.serving_at(IP), Some(holder.as_str()));
}

#[test]
fn the_targets_other_address_is_displaced() {
    let pool = FleetSpec { addresses: vec![IP.into(), "203.0.113.11".into()], ..bare(|_| {}) };
    let mut run = Run::of(&pool);
    let second = run.world.holder_of("203.0.113.11").unwrap().to_owned();
    run.act(Act::Associate { public_ip: IP.into(), instance: second.clone() });
    assert_eq!(run.world.holder_of(IP), Some(second.as_str()));
    assert_eq!(run.world.holder_of("203.0.113.11"), None);
    assert_eq!(run.world.serving_at("203.0.113.11"), None);
}

#[test]
fn targets_that_are_not_there_yet_or_any_more_are_refused_with_the_codes_seen() {
    let mut site = site();
    let (holder, allocation) = (site.holder.clone(), site.allocation.clone());
    site.run.act(Act::SetDesired { group: "web".into(), desired: 3 });
    site.run.pass(3);
    let pending = site.run.world.instances().find(|i| i.state.as_str() == "pending").unwrap().id.clone();
    assert_eq!(site.associate(&pending, &[]), Err("IncorrectInstanceState".into()));
    let by_instance = |site: &mut Site, id: &str| {
        let allocation = site.allocation.clone();
        site.call("AssociateAddress", &[("AllocationId", &allocation), ("InstanceId", id)]).code
    };
    assert_eq!(by_instance(&mut site, &pending).as_deref(), Some("InvalidInstanceID"));
    assert_eq!(by_instance(&mut site, "i-00000000000000bad").as_deref(), Some("InvalidInstanceID.NotFound"));
    site.run.act(Act::Terminate { instance: holder.clone() });
    assert_eq!(site.associate(&holder, &[]), Err("IncorrectInstanceState".into()), "shutting down is no target");
    let interface = site.interface(&holder);
    site.run.pass(90);
    assert_eq!(by_instance(&mut site, &holder).as_deref(), Some("InvalidInstanceID"));
    let gone = site.call("AssociateAddress", &[("AllocationId", &allocation), ("NetworkInterfaceId", &interface)]);
    assert_eq!(gone.code.as_deref(), Some("InvalidNetworkInterfaceID.NotFound"));
    let unknown = site.call("AssociateAddress", &[("AllocationId", "eipalloc-0"), ("InstanceId", &holder)]);
    assert_eq!(unknown.code.as_deref(), Some("InvalidAllocationID.NotFound"));
    let nothing = site.call("AssociateAddress", &[("AllocationId", &allocation)]);
    assert_eq!(nothing.code.as_deref(), Some("MissingParameter"));
    let association = site.call("DisassociateAddress", &[("AssociationId", "eipassoc-0")]);
    assert_eq!(association.code.as_deref(), Some("InvalidAssociationID.NotFound"));
}

#[test]
fn the_instance_form_needs_exactly_one_interface() {
    let mut run = Run::of(&bare(|group| group.second_interface = true));
    let spare = run.in_service("web").into_iter().find(|id| *id != run.holder()).unwrap();
    let allocation = run.world.addresses().next().unwrap().allocation.clone();
    let instance = run.world.instance(&spare).unwrap();
    assert_eq!(instance.interfaces[0].device_index, 1, "the first one listed need not be the primary");
    let primary = instance.primary_interface().unwrap().id.clone();
    let by_instance = [("AllocationId", allocation.as_str()), ("InstanceId", spare.as_str())];
    let refused = run.world.call(&ApiRequest::ec2("test", "AssociateAddress", &by_instance));
    assert_eq!(refused.code.as_deref(), Some("InvalidInstanceID"));
    let by_interface = [("AllocationId", allocation.as_str()), ("NetworkInterfaceId", primary.as_str())];
    assert_eq!(run.world.call(&ApiRequest::ec2("test", "AssociateAddress", &by_interface)).code, None);
}

#[test]
fn a_stopped_instance_may_hold_and_receive_an_address() {
    let mut site = site();
    let spare = site.spare.clone();
    site.run.act(Act::Suspend { group: "web".into(), names: vec![] });
    site.run.act(Act::Stop { instance: spare.clone() });
    site.run.pass(70);
    assert_eq!(site.associate(&spare, &[]), Ok(()));
    site.run.pass(10);
    assert_eq!(site.run.world.serving_at(IP), None);
    site.run.act(Act::Start { instance: spare.clone() });
    site.run.pass(60);
    assert_eq!(site.run.world.serving_at(IP), Some(spare.as_str()));
}

#[test]
fn an_elastic_ip_replaces_the_automatic_address_and_gives_a_new_one_back() {
    let mut site = site();
    let (holder, spare) = (site.holder.clone(), site.spare.clone());
    assert_eq!(site.run.world.instance(&holder).unwrap().auto_public_ip, None);
    let before = site.run.world.instance(&spare).unwrap().auto_public_ip.clone();
    assert_eq!(site.associate(&spare, &[]), Ok(()));
    assert!(site.run.world.instance(&holder).unwrap().auto_public_ip.is_some());
    assert_eq!(site.run.world.instance(&spare).unwrap().auto_public_ip, None);
    assert_eq!(site.associate(&holder, &[]), Ok(()));
    assert_ne!(site.run.world.instance(&spare).unwrap().auto_public_ip, before);
}

#[test]
fn an_address_may_be_allocated_tagged_and_released_when_free() {
    let mut site = site();
    let reply = site.call(
        "AllocateAddress",
        &[
            ("Domain", "vpc"),
            ("TagSpecification.1.ResourceType", "elastic-ip"),
            ("TagSpecification.1.Tag.1.Key", "lethargic-panda:fleet"),
            ("TagSpecification.1.Tag.1.Value", "api"),
        ],
    );
    assert_eq!(reply.status, 200, "{}", reply.body);
    let filter = [("Filter.1.Name", "tag:lethargic-panda:fleet"), ("Filter.1.Value.1", "api")];
    assert_eq!(site.call("DescribeAddresses", &filter).body.matches("<allocationId>").count(), 1);
    let held = site.allocation.clone();
    assert_eq!(site.call("ReleaseAddress", &[("AllocationId", &held)]).code.as_deref(), Some("InvalidIPAddress.InUse"));
    let free = site.run.world.addresses().find(|a| a.association.is_none()).unwrap().allocation.clone();
    assert_eq!(site.call("ReleaseAddress", &[("AllocationId", &free)]).code, None);
    assert_eq!(site.run.world.addresses().count(), 1);
}

#[test]
fn the_truth_of_outages_is_written_at_the_moment_of_each_change() {
    let mut site = site();
    let (holder, spare) = (site.holder.clone(), site.spare.clone());
    site.run.act(Act::Crash { instance: holder });
    let crashed = site.run.world.now();
    site.run.world.advance_to(crashed + Duration::from_millis(1_500));
    assert_eq!(site.associate(&spare, &[]), Ok(()));
    site.run.pass(30);
    let changes: Vec<_> = site
        .run
        .world
        .journal()
        .iter()
        .filter_map(|entry| match &entry.kind {
            Kind::Serving { instance, .. } => Some((entry.at, instance.clone())),
            _ => None,
        })
        .collect();
    let [_, (down, None), (up, Some(by))] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((*down, by), (crashed, &spare));
    let outage = up.duration_since(*down).as_secs_f64();
    assert!((4.5..=7.5).contains(&outage), "{outage}");
}
