//! What does the simulation say of the same acts, for this function and for the user-data script?

use std::{collections::BTreeMap, path::Path};

use super::record::{Comparison, Spread};
use crate::simulate::{self, ScenarioReport, Simulator, SimulatorError, Strategy, Task};

/// Per scenario of `scenarios`, outage seconds of both strategies on the same seeds. Blocks, and must not be called on a
/// thread that drives a tokio runtime.
pub(super) fn compare(
    template: &Path,
    scenarios: &[&str],
    first_seed: u64,
    seeds: u64,
) -> Result<BTreeMap<String, Comparison>, SimulatorError> {
    let simulator = Simulator::new(template)?;
    let mut comparisons = BTreeMap::new();
    for scenario in scenarios.iter().filter_map(|name| simulate::scenario(name)) {
        let survey = |strategy| simulator.survey(Task { scenario, strategy }, first_seed, seeds);
        let (ours, boot_steal) = (survey(Strategy::Ours)?, survey(Strategy::BootSteal)?);
        let comparison = Comparison { runs: ours.runs, ours: spread(&ours), boot_steal: spread(&boot_steal) };
        comparisons.insert(scenario.name.to_owned(), comparison);
    }
    Ok(comparisons)
}

fn spread(report: &ScenarioReport) -> Spread {
    Spread { p50: report.outage_seconds.p50, p99: report.outage_seconds.p99 }
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
