//! `Slot` and `Job`: a handler's step on one core against everything that the foreground does on
//! another core.
//!
//! Each method of the operation writes to a cell in it. So loom reports when two contexts have
//! `&mut` of the operation at the same time, or one after the other without an order between them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

use loom::{
    cell::UnsafeCell,
    sync::{
        Notify,
        atomic::{AtomicU32, Ordering::*},
    },
    thread,
};
use wouldblock::{
    attempt::Attempt,
    job::{Background, Busy, ScopedSlot, Slot, Step},
    nb,
};

use crate::run::{ASLEEP, Flag, TORN, Yields, block_on, explores, finds, leak};

/// A transfer that ends when the device is ready, or at the first try after it was cancelled.
struct Transfer {
    /// The doorbell. The device and the interrupt controller deliver an interrupt after the write
    /// that caused it, hence release and acquire.
    begun: Arc<AtomicU32>,
    ready: Flag,
    cancelled: bool,
    touched: UnsafeCell<u32>,
    /// Counts the drops, in an atomic of std, which loom does not see.
    dropped: Arc<AtomicUsize>,
}

impl Transfer {
    fn new(ready: &Flag, dropped: &Arc<AtomicUsize>) -> Self {
        Self {
            begun: Arc::new(AtomicU32::new(0)),
            ready: ready.clone(),
            cancelled: false,
            touched: UnsafeCell::new(0),
            dropped: dropped.clone(),
        }
    }

    fn touch(&mut self) {
        self.touched.with_mut(|_| ());
    }
}

impl Attempt for Transfer {
    type Output = ();
    type Error = &'static str;

    fn attempt(&mut self) -> nb::Result<(), &'static str> {
        self.touch();
        if self.ready.is_set() {
            Ok(())
        } else if self.cancelled {
            Err(nb::Error::Other("cancelled"))
        } else {
            Err(nb::Error::WouldBlock)
        }
    }
}

impl Background for Transfer {
    fn begin(&mut self) {
        self.touch();
        self.begun.store(1, Release);
    }

    fn cancel(&mut self) {
        self.touch();
        self.cancelled = true;
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        self.touch();
        self.dropped.fetch_add(1, SeqCst);
    }
}

/// A slot, its device, and the number of operations that were dropped.
fn new() -> (&'static Slot<Transfer>, Flag, Arc<AtomicUsize>) {
    (leak(Slot::new()), Flag::new(), Arc::default())
}

/// The handler: first the device is ready, then the slot steps, then the waker is woken.
fn interrupt(slot: &'static Slot<Transfer>, ready: &Flag) -> Step {
    ready.set();
    slot.on_interrupt().step()
}

#[test]
fn a_step_against_an_await() {
    explores("step and await", Some(3), 300, || {
        let (slot, ready, dropped) = new();
        let job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let handler = thread::spawn(move || _ = interrupt(slot, &ready));
        let done = block_on(job);
        assert_eq!((done.result, dropped.load(SeqCst)), (Ok(()), 0));
        drop(done.op);
        handler.join().unwrap();
        assert_eq!(dropped.load(SeqCst), 1);
    });
}

#[test]
fn a_step_against_a_poll_and_the_next_tenant() {
    explores("step, collect and start", Some(3), 50, || {
        let (slot, ready, dropped) = new();
        let mut job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let handler = thread::spawn(move || _ = interrupt(slot, &ready));
        let first = job.attempt().is_ok();
        if first {
            // The step may still owe a wake, which is spurious for the next operation.
            let next = slot.start(Transfer::new(&Flag::new(), &dropped)).ok().unwrap();
            next.detach();
        }
        handler.join().unwrap();
        assert_eq!(dropped.load(SeqCst), usize::from(first));
        if !first {
            drop(block_on(job).op);
            assert_eq!(dropped.load(SeqCst), 1);
        }
    });
}

