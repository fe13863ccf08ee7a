//! How does a year go? Ticks, people, weather and the function that keeps the addresses, in one world, from January to December.
//!
//! Left out, because nothing depends on it, is most of the nights: a tick outside every window costs one read of the groups and one of the
//! journal. Ticks are played from half an hour before each window of a group that takes part until half an hour after it, while an
//! experiment is open, and otherwise one in [`SAMPLE`]. The sweep of the function that keeps the addresses is played only while a fleet is
//! not well: what it finds in a healthy one it leaves as it is.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp, civil::Date};
use panda_domain::{chaos::Present, ids::FleetName};
use panda_world::{Act, Entry, Faults, FleetSpec, Permission, Timing, Traffic, World};
use serde_json::{Value, json};

use super::{
    DAYS, START,
    calendar::{DayOf, Environment, Rules},
    chronicle::Chronicle,
    figures::Figures,
    fleets::{self, Plan, Weather},
    function::{Began, Panda, failures},
    law::{Judge, Sight},
    ledger::Ledger,
    mischief::{Agenda, Deed, Mischief},
    people, trouble,
};
use crate::simulate::{
    Strategy,
    account::Account,
    cloud::Cloud,
    deployment::Deployment,
    goal,
    lambda::{Ending, Failover, Function as _, Lambda},
    law::Violation,
    play::scheduled_event,
    report::Lived,
    scenario::Over,
    truth,
};

const DAY: Duration = Duration::from_hours(24);
/// The pause between two sweeps of the function that keeps the addresses.
const SWEEP: Duration = Duration::from_mins(1);
/// So long after something happened it is swept each minute. A fleet that is still not well waits for people, and the pauses grow to half
/// of the time for which nothing has happened.
const STIR: Duration = Duration::from_mins(12);
const RAREST_SWEEP: Duration = Duration::from_hours(2);
/// How far from every window a tick is that may be left out.
const MARGIN: SignedDuration = SignedDuration::from_mins(30);
/// One in so many of them is played nevertheless.
const SAMPLE: u32 = 24;
/// So long everything may take to end, when the year is over.
const EPILOGUE: Duration = Duration::from_hours(4);

/// What a year is played with.
pub(in crate::simulate) struct Cast<'a> {
    pub(in crate::simulate) panda: &'a Arc<Deployment>,
    pub(in crate::simulate) failover: &'a Arc<Deployment>,
    pub(in crate::simulate) failover_config: &'a elastic_ip_failover::Config,
}

/// A year that is over.
pub(in crate::simulate) struct Played {
    pub(in crate::simulate) account: Account,
    pub(in crate::simulate) figures: Figures,
    pub(in crate::simulate) violations: Vec<Violation>,
    pub(in crate::simulate) chronicle: Chronicle,
    /// What of the functions' roles was used, by their names.
    pub(in crate::simulate) permissions: BTreeMap<&'static str, BTreeSet<Permission>>,
    pub(in crate::simulate) lived: Lived,
    pub(in crate::simulate) began: Timestamp,
    pub(in crate::simulate) ended: Timestamp,
}

