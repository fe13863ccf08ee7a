//! Is this a moment at which a fleet can take a blow?
//!
//! Every gate that is shut gives its own [`Reason`], and all of them are told: whoever opens one wants to know of the others. A gate that
//! cannot be seen is shut.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    AddressLook, AlarmState, CloseLook, GroupMember, GroupView, InstanceLook, Policy, Probe, Reason, Seen, Settings,
};
use crate::{
    event::InstanceState,
    failover::{LeavingReason, Lifecycle},
    ids::InstanceId,
};

/// The processes without which a group does not heal ([processes]). The others (`AZRebalance`, `AlarmNotification`, `ScheduledActions`,
/// `InstanceRefresh`) change what a group does of itself, and not whether a dead server is replaced.
///
/// * `Launch`: no replacement comes.
/// * `Terminate`: the dead are not taken out, so nobody replaces them.
/// * `HealthCheck`: nobody notices that a server died.
/// * `ReplaceUnhealthy`: it is noticed, and nothing follows.
/// * `AddToLoadBalancer`: the replacement comes, and no request reaches it.
///
/// [processes]: https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
const VITAL: [&str; 5] = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AddToLoadBalancer"];

/// The states of an instance refresh that has not ended ([refresh]).
///
/// [refresh]: https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_InstanceRefresh.html
const REFRESHING: [&str; 5] = ["Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"];

/// For how long a failed launch that nothing succeeded is held against a group.
const LAUNCH_FAILURE_COUNTS: SignedDuration = SignedDuration::from_hours(1);

/// Collects why a group cannot take a blow now.
pub(super) fn shut(
    group: &GroupView,
    look: &CloseLook,
    policy: &Policy,
    settings: &Settings,
    now: Timestamp,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    of_group(group, &mut reasons);
    changes(look, policy, now, &mut reasons);
    alarms(look, policy, settings, &mut reasons);
    servers(group, look, now, &mut reasons);
    site(look, policy, &mut reasons);
    reasons
}

/// Something that was seen; otherwise a reason.
fn seen<'a, T>(what: &str, read: &'a Seen<T>, reasons: &mut Vec<Reason>) -> Option<&'a T> {
    read.as_ref().map_err(|error| reasons.push(Reason::Unseen { what: what.to_owned(), error: error.clone() })).ok()
}

fn of_group(group: &GroupView, reasons: &mut Vec<Reason>) {
    if group.deleting {
        reasons.push(Reason::Deleting);
    }
    let processes: Vec<String> =
        group.suspended.iter().filter(|process| VITAL.contains(&process.as_str())).cloned().collect();
    if !processes.is_empty() {
        reasons.push(Reason::Suspended { processes });
    }
    if group.desired == 0 {
        reasons.push(Reason::Empty);
    }
    let serving = u32::try_from(group.serving().count()).unwrap_or(u32::MAX);
    // Standby is a person's wish, and the warm pool is not in service; neither is a sign of trouble.
    let unwell: Vec<_> = group
        .members
        .iter()
        .filter(|member| !member.serves() && !matches!(member.lifecycle, Lifecycle::Standby | Lifecycle::Warmed(_)))
        .map(|member| (member.instance.clone(), member.lifecycle.clone(), member.healthy))
        .collect();
    if serving != group.desired || !unwell.is_empty() {
        reasons.push(Reason::Unwell { desired: group.desired, serving, unwell });
    }
}

fn changes(look: &CloseLook, policy: &Policy, now: Timestamp, reasons: &mut Vec<Reason>) {
    if let Some(launches) = seen("the group's launches", &look.launches, reasons)
        && let Some((at, message)) = &launches.failed
        && now.duration_since(*at) < LAUNCH_FAILURE_COUNTS
        && launches.succeeded.is_none_or(|succeeded| succeeded < *at)
    {
        reasons.push(Reason::LaunchFailing { at: *at, message: message.clone() });
    }
    if let Some(Some(status)) = seen("the group's instance refreshes", &look.refresh, reasons)
        && REFRESHING.contains(&status.as_str())
    {
        reasons.push(Reason::Refreshing { status: status.clone() });
    }
    if let Some(deployments) = seen("the deployments", &look.deployments, reasons)
        && !deployments.is_empty()
    {
        reasons.push(Reason::Deploying { deployments: deployments.clone() });
    }
    for pipeline in &policy.pipelines {
        let what = format!("the executions of the pipeline {pipeline}");
        match look.pipelines.get(pipeline) {
            None => reasons.push(Reason::Unseen { what, error: "nobody looked".to_owned() }),
            Some(executions) => {
                if let Some(executions) = seen(&what, executions, reasons)
                    && !executions.is_empty()
                {
                    let (pipeline, executions) = (pipeline.clone(), executions.clone());
                    reasons.push(Reason::PipelineRunning { pipeline, executions });
                }
            }
        }
    }
}

