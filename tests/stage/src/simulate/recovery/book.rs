//! What goes wrong with the book of cases?
//!
//! The book in memory behind a network: calls take their time, get lost before they arrive or after, and callers die at them. What went wrong is
//! written down, for the judge: it is what may explain a second message.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use deployment_recovery::cases::{Cases, Claim, Released, Taken, memory::MemoryCases};
use fastrand::Rng;
use jiff::Timestamp;
use panda_aws::{AwsError, Trouble};
use panda_world::Span;
use tokio::sync::Notify;

use crate::simulate::cloud::Cloud;

/// One call, there and back. `[infer]` DynamoDB answers within single-digit milliseconds; the rest is the SDK's.
const LATENCY: Span = Span::millis(4, 30);
/// So long a caller waits for a reply that does not come.
const GIVEN_UP: Duration = Duration::from_secs(8);

/// How often calls of the book go wrong, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frailty {
    /// They never arrive.
    pub(super) lost_before: u16,
    /// They have their effect, and no reply comes.
    pub(super) lost_after: u16,
    /// The caller dies, half of the time with the effect.
    pub(super) dies: u16,
}

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

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    LostBefore,
    LostAfter,
    DiesBefore,
    DiesAfter,
}

impl Fate {
    fn draw(frailty: Frailty, rng: &mut Rng) -> Self {
        let Frailty { lost_before, lost_after, dies } = frailty;
        match rng.u16(0..1_000) {
            thrown if thrown < lost_before => Self::LostBefore,
            thrown if thrown < lost_before + lost_after => Self::LostAfter,
            thrown if thrown < lost_before + lost_after + dies => {
                if rng.bool() {
                    Self::DiesBefore
                } else {
                    Self::DiesAfter
                }
            }
            _ => Self::Arrives,
        }
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
    async fn arrive(&self) -> Result<Fate, AwsError> {
        let (fate, latency) = {
            let mut shared = self.book.shared();
            let fate = Fate::draw(shared.frailty, &mut shared.rng);
            if fate != Fate::Arrives {
                let mishap = (self.book.cloud.now(), self.caller.clone());
                shared.mishaps.push(mishap);
            }
            (fate, LATENCY.draw(&mut shared.rng))
        };
        tokio::time::sleep(latency).await;
        match fate {
            Fate::LostBefore => {
                tokio::time::sleep(GIVEN_UP).await;
                Err(lost())
            }
            Fate::DiesBefore => self.die().await,
            Fate::Arrives | Fate::LostAfter | Fate::DiesAfter => Ok(fate),
        }
    }

    /// And back.
    async fn give<T>(&self, fate: Fate, reply: T) -> Result<T, AwsError> {
        match fate {
            Fate::DiesAfter => self.die().await,
            Fate::LostAfter => {
                tokio::time::sleep(GIVEN_UP).await;
                Err(lost())
            }
            Fate::Arrives | Fate::LostBefore | Fate::DiesBefore => Ok(reply),
        }
    }

    async fn die<T>(&self) -> T {
        self.death.notify_one();
        std::future::pending().await
    }
}

impl Cases for Line {
    async fn take(&self, claim: Claim<'_>) -> Result<Taken, AwsError> {
        let fate = self.arrive().await?;
        let taken = self.book.inner.take(claim).await?;
        self.give(fate, taken).await
    }

    async fn release(&self, key: &str, holder: &str) -> Result<Released, AwsError> {
        let fate = self.arrive().await?;
        let released = self.book.inner.release(key, holder).await?;
        self.give(fate, released).await
    }

    async fn finish(&self, key: &str, at: Timestamp) -> Result<(), AwsError> {
        let fate = self.arrive().await?;
        self.book.inner.finish(key, at).await?;
        self.give(fate, ()).await
    }

    async fn is_done(&self, key: &str) -> Result<bool, AwsError> {
        let fate = self.arrive().await?;
        let done = self.book.inner.is_done(key).await?;
        self.give(fate, done).await
    }
}

fn lost() -> AwsError {
    AwsError {
        operation: "UpdateItem",
        subject: None,
        trouble: Trouble::Unreachable,
        code: None,
        message: "no reply".to_owned(),
        request_id: None,
    }
}
