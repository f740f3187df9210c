//! `job`: where the operation is at every moment. None is lost or dropped twice, whatever a program
//! does to its job. The device is a struct, and its handler is a function call.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use fakes::{
    clock::FakeClock,
    leak,
    log::Log,
    waker::{Call, counting, hooked, poll},
};
use proptest::prelude::*;
use wouldblock::{
    Attempt,
    block::{Idle, Spin},
    job::{Background, Busy, Done, Job, Slot, Step},
    nb,
    time::Deadline,
};

/// A device that ends a transfer when a test says so, or after a cancel.
#[derive(Default)]
struct Device {
    log: Log,
    ready: AtomicBool,
    /// It ends a cancelled transfer at the next try, also if it is not ready.
    stops_at_once: AtomicBool,
    in_handler: AtomicBool,
    /// The numbers of the transfers that were dropped, in order.
    dropped: Mutex<Vec<u32>>,
    /// Whether one of them was dropped in a handler.
    dropped_in_handler: AtomicBool,
    /// Called once, inside the next try.
    inside_try: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Device {
    fn new() -> &'static Self {
        leak(Self::default())
    }

    fn transfer(&'static self, id: u32) -> Transfer {
        Transfer { device: self, id, cancelled: false, buffer: vec![7; 32] }
    }

    fn interrupt(&'static self, slot: &'static Slot<Transfer>) -> Step {
        let nested = self.in_handler.swap(true, SeqCst);
        let driven = slot.on_interrupt();
        let step = driven.step();
        drop(driven);
        self.in_handler.store(nested, SeqCst);
        step
    }

    fn end(&self) {
        self.ready.store(true, SeqCst);
    }
}

/// One transfer. Its output is its number; its error, after a cancel, is that number too.
struct Transfer {
    device: &'static Device,
    id: u32,
    cancelled: bool,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for Transfer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Transfer({})", self.id)
    }
}

impl Attempt for Transfer {
    type Output = u32;
    type Error = u32;

    fn attempt(&mut self) -> nb::Result<u32, u32> {
        self.device.log.add("try");
        assert_eq!(self.buffer.len(), 32, "the buffer is there while the device may write it");
        let ready = self.device.ready.load(SeqCst);
        let inside = self.device.inside_try.lock().unwrap().take();
        if let Some(inside) = inside {
            inside();
        }
        if self.cancelled && (ready || self.device.stops_at_once.load(SeqCst)) {
            Err(nb::Error::Other(self.id))
        } else if ready {
            Ok(self.id)
        } else {
            Err(nb::Error::WouldBlock)
        }
    }

    fn arm(&mut self) {
        self.device.log.add("arm");
    }

    fn disarm(&mut self) {
        self.device.log.add("disarm");
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        self.device.ready.store(false, SeqCst);
        self.device.log.add("begin");
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.device.log.add("cancel");
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.device.dropped.lock().unwrap().push(self.id);
        if self.device.in_handler.load(SeqCst) {
            self.device.dropped_in_handler.store(true, SeqCst);
        }
    }
}

fn new() -> (&'static Device, &'static Slot<Transfer>) {
    (Device::new(), leak(Slot::new()))
}

fn collected(done: nb::Result<Done<Transfer>, std::convert::Infallible>) -> Option<u32> {
    done.ok().map(|done| {
        let (Ok(id) | Err(id)) = done.result;
        assert_eq!(id, done.op.id, "the result belongs to the operation that comes with it");
        id
    })
}

#[test]
fn start_begins_and_never_tries() {
    let (device, slot) = new();
    let job = slot.start(device.transfer(1)).unwrap();
    assert_eq!(device.log.take(), ["begin"]);
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(device.log.take(), ["try", "arm"]);
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(device.log.take(), ["try", "disarm"]);
    assert_eq!(device.interrupt(slot), Step::Idle); // A late interrupt changes nothing.
    assert_eq!(device.log.take(), [""; 0]);

    let done = job.wait(Spin);
    assert_eq!((done.result, &done.op.buffer[..]), (Ok(1), &[7; 32][..]));
    assert!(device.dropped.lock().unwrap().is_empty());
    drop(done);
    assert_eq!(*device.dropped.lock().unwrap(), [1]);
    assert_eq!(device.log.take(), [""; 0]); // The drop of an ended job cancels nothing.
}

