//! Bytes to the host, by two of QEMU's debug ports: `defmt`'s log frames (0xe9), and a report that
//! a program on the host reads (0xe8).

mod log;

use common::report;
use serde::Serialize;
use x86_64::instructions::port::Port;

pub(crate) use log::abandon;

const REPORT_PORT: u16 = 0xe8;

/// Sends one line of the report, as JSON. The line is whole: nothing comes in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(line: &impl Serialize) {
    let mut port = Port::<u8>::new(REPORT_PORT);
    report::send(line, |bytes| {
        for byte in bytes {
            // SAFETY: QEMU's debug console, or nothing.
            unsafe { port.write(*byte) };
        }
    });
}
