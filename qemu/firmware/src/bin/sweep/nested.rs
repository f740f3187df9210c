//! Paths on which the timer's handler interrupts a device's handler: both step the same slot, signal
//! the same event, or use the same channel.
//!
//! The device interrupts when the path says so ([`raise_self`]), with low priority; the timer has high
//! priority. So the boundaries of these paths include those of the device's handler. Where a wait takes
//! units, it takes two: the device's and the event's.

use core::convert::Infallible;

use board::{
    idle::Park,
    interrupts::{Line, Priority, raise_self},
};
use firmware::task::block_on;
use portable_atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use wouldblock::{
    attempt,
    block::Idle,
    job::Job,
    sync::{Mutex, SharedChannel},
};

use crate::{
    device::{self, SLOT},
    edges::{self, EDGES},
    job, job_twins,
    placement::{Path, events, insist, waits, waits_ended},
    slots,
    take::{self, Take, deliver},
    twins,
    units::{self, LEFT},
};

pub const PATHS: &[Path] = &[
    of_units("nested: an event signalled by two handlers", take_both),
    of_units("nested: an event signalled by two handlers, awaited", take_both_awaited),
    of_jobs("nested: a job stepped by two handlers", wait),
    of_jobs("nested: a job stepped by two handlers, awaited", await_job),
    Path::new("nested: a callback, stepped by two handlers", begin_job, put_and_step, call_back)
        .checked(job::is_called_back),
    Path::new(
        "nested: a slot with tickets, stepped by two handlers",
        begin_slots,
        put_and_step,
        ticket,
    )
    .checked(|| take::is_delivered(2) && device::is_vacant()),
    Path::new("nested: a shared channel, sent to by two handlers", drain, send, receive_both)
        .checked(has_lost_no_value),
    Path::new("nested: edges raised by two handlers", listen, rise, see_both),
    Path::new("nested: a mutex that one handler finds locked by another", zero, add, subtract_both),
];

pub const TWINS: &[Path] = &[
    Path { empty: begin_torn, ..of_units("nested: a unit put by a load and a store", take_both) },
    Path::new("nested: a contended step leaves no note", begin_unnoted, put_and_step_unnoted, done),
    Path::new("nested: a callback by a step without a claim", begin_unclaimed, put_unclaimed, call)
        .checked(job_twins::is_called_twice),
];

/// The device's handler runs.
static IN_DEVICE: AtomicBool = AtomicBool::new(false);
/// Events that came in the device's handler.
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// Events so far that came in the device's handler.
pub fn inside() -> u64 {
    INSIDE.load(Relaxed) as u64
}

/// Lets the timer's handler interrupt the device's, or no longer.
pub fn set_nesting(nest: bool) {
    Line::Timer.set_priority(if nest { Priority::High } else { Priority::Low });
}

/// What the device's handler does.
fn in_device(line: Line, work: fn()) {
    IN_DEVICE.store(true, Relaxed);
    work();
    IN_DEVICE.store(false, Relaxed);
    line.acknowledge();
}

/// What the timer's handler does.
fn at_event(work: fn() -> bool) -> bool {
    if IN_DEVICE.load(Relaxed) {
        INSIDE.fetch_add(1, Relaxed);
    }
    work()
}

/// A path whose waits take a unit of the device's and one of the event's each.
const fn of_units(name: &'static str, run: fn()) -> Path {
    Path::new(name, begin_units, put, run).checked(|| LEFT.count() + 4 == events() + 2)
}

fn begin_units() {
    units::empty();
    Line::Software.set_handler(|line| in_device(line, || LEFT.put()));
}

fn put() -> bool {
    at_event(units::put)
}

fn take_both() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        raise_self();
        for _ in 0..2 {
            let Ok(()) = waiter.operation(attempt::from_fn(|| LEFT.take())).block(Park);
        }
    });
}

fn take_both_awaited() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        raise_self();
        for _ in 0..2 {
            let Ok(()) = block_on(waiter.operation(attempt::from_fn(|| LEFT.take())));
        }
    });
}

/// A path whose jobs the device's handler steps before there is a unit, and the timer's with one.
const fn of_jobs(name: &'static str, run: fn()) -> Path {
    Path::new(name, begin_job, put_and_step, run)
        .checked(|| take::is_delivered(2) && SLOT.is_idle())
}

fn begin_job() {
    device::install();
    job::empty();
    Line::Software.set_handler(|line| in_device(line, device::step));
}

fn put_and_step() -> bool {
    at_event(device::put)
}

fn start() -> Job<Take> {
    let job = SLOT.start(Take::new()).expect("an idle slot");
    raise_self();
    job
}

fn wait() {
    waits(|| deliver(start().wait(Park)));
}

fn await_job() {
    waits(|| deliver(block_on(start())));
}

fn call_back() {
    waits(|| {
        insist(SLOT.start_with(Take::new(), job::count).is_ok());
        raise_self();
        job::wait_for_call();
    });
}

fn begin_slots() {
    device::install();
    slots::empty();
    Line::Software.set_handler(|line| in_device(line, device::step));
}

