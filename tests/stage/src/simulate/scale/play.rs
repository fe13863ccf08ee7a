//! How does one run go? Rest, single deaths, a zone's worth of deaths, and on until every fleet has healed.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fastrand::Rng;
use jiff::Timestamp;
use panda::journal::memory::MemoryJournal;
use panda_world::{Act, Faults, FleetSpec, GroupSpec, Timing, World};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    measure::{Measure, Measured, Phase},
    panda::Panda,
};
use crate::simulate::{
    cloud::Cloud,
    deployment::Deployment,
    goal,
    lambda::{Failover, Lambda},
    play::scheduled_event,
    scenario::Over,
};

/// A Thursday morning: the panda's default window is open.
const START: i64 = 1_778_148_000; // 2026-05-07T10:00:00Z
const REST: Duration = Duration::from_mins(12);
const SINGLE: Duration = Duration::from_mins(12);
/// Holders that die one by one.
const SINGLES: u64 = 10;
/// The single deaths fall into the beginning of their phase, so that all have healed before the zone goes.
const SINGLES_WITHIN: Duration = Duration::from_mins(8);
/// One in so many holders dies with the zone.
const ONE_IN: usize = 3;
/// The zone's holders die within this time.
const ZONE_WITHIN: Duration = Duration::from_mins(1);
/// A fleet that is not well by then, after the zone has gone, is given up.
const PATIENCE: Duration = Duration::from_mins(40);
/// How often it is looked whether all are well.
const LOOK: Duration = Duration::from_secs(10);

/// What is deployed.
pub(super) struct Cast {
    pub(super) failover: Arc<Deployment>,
    pub(super) failover_config: elastic_ip_failover::Config,
    pub(super) panda: Arc<Deployment>,
}

/// Something that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Enter(Phase),
    Sweep,
    Tick,
    /// A holder of any fleet that is well.
    KillAny,
    /// The holder of this fleet.
    Kill(usize),
    Look,
}

/// Plays a run. Must be called within a paused runtime and a `LocalSet`.
///
/// # Errors
/// The panda would not start with its environment.
pub(super) async fn play(cast: &Cast, fleets: u32, seed: u64) -> Result<Measured, panda::ConfigError> {
    let mut environment = cast.panda.environment.clone();
    environment.insert("PANDA_MODE".to_owned(), "Unleashed".to_owned());
    // The template's `!Ref` of a topic is its ARN.
    environment.insert("TOPIC_ARN".to_owned(), panda_world::topic_arn("PandaTopic"));
    let config = panda::Config::from_lookup(|name| environment.get(name).cloned())?;
    let tick = environment.get("TICK_MINUTES").and_then(|text| text.parse().ok()).unwrap_or(15);
    let start = Timestamp::from_second(START).unwrap_or_default();
    let mut world = World::new(seed, start, Timing::default());
    let specs: Vec<FleetSpec> = (0..fleets).map(fleet).collect();
    for spec in &specs {
        world.found_fleet(spec);
    }
    world.set_faults(Faults { token_buckets: true, ..Faults::default() });
    let cloud = Cloud::new(world);
    let panda = Panda { config, journal: MemoryJournal::default() };
    let failover = Failover(cast.failover_config.clone());
    let mut run = Run {
        panda: Lambda::new(Arc::clone(&cast.panda), panda, cloud.clone(), seed),
        failover: Lambda::new(Arc::clone(&cast.failover), failover, cloud.clone(), seed.rotate_left(7)),
        payload: cast.panda.schedule_input.clone().unwrap_or_else(|| json!({"command": "tick"})),
        tick: Duration::from_mins(tick),
        sweep: cast.failover.sweep_every,
        rules: &cast.failover,
        measure: Measure::new(start),
        agenda: BTreeSet::new(),
        rng: Rng::with_seed(seed ^ 0x5CA1_E000),
        begin: Instant::now(),
        woken: 0,
        dead_letters: 0,
        specs,
        cloud,
    };
    run.appoint();
    run.run().await;
    Ok(run.conclude(fleets, seed).await)
}

/// A fleet as the template makes it: one address, one group of two, in two zones, with the panda let in.
fn fleet(number: u32) -> FleetSpec {
    let name = format!("fleet-{number:04}");
    let tags = [("lethargic-panda:chaos", "on"), ("lethargic-panda:fleet", name.as_str())];
    FleetSpec {
        // The range for measurements of networks, RFC 2544.
        addresses: vec![format!("198.18.{}.{}", number / 250, number % 250 + 1)],
        groups: vec![GroupSpec {
            name: name.clone(),
            tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..GroupSpec::default()
        }],
        topics: vec!["PandaTopic".to_owned()],
        name,
        ..FleetSpec::default()
    }
}

struct Run<'a> {
    cloud: Cloud,
    specs: Vec<FleetSpec>,
    failover: Lambda<Failover>,
    panda: Lambda<Panda>,
    rules: &'a Deployment,
    payload: Value,
    tick: Duration,
    sweep: Option<Duration>,
    measure: Measure,
    agenda: BTreeSet<(Duration, Due)>,
    rng: Rng,
    begin: Instant,
    woken: u32,
    dead_letters: u64,
}

