//! The cores. Every binary begins on the first one. A binary that turns on the feature `second-core`
//! can start the second one (`-smp 2`), and has with it a critical section that holds between the
//! two.
//!
//! # A two-core binary with a one-core section does not link
//! `start_second` comes with the feature, and so does the implementation of
//! [`critical_section`]: ticket lock and masked interrupts, re-entrant on its own core. A binary
//! that brings another one besides, as the library's `critical-section-single-core`, has two
//! definitions of the same symbols, which the linker refuses; and `start_second` looks whether the
//! section is the one that came with it.
//!
//! # Waking a core that sleeps
//! A core sleeps in `hlt` until an interrupt comes *to it*. A signal from the other core is none.
//! So whoever signals what the other core may sleep on calls [`interrupt_other`] **after** the
//! signal: a handler after it has dropped its `Driven` or `Wake`, an executor in its `__pender`.
//! The sleeper looks for news with interrupts off: it has seen the signal, or the interrupt is
//! still to come and ends the sleep.
//!
//! # When a run ends
//! The core that ends it (a panic, an exception, an interrupt without a handler) stops the other
//! one first, wherever that is: by a non-maskable interrupt.

#[cfg(feature = "second-core")]
mod second;
#[cfg(feature = "second-core")]
mod section;

use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicPtr, Ordering},
};

use x86_64::instructions::{hlt, interrupts};

#[cfg(feature = "second-core")]
pub use second::{NotStarted, start_second};

use crate::{
    Board, apic, board,
    interrupts::{IPI_VECTOR, is_ipi_enabled},
    segments,
};

/// One of the two cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, defmt::Format)]
#[repr(u8)]
pub enum Core {
    /// The one that boots.
    First,
    /// The one that has to be started.
    Second,
}

impl Core {
    pub(crate) const COUNT: usize = 2;

    /// The core that asks. 1 instruction; without the feature `second-core` none.
    #[inline(always)]
    #[must_use]
    pub fn current() -> Self {
        if cfg!(feature = "second-core") { segments::core() } else { Self::First }
    }

    /// The other one.
    #[inline]
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The number of its local APIC, as QEMU gives them out.
    pub(crate) const fn apic_id(self) -> u32 {
        self as u32
    }
}

/// The main function of the second core: a `fn(&'static Board) -> !`, once it is to be started.
static MAIN: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());
/// The second core runs.
static RUNS: AtomicBool = AtomicBool::new(false);
/// This core has stopped because the other one ends the run.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Raises [`Line::Ipi`](crate::interrupts::Line::Ipi) on the other core, if the line is enabled.
/// What this core has written before, the handler there sees, and who it wakes.
#[inline]
pub fn interrupt_other() {
    if is_ipi_enabled() {
        apic::local::send_others(IPI_VECTOR.into());
    }
}

/// On the second core, set up: its main function.
pub(crate) fn enter() -> ! {
    let main = MAIN.load(Ordering::Acquire);
    // SAFETY: only the second core comes here, which is started after `MAIN` was given a
    // `fn(&'static Board) -> !`.
    let main = unsafe { core::mem::transmute::<*mut (), fn(&'static Board) -> !>(main) };
    RUNS.store(true, Ordering::Release);
    main(board())
}

/// Stops the other core, if it runs, wherever it is. Waits for that, but not for ever.
pub(crate) fn stop_other() {
    const NON_MASKABLE: u32 = 4 << 8;
    const PATIENCE: u32 = 10_000_000;
    if !RUNS.load(Ordering::Acquire) || STOPPED.load(Ordering::Acquire) {
        return;
    }
    apic::local::send_others(NON_MASKABLE);
    for _ in 0..PATIENCE {
        if STOPPED.load(Ordering::Acquire) {
            return;
        }
        spin_loop();
    }
}

/// Sleeps for ever: the other core ends the run.
pub(crate) fn stop() -> ! {
    interrupts::disable();
    STOPPED.store(true, Ordering::Release);
    loop {
        hlt();
    }
}
