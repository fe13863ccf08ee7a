//! How many calls did this cost?

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The API calls of one invocation, pages counted one by one and the SDK's own retries not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that only look.
    pub reads: u32,
    /// Calls that change something.
    pub writes: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Counter {
    reads: AtomicU32,
    writes: AtomicU32,
}

impl Counter {
    pub(crate) fn read(&self) {
        self.reads.fetch_add(1, Relaxed);
    }

    pub(crate) fn write(&self) {
        self.writes.fetch_add(1, Relaxed);
    }

    pub(crate) fn take(&self) -> Tally {
        Tally { reads: self.reads.swap(0, Relaxed), writes: self.writes.swap(0, Relaxed) }
    }
}
