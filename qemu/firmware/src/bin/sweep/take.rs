//! What the paths of jobs set going: an operation that takes one unit, and owns a buffer meanwhile.
//! Every end and every buffer is counted, so that a check can say where each of them is.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use board::{
    idle::Park,
    interrupts::{Line, are_enabled, raise_self},
};
use firmware::task::poll_by_nobody;
use wouldblock::{
    attempt::Attempt,
    job::{Background, Done, Slot},
};

use crate::{
    given_up,
    placement::{events, insist},
    slots,
    units::{self, LEFT},
};

/// Buffers that operations own.
static LENT: AtomicUsize = AtomicUsize::new(0);
/// Units that operations have taken.
static TAKEN: AtomicUsize = AtomicUsize::new(0);
/// Ends given out: with a unit, and without one.
static DELIVERED: AtomicUsize = AtomicUsize::new(0);
static CANCELLED: AtomicUsize = AtomicUsize::new(0);

/// A buffer. Nothing of the user's may be dropped in a handler, except by the user.
struct Buffer;

impl Drop for Buffer {
    fn drop(&mut self) {
        insist(are_enabled());
        LENT.fetch_sub(1, Relaxed);
    }
}

/// It was cancelled, and has taken nothing.
#[derive(Debug)]
pub struct Cancelled;

/// Takes one unit. Its device interrupts while there is one and it is enabled: a level.
pub struct Take {
    buffer: Buffer,
    /// Whether its device stops when it is asked to.
    stops: bool,
    cancelled: bool,
}

impl Take {
    /// On a device that goes on to the end, cancelled or not.
    pub fn new() -> Self {
        LENT.fetch_add(1, Relaxed);
        Self { buffer: Buffer, stops: false, cancelled: false }
    }

    /// On a device that stops when it is asked to.
    pub fn stopping() -> Self {
        Self { stops: true, ..Self::new() }
    }

    /// Its buffer comes back.
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

/// An end is given out: its buffer comes back.
pub fn deliver(done: Done<Take>) {
    done.op.give_back();
    let count = if done.result.is_ok() { &DELIVERED } else { &CANCELLED };
    count.fetch_add(1, Relaxed);
}

/// Somebody uses a buffer that is lent, as if it had come back.
pub fn use_again() {
    LENT.fetch_sub(1, Relaxed);
}

/// That is put right.
pub fn lend_again() {
    LENT.fetch_add(1, Relaxed);
}

/// Units that operations have taken so far.
pub fn taken() -> usize {
    TAKEN.load(Relaxed)
}

/// Whether each unit was taken once or is still there, and exactly so many buffers are lent.
pub fn is_accounted_for(lent: usize) -> bool {
    taken() + LEFT.count() == events() && LENT.load(Relaxed) == lent
}

/// The same, where each end is given out.
pub fn is_delivered(ends: usize) -> bool {
    let (delivered, cancelled) = (DELIVERED.load(Relaxed), CANCELLED.load(Relaxed));
    is_accounted_for(0) && delivered == taken() && delivered + cancelled == ends
}

/// Whether so many ends are given out, and no buffer is lent.
pub fn is_given_back(ends: usize) -> bool {
    DELIVERED.load(Relaxed) == ends && LENT.load(Relaxed) == 0
}

/// Lets the device interrupt.
pub fn install() {
    Line::SelfIpi.set_handler(|line| {
        step();
        line.acknowledge();
    });
    Line::SelfIpi.enable();
}

/// Whatever is running may be what the unit is for.
fn step() {
    drop(SLOT.on_interrupt());
    given_up::step();
    slots::step();
}

/// The event of the paths: a unit, and a step.
pub fn put() -> bool {
    LEFT.put_silently();
    step();
    true
}

/// Room for one.
pub static SLOT: Slot<Take> = Slot::new();

/// The slot idle after a job that has ended, the others idle, and nothing counted or lent.
pub fn empty() {
    given_up::empty();
    slots::end_tenant();
    while !SLOT.is_idle() {
        put();
    }
    units::empty();
    let mut job = SLOT.start(Take::new()).expect("an idle slot");
    poll_by_nobody(&mut job);
    put();
    deliver(job.wait(Park));
    for count in [&TAKEN, &DELIVERED, &CANCELLED] {
        count.store(0, Relaxed);
    }
    assert_eq!(LENT.load(Relaxed), 0, "what the last run has left is not counted in this one");
}
