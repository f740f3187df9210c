//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

use core::hint::spin_loop;

use cortex_m::asm::{dsb, isb, wfi};
use wouldblock::block::Idle;

use crate::interrupts;

/// Waits asleep until an interrupt.
///
/// WFI ends for an interrupt that only PRIMASK holds off (Armv7-M Architecture Reference Manual,
/// B1.5.19). If the caller has masked interrupts, it spins instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Park;

impl Idle for Park {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !interrupts::are_enabled() {
            return spin_loop();
        }
        interrupts::disable();
        if news() { interrupts::enable() } else { enable_and_sleep() }
    }
}

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
