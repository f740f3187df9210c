//! Paths that wait for a background operation, which the handler steps to its end.

use core::time::Duration;

use board::{counter::clock, idle::Park};
use firmware::task::block_on;
use portable_atomic::{AtomicUsize, Ordering::Relaxed};
use wouldblock::{
    block::Idle,
    job::{Done, Job},
};

use crate::{
    blocking::Never,
    device::{self, SLOT, put},
    placement::{Path, events, insist, waits, waits_ended},
    take::{self, Take, deliver},
};

pub const PATHS: &[Path] = &[
    collected("job wait", wait),
    collected("job wait, with a deadline", wait_for),
    collected("job await", await_job),
    collected("job step", step),
    called_back("job with a callback", call_back),
    called_back("job restarted from its callback", restart),
];

/// A path on which each end is delivered, and after which the slot is idle.
const fn collected(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, put, run).checked(|| take::is_delivered(2) && SLOT.is_idle())
}

/// The same for ends delivered by callbacks, each called once.
const fn called_back(name: &'static str, run: fn()) -> Path {
    collected(name, run).checked(is_called_back)
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Whether each end was delivered, by one call each, and the slot is idle.
pub fn is_called_back() -> bool {
    take::is_delivered(2) && SLOT.is_idle() && calls() == 2
}

fn calls() -> usize {
    CALLS.load(Relaxed)
}

pub fn empty() {
    device::empty();
    CALLS.store(0, Relaxed);
}

fn start() -> Job<Take> {
    SLOT.start(Take::new()).expect("an idle slot")
}

fn wait() {
    waits(|| deliver(start().wait(Park)));
}

fn wait_for() {
    waits(|| {
        let mut job = start();
        let end = job.ended().block_for(Park::until(Never), clock(), Duration::from_secs(1));
        end.map_or_else(|_| insist(false), deliver);
    });
}

fn await_job() {
    waits(|| deliver(block_on(start())));
}

/// The foreground polls the job after each event, and may step it to its end itself.
fn step() {
    waits(|| {
        let mut job = start();
        loop {
            let seen = events();
            if let Ok(done) = job.attempt() {
                return deliver(done);
            }
            Park.idle(|| events() != seen);
        }
    });
}

/// Only the handler steps.
fn call_back() {
    waits(|| {
        insist(SLOT.start_with(Take::new(), count).is_ok());
        wait_for_call();
    });
}

fn restart() {
    insist(SLOT.start_with(Take::new(), count_and_restart).is_ok());
    waits(wait_for_call);
}

pub fn count(done: Done<Take>) {
    deliver(done);
    CALLS.fetch_add(1, Relaxed);
}

/// The slot is idle by now.
fn count_and_restart(done: Done<Take>) {
    count(done);
    insist(SLOT.start_with(Take::new(), count).is_ok());
}

/// Waits until the callback was called once in each wait, this one included.
pub fn wait_for_call() {
    let is_called = || calls() > waits_ended();
    while !is_called() {
        Park.idle(is_called);
    }
}
