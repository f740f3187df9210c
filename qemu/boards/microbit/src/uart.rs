//! The report's UART (nRF51 Series Reference Manual 3.0, chapter 29). Nothing receives.

// Invariant: only this module uses the UART.

use core::ptr;

const UART: usize = 0x4000_2000;
const START_TRANSMITTER: usize = UART + 0x008;
const TRANSMITTED: usize = UART + 0x11c;
const ENABLE: usize = UART + 0x500;
const DATA: usize = UART + 0x51c;

/// Lets it transmit.
pub(crate) fn start() {
    write(ENABLE, 4);
    write(START_TRANSMITTER, 1);
}

/// Sends these bytes, each after the one before.
pub(crate) fn send(bytes: &[u8]) {
    for byte in bytes {
        write(TRANSMITTED, 0);
        write(DATA, (*byte).into());
        while read(TRANSMITTED) == 0 {}
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: a register that is always there, by the invariant of the module.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: a register that is always there, by the invariant of the module; it touches no memory.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
