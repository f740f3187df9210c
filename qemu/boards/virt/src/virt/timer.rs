//! How the time is read and the timer is set. A tick of the clock and of the alarm is one of the CLINT's.
//!
//! Under `-icount shift=7` an instruction takes 1.28 ticks, and a one-shot of n ticks interrupts
//! ⌈n ÷ 1.28⌉ instructions after the store that starts it, whatever part of a tick has passed then.

use core::arch::asm;

use crate::clint;

pub(crate) use crate::clint::time as now;

/// Ticks of the clock and of the alarm per second.
pub(crate) const FREQUENCY: u64 = 10_000_000;

/// The time in microseconds, for the log.
pub(crate) fn microseconds() -> u64 {
    now() / (FREQUENCY / 1_000_000)
}

/// The time that these ticks take, in ticks of the CLINT's.
#[inline]
pub(crate) const fn period(ticks: u64) -> u64 {
    ticks
}

/// Sets the timer to `ticks`, at least 1, after the store with which this ends.
///
/// The problem: what part of a tick has passed when the time is read differs from call to call, so
/// that an alarm of n ticks would come some instructions earlier or later. Rule: the store comes 25
/// instructions after the reading, which are exactly 32 ticks.
#[inline]
pub(crate) fn start_exactly(ticks: u64) {
    let ticks = ticks + 32;
    // SAFETY: the CLINT's registers, by the invariant of `clint`; they have no effect on memory. The
    // compare register is never early in between (Privileged Architecture, "mtime and mtimecmp").
    unsafe {
        asm!(
            "2:",
            "lw {high}, 4({time})",
            "lw {low}, 0({time})",
            "lw {carry}, 4({time})",
            "bne {carry}, {high}, 2b",
            "add {low}, {low}, {ticks_low}",
            "sltu {carry}, {low}, {ticks_low}",
            "add {high}, {high}, {ticks_high}",
            "add {high}, {high}, {carry}",
            "li {carry}, -1",
            "sw {carry}, 4({compare})",
            "sw {low}, 0({compare})",
            ".rept 15",
            "nop",
            ".endr",
            "sw {high}, 4({compare})",
            time = in(reg) clint::TIME,
            compare = in(reg) clint::COMPARE,
            ticks_low = in(reg) ticks as u32,
            ticks_high = in(reg) (ticks >> 32) as u32,
            low = out(reg) _,
            high = out(reg) _,
            carry = out(reg) _,
            options(nostack),
        );
    }
}