#[test]
fn a_busy_slot_gives_the_operation_back() {
    let (device, slot) = new();
    let job = slot.start(device.transfer(1)).unwrap();
    let Err(Busy(back)) = slot.start(device.transfer(2)) else { panic!("two tenants") };
    assert_eq!(back.id, 2);
    let Err(busy) = slot.start_with(back, |_| panic!("two tenants")) else { panic!("two tenants") };
    assert_eq!(busy.to_string(), "the slot is busy with another operation");
    device.end();
    device.interrupt(slot);
    // The transfer has ended, but it is not collected: the slot is still busy.
    let Err(Busy(back)) = slot.start(busy.0) else { panic!("two tenants") };
    assert_eq!(job.wait(Spin).result, Ok(1));
    let job = slot.start(back).unwrap();
    device.end();
    assert_eq!(job.wait(Spin).result, Ok(2));
}

#[test]
fn a_callback_runs_in_the_step_that_ends_and_finds_the_slot_idle() {
    static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let (device, slot) = new();
    static SLOT: Mutex<Option<&'static Slot<Transfer>>> = Mutex::new(None);
    *SLOT.lock().unwrap() = Some(slot);

    fn ended(done: Done<Transfer>) {
        let slot = SLOT.lock().unwrap().unwrap();
        LOG.lock().unwrap().push(format!("{slot:?} {:?}", done.result));
    }
    slot.start_with(device.transfer(1), ended).unwrap();
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(LOG.lock().unwrap().len(), 0);
    device.end();
    assert_eq!(slot.on_interrupt().step(), Step::Done);
    assert_eq!(*LOG.lock().unwrap(), ["Slot(\"idle\") Ok(1)"]);
    assert_eq!(slot.on_interrupt().step(), Step::Idle);

    // The callback does not come from the start, also if the device is ready within `begin`.
    device.end();
    slot.start_with(device.transfer(2), ended).unwrap();
    device.end();
    assert_eq!(LOG.lock().unwrap().len(), 1);
    assert!(!slot.on_interrupt().wake_is_owed(), "no waker is registered with a callback");
    assert_eq!(LOG.lock().unwrap().len(), 2);
}

#[test]
fn a_callback_can_start_the_next_and_does_not_recurse() {
    const CHAIN: u32 = 1000;
    static SLOT: Slot<Transfer> = Slot::new();
    static DEPTH: AtomicU32 = AtomicU32::new(0);
    fn next(done: Done<Transfer>) {
        assert_eq!(DEPTH.fetch_add(1, SeqCst), 0, "a callback inside a callback");
        let mut op = done.op;
        op.id += 1;
        if op.id < CHAIN {
            SLOT.start_with(op, next).unwrap();
        }
        DEPTH.fetch_sub(1, SeqCst);
    }
    let device = Device::new();
    SLOT.start_with(device.transfer(0), next).unwrap();
    for _ in 0..CHAIN {
        assert!(device.dropped.lock().unwrap().is_empty());
        device.end();
        assert_eq!(SLOT.on_interrupt().step(), Step::Done);
    }
    assert_eq!(*device.dropped.lock().unwrap(), [CHAIN]);
    assert_eq!(SLOT.on_interrupt().step(), Step::Idle);
}

