//! Running one task to its figure.

use core::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use board::idle::Park;
use embassy_executor::{SpawnError, SpawnToken};
use firmware::executor::Executor;

/// What the task has counted; 0 as long as it runs.
static FIGURE: AtomicU64 = AtomicU64::new(0);

/// The task's last deed.
pub fn finish(figure: u64) {
    FIGURE.store(figure, Relaxed);
}

/// The figure of a task, which is the only one.
pub fn figure<S>(executor: &mut Executor, task: Result<SpawnToken<S>, SpawnError>) -> u64 {
    FIGURE.store(0, Relaxed);
    executor.spawner().spawn(task.expect("the task is run once"));
    run(executor)
}

/// One loop for all tasks.
#[inline(never)]
fn run(executor: &mut Executor) -> u64 {
    executor.run_until(|| NonZeroU64::new(FIGURE.load(Relaxed)), Park).get()
}
