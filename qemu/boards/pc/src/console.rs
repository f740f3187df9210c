//! Bytes to the host, by two of QEMU's debug ports: `defmt`'s log frames (0xe9), and a report that
//! a program on the host reads (0xe8).

mod log;

use serde::Serialize;
use x86_64::instructions::port::Port;

pub(crate) use log::abandon;

const REPORT_PORT: u16 = 0xe8;
const LONGEST: usize = 2048;

/// Sends one line of the report, as JSON. The line is whole: nothing comes in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(line: &impl Serialize) {
    let mut buffer = [0; LONGEST];
    let length = serde_json_core::to_slice(line, &mut buffer).expect("the report fits its line");
    let mut port = Port::<u8>::new(REPORT_PORT);
    critical_section::with(|_| {
        for byte in buffer[..length].iter().chain(b"\n") {
            // SAFETY: QEMU's debug console, or nothing.
            unsafe { port.write(*byte) };
        }
    });
}