/// Plays a year. Must be called within a paused runtime and a `LocalSet`.
///
/// # Errors
/// The panda would not start with its environment.
pub(in crate::simulate) async fn play(cast: &Cast<'_>, seed: u64, keep: bool) -> Result<Played, panda::ConfigError> {
    let mut rng = rng(seed);
    let (weather, plans) = (Weather::draw(&mut rng), fleets::draw(&mut rng));
    let environment = fleets::environment(&cast.panda.environment, &mut rng);
    let config = panda::Config::from_lookup(|name| environment.get(name).cloned())?;
    let start = Timestamp::from_second(START).unwrap_or_default();
    let mut world = World::new(seed, start, Timing::default());
    for plan in &plans {
        world.found_fleet(&plan.spec);
    }
    world.set_faults(weather.faults.clone());
    let stale = weather.faults.stale_reads > 0.0;
    let lag = SignedDuration::try_from(weather.faults.stale_lag.to).ok().filter(|_| stale).unwrap_or_default();
    let cloud = Cloud::new(world);
    let (agenda, ledger) = (Agenda::default(), Ledger::new(cloud.clone(), weather.frailty, seed));
    people::appoint(&mut rng, &agenda, &plans, &weather, &environment, start);
    let mischief = Mischief::new(cloud.clone(), ledger.clone(), agenda.clone(), plans.clone(), &weather, seed);
    let (began, figures) = (Rc::default(), Rc::default());
    let panda = Panda {
        cloud: cloud.clone(),
        ledger: ledger.clone(),
        mischief: mischief.clone(),
        config: RefCell::new(config),
        began: Rc::clone(&began),
        figures: Rc::clone(&figures),
    };
    let all = FleetSpec {
        addresses: plans.iter().flat_map(|plan| plan.spec.addresses.iter().cloned()).collect(),
        groups: plans.iter().flat_map(|plan| plan.spec.groups.iter().cloned()).collect(),
        ..FleetSpec::default()
    };
    let mut year = Year {
        tick: Duration::from_mins(environment.get("TICK_MINUTES").and_then(|text| text.parse().ok()).unwrap_or(15)),
        payload: cast.panda.schedule_input.clone().unwrap_or_else(|| json!({"command": "tick"})),
        panda: Lambda::new(Arc::clone(cast.panda), panda, cloud.clone(), seed),
        failover: Lambda::new(
            Arc::clone(cast.failover),
            Failover(cast.failover_config.clone()),
            cloud.clone(),
            seed.rotate_left(7),
        ),
        rules: cast.failover,
        judge: Judge::new(&plans, start, environment.clone(), lag),
        truth: truth::Truth::new(&all),
        account: Account::default(),
        chronicle: Chronicle::new(start, keep),
        rules_of: BTreeMap::new(),
        days: BTreeMap::new(),
        begin: tokio::time::Instant::now(),
        sweep: None,
        sweeps: 0,
        stirred: Duration::ZERO,
        commands: 0,
        weather,
        plans,
        environment,
        cloud,
        ledger,
        agenda,
        mischief,
        began,
        figures,
        rng,
    };
    year.run().await;
    let ended = year.cloud.now();
    year.account.close(&all.addresses, start, ended);
    let mut figures = std::mem::take(&mut year.judge.figures);
    figures.join(&year.figures.borrow());
    let world = year.cloud.lock();
    let permissions = [Panda::NAME, Failover::NAME].map(|name| (name, world.used_permissions(name))).into();
    let (refused, traffic) = (world.refused_by_roles().to_vec(), world.traffic());
    drop(world);
    for refused in refused.iter().filter(|refused| !is_excusable(refused)) {
        let law = "a role allows all that its function asks for, but for instances that lack the tag or have left";
        year.judge.violations.push(Violation { law, at: ended, what: refused.clone() });
    }
    let lived = Lived { traffic, ..lived(&year.weather, &year.plans) };
    figures.fleet_days = year.plans.len() as u64 * u64::from(DAYS);
    Ok(Played {
        account: year.account,
        figures,
        violations: std::mem::take(&mut year.judge.violations),
        chronicle: year.chronicle,
        permissions,
        lived,
        began: start,
        ended,
    })
}

/// Everything of a year is drawn from this.
fn rng(seed: u64) -> Rng {
    Rng::with_seed(seed ^ 0x0C4A_0517)
}

/// How much life of fleets a year is; the hours after its end, when nothing goes wrong any more, are no part of it.
fn lived(weather: &Weather, plans: &[Plan]) -> Lived {
    let (fleets, seconds) = (u32::try_from(plans.len()).unwrap_or(0), DAY.as_secs_f64() * f64::from(DAYS));
    Lived::of(fleets, seconds, weather.faults != Faults::default(), Traffic::default())
}

/// The same before it is played.
pub(in crate::simulate) fn to_live(seed: u64) -> Lived {
    let mut rng = rng(seed);
    let weather = Weather::draw(&mut rng);
    lived(&weather, &fleets::draw(&mut rng))
}

