//! What becomes of a call to a table behind a network: it takes its time, gets lost before it arrives or after, or its caller dies at it.

use std::time::Duration;

use fastrand::Rng;
use panda_aws::{AwsError, Trouble};
use panda_world::Span;
use tokio::sync::Notify;

/// One call, there and back. `[infer]` DynamoDB answers within single-digit milliseconds; the rest is the SDK's.
const LATENCY: Span = Span::millis(4, 30);
/// So long a caller waits for a reply that does not come.
const GIVEN_UP: Duration = Duration::from_secs(8);

/// How often calls go wrong, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Frailty {
    /// They never arrive.
    pub(super) lost_before: u16,
    /// They have their effect, and no reply comes.
    pub(super) lost_after: u16,
    /// The caller dies, half of the time with the effect.
    pub(super) dies: u16,
}

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    fate: Fate,
    latency: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    LostBefore,
    LostAfter,
    DiesBefore,
    DiesAfter,
}

impl Frailty {
    pub(super) fn draw(self, rng: &mut Rng) -> Passage {
        let Self { lost_before, lost_after, dies } = self;
        let fate = match rng.u16(0..1_000) {
            thrown if thrown < lost_before => Fate::LostBefore,
            thrown if thrown < lost_before + lost_after => Fate::LostAfter,
            thrown if thrown < lost_before + lost_after + dies => {
                if rng.bool() {
                    Fate::DiesBefore
                } else {
                    Fate::DiesAfter
                }
            }
            _ => Fate::Arrives,
        };
        Passage { fate, latency: LATENCY.draw(rng) }
    }
}

impl Passage {
    /// Whether the caller will see it go wrong.
    pub(super) fn goes_wrong(self) -> bool {
        self.fate != Fate::Arrives
    }

    /// The way there. When it returns without an error, the call has its effect; a caller that dies is told by `death`, and goes no further.
    pub(super) async fn arrive(self, death: &Notify) -> Result<(), AwsError> {
        tokio::time::sleep(self.latency).await;
        match self.fate {
            Fate::LostBefore => lost().await,
            Fate::DiesBefore => die(death).await,
            Fate::Arrives | Fate::LostAfter | Fate::DiesAfter => Ok(()),
        }
    }

    /// The way back.
    pub(super) async fn give<T>(self, reply: T, death: &Notify) -> Result<T, AwsError> {
        match self.fate {
            Fate::DiesAfter => die(death).await,
            Fate::LostAfter => lost().await,
            Fate::Arrives | Fate::LostBefore | Fate::DiesBefore => Ok(reply),
        }
    }
}

async fn die<T>(death: &Notify) -> T {
    death.notify_one();
    std::future::pending().await
}

async fn lost<T>() -> Result<T, AwsError> {
    tokio::time::sleep(GIVEN_UP).await;
    Err(AwsError {
        operation: "UpdateItem",
        subject: None,
        trouble: Trouble::Unreachable,
        code: None,
        message: "no reply".to_owned(),
        request_id: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test that cannot go on should stop")]
    use super::*;

    #[test]
    fn calls_go_wrong_as_often_as_it_is_said_and_never_without_frailty() {
        let mut rng = Rng::with_seed(3);
        let frail = Frailty { lost_before: 100, lost_after: 50, dies: 50 };
        let wrong = (0..10_000).filter(|_| frail.draw(&mut rng).goes_wrong()).count();
        assert!((1_800..2_200).contains(&wrong), "{wrong}");
        assert!(!(0..10_000).any(|_| Frailty::default().draw(&mut rng).goes_wrong()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_reply_is_an_error_after_the_effect_and_a_lost_call_one_before_it() {
        let death = Notify::new();
        let of = |fate| Passage { fate, latency: Duration::from_millis(5) };
        assert!(of(Fate::LostBefore).arrive(&death).await.is_err());
        assert!(of(Fate::LostAfter).arrive(&death).await.is_ok());
        assert!(of(Fate::LostAfter).give((), &death).await.is_err());
        tokio::select! {
            _ = of(Fate::DiesBefore).arrive(&death) => panic!("the dead come back"),
            () = death.notified() => {}
        }
    }
}
