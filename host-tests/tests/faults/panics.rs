//! Panics in the user's code: in the start of an operation, in a drop, in a waker. None of them
//! costs a slot, and none leaves a device that works on freed memory.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
};

use fakes::waker::{Call, counting, hooked, poll};
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Busy, Inline, ScopedSlot, Slot, Slots, Step},
    nb,
};

use crate::leak;

/// A device, what its operation does, and what happened to it.
#[derive(Default)]
struct Device {
    working: AtomicBool,
    ended: AtomicBool,
    cancelled: AtomicU32,
    alive: AtomicU32,
    begin_panics: AtomicBool,
    drop_panics: AtomicBool,
}

impl Device {
    fn transfer<'b>(&'static self) -> Transfer<'b> {
        self.alive.fetch_add(1, SeqCst);
        Transfer { device: self, buffer: None }
    }

    fn is_working(&self) -> bool {
        self.working.load(SeqCst)
    }
}

struct Transfer<'b> {
    device: &'static Device,
    buffer: Option<&'b mut u8>,
}

impl Attempt for Transfer<'_> {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        if let Some(buffer) = &mut self.buffer {
            **buffer += 1;
        }
        if !self.device.ended.load(SeqCst) && self.device.is_working() {
            return Err(nb::Error::WouldBlock);
        }
        self.device.working.store(false, SeqCst);
        Ok(())
    }
}

impl Background for Transfer<'_> {
    fn begin(&mut self) {
        self.device.working.store(true, SeqCst); // The doorbell.
        if self.device.begin_panics.swap(false, SeqCst) {
            panic!("after the doorbell");
        }
    }

    fn cancel(&mut self) {
        self.device.cancelled.fetch_add(1, SeqCst);
        self.device.working.store(false, SeqCst);
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.device.alive.fetch_sub(1, SeqCst);
        if self.device.drop_panics.swap(false, SeqCst) {
            panic!("in a drop");
        }
    }
}

fn panics(act: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(act)).is_err(), "there was no panic");
}

fn beginning() -> &'static Device {
    let device = leak(Device::default());
    device.begin_panics.store(true, SeqCst);
    device
}

#[test]
fn a_scope_whose_begin_panics_waits_for_the_device() {
    let (device, slot) = (beginning(), leak(ScopedSlot::new()));
    let mut byte = 0;
    panics(|| {
        let mut op = device.transfer();
        op.buffer = Some(&mut byte);
        _ = slot.scope(op, Spin, |_| ());
    });
    let looked = byte;
    assert!(looked > 0 && !device.is_working(), "the scope has stopped it and waited for it");
    assert_eq!((device.cancelled.load(SeqCst), device.alive.load(SeqCst)), (1, 0));
    assert_eq!(slot.on_interrupt().step(), Step::Idle);
    assert_eq!(byte, looked, "the frame has ended, and is not written");
    assert!(slot.is_idle());
    assert!(slot.scope(device.transfer(), Spin, |_| device.ended.store(true, SeqCst)).is_ok());
}

/// The twin makes the guard of its frame only after the start has returned.
#[test]
fn twin_a_bracket_that_begins_before_its_guard() {
    struct Guard(&'static Device);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.working.store(false, SeqCst);
        }
    }
    let (device, slot) = (beginning(), leak(Slot::new()));
    panics(|| {
        let job = slot.start(device.transfer()).unwrap();
        let _guard = Guard(device);
        drop(job);
    });
    assert!(device.is_working(), "the twin's frame ends while the device works");
}

#[test]
fn a_slot_whose_begin_panics_is_brought_to_its_end_by_interrupts() {
    let (device, slot) = (beginning(), leak(Slot::new()));
    panics(|| _ = slot.start(device.transfer()));
    assert!(device.is_working() && !slot.is_idle(), "the device works on it");
    assert_eq!(slot.on_interrupt().step(), Step::Done);
    assert_eq!((device.cancelled.load(SeqCst), device.is_working()), (1, false));
    assert!(slot.is_idle());
    let done = slot.reclaim().expect("it was given up");
    assert_eq!(done.result, Ok(()));
}

#[test]
fn a_slot_whose_begin_panics_before_any_interrupt_is_freed_by_the_next_start() {
    let (device, slot) = (beginning(), leak(Slot::new()));
    panics(|| _ = slot.start(device.transfer()));
    let job = slot.start(device.transfer()).expect("the old operation is cancelled, and has ended");
    assert_eq!((device.cancelled.load(SeqCst), device.alive.load(SeqCst)), (1, 1));
    device.ended.store(true, SeqCst);
    assert_eq!(job.wait(Spin).result, Ok(()));
}

#[test]
fn a_begin_that_panics_calls_nothing_back() {
    let (device, slot) = (beginning(), leak(Slot::new()));
    panics(|| _ = slot.start_with(device.transfer(), |_| panic!("the start has failed")));
    assert_eq!(slot.on_interrupt().step(), Step::Done);
    assert!(slot.reclaim().is_some() && slot.is_idle());
    let (device, slots) = (beginning(), leak(Slots::<_, 1>::new()));
    let vacancy = slots.reserve().unwrap();
    let ticket = vacancy.ticket();
    panics(|| _ = vacancy.start_with(device.transfer(), |_| panic!("the start has failed")));
    assert_eq!(slots.occupied(), 1);
    assert_eq!(slots.on_interrupt(ticket).step(), Step::Done);
    assert_eq!(slots.occupied(), 0);
}

