//! An operation does nothing until it is tried, blocked on or awaited.

#![deny(unused_must_use)]

use wouldblock::{attempt, event::Event, nb};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

fn main() {
    let mut waiter = EVENT.waiter().unwrap();
    let _operation = waiter.operation(attempt::from_fn(byte));
}
