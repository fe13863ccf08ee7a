//! What are people told of a failure, and of a recovery?
//!
//! One mail for one execution has to do what ten did before: what failed and whose commit it was, why, the end of the script's log, what was done
//! about it, what is left to do, and where to look. Whatever strangers wrote goes through [`redact`](super::redact()).

use super::{
    AgentReport, AgentVerdict, Cause, ChatMessage, Commit, Console, Creator, Cure, DeploymentInfo, Finding, Look, News,
    Reason, RecoveryPlan, Redacted, Restart, RestartState, Said, Standing, Subject, chat::Parts,
};
use crate::{chaos::Message, ids::InstanceId};

/// The most causes that a message explains.
const MOST_CAUSES: usize = 6;
/// The most instances that it names for each.
const MOST_NAMES: usize = 10;
/// The most restarts that it tells of.
const MOST_RESTARTS: usize = 10;

/// A message in both of its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// For mail.
    pub mail: Message,
    /// For chats.
    pub chat: ChatMessage,
}

/// What people are told, once [`plan`](super::plan()) says that it is time.
///
/// `region` is where the function runs, for links into the console.
#[must_use]
pub fn message(look: &Look, plan: &RecoveryPlan, news: News, region: &str) -> Notice {
    let writer = Writer { look, plan, console: Console::of(region) };
    match news {
        News::Failed => writer.failed(),
        News::Recovered => writer.recovered(),
    }
}

/// Findings with one cause and one script: one thing to understand.
struct Group<'a> {
    cause: Cause,
    cure: Cure,
    said: Option<&'a Said>,
    instances: Vec<&'a InstanceId>,
    gone: bool,
    cured: bool,
}

impl Group<'_> {
    /// What is left to do.
    fn next(&self) -> &'static str {
        match (self.cured, self.cure) {
            (true, _) => "Nothing: a restart cured the agent.",
            (_, Cure::Gone) => "Nothing: the instance is gone.",
            _ => self.cause.facts().next,
        }
    }
}

struct Writer<'a> {
    look: &'a Look,
    plan: &'a RecoveryPlan,
    console: Option<Console>,
}

