//! An attempt has no event, so an operation that races with it would not hear its end.

use wouldblock::{attempt, event::Event, nb};

static RECEIVED: Event = Event::new();
static TIMER: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

fn main() {
    let (mut received, mut timer) = (RECEIVED.waiter().unwrap(), TIMER.waiter().unwrap());
    let read = received.operation(attempt::from_fn(byte));
    let other = timer.operation(attempt::from_fn(byte)).into_inner();
    let _ = read.race(other);
}
