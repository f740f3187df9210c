//! The counter: the processor's time-stamp counter, and the library's clock on it.
//!
//! Under `-icount shift=0` it counts instructions: one tick is one instruction is one nanosecond.
//! That holds while the processor is awake. When the processor wakes from a `hlt`, QEMU 7.2
//! sometimes lets the counter jump some dozen ticks too far: its main loop may look at the clock
//! when the processor already sleeps but its last instructions are not yet accounted for.

use core::{
    arch::x86_64::_rdtsc,
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

use wouldblock::x86_64::TscClock;

static FREQUENCY: AtomicU64 = AtomicU64::new(0);
static AT_START: AtomicU64 = AtomicU64::new(0);

/// The counter: free-running, 64 bits.
#[inline(always)]
#[must_use]
pub fn now() -> u64 {
    // SAFETY: every x86_64 processor has it, and ring 0 may always read it.
    unsafe { _rdtsc() }
}

/// The counter's frequency in Hz: exact under `-icount`, otherwise measured to about 10⁻⁴.
#[must_use]
pub fn frequency() -> u64 {
    FREQUENCY.load(Ordering::Relaxed)
}

/// The counter as the library's clock.
#[must_use]
pub fn clock() -> TscClock {
    TscClock::new(NonZeroU64::new(frequency()).unwrap_or(NonZeroU64::MIN))
}

/// Microseconds since the board was set up, for the log.
pub(crate) fn microseconds() -> u64 {
    let per_microsecond = (frequency() / 1_000_000).max(1);
    (now() - AT_START.load(Ordering::Relaxed)) / per_microsecond
}

/// From here on the log counts its time. Called once, by `start`.
pub(crate) fn start() {
    AT_START.store(now(), Ordering::Relaxed);
}

/// Called once, by `start`.
pub(crate) fn set_frequency(frequency: u64) {
    FREQUENCY.store(frequency, Ordering::Relaxed);
}
