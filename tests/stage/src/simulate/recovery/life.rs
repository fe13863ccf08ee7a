//! What happens to a fleet and its deployments in one life?

use std::{collections::BTreeMap, time::Duration};

use fastrand::Rng;
use panda_world::{
    Act, AgentGeneration, AgentTrouble, Bundle, CodeDeployAgent, CommitSpec, DeliverySpec, DocumentEffect, Faults,
    FleetSpec, GroupSpec, PingState, ScriptOutcome,
};

use crate::simulate::frailty::Frailty;

/// The fleet's pipeline, application and deployment group.
pub(super) const FLEET: &str = "web";
const FLEET_TAG: &str = "lethargic-panda:fleet";

/// One life.
pub(super) struct Life {
    pub(super) fleet: FleetSpec,
    /// What else is in the account, and none of our business.
    pub(super) neighbour: FleetSpec,
    /// What a person has set otherwise than the template.
    pub(super) settings: BTreeMap<&'static str, String>,
    /// In order of time.
    pub(super) steps: Vec<Step>,
    pub(super) faults: Faults,
    pub(super) frailty: Frailty,
    /// How long after the last deed faults end.
    pub(super) calm_after: Duration,
    /// What stands in logs and must not leave.
    pub(super) secrets: Vec<String>,
}

/// Something that is done so long after the beginning.
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) deed: Deed,
}

/// Something that is done.
pub(super) enum Deed {
    /// As it stands.
    Do(Act),
    /// To the n-th server in service; a number beyond the last begins anew.
    To(usize, Box<dyn Fn(String) -> Act>),
    /// To the server on which a deployment is at work, if one is.
    AtWork(Box<dyn Fn(String) -> Act>),
    /// To every server.
    All(fn(String) -> Act),
    /// Whatever is launched from now on comes up so.
    Newcomers(Option<Condition>),
}

/// In which state an agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Stopped,
    Hung,
    Absent,
    Ill(AgentTrouble),
}

impl Condition {
    pub(super) fn act(self, instance: String) -> Vec<Act> {
        let set = |agent| Act::SetCodeDeployAgent { instance: instance.clone(), agent };
        match self {
            Self::Stopped => vec![set(CodeDeployAgent::Stopped)],
            Self::Hung => vec![set(CodeDeployAgent::Hung)],
            Self::Absent => vec![set(CodeDeployAgent::Absent)],
            Self::Ill(trouble) => vec![Act::AfflictAgent { instance, trouble: Some(trouble) }],
        }
    }
}

/// A life as it is drawn.
struct Draft<'a> {
    rng: &'a mut Rng,
    steps: Vec<Step>,
    secrets: Vec<String>,
    /// When the present chapter begins, in seconds.
    now: u64,
    servers: usize,
    pushed: u32,
}

impl Life {
    pub(super) fn draw(seed: u64) -> Self {
        let rng = &mut Rng::with_seed(seed ^ 0xDE91_07ED);
        let servers = rng.u32(1..=4);
        let tagged = rng.u8(0..12) > 0;
        let delivery = DeliverySpec {
            config: pick(
                rng,
                &["CodeDeployDefault.OneAtATime", "CodeDeployDefault.HalfAtATime", "CodeDeployDefault.AllAtOnce"],
            )
            .to_owned(),
            rollback: rng.bool(),
            update_outdated: rng.bool(),
            agent: if rng.bool() { AgentGeneration::V1 } else { AgentGeneration::V2 },
            ..DeliverySpec::default()
        };
        let tags = |tagged: bool| {
            let tag = (FLEET_TAG.to_owned(), FLEET.to_owned());
            std::iter::once(("Name".to_owned(), FLEET.to_owned()))
                .chain(tagged.then_some(tag))
                .collect::<BTreeMap<String, String>>()
        };
        let fleet = FleetSpec {
            name: FLEET.to_owned(),
            tagged: false,
            groups: vec![GroupSpec {
                tags: tags(tagged),
                desired: servers,
                max: servers + 3,
                hooks: Vec::new(),
                ..GroupSpec::default()
            }],
            topics: vec!["RecoveryTopic".to_owned(), "RecoveryChatTopic".to_owned()],
            documents: BTreeMap::from([(
                "RecoveryRestartAgentDocument".to_owned(),
                DocumentEffect::RestartCodeDeployAgent,
            )]),
            delivery: Some(delivery),
            ..FleetSpec::default()
        };
        let neighbour = FleetSpec {
            name: "shop".to_owned(),
            tagged: false,
            groups: vec![GroupSpec { name: "shop".to_owned(), desired: 1, hooks: Vec::new(), ..GroupSpec::default() }],
            addresses: vec!["203.0.113.77".to_owned()],
            delivery: Some(DeliverySpec::default()),
            ..FleetSpec::default()
        };
        let rough = rng.u8(0..10) < 6;
        let settings = settings(rng);
        let chapters = rng.usize(1..=3);
        let mut draft =
            Draft { rng, steps: Vec::new(), secrets: Vec::new(), now: 60, servers: servers as usize, pushed: 0 };
        for _ in 0..chapters {
            draft.chapter();
        }
        let Draft { mut steps, secrets, .. } = draft;
        steps.sort_by_key(|step| step.at);
        let faults = if rough { Faults { caller_dies: 0.002, ..Faults::rough() } } else { Faults::default() };
        let frailty = if rough { Frailty { lost_before: 8, lost_after: 8, dies: 6 } } else { Frailty::default() };
        let calm_after = Duration::from_secs(rng.u64(0..3_600));
        Self { fleet, neighbour, settings, steps, faults, frailty, calm_after, secrets }
    }
}