#[test]
fn a_step_against_a_cancel() {
    let floor = if cfg!(wouldblock_sections) { 75 } else { 150 };
    explores("step and cancel", Some(3), floor, || {
        let (slot, ready, dropped) = new();
        let mut job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let handler = thread::spawn(move || drop(slot.on_interrupt())); // spurious
        job.cancel();
        let done = block_on(job);
        assert_eq!(done.result, Err("cancelled"));
        handler.join().unwrap();
    });
}

#[test]
fn a_step_against_the_drop_of_the_job_and_the_next_start() {
    explores("step, drop and start", Some(3), 75, || {
        let (slot, ready, dropped) = new();
        let job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let count = dropped.clone();
        let handler = thread::spawn(move || {
            interrupt(slot, &ready);
            // Starts the next operation if the slot is free, as a callback may.
            slot.start(Transfer::new(&ready, &count)).map(|job| job.detach()).is_ok()
        });
        drop(job);
        let started = handler.join().unwrap();
        // Either the refused operation was dropped, or `start` dropped the orphan; once in both
        // cases.
        assert_eq!(dropped.load(SeqCst), 1);
        if !started {
            // The orphan has ended by now.
            assert!(slot.start(Transfer::new(&Flag::new(), &dropped)).is_ok_and(|job| {
                job.detach();
                true
            }));
            assert_eq!(dropped.load(SeqCst), 2);
        }
    });
}

#[test]
fn a_step_against_a_detach() {
    explores("step and detach", None, 5, || {
        let (slot, ready, dropped) = new();
        let job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let handler = thread::spawn(move || interrupt(slot, &ready));
        job.detach();
        assert_eq!(handler.join().unwrap(), Step::Done);
        assert_eq!(dropped.load(SeqCst), 0);
        let next = slot.start(Transfer::new(&Flag::new(), &dropped));
        assert_eq!(dropped.load(SeqCst), 1);
        next.ok().unwrap().detach();
    });
}

#[test]
fn two_starts_have_one_winner() {
    explores("two starts", None, 5, || {
        let (slot, ready, dropped) = new();
        let start = |ready: Flag, dropped: Arc<AtomicUsize>| match slot
            .start(Transfer::new(&ready, &dropped))
        {
            Ok(job) => {
                job.detach();
                1
            }
            Err(Busy(_)) => 0,
        };
        let (other_ready, other_dropped) = (ready.clone(), dropped.clone());
        let other = thread::spawn(move || start(other_ready, other_dropped));
        let started = start(ready, dropped.clone()) + other.join().unwrap();
        assert_eq!((started, dropped.load(SeqCst)), (1, 1));
    });
}

#[test]
fn what_was_given_up_is_taken_back_or_dropped_once() {
    explores("reclaim and start", None, 5, || {
        let (slot, ready, dropped) = new();
        slot.start(Transfer::new(&ready, &dropped)).ok().unwrap().detach();
        interrupt(slot, &ready);
        let other = thread::spawn(move || slot.reclaim().map(|mut done| done.op.touch()).is_some());
        let next = slot.start(Transfer::new(&Flag::new(), &dropped));
        let (started, reclaimed) = (next.is_ok(), other.join().unwrap());
        assert!(started || reclaimed);
        next.map(|job| job.detach()).ok();
        // The first operation was dropped by one of the two, and the second if it was refused.
        assert_eq!(dropped.load(SeqCst), 1 + usize::from(!started));
    });
}

/// What a model of a start runs over. A handler on another core may step as soon as the device has
/// begun.
trait Start: Send + Sync + 'static {
    fn new() -> Self;
    /// Publishes the operation and begins it. `begun` is the device.
    fn start(&'static self, begun: &Arc<AtomicU32>, ready: &Flag);
    /// A step of the handler.
    fn step(&'static self);
    /// Waits for the end without stepping.
    fn wait(&self);
}

/// The library's slot, with a callback at the end.
struct Library {
    slot: Slot<CallsBack>,
    ended: Notify,
}

struct CallsBack {
    transfer: Transfer,
    library: &'static Library,
}

impl Attempt for CallsBack {
    type Output = ();
    type Error = &'static str;

    fn attempt(&mut self) -> nb::Result<(), &'static str> {
        self.transfer.attempt()
    }
}

