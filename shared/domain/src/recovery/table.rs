//! What is known about causes, as one table for people?

use std::fmt::Write as _;

use super::{AgentTrouble, Cause, DeploymentErrorCode, Facts, Pattern, Refusal};

/// Every cause with what it is recognised by, in the order of asking.
pub fn rows() -> impl Iterator<Item = (Cause, String)> {
    let codes = DeploymentErrorCode::all().map(|code| {
        let sign = format!("`{code}`");
        (Cause::Deployment(code), sign)
    });
    let patterns = Pattern::ALL.into_iter().map(|pattern| (Cause::Target(pattern), pattern.sign().to_owned()));
    let troubles =
        AgentTrouble::ALL.into_iter().map(|trouble| (Cause::Agent(trouble), "the restart's report".to_owned()));
    let refusals = Refusal::ALL.into_iter().map(|refusal| (Cause::Refused(refusal), refusal.sign().to_owned()));
    codes.chain(patterns).chain(troubles).chain(refusals)
}

/// The tables of `docs/DEPLOYMENTS.md`, in Markdown: what the instances say, what the restart found, what the deployment says.
#[must_use]
pub fn table() -> String {
    let mut text = String::new();
    let title = |text: &mut String, title: &str, head: &str| {
        let _ = write!(text, "### {title}\n\n| {head} | it means | this function | you |\n|---|---|---|---|\n");
    };
    title(&mut text, "What an instance says of a step", "recognised by");
    for (cause, sign) in rows().filter(|(cause, _)| matches!(cause, Cause::Target(_))) {
        row(&mut text, &format!("**{}**: {sign}", cause.code()), cause.facts());
    }
    text.push('\n');
    title(&mut text, "What the restart of an agent found", "code");
    for (cause, _) in rows().filter(|(cause, _)| matches!(cause, Cause::Agent(_))) {
        row(&mut text, &format!("**{}**", cause.code()), cause.facts());
    }
    text.push('\n');
    title(&mut text, "What CodePipeline says where there is no deployment", "recognised by");
    for (cause, sign) in rows().filter(|(cause, _)| matches!(cause, Cause::Refused(_))) {
        row(&mut text, &format!("**{}**: {sign}", cause.code()), cause.facts());
    }
    text.push('\n');
    title(&mut text, "What CodeDeploy says of the deployment", "code");
    for (cause, sign) in rows().filter(|(cause, _)| matches!(cause, Cause::Deployment(_))) {
        row(&mut text, &sign, cause.facts());
    }
    row(&mut text, "any other code", DeploymentErrorCode::Unknown(String::new()).facts());
    text
}

fn row(text: &mut String, sign: &str, facts: Facts) {
    let once = if facts.once { ", once" } else { "" };
    let Facts { cure, meaning, next, .. } = facts;
    let _ = writeln!(text, "| {sign} | {meaning} | {}{once} | {next} [More]({}) |", cure.action(), facts.link());
}
