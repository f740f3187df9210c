//! Paths that are broken on purpose, each with a mistake that real programs make: the sweep must
//! lose an event on every one of them.

use core::{
    convert::Infallible,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use board::{
    idle::{Park, enable_and_sleep, sleep},
    interrupts::{disable, enable},
};
use firmware::task::block_on;
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use wouldblock::{attempt, block::Idle};

use crate::{
    of_units,
    placement::{Path, nop, waits},
    units::{self, LEFT},
};

pub const TWINS: &[Path] = &[
    of_units("await: check before register", check_before_register),
    of_units("park: sti; nop; hlt", park_late),
    of_units("park: news checked with interrupts on", park_unmasked),
    Path { source: put_news, ..of_units("flag: cleared after the check", clear_after_check) },
    Path::new(
        "handler: wakes before the flag is set",
        forget_signal,
        signal_before_put,
        wake_early,
    ),
    Path {
        source: put_and_step,
        ..of_units("slot: published after begin, no first step", publish_late)
    },
    Path {
        source: put_and_step,
        ..of_units("slot: a contended step leaves no note", release_without_look)
    },
];

/// Mistake: registers as the library does, but does not try again after that.
fn check_before_register() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let never = attempt::from_fn(|| Err::<(), _>(nb::Error::<Infallible>::WouldBlock));
        let mut registration = waiter.operation(never);
        block_on(poll_fn(|context| match LEFT.take() {
            Ok(()) => Poll::Ready(()),
            Err(_) => Pin::new(&mut registration).poll(context).map(drop),
        }));
    });
}

/// Mistake: an instruction between `sti` and `hlt`, before which the interrupt is taken.
struct ParkLate;

impl Idle for ParkLate {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        disable();
        let news = news();
        enable();
        if !news {
            nop();
            sleep();
        }
    }
}

fn park_late() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(ParkLate);
    });
}

/// Mistake: interrupts are enabled during the check, so the event may come after it.
struct ParkUnmasked;

impl Idle for ParkUnmasked {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !news() {
            disable();
            enable_and_sleep();
        }
    }
}

fn park_unmasked() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(ParkUnmasked);
    });
}

static NEWS: AtomicBool = AtomicBool::new(false);

fn put_news() -> bool {
    LEFT.put_silently();
    NEWS.store(true, Relaxed);
    true
}

/// Mistake: also clears a flag that was set between the try and the clearing.
fn clear_after_check() {
    waits(|| {
        while LEFT.take().is_err() {
            NEWS.store(false, Relaxed);
            while !NEWS.load(Relaxed) {
                Park.idle(|| NEWS.load(Relaxed));
            }
        }
    });
}

static SIGNALLED: AtomicBool = AtomicBool::new(false);

fn forget_signal() {
    units::empty();
    SIGNALLED.store(false, Relaxed);
}

/// Mistake: the handler signals first, and puts the unit when it is called again.
fn signal_before_put() -> bool {
    let signalled = SIGNALLED.fetch_xor(true, Relaxed);
    if signalled {
        LEFT.put_silently()
    } else {
        LEFT.signal()
    }
    signalled
}

/// The task is woken too early, finds nothing, and is not woken again.
fn wake_early() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        let Ok(()) = block_on(waiter.operation(attempt::from_fn(|| LEFT.take())));
    });
}

const IDLE: u32 = 0;
const RUNNING: u32 = 1;
const STEPPING: u32 = 2;
const DONE: u32 = 3;
/// The twin's own slot, for an operation that takes one unit.
static PHASE: AtomicU32 = AtomicU32::new(IDLE);

/// The event of the twins' slot: puts a unit, and steps if the slot can be claimed.
pub fn put_and_step() -> bool {
    LEFT.put_silently();
    step();
    true
}

/// Mistake: a step that finds the slot claimed leaves no note, and the holder does not look again
/// when it releases the slot.
pub fn step() {
    if PHASE.compare_exchange(RUNNING, STEPPING, Relaxed, Relaxed).is_ok() {
        PHASE.store(if LEFT.take().is_ok() { DONE } else { RUNNING }, Relaxed);
    }
}

pub fn is_done() -> bool {
    PHASE.load(Relaxed) == DONE
}

/// Starts the operation.
pub fn run() {
    PHASE.store(RUNNING, Relaxed);
}

/// Mistake: publishes the operation after its `begin`. Only the handler steps, and it may have come
/// before there was anything to step.
fn publish_late() {
    waits(|| {
        if LEFT.any() {
            step(); // The interrupt that `begin` enables.
        }
        run();
        while !is_done() {
            Park.idle(is_done);
        }
    });
}

/// The foreground steps, too; the handler may come during its step.
fn release_without_look() {
    waits(|| {
        run();
        loop {
            step();
            if is_done() {
                return;
            }
            Park.idle(is_done);
        }
    });
}
