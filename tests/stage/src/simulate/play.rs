//! How does one run go? From a healthy fleet, through the script, until it is healed and quiet, to one last sweep with fresh reads.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use elastic_ip_failover::Config;
use fastrand::Rng;
use jiff::Timestamp;
use panda_world::{Act, Entry, Faults, Permission, Timing, Traffic, World};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    Strategy,
    cloud::Cloud,
    deployment::Deployment,
    goal,
    lambda::{DeadLetter, Failover, Function, Invocation, Lambda},
    scenario::{Deed, Script},
};

/// Every run begins here; nothing depends on it.
const START: i64 = 1_778_148_000; // 2026-05-07T10:00:00Z
/// A fleet that is not well by then, so long after the last deed, is given up. Longer than a hook's heartbeat after a failed boot.
const PATIENCE: Duration = Duration::from_mins(40);
/// How long everything has to be well: longer than an event and an address are on their way.
const QUIET: Duration = Duration::from_secs(15);
/// The same where events are late.
const QUIET_WHEN_ROUGH: Duration = Duration::from_secs(40);

/// What happened in one run.
pub(super) struct Played {
    pub(super) journal: Vec<Entry>,
    pub(super) invocations: Vec<Invocation>,
    pub(super) dead_letters: Vec<DeadLetter>,
    /// When the first deed was done.
    pub(super) began: Timestamp,
    /// When the run was over, before the last sweep.
    pub(super) ended: Timestamp,
    /// Why the fleet was not well at the end, if it was not.
    pub(super) unwell: Option<String>,
    /// What the last sweep left undone.
    pub(super) unmet: Vec<String>,
    /// What the function's role did not allow.
    pub(super) refused: Vec<String>,
    /// What of the role was used.
    pub(super) permissions: BTreeSet<Permission>,
    pub(super) traffic: Traffic,
}

/// Plays a script. Must be called within a paused runtime and a `LocalSet`.
pub(super) async fn play(
    script: &Script,
    strategy: Strategy,
    seed: u64,
    deployment: &Arc<Deployment>,
    config: &Config,
) -> Played {
    let start = Timestamp::from_second(START).unwrap_or_default();
    let mut world = World::new(seed, start, Timing::default());
    for fleet in std::iter::once(&script.fleet).chain(&script.neighbours) {
        world.found_fleet(fleet);
    }
    world.set_faults(script.faults.clone());
    let cloud = Cloud::new(world);
    let lambda = strategy
        .has_function()
        .then(|| Lambda::new(Arc::clone(deployment), Failover(config.clone()), cloud.clone(), seed));
    let mut rng = Rng::with_seed(seed ^ 0x5EED_0F71);
    // The sweep has its own beat; the first deed falls anywhere after its first.
    let first_sweep = Duration::from_millis(rng.u64(0..60_000));
    let first_deed = first_sweep + Duration::from_millis(rng.u64(2_000..62_000));
    let mut run = Run {
        script,
        strategy,
        deployment,
        cloud,
        lambda,
        rng,
        rough: script.faults != Faults::default(),
        sweeps: 0,
        next_step: 0,
        last_victim: None,
        not_before: Duration::ZERO,
        begin: Instant::now(),
    };
    let began = run.at(first_deed);
    let (ended, unwell) = run.until_quiet(first_sweep, first_deed).await;
    let unmet = run.last_sweep().await;
    let (invocations, dead_letters) = run.lambda.as_ref().map(Lambda::take_log).unwrap_or_default();
    let mut world = run.cloud.lock();
    let (journal, refused) = (world.take_journal(), world.refused_by_roles().to_vec());
    let (permissions, traffic) = (world.used_permissions(Failover::NAME), world.traffic());
    drop(world);
    Played { journal, invocations, dead_letters, began, ended, unwell, unmet, refused, permissions, traffic }
}

struct Run<'a> {
    script: &'a Script,
    strategy: Strategy,
    deployment: &'a Deployment,
    cloud: Cloud,
    lambda: Option<Lambda<Failover>>,
    rng: Rng,
    rough: bool,
    sweeps: u32,
    next_step: usize,
    last_victim: Option<String>,
    /// What was announced comes true by then.
    not_before: Duration,
    begin: Instant,
}

