//! What a run of a path knows of itself. [`placement`](crate::placement) makes the runs.

use board::alarm::one_shot;
use portable_atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// How many waits a path makes.
pub const WAITS: usize = 2;

/// Events so far.
pub static FIRED: AtomicUsize = AtomicUsize::new(0);
/// Waits ended so far.
pub static ENDED: AtomicUsize = AtomicUsize::new(0);
/// Whether an event was lost, or something else did not hold.
pub static LOST: AtomicBool = AtomicBool::new(false);
/// Whether the processor is on the path.
pub static INSIDE: AtomicBool = AtomicBool::new(false);

/// Makes the waits of a path.
#[inline(always)]
pub fn waits(mut wait: impl FnMut()) {
    for _ in 0..WAITS {
        wait();
        ended();
    }
}

/// Counts a wait that has ended. Called by [`waits`], or by a path whose waits are not in one
/// function.
#[inline(always)]
pub fn ended() {
    ENDED.fetch_add(1, Relaxed);
}

/// Waits ended so far.
#[inline]
pub fn waits_ended() -> usize {
    ENDED.load(Relaxed)
}

/// Events so far, including the one that is being handled.
#[inline]
pub fn events() -> usize {
    FIRED.load(Relaxed)
}

/// States what must hold. If it does not, this placement counts as lost.
#[inline]
pub fn insist(holds: bool) {
    if !holds {
        LOST.store(true, Relaxed);
    }
}

/// Makes the next event come as soon as interrupts are enabled.
pub fn hasten() {
    one_shot(2);
}
