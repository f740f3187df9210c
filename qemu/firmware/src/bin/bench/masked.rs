//! The longest time for which the library masks interrupts: every operation of the library is run
//! to each of its ends, with an eye on every instruction ([`firmware::measure::masked`]). In
//! [`Slot::start`] the driver's `begin` runs masked, too, and in a signal the waiter's waker may; here
//! both do nothing. The operations of the reference driver are reported separately, and those of the
//! peers, with the same waker, beside the library's.

use core::{
    arch::asm,
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    task::{Context, Poll, Waker},
    time::Duration,
};

use board::{counter::clock, idle::Park, interrupts::Line};
use firmware::{
    measure::masked::{self, Window, interrupt_soon, park_until},
    report::{self, Report},
};
use wouldblock::{
    attempt::{Attempt, from_fn},
    block::Spin,
    event::{Broadcast, Event},
    job::{Background, Inline, ScopedSlot, Slot, Slots},
    sync::{Channel, Mutex, SharedChannel},
    time,
};

use crate::device::{ready, set_ready, take_ready};

/// The name in the report, the operation, and a function that prepares it.
struct Operation(&'static str, fn(), fn());

const LIBRARY: [Operation; 18] = [
    Operation("Operation::poll", operation_polled, nothing),
    Operation("Operation::block(Park)", operation_asleep, nothing),
    Operation("Operation::block_for(Park::until)", operation_bounded, nothing),
    Operation("Operation::race, block_for(Park::until)", race_bounded, nothing),
    Operation("Event::signal, Broadcast::signal", signals, nothing),
    Operation("Slot::start, Job::attempt", job_polled, nothing),
    Operation("Slot::start, Job::poll", job_awaited, nothing),
    Operation("Slot::start, Job::wait(Park)", job_asleep, nothing),
    Operation("Slot::start, Job::ended().block_for(Park::until)", job_bounded, nothing),
    Operation("Slot::start_with", job_called_back, nothing),
    Operation("Job::cancel", job_cancelled, nothing),
    Operation("Job::drop, Job::detach", jobs_given_up, nothing),
    Operation("Slots::start", many_jobs, nothing),
    Operation("ScopedSlot::scope", job_that_borrows, nothing),
    Operation("Slot::start of an Inline", job_without_type, nothing),
    Operation("Mutex", mutex, nothing),
    Operation("Channel", channel, nothing),
    Operation("SharedChannel", shared_channel, nothing),
];

pub fn cases() {
    Line::Timer.set_handler(on_timer);
    Line::Timer.enable();
    let planted = masked::longest_of(nothing, planted).instructions;
    assert_eq!(planted, 8, "the planted section is found");
    let none = masked::longest_of(nothing, nothing).instructions;
    assert_eq!(none, 0, "and none where there is none");
    let ours = longest(LIBRARY);
    report("masked_window", ours, WAKER);
    let (peer, theirs) = longest(peers::OPERATIONS);
    let (ours, theirs) = (ours.1.instructions, theirs.instructions);
    crate::report_noted("masked_window", ours, peer, theirs, WAKER);
    #[cfg(device = "serial")]
    for found in uart::OPERATIONS.map(measure) {
        report("masked_by_driver", found, "");
    }
    #[cfg(not(device = "serial"))]
    crate::report_absent("masked_by_driver", "the board has no 16550");
}

/// Of the figures of a whole library.
const WAKER: &str = "the waker does nothing";

/// Measures operations. The one with the longest window.
fn longest<const N: usize>(operations: [Operation; N]) -> (&'static str, Window) {
    let found = operations.map(measure).into_iter().max_by_key(|(_, window)| window.instructions);
    found.expect("there is an operation")
}

/// Measures an operation.
fn measure(Operation(name, run, prepare): Operation) -> (&'static str, Window) {
    let window = masked::longest_of(prepare, run);
    assert!(!take_ready(), "{name} leaves everything as it was");
    (name, window)
}

fn nothing() {}

fn report(case: &str, (operation, window): (&str, Window), note: &str) {
    let Window { instructions, address, of } = window;
    report::send(&Report::Masked(report::Masked {
        case,
        operation,
        instructions,
        of,
        address,
        note,
    }));
}

/// A masked section of known length.
#[rustfmt::skip]
fn planted() {
    // SAFETY: interrupts are masked for seven instructions that do nothing.
    #[cfg(target_arch = "x86_64")]
    unsafe { asm!("cli", "nop", "nop", "nop", "nop", "nop", "nop", "nop", "sti", "nop") }
    // SAFETY: as above.
    #[cfg(target_arch = "arm")]
    unsafe { asm!("cpsid i", "nop", "nop", "nop", "nop", "nop", "nop", "nop", "cpsie i", "nop") }
    // SAFETY: as above.
    #[cfg(target_arch = "riscv32")]
    unsafe { asm!("csrci mstatus, 8", ".rept 7", "nop", ".endr", "csrsi mstatus, 8", "nop") }
}

static EVENT: Event = Event::new();

fn on_timer(line: Line) {
    let is_device = masked::interrupted();
    line.acknowledge();
    if is_device {
        set_ready();
        EVENT.signal();
        drop(SLOT.on_interrupt());
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn operation_polled() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    let mut op = waiter.operation(from_fn(ready));
    assert!(poll(&mut op).is_pending());
    set_ready();
    EVENT.signal();
    assert!(poll(&mut op).is_ready());
}

fn operation_asleep() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    interrupt_soon();
    let Ok(()) = waiter.operation(from_fn(ready)).block(Park);
    // Also with an event that is signalled between the try and the sleep.
    let mut signalled = false;
    let Ok(()) = waiter
        .operation(from_fn(|| {
            if core::mem::replace(&mut signalled, true) {
                return Ok::<(), nb::Error<Infallible>>(());
            }
            EVENT.signal();
            Err(nb::Error::WouldBlock)
        }))
        .block(Park);
}

fn operation_bounded() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    let idle = park_until(on_timer);
    let end = waiter.operation(from_fn(ready)).block_for(idle, clock(), Duration::from_millis(1));
    assert_eq!(end, Err(time::Error::TimedOut));
    Line::Timer.set_handler(on_timer);
}

