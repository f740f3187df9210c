//! One interrupt vector for all cases: the timer's, without the board's dispatcher, whose cost
//! would be added to both figures of each comparison.
//!
//! The count begins at the vector. Each processor has its own way there, in a file of its own; what a
//! figure includes because of it is in the report ([`INCLUDES`]).

use core::{
    hint::spin_loop,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use board::interrupts;
use firmware::measure::exact::{opening, steady};

use crate::report_noted;

#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(target_arch = "riscv32", path = "riscv.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod entry;

pub use entry::{acknowledge, since_entry};

use entry::INCLUDES;

/// What the vector calls, with interrupts masked. It must acknowledge the interrupt.
pub type Handler = extern "C" fn();

/// A `Handler`; null until the first `set_handler`.
static HANDLER: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Ticks until the interrupt: long enough for every wait to be asleep or suspended by then.
const TICKS: u64 = 5_000;

/// Takes over the timer's vector, and reports what every figure that counts from there includes: the
/// instructions from the vector until the interrupted code continues, with a handler that does no
/// more than acknowledge, and those of them that come before the handler.
pub fn cases() {
    static BEFORE: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count() {
        BEFORE.store(since_entry() as usize, Ordering::Relaxed);
        acknowledge();
    }

    extern "C" fn quiet() {
        acknowledge();
    }

    let interrupted = || {
        interrupt_soon();
        (0..TICKS).for_each(|_| spin_loop()); // Each time takes an instruction or more.
        opening()
    };
    entry::install();
    interrupts::disable();
    set_handler(count);
    interrupted();
    set_handler(quiet);
    let all = steady(interrupted);
    interrupts::enable();
    let before = BEFORE.load(Ordering::Relaxed) as u64;
    report_noted("vector", all, "of these before the handler", before, INCLUDES);
}

/// Makes the handler run once, after [`TICKS`].
pub fn interrupt_soon() {
    entry::one_shot(TICKS);
}

/// The figure of rounds: each makes the interrupt come ([`interrupt_soon`]), waits for it, and
/// returns [`since_entry`].
#[inline(never)]
pub fn rounds(handler: Handler, round: impl FnMut() -> u64) -> u64 {
    set_handler(handler);
    steady(round)
}

/// The same as [`rounds`], as the body of a task. A macro, so that every task is one state machine.
macro_rules! task_of_rounds {
    ($handler:expr, $round:expr) => {
        $crate::vector::set_handler($handler);
        let mut steady = firmware::measure::exact::Steady::default();
        let figure = loop {
            if let Some(figure) = steady.add($round) {
                break figure;
            }
        };
        $crate::tasks::finish(figure);
    };
}
pub(crate) use task_of_rounds;

/// Sets what the vector calls from now on.
pub fn set_handler(handler: Handler) {
    HANDLER.store(handler as *mut (), Ordering::Release);
}
