//! A fleet that needs nothing, to be spoilt by one thing at a time.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    event::{InstanceState, Transition},
    failover::{
        Address, Association, Evidence, FleetPlan, FleetSnapshot, Group, Hook, Instance, Interface, Lifecycle, Member,
        PublicAddress, Rules, Scope, Template, plan,
    },
    ids::InstanceId,
};

/// The holder of the only address.
pub(crate) const OLD: &str = "i-0old";
/// The other server; one of the same tier, so that nothing moves.
pub(crate) const NEW: &str = "i-0new";

pub(crate) fn now() -> Timestamp {
    "2026-05-07T13:22:07Z".parse().unwrap()
}

pub(crate) fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

pub(crate) fn rules() -> Rules {
    Rules { hook_prefix: "elastic-ip".into(), hold: seconds(240), settle: seconds(6) }
}

pub(crate) fn address(n: u32, holder: Option<&str>) -> Address {
    let association =
        holder.map(|holder| Association { id: format!("eipassoc-{n}").into(), instance: Some(holder.into()) });
    Address { allocation: format!("eipalloc-{n}").into(), public_ip: format!("203.0.113.{n}"), association }
}

pub(crate) fn member(id: &str) -> Member {
    let template = Some(Template { id: "lt-1".into(), version: 1 });
    Member {
        instance: id.into(),
        lifecycle: Lifecycle::InService,
        healthy: true,
        template,
        zone: "us-east-1a".to_owned(),
    }
}

pub(crate) fn instance(id: &str, public: PublicAddress) -> Instance {
    Instance {
        state: InstanceState::Running,
        interface: Some(Interface { id: format!("eni-{id}").into(), public }),
        launched: now() - seconds(86_400),
        leaving: None,
        impaired: false,
    }
}

pub(crate) fn hook(name: &str, transition: Transition) -> Hook {
    Hook { name: name.into(), transition, heartbeat_seconds: 300 }
}

/// Two servers in service; the old one holds the address.
pub(crate) fn fleet() -> FleetSnapshot {
    FleetSnapshot {
        name: "web".into(),
        at: now(),
        addresses: vec![address(1, Some(OLD))],
        groups: vec![Group {
            name: "web".into(),
            desired: 2,
            deleting: false,
            suspended: Vec::new(),
            members: vec![member(OLD), member(NEW)],
            hooks: vec![
                hook("elastic-ip-launch", Transition::Launching),
                hook("elastic-ip-terminate", Transition::Terminating),
                hook("somebody-elses", Transition::Terminating),
            ],
        }],
        instances: [
            (OLD.into(), instance(OLD, PublicAddress::Elastic("203.0.113.1".into()))),
            (NEW.into(), instance(NEW, PublicAddress::None)),
        ]
        .into(),
        silent: BTreeSet::new(),
    }
}

/// A fleet spoilt by something.
pub(crate) fn spoilt(by: impl FnOnce(&mut FleetSnapshot)) -> FleetSnapshot {
    let mut fleet = fleet();
    by(&mut fleet);
    fleet
}

pub(crate) fn group_of(fleet: &mut FleetSnapshot) -> &mut Group {
    fleet.groups.first_mut().unwrap()
}

pub(crate) fn member_of<'a>(fleet: &'a mut FleetSnapshot, id: &str) -> &'a mut Member {
    group_of(fleet).members.iter_mut().find(|member| member.instance.as_str() == id).unwrap()
}

pub(crate) fn instance_of<'a>(fleet: &'a mut FleetSnapshot, id: &str) -> &'a mut Instance {
    fleet.instances.get_mut(&InstanceId::from(id)).unwrap()
}

/// The plan for everything.
pub(crate) fn planned(fleet: &FleetSnapshot, evidence: &Evidence) -> FleetPlan {
    plan(fleet, evidence, &rules(), Scope::Full)
}
