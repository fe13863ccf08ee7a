//! What does somebody see who asks the site itself? Requests to an Elastic IP, or to a name that leads to one.

use std::collections::BTreeMap;

use crate::ec2::instance::InstanceState;
use crate::world::World;

/// Names of sites, and those that are ill though they answer.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    names: BTreeMap<String, String>,
    statuses: BTreeMap<String, u16>,
}

/// What becomes of a request to a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knock {
    /// An instance answers, with this HTTP status.
    Answer {
        /// Which.
        instance: String,
        /// 200, or what [`crate::Act::SiteAnswers`] says.
        status: u16,
    },
    /// The machine is up and nothing listens: the connection is refused at once.
    Refused,
    /// Nobody is there: no answer until the caller loses patience.
    Silence,
    /// The name leads nowhere.
    NoSuchHost,
}

impl World {
    /// Leads a host name to an Elastic IP, as a DNS record does.
    pub(crate) fn name_site(&mut self, host: &str, public_ip: &str) {
        self.sites.names.insert(host.to_ascii_lowercase(), public_ip.to_owned());
    }

    pub(crate) fn set_site_status(&mut self, public_ip: &str, status: u16) {
        self.sites.statuses.insert(public_ip.to_owned(), status);
    }

    /// Asks the site at a host: an Elastic IP of this world, or a name registered with [`crate::Act::NameSite`].
    #[must_use]
    pub fn knock(&self, host: &str) -> Knock {
        let host = host.to_ascii_lowercase();
        let public_ip = self.sites.names.get(&host).unwrap_or(&host);
        let Some(address) = self.state.addresses.values().find(|address| address.public_ip == *public_ip) else {
            // A public address that nobody has is silent; a name that nobody has is not found.
            let is_address = public_ip.parse::<std::net::IpAddr>().is_ok();
            return if is_address { Knock::Silence } else { Knock::NoSuchHost };
        };
        if let Some(instance) = self.serving_at(public_ip) {
            let status = self.sites.statuses.get(public_ip).copied().unwrap_or(200);
            return Knock::Answer { instance: instance.to_owned(), status };
        }
        let behind = address.routed_to.as_ref().and_then(|id| self.state.instances.get(id));
        match behind {
            // Up, but its service is not (yet): the operating system refuses. A hung or dying one says nothing `[infer]`.
            Some(instance)
                if instance.state == InstanceState::Running
                    && !instance.app_ready
                    && !instance.failing
                    && !instance.silent =>
            {
                Knock::Refused
            }
            _ => Knock::Silence,
        }
    }

    /// Whether a request to a host is meant for a site. AWS's own names are not, nor is loopback, where an endpoint override leads.
    pub(crate) fn is_site(host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        let aws = ["amazonaws.com", "amazonaws.com.cn", "api.aws", "localhost"];
        !loopback && !host.is_empty() && !aws.iter().any(|suffix| host.ends_with(suffix))
    }
}
