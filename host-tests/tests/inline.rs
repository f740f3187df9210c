//! `job::Inline`, `job::Boxed` and `job::With`: an operation without its type does what it does
//! with it, is dropped once, and never by a handler where that is promised. The device is a
//! counter; its handler is a call.

use std::{
    cell::Cell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    thread,
};

use proptest::prelude::*;
use wouldblock::{
    Attempt,
    job::{Background, Boxed, Done, Inline, Slot, Stepped, With, free_dropped, from_fns},
    nb,
};

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Boxes that are dropped go to one list: the tests that count them run one after another.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// Whatever this drops, it drops as a handler.
fn as_handler<R>(f: impl FnOnce() -> R) -> R {
    IN_HANDLER.set(true);
    let value = f();
    IN_HANDLER.set(false);
    value
}

/// What became of the operations of one test.
#[derive(Debug, Default)]
struct Fate {
    tries: AtomicU32,
    begun: AtomicU32,
    cancelled: AtomicU32,
    dropped: AtomicU32,
    dropped_by_a_handler: AtomicU32,
}

impl Fate {
    fn counts(&self) -> [u32; 5] {
        [&self.begun, &self.tries, &self.cancelled, &self.dropped, &self.dropped_by_a_handler]
            .map(|count| count.load(SeqCst))
    }
}

/// Ends at the try with this number; fails at the next one once it was cancelled.
#[derive(Debug)]
struct Countdown<const SIZE: usize> {
    fate: Arc<Fate>,
    left: u32,
    cancelled: bool,
    ballast: [u8; SIZE],
}

impl<const SIZE: usize> Countdown<SIZE> {
    fn new(fate: &Arc<Fate>, left: u32) -> Self {
        Self { fate: fate.clone(), left, cancelled: false, ballast: [0xa5; SIZE] }
    }
}

impl<const SIZE: usize> Attempt for Countdown<SIZE> {
    type Output = u32;
    type Error = &'static str;

    fn attempt(&mut self) -> nb::Result<u32, &'static str> {
        assert_eq!(self.ballast, [0xa5; SIZE], "it has moved whole");
        self.left = self.left.saturating_sub(1);
        let tries = self.fate.tries.fetch_add(1, SeqCst) + 1;
        match self.left {
            _ if self.cancelled => Err(nb::Error::Other("cancelled")),
            0 => Ok(tries),
            _ => Err(nb::Error::WouldBlock),
        }
    }
}

impl<const SIZE: usize> Background for Countdown<SIZE> {
    fn begin(&mut self) {
        self.fate.begun.fetch_add(1, SeqCst);
    }

    fn cancel(&mut self) {
        self.cancelled = true;
        self.fate.cancelled.fetch_add(1, SeqCst);
    }
}

impl<const SIZE: usize> Drop for Countdown<SIZE> {
    fn drop(&mut self) {
        self.fate.dropped.fetch_add(1, SeqCst);
        self.fate.dropped_by_a_handler.fetch_add(u32::from(IN_HANDLER.get()), SeqCst);
    }
}

type Small = Countdown<3>;
type In = Inline<u32, &'static str, 24>;
type On = Boxed<u32, &'static str>;

/// What is done to a job, one after the other.
#[derive(Clone, Copy, Debug)]
enum Move {
    Interrupt,
    Attempt,
    Cancel,
}

/// Runs the moves on an operation in a slot of its own: every answer on the way, and the end.
fn play<A: Background<Output = u32, Error = &'static str> + 'static>(
    op: A,
    moves: &[Move],
) -> (Vec<String>, Option<Result<u32, &'static str>>) {
    let slot = leak(Slot::new());
    let mut job = slot.start(op).unwrap();
    let mut answers = Vec::new();
    for step in moves {
        answers.push(match step {
            Move::Interrupt => format!("{:?}", slot.on_interrupt().step()),
            Move::Cancel => {
                job.cancel();
                "cancelled".into()
            }
            Move::Attempt => match job.attempt() {
                Ok(done) => return (answers, Some(done.result)),
                Err(_) => "would block".into(),
            },
        });
    }
    job.cancel();
    let end = job.attempt().ok().map(|done| done.result);
    (answers, end)
}

proptest! {
    /// The same moves, the same answers, tries, and drops, with the type and without it.
    #[test]
    fn without_its_type_it_does_the_same(
        left in 1_u32..5,
        moves in prop::collection::vec(
            prop_oneof![Just(Move::Interrupt), Just(Move::Attempt), Just(Move::Cancel)], 0..8),
    ) {
        let _guard = ONE_AT_A_TIME.lock().unwrap();
        free_dropped();
        let fates: [Arc<Fate>; 4] = Default::default();
        let plain = play(Small::new(&fates[0], left), &moves);
        prop_assert_eq!(&play(In::new(Small::new(&fates[1], left)), &moves), &plain);
        prop_assert_eq!(&play(On::new(Small::new(&fates[2], left)), &moves), &plain);
        prop_assert_eq!(free_dropped(), 1);
        let with = With { op: Small::new(&fates[3], left), data: "rides along" };
        prop_assert_eq!(&play(with, &moves), &plain);
        let counts = fates[0].counts();
        prop_assert_eq!(counts[3], 1);
        for fate in &fates[1..] {
            prop_assert_eq!(fate.counts(), counts);
        }
    }
}