impl Background for CallsBack {
    fn begin(&mut self) {
        self.transfer.begin();
    }

    fn cancel(&mut self) {
        self.transfer.cancel();
    }
}

impl Start for Library {
    fn new() -> Self {
        Self { slot: Slot::new(), ended: Notify::new() }
    }

    fn start(&'static self, begun: &Arc<AtomicU32>, ready: &Flag) {
        let mut transfer = Transfer::new(ready, &Arc::default());
        transfer.begun = begun.clone();
        let op = CallsBack { transfer, library: self };
        assert!(self.slot.start_with(op, |done| done.op.library.ended.notify()).is_ok());
    }

    fn step(&'static self) {
        drop(self.slot.on_interrupt());
    }

    fn wait(&self) {
        self.ended.wait();
    }
}

// A copy of the protocol of the file that the library is compiled with, for one operation without a
// job.
#[cfg_attr(wouldblock_sections, path = "job/sections.rs")]
#[cfg_attr(not(wouldblock_sections), path = "job/lock_free.rs")]
mod twin;
use twin::Twin;

const SOUND: u8 = 0;
/// Begins before it publishes.
const BEGINS_FIRST: u8 = 1;
/// A step that finds the slot claimed does not leave a note.
const NO_NOTE: u8 = 2;
/// The holder checks for notes and releases the slot in two accesses, or in two sections.
const LETS_GO_LATE: u8 = 3;
/// The end is not released to the context that collects it.
const UNRELEASED: u8 = 4;

/// The handler's core sees that the device has begun, and steps. The step must find the operation.
fn start_and_step<S: Start>() {
    let (subject, begun, ready) = (leak(S::new()), Arc::new(AtomicU32::new(0)), Flag::new());
    let (device_begun, device_ready) = (begun.clone(), ready.clone());
    let handler = thread::spawn(move || {
        // There is no interrupt before the device has begun.
        if device_begun.load(Acquire) == 1 {
            device_ready.set();
            subject.step();
        }
        device_ready.is_set()
    });
    subject.start(&begun, &ready);
    if handler.join().unwrap() {
        subject.wait();
    }
}

/// Two handlers on two cores, one of which finds the device ready.
fn two_steps<S: Start>() {
    let (subject, ready) = (leak(S::new()), Flag::new());
    subject.start(&Arc::new(AtomicU32::new(0)), &ready);
    let spurious = thread::spawn(|| subject.step());
    let handler = thread::spawn(move || {
        ready.set();
        subject.step();
    });
    spurious.join().unwrap();
    handler.join().unwrap();
    subject.wait();
}

#[test]
fn a_step_against_a_start_finds_what_has_begun() {
    explores("start and step", None, 10, start_and_step::<Library>);
    explores("start and step, twin", None, 10, start_and_step::<Twin<SOUND>>);
    finds("begins before it publishes", &[ASLEEP], start_and_step::<Twin<BEGINS_FIRST>>);
}

#[test]
fn a_contended_step_is_made_up_for_by_the_holder() {
    explores("two steps", Some(3), 100, two_steps::<Library>);
    explores("two steps, twin", Some(3), 100, two_steps::<Twin<SOUND>>);
    finds("contended without a note", &[ASLEEP], two_steps::<Twin<NO_NOTE>>);
    finds("lets go after it looked", &[ASLEEP], two_steps::<Twin<LETS_GO_LATE>>);
}

/// A step that ends the operation, against its collector.
fn step_and_collect<const FLAW: u8>() {
    let (twin, ready) = (leak(Twin::<FLAW>::new()), Flag::new());
    twin.start(&Arc::new(AtomicU32::new(0)), &ready);
    let handler = thread::spawn(move || {
        ready.set();
        twin.step();
    });
    twin.collect();
    handler.join().unwrap();
}

