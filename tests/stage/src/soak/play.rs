//! How does a run go? Faults and deaths for some minutes, then healing, then the looks of the judge.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use jiff::Timestamp;
use panda_domain::chaos::{Trigger, tags};
use panda_world::{
    AnsweredBy, Entry, Faults, FleetSpec, GroupSpec, Kind, SharedWorld, Span, Timing, World, http::LiveClock, lock,
};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{Experiment, Record, SoakError, deeds, letters, memory::Samples, processes, say};
use crate::{
    demo::{
        panda::{PANDA, Panda},
        words,
    },
    deploy::{self, LocalDeployment},
    serve::{
        self, clock,
        delivery::{Courier, Endpoint as _, Notice},
        endpoint::{self, Deployed},
    },
    simulate::{Over, goal},
};

const FAILOVER: &str = "elastic-ip-failover";
/// Servers of each fleet.
const SIZE: u32 = 2;
/// Between two looks at the clock.
const STEP: Duration = Duration::from_millis(100);
const SAMPLE: Duration = Duration::from_secs(2);
const PROGRESS: Duration = Duration::from_mins(1);
/// The panda's schedule is off, and its tick comes so often: it takes over what a dead invocation watched.
const TICK: Duration = Duration::from_secs(20);
/// An experiment is taken over when its watcher's lease has run out, which is as long as the invocation may last: fifteen minutes as
/// deployed. The looks before a kill and the watch of a minute after it fit into this.
const PANDA_SECONDS: i32 = 120;
/// How long fleets may take to heal, and events to be handled, when nothing happens any more: longer than a held hook, a watch and the
/// failure queue's last retry.
const PATIENCE: Duration = Duration::from_mins(8);

/// The simulated AWS with its fleets, served on a loopback port.
pub(super) struct Stage {
    pub(super) endpoint: String,
    world: SharedWorld,
    clock: LiveClock,
    fleets: Vec<FleetSpec>,
    rng: Rng,
    tasks: JoinSet<()>,
}

/// What is heard while it goes.
#[derive(Debug, Default)]
struct Heard {
    delivered: BTreeMap<String, String>,
    given_up: BTreeSet<String>,
    stuck_hooks: Vec<String>,
    strikes: BTreeSet<String>,
}

impl Heard {
    fn see(&mut self, entry: &Entry) {
        match &entry.kind {
            Kind::HookAnswered { instance, hook, by: AnsweredBy::Timeout, .. } if hook.starts_with("elastic-ip") => {
                self.stuck_hooks.push(format!("{instance} in {hook}"));
            }
            // Of all that calls here only the panda terminates, and it names one instance at a time.
            Kind::Call { operation, result, subject, .. }
                if operation.starts_with("TerminateInstance") && result == "OK" =>
            {
                self.strikes.insert(subject.clone());
            }
            _ => {}
        }
    }

    fn hear(&mut self, notice: Notice) {
        let id = |event: &Value| event.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        match notice {
            Notice::Delivered { event, function, .. } => {
                let kind = event.get("detail-type").and_then(Value::as_str).unwrap_or_default();
                self.delivered.insert(id(&event), format!("{kind} for {function}"));
            }
            Notice::GivenUp { event, .. } => drop(self.given_up.insert(id(&event))),
            Notice::Wanted { .. } | Notice::Unwanted { .. } | Notice::Unreadable { .. } => {}
        }
    }
}

impl Stage {
    /// Founds the fleets and serves the world at the wall's pace.
    pub(super) async fn set(seed: u64, fleets: u8) -> Result<Self, SoakError> {
        // A terminated server is listed for an hour on AWS; here thousands die, and the list would grow all the time.
        let timing = Timing { listed: Span::secs(60, 90), ..Timing::brisk() };
        let mut world = World::new(seed, Timestamp::now(), timing);
        let fleets: Vec<FleetSpec> = (0..fleets).map(fleet).collect();
        for fleet in &fleets {
            world.found_fleet(fleet);
        }
        world.advance_to(Timestamp::now());
        let mut tasks = JoinSet::new();
        let (endpoint, world, clock) = serve::on_loopback(world, &mut tasks).await?;
        Ok(Self { endpoint, world, clock, fleets, rng: Rng::with_seed(seed ^ 0x50A4_ED00), tasks })
    }

