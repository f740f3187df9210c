//! One value through a queue: sent and received, where nothing waits.
//!
//! The compiler knows the length of each ring, and it is a power of two: that is the best case of heapless,
//! which computes an index modulo the length.

use std::hint::black_box;

use atomic_waker::AtomicWaker;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use wouldblock::sync::Channel;

use crate::{ITERATIONS, Subject, subject};

/// Cells in the ring. Of ours and of heapless's one stays empty.
const CELLS: usize = 16;

pub const SUBJECTS: [Subject; 5] = [
    subject("wouldblock", wouldblock),
    subject("heapless spsc", heapless),
    subject("heapless spsc and two AtomicWakers", heapless_with_wakers),
    subject("rtrb", rtrb),
    subject("embassy Channel", embassy),
];

/// Sends and receives the numbers below [`ITERATIONS`], one at a time.
#[inline(always)]
fn pairs(mut send: impl FnMut(u32) -> bool, mut receive: impl FnMut() -> Option<u32>) {
    let mut sum = 0;
    for value in 0..ITERATIONS {
        if !send(value) {
            break;
        }
        let Some(value) = receive() else { break };
        sum += u64::from(value);
    }
    let all = u64::from(ITERATIONS) * u64::from(ITERATIONS - 1) / 2;
    assert_eq!(sum, all, "each value comes back");
}

fn wouldblock() {
    let channel = Channel::<u32, CELLS>::new();
    let (mut sender, mut receiver) = black_box(&channel).split().expect("a new channel");
    pairs(|value| sender.try_send(value).is_ok(), || receiver.try_recv().ok());
}

fn heapless() {
    let mut queue = heapless::spsc::Queue::<u32, CELLS>::new();
    let (mut producer, mut consumer) = black_box(&mut queue).split();
    pairs(|value| producer.enqueue(value).is_ok(), || consumer.dequeue());
}

/// The same service as the library's channel: each end also wakes what waits at the other one.
fn heapless_with_wakers() {
    let mut queue = heapless::spsc::Queue::<u32, CELLS>::new();
    let (mut producer, mut consumer) = black_box(&mut queue).split();
    let wakers = [AtomicWaker::new(), AtomicWaker::new()];
    let [news, room] = black_box(&wakers);
    pairs(
        |value| {
            let is_sent = producer.enqueue(value).is_ok();
            news.wake();
            is_sent
        },
        || {
            let value = consumer.dequeue();
            room.wake();
            value
        },
    );
}

fn rtrb() {
    let (mut producer, mut consumer) = rtrb::RingBuffer::<u32>::new(CELLS);
    pairs(|value| producer.push(value).is_ok(), || consumer.pop().ok());
}

fn embassy() {
    let channel = embassy_sync::channel::Channel::<CriticalSectionRawMutex, u32, CELLS>::new();
    let channel = black_box(&channel);
    pairs(|value| channel.try_send(value).is_ok(), || channel.try_receive().ok());
}
