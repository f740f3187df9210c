//! The first UART, for the report (FU540-C000 Manual v1p4, chapter 13). Nothing receives.

// Invariant: only this module uses it. Its registers have no effect on memory, and are mapped for ever.

use core::{hint::spin_loop, ptr};

const UART: usize = 0x1001_0000;
const DATA: usize = UART;
const CONTROL: usize = UART + 0x08;
const PENDING: usize = UART + 0x14;

/// Of the data register: no byte can be put into the FIFO.
const FULL: u32 = 1 << 31;
/// It transmits, ...
const ENABLE: u32 = 1;
/// ... and the watermark is pending while its FIFO holds less than one byte.
const BELOW_ONE: u32 = 1 << 16;
const WATERMARK: u32 = 1;

/// Lets it transmit. Called once, by `start`.
pub(crate) fn start() {
    write(CONTROL, ENABLE | BELOW_ONE);
}

/// Sends bytes of the report.
pub(crate) fn report(bytes: &[u8]) {
    for byte in bytes {
        while read(DATA) & FULL != 0 {
            spin_loop();
        }
        write(DATA, (*byte).into());
    }
}

/// Waits until all is sent.
pub(crate) fn drain() {
    while read(PENDING) & WATERMARK == 0 {
        spin_loop();
    }
}

fn read(register: usize) -> u32 {
    // SAFETY: by the invariant of the module.
    unsafe { ptr::with_exposed_provenance::<u32>(register).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: by the invariant of the module.
    unsafe { ptr::with_exposed_provenance_mut::<u32>(register).write_volatile(value) }
}
