//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

use cortex_m::asm::{dsb, isb, wfi};
pub use wouldblock::block::Park;

use crate::interrupts;

/// The bare sleep, which may miss the interrupt that was to end it.
#[inline(always)]
pub fn sleep() {
    wfi();
}

/// With interrupts masked: sleeps until an interrupt, and lets it in. One that came before ends the
/// sleep at once.
#[inline(always)]
pub fn enable_and_sleep() {
    dsb();
    wfi();
    interrupts::enable();
    isb(); // The interrupt is taken here at the latest.
}