fn race_bounded() {
    static OTHER: Event = Event::new();

    let (mut waiter, mut other) =
        (EVENT.waiter().expect("one waiter"), OTHER.waiter().expect("one waiter"));
    let race = waiter.operation(from_fn(ready)).race(other.operation(from_fn(ready)));
    let end = { race }.block_for(park_until(on_timer), clock(), Duration::from_millis(1));
    assert_eq!(end, Err(time::Error::TimedOut));
    Line::Timer.set_handler(on_timer);
}

fn signals() {
    static MANY: Broadcast<4> = Broadcast::new();

    EVENT.signal();
    let mut waiters = [(); 4].map(|()| MANY.waiter().expect("four waiters"));
    let mut ops = waiters.each_mut().map(|waiter| waiter.operation(from_fn(ready)));
    assert!(ops.iter_mut().all(|op| poll(op).is_pending()));
    MANY.signal();
}

/// Its begin does nothing; it ends when the device is ready. Cancelling makes the device ready.
struct Trivial;

impl Attempt for Trivial {
    type Output = ();
    type Error = Infallible;

    #[inline(always)]
    fn attempt(&mut self) -> nb::Result<(), Infallible> {
        ready()
    }
}

impl Background for Trivial {
    #[inline(always)]
    fn begin(&mut self) {}

    #[inline(always)]
    fn cancel(&mut self) {
        set_ready();
    }
}

static SLOT: Slot<Trivial> = Slot::new();

fn job_polled() {
    let mut job = SLOT.start(Trivial).expect("idle");
    assert!(SLOT.start(Trivial).is_err(), "it is busy");
    assert!(job.attempt().is_err());
    drop(SLOT.on_interrupt());
    set_ready();
    drop(SLOT.on_interrupt());
    assert!(job.attempt().is_ok());
}

fn job_awaited() {
    let mut job = SLOT.start(Trivial).expect("idle");
    assert!(poll(&mut job).is_pending());
    set_ready();
    drop(SLOT.on_interrupt());
    assert!(poll(&mut job).is_ready());
}

fn job_asleep() {
    let job = SLOT.start(Trivial).expect("idle");
    interrupt_soon();
    job.wait(Park);
}

