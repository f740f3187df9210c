//! Bytes from the handler to a task, by heapless' `spsc`, which does not wait, and embassy's waker.

#![no_std]
#![no_main]

use core::{future::poll_fn, task::Poll};

use embassy_sync::waitqueue::AtomicWaker;
use heapless::spsc::{Producer, Queue};
use sizes::{
    device::{FIRST, Receive, sink},
    frame::{block_on, stop},
    in_handler::InHandler,
};

static PRODUCER: InHandler<Producer<'static, u8>> = InHandler::new();
static WAKER: AtomicWaker = AtomicWaker::new();

sizes::program!(handler, foreground);

fn handler() {
    // SAFETY: this is the handler.
    if let Some(producer) = unsafe { PRODUCER.get() }
        && let Ok(byte) = FIRST.try_byte()
    {
        _ = producer.enqueue(byte);
        WAKER.wake();
    }
}

fn foreground() -> ! {
    static mut QUEUE: Queue<u8, 5> = Queue::new();
    let queue = &raw mut QUEUE;
    // SAFETY: this function runs once, and nothing else uses the queue.
    let (producer, mut consumer) = unsafe { &mut *queue }.split();
    // SAFETY: once, and the interrupt is not enabled yet.
    unsafe { PRODUCER.put(producer) };
    FIRST.enable_interrupt(true);
    let byte = poll_fn(|context| {
        WAKER.register(context.waker());
        consumer.dequeue().map_or(Poll::Pending, Poll::Ready)
    });
    sink(block_on(byte));
    stop()
}
