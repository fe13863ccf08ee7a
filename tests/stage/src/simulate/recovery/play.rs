//! How does a life go? Deeds, events and invocations in one world, until faults have ended and nothing is under way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use panda_world::{Act, Faults, InstanceState, Lifecycle, Permission, Progress, Timing, World};
use tokio::time::Instant;

use super::{
    book::Book,
    figures::Figures,
    function::Recovery,
    law,
    life::{Condition, Deed, Life},
    record::{Record, Sources, Terms, Watch},
};
use crate::simulate::{
    cloud::Cloud, deployment::Deployment, lambda::Function as _, lambda::Lambda, law::Violation, report::Lived,
    timeline,
};

/// Every life begins here; nothing depends on it.
const START: i64 = 1_778_148_000; // 2026-05-07T10:00:00Z
/// How long nothing has to be under way: longer than an event is late.
const QUIET: Duration = Duration::from_secs(90);
/// A life that is not over by then, so long after its faults have ended, is given up: longer than a deployment may take, and a wait after it.
const PATIENCE: Duration = Duration::from_hours(12);

/// What a life is played with.
pub(in crate::simulate) struct Cast<'a> {
    pub(in crate::simulate) deployment: &'a Arc<Deployment>,
}

/// A life that is over.
pub(in crate::simulate) struct Played {
    pub(in crate::simulate) figures: Figures,
    pub(in crate::simulate) violations: Vec<Violation>,
    pub(in crate::simulate) permissions: BTreeSet<Permission>,
    pub(in crate::simulate) calls: BTreeMap<String, u64>,
    pub(in crate::simulate) lived: Lived,
    pub(in crate::simulate) began: Timestamp,
    pub(in crate::simulate) ended: Timestamp,
    pub(in crate::simulate) timeline: Option<String>,
}

/// Plays a life. Must be called within a paused runtime and a `LocalSet`.
///
/// # Errors
/// The function would not start with its environment.
pub(in crate::simulate) async fn play(
    cast: &Cast<'_>,
    seed: u64,
    keep: bool,
) -> Result<Played, deployment_recovery::ConfigError> {
    let life = Life::draw(seed);
    let mut environment = cast.deployment.environment.clone();
    environment.extend(life.settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let config = deployment_recovery::Config::from_lookup(|name| environment.get(name).cloned())?;
    let terms = terms(&environment, &life.faults);
    let start = Timestamp::from_second(START).unwrap_or_default();
    let mut world = World::new(seed, start, Timing::default());
    world.found_fleet(&life.fleet);
    world.found_fleet(&life.neighbour);
    world.set_faults(life.faults.clone());
    let cloud = Cloud::new(world);
    let book = Book::new(cloud.clone(), life.frailty, seed);
    let function = Recovery { config, book: book.clone() };
    let mut run = Run {
        lambda: Lambda::new(Arc::clone(cast.deployment), function, cloud.clone(), seed),
        deployment: cast.deployment,
        life: &life,
        cloud: cloud.clone(),
        watch: Watch::default(),
        heard: BTreeSet::new(),
        newcomers: None,
        met: BTreeSet::new(),
        next: 0,
        woken: 0,
        begin: Instant::now(),
    };
    let (calm, unfinished) = run.until_over(&book).await;
    let ended = cloud.now();
    let (invocations, letters) = run.lambda.take_log();
    let Run { watch, heard, .. } = run;
    let mut world = cloud.lock();
    let journal = world.take_journal();
    let messages = world.take_messages();
    let record = Record::of(Sources {
        life: &life,
        terms,
        world: &world,
        journal: &journal,
        messages: &messages,
        watch,
        invocations: &invocations,
        letters,
        mishaps: book.mishaps(),
        heard,
        calm,
        ended,
        unfinished,
    });
    let (permissions, traffic) = (world.used_permissions(Recovery::NAME), world.traffic());
    drop(world);
    let rough = life.faults != Faults::default();
    let lived = Lived::of(1, ended.duration_since(start).as_secs_f64(), rough, traffic);
    let violations = law::judge(&record);
    let timeline = (keep || !violations.is_empty()).then(|| {
        let said =
            record.words.iter().map(|word| (word.at, 3, format!("✉ {}\n{}", word.subject, indented(&word.text))));
        let mut more: Vec<(Timestamp, u8, String)> = said.collect();
        more.push((start, 0, format!("settings {:?}, {:#?}", life.settings, life.fleet.delivery)));
        let jobs = record.jobs.iter().map(|(id, job)| (job.created, 2, format!("{id}: {job:?}")));
        more.extend(jobs);
        timeline::story(&journal, &invocations, &record.letters, start, more, &violations)
    });
    Ok(Played {
        figures: Figures::of(&record),
        violations,
        permissions,
        calls: record.calls,
        lived,
        began: start,
        ended,
        timeline,
    })
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("             | {line}")).collect::<Vec<_>>().join("\n")
}

