//! How does an [`Act`] come about?

use std::time::Duration;

use crate::act::{Act, ActError};
use crate::autoscaling::group::WarmPool;
use crate::autoscaling::member::Health;
use crate::autoscaling::refresh::Preferences;
use crate::ec2::association::Target;
use crate::journal::Kind;
use crate::ssm::PingState;
use crate::wire::ApiError;
use crate::world::World;

mod around;
mod delivery;

impl From<ApiError> for ActError {
    fn from(error: ApiError) -> Self {
        Self::Refused { code: error.code.to_owned(), message: error.message }
    }
}

impl World {
    /// The instance must be there and alive.
    fn alive(&self, id: &str) -> Result<(), ActError> {
        let alive = self.state.instances.get(id).is_some_and(|instance| !instance.state.is_dead());
        if alive { Ok(()) } else { Err(ActError::NoInstance(id.to_owned())) }
    }

    fn grouped(&self, instance: &str) -> Result<String, ActError> {
        self.state.group_of(instance).map(str::to_owned).ok_or_else(|| ActError::NoInstance(instance.to_owned()))
    }

    fn has_group(&self, name: &str) -> Result<(), ActError> {
        if self.state.groups.contains_key(name) { Ok(()) } else { Err(ActError::NoGroup(name.to_owned())) }
    }

    fn allocation_of(&self, public_ip: &str) -> Result<String, ActError> {
        let found = self.state.addresses.values().find(|address| address.public_ip == public_ip);
        found.map(|address| address.allocation.clone()).ok_or_else(|| ActError::NoAddress(public_ip.to_owned()))
    }

    pub(crate) fn perform(&mut self, act: &Act) -> Result<(), ActError> {
        if let Some(instance) = act.instance() {
            self.alive(instance)?;
        }
        if let Some(group) = act.group() {
            self.has_group(group)?;
        }
        match act {
            Act::Terminate { .. }
            | Act::Crash { .. }
            | Act::Stop { .. }
            | Act::Start { .. }
            | Act::SpotNotice { .. }
            | Act::Rebalance { .. }
            | Act::FailStatusChecks { .. }
            | Act::RepairStatusChecks { .. }
            | Act::ScheduleRetirement { .. }
            | Act::Hang { .. }
            | Act::ProtectFromTermination { .. }
            | Act::SetSsmAgent { .. }
            | Act::SetPing { .. }
            | Act::SetCodeDeployAgent { .. }
            | Act::AfflictAgent { .. }
            | Act::InstallAgent { .. } => self.perform_on_instance(act)?,
            Act::LoseZone { zone, silent } => self.lose_zone(zone, *silent),
            Act::RestoreZone { zone } => self.restore_zone(zone),
            Act::Disassociate { public_ip } => self.disassociate_by_ip(public_ip)?,
            Act::Associate { public_ip, instance } => {
                let allocation = self.allocation_of(public_ip)?;
                self.associate(&allocation, Target::Instance(instance), None, true)?;
            }
            Act::PutAlarm { .. }
            | Act::SetAlarm { .. }
            | Act::DeleteAlarm { .. }
            | Act::PutDocument { .. }
            | Act::PutTopic { .. }
            | Act::DeleteTopic { .. }
            | Act::SiteAnswers { .. }
            | Act::NameSite { .. }
            | Act::Permit { .. } => self.perform_around(act)?,
            Act::PutDeploymentGroup { .. }
            | Act::StartDeployment { .. }
            | Act::SetDeployment { .. }
            | Act::SetDeploymentGroup { .. }
            | Act::Deploy { .. }
            | Act::FailDeployment { .. }
            | Act::StopDeployment { .. } => self.perform_deployment(act)?,
            Act::PutPipeline { .. }
            | Act::DefinePipeline { .. }
            | Act::EditPipeline { .. }
            | Act::Push { .. }
            | Act::RetryStage { .. }
            | Act::LeaveOut { .. }
            | Act::BeginExecution { .. }
            | Act::EndExecution { .. } => self.perform_pipeline(act)?,
            _ => self.perform_on_group(act)?,
        }
        Ok(())
    }