    /// Plays for so long, lets all heal, and gives what was seen.
    pub(super) async fn play(mut self, deployment: &LocalDeployment, time: Duration) -> Result<Record, SoakError> {
        let sdk = endpoint::sdk_config(&deployment.endpoint(), deploy::REGION).await;
        let deployed = Deployed::new(&sdk);
        let (notices, mut notified) = mpsc::unbounded_channel();
        let courier = Arc::new(Courier::new(Arc::new(deployed.clone()), notices));
        courier.refresh().await?;
        let functions = deployed.functions().await?;
        let named = |name: &str| functions.iter().find(|one| words::function_name(deploy::STACK, &one.name) == name);
        let failover = named(FAILOVER).ok_or(SoakError::Incomplete("elastic-ip-failover"))?.name.clone();
        let chaos = named(PANDA).ok_or(SoakError::Incomplete("panda"))?;
        deployed.limit(&chaos.name, PANDA_SECONDS).await?;
        let panda = Panda::new(deployed.clone(), &sdk, chaos).ok_or(SoakError::Incomplete("journal for the panda"))?;

        let heard = Arc::new(Mutex::new(Heard::default()));
        let hearing = Arc::clone(&heard);
        self.tasks.spawn(async move {
            while let Some(notice) = notified.recv().await {
                held(&hearing).hear(notice);
            }
        });
        let seeing = Arc::clone(&heard);
        self.tasks.spawn(clock::drive(Arc::clone(&self.world), self.clock, move |world, events| {
            // What nobody takes would grow for as long as the run is.
            drop(world.take_messages());
            for entry in world.take_journal() {
                held(&seeing).see(&entry);
            }
            for event in events {
                let courier = Arc::clone(&courier);
                tokio::spawn(async move { courier.deliver(event).await });
            }
        }));
        lock(&self.world).set_faults(faults());
        let mut run = Run {
            world: Arc::clone(&self.world),
            fleets: &self.fleets,
            rng: self.rng,
            deployed,
            chaos: chaos.name.clone(),
            failover,
            folder: deployment.folder(),
            heard,
            functions: Samples::of_functions(),
            own: Samples::of_the_stage(),
            ages: BTreeMap::new(),
            began: Instant::now(),
            record: Record::default(),
        };
        run.rage(time).await?;
        say("nothing happens any more; waiting until all has healed");
        run.heal().await?;
        run.conclude(deployment, &panda).await
    }
}

/// Two servers behind one address, the panda let in at any time.
fn fleet(number: u8) -> FleetSpec {
    let name = format!("soak-{number}");
    let group_tags = [
        (tags::CHAOS, "on"),
        (tags::MIN_DAYS, "0"),
        (tags::MAX_PER_DAY, "100"),
        (tags::MIN_HEALTHY, "1"),
        (tags::FAULTS, "terminate crash graceful"),
        ("lethargic-panda:fleet", name.as_str()),
    ];
    FleetSpec {
        addresses: vec![format!("203.0.113.{}", u16::from(number) + 10)],
        groups: vec![GroupSpec {
            name: name.clone(),
            desired: SIZE,
            tags: group_tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..GroupSpec::default()
        }],
        name,
        ..FleetSpec::default()
    }
}

/// As rough as a function's minute bears. No event is lost by EventBridge, so that every one can be asked for.
fn faults() -> Faults {
    Faults {
        throttle: 0.02,
        server_error: 0.02,
        timeout: 0.002,
        reset: 0.01,
        reply_lost: 0.01,
        stale_reads: 0.1,
        stale_lag: Span::secs(0, 3),
        event_double: 0.1,
        event_delay: 0.1,
        event_delay_by: Span::secs(1, 10),
        ..Faults::default()
    }
}

struct Run<'a> {
    world: SharedWorld,
    fleets: &'a [FleetSpec],
    rng: Rng,
    deployed: Deployed,
    chaos: String,
    failover: String,
    folder: &'a Path,
    heard: Arc<Mutex<Heard>>,
    functions: Samples,
    own: Samples,
    /// When each process was first seen.
    ages: BTreeMap<u32, Instant>,
    began: Instant,
    record: Record,
}

