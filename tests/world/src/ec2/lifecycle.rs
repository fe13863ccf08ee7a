//! How does an instance come, run, stop and go? `pending`, `running`, `stopping`, `stopped`, `shutting-down`, `terminated`.

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

use super::instance::{CheckStatus, CodeDeployAgent, Instance, InstanceState, Interface};
use crate::autoscaling::group::Group;
use crate::event::instance_arn;
use crate::journal::Kind;
use crate::queue::Due;
use crate::wire::ApiError;
use crate::world::{World, later};

impl World {
    /// A new instance of a group in `pending`.
    pub(crate) fn make_instance(&mut self, group: &Group, zone: &str, subnet: &str) -> String {
        let id = self.ids.resource("i");
        let host = self.rng.u8(4..250);
        // The subnet's third octet from its zone's letter, the host part free of collisions among the living.
        let octet = zone.bytes().last().map_or(0, |letter| letter.wrapping_sub(b'a'));
        let interfaces = self.state.instances.values().flat_map(|instance| &instance.interfaces);
        let taken: HashSet<&str> = interfaces.map(|interface| interface.private_ip.as_str()).collect();
        // When a subnet's addresses run out, another of the same zone follows; 10.1 is that of the second interfaces.
        let blocks = [0_u8].into_iter().chain(2..=255);
        let private_ip = blocks
            .flat_map(|block| (0..=255_u8).map(move |step| (block, host.wrapping_add(step).max(4))))
            .map(|(block, host)| format!("10.{block}.{octet}.{host}"))
            .find(|ip| !taken.contains(ip.as_str()))
            .unwrap_or_default();
        let mut interfaces = Vec::with_capacity(2);
        if group.second_interface {
            // Listed first on purpose: the first interface in a reply need not be device index 0.
            let second = format!("10.1.{octet}.{host}");
            interfaces.push(self.make_interface(1, second));
        }
        interfaces.push(self.make_interface(0, private_ip));
        let mut tags: BTreeMap<String, String> = group
            .tags
            .iter()
            .filter(|(_, (_, propagate))| *propagate)
            .map(|(k, (v, _))| (k.clone(), v.clone()))
            .collect();
        tags.insert("aws:autoscaling:groupName".to_owned(), group.name.clone());
        // "Instances that are launched using a launch template are automatically assigned two tags" `[doc]` EC2 user guide,
        // launch-instances-from-launch-template.
        tags.insert("aws:ec2launchtemplate:id".to_owned(), Self::template_of(&group.launch_template));
        tags.insert("aws:ec2launchtemplate:version".to_owned(), group.version.to_string());
        // Auto-assigned addresses exist only where the instance has one interface.
        let auto_public_ip = (group.public_addresses && !group.second_interface).then(|| self.ids.public_ip());
        let instance = Instance {
            id: id.clone(),
            reservation: self.ids.resource("r"),
            state: InstanceState::Pending,
            launched: self.now,
            reason: None,
            reason_since: None,
            zone: zone.to_owned(),
            subnet: subnet.to_owned(),
            instance_type: group.instance_type.clone(),
            spot: group.spot,
            auto_public_ip,
            public_addresses: group.public_addresses,
            interfaces,
            tags,
            checks: CheckStatus::Initializing,
            retirement: None,
            app_ready: false,
            failing: false,
            prepared: false,
            origin: Some(group.name.clone()),
            protected: group.termination_protection,
            code_deploy_agent: CodeDeployAgent::Running,
            agent_generation: self.generation_of(&group.name),
            agent_trouble: None,
            agent_ready: false,
            agent_starts: 1,
            serves: None,
            deployed: None,
            ssm_online: true,
            ssm_since: None,
            ssm_registered: false,
            ssm_inactive: false,
            epoch: 0,
            check_epoch: 0,
            silent: false,
        };
        self.state.instances.insert(id.clone(), instance);
        id
    }

