//! What happens at the worst moment?
//!
//! Chance alone would hardly ever meet the second between a look and a kill. So something happens on purpose there: while the panda looks
//! closely at a group, while it asks EC2 whether it would, right after an intention is recorded. And the caller dies at the very call that
//! strikes, before or after its effect.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use aws_smithy_runtime_api::client::{
    http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
    },
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use panda_domain::{chaos::Said, ids::FleetName};
use panda_world::Act;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    fleets::{Plan, Weather},
    ledger::Ledger,
    trouble::{self, Trouble},
};
use crate::simulate::cloud::Cloud;

/// Something that is done at its time.
#[derive(Debug, Clone)]
pub(super) enum Deed {
    /// Something happens to the world.
    Act(Act),
    /// Something happens to this fleet; what, is drawn when the time comes.
    Trouble(usize),
    /// Somebody puts this fleet right, whatever was forgotten.
    Tidy(usize),
    /// Somebody invokes the panda.
    Command(Value),
    /// Somebody deploys the panda in another mode.
    Mode(&'static str),
}

/// What is to be done, by time.
#[derive(Clone, Default)]
pub(super) struct Agenda(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    number: u64,
    deeds: BTreeMap<(Timestamp, u64), Deed>,
}

impl Agenda {
    pub(super) fn add(&self, at: Timestamp, deed: Deed) {
        let mut pages = self.pages();
        pages.number += 1;
        let key = (at, pages.number);
        pages.deeds.insert(key, deed);
    }

    /// What is due, in order.
    pub(super) fn due(&self, now: Timestamp) -> Vec<Deed> {
        let mut pages = self.pages();
        if pages.deeds.first_key_value().is_none_or(|((at, _), _)| *at > now) {
            return Vec::new();
        }
        let later = pages.deeds.split_off(&(now, u64::MAX));
        std::mem::replace(&mut pages.deeds, later).into_values().collect()
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.pages().deeds.first_key_value().map(|((at, _), _)| *at)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When something could happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The panda looks closely at a group.
    Looking,
    /// It asks EC2 whether it would.
    Probing,
    /// It has recorded its intention.
    Recorded,
}

/// Whoever makes mischief.
#[derive(Clone)]
pub(super) struct Mischief(Arc<Inner>);

struct Inner {
    cloud: Cloud,
    ledger: Ledger,
    agenda: Agenda,
    plans: Vec<Plan>,
    percent: u8,
    deaths: u8,
    rng: Mutex<Rng>,
    over: Mutex<bool>,
}

impl Mischief {
    pub(super) fn new(
        cloud: Cloud,
        ledger: Ledger,
        agenda: Agenda,
        plans: Vec<Plan>,
        weather: &Weather,
        seed: u64,
    ) -> Self {
        let rng = Mutex::new(Rng::with_seed(seed ^ 0x0DD5_0DD5));
        let (percent, deaths) = (weather.mischief, weather.deaths);
        Self(Arc::new(Inner { cloud, ledger, agenda, plans, percent, deaths, rng, over: Mutex::new(false) }))
    }

