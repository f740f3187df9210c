//! Bytes to the host, by two serial ports of the PCI card: `defmt`'s log frames, and a report that a
//! program on the host reads. Without the card they go nowhere.

use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, Ordering},
};

use common::{log::Frames, report};
use serde::Serialize;
use wouldblock::uart16550::{Register, Registers};

use crate::{
    counter, exit, pci,
    serial::{self, LOG, REPORT, Serial},
};

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
    report::send(line, |bytes| write(REPORT, bytes));
}

defmt::timestamp!("{=u64:us}", counter::microseconds());

#[defmt::global_logger]
struct Logger;

static FRAMES: Frames = Frames::new(|bytes| write(LOG, bytes));

// SAFETY: `acquire` to `release` is one critical section that one caller enters at a time.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        if FRAMES.acquire(exit::is_ending()).is_err() {
            exit::end(::report::exit::PANIC);
        }
    }

    unsafe fn flush() {
        // The end of the run waits for the host.
    }

    unsafe fn release() {
        // SAFETY: `defmt` calls this after `acquire`.
        unsafe { FRAMES.release() };
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: `defmt` calls this after `acquire`.
        unsafe { FRAMES.write(bytes) };
    }
}

/// Gives up the frame that is being written, if there is one.
///
/// # Safety
/// What is being logged never continues: the caller ends the run.
pub(crate) unsafe fn abandon() {
    // SAFETY: by the caller.
    unsafe { FRAMES.abandon() };
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
    while IS_THERE.load(Ordering::Relaxed) && port.read(Register::LineStatus) & bit == 0 {
        spin_loop();
    }
}