#[test]
fn cancel_asks_and_the_end_says_how_it_ended() {
    for stops_at_once in [true, false] {
        let (device, slot) = new();
        device.stops_at_once.store(stops_at_once, SeqCst);
        let mut job = slot.start(device.transfer(1)).unwrap();
        job.cancel();
        if !stops_at_once {
            assert!(collected(job.attempt()).is_none(), "the device still runs");
            device.end();
            assert_eq!(device.interrupt(slot), Step::Done);
        }
        job.cancel(); // It has ended, so this does nothing.
        assert_eq!(device.log.take().iter().filter(|&&what| what == "cancel").count(), 1);
        let done = job.wait(Spin);
        assert_eq!((done.result, done.op.id), (Err(1), 1));
    }
}

#[test]
fn a_job_that_is_detached_runs_to_its_end() {
    let (device, slot) = new();
    slot.start(device.transfer(1)).unwrap().detach();
    assert_eq!(device.log.take(), ["begin"]);
    assert!(slot.start(device.transfer(2)).is_err());
    assert_eq!(device.interrupt(slot), Step::Pending);
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(device.log.take(), ["try", "arm", "try", "disarm"]);
    assert_eq!(*device.dropped.lock().unwrap(), [2], "the next start drops an orphan");
    drop(slot.start(device.transfer(3)).unwrap());
    assert_eq!(*device.dropped.lock().unwrap(), [2, 1]);
    assert!(!device.dropped_in_handler.load(SeqCst));
}

#[test]
fn a_job_that_is_dropped_cancels_and_its_buffer_outlives_the_device() {
    let (device, slot) = new();
    drop(slot.start(device.transfer(1)).unwrap());
    assert_eq!(device.log.take(), ["begin", "cancel", "try", "arm"]);
    // The device still works on it: the slot is busy, and the buffer is not freed.
    assert!(slot.start(device.transfer(2)).is_err());
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(*device.dropped.lock().unwrap(), [2]);
    let job = slot.start(device.transfer(3)).unwrap();
    assert_eq!(*device.dropped.lock().unwrap(), [2, 1]);
    device.end();
    assert_eq!(job.wait(Spin).result, Ok(3));
    assert!(!device.dropped_in_handler.load(SeqCst));
}

#[test]
fn a_job_that_is_forgotten_leaves_a_busy_slot_and_nothing_worse() {
    let (device, slot) = new();
    std::mem::forget(slot.start(device.transfer(1)).unwrap());
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(device.interrupt(slot), Step::Idle);
    assert!(slot.start(device.transfer(2)).is_err());
    assert_eq!(*device.dropped.lock().unwrap(), [2]);
}

#[test]
fn a_job_at_its_end_leaves_the_next_tenant_alone() {
    let (device, slot) = new();
    let mut first = slot.start(device.transfer(1)).unwrap();
    device.end();
    assert_eq!(collected(first.attempt()), Some(1));
    assert!(first.is_collected());
    let mut second = slot.start(device.transfer(2)).unwrap();
    device.log.take();
    // Every use of the first job.
    assert_eq!(collected(first.attempt()), None);
    assert!(poll(&mut first, std::task::Waker::noop()).is_pending());
    first.cancel();
    let time = std::cell::Cell::new(0);
    let clock = FakeClock::<64> { per_look: 1, ..FakeClock::new(&time) };
    let never = Deadline::after(clock, Duration::from_secs(1));
    assert!(first.ended().block_until(Spin, &never).is_err());
    drop(first);
    assert_eq!(device.log.take(), [""; 0]);
    assert!(!second.is_collected());
    device.end();
    assert_eq!(collected(second.attempt()), Some(2));
    drop(second);
    assert_eq!(device.log.take(), ["try", "disarm"]);
}

