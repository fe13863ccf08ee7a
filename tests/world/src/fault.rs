//! What goes wrong between a caller and AWS?

use std::time::Duration;

use crate::timing::Span;

/// Chances (0 to 1) of what goes wrong with a call or with an event's delivery. [`Faults::default`] is none.
#[derive(Debug, Clone, PartialEq)]
pub struct Faults {
    /// Answered with EC2 `RequestLimitExceeded` (503) or Auto Scaling `Throttling` (400), without effect.
    pub throttle: f64,
    /// EC2's and Auto Scaling's own token buckets per operation.
    pub token_buckets: bool,
    /// Answered with 500 `InternalError`, without effect.
    pub server_error: f64,
    /// No answer and no effect; the connection hangs for [`Faults::hang`].
    pub timeout: f64,
    /// Connection reset before the request had an effect.
    pub reset: f64,
    /// The request has its effect, the reply is lost (connection reset).
    pub reply_lost: f64,
    /// The caller dies at this call: the future never resolves. Half of the time the request still has its effect.
    pub caller_dies: f64,
    /// How long a hanging connection hangs.
    pub hang: Span,
    /// A `Describe…` is answered from the past. Seen: boto3 4386 (`DescribeInstances` after an event shows the old state),
    /// terraform-provider-aws 16808 (association not visible after its write). EC2 "eventual consistency" `[doc]`.
    pub stale_reads: f64,
    /// How old such an answer is.
    pub stale_lag: Span,
    /// An event never arrives ("best effort" `[doc]`; `CodePipeline`'s always do).
    pub event_loss: f64,
    /// An event arrives twice ("a rule can fire more than once" `[doc]`), the second time after [`Faults::event_delay_by`].
    pub event_double: f64,
    /// An event is late by [`Faults::event_delay_by`], so that later ones overtake it.
    pub event_delay: f64,
    /// How late.
    pub event_delay_by: Span,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            throttle: 0.0,
            token_buckets: false,
            server_error: 0.0,
            timeout: 0.0,
            reset: 0.0,
            reply_lost: 0.0,
            caller_dies: 0.0,
            hang: Span { from: Duration::from_secs(2), to: Duration::from_secs(30) },
            stale_reads: 0.0,
            stale_lag: Span::secs(0, 5),
            event_loss: 0.0,
            event_double: 0.0,
            event_delay: 0.0,
            event_delay_by: Span::secs(1, 30),
        }
    }
}

impl Faults {
    /// A bad day: everything at once, each more often than on AWS.
    #[must_use]
    pub fn rough() -> Self {
        Self {
            throttle: 0.03,
            token_buckets: true,
            server_error: 0.02,
            timeout: 0.005,
            reset: 0.01,
            reply_lost: 0.01,
            caller_dies: 0.005,
            stale_reads: 0.25,
            event_loss: 0.05,
            event_double: 0.1,
            event_delay: 0.1,
            ..Self::default()
        }
    }

    /// Whether snapshots of the past must be kept.
    pub(crate) fn reads_may_be_stale(&self) -> bool {
        self.stale_reads > 0.0
    }
}

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Refused by a rate limit.
    Throttled,
    /// 500 without effect.
    ServerError,
    /// No effect, no answer.
    Timeout,
    /// No effect, connection reset.
    Reset,
    /// Effect, connection reset.
    ReplyLost,
    /// The caller dies, without effect.
    CallerDiesBefore,
    /// The caller dies, with effect.
    CallerDiesAfter,
    /// The answer shows the past.
    Stale,
}

impl Fault {
    /// Draws what goes wrong with one call, if anything. A chance of zero draws nothing, so that a world without faults
    /// does not depend on the number of its calls.
    pub(crate) fn draw(faults: &Faults, rng: &mut fastrand::Rng, read: bool) -> Option<Self> {
        let mut happens = |chance: f64| chance > 0.0 && rng.f64() < chance;
        if happens(faults.throttle) {
            Some(Self::Throttled)
        } else if happens(faults.server_error) {
            Some(Self::ServerError)
        } else if happens(faults.timeout) {
            Some(Self::Timeout)
        } else if happens(faults.reset) {
            Some(Self::Reset)
        } else if happens(faults.reply_lost) {
            Some(Self::ReplyLost)
        } else if happens(faults.caller_dies) {
            Some(if rng.bool() { Self::CallerDiesBefore } else { Self::CallerDiesAfter })
        } else if read && happens(faults.stale_reads) {
            Some(Self::Stale)
        } else {
            None
        }
    }
}
