//! The counter of instructions (`minstret`), and the library's clock, on the CLINT's time.
//!
//! Under `-icount shift=7` an instruction takes 128 ns, and QEMU's `minstret` counts these
//! nanoseconds. Everything here divides by 128. Asleep, the nanoseconds go on.

use core::arch::asm;

use wouldblock::time::Clock;

use crate::machine::timer::{self, FREQUENCY};

/// Of `-icount`: an instruction is 2 to the power of this many nanoseconds.
const SHIFT: u32 = 7;

/// The counter: free-running. For spans, not for time.
#[inline(always)]
#[must_use]
pub fn now() -> u64 {
    nanoseconds() >> SHIFT
}

/// What `minstret` counts, all 64 bits of it, read as halves.
#[inline(always)]
fn nanoseconds() -> u64 {
    loop {
        let (high, low, again): (u32, u32, u32);
        // SAFETY: reads counters. It counts as touching memory, so that accesses stay on their side.
        unsafe {
            asm!(
                "csrr {}, minstreth", "csrr {}, minstret", "csrr {}, minstreth",
                out(reg) high, out(reg) low, out(reg) again,
                options(nostack),
            );
        }
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Whether an instruction takes a whole number of ticks. If not, a sum over many sleeps can be one
/// instruction off, depending on where between two ticks each of them began.
pub const WHOLE_TICKS: bool = true;

/// The instructions that a difference of two [`now`]s stands for, under `-icount shift=7`.
#[inline(always)]
#[must_use]
pub const fn instructions(span: u64) -> u64 {
    span
}

/// A reading of the counter for exact counts: its low half.
pub type Stamp = u32;

/// The counter. Always one instruction; the compiler moves no memory access across it.
#[inline(always)]
#[must_use]
pub fn stamp() -> Stamp {
    let now;
    // SAFETY: as in `nanoseconds`.
    unsafe { asm!("csrr {}, minstret", out(reg) now, options(nostack)) };
    now
}

/// The instructions from one stamp to another, up to 33 million, with the [`EMPTY_PAIR`] of the
/// stamps themselves.
#[inline(always)]
#[must_use]
pub const fn between(start: Stamp, end: Stamp) -> u64 {
    (end.wrapping_sub(start) >> SHIFT) as u64
}

/// The instructions between two stamps with nothing in between: the second reading.
pub const EMPTY_PAIR: u64 = 1;

/// The library's clock on this board: on the CLINT's time.
#[derive(Clone, Copy, Debug)]
pub struct BoardClock(());

impl Clock for BoardClock {
    #[inline(always)]
    fn now(&self) -> u64 {
        timer::now()
    }

    #[inline(always)]
    fn frequency(&self) -> u64 {
        FREQUENCY
    }
}

/// The time, in ticks of [`frequency`]: what [`clock`] reads.
#[inline(always)]
#[must_use]
pub fn time() -> u64 {
    timer::now()
}

/// Ticks of [`time`] per second.
#[must_use]
pub const fn frequency() -> u64 {
    FREQUENCY
}

/// The library's clock.
#[must_use]
pub const fn clock() -> BoardClock {
    BoardClock(())
}

/// Microseconds since reset, for the log.
pub(crate) use timer::microseconds;
