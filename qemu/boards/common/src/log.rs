//! The log: `defmt`'s frames, written by one caller at a time.
//!
// Invariant: `encoder` is touched only between `acquire` and `release`, in a critical section; a second
// `acquire` inside fails. `abandon` lets a report that ends the run break in. After it there is no
// critical section, since its core runs alone and another core may have been stopped inside one.

use core::{
    cell::{Cell, UnsafeCell},
    sync::atomic::{AtomicBool, Ordering},
};

use critical_section::RestoreState;

/// Writes bytes to the host. A byte is with the host when the call returns.
pub type Write = fn(&[u8]);

/// The frames of a run. A board's `defmt::Logger` calls these functions.
pub struct Frames {
    held: AtomicBool,
    encoder: UnsafeCell<defmt::Encoder>,
    /// What `release` restores; nothing once the run is ending.
    restore: Cell<Option<RestoreState>>,
    write: Write,
}

// SAFETY: by the invariant of the module.
unsafe impl Sync for Frames {}

/// A message is logged while another one is being formatted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nested;

impl Frames {
    /// Frames that go to the host by `write`.
    #[must_use]
    pub const fn new(write: Write) -> Self {
        Self {
            held: AtomicBool::new(false),
            encoder: UnsafeCell::new(defmt::Encoder::new()),
            restore: Cell::new(None),
            write,
        }
    }

    /// Begins a frame. `ending`: the run ends on this core, which runs alone.
    ///
    /// # Errors
    /// If a frame was begun and not ended: the caller ends the run.
    pub fn acquire(&self, ending: bool) -> Result<(), Nested> {
        // SAFETY: `release` leaves it; `defmt` calls the two in pairs.
        let restore = (!ending).then(|| unsafe { critical_section::acquire() });
        if self.held.load(Ordering::Relaxed) {
            return Err(Nested);
        }
        self.held.store(true, Ordering::Relaxed);
        self.restore.set(restore);
        // SAFETY: by the invariant of the module.
        unsafe { &mut *self.encoder.get() }.start_frame(self.write);
        Ok(())
    }

    /// Adds to the frame.
    ///
    /// # Safety
    /// The caller is between [`acquire`](Self::acquire) and [`release`](Self::release).
    pub unsafe fn write(&self, bytes: &[u8]) {
        // SAFETY: by the invariant of the module.
        unsafe { &mut *self.encoder.get() }.write(bytes, self.write);
    }

    /// Ends the frame.
    ///
    /// # Safety
    /// As for [`write`](Self::write); the frame is the caller's no longer.
    pub unsafe fn release(&self) {
        // SAFETY: by the invariant of the module.
        unsafe { &mut *self.encoder.get() }.end_frame(self.write);
        let restore = self.restore.get();
        self.held.store(false, Ordering::Relaxed);
        if let Some(restore) = restore {
            // SAFETY: what `acquire` entered.
            unsafe { critical_section::release(restore) };
        }
    }

    /// Gives up the frame that is being written, if there is one: the host drops it and reads the
    /// next frame.
    ///
    /// # Safety
    /// What is being logged, on whichever core, never continues: the caller ends the run.
    pub unsafe fn abandon(&self) {
        if self.held.load(Ordering::Relaxed) {
            // SAFETY: by the contract the holder of the encoder never uses it again.
            unsafe { &mut *self.encoder.get() }.end_frame(self.write);
            self.held.store(false, Ordering::Relaxed);
        }
    }
}
