//! Do the hooks hold a leaving server long enough, and only as long as they should?

use super::{GroupSetup, Rules, take, word};
use crate::{
    event::Transition,
    preflight::{Finding, HookSetup},
};

/// The shortest heartbeat that leaves anything to hold: a hook is released 80 s before its end, and looked at once a minute.
const SHORTEST: u32 = 90;

pub(super) fn check(group: &GroupSetup, rules: &Rules) -> Vec<Finding> {
    let (name, mut findings) = (&group.name, Vec::new());
    let Some(hooks) = take(&group.hooks, "lifecycle hooks", name.as_str(), &mut findings) else { return findings };
    let ours: Vec<&HookSetup> =
        hooks.iter().filter(|hook| hook.name.as_str().starts_with(&rules.hook_prefix)).collect();
    let put = |hook: &str, transition: &str, heartbeat: u32| {
        format!(
            "aws autoscaling put-lifecycle-hook --auto-scaling-group-name {} --lifecycle-hook-name {} --lifecycle-transition \
             autoscaling:EC2_INSTANCE_{transition} --heartbeat-timeout {heartbeat} --default-result CONTINUE",
            word(name.as_str()),
            word(hook)
        )
    };
    if !ours.iter().any(|hook| hook.transition == Transition::Terminating) {
        let hook = format!("{}-terminate", rules.hook_prefix.trim_end_matches('-'));
        let sentence = format!(
            "The group `{name}` has no terminate hook whose name begins with `{}`: a server that Auto Scaling takes out is gone before its \
             address has moved.",
            rules.hook_prefix
        );
        findings.push(Finding::error("no-terminate-hook", name, sentence).mended_by(put(
            &hook,
            "TERMINATING",
            rules.heartbeat(),
        )));
    }
    for hook in ours {
        let (id, heartbeat, wanted) = (&hook.name, hook.heartbeat_seconds, rules.heartbeat());
        let (transition, subject) = match hook.transition {
            Transition::Launching => ("LAUNCHING", format!("{name}/{id}")),
            Transition::Terminating => ("TERMINATING", format!("{name}/{id}")),
        };
        if hook.transition == Transition::Terminating && heartbeat < wanted {
            let sentence = format!(
                "The hook `{id}` of `{name}` ends after {heartbeat} s: the only server of a fleet is held for {} s, and not for the {} s of \
                 HoldSeconds, while its successor boots.",
                heartbeat.saturating_sub(wanted - rules.hold_seconds),
                rules.hold_seconds
            );
            let finding = if heartbeat < SHORTEST {
                Finding::error("short-heartbeat", &subject, sentence)
            } else {
                Finding::warning("short-heartbeat", &subject, sentence)
            };
            findings.push(finding.mended_by(put(id.as_str(), transition, wanted)));
        }
        if !hook.continues {
            let sentence = match hook.transition {
                Transition::Launching => {
                    format!(
                        "The hook `{id}` of `{name}` abandons a new server if its event is lost: it is killed instead of coming into service."
                    )
                }
                Transition::Terminating => {
                    format!(
                        "The hook `{id}` of `{name}` abandons when nobody answers, which skips the other hooks of a leaving server."
                    )
                }
            };
            findings.push(Finding::warning("abandons", &subject, sentence).mended_by(put(
                id.as_str(),
                transition,
                heartbeat,
            )));
        }
    }
    findings
}
