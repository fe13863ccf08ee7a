//! Are the servers as a reflex needs them?

use super::{GroupSetup, serving, take};
use crate::{
    chaos::tags,
    preflight::{AgentLook, Finding, InstanceSetup, ManagedLook},
};

pub(super) fn check(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let instances = take(&group.instances, "servers", name.as_str(), &mut findings);
    let managed = take(&group.managed, "servers in Systems Manager", name.as_str(), &mut findings);
    for member in serving(group) {
        let id = member.instance.as_str();
        if let Some(instances) = instances {
            if let Some(instance) = instances.get(&member.instance) {
                findings.extend(of_ec2(id, instance));
            } else {
                let sentence =
                    format!("EC2 does not know `{id}`, which Auto Scaling holds for a serving member of `{name}`.");
                let mend = format!("aws autoscaling set-instance-health --instance-id {id} --health-status Unhealthy");
                findings.push(Finding::error("unknown-to-ec2", id, sentence).mended_by(mend));
            }
        }
        if let Some(managed) = managed {
            let profile =
                instances.and_then(|all| all.get(&member.instance)).is_none_or(|instance| instance.has_profile);
            findings.extend(of_systems_manager(group, id, managed.get(&member.instance), profile));
        }
    }
    findings
}

fn of_ec2(id: &str, instance: &InstanceSetup) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !instance.running {
        let sentence = format!(
            "`{id}` does not run, and Auto Scaling holds it for healthy; elastic-ip-failover tells it so within a minute."
        );
        let mend = format!("aws autoscaling set-instance-health --instance-id {id} --health-status Unhealthy");
        findings.push(Finding::error("not-running", id, sentence).mended_by(mend));
    }
    if !instance.tokens_required {
        let sentence = format!(
            "The metadata service of `{id}` answers without a token (IMDSv1): a hole in the application gives away the server's credentials."
        );
        let mend = format!(
            "aws ec2 modify-instance-metadata-options --instance-id {id} --http-tokens required --http-endpoint enabled (and MetadataOptions \
             in the launch template, for those to come)"
        );
        findings.push(Finding::warning("imds-v1", id, sentence).mended_by(mend));
    }
    findings
}

/// deployment-recovery restarts the CodeDeploy agent through Systems Manager, and the panda stops it so.
fn of_systems_manager(group: &GroupSetup, id: &str, look: Option<&ManagedLook>, has_profile: bool) -> Vec<Finding> {
    let deployed = group.deployments.as_ref().is_ok_and(|groups| !groups.is_empty());
    let stops =
        group.tags.get(tags::FAULTS).is_some_and(|tag| tag.value.split_whitespace().any(|fault| fault == "stop-agent"));
    let mut findings = Vec::new();
    let unreachable = match look {
        Some(look) if look.ping == "Online" => None,
        Some(look) => Some(format!("Systems Manager has lost `{id}` ({})", look.ping)),
        None => Some(format!("Systems Manager does not know `{id}`")),
    };
    if let Some(so) = unreachable {
        let sentence =
            format!("{so}: nobody can restart its CodeDeploy agent, and a deployment that fails for it stays failed.");
        let finding = if deployed || stops {
            Finding::error("not-managed", id, sentence)
        } else {
            Finding::warning("not-managed", id, sentence)
        };
        let mend = if has_profile {
            format!(
                "Give the role of its instance profile the policy AmazonSSMManagedInstanceCore; if it has that: aws ec2 reboot-instances \
                 --instance-ids {id}"
            )
        } else {
            format!(
                "aws ec2 associate-iam-instance-profile --instance-id {id} --iam-instance-profile Name=… (whose role has AmazonSSMManagedInstanceCore)"
            )
        };
        findings.push(finding.mended_by(mend));
    }
    if !deployed {
        return findings;
    }
    match look.map(|look| &look.agent) {
        None | Some(AgentLook::Installed(_)) => {}
        Some(AgentLook::Missing) => {
            let sentence = format!(
                "The inventory of `{id}` shows no CodeDeploy agent: it gets no code, and there is nothing to restart."
            );
            let mend = format!(
                "aws ssm send-command --document-name AWS-ConfigureAWSPackage --instance-ids {id} --parameters \
                 action=Install,name=AWSCodeDeployAgent"
            );
            findings.push(Finding::error("no-agent", id, sentence).mended_by(mend));
        }
        Some(AgentLook::Unknown) => {
            let sentence = format!(
                "Systems Manager keeps no inventory of `{id}`, so nobody knows whether the CodeDeploy agent is installed."
            );
            let mend = format!(
                "aws ssm create-association --name AWS-GatherSoftwareInventory --targets Key=InstanceIds,Values={id} --schedule-expression \
                 \"rate(12 hours)\""
            );
            findings.push(Finding::note("no-inventory", id, sentence).mended_by(mend));
        }
    }
    findings
}