impl Run<'_> {
    /// Deeds, orders, kills and looks at memory, each at its own pace.
    async fn rage(&mut self, time: Duration) -> Result<(), SoakError> {
        let (mut deed, mut order, mut kill) = (Instant::now(), Instant::now() + TICK, Instant::now() + TICK);
        let (mut sample, mut tick, mut progress) = (Instant::now(), Instant::now() + TICK, Instant::now() + PROGRESS);
        while self.began.elapsed() < time {
            let now = Instant::now();
            if deed <= now {
                self.deed();
                deed = now + Duration::from_millis(self.rng.u64(200..1_800));
            }
            if order <= now {
                self.order().await?;
                order = now + Duration::from_millis(self.rng.u64(5_000..20_000));
            }
            if kill <= now {
                self.kill()?;
                kill = now + Duration::from_millis(self.rng.u64(4_000..25_000));
            }
            if tick <= now {
                self.deployed.invoke(&self.chaos, json!({"command": "tick"}).to_string().into_bytes()).await?;
                tick = now + TICK;
            }
            if sample <= now {
                self.sample();
                sample = now + SAMPLE;
            }
            if progress <= now {
                let events = held(&self.heard).delivered.len();
                let killed: u64 = self.record.killed.values().sum();
                say(&format!(
                    "{:>5.0} s: {events} events, {killed} processes killed",
                    self.began.elapsed().as_secs_f64()
                ));
                progress = now + PROGRESS;
            }
            sleep(STEP).await;
        }
        self.record.seconds = self.began.elapsed().as_secs_f64();
        Ok(())
    }

    fn deed(&mut self) {
        // The last third is left to the panda, which spares whoever is not well.
        let raged = (self.fleets.len() * 2).div_ceil(3);
        let Some(fleet) = self.fleets.get(self.rng.usize(0..raged.max(1))) else { return };
        let public_ip = fleet.addresses.first().map_or("", String::as_str);
        let mut world = lock(&self.world);
        if let Some((what, act)) = deeds::draw(&mut self.rng, &world, &fleet.name, public_ip)
            // Refused where the fleet has changed meanwhile: then nothing happens.
            && world.act(&act).is_ok()
        {
            *self.record.deeds.entry(what).or_default() += 1;
        }
    }

    /// Somebody orders a kill, of a fleet that may have been disarmed after the last one. Lambda hands over an event at least once.
    async fn order(&mut self) -> Result<(), SoakError> {
        let Some(fleet) = self.fleets.get(self.rng.usize(0..self.fleets.len().max(1))) else { return Ok(()) };
        let arm = json!({"command": "arm", "fleet": fleet.name, "reason": "soak"});
        self.deployed.invoke(&self.chaos, arm.to_string().into_bytes()).await?;
        sleep(Duration::from_millis(500)).await;
        self.record.orders += 1;
        let order = json!({"command": "kill", "fleet": fleet.name, "reason": format!("order {}", self.record.orders)});
        Ok(self.deployed.invoke(&self.chaos, order.to_string().into_bytes()).await?)
    }

    /// A function's process dies, whatever it is doing.
    fn kill(&mut self) -> Result<(), SoakError> {
        let running = processes::functions(self.folder);
        if running.is_empty() {
            return Ok(());
        }
        if let Some(process) = running.get(self.rng.usize(0..running.len()))
            && processes::kill(process.id)?
        {
            let function = words::function_name(deploy::STACK, &process.function);
            *self.record.killed.entry(function).or_default() += 1;
        }
        Ok(())
    }

    fn sample(&mut self) {
        let running = processes::functions(self.folder);
        self.ages.retain(|id, _| running.iter().any(|process| process.id == *id));
        for process in running {
            let age = self.ages.entry(process.id).or_insert_with(Instant::now).elapsed();
            let function = words::function_name(deploy::STACK, &process.function);
            self.functions.add(&function, age.as_secs_f64(), process.kilobytes);
        }
        if let Some(kilobytes) = processes::own_kilobytes() {
            self.own.add("panda-stage", self.began.elapsed().as_secs_f64(), kilobytes);
        }
    }

    /// Nothing goes wrong any more, and people put everything right, until every fleet is well.
    async fn heal(&mut self) -> Result<(), SoakError> {
        {
            let mut world = lock(&self.world);
            world.set_faults(Faults::default());
            for fleet in self.fleets {
                for act in deeds::tidy(&world, &fleet.name, SIZE) {
                    let _refused = world.act(&act);
                }
            }
        }
        let patience = Instant::now() + PATIENCE;
        let mut tick = Instant::now();
        loop {
            let unwell = self.unwell();
            if unwell.is_empty() || Instant::now() > patience {
                self.record.unwell = unwell;
                return Ok(());
            }
            if tick <= Instant::now() {
                self.deployed.invoke(&self.chaos, json!({"command": "tick"}).to_string().into_bytes()).await?;
                tick = Instant::now() + TICK;
            }
            sleep(STEP * 10).await;
        }
    }

    fn unwell(&self) -> Vec<String> {
        let world = lock(&self.world);
        let unwell = |fleet: &FleetSpec| goal::unwell(&world, fleet, &Over::Healthy);
        self.fleets.iter().filter_map(|fleet| Some(format!("{}: {}", fleet.name, unwell(fleet)?))).collect()
    }

    /// A last sweep; then what every event came to, what the panda wrote down, and what is in the world.
    async fn conclude(mut self, deployment: &LocalDeployment, panda: &Panda) -> Result<Record, SoakError> {
        let last = "soak-last-sweep";
        let sweep =
            json!({"id": last, "source": "aws.events", "detail-type": "Scheduled Event", "time": "", "detail": {}});
        self.deployed.invoke(&self.failover, sweep.to_string().into_bytes()).await?;
        held(&self.heard).delivered.insert(last.to_owned(), "the last sweep".to_owned());
        let address: Option<SocketAddr> = deployment.endpoint().trim_start_matches("http://").parse().ok();
        let address = address.ok_or(SoakError::Incomplete("address"))?;
        let patience = Instant::now() + PATIENCE;
        loop {
            self.record.handled = handled(&deployment.log()?);
            self.record.dead_letters.extend(letters::take(address).await?);
            let history = panda.history().await?;
            let experiments = history.experiments.iter().map(|experiment| Experiment {
                id: experiment.id.to_string(),
                order: match &experiment.trigger {
                    Trigger::Command { reason, .. } => reason.clone(),
                    Trigger::Tick { slot, .. } => format!("tick {slot} of {}", experiment.fleet),
                },
                victims: experiment.victims.iter().map(|victim| victim.instance.to_string()).collect(),
                closed: experiment.outcome.is_some(),
            });
            self.record.experiments = experiments.collect();
            {
                let heard = held(&self.heard);
                self.record.delivered.clone_from(&heard.delivered);
                self.record.stuck_hooks.clone_from(&heard.stuck_hooks);
                self.record.strikes.clone_from(&heard.strikes);
                self.record.dead_letters.extend(heard.given_up.iter().cloned());
            }
            let open = self.record.experiments.iter().any(|experiment| !experiment.closed);
            let record = &self.record;
            let missing = |id: &String| !record.handled.contains(id) && !record.dead_letters.contains(id);
            let pending = record.delivered.keys().any(missing);
            if !(open || pending) || Instant::now() > patience {
                break;
            }
            if open {
                self.deployed.invoke(&self.chaos, json!({"command": "tick"}).to_string().into_bytes()).await?;
            }
            sleep(TICK / 4).await;
        }
        let traffic = {
            let world = lock(&self.world);
            self.record.unmet = self.fleets.iter().flat_map(|fleet| goal::unmet(&world, fleet)).collect();
            world.traffic()
        };
        (self.record.calls, self.record.faults) = (traffic.calls, traffic.faults);
        self.record.growth = [self.functions.growth(), self.own.growth()].concat();
        Ok(self.record)
    }
}

