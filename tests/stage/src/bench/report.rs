//! `report.json`: every figure, and how many times a hello world's it is.

use serde::{Deserialize, Serialize};

use super::rounds::Stretch;

/// A figure and its ratio to the same figure of the function that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The figure itself, in the unit that its name says.
    pub value: f64,
    /// The figure as a multiple of the floor's.
    pub ratio: f64,
}

impl Figure {
    /// A figure beside the floor's. Of nothing there is no multiple; it counts as one.
    #[must_use]
    pub fn beside(value: f64, floor: f64) -> Self {
        Self { value, ratio: if floor > 0.0 { value / floor } else { 1.0 } }
    }
}

/// The same kind of figure at the three times of a function's life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Phases<T> {
    /// From exec to the first `next`.
    pub init: T,
    /// The first invocation.
    pub first: T,
    /// A later one.
    pub warm: T,
}

impl Phases<f64> {
    fn beside(self, floor: Self) -> Phases<Figure> {
        Phases {
            init: Figure::beside(self.init, floor.init),
            first: Figure::beside(self.first, floor.first),
            warm: Figure::beside(self.warm, floor.warm),
        }
    }
}

/// Figures of one function with one kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures<T> {
    /// Millions of instructions.
    pub instructions_m: Phases<T>,
    /// Milliseconds, as medians.
    pub millis: Phases<T>,
    /// The most memory, in MB (10^6 bytes).
    pub peak_rss_mb: T,
}

impl Figures<f64> {
    fn beside(self, floor: Self) -> Figures<Figure> {
        Figures {
            instructions_m: self.instructions_m.beside(floor.instructions_m),
            millis: self.millis.beside(floor.millis),
            peak_rss_mb: Figure::beside(self.peak_rss_mb, floor.peak_rss_mb),
        }
    }
}

/// What was measured of one function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FunctionReport<T = Figure> {
    /// Which.
    pub function: String,
    /// The job of its figures.
    pub job: String,
    /// MB (10^6 bytes) of the stripped binary.
    pub bootstrap_mb: T,
    /// MB of its zip.
    pub zip_mb: T,
    /// Without TLS.
    pub plain: Figures<T>,
    /// With TLS.
    pub tls: Figures<T>,
}

impl FunctionReport<f64> {
    /// The same beside the floor.
    #[must_use]
    pub fn beside(&self, floor: &Self) -> FunctionReport {
        FunctionReport {
            function: self.function.clone(),
            job: self.job.clone(),
            bootstrap_mb: Figure::beside(self.bootstrap_mb, floor.bootstrap_mb),
            zip_mb: Figure::beside(self.zip_mb, floor.zip_mb),
            plain: self.plain.beside(floor.plain),
            tls: self.tls.beside(floor.tls),
        }
    }
}

/// What a job asked of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobReport {
    /// Whose.
    pub function: String,
    /// Which.
    pub job: String,
    /// How often it waited.
    pub rounds: usize,
    /// Calls that only ask.
    pub reads: usize,
    /// Calls that change something.
    pub writes: usize,
    /// The calls, round by round.
    pub calls: Vec<Stretch>,
    /// Calls of the same invocation after the one with which the job was done.
    pub calls_after: usize,
    /// Dice that fell, where dice are thrown.
    pub dice: usize,
}

/// A budget, and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BudgetReport {
    /// What is bounded.
    pub budget: String,
    /// What was measured.
    pub figure: f64,
    /// What is allowed.
    pub limit: f64,
    /// Whether the figure is not above the limit.
    pub holds: bool,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When.
    pub measured: String,
    /// Where: architecture and number of processors.
    pub machine: String,
    /// Of how many runs the milliseconds are the median.
    pub runs: usize,
    /// The functions, the floor first.
    pub functions: Vec<FunctionReport>,
    /// Their jobs.
    pub jobs: Vec<JobReport>,
    /// What was promised.
    pub budgets: Vec<BudgetReport>,
}

impl Report {
    /// What was measured of a function at a job.
    #[must_use]
    pub fn function(&self, name: &str, job: &str) -> Option<&FunctionReport> {
        self.functions.iter().find(|report| report.function == name && report.job == job)
    }

    /// What a job asked.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&JobReport> {
        self.jobs.iter().find(|report| report.job == name)
    }
}

/// The median of some times; none of none.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*values.get(middle - 1)?, upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_figure_is_told_as_a_multiple_of_the_floors() {
        assert_eq!(Figure::beside(6.0, 2.0), Figure { value: 6.0, ratio: 3.0 });
        assert_eq!(Figure::beside(6.0, 0.0), Figure { value: 6.0, ratio: 1.0 });
    }
}