#[test]
fn it_comes_back_by_its_type_and_by_no_other() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    let fate = Arc::new(Fate::default());
    let inline = In::new(Small::new(&fate, 7));
    let inline = inline.into_inner::<Countdown<4>>().expect_err("it is another type");
    assert_eq!(inline.into_inner::<Small>().expect("it is this type").left, 7);
    let boxed = On::new(Small::new(&fate, 8));
    let boxed = boxed.into_inner::<Countdown<4>>().expect_err("it is another type");
    assert_eq!(boxed.into_inner::<Small>().expect("it is this type").left, 8);
    // Both were dropped here, at once, as what they are.
    assert_eq!((fate.counts()[3], free_dropped()), (2, 0));
}

#[test]
fn an_inline_operation_drops_what_it_holds_once() {
    let fate = Arc::new(Fate::default());
    drop(In::new(Small::new(&fate, 1)));
    assert_eq!(fate.counts(), [0, 0, 0, 1, 0]);
    let slot: &Slot<In> = leak(Slot::new());
    slot.start(In::new(Small::new(&fate, 1))).unwrap().detach();
    drop(slot.on_interrupt());
    assert_eq!(fate.counts(), [1, 1, 0, 1, 0], "it waits for the next start");
    slot.start(In::new(Small::new(&fate, 1))).unwrap().detach();
    assert_eq!(fate.counts(), [2, 1, 0, 2, 0]);
}

#[test]
fn one_slot_holds_operations_of_many_types() {
    let slot: &Slot<Inline<u32, &'static str, 40>> = leak(Slot::new());
    let fate = Arc::new(Fate::default());
    let ready = leak(AtomicU32::new(0));
    let closure = from_fns(
        || ready.store(1, SeqCst),
        || match ready.load(SeqCst) {
            2.. => Ok(99),
            _ => Err(nb::Error::WouldBlock),
        },
        || ready.store(3, SeqCst),
    );
    let ends: Vec<_> = [
        Inline::new(Small::new(&fate, 2)),
        Inline::new(closure),
        Inline::new(Countdown::<0>::new(&fate, 1).map(|tries| tries + 1000)),
    ]
    .into_iter()
    .map(|op| {
        let mut job = slot.start(op).unwrap();
        ready.fetch_add(1, SeqCst);
        (0..2).for_each(|_| drop(slot.on_interrupt()));
        job.attempt().unwrap().result
    })
    .collect();
    assert_eq!(ends, [Ok(2), Ok(99), Ok(1003)]);
}

/// A callback that lets go of the operation, as most do.
fn let_go<A: Background<Output = u32, Error = &'static str>>(done: Done<A>) {
    assert_eq!(done.result, Ok(1));
}

fn ends_in_a_handler<A: Background<Output = u32, Error = &'static str> + 'static>(op: A) {
    let slot = leak(Slot::new());
    slot.start_with(op, let_go).unwrap();
    let driven: Stepped = as_handler(|| slot.on_interrupt());
    drop(driven);
}

#[test]
fn no_box_is_freed_in_a_handler() {
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    free_dropped();
    let fate = Arc::new(Fate::default());
    ends_in_a_handler(On::new(Small::new(&fate, 1)));
    assert_eq!(fate.counts(), [1, 1, 0, 0, 0], "it has ended, and is not dropped");
    // The next one that is made frees it, in its own context.
    let next = On::new(Small::new(&fate, 1));
    assert_eq!(fate.counts(), [1, 1, 0, 1, 0]);
    drop(next);
    assert_eq!((free_dropped(), free_dropped()), (1, 0));
    assert_eq!(fate.counts(), [1, 1, 0, 2, 0]);
    // What is not in such a box is dropped where the callback drops it: the check can fail.
    let fate = Arc::new(Fate::default());
    ends_in_a_handler(Small::new(&fate, 1));
    assert_eq!(fate.counts(), [1, 1, 0, 1, 1]);
}

#[test]
fn boxes_from_many_threads_are_freed_once() {
    const THREADS: u32 = 4;
    const EACH: u32 = 2000;
    let _guard = ONE_AT_A_TIME.lock().unwrap();
    free_dropped();
    let fate = Arc::new(Fate::default());
    let freed: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut freed = 0;
                    for n in 0..EACH {
                        as_handler(|| drop(On::new(Small::new(&fate, n))));
                        if n % 3 == 0 {
                            freed += free_dropped();
                        }
                    }
                    freed
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    free_dropped();
    assert_eq!(fate.counts()[3], THREADS * EACH);
    assert!(freed > 0);
    assert_eq!(Arc::strong_count(&fate), 1);
}

#[test]
fn sizes() {
    assert_eq!(size_of::<In>(), 32, "a pointer and the bytes");
    assert_eq!(size_of::<On>(), 16, "two pointers");
    assert_eq!(size_of::<With<Small, u64>>(), size_of::<Small>() + 8);
}