impl Writer<'_> {
    fn failed(&self) -> Notice {
        let groups = self.groups();
        let why = groups.first().map_or("no cause found", |group| group.cause.code()).to_owned();
        let subject = format!("{} failed: {why}{}", self.what(), on(&groups));
        let mut lines = vec![format!("The deployment of {} failed, and the rest is for people.", self.whose())];
        lines.extend(self.about());
        for group in groups.iter().take(MOST_CAUSES) {
            lines.push(String::new());
            lines.extend(explained(group));
        }
        if groups.len() > MOST_CAUSES {
            lines.push(format!("… and {} more causes; the console shows them.", groups.len() - MOST_CAUSES));
        }
        section(&mut lines, "What was done", self.done());
        let reasons = self.plan.reasons.iter().filter(|reason| !matches!(reason, Reason::AlreadyTold));
        section(&mut lines, "Why it ends here", reasons.map(|reason| clean(&reason.to_string())).collect());
        section(&mut lines, "Where to look", self.links(&groups));
        let log = groups.iter().find_map(|group| group.said?.log.clone());
        let mut short = self.about();
        short.extend(groups.iter().take(3).map(|group| format!("*{}*: {}", group.cause.code(), group.cause)));
        let next = groups.iter().take(3).map(|group| group.next().to_owned()).collect();
        self.notice(&subject, &lines, Parts { lines: short, log, next, event: "DeploymentFailed", ..Parts::default() })
    }

    fn recovered(&self) -> Notice {
        let retries = match self.plan.retries {
            0 => "at last".to_owned(),
            1 => "after 1 retry".to_owned(),
            retries => format!("after {retries} retries"),
        };
        let subject = format!("{} recovered {retries}", self.what());
        let mut lines =
            vec![format!("The deployment of {} went through {retries}. Nothing is left to do.", self.whose())];
        lines.extend(self.about());
        let done = self.done();
        let mut short = self.about();
        short.extend(done.clone());
        section(&mut lines, "What was done", done);
        section(&mut lines, "Where to look", self.links(&[]));
        self.notice(&subject, &lines, Parts { lines: short, event: "DeploymentRecovered", ..Parts::default() })
    }

    fn notice(&self, subject: &str, lines: &[String], parts: Parts) -> Notice {
        let thread = match &self.look.subject {
            Subject::Execution { execution, .. } => execution.to_string(),
            Subject::Deployment(deployment) => deployment.to_string(),
        };
        let mail = Message::new(subject, lines);
        let chat = ChatMessage::of(Parts {
            title: mail.subject.clone(),
            keywords: vec![self.what()],
            thread,
            resources: self.look.current().map(|(id, _)| id.to_string()).collect(),
            ..parts
        });
        Notice { mail, chat }
    }

    /// The findings, those of one cause, script and step together; what people must mend comes first.
    fn groups(&self) -> Vec<Group<'_>> {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for finding in &self.plan.diagnosis.findings {
            let (cause, said) = (finding.root(), finding.said.as_ref());
            let step = |said: Option<&Said>| said.map(|said| (said.event.clone(), said.script.clone()));
            match groups.iter_mut().find(|group| {
                group.cause == cause && step(group.said) == step(said) && group.cure == cure(finding, &cause)
            }) {
                Some(group) => {
                    group.instances.extend(&finding.instance);
                    group.gone &= finding.standing == Standing::Gone;
                    group.cured &= finding.is_cured();
                }
                None => groups.push(Group {
                    cure: cure(finding, &cause),
                    cause,
                    said,
                    instances: finding.instance.iter().collect(),
                    gone: finding.standing == Standing::Gone,
                    cured: finding.is_cured(),
                }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(!group.cure.allows_retry()));
        groups
    }

    /// A short name, for subjects.
    fn what(&self) -> String {
        match (&self.look.subject, self.info()) {
            (Subject::Execution { pipeline, .. }, _) => pipeline.to_string(),
            (_, Some(info)) => format!("{}/{}", info.application, info.group),
            (Subject::Deployment(deployment), None) => deployment.to_string(),
        }
    }

    fn whose(&self) -> String {
        match &self.look.subject {
            Subject::Execution { pipeline, .. } => format!("pipeline {pipeline}"),
            Subject::Deployment(_) => self.what(),
        }
    }

    fn info(&self) -> Option<&DeploymentInfo> {
        self.look.current().find_map(|(id, _)| self.look.info(id))
    }

    fn about(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Subject::Execution { pipeline, execution } = &self.look.subject {
            let stage = self.look.pipeline.as_ref().ok().and_then(|pipeline| pipeline.as_ref()?.stage_of(execution));
            let stage = stage.map(|stage| &stage.name).or(self.look.hints.stage.as_ref());
            let stage = stage.map(|stage| format!(", stage {stage}")).unwrap_or_default();
            lines.push(format!("Pipeline: {pipeline}{stage}"));
            if let Some(commit) = Commit::known(self.look.hints.trigger.as_ref(), &self.look.execution) {
                lines.push(format!("Commit: {}", described(&commit)));
            }
            lines.push(format!("Execution: {execution}"));
        }
        for (id, deployment) in self.look.current() {
            let group = match &deployment.info {
                Ok(Some(info)) if info.creator == Creator::Rollback => {
                    format!(" to {}/{}, to undo {}", info.application, info.group, info.undone())
                }
                Ok(Some(info)) => format!(" to {}/{}", info.application, info.group),
                _ => String::new(),
            };
            lines.push(format!("Deployment: {id}{group}"));
        }
        lines
    }

    fn done(&self) -> Vec<String> {
        let mut done = Vec::new();
        let restarts = self.look.restarts.as_deref().unwrap_or_default();
        let restarts: Vec<&Restart> = restarts.iter().filter(|restart| self.is_ours(restart)).collect();
        done.extend(restarts.iter().rev().take(MOST_RESTARTS).copied().map(restarted));
        if restarts.len() > MOST_RESTARTS {
            done.push(format!("{} earlier restarts", restarts.len() - MOST_RESTARTS));
        }
        match self.plan.retries {
            0 => {}
            1 => done.push("The stage was retried once.".to_owned()),
            retries => done.push(format!("The stage was retried {retries} times.")),
        }
        for (_, deployment) in self.look.current() {
            let Ok(Some(info)) = &deployment.info else { continue };
            if let Some(rollback) = &info.rollback {
                done.push(format!("CodeDeploy rolls back with {rollback}."));
            } else if let Some(message) = info.rollback_message.as_deref().and_then(Redacted::some) {
                done.push(format!("CodeDeploy on the rollback: {message}"));
            }
        }
        if done.is_empty() {
            done.push("Nothing: there was nothing that a restart or a retry could cure.".to_owned());
        }
        done
    }

    /// Whether a restart belongs to this failure, and not to the one before: what fails for the first time, and for other reasons than a silent
    /// agent, was restarted for nobody.
    fn is_ours(&self, restart: &Restart) -> bool {
        let findings = &self.plan.diagnosis.findings;
        let asked = |finding: &Finding| {
            finding.instance.as_ref() == Some(&restart.instance) && finding.cause.facts().cure == Cure::Restart
        };
        self.plan.retries > 0 || findings.is_empty() || findings.iter().any(asked)
    }

    fn links(&self, groups: &[Group<'_>]) -> Vec<String> {
        let Some(console) = &self.console else { return Vec::new() };
        let mut links = Vec::new();
        if let Subject::Execution { pipeline, execution } = &self.look.subject {
            links.push(console.execution(pipeline, execution));
        }
        links.extend(self.look.current().take(MOST_CAUSES).map(|(id, _)| console.deployment(id)));
        let shells = groups.iter().filter(|group| !group.gone && !group.cure.allows_retry());
        links
            .extend(shells.filter_map(|group| group.instances.first()).take(1).map(|instance| console.shell(instance)));
        let commit = Commit::known(self.look.hints.trigger.as_ref(), &self.look.execution);
        links.extend(commit.and_then(|commit| commit.url).map(|url| clean(&url)));
        links
    }
}

