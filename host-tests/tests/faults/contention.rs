//! An operation that steps its own slot, and interrupts that come faster than its tries: each claim
//! ends, and a step that is still owed is not lost.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use fakes::waker::{counting, poll};
use wouldblock::{
    Attempt,
    block::Spin,
    job::{Background, Slot, Slots, Step, Ticket},
    nb,
};

use crate::leak;

/// The largest number of steps of one claim, as the documentation of `Step::Again` says.
const STEPS: u32 = 64;

/// What a try does besides counting.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Steps,
    Cancels,
    Polls,
}

struct Op {
    slot: &'static Slot<Self>,
    within: Within,
    tries: Arc<AtomicU32>,
    cancels: Arc<AtomicU32>,
    /// The number of the try that ends the operation.
    last: u32,
}

impl Op {
    fn new(within: Within, last: u32) -> (&'static Slot<Self>, Self) {
        let slot = leak(Slot::new());
        (slot, Self { slot, within, tries: Arc::default(), cancels: Arc::default(), last })
    }
}

impl Attempt for Op {
    type Output = u32;
    type Error = ();

    fn attempt(&mut self) -> nb::Result<u32, ()> {
        let tries = self.tries.fetch_add(1, SeqCst) + 1;
        assert!(tries < 10_000, "it does not end");
        if tries == self.last {
            return Ok(tries);
        }
        let step = match self.within {
            Within::Steps => self.slot.on_interrupt().step(),
            Within::Cancels => self.slot.cancel(),
            Within::Polls => return Err(nb::Error::WouldBlock),
        };
        assert_eq!(step, Step::Contended);
        Err(nb::Error::WouldBlock)
    }
}

impl Background for Op {
    fn begin(&mut self) {}

    fn cancel(&mut self) {
        self.cancels.fetch_add(1, SeqCst);
    }
}

#[test]
fn a_handler_makes_64_tries_and_says_so() {
    let (slot, op) = Op::new(Within::Steps, 2 * STEPS + 1);
    let tries = op.tries.clone();
    assert!(slot.start_with(op, |done| assert_eq!(done.result, Ok(2 * STEPS + 1))).is_ok());
    assert_eq!(slot.on_interrupt().step(), Step::Again);
    assert_eq!(tries.load(SeqCst), STEPS);
    assert_eq!(slot.on_interrupt().step(), Step::Again, "the handler runs again");
    assert_eq!(slot.on_interrupt().step(), Step::Done);
    assert!(slot.is_idle());
}

/// The twin's holder takes every note that it finds. Only the operation's own limit stops it.
#[test]
fn twin_a_holder_that_takes_every_note() {
    let (_, mut op) = Op::new(Within::Polls, 10 * STEPS);
    let (mut note, mut tries) = (true, 0);
    while std::mem::take(&mut note) {
        tries += 1;
        note = op.attempt().is_err(); // Each try leaves a note.
    }
    assert!(tries > STEPS, "the twin was bounded");
}

#[test]
fn a_cancel_from_within_each_try_is_bounded_too() {
    let (slot, op) = Op::new(Within::Cancels, u32::MAX);
    let (tries, cancels) = (op.tries.clone(), op.cancels.clone());
    assert!(slot.start_with(op, |_| ()).is_ok());
    assert_eq!(slot.on_interrupt().step(), Step::Again);
    assert_eq!((tries.load(SeqCst), cancels.load(SeqCst)), (STEPS, STEPS - 1));
    // The next claim carries out the remaining cancel.
    assert_eq!(slot.cancel(), Step::Again);
    assert_eq!((tries.load(SeqCst), cancels.load(SeqCst)), (2 * STEPS, 2 * STEPS - 1));
}

#[test]
fn the_waiter_is_woken_and_takes_the_step_that_is_owed() {
    let (slot, op) = Op::new(Within::Steps, 3 * STEPS + 1);
    let tries = op.tries.clone();
    let mut job = slot.start(op).unwrap();
    let (waker, wakes) = counting();
    // A poll tries twice, which is two claims. The second claim owes the wake.
    assert!(poll(&mut job, &waker).is_pending());
    assert_eq!((tries.load(SeqCst), wakes.load(SeqCst)), (2 * STEPS, 1));
    assert!(poll(&mut job, &waker).is_ready());

    let (slot, op) = Op::new(Within::Steps, STEPS + 1);
    let job = slot.start(op).unwrap();
    let driven = slot.on_interrupt();
    assert!(driven.step() == Step::Again && driven.wake_is_owed());
    drop(driven);
    // A waiter that sleeps while there is no news does not sleep for ever: it calls the idler at
    // most once, and there is news then.
    struct Sleeper;
    impl wouldblock::block::Idle for Sleeper {
        fn idle(&mut self, news: impl Fn() -> bool) {
            assert!(news(), "asleep for ever");
        }
    }
    assert_eq!(job.wait(Sleeper).result, Ok(STEPS + 1));
}

