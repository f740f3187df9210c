//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

use core::{arch::asm, hint::spin_loop};

use wouldblock::block::Idle;

use crate::interrupts::are_enabled;

/// Waits asleep (`wfi`) until an interrupt.
///
/// It checks for news with interrupts masked. A pending interrupt ends the `wfi` all the same
/// (Privileged Architecture, "Wait for Interrupt"), and is taken when they are unmasked. If the caller
/// has masked interrupts, it spins instead.
#[derive(Clone, Copy, Debug, Default)]
pub struct Park;

impl Idle for Park {
    #[inline(always)]
    fn idle(&mut self, news: impl Fn() -> bool) {
        if !are_enabled() {
            return spin_loop();
        }
        // SAFETY: interrupts were unmasked before, and are after.
        unsafe { asm!("csrci mstatus, 8", options(nostack)) };
        if !news() {
            sleep();
        }
        // SAFETY: as above.
        unsafe { asm!("csrsi mstatus, 8", options(nostack)) };
    }
}

/// Sleeps until an interrupt is pending, whether or not interrupts are masked.
#[inline(always)]
pub fn sleep() {
    // SAFETY: it waits, and nothing else.
    unsafe { asm!("wfi", options(nostack)) };
}

/// With interrupts masked: sleeps until one is pending, and takes it.
#[inline(always)]
pub fn enable_and_sleep() {
    sleep();
    crate::interrupts::enable();
}