#[test]
fn a_step_inside_a_step_is_contended_and_the_holder_steps_once_more() {
    let (device, slot) = new();
    // The handler interrupts the foreground's try, after its look, and the device has ended by
    // then.
    let mut job = slot.start(device.transfer(1)).unwrap();
    device.log.take();
    *device.inside_try.lock().unwrap() = Some(Box::new(move || {
        device.end();
        assert_eq!(device.interrupt(slot), Step::Contended);
    }));
    assert_eq!(collected(job.attempt()), Some(1));
    assert_eq!(device.log.take(), ["try", "arm", "try", "disarm"]);

    // A handler inside a handler, and several of them: one more try is enough for all.
    let job = slot.start(device.transfer(2)).unwrap();
    device.log.take();
    *device.inside_try.lock().unwrap() = Some(Box::new(move || {
        for _ in 0..5 {
            assert_eq!(device.interrupt(slot), Step::Contended);
        }
    }));
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(device.log.take(), ["try", "arm", "try", "arm"]);

    // The note is used up: the next step tries once.
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(device.log.take(), ["try", "arm"]);
    drop(job);
}

#[test]
fn a_foreground_that_polls_from_inside_a_step_leaves_no_note() {
    let (device, slot) = new();
    let job = leak(Mutex::new(slot.start(device.transfer(1)).unwrap()));
    device.log.take();
    *device.inside_try.lock().unwrap() = Some(Box::new(|| {
        assert!(collected(job.lock().unwrap().attempt()).is_none());
    }));
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(device.log.take(), ["try", "arm"]);
}

#[test]
fn a_cancel_from_inside_a_step_is_carried_out_by_its_holder() {
    let (device, slot) = new();
    device.stops_at_once.store(true, SeqCst);
    let job = leak(Mutex::new(slot.start(device.transfer(1)).unwrap()));
    device.log.take();
    *device.inside_try.lock().unwrap() = Some(Box::new(|| job.lock().unwrap().cancel()));
    assert_eq!(device.interrupt(slot), Step::Done);
    assert_eq!(device.log.take(), ["try", "arm", "cancel", "try", "disarm"]);
    assert_eq!(collected(job.lock().unwrap().attempt()), Some(1));
}

#[test]
fn what_was_given_up_can_be_taken_back() {
    let (device, slot) = new();
    assert!(slot.reclaim().is_none(), "the slot has never had an operation");
    slot.start(device.transfer(1)).unwrap().detach();
    assert!(slot.reclaim().is_none(), "it runs");
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    let done = slot.reclaim().expect("it has ended, and no job will collect it");
    assert_eq!((done.op.id, done.result), (1, Ok(1)));
    assert!(slot.reclaim().is_none() && slot.is_idle(), "once");
    assert_eq!(*device.dropped.lock().unwrap(), [], "nothing is dropped");
    // While the job lives, only the job collects the end.
    let mut job = slot.start(device.transfer(2)).unwrap();
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    assert!(slot.reclaim().is_none());
    assert_eq!(collected(job.attempt()), Some(2));
}

#[test]
fn a_job_dropped_from_inside_a_step_is_cancelled_and_orphaned() {
    let (device, slot) = new();
    let job = slot.start(device.transfer(1)).unwrap();
    device.log.take();
    *device.inside_try.lock().unwrap() = Some(Box::new(move || drop(job)));
    assert_eq!(device.interrupt(slot), Step::Pending);
    assert_eq!(device.log.take(), ["try", "arm", "cancel", "try", "arm"]);
    device.end();
    assert_eq!(device.interrupt(slot), Step::Done);
    let next = slot.start(device.transfer(2)).unwrap();
    assert_eq!(*device.dropped.lock().unwrap(), [1]);
    assert!(!device.dropped_in_handler.load(SeqCst));
    next.detach();
}