#[test]
fn what_was_given_up_at_the_bound_is_stepped_by_the_next_start() {
    let (slot, op) = Op::new(Within::Steps, STEPS + 1);
    drop(slot.start(op).unwrap()); // Cancels, which is the first claim.
    let (_, next) = Op::new(Within::Polls, 1);
    assert!(slot.start(Op { slot, ..next }).is_ok(), "the step that was owed has ended it");
}

/// The holder or the next claim takes a note: two threads step at the same time, and the last event
/// ends the operation in every case.
#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn no_step_of_two_cores_is_lost() {
    struct Count {
        events: Arc<AtomicU32>,
        seen: u32,
        wanted: u32,
    }
    impl Attempt for Count {
        type Output = ();
        type Error = ();
        fn attempt(&mut self) -> nb::Result<(), ()> {
            self.seen = self.events.load(SeqCst);
            if self.seen == self.wanted { Ok(()) } else { Err(nb::Error::WouldBlock) }
        }
    }
    impl Background for Count {
        fn begin(&mut self) {}
        fn cancel(&mut self) {}
    }
    for _ in 0..20 {
        let slot: &'static Slot<Count> = leak(Slot::new());
        let events = Arc::new(AtomicU32::new(0));
        let op = Count { events: events.clone(), seen: 0, wanted: 2000 };
        static CALLED: AtomicU32 = AtomicU32::new(0);
        let before = CALLED.load(SeqCst);
        assert!(slot.start_with(op, |_| _ = CALLED.fetch_add(1, SeqCst)).is_ok());
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        events.fetch_add(1, SeqCst);
                        while slot.on_interrupt().step() == Step::Again {}
                    }
                });
            }
        });
        assert_eq!(CALLED.load(SeqCst), before + 1, "the last event's step was lost");
        assert!(slot.is_idle());
    }
}

#[test]
fn a_ticket_cancels_its_own_operation_and_no_other() {
    struct Request(Arc<AtomicU32>);
    impl Attempt for Request {
        type Output = ();
        type Error = ();
        fn attempt(&mut self) -> nb::Result<(), ()> {
            if self.0.load(SeqCst) > 0 { Ok(()) } else { Err(nb::Error::WouldBlock) }
        }
    }
    impl Background for Request {
        fn begin(&mut self) {}
        fn cancel(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    let slots: &'static Slots<Request, 2> = leak(Slots::new());
    let cancels = [(); 3].map(|()| Arc::<AtomicU32>::default());
    let count = || cancels.each_ref().map(|count| count.load(SeqCst));
    let first = slots.reserve().unwrap().start_with(Request(cancels[0].clone()), |_| ());
    let second = slots.reserve().unwrap().start_with(Request(cancels[1].clone()), |_| ());
    assert_eq!(slots.cancel(first), Step::Done, "the cancel steps it, and it has ended");
    assert_eq!((count(), slots.occupied()), ([1, 0, 0], 1));
    let third = slots.reserve().unwrap().start(Request(cancels[2].clone()));
    assert_eq!(slots.cancel(first), Step::Idle, "that ticket is old");
    assert_eq!(slots.cancel(Ticket::from_bits(u32::MAX)), Step::Idle);
    assert_eq!(count(), [1, 0, 0]);
    // A cancel by index, as in a twin, cancels the third operation.
    let now = (0..=u16::MAX)
        .map(|generation| Ticket::from_bits(u32::from(generation) << 16 | first.index() as u32));
    let hit = now.filter(|&ticket| slots.cancel(ticket) != Step::Idle).count();
    assert_eq!((hit, count()), (1, [1, 0, 1]));
    assert_eq!(third.wait(Spin).result, Ok(()));
    assert_eq!(slots.cancel(second), Step::Done);
}
