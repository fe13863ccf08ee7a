//! How many calls did this cost?

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// The API calls of one invocation, pages counted one by one and the SDK's own retries not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls that only look.
    pub reads: u32,
    /// Calls that change something.
    pub writes: u32,
}

/// Counts calls. Its clones count together, so that one tally tells of all clients.
#[derive(Clone, Debug, Default)]
pub struct Counter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    reads: AtomicU32,
    writes: AtomicU32,
}

impl Counter {
    /// One more call that only looks.
    pub fn read(&self) {
        self.0.reads.fetch_add(1, Relaxed);
    }

    /// One more call that changes something.
    pub fn write(&self) {
        self.0.writes.fetch_add(1, Relaxed);
    }

    /// The calls since this was last asked.
    #[allow(clippy::must_use_candidate, reason = "to take is to begin anew")]
    pub fn take(&self) -> Tally {
        Tally { reads: self.0.reads.swap(0, Relaxed), writes: self.0.writes.swap(0, Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together() {
        let counter = Counter::default();
        counter.clone().read();
        counter.clone().write();
        counter.write();
        assert_eq!(counter.take(), Tally { reads: 1, writes: 2 });
        assert_eq!(counter.take(), Tally::default());
    }
}
