//! What happened in a life, as the world wrote it down?
//!
//! Flat enough to be written by hand: each law is tried on records that nobody played.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use panda_world::{
    AgentTrouble, CodeDeployAgent, Deployment, DeploymentStatus, Entry, ExecutionStatus, Health, Instance,
    InstanceState, Kind, Lifecycle, Message, Progress, World, topic_arn,
};

use super::life::Life;
use crate::simulate::lambda::{DeadLetter, Ending, Invocation};

/// What binds the function in this life.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// `On`, `ExplainOnly` or `Off`.
    pub(super) mode: String,
    pub(super) most_retries: u32,
    pub(super) replaces: bool,
    pub(super) patience: SignedDuration,
    /// Whether calls and deliveries go wrong.
    pub(super) rough: bool,
    /// How old an answer may be.
    pub(super) lag: SignedDuration,
}

/// All of a life.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) terms: Terms,
    /// Deployments by their ids.
    pub(super) jobs: BTreeMap<String, Job>,
    /// Executions, in the order of their beginning.
    pub(super) runs: Vec<Run>,
    /// Commands that the function sent.
    pub(super) restarts: Vec<Sent>,
    /// Instances that it gave to Auto Scaling.
    pub(super) verdicts: Vec<Verdict>,
    /// What people were told.
    pub(super) words: Vec<Word>,
    /// What chats were told, as texts.
    pub(super) chats: Vec<String>,
    /// Since when each instance has been how.
    pub(super) agents: BTreeMap<String, Vec<(Timestamp, Standing)>>,
    /// Since when whoever has been in service and healthy, by group.
    pub(super) serving: BTreeMap<String, Vec<(Timestamp, BTreeSet<String>)>>,
    /// When a call of whom went wrong.
    pub(super) mishaps: Vec<(Timestamp, String)>,
    /// When whom the book did not answer.
    pub(super) unread: Vec<(Timestamp, String)>,
    /// Deployments of whose failure an event arrived.
    pub(super) heard: BTreeSet<String>,
    /// Since when faults are over.
    pub(super) calm: Timestamp,
    pub(super) ended: Timestamp,
    /// What was not over at the end.
    pub(super) unfinished: Option<String>,
    /// Answers and errors of invocations.
    pub(super) answers: Vec<String>,
    /// Invocations that did not end well.
    pub(super) failures: Vec<(Timestamp, String)>,
    pub(super) letters: Vec<DeadLetter>,
    pub(super) secrets: Vec<String>,
    pub(super) refused: Vec<String>,
    /// Calls of the function by operation.
    pub(super) calls: BTreeMap<String, u64>,
}

/// A deployment.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) application: String,
    pub(super) group: String,
    pub(super) creator: &'static str,
    /// The execution whose action it is.
    pub(super) of: Option<String>,
    pub(super) created: Timestamp,
    pub(super) completed: Option<Timestamp>,
    pub(super) status: DeploymentStatus,
    pub(super) code: Option<String>,
    pub(super) targets: BTreeMap<String, Aim>,
}

/// A deployment on one instance.
#[derive(Debug, Clone, Default)]
pub(super) struct Aim {
    /// Why it failed there, if it did.
    pub(super) failed: Option<Why>,
    /// From when to when an agent was at a lifecycle event.
    pub(super) events: Vec<(Timestamp, Option<Timestamp>)>,
}

/// Why a deployment failed on an instance, by what CodeDeploy shows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// No agent took the event, or none reported.
    Silent,
    /// An agent came back and found an event that it had begun.
    Restarted,
    /// The download broke off.
    BrokenOff,
    /// Anything else: revision, script, permission, disk.
    Other(String),
}

/// An execution of the fleet's pipeline.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) status: ExecutionStatus,
    pub(super) updated: Timestamp,
    /// When it came to the stage that deploys.
    pub(super) entered: Option<Timestamp>,
    /// Whether the pipeline is still the one that it runs.
    pub(super) current: bool,
    /// Its attempts to deploy.
    pub(super) tries: Vec<Try>,
}

/// One attempt to deploy.
#[derive(Debug, Clone)]
pub(super) struct Try {
    pub(super) began: Timestamp,
    pub(super) by: By,
    pub(super) ended: Option<Timestamp>,
    pub(super) well: bool,
    /// Its deployment; none where CodeDeploy took none.
    pub(super) job: Option<String>,
}

/// Who began an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The execution came to the stage.
    Push,
    /// A person.
    Person,
    /// The function, by what it had seen not before this time.
    Function(Timestamp),
}

/// A command that the function sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) at: Timestamp,
    /// What it knew was not older than this.
    pub(super) seen: Timestamp,
    pub(super) document: String,
    pub(super) to: BTreeMap<String, Answer>,
}

