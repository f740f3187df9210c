//! `job::ScopedSlot`: a scope ends its operation on every way out, and nothing uses the operation's
//! borrows after that. The device also writes late.

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use fakes::{clock::FakeClock, leak};
use proptest::prelude::*;
use wouldblock::{
    Attempt,
    block::{Idle, Spin},
    job::{Background, Busy, ScopedSlot, Step},
    nb,
};

/// A device with a queue of bytes. After a cancel, its operation ends after `reluctance` more
/// tries.
#[derive(Debug, Default)]
struct Device {
    bytes: Mutex<VecDeque<u8>>,
    reluctance: AtomicU32,
    begun: AtomicBool,
    cancelled: AtomicU32,
    /// The number of operations that are alive.
    alive: AtomicU32,
    /// The number of tries.
    looks: AtomicU32,
}

/// An operation that fills a borrowed buffer.
struct Fill<'b> {
    device: &'static Device,
    buffer: &'b mut [u8],
    filled: usize,
    stopping: Option<u32>,
}

impl Device {
    fn fill<'b>(&'static self, buffer: &'b mut [u8]) -> Fill<'b> {
        self.alive.fetch_add(1, SeqCst);
        Fill { device: self, buffer, filled: 0, stopping: None }
    }

    fn put(&self, byte: u8) {
        self.bytes.lock().unwrap().push_back(byte);
    }
}

impl Drop for Fill<'_> {
    fn drop(&mut self) {
        self.device.alive.fetch_sub(1, SeqCst);
    }
}

impl Attempt for Fill<'_> {
    type Output = usize;
    type Error = usize;

    fn attempt(&mut self) -> nb::Result<usize, usize> {
        assert!(self.device.begun.load(SeqCst), "a try before `begin`");
        self.device.looks.fetch_add(1, SeqCst);
        while let Some(place) = self.buffer.get_mut(self.filled) {
            let Some(byte) = self.device.bytes.lock().unwrap().pop_front() else {
                return match &mut self.stopping {
                    Some(0) => Err(nb::Error::Other(self.filled)),
                    Some(looks) => {
                        *looks -= 1;
                        Err(nb::Error::WouldBlock)
                    }
                    None => Err(nb::Error::WouldBlock),
                };
            };
            *place = byte;
            self.filled += 1;
        }
        Ok(self.filled)
    }
}

impl Background for Fill<'_> {
    fn begin(&mut self) {
        self.device.begun.store(true, SeqCst);
    }

    fn cancel(&mut self) {
        self.device.cancelled.fetch_add(1, SeqCst);
        self.stopping = Some(self.device.reluctance.load(SeqCst));
    }
}

fn new() -> (&'static Device, &'static ScopedSlot) {
    (leak(Device::default()), leak(ScopedSlot::new()))
}

#[test]
fn the_handler_fills_a_buffer_on_the_stack() {
    let (device, slot) = new();
    let mut buffer = [0; 3];
    let (value, done) = slot
        .scope(device.fill(&mut buffer), Spin, |job| {
            assert_eq!(job.attempt(), Err(nb::Error::WouldBlock));
            for byte in *b"abc" {
                device.put(byte);
                drop(slot.on_interrupt());
            }
            assert_eq!(slot.on_interrupt().step(), Step::Idle);
            job.wait(Spin);
            assert_eq!(job.attempt(), Ok(()), "any number of times");
            "the foreground's"
        })
        .unwrap();
    assert_eq!((value, done.result), ("the foreground's", Ok(3)));
    drop(done);
    assert_eq!((&buffer, device.cancelled.load(SeqCst)), (b"abc", 0));
    assert!(slot.is_idle());
}

/// An idler that counts its calls.
struct Counted<'c>(&'c mut u32);

impl Idle for Counted<'_> {
    fn idle(&mut self, _: impl Fn() -> bool) {
        *self.0 += 1;
    }
}

