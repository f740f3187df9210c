//! How the time is read and the timer is set. The CLINT's time has a tick of 1 µs, in which there are 7.8
//! instructions under `-icount shift=7`. So a tick of the clock and of the alarm is a finer one: an
//! instruction's 128 ns.

use core::arch::asm;

use crate::clint;

/// Ticks of the clock and of the alarm per second.
pub(crate) const FREQUENCY: u64 = 7_812_500;

/// The time. What part of a tick of the CLINT's has passed, `minstret` says, which counts nanoseconds
/// under `-icount`. Without that, it is taken for nothing.
#[inline]
pub(crate) fn now() -> u64 {
    let (microseconds, count) = loop {
        let (high, low, count, again): (u32, u32, u32, u32);
        // SAFETY: the CLINT's time, by the invariant of `clint`, and a counter.
        unsafe {
            asm!(
                "lw {high}, 4({time})",
                "lw {low}, 0({time})",
                "csrr {count}, minstret",
                "lw {again}, 4({time})",
                time = in(reg) clint::TIME,
                high = out(reg) high,
                low = out(reg) low,
                count = out(reg) count,
                again = out(reg) again,
                options(nostack),
            );
        }
        if high == again {
            break (u64::from(high) << 32 | u64::from(low), count);
        }
    };
    let part = count.wrapping_sub((microseconds as u32).wrapping_mul(1000));
    // The counter was read an instruction later.
    (microseconds * 1000 + if part < 1000 + 128 { part.into() } else { 0 }) >> 7
}

/// The time in microseconds, for the log.
pub(crate) fn microseconds() -> u64 {
    clint::time()
}

/// The time that these ticks take, in ticks of the CLINT's.
#[inline]
pub(crate) const fn period(ticks: u64) -> u64 {
    (ticks * 16 + 62) / 125
}

/// Sets the timer to `ticks`, at least 1, from the end of this function: that many instructions.
#[inline]
pub(crate) fn start_exactly(ticks: u64) {
    let ticks = ticks + 1; // The jump in `start`.
    let time = match u32::try_from(ticks) {
        Ok(ticks @ ..0x1000_0000) => u64::from((ticks * 16).div_ceil(125)),
        _ => (ticks * 16).div_ceil(125),
    };
    start(time, ((time * 125).div_ceil(16) - ticks) as usize);
}

/// Sets the timer to `time`, at least 1, after the store that starts it. After that come a jump and
/// `pause` instructions, at most 8.
///
/// QEMU counts `time` from the store, whatever part of a tick has passed then: the compare register less
/// the time at the store, in whole ticks. The problem: how many ticks pass from the reading of the time
/// to the store differs from call to call. Rule: `minstret`, which counts nanoseconds, says what part of a
/// tick had passed at the reading. The store comes 16 instructions later, which are 2048 ns.
#[inline]
fn start(time: u64, pause: usize) {
    /// Ticks that end in between, if less than [`LATE`] ns had passed, and one more if not.
    const EARLY_TICKS: u64 = 2;
    const LATE: u32 = 3_000 - 2_048;

    let time = time + EARLY_TICKS + 1;
    // SAFETY: the CLINT's registers, by the invariant of `clint`; they have no effect on memory. The
    // compare register is never early in between (Privileged Architecture, "mtime and mtimecmp"). The
    // jump goes to the end, or to one of the 8 `nop`s before it, of two bytes each.
    unsafe {
        asm!(
            "la {target}, 3f",
            "sub {target}, {target}, {pause}",
            "2:",
            "lw {high}, 4({clint})",
            "lw {low}, 0({clint})",
            "csrr {part}, minstret",
            "lw {carry}, 4({clint})",
            "bne {carry}, {high}, 2b",
            "mul {scratch}, {low}, {thousand}",
            "sub {part}, {part}, {scratch}",
            "sltu {part}, {part}, {late}", // A tick less.
            "add {low}, {low}, {time_low}",
            "sltu {carry}, {low}, {time_low}",
            "add {high}, {high}, {time_high}",
            "add {high}, {high}, {carry}",
            "sltu {carry}, {low}, {part}",
            "sub {low}, {low}, {part}",
            "sub {high}, {high}, {carry}",
            "li {carry}, -1",
            "sw {carry}, 4({compare})",
            "sw {low}, 0({compare})",
            "sw {high}, 4({compare})",
            "jr {target}",
            ".rept 8",
            "c.nop",
            ".endr",
            "3:",
            clint = in(reg) clint::TIME,
            compare = in(reg) clint::COMPARE,
            thousand = in(reg) 1000,
            late = in(reg) LATE,
            pause = in(reg) 2 * pause,
            time_low = in(reg) time as u32,
            time_high = in(reg) (time >> 32) as u32,
            low = out(reg) _,
            high = out(reg) _,
            carry = out(reg) _,
            part = out(reg) _,
            scratch = out(reg) _,
            target = out(reg) _,
            options(nostack),
        );
    }
}
