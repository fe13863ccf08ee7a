//! What comes of a lifecycle event where an agent takes it? The bundle, the disk, the script.

use std::time::Duration;

use super::agent::AgentTrouble;
use super::deployment::LAUNCH;
use super::revision::Commit;
use super::target::Diagnostics;
use crate::spec::{Bundle, ScriptOutcome, ScriptSpec};
use crate::world::World;

/// An event as the agent carries it out.
pub(crate) struct Run {
    /// How long; none: as long as events do.
    pub(crate) lasts: Option<Duration>,
    /// What the agent reports.
    pub(crate) result: Result<Diagnostics, Diagnostics>,
}

impl Run {
    fn well(lasts: Option<Duration>) -> Self {
        Self { lasts, result: Ok(Diagnostics::success()) }
    }

    fn badly(message: impl Into<String>) -> Self {
        Self { lasts: None, result: Err(Diagnostics::unknown(message)) }
    }
}

/// Where a deployment lies on the instance `[src]`.
const ROOT: &str = "/opt/codedeploy-agent/deployment-root";

impl World {
    /// What an event does there, as things stand.
    pub(crate) fn run_of(&self, number: u64, instance: &str, event: &str) -> Run {
        let all = &self.state.code_deploy;
        let Some(deployment) = self.running(number) else { return Run::well(None) };
        let Some(found) = self.state.instances.get(instance) else { return Run::well(None) };
        // `ApplicationStop` is run by the scripts of the last revision that went well `[doc]`.
        let id = if event == "ApplicationStop" { found.deployed.as_ref() } else { deployment.commit.as_ref() };
        let Some(commit) = id.and_then(|id| all.commit(id)) else { return Run::well(None) };
        let group = all.group(&deployment.application, &deployment.group);
        let archive = format!(
            "{ROOT}/{}/{}/deployment-archive",
            group.map(|group| group.id.as_str()).unwrap_or_default(),
            deployment.id
        );
        if let Some(run) = of_bundle(commit, event, found.agent_trouble, &archive) {
            return run;
        }
        let origin = found.origin.as_deref().and_then(|name| self.state.groups.get(name));
        if event == "ValidateService" && deployment.creator == LAUNCH && origin.is_some_and(|group| group.boots_broken)
        {
            return failed("scripts/validate_service.sh", event, 1, "the application does not answer");
        }
        let Some(script) = commit.spec.scripts.get(event) else { return Run::well(None) };
        let count = all.failures.get(&(commit.id.clone(), event.to_owned())).copied().unwrap_or(0);
        of_script(script, event, count, &archive)
    }

    /// Counts a failure, for scripts that fail so many times only.
    pub(crate) fn count_failure(&mut self, number: u64, instance: &str, event: &str) {
        let deployed = self.state.instances.get(instance).and_then(|found| found.deployed.clone());
        let deploys = self.running(number).and_then(|deployment| deployment.commit.clone());
        let Some(commit) = (if event == "ApplicationStop" { deployed } else { deploys }) else { return };
        *self.code_deploy_mut().failures.entry((commit, event.to_owned())).or_default() += 1;
    }
}

/// What the bundle or the machine makes of an event; none where neither is in the way. Words of deployments.md §3.2.
fn of_bundle(commit: &Commit, event: &str, trouble: Option<AgentTrouble>, archive: &str) -> Option<Run> {
    let bundle = &commit.spec.bundle;
    match (event, trouble) {
        ("DownloadBundle", Some(AgentTrouble::DeniedBundle)) => return Some(Run::badly("Access Denied")),
        ("DownloadBundle", Some(AgentTrouble::DiskFull)) => {
            return Some(Run::badly(format!("No space left on device @ io_write - {archive}/../bundle.tar")));
        }
        _ => {}
    }
    match (event, bundle) {
        ("DownloadBundle", Bundle::Unreadable) => Some(Run::badly("not opened for reading")),
        // The AppSpec is read by the first event after the download `[infer]`.
        ("BeforeInstall", Bundle::NoAppspec) => {
            Some(Run::badly(format!("No such file or directory @ rb_sysopen - {archive}/appspec.yml")))
        }
        ("BeforeInstall", Bundle::BadAppspec) => Some(Run::badly(
            "The deployment failed because the application specification file was empty. Make sure your AppSpec file defines at minimum the 'version' and 'os' properties.",
        )),
        ("Install", Bundle::FileExists) => Some(Run::badly(
            "The deployment failed because a specified file already exists at this location: /var/www/html/index.html",
        )),
        _ => None,
    }
}

fn of_script(script: &ScriptSpec, event: &str, failures: u32, archive: &str) -> Run {
    let location = match script.location.as_str() {
        "" => format!("scripts/{}.sh", snake(event)),
        location => location.to_owned(),
    };
    let lasts = (script.seconds > 0).then(|| Duration::from_secs(u64::from(script.seconds)));
    let bad = |code, message: String| Run {
        lasts,
        result: Err(Diagnostics { code, script: location.clone(), message, log: String::new() }),
    };
    match &script.outcome {
        ScriptOutcome::Succeeds => Run::well(lasts),
        ScriptOutcome::Fails { times: Some(times), .. } if failures >= *times => Run::well(lasts),
        ScriptOutcome::Fails { exit, log, .. } => Run { lasts, ..failed(&location, event, *exit, log) },
        ScriptOutcome::TimesOut { after_seconds } => {
            let message =
                format!("Script at specified location: {location} failed to complete in {after_seconds} seconds");
            Run { lasts: Some(Duration::from_secs(u64::from(*after_seconds))), ..bad("ScriptTimedOut", message) }
        }
        ScriptOutcome::Missing => {
            bad("ScriptMissing", format!("Script does not exist at specified location: {archive}/{location}"))
        }
        ScriptOutcome::NotExecutable => {
            bad("ScriptNotExecutable", format!("Script at specified location: {location} is not executable."))
        }
        // The agents' code 6 has no code of the API `[src]`; how it shows there is not settled `[?]`.
        ScriptOutcome::LeavesOutputOpen => {
            bad("UnknownError", format!("Script at specified location: {location} failed to close STDOUT"))
        }
    }
}

fn failed(location: &str, event: &str, exit: u8, log: &str) -> Run {
    let message = format!("Script at specified location: {location} run as user root failed with exit code {exit}");
    let mut tail = format!("LifecycleEvent - {event}\nScript - {location}\n");
    for line in log.lines() {
        tail.push_str("[stderr]");
        tail.push_str(line);
        tail.push('\n');
    }
    // 4 KB, from the end `[doc]` API_Diagnostics.
    let excess = tail.len().saturating_sub(4_096);
    let from = (excess..tail.len()).find(|at| tail.is_char_boundary(*at)).unwrap_or(excess);
    let log = tail.split_off(from);
    Run { lasts: None, result: Err(Diagnostics { code: "ScriptFailed", script: location.to_owned(), message, log }) }
}

/// `ApplicationStart` to `application_start`.
fn snake(event: &str) -> String {
    let mut name = String::with_capacity(event.len() + 2);
    for letter in event.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
