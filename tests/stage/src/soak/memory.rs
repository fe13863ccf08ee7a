//! Does memory stay flat? Samples of programs' resident memory, and the line through them.

use std::collections::BTreeMap;

use super::judge::Growth;

/// Fewer samples say nothing.
const LEAST_SAMPLES: usize = 10;

/// Samples by program.
#[derive(Debug)]
pub(super) struct Samples {
    of: BTreeMap<String, Vec<(f64, u64)>>,
    /// What a process needs once, it needs in its beginning.
    warm_up_seconds: f64,
    /// A shorter time after that says nothing.
    least_seconds: f64,
}

impl Samples {
    /// Processes of functions, which live until somebody kills them.
    pub(super) fn of_functions() -> Self {
        Self { of: BTreeMap::new(), warm_up_seconds: 30.0, least_seconds: 45.0 }
    }

    /// The stage itself: its world lists what died for a minute or more, and each group's last activities.
    pub(super) fn of_the_stage() -> Self {
        Self { of: BTreeMap::new(), warm_up_seconds: 120.0, least_seconds: 180.0 }
    }

    /// A process of the program has so much, so long after its beginning.
    pub(super) fn add(&mut self, program: &str, age_seconds: f64, kilobytes: u64) {
        self.of.entry(program.to_owned()).or_default().push((age_seconds, kilobytes));
    }

    /// How each program grew, where enough was seen of it.
    pub(super) fn growth(&self) -> Vec<Growth> {
        let growth = |(program, samples): (&String, &Vec<(f64, u64)>)| {
            let warm: Vec<(f64, f64)> = samples
                .iter()
                .filter(|(age, _)| *age >= self.warm_up_seconds)
                .map(|(age, kilobytes)| (*age, float(*kilobytes)))
                .collect();
            let ages = || warm.iter().map(|(age, _)| *age);
            let span = ages().fold(f64::MIN, f64::max) - ages().fold(f64::MAX, f64::min);
            (warm.len() >= LEAST_SAMPLES && span >= self.least_seconds).then(|| Growth {
                program: program.clone(),
                kilobytes_per_minute: slope(&warm) * 60.0,
                most_kilobytes: samples.iter().map(|(_, kilobytes)| *kilobytes).max().unwrap_or(0),
                samples: warm.len(),
            })
        };
        self.of.iter().filter_map(growth).collect()
    }
}

/// Of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let number = float(points.len() as u64);
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / number;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), (x, y)| {
        (above + (x - mean_x) * (y - mean_y), below + (x - mean_x) * (x - mean_x))
    });
    if below > 0.0 { above / below } else { 0.0 }
}

fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
    use super::*;

    fn grown(kilobytes: impl Fn(u64) -> u64, seconds: u64) -> Option<Growth> {
        let mut samples = Samples::of_functions();
        for second in (0..seconds).step_by(2) {
            samples.add("panda", float(second), kilobytes(second));
        }
        samples.growth().pop()
    }

    #[test]
    fn memory_that_grows_after_the_warm_up_shows_and_what_is_needed_once_does_not() {
        let leak = grown(|second| 10_000 + second * 20, 300).unwrap();
        assert!((leak.kilobytes_per_minute - 1_200.0).abs() < 1.0, "{leak:?}");
        let flat = grown(|second| if second < 25 { 10_000 + second * 500 } else { 22_500 }, 300).unwrap();
        assert!(flat.kilobytes_per_minute.abs() < 1.0 && flat.most_kilobytes == 22_500, "{flat:?}");
        // A process of each second half minute: restarts do not hide growth, which is told by age.
        let mut samples = Samples::of_functions();
        for (process, second) in
            (0..8_u64).flat_map(|process| (0..90_u64).step_by(5).map(move |second| (process, second)))
        {
            samples.add("panda", float(second), 10_000 + process + second * 20);
        }
        assert!(samples.growth().pop().unwrap().kilobytes_per_minute > 1_000.0);
    }

    #[test]
    fn too_short_a_life_says_nothing() {
        assert_eq!(grown(|second| 10_000 + second * 20, 60), None);
    }
}
