//! What is pushed, what does the world know of it, and what must the mails of deployment-recovery say?

use panda_domain::recovery::MARK;
use panda_world::{
    Command, CommitSpec, Deployment, DeploymentStatus, Execution, InvocationStatus, Progress, ScriptOutcome, World,
};

use super::{
    fleets::{DOCUMENTS, WEB},
    record::Letter,
};

/// Its name in the template.
pub const RECOVERY: &str = "deployment-recovery";

/// What a script lets slip into its log. It must not leave by mail.
pub const SECRET: &str = "hunter2-Zq81xkPlmA";

/// What the same log says of the failure. It must be in the mail.
pub const COMPLAINT: &str = "psql: error: relation \"users\" does not exist";

/// The lifecycle event in which the second push fails: before its files are there, so that the site keeps its page.
pub const FAILING: &str = "BeforeInstall";

/// What a server whose agent is dead misses.
#[must_use]
pub fn sound() -> CommitSpec {
    CommitSpec { message: "Release 2: a new page".to_owned(), ..CommitSpec::page("Release 2") }
}

/// What no restart and no retry can cure.
#[must_use]
pub fn broken() -> CommitSpec {
    let log = format!("+ export DB_PASSWORD={SECRET}\n+ psql --file migrations/0042_users.sql\n{COMPLAINT}\n");
    let page = CommitSpec::page("Release 3").with(FAILING, ScriptOutcome::Fails { exit: 3, log, times: None });
    CommitSpec { message: "Release 3: users get a table".to_owned(), ..page }
}

/// What happened of a push, as the world knows it.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    world: &'a World,
    commit: &'a str,
}

impl<'a> Pushed<'a> {
    /// The push of this commit.
    #[must_use]
    pub fn of(world: &'a World, commit: &'a str) -> Self {
        Self { world, commit }
    }

    /// Its execution.
    #[must_use]
    pub fn execution(self) -> Option<&'a Execution> {
        let pipeline = self.world.pipelines().find(|pipeline| pipeline.name == WEB.name)?;
        pipeline.executions.iter().rev().find(|execution| execution.commit.as_deref() == Some(self.commit))
    }

    /// The deployments of its execution, the oldest first; those to servers that are launched later are no part of it.
    pub fn deployments(self) -> impl Iterator<Item = &'a Deployment> {
        let ours = move |deployment: &&Deployment| {
            deployment.commit.as_deref() == Some(self.commit) && deployment.creator == "user"
        };
        self.world.deployments().filter(ours)
    }

    /// Its first deployment, once it has failed, with the servers on which it did.
    #[must_use]
    pub fn failure(self) -> Option<(String, Vec<String>)> {
        let first = self.deployments().next().filter(|deployment| deployment.status == DeploymentStatus::Failed)?;
        let failed = first.targets.iter().filter(|(_, target)| target.progress == Progress::Failed);
        Some((first.id.clone(), failed.map(|(instance, _)| instance.clone()).collect()))
    }

    /// Status and attempts of its execution, in words.
    #[must_use]
    pub fn found(self) -> String {
        let execution = self.execution().map_or_else(
            || "there is no execution".to_owned(),
            |execution| format!("the execution is {:?} at attempt {}", execution.status, execution.attempt),
        );
        let deployments: Vec<_> = self.deployments().map(|one| format!("{} {:?}", one.id, one.status)).collect();
        format!("{execution}, deployments: {}", deployments.join(", "))
    }
}

/// The commands that carry out one of [`DOCUMENTS`] on a server, the oldest first.
pub fn commands<'a>(world: &'a World, document: usize, instance: &'a str) -> impl Iterator<Item = &'a Command> {
    let name = DOCUMENTS.get(document).map(|(name, _)| *name);
    let ours =
        move |command: &&Command| Some(command.document.as_str()) == name && command.invocations.contains_key(instance);
    world.commands().filter(ours)
}

/// What a command printed on a server, once it succeeded there.
#[must_use]
pub fn printed<'a>(command: &'a Command, instance: &str) -> Option<&'a str> {
    let done = command.invocations.get(instance).filter(|invocation| invocation.status == InvocationStatus::Success);
    done.map(|invocation| invocation.output.as_str())
}

/// What is wrong with the mail about a push that went through after all.
#[must_use]
pub fn wrong_with_recovery(letter: &Letter, victim: &str) -> Option<String> {
    let missing = [("the server", victim), ("the retry", "retried once"), ("the page's commit", "Release 2")];
    missing.into_iter().find(|(_, word)| !letter.text.contains(word)).map(|(what, _)| format!("does not name {what}"))
}

/// What is wrong with the mail about a push that stays failed.
#[must_use]
pub fn wrong_with_explanation(letter: &Letter) -> Option<String> {
    if letter.text.contains(SECRET) || letter.subject.contains(SECRET) {
        return Some("gives away the secret of the log".to_owned());
    }
    let missing = [
        ("the step", FAILING),
        ("the script's complaint", COMPLAINT),
        ("that something was struck out", MARK),
        ("whose commit it is", "Release 3"),
    ];
    missing.into_iter().find(|(_, word)| !letter.text.contains(word)).map(|(what, _)| format!("does not show {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(text: &str) -> Letter {
        Letter { at: 0.0, from: RECOVERY, subject: "web failed".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn an_explanation_without_the_log_or_with_its_secret_is_wrong() {
        let good = format!("Commit: Release 3\nStep: {FAILING}\n| DB_PASSWORD={MARK}\n| {COMPLAINT}");
        assert_eq!(wrong_with_explanation(&letter(&good)), None);
        assert!(wrong_with_explanation(&letter(&good.replace(COMPLAINT, ""))).is_some());
        assert!(wrong_with_explanation(&letter(&good.replace(MARK, SECRET))).is_some());
    }

    #[test]
    fn a_recovery_that_does_not_name_the_server_is_wrong() {
        let good = "Commit: Release 2\nthe agent of i-a\nThe stage was retried once.";
        assert_eq!(wrong_with_recovery(&letter(good), "i-a"), None);
        assert!(wrong_with_recovery(&letter(good), "i-b").is_some());
    }
}
