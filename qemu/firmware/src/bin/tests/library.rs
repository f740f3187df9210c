//! Tests of the library on real interrupts and devices.

#[cfg(device = "serial")]
mod composed;
#[cfg(device = "serial")]
mod continuous;
#[cfg(device = "dma")]
mod dma;
#[cfg(device = "serial")]
mod edges;
mod event;
mod executor;
mod inline;
mod job;
#[cfg(target_arch = "arm")]
mod nested;
#[cfg(device = "serial")]
mod scope;
mod sync;
mod timer;
#[cfg(device = "serial")]
mod uart;
#[cfg(not(target_arch = "arm"))]
mod unmasking;

use board::{
    alarm::one_shot,
    idle::Park,
    interrupts::{Line, raise_self},
};
use wouldblock::block::Idle;

/// Makes `handler` run once, on the software interrupt; before this returns if interrupts are enabled.
fn interrupt_now(handler: fn(Line)) {
    Line::Software.set_handler(handler);
    Line::Software.enable();
    raise_self();
}

/// Makes `handler` run once, on the timer interrupt, `ticks` ticks from now.
pub fn interrupt_in(ticks: u64, handler: fn(Line)) {
    Line::Timer.set_handler(handler);
    Line::Timer.enable();
    one_shot(ticks);
}

/// Sleeps, and checks after each interrupt, until the condition holds.
pub fn sleep_until(condition: impl Fn() -> bool) {
    while !condition() {
        Park.idle(&condition);
    }
}
