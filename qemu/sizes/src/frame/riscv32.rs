//! RISC-V in machine mode. The start is riscv-rt's; the program dispatches interrupts by itself.

use riscv::{asm, interrupt};
use riscv_rt as _;

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

/// An exception ends the program.
#[unsafe(export_name = "_dispatch_exception")]
extern "C" fn dispatch_exception() -> ! {
    super::stop()
}