/// Whether a refusal is of an instance without the tag (a group's tag that does not propagate, or that came after the instance), of a group
/// whose people opted out between the look and the strike, which is what the role is for, or of an instance that has left its group between
/// the look and the verdict, which no role allows by a tag.
fn is_excusable(refused: &str) -> bool {
    let strikes = refused.contains(":instance/") || refused.contains("TerminateInstanceInAutoScalingGroup on");
    let unmarked = strikes && !refused.contains("ResourceTag/lethargic-panda:chaos = on");
    // Auto Scaling takes this tag away from a member that is detached; the group may still be read with it.
    let left = refused.contains(":instance/") && !refused.contains("ResourceTag/aws:autoscaling:groupName = ");
    unmarked || left || refused.contains("autoscaling:SetInstanceHealth on arn:aws:autoscaling:::no-resource")
}

struct Year<'a> {
    weather: Weather,
    plans: Vec<Plan>,
    environment: Environment,
    cloud: Cloud,
    ledger: Ledger,
    agenda: Agenda,
    mischief: Mischief,
    panda: Lambda<Panda>,
    failover: Lambda<Failover>,
    rules: &'a Deployment,
    began: Rc<RefCell<Vec<Began>>>,
    figures: Rc<RefCell<Figures>>,
    judge: Judge,
    truth: truth::Truth,
    account: Account,
    chronicle: Chronicle,
    /// What each group's tags allow, as long as they are these; nothing if they cannot be read.
    rules_of: BTreeMap<String, (BTreeMap<String, String>, Option<Rules>)>,
    /// The windows of each group's days, as long as its tags are these.
    days: BTreeMap<(String, Date), DayOf>,
    tick: Duration,
    payload: Value,
    begin: tokio::time::Instant,
    sweep: Option<Duration>,
    sweeps: u32,
    /// When something last happened.
    stirred: Duration,
    commands: u32,
    rng: Rng,
}

