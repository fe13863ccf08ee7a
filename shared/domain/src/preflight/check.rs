//! What keeps the reflexes from a fleet that is there?

mod addresses;
mod deployment;
mod hooks;
mod network;
mod servers;

use super::{
    Finding, FleetSetup, GroupSetup,
    finding::{listed, quoted},
};
use crate::{
    chaos::{OptIn, Seen, tags},
    failover::{LOOK_EVERY, Lifecycle},
};

/// Processes of Auto Scaling without which a group does not heal.
const VITAL: [&str; 4] = ["Launch", "Terminate", "HealthCheck", "ReplaceUnhealthy"];

/// What the reflexes are configured to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The hooks whose names begin so are answered.
    pub hook_prefix: String,
    /// The longest time that a terminate hook is held, in seconds.
    pub hold_seconds: u32,
}

impl Rules {
    /// The shortest heartbeat of a terminate hook that can be held as long as is asked: it is released at the last sweep before its end.
    fn heartbeat(&self) -> u32 {
        const LATENESS: u32 = 20;
        self.hold_seconds + u32::try_from(LOOK_EVERY.as_secs()).unwrap_or(60) + LATENESS
    }
}

/// Everything that a person should know of a fleet's set-up, the worst first; nothing of a fleet that is as it should be.
#[must_use]
pub fn check(setup: &FleetSetup, rules: &Rules) -> Vec<Finding> {
    let mut findings = Vec::new();
    let fleet = &setup.fleet;
    let groups: Vec<&GroupSetup> = setup.groups.iter().filter(|group| !group.deleting).collect();
    if groups.is_empty() {
        let sentence = format!(
            "No Auto Scaling group carries the tag `{}` = `{fleet}`, and none is called `{fleet}`.",
            tags::FLEET
        );
        findings.push(Finding::error("no-group", fleet, sentence).mended_by(tag_group(
            "GROUP",
            tags::FLEET,
            fleet.as_str(),
            true,
        )));
    }
    findings.extend(addresses::check(setup, &groups));
    for group in groups {
        findings.extend(tagged(setup, group));
        findings.extend(sizes(group));
        findings.extend(suspended(group));
        findings.extend(hooks::check(group, rules));
        findings.extend(network::check(group));
        findings.extend(servers::check(group));
        findings.extend(deployment::check(group));
    }
    findings.sort();
    findings.dedup();
    findings
}

/// Takes what was seen, and says what was not.
fn take<'s, T>(seen: &'s Seen<T>, what: &str, subject: &str, findings: &mut Vec<Finding>) -> Option<&'s T> {
    match seen {
        Ok(seen) => Some(seen),
        Err(error) => {
            let sentence =
                format!("The {what} of `{subject}` could not be looked at, and so were not checked: {error}.");
            findings.push(Finding::warning("unseen", subject, sentence));
            None
        }
    }
}

fn tagged(setup: &FleetSetup, group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let fleet = group.tags.get(tags::FLEET);
    let mend = || tag_group(name.as_str(), tags::FLEET, setup.fleet.as_str(), true);
    if fleet.map(|tag| &tag.value) != Some(&setup.fleet.to_string()) {
        let sentence = format!(
            "The group `{name}` does not carry the tag `{}` = `{}`: nobody moves an address for it or answers its hooks.",
            tags::FLEET,
            setup.fleet
        );
        findings.push(Finding::error("fleet-tag", name, sentence).mended_by(mend()));
    } else if fleet.is_some_and(|tag| !tag.propagates) && group.deployments.as_ref().is_ok_and(|all| !all.is_empty()) {
        // Its role reaches only servers that carry the tag themselves.
        let sentence = format!(
            "The tag `{}` of the group `{name}` does not propagate: deployment-recovery may restart no agent on a server that is launched from now on.",
            tags::FLEET
        );
        findings.push(Finding::error("fleet-tag-stays", name, sentence).mended_by(mend()));
    }
    let unknown = |key: &&String| key.starts_with(tags::PREFIX) && !tags::KNOWN.contains(&key.as_str());
    for key in group.tags.keys().filter(unknown) {
        let sentence =
            format!("The group `{name}` carries the tag `{key}`, which is none of ours: the panda spares it for that.");
        let mend = format!(
            "aws autoscaling delete-tags --tags {}",
            word(&format!("ResourceId={name},ResourceType=auto-scaling-group,Key={key}"))
        );
        findings.push(Finding::warning("unknown-tag", name, sentence).mended_by(mend));
    }
    findings.extend(chaos(group));
    findings
}

