//! Paths with jobs, slots and drivers that are broken on purpose; see [`twins`](crate::twins).

use portable_atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

use board::idle::Park;
use wouldblock::{
    block::Idle,
    job::{Step, Ticket},
};

use crate::{
    device::{self, CURRENT, OLD, SLOT, SLOTS, put},
    given_up::{self, given_up},
    placement::{Path, insist, waits, waits_ended},
    slots,
    take::{self, Take, deliver},
    units::{self, LEFT},
};

pub const TWINS: &[Path] = &[
    Path::new("callback: called before the slot is idle", idle, put_and_step_late, restart),
    Path::new("callback: a step without a claim", idle, put_and_step_unclaimed, call_back)
        .checked(is_called_twice),
    given_up("job: a drop that does not cancel", drop_without_cancel),
    Path::new("job: forgotten, and its buffer used again", device::empty, put, use_again)
        .checked(is_forgotten),
    Path::new("slots: the device is told its ticket after the start", slots::empty, put, tell_late),
    Path::new("slots: an old ticket steps the new tenant", slots::empty, put_for_index, wait),
];

// The twin's own slot, for an operation that takes one unit and then calls back.

/// Whether the slot has a tenant.
static RUNNING: AtomicBool = AtomicBool::new(false);
/// Whether the callback found the slot busy.
static REFUSED: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicUsize = AtomicUsize::new(0);

pub fn idle() {
    units::empty();
    RUNNING.store(false, Relaxed);
    REFUSED.store(false, Relaxed);
    CALLS.store(0, Relaxed);
}

/// Starts an operation; returns `false` if the slot is busy.
pub fn start() -> bool {
    !RUNNING.swap(true, Acquire)
}

/// Whether this wait had its call.
pub fn is_called() -> bool {
    CALLS.load(Relaxed) > waits_ended()
}

fn wait_for_call() {
    while !is_called() {
        step_unclaimed();
        Park.idle(is_called);
    }
}

/// Whether each wait had one call.
pub fn is_called_twice() -> bool {
    CALLS.load(Relaxed) == 2
}

/// Mistake: calls back first, and frees the slot after that.
fn put_and_step_late() -> bool {
    LEFT.put_silently();
    if RUNNING.load(Relaxed) && LEFT.take().is_ok() {
        CALLS.fetch_add(1, Relaxed);
        REFUSED.store(!start(), Relaxed);
        RUNNING.store(false, Release);
    }
    true
}

/// The callback of the first operation starts the second.
fn restart() {
    start();
    waits(|| {
        while !is_called() {
            Park.idle(is_called);
        }
        if REFUSED.swap(false, Relaxed) && waits_ended() == 0 {
            insist(false);
            start(); // Otherwise the second call would never come.
        }
    });
}

/// Mistake: steps without claiming the slot. Handler and foreground both see the unit, which is a
/// level, and both call back.
fn step_unclaimed() {
    if RUNNING.load(Relaxed) && LEFT.any() {
        CALLS.fetch_add(1, Relaxed);
        RUNNING.store(false, Release);
    }
}

pub fn put_and_step_unclaimed() -> bool {
    LEFT.put_silently();
    step_unclaimed();
    true
}

fn call_back() {
    waits(|| {
        units::empty();
        start();
        wait_for_call();
    });
}

fn drop_without_cancel() {
    waits(|| {
        if let Ok(job) = SLOT.start(Take::stopping()) {
            job.detach();
        }
        insist(SLOT.is_idle());
    });
}

/// Mistake: forgets a job, and uses its buffer as if it were free.
fn use_again() {
    given_up::forget();
    take::use_again();
}

fn is_forgotten() -> bool {
    let is_forgotten = given_up::is_forgotten();
    take::lend_again();
    is_forgotten
}

fn tell_late() {
    waits(|| {
        let vacancy = SLOTS.reserve().expect("it is vacant");
        let ticket = vacancy.start_with(Take::new(), slots::count);
        CURRENT.store(ticket.to_bits(), Relaxed);
        slots::wait_for_call();
    });
}

/// Mistake: the device reports an old end once more, and the handler steps whatever request is now
/// in the slot of the old ticket.
fn put_for_index() -> bool {
    let old = Ticket::from_bits(OLD.load(Relaxed));
    let current = Ticket::from_bits(CURRENT.load(Relaxed));
    if old.index() == current.index() && old != current {
        insist(SLOTS.on_interrupt(current).step() == Step::Idle);
    }
    put()
}

fn wait() {
    waits(|| {
        let done = slots::reserve().start(Take::new()).wait(Park);
        slots::end();
        deliver(done);
    });
}