/// What the environment says, read without the function's own code.
fn terms(environment: &BTreeMap<String, String>, faults: &Faults) -> Terms {
    let number = |name: &str, or: u32| environment.get(name).and_then(|text| text.parse().ok()).unwrap_or(or);
    let stale = faults.stale_reads > 0.0;
    Terms {
        mode: environment.get("RECOVERY_MODE").cloned().unwrap_or_default(),
        most_retries: number("MAX_RETRIES", 0),
        replaces: environment.get("REPLACE_INSTANCES").is_some_and(|text| text == "true"),
        patience: SignedDuration::from_mins(number("PATIENCE_MINUTES", 60).into()),
        rough: *faults != Faults::default(),
        lag: SignedDuration::try_from(faults.stale_lag.to).ok().filter(|_| stale).unwrap_or_default(),
    }
}

struct Run<'a> {
    life: &'a Life,
    deployment: &'a Deployment,
    cloud: Cloud,
    lambda: Lambda<Recovery>,
    watch: Watch,
    heard: BTreeSet<String>,
    /// How instances come up that are launched now.
    newcomers: Option<Condition>,
    /// Instances that were there before.
    met: BTreeSet<String>,
    next: usize,
    woken: u64,
    begin: Instant,
}

impl Run<'_> {
    /// Runs until nothing is under way. Gives the time when faults ended, and what was still under way when patience was over.
    async fn until_over(&mut self, book: &Book) -> (Timestamp, Option<String>) {
        self.met = self.cloud.lock().instances().map(|instance| instance.id.clone()).collect();
        let last = self.life.steps.last().map(|step| step.at).unwrap_or_default();
        let calm = last + self.life.calm_after;
        let (mut calmed, mut quiet_since) = (None, None::<Duration>);
        loop {
            let now = self.begin.elapsed();
            self.deliver();
            while let Some(step) = self.life.steps.get(self.next).filter(|step| step.at <= now) {
                self.next += 1;
                self.perform(&step.deed);
            }
            if now >= calm && calmed.is_none() {
                calmed = Some(self.cloud.now());
                self.cloud.lock().set_faults(Faults::default());
                book.heal();
            }
            self.meet();
            self.watch.look(&self.cloud.lock(), self.cloud.now());
            let under_way = self.under_way();
            match calmed {
                Some(calmed) if under_way.is_none() => {
                    let since = *quiet_since.get_or_insert(now);
                    if now >= since + QUIET {
                        return (calmed, None);
                    }
                }
                Some(calmed) if now > calm + PATIENCE => return (calmed, under_way),
                _ => quiet_since = None,
            }
            let step = self.life.steps.get(self.next).map(|step| step.at);
            let own = [
                step,
                calmed.is_none().then_some(calm),
                quiet_since.map(|since| since + QUIET),
                Some(calm + PATIENCE + Duration::from_secs(1)),
            ];
            let wake = own.into_iter().flatten().min().unwrap_or_default();
            self.rest_until(wake).await;
        }
    }

    async fn rest_until(&self, wake: Duration) {
        let wake = self.begin + wake;
        let wake = self.cloud.next_due().map_or(wake, |due| due.min(wake));
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(wake) => {}
            () = self.cloud.changed() => {}
            () = self.lambda.progress() => {}
        }
    }

    /// Brings the world to the present, and hands its events to the function where a rule lets them through.
    fn deliver(&mut self) {
        let events = {
            let mut world = self.cloud.lock();
            world.advance_to(self.cloud.now());
            world.take_events()
        };
        for event in events {
            let detail = |key: &str| event.pointer(key).and_then(serde_json::Value::as_str);
            if let (Some("FAILURE"), Some(id)) = (detail("/detail/state"), detail("/detail/deploymentId")) {
                self.heard.insert(id.to_owned());
            }
            for rule in self.deployment.woken_by(&event) {
                self.woken += 1;
                // Whatever comes twice has another request's id each time.
                self.lambda.accept_as(format!("request-{}", self.woken), self.deployment.payload(&rule, &event));
            }
        }
    }

    fn perform(&mut self, deed: &Deed) {
        let in_service = |world: &World| -> Vec<String> {
            let group = world.group(super::life::FLEET);
            let members = group.into_iter().flat_map(|group| group.members.values());
            members.filter(|m| m.lifecycle == Lifecycle::InService).map(|m| m.instance.clone()).collect()
        };
        let acts: Vec<Act> = match deed {
            Deed::Do(act) => vec![act.clone()],
            Deed::To(number, act) => {
                let servers = in_service(&self.cloud.lock());
                let chosen = number.checked_rem(servers.len()).and_then(|number| servers.get(number));
                chosen.map(|instance| act(instance.clone())).into_iter().collect()
            }
            Deed::AtWork(act) => at_work(&self.cloud.lock()).map(act).into_iter().collect(),
            Deed::All(act) => in_service(&self.cloud.lock()).into_iter().map(act).collect(),
            Deed::Newcomers(condition) => {
                self.newcomers = *condition;
                Vec::new()
            }
        };
        for act in acts {
            // Refused where the fleet has changed under the script's feet: then nothing happens.
            self.cloud.act(&act);
        }
    }

    /// Newcomers come up as they are to.
    fn meet(&mut self) {
        let new: Vec<String> = {
            let world = self.cloud.lock();
            let launched = world.instances().filter(|instance| instance.state == InstanceState::Pending);
            let ours = launched.filter(|instance| instance.origin.as_deref() == Some(super::life::FLEET));
            ours.map(|instance| instance.id.clone()).filter(|id| !self.met.contains(id)).collect()
        };
        for instance in new {
            for act in self.newcomers.map(|condition| condition.act(instance.clone())).unwrap_or_default() {
                self.cloud.act(&act);
            }
            self.met.insert(instance);
        }
    }

    /// What is not over. Launches that fail again and again are no reason to wait.
    fn under_way(&self) -> Option<String> {
        if self.next < self.life.steps.len() {
            return Some("deeds".to_owned());
        }
        if self.lambda.busy() > 0 {
            return Some("an event is not done with".to_owned());
        }
        let world = self.cloud.lock();
        let deployment = world.deployments().find(|deployment| !deployment.status.is_over());
        let execution = world.pipelines().flat_map(|pipeline| &pipeline.executions).find(|run| !run.status.is_over());
        deployment
            .map(|deployment| format!("deployment {}", deployment.id))
            .or_else(|| execution.map(|run| format!("execution {}", run.id)))
    }
}

/// The instance on which a deployment of the fleet is at work.
fn at_work(world: &World) -> Option<String> {
    let ours = world.deployments().filter(|job| !job.status.is_over() && job.application == super::life::FLEET);
    ours.flat_map(|job| &job.targets)
        .find(|(_, target)| target.progress == Progress::InProgress)
        .map(|(instance, _)| instance.clone())
}