fn alarms(look: &CloseLook, policy: &Policy, settings: &Settings, reasons: &mut Vec<Reason>) {
    let named = || settings.stop_alarms.iter().chain(&policy.stop_alarms);
    if named().next().is_none() {
        return;
    }
    let Some(states) = seen("the stop alarms", &look.alarms, reasons) else { return };
    let mut told: Vec<&String> = Vec::new();
    for alarm in named() {
        if told.contains(&alarm) {
            continue;
        }
        told.push(alarm);
        match states.get(alarm) {
            Some(AlarmState::Ok | AlarmState::InsufficientData) => {}
            Some(AlarmState::Alarm) => reasons.push(Reason::AlarmRinging { alarm: alarm.clone() }),
            Some(AlarmState::Missing) | None => reasons.push(Reason::AlarmMissing { alarm: alarm.clone() }),
        }
    }
}

fn servers(group: &GroupView, look: &CloseLook, now: Timestamp, reasons: &mut Vec<Reason>) {
    let addresses = seen("the fleet's addresses", &look.addresses, reasons);
    let siblings = seen("the fleet's other groups", &look.siblings, reasons);
    let instances = seen("the instances", &look.instances, reasons);
    if let Some(instances) = instances {
        members(group, instances, now, reasons);
    }
    if let (Some(addresses), Some(siblings), Some(instances)) = (addresses, siblings, instances) {
        for address in addresses {
            let members = group.members.iter().chain(siblings);
            if let Err(why) = served(address, members, instances) {
                reasons.push(Reason::AddressUnserved { public_ip: address.public_ip.clone(), why });
            }
        }
    }
}

/// Auto Scaling takes minutes to see that a server died, and does not see at all that one is about to.
fn members(
    group: &GroupView,
    instances: &BTreeMap<InstanceId, InstanceLook>,
    now: Timestamp,
    reasons: &mut Vec<Reason>,
) {
    for member in group.serving() {
        let instance = instances.get(&member.instance);
        let state = instance.map(|instance| instance.state.clone());
        if state != Some(InstanceState::Running) {
            reasons.push(Reason::MemberDown { instance: member.instance.clone(), state });
        }
        // A rebalance recommendation or an announced retirement may be days ahead.
        if let Some(leaving) = instance.and_then(|instance| instance.leaving.as_ref())
            && leaving.reason >= LeavingReason::SpotInterruption
            && leaving.holds_at(now)
        {
            reasons.push(Reason::MemberLeaving { instance: member.instance.clone(), leaving: leaving.clone() });
        }
    }
}

fn site(look: &CloseLook, policy: &Policy, reasons: &mut Vec<Reason>) {
    if policy.url.is_some() {
        reasons.extend(silent(&look.site).into_iter().map(|(url, why)| Reason::SiteSilent { url, why }));
    }
}

/// Whether an address is on a living server; otherwise why it is not.
pub(super) fn served<'a>(
    address: &AddressLook,
    mut members: impl Iterator<Item = &'a GroupMember>,
    instances: &BTreeMap<InstanceId, InstanceLook>,
) -> Result<(), String> {
    let Some(holder) = &address.holder else { return Err("nobody holds it".to_owned()) };
    let Some(member) = members.find(|member| member.instance == *holder) else {
        return Err(format!("its holder {holder} is not in the fleet"));
    };
    if member.lifecycle != Lifecycle::InService {
        return Err(format!("its holder {holder} is {}", member.lifecycle));
    }
    if !member.healthy {
        return Err(format!("its holder {holder} is unhealthy"));
    }
    match instances.get(holder).map(|instance| &instance.state) {
        Some(InstanceState::Running) => Ok(()),
        Some(state) => Err(format!("its holder {holder} is {state}")),
        None => Err(format!("its holder {holder} is unknown to EC2")),
    }
}

/// Where a site that is to answer does not, and why.
pub(super) fn silent(probes: &[Probe]) -> Vec<(String, String)> {
    if probes.is_empty() {
        return vec![("its addresses".to_owned(), "the fleet has no address to ask".to_owned())];
    }
    probes
        .iter()
        .filter(|probe| !probe.is_answer())
        .map(|probe| {
            let why = match &probe.answer {
                Ok(status) => format!("status {status}"),
                Err(error) => error.clone(),
            };
            (probe.url.clone(), why)
        })
        .collect()
}