#[test]
fn an_orphan_whose_drop_uses_the_slot_finds_it_busy() {
    static SLOT: Slot<Chatty> = Slot::new();
    static SEEN: AtomicU32 = AtomicU32::new(0);
    struct Chatty;
    impl Attempt for Chatty {
        type Output = ();
        type Error = ();
        fn attempt(&mut self) -> nb::Result<(), ()> {
            Ok(())
        }
    }
    impl Background for Chatty {
        fn begin(&mut self) {}
        fn cancel(&mut self) {}
    }
    impl Drop for Chatty {
        fn drop(&mut self) {
            if SEEN.fetch_add(1, SeqCst) == 0 {
                assert_eq!(SLOT.on_interrupt().step(), Step::Idle);
                assert!(SLOT.start(Self).is_err());
                SEEN.fetch_add(100, SeqCst);
            }
        }
    }
    SLOT.start(Chatty).unwrap().detach();
    assert_eq!(SLOT.on_interrupt().step(), Step::Done);
    SLOT.start(Chatty).unwrap().detach();
    assert_eq!(SEEN.load(SeqCst), 102);
    assert_eq!(SLOT.on_interrupt().step(), Step::Done);
}

#[test]
fn waiting_works_with_interrupts_masked() {
    // No handler runs: the foreground steps the slot itself.
    let (device, slot) = new();
    let job = slot.start(device.transfer(1)).unwrap();
    let mut looks = 0;
    struct Masked<F>(F);
    impl<F: FnMut()> Idle for Masked<F> {
        fn idle(&mut self, news: impl Fn() -> bool) {
            assert!(!news());
            (self.0)();
        }
    }
    let done = job.wait(Masked(|| {
        looks += 1;
        if looks == 10 {
            device.end();
        }
    }));
    assert_eq!((done.result, looks), (Ok(1), 10));
}

#[test]
fn a_sleeper_hears_of_the_end() {
    /// Sleeps until there is news. The interrupt comes before the check, or during the sleep.
    struct Sleep {
        device: &'static Device,
        slot: &'static Slot<Transfer>,
        asleep: bool,
        slept: u32,
    }
    impl Idle for Sleep {
        fn idle(&mut self, news: impl Fn() -> bool) {
            self.device.end();
            if !self.asleep {
                assert_eq!(self.device.interrupt(self.slot), Step::Done);
            }
            if !news() {
                self.slept += 1;
                assert_eq!(self.device.interrupt(self.slot), Step::Done);
                assert!(news(), "asleep for ever");
            }
        }
    }
    for asleep in [false, true] {
        let (device, slot) = new();
        let job = slot.start(device.transfer(1)).unwrap();
        let mut sleep = Sleep { device, slot, asleep, slept: 0 };
        assert_eq!(job.wait(&mut sleep).result, Ok(1));
        assert_eq!(sleep.slept, u32::from(asleep));
    }
}

#[test]
fn a_wait_with_a_deadline_leaves_the_job_running() {
    let (device, slot) = new();
    let time = std::cell::Cell::new(0);
    let clock = FakeClock::<16> { per_look: 1, ..FakeClock::new(&time) };
    let mut job = slot.start(device.transfer(1)).unwrap();
    assert!(job.ended().block_for(Spin, clock, Duration::from_millis(3)).is_err());
    assert!(!device.log.take().contains(&"cancel"));
    // The deadline has passed, but the transfer has ended: the wait looks once more.
    let passed = Deadline::after(clock, Duration::ZERO);
    device.end();
    assert_eq!(job.ended().block_until(Spin, &passed).unwrap().result, Ok(1));
}

#[test]
fn the_wake_comes_when_driven_is_dropped() {
    let (device, slot) = new();
    let (waker, wakes) = counting();
    let mut job = slot.start(device.transfer(1)).unwrap();
    assert!(poll(&mut job, &waker).is_pending());

    let driven = slot.on_interrupt();
    assert_eq!((driven.step(), driven.wake_is_owed()), (Step::Pending, false));
    drop(driven);
    assert_eq!(wakes.load(SeqCst), 0);

    device.end();
    let driven = slot.on_interrupt();
    assert_eq!((driven.step(), driven.wake_is_owed()), (Step::Done, true));
    assert_eq!(wakes.load(SeqCst), 0, "the handler has not acknowledged the interrupt yet");
    drop(driven);
    assert_eq!(wakes.load(SeqCst), 1);
    let Poll::Ready(done) = poll(&mut job, &waker) else { panic!("it has ended") };
    assert_eq!(done.result, Ok(1));

    // A wake that is owed to an operation that has left is spurious for the next operation.
    let mut first = slot.start(device.transfer(2)).unwrap();
    device.end();
    let driven = slot.on_interrupt();
    assert_eq!(collected(first.attempt()), Some(2));
    let mut second = slot.start(device.transfer(3)).unwrap();
    assert!(poll(&mut second, &waker).is_pending());
    drop(driven);
    assert!(poll(&mut second, &waker).is_pending());
    device.end();
    device.interrupt(slot);
    assert!(poll(&mut second, &waker).is_ready());
}

