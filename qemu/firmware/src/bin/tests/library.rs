//! The library, on real interrupts and devices.

mod cache;
mod composed;
mod continuous;
mod dma;
mod edges;
mod event;
mod executor;
mod job;
mod persist;
mod scope;
mod sync;
mod timer;
mod uart;

use board::{
    alarm::one_shot,
    idle::Park,
    interrupts::{Line, raise_self},
};
use wouldblock::block::Idle;

/// Has `handler` run once on the self-interrupt, before this returns if interrupts are on.
fn interrupt_now(handler: fn(Line)) {
    Line::SelfIpi.set_handler(handler);
    Line::SelfIpi.enable();
    raise_self();
}

/// Has `handler` run once on the timer, that many ticks from now.
fn interrupt_in(ticks: u64, handler: fn(Line)) {
    Line::Timer.set_handler(handler);
    Line::Timer.enable();
    one_shot(ticks);
}

/// Sleeps from interrupt to interrupt until it is so.
fn sleep_until(is_so: impl Fn() -> bool) {
    while !is_so() {
        Park.idle(&is_so);
    }
}
