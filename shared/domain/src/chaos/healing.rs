//! Is the fleet whole again?

use std::{collections::BTreeMap, fmt};

use jiff::{SignedDuration, Timestamp};

use super::{AddressLook, Experiment, GroupMember, GroupView, InstanceLook, Probe, Seen, Victim, gates};
use crate::{event::InstanceState, ids::InstanceId};

/// What one look at a fleet shows while it heals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// The group; `None` if there is none of the name any more.
    pub group: Seen<Option<GroupView>>,
    /// The members of the fleet's other groups; empty if there are none.
    pub siblings: Seen<Vec<GroupMember>>,
    /// What EC2 says of the victims and of the holders of addresses.
    pub instances: Seen<BTreeMap<InstanceId, InstanceLook>>,
    /// The fleet's Elastic IPs.
    pub addresses: Seen<Vec<AddressLook>>,
    /// What the site answered; empty without [`Experiment::url`].
    pub site: Vec<Probe>,
}

/// Whether a fleet is whole again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healing {
    /// It is.
    Healed,
    /// It is not, or not known to be.
    NotYet(Vec<Unhealed>),
}

/// What a fleet lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unhealed {
    /// Something could not be seen.
    Unseen {
        /// What.
        what: &'static str,
        /// Why.
        error: String,
    },
    /// The group is gone.
    GroupGone,
    /// There are too few servers.
    Short {
        /// How many the group is asked to keep.
        desired: u32,
        /// How many are in service and healthy, the victims not counted.
        serving: u32,
    },
    /// An address is not on a living server.
    AddressUnserved {
        /// The address in dotted form.
        public_ip: String,
        /// Why.
        why: String,
    },
    /// The site does not answer.
    SiteSilent {
        /// The URL that was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// Nothing broke yet, and it is too soon to say that nothing will.
    TooSoon {
        /// Until when to watch.
        until: Timestamp,
    },
}

impl fmt::Display for Unhealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen { what, error } => write!(f, "could not see {what}: {error}"),
            Self::GroupGone => f.write_str("the group is gone"),
            Self::Short { desired, serving } => write!(f, "{serving} of {desired} servers in service and healthy"),
            Self::AddressUnserved { public_ip, why } => write!(f, "the address {public_ip} does not work: {why}"),
            Self::SiteSilent { url, why } => write!(f, "the site does not answer at {url}: {why}"),
            Self::TooSoon { until } => write!(f, "nothing broke so far; watched until {until:.0}"),
        }
    }
}

/// How long a fault that must break nothing is watched.
pub const WATCH_HARMLESS: SignedDuration = SignedDuration::from_secs(60);

/// How long after that its last look may come: AWS may be slow to answer.
const LAST_LOOK: SignedDuration = SignedDuration::from_secs(60);

/// Until when a fleet must have healed from a strike that fell at this moment. What must break nothing is watched for [`WATCH_HARMLESS`], however
/// little time the fleet is given and however long the strike took.
#[must_use]
pub fn heal_by(experiment: &Experiment, struck: Timestamp) -> Timestamp {
    let watched = struck.checked_add(WATCH_HARMLESS + LAST_LOOK).unwrap_or(struck);
    if experiment.fault.kills() { experiment.heal_by } else { experiment.heal_by.max(watched) }
}

