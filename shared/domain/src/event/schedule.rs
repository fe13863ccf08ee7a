//! Is it time for a look at everything?
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "6f1c3a52-0b1f-4a0f-9f1e-0d5b6b0a7c11",
//!   "detail-type": "Scheduled Event",
//!   "source": "aws.events",
//!   "account": "123456789012",
//!   "time": "2026-05-07T13:22:07Z",
//!   "region": "us-east-1",
//!   "resources": [
//!     "arn:aws:events:us-east-1:123456789012:rule/sweep"
//!   ],
//!   "detail": {}
//! }
//! ```

/// Time for a look at every fleet: what repairs whatever was lost, late or refused before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep;
