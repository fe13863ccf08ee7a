//! Who moves the world while nobody calls it?

use std::time::Duration;

use panda_world::{SharedWorld, World, http::LiveClock, lock};
use serde_json::Value;

/// The longest sleep between two looks at the world. Calls that arrive meanwhile schedule transitions of their own, and
/// nothing else would wake the driver for them.
const STEP: Duration = Duration::from_millis(20);

/// Moves the world along with the clock, for ever; after each step `moved` gets the world and the events that arrived.
pub async fn drive(world: SharedWorld, clock: LiveClock, mut moved: impl FnMut(&mut World, Vec<Value>)) {
    loop {
        let wait = {
            let mut world = lock(&world);
            world.advance_to(clock.now());
            let events = world.take_events();
            moved(&mut world, events);
            world.next_due().map_or(STEP, |due| clock.wait_until(due))
        };
        tokio::time::sleep(wait.clamp(Duration::from_millis(1), STEP)).await;
    }
}