impl Year<'_> {
    async fn run(&mut self) {
        let end = DAY * DAYS;
        let (mut tick, mut review) = (Duration::ZERO, DAY);
        let mut over = false;
        loop {
            let now = self.begin.elapsed();
            self.deliver();
            if now >= end && !over {
                over = true;
                self.calm_down();
            }
            if !over {
                for deed in self.agenda.due(self.cloud.now()) {
                    self.perform(deed).await;
                }
            }
            if tick <= now {
                self.tick(over).await;
                tick += self.tick;
            }
            if self.sweep.is_some_and(|due| due <= now) {
                self.sweep_once(now);
            }
            if review <= now {
                self.review();
                review += DAY;
            }
            if over && (now > end + EPILOGUE || now > end + self.tick * 2 && self.is_quiet().await) {
                break;
            }
            let deed = self.agenda.next().filter(|_| !over).map(|at| self.since_start(at));
            let wake = [Some(tick), Some(review), self.sweep, deed].into_iter().flatten().min().unwrap_or(tick);
            self.rest_until(wake).await;
        }
        self.review();
        self.judge.conclude(self.cloud.now());
        self.chronicle.accuse(&self.judge.violations);
    }

    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.cloud.start())).unwrap_or_default()
    }

    async fn rest_until(&self, wake: Duration) {
        let wake = self.begin + wake;
        let wake = self.cloud.next_due().map_or(wake, |due| due.min(wake));
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(wake) => {}
            () = self.cloud.changed() => {}
        }
    }

    /// Brings the world to the present, and its events to the function that keeps the addresses.
    fn deliver(&mut self) {
        let events = {
            let mut world = self.cloud.lock();
            world.advance_to(self.cloud.now());
            world.take_events()
        };
        if !events.is_empty() {
            self.watch_out();
        }
        for event in events {
            for _rule in self.rules.woken_by(&event) {
                self.failover.accept(event.clone());
            }
        }
    }

    /// Something happened: a fleet may not be well.
    fn watch_out(&mut self) {
        self.stirred = self.begin.elapsed();
        let next = self.stirred + SWEEP;
        self.sweep = Some(self.sweep.map_or(next, |sweep| sweep.min(next)));
    }

    fn sweep_once(&mut self, now: Duration) {
        let ill = {
            let world = self.cloud.lock();
            self.plans.iter().any(|plan| goal::unwell(&world, &plan.spec, &Over::Healthy).is_some())
        };
        let calm = now.saturating_sub(self.stirred);
        let pause = if calm > STIR { (calm / 2).min(RAREST_SWEEP) } else { SWEEP };
        self.sweep = ill.then_some(now + pause);
        if ill {
            self.sweeps += 1;
            self.failover.accept(scheduled_event(self.cloud.now(), self.sweeps));
        }
    }

    async fn perform(&mut self, deed: Deed) {
        self.watch_out();
        match deed {
            Deed::Act(act) => {
                self.cloud.act(&act);
            }
            Deed::Trouble(fleet) => {
                let Some(plan) = self.plans.get(fleet) else { return };
                let group = self.rng.usize(0..plan.spec.groups.len().max(1));
                if let Some(group) = plan.spec.groups.get(group) {
                    self.mischief.trouble(plan, &group.name);
                }
            }
            Deed::Tidy(fleet) => self.tidy(fleet).await,
            Deed::Command(payload) => self.command(payload),
            Deed::Mode(mode) => self.panda.redeploy(|panda| {
                if let Ok(mode) = mode.parse() {
                    panda.config.borrow_mut().settings.mode = mode;
                }
            }),
        }
    }

    /// A person puts a fleet right and, if the panda has disarmed it or somebody has forgotten the lever, arms it again.
    async fn tidy(&mut self, fleet: usize) {
        let Some(plan) = self.plans.get(fleet) else { return };
        let acts = trouble::tidy(&self.cloud.lock(), plan);
        for act in acts {
            self.cloud.act(&act);
        }
        let name = plan.spec.name.clone();
        let Present { lever, disarmed, .. } = self.ledger.present().await;
        let now = self.cloud.now();
        let forgotten = |at: Timestamp, days: i64| now.duration_since(at).as_hours() > 24 * days;
        let arm = json!({"command": "arm", "reason": "somebody has looked"});
        if let Some(said) = disarmed.get(&FleetName::from(name.as_str()))
            && forgotten(said.at, 2)
        {
            self.command(people::about(arm.clone(), Some(&name)));
        }
        if fleet == 0 && lever.is_some_and(|said| forgotten(said.at, 7)) {
            self.command(arm);
        }
    }

    /// Somebody invokes the panda. Lambda hands over an event at least once.
    fn command(&mut self, payload: Value) {
        self.commands += 1;
        let (_, doubled, _) = self.weather.ticks;
        let id = format!("order-{}", self.commands);
        if self.rng.u8(0..100) < doubled {
            self.panda.accept_as(id.clone(), payload.clone());
        }
        self.panda.accept_as(id, payload);
    }

    /// The scheduler's tick: late, lost, doubled, or on time.
    async fn tick(&mut self, over: bool) {
        let near = self.near_a_window();
        let sampled = self.rng.u32(0..SAMPLE) == 0;
        if !over && !near && !sampled && self.ledger.present().await.open.is_empty() {
            self.figures.borrow_mut().skipped += 1;
            return;
        }
        let (lost, doubled, late) = if over { (0, 0, 0) } else { self.weather.ticks };
        let thrown = self.rng.u8(0..100);
        let times = if thrown < lost {
            0
        } else if thrown < lost + doubled {
            2
        } else {
            1
        };
        for _ in 0..times {
            let late = self.rng.u8(0..100) < late;
            let pause = Duration::from_millis(self.rng.u64(0..if late { 1_500_000 } else { 20_000 }));
            self.commands += 1;
            let (panda, payload, id) = (self.panda.clone(), self.payload.clone(), format!("tick-{}", self.commands));
            tokio::task::spawn_local(async move {
                tokio::time::sleep(pause).await;
                panda.accept_as(id, payload);
            });
        }
    }

    /// Whether a window of a group that takes part is open, nearly open, or was just open.
    fn near_a_window(&mut self) -> bool {
        let now = self.cloud.now();
        let names = self.plans.iter().flat_map(|plan| plan.spec.groups.iter().map(|group| group.name.clone()));
        let groups: Vec<(String, BTreeMap<String, String>)> = {
            let world = self.cloud.lock();
            let tags = |name: &str| {
                let tags = world.group(name).map(|group| &group.tags).into_iter().flatten();
                tags.map(|(key, (value, _))| (key.clone(), value.clone())).collect()
            };
            names.map(|name| (name.clone(), tags(&name))).collect()
        };
        for (name, tags) in groups {
            if self.rules_of.get(&name).is_none_or(|(of, _)| *of != tags) {
                let read = Rules::read(&tags, &self.environment).ok();
                self.rules_of.insert(name.clone(), (tags.clone(), read));
            }
            let Some((_, Some(rules))) = self.rules_of.get(&name) else { continue };
            let today = rules.date(now);
            for date in [today.yesterday().ok(), Some(today), today.tomorrow().ok()].into_iter().flatten() {
                let key = (name.clone(), date);
                if self.days.get(&key).is_none_or(|(of, _)| *of != tags) {
                    self.days.insert(key.clone(), (tags.clone(), rules.spans(date)));
                }
                let spans = self.days.get(&key).map(|(_, spans)| spans.as_slice()).unwrap_or_default();
                let near = |(from, to): &(Timestamp, Timestamp)| {
                    from.duration_since(now) <= MARGIN && now.duration_since(*to) <= MARGIN
                };
                if spans.iter().any(near) {
                    return true;
                }
            }
        }
        false
    }

    /// The judge sees what happened since the last time.
    fn review(&mut self) {
        let entries = self.cloud.lock().take_journal();
        self.keep_accounts(&entries);
        let mut sights: Vec<Sight> = entries.into_iter().map(Sight::Entry).collect();
        sights.extend(self.cloud.take_deeds().into_iter().map(|(at, act)| Sight::Deed(at, act)));
        sights.extend(self.ledger.take_notes().into_iter().map(Sight::Note));
        sights.extend(self.began.take().into_iter().map(Sight::Began));
        sights.sort_by_key(Sight::at);
        let ended = self.panda.take_ended();
        for invocation in &ended {
            match &invocation.ended {
                Some((_, Ending::Failed(words))) => failures(&mut self.judge.figures, words),
                Some((_, Ending::Died)) => failures(&mut self.judge.figures, "died"),
                Some((_, Ending::TimedOut)) => failures(&mut self.judge.figures, "timed out"),
                _ => {}
            }
        }
        let _forgotten = (self.failover.take_log(), self.panda.take_letters());
        let before = self.judge.violations.len();
        self.judge.see(&sights);
        self.chronicle.tell(&sights, &ended, self.judge.violations.len() > before);
        let today = self.cloud.now();
        self.days.retain(|(_, date), _| {
            date.at(0, 0, 0, 0)
                .to_zoned(jiff::tz::TimeZone::UTC)
                .is_ok_and(|at| today.duration_since(at.timestamp()).as_hours() < 72)
        });
    }

    fn keep_accounts(&mut self, entries: &[Entry]) {
        let mut rest = entries;
        while let Some((entry, ahead)) = rest.split_first() {
            self.account.see(&self.truth, Strategy::Ours, entry, ahead, self.cloud.start());
            self.truth.apply(entry);
            rest = ahead;
        }
    }

    /// The year is over: nothing goes wrong any more, and people put everything right.
    fn calm_down(&mut self) {
        self.mischief.end();
        self.ledger.heal();
        self.cloud.lock().set_faults(Faults::default());
        let acts: Vec<Act> = {
            let world = self.cloud.lock();
            self.plans.iter().flat_map(|plan| trouble::tidy(&world, plan)).collect()
        };
        for act in acts {
            self.cloud.act(&act);
        }
        self.watch_out();
    }

    async fn is_quiet(&self) -> bool {
        self.panda.busy() == 0 && self.ledger.present().await.open.is_empty()
    }
}
