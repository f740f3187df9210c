//! An operation borrows its waiter, so the waiter cannot be dropped before it.

use wouldblock::{attempt, event::Event, nb};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

fn main() {
    let mut waiter = EVENT.waiter().unwrap();
    let operation = waiter.operation(attempt::from_fn(byte));
    drop(waiter);
    drop(operation);
}
