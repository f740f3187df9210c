//! The operation that the paths of jobs start: it takes one unit, and owns a buffer until it ends.
//! Every end and every buffer is counted, so that a check can tell where each of them is.

use portable_atomic::{AtomicUsize, Ordering::Relaxed};

use board::interrupts::{are_enabled, raise_self};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Done},
};

use crate::{
    placement::{events, insist},
    units::LEFT,
};

/// Buffers that operations own.
static LENT: AtomicUsize = AtomicUsize::new(0);
/// Units that operations have taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Ends delivered with a unit.
static DELIVERED: AtomicUsize = AtomicUsize::new(0);
/// Ends delivered without one: cancelled.
static CANCELLED: AtomicUsize = AtomicUsize::new(0);

/// A buffer. The library may not drop anything of the user's in a handler.
struct Buffer;

impl Drop for Buffer {
    fn drop(&mut self) {
        insist(are_enabled()); // Where handlers nest, this is true in a handler, too.
        LENT.fetch_sub(1, Relaxed);
    }
}

/// The operation was cancelled, and has taken no unit.
#[derive(Debug)]
pub struct Cancelled;

/// Takes one unit. Its device is level-triggered: armed, it interrupts while there is a unit.
pub struct Take {
    buffer: Buffer,
    /// Whether its device stops when it is cancelled.
    stops: bool,
    cancelled: bool,
}

impl Take {
    /// On a device that continues to the end, cancelled or not.
    pub fn new() -> Self {
        LENT.fetch_add(1, Relaxed);
        Self { buffer: Buffer, stops: false, cancelled: false }
    }

    /// On a device that stops when it is cancelled.
    pub fn stopping() -> Self {
        Self { stops: true, ..Self::new() }
    }

    /// Returns the buffer to the user, who may drop it anywhere.
    pub fn give_back(self) {
        core::mem::forget(self.buffer);
        LENT.fetch_sub(1, Relaxed);
    }
}

impl Attempt for Take {
    type Output = ();
    type Error = Cancelled;

    fn attempt(&mut self) -> nb::Result<(), Cancelled> {
        match LEFT.take() {
            Ok(()) => {
                TAKEN.fetch_add(1, Relaxed);
                Ok(())
            }
            Err(_) if self.cancelled => Err(nb::Error::Other(Cancelled)),
            Err(_) => Err(nb::Error::WouldBlock),
        }
    }

    fn arm(&mut self) {
        if LEFT.any() {
            raise_self();
        }
    }
}

impl Background for Take {
    fn begin(&mut self) {
        self.arm();
    }

    fn cancel(&mut self) {
        self.cancelled = self.stops;
    }
}

/// Delivers an end: its buffer is returned, and the end is counted.
pub fn deliver(done: Done<Take>) {
    done.op.give_back();
    let count = if done.result.is_ok() { &DELIVERED } else { &CANCELLED };
    count.fetch_add(1, Relaxed);
}

/// Counts a lent buffer as returned, as a user would who uses it too early.
pub fn use_again() {
    LENT.fetch_sub(1, Relaxed);
}

/// Undoes [`use_again`].
pub fn lend_again() {
    LENT.fetch_add(1, Relaxed);
}

/// Units that operations have taken so far.
pub fn taken() -> usize {
    TAKEN.load(Relaxed)
}

/// Whether each unit was taken once or is still there, and exactly `lent` buffers are lent.
pub fn is_accounted_for(lent: usize) -> bool {
    taken() + LEFT.count() == events() && LENT.load(Relaxed) == lent
}

/// The same, with no buffer lent and `ends` ends delivered.
pub fn is_delivered(ends: usize) -> bool {
    let (delivered, cancelled) = (DELIVERED.load(Relaxed), CANCELLED.load(Relaxed));
    is_accounted_for(0) && delivered == taken() && delivered + cancelled == ends
}

/// Whether `ends` ends are delivered with a unit, and no buffer is lent.
pub fn is_given_back(ends: usize) -> bool {
    DELIVERED.load(Relaxed) == ends && LENT.load(Relaxed) == 0
}

/// Starts the counts again.
pub fn reset() {
    for count in [&TAKEN, &DELIVERED, &CANCELLED] {
        count.store(0, Relaxed);
    }
    assert_eq!(LENT.load(Relaxed), 0, "the last run has left a buffer lent");
}
