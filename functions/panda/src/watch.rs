//! Does the fleet heal, how long does it take, and for how long is its site silent?

use std::{
    convert::Infallible,
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use panda_domain::{
    chaos::{
        Ending, Experiment, Healing, Observation, Outcome, Probe, Silence, Takeover, Unhealed, healing, judge,
        take_over,
    },
    ids::InstanceId,
};
use panda_lambda::deadline::Deadline;
use tokio::{
    select,
    time::{Instant, sleep, sleep_until},
};
use tracing::debug;

use crate::handler::App;

/// The pause between two looks at a fleet that heals. A replacement takes minutes, so the time to heal is known well enough.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The pause between two questions to the site.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What must be left of the invocation to write down what became of an experiment and to tell of it.
pub(crate) const RESERVE: Duration = Duration::from_secs(20);

/// How long EC2 is given to show a death, before an instance that still runs counts as alive. Reads were seen to lag by seconds.
const SETTLE: Duration = Duration::from_secs(15);

/// How often an experiment whose watcher was lost is looked at, if what happened cannot be seen.
const TRIES: u32 = 3;

/// Whether somebody was there from the strike on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Since the strike.
    Throughout,
    /// Another watcher was lost in between.
    Since,
}

/// Watches an experiment to its end; `None` if the invocation ends before: the next tick takes over.
pub(crate) async fn watch<J>(
    app: &App<J>,
    experiment: &Experiment,
    presence: Presence,
    deadline: Deadline,
) -> Option<Outcome> {
    let urls: Vec<String> = experiment
        .url
        .iter()
        .flat_map(|url| url.targets(experiment.addresses.iter().map(|address| address.public_ip.as_str())))
        .collect();
    let heard = Heard::default();
    let asking = pin!(listen(app, &urls, &heard));
    let looking = pin!(look(app, experiment, presence, deadline, &urls, &heard));
    select! {
        biased;
        outcome = looking => outcome,
        never = asking => match never {},
    }
}

/// What the site said so far.
#[derive(Default)]
struct Heard(Mutex<(Silence, Vec<Probe>)>);

impl Heard {
    fn note(&self, at: Timestamp, probes: Vec<Probe>) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.0.note(at, probes.iter().all(Probe::is_answer));
        heard.1 = probes;
    }

    fn last(&self) -> Vec<Probe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    fn silent_until(&self, at: Timestamp) -> SignedDuration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.until(at)
    }
}

/// Asks the site again and again.
async fn listen<J>(app: &App<J>, urls: &[String], heard: &Heard) -> Infallible {
    if urls.is_empty() {
        return std::future::pending().await;
    }
    loop {
        let (began, at) = (Instant::now(), app.now());
        let probes = app.eyes.ask(urls.iter().cloned()).await;
        heard.note(at, probes);
        sleep_until(began + ASK_EVERY).await;
    }
}

async fn look<J>(
    app: &App<J>,
    experiment: &Experiment,
    presence: Presence,
    deadline: Deadline,
    urls: &[String],
    heard: &Heard,
) -> Option<Outcome> {
    let throughout = presence == Presence::Throughout;
    loop {
        let seen = observe(app, experiment, urls, heard).await;
        let silent = (throughout && !urls.is_empty()).then(|| heard.silent_until(seen.at));
        let tolerance = app.config.settings.outage_tolerance;
        match healing(experiment, &seen) {
            Healing::Healed => {
                let ending = Ending::Healed { seen: &seen, silent, watched: throughout };
                return Some(judge(experiment, &ending, app.now(), tolerance));
            }
            Healing::NotYet(lacks) if seen.at >= experiment.heal_by && known(&lacks) => {
                let ending = Ending::NotHealed { lacks: &lacks, seen: Some(&seen), silent };
                return Some(judge(experiment, &ending, app.now(), tolerance));
            }
            Healing::NotYet(lacks) => debug!(experiment = %experiment.id, ?lacks, "not healed yet"),
        }
        if deadline.left(app.system_now()) < LOOK_EVERY + RESERVE {
            return None;
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Whether something is known to be lacking, and not only unseen: a fleet is not disarmed because AWS did not answer. It is looked at again.
fn known(lacks: &[Unhealed]) -> bool {
    lacks.iter().any(|lack| !matches!(lack, Unhealed::Unseen { .. }))
}

async fn observe<J>(app: &App<J>, experiment: &Experiment, urls: &[String], heard: &Heard) -> Observation {
    let at = app.now();
    let mut site = heard.last();
    if site.is_empty() && !urls.is_empty() {
        site = app.eyes.ask(urls.iter().cloned()).await;
    }
    app.eyes.observation(experiment, at, site).await
}

/// Finds out what an experiment came to whose watcher was lost, or a strike of which was not answered, and watches it on if it struck anybody; the
/// experiment's victims are then those whom it hit. `struck` are those of whom AWS said so, and `unstruck` is how it ended if it hit nobody. The
/// one who takes over never strikes. `None` if it is not over, and the next tick should look again.
pub(crate) async fn resume<J>(
    app: &App<J>,
    experiment: &mut Experiment,
    struck: &[InstanceId],
    unstruck: &Ending<'_>,
    presence: Presence,
    deadline: Deadline,
) -> Option<Outcome> {
    if presence == Presence::Throughout {
        sleep(SETTLE).await;
    }
    for attempt in 1..=TRIES {
        let seen = app.eyes.observation(experiment, app.now(), Vec::new()).await;
        match take_over(experiment, struck, &seen) {
            Takeover::Abort => {
                return Some(judge(experiment, unstruck, app.now(), app.config.settings.outage_tolerance));
            }
            Takeover::Watch(victims) => {
                experiment.victims = victims;
                return watch(app, experiment, Presence::Since, deadline).await;
            }
            Takeover::Unclear(why) => debug!(experiment = %experiment.id, attempt, why, "cannot see what happened"),
        }
        sleep(LOOK_EVERY).await;
    }
    None
}
