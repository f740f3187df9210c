//! A foreground that sleeps until an interrupt, beside a hand-written loop.

use board::{
    idle::{Park, enable_and_sleep},
    interrupts,
};
use wouldblock::{attempt::from_fn, event::Event};

use crate::{
    device::{ready, set_ready, take_ready},
    report,
    vector::{acknowledge, interrupt_soon, rounds, since_entry},
};

static EVENT: Event = Event::new();

extern "C" fn signal() {
    set_ready();
    acknowledge();
    EVENT.signal();
}

extern "C" fn return_at_once() {
    set_ready();
    acknowledge();
}

pub fn cases() {
    let mut waiter = EVENT.waiter().expect("one waiter");
    let ours = rounds(signal, || {
        interrupt_soon();
        let Ok(()) = waiter.operation(from_fn(ready)).block(Park);
        since_entry()
    });
    let hand_written = rounds(return_at_once, || {
        interrupt_soon();
        interrupts::disable();
        while !take_ready() {
            enable_and_sleep();
            interrupts::disable();
        }
        interrupts::enable();
        since_entry()
    });
    report("park", ours, &[("hand-written", hand_written)]);
}