fn ticket() {
    waits(|| {
        let job = slots::reserve().start(Take::new());
        raise_self();
        let done = job.wait(Park);
        slots::end();
        deliver(done);
    });
}

/// Room for later events, which rescue a wait whose event was lost.
static CHANNEL: SharedChannel<bool, 8, 1> = SharedChannel::new();

/// Values received so far, in all runs.
static RECEIVED: AtomicUsize = AtomicUsize::new(0);

fn receive() -> bool {
    let received = CHANNEL.try_recv().is_ok();
    RECEIVED.fetch_add(usize::from(received), Relaxed);
    received
}

/// Leaves the channel empty, its events signalled, and its ring of eight places where it began.
fn drain() {
    while CHANNEL.try_send(false).is_ok() {}
    while receive() {}
    while !RECEIVED.load(Relaxed).is_multiple_of(8) {
        insist(CHANNEL.try_send(false).is_ok());
        receive();
    }
    Line::Software.set_handler(|line| in_device(line, || insist(CHANNEL.try_send(true).is_ok())));
}

/// After a run, which has received four values: the others of the events and the device's two are
/// still there.
fn has_lost_no_value() -> bool {
    RECEIVED.fetch_add(4, Relaxed);
    let mut left = 0;
    while receive() {
        left += 1;
    }
    left + 4 == events() + 2
}

fn send() -> bool {
    at_event(|| CHANNEL.try_send(false).is_ok())
}

fn receive_both() {
    let mut receiver = CHANNEL.receiver().expect("one at a time");
    let mut of_device = 0;
    waits(|| {
        raise_self();
        for _ in 0..2 {
            let Ok(device) = receiver.recv().block(Park);
            of_device += usize::from(device);
        }
        // Not always as many: an event that comes early is received in place of the device's value.
        insist(of_device <= waits_ended() + 1);
    });
}

/// The bits of the device; the others are the events'.
const DEVICE: u32 = 3 << 30;

fn listen() {
    edges::listen();
    Line::Software
        .set_handler(|line| in_device(line, || EDGES.raise(1 << (30 + waits_ended() % 2))));
}

fn rise() -> bool {
    at_event(|| {
        EDGES.raise(1 << (events() % 30));
        true
    })
}

fn see_both() {
    let mut waiter = EDGES.waiter().expect("one waiter at a time");
    let mut edge = edges::take();
    let mut seen: u32 = 0;
    waits(|| {
        raise_self();
        let ended = waits_ended() as u32;
        while [seen & DEVICE, seen & !DEVICE].iter().any(|bits| bits.count_ones() <= ended) {
            let Ok(bits) = waiter.operation(&mut edge).block(Park);
            insist(bits != 0 && bits & seen == 0);
            seen |= bits;
        }
    });
}

/// Used by both handlers and by the path. A timer that finds it locked is called again.
static TOTAL: Mutex<u32> = Mutex::new(0);

fn zero() {
    units::empty();
    *TOTAL.try_lock().expect("free between two runs") = 0;
    Line::Software.set_handler(|line| in_device(line, || insist(add_one())));
}

fn add() -> bool {
    at_event(add_one)
}

fn add_one() -> bool {
    let Ok(mut total) = TOTAL.try_lock() else { return false };
    *total += 1;
    drop(total);
    LEFT.signal();
    true
}

fn subtract_both() {
    let mut waiter = LEFT.waiter();
    waits(|| {
        raise_self();
        for _ in 0..2 {
            let one = attempt::from_fn(|| {
                let mut total = TOTAL.try_lock()?;
                *total = total.checked_sub(1).ok_or(nb::Error::WouldBlock)?;
                Ok::<_, nb::Error<Infallible>>(())
            });
            let Ok(()) = waiter.operation(one).block(Park);
        }
    });
}

/// Mistake: the device's handler counts as if nothing interrupted it.
fn begin_torn() {
    units::empty();
    Line::Software.set_handler(|line| in_device(line, || LEFT.put_torn()));
}

/// Mistake: a step that finds the slot claimed leaves no note, and the device's handler, which has
/// claimed it, does not look again.
fn begin_unnoted() {
    units::empty();
    Line::Software.set_handler(|line| in_device(line, twins::step));
}

fn put_and_step_unnoted() -> bool {
    at_event(twins::put_and_step)
}

fn done() {
    waits(|| {
        twins::run();
        raise_self();
        while !twins::is_done() {
            Park.idle(twins::is_done);
        }
    });
}

/// Mistake: both handlers step without claiming the slot, and both call back.
fn begin_unclaimed() {
    job_twins::idle();
    Line::Software.set_handler(|line| in_device(line, || _ = job_twins::put_and_step_unclaimed()));
}

fn put_unclaimed() -> bool {
    at_event(job_twins::put_and_step_unclaimed)
}

fn call() {
    waits(|| {
        units::empty();
        job_twins::start();
        raise_self();
        while !job_twins::is_called() {
            Park.idle(job_twins::is_called);
        }
    });
}
