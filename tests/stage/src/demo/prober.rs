//! Asks the site again and again through the Elastic IP, as a visitor would.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::mpsc::UnboundedSender,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use super::{
    http,
    record::Probe,
    site::{self, INSTANCE_HEADER},
};

/// Ten requests a second.
const PERIOD: Duration = Duration::from_millis(100);

/// A visitor's patience here. Everything is on one machine: what takes longer is not answered.
const PATIENCE: Duration = Duration::from_millis(400);

/// Asks until dropped.
#[derive(Debug)]
pub struct Prober {
    answers: Arc<Mutex<Vec<Probe>>>,
    task: JoinHandle<()>,
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Prober {
    /// Asks `site` from now on, `at` counted from `zero`; each answer is also told to `heard` as it arrives.
    #[must_use]
    pub fn start(site: SocketAddr, zero: Instant, heard: UnboundedSender<Probe>) -> Self {
        let answers = Arc::<Mutex<Vec<Probe>>>::default();
        let kept = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(PERIOD);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                ticks.tick().await;
                let (kept, heard) = (Arc::clone(&kept), heard.clone());
                tokio::spawn(async move {
                    let at = zero.elapsed().as_secs_f64();
                    let reply = http::get(site, PATIENCE).await.ok().filter(|reply| reply.status == 200);
                    let answered_by = reply.as_ref().and_then(|reply| reply.header(INSTANCE_HEADER)).map(str::to_owned);
                    let page = reply.as_ref().and_then(|reply| site::text_of(&reply.body)).map(str::to_owned);
                    let probe = Probe { at, answered_by, page };
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(probe.clone());
                    // The listener may have left already; the answers are kept all the same.
                    let _ = heard.send(probe);
                });
            }
        });
        Self { answers, task }
    }

    /// Stops asking, and returns every answer in the order in which the requests were sent.
    pub async fn stop(self) -> Vec<Probe> {
        self.task.abort();
        // Requests under way still get their answer or their timeout.
        tokio::time::sleep(PATIENCE + PERIOD).await;
        let mut answers = std::mem::take(&mut *self.answers.lock().unwrap_or_else(PoisonError::into_inner));
        answers.sort_by(|a, b| a.at.total_cmp(&b.at));
        answers
    }
}
