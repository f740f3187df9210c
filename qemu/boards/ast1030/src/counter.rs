//! The counter: a timer of the chip that counts 500 million times a second, and the library's clock
//! on it.
//!
//! Under `-icount shift=4` an instruction takes 16 ns, so 8 ticks.

use core::arch::asm;

pub use cortex_m_board::counter::{BoardClock, clock};

use crate::clock;

/// Ticks of the counter in an instruction.
const TICKS: u64 = 8;

/// The counter, with 64 bits.
#[inline(always)]
#[must_use]
pub fn now() -> u64 {
    cortex_m_board::counter::extend(clock::count, clock::TURN)
}

/// The time, in ticks of [`frequency`]: what [`clock`] reads. Here it is the counter, too.
#[inline(always)]
#[must_use]
pub fn time() -> u64 {
    now()
}

/// Ticks of [`time`] per second.
#[must_use]
pub const fn frequency() -> u64 {
    clock::FREQUENCY as u64
}

/// Whether an instruction takes a whole number of ticks. If not, a sum over many sleeps can be one
/// instruction off, depending on where between two ticks each of them began.
pub const WHOLE_TICKS: bool = true;

/// The instructions that a difference of two [`now`]s stands for, under `-icount shift=4`.
#[inline(always)]
#[must_use]
pub const fn instructions(span: u64) -> u64 {
    (span + TICKS / 2) / TICKS
}

/// A reading of the counter for exact counts.
pub type Stamp = u32;

/// The counter. Always the same 3 instructions; the compiler moves no memory access across it.
#[inline(always)]
#[must_use]
pub fn stamp() -> Stamp {
    let now;
    // SAFETY: reads the timer. It counts as touching memory, so that accesses stay on their side.
    unsafe {
        asm!(
            "movw {now}, #{low}",
            "movt {now}, #{high}",
            "ldr {now}, [{now}]",
            now = out(reg) now,
            low = const clock::TIMER & 0xffff,
            high = const clock::TIMER >> 16,
            options(nostack, preserves_flags),
        );
    }
    now
}

/// The instructions from one stamp to another, at most 500 million, with the [`EMPTY_PAIR`] of the
/// stamps themselves.
#[inline(always)]
#[must_use]
pub const fn between(start: Stamp, end: Stamp) -> u64 {
    // The timer counts down, and its last value is its first one.
    let ticks = if end <= start { start - end } else { start + (u32::MAX - end) };
    instructions(ticks as u64)
}

/// The instructions between two stamps with nothing in between: those of the second one.
pub const EMPTY_PAIR: u64 = 3;