    /// From now on nothing happens on purpose.
    pub(super) fn end(&self) {
        *self.0.over.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Does a trouble to the world, and appoints its end.
    pub(super) fn make(&self, trouble: Trouble) {
        let Inner { cloud, agenda, .. } = &*self.0;
        for act in &trouble.acts {
            cloud.act(act);
        }
        let end = cloud.now().checked_add(trouble.lasts).unwrap_or(Timestamp::MAX);
        for act in trouble.mend {
            agenda.add(end, Deed::Act(act));
        }
    }

    /// Draws and makes a trouble for a group.
    pub(super) fn trouble(&self, plan: &Plan, group: &str) {
        let trouble = {
            let world = self.0.cloud.lock();
            trouble::draw(&mut self.rng(), &world, plan, group)
        };
        if let Some(trouble) = trouble {
            self.make(trouble);
        }
    }

    /// A moment has come at which something could happen to a group.
    pub(super) async fn at(&self, moment: Moment, group: &str) {
        if let Some(said) = self.around(moment, group) {
            let fleet = self.plan_of(group).map(|plan| FleetName::from(plan.spec.name.as_str()));
            let (whole, lasts) = {
                let mut rng = self.rng();
                (rng.u8(0..3) == 0, SignedDuration::from_mins(rng.i64(5..4_000)))
            };
            let fleet = fleet.filter(|_| !whole);
            self.0.ledger.disarm(fleet.as_ref(), &said).await;
            let mut arm = json!({"command": "arm", "reason": "it was a false alarm"});
            if let (Some(fleet), Some(arm)) = (&fleet, arm.as_object_mut()) {
                arm.insert("fleet".to_owned(), Value::from(fleet.as_str()));
            }
            let end = said.at.checked_add(lasts).unwrap_or(Timestamp::MAX);
            self.0.agenda.add(end, Deed::Command(arm));
        }
    }

    /// What happens at a moment; the words of somebody who disarms, if that is what happens.
    fn around(&self, moment: Moment, group: &str) -> Option<Said> {
        let (thrown, trap) = {
            let mut rng = self.rng();
            let thrown = rng.u8(0..100);
            let percent = self.0.percent;
            let over = *self.0.over.lock().unwrap_or_else(PoisonError::into_inner);
            if over || thrown >= percent {
                return None;
            }
            (thrown, (moment == Moment::Recorded && thrown.is_multiple_of(2)).then(|| trouble::trap(&mut rng, group)))
        };
        if let Some(trap) = trap {
            self.make(trap);
        } else if thrown % 5 == 1 {
            return Some(Said {
                reason: "stop!".to_owned(),
                by: "somebody in a hurry".to_owned(),
                at: self.0.cloud.now(),
            });
        } else if let Some(plan) = self.plan_of(group) {
            self.trouble(plan, group);
        }
        None
    }

    fn plan_of(&self, group: &str) -> Option<&Plan> {
        self.0.plans.iter().find(|plan| plan.group(group).is_some())
    }

    /// Whether the caller dies at a strike, and then whether it dies after its effect.
    fn dies(&self) -> Option<bool> {
        let mut rng = self.rng();
        let over = *self.0.over.lock().unwrap_or_else(PoisonError::into_inner);
        (!over && rng.u8(0..100) < self.0.deaths).then(|| rng.bool())
    }

    fn rng(&self) -> MutexGuard<'_, Rng> {
        self.0.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The group that an instance is in, or was.
    fn group_of(&self, instance: &str) -> Option<String> {
        self.0.cloud.lock().instance(instance)?.origin.clone()
    }
}

/// An HTTP client that mischief is made around.
pub(super) struct Haunted<T> {
    pub(super) inner: T,
    pub(super) mischief: Mischief,
    pub(super) death: Arc<Notify>,
}

impl<T> fmt::Debug for Haunted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Haunted").finish_non_exhaustive()
    }
}

impl HttpClient for Haunted<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let (mischief, death) = (self.mischief.clone(), Arc::clone(&self.death));
        SharedHttpConnector::new(Haunted { inner: self.inner.http_connector(settings, components), mischief, death })
    }
}

impl HttpConnector for Haunted<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let moment = request.body().bytes().and_then(read);
        let Some((what, about)) = moment else { return self.inner.call(request) };
        let (mischief, death) = (self.mischief.clone(), Arc::clone(&self.death));
        let dies = if what == What::Strike { mischief.dies() } else { None };
        let answer = (dies != Some(false)).then(|| self.inner.call(request));
        HttpConnectorFuture::new(async move {
            match what {
                What::Look => mischief.at(Moment::Looking, &about).await,
                What::Probe => {
                    if let Some(group) = mischief.group_of(&about) {
                        mischief.at(Moment::Probing, &group).await;
                    }
                }
                What::Strike => {}
            }
            let answer = match answer {
                Some(answer) => Some(answer.await),
                None => None,
            };
            match answer {
                Some(answer) if dies.is_none() => answer,
                _ => {
                    death.notify_one();
                    std::future::pending().await
                }
            }
        })
    }
}

/// What a request is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Look,
    Probe,
    Strike,
}

/// Reads a form, if it is one that matters, with the group or the instance that it is about.
fn read(body: &[u8]) -> Option<(What, String)> {
    let form = std::str::from_utf8(body).ok()?;
    let field =
        |name: &str| form.split('&').find_map(|field| field.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    match field("Action")?.as_str() {
        "DescribeScalingActivities" => Some((What::Look, field("AutoScalingGroupName")?)),
        "TerminateInstances" if field("DryRun").is_some() => Some((What::Probe, field("InstanceId.1")?)),
        "TerminateInstances" => Some((What::Strike, field("InstanceId.1")?)),
        "TerminateInstanceInAutoScalingGroup" => Some((What::Strike, field("InstanceId")?)),
        _ => None,
    }
}
