//! Measures one function, or does one job.

use std::{net::SocketAddr, path::Path, time::Duration};

use serde_json::Value;

use super::{
    BenchError,
    callgrind::{self, Counted},
    certificate::Identity,
    function::{Aws, Function},
    jobs::{self, Job},
    region::Region,
    report::{Figures, FunctionReport, JobReport, Phases, median},
    rounds, size,
};

/// How much longer each reply takes while a job's rounds are counted: longer than anything that a function does between two calls.
const DELAY: Duration = Duration::from_millis(50);

/// What all measurements need.
#[derive(Debug)]
pub struct Bench<'a> {
    /// Runs of which times are the median.
    pub runs: usize,
    /// Where DynamoDB is.
    pub moto: SocketAddr,
    /// What the simulated AWS proves itself by.
    pub identity: &'a Identity,
    /// The file with the roots that functions trust.
    pub roots: &'a Path,
    /// For what is thrown away afterwards.
    pub folder: &'a Path,
}

impl Bench<'_> {
    fn aws(&self, region: &Region, tls: bool) -> Aws {
        Aws { endpoint: region.endpoint(tls), roots: self.roots.to_owned() }
    }

    /// Measures a function at its repeatable job.
    ///
    /// # Errors
    /// When it does not do it.
    pub async fn measure(
        &self,
        function: &Function,
        job: &str,
        payload: &Value,
    ) -> Result<FunctionReport<f64>, BenchError> {
        let region = Region::start(jobs::everyday(), Some(self.moto), self.identity).await?;
        let size = size::measure(&function.binary, self.folder).await?;
        Ok(FunctionReport {
            function: function.name.to_owned(),
            job: job.to_owned(),
            bootstrap_mb: megabytes(size.bootstrap),
            zip_mb: megabytes(size.zip),
            plain: self.figures(function, &region, false, payload).await?,
            tls: self.figures(function, &region, true, payload).await?,
        })
    }

    async fn figures(
        &self,
        function: &Function,
        region: &Region,
        tls: bool,
        payload: &Value,
    ) -> Result<Figures<f64>, BenchError> {
        let aws = &self.aws(region, tls);
        let (mut init, mut first, mut warm, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let mut running = function.start(aws, &[]).await?;
            init.push(millis(running.ready().await?));
            first.push(millis(running.invoke(payload).await?.took));
            warm.push(millis(running.invoke(payload).await?.took));
            peaks.push(megabytes(running.peak_rss_kib()? * 1024));
            running.end().await?;
        }
        let counted = callgrind::count(Counted { function, aws, region, payload }, self.folder).await?;
        let of = |values| median(values).unwrap_or_default();
        Ok(Figures {
            instructions_m: Phases {
                init: millions(counted.init),
                first: millions(counted.first),
                warm: millions(counted.warm),
            },
            millis: Phases { init: of(init), first: of(first), warm: of(warm) },
            peak_rss_mb: peaks.into_iter().fold(0.0, f64::max),
        })
    }

    /// Does a job once, in an account of its own, and tells its calls.
    ///
    /// # Errors
    /// When the function does not do it.
    pub async fn trace(&self, function: &Function, job: &Job) -> Result<JobReport, BenchError> {
        let region = Region::start((job.account)(), Some(self.moto), self.identity).await?;
        let mut running = function.start(&self.aws(&region, false), &[]).await?;
        running.ready().await?;
        if let Some(before) = job.warmed_by {
            running.invoke(&before()).await?;
        }
        let event = region.with(job.event).ok_or(BenchError::NothingHappens(job.name))?;
        let _ = region.take_calls();
        region.set_delay(DELAY);
        let answer = running.invoke(&event).await?;
        let mut calls = region.take_calls();
        running.end().await?;
        calls.sort_by_key(|call| call.begin);
        let all = calls.len();
        if let Some(done_with) = job.done_with {
            let done = calls.iter().position(|call| call.operation == done_with);
            calls.truncate(done.ok_or(BenchError::NotDone { job: job.name, call: done_with })? + 1);
        }
        let reads = calls.iter().filter(|call| call.reads()).count();
        Ok(JobReport {
            function: job.function.to_owned(),
            job: job.name.to_owned(),
            rounds: rounds::rounds(&calls).into_iter().max().unwrap_or(0),
            reads,
            writes: calls.len() - reads,
            calls_after: all - calls.len(),
            calls: rounds::stretches(&calls),
            dice: jobs::dice_that_fell(&answer.payload),
        })
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn megabytes(bytes: u64) -> f64 {
    millions(bytes)
}

#[expect(clippy::cast_precision_loss, reason = "no count here is near 2^53")]
fn millions(count: u64) -> f64 {
    count as f64 / 1_000_000.0
}