impl Run<'_> {
    fn at(&self, after: Duration) -> Timestamp {
        self.cloud.start().checked_add(after).unwrap_or(Timestamp::MAX)
    }

    /// Runs until the script is through and the fleet has been well for a while, or patience ends. Gives the time and what is wrong then.
    async fn until_quiet(&mut self, first_sweep: Duration, first_deed: Duration) -> (Timestamp, Option<String>) {
        let quiet = if self.rough { QUIET_WHEN_ROUGH } else { QUIET };
        let last_deed = first_deed + self.script.steps.iter().map(|step| step.after).max().unwrap_or_default();
        let mut sweep = self.deployment.sweep_every.filter(|_| self.lambda.is_some()).map(|_| first_sweep);
        let mut well_since: Option<Duration> = None;
        loop {
            let now = self.begin.elapsed();
            self.deliver();
            while let Some(step) = self.script.steps.get(self.next_step).filter(|step| first_deed + step.after <= now) {
                self.next_step += 1;
                self.perform(&step.deed);
            }
            if let (Some(due), Some(every)) = (sweep, self.deployment.sweep_every)
                && due <= now
            {
                self.sweep();
                sweep = Some(due + every);
            }
            let wrong = self.wrong();
            if self.next_step < self.script.steps.len() || now < self.not_before || wrong.is_some() {
                well_since = None;
            } else {
                let since = *well_since.get_or_insert(now);
                if now >= since + quiet {
                    return (self.cloud.now(), None);
                }
            }
            if now > last_deed + PATIENCE {
                return (self.cloud.now(), wrong);
            }
            let step = self.script.steps.get(self.next_step).map(|step| first_deed + step.after);
            let announced = Some(self.not_before).filter(|announced| *announced > now);
            let own = [
                step,
                sweep,
                announced,
                well_since.map(|since| since + quiet),
                Some(last_deed + PATIENCE + Duration::from_secs(1)),
            ];
            let wake = own.into_iter().flatten().min().unwrap_or_default();
            self.rest_until(wake).await;
        }
    }

    /// Sleeps until this time, the world's next transition, or news.
    async fn rest_until(&self, wake: Duration) {
        let due = self.cloud.next_due();
        let wake = (self.begin + wake).min(due.unwrap_or_else(|| self.begin + wake));
        let progress = async {
            match &self.lambda {
                Some(lambda) => lambda.progress().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(wake) => {}
            () = self.cloud.changed() => {}
            () = progress => {}
        }
    }

    /// Brings the world to the present and hands its events to the function where a rule lets them through.
    fn deliver(&self) {
        let events = {
            let mut world = self.cloud.lock();
            world.advance_to(self.cloud.now());
            world.take_events()
        };
        let Some(lambda) = &self.lambda else { return };
        if self.strategy == Strategy::SweepOnly {
            return;
        }
        for event in events {
            for _rule in self.deployment.woken_by(&event) {
                lambda.accept(event.clone());
            }
        }
    }

    fn perform(&mut self, deed: &Deed) {
        let mut world = self.cloud.lock();
        let act = match deed {
            Deed::Do(act) => act.clone(),
            Deed::To(whom, act) => {
                let found = whom.find(&world, &self.script.fleet, self.last_victim.as_deref());
                let Some(instance) = found else { return };
                let act = act(instance);
                self.last_victim = Some(instance.id.clone());
                act
            }
        };
        if let Act::SpotNotice { lead_seconds, .. } = &act {
            let taken = self.begin.elapsed() + Duration::from_secs(u64::from(*lead_seconds) + 1);
            self.not_before = self.not_before.max(taken);
        }
        // Refused where the fleet has changed under the script's feet: then nothing happens, and the journal says so.
        let _refused = world.act(&act);
    }

    /// EventBridge's schedule: within its minute, at least once, and on a bad day not at all.
    fn sweep(&mut self) {
        let Some(lambda) = &self.lambda else { return };
        let times = match (self.rough, self.rng.u8(0..100)) {
            (true, 0..5) => 0,
            (true, 5..10) => 2,
            _ => 1,
        };
        for _ in 0..times {
            self.sweeps += 1;
            let (lambda, event) = (lambda.clone(), scheduled_event(self.cloud.now(), self.sweeps));
            let late = Duration::from_millis(self.rng.u64(0..2_000));
            tokio::task::spawn_local(async move {
                tokio::time::sleep(late).await;
                lambda.accept(event);
            });
        }
    }

    /// What is not well in the fleet, if anything. Events under way and retries count.
    fn wrong(&self) -> Option<String> {
        if self.lambda.as_ref().is_some_and(|lambda| lambda.busy() > 0) {
            return Some("an event is not done with".to_owned());
        }
        let world = self.cloud.lock();
        goal::unwell(&world, &self.script.fleet, &self.script.over)
    }

    /// Ends all faults, sweeps once, and looks what is left undone.
    async fn last_sweep(&mut self) -> Vec<String> {
        self.cloud.lock().set_faults(Faults::default());
        let Some(lambda) = &self.lambda else { return Vec::new() };
        // Beyond the age that a stale read could have left in a warm environment's memory, and beyond events still under way.
        self.sweeps += 1;
        lambda.accept(scheduled_event(self.cloud.now(), self.sweeps));
        while lambda.busy() > 0 {
            self.rest_until(self.begin.elapsed() + Duration::from_mins(1)).await;
            self.deliver();
        }
        goal::unmet(&self.cloud.lock(), &self.script.fleet)
    }
}

pub(super) fn scheduled_event(at: Timestamp, number: u32) -> Value {
    let time = at.round(jiff::Unit::Second).unwrap_or(at).to_string();
    json!({
        "version": "0",
        "id": format!("00000000-0000-4000-8000-{number:012}"),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": panda_world::ACCOUNT,
        "time": time,
        "region": panda_world::REGION,
        "resources": [format!("arn:aws:events:{}:{}:rule/lethargic-panda-sweep", panda_world::REGION, panda_world::ACCOUNT)],
        "detail": {},
    })
}
