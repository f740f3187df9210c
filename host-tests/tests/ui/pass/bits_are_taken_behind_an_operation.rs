//! The bits are the waiter's: an operation has borrowed it.

use wouldblock::{attempt, event::Event, nb};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

fn main() {
    let mut waiter = EVENT.waiter().unwrap();
    let operation = waiter.operation(attempt::from_fn(byte));
    let _ = EVENT.signal();
    drop(operation);
}