#[test]
fn a_scope_that_is_left_early_waits_for_the_device_to_let_go() {
    let (device, slot) = new();
    device.reluctance.store(5, SeqCst);
    let (mut buffer, mut waits) = ([0; 3], 0);
    let ((), done) = slot
        .scope(device.fill(&mut buffer), Counted(&mut waits), |_| {
            device.put(b'x');
            drop(slot.on_interrupt());
        })
        .unwrap();
    assert_eq!((done.result, done.op.filled), (Err(1), 1));
    drop(done);
    assert_eq!((buffer, waits), ([b'x', 0, 0], 4));
    assert_eq!(device.cancelled.load(SeqCst), 1);
    // The scope has ended: a late byte goes nowhere.
    device.put(b'y');
    assert_eq!(slot.on_interrupt().step(), Step::Idle);
    assert_eq!((buffer, device.alive.load(SeqCst)), ([b'x', 0, 0], 0));
}

#[test]
fn a_panic_leaves_no_working_device() {
    let (device, slot) = new();
    device.reluctance.store(3, SeqCst);
    let mut buffer = [0; 3];
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        _ = slot.scope(device.fill(&mut buffer), Spin, |_| panic!("in the foreground"));
    }));
    assert!(panicked.is_err());
    let state = [&device.cancelled, &device.alive].map(|count| count.load(SeqCst));
    assert_eq!(state, [1, 0], "cancelled once, and dropped");
    assert!(device.looks.load(SeqCst) >= 4, "the scope has waited for it");
    device.put(b'z');
    assert_eq!(slot.on_interrupt().step(), Step::Idle);
    assert_eq!(buffer, [0; 3]);
    assert!(slot.is_idle());
}

#[test]
fn a_slot_has_one_operation() {
    let (device, slot) = new();
    let mut buffers = [[0; 1]; 2];
    let [first, second] = &mut buffers;
    let ((), done) = slot
        .scope(device.fill(first), Spin, |_| {
            let mut ran = false;
            let refused = slot.scope(device.fill(second), Spin, |_| ran = true);
            let Err(Busy(back)) = refused else { panic!("two at once") };
            assert_eq!((back.buffer.len(), ran), (1, false), "the operation comes back");
        })
        .unwrap();
    assert_eq!(done.result, Err(0), "the first operation continued, and was cancelled at the end");
}

#[test]
fn scopes_nest_and_the_inner_one_ends_first() {
    let (first, outer) = new();
    let (second, inner) = new();
    let (mut one, mut two) = ([0; 1], [0; 1]);
    let (end_of_two, end_of_one) = outer
        .scope(first.fill(&mut one), Spin, |_| {
            let ((), done) = inner
                .scope(second.fill(&mut two), Spin, |job| {
                    second.put(b'2');
                    drop(inner.on_interrupt());
                    job.wait(Spin);
                })
                .unwrap();
            assert!(!outer.is_idle() && inner.is_idle());
            first.put(b'1');
            drop(outer.on_interrupt());
            done.result
        })
        .unwrap();
    assert_eq!((end_of_two, end_of_one.result), (Ok(1), Ok(1)));
    drop(end_of_one);
    assert_eq!((one, two), ([b'1'], [b'2']));
}

#[test]
fn a_wait_with_a_deadline_leaves_it_running() {
    let (device, slot) = new();
    let time = Cell::new(0);
    let clock: FakeClock<64> = FakeClock { per_look: 1, ..FakeClock::new(&time) };
    let mut buffer = [0; 1];
    let ((), done) = slot
        .scope(device.fill(&mut buffer), Spin, |job| {
            assert_eq!(
                job.ended().block_for(Spin, clock, Duration::from_millis(5)),
                Err(wouldblock::time::Error::TimedOut)
            );
            device.put(b'k');
            assert_eq!(job.ended().block_for(Spin, clock, Duration::from_millis(5)), Ok(()));
            assert_eq!(job.ended().block_for(Spin, clock, Duration::ZERO), Ok(()), "it has ended");
        })
        .unwrap();
    assert_eq!(done.result, Ok(1));
}

