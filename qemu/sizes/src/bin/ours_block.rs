//! Retried asleep.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{finish, stop, wake},
};
use wouldblock::{attempt::from_fn, block::Park, event::Event};

static RECEIVED: Event = Event::new();

sizes::program!(handler, foreground);

fn handler() {
    RECEIVED.signal();
    wake();
}

fn foreground() -> ! {
    let Some(mut waiter) = RECEIVED.waiter() else { stop() };
    sink_ok(waiter.operation(from_fn(|| FIRST.try_byte())).block(Park));
    finish()
}
