//! What does the simulation say of the same acts, for this function and for the user-data script?

use std::{collections::BTreeMap, path::Path};

use super::record::{Comparison, Spread};
use crate::simulate::{self, Outage, RunReport, Simulator, SimulatorError, Strategy, Task};

/// Per scenario of `scenarios`, outage seconds of both strategies on the same seeds. Blocks, and must not be called on a
/// thread that drives a tokio runtime.
pub(super) fn compare(
    template: &Path,
    scenarios: &[&str],
    first_seed: u64,
    seeds: u64,
) -> Result<BTreeMap<String, Comparison>, SimulatorError> {
    let simulator = Simulator::new(template)?;
    let scenarios: Vec<_> = scenarios.iter().filter_map(|name| simulate::scenario(name)).collect();
    let mut comparisons = BTreeMap::new();
    for scenario in scenarios {
        let tasks = [Strategy::Ours, Strategy::BootSteal].map(|strategy| Task { scenario, strategy });
        let runs = simulator.runs(&tasks, first_seed, seeds, &|_, _| {})?;
        let [ours, boot_steal] = runs.as_slice() else {
            continue;
        };
        let comparison = Comparison { runs: seeds, ours: spread(ours), boot_steal: spread(boot_steal) };
        comparisons.insert(scenario.name.to_owned(), comparison);
    }
    Ok(comparisons)
}

fn spread(runs: &[RunReport]) -> Spread {
    let all = simulate::Spread::of(runs.iter().map(silence).collect());
    Spread { p50: all.p50, p99: all.p99 }
}

/// Seconds without an answer; infinite when the run ended without one, as long as it may have been.
fn silence(run: &RunReport) -> f64 {
    let ended = |outage: &Outage| outage.from + outage.seconds < run.seconds - 0.5;
    if run.outages.iter().all(ended) { run.outage_seconds } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::acts::SCENES;

    #[test]
    fn every_act_of_the_demo_has_its_scenario_in_the_simulation() {
        for scene in SCENES {
            assert!(simulate::scenario(scene.scenario).is_some(), "{}", scene.scenario);
        }
    }
}