#[test]
fn an_end_between_the_looks_of_a_poll_is_not_lost() {
    for inside_clone in [false, true] {
        let (device, slot) = new();
        let woken = leak(AtomicBool::new(false));
        let interrupt = move || {
            device.end();
            assert_ne!(device.interrupt(slot), Step::Idle);
        };
        let waker = hooked(move |call| match call {
            Call::Clone if inside_clone => interrupt(),
            Call::Wake => woken.store(true, SeqCst),
            _ => {}
        });
        let mut job = slot.start(device.transfer(1)).unwrap();
        if !inside_clone {
            *device.inside_try.lock().unwrap() = Some(Box::new(interrupt));
        }
        let ready = poll(&mut job, &waker).is_ready();
        assert!(ready || woken.load(SeqCst), "inside the clone: {inside_clone}");
    }
}

#[test]
fn the_last_waker_is_woken_and_a_dropped_job_wakes_none() {
    let (device, slot) = new();
    let ((first, first_wakes), (second, second_wakes)) = (counting(), counting());
    let mut job = slot.start(device.transfer(1)).unwrap();
    assert!(poll(&mut job, &first).is_pending());
    assert!(poll(&mut job, &second).is_pending());
    device.end();
    device.interrupt(slot);
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (0, 1));
    assert!(poll(&mut job, &first).is_ready());

    let mut job = slot.start(device.transfer(2)).unwrap();
    assert!(poll(&mut job, &first).is_pending());
    drop(job);
    device.end();
    device.interrupt(slot);
    assert_eq!((first_wakes.load(SeqCst), second_wakes.load(SeqCst)), (0, 1));
}

#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn awaited_on_an_executor_with_the_handler_on_another_thread() {
    const ROUNDS: u32 = 2000;
    let (device, slot) = new();
    let stop = leak(AtomicBool::new(false));
    let handler = std::thread::spawn(move || {
        while !stop.load(SeqCst) {
            device.end();
            drop(slot.on_interrupt());
        }
    });
    for id in 0..ROUNDS {
        let job = slot.start(device.transfer(id)).unwrap();
        let done = if id % 2 == 0 { pollster::block_on(job) } else { job.wait(Spin) };
        assert_eq!((done.result, done.op.id), (Ok(id), id));
    }
    stop.store(true, SeqCst);
    handler.join().unwrap();
    assert_eq!(device.dropped.lock().unwrap().len(), ROUNDS as usize);
}

#[test]
fn a_cancel_that_ends_the_operation_wakes_the_task_that_awaits_it() {
    // The job is shared: one task awaits it, and another task cancels it.
    let (device, slot) = new();
    device.stops_at_once.store(true, SeqCst);
    let (waker, wakes) = counting();
    let mut job = slot.start(device.transfer(1)).unwrap();
    assert!(poll(&mut job, &waker).is_pending());
    job.cancel();
    assert_eq!(wakes.load(SeqCst), 1, "no interrupt follows: nothing else would wake it");
    assert_eq!(collected(job.attempt()), Some(1));
}

