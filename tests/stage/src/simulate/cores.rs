//! Many runs on all cores.

use std::{
    num::NonZero,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

/// Plays each job on one of the cores, the first ones first. The results come in the order in which they were done.
///
/// # Errors
/// The first error of a worker, which ends that worker.
pub(super) fn on_all_cores<J: Sync, R: Send, E: Send>(
    jobs: &[J],
    play: impl Fn(&J) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<R>> = Mutex::default();
    let work = || -> Result<(), E> {
        while let Some(job) = jobs.get(next.fetch_add(1, Relaxed)) {
            let result = play(job)?;
            done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            // A panic in a worker is a bug of the simulation, and goes on here.
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}
