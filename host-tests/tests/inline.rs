//! `job::Inline`: an operation without its type behaves as with its type, and is dropped once. The
//! device is a counter, and its handler is a function call.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::SeqCst},
};

use fakes::leak;
use proptest::prelude::*;
use wouldblock::{
    Attempt,
    job::{Background, Inline, Slot},
    nb,
};

/// Counts what happens to the operations of one test.
#[derive(Debug, Default)]
struct Fate {
    tries: AtomicU32,
    begun: AtomicU32,
    cancelled: AtomicU32,
    dropped: AtomicU32,
}

impl Fate {
    fn counts(&self) -> [u32; 4] {
        [&self.begun, &self.tries, &self.cancelled, &self.dropped].map(|count| count.load(SeqCst))
    }
}

/// An operation that ends after `left` tries. After a cancel, it fails at the next try.
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
    }
}

type Small = Countdown<3>;
type In = Inline<u32, &'static str, 24>;

/// An act on a job.
#[derive(Clone, Copy, Debug)]
enum Move {
    Interrupt,
    Attempt,
    Cancel,
}

/// Runs the moves on an operation in a new slot. Returns the result of each move, and the end.
fn play<A: Background<Output = u32, Error = &'static str> + 'static>(
    op: A,
    moves: &[Move],
) -> (Vec<String>, Option<Result<u32, &'static str>>) {
    let slot = leak(Slot::new());
    let mut job = slot.start(op).unwrap();
    let mut results = Vec::new();
    for step in moves {
        results.push(match step {
            Move::Interrupt => format!("{:?}", slot.on_interrupt().step()),
            Move::Cancel => {
                job.cancel();
                "cancelled".into()
            }
            Move::Attempt => match job.attempt() {
                Ok(done) => return (results, Some(done.result)),
                Err(_) => "would block".into(),
            },
        });
    }
    job.cancel();
    let end = job.attempt().ok().map(|done| done.result);
    (results, end)
}

proptest! {
    /// With and without the type, the same moves give the same results, tries and drops.
    #[test]
    fn without_its_type_it_does_the_same(
        left in 1_u32..5,
        moves in prop::collection::vec(
            prop_oneof![Just(Move::Interrupt), Just(Move::Attempt), Just(Move::Cancel)], 0..8),
    ) {
        let fates: [Arc<Fate>; 2] = Default::default();
        let plain = play(Small::new(&fates[0], left), &moves);
        prop_assert_eq!(&play(In::new(Small::new(&fates[1], left)), &moves), &plain);
        let counts = fates[0].counts();
        prop_assert_eq!(counts[3], 1);
        prop_assert_eq!(fates[1].counts(), counts);
    }
}

#[test]
fn it_comes_back_by_its_type_and_by_no_other() {
    let fate = Arc::new(Fate::default());
    let inline = In::new(Small::new(&fate, 7));
    let inline = inline.into_inner::<Countdown<4>>().expect_err("it is another type");
    assert_eq!(inline.into_inner::<Small>().expect("it is this type").left, 7);
    assert_eq!(fate.counts()[3], 1, "it was dropped here, as its own type");
}

#[test]
fn an_inline_operation_drops_what_it_holds_once() {
    let fate = Arc::new(Fate::default());
    drop(In::new(Small::new(&fate, 1)));
    assert_eq!(fate.counts(), [0, 0, 0, 1]);
    let slot: &Slot<In> = leak(Slot::new());
    slot.start(In::new(Small::new(&fate, 1))).unwrap().detach();
    drop(slot.on_interrupt());
    assert_eq!(fate.counts(), [1, 1, 0, 1], "the next start drops it");
    slot.start(In::new(Small::new(&fate, 1))).unwrap().detach();
    assert_eq!(fate.counts(), [2, 1, 0, 2]);
}

#[test]
fn one_slot_holds_operations_of_many_types() {
    let slot: &Slot<Inline<u32, &'static str, 40>> = leak(Slot::new());
    let offset = 1000; // A closure that captures has a type without a name.
    let fate = Arc::new(Fate::default());
    let ends: Vec<_> = [
        Inline::new(Small::new(&fate, 2)),
        Inline::new(Countdown::<0>::new(&fate, 1).map(move |tries| tries + offset)),
    ]
    .into_iter()
    .map(|op| {
        let mut job = slot.start(op).unwrap();
        (0..2).for_each(|_| drop(slot.on_interrupt()));
        job.attempt().unwrap().result
    })
    .collect();
    assert_eq!(ends, [Ok(2), Ok(1003)]);
}

#[test]
fn sizes() {
    assert_eq!(size_of::<In>(), 32, "a pointer and the bytes");
}
