//! What goes wrong with the book of cases?
//!
//! The book in memory behind a network: calls take their time, get lost before they arrive or after, and callers die at them. What went wrong is
//! written down, for the judge: it is what may explain a second message.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use deployment_recovery::cases::{Cases, Claim, Released, Taken, memory::MemoryCases};
use fastrand::Rng;
use jiff::Timestamp;
use panda_aws::AwsError;
use tokio::sync::Notify;

use crate::simulate::{
    cloud::Cloud,
    frailty::{Frailty, Passage},
};

/// The book of one life.
#[derive(Clone)]
pub(super) struct Book {
    inner: MemoryCases,
    cloud: Cloud,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    rng: Rng,
    frailty: Frailty,
    mishaps: Vec<(Timestamp, String)>,
}

/// One caller's line to the book.
#[derive(Clone)]
pub(super) struct Line {
    book: Book,
    caller: String,
    death: Arc<Notify>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Book {
    pub(super) fn new(cloud: Cloud, frailty: Frailty, seed: u64) -> Self {
        let shared = Shared { rng: Rng::with_seed(seed ^ 0xB00C_CA5E), frailty, mishaps: Vec::new() };
        Self { inner: MemoryCases::default(), cloud, shared: Arc::new(Mutex::new(shared)) }
    }

    pub(super) fn line(&self, caller: &str, death: &Arc<Notify>) -> Line {
        Line { book: self.clone(), caller: caller.to_owned(), death: Arc::clone(death) }
    }

    /// From now on every call arrives.
    pub(super) fn heal(&self) {
        self.shared().frailty = Frailty::default();
    }

    /// When whose call went wrong.
    pub(super) fn mishaps(&self) -> Vec<(Timestamp, String)> {
        self.shared().mishaps.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// The way to the book.
    async fn arrive(&self) -> Result<Passage, AwsError> {
        let passage = {
            let mut shared = self.book.shared();
            let frailty = shared.frailty;
            let passage = frailty.draw(&mut shared.rng);
            if passage.goes_wrong() {
                let mishap = (self.book.cloud.now(), self.caller.clone());
                shared.mishaps.push(mishap);
            }
            passage
        };
        passage.arrive(&self.death).await.map(|()| passage)
    }
}

impl Cases for Line {
    async fn take(&self, claim: Claim<'_>) -> Result<Taken, AwsError> {
        let passage = self.arrive().await?;
        let taken = self.book.inner.take(claim).await?;
        passage.give(taken, &self.death).await
    }

    async fn release(&self, key: &str, holder: &str) -> Result<Released, AwsError> {
        let passage = self.arrive().await?;
        let released = self.book.inner.release(key, holder).await?;
        passage.give(released, &self.death).await
    }

    async fn finish(&self, key: &str, at: Timestamp) -> Result<(), AwsError> {
        let passage = self.arrive().await?;
        self.book.inner.finish(key, at).await?;
        passage.give((), &self.death).await
    }

    async fn is_done(&self, key: &str) -> Result<bool, AwsError> {
        let passage = self.arrive().await?;
        let done = self.book.inner.is_done(key).await?;
        passage.give(done, &self.death).await
    }
}
