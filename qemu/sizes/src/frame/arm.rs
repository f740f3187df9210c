//! Cortex-M. Start and vectors are cortex-m-rt's; the device's interrupt is SysTick's.

use cortex_m::{asm, interrupt};
use cortex_m_rt as _;

/// Sleeps until an interrupt, unless `condition` holds. Interrupts are held off while it is asked.
#[inline(always)]
pub fn sleep_unless(condition: impl FnOnce() -> bool) {
    interrupt::disable();
    if !condition() {
        asm::wfi();
    }
    // SAFETY: only the foreground calls this, and never in a critical section.
    unsafe { interrupt::enable() };
}
