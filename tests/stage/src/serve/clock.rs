//! What time is it in the world? The wall clock's, from a start of one's own and at a speed of one's own.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use panda_world::{SharedWorld, World, lock};
use serde_json::Value;
use tokio::time::Instant;

/// The longest sleep between two looks at the world. Calls that arrive meanwhile schedule transitions of their own, and
/// nothing else would wake the driver for them.
const STEP: Duration = Duration::from_millis(20);

/// World time, as a function of the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Timestamp,
    began: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that shows `start` now and runs `speed` times as fast as the wall's.
    #[must_use]
    pub fn start(start: Timestamp, speed: f64) -> Self {
        Self { start, began: Instant::now(), speed }
    }

    /// The world's time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * self.speed);
        passed.ok().and_then(|passed| self.start.checked_add(passed).ok()).unwrap_or(Timestamp::MAX)
    }
}

/// Moves the world along with the clock, for ever; after each step `moved` gets the world and the events that arrived.
pub async fn drive(world: SharedWorld, clock: Clock, mut moved: impl FnMut(&mut World, Vec<Value>)) {
    loop {
        let next = {
            let mut world = lock(&world);
            let now = clock.now();
            world.advance_to(now);
            let events = world.take_events();
            moved(&mut world, events);
            world.next_due().map(|due| due.duration_since(now))
        };
        let wait = next.and_then(|left| Duration::try_from(left).ok()).map_or(STEP, |left| left.div_f64(clock.speed));
        tokio::time::sleep(wait.clamp(Duration::from_millis(1), STEP)).await;
    }
}