/// What came of a command on an instance.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) ended: Option<Timestamp>,
    /// What the script printed: none where nothing came back.
    pub(super) output: String,
}

/// An instance that the function gave to Auto Scaling.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub(super) at: Timestamp,
    pub(super) seen: Timestamp,
    pub(super) instance: String,
}

/// A message to people.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) at: Timestamp,
    pub(super) caller: String,
    pub(super) about: About,
    pub(super) recovered: bool,
    pub(super) subject: String,
    pub(super) text: String,
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    Execution(String),
    Deployment(String),
    Nothing,
}

/// How an instance is, as far as restarts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent observations of one instance")]
pub(super) struct Standing {
    pub(super) runs: bool,
    /// It is shutting down, or terminated.
    pub(super) gone: bool,
    /// Its agent asks for work.
    pub(super) polls: bool,
    /// A restart would make it.
    pub(super) curable: bool,
    /// It carries the fleet's tag, and Systems Manager reaches it.
    pub(super) reachable: bool,
    pub(super) tagged: bool,
}

impl Standing {
    fn of(instance: &Instance, now: Timestamp) -> Self {
        let runs = instance.state == InstanceState::Running && !instance.failing;
        let trouble = instance.agent_trouble;
        let silenced = matches!(
            trouble,
            Some(
                AgentTrouble::NoCredentials
                    | AgentTrouble::Denied
                    | AgentTrouble::ClockSkew
                    | AgentTrouble::Unreachable
            )
        );
        let tagged = instance.tags.contains_key(panda_aws::FLEET_TAG);
        let polls = runs && instance.code_deploy_agent == CodeDeployAgent::Running && instance.agent_ready && !silenced;
        let curable = instance.code_deploy_agent != CodeDeployAgent::Absent
            && instance.agent_ready
            && matches!(trouble, None | Some(AgentTrouble::EmptyPidFile));
        let managed = instance.ssm_online && instance.ssm_since.is_some_and(|since| since <= now);
        Self { runs, gone: instance.state.is_dead(), polls, curable, reachable: tagged && managed, tagged }
    }
}

/// Looks at what the world itself does not write down.
#[derive(Debug, Default)]
pub(super) struct Watch {
    agents: BTreeMap<String, Vec<(Timestamp, Standing)>>,
    serving: BTreeMap<String, Vec<(Timestamp, BTreeSet<String>)>>,
}

impl Watch {
    pub(super) fn look(&mut self, world: &World, now: Timestamp) {
        for instance in world.instances() {
            let standing = Standing::of(instance, now);
            let known = self.agents.entry(instance.id.clone()).or_default();
            if known.last().is_none_or(|(_, before)| *before != standing) {
                known.push((now, standing));
            }
        }
        for group in world.groups() {
            let serves = |member: &&panda_world::Member| {
                member.lifecycle == Lifecycle::InService && !member.warm && member.health == Health::Healthy
            };
            let serving: BTreeSet<String> =
                group.members.values().filter(serves).map(|member| member.instance.clone()).collect();
            let known = self.serving.entry(group.name.clone()).or_default();
            if known.last().is_none_or(|(_, before)| *before != serving) {
                known.push((now, serving));
            }
        }
    }
}

/// What a life is written down from.
pub(super) struct Sources<'a> {
    pub(super) life: &'a Life,
    pub(super) terms: Terms,
    pub(super) world: &'a World,
    pub(super) journal: &'a [Entry],
    pub(super) messages: &'a [Message],
    pub(super) watch: Watch,
    pub(super) invocations: &'a [Invocation],
    pub(super) letters: Vec<DeadLetter>,
    pub(super) mishaps: Vec<(Timestamp, String)>,
    pub(super) heard: BTreeSet<String>,
    pub(super) calm: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) unfinished: Option<String>,
}

/// The reads of which a step is made.
const LOOKS: [&str; 7] = [
    "DescribeAutoScalingGroups",
    "DescribeInstances",
    "GetDeployment",
    "GetPipelineState",
    "ListCommandInvocations",
    "ListDeploymentTargets",
    "ListDeployments",
];
/// One look does not take longer, whatever hangs.
const LOOK: SignedDuration = SignedDuration::from_secs(150);

/// Calls that succeeded: when, of whom, what, about whom.
pub(super) struct Calls<'a> {
    made: Vec<(Timestamp, &'a str, &'a str, &'a str)>,
    lag: SignedDuration,
}

impl<'a> Calls<'a> {
    pub(super) fn of(journal: &'a [Entry], lag: SignedDuration) -> Self {
        let made = journal.iter().filter_map(|entry| match &entry.kind {
            Kind::Call { caller, operation, result, subject, .. } if is_function(caller) && result == "OK" => {
                Some((entry.at, caller.as_str(), operation.as_str(), subject.as_str()))
            }
            _ => None,
        });
        Self { made: made.collect(), lag }
    }

