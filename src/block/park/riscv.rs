//! WFI ends for an interrupt that only `mstatus.MIE` holds off (RISC-V Privileged Architecture,
//! "Wait for Interrupt").

use ::riscv::{asm, interrupt::machine as interrupt, register::mstatus};

#[inline(always)]
pub fn has_masked_interrupts() -> bool {
    !mstatus::read().mie()
}

#[inline(always)]
pub fn sleep_unless(news: impl Fn() -> bool) {
    interrupt::disable();
    if !news() {
        asm::wfi();
    }
    // SAFETY: `has_masked_interrupts` has returned `false`, so no section of the caller's ends here.
    unsafe { interrupt::enable() };
}