/// Judges one look: the group has as many servers as it is asked to keep, the victims not counted; each of the fleet's addresses is on a
/// living one; and the site answers, if there is one to ask. What could not be seen is not healed.
///
/// A fault that kills nobody must break nothing: its victim counts as a server, and the fleet is whole only after [`WATCH_HARMLESS`].
#[must_use]
pub fn healing(experiment: &Experiment, seen: &Observation) -> Healing {
    let mut lacks = Vec::new();
    let gone = |instance: &InstanceId| experiment.fault.kills() && experiment.hits(instance);
    let mut unseen = |what: &'static str, error: &String| lacks.push(Unhealed::Unseen { what, error: error.clone() });
    let group = seen.group.as_ref().map_err(|error| unseen("the group", error)).ok();
    let siblings = seen.siblings.as_ref().map_err(|error| unseen("the fleet's other groups", error)).ok();
    let instances = seen.instances.as_ref().map_err(|error| unseen("the instances", error)).ok();
    let addresses = seen.addresses.as_ref().map_err(|error| unseen("the fleet's addresses", error)).ok();
    match group {
        None => {}
        Some(None) => lacks.push(Unhealed::GroupGone),
        Some(Some(group)) => {
            let serving = group.serving().filter(|member| !gone(&member.instance)).count();
            let serving = u32::try_from(serving).unwrap_or(u32::MAX);
            if serving < group.desired {
                lacks.push(Unhealed::Short { desired: group.desired, serving });
            }
        }
    }
    if let (Some(group), Some(siblings), Some(instances), Some(addresses)) = (group, siblings, instances, addresses) {
        let members = || group.iter().flat_map(|group| &group.members).chain(siblings);
        for address in addresses {
            let served = match &address.holder {
                Some(holder) if gone(holder) => Err(format!("its holder {holder} was killed")),
                _ => gates::served(address, members(), instances),
            };
            if let Err(why) = served {
                lacks.push(Unhealed::AddressUnserved { public_ip: address.public_ip.clone(), why });
            }
        }
        for before in &experiment.addresses {
            if !addresses.iter().any(|address| address.public_ip == before.public_ip) {
                let why = "it is no longer one of the fleet's".to_owned();
                lacks.push(Unhealed::AddressUnserved { public_ip: before.public_ip.clone(), why });
            }
        }
    }
    if experiment.url.is_some() {
        lacks.extend(gates::silent(&seen.site).into_iter().map(|(url, why)| Unhealed::SiteSilent { url, why }));
    }
    let from = experiment.struck.unwrap_or(experiment.started);
    let until = from.checked_add(WATCH_HARMLESS).unwrap_or(from);
    if lacks.is_empty() && !experiment.fault.kills() && seen.at < until {
        lacks.push(Unhealed::TooSoon { until });
    }
    if lacks.is_empty() { Healing::Healed } else { Healing::NotYet(lacks) }
}

/// What to do with an experiment whose watcher is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// Close it as aborted: it never struck. Whoever takes over never strikes.
    Abort,
    /// Watch it on: it struck these, or may have. Whom AWS refused to end lives, and is a server like the others.
    Watch(Vec<Victim>),
    /// Look again: what happened cannot be seen.
    Unclear(String),
}

/// Judges an experiment whose watcher is lost, or a strike of which AWS's answer is, by a fresh look.
///
/// Without a note that it struck, it did not hit a victim that still serves for Auto Scaling and runs for EC2. `struck` are those of whom AWS said
/// so: a look may be behind.
#[must_use]
pub fn take_over(experiment: &Experiment, struck: &[InstanceId], seen: &Observation) -> Takeover {
    if experiment.struck.is_some() {
        return Takeover::Watch(experiment.victims.clone());
    }
    if !experiment.fault.kills() {
        // Whether an agent was stopped cannot be seen from here; nothing died either way.
        return Takeover::Abort;
    }
    let (group, instances) = match (&seen.group, &seen.instances) {
        (Ok(group), Ok(instances)) => (group, instances),
        (Err(error), _) | (_, Err(error)) => return Takeover::Unclear(error.clone()),
    };
    let alive = |instance: &InstanceId| {
        let serves = group.as_ref().and_then(|group| group.member(instance)).is_some_and(GroupMember::serves);
        serves && instances.get(instance).is_some_and(|instance| instance.state == InstanceState::Running)
    };
    let hit = |victim: &&Victim| struck.contains(&victim.instance) || !alive(&victim.instance);
    let victims: Vec<_> = experiment.victims.iter().filter(hit).cloned().collect();
    if victims.is_empty() { Takeover::Abort } else { Takeover::Watch(victims) }
}

/// For how long a site did not answer, by asking it again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    since: Option<Timestamp>,
    before: SignedDuration,
}

impl Silence {
    /// Notes whether the site answered at a moment. It is silent from the first question without an answer to the next with one.
    pub fn note(&mut self, at: Timestamp, answered: bool) {
        if !answered {
            self.since = self.since.or(Some(at));
        } else if let Some(since) = self.since.take() {
            self.before = self.before.saturating_add(at.duration_since(since).max(SignedDuration::ZERO));
        }
    }

    /// How long it was silent in all, up to a moment.
    #[must_use]
    pub fn until(&self, at: Timestamp) -> SignedDuration {
        let present = self.since.map_or(SignedDuration::ZERO, |since| at.duration_since(since));
        self.before.saturating_add(present.max(SignedDuration::ZERO))
    }
}
