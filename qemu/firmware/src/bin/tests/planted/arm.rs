//! Failures of a Cortex-M.

use core::arch::asm;

use board::Board;

/// Those that no other machine has.
pub fn find(name: &str) -> Option<fn(&'static Board)> {
    (name == "stray_interrupt").then_some(stray_interrupt)
}

/// An undefined instruction: exception 3, HardFault, as long as UsageFault is not enabled.
pub fn fault() {
    // SAFETY: deliberately unsound: the fault is what this test is for.
    unsafe { asm!("udf #0") };
}

/// An interrupt of the controller that has no handler.
fn stray_interrupt(_: &'static Board) {
    const ENABLE: *mut u32 = 0xe000_e100 as *mut u32;
    const PEND: *mut u32 = 0xe000_e200 as *mut u32;
    const NUMBER: u32 = 29;

    // SAFETY: ISER and ISPR (ARMv7-M manual, B3.4): the board ends the run at an interrupt without a
    // handler.
    unsafe {
        ENABLE.write_volatile(1 << NUMBER);
        PEND.write_volatile(1 << NUMBER);
    }
}
