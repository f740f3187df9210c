//! WFI ends for an interrupt that only PRIMASK holds off (ARMv7-M and ARMv6-M Architecture
//! Reference Manuals, "Wait For Interrupt"). Its handler runs after `cpsie`, at the latest at the
//! `isb`, so before the caller's next try.

use ::cortex_m::{asm, interrupt, register::primask};

#[inline(always)]
pub fn has_masked_interrupts() -> bool {
    primask::read().is_inactive()
}

#[inline(always)]
pub fn sleep_unless(news: impl Fn() -> bool) {
    interrupt::disable();
    if !news() {
        asm::dsb(); // what was written to a device has left before the clock may stop
        asm::wfi();
    }
    // SAFETY: `has_masked_interrupts` has returned `false`, so no section of the caller's ends here.
    unsafe { interrupt::enable() };
    asm::isb();
}
