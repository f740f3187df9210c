//! Faults of a device with one slot.

use std::{
    cell::Cell,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
    thread,
    time::Duration,
};

use fakes::{
    clock::FakeClock,
    waker::{counting, poll},
};
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Busy, Slot, Slots, Step},
    nb,
};

use crate::{
    device::{Device, Transfer},
    leak,
};

type Only = &'static Slot<Transfer>;

fn new() -> (&'static Device, Only) {
    (Device::new(), leak(Slot::new()))
}

#[test]
fn never_ready_every_wait_is_bounded_and_the_memory_stays_where_it_is() {
    let (device, slot) = new();
    let (op, memory) = device.transfer();
    let mut job = slot.start(op).unwrap();
    for _ in 0..100 {
        assert_eq!(device.interrupt(slot), Step::Pending);
        assert_eq!(job.attempt().unwrap_err(), nb::Error::WouldBlock);
    }
    let time = Cell::new(0);
    let clock = FakeClock::<16> { per_look: 1, ..FakeClock::new(&time) };
    assert!(job.ended().block_for(Spin, clock, Duration::from_millis(3)).is_err());
    let (waker, wakes) = counting();
    assert!(poll(&mut job, &waker).is_pending());
    job.cancel();
    drop(job);
    assert_eq!(wakes.load(SeqCst), 0);

    // The slot is busy while the device has the memory; a start that is refused loses nothing.
    let (other, unused) = device.transfer();
    let Err(Busy(other)) = slot.start(other) else { panic!("the device still works") };
    assert!(!memory.is_freed() && !unused.is_freed());

    // The device ends in the end.
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert!(slot.is_idle() && !memory.is_freed(), "the memory is not freed in a handler");
    let job = slot.start(other).unwrap();
    assert!(memory.is_freed() && !unused.is_freed());
    device.end();
    drop(job.wait(Spin));
    assert!(unused.is_freed());
    assert_eq!((memory.writes(), unused.writes()), ((1, 0), (1, 0)));
}

#[test]
fn ready_twice_is_one_end() {
    let (device, slot) = new();
    let (op, memory) = device.transfer();
    let job = slot.start(op).unwrap();
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(
        device.interrupt(slot),
        Step::Idle,
        "a second interrupt before the end is collected"
    );
    assert_eq!(job.wait(Spin).result, Ok(()));
    assert_eq!(device.interrupt(slot), Step::Idle, "a second interrupt after that");
    // A second interrupt when another operation is in the slot: one try, and no end.
    let (op, next) = device.transfer();
    let job = slot.start(op).unwrap();
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert!(memory.is_freed() && !next.is_freed());
    device.end();
    assert_eq!(job.wait(Spin).result, Ok(()));
}

#[test]
fn ready_twice_is_one_callback() {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let (device, slot) = new();
    let (op, memory) = device.transfer();
    assert!(slot.start_with(op, |_| _ = CALLS.fetch_add(1, SeqCst)).is_ok());
    device.end();
    let steps = [(); 3].map(|()| device.interrupt(slot));
    assert_eq!(steps, [Step::Done, Step::Idle, Step::Idle]);
    assert_eq!(CALLS.load(SeqCst), 1);
    assert!(memory.is_freed() && slot.is_idle());
}

#[test]
fn an_interrupt_on_an_idle_slot_does_nothing() {
    let (device, slot) = new();
    for _ in 0..100 {
        assert_eq!(device.interrupt(slot), Step::Idle);
    }
    assert_eq!(device.tries.load(SeqCst), 0);
    assert!(slot.is_idle());
}

#[test]
fn an_interrupt_before_begin_does_nothing_and_nothing_is_missed() {
    let device = Device::new();
    let slots: &'static Slots<Transfer, 1> = leak(Slots::new());
    let vacancy = slots.reserve().unwrap();
    let ticket = vacancy.ticket();
    assert_eq!(slots.on_interrupt(ticket).step(), Step::Idle, "the slot is being filled");
    assert_eq!((device.tries.load(SeqCst), device.begun.load(SeqCst)), (0, 0));
    let (op, _) = device.transfer();
    let mut job = vacancy.start(op);
    assert_eq!(device.begun.load(SeqCst), 1);
    device.end();
    assert_eq!(slots.on_interrupt(ticket).step(), Step::Done);
    assert_eq!(job.attempt().unwrap().result, Ok(()));
}