/// The panda's role ends only instances that carry the tag themselves.
fn chaos(group: &GroupSetup) -> Vec<Finding> {
    let name = &group.name;
    let values = group.tags.iter().map(|(key, tag)| (key.clone(), tag.value.clone())).collect();
    match OptIn::read(&values) {
        OptIn::On => {}
        OptIn::Off { lookalike: None } => return Vec::new(),
        OptIn::Off { lookalike: Some(key) } => {
            let sentence = format!(
                "The group `{name}` carries `{key}`, and keys are told apart by their capitals: it takes no part in the chaos."
            );
            let mend = tag_group(name.as_str(), tags::CHAOS, "on", true);
            return vec![Finding::warning("chaos-tag", name, sentence).mended_by(mend)];
        }
        OptIn::Unclear(problem) => {
            let sentence = format!("The panda spares the group `{name}`: {problem}.");
            let mend = tag_group(name.as_str(), tags::CHAOS, "on", true);
            return vec![Finding::error("chaos-tag", name, sentence).mended_by(mend)];
        }
    }
    let mut findings = Vec::new();
    if group.tags.get(tags::CHAOS).is_some_and(|tag| !tag.propagates) {
        let sentence = format!(
            "The tag `{}` of the group `{name}` does not propagate: AWS will refuse the panda every server that is launched from now on.",
            tags::CHAOS
        );
        let mend = tag_group(name.as_str(), tags::CHAOS, "on", true);
        findings.push(Finding::error("chaos-tag-stays", name, sentence).mended_by(mend));
    }
    let Ok(instances) = &group.instances else { return findings };
    let without: Vec<&str> = serving(group)
        .filter_map(|member| instances.get_key_value(&member.instance))
        .filter(|(_, instance)| instance.chaos.as_deref() != Some("on"))
        .map(|(id, _)| id.as_str())
        .collect();
    if !without.is_empty() {
        let sentence = format!(
            "{} of `{name}` {} not carry the tag `{}`, because {} launched before the group had it: AWS refuses to let the panda end {}.",
            listed(without.iter().map(quoted)),
            if without.len() == 1 { "does" } else { "do" },
            tags::CHAOS,
            if without.len() == 1 { "it was" } else { "they were" },
            if without.len() == 1 { "it" } else { "them" },
        );
        let mend = format!("aws ec2 create-tags --tags Key={},Value=on --resources {}", tags::CHAOS, without.join(" "));
        findings.push(Finding::error("chaos-tag-missing", name, sentence).mended_by(mend));
    }
    findings
}

fn sizes(group: &GroupSetup) -> Option<Finding> {
    let name = &group.name;
    if group.desired == 0 {
        let sentence = format!("The group `{name}` is asked to keep no server.");
        let mend = format!(
            "aws autoscaling set-desired-capacity --auto-scaling-group-name {} --desired-capacity 2",
            word(name.as_str())
        );
        return Some(Finding::error("empty", name, sentence).mended_by(mend));
    }
    (group.desired == 1).then(|| {
        let sentence = format!("The group `{name}` keeps one server: when it dies, the outage lasts as long as a boot, and the panda never kills it.");
        let mend = if group.max < 2 {
            format!("aws autoscaling update-auto-scaling-group --auto-scaling-group-name {} --max-size 2 --desired-capacity 2", word(name.as_str()))
        } else {
            format!("aws autoscaling set-desired-capacity --auto-scaling-group-name {} --desired-capacity 2", word(name.as_str()))
        };
        Finding::note("no-spare", name, sentence).mended_by(mend)
    })
}

fn suspended(group: &GroupSetup) -> Option<Finding> {
    let name = &group.name;
    let vital: Vec<&str> = VITAL.into_iter().filter(|process| group.suspended.contains(*process)).collect();
    (!vital.is_empty()).then(|| {
        let sentence = format!(
            "Somebody suspended {} of `{name}`: a server that dies is not replaced, and the panda kills none.",
            listed(&vital)
        );
        let mend = format!(
            "aws autoscaling resume-processes --auto-scaling-group-name {} --scaling-processes {}",
            word(name.as_str()),
            vital.join(" ")
        );
        Finding::error("suspended", name, sentence).mended_by(mend)
    })
}

/// The members that serve, or could.
fn serving(group: &GroupSetup) -> impl Iterator<Item = &super::MemberSetup> {
    group.members.iter().filter(|member| member.lifecycle == Lifecycle::InService && member.healthy)
}

fn tag_group(group: &str, key: &str, value: &str, propagates: bool) -> String {
    let tag = format!(
        "ResourceId={group},ResourceType=auto-scaling-group,Key={key},Value={value},PropagateAtLaunch={propagates}"
    );
    format!("aws autoscaling create-or-update-tags --tags {}", word(&tag))
}

/// A text as one word of a shell.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_obey_is_quoted() {
        for (text, expected) in
            [("web", "web"), ("my group", "'my group'"), ("a'b", r"'a'\''b'"), ("", "''"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(word(text), expected);
        }
    }
}
