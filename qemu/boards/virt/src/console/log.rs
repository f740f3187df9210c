//! The log: `defmt` frames, stamped with microseconds since reset.
//!
// Invariant: `STATE.encoder` is touched only between `acquire` and `release`, in a critical section; a
// second `acquire` inside ends the run. `abandon` lets a report that ends the run break in; after it
// nothing else runs.

use core::{
    cell::{Cell, UnsafeCell},
    sync::atomic::{AtomicBool, Ordering},
};

use critical_section::RestoreState;

use crate::{counter, exit, serial::LOG};

defmt::timestamp!("{=u64:us}", counter::microseconds());

#[defmt::global_logger]
struct Logger;

struct State {
    encoder: UnsafeCell<defmt::Encoder>,
    /// What `release` restores; nothing once the run is ending.
    restore: Cell<Option<RestoreState>>,
}

// SAFETY: by the invariant of the module.
unsafe impl Sync for State {}

static HELD: AtomicBool = AtomicBool::new(false);
static STATE: State =
    State { encoder: UnsafeCell::new(defmt::Encoder::new()), restore: Cell::new(None) };

// SAFETY: `acquire` to `release` is one critical section that one caller enters at a time (`HELD`).
unsafe impl defmt::Logger for Logger {
    fn acquire() {
        // SAFETY: `release` leaves it; `defmt` calls the two in pairs.
        let restore = (!exit::is_ending()).then(|| unsafe { critical_section::acquire() });
        if HELD.load(Ordering::Relaxed) {
            exit::end(report::exit::PANIC);
        }
        HELD.store(true, Ordering::Relaxed);
        STATE.restore.set(restore);
        // SAFETY: by the invariant of the module.
        unsafe { &mut *STATE.encoder.get() }.start_frame(write);
    }

    unsafe fn flush() {
        // The end of the run waits for the host.
    }

    unsafe fn release() {
        // SAFETY: by the invariant of the module.
        unsafe { &mut *STATE.encoder.get() }.end_frame(write);
        let restore = STATE.restore.get();
        HELD.store(false, Ordering::Relaxed);
        if let Some(restore) = restore {
            // SAFETY: what `acquire` entered.
            unsafe { critical_section::release(restore) };
        }
    }

    unsafe fn write(bytes: &[u8]) {
        // SAFETY: by the invariant of the module.
        unsafe { &mut *STATE.encoder.get() }.write(bytes, write);
    }
}

/// Gives up the frame that is being written, if there is one: the host drops it and reads the next
/// frame.
///
/// # Safety
/// What is being logged never continues: the caller ends the run.
pub(crate) unsafe fn abandon() {
    if HELD.load(Ordering::Relaxed) {
        // SAFETY: by the contract the holder of the encoder never uses it again.
        unsafe { &mut *STATE.encoder.get() }.end_frame(write);
        HELD.store(false, Ordering::Relaxed);
    }
}

fn write(bytes: &[u8]) {
    super::write(LOG, bytes);
}
