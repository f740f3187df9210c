//! Runs one task until it has its figure.

use core::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use board::idle::Park;
use embassy_executor::{SpawnError, SpawnToken};
use firmware::executor::Executor;

/// The figure that the task has counted; 0 while it runs.
static FIGURE: AtomicUsize = AtomicUsize::new(0);

/// Ends the measurement: the task calls it last.
pub fn finish(figure: u64) {
    FIGURE.store(figure as usize, Relaxed);
}

/// Spawns the task, which is the only one, and returns its figure.
pub fn figure<S>(executor: &mut Executor, task: Result<SpawnToken<S>, SpawnError>) -> u64 {
    FIGURE.store(0, Relaxed);
    executor.spawner().spawn(task.expect("the task is run once"));
    run(executor)
}

/// Runs the executor; the same loop for all tasks.
#[inline(never)]
fn run(executor: &mut Executor) -> u64 {
    executor.run_until(|| NonZeroUsize::new(FIGURE.load(Relaxed)), Park).get() as u64
}
