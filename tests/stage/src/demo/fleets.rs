//! Which fleets are there? One that the panda may hit, and two that it must spare.

use std::collections::BTreeMap;

use panda_domain::chaos::tags;
use panda_world::{CommitSpec, DeliverySpec, DocumentEffect, FleetSpec, GroupSpec};

/// Instances of the fleet that is hit.
pub const SIZE: u32 = 2;

/// A fleet of the demo, and what is to become of it when somebody asks the panda for a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// Its name, and that of its only group.
    pub name: &'static str,
    /// What it is like, for people.
    pub likeness: &'static str,
    /// Its Elastic IP.
    pub public_ip: &'static str,
    /// Its servers.
    pub size: u32,
    /// The group's tags, besides the fleet's name.
    pub tags: &'static [(&'static str, &'static str)],
    /// The code of the reason that must spare it; none for the fleet that is hit.
    pub spared_by: Option<&'static str>,
}

/// The panda sleeps outside people's hours, and the demo is played at any.
const ALWAYS: (&str, &str) = ("lethargic-panda:window", "Mon-Sun 00:00-24:00");

const TAKES_PART: (&str, &str) = ("lethargic-panda:chaos", "on");

/// What the servers of the fleet that is hit show at first.
pub const FIRST_PAGE: &str = "Release 1";

/// The documents by which the panda stops an agent and deployment-recovery restarts one, as the local deployment names them.
pub const DOCUMENTS: [(&str, DocumentEffect); 2] = [
    ("PandaStopAgentDocument", DocumentEffect::StopCodeDeployAgent),
    ("RecoveryRestartAgentDocument", DocumentEffect::RestartCodeDeployAgent),
];

/// The fleet that is hit.
pub const WEB: Cast = Cast {
    name: "web",
    likeness: "two servers",
    public_ip: "203.0.113.10",
    size: SIZE,
    tags: &[
        TAKES_PART,
        ALWAYS,
        (tags::VICTIM, "holder"),
        (tags::FAULTS, "terminate stop-agent"),
        // Twice within the minutes of the demo.
        (tags::MIN_DAYS, "0"),
        (tags::MAX_PER_DAY, "2"),
        // On the servers as well: by it Systems Manager lets somebody in.
        ("lethargic-panda:fleet", "web"),
    ],
    spared_by: None,
};

/// A fleet that a kill would leave with nobody.
pub const LONE: Cast = Cast {
    name: "lone",
    likeness: "one server, no spare",
    public_ip: "203.0.113.20",
    size: 1,
    tags: &[TAKES_PART, ALWAYS],
    spared_by: Some("min-healthy"),
};

/// A fleet with a tag that can be understood in two ways, so it is not understood.
pub const BROKEN: Cast = Cast {
    name: "broken",
    likeness: "two servers, and a window that is none",
    public_ip: "203.0.113.30",
    size: 2,
    tags: &[TAKES_PART, ("lethargic-panda:window", "Mon-Fri 9-15")],
    spared_by: Some("policy-unreadable"),
};

/// All of them.
pub const CAST: [Cast; 3] = [WEB, LONE, BROKEN];

impl Cast {
    /// The fleet as the world founds it.
    #[must_use]
    pub fn spec(&self) -> FleetSpec {
        let tags = self.tags.iter().copied().chain([("Name", self.name)]);
        let group = GroupSpec {
            name: self.name.to_owned(),
            desired: self.size,
            // An instance that fails soon after its launch would be spared for the health check's grace period.
            grace_seconds: 5,
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>(),
            ..GroupSpec::default()
        };
        FleetSpec {
            name: self.name.to_owned(),
            addresses: vec![self.public_ip.to_owned()],
            groups: vec![group],
            documents: DOCUMENTS.map(|(name, effect)| (name.to_owned(), effect)).into(),
            delivery: (*self == WEB).then(delivery),
            ..FleetSpec::default()
        }
    }
}

/// How code comes to the fleet that is hit. Without rollbacks: the tale of one failure at a time.
fn delivery() -> DeliverySpec {
    let deployed = Some(CommitSpec { message: format!("{FIRST_PAGE}: it works"), ..CommitSpec::page(FIRST_PAGE) });
    DeliverySpec { rollback: false, deployed, ..DeliverySpec::default() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use panda_domain::chaos::{Defaults, Policy, TickLength};

    use super::*;
    use crate::deploy::LEFT_OUT;

    #[test]
    fn the_documents_bear_the_names_that_the_local_deployment_gives_them() {
        assert_eq!(DOCUMENTS.map(|(name, _)| name).as_slice(), LEFT_OUT);
    }

    #[test]
    fn only_the_broken_fleet_has_a_tag_that_the_panda_does_not_understand() {
        for cast in CAST {
            cast.spec().check().unwrap();
            let policy =
                Policy::read(&cast.spec().groups.first().unwrap().tags, &Defaults::default(), TickLength::default());
            assert_eq!(policy.is_err(), cast.spared_by == Some("policy-unreadable"), "{policy:?}");
        }
    }
}