/// An act of the foreground in the scope.
#[derive(Clone, Copy, Debug)]
enum Move {
    Put,
    Interrupt,
    Attempt,
    Cancel,
    Panic,
}

proptest! {
    /// Any acts in the scope: every byte is in the buffer, in order, or still in the device, and
    /// the slot is idle after the scope.
    #[test]
    fn every_byte_is_accounted_for(
        reluctance in 0_u32..4,
        moves in prop::collection::vec(prop_oneof![
            4 => Just(Move::Put), 4 => Just(Move::Interrupt), 2 => Just(Move::Attempt),
            1 => Just(Move::Cancel), 1 => Just(Move::Panic),
        ], 0..16),
    ) {
        let (device, slot) = new();
        device.reluctance.store(reluctance, SeqCst);
        let mut buffer = [0; 4];
        let mut put = 0;
        let end = catch_unwind(AssertUnwindSafe(|| {
            let (_, done) = slot.scope(device.fill(&mut buffer), Spin, |job| {
                for step in moves {
                    match step {
                        Move::Put => {
                            put += 1;
                            device.put(put);
                        }
                        Move::Interrupt => drop(slot.on_interrupt()),
                        Move::Attempt => _ = job.attempt(),
                        Move::Cancel => job.cancel(),
                        Move::Panic => std::panic::resume_unwind(Box::new("planned")),
                    }
                }
            }).unwrap();
            done.op.filled
        }));
        let left = device.bytes.lock().unwrap().len();
        let taken = usize::from(put) - left;
        prop_assert!(end.map_or(true, |filled| filled == taken));
        let expected: Vec<u8> = (1..=4).map(|n| if n <= taken { n as u8 } else { 0 }).collect();
        prop_assert_eq!(&buffer[..], &expected[..]);
        prop_assert!(slot.is_idle());
        prop_assert_eq!(device.alive.load(SeqCst), 0);
    }
}

/// An idler that lets the other thread run.
struct Yield;

impl Idle for Yield {
    fn idle(&mut self, _: impl Fn() -> bool) {
        thread::yield_now();
    }
}

/// A handler on another thread steps all the time. The buffers are on this thread's stack, which is
/// used for something else after each scope.
#[test]
#[cfg_attr(wouldblock_single_core, ignore = "several cores")]
fn a_handler_on_another_core_never_touches_what_a_scope_has_left() {
    const ROUNDS: u32 = 2000;
    let (device, slot) = new();
    let over = AtomicBool::new(false);
    let mut ends = [0_u32; 2];
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut byte = 0_u8;
            while !over.load(SeqCst) {
                byte = byte.wrapping_add(1);
                if device.bytes.lock().unwrap().len() < 8 {
                    device.put(byte | 1);
                }
                drop(slot.on_interrupt());
            }
        });
        for round in 0..ROUNDS {
            device.bytes.lock().unwrap().clear();
            let mut buffer = [0; 4];
            let ((), done) = slot
                .scope(device.fill(&mut buffer), Yield, |job| {
                    if round % 2 == 0 {
                        job.wait(Yield);
                    }
                })
                .unwrap();
            let ended = done.result;
            drop(done);
            let (Ok(filled) | Err(filled)) = ended;
            ends[usize::from(ended.is_err())] += 1;
            let copy = buffer;
            thread::yield_now();
            assert_eq!(buffer, copy, "written after the scope");
            assert!(buffer[..filled].iter().all(|&byte| byte != 0));
            assert!(buffer[filled..].iter().all(|&byte| byte == 0));
        }
        over.store(true, SeqCst);
    });
    println!("scope: {} ended by themselves, {} were cancelled", ends[0], ends[1]);
    assert!(ends[0] >= ROUNDS / 2);
    assert_eq!(ends[0] + ends[1], ROUNDS);
}

#[test]
fn sizes() {
    assert_eq!(size_of::<ScopedSlot>(), 56);
}
