//! An operation has its own event, which the waiter of another event does not hear.

use wouldblock::{Attempt, attempt, event::Event, nb};

static RECEIVED: Event = Event::new();
static TIMER: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

fn main() {
    let (mut received, mut timer) = (RECEIVED.waiter().unwrap(), TIMER.waiter().unwrap());
    let mut byte = received.operation(attempt::from_fn(byte));
    let _ = timer.operation(byte);
}