    fn make_interface(&mut self, device_index: u8, private_ip: String) -> Interface {
        let (id, attachment) = (self.ids.resource("eni"), self.ids.resource("eni-attach"));
        Interface { id, attachment, device_index, private_ip }
    }

    /// Enters a state, tells it to `EventBridge`, and gives the epoch for what follows.
    pub(crate) fn enter(&mut self, id: &str, state: InstanceState) -> u32 {
        let Some(instance) = self.state.instances.get_mut(id) else { return 0 };
        instance.state = state;
        instance.epoch += 1;
        let epoch = instance.epoch;
        self.record(Kind::Instance { instance: id.to_owned(), state });
        let detail = json!({"instance-id": id, "state": state.as_str()});
        self.emit("aws.ec2", "EC2 Instance State-change Notification", &[instance_arn(id)], &detail, id);
        epoch
    }

    /// Begins a launch or a start.
    pub(crate) fn begin_pending(&mut self, id: &str) {
        let epoch = self.enter(id, InstanceState::Pending);
        self.after(self.timing.pending, Due::Running { instance: id.to_owned(), epoch });
    }

    fn at_epoch(&mut self, id: &str, epoch: u32) -> Option<&mut Instance> {
        self.state.instances.get_mut(id).filter(|instance| instance.epoch == epoch)
    }

    pub(crate) fn on_running(&mut self, id: &str, epoch: u32) {
        if self.at_epoch(id, epoch).is_none() {
            return;
        }
        let epoch = self.enter(id, InstanceState::Running);
        self.begin_boot(id, epoch);
        self.boot_agents(id);
        self.after(self.timing.checks_initializing, Due::ChecksDone { instance: id.to_owned(), epoch });
        self.member_runs(id);
    }

    /// `StopInstances`: `stopping`, then `stopped`. The association stays `[doc]` EC2 guide, instance lifecycle table.
    pub(crate) fn stop(&mut self, id: &str) {
        let state = self.state.instances.get(id).map(|instance| instance.state);
        if !matches!(state, Some(InstanceState::Running | InstanceState::Pending)) {
            return;
        }
        let now = self.now;
        if let Some(instance) = self.state.instances.get_mut(id) {
            (instance.reason, instance.reason_since) = (Some("Client.UserInitiatedShutdown"), Some(now));
        }
        let epoch = self.enter(id, InstanceState::Stopping);
        self.after(self.timing.last_breath, Due::LastBreath { instance: id.to_owned(), epoch });
        self.after(self.timing.stopping, Due::Stopped { instance: id.to_owned(), epoch });
        self.agent_falls_silent(id);
        self.member_no_longer_runs(id);
    }

    pub(crate) fn on_stopped(&mut self, id: &str, epoch: u32) {
        let Some(instance) = self.at_epoch(id, epoch) else { return };
        instance.silent = true;
        // "When you stop your instance, we release its public IPv4 address" `[doc]`
        instance.auto_public_ip = None;
        instance.prepared |= instance.app_ready;
        instance.app_ready = false;
        self.enter(id, InstanceState::Stopped);
    }

