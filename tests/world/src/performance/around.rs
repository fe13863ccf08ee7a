//! Acts on what stands around the servers: alarms, documents, topics, sites, permissions.

use crate::act::{Act, ActError};
use crate::messages::topic_arn;
use crate::world::World;

pub(super) fn there(found: bool, what: impl FnOnce() -> String) -> Result<(), ActError> {
    if found { Ok(()) } else { Err(ActError::Nothing(what())) }
}

impl World {
    pub(super) fn perform_around(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::PutAlarm { alarm } => self.put_alarm(&alarm.name, alarm.rule.clone(), alarm.state),
            Act::SetAlarm { name, state } => {
                let found = self.set_alarm(name, *state, "Set by hand");
                there(found, || format!("alarm {name}"))?;
            }
            Act::DeleteAlarm { name } => {
                let found = self.alarms_mut().remove(name).is_some();
                there(found, || format!("alarm {name}"))?;
            }
            Act::PutDocument { name, effect } => self.put_document(name, *effect),
            Act::PutTopic { name } => {
                self.put_topic(name);
            }
            Act::DeleteTopic { name } => self.remove_topic(&topic_arn(name)),
            Act::SiteAnswers { public_ip, status } => {
                self.allocation_of(public_ip)?;
                self.set_site_status(public_ip, *status);
            }
            Act::NameSite { host, public_ip } => {
                self.allocation_of(public_ip)?;
                self.name_site(host, public_ip);
            }
            Act::Permit { operation, allowed } => {
                if *allowed {
                    self.denied.remove(operation);
                } else {
                    self.denied.insert(operation.clone());
                }
            }
            _ => {}
        }
        Ok(())
    }
}