#[test]
fn a_dropped_job_drops_its_waker_and_the_next_job_evicts_a_waker_that_was_kept() {
    let watched = || {
        let token = Arc::new(());
        let held = token.clone();
        (hooked(move |_| _ = &held), token)
    };
    let (device, slot) = new();
    let (waker, token) = watched();
    let mut job = slot.start(device.transfer(1)).unwrap();
    assert!(poll(&mut job, &waker).is_pending());
    device.end();
    drop((job, waker));
    assert_eq!(Arc::strong_count(&token), 1, "the slot keeps a task that has ended in memory");

    let (waker, token) = watched();
    let mut job = slot.start(device.transfer(2)).unwrap();
    assert!(poll(&mut job, &waker).is_pending());
    device.end();
    assert_eq!(collected(job.attempt()), Some(2));
    drop((job, waker));
    let mut job = slot.start(device.transfer(3)).unwrap();
    assert!(poll(&mut job, std::task::Waker::noop()).is_pending());
    assert_eq!(Arc::strong_count(&token), 1);
}

#[test]
fn a_panic_of_the_operation_leaves_a_busy_slot() {
    let (device, slot) = new();
    let job = slot.start(device.transfer(1)).unwrap();
    *device.inside_try.lock().unwrap() = Some(Box::new(|| panic!("planted")));
    let step = std::panic::AssertUnwindSafe(|| slot.on_interrupt());
    assert!(std::panic::catch_unwind(step).is_err());
    assert_eq!(slot.on_interrupt().step(), Step::Contended);
    drop(job);
    assert!(slot.start(device.transfer(2)).is_err());
    assert_eq!(*device.dropped.lock().unwrap(), [2]);
}

/// What a program may do to a slot and its job.
#[derive(Clone, Copy, Debug)]
enum Act {
    Start,
    StartWith,
    Interrupt,
    DeviceEnds,
    Attempt,
    Poll(bool),
    Cancel,
    Drop,
    Detach,
    Forget,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Start),
        2 => Just(Act::StartWith),
        6 => Just(Act::Interrupt),
        4 => Just(Act::DeviceEnds),
        3 => Just(Act::Attempt),
        3 => any::<bool>().prop_map(Act::Poll),
        2 => Just(Act::Cancel),
        2 => Just(Act::Drop),
        1 => Just(Act::Detach),
        1 => prop_oneof![5 => Just(Act::Detach), 1 => Just(Act::Forget)],
    ];
    prop::collection::vec(act, 1..80)
}

/// What will get the end of the operation in the slot.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Heir {
    Job,
    Callback,
    Orphan,
    Forgotten,
}

/// A model of the slot: a struct without atomics.
#[derive(Default)]
struct Model {
    tenant: Option<(u32, Heir)>,
    ready: bool,
    cancelled: bool,
    ended: bool,
    /// Collected by a job.
    returned: Vec<u32>,
    called_back: Vec<u32>,
    reclaimed: Vec<u32>,
}

impl Model {
    /// A step of the slot.
    fn step(&mut self, stops_at_once: bool) -> Step {
        match self.tenant {
            None => Step::Idle,
            Some(_) if self.ended => Step::Idle,
            Some(_) if !(self.ready || self.cancelled && stops_at_once) => Step::Pending,
            Some((id, Heir::Callback)) => {
                self.called_back.push(id);
                self.tenant = None;
                Step::Done
            }
            Some(_) => {
                self.ended = true;
                Step::Done
            }
        }
    }

    /// A start. Returns whether the slot accepts it.
    fn start(&mut self, id: u32, heir: Heir) -> bool {
        match self.tenant {
            Some((old, Heir::Orphan)) if self.ended => self.reclaimed.push(old),
            Some(_) => return false,
            None => {}
        }
        *self = Self {
            tenant: Some((id, heir)),
            ready: false,
            cancelled: false,
            ended: false,
            ..std::mem::take(self)
        };
        true
    }

    fn collect(&mut self, stops_at_once: bool) -> Option<u32> {
        self.step(stops_at_once);
        let (id, _) = self.tenant.filter(|_| self.ended)?;
        self.returned.push(id);
        self.tenant = None;
        Some(id)
    }

