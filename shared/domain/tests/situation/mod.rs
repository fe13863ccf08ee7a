//! A fleet at a moment, and all that the panda knows of it: well by default, and ill by a word.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    chaos::{
        AddressLook, Asked, ChaosPlan, CloseLook, GroupMember, GroupView, InstanceLook, KillOrder, Launches, Mode,
        Observation, Present, Probe, Reason, Settings, plan, tags,
    },
    event::InstanceState,
    failover::Lifecycle,
    ids::InstanceId,
};

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Situation {
    pub(crate) group: GroupView,
    pub(crate) look: CloseLook,
    pub(crate) asked: Asked,
    pub(crate) present: Present,
    pub(crate) settings: Settings,
    pub(crate) now: Timestamp,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A Thursday, in the window and in the first minute of a slot.
pub(crate) fn now() -> Timestamp {
    at("2026-11-26T10:00:20Z")
}

pub(crate) fn instance(n: usize) -> InstanceId {
    format!("i-{n}").into()
}

pub(crate) fn member(n: usize, zone: &str) -> GroupMember {
    GroupMember {
        instance: instance(n),
        lifecycle: Lifecycle::InService,
        healthy: true,
        zone: zone.to_owned(),
        protected: false,
    }
}

pub(crate) fn running() -> InstanceLook {
    InstanceLook { state: InstanceState::Running, launched: now() - SignedDuration::from_hours(50), leaving: None }
}

pub(crate) fn order() -> KillOrder {
    KillOrder { fleet: "web".into(), reason: "game day".into(), fault: None, victim: None, count: 1 }
}

impl Situation {
    /// A fleet of instances in these zones, the first of which holds the one address; somebody asks for a kill; nothing is in the way.
    pub(crate) fn of(zones: &[&str]) -> Self {
        let members: Vec<_> = zones.iter().enumerate().map(|(n, zone)| member(n, zone)).collect();
        let size = u32::try_from(members.len()).unwrap();
        Self {
            look: CloseLook {
                instances: Ok(members.iter().map(|member| (member.instance.clone(), running())).collect()),
                siblings: Ok(Vec::new()),
                launches: Ok(Launches::default()),
                refresh: Ok(None),
                deployments: Ok(Vec::new()),
                pipelines: BTreeMap::new(),
                alarms: Ok(BTreeMap::new()),
                addresses: Ok(vec![AddressLook { public_ip: "192.0.2.1".into(), holder: Some(instance(0)) }]),
                site: Vec::new(),
            },
            group: GroupView {
                name: "web".into(),
                tags: BTreeMap::from([(tags::CHAOS.to_owned(), "on".to_owned())]),
                desired: size,
                min: 0,
                max: size + 1,
                deleting: false,
                suspended: Vec::new(),
                members,
                min_healthy_percentage: None,
            },
            asked: Asked::Kill { request: "request-1".into(), order: order() },
            present: Present::default(),
            settings: Settings { mode: Mode::Unleashed, max_kills_per_run: 5, ..Settings::default() },
            now: now(),
        }
    }

    /// With a tag of the group's.
    pub(crate) fn tagged(mut self, key: &str, value: &str) -> Self {
        self.group.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With something changed.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// With another order.
    pub(crate) fn ordered(mut self, change: impl FnOnce(&mut KillOrder)) -> Self {
        if let Asked::Kill { order, .. } = &mut self.asked {
            change(order);
        }
        self
    }

    /// With what EC2 says of an instance changed.
    pub(crate) fn ec2(mut self, n: usize, change: impl FnOnce(&mut InstanceLook)) -> Self {
        change(self.look.instances.as_mut().unwrap().get_mut(&instance(n)).unwrap());
        self
    }

    pub(crate) fn plan(&self) -> ChaosPlan {
        plan(&self.group, &self.look, &self.asked, &self.present, &self.settings, self.now)
    }

    /// The codes of the reasons that spare the group.
    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.reasons().iter().map(Reason::code).collect()
    }

    pub(crate) fn reasons(&self) -> Vec<Reason> {
        match self.plan().decision {
            panda_domain::chaos::Decision::Spare(reasons) => reasons,
            panda_domain::chaos::Decision::Strike(_) => Vec::new(),
        }
    }

    /// What a look at the fleet shows later, when nothing has changed.
    pub(crate) fn observed(&self, seconds: i64) -> Observation {
        Observation {
            at: self.now + SignedDuration::from_secs(seconds),
            group: Ok(Some(self.group.clone())),
            siblings: self.look.siblings.clone(),
            instances: self.look.instances.clone(),
            addresses: self.look.addresses.clone(),
            site: self.look.site.clone(),
        }
    }
}

pub(crate) fn answer(status: u16) -> Probe {
    Probe { url: "http://192.0.2.1/".into(), answer: Ok(status) }
}
