//! The counter: the processor's time-stamp counter, and the library's clock on it.
//!
//! Under `-icount shift=0` it counts instructions: one tick is one instruction is one nanosecond.
//! That holds while the processor is awake. When the processor wakes from a `hlt`, QEMU 7.2
//! sometimes lets the counter jump some dozen ticks too far: its main loop may look at the clock
//! when the processor already sleeps but its last instructions are not yet accounted for.

use core::{
    arch::{asm, x86_64::_rdtsc},
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

/// The time, in ticks of [`frequency`]: what [`clock`] reads. Here it is the counter, too.
#[inline(always)]
#[must_use]
pub fn time() -> u64 {
    now()
}

/// Whether an instruction takes a whole number of ticks. If not, a sum over many sleeps can be one
/// instruction off, depending on where between two ticks each of them began.
pub const WHOLE_TICKS: bool = true;

/// The instructions that a difference of two [`now`]s stands for, under `-icount shift=0`.
#[inline(always)]
#[must_use]
pub const fn instructions(span: u64) -> u64 {
    span
}

/// A reading of the counter for exact counts.
pub type Stamp = u64;

/// The counter. Always the same 3 instructions; the compiler moves no memory access across it.
#[inline(always)]
#[must_use]
pub fn stamp() -> Stamp {
    let now;
    // SAFETY: reads a counter. It counts as touching memory, so that accesses stay on their side.
    unsafe {
        asm!("rdtsc", "shl rdx, 32", "or rax, rdx", out("rax") now, out("rdx") _, options(nostack));
    }
    now
}

/// The instructions from one stamp to another, with the [`EMPTY_PAIR`] of the stamps themselves.
#[inline(always)]
#[must_use]
pub const fn between(start: Stamp, end: Stamp) -> u64 {
    end - start
}

/// The instructions between two stamps with nothing in between: the second reading, and one that
/// moves the first value away.
pub const EMPTY_PAIR: u64 = 4;

/// Ticks of [`time`] per second: exact under `-icount`, otherwise measured to about 10⁻⁴.
#[must_use]
pub fn frequency() -> u64 {
    FREQUENCY.load(Ordering::Relaxed)
}

/// The library's clock on this board.
pub type BoardClock = TscClock;

/// The counter as the library's clock.
#[must_use]
pub fn clock() -> BoardClock {
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
