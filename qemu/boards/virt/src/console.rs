//! Bytes to the host, by two serial ports: `defmt`'s log frames, and a report that a program on the host
//! reads.

use common::{log::Frames, report};
use serde::Serialize;

use crate::{counter, exit, machine};

/// Sends one line of the report, as JSON. The line is whole: nothing comes in between.
///
/// # Panics
/// If the line would be longer than 2 KiB.
pub fn send(line: &impl Serialize) {
    report::send(line, machine::report);
}

defmt::timestamp!("{=u64:us}", counter::microseconds());

#[defmt::global_logger]
struct Logger;

static FRAMES: Frames = Frames::new(machine::log);

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