#[test]
fn an_end_is_whole_when_it_is_collected() {
    explores("step and collect, twin", None, 15, step_and_collect::<SOUND>);
    finds("end that is not released", TORN, step_and_collect::<UNRELEASED>);
}

/// A handler that steps, against a scope that ends: loom sees every access to the operation's cell,
/// also that of the frame after the scope.
#[test]
fn a_step_against_a_scope_that_is_left() {
    explores("step and scope", Some(3), 100, || {
        let (line, ready, dropped) = (leak(ScopedSlot::new()), Flag::new(), Arc::default());
        let handler = {
            let ready = ready.clone();
            thread::spawn(move || {
                ready.set();
                drop(line.on_interrupt());
            })
        };
        let transfer = Transfer::new(&ready, &dropped);
        let ended = line.scope(transfer, Yields, |_| ());
        let Ok(((), mut done)) = ended else { panic!("no other operation is in the slot") };
        done.op.touch(); // The frame has the operation again.
        assert!(matches!(done.result, Ok(()) | Err("cancelled")));
        drop(done);
        assert_eq!(dropped.load(SeqCst), 1);
        handler.join().unwrap();
        assert!(line.is_idle());
    });
}

/// A value that a frame has lent.
struct Lent(UnsafeCell<u32>);

// SAFETY: it is not `Sync` if the frame does not wait, which is what the model finds.
unsafe impl Sync for Lent {}

/// The twin of a scope: the frame ends while the operation still runs.
#[test]
fn a_scope_that_does_not_wait_is_found() {
    finds("scope that does not wait", TORN, || {
        let (slot, ready, dropped) = new();
        let lent = leak(Lent(UnsafeCell::new(0)));
        let job = slot.start(Transfer::new(&ready, &dropped)).ok().unwrap();
        let handler = thread::spawn(move || {
            lent.0.with_mut(|_| ()); // The device and the step write to it.
            interrupt(slot, &ready);
        });
        job.detach();
        lent.0.with_mut(|_| ()); // The frame uses it as if the operation had ended.
        handler.join().unwrap();
    });
}

/// An operation that ends at the third event. It counts its drops, in an atomic of std, which loom
/// does not see.
struct Third(Arc<AtomicU32>, Arc<AtomicUsize>);

impl Drop for Third {
    fn drop(&mut self) {
        self.1.fetch_add(1, SeqCst);
    }
}

impl Attempt for Third {
    type Output = ();
    type Error = ();

    fn attempt(&mut self) -> nb::Result<(), ()> {
        if self.0.load(Acquire) == 3 { Ok(()) } else { Err(nb::Error::WouldBlock) }
    }
}

impl Background for Third {
    fn begin(&mut self) {}

    fn cancel(&mut self) {}
}

const LOST: &str = "a step that was owed is lost";

/// Two cores step at each of three events; a claim is limited to two steps here. A handler that
/// gets `Step::Again` steps again, unless `again` is `false`, which is the flaw.
fn bounded(again: bool) {
    let slot: &'static Slot<Third> = leak(Slot::new());
    let (events, ended) = (Arc::new(AtomicU32::new(0)), Arc::<AtomicUsize>::default());
    assert!(slot.start_with(Third(events.clone(), ended.clone()), |_| ()).is_ok());
    let interrupt = move |events: &AtomicU32| {
        events.fetch_add(1, AcqRel);
        while slot.on_interrupt().step() == Step::Again && again {}
    };
    let other = {
        let events = events.clone();
        thread::spawn(move || (0..2).for_each(|_| interrupt(&events)))
    };
    interrupt(&events);
    other.join().unwrap();
    assert_eq!(ended.load(SeqCst), 1, "{LOST}");
}

#[test]
fn a_claim_that_has_had_its_steps_leaves_what_is_owed() {
    explores("three steps, a claim has two", Some(3), 100, || bounded(true));
    finds("told to step again, and does not", &[LOST], || bounded(false));
}
