//! A signal without a waiter.

use core::hint::black_box;

use embassy_sync::waitqueue::AtomicWaker;
use firmware::measure::exact::{span, steady};
use wouldblock::event::Event;

use crate::report;

static EVENT: Event = Event::new();
static WAKER: AtomicWaker = AtomicWaker::new();

pub fn cases() {
    let waiter = EVENT.waiter().expect("one waiter");
    // Otherwise link-time optimization finds that there is never a waiter.
    let (event, waker) = (black_box(&EVENT), black_box(&WAKER));
    let ours = steady(|| span(|| event.signal()));
    let embassy = steady(|| span(|| waker.wake()));
    drop(waiter);
    report("signal_idle", ours, &[("embassy AtomicWaker", embassy)]);
}
