//! Paths on which the job of a background operation is cancelled, dropped, detached or forgotten.

use board::idle::Park;
use wouldblock::{
    block::Idle,
    job::{Busy, Slot},
};

use crate::{
    device::{self, FORGOTTEN, JOBS, SLOT, put},
    placement::{Path, insist, waits, waits_ended},
    take::{self, Take, deliver},
};

pub const PATHS: &[Path] = &[
    cancelled("job cancelled on a device that stops", cancel_and_stop),
    cancelled("job cancelled on a device that goes on", cancel_and_go_on),
    given_up("job dropped on a device that stops", drop_and_stop),
    given_up("job dropped on a device that goes on", drop_and_go_on),
    given_up("job detached", detach),
    Path::new("job forgotten", device::empty, put, forget).checked(is_forgotten),
];

/// A path on which each end is delivered, and after which the slot is idle.
const fn cancelled(name: &'static str, run: fn()) -> Path {
    Path::new(name, device::empty, put, run).checked(|| take::is_delivered(2) && SLOT.is_idle())
}

/// A path after which the slot is idle, and keeps the last buffer until another operation starts.
pub const fn given_up(name: &'static str, run: fn()) -> Path {
    Path::new(name, device::empty, put, run).checked(|| SLOT.is_idle() && take::is_accounted_for(1))
}

fn cancel(op: Take) {
    let mut job = SLOT.start(op).expect("an idle slot");
    job.cancel();
    deliver(job.wait(Park));
}

fn cancel_and_stop() {
    waits(|| cancel(Take::stopping()));
}

fn cancel_and_go_on() {
    waits(|| cancel(Take::new()));
}

/// The operation has ended when `drop` returns.
fn drop_and_stop() {
    waits(|| {
        drop(SLOT.start(Take::stopping()).expect("an idle slot"));
        insist(SLOT.is_idle());
    });
}

fn wait_for_slot() {
    while !SLOT.is_idle() {
        Park.idle(|| SLOT.is_idle());
    }
}

fn drop_and_go_on() {
    waits(|| {
        drop(SLOT.start(Take::new()).expect("an idle slot"));
        wait_for_slot();
    });
}

fn detach() {
    waits(|| {
        SLOT.start(Take::new()).expect("an idle slot").detach();
        wait_for_slot();
    });
}

/// Starts a job and forgets it, then waits until its operation has ended.
pub fn forget() {
    waits(|| {
        let nth = waits_ended();
        let job = FORGOTTEN[nth].start(Take::new()).expect("an idle slot");
        let kept = JOBS.try_lock().expect("the path's own").push(job);
        insist(kept.is_ok());
        while take::taken() <= nth {
            Park.idle(|| take::taken() > nth);
        }
    });
}

/// Whether each slot has kept its buffer, and is busy forever.
pub fn is_forgotten() -> bool {
    let is_busy = |slot: &'static Slot<Take>| match slot.start(Take::new()) {
        Ok(_) => false,
        Err(Busy(op)) => {
            op.give_back();
            !slot.is_idle()
        }
    };
    take::is_accounted_for(2) && FORGOTTEN.iter().all(is_busy)
}
