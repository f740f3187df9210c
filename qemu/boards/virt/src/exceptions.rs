//! Exceptions: each is logged (name, place, what it concerns) and ends the run with an exit code of
//! its own.

use riscv::register::{mepc, mtval};
use riscv_rt::TrapFrame;

use crate::exit::{self, Failure};

/// The name of an exception (Privileged Architecture, "Machine Cause Register").
fn name(cause: usize) -> &'static str {
    match cause {
        0 => "instruction address misaligned",
        1 => "instruction access fault",
        2 => "illegal instruction",
        3 => "breakpoint",
        4 => "load address misaligned",
        5 => "load access fault",
        6 => "store address misaligned",
        7 => "store access fault",
        8 | 9 | 11 => "environment call",
        12 => "instruction page fault",
        13 => "load page fault",
        15 => "store page fault",
        _ => "reserved",
    }
}

/// Called by `riscv-rt` only.
// SAFETY (of the name): `riscv-rt` calls it with exactly this type.
#[unsafe(export_name = "_dispatch_exception")]
extern "C" fn dispatch(_: &TrapFrame, cause: usize) {
    // Before anything that may fault again.
    let (place, value) = (mepc::read(), mtval::read());
    // SAFETY: this function does not return to where the exception occurred.
    unsafe { exit::alone() };
    defmt::error!(
        "exception {=usize} ({=str}), mepc {=usize:#x}, mtval {=usize:#x}",
        cause,
        name(cause),
        place,
        value
    );
    exit::failure(Failure::Exception(cause as u8))
}