/// The events that a function wrote it had handled: each such line carries the event's id and what woke the function.
fn handled(log: &str) -> BTreeSet<String> {
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line.get(line.find('{')?..)?).ok()?;
        // An error is told with its trigger too.
        (line.get("level")? == "INFO").then_some(())?;
        line.get("trigger")?;
        let spans = line.get("spans")?.as_array()?;
        let id = spans.iter().find_map(|span| span.get("event.id")?.as_str())?;
        Some(id.to_owned())
    };
    log.lines().filter_map(line).collect()
}

fn held<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_tells_of_the_events_that_it_handled_and_not_of_those_that_it_failed_at() {
        let line = |level: &str, id: &str| json!({"level": level, "message": "nothing to do", "trigger": "sweep", "spans": [{"name": "Lambda runtime invoke"}, {"name": "handle", "event.id": id}]});
        let log = format!(
            "INFO async output (attempt 1):\n{}\n{}\n{}\nSTART RequestId: 1\n",
            line("INFO", "e-1"),
            line("ERROR", "e-2"),
            json!({"level": "INFO", "message": "Will look again", "spans": [{"event.id": "e-3"}]}),
        );
        assert_eq!(handled(&log), BTreeSet::from(["e-1".to_owned()]));
    }

    #[test]
    fn what_the_world_writes_down_of_hooks_that_ran_out_and_of_terminations_is_heard() {
        let mut heard = Heard::default();
        let call = |result: &str, subject: &str| Kind::Call {
            caller: "test".to_owned(),
            service: "ec2",
            operation: "TerminateInstances".to_owned(),
            result: result.to_owned(),
            subject: subject.to_owned(),
        };
        let answered = |hook: &str, by: AnsweredBy| Kind::HookAnswered {
            group: "soak-0".to_owned(),
            instance: "i-1".to_owned(),
            hook: hook.to_owned(),
            result: "ABANDON".to_owned(),
            by,
        };
        for kind in [
            call("DryRunOperation", "i-1 DryRun"),
            call("OK", "i-1"),
            answered("elastic-ip-terminate", AnsweredBy::Call),
            answered("somebody-elses", AnsweredBy::Timeout),
            answered("elastic-ip-terminate", AnsweredBy::Timeout),
        ] {
            heard.see(&Entry { at: Timestamp::UNIX_EPOCH, kind });
        }
        assert_eq!(
            (heard.strikes, heard.stuck_hooks),
            (BTreeSet::from(["i-1".to_owned()]), vec!["i-1 in elastic-ip-terminate".to_owned()])
        );
    }
}