fn job_bounded() {
    let mut job = SLOT.start(Trivial).expect("idle");
    let end = job.ended().block_for(park_until(on_timer), clock(), Duration::from_millis(1));
    Line::Timer.set_handler(on_timer);
    assert!(end.is_err(), "it is still running");
    job.cancel();
    job.wait(Spin);
}

fn job_called_back() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    let before = CALLS.load(Relaxed);
    SLOT.start_with(Trivial, |_| CALLS.store(CALLS.load(Relaxed) + 1, Relaxed)).expect("idle");
    set_ready();
    drop(SLOT.on_interrupt());
    assert_eq!(CALLS.load(Relaxed), before + 1);
}

fn job_cancelled() {
    let mut job = SLOT.start(Trivial).expect("idle");
    job.cancel();
    job.wait(Spin);
}

fn jobs_given_up() {
    drop(SLOT.start(Trivial).expect("idle"));
    SLOT.start(Trivial).expect("the dropped job has left its slot idle").detach();
    set_ready();
    drop(SLOT.on_interrupt());
    job_cancelled();
}

fn many_jobs() {
    static SLOTS: Slots<Trivial, 8> = Slots::new();

    let jobs = [(); 7].map(|()| {
        let vacancy = SLOTS.reserve().expect("there is room");
        (vacancy.ticket(), vacancy.start(Trivial))
    });
    let last = SLOTS.reserve().expect("there is room").start(Trivial);
    assert!(SLOTS.reserve().is_err(), "it is full");
    for (ticket, job) in jobs {
        set_ready();
        drop(SLOTS.on_interrupt(ticket));
        job.wait(Spin);
    }
    set_ready();
    last.wait(Spin);
}

fn job_that_borrows() {
    static SCOPED: ScopedSlot = ScopedSlot::new();

    let scoped = SCOPED.scope(Trivial, Spin, |job| {
        drop(SCOPED.on_interrupt());
        set_ready();
        job.wait(Spin);
    });
    assert!(scoped.is_ok(), "the slot is idle");
}

fn job_without_type() {
    static SLOT: Slot<Inline<(), Infallible, 8>> = Slot::new();

    let job = SLOT.start(Inline::new(Trivial)).expect("idle");
    set_ready();
    drop(SLOT.on_interrupt());
    job.wait(Spin);
}

fn mutex() {
    static MUTEX: Mutex<u32, 2> = Mutex::new(0);

    let mut locker = MUTEX.locker().expect("two lockers");
    let guard = MUTEX.try_lock().expect("it is free");
    let mut lock = locker.lock();
    assert!(poll(&mut lock).is_pending());
    drop(guard);
    assert!(poll(&mut lock).is_ready());
}

fn channel() {
    let channel = Channel::<u32, 4>::new();
    let (mut sender, mut receiver) = channel.split().expect("both ends");
    let mut receive = receiver.recv();
    assert!(poll(&mut receive).is_pending());
    assert_eq!(sender.try_send(7), Ok(()));
    assert_eq!(poll(&mut receive), Poll::Ready(Ok(7)));
    drop(receive);
    while sender.try_send(7).is_ok() {}
    assert!(poll(&mut sender.send(7)).is_pending());
    while receiver.try_recv().is_ok() {}
}

fn shared_channel() {
    static CHANNEL: SharedChannel<u32, 4, 2> = SharedChannel::new();

    let mut receiver = CHANNEL.receiver().expect("two can wait");
    let mut sender = CHANNEL.sender().expect("two can wait");
    let mut receive = receiver.recv();
    assert!(poll(&mut receive).is_pending());
    assert_eq!(CHANNEL.try_send(7), Ok(()));
    assert_eq!(poll(&mut receive), Poll::Ready(Ok(7)));
    while CHANNEL.try_send(7).is_ok() {}
    let mut send = sender.send(7);
    assert!(poll(&mut send).is_pending());
    assert_eq!(CHANNEL.try_recv(), Ok(7));
    assert!(poll(&mut send).is_ready());
    while CHANNEL.try_recv().is_ok() {}
}

mod peers;
#[cfg(device = "serial")]
mod uart;
