//! Retried asleep.

#![no_std]
#![no_main]

use sizes::{
    device::{FIRST, Receive, sink_ok},
    frame::{finish, wake},
};
use wouldblock::{attempt::from_fn, block::Park, event::Event};

static RECEIVED: Event = Event::new();

sizes::program!(handler, foreground);

fn handler() {
    RECEIVED.signal();
    wake();
}

fn foreground() -> ! {
    let mut waiter = RECEIVED.waiter().expect("one waiter at a time");
    sink_ok(waiter.operation(from_fn(|| FIRST.try_byte())).block(Park));
    finish()
}
