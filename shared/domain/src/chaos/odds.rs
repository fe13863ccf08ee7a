//! How likely is a kill in this slot, so that the mean comes out as asked?
//!
//! **At least one work day between kills** (`min-days` N ≥ 1). After N − 1 work days that are spared for certain, each day has the chance
//! q = 1 / (mean − N + 1). The gap is then N − 1 plus a geometric number of days, and its mean is exactly `mean`: Chaos Monkey, which draws
//! with 1 / mean whatever the minimum, is N − 1 days late. Within a day of K slots the k-th (from 0) kills with q / (K − q·k) if none before
//! it did: each slot of the day is then as likely as any other, and the day's chance is q, however many slots it has.
//!
//! **Several kills on a day** (N = 0). The slots are independent, with the chance at which the expected number of kills on a day of K slots,
//! cut off at `max-per-day`, is 1 / mean.

use super::Policy;

impl Policy {
    /// The chance of a kill in the slot of this index (from 0), on a work day with so many slots, if no limit forbids it.
    #[must_use]
    pub fn slot_odds(&self, slots: u32, index: u32) -> f64 {
        if slots == 0 || index >= slots {
            return 0.0;
        }
        match self.daily() {
            Some(daily) => (daily / (f64::from(slots) - daily * f64::from(index))).clamp(0.0, 1.0),
            None => independent(slots, self.max_per_day.get(), 1.0 / self.mean_days.days()),
        }
    }

    /// The chance that a work day with so many slots sees a kill, if no limit forbids it.
    #[must_use]
    pub fn day_odds(&self, slots: u32) -> f64 {
        match self.daily() {
            _ if slots == 0 => 0.0,
            Some(daily) => daily,
            None => {
                let spared = 1.0 - self.slot_odds(slots, 0);
                1.0 - (0..slots).fold(1.0, |all, _| all * spared)
            }
        }
    }

    /// The chance of each day, where days and not slots are what is independent.
    fn daily(&self) -> Option<f64> {
        let min_days = self.min_days.get();
        (min_days >= 1).then(|| (1.0 / (self.mean_days.days() - f64::from(min_days) + 1.0)).clamp(0.0, 1.0))
    }
}

/// The chance of each of so many independent slots at which `wanted` kills are to be expected, when all beyond `cap` are cut off.
fn independent(slots: u32, cap: u32, wanted: f64) -> f64 {
    if cap >= slots {
        // Nothing is ever cut off.
        return (wanted / f64::from(slots)).clamp(0.0, 1.0);
    }
    let (mut low, mut high) = (0.0, 1.0);
    if expected(slots, cap, high) <= wanted {
        return high;
    }
    // Each step halves the error; after sixty it is below what a float tells apart.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if expected(slots, cap, middle) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// How many kills are to be expected of so many slots, each with this chance, when all beyond `cap` are cut off.
///
/// By sums and products only, which come out the same on every processor.
fn expected(slots: u32, cap: u32, chance: f64) -> f64 {
    // How likely it is to have had none, one, … kills so far; whoever reaches the cap has left the list.
    let mut below = vec![0.0; cap as usize];
    if let Some(none) = below.first_mut() {
        *none = 1.0;
    }
    let mut kills = 0.0;
    for _ in 0..slots {
        let still_open: f64 = below.iter().sum();
        kills += chance * still_open;
        let mut from_below = 0.0;
        for likely in &mut below {
            let moves = *likely * chance;
            *likely = *likely - moves + from_below;
            from_below = moves;
        }
    }
    kills
}
