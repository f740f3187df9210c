//! Failures of a RISC-V hart.

use core::arch::asm;

use board::Board;

/// Those that no other machine has.
pub fn find(_: &str) -> Option<fn(&'static Board)> {
    None
}

/// An illegal instruction: cause 2.
pub fn fault() {
    // SAFETY: deliberately unsound: the fault is what this test is for.
    unsafe { asm!("unimp") };
}