fn cure(finding: &Finding, root: &Cause) -> Cure {
    if *root == finding.cause { finding.cure() } else { root.facts().cure }
}

fn on(groups: &[Group<'_>]) -> String {
    match groups.first().map_or(0, |group| group.instances.len()) {
        0 => String::new(),
        1 => " on 1 instance".to_owned(),
        many => format!(" on {many} instances"),
    }
}

fn explained(group: &Group<'_>) -> Vec<String> {
    let facts = group.cause.facts();
    let mut lines = vec![format!("{} ({})", facts.meaning, group.cause.code())];
    if !group.instances.is_empty() {
        let names: Vec<&str> = group.instances.iter().take(MOST_NAMES).map(|instance| instance.as_str()).collect();
        let more = group.instances.len().saturating_sub(MOST_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let gone = if group.gone { ", gone meanwhile" } else { "" };
        lines.push(format!("  On: {}{more}{gone}", names.join(", ")));
    }
    if let Some(said) = group.said {
        lines.extend(said.event.as_ref().map(|event| format!("  Step: {}", clean(event))));
        lines.extend(said.script.as_ref().map(|script| format!("  Script: {script}")));
        lines.extend(said.message.as_ref().map(|message| format!("  It says: {message}")));
        if let Some(log) = &said.log {
            lines.push("  The end of its log:".to_owned());
            lines.extend(log.as_str().lines().map(|line| format!("  | {line}")));
        }
    }
    lines.push(format!("  To do: {}", group.next()));
    lines.push(format!("  More: {}", facts.link()));
    lines
}

fn described(commit: &Commit) -> String {
    // The whole of what is not a hash, such as the version of an object.
    let hash = commit.id.len() == 40 && commit.id.chars().all(|c| c.is_ascii_hexdigit());
    let id: String = commit.id.chars().take(if hash { 10 } else { 64 }).collect();
    let message = commit.message.as_deref().map(|message| format!(" {}", clean(message))).unwrap_or_default();
    let author = commit.author.as_deref().map(|author| format!(" by {}", clean(author))).unwrap_or_default();
    let branch = commit.branch.as_deref().map(|branch| format!(" on {}", clean(branch))).unwrap_or_default();
    format!("{}{message}{author}{branch}", clean(&id))
}

fn restarted(restart: &Restart) -> String {
    let Restart { instance, sent, state } = restart;
    let came = match state {
        RestartState::Running => "has not ended".to_owned(),
        RestartState::NotSent { why } => format!("was not taken by Systems Manager ({})", clean(why)),
        RestartState::Unanswered { status } => format!("was not answered ({})", clean(status)),
        RestartState::Answered(report) => answered(report),
    };
    format!("At {sent:.0} the restart of the agent of {instance} {came}.")
}

fn answered(report: &AgentReport) -> String {
    let version = report.version.as_deref().map(|version| format!(" (agent {})", clean(version))).unwrap_or_default();
    let error = report.errors.last().map(|error| format!("; its log: {error}")).unwrap_or_default();
    match report.verdict() {
        AgentVerdict::Polls => format!("cured it: it asks for work again{version}"),
        AgentVerdict::Busy => format!("was refused: it is in the middle of a step{version}"),
        AgentVerdict::Troubled(trouble) => format!("did not cure it: {}{version}{error}", trouble.code()),
    }
}

fn section(lines: &mut Vec<String>, title: &str, entries: Vec<String>) {
    if !entries.is_empty() {
        lines.extend([String::new(), title.to_owned()]);
        lines.extend(entries.into_iter().map(|entry| format!("  {entry}")));
    }
}

/// A stranger's words.
fn clean(text: &str) -> String {
    Redacted::line(text).to_string()
}
