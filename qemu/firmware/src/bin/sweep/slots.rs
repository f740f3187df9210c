//! Paths of operations with tickets. Only one runs at a time, so that its slot has had a tenant
//! before; the device of these paths reports every end twice.

use portable_atomic::{AtomicUsize, Ordering::Relaxed};

use board::idle::Park;
use firmware::task::{block_on, poll_by_nobody};
use wouldblock::{
    block::Idle,
    job::{Done, ReservedSlot, Step, Ticket},
};

use crate::{
    device::{self, CURRENT, NONE, OLD, SLOTS, end_tenant, is_vacant, put},
    placement::{Path, insist, waits, waits_ended},
    take::{self, Take, deliver},
    units,
};

pub const PATHS: &[Path] = &[
    collected("slots: reserve, start, wait", wait),
    collected("slots: reserve, start, await", await_job),
    Path::new("slots: callback", empty, put, call_back)
        .checked(|| take::is_delivered(2) && is_vacant() && CALLS.load(Relaxed) == 2),
    Path::new("slots: full", fill, put, wait_for_room)
        .checked(|| take::is_accounted_for(1) && SLOTS.occupied() + take::taken() == 3),
    Path::new("slots: a vacancy given back", empty, tell, give_back).checked(is_vacant),
];

const fn collected(name: &'static str, run: fn()) -> Path {
    Path::new(name, empty, put, run).checked(|| take::is_delivered(2) && is_vacant())
}

static CALLS: AtomicUsize = AtomicUsize::new(0);

/// Leaves the slot vacant after a job that has ended, and no ticket in the device.
pub fn empty() {
    end_tenant();
    units::empty();
    [&CURRENT, &OLD].iter().for_each(|ticket| ticket.store(NONE, Relaxed));
    let mut job = reserve().start(Take::new());
    poll_by_nobody(&mut job);
    put();
    deliver(job.wait(Park));
    end();
    CALLS.store(0, Relaxed);
    device::empty();
}

pub fn reserve() -> ReservedSlot<Take> {
    let vacancy = SLOTS.reserve().expect("it is vacant");
    CURRENT.store(vacancy.ticket().to_bits(), Relaxed);
    vacancy
}

/// Notes that the request in flight has ended and its end was collected: its ticket is now old.
pub fn end() {
    OLD.store(CURRENT.load(Relaxed), Relaxed);
}

fn wait() {
    waits(|| {
        let done = reserve().start(Take::new()).wait(Park);
        end();
        deliver(done);
    });
}

fn await_job() {
    waits(|| {
        let done = block_on(reserve().start(Take::new()));
        end();
        deliver(done);
    });
}

pub fn count(done: Done<Take>) {
    end();
    deliver(done);
    CALLS.fetch_add(1, Relaxed);
}

pub fn wait_for_call() {
    let is_called = || CALLS.load(Relaxed) > waits_ended();
    while !is_called() {
        Park.idle(is_called);
    }
}

fn call_back() {
    waits(|| {
        reserve().start_with(Take::new(), count);
        wait_for_call();
    });
}

/// Leaves a tenant in the only slot.
fn fill() {
    empty();
    reserve().start(Take::new()).detach();
}

/// Waits for the end of the tenant, then starts another one.
fn wait_for_room() {
    waits(|| {
        let vacancy = loop {
            match SLOTS.reserve() {
                Ok(vacancy) => break vacancy,
                Err(_) => Park.idle(is_vacant),
            }
        };
        end();
        CURRENT.store(vacancy.ticket().to_bits(), Relaxed);
        vacancy.start(Take::new()).detach();
    });
}

/// The device returns the ticket of a request that has not begun, or never will.
fn tell() -> bool {
    let step = SLOTS.on_interrupt(Ticket::from_bits(CURRENT.load(Relaxed))).step();
    insist(step == Step::Idle);
    true
}

fn give_back() {
    waits(|| drop(reserve()));
}
