//! The sleep until the next interrupt. [`alarm::park_until`](crate::alarm::park_until) is the one
//! for waits with a deadline.

pub use riscv::asm::wfi as sleep;
pub use wouldblock::block::Park;

/// With interrupts masked: sleeps until one is pending, and takes it. A pending interrupt ends the
/// `wfi` although it is masked (Privileged Architecture, "Wait for Interrupt").
#[inline(always)]
pub fn enable_and_sleep() {
    sleep();
    crate::interrupts::enable();
}
