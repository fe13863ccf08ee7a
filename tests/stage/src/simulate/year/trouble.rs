//! What happens to a fleet in a year? People work on it, machines fail; and somebody sets it right again.

use fastrand::Rng;
use jiff::SignedDuration;
use panda_domain::chaos::tags;
use panda_world::{Act, AlarmSpec, AlarmState, CodeDeployAgent, Group, GroupSpec, InstanceState, Lifecycle, World};

use super::fleets::{BROKEN, Plan};

/// Something that happens, and what ends it.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// What is done, in this order.
    pub(super) acts: Vec<Act>,
    /// What is done later to make it good.
    pub(super) mend: Vec<Act>,
    /// How much later.
    pub(super) lasts: SignedDuration,
}

/// Draws what happens to a group now. `None` if there is nobody to whom it could happen.
pub(super) fn draw(rng: &mut Rng, world: &World, plan: &Plan, group: &str) -> Option<Trouble> {
    let (spec, live) = (plan.group(group)?, world.group(group)?);
    let member = anybody(rng, world, live);
    let kind = rng.u8(0..36);
    let lasts = SignedDuration::from_mins(rng.i64(5..2_880));
    let short = SignedDuration::from_mins(rng.i64(5..90));
    let (acts, mend, lasts) = match kind {
        0..=7 => return machine(rng, world, member?, kind, lasts),
        8..=18 => return people(rng, spec, live, kind, lasts),
        19..=24 => return around(rng, plan, spec, kind, short),
        25 => {
            let back = vec![Act::ExitStandby { instance: member?.to_owned() }, size(group, spec.desired)];
            (vec![standby(rng, member?)], back, lasts)
        }
        26 => (vec![protect_scale_in(member?, true)], vec![protect_scale_in(member?, false)], lasts),
        27 | 28 => (vec![protect(member?, true)], vec![protect(member?, false)], lasts),
        29 => (vec![Act::Detach { instance: member?.to_owned(), decrement: false }], Vec::new(), lasts),
        30 => {
            let instance = member?.to_owned();
            let back = Act::SetCodeDeployAgent { instance: instance.clone(), agent: CodeDeployAgent::Running };
            (vec![Act::SetCodeDeployAgent { instance, agent: CodeDeployAgent::Hung }], vec![back], lasts)
        }
        31 => {
            let online = |online| Act::SetSsmAgent { instance: member.unwrap_or_default().to_owned(), online };
            (vec![online(false)], vec![online(true)], lasts)
        }
        32 => {
            let zone = world.instance(member?)?.zone.clone();
            (vec![Act::LoseZone { zone: zone.clone(), silent: rng.bool() }], vec![Act::RestoreZone { zone }], short)
        }
        33 => {
            let operation = if rng.bool() { "ec2:TerminateInstances" } else { "autoscaling:DescribeInstanceRefreshes" };
            let permit = |allowed| Act::Permit { operation: operation.to_owned(), allowed };
            (vec![permit(false)], vec![permit(true)], lasts)
        }
        _ => {
            let public_ip = plan.spec.addresses.first()?.clone();
            let status = |status| Act::SiteAnswers { public_ip: public_ip.clone(), status };
            if rng.bool() {
                (vec![status(503)], vec![status(200)], short)
            } else {
                (vec![Act::Disassociate { public_ip: public_ip.clone() }], Vec::new(), short)
            }
        }
    };
    Some(Trouble { acts, mend, lasts })
}

/// What makes a group unable to heal for a while: nobody can be launched, or nobody comes up.
pub(super) fn trap(rng: &mut Rng, group: &str) -> Trouble {
    let (group, names) = (group.to_owned(), vec!["Launch".to_owned()]);
    let lasts = SignedDuration::from_mins(rng.i64(8..240));
    let (acts, mend) = if rng.bool() {
        (vec![Act::Suspend { group: group.clone(), names: names.clone() }], vec![Act::Resume { group, names }])
    } else {
        let broken = |broken| vec![Act::BreakBoots { group: group.clone(), broken }];
        (broken(true), broken(false))
    };
    Trouble { acts, mend, lasts }
}

/// Everything back to what it was meant to be, whatever was forgotten.
pub(super) fn tidy(world: &World, plan: &Plan) -> Vec<Act> {
    let mut acts: Vec<Act> = Vec::new();
    for spec in &plan.spec.groups {
        let group = || spec.name.clone();
        acts.push(Act::Resume { group: group(), names: Vec::new() });
        acts.push(Act::BreakBoots { group: group(), broken: false });
        // Down to its size first, so that there is room for those who come back, dead or alive; nobody looks after a member in standby.
        acts.push(size(&spec.name, spec.desired));
        let aside = world.group(&spec.name).into_iter().flat_map(|group| group.members.values());
        let aside = aside.filter(|member| member.lifecycle == Lifecycle::Standby);
        let back: Vec<Act> = aside.map(|member| Act::ExitStandby { instance: member.instance.clone() }).collect();
        if !back.is_empty() {
            acts.extend(back);
            acts.push(size(&spec.name, spec.desired));
        }
        acts.extend(spec.zones.iter().map(|zone| Act::RestoreZone { zone: zone.clone() }));
    }
    for operation in ["ec2:TerminateInstances", "autoscaling:DescribeInstanceRefreshes"] {
        acts.push(Act::Permit { operation: operation.to_owned(), allowed: true });
    }
    acts
}

