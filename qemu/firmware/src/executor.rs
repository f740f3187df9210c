//! embassy's executors on this board: one in the foreground, asleep when no task is ready, and one
//! in a handler, whose tasks preempt the foreground. On two cores there is only the first of these,
//! on the first core; a wake from the second core ends its sleep.

use core::ptr;

use portable_atomic::{AtomicBool, AtomicPtr, Ordering};

#[cfg(feature = "two-cores")]
use board::cores::{self, Core};
use board::interrupts::{self, Line, raise_self};
use embassy_executor::{SendSpawner, Spawner, raw};
use static_cell::StaticCell;
use wouldblock::block::Idle;

/// The contexts that tell the two executors apart. Neither points to anything.
const FOREGROUND: *mut () = ptr::null_mut();
const HANDLER: *mut () = ptr::dangling_mut();

/// A task of the foreground was woken since the last poll.
static PENDING: AtomicBool = AtomicBool::new(false);

// SAFETY (of the name): embassy calls it with exactly this type, from any context.
#[unsafe(export_name = "__pender")]
fn pend(executor: *mut ()) {
    if executor == FOREGROUND {
        PENDING.store(true, Ordering::Release);
        #[cfg(feature = "two-cores")]
        if Core::current() != Core::First {
            cores::interrupt_other(); // After the flag, which the sleeper looks at before it sleeps.
        }
    } else {
        raise_self();
    }
}

/// The foreground's executor; its tasks run during [`run_until`](Self::run_until).
pub struct Executor(&'static raw::Executor);

impl Executor {
    /// The executor, once.
    ///
    /// # Panics
    /// If it is taken twice.
    pub fn take() -> Self {
        static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
        Self(EXECUTOR.init(raw::Executor::new(FOREGROUND)))
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

/// Starts the handler's executor, on the software interrupt: the line is its own from here on. Its tasks
/// preempt the foreground at any instruction, and run one after the other with interrupts masked.
///
/// # Panics
/// If it is started twice, or by a binary of two cores: a wake from the other core would poll it
/// there while this core does.
pub fn start_in_handler() -> SendSpawner {
    if cfg!(feature = "two-cores") {
        panic!("the handler's executor is for binaries of one core");
    }
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor: &'static _ = EXECUTOR.init(raw::Executor::new(HANDLER));
    IN_HANDLER.store(ptr::from_ref(executor).cast_mut(), Ordering::Release);
    Line::Software.set_handler(poll_in_handler);
    Line::Software.enable();
    executor.spawner().make_send()
}

/// The handler's executor, before its line is enabled.
static IN_HANDLER: AtomicPtr<raw::Executor> = AtomicPtr::new(ptr::null_mut());

/// [`poll_in_handler`] runs: a task that turns interrupts on lets it be called again.
static POLLING: AtomicBool = AtomicBool::new(false);
/// It was called again while it ran.
static AGAIN: AtomicBool = AtomicBool::new(false);

fn poll_in_handler(line: Line) {
    // First: a task that is woken from here on raises the interrupt again, to be taken after this.
    line.acknowledge();
    if POLLING.swap(true, Ordering::Relaxed) {
        return AGAIN.store(true, Ordering::Relaxed);
    }
    // SAFETY: the line is enabled, so there is an executor, for ever. Only this polls it, and
    // `POLLING` keeps it from being re-entered.
    unsafe { (*IN_HANDLER.load(Ordering::Acquire)).poll() };
    // A task may have turned interrupts on. From the check of `AGAIN` to the handler's end this must
    // not be called again. Where lines nest by priority, the line's own priority sees to that.
    if !interrupts::NESTS {
        interrupts::disable();
    }
    POLLING.store(false, Ordering::Relaxed);
    if AGAIN.swap(false, Ordering::Relaxed) {
        raise_self();
    }
}
