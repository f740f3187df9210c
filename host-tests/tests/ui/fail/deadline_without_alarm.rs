//! A wait with a deadline accepts only idlers that wake in time: `Spin`, or one with an alarm.

use wouldblock::{
    attempt,
    block::{Idle, Spin},
    event::Event,
    nb,
    time::StdClock,
};

static EVENT: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

#[derive(Default)]
struct Sleeps;

impl Idle for Sleeps {
    fn idle(&mut self, _: impl Fn() -> bool) {}
}

fn main() {
    let mut waiter = EVENT.waiter().unwrap();
    let mut operation = waiter.operation(attempt::from_fn(byte));
    let _ = operation.block(Sleeps);
    let second = core::time::Duration::from_secs(1);
    let _ = operation.block_for(Sleeps, StdClock::new(), second);
    let _ = Spin;
}