fn settings(rng: &mut Rng) -> BTreeMap<&'static str, String> {
    let mut settings = BTreeMap::new();
    if rng.u8(0..3) == 0 {
        settings.insert("MAX_RETRIES", rng.u8(0..=3).to_string());
    }
    if rng.u8(0..4) == 0 {
        settings.insert("PATIENCE_MINUTES", rng.u8(5..=90).to_string());
    }
    if rng.u8(0..4) == 0 {
        settings.insert("REPLACE_INSTANCES", "false".to_owned());
    }
    if rng.u8(0..20) == 0 {
        settings.insert("RECOVERY_MODE", pick(rng, &["ExplainOnly", "Off"]).to_owned());
    }
    settings
}

fn pick<T: Copy + Default>(rng: &mut Rng, of: &[T]) -> T {
    of.get(rng.usize(0..of.len().max(1))).copied().unwrap_or_default()
}

impl Draft<'_> {
    /// One thing that happens to the fleet, and what people do about it.
    fn chapter(&mut self) {
        match self.rng.u8(0..24) {
            0..=6 => {
                self.curable();
                self.push(0, CommitSpec::page("new\n"));
            }
            7 | 8 => {
                self.incurable();
                self.push(0, CommitSpec::page("new\n"));
            }
            9..=11 => self.push_bad(0),
            12 => {
                self.push(0, CommitSpec::page("new\n"));
                let (after, rollback) = (self.rng.u64(8..90), self.rng.bool());
                let stop = Act::StopDeployment { application: FLEET.into(), deployment_group: FLEET.into(), rollback };
                self.step(after, Deed::Do(stop));
            }
            13 => {
                self.push(0, CommitSpec::page("new\n"));
                let agent = if self.rng.bool() { CodeDeployAgent::Stopped } else { CodeDeployAgent::Hung };
                let after = self.rng.u64(6..60);
                self.step(after, Deed::AtWork(Box::new(move |instance| Act::SetCodeDeployAgent { instance, agent })));
            }
            14 => {
                self.push(0, CommitSpec::page("new\n"));
                let (after, crash) = (self.rng.u64(6..60), self.rng.bool());
                self.step(
                    after,
                    Deed::AtWork(Box::new(
                        move |instance| {
                            if crash { Act::Crash { instance } } else { Act::Terminate { instance } }
                        },
                    )),
                );
            }
            15 => {
                if self.rng.bool() {
                    self.curable();
                    self.push(0, CommitSpec::page("new\n"));
                } else {
                    self.push_bad(0);
                }
                let after = self.rng.u64(60..1_200);
                self.push(after, CommitSpec::page("newer\n"));
            }
            16 => {
                self.curable();
                self.push(0, CommitSpec::page("new\n"));
                let after = self.rng.u64(120..900);
                self.step(after, Deed::Do(Act::EditPipeline { pipeline: FLEET.into() }));
            }
            17 | 18 => self.growth(),
            19 => self.past_the_pipeline(),
            20 => {
                self.push(0, CommitSpec::page("new\n"));
                let code = pick(self.rng, &["ALARM_ACTIVE", "INTERNAL_ERROR", "THROTTLED", "IAM_ROLE_PERMISSIONS"]);
                let after = self.rng.u64(12..60);
                self.step(
                    after,
                    Deed::Do(Act::FailDeployment {
                        application: FLEET.into(),
                        deployment_group: FLEET.into(),
                        code: code.to_owned(),
                        message: "It went wrong.".to_owned(),
                    }),
                );
            }
            21 => {
                self.curable();
                let ping = if self.rng.bool() { PingState::ConnectionLost } else { PingState::Unregistered };
                let who = self.rng.usize(0..self.servers);
                self.step(0, Deed::To(who, Box::new(move |instance| Act::SetPing { instance, ping })));
                self.push(5, CommitSpec::page("new\n"));
            }
            22 => {
                self.curable();
                self.push(0, CommitSpec::page("new\n"));
                let after = self.rng.u64(330..700);
                self.step(after, Deed::Do(Act::RetryStage { pipeline: FLEET.into(), stage: "Deploy".into() }));
            }
            _ => {
                let members =
                    ["execution-result", "external-execution-id", "pipeline-execution-attempt", "execution-trigger"];
                let member = pick(self.rng, &members).to_owned();
                self.step(0, Deed::Do(Act::LeaveOut { member, left_out: true }));
                self.curable();
                self.push(0, CommitSpec::page("new\n"));
            }
        }
        self.now += self.rng.u64(1_500..9_000);
        if self.rng.u8(0..10) < 6 {
            self.step(0, Deed::All(|instance| Act::AfflictAgent { instance, trouble: None }));
            self.step(0, Deed::All(|instance| Act::SetPing { instance, ping: PingState::Online }));
            self.step(0, Deed::All(|instance| Act::SetCodeDeployAgent { instance, agent: CodeDeployAgent::Running }));
            self.step(0, Deed::Newcomers(None));
            self.now += self.rng.u64(10..120);
        }
    }

    fn step(&mut self, after: u64, deed: Deed) {
        self.steps.push(Step { at: Duration::from_millis((self.now + after) * 1_000 + self.rng.u64(0..1_000)), deed });
    }

    fn push(&mut self, after: u64, commit: CommitSpec) {
        self.pushed += 1;
        self.now += 2;
        self.step(after, Deed::Do(Act::Push { pipeline: FLEET.into(), commit }));
    }

    /// Some agents die or hang.
    fn curable(&mut self) {
        let ill = if self.rng.u8(0..3) == 0 { self.rng.usize(1..=self.servers) } else { 1 };
        for number in 0..ill {
            let condition = match self.rng.u8(0..5) {
                0 | 1 => Condition::Stopped,
                2 | 3 => Condition::Hung,
                _ => Condition::Ill(AgentTrouble::EmptyPidFile),
            };
            self.ail(number, condition);
        }
    }

    /// An agent is in a state that no restart changes.
    fn incurable(&mut self) {
        let number = self.rng.usize(0..self.servers);
        let condition = match self.rng.u8(0..7) {
            0 => Condition::Absent,
            1 => Condition::Ill(AgentTrouble::NoCredentials),
            2 => Condition::Ill(AgentTrouble::Denied),
            3 => Condition::Ill(AgentTrouble::ClockSkew),
            4 => Condition::Ill(AgentTrouble::Unreachable),
            5 => Condition::Ill(AgentTrouble::DeniedBundle),
            _ => Condition::Ill(AgentTrouble::DiskFull),
        };
        self.ail(number, condition);
        if self.rng.bool() {
            self.ail(number, Condition::Stopped);
        }
    }

    fn ail(&mut self, number: usize, condition: Condition) {
        match condition {
            Condition::Ill(trouble) => self.step(
                0,
                Deed::To(number, Box::new(move |instance| Act::AfflictAgent { instance, trouble: Some(trouble) })),
            ),
            Condition::Stopped | Condition::Hung | Condition::Absent => {
                let agent = match condition {
                    Condition::Hung => CodeDeployAgent::Hung,
                    Condition::Absent => CodeDeployAgent::Absent,
                    Condition::Stopped | Condition::Ill(_) => CodeDeployAgent::Stopped,
                };
                self.step(0, Deed::To(number, Box::new(move |instance| Act::SetCodeDeployAgent { instance, agent })));
            }
        }
    }

    fn push_bad(&mut self, after: u64) {
        let commit = self.bad();
        self.push(after, commit);
    }

    /// A revision that cannot be deployed, with a secret at the end of its log where it has one.
    fn bad(&mut self) -> CommitSpec {
        let event = pick(self.rng, &["BeforeInstall", "AfterInstall", "ApplicationStart", "ValidateService"]);
        let commit = CommitSpec::page("broken\n");
        let bundle = |bundle| CommitSpec { bundle, ..commit.clone() };
        match self.rng.u8(0..12) {
            0..=4 => {
                let log = self.log();
                let times = (self.rng.u8(0..5) == 0).then(|| self.rng.u32(1..=2));
                commit.with(event, ScriptOutcome::Fails { exit: self.rng.u8(1..=127), log, times })
            }
            5 => commit.with(event, ScriptOutcome::TimesOut { after_seconds: self.rng.u32(30..=1_200) }),
            6 => commit.with(event, ScriptOutcome::Missing),
            7 => commit.with(event, ScriptOutcome::NotExecutable),
            8 => bundle(Bundle::NoAppspec),
            9 => bundle(if self.rng.bool() { Bundle::BadAppspec } else { Bundle::FileExists }),
            10 => bundle(Bundle::Unreadable),
            _ => bundle(Bundle::Missing),
        }
    }

    /// The end of a log, with a secret as programs spill them.
    fn log(&mut self) -> String {
        let tail: String = std::iter::repeat_with(|| self.rng.alphanumeric()).take(24).collect();
        let (secret, line) = match self.rng.u8(0..5) {
            0 => (format!("hunter{tail}"), "connecting with DB_PASSWORD="),
            1 => (format!("ghp_{tail}{tail}"), "cloning with token "),
            2 => (format!("s3cr3t{tail}"), "curl -H 'Authorization: Bearer "),
            3 => (format!("pw{tail}"), "postgres://app:"),
            _ => (format!("k{tail}"), "AWS_SECRET_ACCESS_KEY="),
        };
        let end = match line {
            "postgres://app:" => "@db.internal/shop",
            "curl -H 'Authorization: Bearer " => "' https://api.internal",
            _ => "",
        };
        let log = format!("starting\n{line}{secret}{end}\nno such table: users");
        self.secrets.push(secret);
        log
    }

    /// The group grows, and the launch deploys.
    fn growth(&mut self) {
        let condition = match self.rng.u8(0..6) {
            0 | 1 => None,
            2 => Some(Condition::Absent),
            3 => Some(Condition::Ill(AgentTrouble::DiskFull)),
            4 => Some(Condition::Ill(AgentTrouble::Unreachable)),
            _ => Some(Condition::Ill(AgentTrouble::EmptyPidFile)),
        };
        self.step(0, Deed::Newcomers(condition));
        if self.rng.u8(0..3) == 0 {
            self.step(0, Deed::Do(Act::BreakBoots { group: FLEET.into(), broken: true }));
            let mended = self.rng.u64(300..1_400);
            self.step(mended, Deed::Do(Act::BreakBoots { group: FLEET.into(), broken: false }));
        }
        let desired = u32::try_from(self.servers + 1).unwrap_or(2);
        self.step(1, Deed::Do(Act::SetDesired { group: FLEET.into(), desired }));
        let healed = self.rng.u64(400..1_400);
        self.step(healed, Deed::Newcomers(None));
        if self.rng.bool() {
            let after = self.rng.u64(5..400);
            let commit = if self.rng.bool() { CommitSpec::page("new\n") } else { self.bad() };
            self.push(after, commit);
        }
    }

    /// A person deploys without the pipeline.
    fn past_the_pipeline(&mut self) {
        let commit = if self.rng.bool() {
            self.bad()
        } else {
            self.curable();
            CommitSpec::page("by hand\n")
        };
        self.step(
            3,
            Deed::Do(Act::Deploy { application: FLEET.into(), deployment_group: FLEET.into(), commit: Some(commit) }),
        );
        if self.rng.u8(0..3) == 0 {
            let after = self.rng.u64(0..400);
            self.push(after, CommitSpec::page("new\n"));
        }
    }
}