    fn perform_on_instance(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::Terminate { instance } => self.terminate_instances(std::slice::from_ref(instance), true)?,
            Act::ProtectFromTermination { instance, protected } => self.protect_from_termination(instance, *protected),
            Act::SetCodeDeployAgent { instance, agent } => self.set_code_deploy_agent(instance, *agent),
            Act::AfflictAgent { instance, trouble } => self.afflict_agent(instance, *trouble),
            Act::InstallAgent { instance, generation } => self.install_agent(instance, *generation),
            Act::SetPing { instance, ping } => self.set_ping(instance, *ping),
            Act::SetSsmAgent { instance, online } => {
                self.set_ping(instance, if *online { PingState::Online } else { PingState::ConnectionLost });
            }
            Act::Crash { instance } => self.shut_down(instance, "Server.InternalError", false),
            Act::Stop { instance } => self.stop(instance),
            Act::Start { instance } => self.start(instance),
            Act::SpotNotice { instance, lead_seconds } => {
                self.spot_notice(instance, Duration::from_secs(u64::from(*lead_seconds)));
            }
            Act::Rebalance { instance } => self.rebalance_notice(instance),
            Act::FailStatusChecks { instance } => self.set_failing(instance, true),
            Act::RepairStatusChecks { instance } => self.set_failing(instance, false),
            Act::ScheduleRetirement { instance, after_seconds } => {
                self.announce_retirement(instance, Duration::from_secs(u64::from(*after_seconds)));
            }
            Act::Hang { instance } => {
                if let Some(instance) = self.state.instances.get_mut(instance) {
                    instance.silent = true;
                }
                self.record(Kind::Silent { instance: instance.clone() });
            }
            _ => {}
        }
        Ok(())
    }

    fn perform_on_group(&mut self, act: &Act) -> Result<(), ActError> {
        match act {
            Act::SetDesired { group, desired } => self.set_desired(group, *desired)?,
            Act::Resize { group, min, max, desired } => self.resize(group, Some(*min), Some(*max), Some(*desired))?,
            Act::StartInstanceRefresh { group } => {
                self.start_refresh(group, Preferences::default())?;
            }
            Act::Detach { instance, decrement } => {
                let group = self.grouped(instance)?;
                self.detach(&group, std::slice::from_ref(instance), *decrement)?;
            }
            Act::EnterStandby { instance, decrement } => {
                let group = self.grouped(instance)?;
                self.enter_standby(&group, std::slice::from_ref(instance), *decrement)?;
            }
            Act::ExitStandby { instance } => {
                let group = self.grouped(instance)?;
                self.exit_standby(&group, std::slice::from_ref(instance))?;
            }
            Act::SetHealth { instance, healthy } => {
                self.grouped(instance)?;
                self.set_health(instance, if *healthy { Health::Healthy } else { Health::Unhealthy }, false)?;
            }
            Act::TerminateInGroup { instance, decrement } => {
                self.terminate_in_group(instance, *decrement)?;
            }
            Act::PutHook { group, hook } => self.put_hook(group, hook.to_hook()?)?,
            Act::DeleteHook { group, name } => self.delete_hook(group, name)?,
            Act::PutWarmPool { group, pool } => {
                let pool = WarmPool { min: pool.min, prepared: pool.prepared, state: pool.state.clone() };
                self.put_warm_pool(group, pool)?;
            }
            Act::Suspend { group, names } => self.suspend(group, names)?,
            Act::Resume { group, names } => self.resume(group, names)?,
            Act::BlueGreen { group, green } => self.begin_blue_green(group, green)?,
            Act::DeleteGroup { group } => self.delete_group(group, true)?,
            Act::CancelInstanceRefresh { group } => {
                self.cancel_refresh(group)?;
            }
            Act::ProtectFromScaleIn { instance, protected } => {
                let group = self.grouped(instance)?;
                self.protect_from_scale_in(&group, std::slice::from_ref(instance), *protected)?;
            }
            Act::TagGroup { group, key, value } => {
                if let Some(group) = self.state.groups.get_mut(group) {
                    match value {
                        Some(value) => group.tags.insert(key.clone(), (value.clone(), false)),
                        None => group.tags.remove(key),
                    };
                }
                self.record(Kind::Tagged { resource: group.clone(), key: key.clone() });
            }
            Act::BreakBoots { group, broken } => {
                if let Some(group) = self.state.groups.get_mut(group) {
                    group.boots_broken = *broken;
                }
                self.record(Kind::Group { group: group.clone(), change: format!("boots broken: {broken}") });
            }
            _ => {}
        }
        Ok(())
    }

    fn lose_zone(&mut self, zone: &str, silent: bool) {
        self.state.lost_zones.insert(zone.to_owned());
        if silent {
            self.state.silent_zones.insert(zone.to_owned());
        }
        for id in self.instances_in(zone) {
            self.set_failing(&id, true);
        }
    }

    fn restore_zone(&mut self, zone: &str) {
        self.state.lost_zones.remove(zone);
        self.state.silent_zones.remove(zone);
        for id in self.instances_in(zone) {
            self.set_failing(&id, false);
        }
    }

    fn instances_in(&self, zone: &str) -> Vec<String> {
        self.state.instances.values().filter(|i| i.zone == zone).map(|i| i.id.clone()).collect()
    }
}

impl Act {
    /// The instance that must be alive. A member that died in standby can come back from there: `ExitStandby` asks only where it is.
    fn instance(&self) -> Option<&str> {
        match self {
            Self::Terminate { instance }
            | Self::Crash { instance }
            | Self::Stop { instance }
            | Self::Start { instance }
            | Self::SpotNotice { instance, .. }
            | Self::Rebalance { instance }
            | Self::FailStatusChecks { instance }
            | Self::RepairStatusChecks { instance }
            | Self::ScheduleRetirement { instance, .. }
            | Self::Detach { instance, .. }
            | Self::EnterStandby { instance, .. }
            | Self::TerminateInGroup { instance, .. }
            | Self::Hang { instance }
            | Self::ProtectFromTermination { instance, .. }
            | Self::ProtectFromScaleIn { instance, .. }
            | Self::SetSsmAgent { instance, .. }
            | Self::SetCodeDeployAgent { instance, .. }
            | Self::AfflictAgent { instance, .. }
            | Self::InstallAgent { instance, .. }
            | Self::SetPing { instance, .. }
            | Self::Associate { instance, .. } => Some(instance),
            _ => None,
        }
    }

    fn group(&self) -> Option<&str> {
        match self {
            Self::SetDesired { group, .. }
            | Self::Resize { group, .. }
            | Self::StartInstanceRefresh { group }
            | Self::PutHook { group, .. }
            | Self::DeleteHook { group, .. }
            | Self::PutWarmPool { group, .. }
            | Self::Suspend { group, .. }
            | Self::Resume { group, .. }
            | Self::BlueGreen { group, .. }
            | Self::DeleteGroup { group }
            | Self::CancelInstanceRefresh { group }
            | Self::TagGroup { group, .. }
            | Self::BreakBoots { group, .. } => Some(group),
            _ => None,
        }
    }
}