impl Run<'_> {
    fn appoint(&mut self) {
        let within = |rng: &mut Rng, from: Duration, time: Duration| {
            from + Duration::from_millis(rng.u64(0..u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
        };
        let zone = REST + SINGLE;
        let mut due = vec![(REST, Due::Enter(Phase::Single)), (zone, Due::Enter(Phase::Zone))];
        due.push((zone + ZONE_WITHIN + Duration::from_millis(1), Due::Look));
        due.extend(self.sweep.map(|every| (within(&mut self.rng, Duration::ZERO, every), Due::Sweep)));
        // The first tick falls into the rest, or it would not be seen there.
        due.push((within(&mut self.rng, Duration::from_mins(1), Duration::from_mins(4)), Due::Tick));
        for _ in 0..SINGLES {
            due.push((within(&mut self.rng, REST, SINGLES_WITHIN), Due::KillAny));
        }
        let mut all: Vec<usize> = (0..self.specs.len()).collect();
        self.rng.shuffle(&mut all);
        for fleet in all.iter().take(self.specs.len().div_ceil(ONE_IN)) {
            due.push((within(&mut self.rng, zone, ZONE_WITHIN), Due::Kill(*fleet)));
        }
        self.agenda.extend(due);
    }

    /// Until every fleet has healed, or patience is over.
    async fn run(&mut self) {
        loop {
            let now = self.begin.elapsed();
            self.deliver();
            while let Some((at, due)) = self.agenda.first().copied().filter(|(at, _)| *at <= now) {
                self.agenda.remove(&(at, due));
                if self.perform(at, due) {
                    return;
                }
            }
            let wake = self.begin + self.agenda.first().map_or(LOOK, |(at, _)| *at);
            let wake = self.cloud.next_due().map_or(wake, |due| due.min(wake));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(wake) => {}
                () = self.cloud.changed() => {}
            }
        }
    }

    /// True when all is over.
    fn perform(&mut self, at: Duration, due: Due) -> bool {
        match due {
            Due::Enter(phase) => {
                let left = self.cloud.lock().take_least_left();
                self.measure.enter(phase, self.cloud.now(), left);
            }
            Due::Sweep => {
                self.woken += 1;
                self.failover.accept(scheduled_event(self.cloud.now(), self.woken));
                self.agenda.extend(self.sweep.map(|every| (at + every, Due::Sweep)));
            }
            Due::Tick => {
                self.woken += 1;
                self.panda.accept_as(format!("tick-{}", self.woken), self.payload.clone());
                self.agenda.insert((at + self.tick, Due::Tick));
            }
            Due::KillAny => {
                let mut order: Vec<usize> = (0..self.specs.len()).collect();
                self.rng.shuffle(&mut order);
                if let Some(fleet) = order.into_iter().find(|fleet| self.is_well(*fleet)) {
                    self.kill(fleet);
                }
            }
            Due::Kill(fleet) => self.kill(fleet),
            Due::Look => {
                let healed = self.failover.busy() == 0 && (0..self.specs.len()).all(|fleet| self.is_well(fleet));
                if healed || at > REST + SINGLE + PATIENCE {
                    return true;
                }
                self.agenda.insert((at + LOOK, Due::Look));
            }
        }
        false
    }

    fn is_well(&self, fleet: usize) -> bool {
        let world = self.cloud.lock();
        self.specs.get(fleet).is_some_and(|spec| goal::unwell(&world, spec, &Over::Healthy).is_none())
    }

    /// The machine under the fleet's address dies without a word.
    fn kill(&mut self, fleet: usize) {
        let Some(public_ip) = self.specs.get(fleet).and_then(|spec| spec.addresses.first()) else { return };
        let holder = self.cloud.lock().holder_of(public_ip).map(str::to_owned);
        if let Some(holder) = holder
            && self.cloud.act(&Act::Crash { instance: holder.clone() })
        {
            self.measure.killed(public_ip, &holder, self.cloud.now());
        }
    }

    /// Brings the world to the present, its events to the function, and its journal to the books.
    fn deliver(&mut self) {
        let (events, entries) = {
            let mut world = self.cloud.lock();
            world.advance_to(self.cloud.now());
            (world.take_events(), world.take_journal())
        };
        for entry in &entries {
            self.measure.see(entry);
        }
        for event in events {
            for _rule in self.rules.woken_by(&event) {
                self.failover.accept(event.clone());
            }
        }
        let _forgotten = (self.failover.take_ended(), self.panda.take_ended(), self.cloud.take_deeds());
        self.dead_letters += self.failover.take_letters().len() as u64;
    }

    /// One sweep more without any limits, and what it leaves undone.
    async fn conclude(mut self, fleets: u32, seed: u64) -> Measured {
        let left = self.cloud.lock().take_least_left();
        let ended = self.cloud.now();
        self.cloud.lock().set_faults(Faults::default());
        self.failover.accept(scheduled_event(self.cloud.now(), self.woken + 1));
        while self.failover.busy() > 0 {
            let wake = self.cloud.next_due().unwrap_or_else(|| Instant::now() + LOOK);
            tokio::select! {
                biased;
                () = self.failover.progress() => {}
                () = tokio::time::sleep_until(wake) => {}
                () = self.cloud.changed() => {}
            }
            self.deliver();
        }
        let world = self.cloud.lock();
        let unmet = self.specs.iter().flat_map(|spec| goal::unmet(&world, spec)).collect();
        drop(world);
        let (at_once, dead_letters) = (self.failover.most_at_once(), self.dead_letters);
        Measured { fleets, seed, parts: self.measure.conclude(ended, left), at_once, dead_letters, unmet }
    }
}
