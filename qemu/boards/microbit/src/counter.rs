//! The counter: a timer of the chip that counts 16 million times a second, and the library's clock on
//! it.
//!
//! Under `-icount shift=8` an instruction takes 256 ns, so 4.096 ticks.

use core::arch::asm;

pub use cortex_m_board::counter::{BoardClock, clock};

use crate::clock;

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
pub const WHOLE_TICKS: bool = false;

/// The instructions that a difference of two [`now`]s stands for, under `-icount shift=8`: the number
/// whose ticks are nearest.
#[inline(always)]
#[must_use]
pub const fn instructions(span: u64) -> u64 {
    (span * 125 + 256) / 512
}

/// A reading of the counter for exact counts.
pub type Stamp = u32;

/// The counter. Always the same 10 instructions; the compiler moves no memory access across it.
#[inline(always)]
#[must_use]
pub fn stamp() -> Stamp {
    let now;
    // SAFETY: captures and reads the timer. It counts as touching memory, so that accesses stay on
    // their side.
    unsafe {
        asm!(
            "movs {now}, #{high}",
            "lsls {now}, {now}, #24",
            "movs {low}, #{middle}",
            "lsls {low}, {low}, #8",
            "adds {now}, {now}, {low}",
            "movs {low}, #1",
            "str {low}, [{now}, #{capture}]",
            "movs {low}, #{captured}",
            "lsls {low}, {low}, #4",
            "ldr {now}, [{now}, {low}]",
            now = out(reg) now,
            low = out(reg) _,
            high = const clock::TIMER >> 24,
            middle = const clock::TIMER >> 8 & 0xff,
            capture = const clock::CAPTURE - clock::TIMER,
            captured = const (clock::CAPTURED - clock::TIMER) >> 4,
            options(nostack),
        );
    }
    now
}

/// The instructions from one stamp to another, at most 10⁹, with the [`EMPTY_PAIR`] of the stamps
/// themselves.
#[inline(always)]
#[must_use]
pub const fn between(start: Stamp, end: Stamp) -> u64 {
    instructions(end.wrapping_sub(start) as u64)
}

/// The instructions between two stamps with nothing in between: those of the second one.
pub const EMPTY_PAIR: u64 = 10;
