//! Does new code reach the group's servers, old and new, and is anybody told when they fail?

use super::{GroupSetup, take, word};
use crate::{
    chaos::tags,
    preflight::{Finding, finding::listed, plan::said_of_connection},
};

pub(super) fn check(group: &GroupSetup) -> Vec<Finding> {
    let mut findings = hook(group);
    findings.extend(pipelines(group));
    findings.extend(alarms(group));
    findings
}

/// CodeDeploy keeps a launch hook of its own on the group. Without it a new server is in service before it has any code (terraform-provider-aws
/// 2993: saving the deployment group again brings it back).
fn hook(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let Some(deployments) = take(&group.deployments, "deployment groups", name.as_str(), &mut findings) else {
        return findings;
    };
    if deployments.is_empty() {
        let sentence = format!(
            "No deployment group of CodeDeploy deploys to `{name}`: new servers get no code from it, and deployment-recovery has nothing to do."
        );
        findings.push(Finding::note("not-deployed", name, sentence));
    }
    if deployments.len() > 1 {
        let all = listed(deployments.iter().map(|one| format!("{}/{}", one.application, one.name)));
        let sentence = format!(
            "{all} all deploy to `{name}`, each with a hook of its own: a new server may fail one deployment because of the other."
        );
        findings.push(Finding::warning("several-deployment-groups", name, sentence));
    }
    let Ok(hooks) = &group.hooks else { return findings };
    for deployment in deployments {
        let there = deployment.hook.as_ref().is_some_and(|hook| hooks.iter().any(|known| known.name.as_str() == hook));
        if !there {
            let of = format!("{}/{}", deployment.application, deployment.name);
            let sentence = format!(
                "The group `{name}` has lost the launch hook of the deployment group {of}: new servers come into service without code."
            );
            let mend = format!(
                "aws deploy update-deployment-group --application-name {} --current-deployment-group-name {} --auto-scaling-groups {}",
                word(&deployment.application),
                word(&deployment.name),
                word(name.as_str())
            );
            findings.push(Finding::error("no-deployment-hook", name, sentence).mended_by(mend));
        }
    }
    findings
}

fn pipelines(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let Some(pipelines) = take(&group.pipelines, "pipelines", name.as_str(), &mut findings) else { return findings };
    for (pipeline, connections) in pipelines {
        let Some(connections) = connections else {
            let sentence = format!(
                "The tag `{}` of `{name}` names the pipeline `{pipeline}`, which does not exist: the panda spares the group for that.",
                tags::PIPELINE
            );
            let mend = "aws codepipeline list-pipelines --query 'pipelines[].name' shows what there is".to_owned();
            findings.push(Finding::error("no-pipeline", name, sentence).mended_by(mend));
            continue;
        };
        findings.extend(connections.iter().filter_map(|(arn, look)| said_of_connection(arn, look)));
    }
    findings
}

fn alarms(group: &GroupSetup) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    if let Some(alarms) = take(&group.stop_alarms, "stop alarms", name.as_str(), &mut findings) {
        for alarm in alarms.iter().filter(|(_, exists)| !**exists).map(|(alarm, _)| alarm) {
            let sentence = format!(
                "The tag `{}` of `{name}` names the alarm `{alarm}`, which does not exist: the panda spares the group for that.",
                tags::STOP_ALARMS
            );
            let mend = format!(
                "Make the alarm, or write the tag without it: {}",
                super::tag_group(name.as_str(), tags::STOP_ALARMS, "ALARMS", false)
            );
            findings.push(Finding::error("no-stop-alarm", name, sentence).mended_by(mend));
        }
    }
    if let Some(alarms) = take(&group.status_alarms, "alarms on status checks", name.as_str(), &mut findings)
        && alarms.is_empty()
    {
        let sentence = format!(
            "No alarm watches the status checks of `{name}` as a group: the sweep sees a failing check up to a minute later than an alarm does."
        );
        let mend = format!(
            "aws cloudwatch put-metric-alarm --alarm-name {} --namespace AWS/EC2 --metric-name StatusCheckFailed --dimensions {} --statistic \
             Maximum --period 60 --evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold",
            word(&format!("{name}-status-check")),
            word(&format!("Name=AutoScalingGroupName,Value={name}"))
        );
        findings.push(Finding::note("no-status-alarm", name, sentence).mended_by(mend));
    }
    findings
}
