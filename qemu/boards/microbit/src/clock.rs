//! The counter's device: TIMER0 of the nRF51 (nRF51 Series Reference Manual 3.0, chapter 18).

// Invariant: only this module uses the timer.

use core::ptr;

/// The timer's.
pub(crate) const FREQUENCY: u32 = 16_000_000;
/// It counts to 2³² − 1.
pub(crate) const TURN: u64 = 1 << 32;

pub(crate) const TIMER: usize = 0x4000_8000;
const START: usize = TIMER;
pub(crate) const CAPTURE: usize = TIMER + 0x40;
const BIT_MODE: usize = TIMER + 0x508;
const PRESCALER: usize = TIMER + 0x510;
pub(crate) const CAPTURED: usize = TIMER + 0x540;

/// Lets the timer count with all its bits.
pub(crate) fn start() {
    const BITS_32: u32 = 3;
    write(BIT_MODE, BITS_32);
    write(PRESCALER, 0);
    write(START, 1);
}

/// The timer's value: it is captured, then read.
#[inline(always)]
pub(crate) fn count() -> u32 {
    write(CAPTURE, 1);
    // SAFETY: a register that is always there, by the invariant of the module; reading changes none.
    unsafe { ptr::with_exposed_provenance::<u32>(CAPTURED).read_volatile() }
}

#[inline(always)]
fn write(register: usize, value: u32) {
    // SAFETY: a register that is always there, by the invariant of the module; it touches no memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
