//! A waiter waits for one operation at a time.

use wouldblock::{attempt, event::Event, nb};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

static OTHER: Event = Event::new();

fn main() {
    let (mut waiter, mut other) = (EVENT.waiter().unwrap(), OTHER.waiter().unwrap());
    let first = waiter.operation(attempt::from_fn(byte));
    let second = other.operation(attempt::from_fn(byte));
    drop((first, second));
    drop((&mut waiter, &mut other));
}
