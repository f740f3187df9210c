//! The log: `defmt` frames to QEMU's debug port 0xe9, stamped with microseconds since boot.

use common::log::Frames;
use x86_64::instructions::port::Port;

use crate::{counter, ending};

const PORT: u16 = 0xe9;

defmt::timestamp!("{=u64:us}", counter::microseconds());

#[defmt::global_logger]
struct Logger;

static FRAMES: Frames = Frames::new(write);

// SAFETY: `acquire` to `release` is one critical section that one caller enters at a time.
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        if FRAMES.acquire(ending::is_ending()).is_err() {
            ending::end(report::exit::PANIC);
        }
    }

    unsafe fn flush() {
        // A byte is with the host when its instruction is done.
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
/// What is being logged, on either core, never continues: the caller ends the run.
pub(crate) unsafe fn abandon() {
    // SAFETY: by the caller.
    unsafe { FRAMES.abandon() };
}

fn write(bytes: &[u8]) {
    let mut port = Port::<u8>::new(PORT);
    for byte in bytes {
        // SAFETY: QEMU's debug console, or nothing.
        unsafe { port.write(*byte) };
    }
}
