//! Which fleets are there? One that the panda may hit, and two that it must spare.

use std::path::Path;

use panda_domain::chaos::tags;
use panda_world::{CommitSpec, DocumentEffect, FleetSpec};

use crate::blueprint::{Blueprint, BlueprintError};

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
    /// The group's tags, besides those that its template gives it.
    pub tags: &'static [(&'static str, &'static str)],
    /// The code of the reason that must spare it; none for the fleet that is hit.
    pub spared_by: Option<&'static str>,
}

/// The panda sleeps outside people's hours, and the demo is played at any.
const ALWAYS: (&str, &str) = ("lethargic-panda:window", "Mon-Sun 00:00-24:00");

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
        ALWAYS,
        (tags::VICTIM, "holder"),
        (tags::FAULTS, "terminate stop-agent"),
        // Twice within the minutes of the demo.
        (tags::MIN_DAYS, "0"),
        (tags::MAX_PER_DAY, "2"),
    ],
    spared_by: None,
};

/// A fleet that a kill would leave with nobody.
pub const LONE: Cast = Cast {
    name: "lone",
    likeness: "one server, no spare",
    public_ip: "203.0.113.20",
    size: 1,
    tags: &[ALWAYS],
    spared_by: Some("min-healthy"),
};

/// A fleet with a tag that can be understood in two ways, so it is not understood.
pub const BROKEN: Cast = Cast {
    name: "broken",
    likeness: "two servers, and a window that is none",
    public_ip: "203.0.113.30",
    size: 2,
    tags: &[("lethargic-panda:window", "Mon-Fri 9-15")],
    spared_by: Some("policy-unreadable"),
};

/// All of them.
pub const CAST: [Cast; 3] = [WEB, LONE, BROKEN];

impl Cast {
    /// The fleet as the world founds it: what `fleet/template.yaml` makes, with a few tags more.
    ///
    /// # Errors
    /// The template under `root` is not there, or makes no fleet.
    pub fn spec(&self, root: &Path) -> Result<FleetSpec, BlueprintError> {
        let (size, most) = (self.size.to_string(), (self.size + 1).to_string());
        let parameters = [
            ("FleetName", self.name),
            ("Chaos", "on"),
            // Room for the scale-in.
            ("MinSize", "1"),
            ("DesiredCapacity", &size),
            ("MaxSize", &most),
            ("Repository", "example/site"),
        ];
        let mut fleet = Blueprint::read(root, self.name, &parameters)?.fleet(self.public_ip)?;
        for group in &mut fleet.groups {
            // Nobody visits its site yet; the address would lead out of this machine.
            group.own_tags.remove(tags::URL);
            group.own_tags.extend(self.tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            // An instance that fails soon after its launch would be spared for the health check's grace period.
            group.grace_seconds = 5;
        }
        fleet.documents = DOCUMENTS.map(|(name, effect)| (name.to_owned(), effect)).into();
        if let Some(delivery) = &mut fleet.delivery {
            let message = format!("{FIRST_PAGE}: it works");
            delivery.deployed = Some(CommitSpec { message, ..CommitSpec::page(FIRST_PAGE) });
        }
        Ok(fleet)
    }
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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for cast in CAST {
            let fleet = cast.spec(&root).unwrap();
            let group = fleet.groups.first().unwrap();
            let tags = group.tags.clone().into_iter().chain(group.own_tags.clone()).collect();
            let policy = Policy::read(&tags, &Defaults::default(), TickLength::default());
            assert_eq!(policy.is_err(), cast.spared_by == Some("policy-unreadable"), "{policy:?}");
        }
    }
}