    fn cancel(&mut self, stops_at_once: bool) {
        if !self.ended {
            self.cancelled = true;
            self.step(stops_at_once);
        }
    }
}

std::thread_local! {
    static CALLED_BACK: std::cell::RefCell<Vec<u32>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn run(acts: &[Act], stops_at_once: bool) {
    let (device, slot) = new();
    device.stops_at_once.store(stops_at_once, SeqCst);
    CALLED_BACK.take();
    let wakers = [counting().0, counting().0];
    let mut model = Model::default();
    let mut job: Option<Job<Transfer>> = None;
    let (mut started, mut refused, mut ids) = (Vec::new(), Vec::new(), 0..);

    for &act in acts {
        match act {
            Act::Start | Act::StartWith => {
                let id = ids.next().unwrap();
                let heir = if matches!(act, Act::Start) { Heir::Job } else { Heir::Callback };
                let room = model.start(id, heir);
                let accepted = if heir == Heir::Job {
                    let new = slot.start(device.transfer(id)).ok();
                    let accepted = new.is_some();
                    job = new.or(job);
                    accepted
                } else {
                    let callback = |done: Done<Transfer>| {
                        CALLED_BACK.with_borrow_mut(|ids| ids.push(done.op.id))
                    };
                    slot.start_with(device.transfer(id), callback).is_ok()
                };
                assert_eq!(accepted, room, "{act:?}");
                if accepted { &mut started } else { &mut refused }.push(id);
            }
            Act::Interrupt => {
                let expected = model.step(stops_at_once);
                let driven = slot.on_interrupt();
                assert_eq!(driven.step(), expected);
                let to_wake = expected == Step::Done && model.tenant.is_some();
                assert_eq!(driven.wake_is_owed(), to_wake);
            }
            Act::DeviceEnds => {
                model.ready = true;
                device.end();
            }
            Act::Attempt | Act::Poll(_) => {
                let Some(mut held) = job.take() else { continue };
                let end = match act {
                    Act::Poll(which) => match poll(&mut held, &wakers[usize::from(which)]) {
                        Poll::Ready(done) => collected(Ok(done)),
                        Poll::Pending => None,
                    },
                    _ => collected(held.attempt()),
                };
                assert_eq!(end, model.collect(stops_at_once));
                assert_eq!(held.is_collected(), end.is_some());
                job = Some(held).filter(|held| !held.is_collected());
            }
            Act::Cancel => {
                let Some(job) = &mut job else { continue };
                model.cancel(stops_at_once);
                job.cancel();
            }
            Act::Drop | Act::Detach | Act::Forget => {
                let Some(held) = job.take() else { continue };
                let (id, _) = model.tenant.unwrap();
                match act {
                    Act::Drop => {
                        model.cancel(stops_at_once);
                        model.tenant = Some((id, Heir::Orphan));
                        drop(held);
                    }
                    Act::Detach => {
                        model.tenant = Some((id, Heir::Orphan));
                        held.detach();
                    }
                    _ => {
                        model.tenant = Some((id, Heir::Forgotten));
                        std::mem::forget(held);
                    }
                }
            }
        }
        // After each act, every operation is in exactly one place.
        let mut dropped = device.dropped.lock().unwrap().clone();
        dropped.sort_unstable();
        let mut expected: Vec<u32> =
            [&refused, &model.returned, &model.called_back, &model.reclaimed]
                .into_iter()
                .flatten()
                .copied()
                .collect();
        expected.sort_unstable();
        assert_eq!(dropped, expected, "after {act:?}");
        assert_eq!(CALLED_BACK.with_borrow(Vec::clone), model.called_back);
        let inside = model.tenant.map(|(id, _)| id);
        assert!(started.iter().all(|id| dropped.contains(id) || inside == Some(*id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]
    #[test]
    fn every_operation_is_accounted_for(acts in acts(), stops_at_once in any::<bool>()) {
        run(&acts, stops_at_once);
    }
}
