//! Bytes to the host, by two serial ports of the PCI card: `defmt`'s log frames, and a report that a
//! program on the host reads. Without the card nobody reads them.

mod log;

use core::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use wouldblock::uart16550::{Register, Registers};

use crate::{
    pci,
    serial::{self, LOG, REPORT, Serial},
};

pub(crate) use log::abandon;

const LONGEST: usize = 2048;

static IS_THERE: AtomicBool = AtomicBool::new(false);

/// Called once, by `start`.
pub(crate) fn start(bus: &pci::Bus) {
    IS_THERE.store(serial::start(bus), Ordering::Relaxed);
}

/// Sends one line of the report, as JSON. The line is whole: nothing comes in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(line: &impl Serialize) {
    let mut buffer = [0; LONGEST];
    let length = serde_json_core::to_slice(line, &mut buffer).expect("the report fits its line");
    critical_section::with(|_| {
        write(REPORT, &buffer[..length]);
        write(REPORT, b"\n");
    });
}

/// Waits until the host has all bytes. Does nothing if they go nowhere.
pub(crate) fn drain() {
    for port in [LOG, REPORT] {
        wait(port, 1 << 6);
    }
}

/// Sends bytes by a port that has no driver.
fn write(port: Serial, bytes: &[u8]) {
    for byte in bytes {
        wait(port, 1 << 5);
        port.write(Register::Data, *byte);
    }
}

/// Waits for a bit of the line status. The host takes bytes at once, unless it is far behind.
fn wait(port: Serial, bit: u8) {
    while IS_THERE.load(Ordering::Relaxed) && port.read(Register::LineStatus) & bit == 0 {}
}
