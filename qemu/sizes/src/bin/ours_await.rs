//! Awaited.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{block_on, stop},
};
use wouldblock::{attempt::from_fn, event::Event};

static RECEIVED: Event = Event::new();

sizes::program!(handler, foreground);

fn handler() {
    RECEIVED.signal();
}

fn foreground() -> ! {
    let Some(mut waiter) = RECEIVED.waiter() else { stop() };
    FIRST.enable_interrupt(true);
    sink_ok(block_on(waiter.operation(from_fn(|| FIRST.try_byte()))));
    stop()
}