    /// What a caller knew at a time was not older than this: the oldest of the reads of its last look, and how old an answer may be.
    pub(super) fn seen(&self, caller: &str, at: Timestamp) -> Timestamp {
        let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (when, who, operation, _) in self.made.iter().filter(|(when, ..)| *when <= at) {
            if *who == caller && LOOKS.contains(operation) && at.duration_since(*when) < LOOK {
                last.insert(operation, *when);
            }
        }
        let oldest = last.into_values().min().unwrap_or(at);
        oldest.checked_sub(self.lag).unwrap_or(oldest)
    }

    /// Who made a call at this very time.
    pub(super) fn caller(&self, operation: &str, at: Timestamp) -> Option<&'a str> {
        self.made.iter().find(|(when, _, what, _)| *when == at && *what == operation).map(|(_, caller, ..)| *caller)
    }
}

/// Whether a caller is the function that is judged here.
pub(super) fn is_function(caller: &str) -> bool {
    caller.split('/').next() == Some(deployment_recovery::FUNCTION)
}

impl Record {
    pub(super) fn of(sources: Sources<'_>) -> Self {
        let Sources { life, terms, world, journal, messages, watch, .. } = sources;
        let calls = Calls::of(journal, terms.lag);
        let (runs, owners) = runs(world, &life.fleet.name, &calls);
        let jobs = world.deployments().map(|job| (job.id.clone(), Job::of(job, &owners))).collect();
        let restarts = world.commands().filter_map(|command| {
            let caller = calls.caller("SendCommand", command.requested)?;
            let answer = |known: &panda_world::Invocation| Answer {
                ended: known.ended.filter(|_| known.status.is_over()),
                output: known.output.clone(),
            };
            Some(Sent {
                at: command.requested,
                seen: calls.seen(caller, command.requested),
                document: command.document.clone(),
                to: command.invocations.iter().map(|(instance, known)| (instance.clone(), answer(known))).collect(),
            })
        });
        let verdicts = calls.made.iter().filter(|(_, _, operation, _)| *operation == "SetInstanceHealth");
        let verdicts = verdicts.map(|(at, caller, _, subject)| Verdict {
            at: *at,
            seen: calls.seen(caller, *at),
            instance: (*subject).to_owned(),
        });
        let ours = messages.iter().filter(|message| is_function(&message.caller));
        let (words, chats): (Vec<&Message>, Vec<&Message>) =
            ours.partition(|message| message.topic == topic_arn("RecoveryTopic"));
        let unread = sources.mishaps;
        let mut mishaps = unread.clone();
        let mut count = BTreeMap::new();
        for entry in journal {
            match &entry.kind {
                Kind::Fault { caller, .. } if is_function(caller) => mishaps.push((entry.at, caller.clone())),
                Kind::Call { caller, operation, .. } if is_function(caller) => {
                    *count.entry(operation.clone()).or_default() += 1;
                }
                _ => {}
            }
        }
        let mut answers = Vec::new();
        let mut failures = Vec::new();
        for invocation in sources.invocations {
            let (at, text) = match &invocation.ended {
                Some((_, Ending::Done(text))) => {
                    answers.push(text.clone());
                    continue;
                }
                Some((at, Ending::Failed(text))) => {
                    answers.push(text.clone());
                    (*at, text.clone())
                }
                Some((at, ending)) => (*at, format!("{ending:?}")),
                None => (invocation.began, "did not end".to_owned()),
            };
            failures.push((at, format!("{}: {text}", invocation.trigger)));
        }
        Self {
            jobs,
            runs,
            restarts: restarts.collect(),
            verdicts: verdicts.collect(),
            words: words.into_iter().map(Word::of).collect(),
            chats: chats.into_iter().map(|message| message.body.clone()).collect(),
            agents: watch.agents,
            serving: watch.serving,
            mishaps,
            unread,
            heard: sources.heard,
            calm: sources.calm,
            ended: sources.ended,
            unfinished: sources.unfinished,
            answers,
            failures,
            letters: sources.letters,
            secrets: life.secrets.clone(),
            refused: world.refused_by_roles().to_vec(),
            calls: count,
            terms,
        }
    }

    /// How an instance was at a time; none before it was there.
    pub(super) fn standing(&self, instance: &str, at: Timestamp) -> Option<Standing> {
        self.agents.get(instance)?.iter().rev().find(|(since, _)| *since <= at).map(|(_, standing)| *standing)
    }

