//! The cores. Every binary begins on the first core. A binary that turns on the feature
//! `second-core` can start the second one (`-smp 2`); the feature also brings a critical section
//! that holds between the two cores.
//!
//! # A two-core binary with a one-core section does not link
//! A critical section that only masks interrupts does not keep the other core out. So the feature
//! brings both `start_second` and the implementation of [`critical_section`]: a ticket lock and
//! masked interrupts, re-entrant on its own core. If a binary brings another implementation too,
//! such as the library's `critical-section-single-core`, the same symbols are defined twice, which
//! the linker refuses. `start_second` also checks that the implementation in use is its own.
//!
//! Nor does one compile that lets the library assume one core (`--cfg wouldblock_single_core`): the
//! library's barriers would be missing.
//!
//! # Waking a core that sleeps
//! A core sleeps in `hlt` until an interrupt comes *to that core*. A signal from the other core is
//! not an interrupt. So code that signals what the other core may sleep on calls
//! [`interrupt_other`] **after** the signal: a handler after it has dropped its `Driven` or `Wake`,
//! an executor in its `__pender`. The sleeper looks for news with interrupts off: either it has seen
//! the signal, or the interrupt is still to come and ends the sleep.
//!
//! # When a run ends
//! The core that ends the run (a panic, an exception, an interrupt without a handler) first stops
//! the other core, wherever that is, by a non-maskable interrupt.

#[cfg(all(feature = "second-core", wouldblock_single_core))]
compile_error!(
    "a binary of two cores cannot assume one: build it without `--cfg wouldblock_single_core`"
);

#[cfg(feature = "second-core")]
mod second;
#[cfg(feature = "second-core")]
mod section;

use core::sync::atomic::{AtomicPtr, Ordering};

pub use crate::{cpu::Core, ipi::interrupt_other};
#[cfg(feature = "second-core")]
pub use second::{NotStarted, start_second};

use crate::{board::Board, cpu::SECOND_RUNS};

/// The main function of the second core: null, or a `fn(&'static Board) -> !`.
static MAIN: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Calls the second core's main function, on that core, when it is set up.
pub(crate) fn enter(board: &'static Board) -> ! {
    let main = MAIN.load(Ordering::Acquire);
    // SAFETY: only the second core comes here, which is started after `MAIN` was given a
    // `fn(&'static Board) -> !`.
    let main = unsafe { core::mem::transmute::<*mut (), fn(&'static Board) -> !>(main) };
    SECOND_RUNS.store(true, Ordering::Release);
    main(board)
}