/// An operation whose `begin` calls a function.
struct InBegin(Transfer, Option<Box<dyn FnOnce() + Send>>);

impl Attempt for InBegin {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        self.0.attempt()
    }
}

impl Background for InBegin {
    fn begin(&mut self) {
        self.0.begin();
        (self.1.take().unwrap())();
    }

    fn cancel(&mut self) {}
}

#[test]
fn an_interrupt_during_start_on_the_same_core_steps_nothing() {
    let device = Device::new();
    let slot: &'static Slot<InBegin> = leak(Slot::new());
    let (op, _) = device.transfer();
    let in_begin = move || {
        device.end();
        assert_eq!(slot.on_interrupt().step(), Step::Contended);
        assert_eq!(device.tries.load(SeqCst), 0, "`begin` holds the operation");
    };
    let job = slot.start(InBegin(op, Some(Box::new(in_begin)))).unwrap();
    assert_eq!(slot.on_interrupt().step(), Step::Done, "the interrupt that must follow");
    assert_eq!(job.wait(Spin).result, Ok(()));
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn an_interrupt_during_start_on_another_core_waits_and_steps() {
    let device = Device::new();
    let slot: &'static Slot<InBegin> = leak(Slot::new());
    let (op, _) = device.transfer();
    let (begun, stepped) = (Arc::new(Barrier::new(2)), Arc::new(AtomicBool::new(false)));
    let other = thread::spawn({
        let (begun, stepped) = (begun.clone(), stepped.clone());
        move || {
            begun.wait();
            let step = slot.on_interrupt().step();
            stepped.store(true, SeqCst);
            step
        }
    });
    let in_begin = move || {
        device.end();
        begun.wait();
        thread::sleep(Duration::from_millis(20)); // Gives the other thread time to be wrong.
        assert!(!stepped.load(SeqCst) && device.tries.load(SeqCst) == 0);
    };
    let job = slot.start(InBegin(op, Some(Box::new(in_begin)))).unwrap();
    assert_eq!(other.join().unwrap(), Step::Done);
    assert_eq!(job.wait(Spin).result, Ok(()));
    assert_eq!(device.tries.load(SeqCst), 1);
}

#[test]
fn a_storm_costs_one_try_an_interrupt_and_ends_with_the_operation() {
    let (device, slot) = new();
    let (op, memory) = device.transfer();
    let mut job = slot.start(op).unwrap();
    device.set_lying(true);
    for n in 1..=1000 {
        assert!(device.line(), "it requests an interrupt as soon as it is armed");
        assert_eq!(device.interrupt(slot), Step::Pending);
        assert_eq!(device.tries.load(SeqCst), n, "the handler does not loop");
    }
    assert!(job.attempt().is_err(), "the foreground continues");
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert!(!device.line(), "it is disarmed, so the storm has ended");
    assert_eq!(device.interrupt(slot), Step::Idle);
    assert!(!device.line() && !memory.is_freed());
    assert_eq!(job.attempt().unwrap().result, Ok(()));
}

#[test]
fn an_end_after_a_cancel_is_given_out_once_with_the_memory() {
    let (device, slot) = new();
    let (op, memory) = device.transfer();
    let (waker, wakes) = counting();
    let mut job = slot.start(op).unwrap();
    assert!(poll(&mut job, &waker).is_pending());
    job.cancel();
    job.cancel();
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(wakes.load(SeqCst), 1);
    job.cancel(); // It has ended already.
    let Poll::Ready(done) = poll(&mut job, &waker) else { panic!("it has ended") };
    job.cancel();
    assert_eq!((done.result, memory.is_freed()), (Ok(()), false));
    assert!(poll(&mut job, &waker).is_pending() && slot.is_idle());
    drop((done, job));
    assert_eq!((memory.is_freed(), memory.writes()), (true, (1, 0)));
}
