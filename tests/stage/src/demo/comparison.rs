//! What does the simulation say of the same acts, for this function and for the user-data script?

use std::collections::BTreeMap;

use super::record::Comparison;

/// Per scenario of `scenarios`, outage seconds of both strategies on the same seeds.
pub(super) fn compare(_scenarios: &[&str], _seeds: u64) -> BTreeMap<String, Comparison> {
    BTreeMap::new()
}