    /// How an instance was from one time to another.
    pub(super) fn standings(&self, instance: &str, from: Timestamp, to: Timestamp) -> Vec<Standing> {
        let changes = self.agents.get(instance).into_iter().flatten();
        let between = changes.filter(|(since, _)| *since > from && *since <= to).map(|(_, standing)| *standing);
        self.standing(instance, from).into_iter().chain(between).collect()
    }
}

/// The executions, and whose each deployment is.
fn runs(world: &World, fleet: &str, calls: &Calls<'_>) -> (Vec<Run>, BTreeMap<String, String>) {
    let (mut runs, mut owners) = (Vec::new(), BTreeMap::new());
    for pipeline in world.pipelines() {
        for execution in &pipeline.executions {
            let mut run = Run {
                id: execution.id.clone(),
                status: execution.status,
                updated: execution.updated,
                entered: None,
                current: execution.version == pipeline.version,
                tries: Vec::new(),
            };
            run.entered = execution.stages.iter().find(|stage| stage.name == "Deploy").map(|stage| stage.started);
            for action in execution.actions.iter().filter(|action| action.stage == "Deploy") {
                if let Some(job) = &action.external {
                    owners.insert(job.clone(), execution.id.clone());
                }
                let by = match calls.caller("RetryStageExecution", action.started) {
                    _ if run.tries.is_empty() => By::Push,
                    Some(caller) => By::Function(calls.seen(caller, action.started)),
                    None => By::Person,
                };
                run.tries.push(Try {
                    began: action.started,
                    by,
                    ended: action.status.is_over().then_some(action.updated),
                    well: action.status == ExecutionStatus::Succeeded,
                    job: action.external.clone(),
                });
            }
            if pipeline.name == fleet {
                runs.push(run);
            }
        }
    }
    (runs, owners)
}

impl Job {
    fn of(job: &Deployment, owners: &BTreeMap<String, String>) -> Self {
        let aim = |target: &panda_world::Target| Aim {
            failed: (target.progress == Progress::Failed).then(|| Why::of(target)),
            events: target.events.iter().filter_map(|event| Some((event.started?, event.ended))).collect(),
        };
        Self {
            application: job.application.clone(),
            group: job.group.clone(),
            creator: job.creator,
            of: owners.get(&job.id).cloned(),
            created: job.created,
            completed: job.completed,
            status: job.status,
            code: job.error.as_ref().map(|(code, _)| code.clone()),
            targets: job.targets.iter().map(|(instance, target)| (instance.clone(), aim(target))).collect(),
        }
    }

    /// Whether it held its group at some time of these two, and was there to be seen at the first.
    pub(super) fn held(&self, seen: Timestamp, at: Timestamp) -> bool {
        self.created <= seen && self.completed.is_none_or(|completed| completed > at)
    }

    pub(super) fn failed_on(&self) -> impl Iterator<Item = (&String, &Why)> {
        self.targets.iter().filter_map(|(instance, aim)| Some((instance, aim.failed.as_ref()?)))
    }
}

impl Why {
    fn of(target: &panda_world::Target) -> Self {
        let failed = target.events.iter().find(|event| event.progress == Progress::Failed);
        let Some(said) = failed.and_then(|event| event.diagnostics.as_ref()) else { return Self::Silent };
        let says = |words: &str| said.message.contains(words);
        if said.code.starts_with("Script") {
            Self::Other(said.code.to_owned())
        } else if says("not able to receive the lifecycle event") {
            Self::Silent
        } else if says("after an agent restart") {
            Self::Restarted
        } else if says("not opened for reading") {
            Self::BrokenOff
        } else {
            Self::Other(said.message.clone())
        }
    }
}

impl Word {
    fn of(message: &Message) -> Self {
        let subject = message.subject.clone().unwrap_or_default();
        let line = |title: &str| {
            let line = message.body.lines().find_map(|line| line.strip_prefix(title))?;
            line.split_whitespace().next().map(str::to_owned)
        };
        let about = line("Execution: ")
            .map(About::Execution)
            .or_else(|| line("Deployment: ").map(About::Deployment))
            .unwrap_or(About::Nothing);
        Self {
            at: message.at,
            caller: message.caller.clone(),
            about,
            recovered: subject.contains(" recovered "),
            subject,
            text: message.body.clone(),
        }
    }

    /// The code of the cause that it names.
    pub(super) fn cause(&self) -> &str {
        let rest = self.subject.split(" failed: ").nth(1).unwrap_or("recovered");
        rest.split(" on ").next().unwrap_or(rest)
    }
}

impl Answer {
    /// Whether the agent asks for work again.
    pub(super) fn cures(&self) -> bool {
        self.output.contains("\"polls\":true")
    }

    /// Whether the script left the agent alone.
    pub(super) fn is_busy(&self) -> bool {
        self.output.contains("refused-busy")
    }
}