/// A slot with an operation that was given up and has ended, and whose drop panics.
fn given_up() -> (&'static Device, &'static Slot<Transfer<'static>>) {
    let (device, slot) = (leak(Device::default()), leak(Slot::new()));
    slot.start(device.transfer()).unwrap().detach();
    device.ended.store(true, SeqCst);
    assert_eq!(slot.on_interrupt().step(), Step::Done);
    device.drop_panics.store(true, SeqCst);
    (device, slot)
}

#[test]
fn a_start_that_drops_what_panics_leaves_an_idle_slot() {
    let (device, slot) = given_up();
    panics(|| _ = slot.start(device.transfer()));
    assert_eq!(device.alive.load(SeqCst), 0, "both are dropped");
    assert!(slot.is_idle());
    assert_eq!(slot.start(device.transfer()).unwrap().wait(Spin).result, Ok(()));
}

#[test]
fn a_reservation_that_drops_what_panics_leaves_an_idle_slot() {
    let (device, slots) = (leak(Device::default()), leak(Slots::<_, 1>::new()));
    let vacancy = slots.reserve().unwrap();
    let ticket = vacancy.ticket();
    vacancy.start(device.transfer()).detach();
    device.ended.store(true, SeqCst);
    assert_eq!(slots.on_interrupt(ticket).step(), Step::Done);
    device.drop_panics.store(true, SeqCst);
    panics(|| _ = slots.reserve());
    assert_eq!(slots.occupied(), 0);
    assert!(slots.reserve().is_ok());
}

/// The twin, with the old order: it drops the operation that was given up while the slot is
/// claimed.
#[test]
fn twin_a_drop_inside_the_claim() {
    struct Twin(AtomicBool, std::cell::Cell<Option<Transfer<'static>>>);
    impl Twin {
        fn start(&self, op: Transfer<'static>) -> Result<(), Busy<Transfer<'static>>> {
            if self.0.swap(true, SeqCst) {
                return Err(Busy(op));
            }
            drop(self.1.take());
            self.1.set(Some(op));
            Ok(())
        }
    }
    let device = leak(Device::default());
    let twin = Twin(AtomicBool::new(false), std::cell::Cell::new(Some(device.transfer())));
    device.drop_panics.store(true, SeqCst);
    panics(|| _ = twin.start(device.transfer()));
    assert!(twin.start(device.transfer()).is_err(), "the twin's slot is busy for ever");
}

/// A waker that panics once, at `call`.
fn panicking(call: Call) -> (std::task::Waker, &'static AtomicBool) {
    let armed = leak(AtomicBool::new(false));
    let waker = hooked(move |now| {
        if now == call && armed.swap(false, SeqCst) {
            panic!("in a waker");
        }
    });
    (waker, armed)
}

#[test]
fn a_job_whose_waker_panics_as_it_is_dropped_gives_its_slot_up() {
    // There is no waiter for the end that the cancellation causes, so it calls no waker.
    let (device, slot) = (leak(Device::default()), leak(Slot::new()));
    let mut job = slot.start(device.transfer()).unwrap();
    let (waker, armed) = panicking(Call::Wake);
    assert!(poll(&mut job, &waker).is_pending());
    armed.store(true, SeqCst);
    drop(job);
    assert!(armed.load(SeqCst) && slot.is_idle() && slot.reclaim().is_some());
    // The drop of the waker itself.
    for detached in [false, true] {
        let (device, slot) = (leak(Device::default()), leak(Slot::new()));
        let mut job = slot.start(device.transfer()).unwrap();
        let (waker, armed) = panicking(Call::Drop);
        assert!(poll(&mut job, &waker).is_pending());
        armed.store(true, SeqCst);
        panics(|| if detached { job.detach() } else { drop(job) });
        device.ended.store(true, SeqCst);
        _ = slot.on_interrupt();
        assert!(slot.is_idle() && slot.reclaim().is_some());
    }
}

#[test]
fn a_wake_that_panics_in_the_handler_leaves_the_end_to_be_collected() {
    let (device, slot) = (leak(Device::default()), leak(Slot::new()));
    let mut job = slot.start(device.transfer()).unwrap();
    let (waker, armed) = panicking(Call::Wake);
    assert!(poll(&mut job, &waker).is_pending());
    armed.store(true, SeqCst);
    device.ended.store(true, SeqCst);
    panics(|| drop(slot.on_interrupt()));
    assert_eq!(job.wait(Spin).result, Ok(()));
    // The slot's event still wakes.
    device.ended.store(false, SeqCst);
    let mut job = slot.start(device.transfer()).unwrap();
    let (waker, wakes) = counting();
    assert!(poll(&mut job, &waker).is_pending());
    device.ended.store(true, SeqCst);
    drop(slot.on_interrupt());
    assert_eq!(wakes.load(SeqCst), 1);
}

#[test]
fn a_callback_that_panics_leaves_an_idle_slot() {
    let (device, slot) = (leak(Device::default()), leak(Slot::new()));
    assert!(slot.start_with(device.transfer(), |_| panic!("in the callback")).is_ok());
    device.ended.store(true, SeqCst);
    panics(|| drop(slot.on_interrupt()));
    assert!(slot.is_idle());
    assert_eq!(device.alive.load(SeqCst), 0);
}

#[test]
fn what_has_no_type_is_dropped_once() {
    let device = leak(Device::default());
    device.drop_panics.store(true, SeqCst);
    panics(|| drop(Inline::<(), (), 32>::new(device.transfer())));
    assert_eq!(device.alive.load(SeqCst), 0);
}
