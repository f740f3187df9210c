//! An attempt without an event is no future, because nothing would wake it.

use wouldblock::{attempt, event::Event, nb};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

async fn awaits() {
    let mut waiter = EVENT.waiter().unwrap();
    let attempt = attempt::from_fn(byte);
    let _ = waiter.operation(attempt).await;
    drop(waiter);
}

fn main() {
    drop(awaits());
}
