//! A job has its own event, which the waiter of another event does not hear.

use wouldblock::{
    attempt,
    event::Event,
    job::{Background, Job},
    nb,
};

static TIMER: Event = Event::new();

fn byte() -> nb::Result<u8, ()> {
    Ok(7)
}

pub fn wait<A: Background + 'static>(mut job: Job<A>) {
    let mut timer = TIMER.waiter().unwrap();
    let (ended, byte) = (job.ended(), attempt::from_fn(byte));
    let _ = ended.race(timer.operation(byte));
}

fn main() {}
