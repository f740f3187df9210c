//! embassy's executor on this board: one, for the foreground, asleep when no task is ready.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::{Spawner, raw};
use static_cell::StaticCell;
use wouldblock::block::Idle;

/// Somebody has woken a task since the last poll.
static PENDING: AtomicBool = AtomicBool::new(false);

// SAFETY (of the name): embassy calls it with exactly this type, from any context.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    PENDING.store(true, Ordering::Release);
}

/// The executor; its tasks run while somebody is in [`run_until`](Self::run_until).
pub struct Executor(&'static raw::Executor);

impl Executor {
    /// The executor, once.
    ///
    /// # Panics
    /// If it is taken twice.
    pub fn take() -> Self {
        static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
        Self(EXECUTOR.init(raw::Executor::new(core::ptr::null_mut())))
    }

    /// Where tasks are put in.
    pub fn spawner(&self) -> Spawner {
        self.0.spawner()
    }

    /// Runs the tasks until `end` has a value; `idle` passes the time while none is ready.
    pub fn run_until<T>(&mut self, end: impl Fn() -> Option<T>, mut idle: impl Idle) -> T {
        loop {
            PENDING.store(false, Ordering::Release);
            // SAFETY: the executor is initialised, and `&mut self` keeps the call from being
            // re-entered.
            unsafe { self.0.poll() };
            if let Some(value) = end() {
                return value;
            }
            idle.idle(|| PENDING.load(Ordering::Acquire));
        }
    }
}
