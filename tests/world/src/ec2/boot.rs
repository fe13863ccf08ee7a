//! What does an instance do between `running` and its first answer? User data, the agent, the deployment.

use super::instance::InstanceState;
use crate::journal::Kind;
use crate::queue::Due;
use crate::wire::ApiRequest;
use crate::world::World;

impl World {
    /// First boot: user data, then the deployment. A prepared machine only restarts its service.
    pub(crate) fn begin_boot(&mut self, id: &str, epoch: u32) {
        let Some(instance) = self.state.instances.get(id) else { return };
        let (prepared, id) = (instance.prepared, id.to_owned());
        if prepared {
            self.after(self.timing.restart, Due::AppReady { instance: id, epoch });
        } else {
            self.after(self.timing.user_data, Due::UserData { instance: id, epoch });
        }
    }

    fn boots(&self, id: &str, epoch: u32) -> bool {
        let at = |i: &&super::instance::Instance| i.epoch == epoch && i.state == InstanceState::Running && !i.failing;
        self.state.instances.get(id).as_ref().is_some_and(at)
    }

    /// The article's lines 10 and 11: disassociate the address, then associate it with this instance, each by the `aws` CLI.
    pub(crate) fn on_user_data(&mut self, id: &str, epoch: u32) {
        if !self.boots(id, epoch) {
            return;
        }
        // Its last step installs the agent.
        if let Some(instance) = self.state.instances.get_mut(id) {
            instance.agent_ready = true;
        }
        if self.boots_by_deployment(id) {
            self.agent_wakes(id, false);
        } else {
            self.after(self.timing.deploy, Due::AppReady { instance: id.to_owned(), epoch });
        }
        if let Some(wanted) = self.steals(id) {
            let address = self.state.addresses.values().find(|a| a.public_ip == wanted || a.allocation == wanted);
            let public_ip = address.map_or(wanted, |address| address.public_ip.clone());
            let request = ApiRequest::ec2(id, "DisassociateAddress", &[("PublicIp", &public_ip)]);
            self.call(&request);
            self.after(self.timing.cli_gap, Due::Steal { instance: id.to_owned(), epoch });
        }
    }

    pub(crate) fn on_steal(&mut self, id: &str, epoch: u32) {
        if !self.boots(id, epoch) {
            return;
        }
        let Some(wanted) = self.steals(id) else { return };
        let address = self.state.addresses.values().find(|a| a.public_ip == wanted || a.allocation == wanted);
        let allocation = address.map_or(wanted, |address| address.allocation.clone());
        let request = ApiRequest::ec2(id, "AssociateAddress", &[("AllocationId", &allocation), ("InstanceId", id)]);
        self.call(&request);
    }

    /// Whether the application comes by a deployment that is played, not as a matter of course.
    fn boots_by_deployment(&self, id: &str) -> bool {
        let origin = self.state.instances.get(id).and_then(|instance| instance.origin.as_deref());
        origin.is_some_and(|group| self.is_played(group))
    }

    fn steals(&self, id: &str) -> Option<String> {
        let origin = self.state.instances.get(id)?.origin.as_deref()?;
        self.state.groups.get(origin)?.boot_steal.clone()
    }

    pub(crate) fn on_app_ready(&mut self, id: &str, epoch: u32) {
        if !self.boots(id, epoch) {
            return;
        }
        let broken = self
            .state
            .instances
            .get(id)
            .and_then(|instance| self.state.groups.get(instance.origin.as_deref()?))
            .is_some_and(|group| group.boots_broken);
        // A restarted service has nothing to show where nothing was ever installed.
        let empty = self.boots_by_deployment(id) && self.state.instances.get(id).is_some_and(|i| i.serves.is_none());
        if !broken && !empty {
            if let Some(instance) = self.state.instances.get_mut(id) {
                instance.app_ready = true;
                instance.prepared = true;
            }
            self.record(Kind::Ready { instance: id.to_owned() });
        }
        self.after(self.timing.deploy_report, Due::DeployReported { instance: id.to_owned() });
    }
}
