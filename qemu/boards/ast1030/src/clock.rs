//! The counter's device: the first of the chip's timers, which counts the peripheral clock down.

// Invariant: only this module uses the timer and the clock's registers.

use core::ptr;

/// Twice the clock that the chip has after reset: 1 GHz, halved, divided by 1.
pub(crate) const FREQUENCY: u32 = 500_000_000;

/// The timer's longest period.
const LONGEST: u32 = u32::MAX;
/// The last value of a period is the first one of the next.
pub(crate) const TURN: u64 = LONGEST as u64;

pub(crate) const TIMER: usize = 0x7e78_2000;
const RELOAD: usize = TIMER + 0x04;
const MATCHES: [usize; 2] = [TIMER + 0x08, TIMER + 0x0c];
const CONTROL: usize = TIMER + 0x30;
const ENABLE: u32 = 1;

const SYSTEM_CONTROL: usize = 0x7e6e_2000;
const PROTECTION: usize = SYSTEM_CONTROL;
const UNLOCK: u32 = 0x1688_a8a8;
const CLOCK_SELECTION_4: usize = SYSTEM_CONTROL + 0x310;
const PERIPHERAL_DIVIDER: u32 = 0xf << 8;

/// Lets the timer count 500 million times a second, so that an instruction of 16 ns takes 8 ticks.
pub(crate) fn start() {
    write(PROTECTION, UNLOCK);
    write(CLOCK_SELECTION_4, read(CLOCK_SELECTION_4) & !PERIPHERAL_DIVIDER);
    write(PROTECTION, 0);
    for register in MATCHES {
        write(register, LONGEST);
    }
    write(RELOAD, LONGEST);
    write(CONTROL, ENABLE);
}

/// The timer, counted up.
#[inline(always)]
pub(crate) fn count() -> u32 {
    LONGEST - read(TIMER)
}

#[inline(always)]
fn read(register: usize) -> u32 {
    // SAFETY: a register that is always there, by the invariant of the module; reading changes none.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as above; the timer and the clock touch no memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