    /// `StartInstances`.
    pub(crate) fn start(&mut self, id: &str) {
        if self.state.instances.get(id).is_none_or(|instance| instance.state != InstanceState::Stopped) {
            return;
        }
        let ip = self.ids.public_ip();
        let holds = self.state.addresses_on(id).next().is_some();
        let now = self.now;
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.silent = false;
            instance.failing = false;
            (instance.reason, instance.reason_since) = (None, None);
            instance.launched = now;
            instance.checks = CheckStatus::Initializing;
            instance.check_epoch += 1;
            instance.auto_public_ip =
                (instance.public_addresses && instance.interfaces.len() == 1 && !holds).then_some(ip);
        }
        self.begin_pending(id);
    }

    /// `TerminateInstances`. One protected instance spares all those of its zone, and the call fails; those of other zones are
    /// terminated all the same `[doc]` `API_TerminateInstances`. Auto Scaling's own terminations do not ask `[doc]`.
    pub(crate) fn terminate_instances(&mut self, ids: &[String], clean: bool) -> Result<(), ApiError> {
        let protected = |instance: &&Instance| instance.protected && !instance.state.is_dead();
        let refused: Vec<(String, String)> = ids
            .iter()
            .filter_map(|id| self.state.instances.get(id).filter(protected))
            .map(|instance| (instance.id.clone(), instance.zone.clone()))
            .collect();
        for id in ids {
            let zone = self.state.instances.get(id).map(|instance| instance.zone.as_str());
            if !refused.iter().any(|(_, spared)| Some(spared.as_str()) == zone) {
                self.shut_down(id, "Client.UserInitiatedShutdown", clean);
            }
        }
        let Some((id, _)) = refused.first() else { return Ok(()) };
        let message = format!(
            "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
        );
        Err(ApiError::bad("OperationNotPermitted", message))
    }

    /// `ModifyInstanceAttribute`: `DisableApiTermination`.
    pub(crate) fn protect_from_termination(&mut self, id: &str, protected: bool) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.protected = protected;
            self.touch();
        }
    }

    /// `TerminateInstances`, Auto Scaling's own termination, or Spot's reclaim: EC2 kills at once, and no hook is asked.
    pub(crate) fn shut_down(&mut self, id: &str, reason: &'static str, clean: bool) {
        let now = self.now;
        let Some(instance) = self.state.instances.get_mut(id).filter(|instance| !instance.state.is_dead()) else {
            return;
        };
        (instance.reason, instance.reason_since) = (Some(reason), Some(now));
        instance.silent |= !clean;
        let was_stopped = instance.state == InstanceState::Stopped;
        let epoch = self.enter(id, InstanceState::ShuttingDown);
        if clean {
            self.after(self.timing.last_breath, Due::LastBreath { instance: id.to_owned(), epoch });
        } else {
            self.record(Kind::Silent { instance: id.to_owned() });
        }
        let mut dying = self.timing.shutting_down.draw(&mut self.rng);
        if was_stopped {
            dying = dying.min(std::time::Duration::from_secs(5));
        }
        let kept = self.timing.association_kept.draw(&mut self.rng).min(dying);
        self.queue.push(later(self.now, kept), Due::DropAssociation { instance: id.to_owned() });
        self.queue.push(later(self.now, dying), Due::Terminated { instance: id.to_owned(), epoch });
        self.agent_falls_silent(id);
        self.member_no_longer_runs(id);
    }

    pub(crate) fn on_last_breath(&mut self, id: &str, epoch: u32) {
        let Some(instance) = self.at_epoch(id, epoch) else { return };
        if std::mem::replace(&mut instance.silent, true) {
            return;
        }
        self.record(Kind::Silent { instance: id.to_owned() });
    }

    pub(crate) fn on_terminated(&mut self, id: &str, epoch: u32) {
        if self.at_epoch(id, epoch).is_none() {
            return;
        }
        self.drop_associations(id);
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.silent = true;
            instance.auto_public_ip = None;
            instance.interfaces.clear();
            instance.retirement = None;
        }
        self.enter(id, InstanceState::Terminated);
        self.after(self.timing.tags_kept, Due::DropTags { instance: id.to_owned() });
        self.after(self.timing.listed, Due::Forget { instance: id.to_owned() });
        self.member_is_terminated(id);
    }

    pub(crate) fn on_drop_tags(&mut self, id: &str) {
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.tags.clear();
            self.record(Kind::Tagged { resource: id.to_owned(), key: String::new() });
        }
    }

    pub(crate) fn on_forget(&mut self, id: &str) {
        if self.state.instances.remove(id).is_some() {
            self.record(Kind::Forgotten { instance: id.to_owned() });
        }
    }
}