fn machine(rng: &mut Rng, world: &World, member: &str, kind: u8, lasts: SignedDuration) -> Option<Trouble> {
    let instance = member.to_owned();
    let of = |act: Act| Some(Trouble { acts: vec![act], mend: Vec::new(), lasts });
    match kind {
        0 => of(Act::Terminate { instance }),
        1 => of(Act::Crash { instance }),
        2 => of(Act::FailStatusChecks { instance }),
        3 => of(Act::SetHealth { instance, healthy: false }),
        4 => of(Act::Stop { instance }),
        5 => of(Act::SpotNotice { instance, lead_seconds: if rng.bool() { 120 } else { 39 } }),
        // Nobody but a person notices an application that hangs.
        6 => {
            let mend = vec![Act::Terminate { instance: instance.clone() }];
            Some(Trouble { acts: vec![Act::Hang { instance }], mend, lasts: lasts / 10 })
        }
        _ => of(Act::TerminateInGroup { instance, decrement: false }),
    }
    .filter(|_| world.instance(member).is_some())
}

fn people(rng: &mut Rng, spec: &GroupSpec, live: &Group, kind: u8, lasts: SignedDuration) -> Option<Trouble> {
    let group = spec.name.clone();
    let (acts, mend, lasts) = match kind {
        8 | 9 => {
            let desired = (live.desired + 1).min(live.max);
            (vec![size(&group, desired)], vec![size(&group, spec.desired)], lasts)
        }
        10 => (vec![size(&group, live.desired.saturating_sub(1).max(1))], vec![size(&group, spec.desired)], lasts),
        11 | 12 => {
            let all = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy", "AZRebalance", "AddToLoadBalancer"];
            let names = vec![all.get(rng.usize(0..all.len())).copied().unwrap_or_default().to_owned()];
            let suspend = Act::Suspend { group: group.clone(), names: names.clone() };
            (vec![suspend], vec![Act::Resume { group, names }], lasts)
        }
        13 | 14 => {
            let mend =
                if rng.u8(0..4) == 0 { vec![Act::CancelInstanceRefresh { group: group.clone() }] } else { Vec::new() };
            (vec![Act::StartInstanceRefresh { group }], mend, SignedDuration::from_mins(rng.i64(1..20)))
        }
        15 => retag(&group, spec, tags::CHAOS, "off", lasts),
        16 => {
            let (key, value) = BROKEN.get(rng.usize(0..BROKEN.len())).copied()?;
            retag(&group, spec, key, value, lasts)
        }
        17 => {
            let changes = [
                (tags::WINDOW, "Mon-Fri 18:00-20:00"),
                (tags::MIN_HEALTHY, "100%"),
                (tags::TIME_ZONE, "Asia/Tokyo"),
                (tags::MIN_DAYS, "2"),
            ];
            let (key, value) = changes.get(rng.usize(0..changes.len())).copied()?;
            retag(&group, spec, key, value, lasts * 10)
        }
        _ => (
            vec![Act::BreakBoots { group: group.clone(), broken: true }],
            vec![Act::BreakBoots { group, broken: false }],
            lasts / 8,
        ),
    };
    Some(Trouble { acts, mend, lasts })
}

fn around(rng: &mut Rng, plan: &Plan, spec: &GroupSpec, kind: u8, lasts: SignedDuration) -> Option<Trouble> {
    let (acts, mend) = match kind {
        19 | 20 => {
            let alarm = |state| Act::SetAlarm { name: plan.alarm.clone().unwrap_or_default(), state };
            plan.alarm.as_ref()?;
            (vec![alarm(AlarmState::Alarm)], vec![alarm(AlarmState::Ok)])
        }
        21 => {
            let name = plan.alarm.clone()?;
            let alarm = AlarmSpec { name: name.clone(), ..AlarmSpec::default() };
            (vec![Act::DeleteAlarm { name }], vec![Act::PutAlarm { alarm }])
        }
        22 => {
            let (pipeline, seconds) = (plan.pipeline.clone()?, Some(rng.u32(60..5_400)));
            (vec![Act::BeginExecution { pipeline, seconds }], Vec::new())
        }
        _ => {
            let (application, deployment_group) = (plan.spec.name.clone(), spec.name.clone());
            let seconds = Some(rng.u32(60..3_600));
            (vec![Act::StartDeployment { application, deployment_group, seconds }], Vec::new())
        }
    };
    Some(Trouble { acts, mend, lasts })
}

/// Somebody changes a tag, and somebody puts it back as it was meant.
fn retag(
    group: &str,
    spec: &GroupSpec,
    key: &str,
    value: &str,
    lasts: SignedDuration,
) -> (Vec<Act>, Vec<Act>, SignedDuration) {
    let tag = |value: Option<String>| vec![Act::TagGroup { group: group.to_owned(), key: key.to_owned(), value }];
    (tag(Some(value.to_owned())), tag(spec.tags.get(key).cloned()), lasts)
}

fn anybody<'a>(rng: &mut Rng, world: &World, group: &'a Group) -> Option<&'a str> {
    let serving: Vec<&str> = group
        .members
        .values()
        .filter(|member| member.lifecycle == Lifecycle::InService)
        .filter(|member| world.instance(&member.instance).is_some_and(|i| i.state == InstanceState::Running))
        .map(|member| member.instance.as_str())
        .collect();
    (!serving.is_empty()).then(|| rng.usize(0..serving.len())).and_then(|n| serving.get(n).copied())
}

fn size(group: &str, desired: u32) -> Act {
    Act::SetDesired { group: group.to_owned(), desired }
}

fn standby(rng: &mut Rng, member: &str) -> Act {
    Act::EnterStandby { instance: member.to_owned(), decrement: rng.bool() }
}

fn protect_scale_in(member: &str, protected: bool) -> Act {
    Act::ProtectFromScaleIn { instance: member.to_owned(), protected }
}

fn protect(member: &str, protected: bool) -> Act {
    Act::ProtectFromTermination { instance: member.to_owned(), protected }
}
